/* detect_slow.c - a forecaster beside the chain's own, and a ring of what it said.
 *
 * Memory: that of the features, then for each place of the ring the tick at which its forecast was
 * made, then medians and SDs [places, 2, C], then the model's own.
 */
#include "stages/detect_slow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"

static const int64_t horizon_ns = 600 * VG_NS_PER_S;

/* ---- memory ---- */

static uint32_t *made_of(const struct vg_detect_slow *s, void *memory)
{
    return (uint32_t *)((char *)memory + vg_features_memory(&s->features));
}

static int16_t *said_at(const struct vg_detect_slow *s, void *memory, uint32_t place)
{
    return (int16_t *)(made_of(s, memory) + s->waiting.places) +
           (size_t)place * 2 * s->model->channels;
}

static size_t model_at(const struct vg_detect_slow *s)
{
    return vg_features_memory(&s->features) +
           s->waiting.places *
               (sizeof(uint32_t) + (size_t)2 * s->model->channels * sizeof(int16_t));
}

size_t vg_detect_slow_memory(const struct vg_detect_slow *s)
{
    return (model_at(s) + s->model->memory_size + 7) / 8 * 8;
}

/* ---- plan ---- */

static uint32_t nearest_horizon(const struct vg_model *m)
{
    uint32_t best = 0;

    for (uint32_t h = 1; h < m->horizons; h++) {
        if (llabs(m->horizon_ns[h] - horizon_ns) < llabs(m->horizon_ns[best] - horizon_ns))
            best = h;
    }
    return best;
}

vg_status vg_detect_slow_plan(struct vg_detect_slow *s, const struct vg_model *model,
                              struct vg_plan *plan, struct vg_err *err)
{
    vg_status st;

    s->model = model;
    s->tick_ns = plan->tick_ns;
    if (model->horizons == 0 || model->quantiles < 2)
        return vg_fail_option(err, VG_E_CONFIG, "model",
                              "model %s, which the detector names for slow changes, is of type %s; "
                              "expected a forecaster with quantiles, such as type ridge",
                              model->name, model->ops->name);
    s->horizon = nearest_horizon(model);
    s->median = vg_waiting_median(model);
    s->waiting = vg_waiting_plan(model->horizon_ns[s->horizon], plan->tick_ns);
    s->waiting.places++; /* a forecast is also for the ticks until the time of the next one */
    st = vg_features_parse(&s->features, model->features, model->channels, plan->tick_ns, err);
    return st == VG_OK ? vg_model_columns_need(&s->columns, plan, err) : st;
}

void vg_detect_slow_open(struct vg_detect_slow *s)
{
    s->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->inputs);
    s->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->outputs);
    s->scratch = vg_kernel_alloc(s->model->scratch_size);
}

void vg_detect_slow_close(struct vg_detect_slow *s)
{
    free(s->x);
    free(s->y);
    free(s->scratch);
}

/* ---- ticks ---- */

static uint32_t tick_of(const struct vg_detect_slow *s, const struct vg_row *row)
{
    return vg_waiting_tick(row->event_ns, s->tick_ns);
}

void vg_detect_slow_take(struct vg_detect_slow *s, uint32_t i, void *memory,
                         const struct vg_row *row, float *residual, float *sd)
{
    const uint32_t channels = s->model->channels, then = tick_of(s, row) - s->waiting.ahead;
    const uint32_t made = then - then % s->waiting.stride;
    struct vg_model_tick t;
    struct vg_feature_tick seen = { t.z, t.usable, t.age_s, t.baseline };
    const int16_t *said;
    uint32_t place;
    bool waited;

    vg_waiting_place(&s->waiting, made, &place);
    said = said_at(s, memory, place);
    waited = made_of(s, memory)[place] == made;
    vg_model_tick_read(&t, s->model, &s->columns, row);
    for (uint32_t c = 0; c < channels; c++) {
        /* A channel that was not known then has an SD of 0. */
        bool known = waited && t.measured[c] && said[channels + c] > 0;

        residual[c] = known ? t.z[c] - VG_WAITING_STEP * (float)said[c] : 0.0f;
        sd[c] = known ? VG_WAITING_STEP * (float)said[channels + c] : 0.0f;
    }
    vg_features_step(&s->features, memory, &seen, s->x + (size_t)i * s->model->inputs);
    s->state[i] = (char *)memory + model_at(s);
}

/* A forecast from a value that is not of this tick would be doubted twice: by its own age when its
 * time has come, and by the channel's. So it waits as long as the channel was ever seen. */
static void wait(const struct vg_detect_slow *s, void *memory, uint32_t tick, uint32_t place,
                 const float *y)
{
    const struct vg_model *m = s->model;
    int16_t *said = said_at(s, memory, place);

    for (uint32_t c = 0; c < m->channels; c++) {
        const float *q = y + (size_t)(c * m->horizons + s->horizon) * m->quantiles;

        said[c] = vg_pack(q[s->median], VG_WAITING_STEPS);
        said[m->channels + c] = 0;
        if (vg_features_seen(&s->features, memory, c))
            said[m->channels + c] =
                vg_pack(vg_waiting_sd(q[m->quantiles - 1] - q[0]), VG_WAITING_STEPS);
    }
    made_of(s, memory)[place] = tick;
}

static bool all_finite(uint32_t n, const float *y)
{
    bool finite = true;

    for (uint32_t i = 0; i < n; i++)
        finite &= isfinite(y[i]) != 0;
    return finite;
}

void vg_detect_slow_step(struct vg_detect_slow *s, const struct vg_wave *wave, size_t memory_at)
{
    const struct vg_model *m = s->model;

    m->ops->step(m, wave->n, s->x, s->state, s->y, s->scratch);
    for (uint32_t i = 0; i < wave->n; i++) {
        const uint32_t tick = tick_of(s, &wave->rows[i]);
        const float *y = s->y + (size_t)i * m->outputs;
        uint32_t place;

        s->sound[i] = all_finite(m->outputs, y);
        if (s->sound[i] && vg_waiting_place(&s->waiting, tick, &place))
            wait(s, (char *)wave->memory[i] + memory_at, tick, place, y);
    }
}
