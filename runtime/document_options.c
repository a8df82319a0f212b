/* document_options.c - mappings of a document by option tables. */
#include "runtime/document_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/document_secret.h"

bool vg_document_is_mapping(struct vg_document *doc, const struct vg_node *node)
{
    if (node->kind == VG_NODE_MAPPING || vg_node_empty(node))
        return true;
    if (node->key)
        vg_document_error(doc, node->at, "\"%s\" must be a mapping of keys to values, not %s",
                          node->key, vg_node_what(node));
    else
        vg_document_error(doc, node->at, "expected a mapping of keys to values, not %s",
                          vg_node_what(node));
    return false;
}

const struct vg_node *vg_document_mapping(struct vg_document *doc, const struct vg_node *map,
                                          const char *key)
{
    const struct vg_node *node = vg_node_find(map, key);

    return node && vg_document_is_mapping(doc, node) && node->kind == VG_NODE_MAPPING ? node : NULL;
}

static bool listed(const char *const *list, const char *word)
{
    for (; list && *list; list++) {
        if (strcmp(*list, word) == 0)
            return true;
    }
    return false;
}

void vg_document_unknown(struct vg_document *doc, struct vg_place at, const char *what,
                         const char *word, const char *const *candidates, size_t n)
{
    const char *near = vg_did_you_mean(word, candidates, n);
    struct vg_buf all = VG_BUF_INIT;

    for (size_t i = 0; i < n; i++)
        vg_buf_printf(&all, "%s%s", i ? ", " : "", candidates[i]);
    if (strcmp(what, "key") == 0 && listed(doc->later, word))
        vg_document_error(doc, at, "key \"%s\" is not in this version of Vigil; remove it", word);
    else if (near)
        vg_document_error(doc, at, "unknown %s \"%.80s\"; did you mean \"%s\"?", what, word, near);
    else if (n == 0)
        vg_document_error(doc, at, "unknown %s \"%.80s\"; there are none here", what, word);
    else
        vg_document_error(doc, at, "unknown %s \"%.80s\"; expected one of: %s", what, word,
                          all.data);
    vg_buf_done(&all);
}

/* `path` as seen from the folder of the configuration file. */
static char *beside(const struct vg_document *doc, const char *path)
{
    const char *slash = strrchr(doc->path, '/');
    char *ret;

    if (path[0] == '/' || !slash)
        ret = strdup(path);
    else if (asprintf(&ret, "%.*s/%s", (int)(slash - doc->path), doc->path, path) < 0)
        ret = NULL;
    VG_CHECK(ret);
    return ret;
}

static vg_status wrong_kind(const struct vg_option *opt, const struct vg_node *node,
                            struct vg_err *err)
{
    struct vg_buf expected = VG_BUF_INIT;

    vg_option_expected(opt, &expected);
    vg_fail_option(err, VG_E_CONFIG, opt->name, "\"%s\" is %s; expected: %s", opt->name,
                   vg_node_what(node), expected.data);
    vg_buf_done(&expected);
    return VG_E_CONFIG;
}

static vg_status set_scalar(const struct vg_document *doc, const struct vg_option *opt, void *self,
                            const struct vg_node *node, struct vg_err *err)
{
    vg_status st;
    char *path;

    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node))
        return wrong_kind(opt, node, err);
    if (!(opt->flags & VG_OPT_PATH))
        return vg_option_set(opt, self, node->text, err);
    path = beside(doc, node->text);
    st = vg_option_set(opt, self, path, err);
    free(path);
    return st;
}

static vg_status add_entry(const struct vg_document *doc, const struct vg_option *opt, void *self,
                           const struct vg_node *node, struct vg_err *err)
{
    char *path;
    vg_status st;

    if (!(opt->flags & VG_OPT_PATH))
        return vg_option_add(opt, self, node->key, node->text, err);
    path = beside(doc, node->text);
    st = vg_option_add(opt, self, node->key, path, err);
    free(path);
    return st;
}

static vg_status set_many(const struct vg_document *doc, const struct vg_option *opt, void *self,
                          const struct vg_node *node, const struct vg_node **ret_at,
                          struct vg_err *err)
{
    bool list = opt->type == VG_OPT_LIST_;
    vg_status st = VG_OK;

    if (node->kind != (list ? VG_NODE_SEQUENCE : VG_NODE_MAPPING))
        return wrong_kind(opt, node, err);
    for (const struct vg_node *c = node->child; c && st == VG_OK; c = c->next) {
        *ret_at = c;
        if (c->kind != VG_NODE_SCALAR || vg_node_empty(c))
            return vg_fail_option(err, VG_E_CONFIG, opt->name, "expected a single value, not %s",
                                  vg_node_what(c));
        st = add_entry(doc, opt, self, c, err);
    }
    return st;
}

/* On failure *ret_at is the node at fault. */
static vg_status set_option(const struct vg_document *doc, const struct vg_option *opt, void *self,
                            const struct vg_node *node, const struct vg_node **ret_at,
                            struct vg_err *err)
{
    *ret_at = node;
    switch (opt->type) {
    case VG_OPT_CHANNELS_:
    case VG_OPT_LIST_:
    case VG_OPT_MAP_:
        return set_many(doc, opt, self, node, ret_at, err);
    default:
        return set_scalar(doc, opt, self, node, err);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
static void hide(struct vg_document *doc, const struct vg_node *node)
{
    if (node->kind == VG_NODE_SCALAR)
        vg_document_hide(doc, node);
    for (const struct vg_node *c = node->child; c; c = c->next)
        hide(doc, c);
}

static bool is_written_out(const struct vg_node *node)
{
    return node->kind == VG_NODE_SCALAR && !node->reference && !vg_node_empty(node);
}

static void warn_written_out(struct vg_document *doc, const struct vg_node *node)
{
    vg_document_warn(doc, node->at,
                     "%s is written out: whoever can read this file knows it; use ${file:/path}, "
                     "${credential:NAME} or ${NAME}",
                     node->key);
}

/* Of a map, such as options of a library, only the entries that sound like secrets must be. */
static void keep_secret(struct vg_document *doc, const struct vg_node *node)
{
    hide(doc, node);
    if (is_written_out(node))
        warn_written_out(doc, node);
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (c->key && is_written_out(c) && vg_secret_word(c->key, strlen(c->key)))
            warn_written_out(doc, c);
    }
}

static void read_option(struct vg_document *doc, const struct vg_option *opt, void *self,
                        const struct vg_node *node)
{
    const struct vg_node *at;
    struct vg_err err;

    if (opt->flags & VG_OPT_SECRET)
        keep_secret(doc, node);
    if (set_option(doc, opt, self, node, &at, &err) == VG_OK)
        return;
    if (at->secret || (opt->flags & VG_OPT_SECRET && at->kind == VG_NODE_SCALAR)) {
        struct vg_buf expected = VG_BUF_INIT;

        vg_option_expected(opt, &expected);
        vg_document_error(doc, at->at, "%s: the secret is not accepted; expected: %s", opt->name,
                          expected.data);
        vg_buf_done(&expected);
        return;
    }
    vg_document_error(doc, at->at, "%s", err.msg);
}

static const struct vg_option *find_option(const struct vg_target *targets, size_t n,
                                           const char *name, void **ret_self)
{
    for (size_t t = 0; t < n; t++) {
        const struct vg_option *o =
            targets[t].table ? vg_option_find(targets[t].table, name) : NULL;

        *ret_self = targets[t].self;
        if (o)
            return o;
    }
    return NULL;
}

enum { CANDIDATES_MAX = 128 };

/* The keys that may stand in the mapping `prefix` ("" or "log."), without what is behind a dot. */
struct keys {
    char text[CANDIDATES_MAX][VG_NAME_SIZE];
    const char *key[CANDIDATES_MAX + 1]; /* NULL-terminated */
    size_t n;
};

static void add_key(struct keys *keys, const char *key)
{
    size_t len = strcspn(key, ".");

    if (keys->n == CANDIDATES_MAX)
        return;
    snprintf(keys->text[keys->n], VG_NAME_SIZE, "%.*s", (int)len, key);
    if (keys->n > 0 && strcmp(keys->key[keys->n - 1], keys->text[keys->n]) == 0)
        return;
    keys->key[keys->n] = keys->text[keys->n];
    keys->key[++keys->n] = NULL;
}

static void allowed_keys(const struct vg_target *targets, size_t n, const char *const *others,
                         const char *prefix, struct keys *ret)
{
    size_t skip = strlen(prefix);

    ret->n = 0;
    ret->key[0] = NULL;
    for (; skip == 0 && others && *others; others++)
        add_key(ret, *others);
    for (size_t t = 0; t < n; t++) {
        for (const struct vg_option *o = targets[t].table; o && o->type != VG_OPT_END_; o++) {
            if (strncmp(o->name, prefix, skip) == 0)
                add_key(ret, o->name + skip);
        }
    }
}

static bool any_secret(const struct vg_target *targets, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        for (const struct vg_option *o = targets[t].table; o && o->type != VG_OPT_END_; o++) {
            if (o->flags & VG_OPT_SECRET)
                return true;
        }
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): a prefix is not nested in another */
static void read_entries(struct vg_document *doc, const struct vg_node *map, const char *prefix,
                         const struct vg_target *targets, size_t n, const char *const *others)
{
    struct keys keys;

    allowed_keys(targets, n, others, prefix, &keys);
    for (const struct vg_node *c = map->child; c; c = c->next) {
        char name[2 * VG_NAME_SIZE];
        void *self;
        const struct vg_option *opt;

        if (prefix[0] == '\0' && listed(others, c->key))
            continue;
        snprintf(name, sizeof(name), "%s%.*s", prefix, VG_NAME_SIZE, c->key);
        opt = find_option(targets, n, name, &self);
        if (opt) {
            if (opt->type != VG_OPT_NODE_)
                read_option(doc, opt, self, c);
            continue;
        }
        if (prefix[0] != '\0' || !listed(keys.key, c->key)) {
            if (any_secret(targets, n))
                hide(doc, c); /* it may be a password whose key is misspelt */
            vg_document_unknown(doc, c->key_at, "key", c->key, keys.key, keys.n);
        } else if (vg_document_is_mapping(doc, c)) {
            snprintf(name, sizeof(name), "%.*s.", VG_NAME_SIZE, c->key);
            read_entries(doc, c, name, targets, n, NULL);
        }
    }
}

void vg_document_options(struct vg_document *doc, const struct vg_node *map,
                         const struct vg_target *targets, size_t n, const char *const *others)
{
    read_entries(doc, map, "", targets, n, others);
    for (size_t t = 0; t < n; t++) {
        for (const struct vg_option *o = targets[t].table; o && o->type != VG_OPT_END_; o++) {
            const struct vg_node *node = vg_node_find(map, o->name);
            bool there = node && !(o->type == VG_OPT_NODE_ && vg_node_empty(node));

            if (o->flags & VG_OPT_REQUIRED && !there)
                vg_document_error(doc, map->key_at, "\"%s\" is missing: %s", o->name, o->help);
        }
    }
}
