/* node.h - one stage of one worker's chain, in its own thread.
 *
 * A node takes frames from its link, calls the stage for the rows it wants in log order, fires the
 * stage's timers between them, and hands the frame on. A stage that emits rows gets its output in
 * fresh frames; every other works in place. A wave stage is given the rows of up to
 * VG_BATCH_MAX different patients at once, from all frames that wait.
 *
 * What a stage returns is checked: a value in its columns that is not finite becomes 0, the row is
 * marked VG_ROW_MODEL_ERROR, and that patient's memory starts anew.
 */
#ifndef VG_RUNTIME_NODE_H
#define VG_RUNTIME_NODE_H

#include "runtime/config.h"
#include "runtime/identity.h"
#include "runtime/link.h"
#include "runtime/pool.h"
#include "runtime/thread.h"

struct vg_node {
    /* set by the chain before the thread starts */
    struct vg_thread thread;
    void *zmq;
    const struct vg_config *config;
    const struct vg_identity *identity; /**< complete before the first frame is sent */
    const struct vg_layout *layout;
    struct vg_pool *pool;
    struct vg_planned_stage *stage;
    uint32_t place; /**< in the chain, from 0 */
    uint32_t worker;
    char in[64], out[64]; /**< endpoints of its links */
    uint32_t lane;        /**< of its sending end */
    uint32_t shards;      /**< room in `shard` */

    /* the thread's own */
    struct vg_link from, to;
    struct vg_slots **shard; /**< [shards], NULL where not held */
    struct vg_buf events;    /**< heads and JSON, until the frame is done */
    struct vg_buf json;
    struct vg_frame *output; /**< of a stage that emits rows */
    struct vg_frame *input;
    struct vg_node_wave *wave; /**< of a wave stage */
    bool ended;
    const char *stall; /**< for tests: the stage holds while this file exists; NULL: never */
};

/** Body of the thread. */
vg_status vg_node_run(void *node, struct vg_thread *thread, struct vg_err *err);

#endif
