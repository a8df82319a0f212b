/* test_alert1.c - ALERT/1 end to end: the ZeroMQ sink and the client over real sockets.
 *
 * The sink runs in a thread over an outbox in memory, the client in the test. Waiting is always for
 * an item with a deadline; no test sleeps.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "client/vigil_client.h"
#include "core/text.h"
#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_zeromq;

enum { DEADLINE_MS = 20000, ADDRESS_SIZE = 128 };

struct pipeline {
    struct fake_outbox *outbox;
    struct fake_sink *sink;
    char publish[ADDRESS_SIZE], control[ADDRESS_SIZE];
};

static struct pipeline a, b;
static struct vigil_client *client;
static struct vigil_item item;
static char dir[] = "/tmp/vigil-alert1-XXXXXX";

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *new_sink(const struct pipeline *p)
{
    void *self = fake_sink_self(&vg_sink_zeromq);

    fake_sink_set(&vg_sink_zeromq, self, "publish", p->publish);
    fake_sink_set(&vg_sink_zeromq, self, "control", p->control);
    fake_sink_set(&vg_sink_zeromq, self, "heartbeat", "100ms");
    return self;
}

static void start_sink(struct pipeline *p, uint64_t cursor)
{
    p->sink = fake_sink_start(&vg_sink_zeromq, new_sink(p), p->outbox, cursor);
}

static void make_pipeline(struct pipeline *p, uint8_t uuid, bool tcp)
{
    p->outbox = fake_outbox_new(uuid, NULL);
    if (tcp) {
        snprintf(p->publish, ADDRESS_SIZE, "tcp://127.0.0.1:%d", fake_free_port());
        snprintf(p->control, ADDRESS_SIZE, "tcp://127.0.0.1:%d", fake_free_port());
    } else {
        snprintf(p->publish, ADDRESS_SIZE, "ipc://%s/%u.pub", dir, uuid);
        snprintf(p->control, ADDRESS_SIZE, "ipc://%s/%u.ctl", dir, uuid);
    }
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    make_pipeline(&a, 1, false);
}

static void teardown(void)
{
    char command[64];

    vigil_client_free(client);
    if (a.sink)
        fake_sink_stop(a.sink);
    if (b.sink)
        fake_sink_stop(b.sink);
    fake_outbox_free(a.outbox);
    if (b.outbox)
        fake_outbox_free(b.outbox);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
}

static void connect_client(const struct vigil_endpoint *endpoints, size_t n, const char *ward)
{
    struct vigil_options options = {
        .endpoints = endpoints,
        .endpoints_n = n,
        .wards = &ward,
        .wards_n = ward ? 1 : 0,
    };
    char message[256];

    cr_assert_eq(vigil_client_new(&options, &client, message, sizeof(message)), 0, "%s", message);
}

static void connect_to_a(const char *ward)
{
    struct vigil_endpoint endpoint = { .publish = a.publish, .control = a.control };

    connect_client(&endpoint, 1, ward);
}

static void resume_at_a(uint64_t after)
{
    struct vigil_endpoint endpoint = {
        .publish = a.publish,
        .control = a.control,
        .resume = true,
        .after = after,
    };

    connect_client(&endpoint, 1, NULL);
}

/* The next item of the type; others are passed over. */
static bool next_of(enum vigil_item_type type, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;

    for (int64_t left = timeout_ms; left > 0; left = end - now_ms()) {
        if (vigil_client_next(client, (int)left, &item) && item.type == type)
            return true;
    }
    return false;
}

static void expect_notice(enum vigil_notice kind, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;

    while (next_of(VIGIL_NOTICE, (int)(end - now_ms()))) {
        if (item.notice.kind == kind)
            return;
    }
    cr_assert_fail("no notice %d within %d ms", kind, timeout_ms);
}

/* Until the snapshot is complete and live events come in: two connections, in either order. */
static void expect_in_step(void)
{
    bool synced = false, up = false;

    while (!synced || !up) {
        cr_assert(next_of(VIGIL_NOTICE, DEADLINE_MS), "synced %d, link up %d", synced, up);
        synced |= item.notice.kind == VIGIL_SYNCED;
        up |= item.notice.kind == VIGIL_LINK_UP;
    }
}

static void expect_event(uint64_t seq)
{
    struct vg_delivery stored;

    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS), "event %d did not come", (int)seq);
    cr_assert_eq(item.event.seq, seq, "expected %d, got %d", (int)seq, (int)item.event.seq);
    stored = fake_outbox_delivery(a.outbox, seq);
    cr_assert_eq(item.event.json_len, stored.len);
    cr_assert_eq(memcmp(item.event.json, stored.json, stored.len), 0);
    cr_assert_str_eq(item.event.ward, stored.ward);
}

static void add_starts(struct pipeline *p, const char *ward, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        fake_outbox_add(p->outbox, ward, first + i, 0, VG_PHASE_START);
}

static struct vigil_stats stats(void)
{
    struct vigil_stats s;

    vigil_client_stats(client, &s);
    return s;
}

TestSuite(alert1, .init = setup, .fini = teardown, .timeout = 120);

Test(alert1, live_events_arrive_in_order_with_their_canonical_bytes)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 3);
    add_starts(&a, "icu-b", 4, 2);
    for (uint64_t seq = 1; seq <= 5; seq++)
        expect_event(seq);
    cr_assert(vigil_client_complete(client));
}

Test(alert1, tcp_on_loopback_works_like_ipc)
{
    fake_outbox_free(a.outbox);
    make_pipeline(&a, 1, true);
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 1);
    expect_event(1);
}

Test(alert1, one_who_joins_late_gets_the_open_episodes_and_then_what_follows)
{
    add_starts(&a, "icu-a", 1, 3);
    fake_outbox_add(a.outbox, "icu-a", 2, 1, VG_PHASE_END);
    fake_outbox_add(a.outbox, "icu-a", 3, 1, VG_PHASE_UPDATE);
    start_sink(&a, 5);
    connect_to_a("icu-a");
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert_eq(item.event.origin, VIGIL_SNAPSHOT);
    cr_assert(strstr(item.event.event_id, ".0"));
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert(strstr(item.event.json, "\"update\""), "%s", item.event.json);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    fake_outbox_add(a.outbox, "icu-a", 3, 2, VG_PHASE_END);
    expect_event(6);
    /* By PUB, or by replay when the subscription had not reached the publisher yet. */
    cr_assert_neq(item.event.origin, VIGIL_SNAPSHOT);
}

Test(alert1, the_whole_history_can_be_asked_for_and_then_it_goes_on_live)
{
    add_starts(&a, "icu-a", 1, 1200); /* more than two credits of 500 */
    start_sink(&a, 1200);
    resume_at_a(0);
    for (uint64_t seq = 1; seq <= 1200; seq++)
        expect_event(seq);
    cr_assert_eq(item.event.origin, VIGIL_REPLAYED);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    add_starts(&a, "icu-a", 2000, 1);
    expect_event(1201);
}

Test(alert1, a_lost_event_is_replayed_when_the_next_shows_the_gap)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    fake_outbox_lose(a.outbox, 2);
    fake_outbox_lose(a.outbox, 3);
    add_starts(&a, "icu-a", 1, 4);
    for (uint64_t seq = 1; seq <= 4; seq++)
        expect_event(seq);
    cr_assert_eq(stats().gaps, 1);
    cr_assert_geq(stats().replayed, 2);
}

Test(alert1, a_lost_last_event_is_replayed_when_the_heartbeat_tells_of_it)
{
    start_sink(&a, 0);
    connect_to_a("icu-a");
    fake_outbox_ward(a.outbox, "icu-a");
    expect_in_step();
    fake_outbox_lose(a.outbox, 1);
    add_starts(&a, "icu-a", 1, 1);
    expect_event(1);
    cr_assert_eq(item.event.origin, VIGIL_REPLAYED);
}

Test(alert1, a_gap_in_one_ward_does_not_hold_up_another)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    fake_outbox_lose(a.outbox, 1);
    add_starts(&a, "icu-a", 1, 1);
    add_starts(&a, "icu-b", 2, 1);
    expect_event(2);
    cr_assert_str_eq(item.event.ward, "icu-b");
    expect_event(1);
}

Test(alert1, a_subscriber_of_one_ward_sees_only_that_ward_and_no_false_gap)
{
    fake_outbox_ward(a.outbox, "icu-a");
    start_sink(&a, 0);
    connect_to_a("icu-a");
    expect_in_step();
    add_starts(&a, "icu-a2", 1, 3);
    add_starts(&a, "icu-a", 4, 1);
    add_starts(&a, "icu-a2", 5, 3);
    add_starts(&a, "icu-a", 8, 1);
    expect_event(4);
    expect_event(8);
    cr_assert_eq(stats().gaps, 0);
}

Test(alert1, after_a_restart_repeats_are_dropped_and_nothing_is_missing)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 20);
    for (uint64_t seq = 1; seq <= 20; seq++)
        expect_event(seq);
    fake_sink_stop(a.sink);
    add_starts(&a, "icu-a", 21, 5);
    start_sink(&a, 10); /* the cursor was behind: 11..20 are published once more */
    for (uint64_t seq = 21; seq <= 25; seq++)
        expect_event(seq);
    cr_assert(vigil_client_complete(client));
    cr_assert_eq(stats().events, 25);
}

Test(alert1, a_new_outbox_is_noticed_and_answered_with_a_snapshot)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 5);
    for (uint64_t seq = 1; seq <= 5; seq++)
        expect_event(seq);
    fake_sink_stop(a.sink);
    fake_outbox_free(a.outbox);
    a.outbox = fake_outbox_new(9, NULL);
    add_starts(&a, "icu-a", 5, 2); /* episode 5 is known, 6 is not */
    start_sink(&a, 0);
    expect_notice(VIGIL_NEW_OUTBOX, DEADLINE_MS);
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert(strstr(item.event.json, "\"p-6\""), "%s", item.event.json);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    add_starts(&a, "icu-a", 7, 1);
    expect_event(3);
}

Test(alert1, a_position_in_an_outbox_that_is_gone_does_not_hide_events)
{
    add_starts(&a, "icu-a", 1, 3);
    start_sink(&a, 3);
    resume_at_a(1000);
    expect_notice(VIGIL_NEW_OUTBOX, DEADLINE_MS);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    cr_assert_eq(stats().events, 3);
    add_starts(&a, "icu-a", 4, 1);
    expect_event(4);
}

Test(alert1, history_that_is_no_longer_held_is_said_to_be_lost)
{
    add_starts(&a, "icu-a", 1, 10);
    fake_outbox_forget(a.outbox, 6, 0);
    start_sink(&a, 10);
    resume_at_a(2);
    expect_notice(VIGIL_HISTORY_LOST, DEADLINE_MS);
    for (uint64_t seq = 7; seq <= 10; seq++)
        expect_event(seq);
}

Test(alert1, history_that_is_lost_behind_a_single_old_event_is_said_to_be_lost_too)
{
    add_starts(&a, "icu-a", 1, 10);
    fake_outbox_forget(a.outbox, 6, 3); /* as retention keeps what an open alert is shown by */
    start_sink(&a, 10);
    resume_at_a(2);
    expect_event(3);
    expect_notice(VIGIL_HISTORY_LOST, DEADLINE_MS);
    for (uint64_t seq = 7; seq <= 10; seq++)
        expect_event(seq);
}

Test(alert1, the_position_to_resume_at_is_one_that_loses_nothing)
{
    uint64_t after = 0;
    uint8_t outbox[16];
    int64_t end = now_ms() + DEADLINE_MS;

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 3);
    fake_outbox_lose(a.outbox, 4);
    for (uint64_t seq = 1; seq <= 3; seq++)
        expect_event(seq);
    cr_assert(vigil_client_position(client, 0, &after, outbox));
    cr_assert_leq(after, 3);
    while (after < 3 && now_ms() < end) {
        vigil_client_next(client, 100, &item);
        cr_assert(vigil_client_position(client, 0, &after, outbox));
    }
    cr_assert_eq(after, 3);
    cr_assert_eq(outbox[15], 1);
    add_starts(&a, "icu-b", 4, 1); /* lost, in a ward that was never heard of */
    add_starts(&a, "icu-a", 5, 1);
    expect_event(5);
    cr_assert(vigil_client_position(client, 0, &after, outbox));
    cr_assert_leq(after, 3);
    expect_event(4);
}

Test(alert1, twenty_thousand_events_are_complete_and_in_order)
{
    enum { EVENTS = 20000 };

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    for (uint32_t i = 0; i < EVENTS; i++)
        fake_outbox_add(a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    {
        uint64_t last_a = 0, last_b = 0;

        for (uint32_t i = 0; i < EVENTS; i++) {
            uint64_t *last;

            cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS), "%u events came", i);
            last = item.event.ward[4] == 'a' ? &last_a : &last_b;
            cr_assert_eq(item.event.prev_seq, *last);
            *last = item.event.seq;
        }
    }
    cr_assert_eq(stats().malformed, 0);
}

Test(alert1, a_client_that_does_not_read_for_a_while_ends_with_the_complete_sequence)
{
    enum { EVENTS = 45000 }; /* beyond both high-water marks */

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    for (uint32_t i = 0; i < EVENTS; i++)
        fake_outbox_add(a.outbox, "icu-a", i, 0, VG_PHASE_START);
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS), "event %d did not come", (int)seq);
        cr_assert_eq(item.event.seq, seq);
    }
}

Test(alert1, a_pipeline_that_is_killed_is_called_down_within_four_seconds_and_up_again)
{
    int64_t frozen;

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_UP, DEADLINE_MS);
    fake_sink_freeze(a.sink, true);
    frozen = now_ms();
    expect_notice(VIGIL_LINK_DOWN, 4000);
    cr_assert_geq(now_ms() - frozen, 2500);
    fake_sink_freeze(a.sink, false);
    expect_notice(VIGIL_LINK_UP, 4000);
}

Test(alert1, a_pipeline_that_never_answers_is_called_down)
{
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_DOWN, 4000);
}

Test(alert1, a_hung_stage_is_called_stalled_by_its_age)
{
    const int64_t log_ns = INT64_C(1772366409) * VG_NS_PER_S;

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_UP, DEADLINE_MS);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 5000);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 5001);
    expect_notice(VIGIL_STALLED, 2000);
    cr_assert_geq(item.notice.shard, 0);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 10);
    expect_notice(VIGIL_MOVING, 2000);
}

Test(alert1, a_partition_that_nobody_processes_is_called_not_covered)
{
    start_sink(&a, 0);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 4, 3, VG_TIME_NONE, 10);
    connect_to_a(NULL);
    expect_notice(VIGIL_NOT_COVERED, 6000);
    cr_assert_eq(item.notice.shard, 3);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 4, 4, VG_TIME_NONE, 10);
    expect_notice(VIGIL_COVERED, 6000);
}

Test(alert1, two_instances_cover_together_until_one_is_gone)
{
    struct vigil_endpoint both[2];

    make_pipeline(&b, 2, false);
    start_sink(&a, 0);
    start_sink(&b, 0);
    fake_outbox_status(a.outbox, VG_STATE_RUNNING, 4, 4, VG_TIME_NONE, 10);
    fake_outbox_status(b.outbox, VG_STATE_RUNNING, 4, 1, VG_TIME_NONE, 10);
    memset(both, 0, sizeof(both));
    both[0].publish = a.publish;
    both[0].control = a.control;
    both[1].publish = b.publish;
    both[1].control = b.control;
    connect_client(both, 2, NULL);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    expect_notice(VIGIL_SYNCED, DEADLINE_MS);
    add_starts(&a, "icu-a", 1, 1);
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert_eq(item.endpoint, 0);
    add_starts(&b, "icu-a", 1, 2); /* the shard moved: the same event comes from b */
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert_eq(item.endpoint, 1);
    cr_assert(strstr(item.event.json, "\"p-2\""));
    fake_sink_freeze(a.sink, true);
    expect_notice(VIGIL_NOT_COVERED, 8000);
    cr_assert_eq(item.notice.shard, 1);
}

Test(alert1, a_change_of_state_is_told_with_its_reasons)
{
    fake_outbox_reason(a.outbox, "sink pager is behind");
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_UP, DEADLINE_MS);
    fake_outbox_status(a.outbox, VG_STATE_DEGRADED, 2, 2, VG_TIME_NONE, 10);
    expect_notice(VIGIL_STATE, 4000);
    cr_assert(strstr(item.notice.text, "degraded: sink pager is behind"), "%s", item.notice.text);
}

Test(alert1, a_pipeline_that_stops_says_closing)
{
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 1);
    expect_event(1);
    cr_assert_not(vigil_client_closing(client));
    fake_sink_stop(a.sink);
    a.sink = NULL;
    expect_notice(VIGIL_STATE, 4000);
    while (!vigil_client_closing(client)) /* each ward says it; at most a second */
        vigil_client_next(client, 100, &item);
    cr_assert(vigil_client_complete(client));
}

Test(alert1, an_unknown_ward_is_refused_once_and_served_when_it_appears)
{
    start_sink(&a, 0);
    connect_to_a("icu-z");
    expect_notice(VIGIL_REFUSED, DEADLINE_MS);
    cr_assert(strstr(item.notice.text, "unknown_ward"), "%s", item.notice.text);
    add_starts(&a, "icu-z", 1, 1);
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
    cr_assert(strstr(item.event.json, "\"p-1\""));
}

Test(alert1, an_acknowledgement_is_ok_once_it_is_durable_and_comes_as_an_event)
{
    char episode[VG_EPISODE_TEXT_SIZE];
    uint64_t ticket;

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 1, 1);
    expect_event(1);
    fake_outbox_durable(a.outbox, false);
    fake_outbox_episode(1, episode);
    ticket = vigil_client_acknowledge(client, item.endpoint, episode, "nurse \"4\"", "seen\n");
    cr_assert_neq(ticket, 0);
    expect_event(2);
    cr_assert(strstr(item.event.json, "\"acknowledge\""));
    cr_assert_not(next_of(VIGIL_REPLY, 300));
    fake_outbox_durable(a.outbox, true);
    cr_assert(next_of(VIGIL_REPLY, DEADLINE_MS));
    cr_assert(item.reply.ok);
    cr_assert_eq(item.reply.ticket, ticket);
}

Test(alert1, an_acknowledgement_that_cannot_be_is_refused_with_its_code)
{
    char episode[VG_EPISODE_TEXT_SIZE];

    add_starts(&a, "icu-a", 1, 1);
    fake_outbox_add(a.outbox, "icu-a", 1, 1, VG_PHASE_END);
    start_sink(&a, 2);
    connect_to_a(NULL);
    fake_outbox_episode(1, episode);
    vigil_client_acknowledge(client, 0, episode, "nurse", NULL);
    cr_assert(next_of(VIGIL_REPLY, DEADLINE_MS));
    cr_assert_not(item.reply.ok);
    cr_assert_str_eq(item.reply.code, "already_ended");
    fake_outbox_episode(77, episode);
    vigil_client_acknowledge(client, 0, episode, "nurse", NULL);
    cr_assert(next_of(VIGIL_REPLY, DEADLINE_MS));
    cr_assert_str_eq(item.reply.code, "unknown_episode");
}

Test(alert1, an_acknowledgement_that_nobody_takes_times_out)
{
    char episode[VG_EPISODE_TEXT_SIZE];

    connect_to_a(NULL);
    fake_outbox_episode(1, episode);
    vigil_client_acknowledge(client, 0, episode, "nurse", NULL);
    cr_assert(next_of(VIGIL_REPLY, 12000));
    cr_assert_str_eq(item.reply.code, "timeout");
}

/* Its last line, which tells what it found. */
static const char *last_line(FILE *f)
{
    static char line[65536];
    static char last[65536];

    last[0] = '\0';
    while (fgets(line, sizeof(line), f))
        memcpy(last, line, sizeof(last));
    return last;
}

Test(alert1, a_subscriber_written_from_the_contract_alone_proves_that_it_missed_nothing)
{
    enum { EVENTS = 3000, STORED = 1200 };
    char line[4096];
    FILE *f;
    int status;

    /* NOLINTBEGIN(cert-env33-c): a program of our own */
    if (system("/usr/bin/python3 -c 'import zmq' 2>/dev/null") != 0)
        cr_skip_test("no /usr/bin/python3 with the zmq module (package python3-zmq)");
    for (uint32_t i = 0; i < STORED; i++)
        fake_outbox_add(a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    start_sink(&a, STORED);
    snprintf(line, sizeof(line),
             "/usr/bin/python3 " VG_SOURCE_ROOT "/tests/support/alert1_subscriber.py"
             " --publish %s --control %s --after 0 --count %d",
             a.publish, a.control, EVENTS);
    f = popen(line, "r");
    /* NOLINTEND(cert-env33-c) */
    cr_assert_not_null(f);
    do { /* until the stored ones are there: the rest comes live */
        cr_assert_not_null(fgets(line, sizeof(line), f));
    } while (!strstr(line, "\"synced\""));
    for (uint64_t seq = STORED + 100; seq < STORED + 140; seq += 7)
        fake_outbox_lose(a.outbox, seq);
    fake_outbox_lose(a.outbox, EVENTS);
    for (uint32_t i = STORED; i < EVENTS; i++)
        fake_outbox_add(a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    snprintf(line, sizeof(line), "\"verdict\":\"complete\",\"events\":%d,", EVENTS);
    {
        const char *verdict = last_line(f);

        cr_assert(strstr(verdict, line), "%s", verdict);
    }
    status = pclose(f);
    cr_assert_eq(status, 0);
}

/* A peer that speaks the wire by hand. */
static void *context, *dealer;

static void open_dealer(void)
{
    int linger = 0, timeout = DEADLINE_MS;

    context = zmq_ctx_new();
    dealer = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
    cr_assert_eq(zmq_connect(dealer, a.control), 0);
}

static void close_dealer(void)
{
    zmq_close(dealer);
    zmq_ctx_term(context);
}

static const char *request(const char *text)
{
    static char answer[4096];
    int n;

    cr_assert_geq(zmq_send(dealer, text, strlen(text), 0), 0);
    n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);
    cr_assert_geq(n, 0, "no answer to %s", text);
    answer[n] = '\0';
    return answer;
}

Test(alert1, every_bad_request_gets_its_error_and_the_next_one_is_served)
{
    static const char *const rows[][2] = {
        { "", "{\"id\":null,\"error\":\"malformed\"" },
        { "\xff\xfe", "{\"id\":null,\"error\":\"malformed\"" },
        { "{", "{\"id\":null,\"error\":\"malformed\"" },
        { "{\"do\":\"snapshot\"}", "{\"id\":null,\"error\":\"malformed\"" },
        { "{\"id\":\"7\",\"do\":\"delete\"}", "{\"id\":\"7\",\"error\":\"unknown_request\"" },
        { "{\"id\":\"7\",\"do\":\"snapshot\",\"ward\":\"nowhere\"}",
          "{\"id\":\"7\",\"error\":\"unknown_ward\"" },
        { "{\"id\":\"7\",\"do\":\"replay\",\"after\":0,\"credit\":9999}",
          "{\"id\":\"7\",\"error\":\"malformed\"" },
        { "{\"id\":\"7\",\"do\":\"acknowledge\",\"episode\":\"x\",\"by\":\"n\"}",
          "{\"id\":\"7\",\"error\":\"unknown_episode\"" },
        { "{\"id\":7,\"do\":\"confirm\",\"subscriber\":\"s\",\"ward\":\"none\",\"seq\":0}",
          "{\"id\":7,\"ok\":true}" },
    };

    start_sink(&a, 0);
    open_dealer();
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        const char *answer = request(rows[i][0]);

        cr_assert_eq(strncmp(answer, rows[i][1], strlen(rows[i][1])), 0, "%s -> %s", rows[i][0],
                     answer);
    }
    close_dealer();
}

Test(alert1, snapshot_and_replay_answer_exactly_as_the_contract_says)
{
    char expect[2048];
    struct vg_delivery e;

    add_starts(&a, "icu-a", 1, 1);
    add_starts(&a, "icu-b", 2, 1);
    start_sink(&a, 2);
    open_dealer();
    e = fake_outbox_delivery(a.outbox, 2);
    snprintf(expect, sizeof(expect), "{\"id\":\"1\",\"event\":%s}", e.json);
    cr_assert_str_eq(request("{\"id\":\"1\",\"do\":\"snapshot\",\"ward\":\"icu-b\"}"), expect);
    cr_assert_str_eq(request("{\"id\":\"x\",\"do\":\"nothing\"}") ? expect : "", expect);
    snprintf(expect, sizeof(expect), "{\"id\":\"2\",\"seq\":2,\"prev_seq\":0,\"event\":%s}",
             e.json);
    cr_assert_not_null(strstr(request("{\"id\":\"2\",\"do\":\"replay\",\"after\":1,"
                                      "\"credit\":500}"),
                              "\"error\":\"unknown_request\""));
    {
        char answer[2048];
        int n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);

        cr_assert_gt(n, 0);
        answer[n] = '\0';
        cr_assert_str_eq(answer, expect);
        n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);
        cr_assert_gt(n, 0);
        answer[n] = '\0';
        cr_assert_str_eq(answer, "{\"id\":\"2\",\"done\":true,\"next\":2,\"last\":2}");
    }
    close_dealer();
}

Test(alert1, a_request_that_is_too_long_ends_that_connection_only)
{
    char *big = malloc(100000);

    start_sink(&a, 0);
    open_dealer();
    memset(big, ' ', 100000);
    cr_assert_eq(zmq_send(dealer, big, 100000, 0), 100000);
    free(big);
    connect_to_a(NULL);
    expect_in_step();
    close_dealer();
}

Test(alert1, a_peer_that_asks_and_never_reads_holds_up_nobody)
{
    static const char ask[] = "{\"id\":\"1\",\"do\":\"replay\",\"after\":0,\"credit\":500}";

    add_starts(&a, "icu-a", 1, 500);
    start_sink(&a, 500);
    open_dealer();
    for (int i = 0; i < 400; i++) /* 200,000 replies: far more than the sockets hold */
        cr_assert_geq(zmq_send(dealer, ask, sizeof(ask) - 1, 0), 0);
    connect_to_a(NULL);
    expect_in_step();
    add_starts(&a, "icu-a", 501, 1);
    expect_event(501);
    close_dealer();
}

/* Receives one frame as text. */
static size_t frame(void *sub, char *out, size_t size)
{
    int n = zmq_recv(sub, out, size - 1, 0);

    cr_assert_geq(n, 0);
    out[n] = '\0';
    return (size_t)n;
}

static void *open_sub(const char *topic)
{
    int timeout = DEADLINE_MS, linger = 0;
    void *sub;

    context = zmq_ctx_new();
    sub = zmq_socket(context, ZMQ_SUB);
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
    zmq_setsockopt(sub, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, strlen(topic));
    cr_assert_eq(zmq_connect(sub, a.publish), 0);
    return sub;
}

Test(alert1, a_heartbeat_has_exactly_the_bytes_of_the_contract)
{
    char topic[64], header[64], body[1024];
    void *sub;

    add_starts(&a, "icu-a", 1, 2);
    add_starts(&a, "icu-b", 3, 1);
    start_sink(&a, 3);
    sub = open_sub("alert/1/icu-a/");
    frame(sub, topic, sizeof(topic));
    cr_assert_str_eq(topic, "alert/1/icu-a/");
    cr_assert_eq(frame(sub, header, sizeof(header)), 48);
    cr_assert_eq(memcmp(header,
                        "VGA1\x02\0\0\0"
                        "\0\0\0\0\0\0\0\x02"
                        "\0\0\0\0\0\0\0\0"
                        "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
                        40),
                 0);
    frame(sub, body, sizeof(body));
    cr_assert_str_eq(body,
                     "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\",\"state\":\"running\","
                     "\"partitions\":2,\"active\":2,\"shards\":["
                     "{\"shard\":0,\"log_time\":\"2026-03-01T12:00:09.000Z\",\"wall_age_ms\":41},"
                     "{\"shard\":1,\"log_time\":\"2026-03-01T12:00:09.000Z\",\"wall_age_ms\":41}"
                     "]}");
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1, before_the_first_record_there_is_no_log_time_and_ward_none_is_there)
{
    char text[1024];
    void *sub;

    fake_outbox_status(a.outbox, VG_STATE_STARTING, 0, 0, VG_TIME_NONE, 0);
    start_sink(&a, 0);
    sub = open_sub("alert/1/");
    frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "alert/1/none/");
    frame(sub, text, sizeof(text));
    frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\","
                           "\"state\":\"starting\",\"partitions\":0,\"active\":0,\"shards\":[]}");
    fake_outbox_status(a.outbox, VG_STATE_DEGRADED, 1, 1, VG_TIME_NONE, 7);
    fake_outbox_reason(a.outbox, "disk \"full\"");
    while (!strstr(text, "reasons"))
        frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\","
                           "\"state\":\"degraded\",\"reasons\":[\"disk \\\"full\\\"\"],"
                           "\"partitions\":1,\"active\":0,\"shards\":["
                           "{\"shard\":0,\"log_time\":null,\"wall_age_ms\":7}]}");
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1, an_event_frame_carries_sequence_and_repeat_flag)
{
    char text[1024], header[64];
    void *sub, *self = new_sink(&a);
    struct vg_delivery event;
    struct vg_err err;
    size_t done = 0;

    add_starts(&a, "icu-a", 1, 2);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(a.outbox), &err), VG_OK);
    sub = open_sub("alert/1/icu-a/");
    while (zmq_recv(sub, text, sizeof(text), ZMQ_DONTWAIT) < 0)
        vg_sink_zeromq.serve(self, -1, 20); /* until a heartbeat shows that the link is up */
    frame(sub, header, sizeof(header));
    frame(sub, text, sizeof(text));
    event = fake_outbox_delivery(a.outbox, 2);
    event.repeat = true;
    cr_assert_eq(vg_sink_zeromq.deliver(self, &event, 1, &done, &err), VG_OK);
    cr_assert_eq(done, 1);
    do {
        frame(sub, text, sizeof(text));
        frame(sub, header, sizeof(header));
        frame(sub, text, sizeof(text));
    } while (header[4] != 1);
    cr_assert_eq(memcmp(header,
                        "VGA1\x01\0\0\x01"
                        "\0\0\0\0\0\0\0\x02"
                        "\0\0\0\0\0\0\0\x01",
                        24),
                 0);
    cr_assert_str_eq(text, event.json);
    vg_sink_zeromq.close(self);
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1, frames_that_are_no_alert1_are_counted_and_harm_nothing)
{
    static const struct {
        const char *frames[4];
        size_t size[4];
    } bad[] = {
        { { "alert/1/icu-a/" }, { 14 } },
        { { "alert/1/icu-a/", "VGA1" }, { 14, 4 } },
        { { "alert/1/", "VGA1", "{}" }, { 8, 4, 2 } },
        { { "alert/1/icu-a/", "VGA2............................................", "{}" },
          { 14, 48, 2 } },
        { { "alert/1/ICU/", "VGA1\1\0..........................................", "{}" },
          { 12, 48, 2 } },
    };
    char header[48] = "VGA1\x01";
    void *ctx = zmq_ctx_new(), *pub = zmq_socket(ctx, ZMQ_XPUB);
    struct vigil_endpoint endpoint = { .publish = a.publish, .control = a.control };
    char subscription[64];
    int linger = 0;

    zmq_setsockopt(pub, ZMQ_LINGER, &linger, sizeof(linger));
    cr_assert_eq(zmq_bind(pub, a.publish), 0);
    connect_client(&endpoint, 1, NULL);
    while (zmq_recv(pub, subscription, sizeof(subscription), ZMQ_DONTWAIT) < 0)
        vigil_client_next(client, 10, &item);
    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        for (size_t k = 0; k < 4 && bad[i].frames[k]; k++) {
            bool more = k < 3 && bad[i].frames[k + 1];

            zmq_send(pub, bad[i].frames[k], bad[i].size[k], more ? ZMQ_SNDMORE : 0);
        }
    }
    for (size_t n = 0; n < 2; n++) { /* an event and a heartbeat whose payload is none */
        header[4] = (char)(1 + n);
        zmq_send(pub, "alert/1/icu-a/", 14, ZMQ_SNDMORE);
        zmq_send(pub, header, sizeof(header), ZMQ_SNDMORE);
        zmq_send(pub, "{\"event_id\":7,\"shards\":{}}", 26, 0);
    }
    for (int64_t end = now_ms() + 5000; stats().malformed < 7 && now_ms() < end;)
        vigil_client_next(client, 10, &item);
    cr_assert_eq(stats().malformed, 7);
    cr_assert_eq(stats().events, 0);
    zmq_close(pub);
    zmq_ctx_term(ctx);
}

Test(alert1, an_address_in_use_is_unavailable_and_names_the_option)
{
    struct vg_err err;
    void *self = new_sink(&a);

    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_UP, DEADLINE_MS);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(a.outbox), &err), VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "publish");
    cr_assert(strstr(err.msg, dir), "%s", err.msg);
    vg_sink_zeromq.close(self);
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
    add_starts(&a, "icu-a", 1, 1); /* the first one lives on */
    cr_assert(next_of(VIGIL_EVENT, DEADLINE_MS));
}

Test(alert1, a_tcp_port_in_use_is_unavailable_and_names_the_endpoint)
{
    struct vg_err err;
    void *self, *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);

    fake_outbox_free(a.outbox);
    make_pipeline(&a, 1, true);
    self = new_sink(&a);
    cr_assert_eq(zmq_bind(other, a.control), 0);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(a.outbox), &err), VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "control");
    cr_assert(strstr(err.msg, a.control), "%s", err.msg);
    vg_sink_zeromq.close(self);
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
    zmq_close(other);
    zmq_ctx_term(ctx);
}

Test(alert1, the_socket_file_of_a_dead_process_is_taken_over_and_is_private)
{
    const char *path = a.publish + strlen("ipc://");
    struct stat info;
    void *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);
    char moved[ADDRESS_SIZE + 4];

    cr_assert_eq(zmq_bind(other, a.publish), 0);
    snprintf(moved, sizeof(moved), "%.*s.old", ADDRESS_SIZE - 1, path);
    cr_assert_eq(link(path, moved), 0);
    zmq_close(other); /* removes the name: bring it back, as after kill -9 */
    zmq_ctx_term(ctx);
    cr_assert_eq(rename(moved, path), 0);
    start_sink(&a, 0);
    connect_to_a(NULL);
    expect_notice(VIGIL_LINK_UP, DEADLINE_MS);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 077, 0);
}

Test(alert1, a_file_that_is_no_socket_is_not_replaced)
{
    const char *path = a.publish + strlen("ipc://");
    struct vg_err err;
    struct stat info;
    FILE *f = fopen(path, "w");
    void *self = new_sink(&a);

    fclose(f);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(a.outbox), &err), VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "publish");
    vg_sink_zeromq.close(self);
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert(S_ISREG(info.st_mode));
}
