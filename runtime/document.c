/* document.c - a YAML file from the disk to a tree with places. */
#include "runtime/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "runtime/document_parse.h"
#include "runtime/document_secret.h"
#include "runtime/secret.h"

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

void vg_document_done(struct vg_document *doc)
{
    vg_node_free(doc->root);
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

static bool is_control(unsigned char c)
{
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

static bool check_text(struct vg_document *doc)
{
    const unsigned char *s = (const unsigned char *)doc->text;
    struct vg_place at = { 1, 1 };

    for (size_t i = 0; i < doc->len;) {
        size_t len = vg_utf8_length(s + i, doc->len - i);

        if (len == 0 || is_control(s[i])) {
            vg_document_error(doc, at, "byte 0x%02x is no UTF-8 text", s[i]);
            doc->len = i; /* so that what is shown of the line is text */
            return false;
        }
        at = s[i] == '\n' ? (struct vg_place){ at.line + 1, 1 } : vg_place_after(at, 1);
        i += len;
    }
    return true;
}

static vg_status check(struct vg_document *doc, struct vg_err *err)
{
    bool extras;

    if (!check_text(doc))
        return vg_fail(err, VG_E_CONFIG, "%s: not a text file", doc->path);
    if (!vg_document_parse(doc, &extras))
        return vg_fail(err, VG_E_CONFIG, "%s: not well-formed", doc->path);
    if (!doc->root) {
        vg_document_error(doc, (struct vg_place){ 1, 1 }, "the file is empty");
        return vg_fail(err, VG_E_CONFIG, "%s: the file is empty", doc->path);
    }
    doc->whole = !extras;
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
