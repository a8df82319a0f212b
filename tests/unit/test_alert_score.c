/* test_alert_score.c - rules about scores: when they start and end, what is missing, and what is said.
 *
 * The score is NEWS2 as shipped: medians over 5 min, a cuff for 1 h, temperature and what nurses note
 * for 4 h.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "runtime/score_file.h"
#include "stages/alert_watch.h"
#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, MINUTE = 60, HOUR = 3600, NOON = 12 * HOUR };

static struct alerts a;
static struct vg_site_score news2;
static bool has[2];

static void setup(void)
{
    struct vg_buf said = VG_BUF_INIT;
    struct vg_err err = { 0 };

    alerts_init(&a);
    cr_assert_eq(vg_score_read(VG_SOURCE_ROOT "/configs/scores/news2.yaml", "news2", &news2.score,
                               &said, &err),
                 VG_OK, "%s", said.data);
    has[0] = has[1] = true;
    news2.profile = has;
    a.site.scores = &news2;
    a.site.scores_n = 1;
    vg_buf_done(&said);
}

static void teardown(void)
{
    alerts_done(&a);
    vg_score_done(&news2.score);
}

TestSuite(alert_score, .init = setup, .fini = teardown, .timeout = 30);

static struct vg_rule *add_rule(const char *name, int points, bool single)
{
    struct vg_rule *rule = alerts_rule(&a, name, VG_RULE_SCORE, VG_CHANNEL_NONE);

    rule->kind = VG_ALERT_PHYSIOLOGICAL;
    rule->bound = (struct vg_bound){ VG_BOUND_FIXED, .above = true, (float)points - 0.5f };
    rule->single = single;
    return rule;
}

/* A row of p-1 at `s` after noon, by pairs of channel and value, up to a negative channel. */
struct pair {
    int channel;
    float value;
};

static struct capture_row make_row(double s, const struct pair *pairs)
{
    struct capture_row r = capture_row("p-1", alerts_ns(NOON + s));

    for (; pairs->channel >= 0; pairs++)
        capture_value(&r, pairs->channel, pairs->value);
    return r;
}

static void send(double s, const struct pair *pairs)
{
    struct capture_row r = make_row(s, pairs);

    capture_send(a.c, &r);
}

/* One each second from `s` on. */
static void send_for(double s, uint32_t n, const struct pair *pairs)
{
    for (uint32_t i = 0; i < n; i++)
        send(s + i, pairs);
}

#define ROW(...)          \
    (const struct pair[]) \
    {                     \
        __VA_ARGS__,      \
        {                 \
            -1, 0         \
        }                 \
    }
#define NOTED                                          \
    { VG_CHANNEL_acvpu, 0 }, { VG_CHANNEL_oxygen, 0 }, \
    {                                                  \
        VG_CHANNEL_temp, 37                            \
    }
#define STEADY                  \
    { VG_CHANNEL_rr, 15 },      \
    {                           \
        VG_CHANNEL_abp_sys, 120 \
    }

/* Events in short, with seconds after noon. */
static void expect(const char *brief)
{
    char all[2048] = "", *to = all;
    const char *line = alerts_brief(&a);

    while (*line) {
        int at = 0, n = 0;
        double s = 0;

        cr_assert_eq(sscanf(line, "%lf%n", &s, &at), 1);
        to += sprintf(to, "%g%.*s\n%n", s - NOON, (int)strcspn(line + at, "\n"), line + at, &n);
        line += strcspn(line, "\n") + 1;
    }
    cr_assert_str_eq(all, brief, "%s", all);
}

static void expect_text(const char *text)
{
    cr_assert_str_eq(capture_last(a.c, "text"), text, "%s", capture_last(a.c, "text"));
}

static void expect_json(const char *part)
{
    cr_assert(strstr(capture_text(a.c), part), "%s", capture_text(a.c));
}

/* ---- start ---- */

Test(alert_score, a_total_that_is_reached_starts_it_and_says_what_adds_most)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW(NOTED, STEADY, { HR, 91 }, { SPO2, 93 })); /* 1 + 2 */
    expect("");
    send(20, ROW(NOTED, { VG_CHANNEL_rr, 23 }, { HR, 91 }, { SPO2, 93 }));
    expect(""); /* the median of 15 and 23 is 19 */
    send(40, ROW(NOTED, { VG_CHANNEL_rr, 23 }, { HR, 91 }, { SPO2, 93 })); /* 2 + 1 + 2 */
    expect("40 start urgent\n");
    expect_text("NEWS2 5: Respiration rate 23 /min (2), SpO2 93 % (2), Pulse 91 /min (1)");
    expect_json("\"score\":{\"name\":\"news2\",\"total\":5,\"lowest\":5,\"highest\":5,\"known\":7,"
                "\"of\":7,\"parts\":[{\"channel\":\"rr\",\"value\":23,\"points\":2,\"age_s\":0},"
                "{\"channel\":\"spo2\",\"value\":93,\"points\":2,\"age_s\":0},"
                "{\"channel\":\"oxygen\",\"value\":0,\"points\":0,\"age_s\":0},"
                "{\"channel\":\"abp_sys\",\"value\":120,\"points\":0,\"age_s\":40},"
                "{\"channel\":\"hr\",\"value\":91,\"points\":1,\"age_s\":0},"
                "{\"channel\":\"acvpu\",\"value\":\"A\",\"points\":0,\"age_s\":0},"
                "{\"channel\":\"temp\",\"value\":37,\"points\":0,\"age_s\":0}]}");
}

Test(alert_score, what_is_missing_is_not_normal_and_is_said)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_rr, 25 }, { VG_CHANNEL_nibp_sys, 95 }, { HR, 80 }, { SPO2, 97 },
                { VG_CHANNEL_temp, 37 }));
    expect("0 start urgent\n");
    expect_text("NEWS2 at least 5 (partial 5 of 7, up to 10): Respiration rate 25 /min (3), "
                "Systolic blood pressure 95 mmHg (2)");
    expect_json("\"total\":5,\"lowest\":5,\"highest\":10,\"known\":5,\"of\":7");
    expect_json("{\"channel\":\"oxygen\"},{\"channel\":\"nibp_sys\",\"value\":95,\"points\":2,"
                "\"age_s\":0}");
    expect_json("{\"channel\":\"acvpu\"}");
}

Test(alert_score, three_in_a_single_parameter_is_a_level_of_its_own)
{
    add_rule("single", 3, true);
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW(NOTED, STEADY, { HR, 80 }, { SPO2, 92 })); /* 2 + 0 */
    expect("");
    send(0, ROW({ VG_CHANNEL_acvpu, 2 }));
    expect("0 start single\n0 start urgent\n");
    expect_text("NEWS2 5: Consciousness V (3), SpO2 92 % (2)");
}

Test(alert_score, a_category_counts_at_once_and_the_newest_one)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_acvpu, 4 }, { VG_CHANNEL_oxygen, 2 }));
    expect("0 start urgent\n");
    send(1, ROW({ VG_CHANNEL_acvpu, 0 }));
    expect("0 start urgent\n1 end urgent\n");
    expect_text("NEWS2 at least 2 (partial 2 of 7, up to 17), no longer 5 or more");
}

Test(alert_score, oxygen_by_fio2_is_oxygen)
{
    add_rule("any", 2, false);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_oxygen, 0 }));
    expect("");
    send(1, ROW({ VG_CHANNEL_fio2, 30 }));
    expect("1 start any\n");
}

Test(alert_score, for_is_over_by_a_timer_too)
{
    add_rule("urgent", 5, false)->for_ns = alerts_ns(120);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_acvpu, 4 }, { VG_CHANNEL_oxygen, 2 }));
    alerts_clock(&a, NOON + 119);
    expect("");
    alerts_clock(&a, NOON + 121);
    expect("120 start urgent\n");
    expect_text("NEWS2 at least 5 (partial 2 of 7, up to 20): Consciousness U (3), "
                "Air or oxygen 2 L/min (2)");
}

/* ---- medians ---- */

Test(alert_score, an_artefact_shorter_than_half_of_the_window_changes_nothing)
{
    add_rule("single", 3, true);
    alerts_start(&a);
    send_for(0, 300, ROW({ SPO2, 97 }));
    send_for(300, 120, ROW({ SPO2, 70 }));
    send_for(420, 300, ROW({ SPO2, 97 }));
    expect("");
}

Test(alert_score, what_lasts_for_more_than_half_of_the_window_counts)
{
    add_rule("single", 3, true);
    alerts_start(&a);
    send_for(0, 300, ROW({ SPO2, 97 }));
    send_for(300, 200, ROW({ SPO2, 90 }));
    expect("440 start single\n"); /* seven parts of 20 s, and the eighth has begun */
    send_for(500, 200, ROW({ SPO2, 97 }));
    expect("440 start single\n640 end single\n");
}

Test(alert_score, the_window_ends_with_the_newest_value)
{
    add_rule("single", 3, true);
    alerts_start(&a);
    send_for(0, 300, ROW({ SPO2, 97 }));
    send(2 * HOUR, ROW({ SPO2, 90 }));
    expect("7200 start single\n");
    expect_json("\"value\":90");
}

Test(alert_score, values_are_rounded_before_the_median_is_taken)
{
    add_rule("temperature", 1, true);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_temp, 38.04f })); /* 38.0 */
    expect("");
    send(20, ROW({ VG_CHANNEL_temp, 38.15f })); /* 38.2; halfway between them: 38.1 */
    expect("20 start temperature\n");
    expect_json("\"value\":38.1");
}

Test(alert_score, late_rows_reach_no_score)
{
    struct capture_row r = make_row(1, ROW({ VG_CHANNEL_acvpu, 4 }, { VG_CHANNEL_oxygen, 2 }));

    add_rule("urgent", 5, false);
    alerts_start(&a);
    r.flags = VG_ROW_LATE;
    capture_send(a.c, &r);
    expect("");
}

Test(alert_score, a_value_that_is_none_changes_nothing)
{
    struct capture_row r = make_row(1, ROW({ SPO2, 97 }));

    add_rule("single", 3, true);
    alerts_start(&a);
    send(0, ROW({ SPO2, 90 }));
    expect("0 start single\n");
    capture_quality(&r, SPO2, VG_Q_INVALID, VG_REASON_RANGE);
    capture_send(a.c, &r);
    expect("0 start single\n");
}

Test(alert_score, a_doubted_value_counts_unless_it_is_disproved)
{
    struct capture_row r = make_row(0, ROW({ SPO2, 80 }));

    add_rule("single", 3, true);
    alerts_start(&a);
    r.quality[SPO2] = VG_Q_SUSPECT;
    r.reason[SPO2] = VG_REASON_MOTION;
    capture_send(a.c, &r);
    expect("");
    r.log_ns += VG_NS_PER_S;
    r.reason[SPO2] = VG_REASON_JUMP;
    capture_send(a.c, &r);
    expect("1 start single\n");
}

/* ---- end ---- */

Test(alert_score, clear_below_keeps_it_until_the_total_is_lower)
{
    struct vg_rule *rule = add_rule("urgent", 5, false);

    rule->clear = (struct vg_bound){ VG_BOUND_FIXED, .above = false, 3.5f }; /* below 4 */
    rule->clear_for_ns = alerts_ns(60);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_acvpu, 4 }, { VG_CHANNEL_oxygen, 2 }, { VG_CHANNEL_gcs, 3 }));
    send(10, ROW({ VG_CHANNEL_oxygen, 0 }, { VG_CHANNEL_nibp_sys, 105 })); /* 4 */
    send(200, ROW({ VG_CHANNEL_nibp_sys, 105 }));
    expect("0 start urgent\n");
    send(210, ROW({ VG_CHANNEL_nibp_sys, 120 }));
    send(269, ROW({ VG_CHANNEL_nibp_sys, 120 }));
    expect("0 start urgent\n");
    send(270, ROW({ VG_CHANNEL_nibp_sys, 120 }));
    expect("0 start urgent\n270 end urgent\n");
}

Test(alert_score, it_does_not_end_because_what_gave_points_is_not_known_any_more)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ SPO2, 90 }, { VG_CHANNEL_oxygen, 2 }));
    expect("0 start urgent\n");
    for (int s = 10; s <= 600; s += 10)
        send(s, ROW({ HR, 70 }));
    expect("0 start urgent\n310 update urgent data_lost\n"); /* 300 s after SpO2, at the next row */
    expect_text("NEWS2 cannot be told: no SpO2; the alert stays active");
    send(700, ROW({ SPO2, 91 }, { HR, 70 }));
    expect("0 start urgent\n310 update urgent data_lost\n700 update urgent data_back\n");
    expect_text("NEWS2 at least 5 (partial 3 of 7, up to 17): SpO2 91 % (3), Air or oxygen 2 L/min "
                "(2); values are back");
    send(720, ROW({ SPO2, 98 }, { HR, 70 }));
    expect("0 start urgent\n310 update urgent data_lost\n700 update urgent data_back\n"
           "720 end urgent\n");
}

Test(alert_score, what_gave_no_points_may_go_missing_at_the_end)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ SPO2, 90 }, { VG_CHANNEL_oxygen, 2 }, { HR, 70 }));
    for (int s = 10; s < 600; s += 10)
        send(s, ROW({ SPO2, 90 }));
    /* The heart rate is from long ago, and could have 3 points now. */
    send(600, ROW({ VG_CHANNEL_oxygen, 0 }));
    expect("0 start urgent\n600 end urgent\n");
    expect_text("NEWS2 at least 3 (partial 2 of 7, up to 18), no longer 5 or more");
}

Test(alert_score, nothing_comes_any_more_and_it_says_so)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ SPO2, 90 }, { VG_CHANNEL_oxygen, 2 }));
    alerts_clock(&a, NOON + 301);
    expect("0 start urgent\n300 update urgent data_lost\n");
}

Test(alert_score, what_nurses_note_expires)
{
    add_rule("single", 3, true);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_acvpu, 3 }));
    for (int s = 60; s <= 4 * HOUR; s += 60)
        send(s, ROW({ HR, 70 }));
    expect("0 start single\n");
    send(4 * HOUR + 60, ROW({ HR, 70 }));
    expect("0 start single\n14460 update single data_lost\n");
}

Test(alert_score, a_worse_total_is_told)
{
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send(0, ROW({ VG_CHANNEL_acvpu, 4 }, { VG_CHANNEL_oxygen, 2 }));
    send(40, ROW({ VG_CHANNEL_nibp_sys, 85 }));
    expect("0 start urgent\n40 update urgent\n");
    expect_text("NEWS2 at least 8 (partial 3 of 7, up to 20): Systolic blood pressure 85 mmHg (3), "
                "Consciousness U (3), Air or oxygen 2 L/min (2)");
}

/* ---- whose it is ---- */

Test(alert_score, patients_of_other_profiles_have_no_score)
{
    struct capture_row r = make_row(0, ROW({ SPO2, 85 }, { VG_CHANNEL_oxygen, 2 }));

    has[1] = false;
    add_rule("urgent", 5, false);
    alerts_start(&a);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_send(a.c, &r);
    expect("");
    r.log_ns += VG_NS_PER_S;
    snprintf(r.bed, sizeof(r.bed), "icu-a/01");
    capture_send(a.c, &r);
    expect("1 start urgent\n");
    r.log_ns += VG_NS_PER_S;
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_send(a.c, &r);
    expect("1 start urgent\n2 update urgent bed\n2 end urgent no_score\n");
    expect_text(
        "NEWS2 at least 5 (partial 2 of 7, up to 20); the score is not for patients of this "
        "profile");
}

Test(alert_score, scale_2_holds_where_the_profile_has_it)
{
    struct capture_row r = make_row(0, ROW({ SPO2, 90 }, { VG_CHANNEL_oxygen, 2 }));

    a.profile[1].spo2_scale = 2;
    add_rule("urgent", 5, false);
    alerts_start(&a);
    snprintf(r.bed, sizeof(r.bed), "icu-a/02");
    capture_send(a.c, &r);
    expect("");
    capture_value(&r, SPO2, 97);
    r.log_ns += 600 * VG_NS_PER_S;
    capture_send(a.c, &r);
    expect("600 start urgent\n");
    expect_json("\"spo2_scale\":2");
}

/* ---- memory ---- */

static size_t memory_with(int rules)
{
    size_t ret;

    alerts_done(&a);
    alerts_init(&a);
    a.site.scores = &news2;
    a.site.scores_n = 1;
    for (int i = 0; i < rules; i++)
        add_rule(i == 0 ? "single" : i == 1 ? "urgent" : "emergency", 3 + i, i == 0);
    cr_assert_eq(capture_plan(a.c), VG_OK);
    ret = a.c->plan.memory_size;
    return ret;
}

Test(alert_score, rules_about_one_score_share_what_they_have_seen)
{
    size_t none = memory_with(0), one = memory_with(1), two = memory_with(2);
    size_t three = memory_with(3);

    /* Six channels of NEWS2 have a window of 40 bytes, and three that people note a value, once. */
    cr_assert_eq(one - none, two - one + 6 * 40 + 3 * sizeof(struct vg_noted));
    cr_assert_eq(three - two, two - one);
    cr_assert_leq(two - one, 100);
}

Test(alert_score, a_restart_in_the_middle_changes_nothing)
{
    struct alerts whole;

    add_rule("single", 3, true);
    add_rule("urgent", 5, false);
    alerts_start(&a);
    send_for(0, 300, ROW({ SPO2, 97 }, { VG_CHANNEL_rr, 15 }));
    send_for(300, 100, ROW({ SPO2, 90 }, { VG_CHANNEL_rr, 22 }));
    whole = a;
    alerts_init(&a);
    a.site.scores = &news2;
    a.site.scores_n = 1;
    add_rule("single", 3, true);
    add_rule("urgent", 5, false);
    alerts_start(&a);
    capture_restore(a.c, whole.c);
    send_for(400, 400, ROW({ SPO2, 90 }, { VG_CHANNEL_rr, 22 }));
    expect("440 start single\n440 start urgent\n");
    capture_free(whole.c);
    vg_buf_done(&whole.brief);
}
