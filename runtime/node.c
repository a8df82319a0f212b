/* node.c - frames through a stage: rows in log order, timers between them, waves across frames. */
#include "runtime/node.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/kernel.h"
#include "runtime/hash.h"
#include "runtime/log.h"
#include "runtime/slots.h"

/* Frames that a wave stage takes at most before it hands the first one on. */
enum { GATHER_MAX = 8 };

struct vg_node_wave {
    struct vg_frame *frame[GATHER_MAX];
    uint32_t frames;
    struct vg_wave wave;
    struct vg_row row[VG_BATCH_MAX];
    void *memory[VG_BATCH_MAX];
    struct vg_slots *slots[VG_BATCH_MAX];
    uint32_t slot[VG_BATCH_MAX];
};

/* What the stage acts through, and for whom. */
struct node_out {
    struct vg_out out; /* first: the stage has a pointer to it */
    struct vg_node *node;
    struct vg_slots *slots;
    uint32_t shard;
    uint32_t slot;
};

static struct node_out *self_of(struct vg_out *out)
{
    return (struct node_out *)out;
}

static struct vg_slots *slots_of(struct vg_node *n, uint32_t shard)
{
    VG_CHECK(shard < n->shards);
    if (!n->shard[shard])
        n->shard[shard] = vg_slots_new(n->stage->memory_size);
    return n->shard[shard];
}

static void send(struct vg_node *n, struct vg_frame *f)
{
    vg_link_send(&n->to, f, true);
}

/* ---- what a stage returned ---- */

static bool finite_columns(const struct vg_node *n, const struct vg_row *row)
{
    bool finite = true;

    for (uint32_t c = 0; c < n->stage->columns; c++) {
        int column = (int)(n->stage->first_column + c);
        const float *x = vg_row_column(row, column);

        for (uint32_t w = 0; w < n->layout->column[column].width; w++)
            finite = finite && isfinite(x[w]);
    }
    return finite;
}

static void check_row(struct vg_node *n, struct vg_slots *slots, uint32_t slot, struct vg_row *row)
{
    if (n->stage->columns == 0 || finite_columns(n, row))
        return;
    for (uint32_t c = 0; c < n->stage->columns; c++) {
        int column = (int)(n->stage->first_column + c);

        memset(vg_row_column(row, column), 0, sizeof(float) * n->layout->column[column].width);
    }
    *(uint8_t *)vg_frame_at(row->frame, n->layout, VG_COL_FLAGS, row->i) |= VG_ROW_MODEL_ERROR;
    vg_slots_forget(slots, slot);
}

/* The columns of a stage that emits rows are in those rows, not in the ones it was given. */
static void check_output(struct vg_node *n, struct vg_frame *f)
{
    for (uint32_t i = 0; i < f->rows; i++) {
        struct vg_row row;

        if (*(uint8_t *)vg_frame_at(f, n->layout, VG_COL_KIND, i) != VG_ROW_TICK)
            continue;
        vg_row_view(&row, f, n->layout, i);
        check_row(n, slots_of(n, f->shard), *(uint32_t *)vg_frame_at(f, n->layout, VG_COL_SLOT, i),
                  &row);
    }
}

/* ---- what a stage may do ---- */

static void out_timer(struct vg_out *out, int64_t due_ns)
{
    struct node_out *o = self_of(out);

    /* The past cannot be reached any more: such a timer fires as soon as time moves. */
    if (due_ns != VG_TIME_NONE && due_ns < out->log_ns)
        due_ns = out->log_ns;
    vg_slots_arm(o->slots, o->slot, due_ns);
}

/* An output frame that is full leaves with the position of the whole input frame: the position says
 * up to where the log was read, and nothing behind it has been. Its log time is that of its last row
 * alone: rows that are still to come must not find timers fired that they would have put off. */
static void flush_output(struct vg_node *n)
{
    struct vg_frame *full = n->output;

    check_output(n, full);
    full->next_offset = n->input->next_offset;
    full->ordinal = n->input->ordinal;
    full->log_ns = *(int64_t *)vg_frame_at(full, n->layout, VG_COL_LOG, full->rows - 1);
    full->wall_ns = n->input->wall_ns;
    full->live = n->input->live;
    full->more = true;
    n->output = vg_pool_get(n->pool, VG_FRAME_ROWS, full->shard);
    send(n, full);
}

static void out_tick(struct vg_out *out, int64_t tick_ns, struct vg_row *ret)
{
    struct node_out *o = self_of(out);
    struct vg_node *n = o->node;
    uint32_t i;

    VG_CHECK(n->stage->emits_ticks);
    if (n->output->rows == n->layout->rows_max)
        flush_output(n);
    i = vg_frame_add_row(n->output, n->layout);
    *(uint8_t *)vg_frame_at(n->output, n->layout, VG_COL_KIND, i) = VG_ROW_TICK;
    *(uint32_t *)vg_frame_at(n->output, n->layout, VG_COL_SLOT, i) = o->slot;
    *(int64_t *)vg_frame_at(n->output, n->layout, VG_COL_LOG, i) = out->log_ns;
    *(int64_t *)vg_frame_at(n->output, n->layout, VG_COL_RECORD, i) = out->log_ns;
    *(int64_t *)vg_frame_at(n->output, n->layout, VG_COL_EVENT, i) = tick_ns;
    *(int64_t *)vg_frame_at(n->output, n->layout, VG_COL_DEVICE, i) = VG_TIME_NONE;
    vg_row_view(ret, n->output, n->layout, i);
    ret->patient = out->patient;
    ret->command = NULL;
}

static void out_episode_id(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                           int channel, uint8_t id[16])
{
    struct node_out *o = self_of(out);
    const struct vg_identity *who = o->node->identity;

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
    struct node_out *o = self_of(out);
    struct vg_node *n = o->node;
    const struct vg_patient *who = out->patient;
    struct vg_event event = *said;
    struct vg_event_context context = {
        .topic = n->identity->topic,
        .partition = o->shard,
        .config = n->identity->config,
        .model_sha256 = model_sha256(n->config, said->model),
    };
    struct vg_item_event head = { .number = said->number,
                                  .phase = said->phase,
                                  .kind = said->kind,
                                  .priority = said->priority,
                                  .time_ns = said->time_ns };

    event.patient = who->id[0] ? who->id : NULL;
    event.bed = who->bed[0] ? who->bed : NULL;
    event.ward = who->ward;
    out_episode_id(out, &said->origin, said->rule, said->channel, context.episode_id);
    vg_buf_clear(&n->json);
    vg_event_write(&event, &context, &n->json);

    memcpy(head.episode_id, context.episode_id, sizeof(head.episode_id));
    memcpy(head.ward, who->ward, sizeof(head.ward));
    memcpy(head.patient, who->id, sizeof(head.patient));
    head.json_len = (uint32_t)n->json.len;
    vg_buf_add(&n->events, &head, sizeof(head));
    vg_buf_add(&n->events, n->json.data, n->json.len);
}

static void out_init(struct node_out *o, struct vg_node *n, struct vg_slots *slots, uint32_t shard)
{
    *o = (struct node_out){
        .out = { .timer = out_timer,
                 .tick = out_tick,
                 .event = out_event,
                 .episode_id = out_episode_id },
        .node = n,
        .slots = slots,
        .shard = shard,
    };
}

static void out_aim(struct node_out *o, uint32_t slot, int64_t log_ns)
{
    o->slot = slot;
    o->out.patient = vg_slots_patient(o->slots, slot);
    o->out.log_ns = log_ns;
}

/* Events wait beside the frame while a stage runs, because adding an item may move the frame under
 * the row that the stage is looking at. */
static void append_events(struct vg_node *n, struct vg_frame **f)
{
    const char *at = n->events.data, *end = at + n->events.len;

    while (at < end) {
        struct vg_item_event head;
        size_t size;

        memcpy(&head, at, sizeof(head));
        size = sizeof(head) + head.json_len;
        memcpy(vg_frame_add_item(f, n->layout, VG_ITEM_EVENT, size), at, size);
        at += size;
    }
    vg_buf_clear(&n->events);
}

/* ---- row stages ---- */

static void fire_timers(struct vg_node *n, struct node_out *o, int64_t log_ns)
{
    uint32_t slot;
    int64_t due_ns;

    while (vg_slots_expired(o->slots, log_ns, &slot, &due_ns)) {
        VG_CHECK(n->stage->ops->timer != NULL);
        out_aim(o, slot, due_ns);
        n->stage->ops->timer(n->stage->self, vg_slots_memory(o->slots, slot), &o->out);
    }
}

/* Applies the items that stand before row `i`; a stage that emits rows passes them on. Returns the
 * command of row `i`, if it is one. */
static const struct vg_item_command *pass_items(struct vg_node *n, struct vg_slots *slots,
                                                struct vg_item **item, uint32_t i)
{
    const struct vg_item_command *command = NULL;

    for (; *item && (*item)->row <= i; *item = vg_frame_next_item(n->input, n->layout, *item)) {
        if ((*item)->kind == VG_ITEM_PATIENT)
            vg_slots_name(slots, vg_item_body(*item));
        else if ((*item)->kind == VG_ITEM_COMMAND)
            command = vg_item_body(*item);
        if (n->output)
            memcpy(vg_frame_add_item(&n->output, n->layout, (enum vg_item_kind)(*item)->kind,
                                     (*item)->size),
                   vg_item_body(*item), (*item)->size);
    }
    return command;
}

static void pass_row(struct vg_node *n, uint32_t i)
{
    if (!n->output)
        return;
    /* Later columns, its own among them, are still empty in a row that is only passed on. */
    vg_frame_copy_row(n->output, n->layout, n->input, i, n->stage->first_column);
}

static void rows_one_by_one(struct vg_node *n)
{
    struct vg_frame *f = n->input;
    struct vg_slots *slots = slots_of(n, f->shard);
    struct vg_item *item = vg_frame_next_item(f, n->layout, NULL);
    struct node_out o;

    out_init(&o, n, slots, f->shard);
    for (uint32_t i = 0; i < f->rows; i++) {
        uint32_t slot = *(uint32_t *)vg_frame_at(f, n->layout, VG_COL_SLOT, i);
        int64_t log_ns = *(int64_t *)vg_frame_at(f, n->layout, VG_COL_LOG, i);
        const struct vg_item_command *command;
        struct vg_row row;

        fire_timers(n, &o, log_ns);
        if (n->output && n->output->rows == n->layout->rows_max)
            flush_output(n);
        command = pass_items(n, slots, &item, i);
        vg_row_view(&row, f, n->layout, i);
        if (n->stage->rows & row.kind) {
            out_aim(&o, slot, log_ns);
            row.patient = o.out.patient;
            row.command = command;
            n->stage->ops->row(n->stage->self, vg_slots_memory(slots, slot), &row, &o.out);
            if (!n->stage->emits_ticks)
                check_row(n, slots, slot, &row);
        }
        if (n->output && n->output->rows == n->layout->rows_max)
            flush_output(n);
        pass_row(n, i);
    }
    if (f->log_ns != VG_TIME_NONE)
        fire_timers(n, &o, f->log_ns);
    pass_items(n, slots, &item, f->rows);
}

static void forward_rows(struct vg_node *n)
{
    struct vg_frame *f = n->input;

    if (n->stage->emits_ticks)
        n->output = vg_pool_get(n->pool, VG_FRAME_ROWS, f->shard);
    rows_one_by_one(n);
    if (n->output) {
        check_output(n, n->output);
        append_events(n, &n->output);
        n->output->next_offset = f->next_offset;
        n->output->ordinal = f->ordinal;
        n->output->log_ns = f->log_ns;
        n->output->wall_ns = f->wall_ns;
        n->output->live = f->live;
        n->output->more = f->more;
        vg_pool_put(n->pool, f);
        f = n->output;
        n->output = NULL;
    } else {
        append_events(n, &f);
    }
    n->input = NULL;
    send(n, f);
}

/* ---- wave stages ---- */

static void run_wave(struct vg_node *n)
{
    struct vg_node_wave *w = n->wave;

    if (w->wave.n == 0)
        return;
    n->stage->ops->wave(n->stage->self, &w->wave);
    for (uint32_t i = 0; i < w->wave.n; i++)
        check_row(n, w->slots[i], w->slot[i], &w->row[i]);
    w->wave.n = 0;
}

static bool in_wave(const struct vg_node_wave *w, const struct vg_slots *slots, uint32_t slot)
{
    for (uint32_t i = 0; i < w->wave.n; i++) {
        if (w->slot[i] == slot && w->slots[i] == slots)
            return true;
    }
    return false;
}

static void gather_row(struct vg_node *n, struct vg_frame *f, struct vg_slots *slots, uint32_t i)
{
    struct vg_node_wave *w = n->wave;
    uint32_t slot = *(uint32_t *)vg_frame_at(f, n->layout, VG_COL_SLOT, i);
    uint32_t at;

    if (w->wave.n == VG_BATCH_MAX || in_wave(w, slots, slot))
        run_wave(n);
    at = w->wave.n++;
    vg_row_view(&w->row[at], f, n->layout, i);
    w->row[at].patient = vg_slots_patient(slots, slot);
    w->row[at].command = NULL;
    w->memory[at] = vg_slots_memory(slots, slot);
    w->slots[at] = slots;
    w->slot[at] = slot;
}

static void gather_frame(struct vg_node *n, struct vg_frame *f)
{
    struct vg_slots *slots = slots_of(n, f->shard);
    const uint8_t *kind = vg_frame_column(f, n->layout, VG_COL_KIND);

    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, n->layout, item));) {
        if (item->kind == VG_ITEM_PATIENT)
            vg_slots_name(slots, vg_item_body(item));
    }
    for (uint32_t i = 0; i < f->rows; i++) {
        if (n->stage->rows & kind[i])
            gather_row(n, f, slots, i);
    }
}

/* Takes the frames that wait behind the first, up to one that is not rows; returns that one. */
static struct vg_frame *gather(struct vg_node *n)
{
    struct vg_node_wave *w = n->wave;
    struct vg_frame *f = NULL;

    w->frames = 0;
    w->frame[w->frames++] = n->input;
    gather_frame(n, n->input);
    while (w->frames < GATHER_MAX && (f = vg_link_recv(&n->from, 0)) != NULL) {
        if (f->kind != VG_FRAME_ROWS)
            break;
        w->frame[w->frames++] = f;
        gather_frame(n, f);
        f = NULL;
    }
    run_wave(n);
    for (uint32_t i = 0; i < w->frames; i++)
        send(n, w->frame[i]);
    n->input = NULL;
    return f;
}

/* ---- frames that are not rows ---- */

static void save(struct vg_node *n, struct vg_frame *f)
{
    struct vg_item_slab head = { .place = n->place, .version = n->stage->ops->memory_version };

    snprintf(head.stage, sizeof(head.stage), "%s", n->stage->ops->name);
    memcpy(head.identity, n->stage->identity, sizeof(head.identity));
    vg_slots_save(slots_of(n, f->shard), &f, n->layout, &head);
    send(n, f);
}

static bool slab_fits(const struct vg_node *n, const struct vg_item_slab *slab)
{
    return slab->version == n->stage->ops->memory_version && slab->each == n->stage->memory_size &&
           memcmp(slab->identity, n->stage->identity, sizeof(slab->identity)) == 0;
}

static void load(struct vg_node *n, struct vg_frame *f)
{
    struct vg_slots *slots;
    bool warm = f->tail_len == 0; /* no snapshot: there is nothing to miss */

    vg_slots_free(n->shard[f->shard]);
    n->shard[f->shard] = NULL;
    slots = slots_of(n, f->shard);
    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, n->layout, item));) {
        const struct vg_item_slab *slab = vg_item_body(item);

        if (item->kind == VG_ITEM_PATIENT) {
            vg_slots_name(slots, vg_item_body(item));
        } else if (item->kind == VG_ITEM_SLAB && slab->place == n->place &&
                   strcmp(slab->stage, n->stage->ops->name) == 0 && slab_fits(n, slab) &&
                   slab->count <= vg_slots_count(slots)) {
            vg_slots_load(slots, slab);
            warm = true;
        }
    }
    if (!warm)
        vg_log(VG_LOG_WARN, n->thread.name,
               "shard %u: stage %s starts without its memory: its options, model or layout are not "
               "those of the snapshot",
               f->shard, n->stage->ops->name);
    send(n, f);
}

static void forward_mark(struct vg_node *n, struct vg_frame *f)
{
    switch ((enum vg_frame_kind)f->kind) {
    case VG_FRAME_BARRIER:
        save(n, f);
        break;
    case VG_FRAME_RESTORE:
        load(n, f);
        break;
    case VG_FRAME_DROP:
        vg_slots_free(n->shard[f->shard]);
        n->shard[f->shard] = NULL;
        send(n, f);
        break;
    case VG_FRAME_END:
        n->ended = true;
        send(n, f);
        break;
    case VG_FRAME_ROWS:
        break;
    }
}

static void forward(struct vg_node *n, struct vg_frame *f)
{
    while (f) {
        struct vg_frame *next = NULL;

        n->input = f;
        if (f->kind != VG_FRAME_ROWS)
            forward_mark(n, f);
        else if (n->wave)
            next = gather(n);
        else
            forward_rows(n);
        f = next;
    }
}

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
    size_t len = strlen(n->stage->ops->name);
    bool mine = fault && strncmp(fault, n->stage->ops->name, len) == 0 && fault[len] == ':';

    return mine ? fault + len + 1 : NULL;
}

static vg_status open_node(struct vg_node *n, struct vg_err *err)
{
    vg_status st;

    vg_kernel_thread_init();
    n->stall = stall_file(n);
    n->shard = calloc(n->shards, sizeof(struct vg_slots *));
    VG_CHECK(n->shard != NULL);
    if (n->stage->ops->wave) {
        n->wave = calloc(1, sizeof(*n->wave));
        VG_CHECK(n->wave != NULL);
        n->wave->wave.rows = n->wave->row;
        n->wave->wave.memory = n->wave->memory;
    }
    if (n->stage->ops->open && (st = n->stage->ops->open(n->stage->self, err)) != VG_OK)
        return st;
    if ((st = vg_link_bind(&n->from, n->zmq, n->in, err)) != VG_OK)
        return st;
    return vg_link_connect(&n->to, n->zmq, n->out, n->lane, err);
}

vg_status vg_node_run(void *node, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_node *n = node;
    vg_status st = open_node(n, err);

    if (st == VG_OK) {
        vg_thread_ready(thread);
        while (!n->ended) {
            struct vg_frame *f = vg_link_recv(&n->from, -1);

            stall_if_told(n);
            forward(n, f);
        }
    }
    vg_link_done(&n->from);
    vg_link_done(&n->to);
    for (uint32_t s = 0; n->shard && s < n->shards; s++)
        vg_slots_free(n->shard[s]);
    free(n->shard);
    free(n->wave);
    vg_buf_done(&n->events);
    vg_buf_done(&n->json);
    return st;
}
