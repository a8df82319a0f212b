/* offline.c - the stages of a chain one after the other, in one thread.
 *
 * A frame goes through the whole chain before the next one is filled, unless a wave stage keeps it
 * until enough have come. Nothing runs at the same time, so there is nothing to wait for.
 */
#include "runtime/offline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "runtime/apply.h"
#include "runtime/intake.h"
#include "runtime/patients.h"
#include "runtime/shared.h"

enum { FRAME_ROWS = 1024 };

struct shard {
    struct vg_patients *patients;
    struct vg_frame *frame; /* being filled, or NULL */
    int64_t next_offset, log_ns;
    bool commanded;   /* a command came since the last record */
    uint32_t *number; /* [slot]: of the patient over all shards */
    uint32_t numbers;
};

/* A stage and where its frames go. */
struct link {
    struct vg_apply apply;
    struct vg_offline *offline;
    uint32_t place;
};

struct vg_offline {
    const struct vg_config *config;
    struct vg_offline_sink sink;
    struct vg_identity identity;
    struct vg_layout layout;
    struct vg_pool *pool;
    struct vg_planned_stage *stage; /* [stages] */
    struct link *link;              /* [stages] */
    uint32_t opened;                /* stages of which vg_apply_open() was called */
    struct shard *shard;            /* [VG_SHARDS_MAX] */
    uint32_t patients;
    bool heard;    /* a rule wants to be told that records come */
    bool decoding; /* the decoder is open */
    uint64_t dead_letters;
};

/* ---- what comes out ---- */

static void give_row(struct vg_offline *o, const struct shard *s, struct vg_frame *f, uint32_t i)
{
    uint32_t slot = *(uint32_t *)vg_frame_at(f, &o->layout, VG_COL_SLOT, i);
    const struct vg_item_patient *who = vg_patients_at(s->patients, slot);
    struct vg_patient patient;
    struct vg_row row;

    memcpy(patient.id, who->id, sizeof(patient.id));
    memcpy(patient.bed, who->bed, sizeof(patient.bed));
    memcpy(patient.ward, who->ward, sizeof(patient.ward));
    vg_row_view(&row, f, &o->layout, i);
    row.patient = &patient;
    row.command = NULL;
    o->sink.row(o->sink.ctx, slot ? s->number[slot] : UINT32_MAX, &row);
}

static void give_event(const struct vg_offline *o, struct shard *s, struct vg_item *item)
{
    const struct vg_item_event *event = vg_item_body(item);
    uint32_t slot = 0, number = UINT32_MAX;

    if (event->patient[0] &&
        vg_patients_admit(s->patients, event->patient, "", &slot) == VG_PATIENT_KNOWN)
        number = s->number[slot];
    o->sink.event(o->sink.ctx, number, event, (const char *)(event + 1), event->json_len);
}

static void finish_frame(struct vg_offline *o, struct vg_frame *f)
{
    struct shard *s = &o->shard[f->shard];

    for (uint32_t i = 0; o->sink.row && i < f->rows; i++)
        give_row(o, s, f, i);
    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, &o->layout, item));) {
        if (item->kind == VG_ITEM_EVENT && o->sink.event)
            give_event(o, s, item);
        else if (item->kind == VG_ITEM_COMMAND && o->sink.command)
            o->sink.command(o->sink.ctx, vg_item_body(item));
    }
    vg_pool_put(o->pool, f);
}

static void hand_on(void *ctx, struct vg_frame *f)
{
    struct link *from = ctx;
    struct vg_offline *o = from->offline;

    if (from->place + 1 < o->config->stages_n)
        vg_apply_frame(&o->link[from->place + 1].apply, f);
    else
        finish_frame(o, f);
}

/* ---- what goes in ---- */

static void send_frame(struct vg_offline *o, struct shard *s)
{
    struct vg_frame *f = s->frame;

    s->frame = NULL;
    f->next_offset = s->next_offset;
    f->log_ns = s->log_ns;
    f->live = true;
    vg_apply_frame(&o->link[0].apply, f);
}

static struct vg_frame *room(struct vg_offline *o, struct shard *s)
{
    if (s->frame && s->frame->rows == o->layout.rows_max)
        send_frame(o, s);
    if (!s->frame)
        s->frame = vg_pool_get(o->pool, VG_FRAME_ROWS, (uint32_t)(s - o->shard));
    return s->frame;
}

static void begin_shard(struct shard *s, uint32_t patients_max)
{
    if (s->patients)
        return;
    s->patients = vg_patients_new(patients_max);
    s->log_ns = VG_TIME_NONE;
}

static void number_patient(struct vg_offline *o, struct shard *s, uint32_t slot)
{
    if (slot >= s->numbers) {
        s->numbers = s->numbers ? 2 * s->numbers : 64;
        s->number = reallocarray(s->number, s->numbers, sizeof(*s->number));
        VG_CHECK(s->number != NULL);
    }
    s->number[slot] = o->patients++;
}

static void name_patient(struct vg_offline *o, struct shard *s, uint32_t slot)
{
    struct vg_item_patient *who =
        vg_frame_add_item(&s->frame, &o->layout, VG_ITEM_PATIENT, sizeof(*who));

    *who = *vg_patients_at(s->patients, slot);
}

/* Makes room for a row of a patient and moves log time, if there is a slot for them. */
static enum vg_patients_result begin_row(struct vg_offline *o, struct shard *s, const char *patient,
                                         const char *bed, int64_t log_ns, uint32_t *ret_slot)
{
    enum vg_patients_result known = VG_PATIENT_KNOWN;

    *ret_slot = 0;
    if (patient[0])
        known = vg_patients_admit(s->patients, patient, bed, ret_slot);
    if (known == VG_PATIENT_FULL)
        return known;
    room(o, s); /* a frame that is full leaves before time moves on */
    if (log_ns > s->log_ns)
        s->log_ns = log_ns;
    if (known == VG_PATIENT_NEW)
        number_patient(o, s, *ret_slot);
    if (known == VG_PATIENT_NEW || known == VG_PATIENT_MOVED)
        name_patient(o, s, *ret_slot);
    return known;
}

static void add_notice(struct vg_offline *o, struct shard *s, struct vg_intake_place *at,
                       uint32_t index, uint8_t flag)
{
    room(o, s);
    at->log_ns = s->log_ns;
    o->dead_letters += (flag & VG_ROW_DEAD_LETTER) != 0;
    vg_intake_notice(s->frame, &o->layout, at, index, flag);
}

/* That a record came, as the live service tells it. */
static void tell_news(struct vg_offline *o, struct shard *s, int64_t offset, int64_t before_ns)
{
    struct vg_intake_place at = { .offset = offset };

    if (o->heard && vg_intake_is_news(before_ns, s->log_ns, s->commanded))
        add_notice(o, s, &at, 0, 0);
    s->commanded = false;
}

vg_status vg_offline_row(struct vg_offline *o, const struct vg_offline_place *at, int64_t record_ns,
                         const struct vg_decoded *row, struct vg_err *err)
{
    struct shard *s = &o->shard[at->shard];
    struct vg_intake_place place = { .record_ns = record_ns };
    enum vg_patients_result known;
    int64_t before_ns;

    VG_CHECK(at->shard < VG_SHARDS_MAX);
    begin_shard(s, VG_OFFLINE_PATIENTS_MAX);
    before_ns = s->log_ns;
    place.offset = at->offset > 0 ? at->offset : s->next_offset;
    known = begin_row(o, s, row->patient, row->bed, record_ns, &place.slot);
    if (known == VG_PATIENT_FULL)
        return vg_fail(err, VG_E_RANGE, "more than %d patients in one log",
                       VG_OFFLINE_PATIENTS_MAX);
    tell_news(o, s, place.offset, before_ns);
    place.log_ns = s->log_ns;
    place.flags = known == VG_PATIENT_BACK ? VG_ROW_BED_SHARED : 0;
    room(o, s);
    vg_intake_sample(s->frame, &o->layout, &o->config->source.ingest, &place, row);
    s->next_offset = place.offset + 1;
    return VG_OK;
}

/* ---- records ---- */

static void take_row(struct vg_offline *o, struct shard *s, struct vg_intake_place *at,
                     const struct vg_decoded *row)
{
    enum vg_patients_result known;

    if (row->has_fault)
        add_notice(o, s, at, row->index, vg_intake_letter_flags(row->fault.reason));
    if (!row->usable)
        return;
    known = begin_row(o, s, row->patient, row->bed, s->log_ns, &at->slot);
    if (known == VG_PATIENT_FULL) {
        add_notice(o, s, at, row->index, VG_ROW_DEAD_LETTER);
        add_notice(o, s, at, row->index, VG_ROW_PATIENT_REFUSED);
        return;
    }
    at->log_ns = s->log_ns;
    at->flags = known == VG_PATIENT_BACK ? VG_ROW_BED_SHARED : 0;
    vg_intake_sample(s->frame, &o->layout, &o->config->source.ingest, at, row);
}

static vg_status open_decoder(struct vg_offline *o, struct vg_err *err)
{
    const struct vg_source_config *source = &o->config->source;
    vg_status st = VG_OK;

    if (!o->decoding && source->decoder->open)
        st = source->decoder->open(source->decoder_self, err);
    o->decoding = st == VG_OK;
    return st;
}

vg_status vg_offline_record(struct vg_offline *o, const struct vg_record *record,
                            struct vg_err *err)
{
    const struct vg_source_config *source = &o->config->source;
    struct shard *s = &o->shard[record->shard];
    struct vg_intake_place at = { .offset = record->offset };
    const struct vg_decoded *rows;
    struct vg_fault fault;
    int64_t before_ns;
    size_t n = 0;

    VG_CHECK(record->shard < VG_SHARDS_MAX);
    if (open_decoder(o, err) != VG_OK)
        return err->status;
    begin_shard(s, (uint32_t)source->ingest.max_patients);
    room(o, s); /* a frame that is full leaves before time moves on */
    at.record_ns = vg_intake_record_time(record->time_ns, s->log_ns);
    before_ns = s->log_ns;
    if (at.record_ns > s->log_ns)
        s->log_ns = at.record_ns;
    tell_news(o, s, record->offset, before_ns);
    if (source->decoder->decode(source->decoder_self, &record->message, &rows, &n, &fault) != VG_OK)
        add_notice(o, s, &at, 0, VG_ROW_DEAD_LETTER);
    else
        for (size_t i = 0; i < n; i++)
            take_row(o, s, &at, &rows[i]);
    s->next_offset = record->offset + 1;
    return VG_OK;
}

/* ---- commands and the end ---- */

/* What was a dead letter, as runtime/ingest_rows.c takes it. */
static void take_again(struct vg_offline *o, struct shard *s, const struct vg_item_command *command,
                       const void *payload)
{
    const struct vg_source_config *source = &o->config->source;
    struct vg_intake_place at = { .offset = command->next_offset, .again = true };
    struct vg_message message = { .value = (const uint8_t *)payload + sizeof(struct vg_retried),
                                  .len = command->size - sizeof(struct vg_retried) };
    const struct vg_decoded *rows;
    struct vg_decoded row;
    struct vg_retried again;
    struct vg_fault fault;
    struct vg_err err;
    size_t n = 0;

    memcpy(&again, payload, sizeof(again));
    at.record_ns = again.record_ns;
    if (open_decoder(o, &err) != VG_OK)
        return;
    if (source->decoder->decode(source->decoder_self, &message, &rows, &n, &fault) != VG_OK)
        add_notice(o, s, &at, vg_intake_again_index(command, 0),
                   vg_intake_letter_flags(fault.reason));
    for (size_t i = 0; i < n; i++) {
        row = rows[i];
        row.index = vg_intake_again_index(command, (uint32_t)i);
        take_row(o, s, &at, &row);
    }
}

void vg_offline_command(struct vg_offline *o, uint32_t shard, const struct vg_item_command *command,
                        const void *payload)
{
    struct shard *s = &o->shard[shard];
    bool clock = command->kind == VG_COMMAND_CLOCK;
    struct vg_item_command *item;
    uint32_t slot;

    VG_CHECK(shard < VG_SHARDS_MAX && command->kind != VG_COMMAND_CONFIG);
    begin_shard(s, VG_OFFLINE_PATIENTS_MAX);
    if (begin_row(o, s, command->patient, "", command->log_ns, &slot) == VG_PATIENT_FULL)
        return;
    item = vg_frame_add_item(&s->frame, &o->layout, VG_ITEM_COMMAND, sizeof(*item) + command->size);
    *item = *command;
    if (command->size > 0)
        memcpy(item + 1, payload, command->size);
    s->commanded = true;
    vg_intake_row(s->frame, &o->layout, clock ? VG_ROW_CLOCK : VG_ROW_COMMAND, slot, s->log_ns);
    if (command->kind == VG_COMMAND_RETRY)
        take_again(o, s, command, payload);
}

void vg_offline_finish(struct vg_offline *o, int64_t log_ns)
{
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++) {
        struct shard *s = &o->shard[i];

        if (!s->patients)
            continue;
        if (s->frame)
            send_frame(o, s);
        if (log_ns != VG_TIME_NONE && log_ns > s->log_ns) {
            s->log_ns = log_ns;
            room(o, s);
            send_frame(o, s);
        }
    }
    /* In the order of the chain: what one stage lets go may wait in the next. */
    for (uint32_t i = 0; i < o->config->stages_n; i++)
        vg_apply_release(&o->link[i].apply);
}

int vg_offline_column(const struct vg_offline *o, const char *name)
{
    return vg_layout_find(&o->layout, name);
}

uint64_t vg_offline_dead_letters(const struct vg_offline *o)
{
    return o->dead_letters;
}

void vg_offline_log(struct vg_offline *o, const char *topic, const char *cluster)
{
    o->identity.topic = topic;
    if (!o->config->source.ingest.cluster)
        snprintf(o->identity.cluster, sizeof(o->identity.cluster), "%s", cluster);
}

/* ---- building ---- */

static vg_status open_stages(struct vg_offline *o, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < o->config->stages_n && st == VG_OK; i++) {
        struct link *l = &o->link[i];

        l->offline = o;
        l->place = i;
        l->apply = (struct vg_apply){
            .name = "offline",
            .config = o->config,
            .identity = &o->identity,
            .layout = &o->layout,
            .pool = o->pool,
            .stage = &o->stage[i],
            .place = i,
            .shards = VG_SHARDS_MAX,
            .send = hand_on,
            .ctx = l,
        };
        o->opened++;
        st = vg_apply_open(&l->apply, err);
    }
    return st;
}

/* The name of the log, as the source's options have it. */
static const char *topic_of(const struct vg_config *c)
{
    const struct vg_option *options = c->source.ops ? c->source.ops->options : NULL;
    const struct vg_option *topic = options ? vg_option_find(options, "topic") : NULL;
    const char *name = NULL;

    if (topic && topic->type == VG_OPT_STRING_)
        memcpy(&name, (const char *)c->source.self + topic->offset, sizeof(name));
    return name ? name : "offline";
}

/* As the live pipeline's, so that events are the same to the last byte. */
static void identify(struct vg_offline *o)
{
    const struct vg_config *c = o->config;
    const char *cluster = c->source.ingest.cluster ? c->source.ingest.cluster : "offline";

    o->identity = (struct vg_identity){
        .pipeline = c->service.name ? c->service.name : "offline",
        .topic = topic_of(c),
        .partitions = VG_SHARDS_MAX,
        .config = c->hash,
    };
    snprintf(o->identity.log, sizeof(o->identity.log), "offline");
    snprintf(o->identity.cluster, sizeof(o->identity.cluster), "%s", cluster);
}

vg_status vg_offline_new(const struct vg_config *config, const struct vg_offline_sink *sink,
                         struct vg_offline **ret, struct vg_err *err)
{
    struct vg_offline *o = calloc(1, sizeof(*o));
    int64_t rows = config->service.frame_rows;
    vg_status st;

    VG_CHECK(o != NULL && config->stages_n > 0);
    vg_kernel_thread_init();
    o->config = config;
    o->heard = vg_intake_is_heard(&config->site);
    o->sink = *sink;
    o->stage = calloc(config->stages_n, sizeof(*o->stage));
    o->link = calloc(config->stages_n, sizeof(*o->link));
    o->shard = calloc(VG_SHARDS_MAX, sizeof(*o->shard));
    VG_CHECK(o->stage != NULL && o->link != NULL && o->shard != NULL);
    identify(o);
    st = vg_config_plan(config, &o->layout, o->stage, err);
    if (st == VG_OK) {
        vg_layout_finish(&o->layout, rows > 0 ? (uint32_t)rows : FRAME_ROWS);
        o->pool = vg_pool_new(&o->layout);
        st = open_stages(o, err);
    }
    *ret = st == VG_OK ? o : NULL;
    if (st != VG_OK)
        vg_offline_free(o);
    return st;
}

void vg_offline_free(struct vg_offline *o)
{
    if (!o)
        return;
    if (o->decoding && o->config->source.decoder->close)
        o->config->source.decoder->close(o->config->source.decoder_self);
    for (uint32_t i = 0; i < o->opened; i++)
        vg_apply_done(&o->link[i].apply);
    for (uint32_t i = 0; i < o->config->stages_n; i++) {
        if (o->stage[i].ops)
            vg_planned_stage_done(&o->stage[i]);
    }
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++) {
        if (o->shard[i].frame)
            vg_pool_put(o->pool, o->shard[i].frame);
        vg_patients_free(o->shard[i].patients);
        free(o->shard[i].number);
    }
    vg_pool_free(o->pool);
    free(o->shard);
    free(o->stage);
    free(o->link);
    free(o);
}
