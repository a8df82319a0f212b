/* alert_trend.c - a channel that drifts: a line through the means of a window.
 *
 * The window is cut into sixteen parts on a fixed grid of log time. Whenever one is over, a line is
 * laid through the means of the newest sixteen by least squares. The rule holds when the line
 * changes by enough over the window, and Student's t says with the confidence asked for that it
 * changes at all. Vital signs a moment apart resemble each other, so that confidence is nominal: it
 * keeps noise away, it is no probability of being right.
 */
#include <math.h>
#include <string.h>

#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"
#include "stages/alert_why.h"

enum { PARTS = 16, PARTS_LEAST = 8 };

/* Of each patient. */
struct trend {
    float sum[PARTS]; /* of part p % PARTS, while its number is within PARTS of `newest` */
    uint16_t n[PARTS];
    uint32_t newest; /* part, counted from 1970 in 32 bits */
    uint32_t judged; /* the last part of the newest line */
    uint8_t says;    /* enum vg_says, of the newest line; NOTHING while there is none */
    float change;    /* of that line over the window */
};

/* Quantiles of Student's t for PARTS_LEAST - 2 and more degrees of freedom, one-sided. */
static const float t_quantile[PARTS - PARTS_LEAST + 1][VG_CONFIDENCE_COUNT] = {
    { 1.440f, 1.943f, 3.143f }, { 1.415f, 1.895f, 2.998f }, { 1.397f, 1.860f, 2.896f },
    { 1.383f, 1.833f, 2.821f }, { 1.372f, 1.812f, 2.764f }, { 1.363f, 1.796f, 2.718f },
    { 1.356f, 1.782f, 2.681f }, { 1.350f, 1.771f, 2.650f }, { 1.345f, 1.761f, 2.624f },
};

static vg_status plan_trend(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    const int64_t validity_ns = vg_channels[w->channel].validity_ns;

    (void)plan;
    (void)err;
    w->memory_size = sizeof(struct trend);
    /* A line of three quarters of a window still says something. */
    w->validity_ns = w->rule->within_ns / 4;
    if (w->validity_ns < validity_ns)
        w->validity_ns = validity_ns;
    return VG_OK;
}

/* ---- the line ---- */

struct line {
    uint32_t n; /* parts with values */
    double slope, slope_sd;
};

/* Mean of part `i` of the window, 0 the oldest. */
static bool mean_of(const struct trend *t, uint32_t i, double *ret)
{
    uint32_t place = (t->newest - (PARTS - 1) + i) % PARTS;

    if (t->n[place] == 0)
        return false;
    *ret = (double)t->sum[place] / t->n[place];
    return true;
}

/* Ordinary least squares; false without enough parts, or when they leave out a quarter at an end. */
static bool fit(const struct trend *t, struct line *ret)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0, rest = 0, y;
    uint32_t first = PARTS, last = 0, n = 0;

    for (uint32_t i = 0; i < PARTS; i++) {
        if (!mean_of(t, i, &y))
            continue;
        first = first < i ? first : i;
        last = i;
        n++;
        sx += i;
        sy += y;
    }
    if (n < PARTS_LEAST || first > PARTS / 4 || last < PARTS - 1 - PARTS / 4)
        return false;
    for (uint32_t i = 0; i < PARTS; i++) {
        if (mean_of(t, i, &y)) {
            sxx += (i - sx / n) * (i - sx / n);
            sxy += (i - sx / n) * (y - sy / n);
        }
    }
    ret->n = n;
    ret->slope = sxy / sxx;
    for (uint32_t i = 0; i < PARTS; i++) {
        if (mean_of(t, i, &y)) {
            double off = y - sy / n - ret->slope * (i - sx / n);

            rest += off * off;
        }
    }
    ret->slope_sd = sqrt(rest / (n - 2) / sxx);
    return true;
}

static void judge(const struct vg_rule *rule, struct trend *t)
{
    struct line line;
    bool enough, sure;

    t->says = VG_SAYS_NOTHING;
    t->judged = t->newest;
    if (!fit(t, &line))
        return;
    t->change = (float)(line.slope * PARTS);
    enough = rule->bound.above ? t->change >= rule->bound.value : t->change <= rule->bound.value;
    sure = fabs(line.slope) >
           (double)t_quantile[line.n - PARTS_LEAST][rule->confidence] * line.slope_sd;
    t->says = enough && sure ? VG_SAYS_TRUE : VG_SAYS_CLEAR;
}

/* ---- the rule ---- */

/* Ends the parts before `part`, the oldest of which fall out of the window. */
static void move_on(const struct vg_rule *rule, struct trend *t, uint32_t part)
{
    uint32_t gone = part - t->newest;

    if (gone == 0)
        return;
    judge(rule, t);
    for (uint32_t i = 0; i < gone && i < PARTS; i++) {
        t->sum[(part - i) % PARTS] = 0;
        t->n[(part - i) % PARTS] = 0;
    }
    t->newest = part;
}

static struct vg_finding look_at_trend(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    struct trend *t = vg_watch_memory(l, w);
    uint32_t part = (uint32_t)(row->log_ns / (w->rule->within_ns / PARTS));

    if (!vg_usable(row->quality[w->channel]) || (row->flags & VG_ROW_LATE))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    move_on(w->rule, t, part);
    if (t->n[part % PARTS] < UINT16_MAX) { /* by then one more changes nothing */
        t->sum[part % PARTS] += row->value[w->channel];
        t->n[part % PARTS]++;
    }
    return (struct vg_finding){ .says = (enum vg_says)t->says, .measure = t->change };
}

static void describe_trend(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    const struct trend *t = vg_watch_memory(l, w);
    bool ends = event->phase == VG_PHASE_END;

    vg_watch_observe_newest(l, w, e, event);
    vg_buf_printf(text, "%s ", vg_channels[w->channel].title);
    if (vg_watch_tells_loss(e, event)) {
        vg_buf_str(text, "without values for a trend; the alert stays active");
        return;
    }
    vg_text_value(text, w->channel, event->observed.value);
    vg_buf_str(text, ends ? ", no longer " : ", ");
    vg_buf_str(text, w->rule->bound.above ? "rising" : "falling");
    if (ends)
        return;
    vg_buf_str(text, ": ");
    vg_text_rounded(text, w->channel, fabsf(t->change));
    vg_buf_str(text, " in ");
    vg_text_duration(text, w->rule->within_ns);
}

/* The parts of the newest line. */
static void window_of_trend(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    static const float confidence[] = {
        [VG_CONFIDENCE_90] = .9f, [VG_CONFIDENCE_95] = .95f, [VG_CONFIDENCE_99] = .99f
    };
    const struct trend *t = vg_watch_memory(l, w);
    int64_t part_ns = w->rule->within_ns / PARTS, part = window->to_ns / part_ns;

    vg_why_change(w, "rises_by", "falls_by", window);
    window->over_ns = w->rule->within_ns;
    window->confidence = confidence[w->rule->confidence];
    part -= (uint32_t)part - t->judged;
    window->from_ns = (part - (PARTS - 1)) * part_ns;
    window->to_ns = (part + 1) * part_ns;
}

const struct vg_watch_kind vg_watch_trend = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .updates = true,
    .measure = VG_MEASURE_CHANGE,
    .one_channel = true,
    .plan = plan_trend,
    .look = look_at_trend,
    .window = window_of_trend,
    .describe = describe_trend,
};
