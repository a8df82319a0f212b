/* ingest.c - the one place where the outside enters the log order of a shard.
 *
 * Whatever reaches a stage passed here at a position (next offset, ordinal): records in the order of
 * the log, commands between them. That is why a replay can do it all again.
 */
#include "runtime/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/intake.h"
#include "runtime/log.h"
#include "runtime/patients.h"

enum {
    POLL_IDLE_MS = 20,
    RECORDS_PER_DUTY = 64,
    AGAIN_MAX = 64,  /* dead letters that are tried again at a time */
    FRAMES_MIN = 32, /* a budget of fewer frames would pause for nothing */
};

static const int64_t DUTY_NS = 2 * VG_NS_PER_MS;
/* A chain that is full is usually only slower than the log for a moment. Pausing throws away what
 * the source has fetched in advance, so at first ingest just does not ask for more. */
static const int64_t HOLD_NS = 250 * VG_NS_PER_MS;
static const int64_t HOLD_STEP_NS = VG_NS_PER_MS;
static const int64_t CLOCK_NS = VG_NS_PER_S; /* silence until the first CLOCK, and between two */

struct vg_ingest_shard {
    bool owned, paused;
    struct vg_patients *patients;
    struct vg_frame *frame; /* being filled, or NULL */
    struct vg_recovery recovery;
    uint32_t replayed;   /* commands of the recovery injected so far */
    bool in_region;      /* still in what the outbox knows already */
    int64_t next_offset; /* VG_START_CONFIGURED until the first record */
    uint32_t ordinal;
    int64_t log_ns;
    bool at_end;               /* everything in the log was read */
    int64_t anchor_log_ns;     /* log time ... */
    int64_t anchor_mono_ns;    /* ... at this moment; CLOCK counts from here */
    int64_t sent_mono_ns;      /* when the last frame left */
    int64_t barrier_ns;        /* when the next barrier is due */
    bool moved;                /* anything since the last barrier */
    int64_t committed;         /* next offset told to the log */
    bool together;             /* what goes into frames now belongs together */
    struct vg_retried retried; /* the first of the dead letters that are on their way again */
};

struct vg_ingest_worker {
    struct vg_link link;
    struct vg_frame **waiting; /* frames that did not fit into the link, oldest first */
    uint32_t n, cap;
    int64_t full_ns; /* since when the budget is used up; 0: it is not */
    bool paused;
};

/* ---- frames on their way out ---- */

static uint32_t worker_of(const struct vg_ingest *in, uint32_t shard)
{
    return shard % in->workers;
}

static uint32_t frames_budget(const struct vg_ingest *in)
{
    int64_t frames = in->config->service.in_flight_rows / in->config->service.frame_rows;

    return frames < FRAMES_MIN ? FRAMES_MIN : (uint32_t)frames;
}

/* Also when nothing of it could become durable. */
static bool is_full(const struct vg_ingest *in, uint32_t worker)
{
    return atomic_load(&in->shared->disk_full) ||
           vg_pool_out(in->pool[worker]) > frames_budget(in) / 10 * 8;
}

static void push_waiting(struct vg_ingest_worker *w)
{
    uint32_t sent = 0;

    while (sent < w->n && vg_link_send(&w->link, w->waiting[sent], false))
        sent++;
    w->n -= sent;
    if (sent)
        memmove(w->waiting, w->waiting + sent, w->n * sizeof(struct vg_frame *));
}

static void send(struct vg_ingest *in, uint32_t worker, struct vg_frame *f)
{
    struct vg_ingest_worker *w = &in->worker[worker];

    if (w->n == 0 && vg_link_send(&w->link, f, false))
        return;
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->waiting = realloc(w->waiting, w->cap * sizeof(struct vg_frame *));
        VG_CHECK(w->waiting != NULL);
    }
    w->waiting[w->n++] = f;
}

static void stamp(const struct vg_ingest_shard *s, struct vg_frame *f)
{
    f->next_offset = s->next_offset;
    f->ordinal = s->ordinal;
    f->log_ns = s->log_ns;
    f->live = !s->in_region;
    f->more = s->together;
}

static void flush(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    if (!s->frame)
        return;
    stamp(s, s->frame);
    send(in, worker_of(in, shard), s->frame);
    s->frame = NULL;
    s->sent_mono_ns = vg_mono_ns();
    s->moved = true;
}

static void flush_all(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++)
        flush(in, i);
}

/* The frame that takes the shard's next row. */
static struct vg_frame *room(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    if (s->frame && s->frame->rows == in->layout->rows_max)
        flush(in, shard);
    if (!s->frame) {
        s->frame = vg_pool_get(in->pool[worker_of(in, shard)], VG_FRAME_ROWS, shard);
        s->frame->wall_ns = vg_wall_ns();
    }
    return s->frame;
}

static void name_patient(const struct vg_ingest *in, struct vg_frame **f,
                         const struct vg_patients *patients, uint32_t slot)
{
    struct vg_item_patient *who =
        vg_frame_add_item(f, in->layout, VG_ITEM_PATIENT, sizeof(struct vg_item_patient));

    *who = *vg_patients_at(patients, slot);
}

static void send_mark(struct vg_ingest *in, uint32_t shard, enum vg_frame_kind kind)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_frame *f = vg_pool_get(in->pool[worker_of(in, shard)], kind, shard);

    stamp(s, f);
    f->wall_ns = vg_wall_ns();
    if (kind == VG_FRAME_BARRIER) {
        for (uint32_t i = 1; i < vg_patients_count(s->patients); i++)
            name_patient(in, &f, s->patients, i);
    } else if (kind == VG_FRAME_RESTORE) {
        f->events = s->recovery.events;
        f->building = s->recovery.building;
        f->stored = s->recovery.stored;
        vg_frame_add_items(&f, in->layout, s->recovery.items.data, s->recovery.items.len);
    }
    send(in, worker_of(in, shard), f);
    s->sent_mono_ns = vg_mono_ns();
}

/* ---- rows ---- */

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

    vg_intake_notice(room(in, rec->shard), in->layout, &at, index, flag);
}

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
    room(in, rec->shard);
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

/* Whether other shards of this instance know the patient, or the bed by another one. Not in the log
 * order: nothing of it becomes an event. */
static void look_elsewhere(struct vg_ingest *in, uint32_t shard, uint32_t slot)
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
    room(in, rec->shard);
    if (known == VG_PATIENT_NEW || known == VG_PATIENT_MOVED) {
        name_patient(in, &s->frame, s->patients, slot);
        vg_shared_note_ward(in->shared, vg_patients_at(s->patients, slot)->ward);
        look_elsewhere(in, rec->shard, slot);
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

/* What was a dead letter, once more, at the position of a command. Its key is not known any more. */
static void take_again(struct vg_ingest *in, uint32_t shard, const struct vg_item_command *head,
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

/* ---- commands ---- */

/* Events stand behind all commands of their frame, so what belongs to the configuration before, its
 * timers included, leaves in frames of its own. */
static void part_before(struct vg_ingest *in, uint32_t shard, int64_t log_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    flush(in, shard);
    if (log_ns != VG_TIME_NONE && log_ns > s->log_ns)
        s->log_ns = log_ns;
    send_mark(in, shard, VG_FRAME_ROWS);
}

/* Puts a command into the log order of its shard at the present position. */
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
    room(in, shard);
    if (known == VG_PATIENT_NEW)
        name_patient(in, &s->frame, s->patients, slot);
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
        take_again(in, shard, head, payload);
        s->together = together;
    }
}

static void inject_new(struct vg_ingest *in, uint32_t shard, struct vg_item_command *head,
                       const void *payload)
{
    const struct vg_ingest_shard *s = &in->shard[shard];

    head->ordinal = s->ordinal + 1;
    head->next_offset = s->next_offset;
    inject(in, shard, head, payload);
}

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
    inject_new(in, shard, &head, open);
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
        inject_new(in, shard, &head, &order);
    }
}

/* The configuration changed since the outbox was written: from the first of these commands on,
 * events count again. The alert stage learns what subscribers believe to be open, and then for each
 * patient that this was all. */
static void announce_config(struct vg_ingest *in, uint32_t shard)
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
    flush(in, shard);
    s->recovery.config_changed = false;
}

/* Repeats the recorded commands of this position, and notices when the region ends. */
static void replay_commands(struct vg_ingest *in, uint32_t shard)
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
        flush(in, shard); /* a frame is either in the region or behind it */
        s->in_region = false;
        atomic_store(&in->shared->shard[shard].live, true);
        if (r->config_changed) {
            announce_config(in, shard);
            vg_notice_log_renew(&in->notices, shard);
        }
        vg_log(VG_LOG_DEBUG, "ingest", "shard %u: recovered up to offset %lld", shard,
               (long long)s->next_offset);
    }
}

/* The shard that has rows of the patient; VG_SHARDS_MAX when none of this instance has. */
static uint32_t shard_of(const struct vg_ingest *in, const char *patient)
{
    uint32_t shards = atomic_load(&in->shared->partitions);
    uint32_t slot;

    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned && vg_patients_find(in->shard[i].patients, patient, &slot))
            return i;
    }
    return VG_SHARDS_MAX;
}

/* Whether who asks may know of the ward in which the patient is now; nobody is in ward none. */
static bool may_know(const struct vg_ingest *in, const struct vg_request *request)
{
    const struct vg_patients *patients = in->shard[request->shard].patients;
    uint32_t slot = 0;

    if (!request->wards)
        return true;
    if (!patients || (request->patient[0] && !vg_patients_find(patients, request->patient, &slot)))
        return false;
    for (size_t i = 0; i < request->wards->n; i++) {
        if (strcmp(request->wards->value[i], vg_patients_at(patients, slot)->ward) == 0)
            return true;
    }
    return false;
}

static void take_request(struct vg_ingest *in, struct vg_request *request)
{
    struct vg_item_command head = { .kind = VG_COMMAND_ORDER,
                                    .ticket = request->ticket,
                                    .size = sizeof(request->order) };
    const struct vg_ingest_shard *s;

    if (request->shard == VG_SHARDS_MAX)
        request->shard = shard_of(in, request->patient);
    if (request->shard == VG_SHARDS_MAX) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_UNKNOWN_PATIENT);
        return;
    }
    if (!may_know(in, request)) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_UNKNOWN_PATIENT);
        return;
    }
    s = &in->shard[request->shard];
    /* In the region nothing new may happen. */
    if (!s->owned || s->in_region) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_BUSY);
        return;
    }
    head.log_ns = s->log_ns;
    request->order.given_ns = s->log_ns;
    memcpy(head.patient, request->patient, sizeof(head.patient));
    inject_new(in, request->shard, &head, &request->order);
    flush(in, request->shard);
}

/* Whether something new may happen in the shard, at a time that is known. */
static bool takes_notices(const struct vg_ingest_shard *s)
{
    return s->owned && !s->in_region && s->next_offset != VG_START_CONFIGURED &&
           s->log_ns != VG_TIME_NONE;
}

static void inject_notice(struct vg_ingest *in, uint32_t shard, const struct vg_noticed *said)
{
    /* Time moves on, so that what begins by it has ids of its own. */
    struct vg_item_command head = { .kind = VG_COMMAND_NOTICE,
                                    .log_ns = in->shard[shard].log_ns + VG_NS_PER_MS,
                                    .size = sizeof(*said) };

    inject_new(in, shard, &head, said);
    flush(in, shard);
}

/* What only this instance knows enters the log here. A run that repeats another has its notices. */
static void tell_notices(struct vg_ingest *in, int64_t now_ns)
{
    bool can[VG_SHARDS_MAX] = { false };
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++)
        can[i] = takes_notices(&in->shard[i]);
    for (int i = 0; i < VG_NOTICE_ALERT_COUNT && !in->commands_from; i++) {
        struct vg_noticed said;
        uint32_t shard;

        if (vg_notice_log_next(&in->notices, &in->shared->notices, (enum vg_notice_alert)i, can,
                               shards, now_ns, &shard, &said))
            inject_notice(in, shard, &said);
    }
}

/* ---- dead letters that are tried again ---- */

struct again_call {
    struct vg_ingest *in;
    uint32_t shard, n;
};

/* The first one is on its way as long as it looks as it did: so are those behind it. */
static bool is_on_its_way(struct vg_ingest_shard *s, const struct vg_letter_again *letter)
{
    const struct vg_retried *before = &s->retried;

    return before->attempts == letter->attempts && before->offset == letter->offset &&
           before->index == letter->index;
}

static vg_status inject_again(void *arg, const struct vg_letter_again *letter)
{
    struct again_call *call = arg;
    struct vg_ingest_shard *s = &call->in->shard[call->shard];
    struct vg_retried again = { letter->offset, letter->record_ns, letter->index,
                                letter->attempts };
    struct vg_item_command head = { .kind = VG_COMMAND_RETRY, .log_ns = s->log_ns };
    struct vg_buf payload = VG_BUF_INIT;

    if (call->n == 0 && is_on_its_way(s, letter))
        return VG_E_AGAIN;
    if (call->n++ == 0)
        s->retried = again;
    vg_buf_add(&payload, &again, sizeof(again));
    vg_buf_add(&payload, letter->bytes, letter->len);
    head.size = (uint32_t)payload.len;
    inject_new(call->in, call->shard, &head, payload.data);
    vg_buf_done(&payload);
    return VG_OK;
}

/* All of a call are stored together or not at all. */
static void retry_letters(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct again_call call = { .in = in, .shard = shard };
    struct vg_err err;

    if (!takes_notices(s) || is_full(in, worker_of(in, shard)))
        return;
    s->together = true;
    if (vg_status_class(vg_letters_again(in->letters, shard, AGAIN_MAX, inject_again, &call,
                                         &err)) == VG_CLASS_FATAL)
        vg_log(VG_LOG_ERROR, "ingest", "%s", err.msg);
    s->together = false;
    if (call.n > 0)
        flush(in, shard);
}

static void retry_all_letters(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    /* A run that repeats another has its retries. */
    for (uint32_t i = 0; i < shards && in->letters && !in->commands_from; i++)
        retry_letters(in, i);
}

static void take_requests(struct vg_ingest *in)
{
    struct vg_request request;

    while (vg_shared_take(in->shared, &request))
        take_request(in, &request);
}

/* ---- log time when no record comes ---- */

static void set_anchor(struct vg_ingest_shard *s, int64_t now_ns)
{
    s->anchor_log_ns = s->log_ns;
    s->anchor_mono_ns = now_ns;
}

/* The time while Vigil was down counts too. */
static void reach_end(struct vg_ingest_shard *s, int64_t now_ns)
{
    const struct vg_recovery *r = &s->recovery;

    if (s->at_end)
        return;
    s->at_end = true;
    set_anchor(s, now_ns);
    if (r->known_log_ns != VG_TIME_NONE && s->log_ns != VG_TIME_NONE) {
        int64_t now_wall_ns = vg_wall_ns();
        int64_t down_ns = now_wall_ns - r->known_wall_ns;
        int64_t resumed_ns = r->known_log_ns + (down_ns > 0 ? down_ns : 0);

        /* Never beyond the present: a clock that was decades behind at the last stop must not be
         * taken for decades of silence. */
        if (resumed_ns > now_wall_ns)
            resumed_ns = now_wall_ns;
        if (resumed_ns > s->anchor_log_ns)
            s->anchor_log_ns = resumed_ns;
        s->recovery.known_log_ns = VG_TIME_NONE;
    }
}

static void tick_clock(struct vg_ingest *in, uint32_t shard, int64_t now_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_item_command head = { .kind = VG_COMMAND_CLOCK };

    /* A full chain gets no marks either: the next one tells all the time that has passed. */
    if (now_ns - s->sent_mono_ns < CLOCK_NS || s->frame || is_full(in, worker_of(in, shard)))
        return;
    if (s->at_end && !s->in_region && !in->until_end && s->log_ns != VG_TIME_NONE) {
        head.log_ns = s->anchor_log_ns + (now_ns - s->anchor_mono_ns);
        inject_new(in, shard, &head, NULL);
        atomic_fetch_add(&in->shared->clocks, 1);
        flush(in, shard);
    } else {
        /* Only a sign of life: it says that the chain moves, not that time does. */
        send_mark(in, shard, VG_FRAME_ROWS);
    }
}

/* ---- records ---- */

static void take_record(struct vg_ingest *in, const struct vg_record *rec)
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
    if (s->next_offset == VG_START_CONFIGURED) {
        /* From now on a restart must not begin elsewhere: the barrier records where this was. */
        s->next_offset = rec->offset;
        send_mark(in, rec->shard, VG_FRAME_BARRIER);
        replay_commands(in, rec->shard);
    }
    /* A frame that is full leaves before time moves on: its position is before this record. */
    if (s->frame && s->frame->rows == in->layout->rows_max)
        flush(in, rec->shard);
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
    replay_commands(in, rec->shard);
}

/* ---- duties that hang on time ---- */

static void pause_worker(struct vg_ingest *in, uint32_t worker, bool pause)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    in->worker[worker].paused = pause;
    for (uint32_t i = worker; i < shards; i += in->workers) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned || s->paused == pause)
            continue;
        s->paused = pause;
        if (pause)
            in->config->source.ops->pause(in->config->source.self, i);
        else
            in->config->source.ops->resume(in->config->source.self, i);
    }
}

static void hold_back(struct vg_ingest *in, int64_t now_ns)
{
    for (uint32_t i = 0; i < in->workers; i++) {
        struct vg_ingest_worker *w = &in->worker[i];

        push_waiting(w);
        if (!is_full(in, i))
            w->full_ns = 0;
        else if (w->full_ns == 0)
            w->full_ns = now_ns;
        /* Also when it is paused already: a shard may have come since. */
        if (w->full_ns != 0 && (w->paused || now_ns - w->full_ns > HOLD_NS))
            pause_worker(in, i, true);
        else if (w->paused && !is_full(in, i) &&
                 vg_pool_out(in->pool[i]) <= frames_budget(in) / 10 * 4)
            pause_worker(in, i, false);
    }
}

/* Whether records would have nowhere to go. The shards of a paused worker send none. */
static bool must_wait(const struct vg_ingest *in)
{
    for (uint32_t i = 0; i < in->workers; i++) {
        if (!in->worker[i].paused && is_full(in, i))
            return true;
    }
    return false;
}

static void barrier(struct vg_ingest *in, uint32_t shard, int64_t now_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    s->barrier_ns = now_ns + in->config->service.snapshot_every_ns;
    flush(in, shard);
    if (!s->moved || s->next_offset == VG_START_CONFIGURED)
        return;
    send_mark(in, shard, VG_FRAME_BARRIER);
    s->moved = false;
}

static void tell_source(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    int64_t snapshot = atomic_load(&in->shared->shard[shard].snapshot_offset);

    if (snapshot > s->committed) {
        in->config->source.ops->commit(in->config->source.self, shard, snapshot);
        s->committed = snapshot;
    }
}

/* The shortest silence that a rule tells of in a shard; 0: none does. */
static int64_t least_silence(const struct vg_site *site)
{
    int64_t ret_ns = 0;

    for (uint32_t i = 0; i < site->rules_n; i++) {
        const struct vg_rule *rule = &site->rules[i];

        if (rule->source && (ret_ns == 0 || rule->longer_than_ns < ret_ns))
            ret_ns = rule->longer_than_ns;
    }
    return ret_ns;
}

static void tell(struct vg_ingest *in, enum vg_trouble which, const char *text)
{
    if (vg_shared_trouble(in->shared, which, text) && text[0])
        vg_log(VG_LOG_WARN, "ingest", "%s", text);
}

/* Troubles that are in no shard's log: the heartbeat says them. */
static void tell_troubles(struct vg_ingest *in, int64_t now_ns)
{
    int64_t silence_ns = in->heard ? least_silence(&in->config->site) : 0;
    char text[VG_OVERLAP_TEXT] = "";

    if (in->record_came || in->record_ns == 0)
        in->record_ns = now_ns;
    in->record_came = false;
    if (silence_ns > 0 && !in->until_end && now_ns - in->record_ns > silence_ns)
        snprintf(text, sizeof(text), "no record from the source for more than %lld s",
                 (long long)(silence_ns / VG_NS_PER_S));
    tell(in, VG_TROUBLE_SILENCE, text);
    vg_overlap_tell(&in->overlap, now_ns, text);
    tell(in, VG_TROUBLE_OVERLAP, text);
}

static void duties(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);
    int64_t now_ns = vg_mono_ns();

    if (now_ns < in->duty_ns)
        return;
    in->duty_ns = now_ns + DUTY_NS;
    flush_all(in);
    take_requests(in);
    if (now_ns - in->told_ns >= VG_NS_PER_S) {
        in->told_ns = now_ns;
        tell_troubles(in, now_ns);
        tell_notices(in, now_ns);
        retry_all_letters(in);
    }
    for (uint32_t i = 0; i < shards; i++) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned)
            continue;
        tick_clock(in, i, now_ns);
        if (now_ns >= s->barrier_ns && !is_full(in, worker_of(in, i)))
            barrier(in, i, now_ns);
        tell_source(in, i);
    }
    hold_back(in, now_ns);
}

/* ---- shards come and go ---- */

static void fail(struct vg_ingest *in, const struct vg_err *err)
{
    if (!in->failed)
        in->failure = *err;
    in->failed = true;
}

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
        push_waiting(&in->worker[worker_of(in, shard)]);
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

static int64_t assigned(void *ctx, uint32_t shard)
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
        fail(in, &err);
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
        look_elsewhere(in, shard, i);
    send_mark(in, shard, VG_FRAME_RESTORE);
    if (s->next_offset != VG_START_CONFIGURED)
        replay_commands(in, shard);
    return s->next_offset;
}

static void forget(struct vg_ingest_shard *s)
{
    s->owned = false;
    vg_patients_free(s->patients);
    s->patients = NULL;
    vg_recovery_done(&s->recovery);
}

static void revoked(void *ctx, uint32_t shard, bool lost)
{
    struct vg_ingest *in = ctx;
    struct vg_ingest_shard *s = &in->shard[shard];

    if (!s->owned)
        return;
    vg_log(VG_LOG_INFO, "ingest", "shard %u: %s", shard,
           lost ? "another instance has it" : "handed over to another instance");
    if (lost && s->frame) {
        vg_pool_put(in->pool[worker_of(in, shard)], s->frame);
        s->frame = NULL;
    }
    if (!lost)
        barrier(in, shard, vg_mono_ns());
    atomic_store(&in->shared->shard[shard].dropping, true);
    send_mark(in, shard, VG_FRAME_DROP);
    vg_overlap_drop(&in->overlap, shard);
    vg_notice_log_drop(&in->notices, shard);
    forget(s);
    atomic_store(&in->shared->shard[shard].owned, false);
}

/* ---- the loop ---- */

static bool all_read(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    if (!in->until_end)
        return false;
    for (uint32_t i = 0; i < shards; i++) {
        const struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned || !s->at_end)
            return false;
    }
    return true;
}

static int poll_timeout(const struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t w = 0; w < in->workers; w++) {
        if (in->worker[w].n > 0)
            return 1;
    }
    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].frame)
            return 0;
    }
    return POLL_IDLE_MS;
}

static void say_trouble(struct vg_ingest *in, const struct vg_err *err)
{
    if (vg_shared_trouble(in->shared, VG_TROUBLE_SOURCE, err->msg))
        vg_log(VG_LOG_WARN, "source", "%s", err->msg);
}

/* Returns false when the source can give no more. */
static bool take_from_source(struct vg_ingest *in)
{
    const struct vg_source_ops *ops = in->config->source.ops;
    void *self = in->config->source.self;
    int timeout_ms = poll_timeout(in);

    for (int i = 0; i < RECORDS_PER_DUTY; i++, timeout_ms = 0) {
        struct vg_record rec;
        struct vg_err err;

        switch (ops->poll(self, timeout_ms, &rec, &err)) {
        case VG_POLL_RECORD:
            take_record(in, &rec);
            break;
        case VG_POLL_NOTHING:
            flush_all(in);
            return true;
        case VG_POLL_REACHED:
            reach_end(&in->shard[rec.shard], vg_mono_ns());
            vg_shared_trouble(in->shared, VG_TROUBLE_SOURCE, "");
            break;
        case VG_POLL_TROUBLE:
            say_trouble(in, &err);
            break;
        case VG_POLL_FAILED:
            fail(in, &err);
            return false;
        }
        if (in->failed)
            return false;
    }
    return true;
}

static void end_shards(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned)
            barrier(in, i, vg_mono_ns());
    }
    for (uint32_t w = 0; w < in->workers; w++) {
        send(in, w, vg_pool_get(in->pool[w], VG_FRAME_END, w));
        for (uint32_t i = 0; i < in->worker[w].n; i++)
            vg_link_send(&in->worker[w].link, in->worker[w].waiting[i], true);
        in->worker[w].n = 0;
    }
}

static vg_status open_source(struct vg_ingest *in, struct vg_err *err)
{
    const struct vg_config *c = in->config;
    struct vg_identity *who = &in->shared->identity;
    struct vg_source_env env = {
        .ctx = in,
        .service = c->service.name,
        .until_end = in->until_end,
        .assigned = assigned,
        .revoked = revoked,
    };
    struct vg_source_info info;
    vg_status st = c->source.ops->open(c->source.self, &env, &info, err);

    if (st != VG_OK)
        return st;
    if (info.shards > VG_SHARDS_MAX)
        return vg_fail(err, VG_E_CONFIG, "topic %s has %u partitions; at most %d are possible",
                       info.topic, info.shards, VG_SHARDS_MAX);
    who->topic = info.topic;
    who->partitions = info.shards;
    memcpy(who->log, info.cluster, sizeof(who->log));
    memcpy(who->cluster, info.cluster, sizeof(who->cluster));
    if (c->source.ingest.cluster)
        strncpy(who->cluster, c->source.ingest.cluster, sizeof(who->cluster) - 1);
    return VG_OK;
}

static vg_status open_ingest(struct vg_ingest *in, struct vg_err *err)
{
    vg_status st;

    in->shard = calloc(VG_SHARDS_MAX, sizeof(*in->shard));
    in->worker = calloc(in->workers, sizeof(*in->worker));
    in->heard = vg_intake_is_heard(&in->config->site);
    VG_CHECK(in->shard != NULL && in->worker != NULL);
    for (uint32_t w = 0; w < in->workers; w++) {
        st = vg_link_connect(&in->worker[w].link, in->zmq, in->endpoint[w], 0, err);
        if (st != VG_OK)
            return st;
    }
    if (in->config->source.decoder->open &&
        (st = in->config->source.decoder->open(in->config->source.decoder_self, err)) != VG_OK)
        return st;
    st = open_source(in, err);
    if (st == VG_OK)
        atomic_store(&in->shared->partitions, in->shared->identity.partitions);
    return st;
}

static void close_ingest(struct vg_ingest *in)
{
    const struct vg_source_config *source = &in->config->source;

    source->ops->close(source->self);
    if (source->decoder->close)
        source->decoder->close(source->decoder_self);
    for (uint32_t w = 0; in->worker && w < in->workers; w++) {
        vg_link_done(&in->worker[w].link);
        free(in->worker[w].waiting);
    }
    for (uint32_t i = 0; in->shard && i < VG_SHARDS_MAX; i++)
        forget(&in->shard[i]);
    vg_letters_close(in->letters);
    vg_buf_done(&in->headers);
    free(in->worker);
    free(in->shard);
}

vg_status vg_ingest_run(void *ingest, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_ingest *in = ingest;
    vg_status st = open_ingest(in, err);

    if (st != VG_OK) {
        close_ingest(in);
        return st;
    }
    vg_thread_ready(thread);
    vg_shared_wait(in->shared, VG_GATE_GO);
    if (vg_letters_open(in->outbox, &in->letters, err) != VG_OK)
        vg_log(VG_LOG_ERROR, "ingest", "no dead letter can be tried again: %s", err->msg);
    st = in->config->source.ops->start(in->config->source.self, err);
    if (st != VG_OK)
        fail(in, err);
    while (!in->failed && !atomic_load(&in->shared->stop) && !all_read(in)) {
        if (must_wait(in))
            vg_thread_sleep(HOLD_STEP_NS);
        else if (!take_from_source(in))
            break;
        duties(in);
    }
    end_shards(in);
    vg_shared_wait(in->shared, VG_GATE_DRAINED);
    close_ingest(in);
    if (in->failed) {
        *err = in->failure;
        return err->status;
    }
    return VG_OK;
}
