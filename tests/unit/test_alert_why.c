/* test_alert_why.c - what an event says of why, for programs: the worst since the onset, the window of
 * the rule, the delays, the duration and the last hour.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, TEMP = VG_CHANNEL_temp, MINUTES = 60 };

static struct alerts a;

static void setup(void)
{
    alerts_init(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_why, .init = setup, .fini = teardown, .timeout = 10);

/* SpO2 below 90, or another channel below `limit`. */
static struct vg_rule *low(const char *name, int channel, float limit)
{
    struct vg_rule *rule = alerts_rule(&a, name, VG_RULE_LIMIT, channel);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = limit };
    return rule;
}

/* The newest line. */
static const char *newest(void)
{
    const char *text = capture_text(a.c), *last = text;

    for (const char *at = text; *at; at++) {
        if (*at == '\n' && at[1] != '\0')
            last = at + 1;
    }
    return last;
}

static void has(const char *part)
{
    cr_assert(strstr(newest(), part), "%s\nis not in\n%s", part, newest());
}

static void lacks(const char *part)
{
    cr_assert_null(strstr(newest(), part), "%s\nis in\n%s", part, newest());
}

static void worst_is(const char *value, const char *at)
{
    char text[128];

    snprintf(text, sizeof(text),
             "\"worst\":{\"is\":\"value\",\"value\":%s,\"unit\":\"%%\","
             "\"time\":\"1970-01-01T00:%s.000Z\"}",
             value, at);
    has(text);
}

/* ---- the worst ---- */

Test(alert_why, the_worst_is_that_since_the_onset_and_not_since_the_start)
{
    low("low", SPO2, 90)->for_ns = alerts_ns(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 88);
    alerts_value(&a, 3, SPO2, 81);
    alerts_value(&a, 10, SPO2, 86);
    cr_assert_str_eq(capture_last(a.c, "phase"), "start");
    cr_assert_str_eq(capture_last(a.c, "value"), "86");
    worst_is("81", "00:03");
    alerts_value(&a, 45, SPO2,
                 84); /* worse than what was observed at the start, not than what was */
    cr_assert_str_eq(capture_last(a.c, "reason"), "data_back");
    worst_is("81", "00:03");
    alerts_value(&a, 50, SPO2, 80);
    cr_assert_str_eq(capture_last(a.c, "phase"), "update");
    worst_is("80", "00:50");
    alerts_value(&a, 51, SPO2, 97);
    cr_assert_str_eq(alerts_brief(&a),
                     "10 start low\n20 update low data_lost\n45 update low data_back\n"
                     "50 update low\n51 end low\n");
    worst_is("80", "00:50");
    has("\"duration_s\":51,");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "SpO2 97 %, no longer below 90 %; lowest 80 % in 51 s");
}

Test(alert_why, what_came_before_the_condition_was_dropped_is_no_part_of_the_episode)
{
    low("low", SPO2, 90)->for_ns = alerts_ns(5);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 70);
    alerts_value(&a, 1, SPO2, 95);
    alerts_values(&a, 2, 6, SPO2, 88);
    worst_is("88", "00:02");
    alerts_value(&a, 8, SPO2, 95);
    alerts_values(&a, 9, 6, SPO2, 89);
    worst_is("89", "00:09");
}

Test(alert_why, a_worst_value_that_may_not_be_told_yet_is_in_every_other_event)
{
    low("low", SPO2, 90)->clear_for_ns = alerts_ns(60);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 89);
    alerts_value(&a, 2, SPO2, 79);
    alerts_clock(&a, 13);
    cr_assert_str_eq(capture_last(a.c, "reason"), "data_lost");
    worst_is("79", "00:02");
    lacks("\"window\"");
    lacks("\"hour\"");
    lacks("\"delays\"");
    lacks("\"duration_s\"");
}

Test(alert_why, a_technical_alert_has_no_worst_but_a_window_and_delays)
{
    struct vg_rule *rule = alerts_rule(&a, "silent", VG_RULE_STALE, SPO2);

    rule->kind = VG_ALERT_TECHNICAL;
    rule->longer_than_ns = alerts_ns(30);
    alerts_start(&a);
    alerts_value(&a, 5, SPO2, 97);
    alerts_clock(&a, 36);
    lacks("\"worst\"");
    lacks("\"hour\""); /* no rule alerts on its values */
    has("\"delays\":{\"condition_s\":30,\"generation_s\":0}");
    has("\"window\":{\"from\":\"1970-01-01T00:00:05.000Z\",\"to\":\"1970-01-01T00:00:35.000Z\","
        "\"longer_than_s\":30}");
    alerts_value(&a, 50, SPO2, 97);
    has("\"phase\":\"end\"");
    has("\"duration_s\":45,");
}

/* ---- delays ---- */

Test(alert_why, of_what_was_held_back_the_signal_is_later_than_the_condition)
{
    struct vg_rule *rule = low("low", SPO2, 90);

    rule->life.refractory_ns = alerts_ns(20);
    rule->for_ns = alerts_ns(2);
    alerts_start(&a);
    alerts_values(&a, 1, 3, SPO2, 80);
    alerts_value(&a, 4, SPO2, 95);
    alerts_values(&a, 5, 3, SPO2, 80);
    cr_assert_str_eq(capture_last(a.c, "suppressed_by"), "refractory");
    has("\"delays\":{\"condition_s\":2},");
    has("\"hour\"");
    alerts_values(&a, 8, 17, SPO2, 79);
    cr_assert_str_eq(capture_last(a.c, "phase"), "start");
    has("\"delays\":{\"condition_s\":2,\"generation_s\":17},");
    has("\"window\":{\"from\":\"1970-01-01T00:00:05.000Z\",\"to\":\"1970-01-01T00:00:24.000Z\"");
    worst_is("79", "00:08");
}

/* ---- windows ---- */

Test(alert_why, a_count_looked_at_its_newest_values)
{
    struct vg_rule *rule = low("low", SPO2, 90);

    rule->least = 3;
    rule->of = 5;
    alerts_start(&a);
    alerts_value(&a, 1, SPO2, 95);
    alerts_value(&a, 2, SPO2, 85);
    alerts_value(&a, 4, SPO2, 95);
    alerts_value(&a, 6, SPO2, 84);
    alerts_value(&a, 8, SPO2, 95);
    alerts_value(&a, 9, SPO2, 86);
    has("\"phase\":\"start\"");
    has("\"window\":{\"from\":\"1970-01-01T00:00:02.000Z\",\"to\":\"1970-01-01T00:00:09.000Z\","
        "\"at_least\":3,\"of\":5}");
}

Test(alert_why, a_rate_says_from_when_on_and_by_how_much)
{
    struct vg_rule *rule = alerts_rule(&a, "fast", VG_RULE_RATE, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = -6 };
    rule->within_ns = alerts_ns(80);
    alerts_start(&a);
    for (int s = 0; s <= 100; s += 5)
        alerts_value(&a, s, SPO2, 97);
    alerts_value(&a, 104, SPO2, 90);
    has("\"window\":{\"from\":\"1970-01-01T00:00:30.000Z\",\"to\":\"1970-01-01T00:01:44.000Z\","
        "\"over_s\":80,\"falls_by\":6,\"unit\":\"%\"}");
    has("\"worst\":{\"is\":\"change\",\"value\":-7,\"unit\":\"%\"");
}

Test(alert_why, a_trend_says_which_parts_its_line_was_laid_through)
{
    struct vg_rule *rule = alerts_rule(&a, "falling", VG_RULE_TREND, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = -4 };
    rule->within_ns = alerts_ns(160);
    rule->confidence = VG_CONFIDENCE_95;
    alerts_start(&a);
    for (int s = 0; s < 200 && strlen(capture_text(a.c)) == 0; s += 5)
        alerts_value(&a, 1000 + s, SPO2, (float)(97 - s / 20.));
    has("\"phase\":\"start\"");
    has("\"window\":{\"from\":\"1970-01-01T00:16:00.000Z\",\"to\":\"1970-01-01T00:18:40.000Z\","
        "\"over_s\":160,\"falls_by\":4,\"unit\":\"%\",\"confidence\":0.95}");
}

Test(alert_why, a_baseline_says_what_is_usual)
{
    struct vg_rule *rule = alerts_rule(&a, "unusual", VG_RULE_BASELINE, HR);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 20, .above = true };
    rule->within_ns = alerts_ns(3600);
    alerts_start(&a);
    for (int s = 0; s < 1900; s += 10)
        alerts_value(&a, s, HR, 80);
    alerts_value(&a, 1900, HR, 110);
    has("\"over_s\":3600,\"above_by\":20,\"unit\":\"/min\",\"usual\":80}");
}

/* ---- the last hour ---- */

/* The value of minute `i` of 60, 0 the oldest, as it is in the newest event. */
static const char *minute(int i)
{
    static char text[32];
    const char *at = strstr(newest(), "\"values\":[");

    cr_assert(at, "no hour in %s", newest());
    at += strlen("\"values\":[");
    while (i-- > 0)
        at = strchr(at, ',') + 1;
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, ",]"), at);
    return text;
}

Test(alert_why, an_hour_has_the_mean_of_each_minute_and_null_where_there_was_no_value)
{
    low("low", SPO2, 90);
    alerts_start(&a);
    alerts_value(&a, 3600, SPO2, 95);
    alerts_value(&a, 3601, SPO2, 96);
    alerts_value(&a, 3603, SPO2, 96);
    alerts_quality(&a, 3650, SPO2, VG_Q_MISSING, VG_REASON_DEVICE); /* minute 61 has no value */
    alerts_value(&a, 3730, HR, 80);
    alerts_value(&a, 3780, SPO2, 97);
    alerts_value(&a, 3840, SPO2, 92);
    alerts_value(&a, 3850, SPO2, 86);
    has("\"hour\":{\"channel\":\"spo2\",\"unit\":\"%\",\"from\":\"1970-01-01T00:05:00.000Z\","
        "\"step_s\":60,\"values\":[");
    cr_assert_str_eq(minute(MINUTES - 6), "null");
    cr_assert_str_eq(minute(MINUTES - 5), "95.7"); /* to a tenth: 95.67 */
    cr_assert_str_eq(minute(MINUTES - 4), "null");
    cr_assert_str_eq(minute(MINUTES - 3), "null");
    cr_assert_str_eq(minute(MINUTES - 2), "97");
    cr_assert_str_eq(minute(MINUTES - 1), "89");
}

Test(alert_why, an_hour_moves_on_and_forgets_what_is_older)
{
    low("low", SPO2, 90);
    alerts_start(&a);
    for (int i = 0; i < 130; i++)
        alerts_value(&a, 60 * i, SPO2, (float)(100 - 0.05 * i));
    alerts_value(&a, 60 * 130, SPO2, 80);
    cr_assert_str_eq(minute(0), "96.5"); /* of minute 71: 96.45 is between two steps */
    cr_assert_str_eq(minute(MINUTES - 2), "93.6");
    cr_assert_str_eq(minute(MINUTES - 1), "80");
}

Test(alert_why, after_a_long_silence_nothing_of_before_is_in_the_hour)
{
    low("low", SPO2, 90);
    alerts_start(&a);
    for (int i = 0; i < 100; i++)
        alerts_value(&a, 60 * i, SPO2, 97);
    alerts_value(&a, 60 * 200, SPO2, 80);
    for (int i = 0; i < MINUTES - 1; i++)
        cr_assert_str_eq(minute(i), "null");
    cr_assert_str_eq(minute(MINUTES - 1), "80");
}

Test(alert_why, what_is_late_or_no_measurement_is_not_in_the_hour)
{
    struct capture_row late = capture_row("p-1", alerts_ns(7201));

    low("low", SPO2, 90);
    alerts_start(&a);
    alerts_value(&a, 7200, SPO2, 96);
    capture_value(&late, SPO2, 40);
    late.flags = VG_ROW_LATE;
    capture_send(a.c, &late);
    alerts_quality(&a, 7202, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    alerts_value(&a, 7260, SPO2, 80);
    cr_assert_str_eq(minute(MINUTES - 2), "96");
}

Test(alert_why, each_channel_is_kept_in_steps_that_its_range_allows)
{
    low("hr_low", HR, 50);
    low("cold", TEMP, 36);
    alerts_start(&a);
    alerts_value(&a, 7200, HR, 349.9f);
    alerts_value(&a, 7201, TEMP, 36.63f);
    alerts_value(&a, 7260, HR, 40.2f);
    cr_assert_str_eq(minute(MINUTES - 2), "350");
    cr_assert_str_eq(minute(MINUTES - 1), "40");
    alerts_value(&a, 7261, TEMP, 35.5f);
    cr_assert_str_eq(minute(MINUTES - 2), "36.65");
}

Test(alert_why, an_escalation_tells_the_hour_again_and_an_update_does_not)
{
    struct vg_rule *rule = low("low", SPO2, 90);

    rule->life.escalate_after_ns = alerts_ns(100);
    rule->life.escalate_to = VG_PRIORITY_HIGH;
    alerts_start(&a);
    alerts_value(&a, 7200, SPO2, 85);
    has("\"hour\"");
    alerts_values(&a, 7201, 99, SPO2, 84);
    cr_assert_str_eq(capture_last(a.c, "phase"), "update");
    lacks("\"hour\"");
    alerts_value(&a, 7301, SPO2, 84);
    cr_assert_str_eq(capture_last(a.c, "phase"), "escalate");
    cr_assert_str_eq(minute(MINUTES - 1), "84");
    lacks("\"window\"");
    lacks("\"delays\"");
}

/* ---- restarts ---- */

static void live(int from, int to)
{
    for (int s = from; s < to; s += 20)
        alerts_value(&a, 7000 + s, SPO2, s / 200 % 3 == 2 ? (float)(88 - s % 7) : 96);
}

/* Goes on in a stage that was just started. */
static void restart(void)
{
    struct capture *after = capture_new(a.c->stage);

    after->plan.site = &a.site;
    capture_start(after);
    capture_restore(after, a.c);
    capture_free(a.c);
    a.c = after;
}

/* What is told from second 460 on, in the middle of an episode. */
static const char *second_half(bool restarts)
{
    low("low", SPO2, 90)->for_ns = alerts_ns(30);
    alerts_start(&a);
    live(0, 460);
    if (restarts)
        restart();
    capture_clear(a.c);
    live(460, 2000);
    return capture_text(a.c);
}

Test(alert_why, a_restart_in_the_middle_of_an_episode_changes_no_byte)
{
    char *whole = strdup(second_half(false));

    alerts_done(&a);
    alerts_init(&a);
    cr_assert_gt(strlen(whole), 1000);
    cr_assert_str_eq(second_half(true), whole);
    free(whole);
}
