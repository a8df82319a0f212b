/* test_alert_combination.c - all, any, not and sequences of conditions.
 *
 * Low SpO2 and fast breathing; both are valid for 10 and 15 s. Nothing is measured in the first
 * nanosecond of 1970.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, RR = VG_CHANNEL_rr };

static struct alerts a;
static struct vg_rule part[4];
static struct vg_rule *rule;

static void setup(void)
{
    alerts_init(&a);
    memset(part, 0, sizeof(part));
    for (size_t i = 0; i < VG_ARRAY_LEN(part); i++)
        part[i] = (struct vg_rule){ .name = "both", .priority = VG_PRIORITY_NONE };
    part[0].channel = SPO2;
    part[0].bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 90 };
    part[1].channel = RR;
    part[1].bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 30, .above = true };
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_combination, .init = setup, .fini = teardown, .timeout = 10);

static void join(enum vg_join join, uint32_t parts)
{
    rule = alerts_rule(&a, "both", VG_RULE_COMBINATION, VG_CHANNEL_NONE);
    rule->kind = VG_ALERT_PHYSIOLOGICAL;
    rule->join = join;
    rule->part = part;
    rule->parts = parts;
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

/* ---- all ---- */

Test(alert_combination, all_starts_with_the_last_of_its_conditions_and_names_each)
{
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    expect("");
    alerts_value(&a, 1, RR, 34);
    expect("1 start both\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 85 % below 90 %, RR 34 /min above 30 /min");
    alerts_value(&a, 2, RR, 30);
    expect("1 start both\n2 end both\n");
}

Test(alert_combination, parts_tell_nobody)
{
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_values(&a, 0, 100, SPO2, 85);
    expect("");
}

Test(alert_combination, a_condition_whose_value_is_too_old_does_not_count)
{
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 10.5, RR, 34);
    expect("");
}

Test(alert_combination, for_of_a_part_may_be_over_between_two_rows)
{
    part[0].for_ns = alerts_ns(5);
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 1, RR, 34);
    alerts_clock(&a, 8);
    expect("5 start both\n");
}

Test(alert_combination, for_of_the_rule_counts_from_when_all_hold)
{
    join(VG_JOIN_ALL, 2);
    rule->for_ns = alerts_ns(5);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 2, RR, 34);
    alerts_value(&a, 4, SPO2, 85);
    alerts_clock(&a, 9);
    expect("7 start both\n");
}

Test(alert_combination, when_data_stop_it_stays_active_and_says_so_once)
{
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 0, RR, 34);
    alerts_clock(&a, 60);
    expect("0 start both\n10 update both data_lost\n");
    alerts_value(&a, 60, SPO2, 85);
    expect("0 start both\n10 update both data_lost\n"); /* RR is not known yet */
    alerts_value(&a, 61, RR, 34);
    expect("0 start both\n10 update both data_lost\n61 update both data_back\n");
}

Test(alert_combination, one_condition_known_to_be_over_ends_it_whatever_the_other_is)
{
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 0, RR, 34);
    alerts_clock(&a, 60);
    alerts_value(&a, 60, RR, 20);
    expect("0 start both\n10 update both data_lost\n60 end both\n");
}

/* ---- any ---- */

Test(alert_combination, any_goes_on_from_one_condition_to_the_next)
{
    join(VG_JOIN_ANY, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 1, RR, 34);
    alerts_value(&a, 2, SPO2, 95);
    expect("0 start both\n");
    alerts_value(&a, 3, RR, 20);
    expect("0 start both\n3 end both\n");
}

/* ---- not ---- */

static void low_without_fast(void)
{
    static struct vg_rule inner;

    inner = part[1];
    part[1] = (struct vg_rule){ .name = "both",
                                .rule = VG_RULE_COMBINATION,
                                .channel = VG_CHANNEL_NONE,
                                .join = VG_JOIN_NOT,
                                .part = &inner,
                                .parts = 1 };
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
}

Test(alert_combination, not_holds_when_the_condition_is_known_not_to)
{
    low_without_fast();
    alerts_value(&a, 1, RR, 20);
    alerts_value(&a, 2, SPO2, 85);
    expect("2 start both\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "SpO2 85 % below 90 %");
    alerts_value(&a, 3, RR, 34);
    expect("2 start both\n3 end both\n");
}

Test(alert_combination, what_is_missing_is_never_taken_for_normal)
{
    low_without_fast();
    alerts_value(&a, 0, SPO2, 85);
    expect("");
    alerts_quality(&a, 1, RR, VG_Q_INVALID, VG_REASON_RANGE);
    expect("");
    alerts_value(&a, 2, RR, 20);
    expect("2 start both\n");
}

/* ---- sequence ---- */

static void low_then_fast(double within_s)
{
    join(VG_JOIN_SEQUENCE, 2);
    rule->within_ns = alerts_ns(within_s);
    alerts_start(&a);
}

Test(alert_combination, a_sequence_holds_in_its_order_only)
{
    low_then_fast(60);
    alerts_value(&a, 0, RR, 34);
    alerts_value(&a, 1, SPO2, 85);
    alerts_value(&a, 2, RR, 34);
    expect("");
    alerts_value(&a, 3, RR, 20);
    alerts_value(&a, 4, RR, 34);
    expect("4 start both\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "SpO2 85 % below 90 %, then RR 34 /min above 30 /min");
    alerts_value(&a, 5, RR, 20);
    expect("4 start both\n5 end both\n");
}

Test(alert_combination, the_first_condition_may_be_over_when_the_last_one_begins)
{
    low_then_fast(60);
    alerts_value(&a, 1, SPO2, 85);
    alerts_value(&a, 2, SPO2, 95);
    alerts_value(&a, 61, RR, 34);
    expect("61 start both\n");
}

Test(alert_combination, what_began_longer_ago_is_another_story)
{
    low_then_fast(60);
    alerts_value(&a, 1, SPO2, 85);
    alerts_value(&a, 2, SPO2, 95);
    alerts_value(&a, 61.001, RR, 34);
    expect("");
}

Test(alert_combination, conditions_that_begin_in_one_row_are_in_order)
{
    struct capture_row row = capture_row("p-1", alerts_ns(1));

    low_then_fast(60);
    capture_value(&row, SPO2, 85);
    capture_value(&row, RR, 34);
    capture_send(a.c, &row);
    expect("1 start both\n");
}

/* ---- other rules ---- */

Test(alert_combination, another_rule_s_alert_can_be_a_condition)
{
    struct vg_rule *low = alerts_rule(&a, "low", VG_RULE_LIMIT, SPO2);

    low->bound = part[0].bound;
    low->for_ns = alerts_ns(3);
    part[0] = (struct vg_rule){
        .name = "both", .rule = VG_RULE_REFERENCE, .channel = VG_CHANNEL_NONE, .reference = "low"
    };
    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    alerts_value(&a, 1, RR, 34);
    expect("");
    alerts_value(&a, 3, SPO2, 85);
    expect("3 start low\n3 start both\n");
}

Test(alert_combination, the_patient_p_2_has_conditions_of_his_own)
{
    struct capture_row other = capture_row("p-2", alerts_ns(1));

    join(VG_JOIN_ALL, 2);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 85);
    capture_value(&other, RR, 34);
    capture_send(a.c, &other);
    expect("");
}
