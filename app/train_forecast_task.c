/* train_forecast_task.c - what all forecasters are trained on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/train_forecast.h"
#include "core/text.h"
#include "models/kernel.h"
#include "models/train_linear.h"
#include "models/train_median.h"

static const char *const usual_horizons[] = { "1m", "5m", "10m", "30m", "60m" };
static const char *const usual_quantiles[] = { "0.05", "0.5", "0.95" };

/* ---- lists of the recipe ---- */

static vg_status read_horizons(struct vg_forecast_task *f, struct vg_err *err)
{
    const struct vg_strings *list = &f->recipe->horizons;
    const size_t n = list->n ? list->n : VG_ARRAY_LEN(usual_horizons);

    if (n > VG_HORIZONS_MAX)
        return vg_fail(err, VG_E_CONFIG, "horizons: at most %d", VG_HORIZONS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *text = list->n ? list->value[i] : usual_horizons[i];
        int64_t ns;

        if (!vg_parse_duration(text, &ns) || ns <= 0 || ns % f->data->tick_ns != 0)
            return vg_fail(err, VG_E_CONFIG,
                           "horizons: \"%.40s\": expected a duration of whole ticks, such as 5m",
                           text);
        if (i > 0 && ns <= f->horizon_ns[i - 1])
            return vg_fail(err, VG_E_CONFIG,
                           "horizons: \"%.40s\" must be longer than the one "
                           "before",
                           text);
        f->horizon_ns[i] = ns;
        f->ahead[i] = (uint32_t)(ns / f->data->tick_ns);
    }
    f->horizons = (uint32_t)n;
    return VG_OK;
}

static vg_status read_quantiles(struct vg_forecast_task *f, struct vg_err *err)
{
    const struct vg_strings *list = &f->recipe->quantiles;
    const size_t n = list->n ? list->n : VG_ARRAY_LEN(usual_quantiles);
    bool has_median = false;

    if (n > VG_MODEL_QUANTILES_MAX)
        return vg_fail(err, VG_E_CONFIG, "quantiles: at most %d", VG_MODEL_QUANTILES_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *text = list->n ? list->value[i] : usual_quantiles[i];
        double q;

        if (!vg_parse_double(text, &q) || q <= 0 || q >= 1 ||
            (i > 0 && (float)q <= f->quantile[i - 1]))
            return vg_fail(err, VG_E_CONFIG,
                           "quantiles: \"%.40s\": expected ascending numbers between 0 and 1",
                           text);
        f->quantile[i] = (float)q;
        has_median = has_median || f->quantile[i] == 0.5f;
    }
    f->quantiles = (uint32_t)n;
    return has_median ? VG_OK : vg_fail(err, VG_E_CONFIG, "quantiles: 0.5 must be among them");
}

/* ---- the task ---- */

vg_status vg_forecast_task_init(struct vg_forecast_task *f, const struct vg_recipe *r,
                                const struct vg_dataset *data, struct vg_err *err)
{
    vg_status st;

    vg_kernel_thread_init();
    *f = (struct vg_forecast_task){ .recipe = r, .data = data };
    f->view = calloc(data->patients + 1, sizeof(*f->view));
    VG_CHECK(f->view != NULL);
    st = read_horizons(f, err);
    if (st == VG_OK)
        st = read_quantiles(f, err);
    if (st == VG_OK)
        st = vg_features_parse(&f->features, r->features, data->channels, data->tick_ns, err);
    f->targets = data->channels * f->horizons;
    return st;
}

vg_status vg_forecast_task_load(struct vg_forecast_task *f, struct vg_err *err)
{
    const struct vg_dataset *data = f->data;
    vg_status st = vg_dataset_scale(data, VG_PART_TRAIN, &f->scale, err);

    if (st != VG_OK)
        return st;
    vg_dataset_sha256(data, f->sha256);
    for (uint32_t i = 0; i < data->patients; i++) {
        if (data->patient[i].part != VG_PART_TEST)
            vg_view_init(&f->view[i], data, &data->patient[i], &f->scale, &f->features,
                         f->recipe->baseline_ns);
    }
    return VG_OK;
}

void vg_forecast_task_done(struct vg_forecast_task *f)
{
    for (uint32_t i = 0; f->view && i < f->data->patients; i++)
        vg_view_done(&f->view[i]);
    free(f->view);
    free(f->skip_weight);
    free(f->skip_bias);
}

void vg_forecast_targets(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                         float *target, float *mask)
{
    const float *known = v->known + (size_t)t * v->channels;
    float y[VG_CHANNELS], there[VG_CHANNELS];

    for (uint32_t h = 0; h < f->horizons; h++) {
        vg_view_target(v, t, f->ahead[h], y, there);
        for (uint32_t c = 0; c < v->channels; c++) {
            target[c * f->horizons + h] = y[c];
            mask[c * f->horizons + h] = there[c] * known[c];
        }
    }
}

float vg_forecast_skip_one(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                           uint32_t target)
{
    const float *x = v->x + (size_t)t * v->inputs;
    const float *weight;
    float y;

    if (!f->skip_weight)
        return f->recipe->skip == VG_SKIP_PERSISTENCE
                   ? v->held[(size_t)t * v->channels + target / f->horizons]
                   : 0.0f;
    weight = f->skip_weight + (size_t)target * v->inputs;
    y = f->skip_bias[target];
    for (uint32_t k = 0; k < v->inputs; k++)
        y += weight[k] * x[k];
    return y;
}

void vg_forecast_skip(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                      float *skip)
{
    for (uint32_t i = 0; i < f->targets; i++)
        skip[i] = vg_forecast_skip_one(f, v, t, i);
}

void vg_forecast_about(const struct vg_forecast_task *f, struct vg_model *about)
{
    const struct vg_dataset *d = f->data;
    struct vg_buf text = VG_BUF_INIT;
    const char *skip = "none";

    *about = (struct vg_model){ .channels = d->channels,
                                .tick_ns = d->tick_ns,
                                .inputs = vg_features_inputs(&f->features),
                                .outputs = f->targets * f->quantiles,
                                .horizons = f->horizons,
                                .quantiles = f->quantiles };
    memcpy(about->channel, d->channel, sizeof(about->channel));
    memcpy(about->mean, f->scale.mean, sizeof(about->mean));
    memcpy(about->scale, f->scale.scale, sizeof(about->scale));
    memcpy(about->horizon_ns, f->horizon_ns, sizeof(about->horizon_ns));
    memcpy(about->quantile, f->quantile, sizeof(about->quantile));
    memcpy(about->training_data_sha256, f->sha256, sizeof(about->training_data_sha256));
    vg_features_format(&f->features, &text);
    snprintf(about->features, sizeof(about->features), "%s", text.data);
    vg_buf_done(&text);
    if (f->skip_weight)
        skip = "ridge";
    else if (f->recipe->skip == VG_SKIP_PERSISTENCE)
        skip = "persistence";
    snprintf(about->skip, sizeof(about->skip), "%s", skip);
}

/* ---- regressions ---- */

/* All ticks of the TRAIN part as rows. */
struct rows {
    size_t n;
    float *x;             /* [N, I] */
    float *target, *mask; /* [N, C H] */
};

static bool any(const float *mask, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (mask[i] != 0.0f)
            return true;
    }
    return false;
}

static void gather(const struct vg_forecast_task *f, struct rows *r)
{
    const size_t inputs = vg_features_inputs(&f->features), targets = f->targets;
    size_t most = 0;

    for (uint32_t i = 0; i < f->data->patients; i++)
        most += f->data->patient[i].part == VG_PART_TRAIN ? f->data->patient[i].ticks : 0;
    r->n = 0;
    r->x = calloc((most + 1) * inputs, sizeof(float));
    r->target = calloc((most + 1) * targets, sizeof(float));
    r->mask = calloc((most + 1) * targets, sizeof(float));
    VG_CHECK(r->x != NULL && r->target != NULL && r->mask != NULL);
    for (uint32_t i = 0; i < f->data->patients; i++) {
        const struct vg_view *v = &f->view[i];

        for (uint32_t t = 0; f->data->patient[i].part == VG_PART_TRAIN && t < v->ticks; t++) {
            float *mask = r->mask + r->n * targets;

            vg_forecast_targets(f, v, t, r->target + r->n * targets, mask);
            if (!any(mask, f->targets))
                continue;
            memcpy(r->x + r->n * inputs, v->x + t * inputs, inputs * sizeof(float));
            r->n++;
        }
    }
}

static vg_status fit_ridge(struct vg_forecast_task *f, const struct rows *r, struct vg_err *err)
{
    struct vg_ridge *ridge = vg_ridge_new(vg_features_inputs(&f->features), f->targets, true);
    vg_status st;

    vg_ridge_add(ridge, r->n, r->x, r->target, r->mask);
    st = vg_ridge_solve(ridge, f->recipe->penalty > 0.0f ? (double)f->recipe->penalty : 1,
                        f->skip_weight, f->skip_bias, err);
    vg_ridge_free(ridge);
    return st;
}

/* Starts where the last value stays, if that is among the features. */
static vg_status fit_median(struct vg_forecast_task *f, const struct rows *r, struct vg_err *err)
{
    const uint32_t inputs = vg_features_inputs(&f->features);
    const struct vg_median_rows rows = { r->n, inputs, f->targets, r->x, r->target, r->mask };
    struct vg_median_fit how = vg_median_fit_default();

    if (f->recipe->penalty > 0.0f)
        how.penalty = (double)f->recipe->penalty;
    for (uint32_t k = 0; k < f->features.n; k++) {
        if (f->features.feature[k].kind != VG_FEATURE_Z)
            continue;
        for (uint32_t i = 0; i < f->targets; i++)
            f->skip_weight[(size_t)i * inputs + (size_t)k * f->data->channels + i / f->horizons] =
                1.0f;
    }
    return vg_median_solve(&rows, &how, f->skip_weight, f->skip_bias, err);
}

vg_status vg_forecast_fit_skip(struct vg_forecast_task *f, struct vg_err *err)
{
    const int skip = f->recipe->skip;
    struct rows rows;
    vg_status st;

    if (skip == VG_SKIP_PERSISTENCE || skip == VG_SKIP_NONE)
        return VG_OK;
    f->skip_weight = calloc((size_t)f->targets * vg_features_inputs(&f->features), sizeof(float));
    f->skip_bias = calloc(f->targets, sizeof(float));
    VG_CHECK(f->skip_weight != NULL && f->skip_bias != NULL);
    gather(f, &rows);
    st = skip == VG_SKIP_RIDGE ? fit_ridge(f, &rows, err) : fit_median(f, &rows, err);
    free(rows.x);
    free(rows.target);
    free(rows.mask);
    return st;
}
