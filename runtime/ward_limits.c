/* ward_limits.c - which limits stand beside a bed.
 *
 * A page shows lines that somebody will be told of: those of rules about limits, the tightest of each
 * side. Which number a rule means for this bed follows stages/alert_limit.c: the patient's, else the
 * bed's, else the profile's.
 */
#include <math.h>

#include "runtime/ward_private.h"

static bool own_limit(const struct vg_ward_own_limit *own, int channel, bool high, float *ret)
{
    for (int i = 0; own && i < VG_WARD_OWN_LIMITS; i++) {
        if (own[i].until_ns == 0 || own[i].channel != channel ||
            !(high ? own[i].high_set : own[i].low_set))
            continue;
        *ret = high ? own[i].high : own[i].low;
        return true;
    }
    return false;
}

static bool movable_limit(const struct vg_site *site, const char *bed,
                          const struct vg_ward_own_limit *own, int channel, bool high, float *ret)
{
    const struct vg_bed_config *declared = vg_site_bed(site, bed);
    const struct vg_profile *profile = vg_site_profile(site, bed);

    if (own_limit(own, channel, high, ret))
        return true;
    if (declared && declared->limits &&
        vg_limits_get(&declared->limits->limits, channel, high, ret))
        return true;
    return profile && vg_limits_get(&profile->limits, channel, high, ret);
}

/* Two that are not there are the same, unlike two NANs. */
static bool same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool vg_ward_limit_same(const struct vg_ward_limit *a, const struct vg_ward_limit *b)
{
    return same(a->low, b->low) && same(a->high, b->high);
}

void vg_ward_limits(const struct vg_site *site, const char *bed,
                    const struct vg_ward_own_limit *own, struct vg_ward_limit *ret)
{
    for (int c = 0; c < VG_CHANNELS; c++)
        ret[c] = (struct vg_ward_limit){ NAN, NAN };
    for (uint32_t i = 0; i < site->rules_n; i++) {
        const struct vg_rule *rule = &site->rules[i];
        const struct vg_bound *bound = &rule->bound;
        float at = 0.0f;

        if (rule->rule != VG_RULE_LIMIT || rule->channel == VG_CHANNEL_NONE)
            continue;
        if ((bound->origin == VG_BOUND_PROFILE_LOW || bound->origin == VG_BOUND_PROFILE_HIGH) &&
            !movable_limit(site, bed, own, rule->channel, bound->origin == VG_BOUND_PROFILE_HIGH,
                           &at))
            continue;
        at += bound->value;
        /* The tightest: fmin and fmax leave NAN aside. */
        if (bound->above)
            ret[rule->channel].high = fminf(ret[rule->channel].high, at);
        else
            ret[rule->channel].low = fmaxf(ret[rule->channel].low, at);
    }
}
