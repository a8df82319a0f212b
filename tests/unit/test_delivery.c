/* test_delivery.c - what all sinks have in common, without a sink: waits, filters, and what an instance
 * has to tell.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "runtime/delivery.h"
#include "runtime/notice_log.h"

static struct vg_delivery_options o;
static struct vg_notices n;
static struct vg_notice_log told;
static struct vg_noticed said;
static bool can[4];
static uint32_t shard;

static void setup(void)
{
    vg_options_default(vg_delivery_options, &o);
    vg_notices_init(&n);
    memset(&told, 0, sizeof(told));
    memset(can, true, sizeof(can));
}

static void teardown(void)
{
    vg_options_done(vg_delivery_options, &o);
    vg_notices_done(&n);
}

TestSuite(delivery, .init = setup, .fini = teardown, .timeout = 60);

/* ---- waiting ---- */

Test(delivery, waits_are_spread_over_all_times_up_to_a_limit_that_doubles)
{
    const int64_t limit_ms[] = { 200, 400, 800, 1600, 3200, 6400, 10000, 10000 };

    for (uint32_t i = 0; i < VG_ARRAY_LEN(limit_ms); i++) {
        int64_t limit_ns = limit_ms[i] * VG_NS_PER_MS;

        cr_expect_eq(vg_delivery_wait_ns(&o, i + 1, (uint64_t)limit_ns), limit_ns);
        cr_expect_eq(vg_delivery_wait_ns(&o, i + 1, (uint64_t)limit_ns / 2), limit_ns / 2);
        cr_expect_eq(vg_delivery_wait_ns(&o, i + 1, (uint64_t)limit_ns + 1), VG_NS_PER_MS);
    }
}

Test(delivery, no_number_of_failures_makes_a_wait_longer_than_retry_max)
{
    for (uint64_t random = 1; random != 0; random <<= 1) {
        cr_expect_leq(vg_delivery_wait_ns(&o, UINT32_MAX, random), o.retry_max_ns);
        cr_expect_geq(vg_delivery_wait_ns(&o, UINT32_MAX, random), VG_NS_PER_MS);
    }
}

/* ---- the filter ---- */

static struct vg_delivery event(const char *json, uint8_t priority, uint8_t kind)
{
    return (struct vg_delivery){
        .json = json,
        .len = strlen(json),
        .ward = "icu-a",
        .priority = priority,
        .kind = kind,
        .phase = VG_PHASE_START,
    };
}

static void add(const char *name, const char *word)
{
    struct vg_err err;
    const struct vg_option *opt = vg_option_find(vg_delivery_options, name);

    cr_assert_eq(vg_option_add(opt, &o, NULL, word, &err), VG_OK, "%s", err.msg);
}

static const char alert[] =
    "{\"signal\":\"enabled\",\"rule\":\"spo2_low\",\"text\":\"a \\\"rule\\\":\\\"hr_low\\\"\"}";

Test(delivery, everything_is_taken_without_a_filter)
{
    struct vg_delivery e = event(alert, VG_PRIORITY_NONE, VG_ALERT_ADVISORY);

    cr_assert(vg_delivery_takes(&o, NULL, &e));
    cr_assert_not(vg_delivery_drops_high(&o));
}

Test(delivery, a_least_priority_leaves_out_what_is_less_urgent_and_nothing_that_is_high)
{
    struct vg_delivery medium = event(alert, VG_PRIORITY_MEDIUM, VG_ALERT_PHYSIOLOGICAL);
    struct vg_delivery low = event(alert, VG_PRIORITY_LOW, VG_ALERT_PHYSIOLOGICAL);

    o.priority = VG_PRIORITY_MEDIUM;
    cr_assert(vg_delivery_takes(&o, NULL, &medium));
    cr_assert_not(vg_delivery_takes(&o, NULL, &low));
    cr_assert_not(vg_delivery_drops_high(&o));
}

Test(delivery, rules_are_known_by_the_member_and_not_by_what_a_text_says)
{
    struct vg_delivery e = event(alert, VG_PRIORITY_HIGH, VG_ALERT_PHYSIOLOGICAL);

    add("filter.rules", "hr_low");
    cr_assert_not(vg_delivery_takes(&o, NULL, &e));
    cr_assert(vg_delivery_drops_high(&o));
    add("filter.rules", "spo2_low");
    cr_assert(vg_delivery_takes(&o, NULL, &e));
}

Test(delivery, wards_kinds_and_phases_must_all_fit)
{
    struct vg_delivery e = event(alert, VG_PRIORITY_HIGH, VG_ALERT_PHYSIOLOGICAL);

    add("filter.wards", "icu-a");
    add("filter.kinds", "physiological");
    add("filter.phases", "start");
    cr_assert(vg_delivery_takes(&o, NULL, &e));
    e.ward = "icu-b";
    cr_assert_not(vg_delivery_takes(&o, NULL, &e));
    e.ward = "icu-a";
    e.phase = VG_PHASE_UPDATE;
    cr_assert_not(vg_delivery_takes(&o, NULL, &e));
}

Test(delivery, that_alerts_were_passed_over_comes_through_every_filter)
{
    struct vg_delivery e = event("{\"signal\":\"enabled\",\"rule\":\"passed_over\"}",
                                 VG_PRIORITY_MEDIUM, VG_ALERT_TECHNICAL);

    o.priority = VG_PRIORITY_HIGH;
    add("filter.kinds", "physiological");
    cr_assert(vg_delivery_takes(&o, NULL, &e));
}

/* ---- figures ---- */

Test(delivery, delays_are_counted_by_powers_of_two)
{
    static struct vg_delivery_figures f;
    const struct vg_delivery stored_at_0 = { .time_ns = -VG_NS_PER_S };
    const struct vg_delivery stored_later = { .wall_ns = VG_NS_PER_S };

    vg_delivery_accepted(&f, &stored_at_0, VG_NS_PER_MS / 2);
    vg_delivery_accepted(&f, &stored_at_0, 5 * VG_NS_PER_MS);
    vg_delivery_accepted(&f, &stored_at_0, 3600 * VG_NS_PER_S);
    vg_delivery_accepted(&f, &stored_later, 0); /* a clock that was put back */
    cr_expect_eq(atomic_load(&f.delivered), 4);
    cr_expect_eq(atomic_load(&f.delay[0]), 2);
    cr_expect_eq(atomic_load(&f.delay[3]), 1);
    cr_expect_eq(atomic_load(&f.delay[VG_DELAY_BUCKETS - 1]), 1);
    cr_expect_eq(vg_delivery_delay_ms(&f, 0.5), 1);
    cr_expect_eq(vg_delivery_delay_ms(&f, 0.75), 8);
    /* From the log time: 1.0005 s and 1.005 s, both up to 1.024 s; an hour; nothing. */
    cr_expect_eq(atomic_load(&f.whole.bucket[12]), 2);
    cr_expect_eq(atomic_load(&f.whole.bucket[VG_DELAY_BOUNDS]), 1);
    cr_expect_eq(atomic_load(&f.whole.bucket[0]), 1);
}

/* ---- notices ---- */

static bool next(int64_t now_s)
{
    return vg_notice_log_next(&told, &n, VG_NOTICE_ALERT_FAILING, can, VG_ARRAY_LEN(can),
                              now_s * VG_NS_PER_S, &shard, &said);
}

Test(delivery, a_notice_is_told_once_until_its_words_change_and_once_that_it_is_over)
{
    cr_assert_not(next(0));
    cr_assert(vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "b", "b fails"));
    cr_assert_not(vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "b", "b fails"));
    cr_assert(next(0));
    cr_assert_str_eq(said.alert, "delivery_failing");
    cr_assert_str_eq(said.text, "b fails");
    cr_assert_not(next(1));
    vg_notices_set(&n, VG_NOTICE_SUBSCRIBER, "desk", "desk is silent");
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", "a fails");
    cr_assert(next(1));
    cr_assert_eq(said.subjects, 3);
    cr_assert_str_eq(said.text, "a fails; b fails; desk is silent");
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", NULL);
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "b", NULL);
    vg_notices_set(&n, VG_NOTICE_SUBSCRIBER, "desk", NULL);
    cr_assert(next(2));
    cr_assert_eq(said.subjects, 0);
    cr_assert_not(next(3));
}

Test(delivery, notices_of_one_alert_do_not_show_in_another)
{
    vg_notices_set(&n, VG_NOTICE_DISK_FULL, "", "the disk is full");
    cr_assert_not(next(0));
}

Test(delivery, too_many_subjects_are_counted_and_the_text_stays_within_its_room)
{
    for (int i = 0; i < 2 * VG_NOTICE_SUBJECTS_MAX; i++) {
        char name[16], text[32];

        snprintf(name, sizeof(name), "s%03d", i);
        snprintf(text, sizeof(text), "sink %s fails", name);
        vg_notices_set(&n, VG_NOTICE_SINK_FAILING, name, text);
    }
    cr_assert(next(0));
    cr_assert_eq(said.subjects, VG_NOTICE_SUBJECTS_MAX - VG_NOTICE_SUBJECTS_KEPT + 1);
    cr_assert(strstr(said.text, "sink s000 fails; sink s001 fails") == said.text);
    cr_assert_not_null(strstr(said.text, "; and 1"));
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "z", "one more for whom there is no room");
    cr_assert_not(next(1), "that is not said each time");
    cr_assert_not_null(strstr(said.text, " more"));
}

Test(delivery, a_full_disk_is_told_however_many_others_have_something_to_tell)
{
    for (int i = 0; i < 2 * VG_NOTICE_SUBJECTS_MAX; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%03d", i);
        vg_notices_set(&n, VG_NOTICE_SUBSCRIBER, name, "has not confirmed");
    }
    cr_assert(vg_notices_set(&n, VG_NOTICE_DISK_FULL, "", "the disk is full"));
    vg_notices_get(&n, VG_NOTICE_ALERT_LOST, &said);
    cr_assert_eq(said.subjects, 1);
    cr_assert_str_eq(said.text, "the disk is full");
}

Test(delivery, what_tells_of_delivery_is_never_too_old_by_whatever_rule)
{
    static struct vg_rule late = { .name = "late_news", .rule = VG_RULE_CONDITION };
    const struct vg_site site = { .rules = &late, .rules_n = 1 };
    static const char own[] = "{\"signal\":\"enabled\",\"rule\":\"late_news\"}";
    static const char built_in[] = "{\"signal\":\"enabled\",\"rule\":\"delivery_lost\"}";
    struct vg_delivery e = event(own, VG_PRIORITY_MEDIUM, VG_ALERT_TECHNICAL);
    struct vg_delivery lost = event(built_in, VG_PRIORITY_HIGH, VG_ALERT_TECHNICAL);
    int64_t later_ns = e.time_ns + 2 * VG_NS_PER_S;

    for (int i = 0; i < VG_CONDITION_COUNT; i++) {
        if (strcmp(vg_condition_name((enum vg_condition)i), "passed_over") == 0)
            late.condition = (enum vg_condition)i;
    }
    o.max_age_ns = VG_NS_PER_S;
    cr_assert(vg_delivery_old(&o, NULL, &e, later_ns), "a rule that nobody knows");
    cr_assert_not(vg_delivery_old(&o, &site, &e, later_ns));
    cr_assert_not(vg_delivery_old(&o, &site, &lost, later_ns));
    add("filter.kinds", "physiological");
    cr_assert_not(vg_delivery_takes(&o, NULL, &e));
    cr_assert(vg_delivery_takes(&o, &site, &e));
}

Test(delivery,
     a_notice_stays_in_the_shard_where_it_was_told_and_goes_to_another_when_that_is_given_away)
{
    can[0] = false;
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", "a fails");
    cr_assert(next(0));
    cr_assert_eq(shard, 1);
    can[0] = true;
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "b", "b fails");
    cr_assert(next(1));
    cr_assert_eq(shard, 1);
    can[1] = false;
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "b", NULL);
    cr_assert_not(next(2), "the shard cannot take it now");
    vg_notice_log_drop(&told, 1);
    cr_assert(next(3));
    cr_assert_eq(shard, 0);
}

Test(delivery, what_was_told_before_a_restart_is_over_only_when_nobody_says_it_again_for_a_while)
{
    struct vg_noticed before = { .alert = "delivery_failing", .subjects = 1, .text = "a fails" };

    vg_notice_log_found(&told, 2, &before, 100 * VG_NS_PER_S);
    cr_assert_not(next(130));
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", "a fails");
    cr_assert_not(next(131), "it is the same");
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", NULL);
    cr_assert_not(next(140));
    cr_assert(next(146));
    cr_assert_eq(said.subjects, 0);
    cr_assert_eq(shard, 2);
}

Test(delivery, a_shard_whose_alerts_begin_anew_is_told_again)
{
    vg_notices_set(&n, VG_NOTICE_SINK_FAILING, "a", "a fails");
    cr_assert(next(0));
    vg_notice_log_renew(&told, shard);
    cr_assert(next(1));
    cr_assert_str_eq(said.text, "a fails");
}
