/* zeromq.c - ALERT/1: live events to subscribers, and what they need to prove that none is missing.
 *
 * A PUB socket drops what a slow subscriber does not take, and a ROUTER drops what a peer does not
 * read. Neither loses an alert, because the outbox keeps every event: the sequence numbers show the
 * subscriber its gap and the control socket fills it. So nothing here waits for a peer, and
 * "delivered" means handed to the socket. The contract is docs/alert1.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zmq.h>

#include "core/sink.h"
#include "core/text.h"
#include "sinks/zeromq_address.h"
#include "sinks/zeromq_command.h"
#include "sinks/zeromq_request.h"

enum {
    HEADER_SIZE = 48,
    TOPIC_SIZE = sizeof("alert/1//") + VG_WARD_SIZE,
    UUID_TEXT_SIZE = 37,
    PEER_MAX = 255, /* bytes of a ZeroMQ routing id */
    SEND_HWM = 10000,
    /* A subscription is a message too: no topic of ours is longer. */
    SUBSCRIPTION_MAX = 256,
    HANDSHAKE_MS = 5000,
    LINGER_MS = 1000,
    /* Requests served before heartbeats get a turn. */
    REQUESTS_PER_TURN = 32,
    PENDING_MAX = 64,
    PENDING_POLL_MS = 5,
};

/* A command that takes longer is answered "busy"; it may still come true. */
static const int64_t pending_timeout_ns = 30 * VG_NS_PER_S;

enum kind { KIND_EVENT = 1, KIND_HEARTBEAT = 2 };
enum flag { FLAG_REPEAT = 1 };

/* The ROUTER's name for a client. */
struct peer {
    size_t n;
    uint8_t id[PEER_MAX];
};

/* A command that is not durable yet. */
struct pending {
    bool used;
    struct peer peer;
    char id[VG_REQUEST_ID_SIZE];
    uint64_t ticket;
    int64_t give_up_ns;
};

/* Open episodes of a ward as of its event `last`: counted again only when there was a new one. */
struct active_count {
    char ward[VG_WARD_SIZE];
    bool counted;
    uint64_t last;
    uint32_t n;
};

struct zeromq {
    char *publish;        /* option */
    char *control;        /* option */
    int64_t heartbeat_ns; /* option */

    struct vg_sink_env env;
    void *context, *pub, *router;
    struct vg_zeromq_claim publish_claim, control_claim;
    struct vg_service_status status;
    bool bound, closing;
    char key[VG_COMMAND_KEY_SIZE]; /* that commands must carry */
    int64_t next_heartbeat_ns;
    struct active_count *active;
    size_t active_n;
    struct pending pending[PENDING_MAX];
    size_t pending_n;
    struct vg_buf shards; /* the part of a heartbeat that all wards share */
    struct vg_buf text;   /* of the message being built */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct zeromq, publish, "publish", NULL, VG_OPT_REQUIRED,
                  "Where subscribers receive live events (SUB): tcp on loopback, or ipc."),
    VG_OPT_STRING(struct zeromq, control, "control", NULL, VG_OPT_REQUIRED,
                  "Where subscribers ask for snapshots and replays and acknowledge (DEALER)."),
    VG_OPT_DURATION(struct zeromq, heartbeat_ns, "heartbeat", "1s", 0.05, 1, 0,
                    "Time between heartbeats; subscribers call 3 s of silence a broken link."),
    VG_OPT_END,
};

static vg_status zeromq_check(void *self, struct vg_err *err)
{
    const struct zeromq *z = self;
    vg_status st = vg_zeromq_address_check("publish", z->publish, err);

    if (st == VG_OK)
        st = vg_zeromq_address_check("control", z->control, err);
    if (st == VG_OK && strcmp(z->publish, z->control) == 0)
        st = vg_fail_option(err, VG_E_CONFIG, "control",
                            "\"%s\" is the address of \"publish\" already: each needs its own",
                            z->control);
    return st;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * VG_NS_PER_S + t.tv_nsec;
}

static void put_be(uint8_t *out, uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(x >> (8 * (bytes - 1 - i)));
}

static void make_header(const struct zeromq *z, enum kind kind, unsigned flags, uint64_t seq,
                        uint64_t prev_seq, uint8_t out[HEADER_SIZE])
{
    memcpy(out, "VGA1", 4);
    out[4] = (uint8_t)kind;
    out[5] = 0; /* JSON */
    put_be(out + 6, flags, 2);
    put_be(out + 8, seq, 8);
    put_be(out + 16, prev_seq, 8);
    memcpy(out + 24, z->env.outbox, 16);
    put_be(out + 40, (uint64_t)clock_ns(CLOCK_REALTIME), 8);
}

static bool publish(const struct zeromq *z, const char *ward, const uint8_t header[HEADER_SIZE],
                    const char *payload, size_t len)
{
    char topic[TOPIC_SIZE];
    int n = snprintf(topic, sizeof(topic), "alert/1/%s/", ward && *ward ? ward : "none");

    return zmq_send(z->pub, topic, (size_t)n, ZMQ_SNDMORE) >= 0 &&
           zmq_send(z->pub, header, HEADER_SIZE, ZMQ_SNDMORE) >= 0 &&
           zmq_send(z->pub, payload, len, 0) >= 0;
}

static vg_status count_one(void *arg, const struct vg_delivery *event)
{
    uint32_t *n = arg;

    (void)event;
    (*n)++;
    return VG_OK;
}

static struct active_count *active_of(struct zeromq *z, const char *ward)
{
    for (size_t i = 0; i < z->active_n; i++) {
        if (strcmp(z->active[i].ward, ward) == 0)
            return &z->active[i];
    }
    z->active = realloc(z->active, (z->active_n + 1) * sizeof(z->active[0]));
    VG_CHECK(z->active);
    z->active[z->active_n] = (struct active_count){ 0 };
    snprintf(z->active[z->active_n].ward, VG_WARD_SIZE, "%s", ward);
    return &z->active[z->active_n++];
}

static uint32_t open_episodes(struct zeromq *z, const char *ward, uint64_t last)
{
    struct active_count *a = active_of(z, ward);
    uint64_t as_of;
    uint32_t n = 0;
    struct vg_err err;

    if (a->counted && a->last == last)
        return a->n;
    if (z->env.open_episodes(z->env.ctx, ward, count_one, &n, &as_of, &err) == VG_OK) {
        a->counted = true;
        a->last = last;
        a->n = n;
    }
    return a->n;
}

static const char *state_name(const struct zeromq *z)
{
    static const char *const names[] = { "starting", "running", "degraded", "closing" };

    return names[z->closing ? VG_STATE_CLOSING : z->status.state];
}

static void build_shards(struct zeromq *z)
{
    struct vg_buf *b = &z->shards;

    vg_buf_clear(b);
    vg_buf_str(b, "\"shards\":[");
    for (uint32_t i = 0; i < z->status.shards_n; i++) {
        const struct vg_shard_status *s = &z->status.shards[i];

        vg_buf_printf(b, "%s{\"shard\":%u,\"log_time\":", i ? "," : "", s->shard);
        if (s->log_ns == VG_TIME_NONE)
            vg_buf_str(b, "null");
        else
            vg_buf_json_time(b, s->log_ns);
        vg_buf_printf(b, ",\"wall_age_ms\":%lld}", (long long)s->wall_age_ms);
    }
    vg_buf_str(b, "]}");
}

static void add_reasons(const struct zeromq *z, struct vg_buf *b)
{
    const char *comma = "";

    vg_buf_str(b, ",\"reasons\":[");
    for (size_t i = 0; i < VG_ARRAY_LEN(z->status.reasons); i++) {
        if (z->status.reasons[i][0] == '\0')
            continue;
        vg_buf_str(b, comma);
        vg_buf_json_str(b, z->status.reasons[i]);
        comma = ",";
    }
    vg_buf_char(b, ']');
}

static void heartbeat_ward(void *arg, const char *ward)
{
    struct zeromq *z = arg;
    struct vg_buf *b = &z->text;
    uint8_t header[HEADER_SIZE];
    uint64_t last, oldest;

    z->env.extent(z->env.ctx, ward, &last, &oldest);
    vg_buf_clear(b);
    vg_buf_str(b, "{\"pipeline\":");
    vg_buf_json_str(b, z->env.pipeline);
    vg_buf_str(b, ",\"version\":");
    vg_buf_json_str(b, z->env.version);
    vg_buf_printf(b, ",\"state\":\"%s\"", state_name(z));
    if (z->status.state == VG_STATE_DEGRADED && !z->closing)
        add_reasons(z, b);
    vg_buf_printf(b, ",\"partitions\":%u,\"active\":%u,", z->status.partitions,
                  open_episodes(z, ward, last));
    vg_buf_add(b, z->shards.data, z->shards.len);
    make_header(z, KIND_HEARTBEAT, 0, last, 0, header);
    publish(z, ward, header, b->data, b->len);
}

static void send_heartbeats(struct zeromq *z)
{
    z->env.status(z->env.ctx, &z->status);
    build_shards(z);
    z->env.wards(z->env.ctx, heartbeat_ward, z);
}

static void heartbeats_when_due(struct zeromq *z)
{
    int64_t now = clock_ns(CLOCK_MONOTONIC);

    if (now < z->next_heartbeat_ns)
        return;
    send_heartbeats(z);
    z->next_heartbeat_ns = now + z->heartbeat_ns;
}

/* Sends one reply. False when the peer is gone or does not read: the rest of its replies is then
 * dropped, and it asks again when it wants them. */
static bool reply(const struct zeromq *z, const struct peer *peer, const char *text, size_t len)
{
    return zmq_send(z->router, peer->id, peer->n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send(z->router, text, len, ZMQ_DONTWAIT) >= 0;
}

static bool reply_text(struct zeromq *z, const struct peer *peer)
{
    return reply(z, peer, z->text.data, z->text.len);
}

static void begin(struct zeromq *z, const char *id)
{
    vg_buf_clear(&z->text);
    vg_buf_printf(&z->text, "{\"id\":%s", id);
}

static void reply_ok(struct zeromq *z, const struct peer *peer, const char *id)
{
    begin(z, id);
    vg_buf_str(&z->text, ",\"ok\":true}");
    reply_text(z, peer);
}

static void reply_error(struct zeromq *z, const struct peer *peer, const char *id, const char *code,
                        const char *message)
{
    begin(z, id);
    vg_buf_str(&z->text, ",\"error\":");
    vg_buf_json_str(&z->text, code);
    vg_buf_str(&z->text, ",\"message\":");
    vg_buf_json_str(&z->text, message);
    vg_buf_char(&z->text, '}');
    reply_text(z, peer);
}

static void reply_answered(struct zeromq *z, const struct peer *peer, const char *id,
                           const struct vg_answered *answered)
{
    if (answered->code[0])
        reply_error(z, peer, id, answered->code, answered->message);
    else
        reply_ok(z, peer, id);
}

/* A request that is being answered with events. */
struct answer {
    struct zeromq *z;
    const struct peer *peer;
    const struct vg_request *request;
    uint64_t next;
    bool sent_any, truncated, gone;
};

static vg_status answer_open(void *arg, const struct vg_delivery *event)
{
    struct answer *a = arg;
    struct zeromq *z = a->z;

    begin(z, a->request->id);
    vg_buf_str(&z->text, ",\"event\":");
    vg_buf_add(&z->text, event->json, event->len);
    vg_buf_char(&z->text, '}');
    a->gone = !reply_text(z, a->peer);
    return a->gone ? VG_E_AGAIN : VG_OK;
}

static void uuid_text(const uint8_t uuid[16], char out[UUID_TEXT_SIZE])
{
    char *at = out;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += snprintf(at, 3, "%02x", uuid[i]);
    }
}

static void do_snapshot(struct zeromq *z, const struct peer *peer, const struct vg_request *r)
{
    struct answer a = { .z = z, .peer = peer, .request = r };
    char outbox[UUID_TEXT_SIZE];
    uint64_t as_of = 0;
    struct vg_err err;
    vg_status st = z->env.open_episodes(z->env.ctx, r->ward, answer_open, &a, &as_of, &err);

    if (a.gone)
        return;
    if (st != VG_OK) {
        reply_error(z, peer, r->id, "busy", "the outbox cannot be read now; ask again");
        return;
    }
    uuid_text(z->env.outbox, outbox);
    begin(z, r->id);
    vg_buf_printf(&z->text, ",\"done\":true,\"as_of\":%llu,\"outbox\":\"%s\"}",
                  (unsigned long long)as_of, outbox);
    reply_text(z, peer);
}

/* Whether events between `after` and this first one existed and are held no more. */
static bool is_truncated(const struct answer *a, const struct vg_delivery *first)
{
    const struct vg_sink_env *env = &a->z->env;
    uint64_t last, oldest;

    if (a->request->ward[0])
        return first->prev_seq > a->request->seq;
    env->extent(env->ctx, NULL, &last, &oldest);
    return oldest > a->request->seq + 1;
}

static vg_status answer_replay(void *arg, const struct vg_delivery *event)
{
    struct answer *a = arg;
    struct zeromq *z = a->z;

    if (!a->sent_any && is_truncated(a, event)) {
        begin(z, a->request->id);
        vg_buf_printf(&z->text, ",\"truncated\":true,\"oldest\":%llu}",
                      (unsigned long long)event->seq);
        reply_text(z, a->peer);
        a->truncated = true;
        return VG_E_AGAIN;
    }
    a->sent_any = true;
    begin(z, a->request->id);
    vg_buf_printf(&z->text,
                  ",\"seq\":%llu,\"prev_seq\":%llu,\"event\":", (unsigned long long)event->seq,
                  (unsigned long long)event->prev_seq);
    vg_buf_add(&z->text, event->json, event->len);
    vg_buf_char(&z->text, '}');
    a->gone = !reply_text(z, a->peer);
    a->next = event->seq;
    return a->gone ? VG_E_AGAIN : VG_OK;
}

static void do_replay(struct zeromq *z, const struct peer *peer, const struct vg_request *r)
{
    struct answer a = { .z = z, .peer = peer, .request = r, .next = r->seq };
    uint64_t last, oldest;
    struct vg_err err;
    vg_status st = z->env.read(z->env.ctx, r->ward, r->seq, r->credit, answer_replay, &a, &err);

    if (a.gone || a.truncated)
        return;
    if (st != VG_OK) {
        reply_error(z, peer, r->id, "busy", "the outbox cannot be read now; ask again");
        return;
    }
    z->env.extent(z->env.ctx, r->ward, &last, &oldest);
    begin(z, r->id);
    vg_buf_printf(&z->text, ",\"done\":true,\"next\":%llu,\"last\":%llu}",
                  (unsigned long long)a.next, (unsigned long long)last);
    reply_text(z, peer);
}

static struct pending *free_pending(struct zeromq *z)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (!z->pending[i].used)
            return &z->pending[i];
    }
    return NULL;
}

/* An acknowledgement, or a command that may be given. */
static void do_order(struct zeromq *z, const struct peer *peer, const struct vg_request *r)
{
    struct pending *p = free_pending(z);
    struct vg_answered answered = { .code = "" };
    uint64_t ticket;
    struct vg_err err;
    vg_status st;

    if (!p) {
        reply_error(z, peer, r->id, "busy", "too many commands at once; ask again");
        return;
    }
    st = z->env.order(z->env.ctx, &r->order, r->patient, NULL, &ticket, &answered, &err);
    if (st != VG_OK) {
        reply_error(z, peer, r->id, err.option[0] ? err.option : "busy", err.msg);
        return;
    }
    if (ticket == 0) {
        reply_answered(z, peer, r->id, &answered);
        return;
    }
    *p = (struct pending){
        .used = true,
        .peer = *peer,
        .ticket = ticket,
        .give_up_ns = clock_ns(CLOCK_MONOTONIC) + pending_timeout_ns,
    };
    memcpy(p->id, r->id, sizeof(p->id));
    z->pending_n++;
}

static void do_command(struct zeromq *z, const struct peer *peer, const struct vg_request *r)
{
    if (vg_command_key_is(z->key, r->key))
        do_order(z, peer, r);
    else
        reply_error(z, peer, r->id, "not_allowed",
                    "\"key\": expected the digits in the file command.key of the pipeline's "
                    "data_dir, which only its user can read");
}

static void answer_pending(struct zeromq *z)
{
    for (size_t i = 0; z->pending_n > 0 && i < PENDING_MAX; i++) {
        struct pending *p = &z->pending[i];
        struct vg_answered answered;

        if (!p->used)
            continue;
        if (z->env.answered(z->env.ctx, p->ticket, &answered))
            reply_answered(z, &p->peer, p->id, &answered);
        else if (clock_ns(CLOCK_MONOTONIC) > p->give_up_ns)
            reply_error(z, &p->peer, p->id, "busy", "not durable within 30 s; it may still be");
        else
            continue;
        p->used = false;
        z->pending_n--;
    }
}

struct ward_search {
    const char *ward;
    bool found;
};

static void compare_ward(void *arg, const char *ward)
{
    struct ward_search *s = arg;

    s->found |= strcmp(s->ward, ward) == 0;
}

static bool is_ward(const struct zeromq *z, const char *ward)
{
    struct ward_search s = { .ward = ward };

    if (ward[0])
        z->env.wards(z->env.ctx, compare_ward, &s);
    return !ward[0] || s.found;
}

static void answer(struct zeromq *z, const struct peer *peer, const char *text, size_t len)
{
    struct vg_request r;

    if (!vg_request_parse(text, len, &r)) {
        reply_error(z, peer, r.id, r.code, r.message);
        return;
    }
    if (!is_ward(z, r.ward)) {
        reply_error(z, peer, r.id, "unknown_ward",
                    "\"ward\": neither configured nor seen; expected a ward with a heartbeat");
        return;
    }
    switch (r.kind) {
    case VG_REQUEST_SNAPSHOT:
        do_snapshot(z, peer, &r);
        break;
    case VG_REQUEST_REPLAY:
        do_replay(z, peer, &r);
        break;
    case VG_REQUEST_ACKNOWLEDGE:
        do_order(z, peer, &r);
        break;
    case VG_REQUEST_COMMAND:
        do_command(z, peer, &r);
        break;
    case VG_REQUEST_CONFIRM:
        reply_ok(z, peer, r.id);
        break;
    }
}

/* Receives one frame; false when there is none. */
static bool receive(const struct zeromq *z, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, z->router, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

static void drop_extra_frames(const struct zeromq *z, bool more)
{
    zmq_msg_t frame;

    while (more && receive(z, &frame)) {
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
}

static bool serve_request(struct zeromq *z)
{
    zmq_msg_t frame;
    struct peer peer;
    bool more;

    if (!receive(z, &frame))
        return false;
    peer.n = zmq_msg_size(&frame);
    VG_CHECK(peer.n <= PEER_MAX);
    memcpy(peer.id, zmq_msg_data(&frame), peer.n);
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
    if (!more || !receive(z, &frame))
        return true;
    more = zmq_msg_more(&frame);
    answer(z, &peer, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
    drop_extra_frames(z, more);
    return true;
}

static void serve_requests(struct zeromq *z)
{
    int served = 0;

    while (served < REQUESTS_PER_TURN && serve_request(z))
        served++;
}

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static void *make_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    bool ok = socket && set(socket, ZMQ_SNDHWM, SEND_HWM) && set(socket, ZMQ_IPV6, 1) &&
              set(socket, ZMQ_LINGER, LINGER_MS) && set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);

    if (ok && type == ZMQ_ROUTER)
        ok = set(socket, ZMQ_ROUTER_MANDATORY, 1);
    if (ok) {
        int64_t max = type == ZMQ_ROUTER ? VG_REQUEST_SIZE_MAX : SUBSCRIPTION_MAX;

        ok = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) == 0;
    }
    VG_CHECK(ok); /* every option above exists since libzmq 4.1 */
    return socket;
}

static vg_status bind_socket(void *socket, const char *option, const char *endpoint,
                             struct vg_zeromq_claim *claim, struct vg_err *err)
{
    vg_status st = vg_zeromq_address_claim(option, endpoint, claim, err);
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

static vg_status zeromq_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct zeromq *z = self;
    vg_status st;

    z->env = *env;
    z->status.shards = calloc(VG_SHARDS_MAX, sizeof(z->status.shards[0]));
    z->context = zmq_ctx_new();
    VG_CHECK(z->status.shards && z->context);
    z->pub = make_socket(z->context, ZMQ_PUB);
    z->router = make_socket(z->context, ZMQ_ROUTER);
    st = vg_command_key_open(env->data_dir, z->key, err);
    if (st == VG_OK)
        st = bind_socket(z->pub, "publish", z->publish, &z->publish_claim, err);
    if (st == VG_OK)
        st = bind_socket(z->router, "control", z->control, &z->control_claim, err);
    z->bound = st == VG_OK;
    return st;
}

static vg_status zeromq_deliver(void *self, const struct vg_delivery *events, size_t n,
                                size_t *done, struct vg_err *err)
{
    struct zeromq *z = self;

    for (*done = 0; *done < n; ++*done) {
        const struct vg_delivery *e = &events[*done];
        uint8_t header[HEADER_SIZE];

        make_header(z, KIND_EVENT, e->repeat ? FLAG_REPEAT : 0, e->seq, e->prev_seq, header);
        if (!publish(z, e->ward, header, e->json, e->len))
            return vg_fail(err, VG_E_TEMPORARY, "cannot publish on %s: %s", z->publish,
                           zmq_strerror(zmq_errno()));
    }
    heartbeats_when_due(z);
    return VG_OK;
}

/* Until the next thing that has its time, at most until `end_ns`. */
static long wait_ms(const struct zeromq *z, int64_t end_ns)
{
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    int64_t until = end_ns < z->next_heartbeat_ns ? end_ns : z->next_heartbeat_ns;
    int64_t ms = until > now ? (until - now + VG_NS_PER_MS - 1) / VG_NS_PER_MS : 0;

    return z->pending_n > 0 && ms > PENDING_POLL_MS ? PENDING_POLL_MS : (long)ms;
}

static void zeromq_serve(void *self, int wake_fd, int timeout_ms)
{
    struct zeromq *z = self;
    int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ms * VG_NS_PER_MS;
    bool woken;

    do {
        zmq_pollitem_t items[] = {
            { .socket = z->router, .events = ZMQ_POLLIN },
            { .fd = wake_fd, .events = ZMQ_POLLIN },
        };

        /* An error is EINTR: then nothing is ready and the loop goes on. */
        (void)zmq_poll(items, wake_fd >= 0 ? 2 : 1, wait_ms(z, end_ns));
        woken = items[1].revents != 0;
        serve_requests(z);
        answer_pending(z);
        heartbeats_when_due(z);
    } while (!woken && clock_ns(CLOCK_MONOTONIC) < end_ns);
}

static void zeromq_close(void *self)
{
    struct zeromq *z = self;

    if (z->bound) {
        z->closing = true;
        answer_pending(z);
        send_heartbeats(z);
    }
    if (z->pub)
        zmq_close(z->pub);
    if (z->router)
        zmq_close(z->router);
    while (z->context && zmq_ctx_term(z->context) != 0 && zmq_errno() == EINTR)
        continue;
    vg_zeromq_address_release(&z->publish_claim);
    vg_zeromq_address_release(&z->control_claim);
    z->pub = z->router = z->context = NULL;
    free(z->status.shards);
    free(z->active);
    z->status.shards = NULL;
    z->active = NULL;
    vg_buf_done(&z->shards);
    vg_buf_done(&z->text);
}

const struct vg_sink_ops vg_sink_zeromq = {
    .name = "zeromq",
    .summary = "Publishes events to subscribers over ZeroMQ (ALERT/1).",
    .options = options,
    .self_size = sizeof(struct zeromq),
    .complete = true,
    .check = zeromq_check,
    .open = zeromq_open,
    .deliver = zeromq_deliver,
    .serve = zeromq_serve,
    .close = zeromq_close,
};
