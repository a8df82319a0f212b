/* conformance_publish.c - the two sockets of ALERT/1 over an outbox in memory.
 *
 * Not the code of the zeromq sink: it must be able to do what that one never does. Requests are read
 * by the sink's own parser, so what passes here passes there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "app/conformance_private.h"
#include "core/clock.h"
#include "sinks/zeromq_header.h"

enum {
    SEND_HWM = 200000, /* a burst is lost where the scenario says so */
    BEAT_MS = 200,
};
enum { KIND_UNKNOWN = 9 }; /* as of a later version */

static void send_publication(struct vg_conformance_publisher *p, const char *ward, uint8_t kind,
                             bool repeat, uint64_t seq, uint64_t prev_seq, const char *payload,
                             size_t len)
{
    uint8_t header[VG_ALERT1_HEADER_SIZE];
    char topic[sizeof("alert/1//") + VG_WARD_SIZE];
    int n = snprintf(topic, sizeof(topic), "alert/1/%s/", ward);

    vg_alert1_header(&(struct vg_alert1_header){ .kind = kind,
                                                 .flags = repeat ? VG_ALERT1_REPEAT : 0,
                                                 .seq = seq,
                                                 .prev_seq = prev_seq,
                                                 .outbox = p->outbox->uuid,
                                                 .published_ns = vg_wall_ns() },
                     header);
    zmq_send(p->pub, topic, (size_t)n, ZMQ_SNDMORE);
    zmq_send(p->pub, header, sizeof(header), ZMQ_SNDMORE);
    zmq_send(p->pub, payload, len, 0);
}

void vg_conformance_publish(struct vg_conformance_publisher *p,
                            const struct vg_conformance_event *e, bool repeat)
{
    send_publication(p, vg_conformance_wards[e->ward], VG_ALERT1_EVENT, repeat, e->seq, e->prev_seq,
                     e->json, e->len);
}

static void write_heartbeat(struct vg_conformance_publisher *p)
{
    const char *sep = "";

    vg_buf_clear(&p->text);
    vg_buf_printf(&p->text,
                  "{\"pipeline\":\"conformance\",\"version\":\"0\",\"state\":\"%s\","
                  "\"partitions\":%d,\"active\":0,\"shards\":[",
                  p->state.closing ? "closing" : "running", VG_CONFORMANCE_SHARDS);
    for (uint32_t s = 0; s < VG_CONFORMANCE_SHARDS; s++) {
        if (s > 0 && s == p->state.uncovered)
            continue;
        vg_buf_printf(&p->text, "%s{\"shard\":%u,\"log_time\":null,\"wall_age_ms\":%u}", sep, s,
                      p->state.age_ms);
        sep = ",";
    }
    vg_buf_str(&p->text, "]}");
}

static void beat(struct vg_conformance_publisher *p)
{
    int64_t now = vg_mono_ns();

    if (p->state.silent || now - p->beat_ns < BEAT_MS * VG_NS_PER_MS)
        return;
    p->beat_ns = now;
    write_heartbeat(p);
    for (uint32_t w = 0; w < VG_CONFORMANCE_WARDS; w++)
        send_publication(p, vg_conformance_wards[w], VG_ALERT1_HEARTBEAT, false, p->outbox->last[w],
                         0, p->text.data, p->text.len);
    send_publication(p, "none", VG_ALERT1_HEARTBEAT, false, 0, 0, p->text.data, p->text.len);
}

void vg_conformance_rubbish(struct vg_conformance_publisher *p)
{
    static const char not_json[] = "{\"pipeline\":\"\\u001b[2J\",";
    static const char many[] =
        "{\"pipeline\":\"p\",\"state\":\"running\",\"partitions\":4000000000,"
        "\"shards\":[{\"shard\":-1}]}";
    const struct vg_conformance_event *e = &p->outbox->event[p->outbox->n - 1];
    const char *ward = vg_conformance_wards[e->ward];

    zmq_send(p->pub, "alert/1/icu-a/", 14, 0);
    zmq_send(p->pub, "alert/1/icu-a/", 14, ZMQ_SNDMORE);
    zmq_send(p->pub, "VGA1", 4, 0);
    zmq_send(p->pub, "alert/1/icu-a/", 14, ZMQ_SNDMORE);
    zmq_send(p->pub, "XXXX\1\0\0\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", VG_ALERT1_HEADER_SIZE,
             ZMQ_SNDMORE);
    zmq_send(p->pub, "{}", 2, 0);
    send_publication(p, "ICU A", VG_ALERT1_EVENT, false, e->seq + 1, 0, e->json, e->len);
    send_publication(p, ward, KIND_UNKNOWN, false, e->seq + 9, e->seq + 8, "?", 1);
    send_publication(p, ward, VG_ALERT1_HEARTBEAT, false, e->seq, 0, not_json,
                     sizeof(not_json) - 1);
    send_publication(p, ward, VG_ALERT1_HEARTBEAT, false, e->seq, 0, many, sizeof(many) - 1);
    /* A repeat shows no gap, whatever its prev_seq. */
    send_publication(p, ward, VG_ALERT1_EVENT, true, e->seq, e->seq + 50, e->json, e->len);
}

/* ---- what comes ---- */

/* Receives one frame; false without one. */
static bool receive(void *socket, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

static void take_request(struct vg_conformance_publisher *p, zmq_msg_t *peer, zmq_msg_t *frame,
                         bool alone)
{
    struct vg_request *request = malloc(sizeof(*request));
    const struct vg_conformance_asker a = { zmq_msg_data(peer), zmq_msg_size(peer), request };

    VG_CHECK(request);
    if (!alone) {
        p->check(p->arg, "request", false, "a request has one frame, and no empty one before it");
    } else if (!vg_request_parse(zmq_msg_data(frame), zmq_msg_size(frame), request)) {
        p->check(p->arg, "request", false, request->message);
        vg_conformance_refuse(p, &a);
    } else {
        vg_conformance_answer(p, &a);
    }
    free(request);
}

static bool serve_request(struct vg_conformance_publisher *p)
{
    zmq_msg_t peer, frame, extra;
    bool alone;

    if (!receive(p->router, &peer))
        return false;
    if (zmq_msg_more(&peer) && receive(p->router, &frame)) {
        alone = !zmq_msg_more(&frame);
        for (bool more = !alone; more && receive(p->router, &extra); zmq_msg_close(&extra))
            more = zmq_msg_more(&extra);
        take_request(p, &peer, &frame, alone);
        zmq_msg_close(&frame);
    }
    zmq_msg_close(&peer);
    return true;
}

/* An XPUB tells of the first subscription to a topic, and when the last one is gone. */
static bool serve_subscription(struct vg_conformance_publisher *p)
{
    const char *bytes;
    zmq_msg_t frame;

    if (!receive(p->pub, &frame))
        return false;
    bytes = zmq_msg_data(&frame);
    if (zmq_msg_size(&frame) > 0 && bytes[0] == 1)
        p->topics++;
    else if (zmq_msg_size(&frame) > 0 && bytes[0] == 0 && p->topics > 0)
        p->topics--;
    zmq_msg_close(&frame);
    p->seen.subscribed = p->topics > 0;
    p->seen.came |= p->seen.subscribed;
    return true;
}

void vg_conformance_serve(struct vg_conformance_publisher *p, int64_t ms)
{
    zmq_pollitem_t items[] = { { .socket = p->router, .events = ZMQ_POLLIN },
                               { .socket = p->pub, .events = ZMQ_POLLIN },
                               { .socket = p->zap.socket, .events = ZMQ_POLLIN } };

    beat(p);
    (void)zmq_poll(items, p->zap.socket ? 3 : 2, ms < BEAT_MS / 2 ? (long)ms : BEAT_MS / 2);
    if (p->zap.socket)
        vg_zap_serve(&p->zap);
    while (serve_subscription(p))
        continue;
    (void)serve_request(p);
}

/* ---- sockets ---- */

static bool decide(void *arg, const struct vg_zap_request *request, char user[VG_CLIENT_NAME_SIZE])
{
    struct vg_conformance_publisher *p = arg;
    bool in = p->state.admit && request->has_key &&
              memcmp(request->key, p->client.public_key, VG_KEY_BYTES) == 0;

    snprintf(user, VG_CLIENT_NAME_SIZE, "conformance");
    p->seen.came = true;
    p->seen.refused += !in;
    return in;
}

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static void *make_socket(struct vg_conformance_publisher *p, int type, bool curve)
{
    void *socket = zmq_socket(p->context, type);

    VG_CHECK(socket && set(socket, ZMQ_LINGER, 0) && set(socket, ZMQ_SNDHWM, SEND_HWM));
    if (curve)
        VG_CHECK(set(socket, ZMQ_CURVE_SERVER, 1) &&
                 zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, p->server.secret_text,
                                VG_KEY_TEXT_SIZE) == 0 &&
                 zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "conformance", 11) == 0);
    return socket;
}

static vg_status bind_socket(void *socket, const char *address,
                             char out[VG_CONFORMANCE_ADDRESS_SIZE], struct vg_err *err)
{
    size_t size = VG_CONFORMANCE_ADDRESS_SIZE;

    if (!set(socket, ZMQ_IPV6, strchr(address, '[') != NULL) || zmq_bind(socket, address) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, out, &size) != 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "cannot bind %s: %s", address,
                       zmq_strerror(zmq_errno()));
    return VG_OK;
}

static vg_status open_keys(struct vg_conformance_publisher *p, struct vg_err *err)
{
    vg_key_pair_make(&p->server);
    vg_key_pair_make(&p->client);
    memcpy(p->at.server_key, p->server.public_text, VG_KEY_TEXT_SIZE);
    memcpy(p->at.public_key, p->client.public_text, VG_KEY_TEXT_SIZE);
    memcpy(p->at.secret_key, p->client.secret_text, VG_KEY_TEXT_SIZE);
    return vg_zap_open(&p->zap, p->context, decide, p, err);
}

vg_status vg_conformance_open_sockets(struct vg_conformance_publisher **ret,
                                      struct vg_conformance_outbox *outbox, const char *publish,
                                      const char *control, bool curve,
                                      vg_conformance_check_fn check, void *arg, struct vg_err *err)
{
    struct vg_conformance_publisher *p = calloc(1, sizeof(*p));
    vg_status st;

    VG_CHECK(p);
    *p = (struct vg_conformance_publisher){
        .outbox = outbox, .check = check, .arg = arg, .state.age_ms = 40
    };
    p->context = zmq_ctx_new();
    VG_CHECK(p->context);
    st = curve ? open_keys(p, err) : VG_OK;
    if (st == VG_OK) {
        p->pub = make_socket(p, ZMQ_XPUB, curve);
        p->router = make_socket(p, ZMQ_ROUTER, curve);
        st = bind_socket(p->pub, publish, p->at.publish, err);
    }
    if (st == VG_OK)
        st = bind_socket(p->router, control, p->at.control, err);
    if (st != VG_OK) {
        vg_conformance_close(p);
        p = NULL;
    }
    *ret = p;
    return st;
}

void vg_conformance_close(struct vg_conformance_publisher *p)
{
    if (!p)
        return;
    if (p->pub)
        zmq_close(p->pub);
    if (p->router)
        zmq_close(p->router);
    vg_zap_close(&p->zap);
    zmq_ctx_term(p->context);
    vg_buf_done(&p->text);
    free(p);
}

const struct vg_conformance_addresses *
vg_conformance_addresses(const struct vg_conformance_publisher *p)
{
    return &p->at;
}

const struct vg_conformance_seen *vg_conformance_seen(const struct vg_conformance_publisher *p)
{
    return &p->seen;
}

struct vg_conformance_state *vg_conformance_state(struct vg_conformance_publisher *p)
{
    return &p->state;
}
