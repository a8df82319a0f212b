/* retention.h - when the committer lets what is old leave the outbox, and what it must keep. */
#ifndef VG_RUNTIME_RETENTION_H
#define VG_RUNTIME_RETENTION_H

#include "runtime/feed.h"
#include "runtime/letter_feed.h"

struct vg_retention {
    int64_t next_ns; /**< monotonic time of the next look */
};

/** Deletes some of what is old, when it is time for it. A failure that may pass is tried again.
 *  `letters` is NULL when dead letters are not written out. */
VG_NODISCARD vg_status vg_retention_look(struct vg_retention *r, struct vg_outbox *outbox,
                                         const struct vg_shared *shared, const struct vg_feed *feed,
                                         uint32_t feeds, const struct vg_letter_feed *letters,
                                         struct vg_err *err);

#endif
