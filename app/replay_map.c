/* replay_map.c - the map file of recorded CSV: which column is what. */
#include "app/replay_map.h"

#include <string.h>

#include "app/mapping_file.h"
#include "core/order.h"
#include "core/text.h"
#include "runtime/document_options.h"

static const char *const keys[] = { "version", "patient",     "record_time", "time_unit",
                                    "shifted", "device_time", "bed",         "variable",
                                    "value",   "channels",    "orders" };

static const struct vg_option order_options[] = {
    VG_OPT_STRING(struct vg_order_map, by, "by", "chart", 0, "Who gave the orders."),
    VG_OPT_STRING(struct vg_order_map, reason, "reason", "as charted", 0, "Why, as events say."),
    VG_OPT_DURATION(struct vg_order_map, for_ns, "for", "7d", 1, 7 * 86400, 0,
                    "How long a limit holds that is not charted anew."),
    VG_OPT_END,
};

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

/* ---- channels ---- */

static int channel_of(struct vg_document *doc, const struct vg_node *n)
{
    const char *names[VG_CHANNELS];
    const char *near;
    int c = vg_channel_find(n->key);

    if (c != VG_CHANNEL_NONE)
        return c;
    for (int i = 0; i < VG_CHANNELS; i++)
        names[i] = vg_channels[i].name;
    near = vg_did_you_mean(n->key, names, VG_CHANNELS);
    vg_document_error(doc, n->key_at, "unknown channel \"%s\"; %s%s%s", n->key,
                      near ? "did you mean \"" : "`vigil list channels` shows them",
                      near ? near : "", near ? "\"?" : "");
    return c;
}

static void read_column(struct vg_document *doc, const struct vg_node *n, const char **ret)
{
    if (n->kind != VG_NODE_SCALAR || vg_node_empty(n))
        vg_document_error(doc, n->at, "%s is %s; expected the name of a column", n->key,
                          vg_node_what(n));
    else
        *ret = n->text;
}

static void read_channels(struct vg_replay_map *map)
{
    struct vg_document *doc = &map->document;
    const struct vg_node *channels = vg_node_find(doc->root, "channels");

    if (!channels || channels->kind != VG_NODE_MAPPING || !channels->child) {
        vg_document_error(doc, channels ? channels->at : doc->root->at,
                          "\"channels\" must be a mapping of channels to columns");
        return;
    }
    for (const struct vg_node *n = channels->child; n; n = n->next) {
        int c = channel_of(doc, n);

        if (c != VG_CHANNEL_NONE)
            read_column(doc, n, &map->column[c]);
    }
}

/* ---- orders ---- */

static void read_sides(struct vg_document *doc, const struct vg_node *limit,
                       const char *ret[VG_SIDES])
{
    static const char *const sides[VG_SIDES] = { "low", "high" };

    if (!vg_document_is_mapping(doc, limit))
        return;
    if (!limit->child)
        vg_document_error(doc, limit->at, "expected columns, such as {low: COLUMN, high: COLUMN}");
    for (const struct vg_node *n = limit->child; n; n = n->next) {
        if (strcmp(n->key, sides[VG_SIDE_LOW]) == 0)
            read_column(doc, n, &ret[VG_SIDE_LOW]);
        else if (strcmp(n->key, sides[VG_SIDE_HIGH]) == 0)
            read_column(doc, n, &ret[VG_SIDE_HIGH]);
        else
            vg_document_unknown(doc, n->key_at, "side of a limit", n->key, sides, VG_SIDES);
    }
}

/* What every order says must fit into one. */
static void check_length(struct vg_document *doc, const struct vg_node *orders, const char *key,
                         const char *text, size_t size)
{
    const struct vg_node *node = vg_node_find(orders, key);

    if (node && (text[0] == '\0' || strlen(text) >= size))
        vg_document_error(doc, node->at, "\"%s\" must have 1 to %zu bytes", key, size - 1);
}

static void read_orders(struct vg_replay_map *map)
{
    static const char *const others[] = { "limits", NULL };
    struct vg_order_map *o = &map->orders;
    const struct vg_target target = { order_options, o };
    struct vg_document *doc = &map->document;
    const struct vg_node *orders = vg_document_mapping(doc, doc->root, "orders"), *limits;

    if (!orders)
        return;
    o->any = true;
    vg_options_default(order_options, o);
    vg_document_options(doc, orders, &target, 1, others);
    check_length(doc, orders, "by", o->by, sizeof(((struct vg_order *)0)->by));
    check_length(doc, orders, "reason", o->reason, sizeof(((struct vg_order *)0)->note));
    limits = vg_document_mapping(doc, orders, "limits");
    if (!limits)
        vg_document_error(doc, orders->key_at,
                          "\"limits\" is missing, such as {hr: {low: COLUMN, high: COLUMN}}");
    for (const struct vg_node *n = limits ? limits->child : NULL; n; n = n->next) {
        int c = channel_of(doc, n);

        if (c != VG_CHANNEL_NONE)
            read_sides(doc, n, o->limit[c]);
    }
}

/* ---- the whole ---- */

static int64_t unit_of(struct vg_document *doc)
{
    const char *text = text_of(doc, "time_unit", false);
    int64_t unit_ns = VG_NS_PER_S;

    if (text && (!vg_parse_duration(text, &unit_ns) || unit_ns <= 0))
        vg_document_error(doc, vg_node_find(doc->root, "time_unit")->at,
                          "\"%s\" is not a duration such as 1h, 1m or 1ms", text);
    return unit_ns;
}

static bool is_shifted(struct vg_document *doc)
{
    const char *text = text_of(doc, "shifted", false);
    bool shifted = false;

    if (text && !vg_parse_bool(text, &shifted))
        vg_document_error(doc, vg_node_find(doc->root, "shifted")->at,
                          "\"%s\" is neither true nor false", text);
    return shifted;
}

static void read_root(void *ctx, struct vg_document *doc)
{
    struct vg_replay_map *map = ctx;
    const struct vg_node *version = vg_node_find(doc->root, "version");

    check_keys(doc);
    if (!version || version->kind != VG_NODE_SCALAR || strcmp(version->text, "1") != 0)
        vg_document_error(doc, version ? version->at : doc->root->at, "expected \"version: 1\"");
    map->patient = text_of(doc, "patient", true);
    map->record_time = text_of(doc, "record_time", true);
    map->time_unit_ns = unit_of(doc);
    map->shifted = is_shifted(doc);
    map->device_time = text_of(doc, "device_time", false);
    map->bed = text_of(doc, "bed", false);
    map->variable = text_of(doc, "variable", false);
    map->value = text_of(doc, "value", map->variable != NULL);
    if (map->value && !map->variable)
        vg_document_error(doc, vg_node_find(doc->root, "value")->at,
                          "\"variable\" is missing: the column that says what the value is");
    read_channels(map);
    read_orders(map);
}

vg_status vg_replay_map_read(struct vg_replay_map *map, const char *path,
                             struct vg_buf *diagnostics, struct vg_err *err)
{
    *map = (struct vg_replay_map){ 0 };
    return vg_mapping_file_read(&map->document, path, read_root, map, diagnostics, err);
}

void vg_replay_map_done(struct vg_replay_map *map)
{
    if (map->orders.any)
        vg_options_done(order_options, &map->orders);
    vg_document_done(&map->document);
}
