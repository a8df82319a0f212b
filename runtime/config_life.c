/* config_life.c - reads what becomes of a rule's alerts: urgency, repetition, what holds them back.
 *
 * What would quieten a high alert is refused here, with the line: no configuration may do that.
 */
#include "runtime/config_life.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define O struct vg_life_options
const struct vg_option vg_life_options[] = {
    VG_OPT_BOOL(O, latching, "latching", "false", 0,
                "The alert stays when its condition is over, until somebody resets it."),
    VG_OPT_DURATION(O, escalate_after_ns, "escalate.after", NULL, 10, 86400, 0,
                    "So long without an acknowledgement, and the alert becomes more urgent."),
    VG_OPT_ENUM(O, escalate_to, "escalate.to", "high", vg_priority_names, 0,
                "How urgent it becomes."),
    VG_OPT_DURATION(O, realarm_ns, "realarm", NULL, 120, 180, 0,
                    "An alert that is high and not acknowledged is told again each time."),
    VG_OPT_STRING(O, worse_below, "worse.below", NULL, 0,
                  "A value less than this makes the alert more urgent."),
    VG_OPT_STRING(O, worse_above, "worse.above", NULL, 0,
                  "A value greater than this makes the alert more urgent."),
    VG_OPT_ENUM(O, worse_to, "worse.priority", "high", vg_priority_names, 0,
                "How urgent it becomes."),
    VG_OPT_DURATION(O, worse_for_ns, "worse.for", "60s", 0, 86400, 0,
                    "So long without such a value, and it is as urgent as before."),
    VG_OPT_DURATION(O, refractory_ns, "refractory", NULL, 1, 86400, 0,
                    "So long after an end an alert that would start is held back. Never for high."),
    VG_OPT_INT(O, budget_max, "budget.max", NULL, 1, VG_BUDGET_MAX, "", 0,
               "So many alerts of a patient start within any budget.per. Never for high."),
    VG_OPT_DURATION(O, budget_per_ns, "budget.per", NULL, 60, 86400, 0,
                    "The time of the budget."),
    VG_OPT_LIST(O, inhibited_by, "inhibited_by", 0,
                "Rules: while an alert of one of them is there, this one is held back. Never for "
                "high."),
    VG_OPT_END,
};
#undef O
/* clang-format on */

/* Where a key stands, "budget.max" or "latching"; the rule itself when it does not. */
static struct vg_place place_of(const struct vg_node *rule, const char *key, const char *inner)
{
    const struct vg_node *node = vg_node_find(rule, key);
    const struct vg_node *in = inner ? vg_node_find(node, inner) : NULL;

    if (in)
        return in->at;
    return node ? node->key_at : rule->key_at;
}

static uint8_t most_urgent(const struct vg_rule *rule)
{
    const struct vg_lifecycle *life = &rule->life;
    uint8_t priority = rule->priority;

    if (life->escalate_after_ns > 0 && life->escalate_to < priority)
        priority = life->escalate_to;
    if (life->worse.origin != VG_BOUND_NONE && life->worse_to < priority)
        priority = life->worse_to;
    return priority;
}

/* ---- how urgent ---- */

static void check_more_urgent(struct vg_load *l, const struct vg_node *node, const char *key,
                              const char *inner, uint8_t to, const struct vg_rule *rule)
{
    if (to >= rule->priority)
        vg_document_error(l->doc, place_of(node, key, inner),
                          "%s is not more urgent than the rule's own priority, %s",
                          vg_priority_name(to), vg_priority_name(rule->priority));
}

static void read_escalation(struct vg_load *l, const struct vg_node *node,
                            const struct vg_life_options *o, struct vg_rule *rule)
{
    if (!vg_node_find(node, "escalate"))
        return;
    rule->life.escalate_after_ns = o->escalate_after_ns;
    rule->life.escalate_to = (uint8_t)o->escalate_to;
    if (o->escalate_after_ns == 0)
        vg_document_error(l->doc, place_of(node, "escalate", NULL),
                          "\"escalate\" must have \"after\": {after: 2m, to: high}");
    check_more_urgent(l, node, "escalate", "to", rule->life.escalate_to, rule);
}

static void check_worse(struct vg_load *l, const struct vg_node *at, const struct vg_rule *rule)
{
    const struct vg_bound *bound = &rule->bound, *worse = &rule->life.worse;
    bool beyond = worse->above ? worse->value > bound->value : worse->value < bound->value;

    if (worse->above != bound->above)
        vg_document_error(l->doc, at->at, "\"worse\" must compare as \"when\" does, which says %s",
                          bound->above ? "above" : "below");
    else if (worse->origin == bound->origin && !beyond)
        vg_document_error(l->doc, at->at, "\"worse\" must lie beyond the limit in \"when\"");
}

static void read_worse(struct vg_load *l, const struct vg_node *node,
                       const struct vg_life_options *o, struct vg_rule *rule)
{
    const struct vg_node *worse = vg_node_find(node, "worse");

    if (!worse)
        return;
    if (rule->rule != VG_RULE_LIMIT || rule->channel == VG_CHANNEL_NONE) {
        vg_document_error(l->doc, worse->key_at,
                          "only a rule that compares a channel's value with a limit can be worse");
        return;
    }
    rule->life.worse_to = (uint8_t)o->worse_to;
    rule->life.worse_for_ns = o->worse_for_ns;
    if (vg_load_bound(l, rule, worse, o->worse_below, o->worse_above, &rule->life.worse))
        check_worse(l, vg_node_find(worse, o->worse_above ? "above" : "below"), rule);
    check_more_urgent(l, node, "worse", "priority", rule->life.worse_to, rule);
}

/* ---- what holds back ---- */

static void check_not_high(struct vg_load *l, const struct vg_node *node, const char *key,
                           const struct vg_rule *rule)
{
    if (vg_node_find(node, key) && rule->priority == VG_PRIORITY_HIGH)
        vg_document_error(l->doc, place_of(node, key, NULL),
                          "an alert that is high is never held back; remove \"%s\"", key);
}

static void read_budget(struct vg_load *l, const struct vg_node *node,
                        const struct vg_life_options *o, struct vg_rule *rule)
{
    if (!vg_node_find(node, "budget"))
        return;
    rule->life.budget_max = (uint32_t)o->budget_max;
    rule->life.budget_per_ns = o->budget_per_ns;
    if (o->budget_max == 0 || o->budget_per_ns == 0)
        vg_document_error(l->doc, place_of(node, "budget", NULL),
                          "\"budget\" must have \"max\" and \"per\": {max: 3, per: 1h}");
}

void vg_load_life(struct vg_load *l, const struct vg_node *node, const struct vg_life_options *o,
                  struct vg_rule *rule)
{
    rule->life.latching = o->latching;
    rule->life.realarm_ns = o->realarm_ns;
    rule->life.refractory_ns = o->refractory_ns;
    read_escalation(l, node, o, rule);
    read_worse(l, node, o, rule);
    read_budget(l, node, o, rule);
    if (o->latching && rule->kind != VG_ALERT_PHYSIOLOGICAL)
        vg_document_error(l->doc, place_of(node, "latching", NULL),
                          "only an alert about the patient's values can latch; this one is %s",
                          vg_alert_kind_name(rule->kind));
    if (o->realarm_ns > 0 && most_urgent(rule) != VG_PRIORITY_HIGH)
        vg_document_error(l->doc, place_of(node, "realarm", NULL),
                          "only an alert that is high is told again; this one never is");
    check_not_high(l, node, "refractory", rule);
    check_not_high(l, node, "budget", rule);
    check_not_high(l, node, "inhibited_by", rule);
}

/* ---- inhibition, once all rules are known ---- */

static uint32_t find_rule(const struct vg_site *site, const char *name)
{
    uint32_t i = 0;

    while (i < site->rules_n && strcmp(site->rules[i].name, name) != 0)
        i++;
    return i;
}

/* Trouble with the data must not hide what the patient's values say. */
static void check_inhibitor(struct vg_load *l, const struct vg_node *at,
                            const struct vg_rule *inhibitor, const struct vg_rule *rule)
{
    if (inhibitor->kind == VG_ALERT_TECHNICAL && rule->kind != VG_ALERT_TECHNICAL)
        vg_document_error(l->doc, at->at,
                          "rule \"%s\" is technical and must not hide an alert about the patient",
                          inhibitor->name);
}

static void read_inhibitor(struct vg_load *l, const struct vg_node *at, struct vg_rule *rule)
{
    const struct vg_site *site = &l->config->site;
    uint32_t i = find_rule(site, at->text);
    const char **names;

    if (i == site->rules_n) {
        names = vg_load_rule_names(l);
        vg_document_unknown(l->doc, at->at, "rule", at->text, names, site->rules_n);
        free(names);
        return;
    }
    if (rule->life.inhibitors == VG_INHIBITORS_MAX) {
        vg_document_error(l->doc, at->at, "at most %d rules inhibit another", VG_INHIBITORS_MAX);
        return;
    }
    check_inhibitor(l, at, &site->rules[i], rule);
    rule->life.inhibited_by[rule->life.inhibitors++] = i;
}

enum colour { UNSEEN, ON_THE_WAY, DONE };

/* Whether `rule` inhibits itself in the end. Drops what closes the circle, so that all can be read. */
/* NOLINTNEXTLINE(misc-no-recursion): at most as deep as there are rules */
static bool in_circle(struct vg_rule *rules, uint32_t rule, uint8_t *colour)
{
    struct vg_lifecycle *life = &rules[rule].life;
    bool found = false;

    colour[rule] = ON_THE_WAY;
    for (uint32_t i = 0; i < life->inhibitors && !found; i++) {
        uint32_t by = life->inhibited_by[i];

        found = colour[by] == ON_THE_WAY || (colour[by] == UNSEEN && in_circle(rules, by, colour));
    }
    colour[rule] = DONE;
    if (found)
        life->inhibitors = 0;
    return found;
}

void vg_load_inhibitions(struct vg_load *l)
{
    const struct vg_node *map = vg_node_find(l->doc->root, "alert_rules");
    struct vg_site *site = &l->config->site;
    uint8_t *colour = calloc(site->rules_n + 1, 1);

    VG_CHECK(colour != NULL);
    for (uint32_t r = 0; r < site->rules_n; r++) {
        const struct vg_node *list =
            vg_node_find(vg_node_find(map, site->rules[r].name), "inhibited_by");

        for (const struct vg_node *c = list ? list->child : NULL; c; c = c->next) {
            if (c->kind == VG_NODE_SCALAR)
                read_inhibitor(l, c, &site->rules[r]);
        }
    }
    for (uint32_t r = 0; r < site->rules_n; r++) {
        const struct vg_node *rule = vg_node_find(map, site->rules[r].name);

        if (colour[r] == UNSEEN && in_circle(site->rules, r, colour))
            vg_document_error(
                l->doc, place_of(rule, "inhibited_by", NULL),
                "rule \"%s\" inhibits itself, through the rules that it names; remove one of them",
                site->rules[r].name);
    }
    free(colour);
}
