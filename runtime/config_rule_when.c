/* config_rule_when.c - reads the condition of an alert rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_rule.h"

const char *vg_rule_called(const struct vg_node *map)
{
    return map->key ? map->key : "this condition";
}

static void check_limited(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when)
{
    const struct vg_site *site = &l->config->site;
    bool low = rule->bound.origin == VG_BOUND_PROFILE_LOW;

    if (!low && rule->bound.origin != VG_BOUND_PROFILE_HIGH)
        return;
    VG_CHECK(rule->channel != VG_CHANNEL_NONE);
    if (!vg_site_limits(site, rule->channel, !low))
        vg_document_error(
            l->doc, vg_node_find(when, rule->bound.above ? "above" : "below")->at,
            "no profile or bed has a %s limit of %s, so this rule can never fire; add one to "
            "a profile, or write the number",
            low ? "low" : "high", vg_channels[rule->channel].name);
}

static void read_condition(struct vg_load *l, const struct vg_node *at, const char *text,
                           struct vg_rule *rule)
{
    const char *names[VG_CONDITION_COUNT];

    for (int i = 0; i < VG_CONDITION_COUNT; i++) {
        names[i] = vg_condition_name((enum vg_condition)i);
        if (strcmp(names[i], text) == 0) {
            rule->condition = (enum vg_condition)i;
            return;
        }
    }
    vg_document_unknown(l->doc, at->at, "condition", text, names, VG_CONDITION_COUNT);
}

/* Rules that come before: what refers to itself would never settle. */
static void read_reference(struct vg_load *l, const struct vg_node *at, const char *text,
                           struct vg_rule *rule)
{
    const struct vg_site *site = &l->config->site;
    const char **names = calloc(site->rules_n + 1, sizeof(*names));
    uint32_t n = 0;

    VG_CHECK(names);
    /* The last one is the rule that is being read. */
    for (; n + 1 < site->rules_n; n++) {
        names[n] = site->rules[n].name;
        if (strcmp(names[n], text) == 0)
            rule->kind = site->rules[n].kind;
    }
    if (!vg_site_rule(site, text) || strcmp(text, rule->name) == 0)
        vg_document_unknown(l->doc, at->at, "rule before this one", text, names, n);
    snprintf(rule->reference, sizeof(rule->reference), "%s", text);
    free(names);
}

/* What the rule is about. False after noting a problem. */
static bool read_subject(struct vg_load *l, const struct vg_node *at, const char *text,
                         struct vg_rule *rule)
{
    uint32_t errors = l->doc->count[VG_ERROR];

    switch (rule->rule) {
    case VG_RULE_LIMIT:
    case VG_RULE_FORECAST:
    case VG_RULE_TREND:
    case VG_RULE_RATE:
    case VG_RULE_BASELINE:
    case VG_RULE_CHANGE:
        rule->channel = vg_load_channel(l, at->at, "channel", text, NULL);
        break;
    case VG_RULE_STALE:
        rule->source = strcmp(text, "source") == 0;
        if (!rule->source && strcmp(text, "any") != 0)
            rule->channel = vg_load_channel(l, at->at, "channel", text, "any");
        break;
    case VG_RULE_ANOMALY:
        /* Whether there is such a model shows once models are loaded: vg_load_check_rules(). */
        snprintf(rule->model, sizeof(rule->model), "%s", text);
        break;
    case VG_RULE_CONDITION:
        read_condition(l, at, text, rule);
        break;
    case VG_RULE_REFERENCE:
        read_reference(l, at, text, rule);
        break;
    case VG_RULE_SCORE: /* vg_load_score_rule() */
    case VG_RULE_COMBINATION:
        break;
    }
    return l->doc->count[VG_ERROR] == errors;
}

bool vg_rule_compares(const struct vg_rule *rule)
{
    return rule->rule == VG_RULE_LIMIT || rule->rule == VG_RULE_FORECAST ||
           rule->rule == VG_RULE_ANOMALY;
}

static void tell_kinds(struct vg_load *l, const struct vg_node *when, bool part)
{
    struct vg_buf words = { 0 };

    for (size_t k = 0; k < VG_ARRAY_LEN(vg_rule_kinds); k++) {
        if (vg_rule_kinds[k].key && (part || k != VG_RULE_REFERENCE))
            vg_buf_printf(&words, "%s, ", vg_rule_kinds[k].key);
    }
    for (size_t j = VG_JOIN_ALL; j < VG_ARRAY_LEN(vg_rule_joins); j++)
        vg_buf_printf(&words, "%s%s", j > VG_JOIN_ALL ? ", " : "", vg_rule_joins[j].key);
    vg_document_error(l->doc, when->key_at, "\"%s\" must have one of: %s", vg_rule_called(when),
                      words.data);
    vg_buf_done(&words);
}

static bool is_kind(const struct vg_node *when, enum vg_rule_kind kind, struct vg_rule *rule)
{
    if (!vg_rule_kinds[kind].key || !vg_node_find(when, vg_rule_kinds[kind].key))
        return false;
    rule->rule = kind;
    rule->kind = vg_rule_kinds[kind].alert_kind;
    return true;
}

/* Which kind of rule `when` makes: the first of the vg_rule_kinds' keys that is there. A technical condition
 * may have a "channel", too. */
static bool read_kind(struct vg_load *l, const struct vg_node *when, bool part,
                      struct vg_rule *rule)
{
    for (size_t j = VG_JOIN_ALL; j < VG_ARRAY_LEN(vg_rule_joins); j++) {
        if (vg_node_find(when, vg_rule_joins[j].key)) {
            rule->rule = VG_RULE_COMBINATION;
            rule->join = (enum vg_join)j;
            return true;
        }
    }
    if (is_kind(when, VG_RULE_CONDITION, rule))
        return true;
    for (size_t k = 0; k < VG_ARRAY_LEN(vg_rule_kinds); k++) {
        if ((part || k != VG_RULE_REFERENCE) && is_kind(when, (enum vg_rule_kind)k, rule))
            return true;
    }
    tell_kinds(l, when, part);
    return false;
}

static void read_probability(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                             const struct vg_when_keys *o)
{
    const struct vg_node *at = vg_node_find(when, "probability");

    if (rule->rule != VG_RULE_FORECAST || !o->probability)
        return;
    if (vg_node_find(when, "quantile"))
        vg_document_error(l->doc, at->at, "\"probability\" and \"quantile\" exclude each other");
    else if (vg_rule_read_share(l, at->at, o->probability, &rule->probability) &&
             !(rule->probability >= 0.01f && rule->probability <= 0.99f))
        vg_document_error(l->doc, at->at, "expected a probability of 1 %% to 99 %%");
}

/* "3 of 5". */
static void read_count(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       const struct vg_when_keys *o)
{
    const struct vg_node *least = vg_node_find(when, "at_least"), *of = vg_node_find(when, "of");

    if (rule->rule != VG_RULE_LIMIT || (!least && !of))
        return;
    if (!least || !of || o->least > o->of) {
        vg_document_error(l->doc, (least ? least : of)->at,
                          "\"at_least\" and \"of\" belong together, and of so many values no more "
                          "can be asked for, such as {at_least: 3, of: 5}");
        return;
    }
    rule->least = (uint32_t)o->least;
    rule->of = (uint32_t)o->of;
}

/* A condition that each channel can have, on one of them; in a combination it must be one. */
static void read_condition_channel(struct vg_load *l, const struct vg_node *when, bool part,
                                   const char *channel, struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(when, "channel");
    bool by_channel = vg_condition_by_channel(rule->condition);

    if (channel && !by_channel)
        vg_document_error(l->doc, at->at, "condition %s is about no channel; remove \"channel\"",
                          vg_condition_name(rule->condition));
    else if (channel)
        rule->channel = vg_load_channel(l, at->at, "channel", channel, NULL);
    else if (part && by_channel)
        vg_document_error(l->doc, when->key_at,
                          "each channel can have the condition %s; add \"channel\"",
                          vg_condition_name(rule->condition));
}

static void read_plain(struct vg_load *l, const struct vg_node *when, bool part,
                       const struct vg_when_keys *o, struct vg_rule *rule)
{
    uint32_t errors = l->doc->count[VG_ERROR];

    if (o->subject)
        read_subject(l, vg_node_find(when, vg_rule_kinds[rule->rule].key), o->subject, rule);
    if (vg_rule_compares(rule) && l->doc->count[VG_ERROR] == errors &&
        vg_load_bound(l, rule, when, o->below, o->above, &rule->bound))
        check_limited(l, rule, when);
    if (rule->rule == VG_RULE_CONDITION && l->doc->count[VG_ERROR] == errors)
        read_condition_channel(l, when, part, o->channel, rule);
    else if (part && rule->source)
        vg_document_error(l->doc, when->key_at,
                          "silence of the source is about no patient; give it a rule of its own");
    else if (rule->channel != VG_CHANNEL_NONE)
        vg_rule_read_change(l, when, rule, o);
    if (rule->rule == VG_RULE_SCORE && o->subject)
        vg_load_score_rule(l, when, o->subject,
                           &(struct vg_score_when){ o->least, o->single, o->level }, rule);
    read_count(l, when, rule, o);
    read_probability(l, when, rule, o);
    rule->good_only = rule->rule == VG_RULE_LIMIT && o->quality == VG_RULE_QUALITY_GOOD;
    rule->confidence = (enum vg_confidence)o->confidence;
    if (rule->rule == VG_RULE_FORECAST)
        rule->quantile = vg_node_find(when, "quantile") ? o->quantile : 0.5f;
    rule->longer_than_ns = o->longer_than_ns;
}

static const struct vg_option *options_of(const struct vg_rule *rule)
{
    if (rule->rule != VG_RULE_COMBINATION)
        return vg_rule_kinds[rule->rule].options;
    return vg_rule_joins[rule->join].options;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
bool vg_rule_read_when(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       uint32_t depth, struct vg_part_keys *part)
{
    struct vg_when_keys o = { 0 };
    struct vg_target targets[2] = { { NULL, &o }, { vg_part_options, part } };
    uint32_t errors = l->doc->count[VG_ERROR];

    if (!read_kind(l, when, part != NULL, rule))
        return false;
    targets[0].table = options_of(rule);
    vg_options_default(targets[0].table, &o);
    vg_document_options(l->doc, when, targets, part ? 2 : 1, NULL);
    rule->within_ns = o.within_ns;
    if (rule->join)
        vg_rule_read_parts(l, when, rule, depth);
    else
        read_plain(l, when, part != NULL, &o, rule);
    vg_options_done(targets[0].table, &o);
    return l->doc->count[VG_ERROR] == errors;
}
