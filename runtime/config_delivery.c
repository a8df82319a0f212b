/* config_delivery.c - the options that every sink has, read and checked. */
#include <string.h>

#include "runtime/config_private.h"
#include "runtime/document_options.h"

/* Where an option stands: key `b` of the mapping `a` for "a.b". */
static const struct vg_node *node_of(const struct vg_node *sink, const char *map, const char *key)
{
    const struct vg_node *in = vg_node_find(sink, map);
    const struct vg_node *at = in ? vg_node_find(in, key) : NULL;

    return at ? at : in ? in : sink;
}

static void check_rules(struct vg_load *l, const struct vg_node *node,
                        const struct vg_strings *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (!vg_site_may_tell(&l->config->site, rules->value[i]))
            vg_document_error(l->doc, node_of(node, "filter", "rules")->at,
                              "filter.rules: there is no rule or technical condition \"%.40s\"",
                              rules->value[i]);
    }
}

static void check_complete(struct vg_load *l, const struct vg_node *node,
                           const struct vg_sink_config *sink)
{
    static const char *const keys[] = { "filter", "max_age" };

    for (size_t i = 0; i < VG_ARRAY_LEN(keys) && sink->ops->complete; i++) {
        const struct vg_node *at = vg_node_find(node, keys[i]);

        if (at)
            vg_document_error(l->doc, at->key_at,
                              "%s: a sink of type %s gives its receivers all events, so that they "
                              "can prove that none is missing; remove it",
                              keys[i], sink->ops->name);
    }
}

void vg_load_delivery(struct vg_load *l, const struct vg_node *node,
                      const struct vg_sink_config *sink)
{
    const struct vg_node *at;
    struct vg_err err;

    check_complete(l, node, sink);
    check_rules(l, node, &sink->delivery.rules);
    if (vg_delivery_check(&sink->delivery, &err) != VG_OK) {
        at = vg_node_find(node, err.option);
        vg_document_error(l->doc, at ? at->at : node->key_at, "%s", err.msg);
    }
    at = vg_node_find(node, "filter");
    if (at && vg_delivery_drops_high(&sink->delivery))
        vg_document_warn(l->doc, at->key_at,
                         "the filter of sink \"%s\" leaves out some alerts of priority high; see "
                         "that another sink has them",
                         sink->name);
}

void vg_load_heard(struct vg_load *l, const struct vg_node *sinks)
{
    const struct vg_config *config = l->config;
    uint32_t dropping = 0;

    for (uint32_t i = 0; i < config->sinks_n; i++)
        dropping += config->sinks[i].ops->drops;
    if (dropping > 0 && dropping == config->sinks_n)
        vg_document_warn(l->doc, sinks->at,
                         "nobody hears of any alert: a sink of type %s drops what it is given, and "
                         "there is no other",
                         config->sinks[0].ops->name);
}
