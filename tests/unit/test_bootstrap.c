/* test_bootstrap.c - intervals by drawing patients again. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "models/bootstrap.h"

enum { PATIENTS = 400 };

/** Means over the patients of p / PATIENTS, and of nothing at all. */
static void means(void *context, const uint32_t *times, double *figures)
{
    double sum = 0, n = 0;

    (void)context;
    for (uint32_t p = 0; p < PATIENTS; p++) {
        double w = times ? times[p] : 1;

        n += w;
        sum += w * p / PATIENTS;
    }
    figures[0] = sum / n;
    figures[1] = (double)NAN;
}

Test(bootstrap, a_resample_has_as_many_patients)
{
    uint32_t times[PATIENTS], sum = 0, absent = 0;

    vg_bootstrap_draw(1, 0, PATIENTS, times);
    for (uint32_t p = 0; p < PATIENTS; p++) {
        sum += times[p];
        absent += times[p] == 0;
    }
    cr_assert_eq(sum, PATIENTS);
    cr_assert(absent > 110 && absent < 185, "%u", absent); /* 400 / e = 147, SD 9.8 */
}

Test(bootstrap, a_replicate_depends_on_seed_and_number_alone)
{
    uint32_t a[PATIENTS], b[PATIENTS];

    vg_bootstrap_draw(7, 3, PATIENTS, a);
    vg_bootstrap_draw(7, 4, PATIENTS, b);
    cr_assert(memcmp(a, b, sizeof a) != 0);
    vg_bootstrap_draw(8, 3, PATIENTS, b);
    cr_assert(memcmp(a, b, sizeof a) != 0);
    vg_bootstrap_draw(7, 3, PATIENTS, b);
    cr_assert(memcmp(a, b, sizeof a) == 0);
}

Test(bootstrap, interval_of_a_mean_is_about_two_standard_errors)
{
    struct vg_interval i[2];
    struct vg_err err;
    double se = 1 / sqrt(12.0 * PATIENTS);

    cr_assert_eq(vg_bootstrap(PATIENTS, VG_BOOTSTRAP_REPLICATES, 1, means, NULL, 2, i, &err),
                 VG_OK);
    cr_assert_float_eq(i[0].value, 0.5 - 0.5 / PATIENTS, 1e-12);
    cr_assert_float_eq(i[0].low, i[0].value - 1.96 * se, 0.15 * se * 1.96);
    cr_assert_float_eq(i[0].high, i[0].value + 1.96 * se, 0.15 * se * 1.96);
    cr_assert(isnan(i[1].value) && isnan(i[1].low) && isnan(i[1].high));
}

static void rare(void *context, const uint32_t *times, double *figures)
{
    (void)context;
    figures[0] = times && times[0] == 0 ? (double)NAN : 1; /* there in 63 % of the resamples */
    figures[1] = times && times[0] != 0 ? (double)NAN : 1; /* in 37 % */
}

Test(bootstrap, a_figure_that_most_resamples_lack_has_no_interval)
{
    struct vg_interval i[2];
    struct vg_err err;

    cr_assert_eq(vg_bootstrap(PATIENTS, 200, 1, rare, NULL, 2, i, &err), VG_OK);
    cr_assert_eq(i[0].low, 1);
    cr_assert(isnan(i[1].low));
    cr_assert_eq(i[1].value, 1);
}

/* Newcombe 1998 (doi 10.1002/(SICI)1097-0258(19980430)17:8<857), table I, method 3. */
Test(bootstrap, a_share_has_the_interval_of_wilson)
{
    struct vg_interval many = vg_interval_share(81, 263), few = vg_interval_share(15, 148);
    struct vg_interval none = vg_interval_share(0, 20), all = vg_interval_share(29, 29);

    cr_assert_float_eq(many.low, 0.2553, 5e-5);
    cr_assert_float_eq(many.high, 0.3662, 5e-5);
    cr_assert_float_eq(few.low, 0.0624, 5e-5);
    cr_assert_float_eq(few.high, 0.1605, 5e-5);
    cr_assert_eq(none.low, 0);
    cr_assert_float_eq(none.high, 0.1611, 5e-5);
    cr_assert_float_eq(all.low, 0.8830, 5e-5);
    cr_assert_eq(all.high, 1);
    cr_assert(isnan(vg_interval_share(0, 0).low));
}
