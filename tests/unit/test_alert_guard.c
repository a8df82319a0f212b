/* test_alert_guard.c - what no measurement guards is told of: limits that a disproved value would have
 * passed, values that stop when they are about to alarm, channels that are invalid for long, sensors
 * that are doubted, a ventilated patient who is not connected.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { SPO2 = VG_CHANNEL_spo2, HR = VG_CHANNEL_hr, MAP = VG_CHANNEL_abp_mean };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_guard, .init = setup, .fini = teardown, .timeout = 10);

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static struct vg_rule *limit(const char *name, int channel, bool above, float value,
                             enum vg_priority priority)
{
    struct vg_rule *rule = alerts_rule(&a, name, VG_RULE_LIMIT, channel);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .above = above, .value = value };
    rule->for_ns = alerts_ns(10);
    rule->priority = (uint8_t)priority;
    return rule;
}

/* A cell as the stages before this one leave it. */
static void marked(double s, int channel, float value, enum vg_quality quality,
                   enum vg_reason reason)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_value(&r, channel, value);
    r.quality[channel] = (uint8_t)quality;
    r.reason[channel] = (uint8_t)reason;
    if (!vg_usable((uint8_t)quality))
        r.value[channel] = 0;
    capture_send(a.c, &r);
}

static void marked_for(double from, double to, int channel, float value, enum vg_quality quality,
                       enum vg_reason reason)
{
    for (double s = from; s < to; s++)
        marked(s, channel, value, quality, reason);
}

/* ---- evidence ---- */

struct evidence {
    int channel, reason, quality;
    int above;
    float limit, value, usual;
    char text[112];
};

ParameterizedTestParameters(alert_guard, evidence_takes_the_place_of_the_limit_at_once)
{
    static struct evidence rows[] = {
        { VG_CHANNEL_spo2, VG_REASON_MOTION, VG_Q_SUSPECT, 0, 90, 80, 97,
          "Check patient, then probe: SpO2 80 % does not count (movement at the probe)" },
        { VG_CHANNEL_pulse, VG_REASON_MOTION, VG_Q_SUSPECT, 1, 130, 150, 80,
          "Check patient, then probe: Pulse 150 /min does not count (movement at the probe)" },
        { VG_CHANNEL_etco2, VG_REASON_DISCONNECTED, VG_Q_SUSPECT, 0, 15, 0, 37,
          "Check patient, then airway and CO2 line: EtCO2 0 mmHg does not count (line "
          "disconnected)" },
        { VG_CHANNEL_abp_sys, VG_REASON_SHAPE, VG_Q_SUSPECT, 0, 90, 70, 120,
          "Check patient, then arterial line: ABP systolic 70 mmHg does not count (pressures that "
          "no heart makes)" },
        { VG_CHANNEL_abp_sys, VG_REASON_FLUSH, VG_Q_INVALID, 1, 180, 0, 120,
          "Check patient, then arterial line: ABP systolic is no measurement (arterial line "
          "flushed)" },
    };

    return cr_make_param_array(struct evidence, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct evidence *e, alert_guard, evidence_takes_the_place_of_the_limit_at_once)
{
    limit("limit", e->channel, e->above, e->limit, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 20, e->channel, e->usual);
    marked_for(20, 30, e->channel, e->value, (enum vg_quality)e->quality,
               (enum vg_reason)e->reason);
    expect("");
    marked_for(30, 60, e->channel, e->value, (enum vg_quality)e->quality,
               (enum vg_reason)e->reason);
    cr_assert_str_eq(capture_last(a.c, "phase"), "start", "%s", alerts_brief(&a));
    cr_assert_str_eq(capture_last(a.c, "rule"), "artefact");
    cr_assert_str_eq(capture_last(a.c, "kind"), "technical");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert_str_eq(capture_last(a.c, "reason"), vg_reason_name((uint8_t)e->reason));
    cr_assert_str_eq(capture_last(a.c, "time"), "1970-01-01T00:00:30.000Z");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:20.000Z");
    cr_assert_str_eq(capture_last(a.c, "text"), e->text);
    alerts_value(&a, 60, e->channel, e->usual);
    cr_assert_str_eq(capture_last(a.c, "phase"), "end");
    cr_assert_eq(a.c->event_count, 2);
}

ParameterizedTestParameters(alert_guard, doubt_alone_keeps_nothing_from_a_limit)
{
    static int rows[] = { VG_REASON_NONE,      VG_REASON_JUMP,    VG_REASON_FLATLINE,
                          VG_REASON_DEVICE,    VG_REASON_FLAT,    VG_REASON_DAMPED,
                          VG_REASON_HEIGHT,    VG_REASON_SLIPPED, VG_REASON_DOUBLE_COUNT,
                          VG_REASON_DISAGREES, VG_REASON_OUTLIER };

    return cr_make_param_array(int, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(int *reason, alert_guard, doubt_alone_keeps_nothing_from_a_limit)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 20, SPO2, 97);
    marked_for(20, 40, SPO2, 80, VG_Q_SUSPECT, (enum vg_reason) * reason);
    expect("30 start limit\n");
}

Test(alert_guard, without_evidence_any_more_the_limit_tells_what_it_has_counted)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 20, SPO2, 97);
    marked_for(20, 35, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    alerts_value(&a, 35, SPO2, 80);
    expect("30 start artefact motion\n35 start limit\n35 end artefact\n");
}

Test(alert_guard, what_was_low_before_the_evidence_is_told_when_it_would_have_been)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 5, SPO2, 80);
    marked_for(5, 20, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("10 start artefact motion\n");
}

Test(alert_guard, evidence_within_the_limit_is_told_nobody)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    marked_for(0, 60, SPO2, 95, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("");
}

Test(alert_guard, evidence_neither_ends_an_alert_nor_makes_it_worse)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 12, SPO2, 88);
    marked_for(12, 100, SPO2, 70, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("10 start limit\n");
}

Test(alert_guard, conditions_of_several_values_see_what_is_disproved)
{
    struct vg_rule *rule = limit("count", SPO2, false, 90, VG_PRIORITY_HIGH);

    rule->least = 3;
    rule->of = 5;
    rule->for_ns = 0;
    alerts_start(&a);
    marked_for(0, 3, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("2 start count\n");
}

Test(alert_guard, what_stands_in_for_no_limit_is_refused)
{
    struct vg_rule *rule = alerts_rule(&a, "own", VG_RULE_CONDITION, SPO2);

    rule->condition = VG_CONDITION_ARTEFACT;
    limit("fast", HR, true, 130, VG_PRIORITY_HIGH);
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    cr_assert(strstr(a.c->err.msg, "it stands in for limits of spo2, and none is watched"), "%s",
              a.c->err.msg);
}

Test(alert_guard, nothing_stands_in_for_a_rule_that_wants_good_values_alone)
{
    limit("low", SPO2, false, 92, VG_PRIORITY_MEDIUM)->good_only = true;
    alerts_start(&a);
    alerts_values(&a, 0, 5, SPO2, 91);
    marked_for(5, 60, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("");
}

/* ---- no measurement while a limit counts ---- */

ParameterizedTestParameters(alert_guard, a_value_that_stops_while_its_limit_counts_is_told)
{
    static struct evidence rows[] = {
        { .quality = VG_Q_MISSING, .reason = VG_REASON_DEVICE },
        { .quality = VG_Q_INVALID, .reason = VG_REASON_DEVICE },
        { .quality = VG_Q_INVALID, .reason = VG_REASON_PROBE_OFF },
        { .quality = VG_Q_INVALID, .reason = VG_REASON_RANGE },
        { .quality = VG_Q_INVALID, .reason = VG_REASON_BAD_VALUE },
    };

    return cr_make_param_array(struct evidence, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct evidence *e, alert_guard,
                  a_value_that_stops_while_its_limit_counts_is_told)
{
    struct vg_rule *rule = alerts_rule(&a, "probe", VG_RULE_CONDITION, VG_CHANNEL_NONE);

    rule->condition = VG_CONDITION_LEAD_OFF;
    rule->for_ns = alerts_ns(1000);
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 5, SPO2, 84);
    marked_for(5, 30, SPO2, 0, (enum vg_quality)e->quality, (enum vg_reason)e->reason);
    cr_assert_eq(a.c->event_count, 1, "%s", alerts_brief(&a));
    cr_assert_str_eq(capture_last(a.c, "rule"), "artefact");
    cr_assert_str_eq(capture_last(a.c, "time"), "1970-01-01T00:00:10.000Z");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert(strstr(capture_last(a.c, "text"), "SpO2 84 %, then no measurement ("), "%s",
              capture_last(a.c, "text"));
    alerts_value(&a, 30, SPO2, 97);
    cr_assert_str_eq(capture_last(a.c, "phase"), "end");
}

Test(alert_guard, what_is_dropped_after_a_gap_is_told_at_once)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH)->for_ns = alerts_ns(12);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 84);
    marked(20, SPO2, 0, VG_Q_MISSING,
           VG_REASON_DEVICE); /* at 12 the value did not speak any more */
    alerts_clock(&a, 21);
    expect("20 start artefact device\n");
}

Test(alert_guard, a_value_that_stops_within_its_limit_or_comes_back_is_told_nobody)
{
    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 5, SPO2, 97);
    marked_for(5, 30, SPO2, 0, VG_Q_MISSING, VG_REASON_DEVICE);
    alerts_values(&a, 30, 3, SPO2, 84);
    marked_for(33, 38, SPO2, 0, VG_Q_MISSING, VG_REASON_DEVICE);
    alerts_values(&a, 38, 30, SPO2, 97);
    expect("");
}

Test(alert_guard, what_stands_in_is_as_urgent_as_the_limit)
{
    limit("low", SPO2, false, 92, VG_PRIORITY_MEDIUM);
    limit("very_low", SPO2, false, 85, VG_PRIORITY_HIGH);
    limit("fast", VG_CHANNEL_pulse, true, 130, VG_PRIORITY_LOW);
    alerts_start(&a);
    marked_for(0, 12, SPO2, 90, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("10 start artefact motion\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "medium");
    marked_for(12, 24, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    expect("10 start artefact motion\n22 escalate artefact worse\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    marked_for(24, 36, VG_CHANNEL_pulse, 150, VG_Q_SUSPECT, VG_REASON_MOTION);
    cr_assert_str_eq(capture_last(a.c, "channel"), "pulse");
    cr_assert_str_eq(capture_last(a.c, "priority"), "low");
}

Test(alert_guard, a_restart_changes_nothing_of_what_is_withheld)
{
    struct alerts b;

    limit("limit", SPO2, false, 90, VG_PRIORITY_HIGH);
    alerts_start(&a);
    marked_for(0, 6, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    alerts_init(&b);
    *alerts_rule(&b, "limit", VG_RULE_LIMIT, SPO2) = a.rule[0];
    alerts_start(&b);
    capture_restore(b.c, a.c);
    marked_for(6, 30, SPO2, 80, VG_Q_SUSPECT, VG_REASON_MOTION);
    for (int s = 6; s < 30; s++) {
        struct capture_row r = capture_row("p-1", alerts_ns(s));

        capture_value(&r, SPO2, 80);
        r.quality[SPO2] = VG_Q_SUSPECT;
        r.reason[SPO2] = VG_REASON_MOTION;
        capture_send(b.c, &r);
    }
    cr_assert_str_eq(alerts_brief(&b), "10 start artefact motion\n");
    cr_assert_str_eq(alerts_brief(&b), alerts_brief(&a));
    alerts_done(&b);
}

/* ---- invalid for long ---- */

Test(alert_guard, a_channel_with_a_high_limit_that_is_invalid_is_medium_then_high)
{
    limit("limit", HR, false, 40, VG_PRIORITY_HIGH);
    alerts_start(&a);
    alerts_values(&a, 0, 10, HR, 80);
    marked_for(10, 200, HR, 0, VG_Q_INVALID, VG_REASON_RANGE);
    expect("70 start artefact range\n130 start check_sensor range\n130 escalate artefact worse\n");
    cr_assert(strstr(capture_text(a.c), "Check patient, then ECG leads: HR not measured for 60 s "
                                        "(outside the plausible range)"),
              "%s", capture_text(a.c));
    cr_assert(strstr(capture_text(a.c), "HR not measured for 2 min"));
    alerts_value(&a, 200, HR, 80);
    cr_assert(strstr(alerts_brief(&a), "200 end artefact\n"), "%s", alerts_brief(&a));
}

Test(alert_guard, invalid_for_long_may_be_told_sooner_and_never_later)
{
    limit("limit", HR, false, 40, VG_PRIORITY_HIGH);
    capture_option(a.c, "invalid_after", NULL, "20s");
    capture_option(a.c, "invalid_high_after", NULL, "45s");
    alerts_start(&a);
    alerts_values(&a, 0, 10, HR, 80);
    marked_for(10, 60, HR, 0, VG_Q_INVALID, VG_REASON_RANGE);
    expect("30 start artefact range\n55 escalate artefact worse\n");
    cr_assert(strstr(capture_text(a.c), "HR not measured for 20 s"), "%s", capture_text(a.c));
    cr_assert(strstr(capture_text(a.c), "HR not measured for 45 s"), "%s", capture_text(a.c));
    alerts_done(&a);
    alerts_init(&a);
    capture_option(a.c, "invalid_after", NULL, "50s");
    capture_option(a.c, "invalid_high_after", NULL, "45s");
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    cr_assert_str_eq(a.c->err.option, "invalid_high_after");
    cr_assert_neq(vg_option_set(vg_option_find(a.c->stage->options, "invalid_after"), a.c->self,
                                "61s", &a.c->err),
                  VG_OK);
    cr_assert_neq(vg_option_set(vg_option_find(a.c->stage->options, "invalid_high_after"),
                                a.c->self, "121s", &a.c->err),
                  VG_OK);
}

Test(alert_guard, one_measurement_or_silence_are_not_invalid_for_long)
{
    limit("limit", HR, false, 40, VG_PRIORITY_HIGH);
    alerts_start(&a);
    marked_for(0, 50, HR, 0, VG_Q_INVALID, VG_REASON_RANGE);
    alerts_value(&a, 50, HR, 80);
    marked_for(51, 100, HR, 0, VG_Q_INVALID, VG_REASON_RANGE);
    alerts_value(&a, 100, HR, 80);
    marked_for(101, 400, HR, 0, VG_Q_MISSING, VG_REASON_DEVICE);
    expect("");
}

Test(alert_guard, a_channel_without_a_high_limit_may_be_invalid)
{
    limit("limit", HR, false, 40, VG_PRIORITY_MEDIUM);
    alerts_start(&a);
    marked_for(0, 110, HR, 0, VG_Q_INVALID, VG_REASON_RANGE);
    expect("");
}

/* ---- check_sensor ---- */

struct doubt {
    int channel, told, quality, reason;
};

ParameterizedTestParameters(alert_guard, a_doubt_that_lasts_is_told_with_its_reason)
{
    static struct doubt rows[] = {
        { VG_CHANNEL_hr, VG_CHANNEL_hr, VG_Q_INVALID, VG_REASON_RANGE },
        { VG_CHANNEL_rr, VG_CHANNEL_hr, VG_Q_SUSPECT, VG_REASON_FLATLINE },
        { VG_CHANNEL_pulse, VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_DISAGREES },
        { VG_CHANNEL_spo2, VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_MOTION },
        { VG_CHANNEL_abp_mean, VG_CHANNEL_abp_sys, VG_Q_SUSPECT, VG_REASON_HEIGHT },
        { VG_CHANNEL_abp_dia, VG_CHANNEL_abp_sys, VG_Q_SUSPECT, VG_REASON_DAMPED },
        { VG_CHANNEL_abp_sys, VG_CHANNEL_abp_sys, VG_Q_INVALID, VG_REASON_FLUSH },
        { VG_CHANNEL_temp, VG_CHANNEL_temp, VG_Q_SUSPECT, VG_REASON_SLIPPED },
        { VG_CHANNEL_etco2, VG_CHANNEL_etco2, VG_Q_SUSPECT, VG_REASON_DISCONNECTED },
        { VG_CHANNEL_tcco2, VG_CHANNEL_tcco2, VG_Q_SUSPECT, VG_REASON_DEVICE },
    };

    return cr_make_param_array(struct doubt, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct doubt *d, alert_guard, a_doubt_that_lasts_is_told_with_its_reason)
{
    alerts_start(&a);
    marked_for(0, 120, d->channel, 50, (enum vg_quality)d->quality, (enum vg_reason)d->reason);
    expect("");
    marked(120, d->channel, 50, (enum vg_quality)d->quality, (enum vg_reason)d->reason);
    cr_assert_eq(a.c->event_count, 1);
    cr_assert_str_eq(capture_last(a.c, "rule"), "check_sensor");
    cr_assert_str_eq(capture_last(a.c, "priority"), "low");
    cr_assert_str_eq(capture_last(a.c, "channel"), vg_channels[d->told].name);
    cr_assert_str_eq(capture_last(a.c, "reason"), vg_reason_name((uint8_t)d->reason));
    cr_assert_eq(strncmp(capture_last(a.c, "text"), "Check patient, then ", 20), 0);
    alerts_value(&a, 121, d->channel, 50);
    cr_assert_str_eq(capture_last(a.c, "phase"), "end");
}

/* ---- a ventilated patient ---- */

static void breath(double s, float co2, enum vg_quality rate_quality, float rate)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_value(&r, VG_CHANNEL_etco2, co2);
    capture_value(&r, VG_CHANNEL_rr, rate);
    r.quality[VG_CHANNEL_rr] = (uint8_t)rate_quality;
    capture_send(a.c, &r);
}

Test(alert_guard, exhaled_co2_that_is_gone_with_the_rate_is_high_for_who_is_ventilated)
{
    a.profile[0].ventilated = true;
    alerts_start(&a);
    for (int s = 0; s < 20; s++)
        breath(s, 37, VG_Q_GOOD, 14);
    for (int s = 20; s < 60; s++)
        breath(s, 0, VG_Q_MISSING, 0);
    expect("30 start disconnected\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "Check patient, then airway and CO2 line: EtCO2 0 mmHg and no breath "
                     "rate, ventilated");
    breath(60, 35, VG_Q_MISSING, 0);
    expect("30 start disconnected\n60 end disconnected\n");
}

/* As the stage `artefact` marks it. */
static void disconnected(double s)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_value(&r, VG_CHANNEL_etco2, 0);
    r.quality[VG_CHANNEL_etco2] = VG_Q_SUSPECT;
    r.reason[VG_CHANNEL_etco2] = VG_REASON_DISCONNECTED;
    capture_quality(&r, VG_CHANNEL_rr, VG_Q_MISSING, VG_REASON_DEVICE);
    capture_send(a.c, &r);
}

Test(alert_guard, a_disconnection_is_told_as_such_and_not_first_as_a_value_that_does_not_count)
{
    a.profile[0].ventilated = true;
    limit("limit", VG_CHANNEL_etco2, false, 20, VG_PRIORITY_HIGH)->for_ns = alerts_ns(5);
    alerts_start(&a);
    breath(0, 37, VG_Q_GOOD, 14);
    for (int s = 1; s < 90; s++)
        disconnected(s);
    expect("11 start disconnected\n");
    breath(90, 0, VG_Q_GOOD, 0); /* breaths are counted: none */
    expect("11 start disconnected\n90 start limit\n90 end disconnected\n");
}

Test(alert_guard, a_disconnection_lasts_as_long_as_the_limit_would_that_it_was_told_instead_of)
{
    struct vg_rule *rule = limit("limit", VG_CHANNEL_etco2, false, 20, VG_PRIORITY_HIGH);

    rule->for_ns = alerts_ns(5);
    rule->clear_for_ns = alerts_ns(6);
    rule->keep_firing_for_ns = alerts_ns(20);
    a.profile[0].ventilated = true;
    alerts_start(&a);
    breath(0, 37, VG_Q_GOOD, 14);
    for (int s = 1; s < 30; s++)
        disconnected(s);
    for (int s = 30; s < 56; s++)
        breath(s, 37, VG_Q_GOOD, 14);
    expect("11 start disconnected\n");
    breath(56, 37, VG_Q_GOOD, 14);
    expect("11 start disconnected\n56 end disconnected\n");
}

Test(alert_guard, a_disconnection_that_is_less_urgent_than_the_limit_does_not_stand_for_it)
{
    struct vg_rule *rule = alerts_rule(&a, "circuit", VG_RULE_CONDITION, VG_CHANNEL_etco2);

    rule->kind = VG_ALERT_TECHNICAL;
    rule->condition = VG_CONDITION_DISCONNECTED;
    rule->for_ns = alerts_ns(10);
    a.profile[0].ventilated = true;
    limit("limit", VG_CHANNEL_etco2, false, 20, VG_PRIORITY_HIGH)->for_ns = alerts_ns(5);
    alerts_start(&a);
    breath(0, 37, VG_Q_GOOD, 14);
    for (int s = 1; s < 20; s++)
        disconnected(s);
    expect("6 start artefact disconnected\n11 start circuit\n");
}

Test(alert_guard, a_rate_that_does_not_come_any_more_is_none_and_a_flat_line_is_not_quite_0)
{
    a.profile[0].ventilated = true;
    alerts_start(&a);
    for (int s = 0; s < 20; s++)
        breath(s, 37, VG_Q_GOOD, 14);
    for (int s = 20; s < 50; s++)
        alerts_value(&a, s, VG_CHANNEL_etco2, s % 3 == 0 ? 2 : 1);
    expect("35 start disconnected\n"); /* for 10 s, from 5 s after the newest rate on */
}

Test(alert_guard, a_rate_that_comes_in_other_rows_is_one)
{
    a.profile[0].ventilated = true;
    alerts_start(&a);
    for (int s = 0; s < 60; s++) {
        alerts_value(&a, s, VG_CHANNEL_etco2, 0);
        if (s % 4 == 0)
            alerts_value(&a, s, VG_CHANNEL_rr, 0);
    }
    expect("");
}

Test(alert_guard, an_apnoea_and_a_patient_who_breathes_alone_are_not_disconnected)
{
    a.profile[0].ventilated = true;
    alerts_start(&a);
    for (int s = 0; s < 60; s++)
        breath(s, 0, VG_Q_GOOD, 0);
    expect("");
    for (int s = 60; s < 110; s++) {
        struct capture_row r = capture_row("p-1", alerts_ns(s));

        snprintf(r.bed, sizeof(r.bed), "icu-a/02");
        capture_value(&r, VG_CHANNEL_etco2, 0);
        capture_quality(&r, VG_CHANNEL_rr, VG_Q_MISSING, VG_REASON_DEVICE);
        capture_send(a.c, &r);
    }
    expect("");
}
