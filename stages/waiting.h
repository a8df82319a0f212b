/* waiting.h - forecasts that wait in a patient's memory until their time has come.
 *
 * Those of a horizon lie in a ring of at most VG_WAITING_MAX places: of a long one not every tick's
 * forecast waits, but one of every `stride`, so that memory is bounded whatever the tick is. Ticks are
 * counted from 1970 in 32 bits, which lasts for 4,000 years of ticks of 30 s and wraps without harm.
 * Forecasts are kept in steps of 1 / 2048 standard deviations, two bytes a number.
 */
#ifndef VG_STAGES_WAITING_H
#define VG_STAGES_WAITING_H

#include <math.h>

#include "core/model.h"

enum { VG_WAITING_MAX = 9 };

/** No forecast; what vg_waiting_pack() never returns. */
#define VG_WAITING_NOTHING INT16_MIN
/** One step, in standard deviations. */
#define VG_WAITING_UNIT (1.0f / 2048)

struct vg_waiting {
    uint32_t ahead;  /**< ticks to the horizon, at least 1 */
    uint32_t stride; /**< ticks between two forecasts that wait: those at its multiples do */
    uint32_t places; /**< of the ring; one is still there for `stride` ticks after its time */
};

static inline struct vg_waiting vg_waiting_plan(int64_t horizon_ns, int64_t tick_ns)
{
    const int64_t ticks = (horizon_ns + tick_ns / 2) / tick_ns;
    struct vg_waiting w = { .ahead = ticks > 0 ? (uint32_t)ticks : 1 };

    w.stride = (w.ahead + VG_WAITING_MAX - 2) / (VG_WAITING_MAX - 1);
    w.places = (w.ahead + w.stride - 1) / w.stride + 1;
    return w;
}

static inline uint32_t vg_waiting_tick(int64_t at_ns, int64_t tick_ns)
{
    return (uint32_t)(at_ns / tick_ns);
}

/** Where a forecast made at `tick`, a multiple of the stride, waits. */
static inline uint32_t vg_waiting_place(const struct vg_waiting *w, uint32_t tick)
{
    return tick / w->stride % w->places;
}

/** `z` must be a number: a model that gives none is a fault that its stage has to see before. */
static inline int16_t vg_waiting_pack(float z)
{
    float steps = floorf(z / VG_WAITING_UNIT + 0.5f);

    if (steps > (float)INT16_MAX)
        steps = (float)INT16_MAX;
    return (int16_t)(steps > (float)VG_WAITING_NOTHING ? steps : (float)VG_WAITING_NOTHING + 1);
}

static inline float vg_waiting_unpack(int16_t steps)
{
    return VG_WAITING_UNIT * (float)steps;
}

/** The SD of a normal distribution whose outermost quantiles, [Q] of 5 to 95 %, are these; at least a
 *  step, since 0 means none. */
static inline float vg_waiting_sd(const struct vg_model *m, const float *quantile)
{
    float sd = (quantile[m->quantiles - 1] - quantile[0]) / 3.29f;

    return sd > VG_WAITING_UNIT ? sd : VG_WAITING_UNIT;
}

/** Place of 0.5 among a forecaster's quantiles, or the middle one. */
static inline uint32_t vg_waiting_median(const struct vg_model *m)
{
    for (uint32_t q = 0; q < m->quantiles; q++) {
        if (fabsf(m->quantile[q] - 0.5f) < 1e-6f)
            return q;
    }
    return m->quantiles / 2;
}

#endif
