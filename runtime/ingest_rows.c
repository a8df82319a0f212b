/* ingest_rows.c - a record becomes rows, and what cannot be used of it a dead letter. */
#include "runtime/ingest_parts.h"

#include <string.h>

#include "core/clock.h"
#include "runtime/intake.h"

static void add_sample(struct vg_ingest *in, const struct vg_record *rec,
                       const struct vg_decoded *row, uint32_t slot, uint8_t flags, bool again)
{
    const struct vg_ingest_shard *s = &in->shard[rec->shard];
    const struct vg_intake_place at = { .offset = rec->offset,
                                        .record_ns = rec->time_ns,
                                        .log_ns = s->log_ns,
                                        .slot = slot,
                                        .flags = flags,
                                        .again = again };

    vg_intake_sample(s->frame, in->layout, &in->config->source.ingest, &at, row);
}

/* Something about the shard itself, for the alert stage to tell. */
static void add_notice(struct vg_ingest *in, const struct vg_record *rec, uint32_t index,
                       uint8_t flag)
{
    const struct vg_intake_place at = { .offset = rec->offset,
                                        .log_ns = in->shard[rec->shard].log_ns };

    vg_intake_notice(vg_ingest_room(in, rec->shard), in->layout, &at, index, flag);
}

/* ---- what cannot be used ---- */

/* What cannot be used of a record: the row `index` of it, or (UINT32_MAX) the whole message. */
struct letter {
    uint32_t index;
    const struct vg_fault *fault;
    const uint8_t *bytes;
    size_t len;
};

static uint8_t *append(void *to, const void *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    return (uint8_t *)to + n;
}

static void add_dead_letter(struct vg_ingest *in, const struct vg_record *rec,
                            const struct letter *letter, const struct vg_retried *again)
{
    const struct vg_source_ops *ops = in->config->source.ops;
    const struct vg_message *message = &rec->message;
    struct vg_ingest_shard *s = &in->shard[rec->shard];
    struct vg_item_dead_letter *dead;
    uint8_t *to;

    vg_buf_clear(&in->headers);
    if (ops->headers && !again)
        ops->headers(in->config->source.self, &in->headers);
    vg_ingest_room(in, rec->shard);
    dead = vg_frame_add_item(&s->frame, in->layout, VG_ITEM_DEAD_LETTER,
                             sizeof(*dead) + letter->len + message->key_len + in->headers.len);
    dead->offset = again ? again->offset : rec->offset;
    dead->index = again && again->index != UINT32_MAX ? again->index : letter->index;
    dead->byte_offset = letter->fault->byte_offset;
    dead->record_ns = rec->time_ns;
    strncpy(dead->reason, letter->fault->reason, sizeof(dead->reason) - 1);
    strncpy(dead->detail, letter->fault->detail, sizeof(dead->detail) - 1);
    dead->key_len = (uint32_t)message->key_len;
    dead->headers_len = (uint32_t)in->headers.len;
    to = append(dead + 1, letter->bytes, letter->len);
    to = append(to, message->key, message->key_len);
    append(to, in->headers.data, in->headers.len);
    atomic_fetch_add(&in->shared->dead_letters, 1);
}

/* Tells of it, too. */
static void refuse(struct vg_ingest *in, const struct vg_record *rec, const struct letter *letter,
                   uint32_t index, const struct vg_retried *again)
{
    add_dead_letter(in, rec, letter, again);
    add_notice(in, rec, index, vg_intake_letter_flags(letter->fault->reason));
}

static struct letter letter_of(const struct vg_record *rec, const struct vg_decoded *row,
                               const struct vg_fault *fault)
{
    return (struct letter){ row->index, fault, rec->message.value + row->start, row->len };
}

static void refuse_patient(struct vg_ingest *in, const struct vg_record *rec,
                           const struct vg_decoded *row, uint32_t index,
                           const struct vg_retried *again)
{
    struct vg_fault fault = { .reason = "max_patients", .byte_offset = row->start };
    struct letter letter = letter_of(rec, row, &fault);

    strcpy(fault.detail, "the shard has as many patients as max_patients allows; raise it");
    refuse(in, rec, &letter, index, again);
    add_notice(in, rec, index, VG_ROW_PATIENT_REFUSED);
}

/* ---- rows ---- */

void vg_ingest_look_elsewhere(struct vg_ingest *in, uint32_t shard, uint32_t slot)
{
    const struct vg_item_patient *who = vg_patients_at(in->shard[shard].patients, slot);
    const struct vg_overlap_side here = { .shard = shard, .slot = slot };
    uint32_t shards = atomic_load(&in->shared->partitions);
    int64_t now_ns = vg_mono_ns();

    for (uint32_t i = 0; i < shards; i++) {
        const struct vg_patients *there = in->shard[i].patients;
        struct vg_overlap_side other = { .shard = i };

        if (i == shard || !in->shard[i].owned)
            continue;
        if (vg_patients_find(there, who->id, &other.slot))
            vg_overlap_found(&in->overlap, false, &here, &other, now_ns);
        else if (who->bed[0] && vg_patients_in_bed(there, who->bed, &other.slot))
            vg_overlap_found(&in->overlap, true, &here, &other, now_ns);
    }
}

/* `index` is the row's place within the record, as ids have it. `again` names the dead letter that it
 * is from, or is NULL. */
static void take_row(struct vg_ingest *in, const struct vg_record *rec,
                     const struct vg_decoded *row, uint32_t index, const struct vg_retried *again)
{
    struct vg_ingest_shard *s = &in->shard[rec->shard];
    struct letter letter = letter_of(rec, row, &row->fault);
    struct vg_decoded placed;
    enum vg_patients_result known;
    uint32_t slot;

    if (row->has_fault)
        refuse(in, rec, &letter, index, again);
    if (!row->usable)
        return;
    known = vg_patients_admit(s->patients, row->patient, row->bed, &slot);
    if (known == VG_PATIENT_FULL) {
        refuse_patient(in, rec, row, index, again);
        return;
    }
    vg_ingest_room(in, rec->shard);
    if (known == VG_PATIENT_NEW || known == VG_PATIENT_MOVED) {
        vg_ingest_name_patient(in, &s->frame, s->patients, slot);
        vg_shared_note_ward(in->shared, vg_patients_at(s->patients, slot)->ward);
        vg_ingest_look_elsewhere(in, rec->shard, slot);
    }
    if (in->overlap.pairs > 0)
        vg_overlap_row(&in->overlap, rec->shard, slot, vg_mono_ns());
    if (again) {
        placed = *row;
        placed.index = index;
        row = &placed;
    }
    add_sample(in, rec, row, slot, known == VG_PATIENT_BACK ? VG_ROW_BED_SHARED : 0, again != NULL);
    atomic_fetch_add_explicit(&in->shared->rows, 1, memory_order_relaxed);
}

void vg_ingest_take_again(struct vg_ingest *in, uint32_t shard, const struct vg_item_command *head,
                          const void *payload)
{
    const struct vg_source_config *source = &in->config->source;
    struct vg_retried again;
    struct vg_record rec = { .shard = shard, .offset = head->next_offset };
    struct letter letter = { .index = UINT32_MAX };
    const struct vg_decoded *rows;
    struct vg_fault fault;
    size_t n = 0;

    memcpy(&again, payload, sizeof(again));
    rec.time_ns = again.record_ns;
    rec.message.value = (const uint8_t *)payload + sizeof(again);
    rec.message.len = head->size - sizeof(again);
    if (source->decoder->decode(source->decoder_self, &rec.message, &rows, &n, &fault) == VG_OK) {
        for (size_t i = 0; i < n; i++)
            take_row(in, &rec, &rows[i], vg_intake_again_index(head, (uint32_t)i), &again);
        return;
    }
    /* Again it is none: it waits for somebody to look at it once more. */
    letter.fault = &fault;
    letter.bytes = rec.message.value;
    letter.len = rec.message.len;
    refuse(in, &rec, &letter, vg_intake_again_index(head, 0), &again);
}

void vg_ingest_take_record(struct vg_ingest *in, const struct vg_record *rec)
{
    struct vg_ingest_shard *s = &in->shard[rec->shard];
    const struct vg_source_config *source = &in->config->source;
    const struct vg_decoded *rows;
    struct vg_fault fault;
    struct vg_record record = *rec;
    int64_t before_ns;
    size_t n = 0;

    if (!s->owned || (s->next_offset != VG_START_CONFIGURED && rec->offset < s->next_offset))
        return;
    vg_meter_add(&in->shared->meters.records, 1);
    if (s->next_offset == VG_START_CONFIGURED) {
        /* From now on a restart must not begin elsewhere: the barrier records where this was. */
        s->next_offset = rec->offset;
        vg_ingest_mark(in, rec->shard, VG_FRAME_BARRIER);
        vg_ingest_replay(in, rec->shard);
    }
    /* A frame that is full leaves before time moves on: its position is before this record. */
    if (s->frame && s->frame->rows == in->layout->rows_max)
        vg_ingest_flush(in, rec->shard);
    record.time_ns = vg_intake_record_time(record.time_ns, s->log_ns);
    before_ns = s->log_ns;
    if (record.time_ns > s->log_ns)
        s->log_ns = record.time_ns;
    s->together = true; /* a record is passed whole or not at all */
    if (in->heard && vg_intake_is_news(before_ns, s->log_ns, s->ordinal != 0))
        add_notice(in, &record, 0, 0);
    s->ordinal = 0;
    if (source->decoder->decode(source->decoder_self, &rec->message, &rows, &n, &fault) != VG_OK)
        refuse(in, &record,
               &(struct letter){ UINT32_MAX, &fault, rec->message.value, rec->message.len }, 0,
               NULL);
    else
        for (size_t i = 0; i < n; i++)
            take_row(in, &record, &rows[i], rows[i].index, NULL);
    s->together = false;
    s->next_offset = rec->offset + 1;
    s->moved = true;
    s->at_end = false;
    in->record_came = true;
    vg_ingest_replay(in, rec->shard);
}
