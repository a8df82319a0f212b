/* ward_refill.h - the last hours of the log, read back for the ward page after a start.
 *
 * Tiles begin empty when a service starts, and what happened just before is what people ask for first. So
 * a thread of its own reads the topic again, from `service.http.refill` ago up to the end that it has then,
 * by a source of its own: it joins no group, commits nothing, and waits until the service has recovered. So
 * it also fills in what ran through the chain faster than the page could follow. It has the lowest priority
 * and reads at most VG_REFILL_ROWS_PER_S rows a second.
 *
 * Its rows have passed no stage. So they are SUSPECT where they are plausible, and a page can tell them
 * from what was judged. They fill what is empty, and give way to rows of the chain (runtime/ward_ring.h).
 * What cannot be read back stays a gap.
 */
#ifndef VG_RUNTIME_WARD_REFILL_H
#define VG_RUNTIME_WARD_REFILL_H

#include <stdatomic.h>

#include "core/frame.h"
#include "runtime/observed.h"
#include "runtime/thread.h"

enum { VG_REFILL_RING = 4096, VG_REFILL_ROWS_PER_S = 20000 };

/** A row that was read back. */
struct vg_refilled {
    uint8_t flags;
    int64_t log_ns, event_ns;
    struct vg_patient patient;
    float value[VG_CHANNELS];
    uint8_t quality[VG_CHANNELS], reason[VG_CHANNELS];
};

struct vg_ward_refill;

/** Copies what it needs of the configured source, which must not be open yet, and starts the thread. NULL
 *  when `service.http.refill` is 0. */
struct vg_ward_refill *vg_ward_refill_start(const struct vg_observed *what);
/** Ends the thread. NULL is fine. */
void vg_ward_refill_stop(struct vg_ward_refill *r);

/* In the thread that keeps the ward: */

/** The oldest row that was read back and not taken; NULL: none. The one before it is void. */
const struct vg_refilled *vg_ward_refill_next(struct vg_ward_refill *r);
/** Whether it has come to its end; what is in the ring may still be taken. */
bool vg_ward_refill_ended(const struct vg_ward_refill *r);

#endif
