/* ingest_change.c - another configuration takes over between two records (runtime/change.h).
 *
 * While this waits for what is on its way nothing is read and nothing new happens. So when every barrier
 * has come back the chains are empty, and what they are made of can be exchanged.
 */
#include <stdlib.h>

#include "core/clock.h"
#include "runtime/ingest_parts.h"
#include "runtime/intake.h"
#include "runtime/log.h"

/* Less than any source or its group waits for one that does not ask. */
static const int64_t DRAIN_NS = 10 * VG_NS_PER_S;

/* In the region nothing new may happen: an offer waits for its end. */
static bool is_ready(const struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned && in->shard[i].in_region)
            return false;
    }
    return !atomic_load(&in->shared->disk_full);
}

/* Whether a shard has a position, and so something that a stage may remember of it. */
static bool has_begun(const struct vg_ingest_shard *s)
{
    return s->owned && s->next_offset != VG_START_CONFIGURED;
}

static void send_barriers(struct vg_ingest *in, uint32_t number)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    in->change_number = number;
    for (uint32_t i = 0; i < shards; i++) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (!has_begun(s))
            continue;
        vg_ingest_flush(in, i);
        vg_ingest_mark(in, i, VG_FRAME_BARRIER);
        s->moved = false;
        s->barrier_ns = vg_mono_ns() + in->config->service.snapshot_every_ns;
    }
    in->change_number = 0;
}

static vg_status wait_for_shard(struct vg_ingest *in, uint32_t shard, int64_t until_ns,
                                struct vg_buf *ret, struct vg_err *err)
{
    vg_status st;

    while ((st = vg_change_given(in->change, shard, ret, err)) == VG_E_AGAIN) {
        if (atomic_load(&in->shared->stop))
            return vg_fail(err, VG_E_TEMPORARY, "the service stops");
        if (vg_mono_ns() > until_ns)
            return vg_fail(err, VG_E_TEMPORARY,
                           "what is on its way did not become durable within %lld s",
                           (long long)(DRAIN_NS / VG_NS_PER_S));
        for (uint32_t w = 0; w < in->workers; w++)
            vg_ingest_push(&in->worker[w]);
        vg_thread_sleep(VG_NS_PER_MS);
    }
    return st;
}

/* Fills in `next` [VG_SHARDS_MAX]: how each shard goes on. Changes nothing. */
static vg_status gather(struct vg_ingest *in, struct vg_recovery *next, struct vg_err *err)
{
    uint32_t shards = atomic_load(&in->shared->partitions);
    int64_t until_ns = vg_mono_ns() + DRAIN_NS;
    vg_status st = VG_OK;

    for (uint32_t i = 0; st == VG_OK && i < shards; i++) {
        struct vg_buf items = VG_BUF_INIT;

        if (!has_begun(&in->shard[i]))
            continue;
        st = wait_for_shard(in, i, until_ns, &items, err);
        if (st == VG_OK)
            st = vg_recover_changed(in->outbox, i, &next[i], err);
        next[i].items = items;
    }
    return st;
}

/* Nothing here can fail. */
static void go_on(struct vg_ingest *in, struct vg_recovery *next)
{
    const struct vg_config *config = vg_change_make(in->change);
    uint32_t shards = atomic_load(&in->shared->partitions);

    in->site = &config->site;
    in->heard = vg_intake_is_heard(in->site);
    in->shared->identity.config = config->hash;
    for (uint32_t w = 0; w < in->workers; w++)
        vg_ingest_mark_worker(in, w, VG_FRAME_CHANGE);
    for (uint32_t i = 0; i < shards; i++) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (has_begun(s)) {
            vg_recovery_done(&s->recovery);
            s->recovery = next[i];
            next[i] = (struct vg_recovery){ .commands = 0 };
        }
        if (!s->owned)
            continue;
        vg_ingest_mark(in, i, VG_FRAME_RESTORE);
        if (has_begun(s))
            vg_ingest_announce_config(in, i);
        vg_buf_done(&s->recovery.items);
    }
}

static void change(struct vg_ingest *in, uint32_t number)
{
    struct vg_recovery *next = calloc(VG_SHARDS_MAX, sizeof(*next));
    struct vg_err err;

    VG_CHECK(next != NULL);
    send_barriers(in, number);
    if (gather(in, next, &err) == VG_OK)
        go_on(in, next);
    else
        vg_change_refuse(in->change, &err);
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++)
        vg_recovery_done(&next[i]);
    free(next);
}

void vg_ingest_look_for_change(struct vg_ingest *in)
{
    uint32_t number;

    if (vg_change_offered(in->change, &number) && is_ready(in) && vg_change_take(in->change))
        change(in, number);
}
