/* datagram.c - sockets of the local domain, and fields of the journal. */
#include "core/datagram.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATH_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path) };

vg_status vg_datagram_check(const char *path, const char *option, struct vg_err *err)
{
    if (path[0] == '/' && strlen(path) < PATH_SIZE)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, option,
                          "expected the full path of a socket, up to %d bytes", PATH_SIZE - 1);
}

int vg_datagram_open(const char *path, int flags)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    int fd, code;

    if ((path[0] != '/' && path[0] != '@') || n >= PATH_SIZE) {
        errno = EINVAL;
        return -1;
    }
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, len) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

void vg_journal_field(struct vg_buf *out, const char *name, const char *value)
{
    uint64_t len = htole64(strlen(value));

    if (!*value)
        return;
    vg_buf_str(out, name);
    if (strchr(value, '\n')) {
        vg_buf_char(out, '\n');
        vg_buf_add(out, &len, sizeof(len));
    } else {
        vg_buf_char(out, '=');
    }
    vg_buf_str(out, value);
    vg_buf_char(out, '\n');
}
