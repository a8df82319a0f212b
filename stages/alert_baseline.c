/* alert_baseline.c - a value far from where this patient usually is.
 *
 * What is usual is the exponentially weighted mean of the means of single minutes of good values, and
 * known once half an hour of them has come. A minute beyond the rule's own bound counts for a tenth:
 * a long crisis must not become the new normal. Such a rule may add alerts; limits are not moved by
 * it.
 */
#include <math.h>

#include "models/elementary.h"
#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"
#include "stages/alert_why.h"

static const double minute_s = 60, known_after_s = 1800;
static const float far_factor = 0.1f;

/* Of each patient. */
struct usual {
    float sum; /* of the minute's good values */
    uint32_t n;
    uint32_t minute; /* since 1970 */
    float total;     /* weighted sum of minutes */
    float weight;    /* of the minutes in it, towards 1 */
};

static float weight_of(const struct vg_rule *rule, double s)
{
    return (float)-vg_expm1(-s / ((double)rule->within_ns / (double)VG_NS_PER_S));
}

static vg_status plan_baseline(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    w->memory_size = sizeof(struct usual);
    w->validity_ns = vg_channels[w->channel].validity_ns;
    w->minute_weight = weight_of(w->rule, minute_s);
    /* The weight of thirty minutes is a sum that is rounded: half a minute decides it. */
    w->known_weight = weight_of(w->rule, known_after_s - minute_s / 2);
    return VG_OK;
}

static float usual_of(const struct usual *u)
{
    return u->total / u->weight;
}

/* How far a value is from the usual one, in the unit of the bound: the channel's, or the usual. */
static float distance(const struct vg_rule *rule, const struct usual *u, float value)
{
    float usual = usual_of(u), off = value - usual;

    if (!rule->relative)
        return off;
    return usual > 0 ? off / usual : 0;
}

static bool beyond(const struct vg_rule *rule, float distance)
{
    return rule->bound.above ? distance >= rule->bound.value : distance <= rule->bound.value;
}

static void learn(const struct vg_watch *w, struct usual *u)
{
    float mean, a = w->minute_weight;

    if (u->n == 0)
        return;
    mean = u->sum / (float)u->n;
    if (u->weight >= w->known_weight && beyond(w->rule, distance(w->rule, u, mean)))
        a *= far_factor;
    u->total += a * (mean - u->total);
    u->weight += a * (1 - u->weight);
    u->sum = 0;
    u->n = 0;
}

static struct vg_finding look_at_baseline(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    struct usual *u = vg_watch_memory(l, w);
    uint32_t minute = (uint32_t)(row->log_ns / (60 * VG_NS_PER_S));
    uint8_t quality = row->quality[w->channel];
    float value, off;

    if (quality == VG_Q_ABSENT || (row->flags & VG_ROW_LATE))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (!vg_usable(quality))
        return (struct vg_finding){ .says = VG_SAYS_UNKNOWN };
    if (minute != u->minute)
        learn(w, u);
    u->minute = minute;
    value = row->value[w->channel];
    if (quality == VG_Q_GOOD) {
        u->sum += value;
        u->n++;
    }
    if (u->weight < w->known_weight)
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    off = distance(w->rule, u, value);
    if (beyond(w->rule, off))
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = value };
    return (struct vg_finding){ .says = VG_SAYS_CLEAR };
}

static void describe_baseline(struct vg_look *l, const struct vg_watch *w,
                              const struct vg_episode *e, struct vg_event *event,
                              struct vg_buf *text)
{
    const struct usual *u = vg_watch_memory(l, w);

    if (!vg_watch_say_newest(l, w, e, event, text))
        return;
    vg_buf_printf(text, ", %s ",
                  event->phase == VG_PHASE_END ? "close again to the usual"
                  : w->rule->bound.above       ? "far above the usual"
                                               : "far below the usual");
    vg_text_rounded(text, w->channel, usual_of(u));
    vg_buf_str(text, " of this patient");
}

static void window_of_baseline(struct vg_look *l, const struct vg_watch *w,
                               struct vg_window *window)
{
    vg_why_change(w, "above_by", "below_by", window);
    window->share = w->rule->relative;
    window->over_ns = w->rule->within_ns;
    window->has_usual = true;
    window->usual = (float)(floor((double)usual_of(vg_watch_memory(l, w)) * 100 + .5) / 100);
}

const struct vg_watch_kind vg_watch_baseline = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .updates = true,
    .measure = VG_MEASURE_VALUE,
    .one_channel = true,
    .plan = plan_baseline,
    .look = look_at_baseline,
    .window = window_of_baseline,
    .describe = describe_baseline,
};
