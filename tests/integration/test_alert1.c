/* test_alert1.c - ALERT/1 end to end: what a client of the ZeroMQ sink sees, whatever gets lost. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/alert1.h"

TestSuite(alert1, .init = alert1_init, .fini = alert1_done, .timeout = 120);

Test(alert1, live_events_arrive_in_order_with_their_canonical_bytes)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 3);
    alert1_add_starts(&alert1.a, "icu-b", 4, 2);
    for (uint64_t seq = 1; seq <= 5; seq++)
        alert1_expect_event(seq);
    cr_assert(vigil_client_complete(alert1.client));
}

Test(alert1, tcp_on_loopback_works_like_ipc)
{
    fake_outbox_free(alert1.a.outbox);
    alert1_make_pipeline(&alert1.a, 1, true);
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_expect_event(1);
}

Test(alert1, one_who_joins_late_gets_the_open_episodes_and_then_what_follows)
{
    alert1_add_starts(&alert1.a, "icu-a", 1, 3);
    fake_outbox_add(alert1.a.outbox, "icu-a", 2, 1, VG_PHASE_END);
    fake_outbox_add(alert1.a.outbox, "icu-a", 3, 1, VG_PHASE_UPDATE);
    alert1_start_sink(&alert1.a, 5);
    alert1_connect_to_a("icu-a");
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert_eq(alert1.item.event.origin, VIGIL_SNAPSHOT);
    cr_assert(strstr(alert1.item.event.event_id, ".0"));
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert(strstr(alert1.item.event.json, "\"update\""), "%s", alert1.item.event.json);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    fake_outbox_add(alert1.a.outbox, "icu-a", 3, 2, VG_PHASE_END);
    alert1_expect_event(6);
    /* By PUB, or by replay when the subscription had not reached the publisher yet. */
    cr_assert_neq(alert1.item.event.origin, VIGIL_SNAPSHOT);
}

Test(alert1, the_whole_history_can_be_asked_for_and_then_it_goes_on_live)
{
    alert1_add_starts(&alert1.a, "icu-a", 1, 1200); /* more than two credits of 500 */
    alert1_start_sink(&alert1.a, 1200);
    alert1_resume_at_a(0);
    for (uint64_t seq = 1; seq <= 1200; seq++)
        alert1_expect_event(seq);
    cr_assert_eq(alert1.item.event.origin, VIGIL_REPLAYED);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    alert1_add_starts(&alert1.a, "icu-a", 2000, 1);
    alert1_expect_event(1201);
}

Test(alert1, a_lost_event_is_replayed_when_the_next_shows_the_gap)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    fake_outbox_lose(alert1.a.outbox, 2);
    fake_outbox_lose(alert1.a.outbox, 3);
    alert1_add_starts(&alert1.a, "icu-a", 1, 4);
    for (uint64_t seq = 1; seq <= 4; seq++)
        alert1_expect_event(seq);
    cr_assert_eq(alert1_stats().gaps, 1);
    cr_assert_geq(alert1_stats().replayed, 2);
}

Test(alert1, a_lost_last_event_is_replayed_when_the_heartbeat_tells_of_it)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a("icu-a");
    fake_outbox_ward(alert1.a.outbox, "icu-a");
    alert1_expect_in_step();
    fake_outbox_lose(alert1.a.outbox, 1);
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_expect_event(1);
    cr_assert_eq(alert1.item.event.origin, VIGIL_REPLAYED);
}

Test(alert1, a_gap_in_one_ward_does_not_hold_up_another)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    fake_outbox_lose(alert1.a.outbox, 1);
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_add_starts(&alert1.a, "icu-b", 2, 1);
    alert1_expect_event(2);
    cr_assert_str_eq(alert1.item.event.ward, "icu-b");
    alert1_expect_event(1);
}

Test(alert1, a_subscriber_of_one_ward_sees_only_that_ward_and_no_false_gap)
{
    fake_outbox_ward(alert1.a.outbox, "icu-a");
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a("icu-a");
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a2", 1, 3);
    alert1_add_starts(&alert1.a, "icu-a", 4, 1);
    alert1_add_starts(&alert1.a, "icu-a2", 5, 3);
    alert1_add_starts(&alert1.a, "icu-a", 8, 1);
    alert1_expect_event(4);
    alert1_expect_event(8);
    cr_assert_eq(alert1_stats().gaps, 0);
}

static void expect_connected(uint32_t n)
{
    int64_t end = alert1_now_ms() + ALERT1_DEADLINE_MS;

    while (fake_outbox_subscribers(alert1.a.outbox).connected != n && alert1_now_ms() < end)
        usleep(1000); /* NOLINT: what the sink says of them is no event of a socket */
    cr_assert_eq(fake_outbox_subscribers(alert1.a.outbox).connected, n);
}

Test(alert1, who_listens_is_counted_from_coming_to_going)
{
    struct vigil_client *first;

    fake_outbox_ward(alert1.a.outbox, "icu-a");
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    expect_connected(1);
    first = alert1.client;
    alert1_connect_to_a("icu-a");
    alert1_expect_in_step();
    expect_connected(2);
    vigil_client_free(first);
    expect_connected(1);
    cr_expect_eq(fake_outbox_subscribers(alert1.a.outbox).registered, 0);
    vigil_client_free(alert1.client);
    alert1.client = NULL;
    expect_connected(0);
}

Test(alert1, after_a_restart_repeats_are_dropped_and_nothing_is_missing)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 20);
    for (uint64_t seq = 1; seq <= 20; seq++)
        alert1_expect_event(seq);
    fake_sink_stop(alert1.a.sink);
    alert1_add_starts(&alert1.a, "icu-a", 21, 5);
    alert1_start_sink(&alert1.a, 10); /* the cursor was behind: 11..20 are published once more */
    for (uint64_t seq = 21; seq <= 25; seq++)
        alert1_expect_event(seq);
    cr_assert(vigil_client_complete(alert1.client));
    cr_assert_eq(alert1_stats().events, 25);
}

Test(alert1, a_new_outbox_is_noticed_and_answered_with_a_snapshot)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 5);
    for (uint64_t seq = 1; seq <= 5; seq++)
        alert1_expect_event(seq);
    fake_sink_stop(alert1.a.sink);
    fake_outbox_free(alert1.a.outbox);
    alert1.a.outbox = fake_outbox_new(9, NULL);
    alert1_add_starts(&alert1.a, "icu-a", 5, 2); /* episode 5 is known, 6 is not */
    alert1_start_sink(&alert1.a, 0);
    alert1_expect_notice(VIGIL_NEW_OUTBOX, ALERT1_DEADLINE_MS);
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert(strstr(alert1.item.event.json, "\"p-6\""), "%s", alert1.item.event.json);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    alert1_add_starts(&alert1.a, "icu-a", 7, 1);
    alert1_expect_event(3);
}

Test(alert1, a_position_in_an_outbox_that_is_gone_does_not_hide_events)
{
    alert1_add_starts(&alert1.a, "icu-a", 1, 3);
    alert1_start_sink(&alert1.a, 3);
    alert1_resume_at_a(1000);
    alert1_expect_notice(VIGIL_NEW_OUTBOX, ALERT1_DEADLINE_MS);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    cr_assert_eq(alert1_stats().events, 3);
    alert1_add_starts(&alert1.a, "icu-a", 4, 1);
    alert1_expect_event(4);
}

Test(alert1, history_that_is_no_longer_held_is_said_to_be_lost)
{
    alert1_add_starts(&alert1.a, "icu-a", 1, 10);
    fake_outbox_forget(alert1.a.outbox, 6, 0);
    alert1_start_sink(&alert1.a, 10);
    alert1_resume_at_a(2);
    alert1_expect_notice(VIGIL_HISTORY_LOST, ALERT1_DEADLINE_MS);
    for (uint64_t seq = 7; seq <= 10; seq++)
        alert1_expect_event(seq);
}

Test(alert1, history_that_is_lost_behind_a_single_old_event_is_said_to_be_lost_too)
{
    alert1_add_starts(&alert1.a, "icu-a", 1, 10);
    fake_outbox_forget(alert1.a.outbox, 6,
                       3); /* as retention keeps what an open alert is shown by */
    alert1_start_sink(&alert1.a, 10);
    alert1_resume_at_a(2);
    alert1_expect_event(3);
    alert1_expect_notice(VIGIL_HISTORY_LOST, ALERT1_DEADLINE_MS);
    for (uint64_t seq = 7; seq <= 10; seq++)
        alert1_expect_event(seq);
}

Test(alert1, the_position_to_resume_at_is_one_that_loses_nothing)
{
    uint64_t after = 0;
    uint8_t outbox[16];
    int64_t end = alert1_now_ms() + ALERT1_DEADLINE_MS;

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 3);
    fake_outbox_lose(alert1.a.outbox, 4);
    for (uint64_t seq = 1; seq <= 3; seq++)
        alert1_expect_event(seq);
    cr_assert(vigil_client_position(alert1.client, 0, &after, outbox));
    cr_assert_leq(after, 3);
    while (after < 3 && alert1_now_ms() < end) {
        vigil_client_next(alert1.client, 100, &alert1.item);
        cr_assert(vigil_client_position(alert1.client, 0, &after, outbox));
    }
    cr_assert_eq(after, 3);
    cr_assert_eq(outbox[15], 1);
    alert1_add_starts(&alert1.a, "icu-b", 4, 1); /* lost, in a ward that was never heard of */
    alert1_add_starts(&alert1.a, "icu-a", 5, 1);
    alert1_expect_event(5);
    cr_assert(vigil_client_position(alert1.client, 0, &after, outbox));
    cr_assert_leq(after, 3);
    alert1_expect_event(4);
}

Test(alert1, twenty_thousand_events_are_complete_and_in_order)
{
    enum { EVENTS = 20000 };

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    for (uint32_t i = 0; i < EVENTS; i++)
        fake_outbox_add(alert1.a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    {
        uint64_t last_a = 0, last_b = 0;

        for (uint32_t i = 0; i < EVENTS; i++) {
            uint64_t *last;

            cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS), "%u events came", i);
            last = alert1.item.event.ward[4] == 'a' ? &last_a : &last_b;
            cr_assert_eq(alert1.item.event.prev_seq, *last);
            *last = alert1.item.event.seq;
        }
    }
    cr_assert_eq(alert1_stats().malformed, 0);
}

Test(alert1, a_client_that_does_not_read_for_a_while_ends_with_the_complete_sequence)
{
    enum { EVENTS = 45000 }; /* beyond both high-water marks */

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    for (uint32_t i = 0; i < EVENTS; i++)
        fake_outbox_add(alert1.a.outbox, "icu-a", i, 0, VG_PHASE_START);
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS), "event %d did not come",
                  (int)seq);
        cr_assert_eq(alert1.item.event.seq, seq);
    }
}

Test(alert1, a_pipeline_that_is_killed_is_called_down_within_four_seconds_and_up_again)
{
    int64_t frozen;

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_UP, ALERT1_DEADLINE_MS);
    fake_sink_freeze(alert1.a.sink, true);
    frozen = alert1_now_ms();
    alert1_expect_notice(VIGIL_LINK_DOWN, 4000);
    cr_assert_geq(alert1_now_ms() - frozen, 2500);
    fake_sink_freeze(alert1.a.sink, false);
    alert1_expect_notice(VIGIL_LINK_UP, 4000);
}

Test(alert1, a_pipeline_that_never_answers_is_called_down)
{
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_DOWN, 4000);
}

Test(alert1, a_hung_stage_is_called_stalled_by_its_age)
{
    const int64_t log_ns = INT64_C(1772366409) * VG_NS_PER_S;

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_UP, ALERT1_DEADLINE_MS);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 5000);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 5001);
    alert1_expect_notice(VIGIL_STALLED, 2000);
    cr_assert_geq(alert1.item.notice.shard, 0);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 2, 2, log_ns, 10);
    alert1_expect_notice(VIGIL_MOVING, 2000);
}

Test(alert1, a_partition_that_nobody_processes_is_called_not_covered)
{
    alert1_start_sink(&alert1.a, 0);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 4, 3, VG_TIME_NONE, 10);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_NOT_COVERED, 6000);
    cr_assert_eq(alert1.item.notice.shard, 3);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 4, 4, VG_TIME_NONE, 10);
    alert1_expect_notice(VIGIL_COVERED, 6000);
}

Test(alert1, two_instances_cover_together_until_one_is_gone)
{
    struct vigil_endpoint both[2];

    alert1_make_pipeline(&alert1.b, 2, false);
    alert1_start_sink(&alert1.a, 0);
    alert1_start_sink(&alert1.b, 0);
    fake_outbox_status(alert1.a.outbox, VG_STATE_RUNNING, 4, 4, VG_TIME_NONE, 10);
    fake_outbox_status(alert1.b.outbox, VG_STATE_RUNNING, 4, 1, VG_TIME_NONE, 10);
    memset(both, 0, sizeof(both));
    both[0].publish = alert1.a.publish;
    both[0].control = alert1.a.control;
    both[1].publish = alert1.b.publish;
    both[1].control = alert1.b.control;
    alert1_connect_client(both, 2, NULL);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    alert1_expect_notice(VIGIL_SYNCED, ALERT1_DEADLINE_MS);
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert_eq(alert1.item.endpoint, 0);
    alert1_add_starts(&alert1.b, "icu-a", 1, 2); /* the shard moved: the same event comes from b */
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert_eq(alert1.item.endpoint, 1);
    cr_assert(strstr(alert1.item.event.json, "\"p-2\""));
    fake_sink_freeze(alert1.a.sink, true);
    alert1_expect_notice(VIGIL_NOT_COVERED, 8000);
    cr_assert_eq(alert1.item.notice.shard, 1);
}

Test(alert1, a_change_of_state_is_told_with_its_reasons)
{
    fake_outbox_reason(alert1.a.outbox, "sink pager is behind");
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_UP, ALERT1_DEADLINE_MS);
    fake_outbox_status(alert1.a.outbox, VG_STATE_DEGRADED, 2, 2, VG_TIME_NONE, 10);
    alert1_expect_notice(VIGIL_STATE, 4000);
    cr_assert(strstr(alert1.item.notice.text, "degraded: sink pager is behind"), "%s",
              alert1.item.notice.text);
}

Test(alert1, a_pipeline_that_stops_says_closing)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_expect_event(1);
    cr_assert_not(vigil_client_closing(alert1.client));
    fake_sink_stop(alert1.a.sink);
    alert1.a.sink = NULL;
    alert1_expect_notice(VIGIL_STATE, 4000);
    while (!vigil_client_closing(alert1.client)) /* each ward says it; at most a second */
        vigil_client_next(alert1.client, 100, &alert1.item);
    cr_assert(vigil_client_complete(alert1.client));
}

Test(alert1, an_unknown_ward_is_refused_once_and_served_when_it_appears)
{
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a("icu-z");
    alert1_expect_notice(VIGIL_REFUSED, ALERT1_DEADLINE_MS);
    cr_assert(strstr(alert1.item.notice.text, "unknown_ward"), "%s", alert1.item.notice.text);
    alert1_add_starts(&alert1.a, "icu-z", 1, 1);
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
    cr_assert(strstr(alert1.item.event.json, "\"p-1\""));
}

Test(alert1, an_acknowledgement_is_ok_once_it_is_durable_and_comes_as_an_event)
{
    char episode[VG_EPISODE_TEXT_SIZE];
    uint64_t ticket;

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_expect_event(1);
    fake_outbox_durable(alert1.a.outbox, false);
    fake_outbox_episode(1, episode);
    ticket = vigil_client_acknowledge(alert1.client, alert1.item.endpoint, episode, "nurse \"4\"",
                                      "seen\n");
    cr_assert_neq(ticket, 0);
    alert1_expect_event(2);
    cr_assert(strstr(alert1.item.event.json, "\"acknowledge\""));
    cr_assert_not(alert1_next_of(VIGIL_REPLY, 300));
    fake_outbox_durable(alert1.a.outbox, true);
    cr_assert(alert1_next_of(VIGIL_REPLY, ALERT1_DEADLINE_MS));
    cr_assert(alert1.item.reply.ok);
    cr_assert_eq(alert1.item.reply.ticket, ticket);
}

Test(alert1, an_acknowledgement_that_cannot_be_is_refused_with_its_code)
{
    char episode[VG_EPISODE_TEXT_SIZE];

    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    fake_outbox_add(alert1.a.outbox, "icu-a", 1, 1, VG_PHASE_END);
    alert1_start_sink(&alert1.a, 2);
    alert1_connect_to_a(NULL);
    fake_outbox_episode(1, episode);
    vigil_client_acknowledge(alert1.client, 0, episode, "nurse", NULL);
    cr_assert(alert1_next_of(VIGIL_REPLY, ALERT1_DEADLINE_MS));
    cr_assert_not(alert1.item.reply.ok);
    cr_assert_str_eq(alert1.item.reply.code, "already_ended");
    fake_outbox_episode(77, episode);
    vigil_client_acknowledge(alert1.client, 0, episode, "nurse", NULL);
    cr_assert(alert1_next_of(VIGIL_REPLY, ALERT1_DEADLINE_MS));
    cr_assert_str_eq(alert1.item.reply.code, "unknown_episode");
}

Test(alert1, an_acknowledgement_that_nobody_takes_times_out)
{
    char episode[VG_EPISODE_TEXT_SIZE];

    alert1_connect_to_a(NULL);
    fake_outbox_episode(1, episode);
    vigil_client_acknowledge(alert1.client, 0, episode, "nurse", NULL);
    cr_assert(alert1_next_of(VIGIL_REPLY, 12000));
    cr_assert_str_eq(alert1.item.reply.code, "timeout");
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
        fake_outbox_add(alert1.a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    alert1_start_sink(&alert1.a, STORED);
    snprintf(line, sizeof(line),
             "/usr/bin/python3 " VG_SOURCE_ROOT "/tests/support/alert1_subscriber.py"
             " --publish %s --control %s --after 0 --count %d",
             alert1.a.publish, alert1.a.control, EVENTS);
    f = popen(line, "r");
    /* NOLINTEND(cert-env33-c) */
    cr_assert_not_null(f);
    do { /* until the stored ones are there: the rest comes live */
        cr_assert_not_null(fgets(line, sizeof(line), f));
    } while (!strstr(line, "\"synced\""));
    for (uint64_t seq = STORED + 100; seq < STORED + 140; seq += 7)
        fake_outbox_lose(alert1.a.outbox, seq);
    fake_outbox_lose(alert1.a.outbox, EVENTS);
    for (uint32_t i = STORED; i < EVENTS; i++)
        fake_outbox_add(alert1.a.outbox, i % 3 ? "icu-a" : "icu-b", i, 0, VG_PHASE_START);
    snprintf(line, sizeof(line), "\"verdict\":\"complete\",\"events\":%d,", EVENTS);
    {
        const char *verdict = last_line(f);

        cr_assert(strstr(verdict, line), "%s", verdict);
    }
    status = pclose(f);
    cr_assert_eq(status, 0);
}
