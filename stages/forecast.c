/* forecast.c - where each channel is likely to be in a few minutes.
 *
 * A recurrent model advances one step per tick and patient; what it remembers is the patient's
 * memory. It gets the newest value of every channel, held while none comes, and beside it whether it
 * is of this tick and how old it is, so that it can trust it less and less. A channel that was never
 * seen is as old as AGE_MAX: training has the same convention (scripts/train_demo_models.py).
 *
 * A forecast is given for every channel, since a model always answers, but it is only valid while
 * the channel has been heard of recently; rules look at "forecast_valid" first.
 */
#include <stdlib.h>
#include <string.h>

#include "core/stage.h"
#include "models/kernel.h"

enum { STALE_TICKS = 5 };

static const float age_max_s = 3600.0f;

struct forecast {
    char *model_name; /* option */
    const struct vg_model *model;
    int z, baseline, age;       /* columns [VG_CHANNELS] of others */
    int forecast, valid;        /* columns [C, H, Q] and [C] */
    float stale_s[VG_CHANNELS]; /* [C] older than this, a forecast is not valid */
    float *x, *y;               /* [B, inputs], [B, outputs] */
    void *scratch;
    void *state[VG_BATCH_MAX]; /* where the model's memory begins in each row's */
};

/* Before the model's own memory. All by the model's channels. */
struct held {
    float z[VG_CHANNELS];
    uint32_t seen[VG_CHANNELS];
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct forecast, model_name, "model", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "Name of a forecaster in \"models:\"; its tick must be that of resample."),
    VG_OPT_END,
};

static vg_status plan_columns(struct forecast *s, struct vg_plan *plan, struct vg_err *err)
{
    vg_status st = vg_plan_need_column(plan, "z", &s->z, err);

    if (st == VG_OK)
        st = vg_plan_need_column(plan, "baseline", &s->baseline, err);
    if (st == VG_OK)
        st = vg_plan_need_column(plan, "age", &s->age, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "forecast", s->model->outputs, s->model, &s->forecast, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "forecast_valid", s->model->channels, s->model, &s->valid,
                                err);
    return st;
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
    plan->rows = VG_ROW_TICK;
    plan->memory_size = sizeof(struct held) + s->model->memory_size;
    return plan_columns(s, plan, err);
}

static vg_status forecast_open(void *self, struct vg_err *err)
{
    struct forecast *s = self;

    (void)err;
    s->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->inputs);
    s->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->outputs);
    s->scratch = vg_kernel_alloc(s->model->scratch_size);
    return VG_OK;
}

/* Writes x = [z, mask, age, baseline] [4, C] of one row and remembers its values. */
static void fill(const struct forecast *s, struct held *held, const struct vg_row *row, float *x)
{
    const float *z = vg_row_column(row, s->z), *age = vg_row_column(row, s->age);
    const float *baseline = vg_row_column(row, s->baseline);
    const uint32_t channels = s->model->channels;

    for (uint32_t i = 0; i < channels; i++) {
        int c = s->model->channel[i];
        bool usable = vg_usable_by_models(row->quality[c]);
        float age_s = age[c] >= 0.0f && age[c] < age_max_s ? age[c] : age_max_s;

        if (usable) {
            held->z[i] = z[c];
            held->seen[i] = 1;
        }
        x[i] = held->z[i];
        x[channels + i] = usable ? 1.0f : 0.0f;
        x[2 * channels + i] = vg_log1pf(age_s) / 6.0f;
        x[3 * channels + i] = baseline[c];
    }
}

/* Puts the answer into the row, in channel units. */
static void answer(const struct forecast *s, const struct held *held, const struct vg_row *row,
                   const float *y)
{
    const struct vg_model *m = s->model;
    const uint32_t per_channel = m->horizons * m->quantiles;
    const float *age = vg_row_column(row, s->age);
    float *forecast = vg_row_column(row, s->forecast), *valid = vg_row_column(row, s->valid);

    for (uint32_t i = 0; i < m->outputs; i++) {
        uint32_t c = i / per_channel;

        forecast[i] = m->mean[c] + m->scale[c] * y[i];
    }
    for (uint32_t i = 0; i < m->channels; i++)
        valid[i] = held->seen[i] && age[m->channel[i]] <= s->stale_s[i] ? 1.0f : 0.0f;
}

static void forecast_wave(void *self, const struct vg_wave *wave)
{
    struct forecast *s = self;
    const struct vg_model *m = s->model;

    for (uint32_t i = 0; i < wave->n; i++) {
        s->state[i] = (char *)wave->memory[i] + sizeof(struct held);
        fill(s, wave->memory[i], &wave->rows[i], s->x + (size_t)i * m->inputs);
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
    free(s->scratch);
}

const struct vg_stage_ops vg_stage_forecast = {
    .name = "forecast",
    .summary = "Forecasts each channel with a recurrent model, as quantiles over several horizons.",
    .options = options,
    .self_size = sizeof(struct forecast),
    .memory_version = 1,
    .plan = forecast_plan,
    .open = forecast_open,
    .wave = forecast_wave,
    .close = forecast_close,
};
