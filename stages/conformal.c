/* conformal.c - waiting forecasts and the widths that they teach.
 *
 * Memory: the widths less 1 [H, 2, C] (so that zeroed memory means 1); for each place of each
 * horizon's ring the tick that its forecast is for, then the bounds of all of them [.., 2, C], and
 * median and SD of those that wait for the shortest horizon [.., 2, C].
 *
 * All of it happens for every tick of every patient, so channels are the innermost loops, and those
 * have no branches.
 */
#include "stages/conformal.h"

#include <math.h>

enum { SIDES = 2 }; /* low, high */
/* Horizons whose forecasts wait at most so many ticks apart learn fast enough to teach longer ones. */
enum { PASSING_STRIDE = 4 };

/* Compiled twice: loops over the channels that most models have become vectors without more ado. */
enum { USUAL = 8 };
#define LOOPS static inline __attribute__((always_inline))

static const float width_min = 0.05f, width_max = 20.0f;

void vg_conformal_init(struct vg_conformal *c, const struct vg_model *m, int64_t tick_ns,
                       bool adapt, float coverage, float rate)
{
    *c = (struct vg_conformal){
        .channels = m->channels,
        .horizons = m->horizons,
        .quantiles = m->quantiles,
        .median = vg_waiting_median(m),
        .miss = (1.0f - coverage) / 2,
        .tick_ns = tick_ns,
    };
    c->adapts = adapt && c->median > 0 && c->median + 1 < m->quantiles;
    for (uint32_t h = 0; h < m->horizons; h++) {
        c->waiting[h] = vg_waiting_plan(m->horizon_ns[h], tick_ns);
        c->first[h + 1] = c->first[h] + c->waiting[h].places;
        c->eta[h] = rate / 1.645f * sqrtf(sqrtf((float)c->waiting[h].stride));
        if (c->waiting[h].ahead < c->waiting[c->shortest].ahead)
            c->shortest = h;
    }
}

/* ---- memory ---- */

/* Floats, ticks or bounds of both sides of all channels. */
static size_t sides_of(const struct vg_conformal *c)
{
    return (size_t)SIDES * c->channels;
}

size_t vg_conformal_memory(const struct vg_conformal *c)
{
    const size_t all = c->first[c->horizons], middles = c->waiting[c->shortest].places;

    return c->horizons * sides_of(c) * sizeof(float) + all * sizeof(uint32_t) +
           (all + middles) * sides_of(c) * sizeof(int16_t);
}

/* [2, C] of a horizon */
static float *wider_of(const struct vg_conformal *c, void *memory, uint32_t h)
{
    return (float *)memory + h * sides_of(c);
}

/* One for each place of a horizon. */
static uint32_t *due_of(const struct vg_conformal *c, void *memory, uint32_t h)
{
    return (uint32_t *)(wider_of(c, memory, c->horizons)) + c->first[h];
}

/* The bounds [2, C] that wait at `place`; of horizon H, one beyond the last: median and SD of the
 * shortest. */
static int16_t *bounds_at(const struct vg_conformal *c, void *memory, uint32_t h, uint32_t place)
{
    int16_t *all = (int16_t *)due_of(c, memory, c->horizons);

    return all + (c->first[h] + place) * sides_of(c);
}

/* ---- the outcome ---- */

/* One side of all channels: low bounds are missed by what is below them. */
LOOPS void learn(const struct vg_conformal *c, uint32_t channels, uint32_t h, bool low,
                 const int16_t *bound, const int16_t *there, const struct vg_outcome *outcome,
                 float *restrict wider)
{
    const float *restrict z = outcome->z;
    const bool *restrict measured = outcome->measured;
    const float missed = c->eta[h] * (1.0f - c->miss), kept = c->eta[h] * (0.0f - c->miss);

    for (uint32_t i = 0; i < channels; i++) {
        const float said = VG_WAITING_STEP * (float)bound[i];
        const bool counts = measured[i] & (there[i] != VG_PACKED_NOTHING);
        const bool out = low ? z[i] < said : z[i] > said;
        float width = 1.0f + wider[i] + (out ? missed : kept);

        width = width < width_min ? width_min : width;
        width = (width < width_max ? width : width_max) - 1.0f;
        wider[i] = counts ? width : wider[i];
    }
}

LOOPS void judge_horizon(const struct vg_conformal *c, uint32_t channels, uint32_t h,
                         const int16_t *bound, const struct vg_outcome *outcome, float *wider)
{
    learn(c, channels, h, true, bound, bound, outcome, wider);
    learn(c, channels, h, false, bound + channels, bound, outcome, wider + channels);
}

LOOPS void tell_residual(uint32_t channels, const int16_t *middle, const struct vg_outcome *outcome,
                         float *residual, float *sd)
{
    for (uint32_t i = 0; i < channels; i++) {
        const bool counts = outcome->measured[i] & (middle[i] != VG_PACKED_NOTHING);
        const float away = outcome->z[i] - VG_WAITING_STEP * (float)middle[i];

        residual[i] = counts ? away : 0.0f;
        sd[i] = counts ? VG_WAITING_STEP * (float)middle[channels + i] : 0.0f;
    }
}

LOOPS void judge(const struct vg_conformal *c, uint32_t channels, void *memory, int64_t at_ns,
                 const struct vg_outcome *outcome, float *residual, float *sd)
{
    const uint32_t tick = vg_waiting_tick(at_ns, c->tick_ns);

    for (uint32_t i = 0; i < channels; i++)
        residual[i] = sd[i] = 0.0f;
    for (uint32_t h = 0; h < c->horizons; h++) {
        uint32_t *due = due_of(c, memory, h), place;

        if (!vg_waiting_place(&c->waiting[h], tick - c->waiting[h].ahead, &place) ||
            due[place] != tick)
            continue;
        if (c->adapts)
            judge_horizon(c, channels, h, bounds_at(c, memory, h, place), outcome,
                          wider_of(c, memory, h));
        if (h == c->shortest)
            tell_residual(channels, bounds_at(c, memory, c->horizons, place), outcome, residual,
                          sd);
        due[place] = 0;
    }
}

void vg_conformal_judge(const struct vg_conformal *c, void *memory, int64_t at_ns,
                        const struct vg_outcome *outcome, float *residual, float *sd)
{
    if (c->channels == USUAL)
        judge(c, USUAL, memory, at_ns, outcome, residual, sd);
    else
        judge(c, c->channels, memory, at_ns, outcome, residual, sd);
}

/* ---- the forecast ---- */

static float within(float width)
{
    width = width < width_max ? width : width_max;
    return width > width_min ? width : width_min;
}

/* The widths [2, C] that horizon `h` is told with, whose own are 1 + wider; `base` [C] is what the
 * shorter horizons have learned, and goes on to the longer ones. */
LOOPS void widths_of(const struct vg_conformal *c, uint32_t channels, uint32_t h,
                     const float *restrict wider, float *restrict base, float *restrict width)
{
    /* One that waits at every tick has nothing to learn from others. */
    const bool taught = c->waiting[h].stride > 1, passes = c->waiting[h].stride <= PASSING_STRIDE;
    float *high = width + channels;

    for (uint32_t i = 0; i < channels; i++) {
        const float by = taught ? base[i] : 1.0f;

        width[i] = within(by * (1.0f + wider[i]));
        high[i] = within(by * (1.0f + wider[channels + i]));
        base[i] = passes ? (width[i] + high[i]) / 2 : base[i];
    }
}

/* Moves each quantile away from the median, or closer. */
LOOPS void widen(uint32_t quantiles, uint32_t median, float low, float high, float *y)
{
    const float middle = y[median];

    for (uint32_t q = 0; q < median; q++)
        y[q] = middle + low * (y[q] - middle);
    for (uint32_t q = median + 1; q < quantiles; q++)
        y[q] = middle + high * (y[q] - middle);
}

LOOPS void widen_all(const struct vg_conformal *c, uint32_t channels, const float *width, float *y)
{
    const size_t step = (size_t)c->horizons * c->quantiles;
    const float *high = width + channels;

    for (uint32_t i = 0; i < channels; i++, y += step) {
        if (c->quantiles == 3) /* loops of known length: nearly all models */
            widen(3, 1, width[i], high[i], y);
        else
            widen(c->quantiles, c->median, width[i], high[i], y);
    }
}

/* What the horizon's forecasts of all channels [C, Q] say at quantile `q`. */
LOOPS void gather(const struct vg_conformal *c, uint32_t channels, const float *restrict y,
                  uint32_t q, float *restrict ret)
{
    const size_t step = (size_t)c->horizons * c->quantiles;

    for (uint32_t i = 0; i < channels; i++)
        ret[i] = y[i * step + q];
}

LOOPS void pack_valid(uint32_t channels, const float *restrict z, const bool *restrict valid,
                      int16_t *restrict ret)
{
    for (uint32_t i = 0; i < channels; i++)
        ret[i] = vg_pack_if(valid[i], z[i], VG_WAITING_STEPS);
}

LOOPS void pack(uint32_t channels, const float *restrict z, int16_t *restrict ret)
{
    for (uint32_t i = 0; i < channels; i++)
        ret[i] = vg_pack(z[i], VG_WAITING_STEPS);
}

LOOPS void keep_middle(const struct vg_conformal *c, uint32_t channels, const float *y,
                       const bool *valid, int16_t *middle)
{
    float low[VG_CHANNELS], at[VG_CHANNELS], high[VG_CHANNELS];

    gather(c, channels, y, 0, low);
    gather(c, channels, y, c->median, at);
    gather(c, channels, y, c->quantiles - 1, high);
    for (uint32_t i = 0; i < channels; i++)
        high[i] = vg_waiting_sd(high[i] - low[i]);
    pack_valid(channels, at, valid, middle);
    pack(channels, high, middle + channels);
}

LOOPS void keep_bounds(const struct vg_conformal *c, uint32_t channels, const float *y,
                       const bool *valid, int16_t *bound)
{
    float low[VG_CHANNELS], high[VG_CHANNELS];

    gather(c, channels, y, 0, low);
    gather(c, channels, y, c->quantiles - 1, high);
    pack_valid(channels, low, valid, bound);
    pack(channels, high, bound + channels);
}

LOOPS void tell(const struct vg_conformal *c, uint32_t channels, void *memory, int64_t at_ns,
                const bool *valid, float *y)
{
    const uint32_t tick = vg_waiting_tick(at_ns, c->tick_ns);
    float base[VG_CHANNELS], width[SIDES * VG_CHANNELS];

    for (uint32_t i = 0; i < channels; i++)
        base[i] = 1.0f;
    for (uint32_t h = 0; h < c->horizons; h++, y += c->quantiles) {
        uint32_t place;
        const bool waits = vg_waiting_place(&c->waiting[h], tick, &place);

        if (waits && h == c->shortest)
            keep_middle(c, channels, y, valid, bounds_at(c, memory, c->horizons, place));
        if (c->adapts) {
            widths_of(c, channels, h, wider_of(c, memory, h), base, width);
            widen_all(c, channels, width, y);
        }
        if (waits) {
            keep_bounds(c, channels, y, valid, bounds_at(c, memory, h, place));
            due_of(c, memory, h)[place] = tick + c->waiting[h].ahead;
        }
    }
}

void vg_conformal_tell(const struct vg_conformal *c, void *memory, int64_t at_ns, const bool *valid,
                       float *y)
{
    if (c->channels == USUAL)
        tell(c, USUAL, memory, at_ns, valid, y);
    else
        tell(c, c->channels, memory, at_ns, valid, y);
}
