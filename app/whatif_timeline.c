/* whatif_timeline.c - the alerts of two configurations drawn over time. */
#include "app/whatif_timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum {
    LANES_MAX = 60,
    WIDTH = 1060,
    LEFT = 130,
    RIGHT = 10,
    TOP = 24,
    BAR = 8,   /* height of an alert that the other lacks */
    THIN = 3,  /* of one that both have */
    LANE = 24, /* height of a bed: two alerts and a gap */
    LABELS = 9,
};

/* The drawing of one recording. */
struct drawing {
    struct vg_buf *page;
    const struct vg_whatif *w;
    const char *lane[LANES_MAX];
    uint32_t lanes;
};

/* ---- which beds ---- */

static uint32_t differences(const struct vg_whatif_tally *t)
{
    return t->only[VG_WHATIF_A] + t->only[VG_WHATIF_B] + t->moved;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* Those that differ most, back in the order of their names. */
static void choose_lanes(struct drawing *d)
{
    const struct vg_whatif_tallies *beds = &d->w->beds;
    uint32_t *taken = calloc(beds->n + 1, sizeof(*taken));

    VG_CHECK(taken != NULL);
    while (d->lanes < beds->n && d->lanes < LANES_MAX) {
        uint32_t best = UINT32_MAX;

        for (uint32_t i = 0; i < beds->n; i++) {
            if (!taken[i] && (best == UINT32_MAX ||
                              differences(&beds->tally[i]) > differences(&beds->tally[best])))
                best = i;
        }
        taken[best] = 1;
        d->lane[d->lanes++] = beds->tally[best].name;
    }
    free(taken);
    qsort(d->lane, d->lanes, sizeof(d->lane[0]), by_name);
}

static int lane_of(const struct drawing *d, const struct vg_whatif_episode *e)
{
    const char *who = vg_whatif_who(e);

    for (uint32_t i = 0; i < d->lanes; i++) {
        if (strcmp(d->lane[i], who) == 0)
            return (int)i;
    }
    return -1;
}

/* ---- time ---- */

static double place(const struct drawing *d, int64_t ns)
{
    double range = (double)(d->w->last_ns - d->w->first_ns);

    return LEFT + (range > 0 ? (double)(ns - d->w->first_ns) / range : 0) * (WIDTH - LEFT - RIGHT);
}

static int64_t step_of(int64_t range_ns)
{
    static const int64_t steps_s[] = { 10,   30,    60,    120,   300,   600,    1800,   3600,
                                       7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000 };
    size_t i = 0;

    while (i + 1 < VG_ARRAY_LEN(steps_s) && range_ns / (steps_s[i] * VG_NS_PER_S) > LABELS)
        i++;
    return steps_s[i] * VG_NS_PER_S;
}

/* Time of the day, or the date where a day is no more than a step. */
static void add_time(struct drawing *d, int64_t ns, int64_t step_ns, int bottom)
{
    double x = place(d, ns);
    char text[VG_TIME_TEXT_SIZE];
    bool by_day = step_ns >= 86400 * VG_NS_PER_S;

    vg_format_time(ns + d->w->utc_offset_ns, text);
    vg_buf_printf(d->page,
                  "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                  "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*s</text>\n",
                  x, x, TOP - 6, bottom, x, TOP - 10,
                  by_day                       ? 5
                  : step_ns < 60 * VG_NS_PER_S ? 8
                                               : 5,
                  by_day ? text + 5 : text + 11);
}

static void add_times(struct drawing *d, int bottom)
{
    int64_t step_ns = step_of(d->w->last_ns - d->w->first_ns);
    int64_t first_ns = d->w->first_ns + d->w->utc_offset_ns;
    int64_t ns = (first_ns + step_ns - 1) / step_ns * step_ns - d->w->utc_offset_ns;

    for (; ns <= d->w->last_ns; ns += step_ns)
        add_time(d, ns, step_ns, bottom);
}

/* ---- alerts ---- */

/* The other tells nothing while it lasts. */
static bool is_alone(const struct vg_whatif_episode *e)
{
    return e->pair == VG_WHATIF_ALONE && !e->joined;
}

static void add_alert(struct drawing *d, int side, const struct vg_whatif_episode *e)
{
    int lane = lane_of(d, e);
    bool alone = is_alone(e);
    double from = place(d, e->start_ns), to = place(d, e->end_ns);
    char start[VG_TIME_TEXT_SIZE];

    if (lane < 0)
        return;
    vg_format_time(e->start_ns, start);
    /* An alert of a second in a recording of a day would not be seen. */
    vg_buf_printf(d->page,
                  "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" "
                  "style=\"fill:var(--s%d)\"%s><title>",
                  from, TOP + lane * LANE + side * (BAR + 1) + (alone ? 0 : (BAR - THIN) / 2),
                  to - from > 1.5 ? to - from : 1.5, alone ? BAR : THIN, side,
                  alone ? "" : " fill-opacity=\".6\"");
    vg_report_text(d->page, vg_whatif_letter(side));
    vg_buf_str(d->page, ": ");
    vg_report_text(d->page, e->rule);
    if (e->channel != VG_CHANNEL_NONE)
        vg_buf_printf(d->page, " (%s)", vg_channels[e->channel].name);
    vg_buf_printf(d->page, ", %s, %.19sZ for %.0f s, %s</title></rect>\n",
                  vg_priority_name(e->priority), start, (double)(e->end_ns - e->start_ns) / 1e9,
                  alone ? "not in the other" : "in both");
}

static void add_alerts(struct drawing *d, bool alone)
{
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        for (uint32_t i = 0; i < d->w->side[k].episodes; i++) {
            if (is_alone(&d->w->side[k].episode[i]) == alone)
                add_alert(d, k, &d->w->side[k].episode[i]);
        }
    }
}

static void add_lane(struct drawing *d, uint32_t i)
{
    int y = TOP + (int)i * LANE;

    vg_buf_printf(d->page,
                  "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
                  "<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"end\">",
                  LEFT, WIDTH - RIGHT, y + LANE - 4, y + LANE - 4, LEFT - 8, y + BAR + 4);
    vg_report_text(d->page, d->lane[i]);
    vg_buf_str(d->page, "</text>\n");
}

static void add_legend(struct drawing *d)
{
    static const char *const words[] = { "A, not in B", "A, in both", "B, not in A", "B, in both" };

    vg_buf_str(d->page, "<ul class=\"legend\">");
    for (int i = 0; i < 4; i++)
        vg_buf_printf(d->page,
                      "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><rect y=\"%d\" "
                      "width=\"22\" height=\"%d\" style=\"fill:var(--s%d)\"%s/></svg>%s</li>",
                      i % 2 ? (BAR - THIN) / 2 + 1 : 1, i % 2 ? THIN : BAR, i / 2,
                      i % 2 ? " fill-opacity=\".6\"" : "", words[i]);
    vg_buf_str(d->page, "</ul>\n");
}

static void draw(struct drawing *d, struct vg_report *r)
{
    int bottom = TOP + (int)d->lanes * LANE;

    r->figures++;
    vg_buf_printf(d->page,
                  "<figure style=\"margin:14px 0 20px\"><figcaption>Alerts over time</figcaption>\n"
                  "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"figure-%u\">"
                  "<title id=\"figure-%u\">Alerts of A and of B over time, by bed</title>\n",
                  WIDTH, bottom + 6, r->figures, r->figures);
    add_times(d, bottom);
    for (uint32_t i = 0; i < d->lanes; i++)
        add_lane(d, i);
    add_alerts(d, false);
    add_alerts(d, true);
    vg_buf_str(d->page, "</svg>\n");
    add_legend(d);
    vg_buf_str(d->page, "</figure>\n");
}

void vg_whatif_timeline(struct vg_report *r, const struct vg_whatif *w)
{
    struct drawing d = { .page = &r->page, .w = w };
    char text[160];

    choose_lanes(&d);
    snprintf(text, sizeof(text),
             "Of each bed A above and B below; thick where the other has no such alert. Times %s. "
             "%u of %u beds with alerts%s.",
             w->utc_offset_ns ? "are local" : "in UTC", d.lanes, w->beds.n,
             d.lanes < w->beds.n ? ", those that differ most" : "");
    vg_report_section(r, "Timeline", text);
    if (d.lanes > 0)
        draw(&d, r);
}
