/* risk_map.c - the map file of app/risk_data.h: what the files of a data set mean. */
#include "app/risk_map.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "app/mapping_file.h"
#include "core/text.h"
#include "runtime/document_options.h"

enum { HOUR_S = 3600 };

/* As in model files, models/metadata.h. */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static const char *const layouts[] = { "long", "hourly", NULL };
static const char *const scales[] = { "linear", "log", "log1p", NULL };

/* clang-format off */
#define M struct vg_risk_map
static const struct vg_option map_options[] = {
    VG_OPT_ENUM(M, layout, "layout", "long", layouts, 0, "one row per measurement, or per hour"),
    VG_OPT_DURATION(M, window_ns, "window", NULL, HOUR_S, (double)VG_RISK_HOURS_MAX * HOUR_S,
                    VG_OPT_REQUIRED, "what a model sees of a stay: whole hours"),
    VG_OPT_STRING(M, stay, "stay", NULL, 0, "column of the stay"),
    VG_OPT_STRING(M, time, "time", NULL, 0, "column of the time: HH:MM, or hours"),
    VG_OPT_STRING(M, parameter, "variable", NULL, 0, "column of the variable's name"),
    VG_OPT_STRING(M, value, "value", NULL, 0, "column of the value"),
    VG_OPT_STRING(M, outcome_stay, "outcome.stay", NULL, 0, "column of the stay"),
    VG_OPT_STRING(M, outcome_label, "outcome.label", NULL, 0, "column of the outcome, 0 or 1"),
    VG_OPT_STRING(M, outcome_score, "outcome.score", NULL, 0, "column of a bedside score"),
    VG_OPT_STRING(M, label, "label", NULL, 0, "column of each hour's label, 0 or 1"),
    VG_OPT_LIST(M, ignored, "ignore", 0, "names in the column of the variable that are none"),
    VG_OPT_END,
};
#undef M

/** A variable as the map writes it. */
struct entry {
    struct vg_strings categories;
    float low, high;
    int scale;
    bool amount, descriptor;
};

#define E struct entry
static const struct vg_option entry_options[] = {
    VG_OPT_FLOAT(E, low, "low", "0", -(double)FLT_MAX, (double)FLT_MAX, "", 0, "least plausible value"),
    VG_OPT_FLOAT(E, high, "high", "0", -(double)FLT_MAX, (double)FLT_MAX, "", 0, "greatest plausible value"),
    VG_OPT_ENUM(E, scale, "scale", "linear", scales, 0, "what is learned: the value, its logarithm"),
    VG_OPT_BOOL(E, amount, "amount", "false", 0, "values of an hour add up"),
    VG_OPT_BOOL(E, descriptor, "descriptor", "false", 0, "one value for the whole stay"),
    VG_OPT_LIST(E, categories, "categories", 0, "numbers that each become a variable of 0 and 1"),
    VG_OPT_END,
};
#undef E
/* clang-format on */

/* ---- variables ---- */

static void add_variable(struct vg_risk_map *map, struct vg_document *doc,
                         const struct vg_node *node, const struct vg_risk_variable *variable)
{
    if (map->variables == VG_RISK_VARIABLES_MAX)
        vg_document_error(doc, node->key_at, "more than %d variables", VG_RISK_VARIABLES_MAX);
    else
        map->variable[map->variables++] = *variable;
}

static void add_categories(struct vg_risk_map *map, struct vg_document *doc,
                           const struct vg_node *node, const struct entry *entry,
                           struct vg_risk_variable variable)
{
    variable.is_category = true;
    variable.low = 0.0;
    variable.high = 1.0;
    for (size_t i = 0; i < entry->categories.n; i++) {
        const char *text = entry->categories.value[i];

        if (!vg_parse_double(text, &variable.category))
            vg_document_error(doc, node->at, "category \"%s\": expected a number", text);
        else if (text[strspn(text, NAME_CHARACTERS)])
            vg_document_error(doc, node->at, "category \"%s\": expected digits", text);
        else if ((size_t)snprintf(variable.name, sizeof variable.name, "%s.%s", variable.column,
                                  text) >= sizeof variable.name)
            vg_document_error(doc, node->at, "the name \"%s.%s\" is too long", variable.column,
                              text);
        else
            add_variable(map, doc, node, &variable);
    }
}

static void add_number(struct vg_risk_map *map, struct vg_document *doc, const struct vg_node *node,
                       const struct entry *entry, struct vg_risk_variable variable)
{
    static const float least[] = { [VG_RISK_LINEAR] = -FLT_MAX, [VG_RISK_LOG] = 1e-6f };

    variable.low = (double)entry->low;
    variable.high = (double)entry->high;
    if (entry->low >= entry->high)
        vg_document_error(doc, node->at, "%s: low must be below high", node->key);
    else if (entry->low < (variable.scale == VG_RISK_LOG1P ? 0.0f : least[variable.scale]))
        vg_document_error(doc, node->at, "%s: low is too low for a logarithm", node->key);
    else
        add_variable(map, doc, node, &variable);
}

static void read_variable(struct vg_risk_map *map, struct vg_document *doc,
                          const struct vg_node *node)
{
    struct vg_risk_variable variable = { 0 };
    struct entry entry = { 0 };

    if (strlen(node->key) >= VG_RISK_NAME_SIZE) {
        vg_document_error(doc, node->key_at, "a name has at most %d characters",
                          VG_RISK_NAME_SIZE - 1);
        return;
    }
    if (node->key[strspn(node->key, NAME_CHARACTERS)]) {
        vg_document_error(doc, node->key_at, "a name consists of letters, digits, '.', '_', '-'");
        return;
    }
    if (!vg_document_is_mapping(doc, node))
        return;
    vg_options_default(entry_options, &entry);
    vg_document_options(doc, node, &(struct vg_target){ entry_options, &entry }, 1, NULL);
    memcpy(variable.column, node->key, strlen(node->key) + 1);
    memcpy(variable.name, variable.column, sizeof variable.name);
    variable.scale = (enum vg_risk_scale)entry.scale;
    variable.amount = entry.amount;
    variable.descriptor = entry.descriptor;
    if (entry.categories.n)
        add_categories(map, doc, node, &entry, variable);
    else
        add_number(map, doc, node, &entry, variable);
    vg_options_done(entry_options, &entry);
}

/* Descriptors last, otherwise in the order of the file: series are then the first ones. */
static void sort_variables(struct vg_risk_map *map)
{
    struct vg_risk_variable descriptor[VG_RISK_VARIABLES_MAX];
    uint32_t descriptors = 0, series = 0;

    for (uint32_t v = 0; v < map->variables; v++) {
        if (map->variable[v].descriptor)
            descriptor[descriptors++] = map->variable[v];
        else
            map->variable[series++] = map->variable[v];
    }
    memcpy(map->variable + series, descriptor, descriptors * sizeof *descriptor);
}

static void read_variables(struct vg_risk_map *map, struct vg_document *doc)
{
    const struct vg_node *all = vg_document_mapping(doc, doc->root, "variables");

    if (!all) {
        vg_document_error(doc, doc->root->at, "\"variables\" is missing: names and their ranges");
        return;
    }
    for (const struct vg_node *n = all->child; n; n = n->next)
        read_variable(map, doc, n);
    sort_variables(map);
}

/* ---- the rest ---- */

static void want(struct vg_document *doc, const char *value, const char *key, const char *layout)
{
    if (!value)
        vg_document_error(doc, doc->root->at, "\"%s\" is missing: layout %s needs it", key, layout);
}

static void check_columns(const struct vg_risk_map *map, struct vg_document *doc)
{
    if (map->hourly) {
        want(doc, map->label, "label", "hourly");
        return;
    }
    want(doc, map->stay, "stay", "long");
    want(doc, map->time, "time", "long");
    want(doc, map->parameter, "variable", "long");
    want(doc, map->value, "value", "long");
    want(doc, map->outcome_stay, "outcome: stay", "long");
    want(doc, map->outcome_label, "outcome: label", "long");
}

static void read_root(void *ctx, struct vg_document *doc)
{
    struct vg_risk_map *map = ctx;
    static const char *const others[] = { "version", "variables", NULL };
    const struct vg_node *version = vg_node_find(doc->root, "version");

    if (!version || version->kind != VG_NODE_SCALAR || strcmp(version->text, "1") != 0)
        vg_document_error(doc, version ? version->at : doc->root->at, "expected \"version: 1\"");
    vg_options_default(map_options, map);
    vg_document_options(doc, doc->root, &(struct vg_target){ map_options, map }, 1, others);
    map->hourly = map->layout == 1;
    map->window_hours = (uint32_t)(map->window_ns / (HOUR_S * VG_NS_PER_S));
    if (map->window_ns % (HOUR_S * VG_NS_PER_S) != 0)
        vg_document_error(doc, doc->root->at, "\"window\" must be whole hours");
    check_columns(map, doc);
    read_variables(map, doc);
}

vg_status vg_risk_map_read(struct vg_risk_map *map, const char *path, struct vg_buf *diagnostics,
                           struct vg_err *err)
{
    struct vg_document doc;
    vg_status st;

    *map = (struct vg_risk_map){ 0 };
    st = vg_mapping_file_read(&doc, path, read_root, map, diagnostics, err);
    vg_document_done(&doc);
    return st;
}

void vg_risk_map_done(struct vg_risk_map *map)
{
    vg_options_done(map_options, map);
}
