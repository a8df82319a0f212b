/* kafka_read.c - records, ends and complaints, one at each poll. */
#include <inttypes.h>
#include <string.h>

#include "ingest/kafka_parts.h"

enum {
    DRY_MS = 5,         /* without a record while a shard is behind: see wake_fetcher() */
    WAKE_MS = 20,       /* at most, for the broker's answer */
    RECORD_SIZE = 64,   /* what a record takes in the queue beside its value, about */
    FULL_MIN = 1 << 20, /* bytes: less than this cannot have filled the queue */
};

void vg_kafka_set_fetching(struct kafka *k, uint32_t shard, bool fetching)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, k->topic, (int32_t)shard);
    if (fetching)
        rd_kafka_resume_partitions(k->rk, list);
    else
        rd_kafka_pause_partitions(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void end_shard(struct kafka *k, uint32_t shard)
{
    struct kafka_shard *s = &k->shards[shard];

    s->ended = true;
    vg_kafka_say_reached(k, shard);
    if (!s->paused)
        vg_kafka_set_fetching(k, shard, false);
}

static bool take_reached(struct kafka *k, struct vg_record *record)
{
    for (uint32_t i = 0; k->reached_n > 0 && i < k->shards_n; i++) {
        if (!k->shards[i].reached)
            continue;
        k->shards[i].reached = false;
        k->reached_n--;
        *record = (struct vg_record){ .shard = i, .time_ns = VG_TIME_NONE };
        return true;
    }
    return false;
}

/* What waits to be told, in this order: failure, ends, trouble. */
static enum vg_poll take_waiting(struct kafka *k, struct vg_record *record, struct vg_err *err)
{
    if (k->failed) {
        *err = k->failure;
        return VG_POLL_FAILED;
    }
    if (take_reached(k, record))
        return VG_POLL_REACHED;
    if (k->troubles_n == 0)
        return VG_POLL_NOTHING;
    *err = k->troubles[0];
    k->troubles_n--;
    memmove(k->troubles, k->troubles + 1, k->troubles_n * sizeof(k->troubles[0]));
    return VG_POLL_TROUBLE;
}

static int64_t record_time_ns(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);
    int64_t ns;

    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ||
        __builtin_mul_overflow(ms, VG_NS_PER_MS, &ns))
        return VG_TIME_NONE;
    return ns;
}

/* Takes `m` over. */
static enum vg_poll take_record(struct kafka *k, rd_kafka_message_t *m, struct vg_record *record)
{
    uint32_t shard = (uint32_t)m->partition;
    struct kafka_shard *s = &k->shards[shard];

    if (k->env.until_end && (s->ended || m->offset >= s->end)) {
        /* Written after reading began; also when holes in the log kept us from seeing the end. */
        if (!s->ended)
            end_shard(k, shard);
        rd_kafka_message_destroy(m);
        return take_reached(k, record) ? VG_POLL_REACHED : VG_POLL_NOTHING;
    }
    k->message = m;
    k->run = (k->empty ? 0 : k->run) + RECORD_SIZE + m->len;
    k->empty = false;
    k->dry = 0;
    s->next = m->offset + 1;
    s->behind = true;
    s->doubted = false;
    *record = (struct vg_record){
        .shard = shard,
        .offset = m->offset,
        .time_ns = record_time_ns(m),
        .message = { m->payload, m->len, m->key, m->key_len },
    };
    if (k->env.until_end && m->offset + 1 >= s->end)
        end_shard(k, shard);
    return VG_POLL_RECORD;
}

/* ---- what is said instead of a record ---- */

static vg_status fail_offset(const struct kafka *k, const rd_kafka_message_t *m, struct vg_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    uint32_t shard = (uint32_t)m->partition;
    int64_t low = -1, high = INT64_MAX;

    rd_kafka_topic_partition_list_add(list, k->topic, m->partition);
    if (vg_kafka_look_up(k, list, RD_KAFKA_OFFSET_BEGINNING, WAIT_MAX_MS) == 0)
        low = list->elems[0].offset;
    if (vg_kafka_look_up(k, list, RD_KAFKA_OFFSET_END, WAIT_MAX_MS) == 0)
        high = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return m->offset > high ? vg_kafka_fail_beyond(k, shard, m->offset, high, err)
                            : vg_kafka_fail_lost(k, shard, m->offset, low, err);
}

static void take_eof(struct kafka *k, const rd_kafka_message_t *m)
{
    uint32_t shard = (uint32_t)m->partition;

    k->shards[shard].behind = false;
    k->shards[shard].doubted = false;
    if (!k->env.until_end)
        vg_kafka_say_reached(k, shard);
    else if (!k->shards[shard].ended)
        end_shard(k, shard);
}

static vg_status classify(struct kafka *k, const rd_kafka_message_t *m, struct vg_err *err)
{
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        take_eof(k, m);
        return VG_OK;
    case RD_KAFKA_RESP_ERR__FATAL:
        return vg_kafka_fail_fatal(k, err);
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return fail_offset(k, m, err);
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        /* librdkafka would go on behind the batch: records lost in silence. */
        return vg_fail(err, VG_E_IO,
                       "%s/%" PRId32 " cannot be read at offset %" PRId64
                       ": %s. The batch is damaged, or compressed in a way that this librdkafka "
                       "does not know",
                       k->topic, m->partition, m->offset, rd_kafka_message_errstr(m));
    default:
        vg_kafka_trouble(k, m->err, rd_kafka_message_errstr(m));
        return VG_OK;
    }
}

/* What librdkafka says instead of a record. */
static void take_notice(struct kafka *k, const rd_kafka_message_t *m)
{
    struct vg_err err;

    if (classify(k, m, &err) != VG_OK)
        vg_kafka_keep_failure(k, &err);
}

/* ---- a queue that runs dry ---- */

/* The high mark is that of the newest answer of the broker. A partition that is read up to it only
 * has no news: to ask about it would delay the next record by that question (on the mock at 1,000
 * records/s by 20 ms). */
static bool waits_for_more(const struct kafka *k, uint32_t shard)
{
    const struct kafka_shard *s = &k->shards[shard];
    int64_t low, high;

    if (!s->behind || s->paused || s->ended)
        return false;
    return rd_kafka_get_watermark_offsets(k->rk, k->topic, (int32_t)shard, &low, &high) !=
               RD_KAFKA_RESP_ERR_NO_ERROR ||
           high < 0 || s->next < high;
}

static bool any_waits_for_more(const struct kafka *k)
{
    for (uint32_t i = 0; i < k->shards_n; i++) {
        if (waits_for_more(k, i))
            return true;
    }
    return false;
}

/* librdkafka 2.0.2 stops fetching when its queue is full and looks again only after up to a second,
 * unless the broker's thread has something else to do. Asking for the ends of the partitions gives
 * it that. Measured on a real Kafka, 2M records on 4 partitions, queues of 10,000: 1.0M records/s
 * instead of 27,000. Polls that stay dry ask after 1, 2, 4, 8... of them. Only after a run that may
 * have come from a full queue: the mock broker holds back a fetch that is sent close behind a
 * question, and a trickle that runs dry between any two records would be asked about for ever. */
static void wake_fetcher(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list;

    k->dry++;
    if (k->run < FULL_MIN || (k->dry & (k->dry - 1)) != 0)
        return;
    list = rd_kafka_topic_partition_list_new((int)k->shards_n);
    for (uint32_t i = 0; i < k->shards_n; i++) {
        if (waits_for_more(k, i))
            rd_kafka_topic_partition_list_add(list, k->topic, (int32_t)i);
    }
    vg_kafka_look_up(k, list, RD_KAFKA_OFFSET_END, WAKE_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_message_t *poll_client(struct kafka *k, int timeout_ms)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, 0);

    if (!m)
        k->empty = true;
    if (m || timeout_ms <= 0)
        return m;
    if (timeout_ms <= DRY_MS || !any_waits_for_more(k))
        return rd_kafka_consumer_poll(k->rk, timeout_ms);
    m = rd_kafka_consumer_poll(k->rk, DRY_MS);
    if (m)
        return m;
    wake_fetcher(k);
    return rd_kafka_consumer_poll(k->rk, timeout_ms - DRY_MS);
}

enum vg_poll vg_kafka_source_poll(void *self, int timeout_ms, struct vg_record *record,
                                  struct vg_err *err)
{
    struct kafka *k = self;
    enum vg_poll waiting = VG_POLL_NOTHING;
    rd_kafka_message_t *m;

    if (k->message)
        rd_kafka_message_destroy(k->message);
    k->message = NULL;
    if (k->failed || k->reached_n || k->troubles_n)
        waiting = take_waiting(k, record, err);
    if (waiting != VG_POLL_NOTHING)
        return waiting;
    if (vg_kafka_go_on(k, err) != VG_OK) {
        rd_kafka_assign(k->rk, NULL);
        vg_kafka_keep_failure(k, err);
        return VG_POLL_FAILED;
    }
    m = poll_client(k, timeout_ms);
    if (m && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return take_record(k, m, record);
    if (m) {
        take_notice(k, m);
        rd_kafka_message_destroy(m);
    } else if (k->probe_ns != 0) {
        vg_kafka_probe(k);
    }
    return take_waiting(k, record, err);
}
