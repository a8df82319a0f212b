/* conformal.c - waiting forecasts and the widths that they teach.
 *
 * Memory: for each horizon the widths less 1 [2, C] (so that zeroed memory means 1), the tick that
 * each waiting forecast is for [WAITING], and its bounds [WAITING, 2, C]; at the end median and SD of
 * the shortest horizon's forecasts that wait [WAITING, 2, C]. Ticks are counted from 1970 in 32 bits,
 * which lasts for 4,000 years of ticks of 30 s and wraps without harm.
 */
#include "stages/conformal.h"

#include <math.h>
#include <string.h>

enum { LOW, HIGH, SIDES };
/* Horizons whose forecasts wait at most so many ticks apart learn fast enough to teach longer ones. */
enum { PASSING_STRIDE = 4 };

static const float unit = 1.0f / 2048, width_min = 0.05f, width_max = 20.0f;
static const int16_t nothing = INT16_MIN; /* no forecast of this channel waits here */

/* A horizon's part of the memory. */
struct horizon {
    float *wider;   /* [2, C] */
    uint32_t *due;  /* [WAITING] */
    int16_t *bound; /* [WAITING, 2, C] */
};

void vg_conformal_init(struct vg_conformal *c, const struct vg_model *m, int64_t tick_ns,
                       bool adapt, float coverage, float rate)
{
    *c = (struct vg_conformal){
        .channels = m->channels,
        .horizons = m->horizons,
        .quantiles = m->quantiles,
        .median = m->quantiles / 2,
        .miss = (1.0f - coverage) / 2,
        .tick_ns = tick_ns,
    };
    for (uint32_t q = 0; q < m->quantiles; q++) {
        if (fabsf(m->quantile[q] - 0.5f) < 1e-6f)
            c->median = q;
    }
    c->adapts = adapt && c->median > 0 && c->median + 1 < m->quantiles;
    for (uint32_t h = 0; h < m->horizons; h++) {
        int64_t ahead = (m->horizon_ns[h] + tick_ns / 2) / tick_ns;

        c->ahead[h] = ahead > 0 ? (uint32_t)ahead : 1;
        c->stride[h] = (c->ahead[h] + VG_CONFORMAL_WAITING - 2) / (VG_CONFORMAL_WAITING - 1);
        c->eta[h] = rate / 1.645f * sqrtf(sqrtf((float)c->stride[h]));
        if (c->ahead[h] < c->ahead[c->shortest])
            c->shortest = h;
    }
}

/* Bytes of one horizon, a multiple of 4. */
static size_t horizon_size(const struct vg_conformal *c)
{
    return (size_t)SIDES * c->channels * (sizeof(float) + VG_CONFORMAL_WAITING * sizeof(int16_t)) +
           VG_CONFORMAL_WAITING * sizeof(uint32_t);
}

size_t vg_conformal_memory(const struct vg_conformal *c)
{
    return c->horizons * horizon_size(c) +
           (size_t)VG_CONFORMAL_WAITING * SIDES * c->channels * sizeof(int16_t);
}

static struct horizon horizon_of(const struct vg_conformal *c, void *memory, uint32_t h)
{
    char *at = (char *)memory + h * horizon_size(c);
    struct horizon ret = { .wider = (float *)at };

    at += (size_t)SIDES * c->channels * sizeof(float);
    ret.due = (uint32_t *)at;
    at += VG_CONFORMAL_WAITING * sizeof(uint32_t);
    ret.bound = (int16_t *)at;
    return ret;
}

/* Median and SD [2, C] of the waiting forecast at `place`. */
static int16_t *middle_of(const struct vg_conformal *c, void *memory, uint32_t place)
{
    int16_t *all = (int16_t *)((char *)memory + c->horizons * horizon_size(c));

    return all + (size_t)place * SIDES * c->channels;
}

static int16_t *bounds_at(const struct vg_conformal *c, const struct horizon *h, uint32_t place)
{
    return h->bound + (size_t)place * SIDES * c->channels;
}

static int16_t packed(float z)
{
    float steps = floorf(z / unit + 0.5f);

    if (steps > (float)INT16_MAX)
        steps = (float)INT16_MAX;
    return (int16_t)(steps > (float)nothing ? steps : (float)nothing + 1);
}

static uint32_t tick_number(const struct vg_conformal *c, int64_t at_ns)
{
    return (uint32_t)(at_ns / c->tick_ns);
}

/* Where a forecast made at `tick` waits, if it is the turn of one. */
static bool place_of(const struct vg_conformal *c, uint32_t h, uint32_t tick, uint32_t *ret)
{
    *ret = tick / c->stride[h] % VG_CONFORMAL_WAITING;
    return tick % c->stride[h] == 0;
}

/* ---- the outcome ---- */

static void learn(const struct vg_conformal *c, uint32_t h, float *wider, bool missed)
{
    float width = 1.0f + *wider + c->eta[h] * ((missed ? 1.0f : 0.0f) - c->miss);

    if (width < width_min)
        width = width_min;
    *wider = (width < width_max ? width : width_max) - 1.0f;
}

static void judge_horizon(const struct vg_conformal *c, uint32_t h, const struct horizon *at,
                          uint32_t place, const struct vg_outcome *outcome)
{
    const int16_t *bound = bounds_at(c, at, place);

    for (uint32_t i = 0; i < c->channels; i++) {
        float low = unit * (float)bound[i], high = unit * (float)bound[c->channels + i];

        if (!outcome->measured[i] || bound[i] == nothing)
            continue;
        learn(c, h, &at->wider[i], outcome->z[i] < low);
        learn(c, h, &at->wider[c->channels + i], outcome->z[i] > high);
    }
}

static void tell_residual(const struct vg_conformal *c, const int16_t *middle,
                          const struct vg_outcome *outcome, float *residual, float *sd)
{
    for (uint32_t i = 0; i < c->channels; i++) {
        if (!outcome->measured[i] || middle[i] == nothing)
            continue;
        residual[i] = outcome->z[i] - unit * (float)middle[i];
        sd[i] = unit * (float)middle[c->channels + i];
    }
}

void vg_conformal_judge(const struct vg_conformal *c, void *memory, int64_t at_ns,
                        const struct vg_outcome *outcome, float *residual, float *sd)
{
    const uint32_t tick = tick_number(c, at_ns);

    for (uint32_t i = 0; i < c->channels; i++)
        residual[i] = sd[i] = 0.0f;
    for (uint32_t h = 0; h < c->horizons; h++) {
        struct horizon at = horizon_of(c, memory, h);
        uint32_t place;

        if (!place_of(c, h, tick - c->ahead[h], &place) || at.due[place] != tick)
            continue;
        if (c->adapts)
            judge_horizon(c, h, &at, place, outcome);
        if (h == c->shortest)
            tell_residual(c, middle_of(c, memory, place), outcome, residual, sd);
        at.due[place] = 0;
    }
}

/* ---- the forecast ---- */

/* The widths [2] that a channel is told with at horizon `h`, whose own are 1 + wider; `base` is what
 * the shorter horizons have learned, and goes on to the longer ones. */
static void widths_of(const struct vg_conformal *c, uint32_t h, const float *wider, float *base,
                      float width[SIDES])
{
    /* One that waits at every tick has nothing to learn from others. */
    const float taught = c->stride[h] > 1 ? *base : 1.0f;

    for (int side = 0; side < SIDES; side++)
        width[side] = taught * (1.0f + wider[(size_t)side * c->channels]);
    if (c->stride[h] <= PASSING_STRIDE)
        *base = (width[LOW] + width[HIGH]) / 2;
}

/* Moves each quantile away from the median, or closer. */
static void widen(const struct vg_conformal *c, const float width[SIDES], float *y)
{
    const float middle = y[c->median];

    for (uint32_t q = 0; q < c->quantiles; q++) {
        if (q != c->median)
            y[q] = middle + width[q > c->median] * (y[q] - middle);
    }
}

static void keep_middle(const struct vg_conformal *c, const float *y, bool valid, int16_t *middle)
{
    /* The SD of a normal distribution with these outermost quantiles; never 0, which means none. */
    float sd = (y[c->quantiles - 1] - y[0]) / 3.29f;

    middle[0] = nothing;
    if (valid)
        middle[0] = packed(y[c->median]);
    middle[c->channels] = packed(sd > unit ? sd : unit);
}

static void keep_bounds(const struct vg_conformal *c, const float *y, bool valid, int16_t *bound)
{
    bound[0] = nothing;
    if (valid)
        bound[0] = packed(y[0]);
    bound[c->channels] = packed(y[c->quantiles - 1]);
}

/* What all channels of a horizon share at a tick. */
struct turn {
    struct horizon at;
    uint32_t place;
    bool waits;
};

static void tell(const struct vg_conformal *c, const struct turn *turn, int16_t *middle,
                 uint32_t channel, bool valid, float *y)
{
    float base = 1.0f, width[SIDES];

    for (uint32_t h = 0; h < c->horizons; h++, y += c->quantiles) {
        const struct turn *t = &turn[h];

        if (t->waits && h == c->shortest)
            keep_middle(c, y, valid, middle + channel);
        if (c->adapts) {
            widths_of(c, h, t->at.wider + channel, &base, width);
            widen(c, width, y);
        }
        if (t->waits)
            keep_bounds(c, y, valid, bounds_at(c, &t->at, t->place) + channel);
    }
}

void vg_conformal_tell(const struct vg_conformal *c, void *memory, int64_t at_ns, const bool *valid,
                       float *y)
{
    const uint32_t tick = tick_number(c, at_ns);
    struct turn turn[VG_HORIZONS_MAX];

    for (uint32_t h = 0; h < c->horizons; h++) {
        turn[h].at = horizon_of(c, memory, h);
        turn[h].waits = place_of(c, h, tick, &turn[h].place);
        if (turn[h].waits)
            turn[h].at.due[turn[h].place] = tick + c->ahead[h];
    }
    for (uint32_t i = 0; i < c->channels; i++)
        tell(c, turn, middle_of(c, memory, turn[c->shortest].place), i, valid[i],
             y + (size_t)i * c->horizons * c->quantiles);
}
