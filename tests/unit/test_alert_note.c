/* test_alert_note.c - what people note by a command: as a row would bring it, and for a time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "runtime/score_file.h"
#include "stages/alert_watch.h"
#include "tests/support/alerts.h"

enum { GCS = VG_CHANNEL_gcs, ACVPU = VG_CHANNEL_acvpu, SPO2 = VG_CHANNEL_spo2, HOUR = 3600 };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_note, .init = setup, .fini = teardown, .timeout = 10);

static void gcs_low(double for_s)
{
    struct vg_rule *rule = alerts_rule(&a, "gcs_low", VG_RULE_LIMIT, GCS);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 9 };
    rule->for_ns = alerts_ns(for_s);
    alerts_start(&a);
}

/* for_s 0: without an expiry of its own. */
static enum vg_answer note(double s, int channel, float value, double for_s)
{
    return alerts_order(&a, s,
                        (struct vg_order){ .kind = VG_ORDER_KIND_NOTE,
                                           .channel = channel,
                                           .value_set = 1,
                                           .value = value,
                                           .for_ns = alerts_ns(for_s),
                                           .note = "hard to wake" });
}

static enum vg_answer take_back(double s, int channel)
{
    return alerts_order(
        &a, s, (struct vg_order){ .kind = VG_ORDER_KIND_NOTE, .channel = channel, .clear = 1 });
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static void newest(const char *member, const char *text)
{
    cr_assert_str_eq(capture_last(a.c, member), text, "%s: %s", member, capture_text(a.c));
}

/* ---- limits ---- */

Test(alert_note, a_noted_value_passes_a_limit_and_the_event_says_whose_note_it_was)
{
    gcs_low(0);
    cr_assert_eq(note(10, GCS, 8, 0), VG_ANSWER_OK);
    expect("10 start gcs_low\n");
    newest("by", "nurse-7");
    newest("note", "hard to wake");
    newest("text", "GCS 8 below 9");
    cr_assert(strstr(capture_text(a.c), "\"offset\":0,\"ordinal\":0}"), "%s", capture_text(a.c));
    cr_assert_eq(note(20, GCS, 9, 0), VG_ANSWER_OK);
    expect("10 start gcs_low\n20 end gcs_low\n");
}

Test(alert_note, at_nine_it_is_not_below_nine)
{
    gcs_low(0);
    note(10, GCS, 9, 0);
    expect("");
}

Test(alert_note, for_goes_on_by_timers_while_the_value_counts)
{
    gcs_low(30);
    note(10, GCS, 8, 60);
    alerts_clock(&a, 41);
    expect("40 start gcs_low\n");
    newest("by", "");
}

Test(alert_note, what_expires_while_a_limit_counts_does_not_start_it)
{
    gcs_low(30);
    note(10, GCS, 8, 29);
    alerts_clock(&a, 1000);
    expect("");
}

Test(alert_note, an_alert_does_not_end_when_the_value_expires_and_data_are_lost_at_once)
{
    gcs_low(0);
    note(10, GCS, 8, 50);
    alerts_clock(&a, 61);
    expect("10 start gcs_low\n60 update gcs_low data_lost\n");
    newest("text", "GCS as noted holds no longer; the alert stays active");
    newest("by", "");
    note(70, GCS, 7, 50);
    expect("10 start gcs_low\n60 update gcs_low data_lost\n70 update gcs_low data_back\n");
}

Test(alert_note, a_row_at_the_expiry_comes_after_it)
{
    gcs_low(0);
    note(10, GCS, 8, 50);
    alerts_value(&a, 60, GCS, 15);
    expect("10 start gcs_low\n60 update gcs_low data_lost\n60 end gcs_low\n");
}

Test(alert_note, without_an_expiry_it_counts_as_long_as_a_row)
{
    gcs_low(0);
    note(10, GCS, 8, 0);
    alerts_clock(&a, 10 + 4 * HOUR);
    expect("10 start gcs_low\n");
    alerts_clock(&a, 11 + 4 * HOUR);
    expect("10 start gcs_low\n14410 update gcs_low data_lost\n");
    newest("text", "GCS without a value for 4 h; the alert stays active");
}

Test(alert_note, a_row_replaces_a_note_and_a_note_a_row)
{
    gcs_low(0);
    note(10, GCS, 8, 100);
    alerts_value(&a, 20, GCS, 15);
    note(30, GCS, 8, 1000);
    alerts_value(&a, 40, GCS, 6);
    alerts_clock(&a, 2000);
    expect("10 start gcs_low\n20 end gcs_low\n30 start gcs_low\n60 update gcs_low\n");
    newest("text", "GCS 6 below 9, the lowest so far");
}

Test(alert_note, what_is_taken_back_is_not_known_any_more)
{
    gcs_low(0);
    cr_assert_eq(take_back(5, GCS), VG_ANSWER_OK);
    note(10, GCS, 8, 0);
    cr_assert_eq(take_back(20, GCS), VG_ANSWER_OK);
    expect("10 start gcs_low\n20 update gcs_low data_lost\n");
    newest("by", "nurse-7");
    note(30, GCS, 15, 0);
    expect("10 start gcs_low\n20 update gcs_low data_lost\n30 end gcs_low\n");
}

Test(alert_note, two_alerts_that_begin_and_end_in_one_moment_have_ids_of_their_own)
{
    uint8_t first[16];

    gcs_low(0);
    note(10, GCS, 8, 0);
    memcpy(first, a.c->episode_id, sizeof(first));
    note(10, GCS, 15, 0);
    note(10, GCS, 8, 0);
    expect("10 start gcs_low\n10 end gcs_low\n10 start gcs_low\n");
    cr_assert_neq(memcmp(first, a.c->episode_id, sizeof(first)), 0);
}

Test(alert_note, what_is_latched_tells_the_value_that_was_noted_last)
{
    struct vg_rule *rule = alerts_rule(&a, "latching", VG_RULE_LIMIT, GCS);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 9 };
    rule->priority = VG_PRIORITY_HIGH;
    rule->life.latching = true;
    rule->life.realarm_ns = alerts_ns(120);
    alerts_start(&a);
    note(10, GCS, 8, 0);
    note(20, GCS, 15, 30);
    alerts_clock(&a, 131);
    expect("10 start latching\n20 update latching latched\n130 continue latching unacknowledged\n");
    cr_assert(strstr(capture_text(a.c), "\"phase\":\"continue\""), "%s", capture_text(a.c));
    newest("quality", "good");
}

/* ---- whom it concerns ---- */

Test(alert_note, what_no_rule_looks_at_is_refused_so_is_a_patient_who_has_left)
{
    gcs_low(0);
    cr_assert_eq(note(10, VG_CHANNEL_cap_refill, 3, 0), VG_ANSWER_NOT_WATCHED);
    cr_assert_eq(alerts_order(&a, 20, (struct vg_order){ .kind = VG_ORDER_KIND_DISCHARGE }),
                 VG_ANSWER_OK);
    cr_assert_eq(note(30, GCS, 8, 0), VG_ANSWER_DISCHARGED);
    expect("");
}

Test(alert_note, it_says_nothing_of_the_monitor_and_ends_no_standby)
{
    struct vg_order standby = { .kind = VG_ORDER_KIND_STANDBY, .for_ns = alerts_ns(100) };

    alerts_rule(&a, "no_data", VG_RULE_STALE, VG_CHANNEL_NONE)->longer_than_ns = alerts_ns(30);
    gcs_low(0);
    alerts_value(&a, 1, SPO2, 97);
    note(20, GCS, 15, 0);
    alerts_clock(&a, 32);
    expect("31 start no_data\n");
    note(33, GCS, 15, 0);
    alerts_order(&a, 40, standby);
    note(50, GCS, 15, 0);
    alerts_clock(&a, 139);
    expect("31 start no_data\n40 end no_data standby\n");
}

Test(alert_note, a_clock_that_is_wrong_stays_wrong)
{
    struct capture_row r = capture_row("p-1", alerts_ns(1));

    gcs_low(0);
    capture_value(&r, SPO2, 97);
    r.flags = VG_ROW_AHEAD;
    capture_send(a.c, &r);
    note(10, GCS, 15, 0);
    note(100, GCS, 15, 0);
    expect("1 start device_clock\n");
}

Test(alert_note, that_nobody_has_noted_it_is_told_from_the_newest_note_expired_or_not)
{
    alerts_rule(&a, "not_noted", VG_RULE_STALE, GCS)->longer_than_ns = alerts_ns(300);
    gcs_low(0);
    note(10, GCS, 15, 60);
    alerts_clock(&a, 311);
    expect("310 start not_noted\n");
    note(320, GCS, 15, 60);
    expect("310 start not_noted\n320 end not_noted\n");
}

Test(alert_note, in_a_combination_what_has_expired_is_neither_true_nor_false)
{
    struct vg_rule part[2] = { { .rule = VG_RULE_LIMIT, .channel = SPO2 },
                               { .rule = VG_RULE_COMBINATION, .channel = VG_CHANNEL_NONE } };
    struct vg_rule inner = { .rule = VG_RULE_LIMIT, .channel = GCS };
    struct vg_rule *rule = alerts_rule(&a, "both", VG_RULE_COMBINATION, VG_CHANNEL_NONE);

    /* SpO2 below 90 and not: GCS below 9 */
    inner.bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 9 };
    part[0].bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 90 };
    part[1].join = VG_JOIN_NOT;
    part[1].part = &inner;
    part[1].parts = 1;
    rule->join = VG_JOIN_ALL;
    rule->part = part;
    rule->parts = 2;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    expect(""); /* nobody knows the GCS */
    note(2, GCS, 15, 5);
    expect("2 start both\n");
    alerts_value(&a, 6, SPO2, 80);
    alerts_clock(&a, 8);
    expect("2 start both\n7 update both data_lost\n");
    rule->part = NULL;
    rule->parts = 0;
}

/* ---- scores ---- */

static struct vg_site_score news2;
static bool has[2] = { true, true };

static void score_rule(int points)
{
    struct vg_buf said = VG_BUF_INIT;
    struct vg_err err = { 0 };
    struct vg_rule *rule = alerts_rule(&a, "news2", VG_RULE_SCORE, VG_CHANNEL_NONE);

    cr_assert_eq(vg_score_read(VG_SOURCE_ROOT "/configs/scores/news2.yaml", "news2", &news2.score,
                               &said, &err),
                 VG_OK, "%s", said.data);
    news2.profile = has;
    a.site.scores = &news2;
    a.site.scores_n = 1;
    rule->bound = (struct vg_bound){ VG_BOUND_FIXED, .above = true, (float)points - 0.5f };
    alerts_start(&a);
    vg_buf_done(&said);
}

Test(alert_note, a_score_starts_with_the_note_and_says_how_old_it_is)
{
    score_rule(3);
    alerts_value(&a, 0, SPO2, 97);
    cr_assert_eq(note(10, ACVPU, 2, 0), VG_ANSWER_OK);
    expect("10 start news2\n");
    newest("text", "NEWS2 at least 3 (partial 2 of 7, up to 17): Consciousness V (3)");
    cr_assert(strstr(capture_text(a.c),
                     "{\"channel\":\"acvpu\",\"value\":\"V\",\"points\":3,\"age_s\":0}"),
              "%s", capture_text(a.c));
    note(40, VG_CHANNEL_oxygen, 2, 0);
    alerts_clock(&a, 41);
    cr_assert(strstr(capture_text(a.c),
                     "{\"channel\":\"acvpu\",\"value\":\"V\",\"points\":3,\"age_s\":30}"),
              "%s", capture_text(a.c));
    vg_score_done(&news2.score);
}

Test(alert_note, in_a_score_it_expires_to_missing_never_to_normal)
{
    score_rule(3);
    alerts_value(&a, 0, SPO2, 97);
    note(10, ACVPU, 2, 100);
    alerts_clock(&a, 111);
    expect("10 start news2\n110 update news2 data_lost\n");
    newest("text", "NEWS2 cannot be told: no Consciousness; the alert stays active");
    note(120, ACVPU, 0, 100); /* alert: that is known, and ends it */
    expect("10 start news2\n110 update news2 data_lost\n120 end news2\n");
    vg_score_done(&news2.score);
}

Test(alert_note, it_never_counts_for_longer_than_the_score_says)
{
    score_rule(3);
    alerts_value(&a, 0, SPO2, 97);
    note(10, ACVPU, 2, 20 * HOUR);
    alerts_value(&a, 9 + 4 * HOUR, SPO2, 97);
    alerts_value(&a, 11 + 4 * HOUR, SPO2, 97);
    cr_assert(strstr(alerts_brief(&a), "14411 update news2 data_lost\n"), "%s", alerts_brief(&a));
    vg_score_done(&news2.score);
}

Test(alert_note, a_restart_forgets_no_note_and_no_expiry)
{
    score_rule(3);
    alerts_value(&a, 0, SPO2, 97);
    note(10, ACVPU, 0, 200);
    note(10, VG_CHANNEL_oxygen, 2, 0);
    alerts_restart(&a);
    alerts_value(&a, 20, SPO2, 91);
    newest("text",
           "NEWS2 at least 3 (partial 3 of 7, up to 15): Air or oxygen 2 L/min (2), SpO2 94 % "
           "(1)");
    alerts_restart(&a);
    alerts_value(&a, 211, SPO2, 97);
    newest("text", "NEWS2 at least 2 (partial 2 of 7, up to 17), no longer 3 or more");
    vg_score_done(&news2.score);
}
