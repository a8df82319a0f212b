/* forecast.c - where each channel is likely to be in a few minutes.
 *
 * A model advances one step per tick and patient; what it remembers is the patient's memory. What it
 * sees of a tick is in its file's "inputs" and computed by models/features.h, as in training. How far
 * its intervals reach is then a matter of this patient: stages/conformal.h.
 *
 * A forecast is given for every channel, since a model always answers, but it is only valid while
 * the channel has been heard of recently; rules look at "forecast_valid" first.
 *
 * For detectors behind it, the stage also says how far this tick is from what the shortest horizon's
 * forecast said of it: "residual" and "residual_sd", in standard deviations of z.
 */
#include <stdlib.h>
#include <string.h>

#include "core/stage.h"
#include "models/features.h"
#include "models/kernel.h"
#include "stages/conformal.h"
#include "stages/model_tick.h"

enum { STALE_TICKS = 5 };

struct forecast {
    char *model_name; /* option */
    bool adapt;       /* option */
    float coverage;   /* option */
    float rate;       /* option */
    const struct vg_model *model;
    struct vg_features features;
    struct vg_conformal conformal;
    size_t conformal_at, model_at; /* bytes of memory before theirs; the features' come first */
    struct vg_model_columns columns;
    int forecast, valid;        /* columns [C, H, Q] and [C] */
    int residual, residual_sd;  /* columns [C] */
    float stale_s[VG_CHANNELS]; /* [C] older than this, a forecast is not valid */
    float *x, *y;               /* [B, inputs], [B, outputs] */
    float *mean, *scale;        /* [outputs] of each output's channel: one loop over all of a row */
    void *scratch;
    void *state[VG_BATCH_MAX]; /* where the model's memory begins in each row's */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct forecast, model_name, "model", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "Name of a forecaster in \"models:\"; its tick must be that of resample."),
    VG_OPT_BOOL(
        struct forecast, adapt, "adapt", "true", VG_OPT_EVENTS,
        "Intervals grow for a patient and channel that leaves them too often, and shrink for "
        "one that does not."),
    VG_OPT_FLOAT(struct forecast, coverage, "coverage", "0.9", 0.5, 0.99, "", VG_OPT_EVENTS,
                 "Share of values that shall be within the outermost quantiles, with adapt."),
    VG_OPT_FLOAT(
        struct forecast, rate, "adapt_rate", "0.15", 0.001, 2, "SD", VG_OPT_EVENTS,
        "How much one miss widens that side of an interval, with adapt. The default follows "
        "a patient who becomes twice as restless within two hours."),
    VG_OPT_END,
};

static vg_status plan_columns(struct forecast *s, struct vg_plan *plan, struct vg_err *err)
{
    vg_status st = vg_model_columns_need(&s->columns, plan, err);

    if (st == VG_OK)
        st = vg_plan_add_column(plan, "forecast", s->model->outputs, s->model, &s->forecast, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "forecast_valid", s->model->channels, s->model, &s->valid,
                                err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "residual", s->model->channels, s->model, &s->residual, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "residual_sd", s->model->channels, s->model, &s->residual_sd,
                                err);
    return st;
}

static vg_status check_conformal(const struct forecast *s, struct vg_err *err)
{
    const size_t needed = vg_conformal_memory(&s->conformal);

    if (needed <= VG_CONFORMAL_MEMORY_MAX)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, "model",
                          "forecasts of model %s that wait for their time would take %zu bytes of "
                          "each patient, at most %d are meant for that; train one with fewer than "
                          "its %u horizons or %u channels",
                          s->model_name, needed, VG_CONFORMAL_MEMORY_MAX, s->model->horizons,
                          s->model->channels);
}

static vg_status forecast_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct forecast *s = self;
    vg_status st = vg_plan_need_model(plan, "model", s->model_name, &s->model, err);

    if (st != VG_OK)
        return st;
    if (s->model->horizons == 0)
        return vg_fail_option(
            err, VG_E_CONFIG, "model",
            "model %s is of type %s and forecasts nothing; expected a forecaster, "
            "such as type lstm",
            s->model_name, s->model->ops->name);
    for (uint32_t i = 0; i < s->model->channels; i++) {
        int64_t stale_ns =
            vg_channels[s->model->channel[i]].validity_ns + STALE_TICKS * plan->tick_ns;

        s->stale_s[i] = (float)((double)stale_ns / (double)VG_NS_PER_S);
    }
    st =
        vg_features_parse(&s->features, s->model->features, s->model->channels, plan->tick_ns, err);
    if (st != VG_OK)
        return st;
    vg_conformal_init(&s->conformal, s->model, plan->tick_ns, s->adapt, s->coverage, s->rate);
    st = check_conformal(s, err);
    if (st != VG_OK)
        return st;
    s->conformal_at = vg_features_memory(&s->features);
    s->model_at = s->conformal_at + vg_conformal_memory(&s->conformal);
    plan->rows = VG_ROW_TICK;
    plan->memory_size = s->model_at + s->model->memory_size;
    return plan_columns(s, plan, err);
}

static vg_status forecast_open(void *self, struct vg_err *err)
{
    struct forecast *s = self;
    const struct vg_model *m = s->model;

    (void)err;
    s->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->inputs);
    s->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->outputs);
    s->scratch = vg_kernel_alloc(m->scratch_size);
    s->mean = vg_kernel_alloc(sizeof(float) * m->outputs);
    s->scale = vg_kernel_alloc(sizeof(float) * m->outputs);
    for (uint32_t i = 0; i < m->outputs; i++) {
        s->mean[i] = m->mean[i / (m->horizons * m->quantiles)];
        s->scale[i] = m->scale[i / (m->horizons * m->quantiles)];
    }
    return VG_OK;
}

/* Judges what was forecast of this tick, and writes what the model is to see of it. */
static void take(const struct forecast *s, void *memory, const struct vg_row *row, float *x)
{
    struct vg_model_tick t;
    struct vg_feature_tick seen = { t.z, t.usable, t.age_s, t.baseline };
    struct vg_outcome outcome = { t.z, t.measured };

    vg_model_tick_read(&t, s->model, &s->columns, row);
    vg_conformal_judge(&s->conformal, (char *)memory + s->conformal_at, row->event_ns, &outcome,
                       vg_row_column(row, s->residual), vg_row_column(row, s->residual_sd));
    vg_features_step(&s->features, memory, &seen, x);
}

/* y [outputs] in channel units. */
static void in_units(const struct forecast *s, const float *restrict y, float *restrict forecast)
{
    const float *restrict mean = s->mean, *restrict scale = s->scale;

    for (uint32_t i = 0, n = s->model->outputs; i < n; i++)
        forecast[i] = mean[i] + scale[i] * y[i];
}

/* Puts the answer into the row. */
static void answer(const struct forecast *s, void *memory, const struct vg_row *row, float *y)
{
    const struct vg_model *m = s->model;
    const float *age = vg_row_column(row, s->columns.age);
    float *valid = vg_row_column(row, s->valid);
    bool known[VG_CHANNELS];

    for (uint32_t i = 0; i < m->channels; i++) {
        known[i] = vg_features_seen(&s->features, memory, i) && age[m->channel[i]] <= s->stale_s[i];
        valid[i] = known[i] ? 1.0f : 0.0f;
    }
    vg_conformal_tell(&s->conformal, (char *)memory + s->conformal_at, row->event_ns, known, y);
    in_units(s, y, vg_row_column(row, s->forecast));
}

static void forecast_wave(void *self, const struct vg_wave *wave)
{
    struct forecast *s = self;
    const struct vg_model *m = s->model;

    for (uint32_t i = 0; i < wave->n; i++) {
        s->state[i] = (char *)wave->memory[i] + s->model_at;
        take(s, wave->memory[i], &wave->rows[i], s->x + (size_t)i * m->inputs);
    }
    m->ops->step(m, wave->n, s->x, s->state, s->y, s->scratch);
    for (uint32_t i = 0; i < wave->n; i++)
        answer(s, wave->memory[i], &wave->rows[i], s->y + (size_t)i * m->outputs);
}

static void forecast_close(void *self)
{
    struct forecast *s = self;

    free(s->x);
    free(s->y);
    free(s->mean);
    free(s->scale);
    free(s->scratch);
}

const struct vg_stage_ops vg_stage_forecast = {
    .name = "forecast",
    .summary = "Forecasts each channel as quantiles over several horizons, and keeps them honest.",
    .options = options,
    .self_size = sizeof(struct forecast),
    .memory_version = 4,
    .plan = forecast_plan,
    .open = forecast_open,
    .wave = forecast_wave,
    .close = forecast_close,
};
