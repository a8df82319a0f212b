/* test_kafka_source.c - the Kafka source against librdkafka's mock and against a real Kafka.
 *
 * The mock shows what the source does with records, pauses and outages; what the mock gets wrong
 * (topics that do not exist, static members, deleted records, transactions) is tested on a real one.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/source.h"
#include "tests/support/kafka.h"

#define TOPIC "vitals.test"

enum { SHARDS = 3, POLL_MS = 100, PATIENCE_S = 30 };

static const int64_t first_ms = INT64_C(1772366400000); /* 2026-03-01T12:00:00Z */

extern const struct vg_source_ops vg_source_kafka;
static const struct vg_source_ops *const source = &vg_source_kafka;

/* One source with what the runtime would be to it. */
struct reader {
    void *self;
    struct vg_source_env env;
    struct vg_source_info info;
    struct vg_record record;
    struct vg_err err;
    int64_t begin[SHARDS]; /* what assigned() answers */
    int assigned[SHARDS], revoked[SHARDS], lost[SHARDS];
    int64_t next[SHARDS]; /* offset expected next */
    int reached[SHARDS];
    int records;
    int troubles;
};

static struct test_kafka kafka;

static int64_t now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int64_t on_assigned(void *ctx, uint32_t shard)
{
    struct reader *r = ctx;

    r->assigned[shard]++;
    return r->begin[shard];
}

static void on_revoked(void *ctx, uint32_t shard, bool lost)
{
    struct reader *r = ctx;

    r->revoked[shard]++;
    r->lost[shard] += lost;
}

static void set(struct reader *r, const char *name, const char *text)
{
    const struct vg_option *opt = vg_option_find(source->options, name);

    cr_assert_not_null(opt, "%s", name);
    cr_assert_eq(vg_option_set(opt, r->self, text, &r->err), VG_OK, "%s", r->err.msg);
}

static void add_option(struct reader *r, const char *key, const char *value)
{
    cr_assert_eq(
        vg_option_add(vg_option_find(source->options, "options"), r->self, key, value, &r->err),
        VG_OK, "%s", r->err.msg);
}

static void reader_init(struct reader *r, const char *bootstrap, const char *start)
{
    *r = (struct reader){ .self = calloc(1, source->self_size),
                          .env = { r, "test", true, on_assigned, on_revoked } };
    for (int i = 0; i < SHARDS; i++)
        r->begin[i] = VG_START_CONFIGURED;
    vg_options_default(source->options, r->self);
    set(r, "brokers", bootstrap);
    set(r, "topic", TOPIC);
    set(r, "start", start);
}

static void reader_start(struct reader *r)
{
    cr_assert_eq(source->check(r->self, &r->err), VG_OK, "%s", r->err.msg);
    cr_assert_eq(source->open(r->self, &r->env, &r->info, &r->err), VG_OK, "%s", r->err.msg);
    cr_assert_eq(source->start(r->self, &r->err), VG_OK, "%s", r->err.msg);
}

static void reader_done(struct reader *r)
{
    source->close(r->self);
    vg_options_done(source->options, r->self);
    free(r->self);
}

/* Polls once and keeps count; offsets of a shard must follow each other from where it began. */
static enum vg_poll step(struct reader *r)
{
    enum vg_poll result = source->poll(r->self, POLL_MS, &r->record, &r->err);

    if (result == VG_POLL_RECORD) {
        cr_assert_eq(r->record.offset, r->next[r->record.shard],
                     "shard %" PRIu32 ": offset %" PRId64 ", expected %" PRId64, r->record.shard,
                     r->record.offset, r->next[r->record.shard]);
        r->next[r->record.shard]++;
        r->records++;
    } else if (result == VG_POLL_REACHED) {
        r->reached[r->record.shard]++;
    } else if (result == VG_POLL_TROUBLE) {
        r->troubles++;
    }
    return result;
}

/* Polls until `wanted` comes. */
static void step_until(struct reader *r, enum vg_poll wanted)
{
    int64_t deadline_s = now_s() + PATIENCE_S;
    enum vg_poll result;

    do {
        result = step(r);
        cr_assert(result == wanted || result != VG_POLL_FAILED, "%s", r->err.msg);
        cr_assert_lt(now_s(), deadline_s, "waited in vain for result %d", wanted);
    } while (result != wanted);
}

static void read_records(struct reader *r, int n)
{
    while (r->records < n)
        step_until(r, VG_POLL_RECORD);
}

static void read_to_end(struct reader *r)
{
    while (!r->reached[0] || !r->reached[1] || !r->reached[2])
        step_until(r, VG_POLL_REACHED);
}

static void produce(int partition, int n)
{
    cr_assert(test_kafka_produce(&kafka, TOPIC, partition, n, first_ms));
    cr_assert_eq(test_kafka_low(&kafka, TOPIC, partition), 0, "Kafka has dropped records already");
}

/* -- options; no broker */

struct refused_row {
    char key[48], value[24], reason[40];
};

ParameterizedTestParameters(kafka_options, dangerous_and_owned_options_are_refused_with_the_reason)
{
    static struct refused_row rows[] = {
        { "plugin.library.paths", "evil.so", "loads code" },
        { "ssl.engine.location", "evil.so", "loads code" },
        { "sasl.kerberos.kinit.cmd", "rm -r /", "runs a shell command" },
        { "enable.sasl.oauthbearer.unsecure.jwt", "true", "unsigned token" },
        { "enable.ssl.certificate.verification", "false", "pose as the broker" },
        { "ssl.endpoint.identification.algorithm", "none", "pose as the broker" },
        { "debug", "all", "patients" },
        { "error_cb", "0x1", "pointer" },
        { "opaque", "0x1", "pointer" },
        { "enable.auto.commit", "true", "snapshots" },
        { "enable.auto.offset.store", "true", "snapshots" },
        { "auto.offset.reset", "latest", "`start`" },
        { "group.id", "x", "`group`" },
        { "group.instance.id", "x", "`instance`" },
        { "bootstrap.servers", "x:1", "`brokers`" },
        { "metadata.broker.list", "x:1", "`brokers`" },
        { "enable.partition.eof", "false", "read to its end" },
        { "partition.assignment.strategy", "cooperative-sticky", "loop for ever" },
        { "no.such.option", "1", "No such configuration property" },
        { "fetch.wait.max.ms", "soon", "fetch.wait.max.ms" },
        { "max.poll.interval.ms", "1000", "together" },
        { "ssl.ca.location", "/no/such/ca.pem", "" },
    };
    return cr_make_param_array(struct refused_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct refused_row *row, kafka_options,
                  dangerous_and_owned_options_are_refused_with_the_reason)
{
    struct reader r;

    reader_init(&r, "localhost:9092", "latest");
    set(&r, "group", "g");
    if (strncmp(row->key, "ssl.ca", 6) == 0)
        add_option(&r, "security.protocol", "ssl");
    add_option(&r, row->key, row->value);
    cr_assert_eq(source->check(r.self, &r.err), VG_E_CONFIG, "%s was accepted", row->key);
    cr_assert_str_eq(r.err.option, "options");
    cr_assert_not_null(strstr(r.err.msg, row->reason), "%s", r.err.msg);
    reader_done(&r);
}

Test(kafka_options, what_is_harmless_passes)
{
    struct reader r;

    reader_init(&r, "kafka1:9092,[::1]:9093,kafka3", "2026-03-01T12:00:00Z");
    set(&r, "group", "g");
    set(&r, "instance", "gw1");
    add_option(&r, "fetch.wait.max.ms", "50");
    add_option(&r, "security.protocol", "sasl_ssl");
    add_option(&r, "sasl.mechanisms", "PLAIN");
    add_option(&r, "sasl.username", "u");
    add_option(&r, "sasl.password", "p");
    add_option(&r, "enable.ssl.certificate.verification", "true");
    cr_assert_eq(source->check(r.self, &r.err), VG_OK, "%s", r.err.msg);
    reader_done(&r);
}

struct bad_row {
    char option[16], value[64];
};

Test(kafka_options, dead_letters_do_not_go_to_the_topic_that_is_read)
{
    struct reader r;

    reader_init(&r, "localhost:9092", "latest");
    set(&r, "topic", "vitals");
    set(&r, "dead_letters.topic", "vitals.dead");
    cr_assert_eq(source->check(r.self, &r.err), VG_OK, "%s", r.err.msg);
    set(&r, "dead_letters.topic", "vitals");
    cr_assert_eq(source->check(r.self, &r.err), VG_E_CONFIG);
    cr_assert_str_eq(r.err.option, "dead_letters");
    reader_done(&r);
}

ParameterizedTestParameters(kafka_options, a_bad_value_names_its_option)
{
    static struct bad_row rows[] = {
        { "brokers", "" },        { "brokers", "a:0" },      { "brokers", "a:99999" },
        { "brokers", "a,,b" },    { "brokers", ":9092" },    { "brokers", "a:9092," },
        { "topic", "^vitals.*" }, { "topic", "" },           { "topic", "a/b" },
        { "start", "newest" },    { "start", "2026-03-01" }, { "start", "" },
        { "group", "" },          { "instance", "gw1" }, /* without a group */
    };
    return cr_make_param_array(struct bad_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad_row *row, kafka_options, a_bad_value_names_its_option)
{
    struct reader r;

    reader_init(&r, "localhost:9092", "latest");
    set(&r, row->option, row->value);
    cr_assert_eq(source->check(r.self, &r.err), VG_E_CONFIG, "%s '%s'", row->option, row->value);
    cr_assert_str_eq(r.err.option, row->option, "%s", r.err.msg);
    reader_done(&r);
}

/* -- the mock */

static void start_mock(void)
{
    cr_assert(test_kafka_mock(&kafka, TOPIC, SHARDS));
}

static void stop_kafka(void)
{
    test_kafka_stop(&kafka);
}

TestSuite(kafka_mock, .init = start_mock, .fini = stop_kafka, .timeout = 60);

Test(kafka_mock, every_record_comes_once_in_order_with_its_key_value_and_time)
{
    struct reader r;

    produce(0, 1000);
    produce(2, 500);
    reader_init(&r, kafka.bootstrap, "earliest");
    reader_start(&r);
    cr_assert_eq(r.info.shards, SHARDS);
    cr_assert_str_eq(r.info.topic, TOPIC);
    cr_assert(r.info.cluster[0]);
    while (r.records < 1500) {
        char expected[32];

        step_until(&r, VG_POLL_RECORD);
        snprintf(expected, sizeof(expected), "record %" PRId64, r.record.offset);
        cr_assert_eq(r.record.message.len, strlen(expected));
        cr_assert_eq(memcmp(r.record.message.value, expected, strlen(expected)), 0);
        snprintf(expected, sizeof(expected), "p-%" PRId64, r.record.offset);
        cr_assert_eq(r.record.message.key_len, strlen(expected));
        cr_assert_eq(memcmp(r.record.message.key, expected, strlen(expected)), 0);
        cr_assert_eq(r.record.time_ns, (first_ms + 1000 * r.record.offset) * VG_NS_PER_MS);
    }
    read_to_end(&r);
    cr_assert_eq(source->end(r.self, 0), 1000);
    cr_assert_eq(source->end(r.self, 1), 0);
    cr_assert_eq(source->end(r.self, 2), 500);
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_eq(r.assigned[i], 1);
        cr_assert_eq(r.reached[i], 1);
    }
    reader_done(&r);
}

/* Who reads has other partitions, commands and the passing of time to look after. */
Test(kafka_mock, a_broker_that_does_not_tell_what_it_holds_holds_up_nobody)
{
    enum { LIST_OFFSETS = 2, LATE_MS = 2500 };
    const int64_t most_ns = 1500 * VG_NS_PER_MS;
    int64_t began_ns;
    struct reader r;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_OK, "%s", r.err.msg);
    cr_assert_eq(rd_kafka_mock_broker_push_request_error_rtts(kafka.mock, 1, LIST_OFFSETS, 1,
                                                              RD_KAFKA_RESP_ERR_NO_ERROR, LATE_MS),
                 RD_KAFKA_RESP_ERR_NO_ERROR);
    began_ns = vg_mono_ns();
    cr_assert_eq(source->start(r.self, &r.err), VG_OK, "%s", r.err.msg);
    cr_assert_lt(vg_mono_ns() - began_ns, most_ns, "it waits for the broker");
    while (r.records < 10) {
        int64_t poll_ns = vg_mono_ns();

        cr_assert_neq(step(&r), VG_POLL_FAILED, "%s", r.err.msg);
        cr_assert_lt(vg_mono_ns() - poll_ns, most_ns, "a poll waits for the broker");
        cr_assert_lt(vg_mono_ns() - began_ns, PATIENCE_S * VG_NS_PER_S, "nothing came");
    }
    cr_assert_gt(vg_mono_ns() - began_ns, VG_NS_PER_S, "the broker was not late");
    reader_done(&r);
}

Test(kafka_mock, a_given_offset_wins_over_the_configured_start)
{
    struct reader r;

    produce(0, 100);
    produce(1, 100);
    reader_init(&r, kafka.bootstrap, "latest");
    r.begin[0] = r.next[0] = 42;
    r.begin[1] = 100; /* its end */
    reader_start(&r);
    read_to_end(&r);
    cr_assert_eq(r.records, 58);
    reader_done(&r);
}

Test(kafka_mock, until_end_stops_at_the_end_that_the_log_had_at_the_start)
{
    struct reader r;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    reader_start(&r);
    produce(0, 10);
    read_to_end(&r);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(step(&r), VG_POLL_NOTHING);
    cr_assert_eq(r.records, 10);
    reader_done(&r);
}

Test(kafka_mock, a_running_source_says_reached_each_time_it_has_caught_up)
{
    struct reader r;

    reader_init(&r, kafka.bootstrap, "latest");
    r.env.until_end = false;
    reader_start(&r);
    read_to_end(&r);
    produce(1, 5);
    read_records(&r, 5);
    while (r.reached[1] < 2)
        step_until(&r, VG_POLL_REACHED);
    reader_done(&r);
}

Test(kafka_mock, pausing_and_resuming_loses_and_repeats_nothing)
{
    struct reader r;

    for (int i = 0; i < SHARDS; i++)
        produce(i, 2000);
    reader_init(&r, kafka.bootstrap, "earliest");
    reader_start(&r);
    for (int round = 0; round < 20; round++) {
        uint32_t paused = (uint32_t)round % SHARDS;
        int64_t at;

        read_records(&r, 50 * (round + 1));
        source->pause(r.self, paused);
        source->pause(r.self, paused); /* twice is once */
        at = r.next[paused];
        for (int i = 0; i < 10; i++)
            step(&r);
        cr_assert_eq(r.next[paused], at, "a paused shard returned a record");
        source->resume(r.self, paused);
        source->resume(r.self, (paused + 1) % SHARDS); /* was not paused */
    }
    read_to_end(&r);
    cr_assert_eq(r.records, SHARDS * 2000);
    reader_done(&r);
}

Test(kafka_mock, an_offset_beyond_the_end_of_the_log_is_refused)
{
    struct reader r;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    r.begin[0] = 11;
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_OK, "%s", r.err.msg);
    cr_assert_eq(source->start(r.self, &r.err), VG_E_IO);
    cr_assert_not_null(strstr(r.err.msg, "ends at offset 10"), "%s", r.err.msg);
    reader_done(&r);
}

Test(kafka_mock, a_group_hands_over_every_partition_once_and_takes_commits)
{
    struct reader r;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    r.env.until_end = false;
    set(&r, "group", "g");
    r.begin[0] = r.next[0] = 4;
    reader_start(&r);
    read_to_end(&r);
    cr_assert_eq(r.records, 6);
    for (int i = 0; i < SHARDS; i++)
        cr_assert_eq(r.assigned[i], 1);
    source->commit(r.self, 0, 10);
    reader_done(&r);
    cr_assert_eq(r.revoked[0], 0, "closing hands nothing over");
}

Test(kafka_mock, an_outage_is_told_once_and_survived)
{
    struct reader r;
    int told;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    r.env.until_end = false;
    reader_start(&r);
    read_records(&r, 10);
    cr_assert_eq(rd_kafka_mock_broker_set_down(kafka.mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    step_until(&r, VG_POLL_TROUBLE);
    cr_assert(r.err.msg[0]);
    for (int i = 0; i < 20; i++)
        step(&r);
    told = r.troubles;
    cr_assert_leq(told, 4, "%d troubles in 2 s", told);
    rd_kafka_mock_broker_set_up(kafka.mock, 1);
    produce(0, 10);
    read_records(&r, 20);
    reader_done(&r);
}

Test(kafka_mock, an_end_is_said_again_once_an_outage_is_over)
{
    struct reader r;

    produce(0, 10);
    reader_init(&r, kafka.bootstrap, "earliest");
    r.env.until_end = false;
    reader_start(&r);
    read_to_end(&r);
    cr_assert_eq(rd_kafka_mock_broker_set_down(kafka.mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    step_until(&r, VG_POLL_TROUBLE);
    rd_kafka_mock_broker_set_up(kafka.mock, 1);
    memset(r.reached, 0, sizeof(r.reached));
    read_to_end(&r);
    reader_done(&r);
}

Test(kafka_mock, a_topic_that_may_not_be_read_is_named)
{
    struct reader r;

    rd_kafka_mock_topic_set_error(kafka.mock, TOPIC, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    reader_init(&r, kafka.bootstrap, "earliest");
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_E_UNAVAILABLE);
    cr_assert_str_eq(r.err.option, "topic");
    cr_assert_not_null(strstr(r.err.msg, "grant Read"), "%s", r.err.msg);
    reader_done(&r);
}

Test(kafka_options, nobody_at_the_address_is_said_after_the_configured_time, .timeout = 30)
{
    struct reader r;
    int64_t begin_s = now_s();

    reader_init(&r, "127.0.0.1:1", "earliest");
    set(&r, "connect_timeout", "1s");
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_E_UNAVAILABLE);
    cr_assert_not_null(strstr(r.err.msg, "no broker answered at 127.0.0.1:1 within 1s"), "%s",
                       r.err.msg);
    cr_assert_not_null(strstr(r.err.msg, "Connection refused"), "%s", r.err.msg);
    cr_assert_leq(now_s() - begin_s, 5);
    reader_done(&r);
}

/* -- a real Kafka */

static void start_real(void)
{
    switch (test_kafka_real(&kafka, TOPIC, SHARDS)) {
    case TEST_KAFKA_RUNS:
        break;
    case TEST_KAFKA_NONE:
        cr_skip_test("no Apache Kafka on this machine; the reason stands above");
        break;
    case TEST_KAFKA_BROKEN:
        cr_assert_fail("Apache Kafka does not start; the reason stands above");
    }
}

TestSuite(kafka_real, .init = start_real, .fini = stop_kafka, .timeout = 240);

Test(kafka_real, records_starts_and_ends_are_those_of_the_log)
{
    struct reader r;

    produce(0, 3000);
    produce(2, 1000);
    reader_init(&r, kafka.bootstrap, "earliest");
    reader_start(&r);
    while (r.records < 2000) {
        step_until(&r, VG_POLL_RECORD);
        cr_assert_eq(r.record.time_ns, (first_ms + 1000 * r.record.offset) * VG_NS_PER_MS);
    }
    source->pause(r.self, 0);
    for (int i = 0; i < 5; i++)
        step(&r);
    source->resume(r.self, 0);
    read_to_end(&r);
    cr_assert_eq(r.records, 4000);
    reader_done(&r);

    reader_init(&r, kafka.bootstrap, "2026-03-01T12:01:40Z"); /* 100 records after the first */
    r.next[0] = r.next[2] = 100;
    r.begin[2] = r.next[2] = 990;
    reader_start(&r);
    read_to_end(&r);
    cr_assert_eq(r.records, 2900 + 10);
    reader_done(&r);
}

Test(kafka_real, deleted_records_are_lost_data_and_not_a_silent_jump)
{
    struct reader r;

    produce(0, 100);
    cr_assert(test_kafka_delete_before(&kafka, TOPIC, 0, 50));
    reader_init(&r, kafka.bootstrap, "earliest");
    r.begin[0] = 20;
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_OK, "%s", r.err.msg);
    cr_assert_eq(source->start(r.self, &r.err), VG_E_IO);
    cr_assert_not_null(strstr(r.err.msg, "data lost"), "%s", r.err.msg);
    cr_assert_not_null(strstr(r.err.msg, "first is 50"), "%s", r.err.msg);
    reader_done(&r);

    reader_init(&r, kafka.bootstrap, "earliest");
    r.next[0] = 50;
    reader_start(&r);
    read_to_end(&r);
    cr_assert_eq(r.records, 50);
    reader_done(&r);
}

Test(kafka_real, records_deleted_while_a_shard_is_paused_are_lost_data)
{
    struct reader r;
    enum vg_poll result;

    produce(0, 100);
    reader_init(&r, kafka.bootstrap, "earliest");
    r.env.until_end = false;
    reader_start(&r);
    read_records(&r, 10);
    source->pause(r.self, 0);
    cr_assert(test_kafka_delete_before(&kafka, TOPIC, 0, 50));
    source->resume(r.self, 0);
    do
        result = step(&r);
    while (result != VG_POLL_FAILED && r.records < 100);
    cr_assert_eq(result, VG_POLL_FAILED);
    cr_assert_eq(r.err.status, VG_E_IO);
    cr_assert_not_null(strstr(r.err.msg, "first is 50"), "%s", r.err.msg);
    reader_done(&r);
}

Test(kafka_real, an_unknown_topic_is_said_at_once_with_what_to_do)
{
    struct reader r;

    reader_init(&r, kafka.bootstrap, "earliest");
    set(&r, "topic", "vitals.typo");
    cr_assert_eq(source->open(r.self, &r.env, &r.info, &r.err), VG_E_UNAVAILABLE);
    cr_assert_str_eq(r.err.option, "topic");
    cr_assert_not_null(strstr(r.err.msg, "vitals.typo does not exist"), "%s", r.err.msg);
    cr_assert_not_null(strstr(r.err.msg, "create it"), "%s", r.err.msg);
    reader_done(&r);
}

static int owned(const struct reader *r)
{
    int n = 0;

    for (int i = 0; i < SHARDS; i++)
        n += r->assigned[i] - r->revoked[i];
    return n;
}

/* Polls two members of one group until both own shards, and between them all. */
static void settle(struct reader *first, struct reader *second)
{
    int64_t deadline_s = now_s() + PATIENCE_S;

    while (!owned(first) || !owned(second) || owned(first) + owned(second) != SHARDS) {
        step(first);
        step(second);
        cr_assert_lt(now_s(), deadline_s, "they own %d and %d", owned(first), owned(second));
    }
}

static void join(struct reader *r, const char *instance)
{
    reader_init(r, kafka.bootstrap, "earliest");
    r->env.until_end = false;
    set(r, "group", "g");
    if (instance)
        set(r, "instance", instance);
    reader_start(r);
}

Test(kafka_real, members_share_the_partitions_and_a_static_one_comes_back_unnoticed)
{
    struct reader a, b;
    int share, handed_over;

    produce(0, 10);
    join(&a, NULL); /* service@host is an identity that the brokers accept */
    while (owned(&a) < SHARDS)
        step(&a);
    join(&b, "gw2");
    settle(&a, &b);
    cr_assert_eq(a.revoked[0] + a.revoked[1] + a.revoked[2], SHARDS, "eager: all, then some");
    cr_assert_eq(a.lost[0] + a.lost[1] + a.lost[2], 0);

    share = owned(&b);
    handed_over = a.revoked[0];
    reader_done(&b);
    join(&b, "gw2");
    settle(&a, &b);
    cr_assert_eq(owned(&b), share);
    cr_assert_eq(a.revoked[0], handed_over, "a restart within the session moves nothing");
    reader_done(&b);
    reader_done(&a);
}

Test(kafka_real, a_second_process_with_the_same_identity_ends_the_first)
{
    struct reader a, b;
    int64_t deadline_s = now_s() + PATIENCE_S;
    enum vg_poll result = VG_POLL_NOTHING;

    join(&a, "gw1");
    while (owned(&a) < SHARDS)
        step(&a);
    join(&b, "gw1");
    while (result != VG_POLL_FAILED) {
        result = step(&a);
        step(&b);
        cr_assert_lt(now_s(), deadline_s, "the first goes on");
    }
    cr_assert_str_eq(a.err.option, "instance");
    cr_assert_eq(a.err.status, VG_E_CONFIG);
    cr_assert_not_null(strstr(a.err.msg, "same instance id"), "%s", a.err.msg);
    reader_done(&a);
    reader_done(&b);
}
