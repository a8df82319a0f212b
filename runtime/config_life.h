/* config_life.h - the part of a rule that says what becomes of its alerts. */
#ifndef VG_RUNTIME_CONFIG_LIFE_H
#define VG_RUNTIME_CONFIG_LIFE_H

#include "runtime/config_private.h"

struct vg_life_options {
    bool latching;
    int64_t escalate_after_ns, realarm_ns, worse_for_ns, refractory_ns, budget_per_ns;
    int escalate_to, worse_to;
    char *worse_below, *worse_above;
    int64_t budget_max;
    struct vg_strings inhibited_by;
};

/** Their keys in a rule. */
extern const struct vg_option vg_life_options[];

/** Checks them and fills in rule->life, all but its inhibitors; `node` is the rule, of which all else
 *  was read. */
void vg_load_life(struct vg_load *l, const struct vg_node *node, const struct vg_life_options *o,
                  struct vg_rule *rule);
/** Fills in the inhibitors of all rules. */
void vg_load_inhibitions(struct vg_load *l);

#endif
