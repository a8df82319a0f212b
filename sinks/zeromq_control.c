/* zeromq_control.c - the control socket: who asks, what for, and whether they may.
 *
 * With CURVE, the gate has told libzmq who a connection is, and libzmq puts that name on each of its
 * messages: no peer can say it is another. Without, everybody who gets to the socket is on this
 * machine; who commands shows a secret that only this user can read.
 */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "sinks/zeromq_private.h"

enum { REQUESTS_PER_TURN = 32 };

struct ward_search {
    const char *ward;
    bool found;
};

static void compare_ward(void *arg, const char *ward)
{
    struct ward_search *s = arg;

    s->found |= strcmp(s->ward, ward) == 0;
}

static bool is_ward(const struct vg_zeromq *z, const char *ward)
{
    struct ward_search s = { .ward = ward };

    if (ward[0])
        vg_zeromq_each_ward(z, compare_ward, &s);
    return !ward[0] || s.found;
}

/* The role that a request needs. */
static unsigned role_for(const struct vg_request *r)
{
    switch (r->kind) {
    case VG_REQUEST_ACKNOWLEDGE:
        return VG_ROLE_ACKNOWLEDGE;
    case VG_REQUEST_COMMAND:
        return r->order.kind == VG_ORDER_KIND_ACKNOWLEDGE || r->order.kind == VG_ORDER_KIND_SNOOZE
                   ? VG_ROLE_ACKNOWLEDGE
                   : VG_ROLE_COMMAND;
    case VG_REQUEST_SNAPSHOT:
    case VG_REQUEST_REPLAY:
    case VG_REQUEST_CONFIRM:
        break;
    }
    return VG_ROLE_READ;
}

static const char *role_message(unsigned role)
{
    if (role == VG_ROLE_READ)
        return "this client's key has not the role read";
    if (role == VG_ROLE_ACKNOWLEDGE)
        return "this client's key has not the role acknowledge";
    return "this client's key has not the role command";
}

/* Why the request is not allowed; NULL: it is. `user` is NULL without CURVE. */
static const char *reason_against(const struct vg_zeromq *z, const char *user,
                                  const struct vg_request *r)
{
    const struct vg_key_file *c = user ? vg_allow_list_named(&z->allowed, user) : NULL;

    if (!z->keys) {
        if (r->kind != VG_REQUEST_COMMAND || vg_command_key_is(z->key, r->key))
            return NULL;
        return "\"key\": expected the digits in the file command.key of the pipeline's "
               "data_dir, which only its user can read";
    }
    if (!c)
        return "this client is not in the folder of keys";
    if ((c->roles & role_for(r)) == 0)
        return role_message(role_for(r));
    if (r->kind == VG_REQUEST_CONFIRM && strcmp(r->subscriber, c->name) != 0)
        return "\"subscriber\": expected the name in this client's key file";
    return NULL;
}

/* What makes a client a subscriber, and what it reads of the past. */
static void note_asked(struct vg_zeromq *z, const char *user, const struct vg_request *r)
{
    const char *who = user ? user : "this machine";
    const char *ward = r->ward[0] ? r->ward : "all";
    char text[VG_WARD_SIZE + 64];

    if (r->kind == VG_REQUEST_SNAPSHOT) {
        snprintf(text, sizeof(text), "ward %s", ward);
        vg_zeromq_note_asked(z, "subscribe", who, text);
    } else if (r->kind == VG_REQUEST_REPLAY) {
        snprintf(text, sizeof(text), "ward %s, after %llu", ward, (unsigned long long)r->seq);
        vg_zeromq_note_asked(z, "replay", who, text);
    }
}

static void dispatch(struct vg_zeromq *z, const struct vg_peer *peer, const struct vg_request *r)
{
    switch (r->kind) {
    case VG_REQUEST_SNAPSHOT:
    case VG_REQUEST_REPLAY:
        vg_answers_add(z, peer, r);
        break;
    case VG_REQUEST_ACKNOWLEDGE:
    case VG_REQUEST_COMMAND:
        vg_zeromq_order(z, peer, r);
        break;
    case VG_REQUEST_CONFIRM:
        vg_subscribers_confirm(z, peer, r);
        break;
    }
}

static void answer(struct vg_zeromq *z, const struct vg_peer *peer, const char *user,
                   const char *text, size_t len)
{
    struct vg_request r;
    const char *against;

    if (!vg_request_parse(text, len, &r)) {
        vg_zeromq_reply_error(z, peer, r.id, r.code, r.message);
        return;
    }
    against = reason_against(z, user, &r);
    if (against) {
        vg_zeromq_note_refusal(z, user ? user : "this machine", against);
        vg_zeromq_reply_error(z, peer, r.id, "not_allowed", against);
    } else if (!is_ward(z, r.ward)) {
        vg_zeromq_reply_error(z, peer, r.id, "unknown_ward",
                              "\"ward\": neither configured nor seen; expected a ward with a "
                              "heartbeat");
    } else {
        note_asked(z, user, &r);
        dispatch(z, peer, &r);
    }
}

/* Receives one frame; false when there is none. */
static bool receive(const struct vg_zeromq *z, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, z->router, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

static void drop_extra_frames(const struct vg_zeromq *z, bool more)
{
    zmq_msg_t frame;

    while (more && receive(z, &frame)) {
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
}

static bool serve_request(struct vg_zeromq *z)
{
    zmq_msg_t frame;
    struct vg_peer peer;
    const char *user;
    bool more;

    if (!receive(z, &frame))
        return false;
    peer.n = zmq_msg_size(&frame);
    VG_CHECK(peer.n <= VG_PEER_MAX);
    memcpy(peer.id, zmq_msg_data(&frame), peer.n);
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
    if (!more || !receive(z, &frame))
        return true;
    more = zmq_msg_more(&frame);
    user = z->keys ? zmq_msg_gets(&frame, "User-Id") : NULL;
    answer(z, &peer, user, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
    drop_extra_frames(z, more);
    return true;
}

bool vg_zeromq_control_serve(struct vg_zeromq *z)
{
    int served = 0;

    while (served < REQUESTS_PER_TURN && serve_request(z))
        served++;
    return served == REQUESTS_PER_TURN;
}
