/* zeromq_zap.c - the gate: who may connect. */
#include "sinks/zeromq_zap.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

static const char endpoint[] = "inproc://zeromq.zap.01";
static const char version[] = "1.0";

/* The frames of a request, in order. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, CREDENTIALS, FRAMES };

static bool frame_is(const struct vg_zap_frame *f, const char *text)
{
    return f->size == strlen(text) && memcmp(f->data, text, f->size) == 0;
}

static bool copy_text(const struct vg_zap_frame *f, char *out, size_t size)
{
    if (f->size >= size || memchr(f->data, '\0', f->size))
        return false;
    memcpy(out, f->data, f->size);
    out[f->size] = '\0';
    return true;
}

bool vg_zap_parse(const struct vg_zap_frame *frame, size_t n, struct vg_zap_request *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (n > REQUEST_ID && frame[REQUEST_ID].size <= VG_ZAP_ID_MAX) {
        ret->id_len = frame[REQUEST_ID].size;
        memcpy(ret->id, frame[REQUEST_ID].data, ret->id_len);
    }
    if (n <= MECHANISM || frame[REQUEST_ID].size > VG_ZAP_ID_MAX ||
        !frame_is(&frame[VERSION], version) ||
        !copy_text(&frame[DOMAIN], ret->domain, sizeof(ret->domain)) ||
        !copy_text(&frame[ADDRESS], ret->address, sizeof(ret->address)))
        return false;
    if (frame_is(&frame[MECHANISM], "CURVE")) {
        if (n != FRAMES || frame[CREDENTIALS].size != VG_KEY_BYTES)
            return false;
        memcpy(ret->key, frame[CREDENTIALS].data, VG_KEY_BYTES);
        ret->has_key = true;
    }
    return true;
}

vg_status vg_zap_open(struct vg_zap *zap, void *context, vg_zap_fn decide, void *arg,
                      struct vg_err *err)
{
    int linger = 0;

    *zap = (struct vg_zap){ .socket = zmq_socket(context, ZMQ_REP), .decide = decide, .arg = arg };
    VG_CHECK(zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof(linger)) == 0);
    if (zmq_bind(zap->socket, endpoint) == 0)
        return VG_OK;
    vg_zap_close(zap);
    return vg_fail(err, VG_E_BUG, "the gate for clients cannot be set up: %s",
                   zmq_strerror(zmq_errno()));
}

/* Receives one request whole; returns its frames, of which at most VG_ZAP_FRAMES_MAX are kept. */
static size_t receive(const struct vg_zap *zap, zmq_msg_t kept[VG_ZAP_FRAMES_MAX])
{
    size_t n = 0;
    bool more = true;

    while (more) {
        zmq_msg_t frame;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, zap->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            break;
        }
        more = zmq_msg_more(&frame);
        if (n < VG_ZAP_FRAMES_MAX) {
            zmq_msg_init(&kept[n]);
            zmq_msg_move(&kept[n++], &frame);
        }
        zmq_msg_close(&frame);
    }
    return n;
}

static void send_frame(const struct vg_zap *zap, const void *data, size_t size, bool more)
{
    (void)zmq_send(zap->socket, data, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

static void answer(const struct vg_zap *zap, const struct vg_zap_request *r, bool in,
                   const char *user)
{
    const char *status = in ? "200" : "400";
    const char *text = in ? "OK" : "not allowed";

    send_frame(zap, version, strlen(version), true);
    send_frame(zap, r->id, r->id_len, true);
    send_frame(zap, status, strlen(status), true);
    send_frame(zap, text, strlen(text), true);
    send_frame(zap, user, strlen(user), true);
    send_frame(zap, "", 0, false);
}

void vg_zap_serve(struct vg_zap *zap)
{
    zmq_msg_t kept[VG_ZAP_FRAMES_MAX];

    for (;;) {
        struct vg_zap_frame frame[VG_ZAP_FRAMES_MAX];
        size_t n = receive(zap, kept);
        char user[VG_CLIENT_NAME_SIZE] = "";
        struct vg_zap_request r;
        bool in;

        if (n == 0)
            return;
        for (size_t i = 0; i < n; i++)
            frame[i] = (struct vg_zap_frame){ zmq_msg_data(&kept[i]), zmq_msg_size(&kept[i]) };
        in = vg_zap_parse(frame, n, &r) && zap->decide(zap->arg, &r, user);
        answer(zap, &r, in, in ? user : "");
        while (n > 0)
            zmq_msg_close(&kept[--n]);
    }
}

void vg_zap_close(struct vg_zap *zap)
{
    if (zap->socket)
        zmq_close(zap->socket);
    zap->socket = NULL;
}
