/* alert_rate.c - a channel that changes within moments, and a setting that somebody changed.
 *
 * Of the window, eight parts on a fixed grid of log time keep the value that a change counts from:
 * the highest for a fall, the lowest for a rise. The newest value is compared with the most extreme
 * of the newest eight, so a change counts for between seven eighths of the window and all of it.
 */
#include <math.h>

#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"
#include "stages/alert_why.h"

enum { PARTS = 8 };

/* Of each patient. */
struct rate {
    float extreme[PARTS];
    uint32_t newest; /* part, counted from 1970 in 32 bits */
    uint8_t there;   /* bit p: part p % PARTS has a value */
    float from;      /* of the newest change */
};

static bool more_extreme(const struct vg_rule *rule, float value, float than)
{
    return rule->bound.above ? value < than : value > than;
}

static void keep(const struct vg_rule *rule, struct rate *r, uint32_t part, float value)
{
    const uint32_t place = part % PARTS;
    const uint32_t gone = part - r->newest;

    for (uint32_t i = 0; i < gone && i < PARTS; i++)
        r->there &= (uint8_t) ~(1U << (part - i) % PARTS);
    r->newest = part;
    if (!(r->there >> place & 1) || more_extreme(rule, value, r->extreme[place]))
        r->extreme[place] = value;
    r->there |= (uint8_t)(1U << place);
}

static float extreme_of(const struct vg_rule *rule, const struct rate *r)
{
    float ret = r->extreme[r->newest % PARTS];

    for (uint32_t p = 0; p < PARTS; p++) {
        if (r->there >> p & 1 && more_extreme(rule, r->extreme[p], ret))
            ret = r->extreme[p];
    }
    return ret;
}

static vg_status plan_rate(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    w->memory_size = sizeof(struct rate);
    w->validity_ns = vg_channels[w->channel].validity_ns;
    return VG_OK;
}

static struct vg_finding look_at_rate(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_rule *rule = w->rule;
    const struct vg_row *row = l->row;
    struct rate *r = vg_watch_memory(l, w);
    uint8_t quality = row->quality[w->channel];
    float value, change;

    if (quality == VG_Q_ABSENT || (row->flags & VG_ROW_LATE))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (!vg_usable(quality))
        return (struct vg_finding){ .says = VG_SAYS_UNKNOWN };
    value = row->value[w->channel];
    keep(rule, r, (uint32_t)(row->log_ns / (rule->within_ns / PARTS)), value);
    r->from = extreme_of(rule, r);
    change = value - r->from;
    if (rule->bound.above ? change >= rule->bound.value : change <= rule->bound.value)
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = change };
    return (struct vg_finding){ .says = VG_SAYS_CLEAR };
}

static void describe_rate(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                          struct vg_event *event, struct vg_buf *text)
{
    const struct rate *r = vg_watch_memory(l, w);

    if (!vg_watch_say_newest(l, w, e, event, text))
        return;
    if (event->phase == VG_PHASE_END) {
        vg_buf_printf(text, ", no longer %s that fast",
                      w->rule->bound.above ? "rising" : "falling");
        return;
    }
    vg_buf_printf(text, ", %s from ", w->rule->bound.above ? "up" : "down");
    vg_text_value(text, w->channel, r->from);
    vg_buf_str(text, " within ");
    vg_text_duration(text, w->rule->within_ns);
}

/* The parts that the newest value was compared with. */
static void window_of_rate(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    const struct rate *r = vg_watch_memory(l, w);
    int64_t part_ns = w->rule->within_ns / PARTS, part = window->to_ns / part_ns;

    vg_why_change(w, "rises_by", "falls_by", window);
    window->over_ns = w->rule->within_ns;
    part -= (uint32_t)part - r->newest;
    window->from_ns = (part - (PARTS - 1)) * part_ns;
}

const struct vg_watch_kind vg_watch_rate = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .updates = true,
    .measure = VG_MEASURE_CHANGE,
    .one_channel = true,
    .plan = plan_rate,
    .look = look_at_rate,
    .window = window_of_rate,
    .describe = describe_rate,
};

/* ---- a setting ---- */

/* Of each patient. */
struct setting {
    float now, before;
    uint8_t seen;
};

/* A change is news for a minute unless `clear` says otherwise. */
static const int64_t news_ns = 60 * VG_NS_PER_S;

static vg_status plan_change(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    w->memory_size = sizeof(struct setting);
    if (w->clear_for_ns == 0)
        w->clear_for_ns = news_ns;
    return VG_OK;
}

static struct vg_finding look_at_change(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    struct setting *s = vg_watch_memory(l, w);
    float change;

    if (!vg_usable(row->quality[w->channel]) || (row->flags & VG_ROW_LATE))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    change = s->seen ? row->value[w->channel] - s->now : 0;
    if (s->seen && fabsf(change) < w->rule->bound.value) {
        /* A setting that creeps has changed once it is far enough from where it was told to be. */
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    }
    s->before = s->now;
    s->now = row->value[w->channel];
    if (!s->seen) {
        s->seen = 1;
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    }
    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = fabsf(change) };
}

static void describe_change(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                            struct vg_event *event, struct vg_buf *text)
{
    const struct setting *s = vg_watch_memory(l, w);

    vg_watch_observe_newest(l, w, e, event);
    vg_buf_printf(text, "%s %s ", vg_channels[w->channel].title,
                  event->phase == VG_PHASE_END ? "set to" : "changed from");
    if (event->phase != VG_PHASE_END) {
        vg_text_value(text, w->channel, s->before);
        vg_buf_str(text, " to ");
    }
    vg_text_value(text, w->channel, s->now);
}

static void window_of_change(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    (void)l;
    vg_why_change(w, "by", "by", window);
}

const struct vg_watch_kind vg_watch_change = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .echoes = true,
    .updates = true,
    .measure = VG_MEASURE_CHANGE,
    .one_channel = true,
    .plan = plan_change,
    .look = look_at_change,
    .window = window_of_change,
    .describe = describe_change,
};
