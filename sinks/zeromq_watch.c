/* zeromq_watch.c - what libzmq tells of the sockets' connections: how many there are, and handshakes that
 * failed before they came to the gate.
 *
 * libzmq tells it by sockets of its own, from its own thread, which would wait for a reader that is slow;
 * these have no limit, and are emptied at every turn. A connection is known by its number from
 * "accepted" to "disconnected", so that one that was there before the watch began is never subtracted.
 */
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "sinks/zeromq_private.h"

enum { FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL };

/* What the first frame of an event holds, in the order of the bytes of this machine. */
struct event {
    uint16_t what;
    uint32_t value;
};

static void *open_monitor(const struct vg_zeromq *z, void *socket, const char *endpoint, int events)
{
    void *monitor = zmq_socket(z->context, ZMQ_PAIR);
    int none = 0;

    VG_CHECK(monitor && zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof(none)) == 0 &&
             zmq_setsockopt(monitor, ZMQ_RCVHWM, &none, sizeof(none)) == 0 &&
             zmq_socket_monitor(socket, endpoint, events) == 0 &&
             zmq_connect(monitor, endpoint) == 0);
    return monitor;
}

void vg_zeromq_watch_open(struct vg_zeromq *z)
{
    int connections = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED;

    z->watch[0] =
        open_monitor(z, z->pub, "inproc://watch/publish", connections | (z->keys ? FAILED : 0));
    if (z->keys)
        z->watch[1] = open_monitor(z, z->router, "inproc://watch/control", FAILED);
}

/* libzmq stops telling before its listener is gone: it would wait for another. */
static void close_monitor(void *socket, void **monitor)
{
    if (!*monitor)
        return;
    (void)zmq_socket_monitor(socket, NULL, 0);
    zmq_close(*monitor);
    *monitor = NULL;
}

void vg_zeromq_watch_close(struct vg_zeromq *z)
{
    close_monitor(z->pub, &z->watch[0]);
    close_monitor(z->router, &z->watch[1]);
    free(z->connections.number);
    z->connections = (struct vg_connections){ .n = 0 };
}

/* ---- events ---- */

/* An event has two frames, of which the second is an address. False: there is none. */
static bool take_event(void *monitor, struct event *ret)
{
    bool more = true, any = false;

    while (more) {
        zmq_msg_t frame;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return any;
        }
        if (!any && zmq_msg_size(&frame) >= sizeof(ret->what) + sizeof(ret->value)) {
            memcpy(&ret->what, zmq_msg_data(&frame), sizeof(ret->what));
            memcpy(&ret->value, (char *)zmq_msg_data(&frame) + sizeof(ret->what),
                   sizeof(ret->value));
        }
        any = true;
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return any;
}

static void note_accepted(struct vg_connections *c, uint32_t number)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        c->number = realloc(c->number, c->cap * sizeof(c->number[0]));
        VG_CHECK(c->number);
    }
    c->number[c->n++] = number;
}

static void note_disconnected(struct vg_connections *c, uint32_t number)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->number[i] == number) {
            c->number[i] = c->number[--c->n];
            return;
        }
    }
}

static void serve_monitor(struct vg_zeromq *z, void *monitor, const char *who)
{
    struct event event = { 0 };

    while (monitor && take_event(monitor, &event)) {
        if (event.what == ZMQ_EVENT_ACCEPTED)
            note_accepted(&z->connections, event.value);
        else if (event.what == ZMQ_EVENT_DISCONNECTED)
            note_disconnected(&z->connections, event.value);
        else /* whose handshake it was it does not say */
            vg_zeromq_note_refusal(z, who, "no handshake by CURVE with this server's key");
        event = (struct event){ 0 };
    }
}

void vg_zeromq_watch_serve(struct vg_zeromq *z)
{
    struct vg_subscriber_count count;

    serve_monitor(z, z->watch[0], "somebody at publish");
    serve_monitor(z, z->watch[1], "somebody at control");
    count.connected = z->connections.n;
    vg_subscribers_count(z->registered, &count.registered, &count.late);
    z->env.subscribers(z->env.ctx, &count);
}
