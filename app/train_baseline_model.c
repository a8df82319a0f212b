/* train_baseline_model.c - the models that every network is measured against. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/train_forecast.h"
#include "app/train_model.h"
#include "models/elementary.h"
#include "models/save.h"

/* ---- ridge forecaster ---- */

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Residuals of target `i` over the TRAIN part, sorted. */
static size_t residuals(const struct vg_forecast_task *f, uint32_t i, float *residual)
{
    float target[VG_FORECAST_TARGETS_MAX], mask[VG_FORECAST_TARGETS_MAX];
    size_t n = 0;

    for (uint32_t p = 0; p < f->data->patients; p++) {
        const struct vg_view *v = &f->view[p];

        for (uint32_t t = 0; f->data->patient[p].part == VG_PART_TRAIN && t < v->ticks; t++) {
            vg_forecast_targets(f, v, t, target, mask);
            if (mask[i] == 0.0f)
                continue;
            residual[n++] = target[i] - vg_forecast_skip_one(f, v, t, i);
        }
    }
    qsort(residual, n, sizeof(*residual), by_value);
    return n;
}

static float quantile_of(const float *sorted, size_t n, float q)
{
    double at = (double)q * (double)(n - 1);
    size_t below = (size_t)at;

    if (below + 1 >= n)
        return sorted[n - 1];
    return (float)((double)sorted[below] +
                   (at - (double)below) * ((double)sorted[below + 1] - (double)sorted[below]));
}

/* The r whose softplus is `step`. */
static float softplus_inverse(float step)
{
    double s = step > 1e-4f ? (double)step : 1e-4;

    return (float)(s > 30 ? s : vg_ln(vg_expm1(s)));
}

/* What a network would have to answer always: [Q] of one target. */
static void offsets(const struct vg_forecast_task *f, const float *sorted, size_t n, float *ret)
{
    uint32_t m = 0;
    float y[VG_MODEL_QUANTILES_MAX] = { 0 };

    for (uint32_t q = 0; q < f->quantiles; q++) {
        y[q] = n > 0 ? quantile_of(sorted, n, f->quantile[q]) : 0.0f;
        m = f->quantile[q] == 0.5f ? q : m;
    }
    ret[m] = y[m];
    for (uint32_t q = m; q-- > 0;)
        ret[q] = softplus_inverse(y[q + 1] - y[q]);
    for (uint32_t q = m + 1; q < f->quantiles; q++)
        ret[q] = softplus_inverse(y[q] - y[q - 1]);
}

static size_t train_ticks(const struct vg_forecast_task *f)
{
    size_t n = 0;

    for (uint32_t i = 0; i < f->data->patients; i++)
        n += f->data->patient[i].part == VG_PART_TRAIN ? f->data->patient[i].ticks : 0;
    return n;
}

static vg_status save_ridge(const struct vg_forecast_task *f, const char *out, struct vg_err *err)
{
    float *offset = calloc((size_t)f->targets * f->quantiles, sizeof(*offset));
    float *residual = calloc(train_ticks(f) + 1, sizeof(*residual));
    struct vg_model about;
    struct vg_save parts = { .kind = "ridge",
                             .about = &about,
                             .skip_weight = f->skip_weight,
                             .skip_bias = f->skip_bias,
                             .offset = offset };
    vg_status st;

    VG_CHECK(offset != NULL && residual != NULL);
    for (uint32_t i = 0; i < f->targets; i++)
        offsets(f, residual, residuals(f, i, residual), offset + (size_t)i * f->quantiles);
    vg_forecast_about(f, &about);
    st = vg_model_save(out, &parts, err);
    free(offset);
    free(residual);
    return st;
}

static vg_status train_ridge(const struct vg_recipe *r, const struct vg_dataset *data,
                             const struct vg_train_how *how, const char *out,
                             struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_recipe with_skip = *r;
    struct vg_forecast_task f;
    vg_status st;

    if (r->skip != VG_SKIP_MEDIAN)
        with_skip.skip = VG_SKIP_RIDGE;
    st = vg_forecast_task_init(&f, &with_skip, data, err);
    if (st == VG_OK && !how->check)
        st = vg_forecast_task_load(&f, err);
    if (st == VG_OK && !how->check)
        st = vg_forecast_fit_skip(&f, err);
    if (st == VG_OK && !how->check) {
        ret->parameters = (size_t)f.targets * (vg_features_inputs(&f.features) + 1 + f.quantiles);
        ret->sequences = train_ticks(&f);
        st = save_ridge(&f, out, err);
    }
    vg_forecast_task_done(&f);
    return st;
}

/* ---- all ---- */

vg_status vg_train_baseline_model(const struct vg_recipe *r, const struct vg_dataset *data,
                                  const struct vg_train_how *how, const char *out,
                                  struct vg_train_outcome *ret, struct vg_err *err)
{
    switch ((enum vg_baseline_kind)r->kind) {
    case VG_BASELINE_PCA:
        return vg_train_pca_model(r, data, how, out, ret, err);
    case VG_BASELINE_LOGISTIC:
        return vg_train_logistic_model(r, data, how, out, ret, err);
    case VG_BASELINE_RIDGE:
        break;
    }
    return train_ridge(r, data, how, out, ret, err);
}

void vg_train_how_apply(const struct vg_train_how *how, struct vg_fit *fit)
{
    fit->workers = how->workers;
    fit->checkpoint = how->checkpoint;
    fit->resume = how->resume;
    fit->progress = how->progress;
    fit->ctx = how->ctx;
}

void vg_train_outcome_done(struct vg_train_outcome *o)
{
    vg_buf_done(&o->table);
}
