/* file_list.c - which files of a file sink there are, found by their names. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sinks/file_private.h"

enum { S_PER_DAY = 86400, DATE_LEN = 10, NUMBER_DIGITS = 6 };

/* A pattern for glob(3) that matches the names of all days; what is no date stands for itself. */
static void make_pattern(const struct vg_file *f, const char *end, struct vg_buf *out)
{
    const char *text[] = { f->base, f->path };

    for (size_t i = 0; i < VG_ARRAY_LEN(text); i++) {
        for (const char *at = text[i]; *at; at++) {
            if (i == 1 && *at == '%') {
                vg_buf_str(out, "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]");
                at += strlen(vg_file_date) - 1;
                continue;
            }
            if (strchr("*?[]\\", *at))
                vg_buf_char(out, '\\');
            vg_buf_char(out, *at);
        }
    }
    vg_buf_str(out, end);
}

static vg_status find(const struct vg_file *f, const char *end, glob_t *ret, struct vg_err *err)
{
    struct vg_buf pattern = VG_BUF_INIT;
    int code;

    make_pattern(f, end, &pattern);
    *ret = (glob_t){ 0 };
    code = glob(pattern.data, GLOB_NOSORT, NULL, ret);
    vg_buf_done(&pattern);
    if (code == 0 || code == GLOB_NOMATCH)
        return VG_OK;
    errno = code == GLOB_NOSPACE ? ENOMEM : EIO;
    return vg_file_failed(err, "list the files of", f->path);
}

/* The day whose file `name` begins with; *ret_rest is what follows. */
static bool read_day(const struct vg_file *f, const char *name, int64_t *ret, const char **ret_rest)
{
    const char *percent = strchr(f->path, '%');
    size_t at = strlen(f->base) + (percent ? (size_t)(percent - f->path) : 0);
    char path[VG_FILE_PATH_SIZE];
    struct tm tm = { 0 };
    int64_t day = 0;

    if (percent) {
        if (strlen(name) < at + DATE_LEN || !strptime(name + at, vg_file_date, &tm))
            return false;
        day = (int64_t)timegm(&tm) / S_PER_DAY;
    }
    vg_file_path(f, day, path);
    if (strncmp(name, path, strlen(path)) != 0)
        return false;
    *ret = day;
    *ret_rest = name + strlen(path);
    return true;
}

/* Reads ".000001" or ".000001.zst"; anything else is not ours. */
static bool read_part(const char *rest, struct vg_file_part *ret)
{
    size_t digits = rest[0] == '.' ? strspn(rest + 1, "0123456789") : 0;
    const char *end = rest + 1 + digits;

    if (digits < NUMBER_DIGITS || digits > 18)
        return false;
    ret->number = strtoull(rest + 1, NULL, 10);
    ret->plain = *end == '\0';
    ret->packed = strcmp(end, ".zst") == 0;
    return ret->plain || ret->packed;
}

static void add_part(struct vg_file_parts *parts, const struct vg_file_part *part)
{
    if (parts->n == parts->cap) {
        parts->cap = parts->cap ? 2 * parts->cap : 64;
        parts->at = realloc(parts->at, parts->cap * sizeof(parts->at[0]));
        VG_CHECK(parts->at);
    }
    parts->at[parts->n++] = *part;
}

static int compare_parts(const void *a, const void *b)
{
    const struct vg_file_part *x = a;
    const struct vg_file_part *y = b;

    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* A number whose plain and compressed file are both there is one part. */
static void merge(struct vg_file_parts *parts)
{
    size_t n = 0;

    for (size_t i = 0; i < parts->n; i++) {
        if (n > 0 && compare_parts(&parts->at[n - 1], &parts->at[i]) == 0) {
            parts->at[n - 1].plain |= parts->at[i].plain;
            parts->at[n - 1].packed |= parts->at[i].packed;
        } else {
            parts->at[n++] = parts->at[i];
        }
    }
    parts->n = n;
}

vg_status vg_file_parts_list(const struct vg_file *f, struct vg_file_parts *ret, struct vg_err *err)
{
    glob_t found;
    vg_status st = find(f, ".*", &found, err);

    *ret = (struct vg_file_parts){ 0 };
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct vg_file_part part;
        const char *rest;

        if (read_day(f, found.gl_pathv[i], &part.day, &rest) && read_part(rest, &part))
            add_part(ret, &part);
    }
    globfree(&found);
    if (ret->n > 0)
        qsort(ret->at, ret->n, sizeof(ret->at[0]), compare_parts);
    merge(ret);
    return st;
}

void vg_file_parts_done(struct vg_file_parts *parts)
{
    free(parts->at);
    *parts = (struct vg_file_parts){ 0 };
}

vg_status vg_file_days(struct vg_file *f, int64_t end,
                       vg_status (*fn)(struct vg_file *f, int64_t day, struct vg_err *err),
                       struct vg_err *err)
{
    glob_t found;
    vg_status st = find(f, "", &found, err);

    for (size_t i = 0; i < found.gl_pathc && st == VG_OK; i++) {
        const char *rest;
        int64_t day;

        if (read_day(f, found.gl_pathv[i], &day, &rest) && *rest == '\0' && day < end)
            st = fn(f, day, err);
    }
    globfree(&found);
    return st;
}
