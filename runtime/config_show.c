/* config_show.c - what a configuration comes to.
 *
 * It follows the shapes that the loader's tables make (runtime/config_shape.h), so no key can be left
 * out.
 */
#include "runtime/config_show.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_shape.h"

enum { ORIGIN_COLUMN = 56, PATH_MAX_LEN = 512, GROUP_MAX = 64 };

static const char stars[] = "***";

/* A walk over the document. */
struct show {
    const struct vg_document *doc;
    struct vg_buf *out;
    bool json, any;
    char path[PATH_MAX_LEN]; /* of the value, "stages[2].tick" */
    int depth;
    bool item; /* the next line begins an entry of a list */
};

static void show_shape(struct show *s, const struct vg_shape *shape, const struct vg_node *node);

/* ---- where a value is from ---- */

/* Where the text of the file goes on that stands at a place. */
static const char *text_at(const struct vg_document *doc, struct vg_place at)
{
    const char *t = doc->text, *end = doc->text + doc->len;

    for (uint32_t line = 1; line < at.line && t < end; line++) {
        const char *next = memchr(t, '\n', (size_t)(end - t));

        t = next ? next + 1 : end;
    }
    for (uint32_t column = 1; column < at.column && t < end; t++)
        column += t + 1 < end && ((unsigned char)t[1] & 0xC0) != 0x80;
    return t;
}

/* Whether nobody may see the value. */
static bool hidden(const struct show *s, const struct vg_option *o, const struct vg_node *node)
{
    return (o && o->flags & VG_OPT_SECRET) || (node && node->secret) ||
           (node && vg_document_hides(s->doc, node->at));
}

/* "FILE:12", "FILE:12, ${KAFKA_BROKERS}" or "default". Of ${NAME:-text} only the name: the text may be
 * what nobody should see. */
static void origin(const struct show *s, const struct vg_node *node, struct vg_buf *ret)
{
    const char *from, *to;

    vg_buf_clear(ret);
    if (!node) {
        vg_buf_str(ret, "default");
        return;
    }
    vg_buf_printf(ret, "%s:%u", s->doc->path, node->at.line);
    if (!node->reference)
        return;
    from = text_at(s->doc, node->at);
    to = text_at(s->doc, node->end);
    while ((from = memmem(from, (size_t)(to - from), "${", 2))) {
        size_t len = strcspn(from + 2, "}\n");
        size_t name = strcspn(from + 2, ":}\n");

        if (strncmp(from + 2, "file:", 5) == 0 || strncmp(from + 2, "credential:", 11) == 0)
            name = len;
        vg_buf_printf(ret, ", ${%.*s}", (int)name, from + 2);
        from += 2 + len;
        if (from >= to)
            break;
    }
}

/* ---- lines ---- */

static bool is_plain(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-");

    return n > 0 && text[n] == '\0' && text[0] != '-' && text[0] != '.';
}

static void indent(struct show *s, struct vg_buf *line)
{
    int spaces = 2 * s->depth;

    if (s->item)
        vg_buf_printf(line, "%*s- ", spaces - 2, "");
    else
        vg_buf_printf(line, "%*s", spaces, "");
    s->item = false;
}

static void put_key(const char *key, struct vg_buf *line)
{
    if (is_plain(key) && !isdigit((unsigned char)key[0]))
        vg_buf_str(line, key);
    else
        vg_buf_json_str(line, key);
    vg_buf_char(line, ':');
}

/* "key:" alone, above what is below it. */
static void show_key(struct show *s, const char *key, const char *behind)
{
    struct vg_buf line = VG_BUF_INIT;

    if (s->json)
        return;
    indent(s, &line);
    put_key(key, &line);
    vg_buf_printf(s->out, "%s%s\n", line.data, behind);
    vg_buf_done(&line);
}

/* A value and its origin; `value` is as YAML and JSON both write it. */
static void show_line(struct show *s, const char *key, const char *value,
                      const struct vg_node *node)
{
    struct vg_buf line = VG_BUF_INIT, from = VG_BUF_INIT;

    origin(s, node, &from);
    if (s->json) {
        vg_buf_str(&line, s->any ? ",\n  {\"path\":" : "\n  {\"path\":");
        vg_buf_json_str(&line, s->path);
        vg_buf_printf(&line, ",\"value\":%s,\"origin\":\"%s\"", value,
                      !node             ? "default"
                      : node->reference ? "environment"
                                        : "file");
        if (node)
            vg_buf_printf(&line, ",\"line\":%u,\"column\":%u", node->at.line, node->at.column);
        vg_buf_str(&line, ",\"from\":");
        vg_buf_json_str(&line, from.data);
        vg_buf_printf(s->out, "%s}", line.data);
        s->any = true;
    } else {
        indent(s, &line);
        if (key) {
            put_key(key, &line);
            vg_buf_char(&line, ' ');
        }
        vg_buf_str(&line, value);
        vg_buf_printf(s->out, "%-*s # %s\n", ORIGIN_COLUMN, line.data, from.data);
    }
    vg_buf_done(&line);
    vg_buf_done(&from);
}

static void show_text(struct show *s, const char *key, const char *text, const struct vg_node *node)
{
    struct vg_buf value = VG_BUF_INIT;

    if (!s->json && (is_plain(text) || (node && node->plain && !node->reference && text != stars)))
        vg_buf_str(&value, text);
    else
        vg_buf_json_str(&value, text);
    show_line(s, key, value.data, node);
    vg_buf_done(&value);
}

/* ---- values ---- */

/* A list or mapping in one line, as JSON. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void flow(const struct show *s, const struct vg_option *o, const struct vg_node *node,
                 struct vg_buf *ret)
{
    bool map = node->kind == VG_NODE_MAPPING;

    if (node->kind == VG_NODE_SCALAR && vg_node_empty(node)) {
        vg_buf_str(ret, "null");
    } else if (node->kind == VG_NODE_SCALAR) {
        vg_buf_json_str(ret, hidden(s, o, node) ? stars : node->text);
    } else {
        vg_buf_char(ret, map ? '{' : '[');
        for (const struct vg_node *c = node->child; c; c = c->next) {
            if (map) {
                vg_buf_json_str(ret, c->key);
                vg_buf_str(ret, ": ");
            }
            flow(s, o, c, ret);
            vg_buf_str(ret, c->next ? ", " : "");
        }
        vg_buf_char(ret, map ? '}' : ']');
    }
}

static void show_node(struct show *s, const char *key, const struct vg_option *o,
                      const struct vg_node *node)
{
    struct vg_buf value = VG_BUF_INIT;

    if (node->kind == VG_NODE_SCALAR && !vg_node_empty(node)) {
        show_text(s, key, hidden(s, o, node) ? stars : node->text, node);
        return;
    }
    flow(s, o, node, &value);
    show_line(s, key, value.data, node);
    vg_buf_done(&value);
}

/* Appends to the path; returns what shorten() takes to undo it. */
static size_t lengthen(struct show *s, const char *dot, const char *key)
{
    size_t len = strlen(s->path);

    snprintf(s->path + len, sizeof(s->path) - len, "%s%s", len > 0 ? dot : "", key);
    return len;
}

static void shorten(struct show *s, size_t len)
{
    s->path[len] = '\0';
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_below(struct show *s, const char *key, const struct vg_shape *shape,
                       const struct vg_node *node)
{
    bool has = node->kind != VG_NODE_SCALAR && node->children > 0;

    if (shape->kind == VG_SHAPE_VALUE || !has) {
        show_node(s, key, NULL, node);
        return;
    }
    show_key(s, key, "");
    s->depth++;
    show_shape(s, shape, node);
    s->depth--;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_option(struct show *s, const struct vg_option *o, const char *key,
                        const struct vg_node *node)
{
    size_t len = lengthen(s, ".", key);

    if (node && o->type == VG_OPT_NODE_)
        show_below(s, key, o->shape, node);
    else if (node)
        show_node(s, key, o, node);
    else if (o->def)
        show_text(s, key, o->def, NULL);
    shorten(s, len);
}

/* ---- mappings ---- */

static bool shown(const struct vg_option *o, const struct vg_node *node)
{
    return node || o->def;
}

/* The mapping `log` of options log.level and log.format, at the first of them. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_group(struct show *s, const struct vg_option *first, const struct vg_node *map)
{
    char group[GROUP_MAX];
    size_t n = strcspn(first->name, "."), len;
    const struct vg_node *in;
    bool any = false;

    snprintf(group, sizeof(group), "%.*s", (int)n, first->name);
    in = vg_node_find(map, group);
    len = lengthen(s, ".", group);
    for (const struct vg_option *o = first; o->type != VG_OPT_END_; o++) {
        const struct vg_node *node;

        if (strncmp(o->name, first->name, n + 1) != 0)
            continue;
        node = vg_node_find(in, o->name + n + 1);
        /* A group that is not there and has no default for its first key is left as it is. */
        if (!shown(o, node) || (!in && !first->def))
            continue;
        if (!any)
            show_key(s, group, "");
        any = true;
        s->depth++;
        show_option(s, o, o->name + n + 1, node);
        s->depth--;
    }
    shorten(s, len);
}

static bool group_seen(const struct vg_option *table, const struct vg_option *o)
{
    size_t n = strcspn(o->name, ".");

    for (; table < o; table++) {
        if (strncmp(table->name, o->name, n + 1) == 0)
            return true;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_table(struct show *s, const struct vg_option *table, const struct vg_node *map)
{
    for (const struct vg_option *o = table; o->type != VG_OPT_END_; o++) {
        if (!strchr(o->name, '.'))
            show_option(s, o, o->name, vg_node_find(map, o->name));
        else if (!group_seen(table, o))
            show_group(s, o, map);
    }
}

static bool in_tables(const struct vg_alternative *a, const char *key)
{
    for (size_t t = 0; t < VG_SHAPE_TABLES && a->table[t]; t++) {
        if (vg_option_find(a->table[t], key))
            return true;
    }
    return false;
}

static bool in_list(const char *const *list, const char *key)
{
    for (; list && *list; list++) {
        if (strcmp(*list, key) == 0)
            return true;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_mapping(struct show *s, const struct vg_shape *shape, const struct vg_node *map)
{
    struct vg_alternative a;

    if (!vg_shape_choose(shape, map, &a))
        return;
    if (a.key && !in_tables(&a, a.key)) {
        size_t len = lengthen(s, ".", a.key);

        show_node(s, a.key, NULL, vg_node_find(map, a.key));
        shorten(s, len);
    }
    for (size_t t = 0; t < VG_SHAPE_TABLES && a.table[t]; t++)
        show_table(s, a.table[t], map);
    for (const struct vg_node *c = map->child; c; c = c->next) {
        size_t len;

        if (in_tables(&a, c->key))
            continue;
        len = lengthen(s, ".", c->key);
        if (in_list(shape->anything, c->key))
            show_node(s, c->key, NULL, c);
        else if (shape->channel && vg_channel_find(c->key) != VG_CHANNEL_NONE)
            show_below(s, c->key, shape->channel, c);
        shorten(s, len);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_list(struct show *s, const struct vg_shape *shape, const struct vg_node *list)
{
    uint32_t i = 0;

    for (const struct vg_node *c = list->child; c; c = c->next) {
        char index[16];
        size_t len;

        snprintf(index, sizeof(index), "[%u]", i++);
        len = lengthen(s, "", index);
        s->item = !s->json;
        s->depth++;
        if (c->kind == VG_NODE_MAPPING && shape->entry->kind != VG_SHAPE_VALUE)
            show_shape(s, shape->entry, c);
        else
            show_node(s, NULL, NULL, c);
        s->depth--;
        shorten(s, len);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void show_shape(struct show *s, const struct vg_shape *shape, const struct vg_node *node)
{
    switch (shape->kind) {
    case VG_SHAPE_KEYS:
    case VG_SHAPE_ONE:
        show_mapping(s, shape, node);
        break;
    case VG_SHAPE_NAMED:
        for (const struct vg_node *c = node->child; c; c = c->next) {
            size_t len = lengthen(s, ".", c->key);

            show_below(s, c->key, shape->entry, c);
            shorten(s, len);
        }
        break;
    case VG_SHAPE_LIST:
        show_list(s, shape, node);
        break;
    case VG_SHAPE_VALUE:
        break;
    }
}

/* ---- from outside ---- */

void vg_config_show_values(const struct vg_config *config, bool json, struct vg_buf *out)
{
    struct show s = { .doc = config->document, .json = json, .out = out };

    if (json)
        vg_buf_printf(out, "{\"config\":\"%s\",\"values\":[", config->hash);
    else
        vg_buf_printf(out, "# %s, %s\n", config->path, config->hash);
    show_shape(&s, &vg_config_shape, s.doc->root);
    if (json)
        vg_buf_str(out, "\n]}\n");
}
