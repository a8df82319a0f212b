/* node.c - a stage in its own thread, between two links. */
#include "runtime/node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For tests of what subscribers notice: VIGIL_FAULT_STALL=STAGE:FILE holds the stage for as long as
 * the file exists. */
static void stall_if_told(const struct vg_node *n)
{
    while (n->stall && access(n->stall, F_OK) == 0)
        vg_thread_sleep(10 * VG_NS_PER_MS);
}

static const char *stall_file(const struct vg_node *n)
{
    const char *fault = getenv("VIGIL_FAULT_STALL");
    size_t len = strlen(n->apply.stage->ops->name);
    bool mine = fault && strncmp(fault, n->apply.stage->ops->name, len) == 0 && fault[len] == ':';

    return mine ? fault + len + 1 : NULL;
}

static void send(void *ctx, struct vg_frame *f)
{
    struct vg_node *n = ctx;

    vg_link_send(&n->to, f, true);
}

static vg_status open_node(struct vg_node *n, struct vg_err *err)
{
    vg_status st;

    n->apply.name = n->thread.name;
    n->apply.send = send;
    n->apply.ctx = n;
    n->stall = stall_file(n);
    if ((st = vg_apply_open(&n->apply, err)) != VG_OK ||
        (st = vg_link_bind(&n->from, n->zmq, n->in, err)) != VG_OK)
        return st;
    return vg_link_connect(&n->to, n->zmq, n->out, n->lane, err);
}

/* A wave takes what waits already, and waits for nothing. */
static void forward(struct vg_node *n)
{
    struct vg_frame *f = vg_link_recv(&n->from, vg_apply_waits(&n->apply) ? 0 : -1);

    if (!f) {
        vg_apply_release(&n->apply);
        return;
    }
    stall_if_told(n);
    vg_apply_frame(&n->apply, f);
}

vg_status vg_node_run(void *node, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_node *n = node;
    vg_status st = open_node(n, err);

    if (st == VG_OK) {
        vg_thread_ready(thread);
        while (!n->apply.ended)
            forward(n);
    }
    vg_link_done(&n->from);
    vg_link_done(&n->to);
    vg_apply_done(&n->apply);
    return st;
}
