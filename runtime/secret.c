/* secret.c - secrets that lie in files. */
#include "runtime/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static vg_status check_file(int fd, const char *path, mode_t forbidden, struct vg_err *err)
{
    struct stat s;

    if (fstat(fd, &s) != 0)
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return vg_fail(err, VG_E_CONFIG, "%s is no regular file", path);
    if (s.st_uid != geteuid() && s.st_uid != 0)
        return vg_fail(err, VG_E_CONFIG,
                       "%s belongs to another user; expected this one or root (chown)", path);
    if (s.st_mode & forbidden)
        return vg_fail(err, VG_E_CONFIG, "%s can be read or written by others; chmod 600 it", path);
    return VG_OK;
}

/* Into `out` itself, which has room: a buffer on its way would have to be overwritten, too. */
static vg_status read_text(int fd, const char *path, struct vg_buf *out, struct vg_err *err)
{
    size_t before = out->len, n = 0;
    ssize_t got;

    vg_buf_reserve(out, VG_SECRET_BYTES_MAX + 2);
    while (n <= VG_SECRET_BYTES_MAX &&
           (got = read(fd, out->data + before + n, VG_SECRET_BYTES_MAX + 1 - n)) != 0) {
        if (got < 0 && errno != EINTR)
            return vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
        n += got > 0 ? (size_t)got : 0;
    }
    if (n > VG_SECRET_BYTES_MAX || memchr(out->data + before, '\0', n))
        return vg_fail(err, VG_E_CONFIG, "%s must be text of at most 64 KiB", path);
    if (n > 0 && out->data[before + n - 1] == '\n')
        n--;
    out->len = before + n;
    out->data[out->len] = '\0';
    return VG_OK;
}

static vg_status read_secret(const char *path, mode_t forbidden, struct vg_buf *out,
                             struct vg_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold up the start */
    size_t before = out->len;
    vg_status st;

    if (fd < 0)
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    st = check_file(fd, path, forbidden, err);
    if (st == VG_OK)
        st = read_text(fd, path, out, err);
    if (st != VG_OK && out->data) {
        explicit_bzero(out->data + before, out->cap - before);
        out->len = before;
    }
    close(fd);
    return st;
}

vg_status vg_secret_file(const char *path, struct vg_buf *out, struct vg_err *err)
{
    if (path[0] != '/')
        return vg_fail(err, VG_E_CONFIG, "needs an absolute path");
    return read_secret(path, S_IRWXG | S_IRWXO, out, err);
}

vg_status vg_secret_credential(const char *name, struct vg_buf *out, struct vg_err *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    vg_status st;
    char *path;

    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
        return vg_fail(err, VG_E_CONFIG, "needs the name of a credential, which has no \"/\"");
    if (!folder || folder[0] != '/')
        return vg_fail(err, VG_E_CONFIG,
                       "CREDENTIALS_DIRECTORY is not set: credentials come from systemd; write "
                       "LoadCredential=%.64s:/path into the unit",
                       name);
    VG_CHECK(asprintf(&path, "%s/%s", folder, name) >= 0);
    st = read_secret(path, S_IRWXO, out, err);
    free(path);
    return st;
}

void vg_secret_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void vg_secret_guard_memory(void)
{
    const char *allowed = getenv("VIGIL_CORE_DUMPS");
    const struct rlimit none = { 0, 0 };

    if (allowed && strcmp(allowed, "1") == 0)
        return;
    /* The limit alone does not hold a core back that is piped to a program, as systemd does. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
