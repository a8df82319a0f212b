/* config_sinks.c - reads section `sinks`. What every sink has is in config_delivery.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_private.h"
#include "runtime/registry.h"

static void load_sink(struct vg_load *l, const struct vg_node *node)
{
    struct vg_config *config = l->config;
    struct vg_sink_config *sink = &config->sinks[config->sinks_n];
    uint32_t errors = l->doc->count[VG_ERROR];
    struct vg_target targets[2];
    struct vg_err err;
    const char *type;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    type = vg_load_type(l, node, VG_KIND_SINK);
    if (!type)
        return;
    config->sinks_n++;
    snprintf(sink->name, sizeof(sink->name), "%s", node->key);
    sink->ops = vg_sink_find(type);
    sink->self = vg_load_self_new(sink->ops->self_size, sink->ops->options);
    vg_options_default(vg_delivery_options, &sink->delivery);
    targets[0] = (struct vg_target){ sink->ops->options, sink->self };
    targets[1] = (struct vg_target){ vg_delivery_options, &sink->delivery };
    vg_document_options(l->doc, node, targets, 2, vg_load_type_key);
    vg_load_delivery(l, node, sink);
    if (sink->ops->check && l->doc->count[VG_ERROR] == errors &&
        sink->ops->check(sink->self, &err) != VG_OK)
        vg_load_note(l, node, &err);
}

/* Options that name something which only one sink can have. */
static const char *const exclusive[] = { "path", "publish", "control" };

static const char *exclusive_value(const struct vg_sink_config *sink, size_t i)
{
    const struct vg_option *opt;
    const char *value;

    VG_CHECK(sink->ops);
    opt = vg_option_find(vg_load_table(sink->ops->options), exclusive[i]);
    if (!opt || opt->type != VG_OPT_STRING_)
        return NULL;
    value = *(char *const *)((const char *)sink->self + opt->offset);
    /* "tcp://127.0.0.1:*" is another port each time. */
    return value && value[0] && value[strlen(value) - 1] != '*' ? value : NULL;
}

static void check_clash(struct vg_load *l, const struct vg_node *map,
                        const struct vg_sink_config *first, const struct vg_sink_config *other)
{
    const struct vg_node *there = vg_node_find(map, first->name);
    const struct vg_node *here = vg_node_find(map, other->name);

    for (size_t i = 0; i < VG_ARRAY_LEN(exclusive) * VG_ARRAY_LEN(exclusive); i++) {
        size_t j = i / VG_ARRAY_LEN(exclusive);
        const char *a = exclusive_value(first, i % VG_ARRAY_LEN(exclusive));
        const char *b = exclusive_value(other, j);
        const struct vg_node *at = vg_node_find(here, exclusive[j]);

        if (a && b && strcmp(a, b) == 0)
            vg_document_error(
                l->doc, at ? at->at : here->key_at,
                "%s: \"%s\" is also that of sink \"%s\" in line %u; each needs its own",
                exclusive[j], b, first->name, there->key_at.line);
    }
}

void vg_load_sinks(struct vg_load *l)
{
    struct vg_config *config = l->config;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "sinks");

    if (!map)
        return;
    if (map->children == 0)
        vg_document_error(l->doc, map->at, "\"sinks\" needs at least one sink");
    if (map->children > VG_SINKS_MAX)
        vg_document_error(l->doc, map->at, "at most %d sinks are possible", VG_SINKS_MAX);
    config->sinks = calloc(map->children + 1, sizeof(*config->sinks));
    VG_CHECK(config->sinks);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_sink(l, c);
    for (uint32_t i = 0; i < config->sinks_n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (config->sinks[i].ops == config->sinks[j].ops)
                check_clash(l, map, &config->sinks[j], &config->sinks[i]);
        }
    }
    vg_load_heard(l, map);
}

void vg_load_sink_done(struct vg_sink_config *sink)
{
    vg_load_self_free(sink->self, sink->ops->options);
    vg_options_done(vg_delivery_options, &sink->delivery);
}
