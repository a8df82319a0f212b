/* kafka.c - the source that reads a Kafka topic: one partition is one shard.
 *
 * Positions come from snapshots, never from Kafka: offsets are given with the assignment and a
 * commit only tells lag tools where we are. With `group` the brokers share the partitions among the
 * instances (eager rebalancing, static membership); without one, or to read until the end, this
 * instance takes all of them.
 *
 * One thread: librdkafka's errors, log lines and rebalances are queued and handed over inside
 * poll(), so nothing here is locked. rd_kafka_consumer_poll() is the only way records are read,
 * because the batch calls of librdkafka 2.0.2 lose messages around a pause. pause() throws away what
 * was fetched in advance (see queued.min.messages in kafka_conf.c) and resume() fetches it again.
 */
#include "core/kafka_options.h"
#include "ingest/kafka_conf.h"
#include "ingest/kafka_letters.h"
#include "ingest/kafka_parts.h"

static const struct vg_option options[] = {
    VG_OPT_STRING(struct kafka, brokers, "brokers", NULL, VG_OPT_REQUIRED,
                  "Where the cluster answers: HOST:PORT, several separated by commas."),
    VG_OPT_STRING(struct kafka, topic, "topic", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "The topic with the vital signs; its records are keyed by patient."),
    VG_OPT_STRING(struct kafka, group, "group", NULL, 0,
                  "Consumer group whose members share the partitions. Without one, this instance "
                  "reads all of them."),
    VG_OPT_STRING(struct kafka, instance, "instance", NULL, 0,
                  "Identity in the group (group.instance.id), so that a restart moves no "
                  "partition. Default: service.name@hostname."),
    VG_OPT_STRING(struct kafka, start, "start", NULL, VG_OPT_REQUIRED,
                  "Where a partition without a snapshot begins: latest, earliest, or a time in RFC "
                  "3339."),
    VG_OPT_DURATION(struct kafka, connect_timeout_ns, "connect_timeout", "10s", 0.1, 3600, 0,
                    "How long to wait at the start for a broker to answer."),
    VG_OPT_STRING(
        struct kafka, dead_topic, "dead_letters.topic", NULL, 0,
        "A topic that dead letters are written to as they came, beside the outbox; it has "
        "to exist."),
    VG_OPT_MAP(struct kafka, options, "options", VG_OPT_SECRET,
               "Options of librdkafka, such as security.protocol. Some are refused with the "
               "reason."),
    VG_OPT_BOOL(struct kafka, insecure, "insecure", "false", 0,
                "Allow brokers on another machine without TLS."),
    VG_OPT_END,
};

static vg_status kafka_check(void *self, struct vg_err *err)
{
    struct kafka *k = self;
    struct beginning begin;
    vg_status st = vg_kafka_check_brokers(k->brokers, err);

    if (st == VG_OK)
        st = vg_kafka_check_transport(k->brokers, &k->options, k->insecure, err);
    if (st == VG_OK)
        st = vg_kafka_check_topic(k->topic, err);
    if (st == VG_OK && k->dead_topic)
        st = vg_kafka_letters_check(k->topic, k->dead_topic, err);
    if (st != VG_OK)
        return st;
    if (!vg_kafka_parse_start(k->start, &begin))
        return vg_fail_option(err, VG_E_CONFIG, "start",
                              "'%s' is no start: expected latest, earliest, or a time with an "
                              "offset such as 2026-03-01T12:00:00Z",
                              k->start);
    if (k->group && !*k->group)
        return vg_fail_option(err, VG_E_CONFIG, "group",
                              "a group needs a name; leave the option out to read alone");
    if (k->instance && !k->group)
        return vg_fail_option(err, VG_E_CONFIG, "instance",
                              "an instance id means nothing without `group`; remove it or add one");
    return vg_kafka_conf_check_options(&k->options, err);
}

/* ---- partitions ---- */

static void kafka_pause(void *self, uint32_t shard)
{
    struct kafka *k = self;
    struct kafka_shard *s = &k->shards[shard];

    if (!s->paused && !s->ended)
        vg_kafka_set_fetching(k, shard, false);
    s->paused = true;
}

static void kafka_resume(void *self, uint32_t shard)
{
    struct kafka *k = self;
    struct kafka_shard *s = &k->shards[shard];

    if (s->paused && !s->ended)
        vg_kafka_set_fetching(k, shard, true);
    s->paused = false;
}

/* What the newest answer of the broker said. */
static int64_t kafka_newest(void *self, uint32_t shard)
{
    const struct kafka *k = self;
    int64_t low, high;

    return rd_kafka_get_watermark_offsets(k->rk, k->topic, (int32_t)shard, &low, &high) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR
               ? high
               : -1;
}

static int64_t kafka_end(void *self, uint32_t shard)
{
    struct kafka *k = self;

    return k->shards[shard].end;
}

static void kafka_commit(void *self, uint32_t shard, int64_t next_offset)
{
    struct kafka *k = self;
    rd_kafka_topic_partition_list_t *list;

    if (!k->member)
        return;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, k->topic, (int32_t)shard)->offset = next_offset;
    rd_kafka_commit(k->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- dead letters ---- */

static void kafka_headers(void *self, struct vg_buf *ret)
{
    struct kafka *k = self;

    vg_kafka_pack_headers(k->message, ret);
}

static const char *letters_place(const void *self)
{
    const struct kafka *k = self;

    return k->dead_topic;
}

static vg_status letters_open(const void *self, void **ret_writer, struct vg_err *err)
{
    const struct kafka *k = self;
    const struct vg_kafka_letters_to to = { k->brokers, k->topic, k->dead_topic, &k->options };

    return vg_kafka_letters_open(&to, ret_writer, err);
}

static const struct vg_letter_ops letter_ops = {
    .place = letters_place,
    .open = letters_open,
    .write = vg_kafka_letters_write,
    .close = vg_kafka_letters_close,
};

const struct vg_source_ops vg_source_kafka = {
    .name = "kafka",
    .summary = "Reads a topic of Apache Kafka; one partition is one shard.",
    .options = options,
    .self_size = sizeof(struct kafka),
    .check = kafka_check,
    .open = vg_kafka_source_open,
    .start = vg_kafka_source_start,
    .poll = vg_kafka_source_poll,
    .headers = kafka_headers,
    .pause = kafka_pause,
    .resume = kafka_resume,
    .end = kafka_end,
    .newest = kafka_newest,
    .commit = kafka_commit,
    .close = vg_kafka_source_close,
    .letters = &letter_ops,
};
