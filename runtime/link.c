/* link.c - frames from thread to thread over ZeroMQ. */
#include "runtime/link.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

/* ThreadSanitizer cannot see the hand-over inside an uninstrumented libzmq; these two tell it. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define HANDED_OVER(p) __tsan_release(p)
#define TAKEN_OVER(p)  __tsan_acquire(p)
#else
#define HANDED_OVER(p) (void)(p)
#define TAKEN_OVER(p)  (void)(p)
#endif

struct handover {
    struct vg_frame *frame;
    uint32_t lane;
    uint32_t reserved;
    uint64_t seq;
};

static vg_status open_socket(struct vg_link *link, void *zmq, int type, const char *endpoint,
                             struct vg_err *err)
{
    int hwm = VG_LINK_HWM, linger = 0;

    memset(link, 0, sizeof(*link));
    link->socket = zmq_socket(zmq, type);
    if (!link->socket)
        return vg_fail(err, VG_E_BUG, "link %s: %s", endpoint, zmq_strerror(errno));
    zmq_setsockopt(link->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm));
    zmq_setsockopt(link->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm));
    zmq_setsockopt(link->socket, ZMQ_LINGER, &linger, sizeof(linger));
    return VG_OK;
}

static vg_status socket_failed(struct vg_link *link, const char *endpoint, struct vg_err *err)
{
    vg_fail(err, VG_E_BUG, "link %s: %s", endpoint, zmq_strerror(errno));
    vg_link_done(link);
    return err->status;
}

vg_status vg_link_bind(struct vg_link *link, void *zmq, const char *endpoint, struct vg_err *err)
{
    vg_status st = open_socket(link, zmq, ZMQ_PULL, endpoint, err);

    if (st == VG_OK && zmq_bind(link->socket, endpoint) != 0)
        return socket_failed(link, endpoint, err);
    return st;
}

vg_status vg_link_connect(struct vg_link *link, void *zmq, const char *endpoint, uint32_t lane,
                          struct vg_err *err)
{
    vg_status st = open_socket(link, zmq, ZMQ_PUSH, endpoint, err);

    VG_CHECK(lane < VG_LANES_MAX);
    link->lane = lane;
    if (st == VG_OK && zmq_connect(link->socket, endpoint) != 0)
        return socket_failed(link, endpoint, err);
    return st;
}

bool vg_link_send(struct vg_link *link, struct vg_frame *frame, bool wait)
{
    struct handover m = { .frame = frame, .lane = link->lane, .seq = link->seq[0] + 1 };
    int rc;

    HANDED_OVER(frame);
    do {
        rc = zmq_send(link->socket, &m, sizeof(m), wait ? 0 : ZMQ_DONTWAIT);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        VG_CHECK(errno == EAGAIN && !wait);
        return false;
    }
    link->seq[0]++;
    return true;
}

static bool readable(const struct vg_link *link, int timeout_ms)
{
    zmq_pollitem_t item = { .socket = link->socket, .events = ZMQ_POLLIN };

    return zmq_poll(&item, 1, timeout_ms) > 0;
}

static struct vg_frame *take_over(struct vg_link *link, const struct handover *m)
{
    TAKEN_OVER(m->frame);
    VG_CHECK(m->frame->magic == VG_FRAME_MAGIC);
    VG_CHECK(m->lane < VG_LANES_MAX && m->seq == link->seq[m->lane] + 1);
    link->seq[m->lane] = m->seq;
    return m->frame;
}

struct vg_frame *vg_link_recv(struct vg_link *link, int timeout_ms)
{
    struct handover m;
    int rc;

    if (timeout_ms > 0 && !readable(link, timeout_ms))
        return NULL;
    do {
        rc = zmq_recv(link->socket, &m, sizeof(m), timeout_ms < 0 ? 0 : ZMQ_DONTWAIT);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        VG_CHECK(errno == EAGAIN);
        return NULL;
    }
    VG_CHECK(rc == (int)sizeof(m));
    return take_over(link, &m);
}

void vg_link_done(struct vg_link *link)
{
    if (link->socket)
        zmq_close(link->socket);
    link->socket = NULL;
}
