/* test_anomaly.c - alerts from scores by hand: where they start, merge, and what they cost. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "app/anomaly.h"

enum { T = 2880 };

#define TICK_NS (30 * VG_NS_PER_S)

static float score[T];
static struct vg_scores one;

static void setup(void)
{
    one = (struct vg_scores){ .ticks = T, .first_ns = 1000 * TICK_NS, .score = score };
}

TestSuite(anomaly, .init = setup);

Test(anomaly, alerts_within_half_an_hour_are_one)
{
    score[100] = 5;
    score[100 + 59] = 5; /* 29.5 min later, which begins another half hour */
    score[100 + 59 + 59] = 5;
    cr_expect_eq(vg_alerts_count(&one, TICK_NS, 4, 0, T), 1);
    score[100 + 59 + 59 + 61] = 5;
    cr_expect_eq(vg_alerts_count(&one, TICK_NS, 4, 0, T), 2);
    cr_expect_eq(vg_alerts_count(&one, TICK_NS, 5, 0, T), 0); /* passes, not reaches */
    cr_expect_float_eq(vg_alerts_per_day(&one, 1, TICK_NS, 4), 2, 1e-9);
}

Test(anomaly, a_scenario_is_seen_by_an_alert_that_starts_within_its_label)
{
    uint32_t tick;

    one.from_ns = one.first_ns + 500 * TICK_NS;
    one.until_ns = one.first_ns + 600 * TICK_NS;
    score[480] = score[510] = 5; /* goes on from before: not this scenario's */
    cr_expect_not(vg_alerts_first(&one, TICK_NS, 4, &tick));
    score[590] = 5;
    cr_assert(vg_alerts_first(&one, TICK_NS, 4, &tick));
    cr_expect_eq(tick, 590);
    score[590] = 0;
    score[600] = 5; /* the label's end is not in it */
    cr_expect_not(vg_alerts_first(&one, TICK_NS, 4, &tick));
}

Test(anomaly, a_threshold_keeps_to_its_budget)
{
    for (int i = 0; i < 20; i++)
        score[100 + i * 100] = (float)(i + 1);
    for (int n = 1; n < 20; n++) {
        float threshold = vg_alerts_threshold(&one, 1, TICK_NS, n);

        cr_expect_eq(vg_alerts_count(&one, TICK_NS, threshold, 0, T), (uint32_t)n, "budget %d", n);
    }
}

Test(anomaly, peaks_are_the_greatest_of_their_runs)
{
    double *peak;
    size_t n;

    score[100] = 5;
    score[120] = 9;
    score[150] = 6;
    score[400] = 7;
    vg_alert_peaks(&one, 1, TICK_NS, 4, &peak, &n);
    cr_assert_eq(n, 2);
    cr_expect_eq(peak[0], 9.0);
    cr_expect_eq(peak[1], 7.0);
    free(peak);
}
