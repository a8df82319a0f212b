/* config_test_run.c - rows and commands of a test in the order of their times, through the chain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_test.h"
#include "core/text.h"
#include "runtime/offline.h"

/* 2026-01-01T00:00:00Z, on the grid of every tick that divides a day */
static const int64_t start_ns = INT64_C(1767225600) * VG_NS_PER_S;

struct running {
    struct vg_test_outcome *outcome;
    struct vg_offline *offline;
    uint32_t *next;        /* [inputs]: row that comes next */
    uint32_t obeyed;       /* commands */
    uint32_t given;        /* orders that they made: one for each alert that they are about */
    enum vg_answer answer; /* to the newest */
};

/* ---- what happens ---- */

static void take_event(void *ctx, uint32_t patient, const struct vg_item_event *head,
                       const char *json, size_t len)
{
    struct running *r = ctx;
    struct vg_test_outcome *o = r->outcome;
    struct vg_test_event *e;

    (void)patient;
    o->event = reallocarray(o->event, o->events + 1, sizeof(*o->event));
    VG_CHECK(o->event != NULL);
    e = &o->event[o->events++];
    *e = (struct vg_test_event){ .at_ns = head->time_ns - start_ns, .phase = head->phase };
    memcpy(e->episode_id, head->episode_id, sizeof(e->episode_id));
    e->json = json_loadb(json, len, 0, NULL);
    VG_CHECK(e->json != NULL);
    snprintf(e->rule, sizeof(e->rule), "%s", vg_test_event_text(e, "rule"));
}

static void take_answer(void *ctx, const struct vg_item_command *command)
{
    struct running *r = ctx;

    r->answer = (enum vg_answer)command->answer;
}

const char *vg_test_event_text(const struct vg_test_event *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event->json, member));

    return text ? text : "";
}

bool vg_test_episode_open(const struct vg_test_outcome *o, uint32_t i)
{
    const struct vg_test_event *e = &o->event[i];

    for (uint32_t k = i + 1; k < o->events; k++) {
        if (memcmp(o->event[k].episode_id, e->episode_id, sizeof(e->episode_id)) == 0)
            return false;
    }
    return e->phase != VG_PHASE_END;
}

/* ---- what goes in ---- */

static void make_row(const struct vg_test_input *in, uint32_t i, int64_t record_ns,
                     struct vg_decoded *row)
{
    *row = (struct vg_decoded){ .usable = true,
                                .time = in->no_time ? VG_DECODED_TIME_NONE : VG_DECODED_TIME_OK,
                                .time_ns = record_ns - in->age_ns };
    memcpy(row->patient, in->patient, sizeof(row->patient));
    memcpy(row->bed, in->bed, sizeof(row->bed));
    for (uint32_t k = 0; k < in->series_n; k++) {
        const struct vg_test_series *s = &in->series[k];
        struct vg_test_value v = vg_test_series_at(s, i, in->count);

        row->value[s->channel] = v.value;
        row->quality[s->channel] = v.quality;
        row->reason[s->channel] = v.reason;
    }
}

static int64_t row_time(const struct vg_test_input *in, uint32_t i)
{
    return in->at_ns + in->every_ns * i;
}

/* The input whose next row comes first; of several at one time, the one that the file has first. */
static int first_input(const struct running *r)
{
    const struct vg_config_test *test = r->outcome->test;
    int first = -1;

    for (uint32_t i = 0; i < test->inputs; i++) {
        if (r->next[i] == test->input[i].count)
            continue;
        if (first < 0 ||
            row_time(&test->input[i], r->next[i]) < row_time(&test->input[first], r->next[first]))
            first = (int)i;
    }
    return first;
}

/* `why` becomes the outcome's. */
static void note_command(struct running *r, const struct vg_test_command *c, struct vg_buf *why)
{
    const char *order = vg_order_name((enum vg_order_kind)c->order.kind);
    struct vg_test_line line = {
        .mark = '-', .at_ns = c->at_ns, .line = c->line, .why = why->data
    };

    VG_CHECK(asprintf(&line.text, "%-18s answer: %s", order, c->answer[0] ? c->answer : "ok") >= 0);
    vg_test_outcome_add(r->outcome, &line);
}

static void note_nothing_open(struct running *r, const struct vg_test_command *c)
{
    struct vg_buf why = VG_BUF_INIT;

    vg_buf_printf(&why, "no episode of %s is open", c->rule);
    note_command(r, c, &why);
}

static void note_answer(struct running *r, const struct vg_test_command *c)
{
    struct vg_buf why = VG_BUF_INIT;

    if (r->answer == VG_ANSWER_OK)
        vg_buf_printf(&why, "it was obeyed, expected %s", c->answer);
    else
        vg_buf_printf(&why, "the answer is %s: %s", vg_answer_code(r->answer),
                      vg_answer_message(r->answer));
    note_command(r, c, &why);
}

/* Gives the order, about one episode if it is about any, and compares the answer. */
static void give(struct running *r, const struct vg_test_command *c, const char *patient,
                 const uint8_t *episode_id)
{
    struct vg_order order = c->order;
    struct vg_item_command head = { .kind = VG_COMMAND_ORDER,
                                    .ordinal = r->given++,
                                    .log_ns = start_ns + c->at_ns,
                                    .size = sizeof(order) };

    order.given_ns = head.log_ns;
    snprintf(order.command_id, sizeof(order.command_id), "line-%u", c->line);
    if (episode_id)
        memcpy(order.episode_id, episode_id, sizeof(order.episode_id));
    snprintf(head.patient, sizeof(head.patient), "%s", patient);
    r->answer = VG_ANSWER_OK;
    vg_offline_command(r->offline, 0, &head, &order);
    vg_offline_finish(r->offline, head.log_ns);
    if (strcmp(vg_answer_code(r->answer), c->answer) != 0)
        note_answer(r, c);
}

/* What is open is known once everything up to now is out. */
static void obey(struct running *r, const struct vg_test_command *c)
{
    uint32_t known, open = 0;

    vg_offline_finish(r->offline, start_ns + c->at_ns);
    if (!(vg_order_says((enum vg_order_kind)c->order.kind) & VG_ORDER_EPISODE)) {
        give(r, c, c->patient, NULL);
        return;
    }
    known = r->outcome->events;
    for (uint32_t i = 0; i < known; i++) {
        const struct vg_test_event *e = &r->outcome->event[i];
        const char *patient = vg_test_event_text(e, "patient");
        uint8_t id[16];

        if (strcmp(e->rule, c->rule) != 0 || !vg_test_episode_open(r->outcome, i) ||
            (c->patient[0] && strcmp(c->patient, patient) != 0))
            continue;
        memcpy(id, e->episode_id, sizeof(id)); /* events may move when more come */
        give(r, c, patient, id);
        open++;
    }
    if (open == 0)
        note_nothing_open(r, c);
}

/* Obeys the commands before `until_ns`: those of one time come behind its rows. */
static void obey_before(struct running *r, int64_t until_ns)
{
    const struct vg_config_test *test = r->outcome->test;

    while (r->obeyed < test->commands && test->command[r->obeyed].at_ns < until_ns)
        obey(r, &test->command[r->obeyed++]);
}

static vg_status feed(struct running *r, struct vg_err *err)
{
    const struct vg_config_test *test = r->outcome->test;
    vg_status st = VG_OK;
    int first;

    while (st == VG_OK && (first = first_input(r)) >= 0) {
        const struct vg_offline_place at = { 0 };
        const struct vg_test_input *in = &test->input[first];
        uint32_t i = r->next[first]++;
        int64_t at_ns = row_time(in, i);
        struct vg_decoded row;

        make_row(in, i, start_ns + at_ns, &row);
        obey_before(r, at_ns);
        st = vg_offline_row(r->offline, &at, start_ns + at_ns, &row, err);
    }
    obey_before(r, INT64_MAX);
    return st;
}

static vg_status run(struct vg_config *config, struct vg_test_outcome *o, struct vg_err *err)
{
    struct running r = { .outcome = o };
    const struct vg_offline_sink sink = { .ctx = &r, .event = take_event, .command = take_answer };
    vg_status st = vg_offline_new(config, &sink, &r.offline, err);

    if (st != VG_OK)
        return st;
    r.next = calloc(o->test->inputs + 1, sizeof(*r.next));
    VG_CHECK(r.next != NULL);
    st = feed(&r, err);
    /* What is due at the very end happens when time passes it. */
    if (st == VG_OK)
        vg_offline_finish(r.offline, start_ns + o->test->until_ns + 1);
    vg_offline_free(r.offline);
    free(r.next);
    return st;
}

/* ---- whom it watches ---- */

/* Gives the bed of the test the profile which that names; the site's own beds are freed by others. */
static void add_test_bed(struct vg_site *site, uint32_t profile)
{
    struct vg_bed_config *beds = calloc(site->beds_n + 1, sizeof(*beds));
    uint32_t place = 0;

    VG_CHECK(beds != NULL);
    if (site->beds_n > 0)
        memcpy(beds, site->beds, site->beds_n * sizeof(*beds));
    while (place < site->beds_n && strcmp(beds[place].bed, VG_TEST_BED) != 0)
        place++;
    beds[place] = (struct vg_bed_config){ .bed = VG_TEST_BED, .profile = profile };
    site->beds = beds;
    site->beds_n += place == site->beds_n;
    vg_site_sort_beds(site);
}

vg_status vg_config_test_run(struct vg_config *config, const struct vg_config_test *test,
                             struct vg_test_outcome *ret, struct vg_err *err)
{
    struct vg_site *site = &config->site;
    const struct vg_site own = *site;
    vg_status st;

    *ret = (struct vg_test_outcome){ .test = test };
    if (test->profile >= 0)
        add_test_bed(site, (uint32_t)test->profile);
    st = run(config, ret, err);
    if (test->profile >= 0)
        free(site->beds);
    *site = own;
    if (st == VG_OK)
        vg_config_test_compare(ret);
    return st;
}

/* What is missing stands before what came instead. */
static bool before(const struct vg_test_line *a, const struct vg_test_line *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    return a->mark == '-' && b->mark != '-';
}

void vg_test_outcome_add(struct vg_test_outcome *o, const struct vg_test_line *line)
{
    uint32_t place = o->lines++;

    o->line = reallocarray(o->line, o->lines, sizeof(*o->line));
    VG_CHECK(o->line != NULL);
    for (; place > 0 && before(line, &o->line[place - 1]); place--)
        o->line[place] = o->line[place - 1];
    o->line[place] = *line;
    o->failures += line->mark != ' ';
}

void vg_test_outcome_done(struct vg_test_outcome *o)
{
    for (uint32_t i = 0; i < o->events; i++)
        json_decref(o->event[i].json);
    for (uint32_t i = 0; i < o->lines; i++) {
        free(o->line[i].text);
        free(o->line[i].why);
    }
    free(o->event);
    free(o->line);
    *o = (struct vg_test_outcome){ 0 };
}
