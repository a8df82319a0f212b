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
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/kafka_options.h"
#include "core/source.h"
#include "core/text.h"
#include "ingest/kafka_conf.h"
#include "ingest/kafka_letters.h"

enum {
    TROUBLES = 8,       /* kept until poll() returns them; more at once say nothing new */
    TROUBLE_KINDS = 16, /* kinds that are quiet for a while */
    DRY_MS = 5,         /* without a record while a shard is behind: see wake_fetcher() */
    WAKE_MS = 20,       /* at most, for the broker's answer */
    RECORD_SIZE = 64,   /* what a record takes in the queue beside its value, about */
    FULL_MIN = 1 << 20, /* bytes: less than this cannot have filled the queue */
};

static const int64_t quiet_ns = 10 * VG_NS_PER_S;
static const int64_t close_timeout_ns = 5 * VG_NS_PER_S;

struct shard {
    int64_t end;  /* offset after the last record when reading began; -1: not known */
    int64_t next; /* offset after the last record returned; 0: none yet */
    bool behind;  /* ours, and there may be more: not yet told that the end is reached */
    bool paused;  /* by the caller; librdkafka may refetch when an unpaused partition is resumed */
    bool ended;   /* until_end: nothing more is returned */
    bool reached; /* to be returned by a coming poll() */
};

struct trouble_kind {
    int code;
    int64_t quiet_until_ns; /* monotonic */
};

struct kafka {
    char *brokers, *topic, *group, *instance, *start, *dead_topic; /* options */
    struct vg_strings options;
    int64_t connect_timeout_ns;
    bool insecure;

    struct vg_source_env env;
    bool member; /* of the group; else all partitions are ours */
    rd_kafka_t *rk;
    rd_kafka_message_t *message; /* lent to the caller until the next poll */
    struct shard *shards;
    uint32_t shards_n;
    uint32_t reached_n; /* shards with `reached` */
    bool failed;
    struct vg_err failure;
    struct vg_err troubles[TROUBLES];
    uint32_t troubles_n;
    struct trouble_kind kinds[TROUBLE_KINDS];
    uint32_t dry;         /* polls without a record while a shard was behind */
    size_t run;           /* bytes of records returned since the queue was seen empty */
    bool empty;           /* the queue was seen empty after the last record */
    char last_error[256]; /* newest complaint about a connection, for the message of open() */
    rd_kafka_resp_err_t last_code;
};

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

/* What is left until `deadline_ns`, at most `most_ms`. */
static int left_ms(int64_t deadline_ns, int most_ms)
{
    int64_t ms = (deadline_ns - vg_mono_ns()) / VG_NS_PER_MS;

    return ms < 0 ? 0 : ms < most_ms ? (int)ms : most_ms;
}

/* -- trouble and failure: collected here, returned by poll() */

static bool is_quiet(struct kafka *k, int code)
{
    int64_t now_ns = vg_mono_ns();
    struct trouble_kind *slot = &k->kinds[0];

    for (size_t i = 0; i < TROUBLE_KINDS; i++) {
        struct trouble_kind *kind = &k->kinds[i];

        if (kind->code == code && now_ns < kind->quiet_until_ns)
            return true;
        if (kind->code == code || kind->quiet_until_ns < slot->quiet_until_ns)
            slot = kind;
        if (kind->code == code)
            break;
    }
    *slot = (struct trouble_kind){ code, now_ns + quiet_ns };
    return false;
}

static void trouble(struct kafka *k, rd_kafka_resp_err_t code, const char *text)
{
    if (is_quiet(k, code) || k->troubles_n == TROUBLES)
        return;
    vg_fail(&k->troubles[k->troubles_n++], VG_E_UNAVAILABLE, "Kafka: %s (%s)", text,
            rd_kafka_err2name(code));
}

/* The first failure is the cause; what follows from it is not interesting. */
static void keep_failure(struct kafka *k, const struct vg_err *err)
{
    if (!k->failed)
        k->failure = *err;
    k->failed = true;
}

static vg_status fail_fatal(const struct kafka *k, struct vg_err *err)
{
    char why[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(k->rk, why, sizeof(why));

    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return vg_fail_option(err, VG_E_CONFIG, "instance",
                              "another process joined group %s with the same instance id and has "
                              "taken over; stop one of them, or set another `instance`",
                              k->group);
    return vg_fail(err, VG_E_TEMPORARY, "the Kafka client cannot go on: %s (%s); restart Vigil",
                   why, rd_kafka_err2name(code));
}

static vg_status fail_lost(const struct kafka *k, uint32_t shard, int64_t offset, int64_t low,
                           struct vg_err *err)
{
    return vg_fail(
        err, VG_E_IO,
        "data lost: %s/%" PRIu32 " offset %" PRId64 " is no longer held (first is %" PRId64
        "). Records were deleted before Vigil read them: lengthen the topic's retention; "
        "to go on without them, remove the snapshots of partition %" PRIu32
        ", and `start` decides where it begins",
        k->topic, shard, offset, low, shard);
}

static vg_status fail_beyond(const struct kafka *k, uint32_t shard, int64_t offset, int64_t high,
                             struct vg_err *err)
{
    return vg_fail(err, VG_E_IO,
                   "%s/%" PRIu32 " ends at offset %" PRId64 ", before offset %" PRId64
                   " where Vigil would go on: the topic was made anew or the brokers lost its end. "
                   "Is this the right cluster? To begin anew, remove the snapshots of partition "
                   "%" PRIu32,
                   k->topic, shard, high, offset, shard);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    struct vg_err err;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        fail_fatal(k, &err);
        keep_failure(k, &err);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        snprintf(k->last_error, sizeof(k->last_error), "%s", reason);
        k->last_code = code;
    }
    trouble(k, code, reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    /* FAIL and ERROR lines repeat what on_error() is told. */
    if (level > LOG_WARNING || strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0)
        return;
    trouble(rd_kafka_opaque(rk), RD_KAFKA_RESP_ERR__FAIL, text);
}

/* -- where to begin */

struct beginning {
    enum { LATEST, EARLIEST, AT_TIME } kind;
    int64_t time_ns;
};

static bool parse_start(const char *text, struct beginning *ret)
{
    *ret = (struct beginning){ LATEST, 0 };
    if (strcmp(text, "latest") == 0)
        return true;
    ret->kind = EARLIEST;
    if (strcmp(text, "earliest") == 0)
        return true;
    ret->kind = AT_TIME;
    return vg_parse_time(text, strlen(text), &ret->time_ns);
}

static int connect_timeout_ms(const struct kafka *k)
{
    return (int)(k->connect_timeout_ns / VG_NS_PER_MS);
}

/* Sets the offset of each partition in `list` to its first record's (OFFSET_BEGINNING), the one
 * after its last (OFFSET_END), or that of the first record not older than a time in ms.
 * rd_kafka_query_watermark_offsets() of librdkafka 2.0.2 can hang for ever when a broker goes away;
 * rd_kafka_offsets_for_times() keeps to its timeout and takes these marks for a time as well. */
static rd_kafka_resp_err_t look_up(const struct kafka *k, rd_kafka_topic_partition_list_t *list,
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

    VG_CHECK(parse_start(k->start, &begin));
    if (begin.kind == EARLIEST)
        mark = RD_KAFKA_OFFSET_BEGINNING;
    else if (begin.kind == AT_TIME)
        mark = (begin.time_ns + VG_NS_PER_MS - 1) / VG_NS_PER_MS;
    *ret = (struct ranges){ rd_kafka_topic_partition_list_copy(list),
                            rd_kafka_topic_partition_list_copy(list),
                            rd_kafka_topic_partition_list_copy(list) };
    /* In this order low <= start <= high while others write. */
    code = look_up(k, ret->low, RD_KAFKA_OFFSET_BEGINNING, connect_timeout_ms(k));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = look_up(k, ret->start, mark, connect_timeout_ms(k));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = look_up(k, ret->high, RD_KAFKA_OFFSET_END, connect_timeout_ms(k));
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
        return fail_lost(k, shard, wanted, low, err);
    if (wanted > high)
        return fail_beyond(k, shard, wanted, high, err);
    *ret = wanted;
    return VG_OK;
}

static void say_reached(struct kafka *k, uint32_t shard)
{
    struct shard *s = &k->shards[shard];

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
        struct shard *s = &k->shards[shard];
        vg_status st = beginning_of(k, ranges, i, p->offset, &p->offset, err);

        if (st != VG_OK)
            return st;
        s->end = ranges->high->elems[i].offset;
        s->ended = k->env.until_end && p->offset >= s->end;
        if (s->ended)
            say_reached(k, shard);
    }
    return VG_OK;
}

/* Asks the caller where each partition begins; true when it knows for all of them. */
static bool ask_caller(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool known = true;

    for (int i = 0; i < list->cnt; i++) {
        uint32_t shard = (uint32_t)list->elems[i].partition;

        k->shards[shard] = (struct shard){ .end = -1, .behind = true };
        list->elems[i].offset =
            k->env.assigned ? k->env.assigned(k->env.ctx, shard) : VG_START_CONFIGURED;
        known = known && list->elems[i].offset >= 0;
    }
    return known;
}

/* Fetches the partitions of `list` from where each begins. */
static vg_status take_over(struct kafka *k, rd_kafka_topic_partition_list_t *list,
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
        k->shards[shard] = (struct shard){ .end = -1 };
        if (k->env.revoked)
            k->env.revoked(k->env.ctx, shard, lost);
    }
    rd_kafka_assign(k->rk, NULL);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct kafka *k = opaque;
    rd_kafka_topic_partition_list_t *copy;
    struct vg_err err;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        copy = rd_kafka_topic_partition_list_copy(partitions);
        if (take_over(k, copy, &err) != VG_OK) {
            rd_kafka_assign(rk, NULL);
            keep_failure(k, &err);
        }
        rd_kafka_topic_partition_list_destroy(copy);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        give_back(k, partitions, rd_kafka_assignment_lost(rk));
    } else {
        trouble(k, code, "rebalance failed");
        rd_kafka_assign(rk, NULL);
    }
}

/* -- check, open, start */

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
    if (!parse_start(k->start, &begin))
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
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!k->rk) {
        rd_kafka_conf_destroy(conf);
        return vg_fail(err, VG_E_CONFIG, "librdkafka cannot make a consumer: %s", why);
    }
    rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_set_log_queue(k->rk, NULL);
    return VG_OK;
}

/* Runs the callbacks that wait; nothing is assigned yet, so no record can come. */
static void serve_callbacks(struct kafka *k, int timeout_ms)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, timeout_ms);

    if (m)
        rd_kafka_message_destroy(m);
}

static vg_status fail_no_broker(const struct kafka *k, struct vg_err *err)
{
    char waited[VG_DURATION_TEXT_SIZE];

    if (k->last_code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        return vg_fail_option(err, VG_E_UNAVAILABLE, "options",
                              "the brokers at %s refuse this user: %s; see sasl.mechanism, "
                              "sasl.username and sasl.password",
                              k->brokers, k->last_error);
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
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        k->shards_n = (uint32_t)md->topics[0].partition_cnt;
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
    char *id = rd_kafka_clusterid(k->rk, connect_timeout_ms(k));

    if (!id)
        return vg_fail(err, VG_E_UNAVAILABLE, "the brokers at %s do not tell their cluster's id",
                       k->brokers);
    snprintf(ret->cluster, sizeof(ret->cluster), "%s", id);
    rd_kafka_mem_free(k->rk, id);
    return VG_OK;
}

static vg_status kafka_open(void *self, const struct vg_source_env *env, struct vg_source_info *ret,
                            struct vg_err *err)
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
    k->shards = calloc(k->shards_n, sizeof(*k->shards));
    if (!k->shards)
        return vg_fail(err, VG_E_MEMORY, "no memory for %" PRIu32 " partitions", k->shards_n);
    for (uint32_t i = 0; i < k->shards_n; i++)
        k->shards[i].end = -1;
    ret->shards = k->shards_n;
    ret->topic = k->topic;
    return VG_OK;
}

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

static vg_status kafka_start(void *self, struct vg_err *err)
{
    struct kafka *k = self;
    rd_kafka_topic_partition_list_t *list;
    vg_status st;

    if (k->member)
        return join_group(k, err);
    list = rd_kafka_topic_partition_list_new((int)k->shards_n);
    for (uint32_t i = 0; i < k->shards_n; i++)
        rd_kafka_topic_partition_list_add(list, k->topic, (int32_t)i);
    st = take_over(k, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

/* -- reading */

static void set_fetching(struct kafka *k, uint32_t shard, bool fetching)
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
    struct shard *s = &k->shards[shard];

    s->ended = true;
    say_reached(k, shard);
    if (!s->paused)
        set_fetching(k, shard, false);
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
    struct shard *s = &k->shards[shard];

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

static vg_status fail_offset(const struct kafka *k, const rd_kafka_message_t *m, struct vg_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    uint32_t shard = (uint32_t)m->partition;
    int64_t low = -1, high = INT64_MAX;

    rd_kafka_topic_partition_list_add(list, k->topic, m->partition);
    if (look_up(k, list, RD_KAFKA_OFFSET_BEGINNING, connect_timeout_ms(k)) == 0)
        low = list->elems[0].offset;
    if (look_up(k, list, RD_KAFKA_OFFSET_END, connect_timeout_ms(k)) == 0)
        high = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return m->offset > high ? fail_beyond(k, shard, m->offset, high, err)
                            : fail_lost(k, shard, m->offset, low, err);
}

static void take_eof(struct kafka *k, const rd_kafka_message_t *m)
{
    uint32_t shard = (uint32_t)m->partition;

    k->shards[shard].behind = false;
    if (!k->env.until_end)
        say_reached(k, shard);
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
        return fail_fatal(k, err);
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
        trouble(k, m->err, rd_kafka_message_errstr(m));
        return VG_OK;
    }
}

/* What librdkafka says instead of a record. */
static void take_notice(struct kafka *k, const rd_kafka_message_t *m)
{
    struct vg_err err;

    if (classify(k, m, &err) != VG_OK)
        keep_failure(k, &err);
}

/* The high mark is that of the newest answer of the broker. A partition that is read up to it only
 * has no news: to ask about it would delay the next record by that question (on the mock at 1,000
 * records/s by 20 ms). */
static bool waits_for_more(const struct kafka *k, uint32_t shard)
{
    const struct shard *s = &k->shards[shard];
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
    look_up(k, list, RD_KAFKA_OFFSET_END, WAKE_MS);
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

static enum vg_poll kafka_poll(void *self, int timeout_ms, struct vg_record *record,
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
    m = poll_client(k, timeout_ms);
    if (m && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return take_record(k, m, record);
    if (m) {
        take_notice(k, m);
        rd_kafka_message_destroy(m);
    }
    return take_waiting(k, record, err);
}

static void kafka_pause(void *self, uint32_t shard)
{
    struct kafka *k = self;
    struct shard *s = &k->shards[shard];

    if (!s->paused && !s->ended)
        set_fetching(k, shard, false);
    s->paused = true;
}

static void kafka_resume(void *self, uint32_t shard)
{
    struct kafka *k = self;
    struct shard *s = &k->shards[shard];

    if (s->paused && !s->ended)
        set_fetching(k, shard, true);
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

static void kafka_close(void *self)
{
    struct kafka *k = self;

    if (k->message)
        rd_kafka_message_destroy(k->message);
    k->message = NULL;
    /* librdkafka 2.0.2 can hang in the close of a group member. Such a client is left as it is: the
     * process is about to end, and its place in the group times out. */
    if (k->rk && close_consumer(k))
        rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    k->rk = NULL;
    free(k->shards);
    k->shards = NULL;
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
    .open = kafka_open,
    .start = kafka_start,
    .poll = kafka_poll,
    .headers = kafka_headers,
    .pause = kafka_pause,
    .resume = kafka_resume,
    .end = kafka_end,
    .newest = kafka_newest,
    .commit = kafka_commit,
    .close = kafka_close,
    .letters = &letter_ops,
};
