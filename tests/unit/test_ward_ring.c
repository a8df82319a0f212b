/* test_ward_ring.c - an hour and a day of one bed: gaps, late values, two pens, and bounds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ward_ring.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2 };

static const int64_t S = VG_NS_PER_S, START = INT64_C(1767225600) * VG_NS_PER_S;
static struct vg_ward_ring r;

static void setup(void)
{
    vg_ward_ring_init(&r, 4);
}

static void teardown(void)
{
    vg_ward_ring_done(&r);
}

TestSuite(ward_ring, .init = setup, .fini = teardown, .timeout = 30);

static void put(enum vg_ward_pen pen, double second, int channel, float value, uint8_t quality)
{
    float values[VG_CHANNELS] = { 0 };
    uint8_t qualities[VG_CHANNELS] = { 0 };

    values[channel] = value;
    qualities[channel] = quality;
    vg_ward_ring_put(&r, pen, START + (int64_t)(second * 1e9), values, qualities);
}

static void good(double second, float value)
{
    put(VG_WARD_LIVE, second, HR, value, VG_Q_GOOD);
}

/* Of the step at that second; NAN: nothing stands there. */
static float shown(const uint16_t *code, int place)
{
    return place < 0 || code[place] == 0 ? NAN
                                         : roundf(vg_ward_decode(HR, code[place]) * 100) / 100;
}

static int tick_at(double second)
{
    return vg_ward_tick_place(&r, (START + (int64_t)(second * 1e9)) / VG_WARD_TICK_NS);
}

static int minute_at(double second)
{
    return vg_ward_minute_place(&r, (START + (int64_t)(second * 1e9)) / VG_WARD_MINUTE_NS);
}

/* Devices that were without power for long begin there. */
Test(ward_ring, the_first_minutes_of_1970_stay_within_the_ring)
{
    struct {
        char before[4096];
        struct vg_ward_ring ring;
    } guarded;
    float values[VG_CHANNELS] = { [HR] = 80 };
    uint8_t qualities[VG_CHANNELS] = { [HR] = VG_Q_GOOD };

    memset(guarded.before, 'x', sizeof(guarded.before));
    vg_ward_ring_init(&guarded.ring, 0);
    vg_ward_ring_put(&guarded.ring, VG_WARD_LIVE, 600 * S, values, qualities);
    vg_ward_ring_put_score(&guarded.ring, 605 * S, 1);
    for (size_t i = 0; i < sizeof(guarded.before); i++)
        cr_assert_eq(guarded.before[i], 'x', "%zu bytes before it", sizeof(guarded.before) - i);
    cr_expect(guarded.ring.heard[600 / VG_WARD_TICK_S]);
    vg_ward_ring_done(&guarded.ring);
}

static float raw(double second)
{
    return shown(r.track[HR]->raw, tick_at(second));
}

Test(ward_ring, a_step_is_the_mean_of_its_values_and_clean_of_those_without_doubt)
{
    good(0, 80);
    good(1, 82);
    put(VG_WARD_LIVE, 2, HR, 150, VG_Q_SUSPECT);
    good(5, 90);
    cr_expect_float_eq(raw(0), 104, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->clean, tick_at(0)), 81, 0.01);
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(0)), VG_Q_GOOD, "the best that came");
    cr_expect_float_eq(raw(5), 90, 0.01);
}

Test(ward_ring, what_is_no_measurement_has_a_quality_and_no_value)
{
    good(0, 80);
    put(VG_WARD_LIVE, 5, HR, 0, VG_Q_INVALID);
    put(VG_WARD_LIVE, 10, HR, 0, VG_Q_MISSING);
    cr_expect(isnan(raw(5)) && isnan(raw(10)));
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(5)), VG_Q_INVALID);
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(10)), VG_Q_MISSING);
    cr_expect(r.heard[tick_at(10)]);
    cr_expect_null(r.track[SPO2], "a channel without a value takes no memory");
}

Test(ward_ring, a_gap_stays_a_gap)
{
    good(0, 80);
    good(60, 90);
    for (int s = 5; s < 60; s += 5) {
        cr_expect(isnan(raw(s)), "%d s", s);
        cr_expect_not(r.heard[tick_at(s)], "%d s", s);
    }
    cr_expect_float_eq(raw(0), 80, 0.01);
    cr_expect_float_eq(raw(60), 90, 0.01);
}

Test(ward_ring, a_minute_has_mean_extremes_and_the_share_of_its_steps)
{
    for (int s = 0; s < 60; s++)
        good(s, s < 30 ? 80 : 100);
    put(VG_WARD_LIVE, 61, HR, 70, VG_Q_GOOD);
    cr_expect_float_eq(shown(r.track[HR]->mean, minute_at(0)), 90, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->low, minute_at(0)), 80, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->high, minute_at(0)), 100, 0.01);
    cr_expect_eq(r.track[HR]->share[minute_at(0)], 12);
    cr_expect_eq(r.track[HR]->share[minute_at(60)], 1);
}

Test(ward_ring, the_rings_turn_and_forget_what_is_too_old)
{
    const int day_s = 86400;

    for (int s = 0; s <= day_s; s += 5)
        good(s, (float)(60 + s / 5 % 50));
    cr_expect_lt(tick_at(day_s - 3600), 0, "an hour ago");
    cr_expect_float_eq(raw(day_s - 3595), (float)(60 + (day_s - 3595) / 5 % 50), 0.01);
    cr_expect_float_eq(raw(day_s), (float)(60 + day_s / 5 % 50), 0.01);
    cr_expect_lt(minute_at(0), 0, "a day ago");
    cr_expect_geq(minute_at(60), 0);
    /* A silence that is longer than the ring leaves nothing of before. */
    good(3.0 * day_s, 70);
    for (int s = 5; s < 3600; s += 5)
        cr_assert(isnan(raw(3.0 * day_s - s)), "%d s before", s);
    for (int m = 1; m < VG_WARD_MINUTES; m++)
        cr_assert_eq(r.track[HR]->mean[minute_at(3.0 * day_s - 60.0 * m)], 0, "%d min before", m);
}

Test(ward_ring, a_value_that_comes_late_fills_an_empty_step_and_changes_no_other)
{
    good(0, 80);
    good(20, 90);
    good(10, 85);
    good(1, 200);
    cr_expect_float_eq(raw(10), 85, 0.01);
    cr_expect_float_eq(raw(0), 80, 0.01);
    good(22, 92);
    cr_expect_float_eq(raw(20), 91, 0.01, "the pen is where it was");
}

Test(ward_ring, what_is_read_back_fills_what_is_empty_and_nothing_else)
{
    for (int s = 300; s < 330; s++)
        good(s, 90);
    for (int s = 0; s < 330; s++)
        put(VG_WARD_REFILL, s, HR, s % 2 ? 60 : 62, VG_Q_GOOD);
    for (int s = 330; s < 360; s++)
        good(s, 94);
    cr_expect_float_eq(raw(0), 61.2, 0.011);
    cr_expect_float_eq(raw(295), 60.8, 0.011);
    cr_expect_float_eq(raw(300), 90, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->mean, minute_at(240)), 61, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->mean, minute_at(300)), 92, 0.01,
                       "the minute that had begun by itself");
}

Test(ward_ring, what_is_read_back_gives_way_to_what_comes_by_itself_later)
{
    for (int s = 0; s < 20; s++)
        put(VG_WARD_REFILL, s, HR, 60, VG_Q_SUSPECT);
    put(VG_WARD_LIVE, 5, HR, 0, VG_Q_INVALID);
    for (int s = 10; s < 15; s++)
        good(s, 90);
    put(VG_WARD_REFILL, 14.5, HR, 200, VG_Q_SUSPECT);
    cr_expect_float_eq(raw(0), 60, 0.01);
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(0)), VG_Q_SUSPECT);
    cr_expect(isnan(raw(5)), "a stage has found it to be none");
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(5)), VG_Q_INVALID);
    cr_expect_float_eq(raw(10), 90, 0.01);
    cr_expect_float_eq(shown(r.track[HR]->clean, tick_at(10)), 90, 0.01);
    cr_expect_eq(vg_ward_quality(r.track[HR], tick_at(10)), VG_Q_GOOD);
    cr_expect_float_eq(raw(15), 60, 0.01);
    cr_expect_eq(r.track[HR]->share[minute_at(0)], 4, "steps are counted once");
}

Test(ward_ring, values_keep_their_precision_and_ends)
{
    for (int c = 0; c < VG_MEASURED; c++) {
        const struct vg_channel *ch = &vg_channels[c];
        float most = 0;

        for (int i = 0; i <= 1000; i++) {
            float value = ch->low + (ch->high - ch->low) * (float)i / 1000;

            most = fmaxf(most, fabsf(vg_ward_decode(c, vg_ward_encode(c, value)) - value));
        }
        cr_expect_leq(most, (ch->high - ch->low) / 120000, "%s: %g", ch->name, (double)most);
        cr_expect_float_eq(vg_ward_decode(c, vg_ward_encode(c, ch->high + 1e6f)), ch->high, 1e-3);
        cr_expect_float_eq(vg_ward_decode(c, vg_ward_encode(c, NAN)), ch->low, 1e-3);
    }
}

Test(ward_ring, scores_keep_the_highest_of_a_minute_and_none_is_none)
{
    vg_ward_ring_put_score(&r, START + 5 * S, 1.25f);
    vg_ward_ring_put_score(&r, START + 35 * S, 3.5f);
    vg_ward_ring_put_score(&r, START + 40 * S, 0.0f);
    good(45, 80);
    vg_ward_ring_put_score(&r, START + 45 * S, NAN);
    cr_expect_eq(r.score[tick_at(5)], 126);
    cr_expect_eq(r.score[tick_at(40)], 1, "0 is a score");
    cr_expect_eq(r.score[tick_at(45)], 0, "no number is none");
    cr_expect_eq(r.score_m[minute_at(0)], 351);
}

Test(ward_ring, one_forecast_a_minute_is_kept_for_two_hours)
{
    for (uint32_t m = 0; m < 200; m++) {
        const uint16_t first[4] = { (uint16_t)(m + 1), 2, 3, 4 }, second[4] = { 9, 9, 9, 9 };

        vg_ward_ring_put_forecast(&r, START + (int64_t)m * 60 * S, first);
        vg_ward_ring_put_forecast(&r, START + ((int64_t)m * 60 + 30) * S, second);
    }
    for (uint32_t m = 200 - VG_WARD_FORECASTS; m < 200; m++) {
        int64_t i = (START / VG_WARD_MINUTE_NS + m) % VG_WARD_FORECASTS;

        cr_expect_eq(r.forecast[i * 4], m + 1, "minute %u", m);
        cr_expect_eq(r.forecast_ns[i], START + (int64_t)m * 60 * S);
    }
}

Test(ward_ring, memory_is_bounded)
{
    cr_expect_leq(vg_ward_ring_size(VG_MEASURED, 8 * 5 * 3), 220 << 10, "%zu bytes",
                  vg_ward_ring_size(VG_MEASURED, 8 * 5 * 3));
    cr_expect_leq(vg_ward_ring_size(VG_MEASURED, VG_MEASURED * 8 * 3), 275 << 10,
                  "the largest forecaster: %zu bytes",
                  vg_ward_ring_size(VG_MEASURED, VG_MEASURED * 8 * 3));
}

Test(ward_ring, times_before_1970_and_of_the_future_break_nothing)
{
    good(-4e9, 80);
    cr_expect_eq(r.tick, INT64_MIN, "before 1970");
    good(0, 80);
    good(1e6, 81);
    good(1, 82);
    cr_expect_float_eq(raw(1e6), 81, 0.01);
}
