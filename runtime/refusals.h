/* refusals.h - events that a sink refused for ever, on their way to the outbox.
 *
 * The sink's thread adds one before its cursor passes it, and the committer stores what waits in the
 * transaction of the cursor: so an event is behind the cursor only with a record of its refusal. Any
 * thread.
 */
#ifndef VG_RUNTIME_REFUSALS_H
#define VG_RUNTIME_REFUSALS_H

#include <pthread.h>

#include "runtime/outbox.h"

enum { VG_REFUSALS_MAX = 32 };

struct vg_refusals {
    pthread_mutex_t lock;
    struct vg_set_aside waiting[VG_REFUSALS_MAX]; /**< oldest first */
    uint32_t n, storing;
};

void vg_refusals_init(struct vg_refusals *r);
void vg_refusals_done(struct vg_refusals *r);

/** There must be room for one more: the sink's thread waits while there is none. */
void vg_refusals_add(struct vg_refusals *r, const struct vg_set_aside *what);
VG_NODISCARD bool vg_refusals_full(struct vg_refusals *r);
/** Whether something waits to be stored; whether that of event `seq` does. */
VG_NODISCARD bool vg_refusals_wait(struct vg_refusals *r);
VG_NODISCARD bool vg_refusals_has(struct vg_refusals *r, uint64_t seq);

/** The committer's: writes what waits into its transaction, and says that that is on disk. */
VG_NODISCARD vg_status vg_refusals_put(struct vg_refusals *r, const char *sink,
                                       struct vg_outbox *outbox, struct vg_err *err);
void vg_refusals_committed(struct vg_refusals *r);

#endif
