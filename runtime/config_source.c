/* config_source.c - reads section `source`: the source, its decoder, and what ingest does with both. */
#include "runtime/config_private.h"
#include "runtime/registry.h"

static const char *const clock_choices[] = { "device", "record", NULL };

const struct vg_option vg_ingest_options[] = {
    VG_OPT_INT(struct vg_ingest_config, max_patients, "max_patients", "1000", 1, 100000, "patients",
               VG_OPT_EVENTS,
               "Most patients in a shard; rows of a further one become dead letters."),
    VG_OPT_ENUM(struct vg_ingest_config, clock, "clock", "device", clock_choices, VG_OPT_EVENTS,
                "Whose time a row has: the device's, or the record's for sites with bad clocks."),
    VG_OPT_DURATION(struct vg_ingest_config, max_ahead_ns, "max_ahead", "5s", 0, 86400,
                    VG_OPT_EVENTS,
                    "How far a device clock may be ahead before the record's time is used."),
    VG_OPT_DURATION(struct vg_ingest_config, late_after_ns, "late_after", "30s", 0, 86400,
                    VG_OPT_EVENTS,
                    "How far a device clock may be behind before that is reported. With clock: "
                    "device its rows then reach no limit."),
    VG_OPT_STRING(struct vg_ingest_config, cluster, "cluster", NULL, VG_OPT_EVENTS,
                  "Name of the log in ids, in place of the identity that the log gives itself."),
    { .type = VG_OPT_NODE_,
      .name = "decoder",
      .unit = "name of a decoder, or a mapping with its type and options",
      .help = "What makes rows of a message.",
      .def = "json",
      .shape = &vg_shape_decoder },
    VG_OPT_END,
};

static void load_decoder(struct vg_load *l, const struct vg_node *node)
{
    struct vg_source_config *source = &l->config->source;
    const char *name;

    if (!node) {
        source->decoder = vg_decoder_find(vg_option_find(vg_ingest_options, "decoder")->def);
    } else {
        name = node->kind == VG_NODE_MAPPING ? vg_load_type(l, node, VG_KIND_DECODER)
                                             : vg_load_name(l, node, VG_KIND_DECODER);
        source->decoder = name ? vg_decoder_find(name) : NULL;
    }
    if (!source->decoder)
        return;
    source->decoder_self = vg_load_self_new(source->decoder->self_size, source->decoder->options);
    if (node && node->kind == VG_NODE_MAPPING) {
        struct vg_target target = { source->decoder->options, source->decoder_self };

        vg_document_options(l->doc, node, &target, 1, vg_load_type_key);
    }
}

void vg_load_source(struct vg_load *l)
{
    struct vg_source_config *source = &l->config->source;
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "source");
    struct vg_target targets[2];
    uint32_t errors = l->doc->count[VG_ERROR];
    struct vg_err err;
    const char *type;

    vg_options_default(vg_ingest_options, &source->ingest);
    if (!map)
        return;
    load_decoder(l, vg_node_find(map, "decoder"));
    type = vg_load_type(l, map, VG_KIND_SOURCE);
    if (!type)
        return;
    source->ops = vg_source_find(type);
    source->self = vg_load_self_new(source->ops->self_size, source->ops->options);
    targets[0] = (struct vg_target){ source->ops->options, source->self };
    targets[1] = (struct vg_target){ vg_ingest_options, &source->ingest };
    vg_document_options(l->doc, map, targets, 2, vg_load_type_key);
    if (source->ops->check && l->doc->count[VG_ERROR] == errors &&
        source->ops->check(source->self, &err) != VG_OK)
        vg_load_note(l, map, &err);
}

void vg_load_source_done(struct vg_source_config *source)
{
    if (source->ops)
        vg_load_self_free(source->self, source->ops->options);
    if (source->decoder)
        vg_load_self_free(source->decoder_self, source->decoder->options);
    vg_options_done(vg_ingest_options, &source->ingest);
}
