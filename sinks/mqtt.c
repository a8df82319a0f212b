/* mqtt.c - publishes every event to an MQTT broker, which acknowledges it.
 *
 * MQTT 5, because a broker of an older version acknowledges also what its access list has just thrown
 * away; version 5 says so. The client is driven by deliver() and serve() in the sink's own thread. What
 * is not acknowledged in time is not waited for any longer: the connection is dropped, and a new one
 * sends it again. So the session is clean, nothing stays in the client, and event_id tells copies.
 */
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/host.h"
#include "core/sink.h"
#include "sinks/certificate.h"
#include "sinks/event_member.h"

enum {
    PORT = 1883,
    PORT_TLS = 8883,
    KEEPALIVE_S = 30,
    TOPIC_MAX = 200,
    BATCH_MAX = 64,
    TURN_MS = 250,
    /* From here on a reason code of MQTT 5 is a refusal. */
    REFUSED = 0x80,
    REASON_NONE = -1,
};

/* An event that was published and waits for its acknowledgement. */
struct sent {
    int mid;
    int reason; /* of MQTT 5; REASON_NONE: not answered */
};

struct mqtt {
    char *address, *topic, *username, *password, *client_id; /* options */
    struct vg_certificate_options certs;                     /* options */
    int64_t qos;                                             /* option */
    bool refused; /* the last answer was a refusal: nothing goes out behind one, again and again */
    bool tls, insecure; /* options */

    char *host;
    int port;
    char *name; /* of the client */
    int64_t timeout_ns;
    struct mosquitto *client; /* NULL: there is no connection */
    bool linked;              /* the transport is there */
    size_t greeted;           /* 1: the broker has answered ... */
    int greeting;             /* ... with this reason code */
    struct sent sent[BATCH_MAX];
    size_t sent_n, answered_n;
    char patient[BATCH_MAX][VG_PATIENT_SIZE]; /* of them */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct mqtt, address, "address", NULL, VG_OPT_REQUIRED,
                  "The broker: HOST:PORT; without a port 1883, or 8883 with `tls`."),
    VG_OPT_STRING(struct mqtt, topic, "topic", "vigil", 0,
                  "Events are published to TOPIC/WARD/PRIORITY."),
    VG_OPT_INT(struct mqtt, qos, "qos", "1", 0, 2, "", 0,
               "1: an event may come twice. 2: only if a connection breaks. 0 is refused."),
    VG_OPT_STRING(struct mqtt, username, "username", NULL, 0, "As the broker knows Vigil."),
    VG_OPT_STRING(struct mqtt, password, "password", NULL, VG_OPT_SECRET, "Of `username`."),
    VG_OPT_STRING(
        struct mqtt, client_id, "client_id", NULL, 0,
        "Name of the connection, which a broker gives to one client at a time. Default: made "
        "of the names of pipeline and sink and the outbox."),
    VG_OPT_BOOL(struct mqtt, tls, "tls", "false", 0,
                "Speak TLS; the broker's certificate is checked."),
    VG_CERTIFICATE_OPTIONS(struct mqtt, certs),
    VG_OPT_BOOL(struct mqtt, insecure, "insecure", "false", 0,
                "Allow a broker on another machine without TLS."),
    VG_OPT_END,
};

/* ---- checking ---- */

static vg_status check_address(const struct mqtt *m, struct vg_err *err)
{
    char *host;
    int port;
    bool here;

    if (!vg_host_split(m->address, &host, &port))
        return vg_fail_option(err, VG_E_CONFIG, "address", "expected HOST:PORT, got \"%.100s\"",
                              m->address);
    here = vg_host_is_loopback(host, strlen(host));
    free(host);
    if (!here && !m->tls && !m->insecure)
        return vg_fail_option(
            err, VG_E_CONFIG, "address",
            "%.100s is another machine, and patients' data would go there in plain "
            "text: use tls: true, or insecure: true",
            m->address);
    return VG_OK;
}

static vg_status check_topic(const struct mqtt *m, struct vg_err *err)
{
    size_t n = strlen(m->topic);

    if (n == 0 || n > TOPIC_MAX || m->topic[0] == '/' || m->topic[0] == '$' ||
        m->topic[n - 1] == '/' || mosquitto_pub_topic_check(m->topic) != MOSQ_ERR_SUCCESS)
        return vg_fail_option(
            err, VG_E_CONFIG, "topic",
            "expected the start of a topic, such as vigil: 1 to %d bytes without + "
            "and #, neither $ nor / first, no / last",
            TOPIC_MAX);
    return VG_OK;
}

static vg_status mqtt_check(void *self, struct vg_err *err)
{
    const struct mqtt *m = self;
    vg_status st = check_address(m, err);

    if (st == VG_OK)
        st = check_topic(m, err);
    if (st == VG_OK)
        st = vg_certificate_check_tls(&m->certs, m->tls, err);
    if (st != VG_OK)
        return st;
    if (m->qos == 0)
        return vg_fail_option(err, VG_E_CONFIG, "qos",
                              "with 0 a broker acknowledges nothing, and an alert could be lost "
                              "without anybody knowing: say 1 or 2");
    if (m->password && !m->username)
        return vg_fail_option(err, VG_E_CONFIG, "password", "needs a `username`");
    return VG_OK;
}

/* ---- the connection ---- */

static void on_connect(struct mosquitto *client, void *self, int reason, int flags,
                       const mosquitto_property *properties)
{
    struct mqtt *m = self;

    (void)client;
    (void)flags;
    (void)properties;
    m->greeted = 1;
    m->greeting = reason;
}

static void on_publish(struct mosquitto *client, void *self, int mid, int reason,
                       const mosquitto_property *properties)
{
    struct mqtt *m = self;

    (void)client;
    (void)properties;
    for (size_t i = 0; i < m->sent_n; i++) {
        if (m->sent[i].mid == mid && m->sent[i].reason == REASON_NONE) {
            m->sent[i].reason = reason;
            m->answered_n++;
        }
    }
}

/* Else OpenSSL would ask at the terminal. */
static int no_password(char *out, /* NOLINT(readability-non-const-parameter): the library's type */
                       int size, int writing, void *self)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)self;
    return 0;
}

static void disconnect(struct mqtt *m)
{
    if (m->client)
        mosquitto_destroy(m->client);
    m->client = NULL;
}

/* The connection is of no more use. */
static vg_status lost(struct mqtt *m, int rc, const char *what, struct vg_err *err)
{
    const char *why = rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);

    disconnect(m);
    return vg_fail(err, VG_E_UNAVAILABLE, "%s: %s", what, why);
}

static int set_tls(struct mqtt *m)
{
    const struct vg_certificate_options *certs = &m->certs;
    int rc = MOSQ_ERR_SUCCESS;

    if (!m->tls)
        return rc;
    if (certs->ca_file || certs->certificate)
        rc = mosquitto_tls_set(m->client, certs->ca_file, certs->ca_file ? NULL : "/etc/ssl/certs",
                               certs->certificate, certs->key, no_password);
    else
        rc = mosquitto_int_option(m->client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    return rc;
}

static vg_status connect_to_broker(struct mqtt *m, struct vg_err *err)
{
    int rc;

    m->greeted = 0;
    m->client = mosquitto_new(m->name, true, m);
    VG_CHECK(m->client);
    m->linked = false;
    mosquitto_connect_v5_callback_set(m->client, on_connect);
    mosquitto_publish_v5_callback_set(m->client, on_publish);
    rc = mosquitto_int_option(m->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_int_option(m->client, MOSQ_OPT_TCP_NODELAY, 1);
    if (rc == MOSQ_ERR_SUCCESS && m->username)
        rc = mosquitto_username_pw_set(m->client, m->username, m->password);
    if (rc != MOSQ_ERR_SUCCESS)
        return lost(m, rc, "cannot prepare a connection", err);
    rc = set_tls(m);
    if (rc != MOSQ_ERR_SUCCESS)
        return lost(m, rc, "cannot use `ca`, `certificate` or `key`", err);
    rc = mosquitto_connect_async(m->client, m->host, m->port, KEEPALIVE_S);
    return rc == MOSQ_ERR_SUCCESS ? VG_OK : lost(m, rc, "no connection", err);
}

/* Whether the transport came about; the client does not look. False: see errno. */
static bool is_linked(int fd)
{
    int error = 0;
    socklen_t n = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        return false;
    errno = error;
    return error == 0;
}

/* Reads and writes what is possible within `timeout_ms`, or until wake_fd (-1: none) is readable. */
static int turn(struct mqtt *m, int wake_fd, int timeout_ms)
{
    struct pollfd p[2] = {
        { .fd = mosquitto_socket(m->client), .events = POLLIN },
        { .fd = wake_fd, .events = POLLIN },
    };
    const int on = 1;
    int rc = MOSQ_ERR_SUCCESS;

    /* Many brokers hold a second answer back until the first is confirmed, for which the kernel would
     * take 40 ms. It forgets this wish again and again. */
    setsockopt(p[0].fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    /* The client does not ask to write while the transport is being made: with TLS it would wait for
     * ever for a broker that waits for its first word. */
    if (!m->linked || mosquitto_want_write(m->client))
        p[0].events |= POLLOUT;
    if (poll(p, VG_ARRAY_LEN(p), timeout_ms) < 0)
        return errno == EINTR ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ERRNO;
    if (!m->linked && p[0].revents && !is_linked(p[0].fd))
        return MOSQ_ERR_ERRNO;
    errno = 0;
    if (p[0].revents & POLLOUT) {
        rc = mosquitto_loop_write(m->client, 1);
        if (rc == MOSQ_ERR_SUCCESS && !m->linked && m->tls)
            rc = mosquitto_loop_read(m->client, 1);
        m->linked = true;
    }
    errno = 0;
    if (rc == MOSQ_ERR_SUCCESS && p[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(m->client, 1);
    return rc == MOSQ_ERR_SUCCESS ? mosquitto_loop_misc(m->client) : rc;
}

/* Turns until `*progress` is `goal`; each step towards it may take as long as the timeout. */
static vg_status wait_for(struct mqtt *m, const size_t *progress, size_t goal, struct vg_err *err)
{
    int64_t end_ns = vg_mono_ns() + m->timeout_ns;
    size_t had = *progress;

    while (*progress < goal) {
        int64_t left_ns = end_ns - vg_mono_ns();
        int64_t left_ms = left_ns / VG_NS_PER_MS + 1;
        int rc;

        if (left_ns <= 0) {
            disconnect(m);
            return vg_fail(err, VG_E_UNAVAILABLE, "no answer from the broker within the timeout");
        }
        rc = turn(m, -1, left_ms < TURN_MS ? (int)left_ms : TURN_MS);
        if (rc != MOSQ_ERR_SUCCESS)
            return lost(m, rc, "connection lost", err);
        if (*progress > had)
            end_ns = vg_mono_ns() + m->timeout_ns;
        had = *progress;
    }
    return VG_OK;
}

static vg_status ensure_connected(struct mqtt *m, struct vg_err *err)
{
    vg_status st;

    if (m->client)
        return VG_OK;
    st = connect_to_broker(m, err);
    if (st == VG_OK)
        st = wait_for(m, &m->greeted, 1, err);
    /* What the client calls a broken protocol may be an answer. */
    if (m->greeted == 0 || m->greeting == 0)
        return st;
    disconnect(m);
    return vg_fail(err, VG_E_UNAVAILABLE, "the broker refuses the connection: %s",
                   mosquitto_reason_string(m->greeting));
}

/* ---- delivering ---- */

static int publish(struct mqtt *m, const struct vg_delivery *event)
{
    char topic[TOPIC_MAX + VG_WARD_SIZE + VG_NAME_SIZE];
    mosquitto_property *properties = NULL;
    struct sent *sent = &m->sent[m->sent_n];
    int rc;

    snprintf(topic, sizeof(topic), "%s/%s/%s", m->topic, event->ward,
             vg_priority_name(event->priority));
    rc = mosquitto_property_add_string(&properties, MQTT_PROP_CONTENT_TYPE, "application/json");
    VG_CHECK(rc == MOSQ_ERR_SUCCESS);
    sent->reason = REASON_NONE;
    rc = mosquitto_publish_v5(m->client, &sent->mid, topic, (int)event->len, event->json,
                              (int)m->qos, false, properties);
    mosquitto_property_free_all(&properties);
    m->sent_n += rc == MOSQ_ERR_SUCCESS;
    return rc;
}

/* How many of the first are acknowledged; *ret_reason is what the next one was answered. */
static size_t acknowledged(const struct mqtt *m, int *ret_reason)
{
    size_t n = 0;

    while (n < m->sent_n && m->sent[n].reason >= 0 && m->sent[n].reason < REFUSED)
        n++;
    *ret_reason = n < m->sent_n ? m->sent[n].reason : REASON_NONE;
    return n;
}

/* A refusal is tried again, unless it is about the event itself: an access list or a quota is what the
 * broker's people change. */
static vg_status refused(int reason, struct vg_err *err)
{
    bool forever = reason == MQTT_RC_PACKET_TOO_LARGE || reason == MQTT_RC_PAYLOAD_FORMAT_INVALID;

    return vg_fail(err, forever ? VG_E_RANGE : VG_E_TEMPORARY, "the broker refuses an event: %s",
                   mosquitto_reason_string(reason));
}

/* Publishes up to n events, and waits for all that were. */
static vg_status publish_all(struct mqtt *m, const struct vg_delivery *events, size_t n,
                             size_t *done, struct vg_err *err)
{
    int rc = MOSQ_ERR_SUCCESS, reason;
    size_t sent;
    vg_status st;

    m->sent_n = m->answered_n = 0;
    for (size_t i = 0; i < n && rc == MOSQ_ERR_SUCCESS; i++)
        rc = publish(m, &events[i]);
    sent = m->sent_n;
    if (rc != MOSQ_ERR_SUCCESS && rc != MOSQ_ERR_OVERSIZE_PACKET)
        return lost(m, rc, "cannot publish", err);
    st = wait_for(m, &m->answered_n, sent, err);
    *done = acknowledged(m, &reason);
    m->refused = reason >= REFUSED;
    if (st != VG_OK)
        return st;
    if (reason != REASON_NONE)
        return refused(reason, err);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET)
        return vg_fail(err, VG_E_RANGE, "the event is larger than the broker takes");
    return VG_OK;
}

/* How many of the first n concern different patients; what concerns none counts as one patient's. */
static size_t apart(struct mqtt *m, const struct vg_delivery *events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        vg_event_member(&events[i], "patient", m->patient[i], sizeof(m->patient[i]));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(m->patient[k], m->patient[i]) == 0)
                return i;
        }
    }
    return n;
}

static vg_status mqtt_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *err)
{
    struct mqtt *m = self;
    vg_status st = VG_OK;

    *done = 0;
    while (*done < n && st == VG_OK) {
        size_t most = m->refused ? 1 : BATCH_MAX, got = 0;
        size_t part = n - *done < most ? n - *done : most;

        st = ensure_connected(m, err);
        if (st == VG_OK)
            st = publish_all(m, events + *done, apart(m, events + *done, part), &got, err);
        *done += got;
    }
    return st;
}

/* Answers the broker's and sends our own signs of life. */
static void mqtt_serve(void *self, int wake_fd, int timeout_ms)
{
    struct mqtt *m = self;
    struct pollfd p = { .fd = wake_fd, .events = POLLIN };

    if (!m->client)
        poll(&p, 1, timeout_ms);
    else if (turn(m, wake_fd, timeout_ms) != MOSQ_ERR_SUCCESS)
        disconnect(m);
}

/* ---- life ---- */

static void init_library(void)
{
    mosquitto_lib_init();
}

static vg_status mqtt_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mqtt *m = self;
    struct vg_buf name = VG_BUF_INIT;

    pthread_once(&once, init_library);
    if (!vg_host_split(m->address, &m->host, &m->port))
        return vg_fail_option(err, VG_E_CONFIG, "address", "expected HOST:PORT");
    if (m->port == 0)
        m->port = m->tls ? PORT_TLS : PORT;
    m->timeout_ns = env->timeout_ns;
    /* Instances of a pipeline have the same name and may use one broker: the outbox tells them apart. */
    if (m->client_id)
        vg_buf_str(&name, m->client_id);
    else
        vg_buf_printf(&name, "%s-%s-%02x%02x%02x%02x", env->pipeline, env->name, env->outbox[0],
                      env->outbox[1], env->outbox[2], env->outbox[3]);
    m->name = name.data;
    return VG_OK;
}

static void mqtt_close(void *self)
{
    struct mqtt *m = self;

    if (m->client) {
        mosquitto_disconnect(m->client);
        (void)mosquitto_loop_write(m->client, 1);
    }
    disconnect(m);
    free(m->host);
    free(m->name);
    m->host = m->name = NULL;
}

const struct vg_sink_ops vg_sink_mqtt = {
    .name = "mqtt",
    .summary = "Publishes every event to an MQTT broker, which acknowledges it.",
    .options = options,
    .self_size = sizeof(struct mqtt),
    .check = mqtt_check,
    .open = mqtt_open,
    .deliver = mqtt_deliver,
    .serve = mqtt_serve,
    .close = mqtt_close,
};
