/* receive.c - messages off the sockets, and whom they are for. */
#include "client/receive.h"

#include <string.h>

#include "client/orders.h"
#include "client/replay.h"
#include "client/sequence.h"
#include "client/watch.h"

enum {
    /* Messages without an item that are worked off before timers get a turn. */
    MESSAGES_PER_TURN = 1000,
};

/* Receives one message of up to `max` frames; returns how many it had, 0 without a message. Frames
 * beyond `max` are dropped: later versions may add some. */
static int receive(void *socket, zmq_msg_t *frames, int max)
{
    zmq_msg_t extra;
    int n = 0;
    bool more = true;

    while (more) {
        zmq_msg_t *frame = n < max ? &frames[n] : &extra;

        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame);
        if (n < max)
            n++;
        else
            zmq_msg_close(frame);
    }
    return n;
}

static void close_frames(zmq_msg_t *frames, int n)
{
    while (n > 0)
        zmq_msg_close(&frames[--n]);
}

/* ---- one message ---- */

/* One message of the SUB socket: topic, header, payload. */
static bool take_publication(struct vigil_client *c, struct endpoint *e, zmq_msg_t frames[3],
                             struct vigil_item *item)
{
    const char *payload = zmq_msg_data(&frames[2]);
    size_t n = zmq_msg_size(&frames[2]);
    char ward[WIRE_WARD_SIZE];
    struct vigil_wire_header h;

    if (!vigil_wire_topic(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), ward) ||
        !vigil_wire_header(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]), &h)) {
        c->stats.malformed++;
        return false;
    }
    vigil_replay_check_outbox(c, e, h.outbox);
    if (h.seq > e->highest)
        e->highest = h.seq;
    if (h.kind == WIRE_HEARTBEAT) {
        vigil_watch_heartbeat(c, e, ward, &h, payload, n);
        return false;
    }
    if (h.kind != WIRE_EVENT)
        return false; /* of a later minor version */
    if (!vigil_wire_event(payload, n, &c->event) || strcmp(c->event.ward, ward) != 0) {
        c->stats.malformed++;
        return false;
    }
    return vigil_event_take_live(c, e, &h, payload, n, item);
}

/* One message of the DEALER socket. */
static bool take_reply(struct vigil_client *c, struct endpoint *e, zmq_msg_t *frame,
                       struct vigil_item *item)
{
    if (!vigil_wire_reply(zmq_msg_data(frame), zmq_msg_size(frame), &c->reply)) {
        c->stats.malformed++;
        return false;
    }
    for (size_t i = 0; i < c->scopes_n; i++) {
        if (e->scopes[i].request == c->reply.id)
            return vigil_replay_take_answer(c, e, i, item);
    }
    return vigil_orders_take_answer(c, (size_t)(e - c->endpoints), item);
}

enum received { NOTHING, NO_ITEM, ITEM };

static enum received receive_published(struct vigil_client *c, struct endpoint *e,
                                       struct vigil_item *item)
{
    zmq_msg_t frames[3];
    int n = receive(e->sub, frames, 3);
    bool given = false;

    if (n == 0) {
        e->drained_ns = vigil_now_ns();
        return NOTHING;
    }
    if (n == 3)
        given = take_publication(c, e, frames, item);
    else
        c->stats.malformed++;
    close_frames(frames, n);
    return given ? ITEM : NO_ITEM;
}

static enum received receive_reply(struct vigil_client *c, struct endpoint *e,
                                   struct vigil_item *item)
{
    zmq_msg_t frame;
    int n = receive(e->dealer, &frame, 1);
    bool given = n == 1 && take_reply(c, e, &frame, item);

    close_frames(&frame, n);
    return n == 0 ? NOTHING : given ? ITEM : NO_ITEM;
}

/* ---- of all endpoints ---- */

/* One message of each socket of each endpoint at most, until there is an item or a notice. */
static enum received receive_any(struct vigil_client *c, struct vigil_item *item)
{
    enum received best = NOTHING;

    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[c->turn];
        enum received got = receive_published(c, e, item);

        if (got != ITEM) {
            best = got > best ? got : best;
            got = receive_reply(c, e, item);
        }
        c->turn = (c->turn + 1) % c->endpoints_n;
        best = got > best ? got : best;
        if (best == ITEM || c->notices_n > 0)
            return best;
    }
    return best;
}

bool vigil_receive(struct vigil_client *c, struct vigil_item *item)
{
    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        enum received got = receive_any(c, item);

        if (got == ITEM)
            return true;
        if (got == NOTHING || c->notices_n > 0)
            return false;
    }
    return false;
}
