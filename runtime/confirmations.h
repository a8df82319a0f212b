/* confirmations.h - what subscribers of a sink have confirmed, on its way to the outbox.
 *
 * The sink's thread says it, the committer stores it with its next transaction (as a cursor named
 * SINK/SUBSCRIBER/WARD) and the sink hears when it is durable. Any thread.
 */
#ifndef VG_RUNTIME_CONFIRMATIONS_H
#define VG_RUNTIME_CONFIRMATIONS_H

#include <pthread.h>

#include "runtime/outbox.h"

enum { VG_CONFIRMATION_SIZE = 160 };

struct vg_confirmation {
    char name[VG_CONFIRMATION_SIZE];
    uint64_t said, storing, stored;
};

/** Zeroed but for the lock. Names come from a configuration, so there are not many. */
struct vg_confirmations {
    pthread_mutex_t lock;
    struct vg_confirmation *at;
    size_t n;
};

void vg_confirmations_init(struct vg_confirmations *c);
void vg_confirmations_done(struct vg_confirmations *c);

/** Notes that everything up to `seq` is confirmed; less than before changes nothing. */
void vg_confirmations_say(struct vg_confirmations *c, const char *name, uint64_t seq);
/** Notes what the outbox holds already. */
void vg_confirmations_load(struct vg_confirmations *c, const char *name, uint64_t seq);
/** Up to where it is durable; false when nothing was said or loaded. */
VG_NODISCARD bool vg_confirmations_stored(struct vg_confirmations *c, const char *name,
                                          uint64_t *ret);

/** Whether something waits to be stored. */
VG_NODISCARD bool vg_confirmations_wait(struct vg_confirmations *c);
/** The committer's: writes what waits into its transaction, and says that that is on disk. */
VG_NODISCARD vg_status vg_confirmations_put(struct vg_confirmations *c, struct vg_outbox *outbox,
                                            struct vg_err *err);
void vg_confirmations_committed(struct vg_confirmations *c);

#endif
