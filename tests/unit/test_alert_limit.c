/* test_alert_limit.c - limits: when an episode starts, is updated and ends, to the nanosecond.
 *
 * The rule of most tests is spo2_low of the sample configuration: below profile.low (90 %) for 10
 * s, clear above 92 % for 15 s, kept for 20 s. SpO2 is valid for 10 s.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { SPO2 = VG_CHANNEL_spo2 };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

/* Below 90 % for `for_s`; clear when not below. */
static struct vg_rule *plain_rule(double for_s)
{
    struct vg_rule *rule = alerts_rule(&a, "low", VG_RULE_LIMIT, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 90 };
    rule->for_ns = alerts_ns(for_s);
    return rule;
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

TestSuite(alert_limit, .init = setup, .fini = teardown, .timeout = 10);

/* ---- start ---- */

Test(alert_limit, the_test_of_the_sample_configuration_holds)
{
    alerts_spo2_low(&a);
    alerts_start(&a);
    alerts_values(&a, 0, 12, SPO2, 86);
    alerts_values(&a, 12, 60, SPO2, 96);
    expect("10 start spo2_low\n47 end spo2_low\n");
}

Test(alert_limit, a_sample_exactly_when_for_is_over_starts_it)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 9.999, SPO2, 86);
    expect("");
    alerts_value(&a, 10, SPO2, 85);
    expect("10 start low\n");
    cr_assert_str_eq(capture_last(a.c, "value"), "85");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:00.000Z");
}

Test(alert_limit, without_a_sample_then_the_timer_starts_it_at_that_time)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 6, SPO2, 84);
    alerts_clock(&a, 10);
    expect("");
    alerts_clock(&a, 10.000001);
    expect("10 start low\n");
    cr_assert_str_eq(capture_last(a.c, "value"), "84", "the newest one is told");
}

Test(alert_limit, another_patient_s_row_drives_time)
{
    struct capture_row other = capture_row("p-2", alerts_ns(10.5));

    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 5, SPO2, 86);
    capture_value(&other, SPO2, 97);
    capture_send(a.c, &other);
    expect("10 start low\n");
    cr_assert_str_eq(capture_last(a.c, "patient"), "p-1");
}

Test(alert_limit, a_false_sample_exactly_when_for_is_over_prevents_it)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_values(&a, 0, 10, SPO2, 86);
    alerts_value(&a, 10, SPO2, 90);
    alerts_clock(&a, 100);
    expect("");
}

Test(alert_limit, the_limit_itself_is_not_beyond_it)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 90);
    expect("");
    alerts_value(&a, 1, SPO2, 89.9f);
    expect("1 start low\n");
    alerts_value(&a, 2, SPO2, 90);
    expect("1 start low\n2 end low\n");
}

Test(alert_limit, a_false_sample_starts_for_anew)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_values(&a, 0, 9, SPO2, 86);
    alerts_value(&a, 9, SPO2, 95);
    alerts_values(&a, 10, 11, SPO2, 86);
    expect("20 start low\n");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:10.000Z");
}

Test(alert_limit, the_timer_acts_on_a_value_up_to_its_validity)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_clock(&a, 60);
    expect("10 start low\n10 update low data_lost\n");
}

Test(alert_limit, the_timer_does_not_act_on_a_value_that_is_older)
{
    plain_rule(12);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 1, SPO2, 86);
    alerts_clock(&a, 40);
    expect("");
    alerts_value(&a, 40, SPO2, 86);
    expect("40 start low\n");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:00.000Z");
}

Test(alert_limit, rows_without_the_channel_change_nothing)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 5, SPO2, 86);
    for (int s = 6; s < 12; s++)
        alerts_value(&a, s, VG_CHANNEL_hr, 80);
    expect("10 start low\n");
}

Test(alert_limit, a_row_of_another_channel_when_for_is_over_leaves_it_to_the_timer)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_value(&a, 5, SPO2, 86);
    alerts_value(&a, 15, VG_CHANNEL_hr, 80);
    expect("");
    alerts_value(&a, 15, SPO2, 95);
    alerts_clock(&a, 60);
    expect("");
}

Test(alert_limit, missing_and_invalid_drop_what_is_pending)
{
    plain_rule(10);
    alerts_start(&a);
    alerts_values(&a, 0, 5, SPO2, 86);
    alerts_quality(&a, 5, SPO2, VG_Q_MISSING, VG_REASON_NONE);
    alerts_values(&a, 6, 5, SPO2, 86);
    alerts_quality(&a, 11, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    alerts_values(&a, 12, 10, SPO2, 86);
    expect("");
    alerts_value(&a, 22, SPO2, 86);
    expect("22 start low\n");
}

static void suspect(double s, float value)
{
    struct capture_row row = capture_row("p-1", alerts_ns(s));

    capture_value(&row, SPO2, value);
    row.quality[SPO2] = VG_Q_SUSPECT;
    capture_send(a.c, &row);
}

Test(alert_limit, suspect_values_count)
{
    struct capture_row r = capture_row("p-1", 0);

    plain_rule(0);
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    r.quality[SPO2] = VG_Q_SUSPECT;
    capture_send(a.c, &r);
    expect("0 start low\n");
    cr_assert_str_eq(capture_last(a.c, "quality"), "suspect");
}

Test(alert_limit, a_rule_may_wait_for_good_values)
{
    struct vg_rule *rule = plain_rule(2);

    rule->good_only = true;
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    suspect(1, 85); /* takes back what is pending, as no measurement does */
    alerts_values(&a, 2, 2, SPO2, 86);
    expect("");
    alerts_value(&a, 4, SPO2, 86);
    expect("4 start low\n");
    suspect(5, 97);
    expect("4 start low\n");
}

Test(alert_limit, late_rows_reach_no_limit)
{
    struct capture_row r = capture_row("p-1", 0);

    plain_rule(0);
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    r.flags = VG_ROW_LATE;
    capture_send(a.c, &r);
    expect("");
}

/* ---- end ---- */

Test(alert_limit, without_a_clear_bound_the_first_false_sample_ends_it)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 7, SPO2, 95);
    expect("0 start low\n7 end low\n");
    cr_assert_str_eq(capture_last(a.c, "value"), "95");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "SpO2 95 %, no longer below 90 %; lowest 80 % in 7 s");
}

Test(alert_limit, between_the_bounds_nothing_clears)
{
    alerts_spo2_low(&a);
    alerts_start(&a);
    alerts_values(&a, 0, 11, SPO2, 86);
    alerts_values(&a, 11, 60, SPO2, 92);
    expect("10 start spo2_low\n");
    alerts_values(&a, 71, 14, SPO2, 93);
    alerts_value(&a, 85, SPO2, 91); /* one second before 15 s of clear */
    alerts_values(&a, 86, 36, SPO2, 93);
    expect("10 start spo2_low\n121 end spo2_low\n");
}

Test(alert_limit, clear_and_keep_are_completed_by_timers)
{
    struct vg_rule *rule = plain_rule(0);

    rule->clear_for_ns = alerts_ns(5);
    rule->keep_firing_for_ns = alerts_ns(3);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 1, SPO2, 95);
    alerts_clock(&a, 9);
    expect("0 start low\n");
    alerts_clock(&a, 9.1);
    expect("0 start low\n9 end low\n");
}

Test(alert_limit, a_condition_that_comes_back_while_kept_stays_the_same_episode)
{
    alerts_spo2_low(&a);
    alerts_start(&a);
    alerts_values(&a, 0, 12, SPO2, 86);
    alerts_values(&a, 12, 20, SPO2, 96);
    alerts_values(&a, 32, 3, SPO2, 88);
    alerts_values(&a, 35, 40, SPO2, 96);
    expect("10 start spo2_low\n70 end spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:00.000Z");
}

Test(alert_limit, missing_drops_a_pending_clear)
{
    alerts_spo2_low(&a);
    alerts_start(&a);
    alerts_values(&a, 0, 12, SPO2, 86);
    alerts_values(&a, 12, 10, SPO2, 96);
    alerts_quality(&a, 22, SPO2, VG_Q_MISSING, VG_REASON_NONE);
    alerts_values(&a, 23, 36, SPO2, 96);
    expect("10 start spo2_low\n58 end spo2_low\n");
}

Test(alert_limit, a_pending_clear_never_completes_on_stale_data)
{
    struct vg_rule *rule = plain_rule(0);

    rule->clear_for_ns = alerts_ns(15);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 2, SPO2, 95);
    alerts_clock(&a, 600);
    expect("0 start low\n12 update low data_lost\n");
    alerts_values(&a, 600, 15, SPO2, 95);
    expect("0 start low\n12 update low data_lost\n600 update low data_back\n");
    alerts_value(&a, 615, SPO2, 95);
    expect("0 start low\n12 update low data_lost\n600 update low data_back\n615 end low\n");
}

Test(alert_limit, at_the_edge_of_validity_a_clear_does_not_complete)
{
    struct vg_rule *rule = plain_rule(0);

    rule->clear_for_ns = alerts_ns(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 2, SPO2, 95);
    alerts_clock(&a, 600);
    expect("0 start low\n12 update low data_lost\n");
}

Test(alert_limit, what_is_kept_does_not_end_without_data)
{
    struct vg_rule *rule = plain_rule(0);

    rule->keep_firing_for_ns = alerts_ns(20);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 1, SPO2, 95);
    alerts_clock(&a, 100);
    expect("0 start low\n11 update low data_lost\n");
    alerts_value(&a, 100, SPO2, 95);
    expect("0 start low\n11 update low data_lost\n100 end low\n");
}

Test(alert_limit, what_is_kept_waits_for_a_value_after_missing)
{
    struct vg_rule *rule = plain_rule(0);

    rule->keep_firing_for_ns = alerts_ns(5);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 1, SPO2, 95);
    alerts_quality(&a, 5, SPO2, VG_Q_MISSING, VG_REASON_NONE);
    alerts_clock(&a, 8);
    expect("0 start low\n");
    alerts_value(&a, 8, SPO2, 95);
    expect("0 start low\n8 end low\n");
}

Test(alert_limit, missing_never_ends_an_active_alert)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    for (int s = 1; s < 100; s++)
        alerts_quality(&a, s, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    expect("0 start low\n10 update low data_lost\n");
}

/* ---- update ---- */

Test(alert_limit, a_new_worst_value_is_told_at_most_once_per_interval)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 5, SPO2, 84);
    alerts_value(&a, 9, SPO2, 80);
    alerts_value(&a, 14, SPO2, 85);
    alerts_value(&a, 23, SPO2, 85);
    alerts_value(&a, 30, SPO2, 85); /* the worst is told now, though this one is better */
    expect("0 start low\n30 update low\n");
    cr_assert_str_eq(capture_last(a.c, "value"), "80");
    cr_assert_not_null(strstr(capture_text(a.c), "\"time\":\"1970-01-01T00:00:09.000Z\""));
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 80 % below 90 %, the lowest so far");
    alerts_values(&a, 31, 100, SPO2, 80);
    expect("0 start low\n30 update low\n");
}

Test(alert_limit, a_worst_value_inside_the_interval_is_told_by_the_timer_when_no_row_comes)
{
    plain_rule(0)->update_every_ns = alerts_ns(8);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 5, SPO2, 84);
    alerts_clock(&a, 9);
    expect("0 start low\n8 update low\n");
}

Test(alert_limit, a_worst_value_is_told_in_its_time_though_data_are_lost)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    alerts_value(&a, 5, SPO2, 84);
    alerts_clock(&a, 31);
    expect("0 start low\n15 update low data_lost\n30 update low\n");
    cr_assert_str_eq(capture_last(a.c, "state"), "data-lost");
    cr_assert_str_eq(capture_last(a.c, "value"), "84");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 84 % below 90 %, the lowest so far");
}

Test(alert_limit, a_worse_value_after_the_interval_is_told_at_once)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_values(&a, 0, 40, SPO2, 86);
    alerts_value(&a, 40, SPO2, 85.5f);
    expect("0 start low\n40 update low\n");
    alerts_value(&a, 41, SPO2, 85);
    alerts_values(&a, 42, 40, SPO2, 86);
    expect("0 start low\n40 update low\n70 update low\n");
}

Test(alert_limit, above_a_limit_the_worst_is_the_highest)
{
    struct vg_rule *rule = alerts_rule(&a, "hr_high", VG_RULE_LIMIT, VG_CHANNEL_hr);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_HIGH, .above = true };
    rule->update_every_ns = 0;
    alerts_start(&a);
    alerts_value(&a, 0, VG_CHANNEL_hr, 140);
    alerts_value(&a, 1, VG_CHANNEL_hr, 135);
    alerts_value(&a, 2, VG_CHANNEL_hr, 141);
    expect("0 start hr_high\n2 update hr_high\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "HR 141 /min above 130 /min, the highest so far");
}

Test(alert_limit, data_that_stop_and_come_back_are_told_once_each)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_values(&a, 0, 4, SPO2, 80);
    alerts_clock(&a, 13);
    expect("0 start low\n");
    alerts_clock(&a, 500);
    expect("0 start low\n13 update low data_lost\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "SpO2 without a value for 10 s; the alert stays active");
    cr_assert_str_eq(capture_last(a.c, "quality"), "missing");
    alerts_value(&a, 500, SPO2, 82);
    alerts_value(&a, 501, SPO2, 82);
    expect("0 start low\n13 update low data_lost\n500 update low data_back\n");
    cr_assert_str_eq(capture_last(a.c, "value"), "82");
}

Test(alert_limit, a_value_exactly_at_its_validity_keeps_data_from_being_lost)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 10, SPO2, 80);
    alerts_clock(&a, 20);
    expect("0 start low\n");
}

Test(alert_limit, data_that_come_back_clear_end_it_without_another_word)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 100, SPO2, 97);
    expect("0 start low\n10 update low data_lost\n100 end low\n");
}

Test(alert_limit, data_that_come_back_worse_are_told_in_one_event)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 100, SPO2, 70);
    alerts_values(&a, 101, 8, SPO2, 70);
    alerts_values(&a, 109, 60, SPO2, 71);
    expect("0 start low\n10 update low data_lost\n100 update low data_back\n");
}

/* ---- what an event says ---- */

Test(alert_limit, an_event_says_value_limit_origin_and_position)
{
    struct capture_row r = capture_row("p-1", alerts_ns(20));

    alerts_spo2_low(&a)->priority = VG_PRIORITY_HIGH;
    alerts_start(&a);
    r.offset = 1841;
    r.index = 3;
    r.event_ns = alerts_ns(19.5);
    capture_value(&r, SPO2, 86);
    capture_send(a.c, &r);
    r.log_ns = alerts_ns(30);
    r.event_ns = alerts_ns(29.5);
    r.offset = 1900;
    capture_send(a.c, &r);
    cr_assert_not_null(
        strstr(capture_text(a.c),
               "\"phase\":\"start\",\"kind\":\"physiological\",\"priority\":\"high\","
               "\"state\":\"active\",\"signal\":{\"is\":\"enabled\"},"
               "\"rule\":\"spo2_low\",\"title\":\"Title of spo2_low\","
               "\"text\":\"SpO2 86 % below 90 % for 10 s\",\"patient\":\"p-1\","
               "\"bed\":\"icu-a/01\",\"ward\":\"icu-a\",\"time\":\"1970-01-01T00:00:30.000Z\","
               "\"onset\":\"1970-01-01T00:00:20.000Z\","
               "\"delays\":{\"condition_s\":10,\"generation_s\":0},\"channel\":\"spo2\","
               "\"observed\":{\"value\":86,\"unit\":\"%\",\"quality\":\"good\","
               "\"time\":\"1970-01-01T00:00:29.500Z\"},"
               "\"limit\":{\"low\":90,\"unit\":\"%\",\"origin\":\"profile adult\"},"
               "\"worst\":{\"is\":\"value\",\"value\":86,\"unit\":\"%\","
               "\"time\":\"1970-01-01T00:00:19.500Z\"},"
               "\"window\":{\"from\":\"1970-01-01T00:00:20.000Z\","
               "\"to\":\"1970-01-01T00:00:30.000Z\",\"for_s\":10},"
               "\"hour\":{\"channel\":\"spo2\",\"unit\":\"%\","
               "\"from\":\"1969-12-31T23:01:00.000Z\",\"step_s\":60,\"values\":[null,"),
        "%s", capture_text(a.c));
    cr_assert_not_null(strstr(capture_text(a.c), "null,86]},\"position\":{\"topic\":\"vitals\","
                                                 "\"partition\":0,\"offset\":1841,\"index\":3}"),
                       "%s", capture_text(a.c));
}

Test(alert_limit, the_position_is_equal_in_all_events_and_numbers_have_no_gaps)
{
    const char *at;
    int n = 0;

    plain_rule(0)->update_every_ns = 0;
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 1, SPO2, 79);
    alerts_clock(&a, 30);
    alerts_value(&a, 30, SPO2, 79);
    alerts_value(&a, 31, SPO2, 97);
    expect("0 start low\n1 update low\n11 update low data_lost\n30 update low data_back\n"
           "31 end low\n");
    for (at = capture_text(a.c); (at = strstr(at, "\"event_id\":\"")) != NULL; at++, n++) {
        char number[8];

        snprintf(number, sizeof(number), ".%d\"", n);
        cr_assert_eq(strncmp(at + 12 + 32, number, strlen(number)), 0, "%.60s", at);
        cr_assert_not_null(strstr(at, "\"offset\":0,\"index\":0"));
    }
    cr_assert_eq(n, 5);
}

Test(alert_limit, the_profile_of_the_bed_decides)
{
    struct capture_row r = capture_row("p-1", 0);

    alerts_spo2_low(&a)->for_ns = 0;
    alerts_start(&a);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02"); /* copd: 85 % */
    capture_value(&r, SPO2, 86);
    capture_send(a.c, &r);
    expect("");
    r.value[SPO2] = 84;
    capture_send(a.c, &r);
    expect("0 start spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "profile copd");
}

/* Bed icu-a/02 has SpO2 of its own, 80 %, and the HR of profile copd. */
static struct vg_bed_limits own = { .limits = { .low_set = 1U << SPO2, .low[SPO2] = 80 } };

Test(alert_limit, the_limit_of_a_bed_comes_before_that_of_its_profile)
{
    struct vg_rule *hr = alerts_rule(&a, "hr_low", VG_RULE_LIMIT, VG_CHANNEL_hr);
    struct capture_row r = capture_row("p-1", 0);

    a.bed[1].limits = &own;
    hr->bound.origin = VG_BOUND_PROFILE_LOW;
    alerts_spo2_low(&a)->for_ns = 0;
    alerts_start(&a);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_value(&r, SPO2, 80);
    capture_value(&r, VG_CHANNEL_hr, 50);
    capture_send(a.c, &r);
    expect("");
    r.value[SPO2] = 79;
    capture_send(a.c, &r);
    expect("0 start spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "bed icu-a/02");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 79 % below 80 %");
    r.value[VG_CHANNEL_hr] = 49;
    capture_send(a.c, &r);
    expect("0 start spo2_low\n0 start hr_low\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "profile copd");
}

Test(alert_limit, offsets_count_from_the_limit_of_the_bed)
{
    a.bed[1].limits = &own;
    alerts_spo2_low(&a)->for_ns = 0; /* clear above profile.low + 2 for 15 s, kept for 20 s */
    alerts_start(&a);
    for (int s = 0; s < 60; s++) {
        struct capture_row r = capture_row("p-1", alerts_ns(s));

        snprintf(r.bed, sizeof(r.bed), "icu-a/02");
        capture_value(&r, SPO2, s == 0 ? 79 : 83);
        capture_send(a.c, &r);
    }
    expect("0 start spo2_low\n36 end spo2_low\n");
}

Test(alert_limit, in_a_bed_with_limits_of_its_own_an_alert_is_looked_at_anew)
{
    struct capture_row r = capture_row("p-1", alerts_ns(2));

    a.bed[1].limits = &own;
    alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2)->bound.origin = VG_BOUND_PROFILE_LOW;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 84); /* icu-a/01: 90 % */
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_value(&r, SPO2, 79);
    capture_send(a.c, &r);
    expect("1 start spo2_low\n2 update spo2_low bed\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "bed icu-a/02");
    r.log_ns = alerts_ns(3);
    r.value[SPO2] = 84;
    capture_send(a.c, &r);
    expect("1 start spo2_low\n2 update spo2_low bed\n3 end spo2_low\n");
    alerts_value(&a, 4, SPO2, 84);
    expect("1 start spo2_low\n2 update spo2_low bed\n3 end spo2_low\n4 start spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "profile adult");
}

Test(alert_limit, the_limit_of_a_patient_comes_before_that_of_the_bed_and_must_not_cross_it)
{
    struct vg_order order = { .kind = VG_ORDER_KIND_LIMIT,
                              .channel = SPO2,
                              .high_set = 1,
                              .high = 80,
                              .for_ns = alerts_ns(100) };

    snprintf(a.bed[0].bed, sizeof(a.bed[0].bed), "icu-a/01"); /* that of p-1 */
    a.bed[0].limits = &own;
    alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2)->bound.origin = VG_BOUND_PROFILE_LOW;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 79);
    expect("1 start spo2_low\n");
    cr_assert_eq(alerts_order(&a, 2, order), VG_ANSWER_LIMITS_CROSS);
    order.high_set = 0;
    order.high = 0;
    order.low_set = 1;
    order.low = 70;
    cr_assert_eq(alerts_order(&a, 3, order), VG_ANSWER_OK);
    cr_assert_str_eq(capture_last(a.c, "origin"), "patient");
    alerts_value(&a, 4, SPO2, 79);
    alerts_value(&a, 104, SPO2, 79);
    expect("1 start spo2_low\n2 start limit_refused crosses\n3 end limit_refused limit\n"
           "3 update spo2_low limit\n4 end spo2_low\n104 start spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "origin"), "bed icu-a/01");
}

Test(alert_limit, a_limit_that_only_a_bed_gives_is_one)
{
    alerts_rule(&a, "temp_low", VG_RULE_LIMIT, VG_CHANNEL_temp)->bound.origin =
        VG_BOUND_PROFILE_LOW;
    a.bed[1].limits = &own;
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    alerts_done(&a);
    alerts_init(&a);
    a.profile[0].limits.low_set = a.profile[1].limits.low_set = 0;
    a.bed[1].limits = &own;
    alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2)->bound.origin = VG_BOUND_PROFILE_LOW;
    cr_assert_eq(capture_plan(a.c), VG_OK, "%s", a.c->err.msg);
}

Test(alert_limit, a_bed_without_that_limit_ends_it_with_the_reason)
{
    struct capture_row r = capture_row("p-1", alerts_ns(1));

    alerts_spo2_low(&a)->for_ns = 0;
    a.profile[1].limits.low_set = 0;
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_value(&r, SPO2, 80);
    capture_send(a.c, &r);
    capture_send(a.c, &r);
    expect("0 start spo2_low\n1 end spo2_low no_limit\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "SpO2 80 %; no limit is set any more; lowest 80 % in 1 s");
}

Test(alert_limit, a_number_in_the_rule_says_so_as_its_origin)
{
    plain_rule(0);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    cr_assert_str_eq(capture_last(a.c, "origin"), "rule low");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 80 % below 90 %");
}

Test(alert_limit, a_limit_that_no_profile_gives_is_refused)
{
    struct vg_rule *rule = alerts_rule(&a, "temp_high", VG_RULE_LIMIT, VG_CHANNEL_temp);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_HIGH, .above = true };
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    cr_assert_str_eq(a.c->err.option, "rules");
    cr_assert_not_null(strstr(a.c->err.msg, "temp_high"));
}
