/* test_resample.c - the fixed grid: which samples a tick takes, when it closes, what it says. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/capture.h"

extern const struct vg_stage_ops vg_stage_resample;

static struct capture *c;

static void setup(void)
{
    c = capture_new(&vg_stage_resample);
}

static void teardown(void)
{
    capture_free(c);
}

static int64_t at(double s)
{
    return (int64_t)(s * (double)VG_NS_PER_S);
}

static void start(const char *tick, const char *lateness)
{
    capture_option(c, "tick", NULL, tick);
    capture_option(c, "lateness", NULL, lateness);
    capture_start(c);
}

static void feed_late(double log_s, double event_s, int channel, float value)
{
    struct capture_row r = capture_row("p-1", at(log_s));

    r.event_ns = at(event_s);
    capture_value(&r, channel, value);
    capture_send(c, &r);
}

static void feed(double s, int channel, float value)
{
    feed_late(s, s, channel, value);
}

static float age_of(int channel)
{
    return vg_row_column(&c->tick, vg_layout_find(&c->layout, "age"))[channel];
}

static void expect_tick(double end_s, double closed_s, int channel, enum vg_quality quality,
                        float value)
{
    cr_assert_eq(c->tick.event_ns, at(end_s), "tick of %g s", (double)c->tick.event_ns / 1e9);
    cr_assert_eq(c->tick.log_ns, at(closed_s), "closed at %g s", (double)c->tick.log_ns / 1e9);
    cr_assert_eq(c->tick.quality[channel], quality, "%s",
                 vg_quality_name(c->tick.quality[channel]));
    cr_assert_eq(c->tick.value[channel], value, "%g", (double)c->tick.value[channel]);
}

TestSuite(resample, .init = setup, .fini = teardown, .timeout = 10);

Test(resample, ticks_have_none_of_what_people_note)
{
    start("30s", "2s");
    feed(1, VG_CHANNEL_acvpu, 2);
    feed(29, VG_CHANNEL_hr, 80);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 80);
    expect_tick(30, 32, VG_CHANNEL_acvpu, VG_Q_ABSENT, 0);
    cr_assert_eq(age_of(VG_CHANNEL_acvpu), -1);
}

Test(resample, a_tick_closes_when_log_time_has_passed_its_end_by_lateness)
{
    start("30s", "2s");
    feed(29, VG_CHANNEL_hr, 80);
    capture_clock(c, at(32));
    cr_assert_eq(c->tick_count, 0, "all rows of second 32 may still come");
    capture_clock(c, at(32) + 1);
    cr_assert_eq(c->tick_count, 1);
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 80);
}

Test(resample, the_row_that_closes_a_tick_is_not_in_it)
{
    start("30s", "2s");
    feed(0, VG_CHANNEL_hr, 80);
    feed(33, VG_CHANNEL_hr, 100);
    cr_assert_eq(c->tick_count, 1);
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 80);
    capture_clock(c, at(63));
    expect_tick(60, 62, VG_CHANNEL_hr, VG_Q_GOOD, 100);
}

Test(resample, a_tick_takes_from_its_start_up_to_but_not_including_its_end)
{
    start("30s", "2s");
    feed(0, VG_CHANNEL_hr, 70);
    feed(30, VG_CHANNEL_hr, 90);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 70);
    capture_clock(c, at(63));
    expect_tick(60, 62, VG_CHANNEL_hr, VG_Q_GOOD, 90);
}

Test(resample, samples_out_of_order_go_to_their_own_tick)
{
    start("30s", "2s");
    feed(29, VG_CHANNEL_hr, 70);
    feed(31, VG_CHANNEL_hr, 100);
    feed_late(32, 29.5, VG_CHANNEL_hr, 80);  /* the last moment: log time has not passed 32 s */
    feed_late(33, 29.6, VG_CHANNEL_hr, 200); /* too late for its tick */
    cr_assert_eq(c->tick_count, 1);
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 75);
    capture_clock(c, at(63));
    expect_tick(60, 62, VG_CHANNEL_hr, VG_Q_GOOD, 100);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 29);
}

Test(resample, the_newest_value_is_the_newest_measured_not_the_newest_received)
{
    start("5s", "1s");
    feed(3, VG_CHANNEL_hr, 80);
    feed_late(3.5, 2, VG_CHANNEL_hr, 60);
    capture_clock(c, at(6.5));
    cr_assert_eq(age_of(VG_CHANNEL_hr), 2);
    capture_clock(c, at(11.5));
    expect_tick(10, 11, VG_CHANNEL_hr, VG_Q_IMPUTED, 80);
}

Test(resample, a_device_clock_ahead_counts_at_log_time)
{
    start("30s", "2s");
    feed_late(29, 34, VG_CHANNEL_hr, 70);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 70);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 1);
}

Test(resample, the_median_of_an_even_number_lies_between_the_middle_two)
{
    start("30s", "2s");
    feed(1, VG_CHANNEL_hr, 80);
    feed(2, VG_CHANNEL_hr, 200);
    feed(3, VG_CHANNEL_hr, 70);
    feed(4, VG_CHANNEL_hr, 90);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 85);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 26);
}

Test(resample, good_samples_outrank_suspect_ones_whatever_the_order)
{
    struct capture_row r = capture_row("p-1", at(1));

    start("30s", "2s");
    r.value[VG_CHANNEL_hr] = 200;
    r.quality[VG_CHANNEL_hr] = VG_Q_SUSPECT;
    capture_send(c, &r);
    feed(2, VG_CHANNEL_hr, 80);
    r.log_ns = r.event_ns = at(3);
    capture_send(c, &r);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 80);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 27, "a suspect sample is a newest one too");
    r.log_ns = r.event_ns = at(40);
    capture_send(c, &r);
    capture_clock(c, at(63));
    expect_tick(60, 62, VG_CHANNEL_hr, VG_Q_SUSPECT, 200);
}

Test(resample, an_empty_tick_is_imputed_up_to_max_gap_then_missing)
{
    start("5s", "1s");
    feed(1, VG_CHANNEL_hr, 80);
    capture_clock(c, at(6.5));
    expect_tick(5, 6, VG_CHANNEL_hr, VG_Q_GOOD, 80);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 4);
    capture_clock(c, at(11.5));
    expect_tick(10, 11, VG_CHANNEL_hr, VG_Q_IMPUTED, 80);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 9);
    capture_clock(c, at(16.5));
    expect_tick(15, 16, VG_CHANNEL_hr, VG_Q_MISSING, 0);
    cr_assert_eq(c->tick.reason[VG_CHANNEL_hr], VG_REASON_NO_DATA);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 14);
    cr_assert_eq(c->tick.quality[VG_CHANNEL_spo2], VG_Q_ABSENT, "never seen");
    cr_assert_eq(age_of(VG_CHANNEL_spo2), -1);
}

Test(resample, an_age_of_exactly_max_gap_is_still_imputed)
{
    start("5s", "1s");
    feed(0, VG_CHANNEL_hr, 80);
    capture_clock(c, at(11.5));
    expect_tick(10, 11, VG_CHANNEL_hr, VG_Q_IMPUTED, 80);
}

Test(resample, what_comes_too_late_for_its_tick_is_still_the_newest_value)
{
    start("5s", "1s");
    feed(1, VG_CHANNEL_hr, 80);
    feed_late(7, 4, VG_CHANNEL_hr, 90);
    feed_late(8, 3, VG_CHANNEL_hr, 70); /* but no newer than that one */
    capture_clock(c, at(11.5));
    expect_tick(10, 11, VG_CHANNEL_hr, VG_Q_IMPUTED, 90);
    cr_assert_eq(age_of(VG_CHANNEL_hr), 6);
}

Test(resample, a_tick_does_not_know_what_comes_after_its_end)
{
    start("5s", "1s");
    feed(1, VG_CHANNEL_hr, 80);
    capture_clock(c, at(7));
    feed(10.5, VG_CHANNEL_hr, 200);
    capture_clock(c, at(11.5));
    expect_tick(10, 11, VG_CHANNEL_hr, VG_Q_IMPUTED, 80);
}

Test(resample, unusable_samples_and_late_rows_are_in_no_tick)
{
    struct capture_row r = capture_row("p-1", at(2));

    start("5s", "1s");
    feed(1, VG_CHANNEL_hr, 80);
    capture_quality(&r, VG_CHANNEL_hr, VG_Q_INVALID, VG_REASON_RANGE);
    capture_send(c, &r);
    r = capture_row("p-1", at(3));
    r.flags = VG_ROW_LATE;
    r.event_ns = at(1);
    capture_value(&r, VG_CHANNEL_hr, 300);
    capture_send(c, &r);
    capture_clock(c, at(6.5));
    expect_tick(5, 6, VG_CHANNEL_hr, VG_Q_GOOD, 80);
}

Test(resample, many_samples_are_thinned_evenly)
{
    start("30s", "2s");
    /* 300 samples from 0 to 29.9: their median is 14.95; thinned to every 32nd: 0, 3.2, ...
     * 28.8. */
    for (int i = 0; i < 300; i++)
        feed(i * 0.1, VG_CHANNEL_hr, (float)i * 0.1f);
    capture_clock(c, at(33));
    cr_assert_eq(c->tick.quality[VG_CHANNEL_hr], VG_Q_GOOD);
    cr_assert_float_eq(c->tick.value[VG_CHANNEL_hr], 14.4f, 1e-4);
    cr_assert_float_eq(age_of(VG_CHANNEL_hr), 0.1f, 1e-4);
}

/* A tick that is still waited for, and one that has begun, each with more samples than there is room
 * for: both are thinned, and evenly. */
Test(resample, open_ticks_share_their_room_and_each_is_thinned_evenly)
{
    start("30s", "30s");
    for (int i = 0; i < 600; i++)
        feed(i * 0.1, VG_CHANNEL_hr, (float)i * 0.1f);
    for (int i = 0; i < 300; i++)
        feed_late(59.9, i * 0.1, VG_CHANNEL_spo2, (float)i * 0.1f);
    feed(60, VG_CHANNEL_spo2, 80);
    capture_clock(c, at(60) + 1);
    cr_assert_eq(c->tick.event_ns, at(30));
    cr_assert_float_eq(c->tick.value[VG_CHANNEL_hr], 15.0f, 1.7);
    cr_assert_float_eq(c->tick.value[VG_CHANNEL_spo2], 14.4f, 1e-4);
    cr_assert_float_eq(age_of(VG_CHANNEL_hr), 0.1f, 1e-4);
    cr_assert_float_eq(age_of(VG_CHANNEL_spo2), 0.1f, 1e-4);
    capture_clock(c, at(90) + 1);
    cr_assert_eq(c->tick.event_ns, at(60));
    cr_assert_float_eq(c->tick.value[VG_CHANNEL_hr], 45.0f, 1.7);
    cr_assert_eq(c->tick.quality[VG_CHANNEL_spo2], VG_Q_MISSING);
    capture_clock(c, at(120) + 1);
    expect_tick(90, 120, VG_CHANNEL_spo2, VG_Q_GOOD, 80);
}

Test(resample, sixteen_samples_are_all_used)
{
    start("30s", "2s");
    for (int i = 0; i < 16; i++)
        feed(i, VG_CHANNEL_hr, (float)i);
    capture_clock(c, at(33));
    expect_tick(30, 32, VG_CHANNEL_hr, VG_Q_GOOD, 7.5f);
}

Test(resample, a_lateness_of_one_tick_keeps_three_open)
{
    start("1s", "1s");
    feed(0.5, VG_CHANNEL_hr, 10);
    feed(1, VG_CHANNEL_hr, 20);
    feed(2, VG_CHANNEL_hr, 30); /* tick 1 closes only after this row */
    feed_late(2, 0.6, VG_CHANNEL_hr, 12);
    feed_late(2, 1.5, VG_CHANNEL_hr, 22);
    capture_clock(c, at(2) + 1);
    expect_tick(1, 2, VG_CHANNEL_hr, VG_Q_GOOD, 11);
    capture_clock(c, at(3) + 1);
    expect_tick(2, 3, VG_CHANNEL_hr, VG_Q_GOOD, 21);
    capture_clock(c, at(4) + 1);
    expect_tick(3, 4, VG_CHANNEL_hr, VG_Q_GOOD, 30);
    cr_assert_eq(c->tick_count, 3);
}

Test(resample, ticks_go_on_without_data_for_an_hour_then_stop_until_the_next_row)
{
    start("30s", "2s");
    feed(10, VG_CHANNEL_hr, 80);
    capture_clock(c, at(4000));
    /* 30, 60, ... 3600 close within the hour; 3630 is the first one that sees it over. */
    cr_assert_eq(c->tick_count, 121, "%u", c->tick_count);
    expect_tick(3630, 3632, VG_CHANNEL_hr, VG_Q_MISSING, 0);
    feed(5000, VG_CHANNEL_hr, 90);
    cr_assert_eq(c->tick_count, 121);
    capture_clock(c, at(5013));
    cr_assert_eq(c->tick_count, 122);
    expect_tick(5010, 5012, VG_CHANNEL_hr, VG_Q_GOOD, 90);
}

Test(resample, the_grid_is_utc_whenever_a_patient_comes)
{
    int64_t noon_ns = INT64_C(1772366400) * VG_NS_PER_S; /* 2026-03-01T12:00:00Z */
    struct capture_row r = capture_row("p-1", noon_ns + at(7.25));

    start("30s", "2s");
    capture_value(&r, VG_CHANNEL_hr, 80);
    capture_send(c, &r);
    capture_clock(c, noon_ns + at(40));
    cr_assert_eq(c->tick.event_ns, noon_ns + at(30));
    cr_assert_eq(c->tick_count, 1);
}

Test(resample, a_first_sample_of_a_closed_tick_begins_with_the_oldest_open_one)
{
    start("30s", "2s");
    feed_late(35, 20, VG_CHANNEL_hr, 80);
    capture_clock(c, at(63));
    cr_assert_eq(c->tick_count, 1);
    expect_tick(60, 62, VG_CHANNEL_hr, VG_Q_MISSING, 0);
}

Test(resample, patients_tick_each_by_their_own_samples)
{
    struct capture_row r = capture_row("p-2", at(2));

    start("5s", "1s");
    feed(1, VG_CHANNEL_hr, 80);
    capture_value(&r, VG_CHANNEL_hr, 60);
    capture_send(c, &r);
    capture_clock(c, at(7));
    cr_assert_str_eq(capture_text(c),
                     "{\"tick\":\"1970-01-01T00:00:05.000Z\",\"log\":\"1970-01-01T00:00:06.000Z\","
                     "\"patient\":\"p-1\",\"hr\":\"80 good\"}\n"
                     "{\"tick\":\"1970-01-01T00:00:05.000Z\",\"log\":\"1970-01-01T00:00:06.000Z\","
                     "\"patient\":\"p-2\",\"hr\":\"60 good\"}\n");
}

static void ragged_run(struct capture *to, int from, int until)
{
    for (int i = from; i < until; i++) {
        struct capture_row r = capture_row(i % 3 ? "p-1" : "p-2", at(i * 0.7));

        r.event_ns = at(i * 0.7 - i % 5);
        capture_value(&r, VG_CHANNEL_hr, (float)(60 + i * 7 % 40));
        if (i % 4 == 0)
            capture_value(&r, VG_CHANNEL_spo2, (float)(90 + i % 9));
        if (i % 6 == 0)
            capture_quality(&r, VG_CHANNEL_temp, VG_Q_INVALID, VG_REASON_RANGE);
        capture_send(to, &r);
    }
}

static struct capture *another(void)
{
    struct capture *d = capture_new(&vg_stage_resample);

    capture_option(d, "tick", NULL, "5s");
    capture_start(d);
    return d;
}

Test(resample, memory_copied_to_a_fresh_stage_goes_on_as_if_nothing_had_been)
{
    struct capture *first = another(), *second = another();

    start("5s", "2s");
    ragged_run(c, 0, 200);
    ragged_run(first, 0, 77);
    capture_restore(second, first);
    ragged_run(second, 77, 200);
    vg_buf_str(&first->out, capture_text(second));
    cr_assert_gt(c->tick_count, 40);
    cr_assert_str_eq(capture_text(first), capture_text(c));
    capture_free(first);
    capture_free(second);
}

Test(resample, what_lies_under_unusable_values_is_not_read)
{
    struct capture *poisoned = another();

    start("5s", "2s");
    capture_poison(poisoned, NAN);
    ragged_run(c, 0, 200);
    ragged_run(poisoned, 0, 200);
    cr_assert_str_eq(capture_text(poisoned), capture_text(c));
    capture_free(poisoned);
}

Test(resample, a_tick_that_does_not_divide_a_day_is_refused)
{
    capture_option(c, "tick", NULL, "7s");
    cr_assert_eq(capture_plan(c), VG_E_CONFIG);
    cr_assert_str_eq(c->err.option, "tick");
}

Test(resample, a_lateness_longer_than_the_tick_is_refused)
{
    capture_option(c, "tick", NULL, "1s");
    cr_assert_eq(capture_plan(c), VG_E_CONFIG);
    cr_assert_str_eq(c->err.option, "lateness");
    cr_assert_not_null(strstr(c->err.msg, "2 s"), "%s", c->err.msg);
}

Test(resample, it_tells_the_stages_behind_it_the_tick_and_stays_small)
{
    start("30s", "2s");
    cr_assert_eq(c->plan.tick_ns, at(30));
    cr_assert(c->plan.emits_ticks);
    cr_assert_leq(c->plan.memory_size, 1800);
}
