/* ingest_shards.c - shards come to this instance, and go. */
#include "runtime/ingest_parts.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/log.h"

static void admit_restored(struct vg_ingest *in, struct vg_ingest_shard *s)
{
    struct vg_buf *items = &s->recovery.items;

    for (struct vg_item *item = NULL;
         (item = vg_items_next(items->data, items->len, item)) != NULL;) {
        const struct vg_item_patient *who = vg_item_body(item);

        if (item->kind != VG_ITEM_PATIENT)
            continue;
        vg_patients_restore(s->patients, who);
        vg_shared_note_ward(in->shared, who->ward);
    }
}

/* What was given back is still on its way to the disk: recovering before would miss it. */
static void wait_for_drop(struct vg_ingest *in, uint32_t shard)
{
    while (atomic_load(&in->shared->shard[shard].dropping)) {
        vg_ingest_push(&in->worker[vg_ingest_worker_of(in, shard)]);
        vg_thread_sleep(VG_NS_PER_MS);
    }
}

static uint32_t restored_patients(const struct vg_recovery *r)
{
    uint32_t n = 0;

    for (struct vg_item *item = NULL;
         (item = vg_items_next(r->items.data, r->items.len, item)) != NULL;)
        n += item->kind == VG_ITEM_PATIENT;
    return n;
}

static void note_recovery(struct vg_ingest *in, uint32_t shard)
{
    const struct vg_recovery *r = &in->shard[shard].recovery;
    char name[16], place[48];

    if (!r->restored && r->stored_offset < 0)
        return;
    snprintf(name, sizeof(name), "%u", shard);
    snprintf(place, sizeof(place), "%lld/%u", (long long)r->next_offset, r->ordinal);
    vg_audit_note(in->shared->audit, "recovered", "shard", name, "from", place, "what",
                  r->restored ? "a snapshot" : "the beginning", NULL);
}

int64_t vg_ingest_assigned(void *ctx, uint32_t shard)
{
    struct vg_ingest *in = ctx;
    struct vg_ingest_shard *s = &in->shard[shard];
    int64_t now_ns = vg_mono_ns();
    uint32_t patients;
    struct vg_err err;

    VG_CHECK(shard < VG_SHARDS_MAX && !s->owned);
    memset(s, 0, sizeof(*s));
    wait_for_drop(in, shard);
    if (vg_recover(in->shared, in->outbox, in->commands_from, shard, &s->recovery, &err) != VG_OK) {
        vg_ingest_fail(in, &err);
        return VG_START_CONFIGURED;
    }
    s->owned = true;
    note_recovery(in, shard);
    /* Who is in the snapshot stays, also when max_patients is lower now. */
    patients = restored_patients(&s->recovery);
    if (patients < (uint32_t)in->config->source.ingest.max_patients)
        patients = (uint32_t)in->config->source.ingest.max_patients;
    s->patients = vg_patients_new(patients);
    admit_restored(in, s);
    for (uint32_t i = 0; i < s->recovery.notices; i++)
        vg_notice_log_found(&in->notices, shard, &s->recovery.notice[i], now_ns);
    s->next_offset = s->recovery.next_offset;
    s->ordinal = s->recovery.ordinal;
    s->log_ns = s->recovery.log_ns;
    s->committed = -1;
    s->barrier_ns = now_ns + in->config->service.snapshot_every_ns;
    s->in_region = s->recovery.commands > 0 || s->recovery.stored_offset >= 0;
    atomic_store(&in->shared->shard[shard].mark_mono_ns, now_ns);
    atomic_store(&in->shared->shard[shard].log_ns, s->log_ns);
    atomic_store(&in->shared->shard[shard].live, !s->in_region);
    atomic_store(&in->shared->shard[shard].owned, true);
    for (uint32_t i = 1; i < vg_patients_count(s->patients); i++)
        vg_ingest_look_elsewhere(in, shard, i);
    vg_ingest_mark(in, shard, VG_FRAME_RESTORE);
    if (s->next_offset != VG_START_CONFIGURED)
        vg_ingest_replay(in, shard);
    return s->next_offset;
}

void vg_ingest_forget(struct vg_ingest_shard *s)
{
    s->owned = false;
    vg_patients_free(s->patients);
    s->patients = NULL;
    vg_recovery_done(&s->recovery);
}

void vg_ingest_revoked(void *ctx, uint32_t shard, bool lost)
{
    struct vg_ingest *in = ctx;
    struct vg_ingest_shard *s = &in->shard[shard];

    if (!s->owned)
        return;
    vg_log(VG_LOG_INFO, "ingest", "shard %u: %s", shard,
           lost ? "another instance has it" : "handed over to another instance");
    if (lost && s->frame) {
        vg_pool_put(in->pool[vg_ingest_worker_of(in, shard)], s->frame);
        s->frame = NULL;
    }
    if (!lost)
        vg_ingest_barrier(in, shard, vg_mono_ns());
    atomic_store(&in->shared->shard[shard].dropping, true);
    vg_ingest_mark(in, shard, VG_FRAME_DROP);
    vg_overlap_drop(&in->overlap, shard);
    vg_notice_log_drop(&in->notices, shard);
    vg_ingest_forget(s);
    atomic_store(&in->shared->shard[shard].owned, false);
}
