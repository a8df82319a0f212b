/* kafka.c - writes every event to a Kafka topic, keyed by patient.
 *
 * Records stay in librdkafka's queue for as long as the brokers are away: what deliver() could not
 * finish in time is remembered, and the next call only waits on. So an outage makes no copies, and
 * what is sent of a patient is in order. Only when the client is broken (librdkafka 2.0.2 can lose
 * count of an idempotent producer's sequence, a fatal error), when a record failed or when the runtime
 * comes with other events is it thrown away and a new one made, which sends again what was not
 * confirmed; event_id tells.
 *
 * Nothing may get in behind a record that has failed and before that is sent again. So none is queued
 * any more from then on, and a failure is a fatal error: else librdkafka would go on with what it has.
 * And one request is under way at a time: of a producer that it does not know yet, a broker takes the
 * second one also when it has refused the first.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/kafka_options.h"
#include "core/sink.h"
#include "core/text.h"
#include "sinks/event_member.h"

enum { SENT_MAX = 1024, POLL_MS = 50, TYPE_SIZE = 48, HEADERS = 6 };

/* A record that is on its way. */
struct sent {
    uint64_t seq;
    bool answered;
    rd_kafka_resp_err_t error;
};

struct kafka {
    char *brokers, *topic;     /* options */
    struct vg_strings options; /* option */
    bool insecure;             /* option */

    int64_t timeout_ns;
    struct vg_buf source; /* ce_source */
    rd_kafka_t *rk;
    struct sent sent[SENT_MAX]; /* in order of seq */
    size_t sent_n;
    bool failed; /* one of the client's records was refused */
    bool broken; /* the client is of no more use */
    char complaint[160];
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct kafka, brokers, "brokers", NULL, VG_OPT_REQUIRED,
                  "Where the cluster answers: HOST:PORT, several separated by commas."),
    VG_OPT_STRING(struct kafka, topic, "topic", NULL, VG_OPT_REQUIRED,
                  "The topic that events are written to; it has to exist."),
    VG_OPT_MAP(struct kafka, options, "options", VG_OPT_SECRET,
               "Options of librdkafka, such as security.protocol or compression.type. Some are "
               "refused with the reason."),
    VG_OPT_BOOL(struct kafka, insecure, "insecure", "false", 0,
                "Allow brokers on another machine without TLS."),
    VG_OPT_END,
};

/* What keeps the order when a record fails; and a broker that hangs is given up after seconds and not
 * after a minute, for by then others have taken over what it led. */
static const char *const ours[][2] = {
    { "enable.gapless.guarantee", "true" },
    { "max.in.flight", "1" },
    { "socket.timeout.ms", "10000" },
};

/* What belongs to Vigil in a producer. */
static const struct {
    const char *key, *why;
} refused[] = {
    { "bootstrap.servers", "it is the option `brokers` of the sink" },
    { "metadata.broker.list", "it is the option `brokers` of the sink" },
    { "acks", "an event counts as delivered when all replicas in sync have it" },
    { "request.required.acks", "an event counts as delivered when all replicas in sync have it" },
    { "enable.idempotence", "without it the order of a patient's events may change" },
    { "enable.gapless.guarantee", "without it the order of a patient's events may change" },
    { "max.in.flight", "with more than one the order of a patient's events may change" },
    { "max.in.flight.requests.per.connection",
      "with more than one the order of a patient's events may change" },
    { "message.timeout.ms", "events are not given up; see the option `max_age`" },
    { "delivery.timeout.ms", "events are not given up; see the option `max_age`" },
    { "partitioner", "it is that of Java's clients, so that a patient's events stay together" },
    { "transactional.id", "deliver() is no transaction: event_id tells copies" },
};

/* ---- configuration ---- */

static const char *refusal(const char *key, const char *value)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(refused); i++) {
        if (strcmp(key, refused[i].key) == 0)
            return refused[i].why;
    }
    return vg_kafka_refusal(key, value);
}

static vg_status set(rd_kafka_conf_t *conf, const char *key, const char *value, struct vg_err *err)
{
    char why[256];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, "options", "librdkafka refuses option %s: %s", key,
                          why);
}

static vg_status fill(rd_kafka_conf_t *conf, const struct kafka *k, struct vg_err *err)
{
    vg_status st = set(conf, "bootstrap.servers", k->brokers, err);

    for (const struct vg_kafka_setting *s = vg_kafka_producer; s->key && st == VG_OK; s++)
        st = set(conf, s->key, s->value, err);
    for (size_t i = 0; i < VG_ARRAY_LEN(ours) && st == VG_OK; i++)
        st = set(conf, ours[i][0], ours[i][1], err);
    for (size_t i = 0; i < k->options.n && st == VG_OK; i++) {
        const char *why = refusal(k->options.key[i], k->options.value[i]);

        if (why)
            return vg_fail_option(err, VG_E_CONFIG, "options",
                                  "option %s is not accepted here: %s; remove it",
                                  k->options.key[i], why);
        st = set(conf, k->options.key[i], k->options.value[i], err);
    }
    return st;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka *k = opaque;
    uint64_t seq = (uintptr_t)message->_private;

    (void)rk;
    for (size_t i = 0; i < k->sent_n; i++) {
        if (k->sent[i].seq == seq) {
            k->sent[i].answered = true;
            k->sent[i].error = message->err;
            k->failed |= message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
            return;
        }
    }
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    const char *advice = vg_kafka_login_advice(&k->options, rd_kafka_version());
    char why[sizeof(k->complaint)];

    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && advice)
        reason = advice;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        k->broken = true;
        rd_kafka_fatal_error(rk, why, sizeof(why));
        reason = why;
    }
    /* Why each of them is down was said before. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->complaint[0])
        return;
    snprintf(k->complaint, sizeof(k->complaint), "%s", reason);
}

/* What matters comes by on_error() and on_delivery(); the rest is for debugging librdkafka. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static vg_status make_client(struct kafka *k, rd_kafka_t **ret, struct vg_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    vg_status st = fill(conf, k, err);

    if (st != VG_OK) {
        rd_kafka_conf_destroy(conf);
        return st;
    }
    k->failed = k->broken = false;
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    *ret = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (*ret)
        return VG_OK;
    rd_kafka_conf_destroy(conf);
    return vg_fail_option(err, VG_E_CONFIG, "options",
                          "librdkafka refuses these options together: %s", why);
}

static vg_status kafka_check(void *self, struct vg_err *err)
{
    struct kafka *k = self;
    rd_kafka_conf_t *conf;
    vg_status st = vg_kafka_check_brokers(k->brokers, err);

    if (st == VG_OK)
        st = vg_kafka_check_transport(k->brokers, &k->options, k->insecure, err);
    if (st == VG_OK)
        st = vg_kafka_check_topic(k->topic, err);
    if (st != VG_OK)
        return st;
    /* Options as such; a client made of them would begin to connect. */
    conf = rd_kafka_conf_new();
    st = fill(conf, k, err);
    rd_kafka_conf_destroy(conf);
    return st;
}

/* ---- delivering ---- */

static void drop_client(struct kafka *k)
{
    k->sent_n = 0;
    if (k->rk) {
        rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(k->rk);
    }
    k->rk = NULL;
}

/* The first `n` of what is on its way are done with. */
static void forget(struct kafka *k, size_t n)
{
    if (n > k->sent_n)
        n = k->sent_n;
    k->sent_n -= n;
    memmove(k->sent, k->sent + n, k->sent_n * sizeof(k->sent[0]));
}

/* CloudEvents 1.0, Kafka protocol binding, binary mode: the value is the event as it is everywhere. */
static rd_kafka_headers_t *make_headers(const struct kafka *k, const struct vg_delivery *event)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS);
    char id[VG_EVENT_ID_TEXT_SIZE], type[TYPE_SIZE], time[VG_TIME_TEXT_SIZE];
    const char *const all[HEADERS][2] = {
        { "ce_specversion", "1.0" }, { "ce_id", id },     { "ce_source", k->source.data },
        { "ce_type", type },         { "ce_time", time }, { "content-type", "application/json" },
    };

    vg_event_id_text(event->episode_id, event->number, id);
    vg_format_time(event->time_ns, time);
    snprintf(type, sizeof(type), "vigil.alert.1.%s", vg_phase_name(event->phase));
    for (size_t i = 0; i < HEADERS; i++)
        rd_kafka_header_add(headers, all[i][0], -1, all[i][1], -1);
    return headers;
}

static rd_kafka_resp_err_t queue(const struct kafka *k, const struct vg_delivery *event)
{
    rd_kafka_headers_t *headers = make_headers(k, event);
    char patient[VG_PATIENT_SIZE];
    uintptr_t seq = event->seq;
    void *body, *opaque; /* librdkafka only keeps the one and copies the other */
    rd_kafka_error_t *error;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    /* What concerns no patient (a shard's own trouble) has no key: it may go to any partition. */
    vg_event_member(event, "patient", patient, sizeof(patient));
    memcpy(&body, &event->json, sizeof(body));
    memcpy(&opaque, &seq, sizeof(opaque));
    const rd_kafka_vu_t fields[] = {
        { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = k->topic },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { patient[0] ? patient : NULL, strlen(patient) } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { body, event->len } },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = event->time_ns / VG_NS_PER_MS },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque },
    };
    error = rd_kafka_produceva(k->rk, fields, VG_ARRAY_LEN(fields));
    if (error) {
        code = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        rd_kafka_headers_destroy(headers); /* taken over only when it is queued */
    }
    return code;
}

/* Whether what is on its way is what the runtime wants delivered first. */
static bool goes_on(const struct kafka *k, const struct vg_delivery *events, size_t n)
{
    for (size_t i = 0; i < k->sent_n && i < n; i++) {
        if (k->sent[i].seq != events[i].seq)
            return false;
    }
    return k->sent_n <= n;
}

/* Queues what is not on its way yet; a record that does not fit in the queue waits for its turn. */
static void queue_rest(struct kafka *k, const struct vg_delivery *events, size_t n)
{
    while (k->sent_n < n && !k->failed && !k->broken) {
        struct sent *s = &k->sent[k->sent_n];
        rd_kafka_resp_err_t e;

        *s = (struct sent){ .seq = events[k->sent_n].seq };
        e = queue(k, &events[k->sent_n]);
        if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return;
        if (e) {
            s->answered = k->failed = true;
            s->error = e;
        }
        k->sent_n++;
    }
}

/* How many of the first are confirmed. */
static size_t confirmed(const struct kafka *k)
{
    size_t n = 0;

    while (n < k->sent_n && k->sent[n].answered && !k->sent[n].error)
        n++;
    return n;
}

/* Whether more waiting could change what judge() says of the first n. */
static bool is_settled(const struct kafka *k, size_t n)
{
    size_t first = confirmed(k);

    return first >= n || (first < k->sent_n && k->sent[first].answered);
}

static void wait_for_answers(struct kafka *k, const struct vg_delivery *events, size_t n)
{
    int64_t deadline_ns = vg_mono_ns() + k->timeout_ns;
    bool more;

    do {
        queue_rest(k, events, n);
        more = rd_kafka_poll(k->rk, POLL_MS) > 0;
        /* A client tells that it is broken, and then which record broke it. */
    } while (!is_settled(k, n) && (more || !k->broken) && vg_mono_ns() < deadline_ns);
}

static bool is_data(rd_kafka_resp_err_t e)
{
    return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || e == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           e == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

static void judge(const struct kafka *k, size_t n, size_t *done, vg_status *st, struct vg_err *err)
{
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;

    *done = confirmed(k) < n ? confirmed(k) : n;
    if (*done == n)
        return;
    if (*done < k->sent_n && k->sent[*done].answered)
        e = k->sent[*done].error;
    if (is_data(e))
        *st = vg_fail(err, VG_E_RANGE, "the brokers refuse it: %s", rd_kafka_err2str(e));
    else if (e)
        *st = vg_fail(err, VG_E_TEMPORARY, "topic %s: %s", k->topic, rd_kafka_err2str(e));
    else
        *st = vg_fail(err, VG_E_UNAVAILABLE, "%zu events are not confirmed by the brokers%s%s",
                      n - *done, k->complaint[0] ? ": " : "", k->complaint);
}

static vg_status deliver_some(struct kafka *k, const struct vg_delivery *events, size_t n,
                              size_t *done, struct vg_err *err)
{
    vg_status st = VG_OK;

    *done = 0;
    VG_CHECK(n <= SENT_MAX);
    if (k->rk && !goes_on(k, events, n))
        drop_client(k);
    if (!k->rk)
        st = make_client(k, &k->rk, err);
    if (st != VG_OK)
        return st;
    wait_for_answers(k, events, n);
    judge(k, n, done, &st, err);
    if (st == VG_OK)
        k->complaint[0] = '\0';
    if (k->failed || k->broken)
        drop_client(k);
    else
        forget(k, *done);
    return st;
}

/* Brokers refuse a batch as a whole, and a record that fails stops the others: singly, they go through
 * and the one that is wrong is found. */
static vg_status deliver_singly(struct kafka *k, const struct vg_delivery *events, size_t n,
                                size_t *done, struct vg_err *err)
{
    vg_status st = VG_OK;

    while (*done < n && st == VG_OK) {
        size_t one = 0;

        st = deliver_some(k, &events[*done], 1, &one, err);
        *done += one;
    }
    return st;
}

static vg_status kafka_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                               struct vg_err *err)
{
    struct kafka *k = self;
    vg_status st = deliver_some(k, events, n, done, err);

    return st != VG_OK && k->failed && n > 1 ? deliver_singly(k, events, n, done, err) : st;
}

static vg_status kafka_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct kafka *k = self;

    (void)err;
    k->timeout_ns = env->timeout_ns;
    vg_buf_printf(&k->source, "vigil/%s", env->pipeline);
    return VG_OK;
}

static void kafka_close(void *self)
{
    struct kafka *k = self;

    drop_client(k);
    vg_buf_done(&k->source);
}

const struct vg_sink_ops vg_sink_kafka = {
    .name = "kafka",
    .summary = "Writes every event to a Kafka topic, keyed by patient.",
    .options = options,
    .self_size = sizeof(struct kafka),
    .check = kafka_check,
    .open = kafka_open,
    .deliver = kafka_deliver,
    .close = kafka_close,
};
