/* zeromq_socket.c - the two sockets: made, tested, bound and given up.
 *
 * Everything goes with its context: when that is gone, no connection is left. So a key that was
 * withdrawn loses its connections at once, and the others come back by themselves and have the gap
 * replayed.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "sinks/zeromq_private.h"

enum {
    SEND_HWM = 10000,
    /* A peer that sends faster than it is answered is held back by its connection. */
    REQUESTS_HWM = 64,
    /* A subscription is a message too, and so is each step of a handshake: none of ours is longer. */
    SUBSCRIPTION_MAX = 1024,
    HANDSHAKE_MS = 5000,
    BACKLOG = 1024,
};

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_limits(void *socket, int type)
{
    int64_t max = type == ZMQ_ROUTER ? VG_REQUEST_SIZE_MAX : SUBSCRIPTION_MAX;
    uid_t user = geteuid();

    return set(socket, ZMQ_SNDHWM, SEND_HWM) && set(socket, ZMQ_RCVHWM, REQUESTS_HWM) &&
           set(socket, ZMQ_IPV6, 1) && set(socket, ZMQ_LINGER, 0) &&
           set(socket, ZMQ_BACKLOG, BACKLOG) && set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           (type != ZMQ_ROUTER || set(socket, ZMQ_ROUTER_MANDATORY, 1)) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) == 0 &&
           /* On ipc, the kernel says who connects: this user and nobody else. */
           zmq_setsockopt(socket, ZMQ_IPC_FILTER_UID, &user, sizeof(user)) == 0;
}

static bool set_curve(const struct vg_zeromq *z, void *socket, int type)
{
    const char *domain = type == ZMQ_PUB ? vg_zeromq_domain_publish : vg_zeromq_domain_control;

    return set(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, z->pair.secret_text, VG_KEY_TEXT_SIZE) ==
               0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0;
}

static void *make_socket(const struct vg_zeromq *z, int type)
{
    void *socket = zmq_socket(z->context, type);

    /* Every option exists since libzmq 4.1. */
    VG_CHECK(socket && set_limits(socket, type) && (!z->keys || set_curve(z, socket, type)));
    return socket;
}

static vg_status bind_socket(void *socket, const char *option, const char *endpoint,
                             struct vg_zeromq_claim *claim, struct vg_err *err)
{
    vg_status st = claim->bind[0] ? VG_OK : vg_zeromq_address_claim(option, endpoint, claim, err);
    mode_t mask;
    int code;

    if (st != VG_OK)
        return st;
    /* libzmq creates the socket file in this thread: only this user may connect to it. */
    mask = umask(077);
    code = zmq_bind(socket, claim->bind) == 0 ? 0 : zmq_errno();
    umask(mask);
    if (code == EADDRINUSE)
        return vg_fail_option(err, VG_E_UNAVAILABLE, option,
                              "%s is in use by another process: is Vigil running already?",
                              endpoint);
    if (code)
        return vg_fail_option(err, VG_E_UNAVAILABLE, option, "cannot bind %s: %s", endpoint,
                              zmq_strerror(code));
    return VG_OK;
}

/* The gate is up and known to be shut before anything is bound that others can reach. */
static vg_status shut_gate(struct vg_zeromq *z, struct vg_err *err)
{
    vg_status st = vg_zap_open(&z->zap, z->context, vg_zeromq_gate_decide, z, err);

    if (st == VG_OK)
        st = vg_zap_self_test(&z->zap, z->pub, ZMQ_PUB, z->pair.public_text, err);
    return st == VG_OK ? vg_zap_self_test(&z->zap, z->router, ZMQ_ROUTER, z->pair.public_text, err)
                       : st;
}

vg_status vg_zeromq_sockets_open(struct vg_zeromq *z, struct vg_err *err)
{
    vg_status st = VG_OK;

    z->context = zmq_ctx_new();
    VG_CHECK(z->context);
    z->pub = make_socket(z, ZMQ_PUB);
    z->router = make_socket(z, ZMQ_ROUTER);
    if (z->keys)
        st = shut_gate(z, err);
    if (st == VG_OK)
        vg_zeromq_watch_open(z);
    if (st == VG_OK)
        st = bind_socket(z->pub, "publish", z->publish, &z->publish_claim, err);
    if (st == VG_OK)
        st = bind_socket(z->router, "control", z->control, &z->control_claim, err);
    z->bound = st == VG_OK;
    if (!z->bound)
        vg_zeromq_sockets_close(z, 0);
    return st;
}

static void close_socket(void **socket, int linger_ms)
{
    if (!*socket)
        return;
    (void)set(*socket, ZMQ_LINGER, linger_ms);
    zmq_close(*socket);
    *socket = NULL;
}

void vg_zeromq_sockets_close(struct vg_zeromq *z, int linger_ms)
{
    vg_zeromq_watch_close(z);
    vg_zap_close(&z->zap);
    close_socket(&z->pub, linger_ms);
    close_socket(&z->router, linger_ms);
    while (z->context && zmq_ctx_term(z->context) != 0 && zmq_errno() == EINTR)
        continue;
    z->context = NULL;
    z->bound = false;
}
