/* notify.h - tells systemd how the service does: READY, STOPPING, and that it is alive.
 *
 * The protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names. Without that variable
 * nothing is said.
 */
#ifndef VG_RUNTIME_NOTIFY_H
#define VG_RUNTIME_NOTIFY_H

#include "core/base.h"

struct vg_notify {
    int fd;              /**< -1: nobody listens */
    int64_t watchdog_ns; /**< how often it must hear that all is well; 0: it does not ask */
    int64_t next_ns;     /**< monotonic time of the next such word */
};

/** Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void vg_notify_open(struct vg_notify *n);
void vg_notify_close(struct vg_notify *n);

/** "READY=1", "STOPPING=1", "STATUS=...". That nobody hears it is no failure. */
void vg_notify_say(const struct vg_notify *n, const char *what);
/** Says that all is well when it is time to, twice as often as asked for. `well`: it is. */
void vg_notify_watchdog(struct vg_notify *n, int64_t now_ns, bool well);

#endif
