/* kafka_begin.c - partitions are given to this instance: where each begins to be read. */
#include <inttypes.h>
#include <string.h>

#include "core/text.h"
#include "ingest/kafka_parts.h"

bool vg_kafka_parse_start(const char *text, struct beginning *ret)
{
    *ret = (struct beginning){ VG_START_LATEST, 0 };
    if (strcmp(text, "latest") == 0)
        return true;
    ret->kind = VG_START_EARLIEST;
    if (strcmp(text, "earliest") == 0)
        return true;
    ret->kind = VG_START_AT_TIME;
    return vg_parse_time(text, strlen(text), &ret->time_ns);
}

/* rd_kafka_query_watermark_offsets() of librdkafka 2.0.2 can hang for ever when a broker goes away;
 * rd_kafka_offsets_for_times() keeps to its timeout and takes these marks for a time as well. */
rd_kafka_resp_err_t vg_kafka_look_up(const struct kafka *k, rd_kafka_topic_partition_list_t *list,
                                     int64_t mark, int timeout_ms)
{
    rd_kafka_resp_err_t code;

    if (list->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = mark;
    code = rd_kafka_offsets_for_times(k->rk, list, timeout_ms);
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    return code;
}

/* What the log holds of the partitions of a list, and where `start` says to begin. */
struct ranges {
    rd_kafka_topic_partition_list_t *low, *high, *start;
};

static void ranges_done(struct ranges *r)
{
    rd_kafka_topic_partition_list_destroy(r->low);
    rd_kafka_topic_partition_list_destroy(r->high);
    rd_kafka_topic_partition_list_destroy(r->start);
}

/* Fills ranges for `list`; the caller calls ranges_done(), also on failure. */
static vg_status learn_ranges(const struct kafka *k, const rd_kafka_topic_partition_list_t *list,
                              struct ranges *ret, struct vg_err *err)
{
    int64_t mark = RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t code;
    struct beginning begin;

    VG_CHECK(vg_kafka_parse_start(k->start, &begin));
    if (begin.kind == VG_START_EARLIEST)
        mark = RD_KAFKA_OFFSET_BEGINNING;
    else if (begin.kind == VG_START_AT_TIME)
        mark = (begin.time_ns + VG_NS_PER_MS - 1) / VG_NS_PER_MS;
    *ret = (struct ranges){ rd_kafka_topic_partition_list_copy(list),
                            rd_kafka_topic_partition_list_copy(list),
                            rd_kafka_topic_partition_list_copy(list) };
    /* In this order low <= start <= high while others write. */
    code = vg_kafka_look_up(k, ret->low, RD_KAFKA_OFFSET_BEGINNING, vg_kafka_connect_timeout_ms(k));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = vg_kafka_look_up(k, ret->start, mark, vg_kafka_connect_timeout_ms(k));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = vg_kafka_look_up(k, ret->high, RD_KAFKA_OFFSET_END, vg_kafka_connect_timeout_ms(k));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return VG_OK;
    return vg_fail(err, VG_E_UNAVAILABLE, "the brokers do not tell what %s holds: %s", k->topic,
                   rd_kafka_err2str(code));
}

/* Where the i-th partition of the ranges begins when it is to be at `wanted`. */
static vg_status beginning_of(const struct kafka *k, const struct ranges *r, int i, int64_t wanted,
                              int64_t *ret, struct vg_err *err)
{
    uint32_t shard = (uint32_t)r->low->elems[i].partition;
    int64_t low = r->low->elems[i].offset;
    int64_t high = r->high->elems[i].offset;
    int64_t start = r->start->elems[i].offset;

    if (wanted == VG_START_CONFIGURED)
        wanted = start >= 0 ? start : high; /* no record is that young */
    if (wanted < low)
        return vg_kafka_fail_lost(k, shard, wanted, low, err);
    if (wanted > high)
        return vg_kafka_fail_beyond(k, shard, wanted, high, err);
    *ret = wanted;
    return VG_OK;
}

void vg_kafka_say_reached(struct kafka *k, uint32_t shard)
{
    struct kafka_shard *s = &k->shards[shard];

    k->reached_n += !s->reached;
    s->reached = true;
}

/* A numeric offset is fetched at once, librdkafka's BEGINNING and END only after half a second; so
 * `start` was looked up too. */
static vg_status place(struct kafka *k, rd_kafka_topic_partition_list_t *list,
                       const struct ranges *ranges, struct vg_err *err)
{
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        uint32_t shard = (uint32_t)p->partition;
        struct kafka_shard *s = &k->shards[shard];
        vg_status st = beginning_of(k, ranges, i, p->offset, &p->offset, err);

        if (st != VG_OK)
            return st;
        s->end = ranges->high->elems[i].offset;
        s->ended = k->env.until_end && p->offset >= s->end;
        if (s->ended)
            vg_kafka_say_reached(k, shard);
    }
    return VG_OK;
}

/* Asks the caller where each partition begins; true when it knows for all of them. */
static bool ask_caller(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool known = true;

    for (int i = 0; i < list->cnt; i++) {
        uint32_t shard = (uint32_t)list->elems[i].partition;

        k->shards[shard] = (struct kafka_shard){ .end = -1, .behind = true };
        list->elems[i].offset =
            k->env.assigned ? k->env.assigned(k->env.ctx, shard) : VG_START_CONFIGURED;
        known = known && list->elems[i].offset >= 0;
    }
    return known;
}

vg_status vg_kafka_take_over(struct kafka *k, rd_kafka_topic_partition_list_t *list,
                             struct vg_err *err)
{
    rd_kafka_resp_err_t code;
    struct ranges ranges;
    vg_status st;
    bool known;

    for (int i = 0; i < list->cnt; i++) {
        if ((uint32_t)list->elems[i].partition >= k->shards_n)
            return vg_fail(err, VG_E_CONFIG,
                           "topic %s had %" PRIu32 " partitions at the start and now has more: a "
                           "patient's records may have moved to another one",
                           k->topic, k->shards_n);
    }
    known = ask_caller(k, list);
    st = learn_ranges(k, list, &ranges, err);
    if (st == VG_OK)
        st = place(k, list, &ranges, err);
    else if (known && k->member)
        st = VG_OK; /* brokers that are away must not end an instance that knows where to go on */
    ranges_done(&ranges);
    if (st != VG_OK)
        return st;
    code = rd_kafka_assign(k->rk, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* librdkafka remembers a pause across assignments; nobody else would end it. */
        rd_kafka_resume_partitions(k->rk, list);
        return VG_OK;
    }
    return vg_fail(err, VG_E_TEMPORARY, "cannot begin to read %s: %s", k->topic,
                   rd_kafka_err2str(code));
}

static void give_back(struct kafka *k, const rd_kafka_topic_partition_list_t *list, bool lost)
{
    for (int i = 0; i < list->cnt; i++) {
        uint32_t shard = (uint32_t)list->elems[i].partition;

        if (shard >= k->shards_n)
            continue;
        k->reached_n -= k->shards[shard].reached;
        k->shards[shard] = (struct kafka_shard){ .end = -1 };
        if (k->env.revoked)
            k->env.revoked(k->env.ctx, shard, lost);
    }
    rd_kafka_assign(k->rk, NULL);
}

void vg_kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct kafka *k = opaque;
    rd_kafka_topic_partition_list_t *copy;
    struct vg_err err;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        copy = rd_kafka_topic_partition_list_copy(partitions);
        if (vg_kafka_take_over(k, copy, &err) != VG_OK) {
            rd_kafka_assign(rk, NULL);
            vg_kafka_keep_failure(k, &err);
        }
        rd_kafka_topic_partition_list_destroy(copy);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        give_back(k, partitions, rd_kafka_assignment_lost(rk));
    } else {
        vg_kafka_trouble(k, code, "rebalance failed");
        rd_kafka_assign(rk, NULL);
    }
}
