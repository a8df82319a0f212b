/* alert_limit.c - a value beyond a limit, and where limits come from.
 *
 * Limits see every usable sample, GOOD or SUSPECT, as it arrives. A limit is looked up for each row
 * anew, because the bed, and with it the profile, may change under an open episode.
 */
#include "stages/alert_limit.h"

#include <stdio.h>
#include <string.h>

#include "stages/alert_life.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"

/* ---- the number of a bound ---- */

const struct vg_profile *vg_look_profile(struct vg_look *l)
{
    const struct vg_site *site = l->alert->site;

    if (!l->profile_known) {
        const struct vg_bed_config *bed = vg_site_bed(site, l->out->patient->bed);

        l->bed = bed ? bed->limits : NULL;
        l->profile = bed                    ? &site->profiles[bed->profile]
                     : site->profiles_n > 0 ? &site->profiles[0]
                                            : NULL;
        l->profile_known = true;
    }
    return l->profile;
}

/* Who gives a limit. */
enum giver { NOBODY, PATIENT, BED, PROFILE };

static enum giver bed_limit(struct vg_look *l, int channel, bool high, float *ret)
{
    const struct vg_profile *profile = vg_look_profile(l);

    if (l->bed && vg_limits_get(&l->bed->limits, channel, high, ret))
        return BED;
    return profile && vg_limits_get(&profile->limits, channel, high, ret) ? PROFILE : NOBODY;
}

bool vg_look_bed_limit(struct vg_look *l, int channel, bool high, float *ret)
{
    return bed_limit(l, channel, high, ret) != NOBODY;
}

/* What was set for this patient comes before what the bed has. */
static enum giver movable_limit(struct vg_look *l, int channel, bool high, float *ret)
{
    const struct vg_stay *stay = &l->memory->stay;
    const struct vg_stay_limit *own = stay->limits ? vg_stay_limit(stay, channel) : NULL;

    if (own && (high ? own->high_set : own->low_set)) {
        *ret = high ? own->high : own->low;
        return PATIENT;
    }
    return bed_limit(l, channel, high, ret);
}

bool vg_look_bound(struct vg_look *l, const struct vg_watch *w, const struct vg_bound *bound,
                   float *ret)
{
    switch (bound->origin) {
    case VG_BOUND_FIXED:
        *ret = bound->value;
        return true;
    case VG_BOUND_MODEL:
        *ret = w->model->threshold;
        return true;
    case VG_BOUND_PROFILE_LOW:
    case VG_BOUND_PROFILE_HIGH:
        if (movable_limit(l, w->channel, bound->origin == VG_BOUND_PROFILE_HIGH, ret) == NOBODY)
            return false;
        *ret += bound->value;
        return true;
    default:
        return false;
    }
}

static void say_giver(struct vg_look *l, int channel, const struct vg_bound *bound)
{
    float limit;

    switch (movable_limit(l, channel, bound->origin == VG_BOUND_PROFILE_HIGH, &limit)) {
    case PATIENT:
        snprintf(l->origin, sizeof(l->origin), "patient");
        break;
    case BED:
        snprintf(l->origin, sizeof(l->origin), "bed %s", l->out->patient->bed);
        break;
    default:
        snprintf(l->origin, sizeof(l->origin), "profile %s", vg_look_profile(l)->name);
        break;
    }
}

bool vg_look_limit(struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    const struct vg_bound *bound = &w->rule->bound;

    event->limit.present = vg_look_bound(l, w, bound, &event->limit.value);
    event->limit.high = bound->above;
    if (!event->limit.present)
        return false;
    if (bound->origin == VG_BOUND_FIXED)
        snprintf(l->origin, sizeof(l->origin), "rule %s", w->rule->name);
    else
        say_giver(l, w->channel, bound);
    event->limit.origin = l->origin;
    return true;
}

struct vg_finding vg_look_clear(struct vg_look *l, const struct vg_watch *w, float measure)
{
    const struct vg_bound *clear = &w->rule->clear;
    float limit;

    /* What sleeps is not kept from ending. */
    if (!vg_watch_awake(l, w))
        return (struct vg_finding){ .says = VG_SAYS_CLEAR };
    /* Without a clear bound of its own a rule is clear as soon as it does not hold. */
    if (!vg_look_bound(l, w, clear, &limit) || vg_passes(clear, measure, limit))
        return (struct vg_finding){ .says = VG_SAYS_CLEAR };
    return (struct vg_finding){ .says = VG_SAYS_BETWEEN };
}

vg_status vg_watch_check_bounds(const struct vg_watch *w, const struct vg_plan *plan,
                                struct vg_err *err)
{
    const struct vg_bound *bounds[] = { &w->rule->bound, &w->rule->clear };

    if (bounds[0]->origin == VG_BOUND_NONE)
        return vg_fail_option(err, VG_E_CONFIG, "rules",
                              "rule %s says neither above nor below what it holds", w->rule->name);
    for (size_t i = 0; i < VG_ARRAY_LEN(bounds); i++) {
        enum vg_bound_origin origin = bounds[i]->origin;

        if (origin == VG_BOUND_MODEL && !w->model)
            return vg_fail_option(err, VG_E_CONFIG, "rules",
                                  "rule %s: only an anomaly rule can use the model's threshold",
                                  w->rule->name);
        if (origin != VG_BOUND_PROFILE_LOW && origin != VG_BOUND_PROFILE_HIGH)
            continue;
        /* A rule that can never fire is worse than none: people rely on it. */
        if (w->channel == VG_CHANNEL_NONE ||
            !vg_site_limits(plan->site, w->channel, origin == VG_BOUND_PROFILE_HIGH))
            return vg_fail_option(err, VG_E_CONFIG, "rules",
                                  "rule %s uses profile.%s, but no profile gives %s a %s limit; "
                                  "add one under profiles, or write the number",
                                  w->rule->name, origin == VG_BOUND_PROFILE_LOW ? "low" : "high",
                                  w->channel == VG_CHANNEL_NONE ? "it"
                                                                : vg_channels[w->channel].name,
                                  origin == VG_BOUND_PROFILE_LOW ? "low" : "high");
    }
    return VG_OK;
}

/* ---- the rule ---- */

/* Kept of a patient by a rule for several values, the newest first. */
struct count {
    uint32_t beyond;  /* bit i: the i-th newest value was */
    uint32_t values;  /* that have come, at most `of` */
    uint32_t at_ms[]; /* [of] log time, in 32 bits */
};

static vg_status plan_limit(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    w->validity_ns = vg_channels[w->channel].validity_ns;
    if (w->rule->least > 0)
        w->memory_size = sizeof(struct count) + w->rule->of * sizeof(uint32_t);
    return vg_watch_check_bounds(w, plan, err);
}

/* Whether enough of the newest values were beyond the limit, this one included. */
static bool enough(struct vg_look *l, const struct vg_watch *w, bool beyond)
{
    const struct vg_rule *rule = w->rule;
    struct count *c = vg_watch_memory(l, w);

    c->beyond = c->beyond << 1 | (beyond ? 1 : 0);
    c->values += c->values < rule->of;
    memmove(c->at_ms + 1, c->at_ms, (rule->of - 1) * sizeof(*c->at_ms));
    c->at_ms[0] = (uint32_t)(l->out->log_ns / VG_NS_PER_MS);
    return (uint32_t)__builtin_popcount(c->beyond & (UINT32_MAX >> (32 - rule->of))) >= rule->least;
}

/* As much as the newest values say together. */
static struct vg_finding look_at_count(struct vg_look *l, const struct vg_watch *w, float value,
                                       bool beyond)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    if (!enough(l, w, beyond))
        return beyond ? (struct vg_finding){ .says = VG_SAYS_BETWEEN } : vg_look_clear(l, w, value);
    if (beyond)
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = value };
    /* The worst so far stays what it is; what has ended does not start with a value within. */
    if (e->state == VG_EPISODE_IDLE)
        return (struct vg_finding){ .says = VG_SAYS_BETWEEN };
    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = e->worst };
}

static void forget_count(struct vg_look *l, const struct vg_watch *w)
{
    if (w->rule->least > 0)
        memset(vg_watch_memory(l, w), 0, sizeof(struct count));
}

/* What stands in for a limit does so for a plain one: of several values, or of several conditions, a
 * doubtful one is no more than a part. */
static bool may_withhold(const struct vg_watch *w)
{
    return !w->quiet && w->rule->least == 0;
}

/* No measurement takes back what was about to happen, but for a flush: what it hides may be as far
 * beyond the limit as what came before, and every high limit is passed by it. A pressure that comes
 * and goes around that of a flush would otherwise never last. */
static struct vg_finding without_value(struct vg_look *l, const struct vg_watch *w, float limit)
{
    bool pending = vg_watch_episode(l, w)->state == VG_EPISODE_PENDING;

    /* What was noted has expired or was taken back: it speaks no longer. */
    if (l->row->kind == VG_ROW_COMMAND)
        return (struct vg_finding){ .says = VG_SAYS_LOST };
    if (l->row->reason[w->channel] != VG_REASON_FLUSH)
        return (struct vg_finding){ .says = VG_SAYS_UNKNOWN };
    if (w->rule->bound.above && may_withhold(w))
        return (struct vg_finding){ .says = VG_SAYS_HELD, .measure = limit };
    return (struct vg_finding){ .says = pending ? VG_SAYS_NOTHING : VG_SAYS_UNKNOWN };
}

static struct vg_finding look_at_limit(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    uint8_t quality = row->quality[w->channel];
    float value, limit;
    bool beyond;

    if (quality == VG_Q_ABSENT || (row->flags & VG_ROW_LATE))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (!vg_look_bound(l, w, &w->rule->bound, &limit)) {
        forget_count(l, w);
        return (struct vg_finding){ .says = VG_SAYS_OVER, .reason = "no_limit" };
    }
    if (!vg_usable(quality) || (w->rule->good_only && quality != VG_Q_GOOD))
        return without_value(l, w, limit);
    value = row->value[w->channel];
    beyond = vg_passes(&w->rule->bound, value, limit);
    if (w->rule->least > 0)
        return look_at_count(l, w, value, beyond);
    if (beyond && quality == VG_Q_SUSPECT && vg_disproved(row->reason[w->channel]) &&
        may_withhold(w))
        return (struct vg_finding){ .says = VG_SAYS_HELD, .measure = value };
    if (beyond)
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = value };
    return vg_look_clear(l, w, value);
}

void vg_watch_observe_newest(const struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event)
{
    const struct vg_newest *newest = vg_look_newest(l, w->channel);

    event->observed.present = true;
    event->observed.has_value = !vg_watch_tells_loss(e, event);
    event->observed.value = newest->value;
    event->observed.quality = event->observed.has_value ? newest->quality : VG_Q_MISSING;
    event->observed.time_ns = newest->event_ns;
}

bool vg_watch_say_newest(const struct vg_look *l, const struct vg_watch *w,
                         const struct vg_episode *e, struct vg_event *event, struct vg_buf *text)
{
    vg_watch_observe_newest(l, w, e, event);
    vg_buf_printf(text, "%s ", vg_channels[w->channel].title);
    if (vg_watch_tells_loss(e, event)) {
        vg_text_lost(text, "a value", w->validity_ns);
        return false;
    }
    vg_text_value(text, w->channel, event->observed.value);
    return true;
}

static void observe(const struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                    struct vg_event *event)
{
    bool counted = event->phase == VG_PHASE_START && w->rule->least > 0;
    bool worst = event->phase == VG_PHASE_UPDATE && !event->reason;

    vg_watch_observe_newest(l, w, e, event);
    /* Enough of several values may be beyond the limit when the newest is not. */
    if (!counted && !worst)
        return;
    event->observed.value = e->worst;
    event->observed.quality = e->quality;
    event->observed.time_ns = vg_watch_times(l, w)->worst_ns;
}

/* "SpO2 86 % below 90 %": what is the case, or after `denial` what no longer is. */
static void say_values(struct vg_buf *text, const struct vg_event *event, const char *denial)
{
    vg_text_value(text, event->channel, event->observed.value);
    if (!event->limit.present)
        return;
    vg_buf_printf(text, "%s %s ", denial, event->limit.high ? "above" : "below");
    vg_text_value(text, event->channel, event->limit.value);
}

static void say_start(struct vg_buf *text, const struct vg_rule *rule)
{
    if (rule->least > 0)
        vg_buf_printf(text, ", %u of the last %u values", rule->least, rule->of);
    if (rule->for_ns == 0)
        return;
    vg_buf_str(text, " for ");
    vg_text_duration(text, rule->for_ns);
}

static void describe_limit(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    observe(l, w, e, event);
    vg_look_limit(l, w, event);
    vg_buf_printf(text, "%s ", vg_channels[w->channel].title);
    if (vg_watch_tells_loss(e, event) && !vg_newest_holds(vg_look_newest(l, w->channel))) {
        vg_buf_str(text, "as noted holds no longer; the alert stays active");
    } else if (vg_watch_tells_loss(e, event)) {
        vg_text_lost(text, "a value", w->validity_ns);
    } else if (event->phase == VG_PHASE_START) {
        say_values(text, event, "");
        say_start(text, w->rule);
    } else if (event->phase == VG_PHASE_END && event->limit.present) {
        say_values(text, event, ", no longer");
    } else if (event->phase == VG_PHASE_END) {
        say_values(text, event, "");
        vg_buf_str(text, "; no limit is set any more");
    } else if (event->reason) {
        vg_text_value(text, w->channel, event->observed.value);
        vg_buf_str(text, ": values are back");
    } else {
        say_values(text, event, "");
        vg_buf_printf(text, ", the %s so far", w->rule->bound.above ? "highest" : "lowest");
    }
}

/* Of several values: from the oldest of them that counts. */
static void window_of_limit(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    const struct count *c;
    int64_t now_ms = window->to_ns / VG_NS_PER_MS;

    if (w->rule->least == 0)
        return;
    c = vg_watch_memory(l, w);
    window->at_least = w->rule->least;
    window->of = w->rule->of;
    if (c->values > 0)
        window->from_ns = (now_ms - ((uint32_t)now_ms - c->at_ms[c->values - 1])) * VG_NS_PER_MS;
}

const struct vg_watch_kind vg_watch_limit = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .updates = true,
    .measure = VG_MEASURE_VALUE,
    .one_channel = true,
    .plan = plan_limit,
    .look = look_at_limit,
    .window = window_of_limit,
    .describe = describe_limit,
};
