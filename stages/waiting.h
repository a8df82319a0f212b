/* waiting.h - forecasts that wait in a patient's memory until their time has come.
 *
 * Those of a horizon lie in a ring of at most VG_WAITING_MAX places: of a long one not every tick's
 * forecast waits, but one of every `stride`, so that memory is bounded whatever the tick is. Ticks are
 * counted from 1970 in 32 bits, which lasts for 4,000 years of ticks of 30 s and wraps without harm.
 * Forecasts are kept in steps of 1 / 2048 standard deviations (stages/packed.h), two bytes a number.
 */
#ifndef VG_STAGES_WAITING_H
#define VG_STAGES_WAITING_H

#include <math.h>

#include "core/model.h"
#include "stages/packed.h"

enum { VG_WAITING_MAX = 8 };

/** In a standard deviation. */
#define VG_WAITING_STEPS 2048.0f
#define VG_WAITING_STEP  (1.0f / VG_WAITING_STEPS)

struct vg_waiting {
    uint32_t ahead;  /**< ticks to the horizon, at least 1 */
    uint32_t stride; /**< ticks between two forecasts that wait: those at its multiples do */
    uint32_t
        places; /**< of the ring, at most VG_WAITING_MAX: a forecast is there until a tick at its
                          time has been judged and the next one is made */
};

static inline struct vg_waiting vg_waiting_plan(int64_t horizon_ns, int64_t tick_ns)
{
    const int64_t ticks = (horizon_ns + tick_ns / 2) / tick_ns;
    struct vg_waiting w = { .ahead = ticks > 0 ? (uint32_t)ticks : 1 };

    w.stride = (w.ahead + VG_WAITING_MAX - 1) / VG_WAITING_MAX;
    w.places = (w.ahead + w.stride - 1) / w.stride;
    return w;
}

static inline uint32_t vg_waiting_tick(int64_t at_ns, int64_t tick_ns)
{
    return (uint32_t)(at_ns / tick_ns);
}

/** Where a forecast made at `tick` waits; false when it is not the turn of one. */
static inline bool vg_waiting_place(const struct vg_waiting *w, uint32_t tick, uint32_t *ret)
{
    const uint32_t turn = tick / w->stride;

    *ret = turn % w->places;
    return turn * w->stride == tick;
}

/** The SD of a normal distribution whose outermost quantiles, 5 and 95 %, lie so far apart; at least a
 *  step, since 0 means none. */
static inline float vg_waiting_sd(float distance)
{
    const float sd = distance / 3.29f;

    return sd > VG_WAITING_STEP ? sd : VG_WAITING_STEP;
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
