/* test_tail.c - fits against known tails, probabilities against counting, merging by hand. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "models/elementary.h"
#include "models/kernel.h"
#include "models/tail.h"

enum { PEAKS = 20000 };

static double peak[PEAKS];

static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

/* Peaks above 5 of the tail with this shape and scale, by inversion. */
static void draw(double shape, double scale)
{
    uint64_t state = 7;

    for (int i = 0; i < PEAKS; i++) {
        double u = uniform(&state);

        peak[i] =
            5 + (shape == 0 ? -scale * vg_ln(u) : scale / shape * vg_expm1(-shape * vg_ln(u)));
    }
}

struct known_tail {
    double shape, scale;
};

ParameterizedTestParameters(tail, a_fit_finds_the_tail_that_peaks_were_drawn_from)
{
    static struct known_tail known[] = {
        { -0.4, 2 }, { -0.1, 1 }, { 0, 1 }, { 0.127, 3 }, { 0.5, 0.2 }, { 1.2, 10 },
    };

    return cr_make_param_array(struct known_tail, known, VG_ARRAY_LEN(known));
}

ParameterizedTest(struct known_tail *k, tail, a_fit_finds_the_tail_that_peaks_were_drawn_from)
{
    struct vg_tail tail;
    struct vg_err err;

    draw(k->shape, k->scale);
    cr_assert_eq(vg_tail_fit(&tail, 5, peak, PEAKS, 1e6, &err), VG_OK, "%s", err.msg);
    cr_expect_float_eq((double)tail.shape, k->shape, 0.03);
    cr_expect_float_eq((double)tail.scale, k->scale, 0.03 * k->scale);
    cr_expect_float_eq((double)tail.share, 0.02, 1e-6);
}

Test(tail, surprise_says_how_many_peaks_are_beyond)
{
    struct vg_tail tail;
    struct vg_err err;
    size_t beyond = 0;

    vg_kernel_thread_init();
    draw(0.3, 1);
    cr_assert_eq(vg_tail_fit(&tail, 5, peak, PEAKS, 1e6, &err), VG_OK, "%s", err.msg);
    for (int i = 0; i < PEAKS; i++)
        beyond += peak[i] > 15;
    cr_assert_gt(beyond, 50);
    cr_expect_float_eq((double)vg_tail_surprise(&tail, 15), -vg_ln((double)beyond / 1e6) / 2.302585,
                       0.1);
}

Test(tail, surprise_grows_with_the_score_without_a_step_at_the_threshold)
{
    static const float shapes[] = { -0.5f, -1e-5f, 0, 1e-5f, 0.4f };

    vg_kernel_thread_init();
    for (size_t k = 0; k < VG_ARRAY_LEN(shapes); k++) {
        struct vg_tail tail = { .threshold = 3, .shape = shapes[k], .scale = 2, .share = 0.05f };
        float before = vg_tail_surprise(&tail, 0);

        cr_assert_eq(before, VG_SURPRISE_NONE);
        for (float score = 0.01f; score < 12; score += 0.01f) {
            float now = vg_tail_surprise(&tail, score);

            cr_assert_geq(now, before);
            cr_assert(score > 4 || now - before < 0.02f);
            cr_assert_leq(now, VG_SURPRISE_MAX);
            before = now;
        }
        cr_expect_float_eq((double)vg_tail_surprise(&tail, 3), 1.30103, 1e-5);
    }
}

Test(tail, behind_its_end_a_tail_is_as_sure_as_it_can_be)
{
    struct vg_tail tail = { .threshold = 3, .shape = -0.5f, .scale = 2, .share = 0.05f };

    vg_kernel_thread_init();
    cr_assert_eq(vg_tail_surprise(&tail, 7.5f), VG_SURPRISE_MAX);
}

Test(tail, merging_is_the_mean_of_cotangents)
{
    const float two[] = { 2, 1 };
    /* cot(0.01 pi) = 31.8205, cot(0.1 pi) = 3.0777; mean 17.4491; p = atan(1 / 17.4491) / pi */
    const double p = 0.0182222;

    cr_expect_float_eq((double)vg_surprise_merge(2, two), -vg_ln(p) / vg_ln(10), 1e-4);
}

Test(tail, merging_one_changes_nothing)
{
    for (float s = 0.4f; s < 15; s += 0.1f)
        cr_assert_float_eq((double)vg_surprise_merge(1, &s), (double)s, 1e-5);
}

Test(tail, a_calm_score_costs_a_sure_one_no_more_than_their_number)
{
    const float surprise[] = { 6, 0, VG_SURPRISE_NONE };

    cr_expect_float_eq((double)vg_surprise_merge(3, surprise), 6 - vg_ln(3) / vg_ln(10), 1e-3);
    cr_expect_eq(vg_surprise_merge(2, surprise + 1), VG_SURPRISE_NONE);
    cr_expect_eq(vg_surprise_merge(0, NULL), VG_SURPRISE_NONE);
}

Test(tail, what_is_no_number_is_neither_calm_nor_an_alert)
{
    const struct vg_tail tail = { .threshold = 4, .scale = 1, .share = 0.02f };
    const float surprise[] = { 6, NAN };

    cr_expect(isnan(vg_tail_surprise(&tail, NAN)));
    cr_expect(isnan(vg_surprise_merge(2, surprise)));
}

Test(tail, too_few_or_equal_peaks_are_refused_with_what_is_needed)
{
    struct vg_tail tail;
    struct vg_err err;

    draw(0, 1);
    cr_assert_eq(vg_tail_fit(&tail, 5, peak, VG_TAIL_PEAKS_MIN - 1, 1e6, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "at least 30"), "%s", err.msg);
    for (int i = 0; i < 100; i++)
        peak[i] = 6;
    cr_assert_eq(vg_tail_fit(&tail, 5, peak, 100, 1e6, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "equal"), "%s", err.msg);
}
