/* risk_fit.c - learns from some stays and tells the risk of others. */
#include "app/risk_fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/risk_private.h"
#include "core/alloc.h"
#include "models/elementary.h"
#include "models/save.h"
#include "models/train_linear.h"

void vg_risk_study_init(struct vg_risk_study *s, const struct vg_risk_data *data)
{
    s->data = data;
    vg_risk_cases_init(&s->cases, data);
    vg_risk_hours_init(&s->hours, data);
}

void vg_risk_study_done(struct vg_risk_study *s)
{
    vg_risk_cases_done(&s->cases);
    vg_risk_hours_done(&s->hours);
}

double vg_risk_logit(double probability)
{
    static const double least = 1e-6;
    double p = probability < least ? least : probability > 1.0 - least ? 1.0 - least : probability;

    return vg_ln(p / (1.0 - p));
}

size_t vg_risk_cases_of(const struct vg_risk_study *s, const bool *part, uint32_t **ret)
{
    uint32_t *list = vg_zeros(s->cases.n, sizeof *list);
    size_t n = 0;

    for (size_t i = 0; i < s->cases.n; i++)
        if (part[s->cases.list[i].stay])
            list[n++] = (uint32_t)i;
    *ret = list;
    return n;
}

/* ---- logistic regression ---- */

/* One column to a model of one layer: what the file holds is w, then b. */
static vg_status save_logistic(const struct vg_risk_design *d, const float *parameters,
                               struct vg_err *err)
{
    struct vg_model about = { .variables = d->columns,
                              .inputs = d->columns,
                              .clip = d->job->learner->clip };
    struct vg_network network;
    struct vg_variable *variable;
    vg_status st;

    vg_risk_design_variables(d, &variable);
    about.variable = variable;
    snprintf(about.features, sizeof about.features, "value");
    memcpy(about.training_data_sha256, d->job->study->data->sha256,
           sizeof about.training_data_sha256);
    st = vg_network_parse(&network, "dense:1:sigmoid", d->columns, err);
    if (st == VG_OK)
        st = vg_model_save(d->job->save,
                           &(struct vg_save){ .kind = "logistic",
                                              .about = &about,
                                              .network = &network,
                                              .parameters = parameters },
                           err);
    free(variable);
    return st;
}

static void tell_logistic(const struct vg_risk_design *d, const float *parameters)
{
    struct vg_risk_rows r;

    vg_risk_rows_init(&r, d, d->job->tell);
    for (size_t i = 0; i < r.n; i++) {
        double logit = (double)parameters[d->columns];

        for (uint32_t k = 0; k < d->columns; k++)
            logit += (double)parameters[k] * (double)r.x[i * d->columns + k];
        d->job->probability[r.list[i]] = (float)(1.0 / (1.0 + vg_exp(-logit)));
    }
    vg_risk_rows_done(&r);
}

static vg_status fit_logistic(const struct vg_risk_job *job, struct vg_err *err)
{
    struct vg_risk_design d;
    struct vg_risk_rows r;
    float *parameters;
    vg_status st;

    vg_risk_design_init(&d, job);
    vg_risk_rows_init(&r, &d, job->learn);
    parameters = vg_zeros((size_t)d.columns + 1, sizeof *parameters);
    st = vg_logistic_fit(r.n, d.columns, r.x, r.target, r.weight, (double)job->learner->penalty,
                         parameters, parameters + d.columns, err);
    if (st == VG_OK && job->tell)
        tell_logistic(&d, parameters);
    if (st == VG_OK && job->save)
        st = save_logistic(&d, parameters, err);
    free(parameters);
    vg_risk_rows_done(&r);
    vg_risk_design_done(&d);
    return st;
}

/* ---- all kinds ---- */

static vg_status check_classes(const struct vg_risk_job *job, struct vg_err *err)
{
    const struct vg_risk_cases *c = &job->study->cases;
    size_t with = 0, without = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (!job->learn[c->list[i].stay])
            continue;
        with += c->list[i].target > 0.5f;
        without += c->list[i].target <= 0.5f;
    }
    if (with && without)
        return VG_OK;
    return vg_fail(
        err, VG_E_FAILED,
        "of the stays learned from, %zu cases have the outcome and %zu have not; nothing "
        "can be learned from one kind alone",
        with, without);
}

vg_status vg_risk_fit(const struct vg_risk_job *job, struct vg_err *err)
{
    static vg_status (*const fit[])(const struct vg_risk_job *job, struct vg_err *err) = {
        [VG_RISK_LOGISTIC] = fit_logistic,
        [VG_RISK_DENSE] = vg_risk_fit_dense,
        [VG_RISK_SEQUENCE] = vg_risk_fit_sequence,
    };
    vg_status st = check_classes(job, err);

    if (st != VG_OK)
        return st;
    if (job->progress && !job->progress(job->ctx, 0.0))
        return vg_fail(err, VG_E_TEMPORARY, "stopped");
    return fit[job->learner->type](job, err);
}
