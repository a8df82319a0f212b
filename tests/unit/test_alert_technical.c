/* test_alert_technical.c - silence, probes, clocks, models and unreadable messages. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/notice.h"
#include "tests/support/alerts.h"

enum { SPO2 = VG_CHANNEL_spo2, HR = VG_CHANNEL_hr };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

static void stale_rule(const char *name, int channel, double longer_than_s)
{
    alerts_rule(&a, name, VG_RULE_STALE, channel)->longer_than_ns = alerts_ns(longer_than_s);
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static void flagged(double s, uint8_t kind, uint8_t flags)
{
    struct capture_row r = capture_row(kind == VG_ROW_SHARD ? "" : "p-1", alerts_ns(s));

    r.kind = kind;
    r.flags = flags;
    if (kind == VG_ROW_SAMPLE)
        capture_value(&r, HR, 80);
    capture_send(a.c, &r);
}

TestSuite(alert_technical, .init = setup, .fini = teardown, .timeout = 10);

/* ---- stale ---- */

Test(alert_technical, a_silent_bed_is_told_when_longer_than_is_over)
{
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_value(&a, 5, HR, 80);
    alerts_clock(&a, 35);
    expect("");
    alerts_clock(&a, 36);
    expect("35 start no_data\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "Check patient, then monitor: no data for 30 s");
    cr_assert_str_eq(capture_last(a.c, "due"), "1970-01-01T00:00:35.000Z");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:05.000Z");
    cr_assert_str_eq(capture_last(a.c, "kind"), "technical");
    alerts_clock(&a, 3600);
    alerts_value(&a, 3600, HR, 80);
    expect("35 start no_data\n3600 end no_data\n");
    cr_assert_str_eq(capture_last(a.c, "due"), "1970-01-01T00:00:35.000Z");
    alerts_clock(&a, 3700);
    expect("35 start no_data\n3600 end no_data\n3630 start no_data\n");
}

Test(alert_technical, a_note_of_a_nurse_does_not_bring_a_silent_monitor_back)
{
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    stale_rule("not_noted", VG_CHANNEL_acvpu, 60);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_value(&a, 20, VG_CHANNEL_acvpu, 0);
    alerts_clock(&a, 31);
    expect("30 start no_data\n");
    alerts_value(&a, 40, VG_CHANNEL_acvpu, 0);
    alerts_clock(&a, 50);
    expect("30 start no_data\n");
    alerts_value(&a, 50, SPO2, 97);
    expect("30 start no_data\n50 end no_data\n");
}

Test(alert_technical, a_value_exactly_at_the_due_time_prevents_a_stale_alert)
{
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_value(&a, 30, SPO2, 97);
    alerts_clock(&a, 60);
    expect("");
}

Test(alert_technical, rows_without_a_usable_value_do_not_break_the_silence)
{
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    for (int s = 1; s < 40; s++)
        alerts_quality(&a, s, SPO2, VG_Q_MISSING, VG_REASON_NONE);
    expect("30 start no_data\n");
}

Test(alert_technical, only_channels_that_were_seen_become_stale)
{
    stale_rule("spo2_stale", SPO2, 30);
    alerts_start(&a);
    for (int s = 0; s < 100; s++)
        alerts_value(&a, s, HR, 80);
    expect("");
    alerts_value(&a, 100, SPO2, 97);
    for (int s = 101; s < 150; s++)
        alerts_value(&a, s, HR, 80);
    expect("130 start spo2_stale\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "Check patient, then probe: no SpO2 for 30 s");
    cr_assert_str_eq(capture_last(a.c, "channel"), "spo2");
    alerts_value(&a, 150, SPO2, 97);
    expect("130 start spo2_stale\n150 end spo2_stale\n");
}

Test(alert_technical, a_silent_bed_is_one_alert_not_one_for_each_channel)
{
    stale_rule("spo2_stale", SPO2, 30); /* first in the file, and due at the same time */
    stale_rule("hr_stale", HR, 30);
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_value(&a, 0, HR, 80);
    alerts_clock(&a, 500);
    expect("30 start no_data\n");
    /* Back with one channel: the other has its time again before it is told of. */
    for (int s = 500; s < 540; s++)
        alerts_value(&a, s, HR, 80);
    expect("30 start no_data\n500 end no_data\n530 start spo2_stale\n");
}

Test(alert_technical, late_rows_do_not_break_the_silence)
{
    stale_rule("no_data", VG_CHANNEL_NONE, 30);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    for (int s = 1; s < 31; s++)
        flagged(s, VG_ROW_SAMPLE, VG_ROW_LATE);
    alerts_clock(&a, 31);
    expect("30 start no_data\n");
}

Test(alert_technical, a_stale_rule_waits_for_and_keeps_as_others_do)
{
    struct vg_rule *rule;

    stale_rule("no_data", VG_CHANNEL_NONE, 20);
    rule = &a.rule[0];
    rule->for_ns = alerts_ns(10);
    rule->keep_firing_for_ns = alerts_ns(5);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_clock(&a, 50);
    expect("30 start no_data\n");
    alerts_values(&a, 50, 6, SPO2, 97);
    expect("30 start no_data\n55 end no_data\n");
}

/* ---- lead_off ---- */

Test(alert_technical, a_probe_that_is_off_is_an_episode_of_its_channel)
{
    struct capture_row r = capture_row("p-1", alerts_ns(2));

    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 97);
    alerts_quality(&a, 1, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    capture_quality(&r, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    capture_quality(&r, VG_CHANNEL_pulse, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    capture_send(a.c, &r);
    expect("1 start lead_off\n2 start lead_off\n");
    cr_assert_str_eq(capture_last(a.c, "channel"), "pulse");
    cr_assert_str_eq(capture_last(a.c, "text"), "Check patient, then probe: Pulse off");
    cr_assert_str_eq(capture_last(a.c, "priority"), "low");
    cr_assert_str_eq(capture_last(a.c, "title"), "Probe or lead off");
    cr_assert_null(strstr(capture_text(a.c), "\"value\""), "there is no value to tell");
    alerts_quality(&a, 3, SPO2, VG_Q_MISSING, VG_REASON_NONE);
    alerts_quality(&a, 4, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    expect("1 start lead_off\n2 start lead_off\n");
    alerts_value(&a, 5, SPO2, 96);
    expect("1 start lead_off\n2 start lead_off\n5 end lead_off\n");
    cr_assert_str_eq(capture_last(a.c, "channel"), "spo2");
    cr_assert_str_eq(capture_last(a.c, "value"), "96");
}

Test(alert_technical, a_line_is_off_as_a_whole_by_whichever_pressure_says_so)
{
    alerts_start(&a);
    alerts_quality(&a, 1, VG_CHANNEL_abp_mean, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_quality(&a, 2, VG_CHANNEL_abp_dia, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    expect("1 start lead_off\n");
    cr_assert_str_eq(capture_last(a.c, "channel"), "abp_sys");
    alerts_value(&a, 3, VG_CHANNEL_abp_mean, 80);
    expect("1 start lead_off\n3 end lead_off\n");
    cr_assert_null(strstr(capture_last(a.c, "quality"), "invalid"), "the line measures");
}

Test(alert_technical, what_is_invalid_for_another_reason_is_no_lead_off)
{
    alerts_start(&a);
    alerts_quality(&a, 1, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    expect("");
}

Test(alert_technical, a_configured_rule_replaces_the_built_in_one)
{
    struct vg_rule *rule = alerts_rule(&a, "probe", VG_RULE_CONDITION, VG_CHANNEL_NONE);

    rule->condition = VG_CONDITION_LEAD_OFF;
    rule->for_ns = alerts_ns(10);
    rule->priority = VG_PRIORITY_HIGH;
    alerts_start(&a);
    alerts_quality(&a, 0, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_quality(&a, 3, VG_CHANNEL_pulse, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_value(&a, 9, VG_CHANNEL_pulse, 80);
    alerts_clock(&a, 60); /* the probe is off until somebody says otherwise */
    expect("10 start probe\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert_str_eq(capture_last(a.c, "channel"), "spo2");
}

Test(alert_technical, a_configured_rule_for_one_channel_leaves_the_others_to_the_built_in_one)
{
    struct vg_rule *rule = alerts_rule(&a, "probe", VG_RULE_CONDITION, SPO2);

    rule->condition = VG_CONDITION_LEAD_OFF;
    alerts_start(&a);
    alerts_quality(&a, 0, VG_CHANNEL_temp, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    alerts_quality(&a, 1, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    expect("0 start lead_off\n1 start probe\n");
}

/* ---- device_clock ---- */

Test(alert_technical, a_wrong_clock_ends_after_a_minute_of_right_rows)
{
    struct capture_row r = capture_row("p-1", 0);

    alerts_start(&a);
    r.flags = VG_ROW_AHEAD | VG_ROW_TIME_SUSPECT;
    r.device_ns = alerts_ns(3612);
    capture_send(a.c, &r);
    expect("0 start device_clock\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "Device clock 60 min ahead");
    flagged(10, VG_ROW_SAMPLE, 0);
    flagged(69, VG_ROW_SAMPLE, 0);
    expect("0 start device_clock\n");
    flagged(69.5, VG_ROW_SAMPLE, VG_ROW_AHEAD);
    flagged(70, VG_ROW_SAMPLE, 0);
    flagged(129, VG_ROW_SAMPLE, 0);
    alerts_clock(&a, 200);
    expect("0 start device_clock\n");
    flagged(200, VG_ROW_SAMPLE, 0);
    expect("0 start device_clock\n200 end device_clock\n");
}

Test(alert_technical, a_clock_behind_and_a_missing_time_say_so)
{
    struct capture_row r = capture_row("p-1", alerts_ns(100));

    alerts_start(&a);
    r.flags = VG_ROW_BEHIND | VG_ROW_LATE;
    r.device_ns = alerts_ns(55);
    capture_send(a.c, &r);
    cr_assert_str_eq(capture_last(a.c, "text"), "Device clock 45 s behind");
    r = capture_row("p-2", alerts_ns(100));
    r.flags = VG_ROW_NO_TIME | VG_ROW_TIME_SUSPECT;
    r.device_ns = VG_TIME_NONE;
    capture_send(a.c, &r);
    cr_assert_str_eq(capture_last(a.c, "text"), "Device sends no time that can be read");
    expect("100 start device_clock\n100 start device_clock\n");
}

Test(alert_technical, a_clock_that_stands_still_is_wrong)
{
    struct capture_row r = capture_row("p-1", alerts_ns(100));

    alerts_start(&a);
    for (int i = 0; i < 10; i++) { /* rows of one moment, or a clock without fractions */
        r.log_ns = r.record_ns = alerts_ns(100 + i * 0.111);
        capture_send(a.c, &r);
    }
    expect("");
    r.log_ns = r.record_ns = alerts_ns(101);
    capture_send(a.c, &r);
    expect("101 start device_clock\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "Device clock stands still or was set back");
    for (int s = 102; s <= 162; s++)
        flagged(s, VG_ROW_SAMPLE, 0);
    expect("101 start device_clock\n162 end device_clock\n");
}

Test(alert_technical, a_clock_that_was_set_back_is_wrong_until_it_goes_on)
{
    struct capture_row r = capture_row("p-1", alerts_ns(100));

    alerts_start(&a);
    capture_send(a.c, &r);
    for (int s = 101; s <= 170; s++) {
        r.log_ns = r.record_ns = alerts_ns(s);
        r.device_ns = alerts_ns(s - 10);
        capture_send(a.c, &r);
    }
    expect("101 start device_clock\n162 end device_clock\n");
}

/* ---- model_error ---- */

Test(alert_technical, a_model_error_ends_with_the_next_clean_tick)
{
    alerts_start(&a);
    flagged(32, VG_ROW_TICK, VG_ROW_MODEL_ERROR);
    flagged(62, VG_ROW_TICK, VG_ROW_MODEL_ERROR);
    flagged(70, VG_ROW_SAMPLE, 0);
    expect("32 start model_error\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "medium");
    cr_assert_str_eq(capture_last(a.c, "due"), "1970-01-01T00:00:32.000Z");
    flagged(92, VG_ROW_TICK, 0);
    expect("32 start model_error\n92 end model_error\n");
}

/* ---- the shard ---- */

Test(alert_technical, dead_letters_are_counted_and_end_after_a_minute_without)
{
    alerts_start(&a);
    flagged(0, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    expect("0 start dead_letter\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "1 message or row could not be read; see the dead letters");
    cr_assert_str_eq(capture_last(a.c, "patient"), "");
    cr_assert_str_eq(capture_last(a.c, "bed"), "");
    cr_assert_str_eq(capture_last(a.c, "ward"), "none");
    flagged(5, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    flagged(6, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    alerts_clock(&a, 31);
    expect("0 start dead_letter\n30 update dead_letter\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "3 messages or rows could not be read; see the dead letters");
    alerts_clock(&a, 66);
    expect("0 start dead_letter\n30 update dead_letter\n");
    alerts_clock(&a, 67);
    expect("0 start dead_letter\n30 update dead_letter\n66 end dead_letter\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "3 messages or rows could not be read; see the dead letters; none for 60 s");
    flagged(100, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    cr_assert_str_eq(capture_last(a.c, "phase"), "start");
    cr_assert_eq(strncmp(capture_last(a.c, "text"), "1 ", 2), 0, "a new episode counts anew");
}

Test(alert_technical, refused_patients_are_a_high_alert_of_their_own)
{
    alerts_start(&a);
    flagged(0, VG_ROW_SHARD, VG_ROW_PATIENT_REFUSED);
    expect("0 start max_patients\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "1 row of patients beyond max_patients not watched");
    flagged(1, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    expect("0 start max_patients\n1 start dead_letter\n");
}

Test(alert_technical, ten_dead_letters_within_a_minute_are_high)
{
    alerts_start(&a);
    for (int s = 0; s < 90; s += 10) /* nine in each minute */
        flagged(s, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    cr_assert_null(strstr(alerts_brief(&a), "dead_letter_rate"), "%s", alerts_brief(&a));
    for (int s = 200; s < 230; s++)
        flagged(s, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    cr_assert(strstr(alerts_brief(&a), "209 start dead_letter_rate\n"), "%s", alerts_brief(&a));
    alerts_clock(&a, 400);
    cr_assert(strstr(alerts_brief(&a), "289 end dead_letter_rate\n"), "%s", alerts_brief(&a));
}

Test(alert_technical, how_many_dead_letters_a_minute_are_many_may_be_said)
{
    capture_option(a.c, "dead_letters", NULL, "3");
    alerts_start(&a);
    for (int s = 0; s < 3; s++)
        flagged(s, VG_ROW_SHARD, VG_ROW_DEAD_LETTER);
    cr_assert(strstr(alerts_brief(&a), "2 start dead_letter_rate\n"), "%s", alerts_brief(&a));
    alerts_clock(&a, 400);
    cr_assert(strstr(capture_text(a.c), "Fewer than 3 messages"), "%s", capture_text(a.c));
}

Test(alert_technical, a_key_that_names_another_patient_is_high)
{
    alerts_start(&a);
    flagged(0, VG_ROW_SHARD, VG_ROW_DEAD_LETTER | VG_ROW_KEY_MISMATCH);
    expect("0 start dead_letter\n0 start key_mismatch\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "1 row not watched: the key names another patient; see the dead letters");
    alerts_clock(&a, 100);
    cr_assert(strstr(alerts_brief(&a), "60 end key_mismatch\n"), "%s", alerts_brief(&a));
}

Test(alert_technical, a_bed_with_two_patients_is_told_when_it_goes_on)
{
    alerts_start(&a);
    flagged(0, VG_ROW_SAMPLE, VG_ROW_BED_SHARED); /* a row that was overtaken */
    flagged(5, VG_ROW_SAMPLE, 0);
    flagged(100, VG_ROW_SAMPLE, VG_ROW_BED_SHARED);
    expect("");
    for (int s = 101; s < 130; s++)
        flagged(s, VG_ROW_SAMPLE, VG_ROW_BED_SHARED);
    expect("110 start bed_shared\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "medium");
    for (int s = 130; s < 200; s++)
        flagged(s, VG_ROW_SAMPLE, 0);
    expect("110 start bed_shared\n189 end bed_shared\n");
}

Test(alert_technical, a_shard_without_records_is_told_without_a_patient)
{
    stale_rule("source", VG_CHANNEL_NONE, 30);
    a.rule[0].source = true;
    alerts_start(&a);
    alerts_clock(&a, 1000); /* never a record */
    expect("");
    flagged(1000, VG_ROW_SHARD, 0);
    flagged(1001, VG_ROW_SHARD, 0);
    alerts_clock(&a, 1033);
    expect("1032 start source\n");
    cr_assert_str_eq(capture_last(a.c, "patient"), "");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:16:41.000Z");
    flagged(1040, VG_ROW_SHARD, 0);
    expect("1032 start source\n1040 end source\n");
}

Test(alert_technical, without_rules_only_conditions_are_watched)
{
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 1);
    alerts_clock(&a, 10000);
    expect("");
}

/* ---- trouble on the way out ---- */

struct notice_item {
    struct vg_item_command command;
    struct vg_noticed said;
};

static void notice(double s, const char *alert, uint32_t subjects, const char *text)
{
    struct notice_item item = {
        .command = { .kind = VG_COMMAND_NOTICE, .size = sizeof(item.said) },
        .said = { .subjects = subjects },
    };
    struct capture_row row = capture_row("", alerts_ns(s));

    snprintf(item.said.alert, sizeof(item.said.alert), "%s", alert);
    snprintf(item.said.text, sizeof(item.said.text), "%s", text);
    row.kind = VG_ROW_COMMAND;
    row.command = &item.command;
    capture_send(a.c, &row);
}

Test(alert_technical, a_notice_is_an_alert_in_its_own_words_until_it_is_over)
{
    alerts_start(&a);
    notice(1, "delivery_failing", 1, "sink a fails");
    cr_assert_str_eq(capture_last(a.c, "text"), "sink a fails");
    cr_assert_str_eq(capture_last(a.c, "priority"), "medium");
    notice(5, "delivery_failing", 2, "sink a fails; sink b fails");
    cr_assert_str_eq(capture_last(a.c, "text"), "sink a fails; sink b fails");
    notice(6, "delivery_lost", 1, "sink c is off");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
    alerts_clock(&a, 600);
    notice(601, "delivery_failing", 0, "");
    notice(602, "delivery_failing", 0, "");
    expect("1 start delivery_failing\n5 update delivery_failing\n6 start delivery_lost\n"
           "601 end delivery_failing\n");
}

Test(alert_technical, a_rule_about_notices_has_its_own_priority_and_patience)
{
    struct vg_rule *rule = alerts_rule(&a, "mail", VG_RULE_CONDITION, VG_CHANNEL_NONE);

    rule->condition = VG_CONDITION_DELIVERY_FAILING;
    rule->priority = VG_PRIORITY_LOW;
    rule->for_ns = alerts_ns(60);
    alerts_start(&a);
    notice(1, "delivery_failing", 1, "sink a fails");
    notice(30, "delivery_failing", 0, "");
    notice(40, "delivery_failing", 1, "sink a fails");
    alerts_clock(&a, 120);
    expect("100 start mail\n");
    cr_assert_str_eq(capture_last(a.c, "priority"), "low");
    cr_assert_str_eq(capture_last(a.c, "text"), "Alerts do not reach everybody");
    notice(130, "unknown", 1, "of a later version");
    expect("100 start mail\n");
}
