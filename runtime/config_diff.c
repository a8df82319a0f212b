/* config_diff.c - two documents, side by side.
 *
 * What may change is decided by the section in which it stands. The source, the sinks and the section
 * `service` belong to threads that run on; stages keep their places, and the ward page its tick.
 */
#include "runtime/config_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/document.h"

enum { PATH_LEN = 256, SHOWN = 48 };

struct compare {
    const struct vg_document *now, *next;
    struct vg_strings *to; /* of the section that is looked at */
    char path[PATH_LEN];
};

static void note(struct vg_strings *list, const char *path, const char *what)
{
    list->value = realloc(list->value, (list->n + 1) * sizeof(*list->value));
    VG_CHECK(list->value != NULL);
    VG_CHECK(asprintf(&list->value[list->n++], "%s: %s", path, what) >= 0);
}

/* ---- nodes ---- */

static bool hidden(const struct vg_document *doc, const struct vg_node *node)
{
    return node->secret || vg_document_hides(doc, node->at);
}

static bool same_text(const struct vg_node *a, const struct vg_node *b)
{
    return vg_node_empty(a) == vg_node_empty(b) && strcmp(a->text, b->text) == 0;
}

static void compare_scalars(struct compare *c, const struct vg_node *now,
                            const struct vg_node *next)
{
    char text[2 * SHOWN + 16] = "changed";

    if (same_text(now, next))
        return;
    if (!hidden(c->now, now) && !hidden(c->next, next))
        snprintf(text, sizeof(text), "%.*s -> %.*s", SHOWN, now->text, SHOWN, next->text);
    note(c->to, c->path, text);
}

static void compare_nodes(struct compare *c, const struct vg_node *now, const struct vg_node *next);

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void compare_entry(struct compare *c, const char *key, const struct vg_node *now,
                          const struct vg_node *next)
{
    size_t len = strlen(c->path);

    snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len > 0 && key[0] != '[' ? "." : "",
             key);
    if (now && next)
        compare_nodes(c, now, next);
    else
        note(c->to, c->path, next ? "added" : "removed");
    c->path[len] = '\0';
}

/* Rules are told in the order of the file, and the first profile is the default. */
static bool same_order(const struct vg_node *now, const struct vg_node *next)
{
    const struct vg_node *a = now->child, *b = next->child;

    while (a && b && strcmp(a->key, b->key) == 0) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void compare_mappings(struct compare *c, const struct vg_node *now,
                             const struct vg_node *next)
{
    size_t before = c->to->n;

    for (const struct vg_node *n = now->child; n; n = n->next)
        compare_entry(c, n->key, n, vg_node_find(next, n->key));
    for (const struct vg_node *n = next->child; n; n = n->next) {
        if (!vg_node_find(now, n->key))
            compare_entry(c, n->key, NULL, n);
    }
    if (c->to->n == before && !strchr(c->path, '.') && !same_order(now, next))
        note(c->to, c->path, "in another order");
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void compare_lists(struct compare *c, const struct vg_node *now, const struct vg_node *next)
{
    const struct vg_node *b = next->child;
    char text[48];
    uint32_t i = 0;

    if (now->children != next->children) {
        snprintf(text, sizeof(text), "%u entries -> %u", now->children, next->children);
        note(c->to, c->path, text);
        return;
    }
    for (const struct vg_node *a = now->child; a; a = a->next, b = b->next) {
        snprintf(text, sizeof(text), "[%u]", i++);
        compare_entry(c, text, a, b);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void compare_nodes(struct compare *c, const struct vg_node *now, const struct vg_node *next)
{
    if (now->kind != next->kind)
        note(c->to, c->path, "changed");
    else if (now->kind == VG_NODE_SCALAR)
        compare_scalars(c, now, next);
    else if (now->kind == VG_NODE_MAPPING)
        compare_mappings(c, now, next);
    else
        compare_lists(c, now, next);
}

/* ---- sections ---- */

static bool needs_restart(const char *section)
{
    static const char *const sections[] = { "version", "service", "source", "sinks" };

    for (size_t i = 0; i < VG_ARRAY_LEN(sections); i++) {
        if (strcmp(section, sections[i]) == 0)
            return true;
    }
    return false;
}

/* Tests name patients, and change nothing. */
static void compare_section(struct compare *c, const char *section, struct vg_config_diff *ret)
{
    const struct vg_node *now = vg_node_find(c->now->root, section);
    const struct vg_node *next = vg_node_find(c->next->root, section);
    struct vg_config_diff inside = { .changes = { .n = 0 } };
    bool tests = strcmp(section, "tests") == 0;

    c->to = tests ? &inside.changes : needs_restart(section) ? &ret->restarts : &ret->changes;
    compare_entry(c, section, now, next);
    if (inside.changes.n > 0)
        note(&ret->changes, section, "changed");
    vg_config_diff_done(&inside);
}

/* The grid that the ward page keeps its history on. 0: the stage makes none. */
static int64_t tick_of(const struct vg_stage_config *stage)
{
    const struct vg_option *opt =
        stage->ops->options ? vg_option_find(stage->ops->options, "tick") : NULL;

    return opt && opt->type == VG_OPT_DURATION_
               ? *(const int64_t *)((const char *)stage->self + opt->offset)
               : 0;
}

static const char *type_at(const struct vg_config *config, uint32_t place)
{
    return place < config->stages_n ? config->stages[place].ops->name : "nothing";
}

/* Of a chain that is another one the first place that differs says what was meant. */
static bool same_chain(const struct vg_config *now, const struct vg_config *next,
                       struct vg_config_diff *ret)
{
    uint32_t i = 0;
    char path[32], text[2 * VG_NAME_SIZE + 64];

    while (i < now->stages_n && i < next->stages_n && now->stages[i].ops == next->stages[i].ops)
        i++;
    if (i == now->stages_n && i == next->stages_n)
        return true;
    snprintf(path, sizeof(path), "stages[%u]", i);
    snprintf(text, sizeof(text), "%s -> %s, another chain of stages", type_at(now, i),
             type_at(next, i));
    note(&ret->restarts, path, text);
    return false;
}

static void compare_stages(const struct vg_config *now, const struct vg_config *next,
                           struct vg_config_diff *ret)
{
    if (!same_chain(now, next, ret))
        return;
    for (uint32_t i = 0; i < now->stages_n; i++) {
        int64_t was_ns = tick_of(&now->stages[i]), is_ns = tick_of(&next->stages[i]);
        char was[VG_DURATION_TEXT_SIZE], is[VG_DURATION_TEXT_SIZE];
        char path[32], text[sizeof(was) + sizeof(is) + 4];

        if (was_ns == is_ns)
            continue;
        vg_format_duration(was_ns, was);
        vg_format_duration(is_ns, is);
        snprintf(path, sizeof(path), "stages[%u].tick", i);
        snprintf(text, sizeof(text), "%s -> %s", was, is);
        note(&ret->restarts, path, text);
    }
}

static const struct vg_model *model_of(const struct vg_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->models_n; i++) {
        if (strcmp(config->models[i]->name, name) == 0)
            return config->models[i];
    }
    return NULL;
}

static void compare_models(const struct vg_config *now, const struct vg_config *next,
                           struct vg_config_diff *ret)
{
    char path[VG_NAME_SIZE + 16];

    for (uint32_t i = 0; i < next->models_n; i++) {
        const struct vg_model *model = next->models[i], *was = model_of(now, model->name);

        if (!was || strcmp(was->sha256, model->sha256) == 0)
            continue;
        snprintf(path, sizeof(path), "models.%s", model->name);
        note(&ret->changes, path, "another file");
    }
}

void vg_config_compare(const struct vg_config *now, const struct vg_config *next,
                       struct vg_config_diff *ret)
{
    struct compare c = { .now = now->document, .next = next->document };

    compare_stages(now, next, ret);
    for (const struct vg_node *n = c.now->root->child; n; n = n->next)
        compare_section(&c, n->key, ret);
    for (const struct vg_node *n = c.next->root->child; n; n = n->next) {
        if (!vg_node_find(c.now->root, n->key))
            compare_section(&c, n->key, ret);
    }
    compare_models(now, next, ret);
    if (ret->changes.n + ret->restarts.n == 0 && strcmp(now->hash, next->hash) != 0)
        note(&ret->changes, "files", "one that the configuration names");
}

static bool same_column(const struct vg_column *a, const struct vg_column *b)
{
    return strcmp(a->name, b->name) == 0 && a->width == b->width;
}

/* Of what a model's columns say: which channels, which horizons, which quantiles. */
static bool same_shape(const struct vg_model *a, const struct vg_model *b)
{
    if (!a || !b)
        return a == b;
    return a->channels == b->channels && a->horizons == b->horizons &&
           a->quantiles == b->quantiles &&
           memcmp(a->channel, b->channel, a->channels * sizeof(a->channel[0])) == 0 &&
           memcmp(a->horizon_ns, b->horizon_ns, a->horizons * sizeof(a->horizon_ns[0])) == 0 &&
           memcmp(a->quantile, b->quantile, a->quantiles * sizeof(a->quantile[0])) == 0;
}

void vg_config_compare_columns(const struct vg_config_chain *now,
                               const struct vg_config_chain *next, uint32_t stages,
                               struct vg_config_diff *ret)
{
    const struct vg_layout *a = now->layout, *b = next->layout;
    bool same = a->columns == b->columns;

    for (uint32_t i = 0; same && i < a->columns; i++)
        same = same_column(&a->column[i], &b->column[i]);
    for (uint32_t i = 0; same && i < stages; i++)
        same = same_shape(now->stage[i].model, next->stage[i].model);
    if (!same)
        note(&ret->restarts, "models", "other channels, horizons or quantiles");
}

void vg_config_diff_done(struct vg_config_diff *d)
{
    for (size_t i = 0; i < d->changes.n; i++)
        free(d->changes.value[i]);
    for (size_t i = 0; i < d->restarts.n; i++)
        free(d->restarts.value[i]);
    free(d->changes.value);
    free(d->restarts.value);
    memset(d, 0, sizeof(*d));
}

void vg_config_diff_print(const struct vg_strings *texts, size_t max, struct vg_buf *out)
{
    for (size_t i = 0; i < texts->n && i < max; i++)
        vg_buf_printf(out, "%s%s", i ? "; " : "", texts->value[i]);
    if (texts->n > max)
        vg_buf_printf(out, "; and %zu more", texts->n - max);
}
