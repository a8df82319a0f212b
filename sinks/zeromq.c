/* zeromq.c - ALERT/1: live events to subscribers, and what they need to prove that none is missing.
 *
 * A PUB socket drops what a slow subscriber does not take, and a ROUTER drops what a peer does not
 * read. Neither loses an alert, because the outbox keeps every event: the sequence numbers show the
 * subscriber its gap and the control socket fills it. So nothing here waits for a peer, and
 * "delivered" means handed to the socket. The contract is docs/alert1.md.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "core/clock.h"
#include "sinks/zeromq_private.h"

enum { LINGER_MS = 1000, PENDING_POLL_MS = 5, LOOK_MS = 100 };

#define Z struct vg_zeromq
static const struct vg_option options[] = {
    VG_OPT_STRING(Z, publish, "publish", NULL, VG_OPT_REQUIRED,
                  "Where subscribers receive live events (SUB): tcp, which off loopback needs "
                  "`keys`, or ipc."),
    VG_OPT_STRING(Z, control, "control", NULL, VG_OPT_REQUIRED,
                  "Where subscribers ask for snapshots and replays and acknowledge (DEALER)."),
    VG_OPT_DURATION(Z, heartbeat_ns, "heartbeat", "1s", 0.05, 1, 0,
                    "Time between heartbeats; subscribers call 3 s of silence a broken link."),
    VG_OPT_LIST(Z, wards, "wards", 0,
                "The wards that this sink carries (none: all). Who may not see one of them is not "
                "let in, so wards with different readers each have a sink."),
    VG_OPT_STRING(
        Z, keys, "keys", NULL, VG_OPT_PATH,
        "Folder with a NAME.pub for each client that is let in (`vigil keygen`). With it, "
        "both addresses speak CURVE and nothing else. SIGHUP reads it again."),
    VG_OPT_STRING(Z, server_key, "server_key", NULL, VG_OPT_PATH,
                  "File with this pipeline's pair of keys, readable by its user only; required "
                  "with `keys`."),
    VG_OPT_MAP(Z, subscribers, "subscribers", 0,
               "Subscribers whose silence is a technical alert: a name, and the time within which "
               "it confirms events, then the wards if not all: {central: \"10s icu-a\"}."),
    VG_OPT_END,
};
#undef Z

bool vg_zeromq_carries(const struct vg_zeromq *z, const char *ward)
{
    const char *name = ward && *ward ? ward : "none";

    for (size_t i = 0; i < z->wards.n; i++) {
        if (strcmp(z->wards.value[i], name) == 0)
            return true;
    }
    return z->wards.n == 0;
}

void vg_zeromq_each_ward(const struct vg_zeromq *z, void (*fn)(void *arg, const char *ward),
                         void *arg)
{
    for (size_t i = 0; i < z->wards.n; i++)
        fn(arg, z->wards.value[i]);
    if (z->wards.n == 0)
        z->env.wards(z->env.ctx, fn, arg);
}

static vg_status check_wards(const struct vg_zeromq *z, struct vg_err *err)
{
    for (size_t i = 0; i < z->wards.n; i++) {
        if (!vg_client_name_valid(z->wards.value[i], strlen(z->wards.value[i])))
            return vg_fail_option(err, VG_E_CONFIG, "wards",
                                  "\"%.40s\": a ward has 1 to 32 of a-z, 0-9 and -",
                                  z->wards.value[i]);
    }
    return VG_OK;
}

static vg_status check_keys(const struct vg_zeromq *z, struct vg_err *err)
{
    if (z->keys && !z->server_key)
        return vg_fail_option(err, VG_E_CONFIG, "keys",
                              "\"keys\" needs \"server_key\": make a pair with `vigil keygen`");
    if (z->server_key && !z->keys)
        return vg_fail_option(err, VG_E_CONFIG, "server_key",
                              "\"server_key\" needs \"keys\", the folder of clients' public keys: "
                              "without it anybody would be let in");
    return VG_OK;
}

static vg_status zeromq_check(void *self, struct vg_err *err)
{
    const struct vg_zeromq *z = self;
    bool has_keys = z->keys != NULL;
    vg_status st = vg_zeromq_address_check("publish", z->publish, has_keys, err);

    if (st == VG_OK)
        st = vg_zeromq_address_check("control", z->control, has_keys, err);
    if (st == VG_OK && strcmp(z->publish, z->control) == 0)
        st = vg_fail_option(err, VG_E_CONFIG, "control",
                            "\"%s\" is the address of \"publish\" already: each needs its own",
                            z->control);
    if (st == VG_OK)
        st = check_keys(z, err);
    if (st == VG_OK)
        st = check_wards(z, err);
    return st == VG_OK ? vg_subscribers_check(z, err) : st;
}

static vg_status zeromq_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct vg_zeromq *z = self;
    vg_status st;

    z->env = *env;
    z->status.shards = calloc(VG_SHARDS_MAX, sizeof(z->status.shards[0]));
    VG_CHECK(z->status.shards);
    z->answers = vg_answers_new();
    z->registered = vg_subscribers_new(z);
    st = z->keys ? vg_zeromq_gate_read(z, err) : vg_command_key_open(env->data_dir, z->key, err);
    return st == VG_OK ? vg_zeromq_sockets_open(z, err) : st;
}

/* All that does not wait for anything. Whether there is more to do at once. */
static bool work(struct vg_zeromq *z)
{
    bool more;

    vg_zeromq_gate_serve(z);
    vg_zeromq_watch_serve(z);
    more = vg_zeromq_control_serve(z);
    vg_answers_serve(z);
    vg_zeromq_pending_serve(z);
    vg_subscribers_serve(z);
    vg_zeromq_heartbeats_when_due(z);
    return more;
}

static vg_status zeromq_deliver(void *self, const struct vg_delivery *events, size_t n,
                                size_t *done, struct vg_err *err)
{
    struct vg_zeromq *z = self;
    vg_status st = VG_OK;

    *done = 0;
    /* The addresses were lost when keys were read again. */
    if (!z->bound)
        st = vg_zeromq_sockets_open(z, err);
    for (; st == VG_OK && *done < n; ++*done) {
        const struct vg_delivery *e = &events[*done];

        if (!vg_zeromq_carries(z, e->ward))
            continue;
        st = vg_zeromq_publish_event(z, e, err);
        if (st != VG_OK)
            break;
        vg_subscribers_note(z, e);
    }
    /* While it catches up, serve() is not called. */
    if (z->bound)
        (void)work(z);
    return st;
}

/* Until the next thing that has its time, at most until `end_ns`. */
static long wait_ms(const struct vg_zeromq *z, int64_t end_ns)
{
    int64_t now = vg_mono_ns();
    int64_t until = end_ns < z->next_heartbeat_ns ? end_ns : z->next_heartbeat_ns;
    int64_t ms = until > now ? (until - now + VG_NS_PER_MS - 1) / VG_NS_PER_MS : 0;
    int answers_ms = vg_answers_wait_ms(z->answers);

    if (z->pending_n > 0 && ms > PENDING_POLL_MS)
        ms = PENDING_POLL_MS;
    if (z->subscribers.n > 0 && ms > LOOK_MS)
        ms = LOOK_MS;
    return answers_ms >= 0 && ms > answers_ms ? answers_ms : (long)ms;
}

/* True when the runtime wants something. */
static bool poll_sockets(const struct vg_zeromq *z, int wake_fd, long timeout_ms)
{
    enum { ROUTER, WAKE, WATCH, ZAP, WATCH_CONTROL, ITEMS };
    zmq_pollitem_t items[ITEMS] = {
        [ROUTER] = { .socket = z->router, .events = ZMQ_POLLIN },
        [WAKE] = { .fd = wake_fd, .events = (short)(wake_fd >= 0 ? ZMQ_POLLIN : 0) },
        [WATCH] = { .socket = z->watch[0], .events = ZMQ_POLLIN },
        [ZAP] = { .socket = z->zap.socket, .events = ZMQ_POLLIN },
        [WATCH_CONTROL] = { .socket = z->watch[1], .events = ZMQ_POLLIN },
    };

    /* An error is EINTR: then nothing is ready and the loop goes on. */
    (void)zmq_poll(items, z->keys ? ITEMS : ZAP, timeout_ms);
    return items[WAKE].revents != 0;
}

static void zeromq_serve(void *self, int wake_fd, int timeout_ms)
{
    struct vg_zeromq *z = self;
    int64_t end_ns = vg_mono_ns() + timeout_ms * VG_NS_PER_MS;
    bool woken, more = false;
    struct vg_err err;

    if (!z->bound && vg_zeromq_sockets_open(z, &err) != VG_OK) {
        struct pollfd p = { .fd = wake_fd, .events = POLLIN };

        (void)poll(&p, 1, timeout_ms);
        return;
    }
    do {
        woken = poll_sockets(z, wake_fd, more ? 0 : wait_ms(z, end_ns));
        more = work(z);
    } while (!woken && vg_mono_ns() < end_ns);
}

/* New keys are let in from now on. When one lost something, every connection ends: PUB cannot drop a
 * single one. The others come back at once, and have replayed what they missed meanwhile. */
static vg_status zeromq_reload(void *self, struct vg_err *err)
{
    struct vg_zeromq *z = self;
    struct vg_err why;
    bool removed;
    vg_status st, opened = VG_OK;

    if (!z->keys)
        return VG_OK;
    st = vg_zeromq_gate_reread(z, &removed, err);
    if (!removed)
        return st;
    vg_zeromq_sockets_close(z, 0);
    vg_answers_clear(z->answers);
    memset(z->pending, 0, sizeof(z->pending));
    z->pending_n = 0;
    opened = vg_zeromq_sockets_open(z, &why);
    if (st == VG_OK && opened != VG_OK)
        *err = why;
    return st == VG_OK ? opened : st;
}

static void zeromq_close(void *self)
{
    struct vg_zeromq *z = self;

    if (z->bound) {
        z->closing = true;
        vg_zeromq_pending_serve(z);
        vg_zeromq_heartbeats(z);
    }
    vg_zeromq_sockets_close(z, LINGER_MS);
    vg_zeromq_gate_close(z);
    vg_zeromq_address_release(&z->publish_claim);
    vg_zeromq_address_release(&z->control_claim);
    vg_answers_free(z->answers);
    vg_subscribers_free(z->registered);
    vg_allow_list_done(&z->allowed);
    explicit_bzero(&z->pair, sizeof(z->pair));
    free(z->status.shards);
    free(z->active);
    z->answers = NULL;
    z->registered = NULL;
    z->status.shards = NULL;
    z->active = NULL;
    vg_buf_done(&z->shards);
    vg_buf_done(&z->text);
}

const struct vg_sink_ops vg_sink_zeromq = {
    .name = "zeromq",
    .summary = "Publishes events to subscribers over ZeroMQ (ALERT/1).",
    .options = options,
    .self_size = sizeof(struct vg_zeromq),
    .complete = true,
    .check = zeromq_check,
    .open = zeromq_open,
    .deliver = zeromq_deliver,
    .serve = zeromq_serve,
    .reload = zeromq_reload,
    .close = zeromq_close,
};
