/* node.h - one stage of one worker's chain, in its own thread.
 *
 * A node takes frames from its link, applies its stage to them (runtime/apply.h), and hands them on.
 */
#ifndef VG_RUNTIME_NODE_H
#define VG_RUNTIME_NODE_H

#include "runtime/apply.h"
#include "runtime/link.h"
#include "runtime/meters.h"
#include "runtime/thread.h"
#include "runtime/watch.h"

struct vg_node {
    /* set by the chain before the thread starts */
    struct vg_thread thread;
    void *zmq;
    struct vg_stage_meter *meter;
    struct vg_watch *watch;
    struct vg_apply apply; /**< its own part, and all but name, send and ctx of the owner's */
    char in[64], out[64];  /**< endpoints of its links */
    uint32_t lane;         /**< of its sending end */

    /* the thread's own */
    struct vg_link from, to;
    int64_t blocked_ns; /**< of what it works on now: time that the stage behind it took */
    const char *stall;  /**< for tests: the stage holds while this file exists; NULL: never */
};

/** Body of the thread. */
vg_status vg_node_run(void *node, struct vg_thread *thread, struct vg_err *err);

#endif
