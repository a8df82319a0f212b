/* alert_artefact.c - limits that no measurement guards, told of in their place.
 *
 * A limit does not start on a value that is proven to be no measurement (vg_disproved()), and what it
 * was about to tell is dropped when no measurement follows. Either way an alert does not come. So when
 * it would have come, this condition is told instead, as loudly, and as long as the limit would have
 * been, its off-delay included, or until the limit itself is told: what follows an artefact may be the
 * event, and that limit would still be open, or start with its delay from the beginning. And a channel
 * with a limit of high priority that has sent what is no measurement for a minute is told of, louder
 * after two.
 *
 * Nobody's trouble is decided here: what is withheld is told all the same, in other words.
 */
#include "stages/alert_artefact.h"

#include <stdlib.h>

#include "stages/alert_episode.h"
#include "stages/alert_limit.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"

/* Kept of each patient for each watch. */
struct blind {
    int64_t since_ns; /* log time of the first of unbroken INVALID values; 0: the newest is not */
    uint8_t reason;   /* of what was withheld, or is INVALID */
    uint8_t unused[7];
};

/* A value that is withheld is told of after so long at the latest, unless its limit waits longer. */
static const int64_t longest_ns = 20 * VG_NS_PER_S;

/* ---- which limits ---- */

/* A line or a cuff is disturbed as a whole, and told of once. */
static int told_with(int channel)
{
    switch (channel) {
    case VG_CHANNEL_abp_dia:
    case VG_CHANNEL_abp_mean:
        return VG_CHANNEL_abp_sys;
    case VG_CHANNEL_nibp_dia:
    case VG_CHANNEL_nibp_mean:
        return VG_CHANNEL_nibp_sys;
    default:
        return channel;
    }
}

/* Rules for good values alone have asked not to be told of what is doubtful; none of them is high. */
static bool stands_for(const struct vg_watch *limit, int channel)
{
    return !limit->quiet && limit->rule->rule == VG_RULE_LIMIT && !limit->rule->good_only &&
           limit->channel < VG_MEASURED && told_with(limit->channel) == channel;
}

uint32_t vg_artefact_limits(const struct vg_alert *a, int channel)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < a->watches; i++)
        n += stands_for(&a->watch[i], channel);
    return n;
}

static bool more_urgent(const struct vg_rule *a, const struct vg_rule *b)
{
    return a->priority < b->priority; /* VG_PRIORITY_HIGH is the first */
}

/* What stands for a high limit is medium while nothing is withheld by it. */
const struct vg_rule *vg_artefact_stand_in(struct vg_alert *a, int channel)
{
    struct vg_rule *rule = &a->stand_in[channel];
    uint8_t highest = VG_PRIORITY_NONE;

    *rule = *vg_condition_rule(a, VG_CONDITION_ARTEFACT);
    rule->channel = channel;
    for (uint32_t i = 0; i < a->watches; i++) {
        if (stands_for(&a->watch[i], channel) && a->watch[i].rule->priority < highest)
            highest = a->watch[i].rule->priority;
    }
    rule->life.worse_to = highest;
    rule->priority = highest == VG_PRIORITY_HIGH ? VG_PRIORITY_MEDIUM : highest;
    return rule;
}

static vg_status check(const struct vg_rule *rule, const struct vg_rule *limit, struct vg_err *err)
{
    if (more_urgent(limit, rule))
        return vg_fail_option(err, VG_E_CONFIG, "rules",
                              "rule %s: an artefact takes the place of rule %s, so it must have "
                              "at least the priority of that",
                              rule->name, limit->name);
    if (rule->for_ns > longest_ns && rule->for_ns > limit->for_ns)
        return vg_fail_option(
            err, VG_E_CONFIG, "rules",
            "rule %s: an artefact takes the place of rule %s, so its \"for\" must be at most "
            "20 s or that of the limit",
            rule->name, limit->name);
    return VG_OK;
}

static const struct vg_watch *circuit_of(const struct vg_alert *a, int channel)
{
    for (uint32_t i = 0; i < a->watches; i++) {
        const struct vg_watch *w = &a->watch[i];

        if (w->kind == &vg_watch_disconnected && w->channel == channel && !w->quiet)
            return w;
    }
    return NULL;
}

static vg_status link_one(struct vg_alert *a, struct vg_watch *w, struct vg_err *err)
{
    vg_status st = VG_OK;

    w->circuit = circuit_of(a, w->channel);
    w->limit = calloc(a->watches, sizeof(*w->limit));
    VG_CHECK(w->limit != NULL);
    for (uint32_t i = 0; i < a->watches && st == VG_OK; i++) {
        if (!stands_for(&a->watch[i], told_with(w->channel)))
            continue;
        w->limit[w->limits++] = i;
        a->watch[i].guarded = true;
        if (!w->quiet && w->rule != &a->stand_in[w->channel])
            st = check(w->rule, a->watch[i].rule, err);
    }
    if (st == VG_OK && w->limits == 0)
        st = vg_fail_option(err, VG_E_CONFIG, "rules",
                            "rule %s can never fire: it stands in for limits of %s, and none is "
                            "watched; add one, or remove the rule",
                            w->rule->name, vg_channels[w->channel].name);
    return st;
}

vg_status vg_artefact_link(struct vg_alert *a, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < a->watches && st == VG_OK; i++) {
        if (a->watch[i].kind == &vg_watch_artefact)
            st = link_one(a, &a->watch[i], err);
    }
    return st;
}

/* ---- the watch ---- */

static vg_status plan_artefact(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    w->memory_size = sizeof(struct blind);
    return VG_OK;
}

static const struct vg_watch *limit_of(const struct vg_look *l, const struct vg_watch *w,
                                       uint32_t i)
{
    return &l->alert->watch[w->limit[i]];
}

/* Whether `circuit`, of the condition DISCONNECTED, is as urgent as the limit and comes soon. */
static bool replaces(const struct vg_watch *circuit, const struct vg_watch *limit)
{
    return !more_urgent(limit->rule, circuit->rule) && circuit->rule->for_ns <= longest_ns;
}

/* A patient who is not ventilated any more is told of in these words, not as a value that does not
 * count. */
static bool told_as_disconnected(const struct vg_look *l, const struct vg_watch *w,
                                 const struct vg_watch *limit)
{
    const struct vg_watch *circuit = w->circuit;
    const struct vg_episode *e;

    if (!circuit || !vg_watch_awake(l, circuit))
        return false;
    e = vg_watch_episode(l, circuit);
    return e->state != VG_EPISODE_IDLE && !e->held && replaces(circuit, limit);
}

/* When a limit would have told what is withheld from it; VG_TIME_NONE: nothing is. */
static int64_t withheld_due(const struct vg_look *l, const struct vg_watch *w,
                            const struct vg_watch *limit)
{
    const struct vg_episode *e = vg_watch_episode(l, limit);
    int64_t for_ns = limit->rule->for_ns;

    if (!vg_watch_awake(l, limit) || !e->withheld || told_as_disconnected(l, w, limit))
        return VG_TIME_NONE;
    if (w->rule->for_ns > for_ns)
        for_ns = w->rule->for_ns;
    return e->onset_ns + for_ns;
}

/* The limit whose alert is missed first, or NULL. */
static const struct vg_watch *first_withheld(const struct vg_look *l, const struct vg_watch *w,
                                             int64_t *ret_due_ns)
{
    const struct vg_watch *first = NULL;

    *ret_due_ns = VG_TIME_NONE;
    for (uint32_t i = 0; i < w->limits; i++) {
        const struct vg_watch *limit = limit_of(l, w, i);
        int64_t due_ns = withheld_due(l, w, limit);

        if (due_ns == VG_TIME_NONE || (first && due_ns >= *ret_due_ns))
            continue;
        first = limit;
        *ret_due_ns = due_ns;
    }
    return first;
}

/* ---- how long ---- */

void vg_artefact_note(const struct vg_look *l, const struct vg_watch *limit, enum vg_says says)
{
    struct vg_episode *e = vg_watch_episode(l, limit);
    bool counts = says == VG_SAYS_TRUE || says == VG_SAYS_BETWEEN || says == VG_SAYS_CLEAR;

    if (says == VG_SAYS_OVER)
        e->stood = 0;
    if (!e->stood && e->withheld && counts && l->out->log_ns > e->onset_ns + limit->rule->for_ns)
        e->stood = VG_EPISODE_ACTIVE;
    if (!e->stood || says == VG_SAYS_NOTHING)
        return;
    if (says == VG_SAYS_CLEAR && e->stood == VG_EPISODE_ACTIVE) {
        e->stood = VG_EPISODE_CLEARING;
        e->since_ns = l->out->log_ns;
    } else if (says == VG_SAYS_TRUE || says == VG_SAYS_HELD ||
               (says != VG_SAYS_CLEAR && e->stood == VG_EPISODE_CLEARING)) {
        e->stood = VG_EPISODE_ACTIVE;
    }
}

/* Whether the limit would still be told; moves on what has been clear for long enough. */
static bool still_stands(const struct vg_look *l, const struct vg_watch *limit)
{
    struct vg_episode *e = vg_watch_episode(l, limit);
    int64_t now_ns = l->out->log_ns;

    if (!vg_watch_surely_speaks(l, limit, now_ns))
        return true;
    if (e->stood == VG_EPISODE_CLEARING && now_ns >= e->since_ns + limit->clear_for_ns) {
        e->stood = VG_EPISODE_KEEPING;
        e->since_ns = now_ns;
    }
    if (e->stood == VG_EPISODE_KEEPING && now_ns >= e->since_ns + limit->rule->keep_firing_for_ns)
        e->stood = 0;
    return e->stood != 0;
}

/* Whether any limit would still be told; *ret_ended when the last of them has just ended. */
static bool stands(const struct vg_look *l, const struct vg_watch *w, bool *ret_ended)
{
    bool did = false, does = false;

    for (uint32_t i = 0; i < w->limits; i++) {
        const struct vg_watch *limit = limit_of(l, w, i);

        if (!vg_watch_awake(l, limit) || !vg_watch_episode(l, limit)->stood)
            continue;
        did = true;
        does |= still_stands(l, limit);
    }
    *ret_ended = did && !does;
    return does;
}

/* The same, before or behind the watch that moves it on. What has just been withheld will stand, but
 * for a limit that ends at once. */
static bool is_kept(const struct vg_look *l, const struct vg_watch *limit)
{
    const struct vg_episode *e = vg_watch_episode(l, limit);
    int64_t now_ns = l->out->log_ns;

    if (vg_episode_open(e))
        return false;
    if (e->withheld && now_ns > e->onset_ns + limit->rule->for_ns)
        return limit->clear_for_ns + limit->rule->keep_firing_for_ns > 0;
    if (e->stood == VG_EPISODE_CLEARING)
        return limit->rule->keep_firing_for_ns > 0 || now_ns < e->since_ns + limit->clear_for_ns;
    if (e->stood == VG_EPISODE_KEEPING)
        return now_ns < e->since_ns + limit->rule->keep_firing_for_ns;
    return e->stood != 0;
}

bool vg_artefact_keeps(const struct vg_look *l, const struct vg_watch *circuit)
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *limit = &l->alert->watch[i];

        if (limit->guarded && limit->channel == circuit->channel && vg_watch_awake(l, limit) &&
            replaces(circuit, limit) && is_kept(l, limit))
            return true;
    }
    return false;
}

/* ---- what rows say ---- */

/* INVALID counts where a limit of high priority needs the value, and the patient has that limit. */
static bool is_needed(struct vg_look *l, const struct vg_watch *limit)
{
    float unused;

    return limit->rule->priority == VG_PRIORITY_HIGH &&
           vg_look_bound(l, limit, &limit->rule->bound, &unused);
}

/* How long nothing has been measured, and why. True: there is a measurement. */
static bool note_blind(struct vg_look *l, const struct vg_watch *w)
{
    struct blind *b = vg_watch_memory(l, w);
    const struct vg_row *row = l->row;
    bool invalid = false;

    for (uint32_t i = 0; i < w->limits; i++) {
        const struct vg_watch *limit = limit_of(l, w, i);
        uint8_t quality = row->quality[limit->channel];

        if (vg_usable(quality) &&
            !(vg_watch_awake(l, limit) && vg_watch_episode(l, limit)->withheld)) {
            b->since_ns = 0;
            return true;
        }
        if (quality == VG_Q_ABSENT || quality == VG_Q_GOOD)
            continue;
        b->reason = row->reason[limit->channel];
        invalid |= quality == VG_Q_INVALID && is_needed(l, limit);
    }
    if (invalid && b->since_ns == 0)
        b->since_ns = row->log_ns;
    return false;
}

/* What starts it is silence(); a row only goes on with it or ends it. */
static struct vg_finding look_at_artefact(struct vg_look *l, const struct vg_watch *w)
{
    bool measured, stood, ended;
    int64_t due_ns;

    if (l->row->flags & VG_ROW_LATE)
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    measured = note_blind(l, w);
    stood = stands(l, w, &ended);
    if (!vg_watch_awake(l, w) || !vg_episode_open(vg_watch_episode(l, w)))
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (stood || first_withheld(l, w, &due_ns))
        return (struct vg_finding){ .says = VG_SAYS_TRUE };
    return (struct vg_finding){ .says = measured || ended ? VG_SAYS_CLEAR : VG_SAYS_NOTHING };
}

/* When there is an alert to be missed, or nothing has been measured for long. */
static int64_t silence(struct vg_look *l, const struct vg_watch *w)
{
    const struct blind *b = vg_watch_memory(l, w);
    int64_t due_ns, blind_due_ns = b->since_ns + l->alert->invalid_ns;

    if (!first_withheld(l, w, &due_ns))
        return b->since_ns != 0 ? blind_due_ns : VG_TIME_NONE;
    return b->since_ns != 0 && blind_due_ns < due_ns ? blind_due_ns : due_ns;
}

static int64_t began(struct vg_look *l, const struct vg_watch *w)
{
    const struct blind *b = vg_watch_memory(l, w);
    int64_t due_ns;
    const struct vg_watch *limit = first_withheld(l, w, &due_ns);

    if (!limit || due_ns > l->out->log_ns)
        return b->since_ns;
    return vg_watch_episode(l, limit)->onset_ns;
}

/* As urgent as the limit, when that would have told; when nothing is measured, later. */
static int64_t worse(struct vg_look *l, const struct vg_watch *w)
{
    const struct blind *b = vg_watch_memory(l, w);
    int64_t worse_ns = b->since_ns != 0 ? b->since_ns + l->alert->invalid_high_ns : VG_TIME_NONE;

    for (uint32_t i = 0; i < w->limits; i++) {
        const struct vg_watch *limit = limit_of(l, w, i);
        int64_t due_ns = withheld_due(l, w, limit);

        if (due_ns == VG_TIME_NONE || limit->rule->priority > w->rule->life.worse_to)
            continue;
        if (worse_ns == VG_TIME_NONE || due_ns < worse_ns)
            worse_ns = due_ns;
    }
    return worse_ns;
}

/* ---- words ---- */

static void say_withheld(struct vg_look *l, const struct vg_watch *limit, const struct blind *b,
                         struct vg_event *event, struct vg_buf *text)
{
    const struct vg_newest *newest = vg_look_newest(l, limit->channel);
    bool pending = vg_watch_episode(l, limit)->state == VG_EPISODE_PENDING;
    bool shown = pending && newest->log_ns >= vg_watch_episode(l, limit)->onset_ns;

    vg_buf_printf(text, "%s ", vg_channels[limit->channel].title);
    if (shown || !pending)
        vg_text_value(text, limit->channel, newest->value);
    vg_buf_printf(text, "%s (%s)",
                  shown     ? " does not count"
                  : pending ? "is no measurement"
                            : ", then no measurement",
                  vg_reason_text(b->reason));
    if (limit->channel == event->channel)
        vg_look_limit(l, limit, event);
}

/* It is over, but the limit would not be. */
static void say_stands(const struct vg_look *l, const struct vg_watch *w, struct vg_buf *text)
{
    const struct vg_newest *newest = vg_look_newest(l, w->channel);

    vg_buf_printf(text, "%s ", vg_channels[w->channel].title);
    if (newest->seen)
        vg_text_value(text, w->channel, newest->value);
    vg_buf_str(text, ": measuring again; goes on as long as its limit would");
}

static void say_blind(const struct vg_look *l, const struct vg_watch *w, bool late,
                      struct vg_buf *text)
{
    const struct blind *b = vg_watch_memory(l, w);

    vg_buf_printf(text, "%s not measured for ", vg_channels[w->channel].title);
    vg_text_duration(text, late ? l->alert->invalid_high_ns : l->alert->invalid_ns);
    vg_buf_printf(text, " (%s)", vg_reason_text(b->reason));
}

static void observe(const struct vg_look *l, const struct vg_watch *w, struct vg_event *event,
                    bool valued)
{
    const struct vg_newest *newest = vg_look_newest(l, w->channel);

    event->observed.present = true;
    event->observed.has_value = valued && newest->seen;
    event->observed.value = newest->value;
    event->observed.quality = event->observed.has_value ? newest->quality : VG_Q_INVALID;
    event->observed.time_ns = event->observed.has_value ? newest->event_ns : l->out->log_ns;
}

static void describe_artefact(struct vg_look *l, const struct vg_watch *w,
                              const struct vg_episode *e, struct vg_event *event,
                              struct vg_buf *text)
{
    const struct blind *b = vg_watch_memory(l, w);
    int64_t due_ns;
    const struct vg_watch *limit = first_withheld(l, w, &due_ns);

    if (event->phase == VG_PHASE_END) {
        observe(l, w, event, true);
        vg_buf_printf(text, "%s: measuring again", vg_channels[w->channel].title);
        return;
    }
    if (!event->reason && b->reason != VG_REASON_NONE) /* not looked at in a standby */
        event->reason = vg_reason_name(b->reason);
    observe(l, w, event, limit && vg_watch_episode(l, limit)->state == VG_EPISODE_PENDING);
    vg_text_check(text, w->channel);
    if (limit && due_ns <= event->time_ns)
        say_withheld(l, limit, b, event, text);
    else if (b->since_ns == 0)
        say_stands(l, w, text);
    else
        say_blind(l, w, e->worse, text);
}

const struct vg_watch_kind vg_watch_artefact = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .plan = plan_artefact,
    .look = look_at_artefact,
    .silent = silence,
    .since = began,
    .worse = worse,
    .describe = describe_artefact,
};
