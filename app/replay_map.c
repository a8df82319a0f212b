/* replay_map.c - the map file of `vigil replay`: which column of a CSV is what. */
#include "app/replay_map.h"

#include <string.h>

#include "core/text.h"

static const char *const keys[] = { "version",     "patient", "record_time", "time_unit",
                                    "device_time", "bed",     "channels" };

static void check_keys(struct vg_document *doc)
{
    for (const struct vg_node *n = doc->root->child; n; n = n->next) {
        const char *near;
        bool known = false;

        for (size_t i = 0; i < VG_ARRAY_LEN(keys); i++)
            known |= strcmp(keys[i], n->key) == 0;
        if (known)
            continue;
        near = vg_did_you_mean(n->key, keys, VG_ARRAY_LEN(keys));
        vg_document_error(doc, n->key_at, "unknown key \"%s\"%s%s%s", n->key,
                          near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

static const char *text_of(struct vg_document *doc, const char *key, bool required)
{
    const struct vg_node *node = vg_node_find(doc->root, key);

    if (!node) {
        if (required)
            vg_document_error(doc, doc->root->at, "\"%s\" is missing: the name of a column", key);
        return NULL;
    }
    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(doc, node->at, "\"%s\" is %s; expected text", key, vg_node_what(node));
        return NULL;
    }
    return node->text;
}

static void read_channels(struct vg_replay_map *map)
{
    struct vg_document *doc = &map->document;
    const struct vg_node *channels = vg_node_find(doc->root, "channels");
    const char *names[VG_CHANNELS];

    if (!channels || channels->kind != VG_NODE_MAPPING || !channels->child) {
        vg_document_error(doc, channels ? channels->at : doc->root->at,
                          "\"channels\" must be a mapping of channels to columns");
        return;
    }
    for (int c = 0; c < VG_CHANNELS; c++)
        names[c] = vg_channels[c].name;
    for (const struct vg_node *n = channels->child; n; n = n->next) {
        int c = vg_channel_find(n->key);

        if (c == VG_CHANNEL_NONE) {
            const char *near = vg_did_you_mean(n->key, names, VG_CHANNELS);

            vg_document_error(doc, n->key_at, "unknown channel \"%s\"; %s%s%s", n->key,
                              near ? "did you mean \"" : "`vigil list channels` shows them",
                              near ? near : "", near ? "\"?" : "");
        } else if (n->kind != VG_NODE_SCALAR || vg_node_empty(n)) {
            vg_document_error(doc, n->at, "%s is %s; expected the name of a column", n->key,
                              vg_node_what(n));
        } else {
            map->column[c] = n->text;
        }
    }
}

static int64_t unit_of(struct vg_document *doc)
{
    const char *text = text_of(doc, "time_unit", false);
    int64_t unit_ns = VG_NS_PER_S;

    if (text && (!vg_parse_duration(text, &unit_ns) || unit_ns <= 0))
        vg_document_error(doc, vg_node_find(doc->root, "time_unit")->at,
                          "\"%s\" is not a duration such as 1h, 1m or 1ms", text);
    return unit_ns;
}

static void read_root(struct vg_replay_map *map)
{
    struct vg_document *doc = &map->document;
    const struct vg_node *version = vg_node_find(doc->root, "version");

    check_keys(doc);
    if (!version || version->kind != VG_NODE_SCALAR || strcmp(version->text, "1") != 0)
        vg_document_error(doc, version ? version->at : doc->root->at, "expected \"version: 1\"");
    map->patient = text_of(doc, "patient", true);
    map->record_time = text_of(doc, "record_time", true);
    map->time_unit_ns = unit_of(doc);
    map->device_time = text_of(doc, "device_time", false);
    map->bed = text_of(doc, "bed", false);
    read_channels(map);
}

vg_status vg_replay_map_read(struct vg_replay_map *map, const char *path,
                             struct vg_buf *diagnostics, struct vg_err *err)
{
    vg_status st;

    *map = (struct vg_replay_map){ 0 };
    st = vg_document_read(&map->document, path, err);
    if (st == VG_OK && map->document.root && map->document.root->kind == VG_NODE_MAPPING)
        read_root(map);
    else if (st == VG_OK)
        vg_document_error(&map->document, (struct vg_place){ 1, 1 },
                          "expected a mapping that begins with \"version: 1\"");
    vg_document_report(&map->document, diagnostics);
    if (st == VG_OK && map->document.count[VG_ERROR])
        st = vg_fail(err, VG_E_CONFIG, "%s: %u errors", path, map->document.count[VG_ERROR]);
    return st;
}

void vg_replay_map_done(struct vg_replay_map *map)
{
    vg_document_done(&map->document);
}
