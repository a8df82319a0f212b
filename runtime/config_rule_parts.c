/* config_rule_parts.c - reads combinations of conditions, and when a condition is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_rule.h"

/* ---- the end ---- */

/* An alert must not end where it would start again: the end lies on the far side of the limit. */
static void check_clear(struct vg_load *l, const struct vg_rule *rule, struct vg_place at)
{
    const struct vg_bound *bound = &rule->bound;
    const struct vg_bound *clear = &rule->clear;
    bool safe = bound->above ? clear->value <= bound->value : clear->value >= bound->value;

    if (clear->above == bound->above)
        vg_document_error(l->doc, at,
                          "\"clear\" must compare the other way round: \"when\" says %s, so "
                          "\"clear\" says %s",
                          bound->above ? "above" : "below", bound->above ? "below" : "above");
    else if (clear->origin == bound->origin && !safe)
        vg_document_error(l->doc, at,
                          "\"clear\" must lie on the safe side of the limit in \"when\", so that "
                          "an alert that ended does not start again at once");
}

void vg_rule_read_clear(struct vg_load *l, const struct vg_node *clear, struct vg_rule *rule)
{
    struct vg_clear_keys o = { 0 };
    const struct vg_target target = { vg_clear_options, &o };
    uint32_t errors = l->doc->count[VG_ERROR];
    const struct vg_node *at;

    vg_options_default(vg_clear_options, &o);
    vg_document_options(l->doc, clear, &target, 1, NULL);
    rule->clear_for_ns = o.for_ns;
    if ((o.below || o.above) && !vg_rule_compares(rule) && rule->rule != VG_RULE_SCORE) {
        vg_document_error(
            l->doc, clear->key_at,
            "\"clear\" of this rule has no value to compare; only \"for\" may be set");
    } else if ((o.below || o.above) && l->doc->count[VG_ERROR] == errors) {
        at = vg_node_find(clear, o.above ? "above" : "below");
        if (vg_load_bound(l, rule, clear, o.below, o.above, &rule->clear))
            check_clear(l, rule, at->at);
    }
    vg_options_done(vg_clear_options, &o);
}

/* ---- combinations ---- */

/* A combination is about the patient when one of its conditions is, however it hangs together. */
static uint8_t kind_of_parts(const struct vg_rule *rule)
{
    uint8_t ret = VG_ALERT_TECHNICAL;

    for (uint32_t i = 0; i < rule->parts; i++) {
        if (rule->part[i].kind == VG_ALERT_PHYSIOLOGICAL)
            return VG_ALERT_PHYSIOLOGICAL;
        if (rule->part[i].kind == VG_ALERT_ADVISORY)
            ret = VG_ALERT_ADVISORY;
    }
    return ret;
}

/* Two limits that no value can pass both. */
static bool exclude(const struct vg_rule *a, const struct vg_rule *b)
{
    const struct vg_rule *low = a->bound.above ? b : a, *high = a->bound.above ? a : b;

    if (a->rule != VG_RULE_LIMIT || b->rule != VG_RULE_LIMIT || a->channel != b->channel ||
        a->least > 0 || b->least > 0 || a->keep_firing_for_ns > 0 || b->keep_firing_for_ns > 0 ||
        a->bound.above == b->bound.above || a->bound.origin != b->bound.origin)
        return false;
    return low->bound.value <= high->bound.value;
}

/* What can never hold, or holds for everybody who is well. */
static void check_parts(struct vg_load *l, const struct vg_node *list, struct vg_rule *rule)
{
    uint32_t negated = 0;

    rule->kind = kind_of_parts(rule);
    for (uint32_t i = 0; i < rule->parts; i++) {
        negated += rule->part[i].join == VG_JOIN_NOT;
        for (uint32_t k = 0; k < i && rule->join == VG_JOIN_ALL; k++) {
            if (exclude(&rule->part[k], &rule->part[i]))
                vg_document_error(l->doc, list->at,
                                  "these conditions can never hold together: no %s is both above "
                                  "%g and below %g",
                                  vg_channels[rule->part[i].channel].name,
                                  (double)(rule->part[i].bound.above ? rule->part[i].bound.value
                                                                     : rule->part[k].bound.value),
                                  (double)(rule->part[i].bound.above ? rule->part[k].bound.value
                                                                     : rule->part[i].bound.value));
        }
    }
    if (rule->join != VG_JOIN_NOT && negated == rule->parts)
        vg_document_error(l->doc, list->at,
                          "at least one condition must hold and not only be absent");
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void read_part(struct vg_load *l, const struct vg_node *node, struct vg_rule *part,
                      uint32_t depth)
{
    struct vg_part_keys o = { 0 };
    const struct vg_node *clear;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    vg_options_default(vg_part_options, &o);
    clear = vg_document_mapping(l->doc, node, "clear");
    if (vg_rule_read_when(l, node, part, depth + 1, &o) && clear)
        vg_rule_read_clear(l, clear, part);
    part->for_ns = o.for_ns;
    part->keep_firing_for_ns = o.keep_firing_for_ns;
    vg_options_done(vg_part_options, &o);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
void vg_rule_read_parts(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                        uint32_t depth)
{
    const struct vg_node *list = vg_node_find(when, vg_rule_joins[rule->join].key);
    bool one = rule->join == VG_JOIN_NOT;
    uint32_t errors = l->doc->count[VG_ERROR];

    if (depth >= VG_NESTING_MAX) {
        vg_document_error(l->doc, list->key_at,
                          "combinations nest at most %d deep; give an inner "
                          "one a rule of its own and name it: {rule: NAME}",
                          VG_NESTING_MAX);
        return;
    }
    if (!one &&
        (list->kind != VG_NODE_SEQUENCE || list->children < 2 || list->children > VG_PARTS_MAX)) {
        vg_document_error(l->doc, list->at, "expected a list of 2 to %d conditions", VG_PARTS_MAX);
        return;
    }
    rule->part = calloc(one ? 1 : list->children, sizeof(*rule->part));
    VG_CHECK(rule->part);
    for (const struct vg_node *c = one ? list : list->child; c; c = one ? NULL : c->next) {
        struct vg_rule *part = &rule->part[rule->parts++];

        *part = (struct vg_rule){ .channel = VG_CHANNEL_NONE, .priority = VG_PRIORITY_NONE };
        snprintf(part->name, sizeof(part->name), "%s", rule->name);
        read_part(l, c, part, depth);
    }
    if (l->doc->count[VG_ERROR] == errors)
        check_parts(l, list, rule);
}
