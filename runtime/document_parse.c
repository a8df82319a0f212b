/* document_parse.c - the events of a YAML parser, as a tree. */
#include "runtime/document_parse.h"

#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include "runtime/document_secret.h"
#include "runtime/secret.h"

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
void vg_node_free(struct vg_node *n)
{
    while (n) {
        struct vg_node *next = n->next;

        vg_node_free(n->child);
        free(n->key);
        vg_secret_free(n->text);
        free(n);
        n = next;
    }
}

struct reader {
    struct vg_document *doc;
    struct fy_parser *parser;
    struct vg_place last; /* of the newest event that had a place */
    bool stop;            /* the tree is not whole */
    bool extras;          /* there were tags or anchors, which a password may look like */
};

static struct vg_place place(const struct fy_mark *mark, struct vg_place otherwise)
{
    if (!mark)
        return otherwise;
    return (struct vg_place){ (uint32_t)mark->line + 1, (uint32_t)mark->column + 1 };
}

static struct vg_node *node_new(enum vg_node_kind kind, struct vg_place at)
{
    struct vg_node *n = calloc(1, sizeof(*n));

    VG_CHECK(n);
    n->kind = kind;
    n->at = n->end = n->key_at = at;
    return n;
}

static void refuse_extras(struct reader *r, struct fy_event *event, struct vg_place at)
{
    bool anchor = event->type != FYET_ALIAS && fy_event_get_anchor_token(event);
    bool tag = event->type != FYET_ALIAS && fy_event_get_tag_token(event);

    r->extras = r->extras || event->type == FYET_ALIAS || anchor || tag;
    if (event->type == FYET_ALIAS) {
        vg_document_error(r->doc, at, "aliases (*name) are not allowed; write the value out");
        return;
    }
    if (anchor)
        vg_document_error(r->doc, at, "anchors (&name) are not allowed; write the value out");
    if (tag)
        vg_document_error(r->doc, at, "tags (!name) are not allowed; remove it");
}

static struct vg_node *read_node(struct reader *r, struct fy_event *event, uint32_t depth);

/* The next event that is part of a value; NULL at the end of `until` or when reading must stop. */
static struct fy_event *next_event(struct reader *r, enum fy_event_type until)
{
    struct fy_event *event = r->stop ? NULL : fy_parser_parse(r->parser);

    if (!event) {
        r->stop = true;
        return NULL;
    }
    r->last = place(fy_event_start_mark(event), r->last);
    if (event->type == until) {
        fy_parser_event_free(r->parser, event);
        return NULL;
    }
    return event;
}

static struct vg_node *read_scalar(struct reader *r, struct fy_event *event, struct vg_place at)
{
    struct vg_node *n = node_new(VG_NODE_SCALAR, at);
    struct fy_token *token = event->type == FYET_SCALAR ? event->scalar.value : NULL;
    size_t len = 0;
    const char *text = token ? fy_token_get_text(token, &len) : NULL;

    n->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
    n->end = place(fy_event_end_mark(event), at);
    n->text = strndup(text ? text : "", text ? len : 0);
    VG_CHECK(n->text);
    if (strlen(n->text) != (text ? len : 0))
        vg_document_error(r->doc, at, "text must not contain the character NUL");
    return n;
}

static void add_child(struct vg_node *parent, struct vg_node **tail, struct vg_node *child)
{
    if (*tail)
        (*tail)->next = child;
    else
        parent->child = child;
    *tail = child;
    parent->children++;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void read_sequence(struct reader *r, struct vg_node *n, uint32_t depth)
{
    struct vg_node *tail = NULL;
    struct fy_event *event;

    while ((event = next_event(r, FYET_SEQUENCE_END))) {
        struct vg_node *child = read_node(r, event, depth + 1);

        if (child)
            add_child(n, &tail, child);
    }
}

static char *read_key(struct reader *r, struct fy_event *event, struct vg_place at)
{
    struct vg_node *n;
    char *key;

    if (event->type != FYET_SCALAR) {
        vg_document_error(r->doc, at, "a key must be plain text");
        fy_parser_event_free(r->parser, event);
        r->stop = true;
        return NULL;
    }
    refuse_extras(r, event, at);
    n = read_scalar(r, event, at);
    fy_parser_event_free(r->parser, event);
    key = n->text;
    n->text = NULL;
    vg_node_free(n);
    return key;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void read_mapping(struct reader *r, struct vg_node *n, uint32_t depth)
{
    struct vg_node *tail = NULL;
    struct fy_event *event;

    while ((event = next_event(r, FYET_MAPPING_END))) {
        struct vg_place key_at = r->last;
        char *key = read_key(r, event, key_at);
        const struct vg_node *twin = key ? vg_node_find(n, key) : NULL;
        struct vg_node *child;

        if (key)
            r->last =
                vg_place_after(key_at, strlen(key) + 1); /* where an empty value would stand */
        event = key ? next_event(r, FYET_NONE) : NULL;
        child = event ? read_node(r, event, depth + 1) : NULL;
        if (!child) {
            free(key);
            return;
        }
        child->key = key;
        child->key_at = key_at;
        if (twin) {
            vg_document_error(r->doc, key_at, "\"%s\" is already given in line %u", key,
                              twin->key_at.line);
            vg_document_hide_secrets(r->doc, child);
            vg_node_free(child);
        } else {
            add_child(n, &tail, child);
        }
        if (n->children > VG_DOCUMENT_KEYS_MAX) {
            vg_document_error(r->doc, key_at, "more than %d keys in one mapping",
                              VG_DOCUMENT_KEYS_MAX);
            r->stop = true;
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static struct vg_node *read_node(struct reader *r, struct fy_event *event, uint32_t depth)
{
    enum fy_event_type type = event->type;
    struct vg_place at = r->last;
    struct vg_node *n = NULL;

    refuse_extras(r, event, at);
    if (type == FYET_SCALAR || type == FYET_ALIAS) {
        n = read_scalar(r, event, at);
        vg_document_expand(r->doc, n);
    } else if (depth >= VG_DOCUMENT_DEPTH_MAX) {
        vg_document_error(r->doc, at, "nested deeper than %d levels, which are expected at most",
                          VG_DOCUMENT_DEPTH_MAX);
        r->stop = true;
    } else {
        n = node_new(type == FYET_MAPPING_START ? VG_NODE_MAPPING : VG_NODE_SEQUENCE, at);
    }
    fy_parser_event_free(r->parser, event);
    if (n && n->kind == VG_NODE_MAPPING)
        read_mapping(r, n, depth);
    else if (n && n->kind == VG_NODE_SEQUENCE)
        read_sequence(r, n, depth);
    return n;
}

static void read_stream(struct reader *r)
{
    struct fy_event *event;

    while ((event = next_event(r, FYET_STREAM_END))) {
        enum fy_event_type type = event->type;

        if (type == FYET_STREAM_START || type == FYET_DOCUMENT_START || type == FYET_DOCUMENT_END) {
            fy_parser_event_free(r->parser, event);
            continue;
        }
        if (!r->doc->root) {
            r->doc->root = read_node(r, event, 0);
            continue;
        }
        vg_document_error(r->doc, r->last, "a second document begins here; expected only one");
        fy_parser_event_free(r->parser, event);
        r->stop = true;
    }
}

static void note_syntax(struct reader *r, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *e;
    bool any = r->doc->count[VG_ERROR] > 0;

    while ((e = fy_diag_errors_iterate(diag, &at))) {
        struct vg_place where = { (uint32_t)(e->line > 0 ? e->line : 1),
                                  (uint32_t)(e->column > 0 ? e->column : 1) };

        vg_document_error(r->doc, where, "not well-formed YAML: %s", e->msg);
        any = true;
    }
    if (r->stop && !any)
        vg_document_error(r->doc, r->last, "not well-formed YAML");
}

bool vg_document_parse(struct vg_document *doc, bool *ret_extras)
{
    struct reader r = { .doc = doc, .last = { 1, 1 } };
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg = { .flags = FYPCF_JSON_NONE };
    struct fy_diag *diag;

    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag = fy_diag_create(&diag_cfg);
    VG_CHECK(diag);
    fy_diag_set_collect_errors(diag, true);
    cfg.diag = diag;
    r.parser = fy_parser_create(&cfg);
    VG_CHECK(r.parser);
    VG_CHECK(fy_parser_set_string(r.parser, doc->text, doc->len) == 0);
    read_stream(&r);
    note_syntax(&r, diag);
    fy_parser_destroy(r.parser);
    /* Unlike fy_diag_unref(), this frees the collected errors too (libfyaml 0.7.12). */
    fy_diag_destroy(diag);
    *ret_extras = r.extras;
    return !r.stop;
}
