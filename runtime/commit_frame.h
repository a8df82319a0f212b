/* commit_frame.h - a frame at the end of its chain becomes writes to the outbox.
 *
 * In the committer's thread, between vg_outbox_begin() and vg_outbox_commit(). A transaction that fails
 * is put again, from the state of the shards (`shard`) that the committer kept.
 */
#ifndef VG_RUNTIME_COMMIT_FRAME_H
#define VG_RUNTIME_COMMIT_FRAME_H

#include "runtime/commit.h"

/** Whether there is anything to write in the frame. */
bool vg_commit_needs_disk(struct vg_commit *c, struct vg_frame *f);
/** Puts events, commands, dead letters and the position. Counts the shard's events, notes answers to be
 *  given once that is durable, and, in a barrier, what a snapshot has to know. Without a transaction
 *  only for a frame that needs no disk. */
VG_NODISCARD vg_status vg_commit_put_frame(struct vg_commit *c, struct vg_frame *f,
                                           struct vg_err *err);
/** The shard's position behind the frame. */
void vg_commit_position(const struct vg_commit *c, const struct vg_frame *f,
                        struct vg_position *ret);

#endif
