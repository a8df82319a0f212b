/* test_alert_stand_in.c - what stands in for a withheld limit lasts as long as the limit would have.
 *
 * An artefact may be followed by the event that it resembled. Nobody is then without an alert while the
 * limit, had nothing been withheld from it, would be open.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "app/random.h"
#include "tests/support/alerts.h"

enum { SPO2 = VG_CHANNEL_spo2, HR = VG_CHANNEL_hr };

static struct alerts a, plain;

/* Below 90 for 10 s; from 93 on for 6 s, and 20 s more. */
static void add_limit(struct alerts *to)
{
    struct vg_rule *rule = alerts_rule(to, "limit", VG_RULE_LIMIT, SPO2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .value = 90 };
    rule->clear = (struct vg_bound){ .origin = VG_BOUND_FIXED, .above = true, .value = 93 };
    rule->for_ns = alerts_ns(10);
    rule->clear_for_ns = alerts_ns(6);
    rule->keep_firing_for_ns = alerts_ns(20);
    rule->priority = VG_PRIORITY_HIGH;
}

static void setup(void)
{
    alerts_init(&a);
    add_limit(&a);
}

static void teardown(void)
{
    alerts_done(&a);
}

TestSuite(alert_stand_in, .init = setup, .fini = teardown, .timeout = 30);

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static void moved(double s, float value)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_value(&r, SPO2, value);
    r.quality[SPO2] = VG_Q_SUSPECT;
    r.reason[SPO2] = VG_REASON_MOTION;
    capture_send(a.c, &r);
}

/* Moved from 0 to 20 at 80 %, and told of at 10. */
static void move_for_20_s(void)
{
    for (int s = 0; s < 20; s++)
        moved(s, 80);
    expect("10 start artefact motion\n");
}

Test(alert_stand_in, lasts_as_long_as_the_off_delay_of_its_limit)
{
    alerts_start(&a);
    move_for_20_s();
    alerts_values(&a, 20, 26, SPO2, 97);
    expect("10 start artefact motion\n");
    cr_assert_eq(a.c->event_count, 1);
    alerts_value(&a, 46, SPO2, 97);
    expect("10 start artefact motion\n46 end artefact\n");
    cr_assert(strstr(capture_last(a.c, "text"), "SpO2: measuring again"), "%s",
              capture_last(a.c, "text"));
}

Test(alert_stand_in, gives_way_to_the_limit_of_the_event_that_follows)
{
    alerts_start(&a);
    move_for_20_s();
    alerts_values(&a, 20, 12, SPO2, 97);
    alerts_values(&a, 32, 10, SPO2, 84);
    expect("10 start artefact motion\n");
    alerts_value(&a, 42, SPO2, 84);
    expect("10 start artefact motion\n42 start limit\n42 end artefact\n");
}

Test(alert_stand_in, counts_anew_what_was_not_clear_for_long_enough)
{
    alerts_start(&a);
    move_for_20_s();
    alerts_values(&a, 20, 3, SPO2, 97);
    alerts_values(&a, 23, 50, SPO2, 91); /* neither beyond nor clear */
    alerts_values(&a, 73, 26, SPO2, 97);
    expect("10 start artefact motion\n");
    alerts_value(&a, 99, SPO2, 97);
    expect("10 start artefact motion\n99 end artefact\n");
}

Test(alert_stand_in, ends_in_time_also_where_another_channel_alone_has_values)
{
    a.rule[0].clear_for_ns = 0;
    a.rule[0].keep_firing_for_ns = alerts_ns(4);
    alerts_start(&a);
    move_for_20_s();
    alerts_value(&a, 20, SPO2, 97);
    alerts_values(&a, 21, 3, HR, 80);
    expect("10 start artefact motion\n");
    alerts_value(&a, 24, HR, 80);
    expect("10 start artefact motion\n24 end artefact\n");
}

Test(alert_stand_in, does_not_end_on_a_value_that_speaks_for_nobody_any_more)
{
    alerts_start(&a);
    move_for_20_s();
    alerts_value(&a, 20, SPO2, 97);
    alerts_values(&a, 21, 100, HR, 80);
    cr_assert_null(strstr(alerts_brief(&a), "end artefact"), "%s", alerts_brief(&a));
}

Test(alert_stand_in, says_what_it_waits_for)
{
    struct vg_rule *rule = alerts_rule(&a, "own", VG_RULE_CONDITION, SPO2);
    struct vg_order mute = { .kind = VG_ORDER_KIND_MUTE, .rule = "own", .for_ns = alerts_ns(21) };

    a.rule[0].priority = VG_PRIORITY_MEDIUM;
    rule->kind = VG_ALERT_TECHNICAL;
    rule->condition = VG_CONDITION_ARTEFACT;
    alerts_start(&a);
    moved(0, 80);
    cr_assert_eq(alerts_order(&a, 1, mute), VG_ANSWER_OK);
    for (int s = 2; s < 20; s++)
        moved(s, 80);
    alerts_values(&a, 20, 4, SPO2, 97); /* the mute is over at 22 */
    cr_assert_str_eq(capture_last(a.c, "phase"), "start");
    cr_assert_str_eq(capture_last(a.c, "text"), "Check patient, then probe: SpO2 97 %: measuring "
                                                "again; goes on as long as its limit would");
}

Test(alert_stand_in, a_restart_changes_nothing)
{
    alerts_start(&a);
    move_for_20_s();
    alerts_values(&a, 20, 3, SPO2, 97);
    alerts_restart(&a);
    alerts_values(&a, 23, 23, SPO2, 97);
    expect("");
    alerts_value(&a, 46, SPO2, 97);
    expect("46 end artefact\n");
}

/* ---- beside a limit from which nothing is withheld ---- */

enum { SECONDS = 4000 };

/* Marks the seconds in which the limit, or what stands in for it, is told. */
static void mark_told(const char *brief, bool *told)
{
    int open = 0, since = 0, at, n;
    char what[16], rule[16];

    for (; sscanf(brief, "%d %15s %15s%*[^\n]\n%n", &at, what, rule, &n) >= 1;
         brief = strchr(brief, '\n') + 1) {
        bool counts = strcmp(rule, "limit") == 0 || strcmp(rule, "artefact") == 0;

        if (counts && strcmp(what, "start") == 0 && open++ == 0)
            since = at;
        if (counts && strcmp(what, "end") == 0 && --open == 0)
            memset(told + since, true, (size_t)(at - since));
    }
    if (open > 0)
        memset(told + since, true, (size_t)(SECONDS - since));
}

Test(alert_stand_in, nobody_is_without_an_alert_while_the_limit_would_be_open)
{
    static const float levels[] = { 80, 80, 91, 97, 97, 97 };
    bool told[SECONDS] = { false }, would[SECONDS] = { false };
    struct vg_random random = vg_random_stream(903, 1);
    int since = 0, artefacts = 0;

    alerts_init(&plain);
    add_limit(&plain);
    alerts_start(&plain);
    alerts_start(&a);
    for (int s = 0; s < SECONDS;) {
        int until = s + 1 + (int)vg_random_uniform(&random, 0, 25);
        float value = levels[vg_random_bits(&random) % VG_ARRAY_LEN(levels)];
        bool moves = vg_random_bits(&random) % 2;

        for (; s < until && s < SECONDS; s++) {
            if (moves)
                moved(s, value);
            else
                alerts_value(&a, s, SPO2, value);
            alerts_value(&plain, s, SPO2, value);
        }
    }
    mark_told(alerts_brief(&a), told);
    mark_told(alerts_brief(&plain), would);
    for (int s = 0; s < SECONDS; s++) {
        since += would[s];
        cr_assert(told[s] || !would[s], "without an alert at %d s:\n%s\nbeside\n%s", s,
                  alerts_brief(&a), alerts_brief(&plain));
    }
    for (const char *at = alerts_brief(&a); (at = strstr(at, "start artefact")); at++)
        artefacts++;
    cr_assert_gt(artefacts, 10);
    cr_assert_gt(since, SECONDS / 10);
    alerts_done(&plain);
}
