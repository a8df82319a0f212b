/* test_alert_life.c - what becomes of alerts: silenced, escalated, repeated, latched, held back; and
 * of patients: discharged, on standby, with limits of their own.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2 };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

/* Members of the newest event. */
static void newest(const char *member, const char *text)
{
    cr_assert_str_eq(capture_last(a.c, member), text, "%s: %s", member, capture_text(a.c));
}

static void signal_is(const char *signal, const char *until)
{
    newest("is", signal);
    newest("until", until);
}

static struct vg_rule *low(const char *name, int channel, float below, enum vg_priority priority)
{
    struct vg_rule *rule = alerts_rule(&a, name, VG_RULE_LIMIT, channel);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = below };
    rule->priority = (uint8_t)priority;
    return rule;
}

static struct vg_rule *spo2_low(enum vg_priority priority)
{
    return low("spo2_low", SPO2, 90, priority);
}

static enum vg_answer give(double s, struct vg_order order)
{
    return alerts_order(&a, s, order);
}

static enum vg_answer say(double s, enum vg_order_kind kind, double for_s)
{
    return give(s, (struct vg_order){ .kind = (uint8_t)kind, .for_ns = alerts_ns(for_s) });
}

static enum vg_answer mute(double s, const char *rule, double for_s)
{
    struct vg_order order = { .kind = VG_ORDER_KIND_MUTE, .for_ns = alerts_ns(for_s) };

    snprintf(order.rule, sizeof(order.rule), "%s", rule);
    order.clear = for_s == 0;
    return give(s, order);
}

TestSuite(alert_life, .init = setup, .fini = teardown, .timeout = 10);

/* ---- acknowledge and snooze ---- */

Test(alert_life, an_acknowledgement_expires_and_the_signal_is_enabled_again)
{
    spo2_low(VG_PRIORITY_MEDIUM);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    signal_is("enabled", "");
    cr_assert_eq(say(2, VG_ORDER_KIND_ACKNOWLEDGE, 5), VG_ANSWER_OK);
    signal_is("acknowledged", "1970-01-01T00:00:07.000Z");
    newest("acknowledged_by", "nurse-7");
    alerts_value(&a, 7, SPO2, 81);
    alerts_clock(&a, 9);
    expect("1 start spo2_low\n2 acknowledge spo2_low\n7 update spo2_low acknowledge_over\n");
    signal_is("enabled", "");
}

Test(alert_life, what_is_acknowledged_stays_so_and_a_second_time_says_nothing)
{
    spo2_low(VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    say(2, VG_ORDER_KIND_ACKNOWLEDGE, 0);
    cr_assert_eq(say(3, VG_ORDER_KIND_ACKNOWLEDGE, 9), VG_ANSWER_OK);
    cr_assert_eq(say(4, VG_ORDER_KIND_SNOOZE, 60), VG_ANSWER_OK);
    alerts_values(&a, 5, 3, SPO2, 80);
    expect("1 start spo2_low\n2 acknowledge spo2_low\n");
    alerts_value(&a, 8, SPO2, 95);
    newest("state", "inactive");
    signal_is("enabled", "");
    cr_assert_eq(say(9, VG_ORDER_KIND_ACKNOWLEDGE, 0), VG_ANSWER_ALREADY_ENDED);
}

Test(alert_life, the_audio_of_a_high_alert_is_paused_for_two_minutes_at_most)
{
    spo2_low(VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    cr_assert_eq(say(2, VG_ORDER_KIND_SNOOZE, 121), VG_ANSWER_HIGH_SNOOZE);
    expect("1 start spo2_low\n");
    cr_assert_eq(say(3, VG_ORDER_KIND_SNOOZE, 120), VG_ANSWER_OK);
    signal_is("audio-paused", "1970-01-01T00:02:03.000Z");
    newest("by", "nurse-7");
    newest("text", "Audio paused for 2 min");
    alerts_values(&a, 4, 119, SPO2, 80);
    alerts_value(&a, 123, SPO2, 79);
    alerts_clock(&a, 124);
    expect("1 start spo2_low\n3 update spo2_low snoozed\n123 update spo2_low\n"
           "123 update spo2_low pause_over\n");
    signal_is("enabled", "");
}

/* ---- latching ---- */

Test(alert_life, a_latching_alert_waits_for_a_reset_that_ends_it_for_old_subscribers_too)
{
    spo2_low(VG_PRIORITY_MEDIUM)->life.latching = true;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    cr_assert_eq(say(2, VG_ORDER_KIND_RESET, 0), VG_ANSWER_NOT_LATCHED);
    alerts_value(&a, 3, SPO2, 95);
    newest("state", "latched");
    alerts_clock(&a, 400);
    expect("1 start spo2_low\n3 update spo2_low latched\n");
    alerts_restart(&a);
    cr_assert_eq(say(400, VG_ORDER_KIND_RESET, 0), VG_ANSWER_OK);
    expect("400 reset spo2_low\n400 end spo2_low reset\n");
    newest("state", "inactive");
}

Test(alert_life, a_latched_condition_that_comes_again_is_active_and_not_acknowledged)
{
    spo2_low(VG_PRIORITY_MEDIUM)->life.latching = true;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    alerts_value(&a, 2, SPO2, 95);
    say(3, VG_ORDER_KIND_ACKNOWLEDGE, 0);
    newest("state", "latched");
    alerts_value(&a, 4, SPO2, 96);
    alerts_value(&a, 5, SPO2, 85);
    newest("state", "active");
    signal_is("enabled", "");
    expect("1 start spo2_low\n2 update spo2_low latched\n3 acknowledge spo2_low\n"
           "5 update spo2_low active_again\n");
}

/* ---- escalation, repetition, worse ---- */

static void escalates(struct vg_rule *rule, double after_s)
{
    rule->life.escalate_after_ns = alerts_ns(after_s);
    rule->life.escalate_to = VG_PRIORITY_HIGH;
}

Test(alert_life, nobody_acknowledges_and_it_becomes_high_whatever_was_paused)
{
    escalates(spo2_low(VG_PRIORITY_MEDIUM), 60);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    say(50, VG_ORDER_KIND_SNOOZE, 300);
    alerts_clock(&a, 62);
    expect("1 start spo2_low\n11 update spo2_low data_lost\n50 update spo2_low snoozed\n"
           "61 escalate spo2_low unacknowledged\n");
    newest("priority", "high");
    newest("state", "data-lost");
    signal_is("enabled", "");
    newest("text", "Not acknowledged for 60 s");
}

Test(alert_life, what_is_acknowledged_waits_for_its_expiry_before_it_counts_again)
{
    escalates(spo2_low(VG_PRIORITY_MEDIUM), 60);
    alerts_start(&a);
    alerts_values(&a, 1, 30, SPO2, 80);
    say(30, VG_ORDER_KIND_ACKNOWLEDGE, 100);
    alerts_values(&a, 31, 170, SPO2, 80);
    expect("1 start spo2_low\n30 acknowledge spo2_low\n130 update spo2_low acknowledge_over\n"
           "190 escalate spo2_low unacknowledged\n");
}

Test(alert_life, a_high_alert_rings_again_until_somebody_acknowledges)
{
    struct vg_rule *rule = spo2_low(VG_PRIORITY_HIGH);

    rule->life.realarm_ns = alerts_ns(120);

    alerts_start(&a);
    alerts_values(&a, 1, 200, SPO2, 80);
    expect("1 start spo2_low\n121 continue spo2_low unacknowledged\n");
    alerts_restart(&a);
    alerts_values(&a, 201, 41, SPO2, 80);
    say(241.5, VG_ORDER_KIND_ACKNOWLEDGE, 0);
    alerts_values(&a, 242, 300, SPO2, 80);
    expect("241 continue spo2_low unacknowledged\n241.5 acknowledge spo2_low\n");
}

static void gets_worse(struct vg_rule *rule)
{
    rule->life.worse = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 80 };
    rule->life.worse_to = VG_PRIORITY_HIGH;
    rule->life.worse_for_ns = alerts_ns(30);
}

Test(alert_life, a_worse_value_escalates_and_cancels_the_acknowledgement_a_better_one_keeps_it)
{
    gets_worse(spo2_low(VG_PRIORITY_MEDIUM));
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 85);
    say(2, VG_ORDER_KIND_ACKNOWLEDGE, 0);
    alerts_value(&a, 3, SPO2, 79);
    newest("priority", "high");
    signal_is("enabled", "");
    newest("text", "SpO2 79 % below 80 %");
    say(4, VG_ORDER_KIND_ACKNOWLEDGE, 0);
    alerts_values(&a, 5, 29, SPO2, 85);
    expect("1 start spo2_low\n2 acknowledge spo2_low\n3 escalate spo2_low worse\n"
           "4 acknowledge spo2_low\n33 deescalate spo2_low better\n");
    newest("priority", "medium");
    signal_is("acknowledged", "");
}

Test(alert_life, what_begins_worse_starts_high)
{
    struct vg_rule *rule = spo2_low(VG_PRIORITY_LOW);

    gets_worse(rule);
    rule->for_ns = alerts_ns(2);
    alerts_start(&a);
    alerts_values(&a, 1, 3, SPO2, 70);
    expect("3 start spo2_low\n");
    newest("priority", "high");
}

Test(alert_life, without_values_nothing_gets_better)
{
    gets_worse(spo2_low(VG_PRIORITY_MEDIUM));
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 70);
    alerts_clock(&a, 100);
    expect("1 start spo2_low\n11 update spo2_low data_lost\n");
    newest("priority", "high");
    alerts_value(&a, 101, SPO2, 85);
    expect("1 start spo2_low\n11 update spo2_low data_lost\n101 update spo2_low data_back\n"
           "101 deescalate spo2_low better\n");
}

/* ---- held back ---- */

Test(alert_life, after_an_end_an_alert_is_held_back_and_starts_when_its_time_is_over)
{
    spo2_low(VG_PRIORITY_MEDIUM)->life.refractory_ns = alerts_ns(20);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    alerts_value(&a, 2, SPO2, 95);
    alerts_value(&a, 5, SPO2, 80);
    newest("suppressed_by", "refractory");
    newest("phase", "update");
    signal_is("alarm-off", "");
    cr_assert_eq(say(6, VG_ORDER_KIND_ACKNOWLEDGE, 0), VG_ANSWER_HELD);
    alerts_value(&a, 7, SPO2, 95);
    newest("suppressed_by", "refractory");
    alerts_values(&a, 9, 14, SPO2, 80);
    expect("1 start spo2_low\n2 end spo2_low\n5 update spo2_low\n7 end spo2_low\n"
           "9 update spo2_low\n22 start spo2_low\n");
    newest("suppressed_by", "");
    signal_is("enabled", "");
}

Test(alert_life, a_budget_allows_so_many_starts_in_any_such_time)
{
    struct vg_rule *rule = spo2_low(VG_PRIORITY_LOW);

    rule->life.budget_max = 2;
    rule->life.budget_per_ns = alerts_ns(60);
    alerts_start(&a);
    for (int i = 0; i < 4; i++) {
        alerts_value(&a, 10 * i + 1, SPO2, 80);
        alerts_value(&a, 10 * i + 2, SPO2, 95);
    }
    alerts_values(&a, 60, 15, SPO2, 80);
    expect("1 start spo2_low\n2 end spo2_low\n11 start spo2_low\n12 end spo2_low\n"
           "21 update spo2_low\n22 end spo2_low\n31 update spo2_low\n32 end spo2_low\n"
           "60 update spo2_low\n61 start spo2_low\n");
}

Test(alert_life, a_rule_is_inhibited_by_one_that_stands_behind_it_in_the_file)
{
    struct capture_row r = capture_row("p-1", alerts_ns(1));

    spo2_low(VG_PRIORITY_MEDIUM)->life.inhibitors = 1;
    a.rule[0].life.inhibited_by[0] = 1;
    low("hr_low", HR, 40, VG_PRIORITY_HIGH);
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    capture_value(&r, HR, 30);
    capture_send(a.c, &r);
    newest("suppressed_by", "hr_low");
    r = capture_row("p-1", alerts_ns(2));
    capture_value(&r, SPO2, 81);
    capture_value(&r, HR, 60);
    capture_send(a.c, &r);
    expect("1 start hr_low\n1 update spo2_low\n2 end hr_low\n2 start spo2_low\n");
}

Test(alert_life, a_mute_pauses_the_alarm_of_its_rule_and_holds_new_ones_back_until_it_expires)
{
    spo2_low(VG_PRIORITY_MEDIUM);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    cr_assert_eq(mute(2, "spo2_lo", 60), VG_ANSWER_UNKNOWN_RULE);
    cr_assert_eq(mute(2, "spo2_low", 60), VG_ANSWER_OK);
    signal_is("alarm-paused", "1970-01-01T00:01:02.000Z");
    alerts_value(&a, 3, SPO2, 95);
    alerts_value(&a, 4, SPO2, 80);
    newest("suppressed_by", "mute");
    signal_is("alarm-paused", "1970-01-01T00:01:02.000Z");
    alerts_restart(&a);
    alerts_values(&a, 60, 4, SPO2, 80);
    expect("62 start spo2_low\n");
    mute(64, "spo2_low", 60);
    cr_assert_eq(mute(65, "spo2_low", 0), VG_ANSWER_OK);
    expect("62 start spo2_low\n64 update spo2_low muted\n65 update spo2_low mute_over\n");
}

/* SpO2 and HR below 90; both parts are named as the rule is. */
static void both_low(enum vg_priority priority)
{
    static struct vg_rule part[2];
    struct vg_rule *both = alerts_rule(&a, "both", VG_RULE_COMBINATION, VG_CHANNEL_NONE);

    for (int i = 0; i < 2; i++)
        part[i] = (struct vg_rule){ .name = "both",
                                    .priority = VG_PRIORITY_NONE,
                                    .channel = i == 0 ? SPO2 : HR,
                                    .bound = { .origin = VG_BOUND_FIXED, .value = 90 } };
    both->priority = (uint8_t)priority;
    both->join = VG_JOIN_ALL;
    both->part = part;
    both->parts = VG_ARRAY_LEN(part);
    alerts_start(&a);
}

Test(alert_life, a_mute_of_a_combination_is_not_one_of_its_parts)
{
    both_low(VG_PRIORITY_LOW);
    cr_assert_eq(mute(1, "both", 60), VG_ANSWER_OK);
    alerts_value(&a, 2, SPO2, 80);
    alerts_value(&a, 2, HR, 80);
    newest("suppressed_by", "mute");
}

Test(alert_life, a_high_combination_cannot_be_muted)
{
    both_low(VG_PRIORITY_HIGH);
    cr_assert_eq(mute(1, "both", 60), VG_ANSWER_HIGH_MUTE);
}

Test(alert_life, what_is_high_is_neither_muted_nor_held_back)
{
    struct vg_rule *rule = spo2_low(VG_PRIORITY_MEDIUM);

    gets_worse(rule);
    low("hr_low", HR, 40, VG_PRIORITY_HIGH);
    alerts_start(&a);
    cr_assert_eq(mute(1, "hr_low", 60), VG_ANSWER_HIGH_MUTE);
    mute(1, "spo2_low", 600);
    alerts_value(&a, 2, SPO2, 85);
    alerts_value(&a, 3, SPO2, 75);
    expect("2 update spo2_low\n3 start spo2_low\n");
    newest("priority", "high");
    signal_is("enabled", "");
}

/* ---- limits of a patient, and another bed ---- */

static enum vg_answer limit(double s, float low, float high, double for_s)
{
    return give(s, (struct vg_order){ .kind = VG_ORDER_KIND_LIMIT,
                                      .channel = SPO2,
                                      .low_set = low > 0,
                                      .low = low,
                                      .high_set = high > 0,
                                      .high = high,
                                      .clear = for_s == 0,
                                      .for_ns = alerts_ns(for_s) });
}

Test(alert_life, a_limit_of_the_patient_holds_at_once_and_expires_in_the_open_alert)
{
    struct vg_rule *rule = alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2);

    rule->bound.origin = VG_BOUND_PROFILE_LOW;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 92);
    cr_assert_eq(limit(2, 94, 0, 60), VG_ANSWER_OK);
    alerts_value(&a, 3, SPO2, 88);
    newest("origin", "patient");
    cr_assert_eq(limit(4, 95, 0, 60), VG_ANSWER_OK);
    newest("by", "nurse-7");
    newest("text", "SpO2 limit is now 95 %");
    alerts_restart(&a);
    alerts_values(&a, 60, 4, SPO2, 88);
    alerts_clock(&a, 70);
    newest("origin", "profile adult");
    expect(
        "13 update spo2_low data_lost\n60 update spo2_low data_back\n64 update spo2_low limit\n");
}

Test(alert_life, an_alert_goes_on_in_another_bed_with_the_limit_there)
{
    struct vg_rule *rule = alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2);
    struct capture_row r = capture_row("p-1", alerts_ns(2));

    rule->bound.origin = VG_BOUND_PROFILE_LOW;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_value(&r, SPO2, 84);
    capture_send(a.c, &r);
    newest("text", "Goes on in bed icu-a/02");
    newest("origin", "profile copd");
    r.log_ns = alerts_ns(3);
    capture_value(&r, SPO2, 86);
    capture_send(a.c, &r);
    expect("1 start spo2_low\n2 update spo2_low bed\n3 end spo2_low\n");
}

Test(alert_life, the_ward_that_a_patient_leaves_is_told_and_the_other_one_too)
{
    struct capture_row r = capture_row("p-1", alerts_ns(3));

    spo2_low(VG_PRIORITY_MEDIUM);
    low("spo2_mild", SPO2, 94, VG_PRIORITY_LOW)->life.inhibitors = 1; /* by spo2_low */
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 80);
    alerts_restart(&a);
    snprintf(r.bed, sizeof(r.bed), "icu-b/07");
    capture_value(&r, SPO2, 81);
    capture_send(a.c, &r);
    expect("3 update spo2_low left_ward\n3 update spo2_low bed\n3 update spo2_mild left_ward\n"
           "3 update spo2_mild bed\n");
    newest("suppressed_by", "spo2_low");
    cr_assert_not_null(strstr(capture_text(a.c), "\"bed\":\"icu-b/07\",\"ward\":\"icu-a\""));
    cr_assert_not_null(strstr(capture_text(a.c), "\"bed\":\"icu-b/07\",\"ward\":\"icu-b\""));
}

/* ---- the stay ---- */

static void silence_rules(void)
{
    spo2_low(VG_PRIORITY_MEDIUM);
    alerts_rule(&a, "no_data", VG_RULE_STALE, VG_CHANNEL_NONE)->longer_than_ns = alerts_ns(30);
    alerts_start(&a);
}

Test(alert_life, a_discharge_ends_everything_and_data_admit_again_with_an_alert)
{
    silence_rules();
    alerts_value(&a, 1, SPO2, 80);
    cr_assert_eq(say(2, VG_ORDER_KIND_DISCHARGE, 0), VG_ANSWER_OK);
    cr_assert_eq(say(3, VG_ORDER_KIND_STANDBY, 60), VG_ANSWER_DISCHARGED);
    alerts_quality(&a, 4, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_clock(&a, 500);
    expect("1 start spo2_low\n2 end spo2_low discharged\n");
    alerts_value(&a, 600, SPO2, 85);
    alerts_values(&a, 601, 62, SPO2, 95);
    expect("1 start spo2_low\n2 end spo2_low discharged\n600 start spo2_low\n"
           "600 start readmitted\n601 end spo2_low\n660 end readmitted\n");
}

Test(alert_life, who_is_admitted_after_a_discharge_is_expected)
{
    silence_rules();
    alerts_value(&a, 1, SPO2, 95);
    say(2, VG_ORDER_KIND_DISCHARGE, 0);
    say(3, VG_ORDER_KIND_ADMIT, 0);
    alerts_value(&a, 600, SPO2, 95);
    alerts_clock(&a, 631);
    expect("630 start no_data\n");
}

Test(alert_life, standby_ends_technical_alerts_and_expires_where_silence_is_told)
{
    silence_rules();
    alerts_value(&a, 1, SPO2, 80);
    alerts_clock(&a, 40);
    say(40, VG_ORDER_KIND_STANDBY, 100);
    alerts_quality(&a, 50, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_clock(&a, 139);
    expect("1 start spo2_low\n11 update spo2_low data_lost\n31 start no_data\n"
           "40 end no_data standby\n");
    alerts_restart(&a);
    alerts_clock(&a, 141);
    expect("140 start no_data\n");
}

Test(alert_life, silence_that_is_told_again_after_a_standby_is_another_episode)
{
    char first[64];

    silence_rules();
    alerts_value(&a, 1, SPO2, 95);
    alerts_clock(&a, 40);
    snprintf(first, sizeof(first), "%s", capture_last(a.c, "event_id"));
    say(40, VG_ORDER_KIND_STANDBY, 100);
    alerts_clock(&a, 141);
    expect("31 start no_data\n40 end no_data standby\n140 start no_data\n");
    cr_assert_str_neq(capture_last(a.c, "event_id"), first);
}

Test(alert_life, the_first_valid_value_ends_a_standby)
{
    silence_rules();
    alerts_value(&a, 1, SPO2, 95);
    say(2, VG_ORDER_KIND_STANDBY, 3600);
    alerts_value(&a, 10, SPO2, 95);
    alerts_clock(&a, 41);
    expect("40 start no_data\n");
}

Test(alert_life, a_probe_that_was_taken_off_is_not_missed_until_it_measures_or_time_is_over)
{
    alerts_rule(&a, "spo2_stale", VG_RULE_STALE, SPO2)->longer_than_ns = alerts_ns(20);
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    alerts_quality(&a, 2, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    cr_assert_eq(give(3, (struct vg_order){ .kind = VG_ORDER_KIND_PROBE_OFF,
                                            .channel = SPO2,
                                            .for_ns = alerts_ns(60) }),
                 VG_ANSWER_OK);
    alerts_quality(&a, 4, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_clock(&a, 50);
    expect("2 start lead_off\n3 end lead_off probe_off\n");
    alerts_value(&a, 50, SPO2, 95);
    alerts_quality(&a, 51, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_clock(&a, 71);
    expect("2 start lead_off\n3 end lead_off probe_off\n51 start lead_off\n70 start spo2_stale\n");
}

/* ---- all of it at once ---- */

static uint32_t state;

static uint32_t draw(uint32_t n)
{
    state = state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (state >> 8) % n;
}

static void many_rules(void)
{
    struct vg_rule *rule = low("hr_low", HR, 45, VG_PRIORITY_HIGH);

    rule->life.realarm_ns = alerts_ns(120);
    rule = alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2);
    rule->bound.origin = VG_BOUND_PROFILE_LOW;
    rule->for_ns = alerts_ns(3);
    rule->clear_for_ns = alerts_ns(2);
    rule->life.latching = true;
    rule->life.refractory_ns = alerts_ns(40);
    gets_worse(rule);
    escalates(rule, 50);
    rule = low("spo2_mild", SPO2, 94, VG_PRIORITY_LOW);
    rule->life.budget_max = 3;
    rule->life.budget_per_ns = alerts_ns(200);
    rule->life.inhibitors = 2;
    rule->life.inhibited_by[1] = 1; /* and by hr_low, the first */
    alerts_rule(&a, "no_data", VG_RULE_STALE, VG_CHANNEL_NONE)->longer_than_ns = alerts_ns(30);
    low("gcs_low", VG_CHANNEL_gcs, 9, VG_PRIORITY_MEDIUM);
    alerts_start(&a);
}

static void some_row(double s)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    if (draw(10) > 0)
        capture_value(&r, SPO2, (float)(70 + draw(30)));
    else
        capture_quality(&r, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    if (draw(3) == 0)
        capture_value(&r, HR, (float)(35 + draw(40)));
    if (draw(300) == 0)
        snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_send(a.c, &r);
}

static void some_order(double s, const uint8_t about[16])
{
    static const char *const rules[] = { "spo2_low", "spo2_mild", "hr_low", "no_data" };
    struct vg_order order = { .kind = (uint8_t)draw(VG_ORDER_KIND_NOTE),
                              .channel = SPO2,
                              .for_ns = alerts_ns(1 + draw(150)) };
    uint8_t newest_id[16];

    if (order.kind == VG_ORDER_KIND_DISCHARGE && draw(5) > 0)
        return;
    snprintf(order.rule, sizeof(order.rule), "%s", rules[draw(4)]);
    order.low_set = order.kind == VG_ORDER_KIND_LIMIT;
    order.low = order.low_set ? (float)(75 + draw(20)) : 0;
    memcpy(newest_id, a.c->episode_id, sizeof(newest_id));
    memcpy(a.c->episode_id, about, sizeof(newest_id));
    give(s, order);
    if (memcmp(a.c->episode_id, about, sizeof(newest_id)) == 0)
        memcpy(a.c->episode_id, newest_id, sizeof(newest_id));
}

static void some_note(double s, int i)
{
    give(s, (struct vg_order){ .kind = VG_ORDER_KIND_NOTE,
                               .channel = VG_CHANNEL_gcs,
                               .value_set = 1,
                               .value = (float)(3 + i % 13),
                               .for_ns = alerts_ns(1 + i % 71) });
}

/* One life of 4000 steps; `restarts` moves the memory to another stage now and then. */
static void live(uint32_t seed, bool restarts, struct vg_buf *ret)
{
    uint8_t about[16] = { 0 };
    double s = 1;

    alerts_done(&a);
    alerts_init(&a);
    many_rules();
    state = seed;
    for (int i = 0; i < 4000; i++) {
        uint32_t what = draw(20);

        s += draw(30) == 0 ? 60 : 1;
        if (draw(4) == 0 || strcmp(capture_last(a.c, "reason"), "latched") == 0)
            memcpy(about, a.c->episode_id, sizeof(about));
        if (what == 0)
            some_order(s, about);
        else if (what == 1)
            alerts_clock(&a, s);
        else
            some_row(s);
        if (i % 37 == 0)
            some_note(s, i);
        if (i % 97 != 0)
            continue;
        vg_buf_str(ret, capture_text(a.c));
        capture_clear(a.c);
        if (restarts)
            alerts_restart(&a);
    }
    vg_buf_str(ret, capture_text(a.c));
}

Test(alert_life, a_restart_anywhere_changes_nothing, .timeout = 60)
{
    static const char *const parts[] = {
        "\"phase\":\"escalate\"",
        "\"phase\":\"deescalate\"",
        "\"phase\":\"continue\"",
        "\"phase\":\"reset\"",
        "\"suppressed_by\":\"budget\"",
        "\"suppressed_by\":\"spo2_low\"",
        "\"is\":\"alarm-paused\"",
        "\"is\":\"audio-paused\"",
        "\"reason\":\"active_again\"",
        "\"reason\":\"limit\"",
        "\"reason\":\"mute_over\"",
        "\"reason\":\"discharged\"",
        "\"reason\":\"acknowledge_over\"",
        "\"suppressed_by\":\"refractory\"",
        "\"ordinal\":",
    };
    struct vg_buf whole = VG_BUF_INIT, restarted = VG_BUF_INIT;

    for (uint32_t seed = 1; seed <= 5; seed++) {
        live(seed, false, &whole);
        live(seed, true, &restarted);
    }
    cr_assert_str_eq(whole.data, restarted.data);
    for (size_t i = 0; i < VG_ARRAY_LEN(parts); i++)
        cr_expect(strstr(whole.data, parts[i]), "never: %s", parts[i]);
    vg_buf_done(&whole);
    vg_buf_done(&restarted);
}
