/* test_alert_kinds.c - counts, trends, rates of change, the personal baseline and settings.
 *
 * When their episodes start and end, and the sentence that each tells; how an episode lives through
 * gaps and data loss is alert_watch.c's and tested with limits.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, MAP = VG_CHANNEL_abp_mean };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_kinds, .init = setup, .fini = teardown, .timeout = 10);

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

/* ---- 3 of 5 ---- */

static void add_three_of_five(double for_s)
{
    struct vg_rule *rule = alerts_rule(&a, "low", VG_RULE_LIMIT, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 90 };
    rule->least = 3;
    rule->of = 5;
    rule->for_ns = alerts_ns(for_s);
}

static void three_of_five(double for_s)
{
    add_three_of_five(for_s);
    alerts_start(&a);
}

static void spo2(double from_s, const char *values)
{
    for (size_t i = 0; values[i] != '\0'; i++)
        alerts_value(&a, from_s + (double)i, SPO2, values[i] == 'x' ? 85 : 95);
}

Test(alert_kinds, the_third_value_of_five_beyond_the_limit_starts_it)
{
    three_of_five(0);
    spo2(0, "x.x.");
    expect("");
    spo2(4, "x");
    expect("4 start low\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 85 % below 90 %, 3 of the last 5 values");
}

Test(alert_kinds, three_values_beyond_the_limit_among_six_do_not)
{
    three_of_five(0);
    spo2(0, "x.x..x.x..x.x");
    expect("");
}

Test(alert_kinds, a_count_ends_when_it_is_no_longer_reached_and_the_value_is_within)
{
    three_of_five(0);
    spo2(0, "xxx.");
    expect("2 start low\n");
    spo2(4, ".");
    expect("2 start low\n"); /* still three of the last five */
    spo2(5, ".");
    expect("2 start low\n5 end low\n");
}

Test(alert_kinds, the_count_goes_on_through_rows_without_the_channel_and_unusable_values)
{
    three_of_five(0);
    spo2(0, "xx");
    alerts_value(&a, 2, HR, 80);
    alerts_quality(&a, 3, SPO2, VG_Q_MISSING, VG_REASON_DEVICE);
    alerts_value(&a, 4, SPO2, 85);
    cr_assert_str_eq(capture_last(a.c, "rule"), "low");
}

Test(alert_kinds, a_pending_count_tells_the_worst_value_and_not_one_within)
{
    three_of_five(3);
    spo2(0, "xxx.");
    expect("");
    spo2(4, ".");
    expect("");
    alerts_value(&a, 5, SPO2, 84);
    cr_assert_str_eq(capture_last(a.c, "value"), "84");
}

/* ---- trend ---- */

static void add_falling_map(float by, double over_s)
{
    struct vg_rule *rule = alerts_rule(&a, "falling", VG_RULE_TREND, MAP);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = -by };
    rule->within_ns = alerts_ns(over_s);
    rule->confidence = VG_CONFIDENCE_95;
}

static void falling_map(float by, double over_s)
{
    add_falling_map(by, over_s);
    alerts_start(&a);
}

/* A row every 10 s: a line from 90 that falls by `slope` in 16 minutes, with `noise` to and fro. */
static void pressure(double from_s, double to_s, double slope, double noise)
{
    for (double s = from_s; s < to_s; s += 10) {
        double swing = (long)(s / 10) % 7 < 3 ? noise : -noise * 0.75;

        alerts_value(&a, s, MAP, (float)(90 - slope * (s - from_s) / 960 + swing));
    }
}

Test(alert_kinds, a_fall_by_enough_over_the_window_starts_it_when_three_quarters_are_there)
{
    falling_map(15, 960);
    pressure(0, 720, 16, 0);
    expect("");
    alerts_value(&a, 720, MAP, 78);
    expect("720 start falling\n");
}

Test(alert_kinds, a_smaller_fall_does_not)
{
    falling_map(15, 960);
    pressure(0, 7200, 14.9, 0);
    expect("");
}

Test(alert_kinds, noise_without_a_trend_does_not)
{
    falling_map(1, 960);
    pressure(0, 7200, 0, 20);
    expect("");
}

Test(alert_kinds, the_trend_says_how_far_and_ends_with_it)
{
    falling_map(15, 960);
    pressure(0, 960, 32, 1);
    cr_assert_str_eq(capture_last(a.c, "rule"), "falling");
    cr_assert_not_null(strstr(capture_last(a.c, "text"), "falling: 3"), "%s",
                       capture_last(a.c, "text"));
    for (double s = 960; s < 1920; s += 10)
        alerts_value(&a, s, MAP, 58);
    cr_assert_str_eq(capture_last(a.c, "phase"), "end");
}

Test(alert_kinds, a_gap_of_half_the_window_leaves_no_trend)
{
    falling_map(5, 960);
    pressure(0, 300, 100, 0);
    alerts_value(&a, 900, MAP, 10);
    alerts_value(&a, 960, MAP, 10);
    alerts_value(&a, 1020, MAP, 10);
    expect("");
}

/* ---- rate of change ---- */

static void falling_spo2(void)
{
    struct vg_rule *rule = alerts_rule(&a, "drop", VG_RULE_RATE, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = -5 };
    rule->within_ns = alerts_ns(64);
    alerts_start(&a);
}

Test(alert_kinds, a_drop_by_exactly_as_much_counts)
{
    falling_spo2();
    alerts_values(&a, 0, 30, SPO2, 97);
    alerts_value(&a, 30, SPO2, 92.1f);
    expect("");
    alerts_value(&a, 31, SPO2, 92);
    expect("31 start drop\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 92 %, down from 97 % within 64 s");
}

Test(alert_kinds, a_drop_over_longer_than_the_window_does_not)
{
    falling_spo2();
    for (int i = 0; i < 100; i++)
        alerts_value(&a, i, SPO2, 97 - (float)(i / 20)); /* 3 in 64 s */
    expect("");
}

Test(alert_kinds, what_the_value_falls_from_is_forgotten_after_the_window)
{
    falling_spo2();
    alerts_value(&a, 0, SPO2, 97);
    for (int s = 5; s <= 70; s += 5)
        alerts_value(&a, s, SPO2, 93);
    alerts_value(&a, 71, SPO2, 91);
    expect("");
    alerts_value(&a, 72, SPO2, 88);
    expect("72 start drop\n");
}

Test(alert_kinds, a_rise_is_no_fall)
{
    falling_spo2();
    alerts_values(&a, 0, 10, SPO2, 85);
    alerts_values(&a, 10, 10, SPO2, 99);
    expect("");
}

Test(alert_kinds, a_gap_longer_than_the_window_leaves_nothing_to_fall_from)
{
    falling_spo2();
    alerts_value(&a, 0, SPO2, 97);
    alerts_value(&a, 1000, SPO2, 88);
    expect("");
}

/* ---- personal baseline ---- */

static void add_far_above(float by, bool relative)
{
    struct vg_rule *rule = alerts_rule(&a, "unusual", VG_RULE_BASELINE, HR);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = by, .above = true };
    rule->relative = relative;
    rule->within_ns = alerts_ns(4 * 3600);
}

static void far_above(float by, bool relative)
{
    add_far_above(by, relative);
    alerts_start(&a);
}

/* A value every 20 s. */
static void beats(double from_s, double to_s, float hr)
{
    for (double s = from_s; s < to_s; s += 5)
        alerts_value(&a, s, HR, hr);
}

Test(alert_kinds, nothing_is_unusual_before_half_an_hour_is_known)
{
    far_above(25, false);
    beats(0, 1790, 60);
    alerts_value(&a, 1790, HR, 120);
    expect("");
}

Test(alert_kinds, a_value_far_from_the_patient_s_own_is_told_with_what_is_usual)
{
    far_above(25, false);
    beats(0, 1900, 60);
    alerts_value(&a, 1900, HR, 84);
    expect("");
    alerts_value(&a, 1901, HR, 86);
    expect("1901 start unusual\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "HR 86 /min, far above the usual 60 /min of this patient");
    alerts_value(&a, 1902, HR, 84);
    expect("1901 start unusual\n1902 end unusual\n");
}

Test(alert_kinds, a_share_is_of_what_is_usual)
{
    far_above(0.5f, true);
    beats(0, 1900, 60);
    alerts_value(&a, 1900, HR, 89);
    expect("");
    alerts_value(&a, 1901, HR, 90.1f);
    expect("1901 start unusual\n");
}

Test(alert_kinds, a_long_crisis_does_not_become_usual)
{
    far_above(25, false);
    beats(0, 7200, 60);
    beats(7200, 7200 + 3600, 110);
    alerts_value(&a, 7200 + 3600, HR, 100);
    expect("7200 start unusual\n");
}

/* ---- settings ---- */

static void add_oxygen_changes(void)
{
    struct vg_rule *rule = alerts_rule(&a, "changed", VG_RULE_CHANGE, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 2, .above = true };
}

static void oxygen_changes(void)
{
    add_oxygen_changes();
    alerts_start(&a);
}

Test(alert_kinds, the_first_setting_is_no_change)
{
    oxygen_changes();
    alerts_values(&a, 0, 5, SPO2, 40);
    expect("");
}

Test(alert_kinds, a_changed_setting_is_news_for_a_minute)
{
    oxygen_changes();
    alerts_values(&a, 0, 5, SPO2, 40);
    alerts_value(&a, 5, SPO2, 41.9f);
    expect("");
    alerts_value(&a, 6, SPO2, 50);
    expect("6 start changed\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 changed from 40 % to 50 %");
    alerts_clock(&a, 100);
    expect("6 start changed\n66 end changed\n");
}

Test(alert_kinds, a_setting_that_creeps_has_changed_when_it_is_far_enough)
{
    oxygen_changes();
    alerts_value(&a, 0, SPO2, 40);
    alerts_value(&a, 1, SPO2, 41);
    expect("");
    alerts_value(&a, 2, SPO2, 42);
    expect("2 start changed\n");
}

/* ---- restarts ---- */

static void every_kind(void)
{
    struct vg_rule *rule;

    add_three_of_five(3);
    rule = alerts_rule(&a, "good", VG_RULE_LIMIT, SPO2);
    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 92 };
    rule->good_only = true;
    rule->clear_for_ns = alerts_ns(4);
    add_falling_map(4, 160);
    rule = alerts_rule(&a, "rate", VG_RULE_RATE, SPO2);
    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = -6 };
    rule->within_ns = alerts_ns(20);
    rule->keep_firing_for_ns = alerts_ns(5);
    add_far_above(9, false);
    add_oxygen_changes();
    alerts_start(&a);
}

/* Two hours of values that wander, with gaps; `restarts` moves the memory to another stage. */
static void wander(bool restarts, struct vg_buf *ret)
{
    uint32_t state = 7;

    alerts_done(&a);
    alerts_init(&a);
    every_kind();
    for (int i = 0; i < 3600; i++) {
        double s = 2.0 * i + (i / 400 % 2) * 7;
        int swing = i / 25 % 12;

        state = state * UINT32_C(1664525) + UINT32_C(1013904223);
        if (i % 300 < 280)
            alerts_value(&a, s, SPO2, (float)(98 - swing - (i % 130 < 3 ? 9 : (int)(state >> 30))));
        alerts_value(&a, s + 0.5, HR, (float)(60 + swing + (int)(state >> 29)));
        alerts_value(&a, s + 1, MAP, (float)(80 - i / 40 % 9 * 2 + (int)(state >> 31)));
        if (state % 11 == 0)
            alerts_quality(&a, s + 1.5, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
        if (i % 61 != 0)
            continue;
        vg_buf_str(ret, capture_text(a.c));
        capture_clear(a.c);
        if (restarts)
            alerts_restart(&a);
    }
    vg_buf_str(ret, capture_text(a.c));
}

Test(alert_kinds, a_restart_anywhere_changes_nothing)
{
    static const char *const rules[] = { "low", "good", "falling", "rate", "unusual", "changed" };
    struct vg_buf whole = VG_BUF_INIT, restarted = VG_BUF_INIT;

    wander(false, &whole);
    wander(true, &restarted);
    cr_assert_str_eq(whole.data, restarted.data);
    for (size_t i = 0; i < VG_ARRAY_LEN(rules); i++) {
        char key[40];

        snprintf(key, sizeof(key), "\"rule\":\"%s\"", rules[i]);
        cr_expect(strstr(whole.data, key), "never: %s", rules[i]);
    }
    vg_buf_done(&whole);
    vg_buf_done(&restarted);
}
