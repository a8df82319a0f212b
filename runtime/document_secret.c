/* document_secret.c - ${VAR}, ${VAR:-default}, ${file:/path}, ${credential:NAME}, and what may be
 * shown of them.
 */
#include "runtime/document_secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/secret.h"

/* ---- putting in ---- */

static bool name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static void remember(struct vg_document *doc, const char *text)
{
    if (text[0] == '\0')
        return;
    doc->secret = realloc(doc->secret, (doc->secrets_n + 1) * sizeof(char *));
    VG_CHECK(doc->secret);
    doc->secret[doc->secrets_n] = strdup(text);
    VG_CHECK(doc->secret[doc->secrets_n]);
    doc->secrets_n++;
}

static void add_secret(struct vg_document *doc, struct vg_place at, struct vg_node *n,
                       const char *inside, struct vg_buf *out)
{
    static const char file[] = "file:", credential[] = "credential:";
    bool is_file = strncmp(inside, file, sizeof(file) - 1) == 0;
    size_t before = out->len;
    struct vg_err err;
    vg_status st;

    n->secret = true;
    if (is_file)
        st = vg_secret_file(inside + sizeof(file) - 1, out, &err);
    else
        st = vg_secret_credential(inside + sizeof(credential) - 1, out, &err);
    if (st == VG_OK)
        remember(doc, out->data + before);
    else
        vg_document_error(doc, at, "${%s}: %s", inside, err.msg);
}

static void add_variable(struct vg_document *doc, struct vg_place at, char *inside,
                         struct vg_buf *out)
{
    char *fallback = strstr(inside, ":-");
    const char *value;
    size_t n;

    if (fallback)
        *fallback = '\0';
    for (n = 0; name_char(inside[n], n == 0); n++)
        continue;
    if (n == 0 || inside[n] != '\0') {
        vg_document_error(doc, at,
                          "\"${%s}\" is not understood; expected ${VAR}, ${VAR:-default}, "
                          "${file:/path} or ${credential:NAME}, and $${ for the characters "
                          "themselves",
                          inside);
        return;
    }
    value = getenv(inside);
    if (fallback && (!value || value[0] == '\0'))
        value = fallback + 2;
    if (value)
        vg_buf_str(out, value);
    else
        vg_document_error(doc, at,
                          "environment variable %s is not set; set it, or give a default: "
                          "${%s:-default}",
                          inside, inside);
}

static void add(struct vg_document *doc, struct vg_place at, struct vg_node *n, char *inside,
                struct vg_buf *out)
{
    n->reference = true;
    if (strncmp(inside, "file:", 5) == 0 || strncmp(inside, "credential:", 11) == 0)
        add_secret(doc, at, n, inside, out);
    else
        add_variable(doc, at, inside, out);
}

/* Where byte `offset` of a scalar stands, as far as it can be told without its escapes. */
static struct vg_place place_in(const struct vg_node *n, size_t offset)
{
    struct vg_place at = n->at;

    if (n->at.line == n->end.line)
        at.column += (uint32_t)offset;
    return at;
}

/* No larger than it must be, and nothing left in the buffer. */
static char *take_text(struct vg_buf *out)
{
    char *text = strdup(out->data);

    VG_CHECK(text);
    explicit_bzero(out->data, out->cap);
    vg_buf_done(out);
    return text;
}

void vg_document_expand(struct vg_document *doc, struct vg_node *n)
{
    struct vg_buf out = VG_BUF_INIT;
    const char *s = n->text;
    const char *dollar;

    while ((dollar = strstr(s, "${"))) {
        struct vg_place at = place_in(n, (size_t)(dollar - n->text));
        const char *close;
        char *inside;

        if (dollar > s && dollar[-1] == '$') {
            vg_buf_add(&out, s, (size_t)(dollar - s));
            vg_buf_char(&out, '{');
            s = dollar + 2;
            continue;
        }
        vg_buf_add(&out, s, (size_t)(dollar - s));
        close = strchr(dollar, '}');
        if (!close) {
            vg_document_error(doc, at, "\"${\" without \"}\"; write $${ for the characters");
            break;
        }
        inside = strndup(dollar + 2, (size_t)(close - dollar - 2));
        VG_CHECK(inside);
        add(doc, at, n, inside, &out);
        free(inside);
        s = close + 1;
    }
    vg_buf_str(&out, s);
    vg_secret_free(n->text);
    n->text = take_text(&out);
}

/* ---- not showing ---- */

static bool has_word(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, word, n) == 0)
            return true;
    }
    return false;
}

bool vg_secret_word(const char *text, size_t len)
{
    static const char *const words[] = { "pass",       "secret",  "token",     "authorization",
                                         "credential", "api-key", "api_key",   "apikey",
                                         "key.pem",    "cookie",  "signature", "sasl.jaas" };

    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (has_word(text, len, words[i]))
            return true;
    }
    return false;
}

static void hide_all(struct vg_document *doc, const struct vg_node *node)
{
    vg_document_hide(doc, node);
    for (const struct vg_node *c = node->child; c; c = c->next) {
        if (c->kind == VG_NODE_SCALAR)
            vg_document_hide(doc, c);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
void vg_document_hide_secrets(struct vg_document *doc, const struct vg_node *node)
{
    if (node->key && vg_secret_word(node->key, strlen(node->key)))
        hide_all(doc, node);
    for (const struct vg_node *c = node->child; c; c = c->next)
        vg_document_hide_secrets(doc, c);
}

void vg_document_redact(const struct vg_document *doc, char *message)
{
    for (size_t i = 0; i < doc->secrets_n; i++) {
        size_t n = strlen(doc->secret[i]);

        for (char *at = message; (at = strstr(at, doc->secret[i])); at += n)
            memset(at, '*', n);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than VG_DOCUMENT_DEPTH_MAX */
void vg_document_check_secrets(struct vg_document *doc, const struct vg_node *node)
{
    if (node->secret && node->text[0] && !vg_document_hides(doc, node->at))
        vg_document_error(doc, node->at,
                          "what a file or credential holds is a secret, and this value is shown in "
                          "logs and messages; use ${NAME} here");
    for (const struct vg_node *c = node->child; c; c = c->next)
        vg_document_check_secrets(doc, c);
}
