/* csv.c - reading CSV (RFC 4180) with a header line, plain or gzip, strictly. */
#include "app/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { READ_BYTES = 256 * 1024 };

static const char byte_order_mark[] = "\xef\xbb\xbf";

static vg_status fail_read(const struct vg_csv *csv, struct vg_err *err)
{
    int code = Z_OK;
    const char *why = gzerror(csv->file, &code);

    return vg_fail(err, VG_E_IO, "%s: cannot be read after line %llu: %s", csv->path,
                   (unsigned long long)csv->line, code == Z_ERRNO ? strerror(errno) : why);
}

/* Makes room for one more read behind what is not consumed yet, and reads. */
static vg_status fill(struct vg_csv *csv, struct vg_err *err)
{
    int n, code = Z_OK;

    if (csv->end - csv->start > VG_CSV_LINE_MAX)
        return vg_fail(err, VG_E_DECODE, "%s:%llu: the line is longer than %d bytes; is this CSV?",
                       csv->path, (unsigned long long)csv->line + 1, VG_CSV_LINE_MAX);
    if (csv->start) {
        memmove(csv->text, csv->text + csv->start, csv->end - csv->start);
        csv->end -= csv->start;
        csv->start = 0;
    }
    if (csv->cap - csv->end < READ_BYTES + 1) {
        csv->cap = csv->end + (size_t)2 * READ_BYTES;
        csv->text = realloc(csv->text, csv->cap);
        VG_CHECK(csv->text);
    }
    n = gzread(csv->file, csv->text + csv->end, READ_BYTES);
    if (n < 0)
        return fail_read(csv, err);
    csv->end += (size_t)n;
    csv->eof = n < READ_BYTES && gzeof(csv->file);
    /* A gzip file that ends too early reads short without a negative result. */
    gzerror(csv->file, &code);
    return code == Z_BUF_ERROR ? fail_read(csv, err) : VG_OK;
}

/* The next line, NUL-terminated and without its end; *ret is NULL at the end of the file. */
static vg_status next_line(struct vg_csv *csv, char **ret, size_t *ret_len, struct vg_err *err)
{
    size_t seen = 0;
    char *newline;

    for (;;) {
        size_t have = csv->end - csv->start;

        newline = have > seen ? memchr(csv->text + csv->start + seen, '\n', have - seen) : NULL;
        if (newline || csv->eof)
            break;
        seen = have;
        vg_status st = fill(csv, err);
        if (st != VG_OK)
            return st;
    }
    *ret = NULL;
    if (!newline && csv->start == csv->end)
        return VG_OK;
    if (!newline)
        newline = csv->text + csv->end; /* fill() left room for the NUL */
    *ret = csv->text + csv->start;
    *ret_len = (size_t)(newline - *ret);
    csv->start += *ret_len + (newline < csv->text + csv->end);
    csv->line++;
    if (*ret_len && (*ret)[*ret_len - 1] == '\r')
        --*ret_len;
    (*ret)[*ret_len] = '\0';
    if (memchr(*ret, '\0', *ret_len))
        return vg_fail(err, VG_E_DECODE, "%s:%llu: a NUL byte; this is not CSV", csv->path,
                       (unsigned long long)csv->line);
    return VG_OK;
}

/* Unquotes the cell at `p` in place and returns where it ends, or NULL without a closing quote. */
static char *unquote(char *p)
{
    char *to = p;

    for (char *from = p + 1; *from; from++) {
        if (*from == '"' && from[1] != '"') {
            *to = '\0';
            return from + 1;
        }
        if (*from == '"')
            from++;
        *to++ = *from;
    }
    return NULL;
}

/* Cuts `line` at its commas; *n of `cell` are set. */
static vg_status cut(const struct vg_csv *csv, char *line, char **cell, uint32_t max, uint32_t *n,
                     struct vg_err *err)
{
    char *p = line;

    for (*n = 0;;) {
        char *end;

        if (*n == max)
            return vg_fail(err, VG_E_DECODE, "%s:%llu: more than %u cells", csv->path,
                           (unsigned long long)csv->line, max);
        cell[(*n)++] = p;
        end = *p == '"' ? unquote(p) : p + strcspn(p, ",");
        if (!end || (*end && *end != ','))
            return vg_fail(err, VG_E_DECODE,
                           "%s:%llu: cell %u: expected a closing quote and then a comma", csv->path,
                           (unsigned long long)csv->line, *n);
        if (!*end)
            return VG_OK;
        *end = '\0';
        p = end + 1;
    }
}

static vg_status read_header(struct vg_csv *csv, struct vg_err *err)
{
    char *names[VG_CSV_COLUMNS_MAX], *line;
    size_t len = 0;
    vg_status st = next_line(csv, &line, &len, err);

    if (st != VG_OK)
        return st;
    if (!line)
        return vg_fail(err, VG_E_DECODE, "%s: empty; expected a header line with column names",
                       csv->path);
    if (strncmp(line, byte_order_mark, sizeof(byte_order_mark) - 1) == 0)
        line += sizeof(byte_order_mark) - 1;
    st = cut(csv, line, names, VG_CSV_COLUMNS_MAX, &csv->columns, err);
    if (st != VG_OK) {
        csv->columns = 0;
        return st;
    }
    csv->header = calloc(csv->columns, sizeof(*csv->header));
    csv->cell = calloc(csv->columns, sizeof(*csv->cell));
    VG_CHECK(csv->header && csv->cell);
    for (uint32_t c = 0; c < csv->columns; c++) {
        csv->header[c] = strdup(names[c]);
        VG_CHECK(csv->header[c]);
    }
    return VG_OK;
}

vg_status vg_csv_open(struct vg_csv *csv, const char *path, struct vg_err *err)
{
    *csv = (struct vg_csv){ .path = strdup(path) };
    VG_CHECK(csv->path);
    errno = 0;
    csv->file = gzopen(path, "rbe");
    if (!csv->file)
        return vg_fail(err, VG_E_IO, "%s: cannot be opened: %s", path,
                       errno ? strerror(errno) : "out of memory");
    gzbuffer(csv->file, READ_BYTES);
    return read_header(csv, err);
}

vg_status vg_csv_next(struct vg_csv *csv, bool *ret_row, struct vg_err *err)
{
    char *line;
    size_t len = 0;
    uint32_t n;
    vg_status st;

    *ret_row = false;
    do {
        st = next_line(csv, &line, &len, err);
        if (st != VG_OK || !line)
            return st;
    } while (len == 0);
    st = cut(csv, line, csv->cell, csv->columns, &n, err);
    if (st != VG_OK)
        return st;
    if (n != csv->columns)
        return vg_fail(err, VG_E_DECODE, "%s:%llu: %u cells, but the header has %u", csv->path,
                       (unsigned long long)csv->line, n, csv->columns);
    *ret_row = true;
    return VG_OK;
}

vg_status vg_csv_column(const struct vg_csv *csv, const char *name, uint32_t *ret,
                        struct vg_err *err)
{
    const char *near;

    for (uint32_t c = 0; c < csv->columns; c++) {
        if (strcmp(csv->header[c], name) == 0) {
            *ret = c;
            return VG_OK;
        }
    }
    near = vg_did_you_mean(name, (const char *const *)csv->header, csv->columns);
    if (near)
        return vg_fail(err, VG_E_DECODE, "%s: no column \"%s\"; did you mean \"%s\"?", csv->path,
                       name, near);
    return vg_fail(err, VG_E_DECODE, "%s: no column \"%s\"; its first column is \"%s\" of %u",
                   csv->path, name, csv->header[0], csv->columns);
}

void vg_csv_close(struct vg_csv *csv)
{
    if (csv->file)
        gzclose(csv->file);
    for (uint32_t c = 0; csv->header && c < csv->columns; c++)
        free(csv->header[c]);
    free(csv->header);
    free(csv->cell);
    free(csv->text);
    free(csv->path);
    *csv = (struct vg_csv){ 0 };
}
