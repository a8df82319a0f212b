/* test_alert.c - what holds for all rules: which are watched, in which order, acknowledging, and
 * that an episode depends on its patient's rows alone.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

static struct vg_rule *limit(struct alerts *to, const char *name, int channel, float below)
{
    struct vg_rule *rule = alerts_rule(to, name, VG_RULE_LIMIT, channel);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = below };
    return rule;
}

TestSuite(alert, .init = setup, .fini = teardown, .timeout = 10);

/* ---- which rules ---- */

Test(alert, only_the_listed_rules_are_watched)
{
    limit(&a, "spo2_low", SPO2, 90);
    limit(&a, "hr_low", HR, 50);
    capture_option(a.c, "rules", NULL, "hr_low");
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    alerts_value(&a, 1, HR, 40);
    expect("1 start hr_low\n");
}

Test(alert, a_rule_that_does_not_exist_is_refused_with_a_near_miss)
{
    limit(&a, "spo2_low", SPO2, 90);
    capture_option(a.c, "rules", NULL, "spo2_lwo");
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    cr_assert_str_eq(a.c->err.option, "rules");
    cr_assert_str_eq(a.c->err.msg, "there is no rule \"spo2_lwo\" in alert_rules; "
                                   "did you mean \"spo2_low\"?");
}

Test(alert, events_of_one_row_come_in_the_order_of_the_file)
{
    struct capture_row r = capture_row("p-1", 0);

    limit(&a, "first", SPO2, 90);
    limit(&a, "second", HR, 50);
    limit(&a, "third", SPO2, 85);
    capture_option(a.c, "rules", NULL, "third");
    capture_option(a.c, "rules", NULL, "second");
    capture_option(a.c, "rules", NULL, "first");
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    capture_value(&r, HR, 40);
    capture_send(a.c, &r);
    expect("0 start first\n0 start second\n0 start third\n");
}

Test(alert, events_of_one_timer_come_in_the_order_of_the_file)
{
    struct capture_row r = capture_row("p-1", 0);

    limit(&a, "first", SPO2, 90)->for_ns = alerts_ns(5);
    limit(&a, "second", HR, 50)->for_ns = alerts_ns(5);
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    capture_value(&r, HR, 40);
    capture_send(a.c, &r);
    alerts_clock(&a, 6);
    expect("5 start first\n5 start second\n");
}

Test(alert, a_timer_takes_the_earliest_of_many_and_loses_none)
{
    struct capture_row r = capture_row("p-1", 0);

    limit(&a, "late", SPO2, 90)->for_ns = alerts_ns(9);
    limit(&a, "early", HR, 50)->for_ns = alerts_ns(3);
    limit(&a, "middle", SPO2, 85)->for_ns = alerts_ns(6);
    alerts_start(&a);
    capture_value(&r, SPO2, 80);
    capture_value(&r, HR, 40);
    capture_send(a.c, &r);
    alerts_clock(&a, 9.5);
    expect("3 start early\n6 start middle\n9 start late\n");
}

Test(alert, memory_stays_within_its_share)
{
    for (int i = 0; i < ALERTS_RULES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "rule_%d", i);
        limit(&a, name, SPO2, 90);
    }
    alerts_start(&a);
    cr_assert_leq(a.c->plan.memory_size, 4096);
}

Test(alert, a_title_that_was_not_given_is_the_name)
{
    limit(&a, "spo2_low", SPO2, 90)->title[0] = '\0';
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 80);
    cr_assert_str_eq(capture_last(a.c, "title"), "spo2_low");
}

/* ---- acknowledge ---- */

struct acknowledge_item {
    struct vg_item_command command;
    struct vg_acknowledge payload;
};

static void acknowledge(double s, const uint8_t id[16], const char *by)
{
    struct acknowledge_item item = { .command = { .kind = VG_COMMAND_ACKNOWLEDGE,
                                                  .size = sizeof(struct vg_acknowledge) } };
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    cr_assert_eq(offsetof(struct acknowledge_item, payload), sizeof(item.command),
                 "the payload follows the command");
    memcpy(item.payload.episode_id, id, sizeof(item.payload.episode_id));
    snprintf(item.payload.by, sizeof(item.payload.by), "%s", by);
    r.kind = VG_ROW_COMMAND;
    r.command = &item.command;
    capture_send(a.c, &r);
}

Test(alert, an_open_episode_is_acknowledged_once)
{
    uint8_t id[16];

    limit(&a, "spo2_low", SPO2, 90);
    limit(&a, "spo2_very_low", SPO2, 85);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    memcpy(id, a.c->episode_id, sizeof(id));
    alerts_value(&a, 1, SPO2, 80);
    acknowledge(2, id, "nurse-12");
    expect("0 start spo2_low\n1 start spo2_very_low\n2 acknowledge spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "acknowledged_by"), "nurse-12");
    cr_assert_str_eq(capture_last(a.c, "onset"), "1970-01-01T00:00:00.000Z");
    cr_assert_str_eq(capture_last(a.c, "offset"), "0");
    acknowledge(3, id, "nurse-13");
    expect("0 start spo2_low\n1 start spo2_very_low\n2 acknowledge spo2_low\n");
    alerts_value(&a, 4, SPO2, 95);
    alerts_value(&a, 5, SPO2, 86);
    memcpy(id, a.c->episode_id, sizeof(id));
    acknowledge(6, id, "nurse-12");
    cr_assert_str_eq(capture_last(a.c, "phase"), "acknowledge");
}

Test(alert, what_is_not_open_cannot_be_acknowledged)
{
    uint8_t id[16] = { 0 };

    limit(&a, "spo2_low", SPO2, 90)->for_ns = alerts_ns(10);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    acknowledge(1, id, "nurse-12");
    alerts_value(&a, 10, SPO2, 86);
    memcpy(id, a.c->episode_id, sizeof(id));
    alerts_value(&a, 11, SPO2, 96);
    acknowledge(12, id, "nurse-12");
    expect("10 start spo2_low\n11 end spo2_low\n");
}

Test(alert, an_acknowledgement_does_not_disturb_what_is_armed)
{
    uint8_t id[16];

    limit(&a, "spo2_low", SPO2, 90);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    memcpy(id, a.c->episode_id, sizeof(id));
    acknowledge(2, id, "nurse-12");
    alerts_clock(&a, 20);
    expect("0 start spo2_low\n2 acknowledge spo2_low\n10 update spo2_low data_lost\n");
}

/* ---- another configuration ---- */

struct config_item {
    struct vg_item_command command;
    struct vg_open_episode payload;
};

/* `open` NULL: that was all. */
static void config(double s, const struct vg_open_episode *open)
{
    struct config_item item = { .command = { .kind = VG_COMMAND_CONFIG } };
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    cr_assert_eq(offsetof(struct config_item, payload), sizeof(item.command));
    if (open) {
        item.command.size = sizeof(*open);
        item.payload = *open;
    }
    r.kind = VG_ROW_COMMAND;
    r.command = &item.command;
    capture_send(a.c, &r);
}

Test(alert, an_episode_that_is_still_open_goes_on_counting_where_subscribers_are)
{
    struct vg_open_episode open = { .number = 4 };

    limit(&a, "spo2_low", SPO2, 90);
    alerts_start(&a);
    alerts_value(&a, 0, SPO2, 86);
    memcpy(open.episode_id, a.c->episode_id, sizeof(open.episode_id));
    config(1, &open);
    config(1, NULL);
    expect("0 start spo2_low\n");
    alerts_value(&a, 2, SPO2, 96);
    expect("0 start spo2_low\n2 end spo2_low\n");
    cr_assert_str_eq(capture_last(a.c, "event_id") + 32, ".5");
}

Test(alert, an_episode_that_no_longer_exists_ends_because_of_the_configuration)
{
    const struct vg_open_episode open = {
        .episode_id = { 1 },
        .number = 2,
        .kind = VG_ALERT_PHYSIOLOGICAL,
        .priority = VG_PRIORITY_HIGH,
        .offset = 17,
        .onset_ns = 0,
        .channel = SPO2,
        .rule = "old_rule",
        .title = "Title of the old rule",
    };

    alerts_start(&a);
    config(1, &open);
    expect("1 end old_rule config\n");
    cr_assert_str_eq(capture_last(a.c, "event_id") + 32, ".3");
    cr_assert_str_eq(capture_last(a.c, "offset"), "17");
    cr_assert_str_eq(capture_last(a.c, "priority"), "high");
}

Test(alert, an_episode_that_subscribers_do_not_know_is_told_as_a_start)
{
    limit(&a, "spo2_low", SPO2, 90);
    alerts_rule(&a, "hr_stale", VG_RULE_STALE, HR)->longer_than_ns = alerts_ns(5);
    alerts_start(&a);
    alerts_value(&a, 0, HR, 80);
    alerts_values(&a, 1, 8, SPO2, 86);
    alerts_values(&a, 9, 3, SPO2, 85);
    expect("1 start spo2_low\n5 start hr_stale\n");
    capture_clear(a.c);
    config(12, NULL);
    expect("12 start spo2_low\n12 start hr_stale\n");
    cr_assert_str_eq(capture_last(a.c, "event_id") + 32, ".0");
    config(13, NULL); /* a second change, and nothing was confirmed: told again */
    expect("12 start spo2_low\n12 start hr_stale\n13 start spo2_low\n13 start hr_stale\n");
}

/* ---- depending on nothing else ---- */

static void all_rules(struct alerts *to)
{
    struct vg_rule *rule;

    alerts_spo2_low(to)->update_every_ns = alerts_ns(7);
    rule = limit(to, "hr_low", HR, 50);
    rule->for_ns = alerts_ns(3);
    rule->clear_for_ns = alerts_ns(4);
    alerts_rule(to, "spo2_stale", VG_RULE_STALE, SPO2)->longer_than_ns = alerts_ns(12);
    alerts_rule(to, "no_data", VG_RULE_STALE, VG_CHANNEL_NONE)->longer_than_ns = alerts_ns(15);
    alerts_start(to);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* A ward that gets into every state: values that wander, gaps, probes off, wrong clocks. */
static void wander(struct alerts *to, const char *patient, uint32_t seed, int from, int until)
{
    uint32_t state = seed;

    for (int i = 0; i < until; i++) {
        uint32_t r = next_random(&state);
        struct capture_row row = capture_row(patient, alerts_ns(i * 0.5));

        row.offset = i;
        if (r % 61 < 3)
            capture_quality(&row, SPO2, VG_Q_INVALID, VG_REASON_PROBE_OFF);
        else if (r % 7)
            capture_value(&row, SPO2, 82 + (float)((i / 60 + r % 3) % 16));
        if (r % 5 == 0)
            capture_quality(&row, HR, VG_Q_MISSING, VG_REASON_NONE);
        else
            capture_value(&row, HR, 44 + (float)((i / 40 + r % 2) % 12));
        row.flags = r % 97 == 0 ? VG_ROW_LATE | VG_ROW_BEHIND : 0;
        if (i % 200 > 150 || i < from)
            continue; /* silence, or before our part */
        capture_send(to->c, &row);
    }
}

Test(alert, memory_copied_to_a_fresh_stage_goes_on_as_if_nothing_had_been)
{
    all_rules(&a);
    wander(&a, "p-1", 1, 0, 1500);
    cr_assert_gt(a.c->event_count, 60, "%u", a.c->event_count);
    for (int cut = 100; cut < 1500; cut += 173) {
        struct alerts before, after;

        alerts_init(&before);
        alerts_init(&after);
        all_rules(&before);
        all_rules(&after);
        wander(&before, "p-1", 1, 0, cut);
        capture_restore(after.c, before.c);
        wander(&after, "p-1", 1, cut, 1500);
        vg_buf_str(&before.c->out, capture_text(after.c));
        cr_assert_str_eq(capture_text(before.c), capture_text(a.c), "cut at row %d", cut);
        alerts_done(&before);
        alerts_done(&after);
    }
}

struct poison_row {
    float poison;
};

ParameterizedTestParameters(alert, what_lies_under_unusable_values_is_not_read)
{
    static struct poison_row rows[] = { { NAN }, { 1e30f }, { -1e30f }, { INFINITY } };

    return cr_make_param_array(struct poison_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct poison_row *row, alert, what_lies_under_unusable_values_is_not_read)
{
    struct alerts poisoned;

    alerts_init(&poisoned);
    all_rules(&a);
    all_rules(&poisoned);
    capture_poison(poisoned.c, row->poison);
    wander(&a, "p-1", 1, 0, 1500);
    wander(&poisoned, "p-1", 1, 0, 1500);
    cr_assert_str_eq(capture_text(poisoned.c), capture_text(a.c));
    alerts_done(&poisoned);
}

/* The lines about one patient. */
static struct vg_buf only(const char *text, const char *patient)
{
    struct vg_buf b = VG_BUF_INIT;
    char key[96];

    snprintf(key, sizeof(key), "\"patient\":\"%s\"", patient);
    vg_buf_str(&b, "");
    while (*text) {
        size_t n = strcspn(text, "\n") + 1;

        if (memmem(text, n, key, strlen(key)))
            vg_buf_add(&b, text, n);
        text += n;
    }
    return b;
}

Test(alert, patients_do_not_influence_each_other)
{
    struct alerts alone;
    struct vg_buf mixed, single;
    uint32_t state = 7;

    alerts_init(&alone);
    all_rules(&a);
    all_rules(&alone);
    for (int i = 0; i < 1200; i++) {
        struct capture_row mine = capture_row("p-1", alerts_ns(i));
        struct capture_row other = capture_row("p-0", alerts_ns(i));

        mine.offset = other.offset = i;
        if (i % 90 < 60) {
            capture_value(&mine, SPO2, 84 + (float)(i / 25 % 14));
            capture_send(alone.c, &mine);
            capture_send(a.c, &mine);
        }
        capture_value(&other, SPO2, 80 + (float)(next_random(&state) % 20));
        capture_send(a.c, &other);
        alerts_clock(&alone, i);
    }
    mixed = only(capture_text(a.c), "p-1");
    single = only(capture_text(alone.c), "p-1");
    cr_assert_gt(alone.c->event_count, 30);
    cr_assert_str_eq(mixed.data, single.data);
    vg_buf_done(&mixed);
    vg_buf_done(&single);
    alerts_done(&alone);
}

Test(alert, time_may_pass_in_any_steps)
{
    struct alerts stepped;

    alerts_init(&stepped);
    all_rules(&a);
    all_rules(&stepped);
    for (int i = 0; i < 2000; i++) {
        struct capture_row r = capture_row("p-1", alerts_ns(i * 0.5));

        r.offset = i;
        if (i % 170 >= 100)
            continue;
        capture_value(&r, SPO2, 84 + (float)(i / 30 % 14));
        capture_value(&r, HR, 46 + (float)(i / 17 % 9));
        for (int step = 0; step < 5; step++)
            alerts_clock(&stepped, i * 0.5 - 0.4 + step * 0.1);
        capture_send(a.c, &r);
        capture_send(stepped.c, &r);
    }
    cr_assert_gt(a.c->event_count, 50, "%u", a.c->event_count);
    cr_assert_str_eq(capture_text(stepped.c), capture_text(a.c));
    alerts_done(&stepped);
}
