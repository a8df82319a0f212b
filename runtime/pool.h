/* pool.h - frames that are not in use.
 *
 * A frame is taken by ingest (or by a stage that emits rows), handed along the links, and put back
 * by the committer. Any thread. How many are out is the measure of what is in flight.
 */
#ifndef VG_RUNTIME_POOL_H
#define VG_RUNTIME_POOL_H

#include "core/frame.h"

struct vg_pool;

/** `layout` must outlive the pool. */
struct vg_pool *vg_pool_new(const struct vg_layout *layout);
/** All frames must be back. NULL is fine. */
void vg_pool_free(struct vg_pool *pool);

/** An empty frame of that kind; allocates one when none is free. */
struct vg_frame *vg_pool_get(struct vg_pool *pool, enum vg_frame_kind kind, uint32_t shard);
void vg_pool_put(struct vg_pool *pool, struct vg_frame *frame);

/** How many frames are out now. */
uint32_t vg_pool_out(struct vg_pool *pool);

#endif
