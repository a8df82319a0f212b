/* apply_rows.c - stages that take rows one by one: in log order, with timers between them. */
#include "runtime/apply_private.h"

#include <string.h>

/* ---- what a stage may do ---- */

static void out_timer(struct vg_out *out, int64_t due_ns)
{
    struct vg_apply_out *o = vg_apply_self(out);

    /* The past cannot be reached any more: such a timer fires as soon as time moves. */
    if (due_ns != VG_TIME_NONE && due_ns < out->log_ns)
        due_ns = out->log_ns;
    vg_slots_arm(o->slots, o->slot, due_ns);
}

/* The columns of a stage that emits rows are in those rows, not in the ones it was given. */
static void check_output(struct vg_apply *a, struct vg_frame *f)
{
    for (uint32_t i = 0; i < f->rows; i++) {
        struct vg_row row;

        if (*(uint8_t *)vg_frame_at(f, a->layout, VG_COL_KIND, i) != VG_ROW_TICK)
            continue;
        vg_row_view(&row, f, a->layout, i);
        vg_apply_check(a, vg_apply_slots(a, f->shard),
                       *(uint32_t *)vg_frame_at(f, a->layout, VG_COL_SLOT, i), &row);
    }
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
    vg_apply_send(a, full);
}

static void out_tick(struct vg_out *out, int64_t tick_ns, struct vg_row *ret)
{
    struct vg_apply_out *o = vg_apply_self(out);
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

/* The answer travels with the command, to whoever waits for it. */
static void out_answer(struct vg_out *out, enum vg_answer answer)
{
    struct vg_apply_out *o = vg_apply_self(out);

    VG_CHECK(o->command != NULL);
    o->command->answer = answer;
}

static void out_init(struct vg_apply_out *o, struct vg_apply *a, struct vg_slots *slots,
                     uint32_t shard)
{
    *o = (struct vg_apply_out){
        .out = { .timer = out_timer,
                 .tick = out_tick,
                 .event = vg_apply_event,
                 .episode_id = vg_apply_episode_id,
                 .answer = out_answer },
        .apply = a,
        .slots = slots,
        .shard = shard,
    };
}

static void out_aim(struct vg_apply_out *o, uint32_t slot, int64_t log_ns)
{
    o->slot = slot;
    o->out.patient = vg_slots_patient(o->slots, slot);
    o->out.log_ns = log_ns;
}

/* ---- rows ---- */

static void fire_timers(struct vg_apply *a, struct vg_apply_out *o, int64_t log_ns)
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
    struct vg_slots *slots = vg_apply_slots(a, f->shard);
    struct vg_item *item = vg_frame_next_item(f, a->layout, NULL);
    struct vg_apply_out o;

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
                vg_apply_check(a, slots, slot, &row);
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

void vg_apply_rows(struct vg_apply *a)
{
    struct vg_frame *f = a->input;

    if (a->stage->emits_ticks)
        a->output = vg_pool_get(a->pool, VG_FRAME_ROWS, f->shard);
    rows_one_by_one(a);
    if (a->output) {
        check_output(a, a->output);
        vg_apply_append_events(a, &a->output);
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
        vg_apply_append_events(a, &f);
    }
    a->input = NULL;
    vg_apply_send(a, f);
}
