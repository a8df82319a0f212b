/* alert_builtin.c - the technical conditions that are watched without being asked for, each by a rule
 * of its own name, unless a configured rule covers it: nobody should have to know of a fault to be
 * told of it.
 */
#include "stages/alert_artefact.h"

#include <stdio.h>

#include "stages/alert_watch.h"

bool vg_condition_covered(const struct vg_alert *a, enum vg_condition condition, int channel,
                          const struct vg_rule *but)
{
    for (uint32_t i = 0; i < a->watches; i++) {
        const struct vg_watch *w = &a->watch[i];

        if (w->rule->rule == VG_RULE_CONDITION && w->rule->condition == condition && !w->quiet &&
            w->rule != but && (w->rule->channel == VG_CHANNEL_NONE || w->rule->channel == channel))
            return true;
    }
    return false;
}

static bool some_ventilated(const struct vg_site *site)
{
    for (uint32_t i = 0; i < site->profiles_n; i++) {
        if (site->profiles[i].ventilated)
            return true;
    }
    return false;
}

bool vg_condition_can_occur(const struct vg_plan *plan, enum vg_condition condition)
{
    return condition != VG_CONDITION_DISCONNECTED || some_ventilated(plan->site);
}

/* One channel of each sensor stands for the others, so that what is wrong is told once. */
static bool leads_sensor(int channel)
{
    switch (channel) {
    case VG_CHANNEL_hr:
    case VG_CHANNEL_spo2:
    case VG_CHANNEL_abp_sys:
    case VG_CHANNEL_nibp_sys:
    case VG_CHANNEL_temp:
    case VG_CHANNEL_etco2:
    case VG_CHANNEL_tcco2:
        return true;
    default:
        return false;
    }
}

bool vg_condition_watches(const struct vg_alert *a, enum vg_condition condition, int channel)
{
    const struct vg_channel *c = &vg_channels[channel];

    switch (condition) {
    case VG_CONDITION_ARTEFACT:
        return vg_artefact_limits(a, channel) > 0;
    case VG_CONDITION_CHECK_SENSOR:
        return leads_sensor(channel);
    case VG_CONDITION_DISCONNECTED:
        return channel == VG_CHANNEL_etco2;
    default: /* lead_off: a 0 says so, where it is no value of a sensor that is always on; a line is
                off as a whole */
        return channel < VG_MEASURED && !c->zero_is_value && !c->episodic &&
               channel != VG_CHANNEL_abp_dia && channel != VG_CHANNEL_abp_mean;
    }
}

/* Of a cuff a 0 may be all that a monitor has between two readings, so only who asks for it is told. */
bool vg_condition_can_watch(const struct vg_alert *a, enum vg_condition condition, int channel)
{
    return vg_condition_watches(a, condition, channel) ||
           (condition == VG_CONDITION_LEAD_OFF && channel < VG_MEASURED &&
            !vg_channels[channel].zero_is_value);
}

static const struct {
    uint8_t priority;
    int64_t for_s;
} defaults[] = {
    [VG_CONDITION_LEAD_OFF] = { VG_PRIORITY_LOW, 0 },
    [VG_CONDITION_DEVICE_CLOCK] = { VG_PRIORITY_LOW, 0 },
    [VG_CONDITION_MODEL_ERROR] = { VG_PRIORITY_MEDIUM, 0 },
    [VG_CONDITION_DEAD_LETTER] = { VG_PRIORITY_MEDIUM, 0 },
    [VG_CONDITION_MAX_PATIENTS] = { VG_PRIORITY_HIGH, 0 },
    [VG_CONDITION_ARTEFACT] = { VG_PRIORITY_HIGH, 0 },
    /* Sensors right themselves more often than anybody comes. */
    [VG_CONDITION_CHECK_SENSOR] = { VG_PRIORITY_LOW, 120 },
    [VG_CONDITION_READMITTED] = { VG_PRIORITY_MEDIUM, 0 },
    /* Suction takes less. */
    [VG_CONDITION_DISCONNECTED] = { VG_PRIORITY_HIGH, 10 },
    [VG_CONDITION_BED_SHARED] = { VG_PRIORITY_MEDIUM, 0 },
    [VG_CONDITION_KEY_MISMATCH] = { VG_PRIORITY_HIGH, 0 },
    [VG_CONDITION_DEAD_LETTER_RATE] = { VG_PRIORITY_HIGH, 0 },
    [VG_CONDITION_DELIVERY_FAILING] = { VG_PRIORITY_MEDIUM, 0 },
    [VG_CONDITION_DELIVERY_LOST] = { VG_PRIORITY_HIGH, 0 },
    [VG_CONDITION_PASSED_OVER] = { VG_PRIORITY_MEDIUM, 0 },
    [VG_CONDITION_LIMIT_REFUSED] = { VG_PRIORITY_LOW, 0 },
};

_Static_assert(VG_ARRAY_LEN(defaults) == VG_CONDITION_COUNT, "a condition without defaults");

const struct vg_rule *vg_condition_rule(struct vg_alert *a, enum vg_condition condition)
{
    struct vg_rule *rule = &a->builtin[condition];

    *rule = (struct vg_rule){
        .rule = VG_RULE_CONDITION,
        .condition = condition,
        .kind = VG_ALERT_TECHNICAL,
        .priority = defaults[condition].priority,
        .channel = VG_CHANNEL_NONE,
        .for_ns = defaults[condition].for_s * VG_NS_PER_S,
        .update_every_ns = 30 * VG_NS_PER_S,
    };
    snprintf(rule->name, sizeof(rule->name), "%s", vg_condition_name(condition));
    snprintf(rule->title, sizeof(rule->title), "%s", vg_condition_title(condition));
    return rule;
}
