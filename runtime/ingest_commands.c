/* ingest_commands.c - commands at their place in the log order: new ones, and recorded ones again. */
#include "runtime/ingest_parts.h"

#include <string.h>

#include "runtime/intake.h"
#include "runtime/log.h"

/* Events stand behind all commands of their frame, so what belongs to the configuration before, its
 * timers included, leaves in frames of its own. */
static void part_before(struct vg_ingest *in, uint32_t shard, int64_t log_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    vg_ingest_flush(in, shard);
    if (log_ns != VG_TIME_NONE && log_ns > s->log_ns)
        s->log_ns = log_ns;
    vg_ingest_mark(in, shard, VG_FRAME_ROWS);
}

/* At the present position, whatever `head` says. */
static void inject(struct vg_ingest *in, uint32_t shard, const struct vg_item_command *head,
                   const void *payload)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_item_command *item;
    enum vg_patients_result known = VG_PATIENT_KNOWN;
    uint32_t slot = 0;
    bool clock = head->kind == VG_COMMAND_CLOCK;

    if (head->patient[0])
        known = vg_patients_admit(s->patients, head->patient, "", &slot);
    if (known == VG_PATIENT_FULL)
        return;
    if (vg_command_begins_config(head))
        part_before(in, shard, head->log_ns);
    vg_ingest_room(in, shard);
    if (known == VG_PATIENT_NEW)
        vg_ingest_name_patient(in, &s->frame, s->patients, slot);
    s->ordinal = head->ordinal;
    if (head->log_ns != VG_TIME_NONE && head->log_ns > s->log_ns)
        s->log_ns = head->log_ns;
    item = vg_frame_add_item(&s->frame, in->layout, VG_ITEM_COMMAND, sizeof(*item) + head->size);
    *item = *head;
    if (payload)
        memcpy(item + 1, payload, head->size);
    vg_intake_row(s->frame, in->layout, clock ? VG_ROW_CLOCK : VG_ROW_COMMAND, slot, s->log_ns);
    if (head->kind == VG_COMMAND_RETRY && head->size >= sizeof(struct vg_retried)) {
        bool together = s->together;

        s->together = true; /* its rows may fill more than one frame */
        vg_ingest_take_again(in, shard, head, payload);
        s->together = together;
    }
}

void vg_ingest_inject(struct vg_ingest *in, uint32_t shard, struct vg_item_command *head,
                      const void *payload)
{
    const struct vg_ingest_shard *s = &in->shard[shard];

    head->ordinal = s->ordinal + 1;
    head->next_offset = s->next_offset;
    inject(in, shard, head, payload);
}

/* ---- another configuration ---- */

static void inject_config(struct vg_ingest *in, uint32_t shard, const char *patient,
                          const struct vg_open_episode *open)
{
    struct vg_item_command head = { .kind = VG_COMMAND_CONFIG,
                                    .log_ns = in->shard[shard].log_ns,
                                    .size = open ? sizeof(*open) : 0 };

    memcpy(head.patient, patient, sizeof(head.patient));
    /* Time moves on with a new configuration, so that what begins by it has ids of its own. */
    if (vg_command_begins_config(&head) && head.log_ns != VG_TIME_NONE)
        head.log_ns += VG_NS_PER_MS;
    vg_ingest_inject(in, shard, &head, open);
}

/* What people set for patients holds on, as long as it was to hold. */
static void repeat_settings(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    for (uint32_t i = 0; i < s->recovery.settings; i++) {
        const struct vg_recorded_command *c = &s->recovery.setting[i];
        struct vg_item_command head = c->head;
        struct vg_order order;

        memcpy(&order, c->payload, sizeof(order));
        order.repeated = 1;
        head.log_ns = s->log_ns;
        vg_ingest_inject(in, shard, &head, &order);
    }
}

/* From the first of these commands on, events count again. The alert stage learns what subscribers
 * believe to be open, and then for each patient that this was all. What this instance itself had told
 * is told anew. */
void vg_ingest_announce_config(struct vg_ingest *in, uint32_t shard)
{
    static const char nobody[VG_PATIENT_SIZE];
    struct vg_ingest_shard *s = &in->shard[shard];

    s->together = true;
    inject_config(in, shard, nobody, NULL);
    for (uint32_t i = 0; i < s->recovery.opens; i++)
        inject_config(in, shard, s->recovery.open_patient[i], &s->recovery.open[i]);
    repeat_settings(in, shard);
    for (uint32_t i = 1; i < vg_patients_count(s->patients); i++)
        inject_config(in, shard, vg_patients_at(s->patients, i)->id, NULL);
    s->together = false;
    vg_ingest_flush(in, shard);
    s->recovery.config_changed = false;
    vg_notice_log_renew(&in->notices, shard);
}

/* ---- what is recorded ---- */

void vg_ingest_replay(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_recovery *r = &s->recovery;

    if (!s->in_region)
        return;
    while (s->replayed < r->commands &&
           r->command[s->replayed].head.next_offset <= s->next_offset) {
        const struct vg_recorded_command *c = &r->command[s->replayed++];

        inject(in, shard, &c->head, c->payload);
    }
    if (s->replayed == r->commands && s->next_offset >= r->stored_offset) {
        vg_ingest_flush(in, shard); /* a frame is either in the region or behind it */
        s->in_region = false;
        atomic_store(&in->shared->shard[shard].live, true);
        if (r->config_changed)
            vg_ingest_announce_config(in, shard);
        vg_log(VG_LOG_DEBUG, "ingest", "shard %u: recovered up to offset %lld", shard,
               (long long)s->next_offset);
    }
}
