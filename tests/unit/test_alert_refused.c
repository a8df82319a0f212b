/* test_alert_refused.c - limits that somebody ordered and that no limit can be: refused, and told. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2 };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
    alerts_rule(&a, "spo2_low", VG_RULE_LIMIT, SPO2)->bound.origin = VG_BOUND_PROFILE_LOW;
}

static void teardown(void)
{
    alerts_done(&a);
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static void newest(const char *member, const char *text)
{
    cr_assert_str_eq(capture_last(a.c, member), text, "%s: %s", member, capture_text(a.c));
}

/* 0 is no limit. */
static enum vg_answer limit(double s, int channel, float low, float high)
{
    return alerts_order(&a, s,
                        (struct vg_order){ .kind = VG_ORDER_KIND_LIMIT,
                                           .channel = channel,
                                           .low = low,
                                           .high = high,
                                           .low_set = low != 0,
                                           .high_set = high != 0,
                                           .for_ns = alerts_ns(1000) });
}

static enum vg_answer say(double s, enum vg_order_kind kind)
{
    return alerts_order(&a, s, (struct vg_order){ .kind = (uint8_t)kind, .for_ns = alerts_ns(60) });
}

TestSuite(alert_refused, .init = setup, .fini = teardown, .timeout = 10);

struct refused {
    int channel;
    float low, high;
    enum vg_answer answer;
    char reason[16], text[128];
};

ParameterizedTestParameters(alert_refused, it_is_told_what_was_refused_and_what_was_expected)
{
    static struct refused rows[] = {
        { SPO2, 0, 110, VG_ANSWER_LIMIT_RANGE, "range",
          "SpO2 limit high 110 % by nurse-7 refused: expected a limit from 0 to 100 %" },
        { HR, 580, 120, VG_ANSWER_LIMIT_RANGE, "range",
          "HR limit low 580 /min high 120 /min by nurse-7 refused: expected a limit from 0 to 350 "
          "/min" },
        { VG_CHANNEL_rr, 80, 30, VG_ANSWER_LIMITS_SWAPPED, "crosses",
          "RR limit low 80 /min high 30 /min by nurse-7 refused: the low limit must lie below the "
          "high one" },
        { VG_CHANNEL_rr, 3e38F, 0, VG_ANSWER_LIMIT_RANGE, "range",
          "RR limit low 3e38 /min by nurse-7 refused: expected a limit from 0 to 150 /min" },
        { SPO2, 0, 80, VG_ANSWER_LIMITS_CROSS, "crosses",
          "SpO2 limit high 80 % by nurse-7 refused: expected above 90 %, the low limit in force" },
    };
    return cr_make_param_array(struct refused, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct refused *row, alert_refused,
                  it_is_told_what_was_refused_and_what_was_expected)
{
    char brief[64];

    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    cr_assert_eq(limit(2, row->channel, row->low, row->high), row->answer);
    snprintf(brief, sizeof(brief), "2 start limit_refused %s\n", row->reason);
    expect(brief);
    newest("text", row->text);
    newest("by", "nurse-7");
    newest("kind", "technical");
    newest("priority", "low");
}

Test(alert_refused, what_was_in_force_stays)
{
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 88);
    cr_assert_eq(limit(2, SPO2, 85, 0), VG_ANSWER_OK);
    alerts_value(&a, 3, SPO2, 88);
    cr_assert_eq(limit(4, SPO2, 580, 0), VG_ANSWER_LIMIT_RANGE);
    alerts_value(&a, 5, SPO2, 84);
    newest("origin", "patient");
    expect("1 start spo2_low\n2 update spo2_low limit\n3 end spo2_low\n"
           "4 start limit_refused range\n5 start spo2_low\n");
}

Test(alert_refused, it_is_over_by_itself_also_across_a_restart)
{
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    cr_assert_eq(limit(2, SPO2, 0, 110), VG_ANSWER_LIMIT_RANGE);
    alerts_restart(&a);
    alerts_values(&a, 3, 598, SPO2, 95);
    expect("");
    alerts_clock(&a, 603);
    expect("602 end limit_refused\n");
}

Test(alert_refused, an_accepted_limit_of_the_channel_ends_it_and_no_other)
{
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    cr_assert_eq(limit(2, SPO2, 0, 110), VG_ANSWER_LIMIT_RANGE);
    cr_assert_eq(limit(3, HR, 40, 0), VG_ANSWER_OK);
    cr_assert_eq(limit(4, SPO2, 92, 0), VG_ANSWER_OK);
    newest("reason", "limit");
    newest("by", "nurse-7");
    expect("2 start limit_refused range\n4 end limit_refused limit\n");
}

Test(alert_refused, each_order_is_an_alert_of_its_own)
{
    char first[40];

    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    cr_assert_eq(limit(2, SPO2, 0, 110), VG_ANSWER_LIMIT_RANGE);
    snprintf(first, sizeof(first), "%s", capture_last(a.c, "episode_id"));
    cr_assert_eq(limit(2, HR, 580, 0), VG_ANSWER_LIMIT_RANGE);
    expect("2 start limit_refused range\n2 end limit_refused refused_again\n2 start limit_refused "
           "range\n");
    cr_assert_str_neq(capture_last(a.c, "episode_id"), first);
}

Test(alert_refused, nobody_is_told_of_a_patient_who_is_away)
{
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    cr_assert_eq(limit(2, SPO2, 0, 110), VG_ANSWER_LIMIT_RANGE);
    cr_assert_eq(say(3, VG_ORDER_KIND_STANDBY), VG_ANSWER_OK);
    cr_assert_eq(limit(4, SPO2, 0, 110), VG_ANSWER_LIMIT_RANGE);
    cr_assert_eq(say(5, VG_ORDER_KIND_DISCHARGE), VG_ANSWER_OK);
    cr_assert_eq(limit(6, SPO2, 0, 110), VG_ANSWER_DISCHARGED);
    expect("2 start limit_refused range\n3 end limit_refused standby\n");
}

Test(alert_refused, what_is_no_number_does_not_enter_the_log)
{
    struct vg_order order = { .kind = VG_ORDER_KIND_LIMIT,
                              .by = "nurse-7",
                              .note = "known",
                              .channel = SPO2,
                              .low_set = 1,
                              .low = 1000,
                              .for_ns = alerts_ns(60) };
    struct vg_err err;

    cr_assert_eq(vg_order_check(&order, &err), VG_OK);
    cr_assert_eq(vg_order_judge_limits(&order, &err), VG_ANSWER_LIMIT_RANGE);
    cr_assert_str_eq(err.option, "low");
    order.low = INFINITY;
    cr_assert_eq(vg_order_check(&order, &err), VG_E_RANGE);
    cr_assert_str_eq(err.option, "low");
}
