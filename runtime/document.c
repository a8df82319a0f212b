/* document.c - a YAML file as a tree with places, and the report of its problems. */
#include "runtime/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include "runtime/document_secret.h"
#include "runtime/secret.h"

/* ---- problems ---- */

static struct vg_place after(struct vg_place at, size_t columns)
{
    return (struct vg_place){ at.line, at.column + (uint32_t)columns };
}

static bool stands_before(struct vg_place a, struct vg_place b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/* Keeps the problems in the order of the file; at one place, in which they were found. */
__attribute__((format(printf, 4, 0))) static void note(struct vg_document *doc, struct vg_place at,
                                                       enum vg_severity severity, const char *fmt,
                                                       va_list ap)
{
    struct vg_problem *p = doc->problems;
    size_t i = doc->problems_n;

    if (doc->count[severity]++ >= VG_PROBLEMS_MAX)
        return;
    p = realloc(p, (i + 1) * sizeof(*p));
    VG_CHECK(p);
    for (; i > 0 && stands_before(at, p[i - 1].at); i--)
        p[i] = p[i - 1];
    p[i].at = at;
    p[i].severity = severity;
    VG_CHECK(vasprintf(&p[i].text, fmt, ap) >= 0);
    vg_document_redact(doc, p[i].text);
    doc->problems = p;
    doc->problems_n++;
}

void vg_document_error(struct vg_document *doc, struct vg_place at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    note(doc, at, VG_ERROR, fmt, ap);
    va_end(ap);
}

void vg_document_warn(struct vg_document *doc, struct vg_place at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    note(doc, at, VG_WARNING, fmt, ap);
    va_end(ap);
}

static const char *find_line(const struct vg_document *doc, uint32_t line, size_t *ret_len)
{
    const char *s = doc->text;
    const char *end = doc->text + doc->len;
    const char *stop;

    while (--line > 0) {
        s = memchr(s, '\n', (size_t)(end - s));
        if (!s)
            return NULL;
        s++;
    }
    stop = memchr(s, '\n', (size_t)(end - s));
    if (!stop)
        stop = end;
    if (stop > s && stop[-1] == '\r')
        stop--;
    *ret_len = (size_t)(stop - s);
    return s;
}

bool vg_document_hides(const struct vg_document *doc, struct vg_place here)
{
    for (size_t i = 0; i < doc->hidden_n; i++) {
        struct vg_place from = doc->hidden[i].from;
        struct vg_place to = doc->hidden[i].to;
        if (!stands_before(here, from) && stands_before(here, to))
            return true;
    }
    return false;
}

void vg_document_hide(struct vg_document *doc, const struct vg_node *node)
{
    doc->hidden = realloc(doc->hidden, (doc->hidden_n + 1) * sizeof(*doc->hidden));
    VG_CHECK(doc->hidden);
    doc->hidden[doc->hidden_n].from = node->at;
    doc->hidden[doc->hidden_n].to = node->end;
    doc->hidden_n++;
}

enum { SHOWN_COLUMNS = 160 };

static void show_line(const struct vg_document *doc, struct vg_place at, struct vg_buf *out)
{
    struct vg_buf caret = VG_BUF_INIT;
    uint32_t column = 0;
    size_t len = 0;
    const char *s = find_line(doc, at.line, &len);

    if (!s || (!doc->whole && vg_secret_word(s, len)))
        return;
    vg_buf_str(out, "  ");
    vg_buf_str(&caret, "  ");
    for (size_t i = 0; i < len && column <= SHOWN_COLUMNS; i++) {
        bool starts = ((unsigned char)s[i] & 0xC0) != 0x80;

        column += starts;
        if (vg_document_hides(doc, (struct vg_place){ at.line, column }))
            vg_buf_str(out, starts ? "*" : "");
        else
            vg_buf_char(out, s[i]);
        if (starts && column < at.column)
            vg_buf_char(&caret, s[i] == '\t' ? '\t' : ' ');
    }
    vg_buf_printf(out, "\n%s^\n", caret.data);
    vg_buf_done(&caret);
}

void vg_document_report(const struct vg_document *doc, struct vg_buf *out)
{
    static const char *const names[VG_SEVERITIES] = { "error", "warning" };

    for (size_t i = 0; i < doc->problems_n; i++) {
        const struct vg_problem *p = &doc->problems[i];

        if (p->at.line == 0) {
            vg_buf_printf(out, "%s: %s: %s\n", doc->path, names[p->severity], p->text);
            continue;
        }
        vg_buf_printf(out, "%s:%u:%u: %s: %s\n", doc->path, p->at.line, p->at.column,
                      names[p->severity], p->text);
        show_line(doc, p->at, out);
    }
    for (int s = 0; s < VG_SEVERITIES; s++) {
        if (doc->count[s] > VG_PROBLEMS_MAX)
            vg_buf_printf(out, "%s: and %u more %ss\n", doc->path, doc->count[s] - VG_PROBLEMS_MAX,
                          names[s]);
    }
}

/* ---- the tree ---- */

const struct vg_node *vg_node_find(const struct vg_node *map, const char *key)
{
    if (!map || map->kind != VG_NODE_MAPPING)
        return NULL;
    for (const struct vg_node *c = map->child; c; c = c->next) {
        if (strcmp(c->key, key) == 0)
            return c;
    }
    return NULL;
}

bool vg_node_empty(const struct vg_node *node)
{
    return node->kind == VG_NODE_SCALAR && node->plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const char *vg_node_what(const struct vg_node *node)
{
    if (node->kind == VG_NODE_MAPPING)
        return "a mapping";
    if (node->kind == VG_NODE_SEQUENCE)
        return "a list";
    return vg_node_empty(node) ? "nothing" : "text";
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void node_free(struct vg_node *n)
{
    while (n) {
        struct vg_node *next = n->next;

        node_free(n->child);
        free(n->key);
        vg_secret_free(n->text);
        free(n);
        n = next;
    }
}

void vg_document_done(struct vg_document *doc)
{
    node_free(doc->root);
    for (size_t i = 0; i < doc->problems_n; i++)
        free(doc->problems[i].text);
    free(doc->problems);
    free(doc->hidden);
    for (size_t i = 0; i < doc->secrets_n; i++)
        vg_secret_free(doc->secret[i]);
    free(doc->secret);
    if (doc->text)
        explicit_bzero(doc->text, doc->len);
    free(doc->text);
    free(doc->path);
    *doc = (struct vg_document){ 0 };
}

/* ---- reading ---- */

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
    node_free(n);
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
            r->last = after(key_at, strlen(key) + 1); /* where an empty value would stand */
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
            node_free(child);
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

static void parse(struct vg_document *doc, struct reader *r)
{
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg = { .flags = FYPCF_JSON_NONE };
    struct fy_diag *diag;

    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag = fy_diag_create(&diag_cfg);
    VG_CHECK(diag);
    fy_diag_set_collect_errors(diag, true);
    cfg.diag = diag;
    r->parser = fy_parser_create(&cfg);
    VG_CHECK(r->parser);
    VG_CHECK(fy_parser_set_string(r->parser, doc->text, doc->len) == 0);
    read_stream(r);
    note_syntax(r, diag);
    fy_parser_destroy(r->parser);
    /* Unlike fy_diag_unref(), this frees the collected errors too (libfyaml 0.7.12). */
    fy_diag_destroy(diag);
}

/* Bytes that a UTF-8 character takes which begins with `first`; 0 when none does. */
static size_t utf8_bytes(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC0 || first > 0xF7)
        return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static bool is_text(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

/* Bytes of the UTF-8 character at `s`, or 0 when there is none, or one that is no text. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = utf8_bytes(s[0]);
    uint32_t c;

    if (len == 0 || len > n)
        return 0;
    c = len == 1 ? s[0] : s[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3FU);
    }
    return c >= least[len] && is_text(c) ? len : 0;
}

static bool check_text(struct vg_document *doc)
{
    const unsigned char *s = (const unsigned char *)doc->text;
    struct vg_place at = { 1, 1 };

    for (size_t i = 0; i < doc->len;) {
        size_t len = utf8_len(s + i, doc->len - i);

        if (len == 0) {
            vg_document_error(doc, at, "byte 0x%02x is no UTF-8 text", s[i]);
            doc->len = i; /* so that what is shown of the line is text */
            return false;
        }
        at = s[i] == '\n' ? (struct vg_place){ at.line + 1, 1 } : after(at, 1);
        i += len;
    }
    return true;
}

static vg_status check(struct vg_document *doc, struct vg_err *err)
{
    struct reader r = { .doc = doc, .last = { 1, 1 } };

    if (!check_text(doc))
        return vg_fail(err, VG_E_CONFIG, "%s: not a text file", doc->path);
    parse(doc, &r);
    if (r.stop && doc->count[VG_ERROR] > 0)
        return vg_fail(err, VG_E_CONFIG, "%s: not well-formed", doc->path);
    if (!doc->root) {
        vg_document_error(doc, (struct vg_place){ 1, 1 }, "the file is empty");
        return vg_fail(err, VG_E_CONFIG, "%s: the file is empty", doc->path);
    }
    doc->whole = !r.extras;
    vg_document_hide_secrets(doc, doc->root);
    return VG_OK;
}

vg_status vg_document_read(struct vg_document *doc, const char *path, struct vg_err *err)
{
    FILE *f = fopen(path, "re");
    vg_status st = VG_OK;

    *doc = (struct vg_document){ .path = strdup(path) };
    VG_CHECK(doc->path);
    if (!f)
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    doc->text = malloc(VG_DOCUMENT_BYTES_MAX + 2);
    VG_CHECK(doc->text);
    doc->len = fread(doc->text, 1, VG_DOCUMENT_BYTES_MAX + 1, f);
    doc->text[doc->len] = '\0';
    if (ferror(f))
        st = vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    (void)fclose(f);
    if (st == VG_OK && doc->len > VG_DOCUMENT_BYTES_MAX) {
        vg_document_error(doc, (struct vg_place){ 0, 0 }, "the file is larger than 1 MiB");
        st = vg_fail(err, VG_E_CONFIG, "%s: the file is larger than 1 MiB", path);
    }
    return st == VG_OK ? check(doc, err) : st;
}
