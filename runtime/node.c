/* node.c - a stage in its own thread, between two links. */
#include "runtime/node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/slots.h"

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
    int64_t began_ns;

    /* Before it is another's. */
    if (f->kind == VG_FRAME_ROWS) {
        vg_meter_add(&n->meter->rows_out, f->rows);
        if (vg_watch_on(n->watch))
            vg_watch_frame(n->watch, f, n->apply.shard[f->shard]);
    }
    vg_meter_add(&n->meter->frames_out, 1);
    if (vg_link_send(&n->to, f, false))
        return;
    began_ns = vg_mono_ns();
    atomic_store_explicit(&n->meter->blocked, true, memory_order_relaxed);
    vg_link_send(&n->to, f, true);
    atomic_store_explicit(&n->meter->blocked, false, memory_order_relaxed);
    n->blocked_ns += vg_mono_ns() - began_ns;
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

static void note_taken(const struct vg_node *n, const struct vg_frame *f)
{
    vg_meter_add(&n->meter->frames_in, 1);
    if (f->kind == VG_FRAME_ROWS)
        vg_meter_add(&n->meter->rows_in, f->rows);
}

struct held {
    uint64_t patients, bytes;
};

static struct held held_of(const struct vg_node *n, uint32_t shard)
{
    const struct vg_slots *slots = n->apply.shard[shard];

    if (!slots)
        return (struct held){ 0 };
    return (struct held){ vg_slots_count(slots) - 1, vg_slots_bytes(slots) };
}

static void apply_frame(struct vg_node *n, struct vg_frame *f)
{
    const uint32_t shard = f->shard; /* the frame is another's afterwards */
    const struct held before = held_of(n, shard);
    struct held after;

    vg_apply_frame(&n->apply, f);
    after = held_of(n, shard);
    vg_meter_add(&n->meter->patients, after.patients - before.patients);
    vg_meter_add(&n->meter->memory_bytes, after.bytes - before.bytes);
}

/* A wave takes what waits already, and waits for nothing. */
static void forward(struct vg_node *n)
{
    struct vg_frame *f = vg_link_recv(&n->from, vg_apply_waits(&n->apply) ? 0 : -1);

    bool works = !f || f->kind == VG_FRAME_ROWS; /* it is another's afterwards */
    int64_t began_ns = vg_mono_ns(), worked_ns;

    atomic_store_explicit(&n->meter->held_ns, began_ns, memory_order_relaxed);
    n->blocked_ns = 0;
    if (f) {
        note_taken(n, f);
        stall_if_told(n);
        apply_frame(n, f);
    } else {
        vg_apply_release(&n->apply);
    }
    worked_ns = vg_mono_ns() - began_ns - n->blocked_ns;
    vg_meter_add(&n->meter->busy_ns, (uint64_t)worked_ns);
    if (works)
        vg_delays_note(&n->meter->work, worked_ns);
    vg_meter_add(&n->meter->model_errors, n->apply.model_errors);
    n->apply.model_errors = 0;
    atomic_store_explicit(&n->meter->held_ns, 0, memory_order_relaxed);
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
