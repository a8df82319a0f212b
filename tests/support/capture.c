/* capture.c - one stage without threads; see capture.h. */
#include "tests/support/capture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

struct capture_out {
    struct vg_out out; /* first: the stage has a pointer to it */
    struct capture *c;
    struct capture_patient *patient;
};

/* ---- what the stage says ---- */

static void write_cell(struct vg_buf *b, const struct vg_row *row, int c)
{
    vg_buf_printf(b, ",\"%s\":\"", vg_channels[c].name);
    if (vg_usable(row->quality[c]) || row->quality[c] == VG_Q_IMPUTED) {
        vg_buf_float(b, row->value[c]);
        vg_buf_char(b, ' ');
    }
    vg_buf_str(b, vg_quality_name(row->quality[c]));
    if (row->reason[c])
        vg_buf_printf(b, " %s", vg_reason_name(row->reason[c]));
    vg_buf_char(b, '"');
}

/* A tick is written when the stage says the next thing or returns, because it is filled until
 * then. */
static void flush_tick(struct capture *c)
{
    if (!c->tick_pending)
        return;
    c->tick_pending = false;
    c->tick_count++;
    vg_buf_str(&c->out, "{\"tick\":");
    vg_buf_json_time(&c->out, c->tick.event_ns);
    vg_buf_str(&c->out, ",\"log\":");
    vg_buf_json_time(&c->out, c->tick.log_ns);
    vg_buf_str(&c->out, ",\"patient\":");
    vg_buf_json_str(&c->out, c->tick.patient->id);
    for (int i = 0; i < VG_CHANNELS; i++) {
        if (c->tick.quality[i] != VG_Q_ABSENT)
            write_cell(&c->out, &c->tick, i);
    }
    vg_buf_str(&c->out, "}\n");
}

static void out_timer(struct vg_out *out, int64_t due_ns)
{
    struct capture_out *o = (struct capture_out *)out;

    flush_tick(o->c);
    o->patient->due_ns = due_ns;
}

static void out_tick(struct vg_out *out, int64_t tick_ns, struct vg_row *ret)
{
    struct capture_out *o = (struct capture_out *)out;
    struct capture *c = o->c;
    uint32_t i;

    cr_assert(c->plan.emits_ticks, "a stage emits ticks without having said so");
    flush_tick(c);
    vg_frame_reset(c->ticks, VG_FRAME_ROWS, 0);
    i = vg_frame_add_row(c->ticks, &c->layout);
    *(uint8_t *)vg_frame_at(c->ticks, &c->layout, VG_COL_KIND, i) = VG_ROW_TICK;
    *(int64_t *)vg_frame_at(c->ticks, &c->layout, VG_COL_LOG, i) = out->log_ns;
    *(int64_t *)vg_frame_at(c->ticks, &c->layout, VG_COL_RECORD, i) = out->log_ns;
    *(int64_t *)vg_frame_at(c->ticks, &c->layout, VG_COL_EVENT, i) = tick_ns;
    *(int64_t *)vg_frame_at(c->ticks, &c->layout, VG_COL_DEVICE, i) = VG_TIME_NONE;
    vg_row_view(&c->tick, c->ticks, &c->layout, i);
    c->tick.patient = out->patient;
    c->tick.command = NULL;
    c->tick_pending = true;
    *ret = c->tick;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

/* Over the same things as the runtime's id, by a hash that needs no library. */
static void out_episode_id(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                           int channel, uint8_t id[16])
{
    uint64_t half[2] = { UINT64_C(0xcbf29ce484222325), 0 };

    half[0] = mix(half[0], rule, strlen(rule));
    half[0] = mix(half[0], &channel, sizeof(channel));
    if (origin->has_due) {
        half[0] = mix(half[0], &origin->due_ns, sizeof(origin->due_ns));
        half[0] = mix(half[0], out->patient->id, strlen(out->patient->id));
    } else {
        half[0] = mix(half[0], &origin->offset, sizeof(origin->offset));
        half[0] = mix(half[0], &origin->index, sizeof(origin->index));
    }
    half[1] = mix(half[0], "second half", 11);
    memcpy(id, half, sizeof(half));
}

static void out_event(struct vg_out *out, const struct vg_event *said)
{
    struct capture_out *o = (struct capture_out *)out;
    struct vg_event event = *said;
    struct vg_event_context context = {
        .topic = "vitals",
        .config = "sha256:test",
        .model_sha256 = "00",
    };

    flush_tick(o->c);
    cr_assert_lt(strlen(said->text), VG_EVENT_TEXT);
    event.patient = out->patient->id[0] ? out->patient->id : NULL;
    event.bed = out->patient->bed[0] ? out->patient->bed : NULL;
    event.ward = said->in_ward ? said->in_ward : out->patient->ward;
    out_episode_id(out, &said->origin, said->rule, said->channel, context.episode_id);
    memcpy(o->c->episode_id, context.episode_id, sizeof(context.episode_id));
    o->c->event_count++;
    vg_event_write(&event, &context, &o->c->out);
    vg_buf_char(&o->c->out, '\n');
}

static void out_answer(struct vg_out *out, enum vg_answer answer)
{
    struct capture_out *o = (struct capture_out *)out;

    o->c->answer = answer;
}

static void aim(struct capture_out *o, struct capture *c, struct capture_patient *p, int64_t log_ns)
{
    *o = (struct capture_out){
        .out = { .timer = out_timer,
                 .tick = out_tick,
                 .event = out_event,
                 .episode_id = out_episode_id,
                 .answer = out_answer,
                 .patient = &p->who,
                 .log_ns = log_ns },
        .c = c,
        .patient = p,
    };
}

/* ---- set-up ---- */

struct capture *capture_new(const struct vg_stage_ops *stage)
{
    struct capture *c = calloc(1, sizeof(*c));

    cr_assert_not_null(c);
    c->stage = stage;
    c->self = calloc(1, stage->self_size ? stage->self_size : 1);
    cr_assert_not_null(c->self);
    if (stage->options)
        vg_options_default(stage->options, c->self);
    vg_layout_init(&c->layout);
    c->plan.layout = &c->layout;
    c->plan.stage = stage->name;
    return c;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    if (c->stage->close)
        c->stage->close(c->self);
    if (c->stage->options)
        vg_options_done(c->stage->options, c->self);
    for (uint32_t i = 0; i < c->patients; i++)
        free(c->patient[i].memory);
    vg_frame_free(c->in);
    vg_frame_free(c->ticks);
    vg_buf_done(&c->out);
    free(c->self);
    free(c);
}

void capture_option(struct capture *c, const char *name, const char *key, const char *text)
{
    const struct vg_option *opt = vg_option_find(c->stage->options, name);
    bool adds;
    vg_status st;

    cr_assert_not_null(opt, "stage %s has no option %s", c->stage->name, name);
    adds = opt->type == VG_OPT_CHANNELS_ || opt->type == VG_OPT_LIST_ || opt->type == VG_OPT_MAP_;
    st = adds ? vg_option_add(opt, c->self, key, text, &c->err)
              : vg_option_set(opt, c->self, text, &c->err);
    cr_assert_eq(st, VG_OK, "%s", c->err.msg);
}

int capture_column(struct capture *c, const char *name, uint32_t width,
                   const struct vg_model *model)
{
    int column = VG_ROW_NONE;

    c->plan.stage = "earlier";
    cr_assert_eq(vg_plan_add_column(&c->plan, name, width, model, &column, &c->err), VG_OK, "%s",
                 c->err.msg);
    c->plan.stage = c->stage->name;
    return column;
}

vg_status capture_plan(struct capture *c)
{
    vg_status st = c->stage->plan(c->self, &c->plan, &c->err);

    c->started = st == VG_OK;
    return st;
}

void capture_start(struct capture *c)
{
    if (!c->started)
        cr_assert_eq(capture_plan(c), VG_OK, "%s", c->err.msg);
    vg_layout_finish(&c->layout, CAPTURE_ROWS);
    c->in = vg_frame_new(&c->layout, 0);
    c->ticks = vg_frame_new(&c->layout, 0);
    if (c->stage->open)
        cr_assert_eq(c->stage->open(c->self, &c->err), VG_OK, "%s", c->err.msg);
}

void capture_poison(struct capture *c, float poison)
{
    c->poisoned = true;
    c->poison = poison;
}

/* ---- rows ---- */

struct capture_row capture_row(const char *patient, int64_t log_ns)
{
    struct capture_row r = {
        .bed = "icu-a/01",
        .kind = VG_ROW_SAMPLE,
        .offset = -1,
        .log_ns = log_ns,
        .event_ns = log_ns,
        .record_ns = log_ns,
        .device_ns = log_ns,
    };

    snprintf(r.patient, sizeof(r.patient), "%s", patient);
    return r;
}

void capture_value(struct capture_row *r, int channel, float value)
{
    r->value[channel] = value;
    r->quality[channel] = VG_Q_GOOD;
}

void capture_quality(struct capture_row *r, int channel, enum vg_quality quality,
                     enum vg_reason reason)
{
    r->quality[channel] = (uint8_t)quality;
    r->reason[channel] = (uint8_t)reason;
    if (!vg_usable(r->quality[channel]))
        r->value[channel] = 0;
}

static struct capture_patient *patient_of(struct capture *c, const char *id)
{
    struct capture_patient *p;

    for (uint32_t i = 0; i < c->patients; i++) {
        if (strcmp(c->patient[i].who.id, id) == 0)
            return &c->patient[i];
    }
    cr_assert_lt(c->patients, CAPTURE_PATIENTS, "more patients than capture has room for");
    p = &c->patient[c->patients++];
    snprintf(p->who.id, sizeof(p->who.id), "%s", id);
    p->memory = calloc(1, c->plan.memory_size ? c->plan.memory_size : 1);
    cr_assert_not_null(p->memory);
    p->due_ns = VG_TIME_NONE;
    return p;
}

static struct capture_patient *earliest(struct capture *c, int64_t before_ns)
{
    struct capture_patient *best = NULL;

    for (uint32_t i = 0; i < c->patients; i++) {
        struct capture_patient *p = &c->patient[i];

        if (p->due_ns == VG_TIME_NONE || p->due_ns >= before_ns)
            continue;
        if (!best || p->due_ns < best->due_ns ||
            (p->due_ns == best->due_ns && strcmp(p->who.id, best->who.id) < 0))
            best = p;
    }
    return best;
}

void capture_clock(struct capture *c, int64_t log_ns)
{
    struct capture_patient *p;

    while ((p = earliest(c, log_ns)) != NULL) {
        struct capture_out o;

        aim(&o, c, p, p->due_ns);
        p->due_ns = VG_TIME_NONE;
        cr_assert_not_null(c->stage->timer, "a stage arms a timer without a timer()");
        c->stage->timer(c->self, p->memory, &o.out);
        flush_tick(c);
    }
}

static struct capture_patient *put_row(struct capture *c, const struct capture_row *row)
{
    struct capture_patient *p = patient_of(c, row->patient);
    uint32_t i = vg_frame_add_row(c->in, &c->layout);
    int64_t offset = row->offset >= 0 ? row->offset : c->next_offset;
    float *value = vg_frame_at(c->in, &c->layout, VG_COL_VALUE, i);

    c->next_offset = offset + 1;
    if (row->patient[0]) {
        snprintf(p->who.bed, sizeof(p->who.bed), "%s", row->bed);
        vg_ward_of_bed(p->who.bed, p->who.ward);
    } else {
        snprintf(p->who.ward, sizeof(p->who.ward), "none");
    }
    *(uint8_t *)vg_frame_at(c->in, &c->layout, VG_COL_KIND, i) = row->kind;
    *(uint8_t *)vg_frame_at(c->in, &c->layout, VG_COL_FLAGS, i) = row->flags;
    *(uint32_t *)vg_frame_at(c->in, &c->layout, VG_COL_INDEX, i) = row->index;
    *(int64_t *)vg_frame_at(c->in, &c->layout, VG_COL_OFFSET, i) = offset;
    *(int64_t *)vg_frame_at(c->in, &c->layout, VG_COL_LOG, i) = row->log_ns;
    *(int64_t *)vg_frame_at(c->in, &c->layout, VG_COL_RECORD, i) = row->record_ns;
    *(int64_t *)vg_frame_at(c->in, &c->layout, VG_COL_EVENT, i) = row->event_ns;
    *(int64_t *)vg_frame_at(c->in, &c->layout, VG_COL_DEVICE, i) = row->device_ns;
    memcpy(value, row->value, sizeof(row->value));
    memcpy(vg_frame_at(c->in, &c->layout, VG_COL_QUALITY, i), row->quality, sizeof(row->quality));
    memcpy(vg_frame_at(c->in, &c->layout, VG_COL_REASON, i), row->reason, sizeof(row->reason));
    for (int ch = 0; c->poisoned && ch < VG_CHANNELS; ch++) {
        if (!vg_usable(row->quality[ch]) && row->quality[ch] != VG_Q_IMPUTED)
            value[ch] = c->poison;
    }
    vg_row_view(&c->seen[i], c->in, &c->layout, i);
    c->seen[i].patient = &p->who;
    c->seen[i].command = row->command;
    return p;
}

struct vg_row *capture_send_filled(struct capture *c, const struct capture_row *row,
                                   void (*fill)(struct vg_row *row, const void *arg),
                                   const void *arg)
{
    struct capture_patient *p;
    struct capture_out o;

    capture_clock(c, row->log_ns);
    vg_frame_reset(c->in, VG_FRAME_ROWS, 0);
    p = put_row(c, row);
    for (int col = VG_COL_BASE_COUNT; col < (int)c->layout.columns; col++)
        memset(vg_row_column(&c->seen[0], col), 0, sizeof(float) * c->layout.column[col].width);
    if (fill)
        fill(&c->seen[0], arg);
    if (!(c->plan.rows & row->kind))
        return &c->seen[0];
    if (c->stage->wave) {
        struct vg_wave wave = { .n = 1, .memory = &p->memory, .rows = c->seen };

        c->stage->wave(c->self, &wave);
        return &c->seen[0];
    }
    aim(&o, c, p, row->log_ns);
    c->stage->row(c->self, p->memory, &c->seen[0], &o.out);
    flush_tick(c);
    return &c->seen[0];
}

struct vg_row *capture_send(struct capture *c, const struct capture_row *row)
{
    return capture_send_filled(c, row, NULL, NULL);
}

void capture_send_wave(struct capture *c, const struct capture_row *rows, uint32_t n)
{
    void *memory[CAPTURE_ROWS];
    struct vg_wave wave = { .n = n, .memory = memory, .rows = c->seen };

    cr_assert(c->stage->wave && n <= CAPTURE_ROWS);
    vg_frame_reset(c->in, VG_FRAME_ROWS, 0);
    for (uint32_t i = 0; i < n; i++)
        memory[i] = put_row(c, &rows[i])->memory;
    c->stage->wave(c->self, &wave);
}

void capture_restore(struct capture *to, const struct capture *from)
{
    cr_assert_eq(to->plan.memory_size, from->plan.memory_size);
    to->next_offset = from->next_offset;
    for (uint32_t i = 0; i < from->patients; i++) {
        struct capture_patient *p = patient_of(to, from->patient[i].who.id);

        p->who = from->patient[i].who;
        p->due_ns = from->patient[i].due_ns;
        memcpy(p->memory, from->patient[i].memory, to->plan.memory_size);
    }
}

/* ---- what was written down ---- */

const char *capture_text(struct capture *c)
{
    return c->out.data ? c->out.data : "";
}

void capture_clear(struct capture *c)
{
    vg_buf_clear(&c->out);
}

const char *capture_last(struct capture *c, const char *member)
{
    static char value[512];
    char key[64];
    const char *line, *at;
    size_t n = 0;
    bool quoted;

    value[0] = '\0';
    if (c->out.len == 0)
        return value;
    for (line = c->out.data + c->out.len - 1; line > c->out.data && line[-1] != '\n'; line--)
        ;
    snprintf(key, sizeof(key), "\"%s\":", member);
    at = strstr(line, key);
    if (!at)
        return value;
    at += strlen(key);
    quoted = *at == '"';
    at += quoted;
    while (at[n] && at[n] != '\n' && (quoted ? at[n] != '"' : !strchr(",}", at[n])))
        n++;
    snprintf(value, sizeof(value), "%.*s", (int)n, at);
    return value;
}
