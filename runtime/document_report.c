/* document_report.c - what is wrong with a document: kept in the order of the file, shown with the line
 * it stands in, and nothing of it that is secret. */
#include "runtime/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/document_secret.h"
#include "runtime/secret.h"

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

vg_status vg_document_verdict(const struct vg_document *doc, vg_status st, struct vg_err *err)
{
    uint32_t errors = doc->count[VG_ERROR];

    if (st == VG_E_IO || errors == 0)
        return st;
    return vg_fail(err, VG_E_CONFIG, "%s: %u problem%s", doc->path, errors, errors == 1 ? "" : "s");
}
