/* safetensors_read.c - a model file from disk into memory, of at most the size that is allowed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/safetensors.h"

static vg_status read_all(int fd, const char *path, uint8_t **ret, size_t *ret_n,
                          struct vg_err *err)
{
    struct stat info;
    uint8_t *bytes;
    size_t size, n = 0;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return vg_fail(err, VG_E_MODEL, "%s: expected a regular file", path);
    if (info.st_size > VG_SAFETENSORS_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: expected a file of at most 64 MiB, it has %lld bytes",
                       path, (long long)info.st_size);
    size = (size_t)info.st_size;
    bytes = malloc(size + 1);
    VG_CHECK(bytes);
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            vg_status st = vg_fail(err, VG_E_MODEL, "%s: cannot be read: %s", path,
                                   got < 0 ? strerror(errno) : "it was cut short meanwhile");
            free(bytes);
            return st;
        }
        n += (size_t)got;
    }
    *ret = bytes;
    *ret_n = size;
    return VG_OK;
}

vg_status vg_safetensors_read(const char *path, struct vg_safetensors **ret, struct vg_err *err)
{
    /* Not blocking, so that a pipe in the place of a file is an error and not a hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *bytes = NULL;
    size_t n = 0;
    vg_status st;

    if (fd < 0)
        return vg_fail(err, VG_E_MODEL, "%s: cannot be opened: %s", path, strerror(errno));
    st = read_all(fd, path, &bytes, &n, err);
    close(fd);
    if (st == VG_OK)
        st = vg_safetensors_parse(path, bytes, n, ret, err);
    free(bytes);
    return st;
}
