/* apply.c - frames through a stage: rows in log order, timers between them, waves across frames. */
#include "runtime/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "runtime/hash.h"
#include "runtime/log.h"
#include "runtime/slots.h"

/* Frames that a wave stage takes at most before it hands the first one on. */
enum { GATHER_MAX = 8 };

struct vg_apply_wave {
    struct vg_frame *frame[GATHER_MAX];
    uint32_t frames;
    struct vg_wave wave;
    struct vg_row row[VG_BATCH_MAX];
    void *memory[VG_BATCH_MAX];
    struct vg_slots *slots[VG_BATCH_MAX];
    uint32_t slot[VG_BATCH_MAX];
};

/* What the stage acts through, and for whom. */
struct apply_out {
    struct vg_out out; /* first: the stage has a pointer to it */
    struct vg_apply *apply;
    struct vg_slots *slots;
    uint32_t shard;
    uint32_t slot;
    struct vg_item_command *command; /* of the row, or NULL */
};

static struct apply_out *self_of(struct vg_out *out)
{
    return (struct apply_out *)out;
}

static struct vg_slots *slots_of(struct vg_apply *a, uint32_t shard)
{
    VG_CHECK(shard < a->shards);
    if (!a->shard[shard])
        a->shard[shard] = vg_slots_new(a->stage->memory_size);
    return a->shard[shard];
}

static void send(struct vg_apply *a, struct vg_frame *f)
{
    a->send(a->ctx, f);
}

/* ---- what a stage returned ---- */

/* Infinities and NaN have all bits of the exponent. Unlike isfinite() in a loop, this becomes
 * vectors. */
static bool all_finite(const float *x, uint32_t n)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t bad = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof(bits));
        bad |= (bits & exponent) == exponent;
    }
    return bad == 0;
}

static bool finite_columns(const struct vg_apply *a, const struct vg_row *row)
{
    for (uint32_t c = 0; c < a->stage->columns; c++) {
        int column = (int)(a->stage->first_column + c);

        if (!all_finite(vg_row_column(row, column), a->layout->column[column].width))
            return false;
    }
    return true;
}

static void check_row(struct vg_apply *a, struct vg_slots *slots, uint32_t slot, struct vg_row *row)
{
    if (a->stage->columns == 0 || finite_columns(a, row))
        return;
    for (uint32_t c = 0; c < a->stage->columns; c++) {
        int column = (int)(a->stage->first_column + c);

        memset(vg_row_column(row, column), 0, sizeof(float) * a->layout->column[column].width);
    }
    *(uint8_t *)vg_frame_at(row->frame, a->layout, VG_COL_FLAGS, row->i) |= VG_ROW_MODEL_ERROR;
    a->model_errors++;
    vg_slots_forget(slots, slot);
}

/* The columns of a stage that emits rows are in those rows, not in the ones it was given. */
static void check_output(struct vg_apply *a, struct vg_frame *f)
{
    for (uint32_t i = 0; i < f->rows; i++) {
        struct vg_row row;

        if (*(uint8_t *)vg_frame_at(f, a->layout, VG_COL_KIND, i) != VG_ROW_TICK)
            continue;
        vg_row_view(&row, f, a->layout, i);
        check_row(a, slots_of(a, f->shard), *(uint32_t *)vg_frame_at(f, a->layout, VG_COL_SLOT, i),
                  &row);
    }
}

/* ---- what a stage may do ---- */

static void out_timer(struct vg_out *out, int64_t due_ns)
{
    struct apply_out *o = self_of(out);

    /* The past cannot be reached any more: such a timer fires as soon as time moves. */
    if (due_ns != VG_TIME_NONE && due_ns < out->log_ns)
        due_ns = out->log_ns;
    vg_slots_arm(o->slots, o->slot, due_ns);
}

/* A stage that emits rows passes those it was given on, as many at once as stand together. Later
 * columns, its own among them, are still empty in a row that is only passed on. */
static void pass_rows(struct vg_apply *a)
{
    if (a->passing == 0)
        return;
    vg_frame_copy_rows(a->output, a->layout, a->input, a->passed, a->passing,
                       a->stage->first_column);
    a->passed += a->passing;
    a->passing = 0;
}

static uint32_t rows_out(const struct vg_apply *a)
{
    return a->output->rows + a->passing;
}

/* An output frame that is full leaves with the position of the whole input frame: the position says
 * up to where the log was read, and nothing behind it has been. Its log time is that of its last row
 * alone: rows that are still to come must not find timers fired that they would have put off. */
static void flush_output(struct vg_apply *a)
{
    struct vg_frame *full = a->output;

    pass_rows(a);
    check_output(a, full);
    full->next_offset = a->input->next_offset;
    full->ordinal = a->input->ordinal;
    full->log_ns = *(int64_t *)vg_frame_at(full, a->layout, VG_COL_LOG, full->rows - 1);
    full->wall_ns = a->input->wall_ns;
    full->live = a->input->live;
    full->more = true;
    a->output = vg_pool_get(a->pool, VG_FRAME_ROWS, full->shard);
    send(a, full);
}

static void out_tick(struct vg_out *out, int64_t tick_ns, struct vg_row *ret)
{
    struct apply_out *o = self_of(out);
    struct vg_apply *a = o->apply;
    uint32_t i;

    VG_CHECK(a->stage->emits_ticks);
    pass_rows(a);
    if (a->output->rows == a->layout->rows_max)
        flush_output(a);
    i = vg_frame_add_row(a->output, a->layout);
    *(uint8_t *)vg_frame_at(a->output, a->layout, VG_COL_KIND, i) = VG_ROW_TICK;
    *(uint32_t *)vg_frame_at(a->output, a->layout, VG_COL_SLOT, i) = o->slot;
    *(int64_t *)vg_frame_at(a->output, a->layout, VG_COL_LOG, i) = out->log_ns;
    *(int64_t *)vg_frame_at(a->output, a->layout, VG_COL_RECORD, i) = out->log_ns;
    *(int64_t *)vg_frame_at(a->output, a->layout, VG_COL_EVENT, i) = tick_ns;
    *(int64_t *)vg_frame_at(a->output, a->layout, VG_COL_DEVICE, i) = VG_TIME_NONE;
    vg_row_view(ret, a->output, a->layout, i);
    ret->patient = out->patient;
    ret->command = NULL;
}

static void out_episode_id(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                           int channel, uint8_t id[16])
{
    struct apply_out *o = self_of(out);
    const struct vg_identity *who = o->apply->identity;

    vg_episode_id(who->pipeline, who->cluster, who->topic, o->shard, origin, rule, channel,
                  out->patient->id, id);
}

static const char *model_sha256(const struct vg_config *config, const char *name)
{
    for (uint32_t i = 0; name && i < config->models_n; i++) {
        if (strcmp(config->models[i]->name, name) == 0)
            return config->models[i]->sha256;
    }
    return NULL;
}

static void out_event(struct vg_out *out, const struct vg_event *said)
{
    struct apply_out *o = self_of(out);
    struct vg_apply *a = o->apply;
    const struct vg_patient *who = out->patient;
    struct vg_event event = *said;
    struct vg_event_context context = {
        .topic = a->identity->topic,
        .partition = o->shard,
        .config = a->identity->config,
        .model_sha256 = model_sha256(a->config, said->model),
    };
    struct vg_item_event head = { .number = said->number,
                                  .phase = said->phase,
                                  .kind = said->kind,
                                  .priority = said->priority,
                                  .time_ns = said->time_ns };

    event.patient = who->id[0] ? who->id : NULL;
    event.bed = who->bed[0] ? who->bed : NULL;
    event.ward = said->in_ward ? said->in_ward : who->ward;
    out_episode_id(out, &said->origin, said->rule, said->channel, context.episode_id);
    vg_buf_clear(&a->json);
    vg_event_write(&event, &context, &a->json);

    memcpy(head.episode_id, context.episode_id, sizeof(head.episode_id));
    snprintf(head.ward, sizeof(head.ward), "%s", event.ward);
    memcpy(head.patient, who->id, sizeof(head.patient));
    head.json_len = (uint32_t)a->json.len;
    vg_buf_add(&a->events, &head, sizeof(head));
    vg_buf_add(&a->events, a->json.data, a->json.len);
}

/* The answer travels with the command, to whoever waits for it. */
static void out_answer(struct vg_out *out, enum vg_answer answer)
{
    struct apply_out *o = self_of(out);

    VG_CHECK(o->command != NULL);
    o->command->answer = answer;
}

static void out_init(struct apply_out *o, struct vg_apply *a, struct vg_slots *slots,
                     uint32_t shard)
{
    *o = (struct apply_out){
        .out = { .timer = out_timer,
                 .tick = out_tick,
                 .event = out_event,
                 .episode_id = out_episode_id,
                 .answer = out_answer },
        .apply = a,
        .slots = slots,
        .shard = shard,
    };
}

static void out_aim(struct apply_out *o, uint32_t slot, int64_t log_ns)
{
    o->slot = slot;
    o->out.patient = vg_slots_patient(o->slots, slot);
    o->out.log_ns = log_ns;
}

/* Events wait beside the frame while a stage runs, because adding an item may move the frame under
 * the row that the stage is looking at. */
static void append_events(struct vg_apply *a, struct vg_frame **f)
{
    const char *at = a->events.data, *end = at + a->events.len;

    while (at < end) {
        struct vg_item_event head;
        size_t size;

        memcpy(&head, at, sizeof(head));
        size = sizeof(head) + head.json_len;
        memcpy(vg_frame_add_item(f, a->layout, VG_ITEM_EVENT, size), at, size);
        at += size;
    }
    vg_buf_clear(&a->events);
}

/* ---- row stages ---- */

static void fire_timers(struct vg_apply *a, struct apply_out *o, int64_t log_ns)
{
    uint32_t slot;
    int64_t due_ns;

    while (vg_slots_expired(o->slots, log_ns, &slot, &due_ns)) {
        VG_CHECK(a->stage->ops->timer != NULL);
        out_aim(o, slot, due_ns);
        a->stage->ops->timer(a->stage->self, vg_slots_memory(o->slots, slot), &o->out);
    }
}

/* Applies the items that stand before row `i`; a stage that emits rows passes them on. Returns the
 * command of row `i`, if it is one. */
static struct vg_item_command *pass_items(struct vg_apply *a, struct vg_slots *slots,
                                          struct vg_item **item, uint32_t i)
{
    struct vg_item_command *command = NULL;

    if (*item && (*item)->row <= i)
        pass_rows(a);
    for (; *item && (*item)->row <= i; *item = vg_frame_next_item(a->input, a->layout, *item)) {
        if ((*item)->kind == VG_ITEM_PATIENT)
            vg_slots_name(slots, vg_item_body(*item));
        else if ((*item)->kind == VG_ITEM_COMMAND)
            command = vg_item_body(*item);
        if (a->output)
            memcpy(vg_frame_add_item(&a->output, a->layout, (enum vg_item_kind)(*item)->kind,
                                     (*item)->size),
                   vg_item_body(*item), (*item)->size);
    }
    return command;
}

static void rows_one_by_one(struct vg_apply *a)
{
    struct vg_frame *f = a->input;
    struct vg_slots *slots = slots_of(a, f->shard);
    struct vg_item *item = vg_frame_next_item(f, a->layout, NULL);
    struct apply_out o;

    out_init(&o, a, slots, f->shard);
    a->passed = a->passing = 0;
    for (uint32_t i = 0; i < f->rows; i++) {
        uint32_t slot = *(uint32_t *)vg_frame_at(f, a->layout, VG_COL_SLOT, i);
        int64_t log_ns = *(int64_t *)vg_frame_at(f, a->layout, VG_COL_LOG, i);
        struct vg_row row;

        fire_timers(a, &o, log_ns);
        if (a->output && rows_out(a) == a->layout->rows_max)
            flush_output(a);
        o.command = pass_items(a, slots, &item, i);
        vg_row_view(&row, f, a->layout, i);
        if (a->stage->rows & row.kind) {
            out_aim(&o, slot, log_ns);
            row.patient = o.out.patient;
            row.command = o.command;
            a->stage->ops->row(a->stage->self, vg_slots_memory(slots, slot), &row, &o.out);
            if (!a->stage->emits_ticks)
                check_row(a, slots, slot, &row);
        }
        if (a->output && rows_out(a) == a->layout->rows_max)
            flush_output(a);
        a->passing += a->output != NULL;
    }
    if (f->log_ns != VG_TIME_NONE)
        fire_timers(a, &o, f->log_ns);
    pass_items(a, slots, &item, f->rows);
    pass_rows(a);
}

static void forward_rows(struct vg_apply *a)
{
    struct vg_frame *f = a->input;

    if (a->stage->emits_ticks)
        a->output = vg_pool_get(a->pool, VG_FRAME_ROWS, f->shard);
    rows_one_by_one(a);
    if (a->output) {
        check_output(a, a->output);
        append_events(a, &a->output);
        a->output->next_offset = f->next_offset;
        a->output->ordinal = f->ordinal;
        a->output->log_ns = f->log_ns;
        a->output->wall_ns = f->wall_ns;
        a->output->live = f->live;
        a->output->more = f->more;
        vg_pool_put(a->pool, f);
        f = a->output;
        a->output = NULL;
    } else {
        append_events(a, &f);
    }
    a->input = NULL;
    send(a, f);
}

/* ---- wave stages ---- */

static void run_wave(struct vg_apply *a)
{
    struct vg_apply_wave *w = a->wave;

    if (w->wave.n == 0)
        return;
    a->stage->ops->wave(a->stage->self, &w->wave);
    for (uint32_t i = 0; i < w->wave.n; i++)
        check_row(a, w->slots[i], w->slot[i], &w->row[i]);
    w->wave.n = 0;
}

static bool in_wave(const struct vg_apply_wave *w, const struct vg_slots *slots, uint32_t slot)
{
    bool number = false; /* without a way out, so that it becomes vectors */

    for (uint32_t i = 0; i < w->wave.n; i++)
        number |= w->slot[i] == slot;
    for (uint32_t i = 0; number && i < w->wave.n; i++) {
        if (w->slot[i] == slot && w->slots[i] == slots)
            return true;
    }
    return false;
}

static void gather_row(struct vg_apply *a, struct vg_frame *f, struct vg_slots *slots, uint32_t i)
{
    struct vg_apply_wave *w = a->wave;
    uint32_t slot = *(uint32_t *)vg_frame_at(f, a->layout, VG_COL_SLOT, i);
    uint32_t at;

    if (w->wave.n == VG_BATCH_MAX || in_wave(w, slots, slot))
        run_wave(a);
    at = w->wave.n++;
    vg_row_view(&w->row[at], f, a->layout, i);
    w->row[at].patient = vg_slots_patient(slots, slot);
    w->row[at].command = NULL;
    w->memory[at] = vg_slots_memory(slots, slot);
    w->slots[at] = slots;
    w->slot[at] = slot;
}

static void gather_frame(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_slots *slots = slots_of(a, f->shard);
    const uint8_t *kind = vg_frame_column(f, a->layout, VG_COL_KIND);

    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, a->layout, item));) {
        if (item->kind == VG_ITEM_PATIENT)
            vg_slots_name(slots, vg_item_body(item));
    }
    for (uint32_t i = 0; i < f->rows; i++) {
        if (a->stage->rows & kind[i])
            gather_row(a, f, slots, i);
    }
}

/* Runs what is gathered and lets its frames go. */
static void release(struct vg_apply *a)
{
    struct vg_apply_wave *w = a->wave;

    run_wave(a);
    for (uint32_t i = 0; i < w->frames; i++)
        send(a, w->frame[i]);
    w->frames = 0;
}

static void gather(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_apply_wave *w = a->wave;

    w->frame[w->frames++] = f;
    gather_frame(a, f);
    if (w->frames == GATHER_MAX)
        release(a);
}

/* ---- frames that are not rows ---- */

static void save(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_item_slab head = { .place = a->place, .version = a->stage->ops->memory_version };

    snprintf(head.stage, sizeof(head.stage), "%s", a->stage->ops->name);
    memcpy(head.identity, a->stage->identity, sizeof(head.identity));
    vg_slots_save(slots_of(a, f->shard), &f, a->layout, &head);
    send(a, f);
}

static bool slab_fits(const struct vg_apply *a, const struct vg_item_slab *slab)
{
    return slab->version == a->stage->ops->memory_version && slab->each == a->stage->memory_size &&
           memcmp(slab->identity, a->stage->identity, sizeof(slab->identity)) == 0;
}

static void drop(struct vg_apply *a, uint32_t shard)
{
    vg_slots_free(a->shard[shard]);
    a->shard[shard] = NULL;
}

static void load(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_slots *slots;
    bool warm = f->tail_len == 0; /* no snapshot: there is nothing to miss */

    drop(a, f->shard);
    slots = slots_of(a, f->shard);
    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, a->layout, item));) {
        const struct vg_item_slab *slab = vg_item_body(item);

        if (item->kind == VG_ITEM_PATIENT) {
            vg_slots_name(slots, vg_item_body(item));
        } else if (item->kind == VG_ITEM_SLAB && slab->place == a->place &&
                   strcmp(slab->stage, a->stage->ops->name) == 0 && slab_fits(a, slab) &&
                   slab->count <= vg_slots_count(slots)) {
            vg_slots_load(slots, slab);
            warm = true;
        }
    }
    if (!warm)
        vg_log(VG_LOG_WARN, a->name,
               "shard %u: stage %s starts without its memory: its options, model or layout are not "
               "those of the snapshot",
               f->shard, a->stage->ops->name);
    send(a, f);
}

/* The memory of every shard comes again, from the barriers that went before. */
static void change(struct vg_apply *a)
{
    VG_CHECK(a->next.stage != NULL && a->next.stage->ops == a->stage->ops);
    for (uint32_t s = 0; s < a->shards; s++)
        drop(a, s);
    a->config = a->next.config;
    a->stage = a->next.stage;
}

static void forward_mark(struct vg_apply *a, struct vg_frame *f)
{
    switch ((enum vg_frame_kind)f->kind) {
    case VG_FRAME_BARRIER:
        save(a, f);
        break;
    case VG_FRAME_RESTORE:
        load(a, f);
        break;
    case VG_FRAME_DROP:
        drop(a, f->shard);
        send(a, f);
        break;
    case VG_FRAME_CHANGE:
        change(a);
        send(a, f);
        break;
    case VG_FRAME_END:
        a->ended = true;
        send(a, f);
        break;
    case VG_FRAME_ROWS:
        break;
    }
}

/* ---- from outside ---- */

vg_status vg_apply_open(struct vg_apply *a, struct vg_err *err)
{
    vg_kernel_thread_init();
    a->shard = calloc(a->shards, sizeof(struct vg_slots *));
    VG_CHECK(a->shard != NULL);
    if (a->stage->ops->wave) {
        a->wave = calloc(1, sizeof(*a->wave));
        VG_CHECK(a->wave != NULL);
        a->wave->wave.rows = a->wave->row;
        a->wave->wave.memory = a->wave->memory;
    }
    return a->stage->ops->open ? a->stage->ops->open(a->stage->self, err) : VG_OK;
}

void vg_apply_done(struct vg_apply *a)
{
    for (uint32_t s = 0; a->shard && s < a->shards; s++)
        vg_slots_free(a->shard[s]);
    for (uint32_t i = 0; a->wave && i < a->wave->frames; i++)
        vg_pool_put(a->pool, a->wave->frame[i]);
    free(a->shard);
    free(a->wave);
    vg_buf_done(&a->events);
    vg_buf_done(&a->json);
}

void vg_apply_frame(struct vg_apply *a, struct vg_frame *f)
{
    bool rows = f->kind == VG_FRAME_ROWS;

    if (rows && a->wave) {
        gather(a, f);
        return;
    }
    vg_apply_release(a);
    a->input = f;
    if (rows)
        forward_rows(a);
    else
        forward_mark(a, f);
}

bool vg_apply_waits(const struct vg_apply *a)
{
    return a->wave && a->wave->frames > 0;
}

void vg_apply_release(struct vg_apply *a)
{
    if (vg_apply_waits(a))
        release(a);
}
