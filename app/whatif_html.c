/* whatif_html.c - the difference between two configurations as one page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report_html.h"
#include "app/whatif_timeline.h"
#include "core/text.h"

enum { EPISODES_MAX = 300 };

static void add_tally(struct vg_report *r, const char *name, const struct vg_whatif_tally *t)
{
    struct vg_report_row row = { .n = 0 };

    vg_report_cell(&row, "%s", name);
    vg_report_cell(&row, "%u", t->starts[VG_WHATIF_A]);
    vg_report_cell(&row, "%u", t->starts[VG_WHATIF_B]);
    vg_report_cell(&row, "%+d", (int)t->starts[VG_WHATIF_B] - (int)t->starts[VG_WHATIF_A]);
    vg_report_cell(&row, "%u", t->only[VG_WHATIF_A]);
    vg_report_cell(&row, "%u", t->only[VG_WHATIF_B]);
    vg_report_cell(&row, "%u", t->joined[VG_WHATIF_A]);
    vg_report_cell(&row, "%u", t->joined[VG_WHATIF_B]);
    vg_report_cell(&row, "%u", t->same);
    vg_report_cell(&row, "%u", t->moved);
    vg_report_cell_number(&row, 2, t->active_s[VG_WHATIF_A] / 3600);
    vg_report_cell_number(&row, 2, t->active_s[VG_WHATIF_B] / 3600);
    if (isnan(t->shift_s))
        vg_report_cell(&row, "-");
    else
        vg_report_cell(&row, "%+lld s", llround(t->shift_s));
    vg_report_table_row(r, &row);
}

static void add_tallies(struct vg_report *r, const struct vg_whatif *w, const char *caption,
                        const char *what, const struct vg_whatif_tallies *t, bool all)
{
    const char *const columns[] = { what,     "A",       "B",       "change", "only A",
                                    "only B", "A joins", "B joins", "same",   "moved",
                                    "h in A", "h in B",  "B later" };

    vg_report_table_begin(r, caption, columns, VG_ARRAY_LEN(columns));
    for (uint32_t i = 0; i < t->n; i++)
        add_tally(r, t->tally[i].name, &t->tally[i]);
    if (all)
        add_tally(r, "all", &w->all);
    vg_report_table_end(r);
}

static void add_hours(struct vg_report *r, const struct vg_whatif *w)
{
    enum { HOURS = 24 };
    double x[HOURS], y[VG_WHATIF_SIDES][HOURS];
    const struct vg_report_series series[] = {
        { .name = "A", .x = x, .y = y[VG_WHATIF_A], .n = HOURS, .points = true },
        { .name = "B", .x = x, .y = y[VG_WHATIF_B], .n = HOURS, .points = true },
    };
    const struct vg_report_plot plot = {
        .title = "Alerts that start in each hour of the day",
        .x_label = w->utc_offset_ns ? "hour, local" : "hour, UTC",
        .y_label = "alerts",
        .x_min = 0,
        .x_max = HOURS,
        .series = series,
        .n = VG_ARRAY_LEN(series),
    };

    VG_CHECK(w->hours.n == HOURS);
    for (int h = 0; h < HOURS; h++) {
        x[h] = h;
        for (int k = 0; k < VG_WHATIF_SIDES; k++)
            y[k][h] = w->hours.tally[h].starts[k];
    }
    vg_report_plots_begin(r);
    vg_report_plot(r, &plot);
    vg_report_plots_end(r);
}

/* ---- episodes ---- */

static void add_episode(struct vg_report *r, const struct vg_whatif_episode *e, const char *where,
                        const struct vg_whatif_episode *pair)
{
    struct vg_report_row row = { .n = 0 };
    char start[VG_TIME_TEXT_SIZE];

    vg_format_time(e->start_ns, start);
    vg_report_cell(&row, "%.19sZ", start);
    vg_report_cell(&row, "%s", where);
    vg_report_cell(&row, "%s", vg_whatif_who(e));
    vg_report_cell(&row, "%s", e->rule);
    vg_report_cell(&row, "%s", e->channel == VG_CHANNEL_NONE ? "" : vg_channels[e->channel].name);
    vg_report_cell(&row, "%s", vg_priority_name(e->priority));
    vg_report_cell(&row, "%.0f s%s", (double)(e->end_ns - e->start_ns) / 1e9,
                   e->open ? " and on" : "");
    if (pair)
        vg_report_cell(&row, "start %+.0f s, end %+.0f s",
                       (double)(pair->start_ns - e->start_ns) / 1e9,
                       (double)(pair->end_ns - e->end_ns) / 1e9);
    else
        vg_report_cell(&row, "-");
    vg_report_table_row(r, &row);
}

/* Those that differ: first what one of them lacks. Returns how many there are. */
static uint32_t add_differences(struct vg_report *r, const struct vg_whatif *w)
{
    const struct vg_whatif_side *a = &w->side[VG_WHATIF_A], *b = &w->side[VG_WHATIF_B];
    uint32_t n = 0;

    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        for (uint32_t i = 0; i < w->side[k].episodes; i++) {
            const struct vg_whatif_episode *e = &w->side[k].episode[i];

            if (e->pair == VG_WHATIF_ALONE && !e->joined && n++ < EPISODES_MAX)
                add_episode(r, e, k == VG_WHATIF_A ? "only in A" : "only in B", NULL);
        }
    }
    for (uint32_t i = 0; i < a->episodes; i++) {
        const struct vg_whatif_episode *e = &a->episode[i];

        if (e->pair != VG_WHATIF_ALONE && !vg_whatif_same(w, e) && n++ < EPISODES_MAX)
            add_episode(r, e, "both", &b->episode[e->pair]);
    }
    return n;
}

static void add_episodes(struct vg_report *r, const struct vg_whatif *w)
{
    static const char *const columns[] = { "start",   "in",       "bed",   "rule",
                                           "channel", "priority", "lasts", "B against A" };
    char text[128];
    uint32_t n;

    vg_report_section(r, "Alerts that differ",
                      "Rule, channel and patient pair them; a pair overlaps in time.");
    vg_report_table_begin(r, "Times in UTC", columns, VG_ARRAY_LEN(columns));
    n = add_differences(r, w);
    vg_report_table_end(r);
    if (n > EPISODES_MAX) {
        snprintf(text, sizeof(text), "%u more are in the output of --json.", n - EPISODES_MAX);
        vg_report_paragraph(r, text);
    } else if (n == 0) {
        vg_report_paragraph(r, "None: both tell the same alerts at the same times.");
    }
}

/* ---- the page ---- */

static void add_doubt(void *ctx, const char *text)
{
    char note[600];

    snprintf(note, sizeof(note), "Note: %s.", text);
    vg_report_paragraph(ctx, note);
}

static void begin(struct vg_report *r, const struct vg_whatif *w)
{
    char *lead, from[VG_TIME_TEXT_SIZE], to[VG_TIME_TEXT_SIZE];

    vg_format_time(w->first_ns, from);
    vg_format_time(w->last_ns, to);
    VG_CHECK(
        asprintf(&lead,
                 "The recording %s (%.2f patient-days, %s to %s) under A, %s, and under B, %s. "
                 "What staff would have done otherwise is not in these figures. Vigil is not "
                 "a medical device.",
                 w->record, w->patient_days, from, to, w->side[VG_WHATIF_A].config->path,
                 w->side[VG_WHATIF_B].config->path) >= 0);
    vg_report_begin(r, "One log under two configurations", lead);
    free(lead);
}

static void add_totals(struct vg_report *r, const struct vg_whatif *w)
{
    double days = w->patient_days > 0 ? w->patient_days : (double)NAN;
    char text[384];

    snprintf(
        text, sizeof(text),
        "A tells %u alerts, %.1f per patient-day, B %u, %.1f per patient-day; %u are in both at "
        "the same times, %u in both at other times, %u only in A, %u only in B, and %u of A and %u "
        "of B are part of a longer one in the other.",
        w->all.starts[VG_WHATIF_A], w->all.starts[VG_WHATIF_A] / days, w->all.starts[VG_WHATIF_B],
        w->all.starts[VG_WHATIF_B] / days, w->all.same, w->all.moved, w->all.only[VG_WHATIF_A],
        w->all.only[VG_WHATIF_B], w->all.joined[VG_WHATIF_A], w->all.joined[VG_WHATIF_B]);
    vg_report_section(r, "Alerts", text);
}

vg_status vg_whatif_report(const struct vg_whatif *w, const char *path, struct vg_err *err)
{
    struct vg_report r;

    begin(&r, w);
    add_totals(&r, w);
    vg_whatif_doubts(w, add_doubt, &r);
    add_tallies(&r, w,
                "Starts of alerts by rule; A joins: part of a longer one in B; h: hours active; B "
                "later: median of the pairs",
                "rule", &w->rules, true);
    vg_whatif_timeline(&r, w);
    vg_report_section(&r, "Beds and hours", NULL);
    add_tallies(&r, w, "Starts of alerts by bed", "bed", &w->beds, false);
    add_hours(&r, w);
    add_episodes(&r, w);
    return vg_report_write(&r, path, err);
}
