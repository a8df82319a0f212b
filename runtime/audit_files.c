/* audit_files.c - the files of an audit log, and looking at all of them. */
#include "runtime/audit_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record more than the limit may be in a file, and that another hand appended to it shows. */
enum { READ_MAX = VG_AUDIT_FILE_BYTES + 64 * VG_AUDIT_LINE_MAX };

void vg_audit_file_name(uint32_t number, char out[VG_AUDIT_FILE_SIZE])
{
    snprintf(out, VG_AUDIT_FILE_SIZE, "%06u.ndjson", number);
}

bool vg_audit_file_exists(int dir, uint32_t number)
{
    char name[VG_AUDIT_FILE_SIZE];

    vg_audit_file_name(number, name);
    return faccessat(dir, name, F_OK, 0) == 0;
}

uint32_t vg_audit_file_newest(int dir)
{
    uint32_t n = 0;

    while (vg_audit_file_exists(dir, n + 1))
        n++;
    return n;
}

vg_status vg_audit_file_read(int dir, uint32_t number, struct vg_buf *out, struct vg_err *err)
{
    char name[VG_AUDIT_FILE_SIZE];
    struct stat s;
    ssize_t got = 0;
    int fd;

    vg_audit_file_name(number, name);
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &s) != 0) {
        vg_fail(err, VG_E_IO, "cannot read %s: %s", name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return VG_E_IO;
    }
    if (!S_ISREG(s.st_mode) || s.st_size > READ_MAX) {
        close(fd);
        return vg_fail(err, VG_E_DECODE, "%s is not a file of an audit log", name);
    }
    vg_buf_reserve(out, (size_t)s.st_size);
    for (size_t left = (size_t)s.st_size; left > 0; left -= (size_t)got) {
        got = read(fd, out->data + out->len, left);
        if (got <= 0)
            break;
        out->len += (size_t)got;
    }
    close(fd);
    out->data[out->len] = '\0';
    return got < 0 ? vg_fail(err, VG_E_IO, "cannot read %s: %s", name, strerror(errno)) : VG_OK;
}

const char *vg_audit_file_line(const struct vg_buf *text, size_t *at, size_t *ret_len,
                               bool *ret_whole)
{
    const char *line = text->data + *at;
    const char *stop;

    if (*at >= text->len)
        return NULL;
    stop = memchr(line, '\n', text->len - *at);
    *ret_whole = stop != NULL;
    *ret_len = stop ? (size_t)(stop - line) : text->len - *at;
    *at += *ret_len + 1;
    return line;
}

/* ---- looking at all of it ---- */

struct look {
    struct vg_audit_check check;
    const struct vg_audit_end *seal;
    struct vg_audit_verdict *verdict;
};

static void condemn(struct look *l, uint32_t file, uint64_t line, const char *why)
{
    if (file)
        vg_audit_file_name(file, l->verdict->file);
    else
        snprintf(l->verdict->file, sizeof(l->verdict->file), "(end)");
    l->verdict->line = line;
    snprintf(l->verdict->why, sizeof(l->verdict->why), "%.250s", why);
}

static bool is_other_than_told(const struct look *l)
{
    return l->seal && l->check.end.n == l->seal->n && strcmp(l->check.end.hash, l->seal->hash) != 0;
}

/* False at the first record that is wrong. */
static bool look_at(struct look *l, uint32_t file, const struct vg_buf *text)
{
    const char *line;
    uint64_t number = 0;
    size_t at = 0, len;
    bool whole;

    while ((line = vg_audit_file_line(text, &at, &len, &whole))) {
        struct vg_err err;

        number++;
        if (!whole) {
            condemn(l, file, number,
                    "ends in the middle: a crash, which the next start mends and "
                    "records, or a cut");
            return false;
        }
        if (vg_audit_check_line(&l->check, line, len, &err) != VG_OK) {
            condemn(l, file, number, err.msg);
            return false;
        }
        l->verdict->records++;
        if (is_other_than_told(l)) {
            condemn(l, file, number,
                    "is another than the seal that was told: the log was written "
                    "anew");
            return false;
        }
    }
    return true;
}

static void look_at_end(struct look *l)
{
    char text[160];

    if (l->check.end.n == 0)
        condemn(l, 0, 0, "there is no record: the first file, 000001.ndjson, is gone or empty");
    if (!l->seal || l->check.end.n >= l->seal->n)
        return;
    snprintf(text, sizeof(text),
             "the tail is cut off: the log ends with record %llu, and record %llu was sealed",
             (unsigned long long)l->check.end.n, (unsigned long long)l->seal->n);
    condemn(l, 0, 0, text);
}

static vg_status look_at_all(struct look *l, int dir, struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    bool right = true;
    vg_status st = VG_OK;

    for (uint32_t i = 1; st == VG_OK && right && vg_audit_file_exists(dir, i); i++) {
        vg_buf_clear(&text);
        st = vg_audit_file_read(dir, i, &text, err);
        if (st == VG_E_DECODE) {
            condemn(l, i, 1, err->msg);
            right = false;
            st = VG_OK;
        } else if (st == VG_OK) {
            right = look_at(l, i, &text);
        }
    }
    if (st == VG_OK && right)
        look_at_end(l);
    vg_buf_done(&text);
    return st;
}

vg_status vg_audit_verify(const char *data_dir, const uint8_t *key, const struct vg_audit_end *seal,
                          struct vg_audit_verdict *ret, struct vg_err *err)
{
    struct look l = { .seal = seal, .verdict = ret, .check = { .has_key = true } };
    char digits[VG_AUDIT_KEY_SIZE];
    vg_status st = VG_OK;
    char *path;
    int dir;

    vg_audit_line_init();
    *ret = (struct vg_audit_verdict){ 0 };
    vg_audit_end_none(&l.check.end);
    vg_audit_end_none(&l.check.sealed);
    if (key)
        memcpy(l.check.key, key, sizeof(l.check.key));
    else
        st = vg_audit_key(data_dir, digits, err);
    if (st != VG_OK)
        return st;
    if (!key && !vg_audit_key_read(digits, l.check.key))
        return vg_fail(err, VG_E_DECODE, "%s/audit/seal.pub is not a key", data_dir);
    VG_CHECK(asprintf(&path, "%s/audit", data_dir) >= 0);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        st = vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    else
        st = look_at_all(&l, dir, err);
    if (dir >= 0)
        close(dir);
    free(path);
    ret->end = l.check.end;
    ret->sealed = l.check.sealed;
    return st;
}

vg_status vg_audit_key(const char *data_dir, char ret[VG_AUDIT_KEY_SIZE], struct vg_err *err)
{
    char *path;
    size_t n = 0;
    FILE *f;

    VG_CHECK(asprintf(&path, "%s/audit/seal.pub", data_dir) >= 0);
    f = fopen(path, "re");
    if (f)
        n = fread(ret, 1, VG_AUDIT_KEY_SIZE - 1, f);
    ret[n] = '\0';
    if (!f || n == 0)
        vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(f ? EIO : errno));
    if (f)
        (void)fclose(f);
    free(path);
    return n > 0 ? VG_OK : VG_E_IO;
}
