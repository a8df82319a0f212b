/* config_component.c - a component in a configuration: its `type`, its struct, what it complains of. */
#include <stdlib.h>
#include <string.h>

#include "runtime/config_private.h"
#include "runtime/registry.h"

enum { COMPONENTS_MAX = 64 };

/* The names of a kind's components, for near misses. */
#define NAMES_OF(kind)                                            \
    static size_t kind##_names(const char *names[COMPONENTS_MAX]) \
    {                                                             \
        size_t n = 0;                                             \
                                                                  \
        for (; n < COMPONENTS_MAX && vg_##kind##s[n]; n++)        \
            names[n] = vg_##kind##s[n]->name;                     \
        return n;                                                 \
    }

NAMES_OF(source)
NAMES_OF(decoder)
NAMES_OF(stage)
NAMES_OF(model)
NAMES_OF(sink)

static const struct {
    const char *word; /* of messages */
    size_t (*names)(const char *names[COMPONENTS_MAX]);
} kinds[] = {
    [VG_KIND_SOURCE] = { "source", source_names }, [VG_KIND_DECODER] = { "decoder", decoder_names },
    [VG_KIND_STAGE] = { "stage", stage_names },    [VG_KIND_MODEL] = { "model", model_names },
    [VG_KIND_SINK] = { "sink", sink_names },
};

const char *vg_load_name(struct vg_load *l, const struct vg_node *node, enum vg_load_kind kind)
{
    const char *names[COMPONENTS_MAX];
    size_t n = kinds[kind].names(names);

    /* Before anything else: a plain null is no value in YAML, and the name of a sink. */
    for (size_t i = 0; i < n && node->kind == VG_NODE_SCALAR; i++) {
        if (strcmp(names[i], node->text) == 0)
            return names[i];
    }
    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected the name of a %s, not %s", kinds[kind].word,
                          vg_node_what(node));
        return NULL;
    }
    vg_document_unknown(l->doc, node->at, kinds[kind].word, node->text, names, n);
    return NULL;
}

const char *vg_load_type(struct vg_load *l, const struct vg_node *map, enum vg_load_kind kind)
{
    const struct vg_node *type = vg_node_find(map, "type");

    if (type)
        return vg_load_name(l, type, kind);
    vg_document_error(l->doc, map->key_at, "\"type\" is missing: which kind of %s this is",
                      kinds[kind].word);
    return NULL;
}

const char *const vg_load_type_key[] = { "type", NULL };

static const struct vg_option no_options[] = { VG_OPT_END };

const struct vg_option *vg_load_table(const struct vg_option *options)
{
    return options ? options : no_options;
}

void *vg_load_self_new(size_t size, const struct vg_option *options)
{
    void *self = calloc(1, size ? size : 1);

    VG_CHECK(self);
    vg_options_default(vg_load_table(options), self);
    return self;
}

void vg_load_self_free(void *self, const struct vg_option *options)
{
    if (self)
        vg_options_done(vg_load_table(options), self);
    free(self);
}

void vg_load_note(struct vg_load *l, const struct vg_node *node, const struct vg_err *err)
{
    const struct vg_node *option = err->option[0] ? vg_node_find(node, err->option) : NULL;

    if (option)
        vg_document_error(l->doc, option->at, "%s", err->msg);
    else
        vg_document_error(l->doc, node->key ? node->key_at : node->at, "%s", err->msg);
}
