/* bench_latency.c - how long after a record its alert reaches a subscriber.
 *
 *   bench_latency BROKERS TOPIC PUBLISH CONTROL ROWS_PER_SECOND SECONDS
 *
 * Three threads of one process, so that one clock times everything: a producer, a consumer of the
 * same topic (the control: one Kafka hop and nothing else), and a subscriber made of the client
 * library. The topic has one partition. Each row turns the heart rate of one of PATIENTS from 80 to
 * 150 or back, so with a limit between them and `for: 0s` each row causes exactly one event.
 *
 * Kafka's timestamps have whole milliseconds, and events carry theirs as `time`. So the producer
 * sends at most one row in a millisecond, and the millisecond names the row.
 *
 * Lines: NAME COUNT P50 P99 MAX, in ms; "lost N": rows without an event. The first seconds, in
 * which connections are made, are left out.
 */
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <string.h>

#include "bench/quantiles.h"
#include "client/vigil_client.h"
#include "core/clock.h"
#include "core/text.h"
#include "runtime/thread.h"

enum { PATIENTS = 1000, WARM_S = 3, DRAIN_S = 5, SECONDS_MAX = 600 };

struct bench {
    const char *brokers, *topic;
    int64_t rate, seconds;
    int64_t base_ms;                              /* of index 0 */
    size_t n;                                     /* milliseconds that are held */
    _Atomic int64_t *sent_ns, *hop_ns, *alert_ns; /* [n] wall time; 0: none in this one */
    _Atomic int64_t *published_ns;
    atomic_bool done;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_latency: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_t *client(const struct bench *b, rd_kafka_type_t type, const char *const *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "bootstrap.servers", b->brokers, why, sizeof(why));
    for (; *settings; settings += 2) {
        if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof(why)) != 0)
            fail(settings[0], why);
    }
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        fail("client", why);
    return rk;
}

/* ---- the producer ---- */

static void send_row(rd_kafka_t *rk, const struct bench *b, int64_t row, int64_t ms)
{
    char value[160], key[16];
    int64_t patient = row % PATIENTS;
    bool high = row / PATIENTS % 2 == 0;
    size_t key_len = (size_t)snprintf(key, sizeof(key), "p-%04d", (int)patient);
    size_t len = (size_t)snprintf(value, sizeof(value),
                                  "{\"patient\":\"%s\",\"bed\":\"icu-a/%d\",\"time\":%lld,"
                                  "\"hr\":%d,\"spo2\":97,\"rr\":16,\"temp\":36.8}",
                                  key, (int)patient, (long long)ms, high ? 150 : 80);

    rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(b->topic), RD_KAFKA_V_PARTITION(0),
                      RD_KAFKA_V_TIMESTAMP(ms), RD_KAFKA_V_KEY(key, key_len),
                      RD_KAFKA_V_VALUE(value, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                      RD_KAFKA_V_END);
    rd_kafka_poll(rk, 0);
}

static vg_status produce(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    static const char *const settings[] = { "linger.ms", "0", "acks", "1", NULL };
    struct bench *b = arg;
    rd_kafka_t *rk = client(b, RD_KAFKA_PRODUCER, settings);
    int64_t start_ns = vg_wall_ns(), last_ms = 0;

    (void)err;
    vg_thread_ready(thread);
    for (int64_t row = 0; row < b->rate * b->seconds; row++) {
        int64_t due_ns = start_ns + row * VG_NS_PER_S / b->rate;
        int64_t now_ns = vg_wall_ns();

        while (now_ns < due_ns || now_ns / VG_NS_PER_MS == last_ms) {
            vg_thread_sleep(VG_NS_PER_MS / 10);
            now_ns = vg_wall_ns();
        }
        last_ms = now_ns / VG_NS_PER_MS;
        if (last_ms - b->base_ms >= (int64_t)b->n)
            break;
        atomic_store(&b->sent_ns[last_ms - b->base_ms], now_ns);
        send_row(rk, b, row, last_ms);
    }
    rd_kafka_flush(rk, 5000);
    rd_kafka_destroy(rk);
    return VG_OK;
}

/* ---- one hop ---- */

static void take_hop(struct bench *b, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t at = rd_kafka_message_timestamp(m, &type) - b->base_ms;

    if (m->err == 0 && at >= 0 && at < (int64_t)b->n)
        atomic_store(&b->hop_ns[at], vg_wall_ns());
}

static vg_status hop(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    /* As the source sets them. */
    static const char *const settings[] = { "group.id", "bench-hop",          "fetch.wait.max.ms",
                                            "5",        "enable.auto.commit", "false",
                                            NULL };
    struct bench *b = arg;
    rd_kafka_t *rk = client(b, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    (void)err;
    rd_kafka_topic_partition_list_add(list, b->topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    vg_thread_ready(thread);
    while (!atomic_load(&b->done)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

        if (!m)
            continue;
        take_hop(b, m);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return VG_OK;
}

/* ---- the subscriber ---- */

static void take_alert(struct bench *b, const struct vigil_item *item, int64_t now_ns)
{
    static const char member[] = "\"time\":\"";
    const char *time = strstr(item->event.json, member), *end;
    int64_t ns = 0, at;

    if (!time)
        fail("an event without time", item->event.json);
    time += sizeof(member) - 1;
    end = strchr(time, '"');
    if (!end || !vg_parse_time(time, (size_t)(end - time), &ns))
        fail("an event with another time", item->event.json);
    at = ns / VG_NS_PER_MS - b->base_ms;
    if (at < 0 || at >= (int64_t)b->n)
        return;
    atomic_store(&b->alert_ns[at], now_ns);
    atomic_store(&b->published_ns[at], item->event.published_ns);
}

static void subscribe(struct bench *b, const char *publish, const char *control, int64_t until_ns)
{
    struct vigil_endpoint pipeline = { .publish = publish, .control = control };
    struct vigil_options options = { .endpoints = &pipeline, .endpoints_n = 1 };
    struct vigil_client *c;
    struct vigil_item item;
    char why[256];

    if (vigil_client_new(&options, &c, why, sizeof(why)) < 0)
        fail("subscriber", why);
    while (vg_wall_ns() < until_ns) {
        if (vigil_client_next(c, 100, &item) > 0 && item.type == VIGIL_EVENT)
            take_alert(b, &item, vg_wall_ns());
    }
    vigil_client_free(c);
}

/* ---- the answer ---- */

static void report(const struct bench *b, const char *name, _Atomic int64_t *from,
                   _Atomic int64_t *to)
{
    int64_t *took_ns = calloc(b->n, sizeof(*took_ns));
    size_t n = 0, lost = 0;

    if (!took_ns)
        exit(71);
    for (size_t i = (size_t)WARM_S * 1000; i < b->n; i++) {
        if (b->sent_ns[i] == 0)
            continue;
        if (from[i] != 0 && to[i] != 0)
            took_ns[n++] = to[i] - from[i];
        else
            lost++;
    }
    print_quantiles(name, took_ns, n);
    if (to == b->alert_ns && from == b->sent_ns)
        printf("lost %zu\n", lost);
    free(took_ns);
}

/* The p99 of each second, and of those the median: what a busy machine spoils in some seconds does
 * not hide what the others were like. */
static void report_seconds(const struct bench *b)
{
    int64_t *p99_ns = calloc(b->n / 1000 + 1, sizeof(*p99_ns)), took_ns[1000];
    size_t seconds = 0;

    if (!p99_ns)
        exit(71);
    for (size_t from = (size_t)WARM_S * 1000; from + 1000 <= b->n; from += 1000) {
        size_t n = 0;

        for (size_t i = from; i < from + 1000; i++) {
            if (b->sent_ns[i] != 0 && b->alert_ns[i] != 0)
                took_ns[n++] = b->alert_ns[i] - b->sent_ns[i];
        }
        if (n == 0)
            continue;
        qsort(took_ns, n, sizeof(*took_ns), compare_times);
        p99_ns[seconds++] = took_ns[n * 99 / 100];
    }
    print_quantiles("p99_of_seconds", p99_ns, seconds);
    free(p99_ns);
}

static _Atomic int64_t *times_new(size_t n)
{
    _Atomic int64_t *times = calloc(n, sizeof(*times));

    if (!times)
        exit(71);
    return times;
}

int main(int argc, char **argv)
{
    struct vg_thread producer = { 0 }, consumer = { 0 };
    struct bench b = { 0 };
    struct vg_err err;

    if (argc != 7) {
        fprintf(stderr, "usage: bench_latency BROKERS TOPIC PUBLISH CONTROL ROWS_PER_SECOND "
                        "SECONDS\n");
        return 2;
    }
    b.brokers = argv[1];
    b.topic = argv[2];
    b.rate = strtol(argv[5], NULL, 10);
    b.seconds = strtol(argv[6], NULL, 10);
    if (b.rate < 1 || b.rate > 1000 || b.seconds <= WARM_S || b.seconds > SECONDS_MAX)
        fail("arguments", "expected 1 to 1000 rows per second for 4 to 600 seconds");
    b.n = (size_t)(b.seconds + DRAIN_S) * 1000;
    b.base_ms = vg_wall_ns() / VG_NS_PER_MS;
    b.sent_ns = times_new(b.n);
    b.hop_ns = times_new(b.n);
    b.alert_ns = times_new(b.n);
    b.published_ns = times_new(b.n);
    if (vg_thread_start(&consumer, "hop", hop, &b, -1, &err) != VG_OK ||
        vg_thread_start(&producer, "producer", produce, &b, -1, &err) != VG_OK)
        fail("thread", err.msg);
    subscribe(&b, argv[3], argv[4], (b.base_ms + (int64_t)b.n) * VG_NS_PER_MS);
    atomic_store(&b.done, true);
    vg_thread_join(&producer);
    vg_thread_join(&consumer);
    report(&b, "hop", b.sent_ns, b.hop_ns);
    report(&b, "alert", b.sent_ns, b.alert_ns);
    report(&b, "excess", b.hop_ns, b.alert_ns);
    report(&b, "published", b.sent_ns, b.published_ns);
    report_seconds(&b);
    free(b.sent_ns);
    free(b.hop_ns);
    free(b.alert_ns);
    free(b.published_ns);
    return 0;
}
