/* alert_artefact.c - what the artefact stage has found, for people.
 *
 * Two conditions. `artefact`: a measurement was rejected, and the limit that it would have passed
 * says nothing: somebody must be told all the same, when and as loudly as by the limit. And
 * `check_sensor`: a measurement is doubted, for long enough to be worth a walk to the bed; limits
 * still see it.
 */
#include "stages/alert_watch.h"

static const uint32_t pressures = UINT32_C(1) << VG_CHANNEL_abp_sys |
                                  UINT32_C(1) << VG_CHANNEL_abp_dia |
                                  UINT32_C(1) << VG_CHANNEL_abp_mean;

/* A line is disturbed as a whole, and told of once. */
bool vg_condition_watches(enum vg_condition condition, int channel)
{
    const struct vg_channel *c = &vg_channels[channel];

    switch (condition) {
    case VG_CONDITION_LEAD_OFF: /* a 0 says so, where it is no value of a sensor that is always on */
        return channel < VG_MEASURED && !c->zero_is_value && !c->episodic;
    case VG_CONDITION_ARTEFACT:
        return channel == VG_CHANNEL_abp_sys;
    case VG_CONDITION_CHECK_SENSOR:
        return channel == VG_CHANNEL_abp_sys || channel == VG_CHANNEL_spo2 ||
               channel == VG_CHANNEL_temp || channel == VG_CHANNEL_etco2;
    default:
        return channel < VG_MEASURED;
    }
}

/* A limit of a pressure: what a flush takes away. */
static bool stands_for(const struct vg_watch *w)
{
    return !w->quiet && w->rule->rule == VG_RULE_LIMIT && (pressures >> w->channel & 1);
}

static bool more_urgent(const struct vg_rule *a, const struct vg_rule *b)
{
    return a->priority < b->priority; /* VG_PRIORITY_HIGH is the first */
}

/* A value that is withheld is told of after so long at the latest. */
static const int64_t longest_ns = 20 * VG_NS_PER_S;

void vg_artefact_stand_in(struct vg_rule *rule, const struct vg_watch *watch, uint32_t watches)
{
    rule->for_ns = longest_ns;
    for (uint32_t i = 0; i < watches; i++) {
        if (!stands_for(&watch[i]))
            continue;
        if (more_urgent(watch[i].rule, rule))
            rule->priority = watch[i].rule->priority;
        if (watch[i].rule->for_ns < rule->for_ns)
            rule->for_ns = watch[i].rule->for_ns;
    }
}

static vg_status check_one(const struct vg_rule *rule, const struct vg_watch *watch,
                           uint32_t watches, struct vg_err *err)
{
    for (uint32_t i = 0; i < watches; i++) {
        if (stands_for(&watch[i]) && more_urgent(watch[i].rule, rule))
            return vg_fail_option(
                err, VG_E_CONFIG, "rules",
                "rule %s: an artefact takes the place of rule %s, so it must have "
                "at least the priority of that",
                rule->name, watch[i].rule->name);
        if (stands_for(&watch[i]) && rule->for_ns > longest_ns &&
            rule->for_ns > watch[i].rule->for_ns)
            return vg_fail_option(
                err, VG_E_CONFIG, "rules",
                "rule %s: an artefact takes the place of rule %s, so its \"for\" must be at most "
                "20 s or that of the limit",
                rule->name, watch[i].rule->name);
    }
    return VG_OK;
}

vg_status vg_artefact_check(const struct vg_watch *watch, uint32_t watches, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < watches && st == VG_OK; i++) {
        const struct vg_rule *rule = watch[i].rule;

        if (rule->rule == VG_RULE_CONDITION && rule->condition == VG_CONDITION_ARTEFACT)
            st = check_one(rule, watch, watches, err);
    }
    return st;
}

/* ---- the watches ---- */

static const struct vg_finding nothing = { .says = VG_SAYS_NOTHING };
static const struct vg_finding holds = { .says = VG_SAYS_TRUE };
static const struct vg_finding clear = { .says = VG_SAYS_CLEAR };

static vg_status plan_artefacts(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    if (!plan->artefacts)
        return vg_fail_option(
            err, VG_E_CONFIG, "rules",
            "rule %s can never fire: its condition is found by the stage artefact, "
            "and there is none before this one",
            w->rule->name);
    return VG_OK;
}

static struct vg_finding look_at_artefact(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;

    if (row->flags & VG_ROW_LATE)
        return nothing;
    if (row->quality[w->channel] == VG_Q_INVALID && row->reason[w->channel] == VG_REASON_FLUSH)
        return holds;
    return vg_usable(row->quality[w->channel]) ? clear : nothing;
}

static bool doubted(uint8_t reason)
{
    switch (reason) {
    case VG_REASON_FLAT:
    case VG_REASON_DAMPED:
    case VG_REASON_HEIGHT:
    case VG_REASON_MOTION:
    case VG_REASON_SLIPPED:
    case VG_REASON_DISCONNECTED:
        return true;
    default:
        return false;
    }
}

static struct vg_finding look_at_sensor(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    uint8_t quality = row->quality[w->channel];

    if (row->flags & VG_ROW_LATE || !vg_usable(quality))
        return nothing;
    return quality == VG_Q_SUSPECT && doubted(row->reason[w->channel]) ? holds : clear;
}

static void observe(const struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                    struct vg_event *event, bool valued)
{
    const struct vg_newest *newest = &l->memory->newest[w->channel];

    event->observed.present = true;
    event->observed.has_value = valued;
    event->observed.value = newest->value;
    event->observed.quality = valued ? newest->quality : VG_Q_INVALID;
    event->observed.time_ns = valued ? newest->event_ns : e->worst_ns;
}

static void describe_artefact(struct vg_look *l, const struct vg_watch *w,
                              const struct vg_episode *e, struct vg_event *event,
                              struct vg_buf *text)
{
    bool over = event->phase == VG_PHASE_END;

    observe(l, w, e, event, over);
    vg_buf_printf(text, "%s: %s", vg_channels[w->channel].title,
                  over ? "measuring again" : "no measurement, the line is being flushed");
}

/* What the newest row says; a timer has none, and then it is not known any more. */
static const char *doubt(const struct vg_look *l, int channel)
{
    if (!l->row || l->row->quality[channel] != VG_Q_SUSPECT)
        return "disturbed";
    return vg_reason_text(l->row->reason[channel]);
}

static void describe_sensor(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                            struct vg_event *event, struct vg_buf *text)
{
    observe(l, w, e, event, true);
    vg_buf_printf(text, "%s: %s", vg_channels[w->channel].title,
                  event->phase == VG_PHASE_END ? "as before" : doubt(l, w->channel));
}

const struct vg_watch_kind vg_watch_artefact = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .plan = plan_artefacts,
    .look = look_at_artefact,
    .describe = describe_artefact,
};

const struct vg_watch_kind vg_watch_check_sensor = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .plan = plan_artefacts,
    .look = look_at_sensor,
    .describe = describe_sensor,
};
