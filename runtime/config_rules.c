/* config_rules.c - reads the alert rules of a configuration.
 *
 * Limits carry a unit that fits their channel, and a rule that could never fire, or would end and
 * start again at once, is refused: such a mistake must show here and not at a bed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_life.h"
#include "runtime/config_rule.h"

static void set_title(struct vg_load *l, const struct vg_node *node, const char *title,
                      struct vg_rule *rule)
{
    if (!title)
        title = rule->rule == VG_RULE_CONDITION ? vg_condition_title(rule->condition) : rule->name;
    if (strlen(title) >= sizeof(rule->title))
        vg_document_error(l->doc, vg_node_find(node, "title")->at,
                          "\"title\" is longer than %zu bytes", sizeof(rule->title) - 1);
    snprintf(rule->title, sizeof(rule->title), "%s", title);
}

static void check_technical(struct vg_load *l, const struct vg_node *node, bool technical,
                            const struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(node, "technical");

    if (at && technical != (rule->kind == VG_ALERT_TECHNICAL))
        vg_document_error(l->doc, at->at, "a rule with \"%s\" is always %s",
                          vg_rule_kinds[rule->rule].key, vg_alert_kind_name(rule->kind));
}

/* What is doubted may be true: somebody must come all the same. */
static void check_sees_suspect(struct vg_load *l, const struct vg_node *when,
                               const struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(when, "quality");

    if (at && rule->good_only && rule->priority == VG_PRIORITY_HIGH)
        vg_document_error(l->doc, at->at,
                          "a rule of priority high sees what is suspect, because an emergency can "
                          "look like a disturbance; remove \"quality\"");
}

static void load_rule(struct vg_load *l, const struct vg_node *node)
{
    struct vg_site *site = &l->config->site;
    struct vg_rule *rule = &site->rules[site->rules_n];
    struct vg_rule_keys o = { 0 };
    struct vg_life_options life = { 0 };
    const struct vg_target targets[] = { { vg_rule_options, &o }, { vg_life_options, &life } };
    const struct vg_node *when, *clear;
    bool known = false;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    /* Counted even if the rest is wrong, so that stages which list it are not told it is unknown. */
    site->rules_n++;
    snprintf(rule->name, sizeof(rule->name), "%s", node->key);
    rule->channel = VG_CHANNEL_NONE;
    vg_options_default(vg_rule_options, &o);
    vg_options_default(vg_life_options, &life);
    vg_document_options(l->doc, node, targets, VG_ARRAY_LEN(targets), NULL);
    when = vg_document_mapping(l->doc, node, "when");
    clear = vg_document_mapping(l->doc, node, "clear");
    if (when && vg_rule_read_when(l, when, rule, 0, NULL)) {
        if (rule->join == VG_JOIN_NOT)
            vg_document_error(l->doc, when->at,
                              "\"not\" alone holds for everybody who is well; put it into \"all\" "
                              "beside what must hold");
        if (clear)
            vg_rule_read_clear(l, clear, rule);
        check_technical(l, node, o.technical, rule);
        set_title(l, node, o.title, rule);
        known = true;
    }
    rule->priority = (uint8_t)o.priority;
    if (known && vg_node_find(node, "priority"))
        vg_load_life(l, node, &life, rule);
    rule->for_ns = o.for_ns;
    rule->keep_firing_for_ns = o.keep_firing_for_ns;
    rule->update_every_ns = o.update_every_ns;
    if (known)
        vg_load_check_score(l, node, rule);
    if (known && when)
        check_sees_suspect(l, when, rule);
    vg_options_done(vg_rule_options, &o);
    vg_options_done(vg_life_options, &life);
}

void vg_load_rules(struct vg_load *l)
{
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "alert_rules");

    if (!map)
        return;
    l->config->site.rules = calloc(map->children + 1, sizeof(*l->config->site.rules));
    VG_CHECK(l->config->site.rules);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_rule(l, c);
    vg_load_inhibitions(l);
}

const char **vg_load_rule_names(const struct vg_load *l)
{
    const struct vg_site *site = &l->config->site;
    const char **names = calloc(site->rules_n + 1, sizeof(*names));

    VG_CHECK(names);
    for (uint32_t i = 0; i < site->rules_n; i++)
        names[i] = site->rules[i].name;
    return names;
}
