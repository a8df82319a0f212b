/* test_config_tests.c - tests inside configurations: what passes, what fails, and what is said.
 *
 * The chain is a small one of real stages; the texts compared are those that people read.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config_test.h"

static const char head[] =
    "version: 1\n"
    "service: {name: t}\n"
    "source: {type: kafka, brokers: \"localhost:1\", topic: t, start: earliest}\n"
    "stages: [{type: clean}, {type: alert}]\n"
    "wards: {icu: {beds: {\"1\": {profile: adult}, \"2\": {profile: copd}}}}\n"
    "profiles:\n"
    "  adult: {spo2: {low: \"90 %\"}}\n"
    "  copd: {spo2: {low: \"85 %\"}}\n"
    "alert_rules:\n"
    "  low: {priority: high, when: {channel: spo2, below: profile.low}, for: 10s}\n"
    "  fast: {priority: medium, when: {channel: hr, above: \"130 /min\"}}\n"
    "  silent: {priority: low, when: {stale: any, longer_than: 30s}}\n"
    "sinks: {out: {type: console}}\n"
    "tests:\n"
    "  - name: one\n";

static struct vg_config *config;
static struct vg_test_outcome outcome;

/* Runs the one test, whose keys are `body`, indented by four. */
static void run(const char *body)
{
    char path[] = "/tmp/vigil-test-XXXXXX";
    struct vg_buf text = VG_BUF_INIT, said = VG_BUF_INIT;
    struct vg_err err;
    int fd = mkstemp(path);

    vg_buf_printf(&text, "%s%s", head, body);
    cr_assert(fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len);
    close(fd);
    cr_assert_eq(vg_config_load(path, &config, &said, &err), VG_OK, "%s", said.data);
    unlink(path);
    cr_assert_eq(config->tests_n, 1);
    cr_assert_eq(vg_config_test_run(config, &config->tests[0], &outcome, &err), VG_OK, "%s",
                 err.msg);
    vg_buf_done(&text);
    vg_buf_done(&said);
}

static void tidy(void)
{
    vg_test_outcome_done(&outcome);
    vg_config_free(config);
}

TestSuite(config_tests, .fini = tidy);

/* The line with `mark` whose text and reason begin so. */
static void expect_line(char mark, int64_t at_s, const char *text, const char *why)
{
    for (uint32_t i = 0; i < outcome.lines; i++) {
        const struct vg_test_line *l = &outcome.line[i];

        if (l->mark == mark && l->at_ns == at_s * VG_NS_PER_S &&
            strncmp(l->text, text, strlen(text)) == 0 &&
            (!why || (l->why && strcmp(l->why, why) == 0)))
            return;
    }
    for (uint32_t i = 0; i < outcome.lines; i++)
        fprintf(stderr, "%c %lld %s | %s\n", outcome.line[i].mark,
                (long long)(outcome.line[i].at_ns / VG_NS_PER_S), outcome.line[i].text,
                outcome.line[i].why ? outcome.line[i].why : "");
    cr_assert_fail("no line %c %lld %s | %s", mark, (long long)at_s, text, why ? why : "");
}

#define LOW                                                                                    \
    "    input: [{at: 0s, count: 20, values: {spo2: 86}}, {at: 20s, count: 9, values: {spo2: " \
    "97}}]\n"

Test(config_tests, what_comes_as_expected_passes)
{
    run(LOW "    expect:\n"
            "      - {at: 10s, rule: low, priority: high, onset: 0s, limit: {low: 90}, text: "
            "\"SpO2*\"}\n"
            "      - {at: 20s, rule: low, event: end, forecast: ~, patient: p-1}\n"
            "    expect_none: others\n"
            "    at_end: []\n");
    cr_assert_eq(outcome.failures, 0);
    cr_assert_eq(outcome.lines, 2, "a start and an end, and no update");
}

Test(config_tests, a_wrong_time_is_explained_by_the_event_that_came)
{
    run(LOW "    expect: [{at: 8s, tolerance: 1s, rule: low}]\n");
    cr_assert_eq(outcome.failures, 2);
    expect_line('-', 8, "low", "start came at 10s, expected 8s ±1s");
    expect_line('+', 10, "low", NULL);
    cr_assert_eq(outcome.line[0].line, 17);
}

Test(config_tests, a_wrong_member_is_explained_by_what_it_is)
{
    run(LOW "    expect: [{at: 10s, rule: low, priority: low, limit: {low: 85, high: 1}}]\n");
    expect_line('-', 10, "low",
                "priority is \"high\", expected low; limit.low is 90, expected 85; limit.high is "
                "absent, expected 1");
}

Test(config_tests, a_rule_that_is_silent_is_said_to_be)
{
    run(LOW "    expect: [{at: 10s, rule: fast}, {at: 11s, rule: low, event: acknowledge}]\n");
    expect_line('-', 10, "fast", "fast said nothing at all");
    expect_line('-', 11, "low", "all that it said: start at 10s, end at 20s");
}

Test(config_tests, a_second_start_is_too_much_for_a_test_that_expects_one)
{
    run("    input:\n"
        "      - {at: 0s, count: 12, values: {spo2: 86}}\n"
        "      - {at: 12s, count: 5, values: {spo2: 97}}\n"
        "      - {at: 17s, count: 12, values: {spo2: 86}}\n"
        "    expect: [{at: 10s, rule: low}]\n");
    cr_assert_eq(outcome.failures, 1);
    expect_line('+', 27, "low", NULL);
}

Test(config_tests, a_rule_that_must_be_silent_and_is_not_fails)
{
    run(LOW "    expect_none: [low]\n");
    cr_assert_eq(outcome.failures, 2);
    expect_line('+', 10, "low", NULL);
    expect_line('+', 20, "low", NULL);
}

Test(config_tests, what_is_open_at_the_end_is_compared_both_ways)
{
    run("    input: [{at: 0s, count: 20, values: {spo2: 86}}]\n"
        "    at_end: [fast]\n");
    cr_assert_eq(outcome.failures, 2);
    expect_line('-', 19, "fast", NULL);
    expect_line('+', 19, "low", NULL);
}

Test(config_tests, time_goes_on_without_rows_up_to_the_end)
{
    run("    input: [{at: 0s, count: 1, values: {spo2: 97}}]\n"
        "    expect: [{at: 30s, rule: silent}]\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, a_profile_gives_its_limits_and_a_bed_those_of_its_own)
{
    run("    profile: copd\n"
        "    input:\n"
        "      - {at: 0s, count: 20, values: {spo2: 86}}\n"
        "      - {at: 0s, count: 20, patient: p-2, bed: icu/1, values: {spo2: 86}}\n"
        "    expect: [{at: 10s, rule: low, patient: p-2, limit: {origin: profile adult}}]\n");
    cr_assert_eq(outcome.failures, 0);
    cr_assert_eq(config->site.beds_n, 2, "the bed of the test is gone again");
}

Test(config_tests, ramps_lists_units_and_words_become_values)
{
    const struct vg_test_series *s;
    struct vg_test_value v;

    run("    input:\n"
        "      - at: 0s\n"
        "        count: 5\n"
        "        values: {spo2: {from: 97, to: 89}, hr: [80, missing], temp: \"98.6 [degF]\",\n"
        "                 rr: suspect 14, etco2: [invalid, none]}\n"
        "    expect_none: others\n");
    cr_assert_eq(outcome.failures, 0);
    s = config->tests[0].input[0].series;
    cr_assert_float_eq(vg_test_series_at(&s[0], 0, 5).value, 97.0f, 0);
    cr_assert_float_eq(vg_test_series_at(&s[0], 2, 5).value, 93.0f, 0);
    cr_assert_float_eq(vg_test_series_at(&s[0], 4, 5).value, 89.0f, 0);
    cr_assert_eq(vg_test_series_at(&s[1], 3, 5).quality, VG_Q_MISSING);
    cr_assert_float_eq(vg_test_series_at(&s[1], 4, 5).value, 80.0f, 0);
    cr_assert_float_eq(vg_test_series_at(&s[2], 0, 5).value, 37.0f, 1e-5f);
    v = vg_test_series_at(&s[3], 0, 5);
    cr_assert(v.quality == VG_Q_SUSPECT && v.value == 14.0f);
    cr_assert_eq(vg_test_series_at(&s[4], 0, 5).quality, VG_Q_INVALID);
    cr_assert_eq(vg_test_series_at(&s[4], 1, 5).quality, VG_Q_ABSENT);
}

Test(config_tests, somebody_acknowledges_what_is_open_and_only_that)
{
    run(LOW "    commands:\n"
            "      - {at: 25s, acknowledge: low}\n"
            "      - {at: 12s, acknowledge: low, by: nurse 7}\n"
            "    expect: [{at: 12s, rule: low, event: acknowledge, acknowledged_by: nurse 7}]\n");
    cr_assert_eq(outcome.failures, 1);
    expect_line('-', 25, "acknowledge", "no episode of low is open");
}

Test(config_tests, an_order_that_is_refused_says_why_and_may_be_expected)
{
    run(LOW "    commands:\n"
            "      - {at: 12s, snooze: low, for: 3m}\n"
            "      - {at: 13s, snooze: low, for: 3m, answer: not_allowed}\n"
            "      - {at: 14s, snooze: low, for: 1m, answer: not_allowed}\n"
            "    expect: [{at: 14s, rule: low, event: update, reason: snoozed, by: test}]\n");
    cr_assert_eq(outcome.failures, 2);
    expect_line('-', 12, "snooze",
                "the answer is not_allowed: the audio of a high alert is paused for at most 2 "
                "minutes; acknowledge it instead");
    expect_line('-', 14, "snooze", "it was obeyed, expected not_allowed");
}

Test(config_tests, limits_and_mutes_of_a_patient_hold_for_their_time)
{
    run("    input: [{at: 0s, count: 120, values: {spo2: 88, hr: 140}}]\n"
        "    commands:\n"
        "      - {at: 0s, limit: spo2, low: \"85 %\", for: 1m, note: chronic}\n"
        "      - {at: 5s, mute: fast, for: 30s, note: known}\n"
        "      - {at: 5s, mute: low, for: 30s, note: known, answer: not_allowed}\n"
        "    expect:\n"
        "      - {at: 70s, tolerance: 2s, rule: low, limit: {low: 90}}\n"
        "      - {at: 0s, rule: fast}\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, what_is_held_back_is_not_open)
{
    run("    input: [{at: 0s, count: 20, values: {hr: 140, spo2: 97}}]\n"
        "    commands: [{at: 0s, mute: fast, for: 1m, note: known}]\n"
        "    until: 25s\n"
        "    expect_none: []\n"
        "    at_end: [fast]\n");
    cr_assert_eq(outcome.failures, 0, "the mute came behind the start");
    vg_test_outcome_done(&outcome);
    vg_config_free(config);
    run("    input:\n"
        "      - {at: 0s, count: 5, values: {hr: 80, spo2: 97}}\n"
        "      - {at: 5s, count: 20, values: {hr: 140, spo2: 97}}\n"
        "    commands: [{at: 0s, mute: fast, for: 1m, note: known}]\n"
        "    expect: [{at: 5s, rule: fast, event: update, suppressed_by: mute}]\n"
        "    at_end: []\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, a_patient_who_is_gone_raises_nothing_until_the_next_row)
{
    run("    input:\n"
        "      - {at: 0s, count: 10, values: {spo2: 97}}\n"
        "      - {at: 100s, count: 1, values: {spo2: 97}}\n"
        "    commands: [{at: 12s, discharge: p-1}]\n"
        "    expect_none: [silent]\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, rows_of_one_time_come_before_the_command_of_that_time)
{
    run(LOW "    commands: [{at: 10s, acknowledge: low}]\n"
            "    expect: [{at: 10s, rule: low}, {at: 10s, rule: low, event: acknowledge}]\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, a_star_stands_for_anything_and_nothing_else_does)
{
    run(LOW "    expect: [{at: 10s, rule: low, text: \"*86 %*10 s\", title: \"lo?\"}]\n");
    expect_line('-', 10, "low", "title is \"low\", expected lo?");
}

Test(config_tests, old_and_timeless_rows_are_told_of)
{
    run("    input:\n"
        "      - {at: 0s, count: 20, age: 10m, values: {spo2: 97}}\n"
        "      - {at: 20s, count: 20, age: none, values: {spo2: 97}}\n"
        "    expect: [{at: 0s, rule: device_clock}]\n");
    cr_assert_eq(outcome.failures, 0);
}

Test(config_tests, the_rules_that_start_as_expected_are_covered)
{
    struct vg_test_suite suite = { .outcome = &outcome, .outcomes = 1 };

    run(LOW "    expect: [{at: 10s, rule: low}, {at: 10s, rule: fast}]\n");
    suite.config = config;
    vg_test_suite_cover(&suite);
    cr_assert(suite.started[0] && !suite.started[1] && !suite.started[2]);
    cr_assert_eq(suite.rules_started, 1);
    free(suite.started);
}

/* The names that a test may check are those that events have, and each event keeps their order. */
Test(config_tests, every_member_of_an_event_is_known)
{
    const char *const *place = vg_event_members;
    const char *key;
    json_t *value;

    run(LOW "    expect: [{at: 10s, rule: low}]\n");
    cr_assert_gt(outcome.events, 0);
    json_object_foreach(outcome.event[0].json, key, value)
    {
        while (*place && strcmp(*place, key) != 0)
            place++;
        cr_assert(*place, "%s is not in vg_event_members, or stands elsewhere", key);
    }
}
