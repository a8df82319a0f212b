/* ward_ring.c - an hour in steps and a day in minutes of one bed.
 *
 * The places of a ring are those of the time since 1970, so all beds turn together and a step that is
 * skipped is cleared when time passes it.
 */
#include "runtime/ward_ring.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"

enum { CODES = 65534, SCORE_PER_UNIT = 100, TICKS_PER_MINUTE = VG_WARD_MINUTE_S / VG_WARD_TICK_S };

uint16_t vg_ward_encode(int channel, float value)
{
    const struct vg_channel *c = &vg_channels[channel];
    float share = (value - c->low) / (c->high - c->low);

    /* What is no number would be, too. */
    if (!(share > 0.0f))
        return 1;
    return share >= 1.0f ? CODES + 1 : (uint16_t)(1.5f + share * CODES);
}

float vg_ward_decode(int channel, uint16_t code)
{
    const struct vg_channel *c = &vg_channels[channel];

    return c->low + (c->high - c->low) * (float)(code - 1) / CODES;
}

void vg_ward_ring_init(struct vg_ward_ring *r, uint32_t forecast_size)
{
    memset(r, 0, sizeof(*r));
    r->tick = r->minute = INT64_MIN;
    for (int p = 0; p < VG_WARD_PENS; p++)
        r->pen[p].tick = r->pen[p].minute = INT64_MIN;
    for (int i = 0; i < VG_WARD_FORECASTS; i++)
        r->forecast_ns[i] = VG_TIME_NONE;
    r->forecast_size = forecast_size;
}

void vg_ward_ring_done(struct vg_ward_ring *r)
{
    for (int c = 0; c < VG_MEASURED; c++)
        free(r->track[c]);
    free(r->forecast);
}

size_t vg_ward_ring_size(uint32_t tracks, uint32_t forecast_size)
{
    return sizeof(struct vg_ward_ring) + tracks * sizeof(struct vg_ward_track) +
           (size_t)VG_WARD_FORECASTS * forecast_size * sizeof(uint16_t);
}

/* ---- time ---- */

/* The places of steps `from` to `to`, at most a whole ring of them, in an array of entries of `size` bytes.
 * A log that is read fast passes many steps from one row to the next. */
static void clear(void *array, size_t size, int64_t from, int64_t to, int64_t length)
{
    const int64_t first = from % length, n = to - from + 1;
    const int64_t at_end = n < length - first ? n : length - first;

    memset((char *)array + (size_t)first * size, 0, (size_t)at_end * size);
    memset(array, 0, (size_t)(n - at_end) * size);
}

static void clear_ticks(struct vg_ward_ring *r, int64_t from, int64_t to)
{
    clear(r->heard, sizeof(r->heard[0]), from, to, VG_WARD_TICKS);
    clear(r->score, sizeof(r->score[0]), from, to, VG_WARD_TICKS);
    for (int c = 0; c < VG_MEASURED; c++) {
        struct vg_ward_track *track = r->track[c];

        if (!track)
            continue;
        clear(track->raw, sizeof(track->raw[0]), from, to, VG_WARD_TICKS);
        clear(track->clean, sizeof(track->clean[0]), from, to, VG_WARD_TICKS);
        clear(track->quality, sizeof(track->quality[0]), from, to, VG_WARD_TICKS);
    }
}

static void clear_minutes(struct vg_ward_ring *r, int64_t from, int64_t to)
{
    clear(r->heard_m, sizeof(r->heard_m[0]), from, to, VG_WARD_MINUTES);
    clear(r->score_m, sizeof(r->score_m[0]), from, to, VG_WARD_MINUTES);
    for (int c = 0; c < VG_MEASURED; c++) {
        struct vg_ward_track *track = r->track[c];

        if (!track)
            continue;
        clear(track->mean, sizeof(track->mean[0]), from, to, VG_WARD_MINUTES);
        clear(track->low, sizeof(track->low[0]), from, to, VG_WARD_MINUTES);
        clear(track->high, sizeof(track->high[0]), from, to, VG_WARD_MINUTES);
        clear(track->share, sizeof(track->share[0]), from, to, VG_WARD_MINUTES);
    }
}

/* The first of the steps up to `to` that are new, of a ring that was at `newest`. A device whose clock began
 * anew is in 1970, and before that there are no places. */
static int64_t first_new(int64_t newest, int64_t to, int64_t length)
{
    int64_t first = newest > to - length ? newest + 1 : to - length + 1;

    return first < 0 ? 0 : first;
}

static void advance(struct vg_ward_ring *r, int64_t tick, int64_t minute)
{
    if (tick > r->tick) {
        clear_ticks(r, first_new(r->tick, tick, VG_WARD_TICKS), tick);
        r->tick = tick;
    }
    if (minute > r->minute) {
        clear_minutes(r, first_new(r->minute, minute, VG_WARD_MINUTES), minute);
        r->minute = minute;
    }
}

/* ---- pens ---- */

static void move_pen(struct vg_ward_pen_state *p, int64_t tick, int64_t minute)
{
    if (tick > p->tick) {
        p->tick = tick;
        p->taken_tick = 0;
        memset(p->raws, 0, sizeof(p->raws));
        memset(p->cleans, 0, sizeof(p->cleans));
    }
    if (minute > p->minute) {
        p->minute = minute;
        p->taken_minute = 0;
        memset(p->means, 0, sizeof(p->means));
    }
}

static uint16_t add(float *sum, uint16_t *n, int channel, float value)
{
    if (*n == 0)
        *sum = 0.0f;
    if (*n == UINT16_MAX)
        return vg_ward_encode(channel, *sum / (float)*n);
    *sum += value;
    (*n)++;
    return vg_ward_encode(channel, *sum / (float)*n);
}

/* Higher is better: as good as the best that came. */
static int rank(uint8_t quality)
{
    static const uint8_t ranks[] = { [VG_Q_ABSENT] = 0,  [VG_Q_MISSING] = 1, [VG_Q_INVALID] = 2,
                                     [VG_Q_IMPUTED] = 3, [VG_Q_SUSPECT] = 4, [VG_Q_GOOD] = 5 };

    return quality < VG_ARRAY_LEN(ranks) ? ranks[quality] : 0;
}

/* Whether the pen may write the step of channel `c`; the first time it looks whether something stands
 * there, and one behind its place may fill what is empty. */
static bool may_write(uint32_t *taken, uint16_t mine, bool at_pen, int c, uint16_t stands)
{
    if (!at_pen)
        return stands == 0;
    if (mine == 0 && stands != 0)
        *taken |= 1U << c;
    return !(*taken >> c & 1);
}

/* Whether a step is open to the pen: to rows as they come always, once what was read back has left. */
static bool take_step(struct vg_ward_track *track, enum vg_ward_pen pen, int place)
{
    bool read_back = track->quality[place] & VG_WARD_READ_BACK;

    if (pen == VG_WARD_LIVE && read_back)
        track->raw[place] = track->clean[place] = track->quality[place] = 0;
    return pen == VG_WARD_LIVE || read_back || track->quality[place] == 0;
}

static void put_tick(struct vg_ward_ring *r, enum vg_ward_pen pen, int64_t tick, int c, float value,
                     uint8_t quality)
{
    struct vg_ward_pen_state *p = &r->pen[pen];
    struct vg_ward_track *track = r->track[c];
    int place = vg_ward_tick_place(r, tick);
    bool at_pen = tick == p->tick;

    if (place < 0 || !take_step(track, pen, place))
        return;
    if (rank(quality) > rank(vg_ward_quality(track, place)))
        track->quality[place] = quality | (pen == VG_WARD_REFILL ? VG_WARD_READ_BACK : 0);
    if (!vg_usable(quality) || !may_write(&p->taken_tick, p->raws[c], at_pen, c, track->raw[place]))
        return;
    track->raw[place] = at_pen ? add(&p->raw[c], &p->raws[c], c, value) : vg_ward_encode(c, value);
    if (quality == VG_Q_GOOD)
        track->clean[place] =
            at_pen ? add(&p->clean[c], &p->cleans[c], c, value) : vg_ward_encode(c, value);
}

static void widen(struct vg_ward_track *track, int place, uint16_t code)
{
    if (track->low[place] == 0 || code < track->low[place])
        track->low[place] = code;
    if (code > track->high[place])
        track->high[place] = code;
}

/* `begins`: it is the first usable value of its step. */
static void put_minute(struct vg_ward_ring *r, struct vg_ward_pen_state *p, int64_t minute, int c,
                       float value, bool begins)
{
    struct vg_ward_track *track = r->track[c];
    int place = vg_ward_minute_place(r, minute);
    bool at_pen = minute == p->minute;

    if (place < 0)
        return;
    if (begins && track->share[place] < TICKS_PER_MINUTE)
        track->share[place]++;
    widen(track, place, vg_ward_encode(c, value));
    if (may_write(&p->taken_minute, p->means[c], at_pen, c, track->mean[place]))
        track->mean[place] =
            at_pen ? add(&p->mean[c], &p->means[c], c, value) : vg_ward_encode(c, value);
}

static void put_channel(struct vg_ward_ring *r, enum vg_ward_pen pen, int64_t tick, int64_t minute,
                        int c, float value, uint8_t quality)
{
    int place = vg_ward_tick_place(r, tick);
    bool begins;

    if (!r->track[c]) {
        /* What never had a usable value needs no memory to say so. */
        if (!vg_usable(quality))
            return;
        r->track[c] = calloc(1, sizeof(*r->track[c]));
        VG_CHECK(r->track[c] != NULL);
    }
    begins = place < 0 || r->track[c]->raw[place] == 0;
    put_tick(r, pen, tick, c, value, quality);
    if (vg_usable(quality))
        put_minute(r, &r->pen[pen], minute, c, value, begins);
}

/* ---- what comes ---- */

void vg_ward_ring_put(struct vg_ward_ring *r, enum vg_ward_pen pen, int64_t at_ns,
                      const float *value, const uint8_t *quality)
{
    int64_t tick = at_ns / VG_WARD_TICK_NS, minute = at_ns / VG_WARD_MINUTE_NS;

    if (at_ns < 0)
        return;
    advance(r, tick, minute);
    move_pen(&r->pen[pen], tick, minute);
    if (vg_ward_tick_place(r, tick) >= 0)
        r->heard[vg_ward_tick_place(r, tick)] = true;
    if (vg_ward_minute_place(r, minute) >= 0)
        r->heard_m[vg_ward_minute_place(r, minute)] = true;
    for (int c = 0; c < VG_MEASURED; c++) {
        if (quality[c] != VG_Q_ABSENT)
            put_channel(r, pen, tick, minute, c, value[c], quality[c]);
    }
}

void vg_ward_ring_put_score(struct vg_ward_ring *r, int64_t at_ns, float score)
{
    int64_t tick = at_ns / VG_WARD_TICK_NS, minute = at_ns / VG_WARD_MINUTE_NS;
    const float most = (float)CODES / SCORE_PER_UNIT;
    uint16_t code;
    int place;

    if (at_ns < 0 || !(score >= 0.0f))
        return;
    advance(r, tick, minute);
    code = (uint16_t)(1.5f + (score < most ? score : most) * SCORE_PER_UNIT);
    place = vg_ward_tick_place(r, tick);
    if (place >= 0)
        r->score[place] = code;
    place = vg_ward_minute_place(r, minute);
    if (place >= 0 && code > r->score_m[place])
        r->score_m[place] = code;
}

void vg_ward_ring_put_forecast(struct vg_ward_ring *r, int64_t at_ns, const uint16_t *forecast)
{
    int64_t minute = at_ns / VG_WARD_MINUTE_NS;
    int64_t i = minute % VG_WARD_FORECASTS;

    if (at_ns < 0 || r->forecast_size == 0)
        return;
    /* Of the same minute or a younger one there is one already. */
    if (r->forecast_ns[i] != VG_TIME_NONE && r->forecast_ns[i] / VG_WARD_MINUTE_NS >= minute)
        return;
    if (!r->forecast)
        r->forecast = calloc((size_t)VG_WARD_FORECASTS * r->forecast_size, sizeof(uint16_t));
    VG_CHECK(r->forecast != NULL);
    memcpy(r->forecast + (size_t)i * r->forecast_size, forecast,
           r->forecast_size * sizeof(uint16_t));
    r->forecast_ns[i] = at_ns;
}
