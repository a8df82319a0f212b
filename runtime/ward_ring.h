/* ward_ring.h - what is kept of one bed for people who look back: an hour in steps, a day in minutes.
 *
 * Bounded: every array has its full length from its first value on, and a channel that never had a
 * usable value has none. Values are stored as 16 bits over the plausible range of their channel, so an
 * error is at most 1/131068 of that range: 0.003 mmHg, 0.0003 degrees.
 *
 * A step that nobody wrote is a gap, and stays one: nothing is carried on, nothing interpolated.
 *
 * Writers have a pen each: the rows as they come, and what is read back from the log after a restart.
 * A pen averages within the step it is at. Where something stands already, a pen adds nothing: a value
 * that comes late fills an empty step. What is read back never changes a step that came by itself, and
 * gives way to one that comes later; of a minute it does not, where both mean the same.
 *
 * Not thread safe: all of it is the http thread's.
 */
#ifndef VG_RUNTIME_WARD_RING_H
#define VG_RUNTIME_WARD_RING_H

#include "core/channel.h"

enum {
    VG_WARD_TICK_S = 5,
    VG_WARD_TICKS = 720, /**< an hour */
    VG_WARD_MINUTE_S = 60,
    VG_WARD_MINUTES = 1440,    /**< a day */
    VG_WARD_FORECASTS = 120,   /**< minutes whose forecasts are kept */
    VG_WARD_QUANTILES_MAX = 3, /**< of a forecast: lowest, middle, highest */
};

#define VG_WARD_TICK_NS   (VG_WARD_TICK_S * VG_NS_PER_S)
#define VG_WARD_MINUTE_NS (VG_WARD_MINUTE_S * VG_NS_PER_S)

/** A value of a channel in 16 bits; 0: none. What lies outside the plausible range is its end. */
uint16_t vg_ward_encode(int channel, float value);
float vg_ward_decode(int channel, uint16_t code); /**< of a code that is not 0 */

/** One channel, by number of the step modulo the length. */
struct vg_ward_track {
    uint16_t raw[VG_WARD_TICKS];    /**< mean of the usable values (GOOD and SUSPECT) */
    uint16_t clean[VG_WARD_TICKS];  /**< mean of the GOOD ones */
    uint8_t quality[VG_WARD_TICKS]; /**< the best that came; through vg_ward_quality() */
    uint16_t mean[VG_WARD_MINUTES]; /**< of the usable values */
    uint16_t low[VG_WARD_MINUTES], high[VG_WARD_MINUTES];
    uint8_t share[VG_WARD_MINUTES]; /**< of the 12 steps of the minute, those with a usable value */
};

/** In a quality: the step was read back. */
enum { VG_WARD_READ_BACK = 0x80 };

static inline uint8_t vg_ward_quality(const struct vg_ward_track *track, int place)
{
    return track->quality[place] & (uint8_t)~VG_WARD_READ_BACK;
}

enum vg_ward_pen { VG_WARD_LIVE, VG_WARD_REFILL, VG_WARD_PENS };

/** What a pen has summed up where it is; [VG_MEASURED] each. */
struct vg_ward_pen_state {
    int64_t tick, minute;
    float raw[VG_MEASURED], clean[VG_MEASURED], mean[VG_MEASURED]; /**< sums */
    uint16_t raws[VG_MEASURED], cleans[VG_MEASURED], means[VG_MEASURED];
    uint32_t taken_tick, taken_minute; /**< bit c: another has written there */
};

struct vg_ward_ring {
    int64_t tick, minute;              /**< the newest there is; INT64_MIN before the first */
    bool heard[VG_WARD_TICKS];         /**< any row of this patient came */
    bool heard_m[VG_WARD_MINUTES];     /**< the same of minutes */
    uint16_t score[VG_WARD_TICKS];     /**< of the detector, in hundredths and 1 more; 0: none */
    uint16_t score_m[VG_WARD_MINUTES]; /**< the highest of the minute */
    struct vg_ward_track *track[VG_MEASURED];
    struct vg_ward_pen_state pen[VG_WARD_PENS];
    uint32_t forecast_size; /**< codes of one forecast: [channels, horizons, quantiles] */
    int64_t forecast_ns[VG_WARD_FORECASTS]; /**< when it was made; VG_TIME_NONE: there is none */
    uint16_t *forecast;                     /**< [VG_WARD_FORECASTS, forecast_size], or NULL */
};

void vg_ward_ring_init(struct vg_ward_ring *r, uint32_t forecast_size);
void vg_ward_ring_done(struct vg_ward_ring *r);
/** Bytes of a ring with `tracks` channels and forecasts of `forecast_size` codes. */
size_t vg_ward_ring_size(uint32_t tracks, uint32_t forecast_size);

/** A sample: value, quality [VG_CHANNELS]. What is older than the rings is dropped. */
void vg_ward_ring_put(struct vg_ward_ring *r, enum vg_ward_pen pen, int64_t at_ns,
                      const float *value, const uint8_t *quality);
void vg_ward_ring_put_score(struct vg_ward_ring *r, int64_t at_ns, float score);
/** Keeps a forecast [forecast_size] if it is the first of its minute. */
void vg_ward_ring_put_forecast(struct vg_ward_ring *r, int64_t at_ns, const uint16_t *forecast);

/** The place of a step, or -1 when it is not kept or not yet there. */
static inline int vg_ward_tick_place(const struct vg_ward_ring *r, int64_t tick)
{
    return tick <= r->tick && tick > r->tick - VG_WARD_TICKS ? (int)(tick % VG_WARD_TICKS) : -1;
}

static inline int vg_ward_minute_place(const struct vg_ward_ring *r, int64_t minute)
{
    return minute <= r->minute && minute > r->minute - VG_WARD_MINUTES
               ? (int)(minute % VG_WARD_MINUTES)
               : -1;
}

#endif
