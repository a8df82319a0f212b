/* passed.h - how much a sink passed over as old news, on its way to the outbox.
 *
 * The sink's thread says it before its cursor passes the events, and the committer stores it in the
 * transaction of the cursor: a crash leaves no event behind the cursor that nobody was told of, for what
 * is stored is told at the next start (feed_trouble.c). Any thread.
 */
#ifndef VG_RUNTIME_PASSED_H
#define VG_RUNTIME_PASSED_H

#include <pthread.h>

#include "runtime/outbox.h"

struct vg_passed {
    pthread_mutex_t lock;
    struct vg_passed_over said, storing, stored;
};

void vg_passed_init(struct vg_passed *p);
void vg_passed_done(struct vg_passed *p);

/** Notes what the outbox holds already. */
void vg_passed_load(struct vg_passed *p, const struct vg_passed_over *stored);
void vg_passed_say(struct vg_passed *p, const struct vg_passed_over *over);
/** Whether something waits to be stored. */
VG_NODISCARD bool vg_passed_wait(struct vg_passed *p);

/** The committer's: writes what waits into its transaction, and says that that is on disk. */
VG_NODISCARD vg_status vg_passed_put(struct vg_passed *p, const char *sink,
                                     struct vg_outbox *outbox, struct vg_err *err);
void vg_passed_committed(struct vg_passed *p);

#endif
