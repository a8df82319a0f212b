/* produce.c - writing messages to a Kafka topic, each counted when the broker has it. */
#include "app/produce.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000, FLUSH_MS = 60000, QUEUE_FULL_MS = 100, POLL_EVERY = 256 };

struct vg_producer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    uint64_t sent, delivered, failed;
    rd_kafka_resp_err_t last_error; /* of a delivery */
    bool fatal;
};

/* Everything that matters for a faithful log is said here, whatever the defaults become. */
static const char *const settings[][2] = {
    { "client.id", "vigil" },
    { "acks", "all" },
    { "enable.idempotence", "true" },
    { "partitioner", "murmur2" },
    { "linger.ms", "5" },
    { "message.timeout.ms", "60000" },
    { "queue.buffering.max.messages", "200000" },
    { "log_level", "2" },
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct vg_producer *p = opaque;

    (void)rk;
    if (message->err) {
        p->failed++;
        p->last_error = message->err;
    } else {
        p->delivered++;
    }
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct vg_producer *p = opaque;

    (void)rk;
    (void)reason;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        p->fatal = true;
}

static vg_status configure(struct vg_producer *p, const char *brokers, struct vg_err *err)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok =
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) == RD_KAFKA_CONF_OK;

    for (size_t i = 0; ok && i < VG_ARRAY_LEN(settings); i++)
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)) ==
             RD_KAFKA_CONF_OK;
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    p->rk = ok ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)) : NULL;
    if (p->rk)
        return VG_OK;
    rd_kafka_conf_destroy(conf);
    return vg_fail(err, VG_E_USAGE, "brokers \"%s\": %s", brokers, why);
}

static vg_status ask_topic(struct vg_producer *p, const char *brokers, const char *name,
                           struct vg_err *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t e;

    p->topic = rd_kafka_topic_new(p->rk, name, NULL);
    if (!p->topic)
        return vg_fail(err, VG_E_USAGE, "topic \"%s\": %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));
    e = rd_kafka_metadata(p->rk, 0, p->topic, &metadata, ANSWER_MS);
    if (e)
        return vg_fail(err, VG_E_UNAVAILABLE, "no Kafka broker answers at %s (%s)", brokers,
                       rd_kafka_err2str(e));
    e = metadata->topic_cnt ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(metadata);
    if (e)
        return vg_fail(err, VG_E_UNAVAILABLE, "topic \"%s\" at %s: %s; create it first", name,
                       brokers, rd_kafka_err2str(e));
    return VG_OK;
}

vg_status vg_producer_open(const char *brokers, const char *topic, struct vg_producer **ret,
                           struct vg_err *err)
{
    struct vg_producer *p = calloc(1, sizeof(*p));
    vg_status st;

    VG_CHECK(p);
    st = configure(p, brokers, err);
    if (st == VG_OK)
        st = ask_topic(p, brokers, topic, err);
    if (st != VG_OK) {
        vg_producer_free(p);
        p = NULL;
    }
    *ret = p;
    return st;
}

static rd_kafka_resp_err_t queue(struct vg_producer *p, const char *key, const void *value,
                                 size_t len, int64_t time_ns)
{
    void *bytes; /* only read, but librdkafka has no const here */

    memcpy(&bytes, &value, sizeof(bytes));
    /* NOLINTNEXTLINE(clang-diagnostic-cast-qual): the macro has no const either */
    return rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(p->topic), RD_KAFKA_V_KEY(key, strlen(key)),
                             RD_KAFKA_V_VALUE(bytes, len),
                             RD_KAFKA_V_TIMESTAMP(time_ns / VG_NS_PER_MS),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}

vg_status vg_producer_send(struct vg_producer *p, const char *key, const void *value, size_t len,
                           int64_t time_ns, struct vg_err *err)
{
    rd_kafka_resp_err_t e;

    if (++p->sent % POLL_EVERY == 0)
        rd_kafka_poll(p->rk, 0);
    while ((e = queue(p, key, value, len, time_ns)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(p->rk, QUEUE_FULL_MS);
    if (e || p->fatal)
        return vg_fail(err, VG_E_FAILED, "record %llu could not be sent: %s",
                       (unsigned long long)p->sent, rd_kafka_err2str(e));
    return VG_OK;
}

void vg_producer_poll(struct vg_producer *p, int timeout_ms)
{
    rd_kafka_poll(p->rk, timeout_ms);
}

vg_status vg_producer_flush(struct vg_producer *p, struct vg_err *err)
{
    rd_kafka_resp_err_t e = rd_kafka_flush(p->rk, FLUSH_MS);
    uint64_t lost = p->sent - p->delivered;

    if (lost == 0)
        return VG_OK;
    return vg_fail(err, e == RD_KAFKA_RESP_ERR__TIMED_OUT ? VG_E_UNAVAILABLE : VG_E_FAILED,
                   "%llu of %llu records were not delivered: %s", (unsigned long long)lost,
                   (unsigned long long)p->sent, rd_kafka_err2str(p->failed ? p->last_error : e));
}

void vg_producer_free(struct vg_producer *p)
{
    if (!p)
        return;
    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    if (p->rk) {
        rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(p->rk);
    }
    free(p);
}
