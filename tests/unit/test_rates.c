/* test_rates.c - what happened within windows of time, and quantiles of delays. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/rates.h"

static struct vg_shared *shared;
static struct vg_config config;
static struct vg_feed *feed;
static struct vg_observed o;
static struct vg_rates *rates;
static struct vg_rates_window w;

static void setup(void)
{
    shared = calloc(1, sizeof(*shared));
    feed = calloc(2, sizeof(*feed));
    config.stages_n = 2;
    config.sinks_n = 2;
    vg_meters_init(&shared->meters, 2, config.stages_n);
    o = (struct vg_observed){ .config = &config, .shared = shared, .feed = feed };
    rates = vg_rates_new(&o);
    w = (struct vg_rates_window){ 0 };
}

static void teardown(void)
{
    vg_rates_window_done(&w);
    vg_rates_free(rates);
    vg_meters_done(&shared->meters);
    free(feed);
    free(shared);
}

TestSuite(rates, .init = setup, .fini = teardown, .timeout = 10);

/* A second in which `rows` rows come in, pass the first stage of the second worker and are delivered. */
static void second(int64_t number, uint64_t rows)
{
    vg_meter_add(&shared->rows, rows);
    vg_meter_add(&vg_meters_stage(&shared->meters, 1, 0)->rows_in, rows);
    vg_meter_add(&feed[1].figures.delivered, rows);
    vg_rates_note(rates, number * VG_NS_PER_S);
}

static void look(int64_t seconds)
{
    vg_rates_window_done(&w);
    vg_rates_window(rates, seconds * VG_NS_PER_S, &w);
}

Test(rates, nothing_is_known_before_the_second_note)
{
    look(10);
    cr_assert_eq(w.ns, 0);
    second(1, 5);
    look(10);
    cr_assert_eq(w.ns, 0);
}

Test(rates, a_window_is_as_long_as_what_is_known)
{
    for (int64_t s = 1; s <= 4; s++)
        second(s, 7);
    look(10);
    cr_assert_eq(w.ns, 3 * VG_NS_PER_S);
    cr_assert_eq(w.whole[VG_RATE_ROWS], 21);
}

Test(rates, a_window_tells_of_its_own_seconds_only)
{
    for (int64_t s = 1; s <= 200; s++)
        second(s, s <= 190 ? 1000 : 3);
    look(10);
    cr_assert_eq(w.ns, 10 * VG_NS_PER_S);
    cr_assert_eq(w.whole[VG_RATE_ROWS], 30);
    cr_assert_eq(w.stage[0][VG_RATE_IN], 30);
    cr_assert_eq(w.stage[1][VG_RATE_IN], 0);
    cr_assert_eq(w.delivered[0], 0);
    cr_assert_eq(w.delivered[1], 30);
    look(60);
    cr_assert_eq(w.ns, 60 * VG_NS_PER_S);
    cr_assert_eq(w.whole[VG_RATE_ROWS], 50 * 1000 + 30);
}

Test(rates, notes_are_a_second_apart_however_often_somebody_asks_for_them)
{
    for (int64_t i = 0; i <= 100; i++)
        vg_rates_note(rates, i * VG_NS_PER_S / 10);
    look(4);
    cr_assert_eq(w.ns, 4 * VG_NS_PER_S);
}

Test(rates, a_quantile_is_linear_within_its_bucket)
{
    uint64_t count[VG_DELAY_BOUNDS + 1] = { 0 };

    cr_assert_eq(vg_delays_quantile_ns(count, 0.5), -1);
    count[2] = 100; /* 500 us to 1 ms */
    cr_assert_eq(vg_delays_quantile_ns(count, 0.5), 750000);
    cr_assert_eq(vg_delays_quantile_ns(count, 1), 1000000);
    count[0] = 100; /* up to 250 us */
    cr_assert_eq(vg_delays_quantile_ns(count, 0.25), 125000);
    cr_assert_eq(vg_delays_quantile_ns(count, 0.75), 750000);
    count[VG_DELAY_BOUNDS] = 1000;
    cr_assert_eq(vg_delays_quantile_ns(count, 0.99), vg_delays_bound_ns(VG_DELAY_BOUNDS - 1));
}
