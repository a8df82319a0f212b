/* retention.c - when the committer lets what is old leave the outbox, and what it must keep. */
#include "runtime/retention.h"

#include "core/clock.h"
#include "runtime/log.h"
#include "runtime/outbox_prune.h"
#include "runtime/snapshot.h"

/* Between two looks while something goes, and when nothing is left. */
static const int64_t step_ns = VG_NS_PER_S;
static const int64_t idle_ns = 60 * VG_NS_PER_S;

/* Everything up to here is delivered by those who count: sinks that are required, or all. */
static uint64_t delivered(const struct vg_feed *feed, uint32_t feeds)
{
    uint64_t all = UINT64_MAX, required = UINT64_MAX;

    for (uint32_t i = 0; i < feeds; i++) {
        if (feed[i].stored < all)
            all = feed[i].stored;
        if (feed[i].config->delivery.required && feed[i].stored < required)
            required = feed[i].stored;
    }
    return required == UINT64_MAX ? all : required;
}

static uint32_t find_shards(const struct vg_shared *shared, struct vg_prune_shard *ret)
{
    uint32_t shards = atomic_load(&shared->partitions), n = 0;

    for (uint32_t i = 0; i < shards; i++) {
        struct vg_prune_shard *s = &ret[n];

        s->shard = i;
        if (atomic_load(&shared->shard[i].owned) &&
            vg_snapshot_oldest(shared->config->service.data_dir, i, &s->next_offset, &s->ordinal))
            n++;
    }
    return n;
}

static int64_t before(int64_t now_ns, int64_t keep_ns)
{
    return keep_ns > 0 && now_ns > keep_ns ? now_ns - keep_ns : 0;
}

vg_status vg_retention_look(struct vg_retention *r, struct vg_outbox *outbox,
                            const struct vg_shared *shared, const struct vg_feed *feed,
                            uint32_t feeds, const struct vg_letter_feed *letters,
                            struct vg_err *err)
{
    const struct vg_service_config *c = &shared->config->service;
    struct vg_prune_shard shard[VG_SHARDS_MAX];
    int64_t now_ns = vg_wall_ns();
    struct vg_prune what = { .delivered_seq = delivered(feed, feeds),
                             .events_before_ns = before(now_ns, c->keep_events_ns),
                             .letters_before_ns = before(now_ns, c->keep_letters_ns),
                             .unwritten_letter = letters ? letters->stored + 1 : 0,
                             .shard = shard };
    uint64_t gone = 0;
    vg_status st;

    if (vg_mono_ns() < r->next_ns)
        return VG_OK;
    what.shards = find_shards(shared, shard);
    st = vg_outbox_prune(outbox, &what, &gone, err);
    r->next_ns = vg_mono_ns() + (gone > 0 ? step_ns : idle_ns);
    if (vg_status_class(st) == VG_CLASS_RETRY) {
        vg_log(VG_LOG_WARN, "retention", "%s", err->msg);
        return VG_OK;
    }
    return st;
}
