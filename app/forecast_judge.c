/* forecast_judge.c - forecasters over a data set, side by side. */
#include "app/forecast_judge.h"

#include <stdlib.h>
#include <string.h>

#include "app/persons.h"
#include "models/kernel.h"

enum { MODELS_MAX = VG_FORECAST_METHODS_MAX - 2 };

static const float point = 0.5f;

void vg_forecast_judge_init(struct vg_forecast_judge *j, const struct vg_dataset *data,
                            const struct vg_forecast_adjust *adjust)
{
    *j = (struct vg_forecast_judge){ .data = data, .adjust = *adjust };
    j->person = calloc((size_t)data->patients + 1, sizeof *j->person);
    VG_CHECK(j->person != NULL);
}

void vg_forecast_judge_done(struct vg_forecast_judge *j)
{
    free(j->person);
    vg_forecast_eval_done(&j->eval);
    *j = (struct vg_forecast_judge){ 0 };
}

static vg_status begin(struct vg_forecast_judge *j, const struct vg_model *first, uint32_t n,
                       struct vg_err *err)
{
    uint32_t persons = vg_persons_number(j->data, j->person);

    j->begun = true;
    j->models = n;
    memcpy(j->horizon_ns, first->horizon_ns, sizeof j->horizon_ns);
    return vg_forecast_eval_init(&j->eval, j->data, persons, first->horizon_ns, first->horizons,
                                 n + 2, 0, err);
}

static vg_status check(const struct vg_forecast_judge *j, const struct vg_model *const *model,
                       uint32_t n, struct vg_err *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (model[i]->horizons != j->eval.horizons ||
            memcmp(model[i]->horizon_ns, j->horizon_ns, j->eval.horizons * sizeof *j->horizon_ns) !=
                0)
            return vg_fail(err, VG_E_MODEL,
                           "model %s has other horizons than %s: they cannot be "
                           "compared",
                           model[i]->name, model[0]->name);
    return VG_OK;
}

/** The methods of one judgement, and room for what they say of the longest patient. */
struct panel {
    uint32_t models, methods;
    struct vg_forecast_run *run[VG_FORECAST_METHODS_MAX]; /* by method; NULL: the last value */
    struct vg_forecasts said[VG_FORECAST_METHODS_MAX];
};

static void panel_done(struct panel *p)
{
    for (uint32_t m = 0; m < p->methods; m++) {
        vg_forecast_run_free(p->run[m]);
        free(p->said[m].y);
    }
}

static vg_status panel_add(struct panel *p, const struct vg_forecast_judge *j,
                           const struct vg_model *model, const struct vg_forecast_adjust *adjust,
                           struct vg_err *err)
{
    uint32_t quantiles = model ? model->quantiles : 1;
    size_t most = (size_t)j->eval.ticks * j->eval.channels * j->eval.horizons * quantiles;
    uint32_t m = p->methods++;

    VG_CHECK(m < VG_FORECAST_METHODS_MAX);
    p->said[m] = (struct vg_forecasts){
        .quantiles = quantiles,
        .quantile = model ? model->quantile : &point,
        .y = vg_kernel_alloc((most + 1) * sizeof(float)),
    };
    return model ? vg_forecast_run_new(model, j->data, adjust, &p->run[m], err) : VG_OK;
}

static vg_status panel_init(struct panel *p, const struct vg_forecast_judge *j,
                            const struct vg_model *const *model, uint32_t n, struct vg_err *err)
{
    static const struct vg_forecast_adjust as_trained;
    vg_status st;

    *p = (struct panel){ .models = n };
    st = panel_add(p, j, model[0], &j->adjust, err);
    if (st == VG_OK)
        st = panel_add(p, j, NULL, NULL, err);
    for (uint32_t i = 1; i < n && st == VG_OK; i++)
        st = panel_add(p, j, model[i], &as_trained, err);
    if (st == VG_OK)
        st = panel_add(p, j, model[0], &as_trained, err);
    return st;
}

static void judge_patient(struct vg_forecast_judge *j, struct panel *p, uint32_t i)
{
    const struct vg_dataset_patient *who = &j->data->patient[i];

    for (uint32_t m = 0; m < p->methods; m++) {
        if (p->run[m])
            vg_forecast_run_patient(p->run[m], who, p->said[m].y);
        else
            vg_forecast_last(who, j->eval.channels, j->eval.horizons, p->said[m].y);
    }
    vg_forecast_eval_add(&j->eval, who, j->person[i], p->said);
}

vg_status vg_forecast_judge_models(struct vg_forecast_judge *j, const struct vg_model *const *model,
                                   uint32_t n, int part, bool (*progress)(void *ctx), void *ctx,
                                   struct vg_err *err)
{
    struct panel p = { 0 };
    vg_status st = VG_OK;

    VG_CHECK(n >= 1 && (!j->begun || n == j->models));
    if (n > MODELS_MAX)
        return vg_fail(err, VG_E_USAGE, "at most %d models at once", MODELS_MAX);
    if (!j->begun)
        st = begin(j, model[0], n, err);
    if (st == VG_OK)
        st = check(j, model, n, err);
    if (st == VG_OK)
        st = panel_init(&p, j, model, n, err);
    for (uint32_t i = 0; i < j->data->patients && st == VG_OK; i++) {
        if (part != VG_JUDGE_ALL && (int)j->data->patient[i].part != part)
            continue;
        judge_patient(j, &p, i);
        if (progress && !progress(ctx))
            st = vg_fail(err, VG_E_TEMPORARY, "stopped");
    }
    panel_done(&p);
    return st;
}

void vg_forecast_judge_found(const struct vg_forecast_judge *j, const char *const *name,
                             struct vg_forecast_found *found)
{
    *found = (struct vg_forecast_found){ .data = j->data,
                                         .eval = &j->eval,
                                         .horizon_ns = j->horizon_ns,
                                         .interval = (double)j->adjust.coverage };
    found->method[0] = (struct vg_forecast_method){ .name = name[0] };
    found->method[1] = (struct vg_forecast_method){ .name = "last value", .point = true };
    for (uint32_t i = 1; i < j->models; i++)
        found->method[i + 1] = (struct vg_forecast_method){ .name = name[i] };
    found->trained = j->models + 1;
    found->method[found->trained] = (struct vg_forecast_method){ .name = "as trained" };
}
