/* zeromq_selftest.c - proof at each start that the gate is shut to a key that nobody knows.
 *
 * A forgotten option, or a library that behaves otherwise, would let everybody in without a sign: a
 * CURVE server without a ZAP handler accepts any key. So a stranger knocks before anybody can hear
 * something, at the very socket that will be used.
 */
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#include "core/clock.h"
#include "sinks/zeromq_zap.h"

enum { TIMEOUT_MS = 5000, TURN_MS = 20, MILLI = 1000, NANO_PER_MILLI = 1000000 };

static const char monitor_endpoint[] = "inproc://stranger";

enum outcome { WAITING, TURNED_AWAY, LET_IN };

/* A client with keys that were made now. */
struct stranger {
    void *context, *socket, *monitor;
};

static int64_t now_ms(void)
{
    return vg_mono_ns() / VG_NS_PER_MS;
}

static void knock(struct stranger *s, int peer_type, const char *server, const char *address)
{
    int type = peer_type == ZMQ_PUB ? ZMQ_SUB : ZMQ_DEALER;
    struct vg_key_file pair;
    int linger = 0;

    vg_key_pair_make(&pair);
    s->context = zmq_ctx_new();
    s->socket = zmq_socket(s->context, type);
    s->monitor = zmq_socket(s->context, ZMQ_PAIR);
    VG_CHECK(
        s->context && s->socket && s->monitor &&
        zmq_setsockopt(s->socket, ZMQ_CURVE_SERVERKEY, server, VG_KEY_TEXT_SIZE) == 0 &&
        zmq_setsockopt(s->socket, ZMQ_CURVE_PUBLICKEY, pair.public_text, VG_KEY_TEXT_SIZE) == 0 &&
        zmq_setsockopt(s->socket, ZMQ_CURVE_SECRETKEY, pair.secret_text, VG_KEY_TEXT_SIZE) == 0 &&
        zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof(linger)) == 0 &&
        zmq_socket_monitor(s->socket, monitor_endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) == 0 &&
        zmq_connect(s->monitor, monitor_endpoint) == 0);
    (void)zmq_connect(s->socket, address);
    explicit_bzero(&pair, sizeof(pair));
}

/* Events come as two frames; the first begins with the number of the event. */
static enum outcome look(const struct stranger *s)
{
    uint16_t event = 0;
    zmq_msg_t frame;
    enum outcome found = WAITING;
    bool more = true;

    for (int i = 0; more; i++) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, s->monitor, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            break;
        }
        if (i == 0 && zmq_msg_size(&frame) >= sizeof(event)) {
            memcpy(&event, zmq_msg_data(&frame), sizeof(event));
            found = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? LET_IN : TURNED_AWAY;
        }
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return found;
}

static enum outcome wait_outcome(struct vg_zap *zap, const struct stranger *s)
{
    int64_t end = now_ms() + TIMEOUT_MS;
    enum outcome found = WAITING;

    while (found == WAITING && now_ms() < end) {
        zmq_pollitem_t items[] = {
            { .socket = s->monitor, .events = ZMQ_POLLIN },
            { .socket = zap ? zap->socket : NULL, .fd = -1, .events = ZMQ_POLLIN },
        };

        (void)zmq_poll(items, zap ? 2 : 1, TURN_MS);
        if (zap)
            vg_zap_serve(zap);
        found = look(s);
    }
    return found;
}

static void leave(struct stranger *s)
{
    zmq_close(s->socket);
    zmq_close(s->monitor);
    zmq_ctx_term(s->context);
}

vg_status vg_zap_self_test(struct vg_zap *zap, void *socket, int socket_type, const char *server,
                           struct vg_err *err)
{
    char address[64];
    size_t size = sizeof(address);
    struct stranger s;
    enum outcome found;

    if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size) != 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "the gate for clients cannot be tested: %s",
                       zmq_strerror(zmq_errno()));
    knock(&s, socket_type, server, address);
    found = wait_outcome(zap, &s);
    leave(&s);
    (void)zmq_unbind(socket, address);
    if (found == TURNED_AWAY)
        return VG_OK;
    return vg_fail(err, VG_E_CONFIG,
                   found == LET_IN ? "a client with an unknown key was let in: nothing is published"
                                   : "a client with an unknown key was not turned away within 5 s: "
                                     "nothing is published");
}
