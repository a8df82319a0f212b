/* commit.c - gather, write, tell. */
#include "runtime/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "models/kernel.h"
#include "runtime/audit_order.h"
#include "runtime/commit_frame.h"
#include "runtime/log.h"
#include "runtime/outbox_db.h"

enum { IDLE_MS = 500 };

static const int64_t RETRY_NS = VG_NS_PER_S;
static const int64_t CONFIRM_EVERY_NS = VG_NS_PER_S / 4;

/* ---- one transaction ---- */

static vg_status put_letters_cursor(struct vg_commit *c, struct vg_err *err)
{
    uint64_t number = c->letters ? atomic_load(&c->letters->delivered) : 0;
    vg_status st;

    if (!c->letters || number == c->letters->stored)
        return VG_OK;
    st = vg_outbox_put_cursor(c->outbox, VG_LETTERS_CURSOR, number, err);
    if (st == VG_OK)
        c->letters->storing = number;
    return st;
}

static vg_status put_cursors(struct vg_commit *c, struct vg_err *err)
{
    for (uint32_t i = 0; i < c->feeds; i++) {
        uint64_t seq = atomic_load(&c->feed[i].delivered);
        vg_status st;

        if (seq == c->feed[i].stored)
            continue;
        st = vg_outbox_put_cursor(c->outbox, c->feed[i].config->name, seq, err);
        if (st != VG_OK)
            return st;
        c->feed[i].storing = seq;
    }
    for (uint32_t i = 0; i < c->feeds; i++) {
        struct vg_feed *f = &c->feed[i];
        vg_status st = vg_confirmations_put(&f->confirmations, c->outbox, err);

        /* After the cursor was looked at: it passes no event before what became of it waits here. */
        if (st == VG_OK)
            st = vg_refusals_put(&f->refusals, f->config->name, c->outbox, err);
        if (st == VG_OK)
            st = vg_passed_put(&f->passed, f->config->name, c->outbox, err);
        if (st != VG_OK)
            return st;
    }
    return put_letters_cursor(c, err);
}

static void cursors_stored(struct vg_commit *c)
{
    if (c->letters)
        c->letters->stored = c->letters->storing;
    for (uint32_t i = 0; i < c->feeds; i++) {
        if (c->feed[i].storing > c->feed[i].stored)
            c->feed[i].stored = c->feed[i].storing;
        vg_confirmations_committed(&c->feed[i].confirmations);
        vg_refusals_committed(&c->feed[i].refusals);
        vg_passed_committed(&c->feed[i].passed);
    }
}

static bool waits(struct vg_feed *f)
{
    return vg_confirmations_wait(&f->confirmations) || vg_refusals_wait(&f->refusals) ||
           vg_passed_wait(&f->passed);
}

/* Many subscribers confirm at any time, and a sink that refuses many events waits for their record: a
 * transaction for all of them, now and then. */
static bool confirmations_due(struct vg_commit *c)
{
    int64_t now = vg_mono_ns();
    bool wait = false;

    if (now - c->confirmed_ns < CONFIRM_EVERY_NS)
        return false;
    for (uint32_t i = 0; i < c->feeds; i++)
        wait = wait || waits(&c->feed[i]);
    if (wait)
        c->confirmed_ns = now;
    return wait;
}

static vg_status put_all(struct vg_commit *c, struct vg_err *err)
{
    vg_status st = vg_outbox_begin(c->outbox, err);

    for (uint32_t i = 0; st == VG_OK && i < c->frames; i++)
        st = vg_commit_put_frame(c, c->frame[i], err);
    if (st == VG_OK)
        st = put_cursors(c, err);
    if (st == VG_OK)
        st = vg_outbox_commit(c->outbox, err);
    return st;
}

/* Until it is worth another try: at once when there was a reserve to be had. */
static void wait_for_disk(struct vg_commit *c, const struct vg_err *err)
{
    bool full = strcmp(err->option, VG_DB_DISK) == 0;
    bool read_only = strcmp(err->option, VG_DB_READ_ONLY) == 0;

    if ((full || read_only) && !c->space.full)
        vg_log(VG_LOG_ERROR, "commit", "%s; trying again every second", err->msg);
    if (full && vg_space_make(&c->space))
        return;
    if (read_only)
        vg_space_wait(&c->space);
    else if (!full && vg_shared_trouble(c->shared, VG_TROUBLE_DISK, err->msg))
        vg_log(VG_LOG_ERROR, "commit", "%s; trying again every second", err->msg);
    vg_shared_wake(c->shared);
    vg_thread_sleep(RETRY_NS);
}

/* Until it is on disk, or the disk is broken. Nothing is dropped to go on. */
static vg_status transaction(struct vg_commit *c, struct vg_err *err)
{
    vg_status st;

    memcpy(c->before, c->shard, VG_SHARDS_MAX * sizeof(*c->shard));
    for (;;) {
        c->mismatches = 0;
        c->tickets = 0;
        vg_commit_tally_clear(&c->tally);
        c->news = false;
        st = put_all(c, err);
        if (vg_status_class(st) != VG_CLASS_RETRY)
            break;
        wait_for_disk(c, err);
        memcpy(c->shard, c->before, VG_SHARDS_MAX * sizeof(*c->shard));
    }
    if (st == VG_OK) {
        if (!c->space.full)
            vg_shared_trouble(c->shared, VG_TROUBLE_DISK, "");
        cursors_stored(c);
        atomic_fetch_add(&c->shared->mismatches, c->mismatches);
    }
    return st;
}

vg_status vg_commit_cursors(struct vg_commit *c, struct vg_err *err)
{
    bool moved = c->letters && atomic_load(&c->letters->delivered) != c->letters->stored;
    vg_status st;

    for (uint32_t i = 0; i < c->feeds; i++)
        moved =
            moved || atomic_load(&c->feed[i].delivered) != c->feed[i].stored || waits(&c->feed[i]);
    c->frames = 0;
    if (!moved)
        return VG_OK;
    st = put_all(c, err);
    if (st == VG_OK)
        cursors_stored(c);
    /* A cursor that is not stored only means that events are delivered again after a crash. */
    return vg_status_class(st) == VG_CLASS_RETRY ? VG_OK : st;
}

/* ---- afterwards ---- */

static void write_snapshot(struct vg_commit *c, struct vg_frame *f)
{
    struct vg_pool *pool = c->pool[f->shard % c->workers];
    struct vg_writer_job job = { .frame = f, .pool = pool };

    if (f->building > 0) {
        vg_pool_put(pool, f);
        return;
    }
    snprintf(job.head.pipeline, sizeof(job.head.pipeline), "%s", c->shared->identity.pipeline);
    snprintf(job.head.cluster, sizeof(job.head.cluster), "%s", c->shared->identity.log);
    snprintf(job.head.kernel, sizeof(job.head.kernel), "%s", vg_kernel_id());
    job.head.partitions = c->shared->identity.partitions;
    vg_commit_position(c, f, &job.head.position);
    job.head.position.n = f->events;
    vg_writer_put(c->writer, &job);
}

static void passed(struct vg_commit *c, struct vg_frame *f)
{
    struct vg_shard_shared *s = &c->shared->shard[f->shard];
    struct vg_pool *pool = c->pool[f->shard % c->workers];

    /* A CHANGE and an END belong to no shard; their `shard` is the worker they came from. */
    switch ((enum vg_frame_kind)f->kind) {
    case VG_FRAME_ROWS:
        if (f->log_ns != VG_TIME_NONE)
            atomic_store(&s->log_ns, f->log_ns);
        atomic_store(&s->mark_mono_ns, vg_mono_ns());
        vg_pool_put(pool, f);
        break;
    case VG_FRAME_BARRIER:
        write_snapshot(c, f);
        break;
    case VG_FRAME_DROP:
        atomic_store(&s->dropping, false);
        vg_pool_put(pool, f);
        break;
    case VG_FRAME_RESTORE:
        vg_pool_put(pool, f);
        break;
    case VG_FRAME_CHANGE:
        if (++c->changes == c->workers) {
            c->changes = 0;
            vg_change_pass(c->change);
        }
        vg_pool_put(c->pool[f->shard], f);
        break;
    case VG_FRAME_END:
        c->ends++;
        vg_pool_put(c->pool[f->shard], f);
        break;
    }
}

static void tell(struct vg_commit *c)
{
    uint64_t last_seq = vg_outbox_last_seq(c->outbox);
    int64_t now_ns = vg_wall_ns();

    for (uint32_t i = 0; i < c->tickets; i++)
        vg_shared_answer(c->shared, c->ticket[i], c->answer[i]);
    atomic_store(&c->shared->committed_seq, last_seq);
    if (c->news || c->tickets > 0)
        vg_shared_wake(c->shared);
    if (c->news)
        vg_log(VG_LOG_DEBUG, "commit", "committed to %llu at %lld", (unsigned long long)last_seq,
               (long long)now_ns);
}

/* Before anybody is answered. */
static void note_orders(struct vg_commit *c)
{
    bool any = false;

    for (uint32_t i = 0; c->tickets > 0 && i < c->frames; i++)
        any = vg_audit_orders(c->shared->audit, c->frame[i], c->layout) || any;
    if (any)
        vg_audit_sync(c->shared->audit);
}

static vg_status commit_gathered(struct vg_commit *c, struct vg_err *err)
{
    bool disk = confirmations_due(c);
    int64_t began_ns = vg_mono_ns();
    vg_status st = VG_OK;

    atomic_store_explicit(&c->shared->meters.commit_held_ns, began_ns, memory_order_relaxed);

    for (uint32_t i = 0; i < c->frames; i++)
        disk = disk || vg_commit_needs_disk(c, c->frame[i]);
    if (disk) {
        st = transaction(c, err);
    } else {
        for (uint32_t i = 0; st == VG_OK && i < c->frames; i++)
            st = vg_commit_put_frame(c, c->frame[i], err);
    }
    if (st != VG_OK)
        return st;
    note_orders(c);
    vg_commit_tally_count(&c->tally, &c->shared->meters, c->site);
    for (uint32_t i = 0; i < c->frames; i++)
        passed(c, c->frame[i]);
    if (disk)
        tell(c);
    vg_commit_tally_time(&c->shared->meters, began_ns, disk);
    c->frames = 0;
    return VG_OK;
}

static void keep(struct vg_commit *c, struct vg_frame *f)
{
    vg_commit_tally_frame(&c->shared->meters, f, c->workers);
    if (c->frames == c->frames_cap) {
        c->frames_cap = c->frames_cap ? c->frames_cap * 2 : VG_COMMIT_FRAMES;
        c->frame = realloc(c->frame, c->frames_cap * sizeof(struct vg_frame *));
        VG_CHECK(c->frame != NULL);
    }
    c->frame[c->frames++] = f;
    if (f->kind == VG_FRAME_END || f->kind == VG_FRAME_CHANGE || f->more == c->shard[f->shard].more)
        return;
    c->shard[f->shard].more = f->more;
    c->open += f->more ? 1 : UINT32_MAX;
}

/* Whatever waits; and the rest of what it began: a command and what it caused are durable together
 * or not at all. */
static void gather(struct vg_commit *c)
{
    struct vg_frame *f = vg_link_recv(&c->from, IDLE_MS);

    c->frames = 0;
    while (f) {
        keep(c, f);
        if (c->frames >= VG_COMMIT_FRAMES && c->open == 0)
            return;
        f = vg_link_recv(&c->from, c->open ? -1 : 0);
    }
}

/* What a disk did with pages that it failed to write nobody knows; a second attempt that succeeds may
 * say so of pages that are gone. A restart begins with what is really there. */
static vg_status broken(struct vg_err *err)
{
    const struct vg_err why = *err;

    return vg_fail(err, VG_E_TEMPORARY, "%.400s; start again to go on with what is on the disk",
                   why.msg);
}

vg_status vg_commit_run(void *commit, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_commit *c = commit;
    vg_status st = vg_link_bind(&c->from, c->zmq, c->endpoint, err);

    vg_space_init(&c->space, c->shared);
    if (st == VG_OK)
        vg_thread_ready(thread);
    while (st == VG_OK && c->ends < c->workers) {
        gather(c);
        st = c->frames > 0 ? commit_gathered(c, err) : vg_commit_cursors(c, err);
        if (st == VG_OK)
            st = vg_retention_look(&c->retention, c->outbox, c->shared, c->feed, c->feeds,
                                   c->letters, err);
        vg_space_look(&c->space);
    }
    vg_link_done(&c->from);
    vg_space_done(&c->space);
    return st == VG_E_IO ? broken(err) : st;
}

void vg_commit_init(struct vg_commit *c)
{
    c->shard = calloc(VG_SHARDS_MAX, sizeof(*c->shard));
    c->before = calloc(VG_SHARDS_MAX, sizeof(*c->before));
    VG_CHECK(c->shard != NULL && c->before != NULL);
}

void vg_commit_done(struct vg_commit *c)
{
    vg_commit_tally_done(&c->tally);
    free(c->frame);
    free(c->shard);
    free(c->before);
}
