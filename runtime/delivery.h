/* delivery.h - what all sinks have in common: their shared options, when to try again, what a sink
 * takes, and the figures of a delivery.
 *
 * The promises made by these: ../docs/delivery.md.
 */
#ifndef VG_RUNTIME_DELIVERY_H
#define VG_RUNTIME_DELIVERY_H

#include <stdatomic.h>

#include "core/notice.h"
#include "core/option.h"
#include "core/sink.h"
#include "core/site.h"
#include "runtime/meters.h"

/** Options that stand in the block of every sink, beside its own. */
struct vg_delivery_options {
    int64_t retry_first_ns, retry_max_ns;
    int64_t max_age_ns;     /**< 0: no event is too old */
    int64_t timeout_ns;     /**< env->timeout_ns */
    int64_t fails_after_ns; /**< so long without success is an alert */
    bool required;
    int priority; /**< enum vg_priority: the least urgent that is taken */
    struct vg_strings kinds, rules, wards, phases; /**< n == 0: all */
};

extern const struct vg_option vg_delivery_options[];

/** Checks what no single option shows: names in the lists, and retry.first against retry.max. */
VG_NODISCARD vg_status vg_delivery_check(const struct vg_delivery_options *o, struct vg_err *err);
/** Whether the filter leaves out some events of priority high. */
bool vg_delivery_drops_high(const struct vg_delivery_options *o);

/** Whether the sink takes an event. What says that alerts were passed over is always taken. */
bool vg_delivery_takes(const struct vg_delivery_options *o, const struct vg_site *site,
                       const struct vg_delivery *event);
/** Whether the event is old news at the wall time `now_ns`. What tells of delivery itself never is: a
 *  sink that passed it over would have to tell that, too. */
bool vg_delivery_old(const struct vg_delivery_options *o, const struct vg_site *site,
                     const struct vg_delivery *event, int64_t now_ns);

/**
 * How long to wait before the attempt after `failures` failed ones (1, 2, ...): anything up to
 * retry.first, doubled each time up to retry.max, and evenly spread, so that sinks that failed together
 * do not come back together ("full jitter"). `random` is any number. At least 1 ms.
 */
int64_t vg_delivery_wait_ns(const struct vg_delivery_options *o, uint32_t failures,
                            uint64_t random);

enum { VG_DELAY_BUCKETS = 16 };

/** Figures of one sink since the start. Written by its thread, read by any. */
struct vg_delivery_figures {
    atomic_ulong delivered;
    atomic_ulong retried;     /**< failed attempts that are made again */
    atomic_ulong quarantined; /**< events set aside */
    atomic_ulong passed_over; /**< older than max_age */
    atomic_ulong filtered;
    _Atomic int64_t oldest_wall_ns; /**< when the oldest that waits was committed; 0: none waits */
    atomic_int last_error;          /**< vg_status of the last failure; VG_OK: none yet */
    atomic_bool failing;            /**< the last attempt failed */
    atomic_bool off;                /**< a FATAL failure has ended it */
    /** Delay from commit to acceptance: bucket b counts those below 2^b ms, the last all others. */
    atomic_ulong delay[VG_DELAY_BUCKETS];
    atomic_ulong delay_ms;  /**< their sum */
    struct vg_delays whole; /**< from the log time at which an event holds to its acceptance */
    /* Of a sink that others subscribe to; else `subscribed` is false. */
    atomic_bool subscribed;
    atomic_uint connected, registered, late;
};

/** The time within which `share` (0 to 1) of the accepted events were accepted, to the next power of
 *  two, in ms; 0: none was accepted. */
uint64_t vg_delivery_delay_ms(const struct vg_delivery_figures *f, double share);
/** One line for people: what was delivered, how fast, and what was not. */
void vg_delivery_print(const struct vg_delivery_figures *f, struct vg_buf *out);

/** Counts one accepted event; `now_ns` is wall time. */
void vg_delivery_accepted(struct vg_delivery_figures *f, const struct vg_delivery *event,
                          int64_t now_ns);
/** Notes who listens now. */
void vg_delivery_note_subscribers(struct vg_delivery_figures *f,
                                  const struct vg_subscriber_count *count);

#endif
