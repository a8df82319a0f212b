/* kafka_begin.c - partitions are given to this instance: where each begins to be read.
 *
 * What the log holds of them only their brokers know, and one that hangs must not hang the thread that
 * reads: other partitions, commands and the passing of time wait with it. So each question waits only a little,
 * and is asked again by a later poll.
 */
#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "core/text.h"
#include "ingest/kafka_parts.h"

enum { WAIT_MIN_MS = 100 }; /* for an answer at first; doubled up to WAIT_MAX_MS */

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

/* ---- what the log holds of partitions that were given to us ---- */

void vg_kafka_forget_given(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *const lists[] = { k->given.list, k->given.low, k->given.start,
                                                       k->given.high };

    for (size_t i = 0; i < VG_ARRAY_LEN(lists); i++) {
        if (lists[i])
            rd_kafka_topic_partition_list_destroy(lists[i]);
    }
    k->given = (struct kafka_given){ .list = NULL };
}

/* Asks for one mark of all partitions, unless that was told. */
static rd_kafka_resp_err_t learn(const struct kafka *k, rd_kafka_topic_partition_list_t **ret,
                                 int64_t mark, int64_t until_ns)
{
    int64_t left_ms = (until_ns - vg_mono_ns()) / VG_NS_PER_MS;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;

    if (*ret)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    list = rd_kafka_topic_partition_list_copy(k->given.list);
    code = vg_kafka_look_up(k, list, mark, left_ms > 1 ? (int)left_ms : 1);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        *ret = list;
    else
        rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static rd_kafka_resp_err_t learn_ranges(struct kafka *k)
{
    int64_t until_ns = vg_mono_ns() + k->given.wait_ms * VG_NS_PER_MS;
    int64_t mark = RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t code;
    struct beginning begin;

    VG_CHECK(vg_kafka_parse_start(k->start, &begin));
    if (begin.kind == VG_START_EARLIEST)
        mark = RD_KAFKA_OFFSET_BEGINNING;
    else if (begin.kind == VG_START_AT_TIME)
        mark = (begin.time_ns + VG_NS_PER_MS - 1) / VG_NS_PER_MS;
    /* In this order low <= start <= high while others write. */
    code = learn(k, &k->given.low, RD_KAFKA_OFFSET_BEGINNING, until_ns);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = learn(k, &k->given.start, mark, until_ns);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = learn(k, &k->given.high, RD_KAFKA_OFFSET_END, until_ns);
    return code;
}

/* ---- where each begins ---- */

/* Where the i-th partition begins when it is to be at `wanted`. */
static vg_status beginning_of(const struct kafka *k, int i, int64_t wanted, int64_t *ret,
                              struct vg_err *err)
{
    const struct kafka_given *g = &k->given;
    uint32_t shard = (uint32_t)g->low->elems[i].partition;
    int64_t low = g->low->elems[i].offset;
    int64_t high = g->high->elems[i].offset;
    int64_t start = g->start->elems[i].offset;

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
static vg_status place(struct kafka *k, struct vg_err *err)
{
    for (int i = 0; i < k->given.list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &k->given.list->elems[i];
        uint32_t shard = (uint32_t)p->partition;
        struct kafka_shard *s = &k->shards[shard];
        vg_status st = beginning_of(k, i, p->offset, &p->offset, err);

        if (st != VG_OK)
            return st;
        s->end = k->given.high->elems[i].offset;
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

/* ---- taking over ---- */

static vg_status read_given(struct kafka *k, struct vg_err *err)
{
    const rd_kafka_topic_partition_list_t *list = k->given.list;
    rd_kafka_resp_err_t code = rd_kafka_assign(k->rk, list);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return vg_fail(err, VG_E_TEMPORARY, "cannot begin to read %s: %s", k->topic,
                       rd_kafka_err2str(code));
    for (int i = 0; i < list->cnt; i++) {
        uint32_t shard = (uint32_t)list->elems[i].partition;

        /* librdkafka remembers a pause across assignments; nobody else would end it. */
        vg_kafka_set_fetching(k, shard, !k->shards[shard].paused);
    }
    return VG_OK;
}

/* Whether the brokers may still tell. */
static bool may_come(const struct kafka *k, rd_kafka_resp_err_t code)
{
    return vg_mono_ns() < k->given.until_ns &&
           (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
            code == RD_KAFKA_RESP_ERR__TRANSPORT);
}

/* As long between two questions as each waits: what else has to be done is done there. */
static void ask_later(struct kafka *k, rd_kafka_resp_err_t code)
{
    struct kafka_given *g = &k->given;

    g->next_ns = vg_mono_ns() + g->wait_ms * VG_NS_PER_MS;
    if (g->wait_ms == WAIT_MAX_MS)
        vg_kafka_trouble(k, code, "the brokers have not told yet what the topic holds");
    g->wait_ms = g->wait_ms * 2 < WAIT_MAX_MS ? g->wait_ms * 2 : WAIT_MAX_MS;
}

vg_status vg_kafka_go_on(struct kafka *k, struct vg_err *err)
{
    rd_kafka_resp_err_t code;
    vg_status st = VG_OK;

    if (!k->given.list || vg_mono_ns() < k->given.next_ns)
        return VG_OK;
    code = learn_ranges(k);
    if (may_come(k, code)) {
        ask_later(k, code);
        return VG_OK;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        st = place(k, err);
    else if (!k->given.known || !k->member)
        st = vg_fail(err, VG_E_UNAVAILABLE, "the brokers do not tell what %s holds: %s", k->topic,
                     rd_kafka_err2str(code));
    /* Else brokers that are away must not end an instance that knows where to go on. */
    if (st == VG_OK)
        st = read_given(k, err);
    vg_kafka_forget_given(k);
    return st;
}

vg_status vg_kafka_take_over(struct kafka *k, const rd_kafka_topic_partition_list_t *list,
                             struct vg_err *err)
{
    for (int i = 0; i < list->cnt; i++) {
        if ((uint32_t)list->elems[i].partition >= k->shards_n)
            return vg_fail(err, VG_E_CONFIG,
                           "topic %s had %" PRIu32 " partitions at the start and now has more: a "
                           "patient's records may have moved to another one",
                           k->topic, k->shards_n);
    }
    vg_kafka_forget_given(k);
    k->given.list = rd_kafka_topic_partition_list_copy(list);
    k->given.known = ask_caller(k, k->given.list);
    k->given.until_ns = vg_mono_ns() + k->connect_timeout_ns;
    k->given.wait_ms = WAIT_MIN_MS;
    return vg_kafka_go_on(k, err);
}

static void give_back(struct kafka *k, const rd_kafka_topic_partition_list_t *list, bool lost)
{
    vg_kafka_forget_given(k);
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
    struct vg_err err;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (vg_kafka_take_over(k, partitions, &err) != VG_OK) {
            rd_kafka_assign(rk, NULL);
            vg_kafka_keep_failure(k, &err);
        }
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        give_back(k, partitions, rd_kafka_assignment_lost(rk));
    } else {
        vg_kafka_trouble(k, code, "rebalance failed");
        vg_kafka_forget_given(k);
        rd_kafka_assign(rk, NULL);
    }
}
