/* notify.c - datagrams to the supervisor of the system. */
#include "runtime/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/datagram.h"
#include "core/text.h"

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

    *n = (struct vg_notify){ .fd = -1 };
    if (path)
        n->fd = vg_datagram_open(path, SOCK_NONBLOCK);
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
