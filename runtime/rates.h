/* rates.h - what a service did in the last ten seconds, and in the last minute.
 *
 * The supervisor notes all counters once a second; a window is the difference between the newest note and
 * one so many seconds before it. For people and for `vigil top`: a Prometheus has rate() and
 * histogram_quantile() and asks for none of it.
 *
 * Any thread may ask; both hold a lock for as long as it takes to copy some hundred numbers, and no thread
 * of the chain ever does.
 */
#ifndef VG_RUNTIME_RATES_H
#define VG_RUNTIME_RATES_H

#include "runtime/observed.h"

struct vg_rates;

/** What is counted of the whole. */
enum vg_rate {
    VG_RATE_RECORDS,
    VG_RATE_ROWS,
    VG_RATE_EVENTS,
    VG_RATE_LETTERS,
    VG_RATE_CPU_NS,
    VG_RATE_COMMIT_NS, /**< time that the committer was busy */
    VG_RATE_COUNT
};

/** What is counted of a stage, all its workers together. */
enum vg_stage_rate { VG_RATE_IN, VG_RATE_OUT, VG_RATE_BUSY_NS, VG_STAGE_RATE_COUNT };

/** Differences between two moments. */
struct vg_rates_window {
    int64_t ns; /**< between them; less than asked for after a start, 0: nothing is known */
    uint64_t whole[VG_RATE_COUNT];
    uint64_t (*stage)[VG_STAGE_RATE_COUNT];          /**< [stages] */
    uint64_t *delivered;                             /**< [sinks] */
    uint64_t hop[VG_HOP_COUNT][VG_DELAY_BOUNDS + 1]; /**< buckets, of each alone */
};

/** `o` must be complete and live on; its figures are read at each note. */
struct vg_rates *vg_rates_new(const struct vg_observed *o);
void vg_rates_free(struct vg_rates *r); /**< NULL is fine */

/** Notes all counters if a second has passed since the last note. One thread. */
void vg_rates_note(struct vg_rates *r, int64_t mono_ns);

/** The last `window_ns` (at most a minute). vg_rates_window_done() frees what it points to. */
void vg_rates_window(struct vg_rates *r, int64_t window_ns, struct vg_rates_window *ret);
void vg_rates_window_done(struct vg_rates_window *w);

/** Appends the windows of 10 s and 1 min as a JSON object: the member "rates" of the state. */
void vg_rates_write(const struct vg_observed *o, struct vg_buf *out);

/** The delay below which `share` (0 to 1) of those in the buckets are, linear within a bucket, as
 *  histogram_quantile() of Prometheus; beyond the last bound that bound. -1: there are none. */
int64_t vg_delays_quantile_ns(const uint64_t count[VG_DELAY_BOUNDS + 1], double share);

#endif
