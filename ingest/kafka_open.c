/* kafka_open.c - a consumer is made, finds its topic, joins its group, and leaves. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/kafka_options.h"
#include "core/text.h"
#include "ingest/kafka_conf.h"
#include "ingest/kafka_parts.h"

static const int64_t close_timeout_ns = 5 * VG_NS_PER_S;

/* What is left until `deadline_ns`, at most `most_ms`. */
static int left_ms(int64_t deadline_ns, int most_ms)
{
    int64_t ms = (deadline_ns - vg_mono_ns()) / VG_NS_PER_MS;

    return ms < 0 ? 0 : ms < most_ms ? (int)ms : most_ms;
}

/* service.name@hostname */
static void instance_name(const struct kafka *k, char *out, size_t size)
{
    char host[64] = "localhost";

    if (k->instance) {
        snprintf(out, size, "%s", k->instance);
        return;
    }
    gethostname(host, sizeof(host) - 1);
    snprintf(out, size, "%s@%s", k->env.service, host);
}

static vg_status make_client(struct kafka *k, struct vg_err *err)
{
    char instance[256], alone[256], why[256];
    struct vg_kafka_conf want = { k->brokers, k->group, instance, &k->options };
    rd_kafka_conf_t *conf;

    instance_name(k, instance, sizeof(instance));
    snprintf(alone, sizeof(alone), "vigil-%s", k->env.service);
    if (!k->member) {
        want.group = k->group ? k->group : alone;
        want.instance = NULL;
    }
    conf = vg_kafka_conf_new(&want, err);
    if (!conf)
        return err->status;
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_error_cb(conf, vg_kafka_on_error);
    rd_kafka_conf_set_log_cb(conf, vg_kafka_on_log);
    rd_kafka_conf_set_rebalance_cb(conf, vg_kafka_on_rebalance);
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!k->rk) {
        rd_kafka_conf_destroy(conf);
        return vg_fail(err, VG_E_CONFIG, "librdkafka cannot make a consumer: %s", why);
    }
    rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_set_log_queue(k->rk, NULL);
    return VG_OK;
}

/* ---- the topic ---- */

/* Runs the callbacks that wait; nothing is assigned yet, so no record can come. */
static void serve_callbacks(struct kafka *k, int timeout_ms)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, timeout_ms);

    if (m)
        rd_kafka_message_destroy(m);
}

static vg_status fail_no_broker(const struct kafka *k, struct vg_err *err)
{
    const char *advice = vg_kafka_login_advice(&k->options, rd_kafka_version());
    char waited[VG_DURATION_TEXT_SIZE];

    if (k->last_code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        return vg_fail_option(err, VG_E_UNAVAILABLE, "options",
                              "the brokers at %s refuse this user: %s; see sasl.mechanism, "
                              "sasl.username and sasl.password%s%s",
                              k->brokers, k->last_error, advice ? "; " : "", advice ? advice : "");
    /* A handshake that fails early counts as the connection's failure. */
    if (k->last_code == RD_KAFKA_RESP_ERR__SSL || strstr(k->last_error, "SSL routines"))
        return vg_fail_option(err, VG_E_UNAVAILABLE, "options",
                              "no TLS connection to the brokers at %s: %s; is ssl.ca.location the "
                              "authority that signed their certificates?",
                              k->brokers, k->last_error);
    vg_format_duration(k->connect_timeout_ns, waited);
    return vg_fail_option(err, VG_E_UNAVAILABLE, "brokers",
                          "no broker answered at %s within %s; is Kafka running, and is this its "
                          "address? Last: %s",
                          k->brokers, waited, k->last_error[0] ? k->last_error : "no answer");
}

static vg_status fail_topic(const struct kafka *k, rd_kafka_resp_err_t code, struct vg_err *err)
{
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return vg_fail_option(err, VG_E_UNAVAILABLE, "topic",
                              "topic %s does not exist on %s; create it (kafka-topics.sh --create "
                              "--topic %s --partitions N) or correct `topic`",
                              k->topic, k->brokers, k->topic);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return vg_fail_option(err, VG_E_UNAVAILABLE, "topic",
                              "the brokers do not let this user read topic %s; grant Read and "
                              "Describe on it",
                              k->topic);
    return vg_fail_option(err, VG_E_UNAVAILABLE, "topic", "topic %s is not usable: %s", k->topic,
                          rd_kafka_err2str(code));
}

/* As soon as they are known: from then on a broker that is away puts each of them in doubt. */
static void make_shards(struct kafka *k, uint32_t n)
{
    k->shards = calloc(n, sizeof(*k->shards));
    VG_CHECK(k->shards != NULL);
    for (uint32_t i = 0; i < n; i++)
        k->shards[i].end = -1;
    k->shards_n = n;
}

/* Asks once for the partitions of the topic. */
static rd_kafka_resp_err_t ask_partitions(struct kafka *k, rd_kafka_topic_t *topic, int timeout_ms,
                                          bool *answered)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, topic, &md, timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return code;
    *answered = true;
    code = md->topics[0].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && md->topics[0].partition_cnt > 0)
        make_shards(k, (uint32_t)md->topics[0].partition_cnt);
    rd_kafka_metadata_destroy(md);
    return code;
}

static vg_status learn_topic(struct kafka *k, struct vg_err *err)
{
    int64_t deadline_ns = vg_mono_ns() + k->connect_timeout_ns;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->rk, k->topic, NULL);
    rd_kafka_resp_err_t code;
    bool answered = false, again;

    do {
        code = ask_partitions(k, topic, left_ms(deadline_ns, INT_MAX), &answered);
        /* A topic just made has no leader for a moment; other answers about it are final. */
        again = !answered || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        serve_callbacks(k, code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 50);
    } while (k->shards_n == 0 && again && !k->failed && vg_mono_ns() < deadline_ns);
    rd_kafka_topic_destroy(topic);
    if (k->shards_n > 0)
        return VG_OK;
    if (k->failed)
        *err = k->failure;
    else if (answered)
        fail_topic(k, code, err);
    else
        fail_no_broker(k, err);
    return err->status;
}

static vg_status learn_cluster(struct kafka *k, struct vg_source_info *ret, struct vg_err *err)
{
    char *id = rd_kafka_clusterid(k->rk, vg_kafka_connect_timeout_ms(k));

    if (!id)
        return vg_fail(err, VG_E_UNAVAILABLE, "the brokers at %s do not tell their cluster's id",
                       k->brokers);
    snprintf(ret->cluster, sizeof(ret->cluster), "%s", id);
    rd_kafka_mem_free(k->rk, id);
    return VG_OK;
}

vg_status vg_kafka_source_open(void *self, const struct vg_source_env *env,
                               struct vg_source_info *ret, struct vg_err *err)
{
    struct kafka *k = self;
    vg_status st;

    k->env = *env;
    k->member = k->group && !env->until_end;
    st = make_client(k, err);
    if (st == VG_OK)
        st = learn_topic(k, err);
    if (st == VG_OK)
        st = learn_cluster(k, ret, err);
    if (st != VG_OK)
        return st;
    ret->shards = k->shards_n;
    ret->topic = k->topic;
    return VG_OK;
}

/* ---- start and close ---- */

static vg_status join_group(struct kafka *k, struct vg_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    rd_kafka_topic_partition_list_add(list, k->topic, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return VG_OK;
    return vg_fail(err, VG_E_TEMPORARY, "cannot subscribe to %s: %s", k->topic,
                   rd_kafka_err2str(code));
}

vg_status vg_kafka_source_start(void *self, struct vg_err *err)
{
    struct kafka *k = self;
    rd_kafka_topic_partition_list_t *list;
    vg_status st;

    if (k->member)
        return join_group(k, err);
    list = rd_kafka_topic_partition_list_new((int)k->shards_n);
    for (uint32_t i = 0; i < k->shards_n; i++)
        rd_kafka_topic_partition_list_add(list, k->topic, (int32_t)i);
    st = vg_kafka_take_over(k, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

/* Leaves the group within close_timeout_ns. The caller has stopped and has nothing to hand over any
 * more: env.revoked() is not called, and what was fetched in advance is dropped. */
static bool close_consumer(struct kafka *k)
{
    int64_t deadline_ns = vg_mono_ns() + close_timeout_ns;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(k->rk, queue);

    if (error)
        rd_kafka_error_destroy(error);
    while (!rd_kafka_consumer_closed(k->rk) && vg_mono_ns() < deadline_ns) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, left_ms(deadline_ns, 100));

        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            rd_kafka_assign(k->rk, NULL);
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(k->rk);
}

void vg_kafka_source_close(void *self)
{
    struct kafka *k = self;

    if (k->message)
        rd_kafka_message_destroy(k->message);
    k->message = NULL;
    if (k->given.list)
        rd_kafka_assign(k->rk, NULL); /* which a group waits for */
    vg_kafka_forget_given(k);
    /* librdkafka 2.0.2 can hang in the close of a group member. Such a client is left as it is: the
     * process is about to end, and its place in the group times out. */
    if (k->rk && close_consumer(k))
        rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    k->rk = NULL;
    free(k->shards);
    k->shards = NULL;
    k->shards_n = 0;
}
