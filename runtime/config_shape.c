/* config_shape.c - the sections of a configuration, and what depends on a `type`. */
#include "runtime/config_shape.h"

#include <string.h>

#include "runtime/config_private.h"
#include "runtime/registry.h"

const struct vg_shape vg_shape_text = {
    .kind = VG_SHAPE_VALUE,
    .name = "text",
    .json = "{\"type\":[\"string\",\"number\",\"boolean\"]}",
};

/* ---- components ---- */

/* What all sinks have; those whose receivers prove that nothing is missing leave nothing out. */
static const struct vg_option *delivery_of(const struct vg_sink_ops *sink)
{
    return sink->complete ? vg_option_find(vg_delivery_options, "required") : vg_delivery_options;
}

/* The components of a kind, each with the options that all of that kind have. */
#define ALTERNATIVES(kind, own, shared)                                  \
    static bool kind##_alternative(size_t i, struct vg_alternative *ret) \
    {                                                                    \
        *ret = (struct vg_alternative){ .key = "type" };                 \
        if (!vg_##kind##s[i])                                            \
            return false;                                                \
        ret->word = vg_##kind##s[i]->name;                               \
        ret->summary = vg_##kind##s[i]->summary;                         \
        ret->table[0] = own;                                             \
        ret->table[ret->table[0] ? 1 : 0] = shared;                      \
        return true;                                                     \
    }

ALTERNATIVES(source, vg_sources[i]->options, vg_ingest_options)
ALTERNATIVES(decoder, vg_decoders[i]->options, NULL)
ALTERNATIVES(model, vg_model_options, NULL)
ALTERNATIVES(stage, vg_stages[i]->options, NULL)
ALTERNATIVES(sink, vg_sinks[i]->options, delivery_of(vg_sinks[i]))

const struct vg_shape vg_shape_decoder = {
    .kind = VG_SHAPE_ONE, .name = "decoder", .word_too = true, .alternative = decoder_alternative
};

static const struct vg_shape source_shape = { .kind = VG_SHAPE_ONE,
                                              .name = "source",
                                              .alternative = source_alternative };
static const struct vg_shape model_shape = { .kind = VG_SHAPE_ONE,
                                             .name = "model",
                                             .alternative = model_alternative };
static const struct vg_shape models_shape = { .kind = VG_SHAPE_NAMED,
                                              .name = "models",
                                              .empty_too = true,
                                              .entry = &model_shape,
                                              .pattern = VG_NAME_PATTERN };
static const struct vg_shape stage_shape = { .kind = VG_SHAPE_ONE,
                                             .name = "stage",
                                             .alternative = stage_alternative };
static const struct vg_shape stages_shape = {
    .kind = VG_SHAPE_LIST, .name = "stages", .entry = &stage_shape, .least = 1
};
static const struct vg_shape sink_shape = { .kind = VG_SHAPE_ONE,
                                            .name = "sink",
                                            .alternative = sink_alternative };
static const struct vg_shape sinks_shape = { .kind = VG_SHAPE_NAMED,
                                             .name = "sinks",
                                             .entry = &sink_shape,
                                             .least = 1,
                                             .most = VG_SINKS_MAX,
                                             .pattern = VG_NAME_PATTERN };

/* ---- the file ---- */

static const struct vg_shape version_shape = { .kind = VG_SHAPE_VALUE,
                                               .name = "version",
                                               .json = "{\"enum\":[1,\"1\"]}" };
static const struct vg_shape service_shape = { .kind = VG_SHAPE_KEYS,
                                               .name = "service",
                                               .table = { vg_service_options } };

const struct vg_option vg_section_options[] = {
    VG_OPT_NODE("version", "1", &version_shape, VG_OPT_REQUIRED, "Of the format of this file."),
    VG_OPT_NODE("service", "mapping", &service_shape, VG_OPT_REQUIRED,
                "The process, its data and its speed."),
    VG_OPT_NODE("source", "mapping", &source_shape, VG_OPT_REQUIRED,
                "Where vital signs come from."),
    VG_OPT_NODE("models", "mapping of names to models", &models_shape, 0,
                "A name for each model file."),
    VG_OPT_NODE("stages", "list of stages", &stages_shape, VG_OPT_REQUIRED,
                "What rows pass, in this order."),
    VG_OPT_NODE("wards", "mapping of names to wards", &vg_shape_wards, 0, "Wards and their beds."),
    VG_OPT_NODE("profiles", "mapping of names to profiles", &vg_shape_profiles, 0,
                "Kinds of patients and their limits."),
    VG_OPT_NODE("scores", "mapping of names to scores", &vg_shape_scores, 0,
                "Early warning scores."),
    VG_OPT_NODE("alert_rules", "mapping of names to rules", &vg_shape_rules, 0,
                "What raises alerts."),
    VG_OPT_NODE("sinks", "mapping of names to sinks", &sinks_shape, VG_OPT_REQUIRED,
                "Where alerts are delivered to."),
    VG_OPT_NODE("tests", "list of tests", &vg_shape_tests, 0,
                "Tests of this configuration, run by `vigil test`."),
    VG_OPT_END,
};

const struct vg_shape vg_config_shape = { .kind = VG_SHAPE_KEYS,
                                          .name = "config",
                                          .table = { vg_section_options } };

/* ---- following ---- */

static bool means(const struct vg_alternative *a, const struct vg_node *map)
{
    const struct vg_node *node = vg_node_find(map, a->key);

    if (!node || !a->word)
        return node != NULL;
    return node->kind == VG_NODE_SCALAR && strcmp(node->text, a->word) == 0;
}

bool vg_shape_choose(const struct vg_shape *shape, const struct vg_node *map,
                     struct vg_alternative *ret)
{
    if (shape->kind == VG_SHAPE_KEYS) {
        *ret = (struct vg_alternative){ 0 };
        memcpy(ret->table, shape->table, sizeof(ret->table));
        return true;
    }
    for (size_t i = 0; shape->alternative(i, ret); i++) {
        if (means(ret, map))
            return true;
    }
    return false;
}
