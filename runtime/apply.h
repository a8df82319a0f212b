/* apply.h - one stage of one chain, applied to frames: rows in log order, timers between them.
 *
 * It does not know where frames come from or go to: a node (runtime/node.h) has a thread and links
 * around it, an offline chain (runtime/offline.h) calls one after the other. Both run this code.
 *
 * A stage that emits rows gets its output in fresh frames; every other works in place. A wave stage
 * is given the rows of up to VG_BATCH_MAX different patients at once, from all frames that wait.
 *
 * What a stage returns is checked: a value in its columns that is not finite becomes 0, the row is
 * marked VG_ROW_MODEL_ERROR, and that patient's memory starts anew.
 */
#ifndef VG_RUNTIME_APPLY_H
#define VG_RUNTIME_APPLY_H

#include "core/buf.h"
#include "runtime/config.h"
#include "runtime/identity.h"
#include "runtime/pool.h"

/** What a VG_FRAME_CHANGE exchanges. The stage is opened. */
struct vg_apply_next {
    const struct vg_config *config;
    struct vg_planned_stage *stage; /**< of the same type, with the same columns */
};

/** All calls come from one thread. */
struct vg_apply {
    /* set by the owner before vg_apply_open() */
    const char *name; /**< of the thread, for the log */
    const struct vg_config *config;
    const struct vg_identity *identity; /**< complete before the first frame */
    const struct vg_layout *layout;
    struct vg_pool *pool;
    struct vg_planned_stage *stage;
    uint32_t place;                                  /**< in the chain, from 0 */
    uint32_t shards;                                 /**< room in `shard` */
    void (*send)(void *ctx, struct vg_frame *frame); /**< takes a frame that is finished here */
    void *ctx;
    struct vg_apply_next next; /**< set before the frame is sent that asks for it */

    /* its own */
    struct vg_slots **shard; /**< [shards], NULL where not held */
    struct vg_buf events;    /**< heads and JSON, until the frame is done */
    struct vg_buf json;
    struct vg_frame *output; /**< of a stage that emits rows */
    struct vg_frame *input;
    uint32_t passed, passing;   /**< rows of `input` that `output` has; that it gets next */
    struct vg_apply_wave *wave; /**< of a wave stage */
    uint64_t model_errors;      /**< rows so marked; the owner sets it back */
    bool ended;                 /**< the END has passed */
};

/** Opens the stage, in the thread that will run it; sets that thread's floating-point environment. */
VG_NODISCARD vg_status vg_apply_open(struct vg_apply *a, struct vg_err *err);
/** Frees memory and what waits; also after a failed open. The stage itself is the owner's. */
void vg_apply_done(struct vg_apply *a);

/** Applies the stage and sends the frame on. A wave stage may keep it until more frames have come or
 *  vg_apply_release() is called. */
void vg_apply_frame(struct vg_apply *a, struct vg_frame *frame);
/** Whether frames wait for more. */
bool vg_apply_waits(const struct vg_apply *a);
/** Sends on what waits. */
void vg_apply_release(struct vg_apply *a);

#endif
