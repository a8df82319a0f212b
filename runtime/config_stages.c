/* config_stages.c - reads section `stages`: the chain, and what its stages name in other sections.
 *
 * Two names of options mean something here: an option `model` names one of `models`, and an option
 * `rules` lists some of `alert_rules`.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/config_private.h"
#include "runtime/registry.h"

static void check_reference(struct vg_load *l, const struct vg_node *node, const char *what,
                            const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], node->text) == 0)
            return;
    }
    vg_document_unknown(l->doc, node->at, what, node->text, names, n);
}

static void check_references(struct vg_load *l, const struct vg_node *stage)
{
    const struct vg_node *models = vg_document_mapping(l->doc, l->doc->root, "models");
    const struct vg_node *model = vg_node_find(stage, "model");
    const struct vg_node *rules = vg_node_find(stage, "rules");
    const char **names = calloc(models ? models->children + 1 : 1, sizeof(*names));
    size_t n = 0;

    VG_CHECK(names);
    for (const struct vg_node *c = models ? models->child : NULL; c; c = c->next)
        names[n++] = c->key;
    if (model && model->kind == VG_NODE_SCALAR)
        check_reference(l, model, "model", names, n);
    free(names);

    names = vg_load_rule_names(l);
    for (const struct vg_node *c = rules ? rules->child : NULL; c; c = c->next) {
        if (c->kind == VG_NODE_SCALAR)
            check_reference(l, c, "alert rule", names, l->config->site.rules_n);
    }
    free(names);
}

static void load_stage(struct vg_load *l, const struct vg_node *node)
{
    struct vg_config *config = l->config;
    struct vg_stage_config *stage = &config->stages[config->stages_n];
    struct vg_target target;
    const char *type;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    type = vg_load_type(l, node, VG_KIND_STAGE);
    if (!type)
        return;
    config->stages_n++;
    stage->ops = vg_stage_find(type);
    stage->self = vg_load_self_new(stage->ops->self_size, stage->ops->options);
    target = (struct vg_target){ stage->ops->options, stage->self };
    vg_document_options(l->doc, node, &target, 1, vg_load_type_key);
    check_references(l, node);
}

void vg_load_stages(struct vg_load *l)
{
    const struct vg_node *list = vg_node_find(l->doc->root, "stages");

    if (!list || vg_node_empty(list))
        return;
    if (list->kind != VG_NODE_SEQUENCE || list->children == 0) {
        vg_document_error(
            l->doc, list->at,
            "\"stages\" must be a list of stages, such as \"- {type: clean}\", not %s",
            list->kind == VG_NODE_SEQUENCE ? "an empty one" : vg_node_what(list));
        return;
    }
    l->config->stages = calloc(list->children, sizeof(*l->config->stages));
    VG_CHECK(l->config->stages);
    for (const struct vg_node *c = list->child; c; c = c->next)
        load_stage(l, c);
}

const struct vg_node *vg_load_stage_node(const struct vg_config *config, uint32_t i)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *c = vg_node_find(doc->root, "stages")->child;

    while (i-- > 0)
        c = c->next;
    return c;
}

static bool stage_uses_rule(const struct vg_load *l, const char *name)
{
    for (uint32_t i = 0; i < l->config->stages_n; i++) {
        const struct vg_stage_ops *ops = l->config->stages[i].ops;
        const struct vg_node *rules = vg_node_find(vg_load_stage_node(l->config, i), "rules");

        VG_CHECK(ops);
        if (!vg_option_find(vg_load_table(ops->options), "rules"))
            continue;
        if (!rules)
            return true; /* a stage that lists none takes all */
        for (const struct vg_node *c = rules->child; c; c = c->next) {
            if (c->kind == VG_NODE_SCALAR && strcmp(c->text, name) == 0)
                return true;
        }
    }
    return false;
}

void vg_load_warn_rules(struct vg_load *l)
{
    const struct vg_node *rules = vg_node_find(l->doc->root, "alert_rules");

    for (uint32_t i = 0; i < l->config->site.rules_n; i++) {
        const char *name = l->config->site.rules[i].name;

        if (!stage_uses_rule(l, name))
            vg_document_warn(l->doc, vg_node_find(rules, name)->key_at,
                             "no stage uses alert rule \"%s\"", name);
    }
}
