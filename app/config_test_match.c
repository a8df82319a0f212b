/* config_test_match.c - what a test expects beside what happened.
 *
 * What a test says about a phase of a rule is all that there is to say: a further event of that rule
 * and phase is a failure, so that "raises once" means once. Rules and phases that it does not name
 * are shown and not judged. Expectations are met in the order of their times, each by the first
 * event that fits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_test.h"
#include "core/text.h"

/* ---- one event and one expectation ---- */

/* Whether `text` is `pattern`, in which "*" stands for anything. */
static bool fits(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* The member at "a.b"; a name may itself have a dot, as quantiles do. */
static const json_t *find(const json_t *json, const char *path)
{
    while (json) {
        size_t n = strcspn(path, ".");
        const json_t *whole = json_object_get(json, path);
        int64_t i;
        char name[VG_NAME_SIZE];

        if (whole || path[n] == '\0')
            return whole                              ? whole
                   : vg_parse_int(path, &i) && i >= 0 ? json_array_get(json, (size_t)i)
                                                      : NULL;
        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        json = json_is_array(json) && vg_parse_int(name, &i) && i >= 0
                   ? json_array_get(json, (size_t)i)
                   : json_object_get(json, name);
        path += n + 1;
    }
    return NULL;
}

static bool member_is(const json_t *is, const char *want)
{
    double number;

    if (!is || !want)
        return !is && !want;
    if (json_is_string(is))
        return fits(want, json_string_value(is));
    if (json_is_number(is)) /* events carry 32-bit floats in their shortest form */
        return vg_parse_double(want, &number) && (float)number == (float)json_number_value(is);
    return false;
}

static void say_value(struct vg_buf *out, const json_t *is)
{
    char *text;

    if (!is) {
        vg_buf_str(out, "absent");
        return;
    }
    text = json_dumps(is, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    VG_CHECK(text != NULL);
    vg_buf_str(out, text);
    free(text);
}

/* "12s", or "10s ±1s". */
static void say_time(struct vg_buf *out, int64_t at_ns, int64_t tolerance_ns)
{
    char text[VG_DURATION_TEXT_SIZE];

    vg_format_duration(at_ns, text);
    vg_buf_str(out, text);
    if (tolerance_ns > 0) {
        vg_format_duration(tolerance_ns, text);
        vg_buf_printf(out, " ±%s", text);
    }
}

static int64_t apart(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static int64_t onset_of(const struct vg_test_event *e)
{
    const char *onset = vg_test_event_text(e, "onset");
    const char *time = vg_test_event_text(e, "time");
    int64_t onset_ns, time_ns;

    if (!vg_parse_time(onset, strlen(onset), &onset_ns) ||
        !vg_parse_time(time, strlen(time), &time_ns))
        return VG_TIME_NONE;
    return e->at_ns - (time_ns - onset_ns);
}

/* Adds to `why` in what the event differs; true when it does not. */
static bool meets(const struct vg_test_event *e, const struct vg_test_expect *x, struct vg_buf *why)
{
    size_t begin = why->len;

    if (apart(e->at_ns, x->at_ns) > x->tolerance_ns) {
        vg_buf_printf(why, "%s came at ", vg_phase_name(x->phase));
        say_time(why, e->at_ns, 0);
        vg_buf_str(why, ", expected ");
        say_time(why, x->at_ns, x->tolerance_ns);
    }
    if (x->onset_ns != VG_TIME_NONE && apart(onset_of(e), x->onset_ns) > x->tolerance_ns) {
        vg_buf_printf(why, "%sonset is ", why->len > begin ? "; " : "");
        say_time(why, onset_of(e), 0);
        vg_buf_str(why, ", expected ");
        say_time(why, x->onset_ns, x->tolerance_ns);
    }
    for (uint32_t i = 0; i < x->members; i++) {
        const struct vg_test_member *m = &x->member[i];
        const json_t *is = find(e->json, m->path);

        if (member_is(is, m->want))
            continue;
        vg_buf_printf(why, "%s%s is ", why->len > begin ? "; " : "", m->path);
        say_value(why, is);
        vg_buf_printf(why, ", expected %s", m->want ? m->want : "absent");
    }
    return why->len == begin;
}

static bool same_kind(const struct vg_test_event *e, const struct vg_test_expect *x)
{
    return e->phase == x->phase && strcmp(e->rule, x->rule) == 0;
}

/* ---- why an expectation is not met ---- */

/* The event of its rule and phase that is free and nearest in time, or NULL. */
static const struct vg_test_event *nearest(const struct vg_test_outcome *o,
                                           const struct vg_test_expect *x)
{
    const struct vg_test_event *best = NULL;

    for (uint32_t i = 0; i < o->events; i++) {
        const struct vg_test_event *e = &o->event[i];

        if (same_kind(e, x) && !e->met &&
            (!best || apart(e->at_ns, x->at_ns) < apart(best->at_ns, x->at_ns)))
            best = e;
    }
    return best;
}

/* What the rule did say, when it said nothing of this phase that is free. */
static void say_others(const struct vg_test_outcome *o, const struct vg_test_expect *x,
                       struct vg_buf *why)
{
    enum { SHOWN = 4 };
    uint32_t n = 0;

    for (uint32_t i = 0; i < o->events; i++) {
        const struct vg_test_event *e = &o->event[i];

        if (strcmp(e->rule, x->rule) != 0 || ++n > SHOWN)
            continue;
        vg_buf_printf(why, "%s%s at ", n == 1 ? "all that it said: " : ", ",
                      vg_phase_name(e->phase));
        say_time(why, e->at_ns, 0);
    }
    if (n > SHOWN)
        vg_buf_printf(why, " and %u more", n - SHOWN);
    if (n == 0)
        vg_buf_printf(why, "%s said nothing at all", x->rule);
}

/* ---- lines ---- */

static void add_line(struct vg_test_outcome *o, char mark, int64_t at_ns, uint32_t in_file,
                     struct vg_buf *text, struct vg_buf *why)
{
    const struct vg_test_line line = { .mark = mark,
                                       .at_ns = at_ns,
                                       .line = in_file,
                                       .text = text->data,
                                       .why = why ? why->data : NULL };

    vg_test_outcome_add(o, &line);
}

static void add_missing(struct vg_test_outcome *o, const struct vg_test_expect *x)
{
    struct vg_buf text = VG_BUF_INIT, why = VG_BUF_INIT;
    const struct vg_test_event *e = nearest(o, x);

    vg_buf_printf(&text, "%-18s %-11s", x->rule, vg_phase_name(x->phase));
    if (x->tolerance_ns > 0) {
        char tolerance[VG_DURATION_TEXT_SIZE];

        vg_format_duration(x->tolerance_ns, tolerance);
        vg_buf_printf(&text, " ±%s", tolerance);
    }
    for (uint32_t i = 0; i < x->members; i++)
        vg_buf_printf(&text, "%s %s: %s", i || x->tolerance_ns > 0 ? "," : "", x->member[i].path,
                      x->member[i].want ? x->member[i].want : "~");
    if (!e)
        say_others(o, x, &why);
    else
        meets(e, x, &why);
    add_line(o, '-', x->at_ns, x->line, &text, &why);
}

static void add_event(struct vg_test_outcome *o, const struct vg_test_event *e, char mark)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_printf(&text, "%-18s %-11s %-6s %s", e->rule, vg_phase_name(e->phase),
                  vg_test_event_text(e, "priority"), vg_test_event_text(e, "text"));
    add_line(o, mark, e->at_ns, e->met ? e->met->line : 0, &text, NULL);
}

static bool named(const struct vg_test_rules *rules, const char *rule)
{
    for (uint32_t i = 0; i < rules->n; i++) {
        if (strcmp(rules->name[i], rule) == 0)
            return true;
    }
    return false;
}

/* Whether the test says that there is no such event beyond those that it expects. */
static bool forbidden(const struct vg_config_test *test, const struct vg_test_event *e)
{
    bool expected = false;

    for (uint32_t i = 0; i < test->expects; i++) {
        if (same_kind(e, &test->expect[i]))
            return true;
        expected |= strcmp(test->expect[i].rule, e->rule) == 0;
    }
    return e->phase != VG_PHASE_UPDATE && /* its start is enough of a complaint */
           (named(&test->silent, e->rule) || (test->silent_others && !expected));
}

/* ---- the end of the test ---- */

/* What is held back is no alert that somebody could see. */
static bool held_back(const struct vg_test_event *e)
{
    return json_object_get(e->json, "suppressed_by") != NULL;
}

static bool is_open(const struct vg_test_outcome *o, uint32_t i)
{
    return vg_test_episode_open(o, i) && !held_back(&o->event[i]);
}

static bool open_at_end(const struct vg_test_outcome *o, const char *rule)
{
    for (uint32_t i = 0; i < o->events; i++) {
        if (strcmp(o->event[i].rule, rule) == 0 && is_open(o, i))
            return true;
    }
    return false;
}

static void compare_end(struct vg_test_outcome *o)
{
    const struct vg_config_test *test = o->test;

    for (uint32_t i = 0; i < test->at_end.n; i++) {
        struct vg_buf text = VG_BUF_INIT;
        const char *rule = test->at_end.name[i];
        bool open = open_at_end(o, rule);

        vg_buf_printf(&text, "%-18s open at the end", rule);
        add_line(o, open ? ' ' : '-', test->until_ns, test->line, &text, NULL);
    }
    for (uint32_t i = 0; test->has_at_end && i < o->events; i++) {
        struct vg_buf text = VG_BUF_INIT;

        if (!is_open(o, i) || named(&test->at_end, o->event[i].rule))
            continue;
        vg_buf_printf(&text, "%-18s open at the end", o->event[i].rule);
        add_line(o, '+', test->until_ns, 0, &text, NULL);
    }
}

/* ---- the whole ---- */

static void meet(struct vg_test_outcome *o, const struct vg_test_expect *x)
{
    struct vg_buf why = VG_BUF_INIT;

    for (uint32_t i = 0; i < o->events; i++) {
        struct vg_test_event *e = &o->event[i];

        if (same_kind(e, x) && !e->met && meets(e, x, &why)) {
            e->met = x;
            break;
        }
    }
    vg_buf_done(&why);
}

static bool is_met(const struct vg_test_outcome *o, const struct vg_test_expect *x)
{
    for (uint32_t i = 0; i < o->events; i++) {
        if (o->event[i].met == x)
            return true;
    }
    return false;
}

/* Updates are many, and most tests do not ask about them. */
static bool worth_showing(const struct vg_test_event *e, char mark)
{
    return mark != ' ' || e->met || e->phase != VG_PHASE_UPDATE || held_back(e);
}

void vg_config_test_compare(struct vg_test_outcome *o)
{
    const struct vg_config_test *test = o->test;

    for (uint32_t i = 0; i < test->expects; i++)
        meet(o, &test->expect[i]);
    for (uint32_t i = 0; i < test->expects; i++) {
        if (!is_met(o, &test->expect[i]))
            add_missing(o, &test->expect[i]);
    }
    for (uint32_t i = 0; i < o->events; i++) {
        const struct vg_test_event *e = &o->event[i];
        char mark = !e->met && forbidden(test, e) ? '+' : ' ';

        if (worth_showing(e, mark))
            add_event(o, e, mark);
    }
    compare_end(o);
}
