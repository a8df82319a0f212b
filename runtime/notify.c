/* notify.c - datagrams to the supervisor of the system. */
#include "runtime/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/text.h"

static bool address_of(const char *path, struct sockaddr_un *ret, socklen_t *ret_len)
{
    size_t n = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || n >= sizeof(ret->sun_path))
        return false;
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(ret->sun_path, path, n);
    if (path[0] == '@')
        ret->sun_path[0] = '\0'; /* a socket without a file */
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return true;
}

/* Only when it is meant for this process. */
static int64_t watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, whose;

    if (!usec || !vg_parse_int(usec, &us) || us <= 0)
        return 0;
    if (pid && (!vg_parse_int(pid, &whose) || whose != (int64_t)getpid()))
        return 0;
    return us * 1000;
}

void vg_notify_open(struct vg_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len;

    *n = (struct vg_notify){ .fd = -1 };
    if (!path || !address_of(path, &address, &len))
        return;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&address, len) != 0)
        vg_notify_close(n);
    if (n->fd >= 0)
        n->watchdog_ns = watchdog_ns();
}

void vg_notify_close(struct vg_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void vg_notify_say(const struct vg_notify *n, const char *what)
{
    if (n->fd >= 0 && send(n->fd, what, strlen(what), MSG_NOSIGNAL) < 0) {
        /* Nobody hears it, which changes nothing here. */
    }
}

void vg_notify_watchdog(struct vg_notify *n, int64_t now_ns, bool well)
{
    if (n->watchdog_ns == 0 || !well || now_ns < n->next_ns)
        return;
    n->next_ns = now_ns + n->watchdog_ns / 2;
    vg_notify_say(n, "WATCHDOG=1");
}
