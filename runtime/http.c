/* http.c - libmicrohttpd, driven by a thread of ours.
 *
 * The library's own threads would do as well; ours has a name, a place in the order of starting and
 * stopping, and an end that can be waited for.
 */
#include "runtime/http.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/http_private.h"

enum {
    SPARE = 8, /* places of those that were cut off and have not left */
    TIDY_MS = 1000,
};

/* ---- the thread ---- */

static int wait_ms(struct vg_http *h)
{
    int most_ms = h->content->turn ? VG_HTTP_TURN_MS : TIDY_MS;
    MHD_UNSIGNED_LONG_LONG left_ms = 0;

    if (h->held)
        most_ms = h->woken ? VG_HTTP_WOKEN_MS : VG_HTTP_TICK_MS;
    if (MHD_get_timeout(h->daemon, &left_ms) == MHD_YES && left_ms < (unsigned)most_ms)
        return (int)left_ms;
    return most_ms;
}

/* There is news: who waits for some is asked before the next tick. */
static void take_wake(struct vg_http *h)
{
    uint64_t n;

    h->woken |= read(h->wake_fd, &n, sizeof(n)) == sizeof(n);
}

static void serve_once(struct vg_http *h, int epoll_fd)
{
    struct pollfd p[2] = { { .fd = epoll_fd, .events = POLLIN },
                           { .fd = h->wake_fd, .events = POLLIN } };

    poll(p, 2, wait_ms(h));
    take_wake(h);
    if (h->content->enter)
        h->content->enter(h->content->arg);
    if (h->content->turn)
        h->content->turn(h->content->arg, vg_mono_ns());
    vg_http_holds_tick(h, vg_mono_ns());
    MHD_run(h->daemon); /* behind it: what it has back goes on by no other event */
    if (h->content->leave)
        h->content->leave(h->content->arg);
    vg_http_places_tidy(h, vg_mono_ns());
}

static vg_status serve(void *http, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_http *h = http;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    (void)err;
    VG_CHECK(info != NULL);
    vg_thread_ready(thread);
    while (!atomic_load(&h->finish))
        serve_once(h, info->epoll_fd);
    return VG_OK;
}

static void free_http(struct vg_http *h)
{
    if (h->daemon) {
        vg_http_holds_end(h);
        MHD_stop_daemon(h->daemon);
    }
    vg_http_files_free(&h->files);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    explicit_bzero(&h->guard, sizeof(h->guard));
    free(h);
}

static vg_status start(struct vg_http *h, const struct vg_http_options *o, int wake_fd,
                       struct vg_err *err)
{
    bool local = false;
    int fd = -1;
    vg_status st = vg_http_listen(o->listen, &fd, &local, h->address, err);

    if (st != VG_OK)
        return st;
    vg_http_guard_init(&h->guard, o, local);
    vg_http_files_make(&h->files, h->content->files);
    h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    VG_CHECK(h->wake_fd >= 0);
    /* It owns the socket from here on. */
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, vg_http_answer_call, h,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)VG_HTTP_CONNECTIONS + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)VG_HTTP_MEMORY, MHD_OPTION_NOTIFY_CONNECTION, vg_http_place_notify, h,
        MHD_OPTION_NOTIFY_COMPLETED, vg_http_answer_over, h, MHD_OPTION_END);
    if (!h->daemon)
        return vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s: the server does not start",
                       h->address);
    return vg_thread_start(&h->thread, "http", serve, h, wake_fd, err);
}

vg_status vg_http_start(const struct vg_http_options *o, const struct vg_http_content *content,
                        int wake_fd, struct vg_http **ret, struct vg_err *err)
{
    struct vg_http *h = calloc(1, sizeof(*h));
    vg_status st;

    VG_CHECK(h != NULL);
    h->content = content;
    h->wake_fd = -1;
    *ret = NULL;
    st = start(h, o, wake_fd, err);
    if (st == VG_OK)
        *ret = h;
    else
        free_http(h);
    return st;
}

void vg_http_stop(struct vg_http *h)
{
    uint64_t one = 1;

    if (!h)
        return;
    atomic_store(&h->finish, true);
    if (write(h->wake_fd, &one, sizeof(one)) < 0) {
        /* It is awake. */
    }
    vg_thread_join(&h->thread);
    free_http(h);
}

/* ---- what others may know ---- */

const char *vg_http_address(const struct vg_http *h)
{
    return h->address;
}

int vg_http_wake_fd(const struct vg_http *h)
{
    return h->wake_fd;
}

void vg_http_each_status(const struct vg_http *h,
                         void (*fn)(void *arg, unsigned status, uint64_t n), void *arg)
{
    for (size_t i = 0; i < VG_HTTP_STATUSES; i++)
        fn(arg, vg_http_status[i], atomic_load_explicit(&h->answered[i], memory_order_relaxed));
}

void vg_http_look(const struct vg_http *h, struct vg_http_figures *ret)
{
    *ret = (struct vg_http_figures){ .connections = h->places_n, .streams = h->streams };
    memcpy(ret->cut, h->cut, sizeof(ret->cut));
}
