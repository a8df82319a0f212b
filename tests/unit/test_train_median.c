/* test_train_median.c - linear regression for the median. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/train_median.h"

enum { ROWS = 2001 };

static float x[ROWS], target[ROWS], mask[ROWS];

static struct vg_median_rows rows(void)
{
    return (struct vg_median_rows){ ROWS, 1, 1, x, target, mask };
}

static void solve(const struct vg_median_rows *r, double penalty, float *w, float *b)
{
    struct vg_median_fit fit = { .penalty = penalty, .floor = 1e-4, .rounds = 60 };
    struct vg_err err;

    cr_assert_eq(vg_median_solve(r, &fit, w, b, &err), VG_OK);
}

/* A third of the targets lie far above the line: a mean would follow them. */
static void skewed_line(void)
{
    for (int i = 0; i < ROWS; i++) {
        x[i] = (float)(i * 7 % ROWS) / ROWS - 0.5f;
        target[i] = 2 * x[i] + 1 + (i % 3 == 0 ? 50 : 0);
        mask[i] = 1;
    }
}

TestSuite(median, .init = skewed_line);

Test(median, outliers_on_one_side_do_not_move_the_line)
{
    struct vg_median_rows r = rows();
    float w = 0, b = 0;

    solve(&r, 0, &w, &b);
    cr_assert_float_eq(w, 2, 1e-2);
    cr_assert_float_eq(b, 1, 1e-2);
}

Test(median, first_round_is_least_squares)
{
    struct vg_median_rows r = rows();
    struct vg_median_fit fit = { .floor = 1, .rounds = 1 };
    struct vg_err err;
    float w = 0, b = 0;

    cr_assert_eq(vg_median_solve(&r, &fit, &w, &b, &err), VG_OK);
    cr_assert_float_eq(b, 1 + 50.0 / 3, 0.1);
}

Test(median, masked_targets_are_not_looked_at)
{
    struct vg_median_rows r = rows();
    float w = 0, b = 0;

    for (int i = 0; i < ROWS; i += 3) {
        mask[i] = 0;
        target[i] = NAN;
    }
    solve(&r, 0, &w, &b);
    cr_assert_float_eq(w, 2, 1e-5);
    cr_assert_float_eq(b, 1, 1e-5);
}

Test(median, penalty_draws_to_the_start)
{
    struct vg_median_rows r = rows();
    float w = 5, b = 0;

    solve(&r, 1e9, &w, &b);
    cr_assert_float_eq(w, 5, 1e-3);
}

Test(median, an_output_that_was_never_observed_keeps_its_start)
{
    struct vg_median_rows r = rows();
    float w = 1, b = 9;

    for (int i = 0; i < ROWS; i++)
        mask[i] = 0;
    solve(&r, 30, &w, &b);
    cr_assert_eq(w, 1);
    cr_assert_eq(b, 0);
}

Test(median, inputs_that_say_the_same_are_an_error_without_a_penalty)
{
    struct vg_median_rows r = rows();
    struct vg_median_fit fit = { .floor = 0.03, .rounds = 2 };
    struct vg_err err;
    float w = 0, b = 0;

    for (int i = 0; i < ROWS; i++)
        x[i] = 0;
    cr_assert_eq(vg_median_solve(&r, &fit, &w, &b, &err), VG_E_FAILED);
    fit.penalty = 1;
    cr_assert_eq(vg_median_solve(&r, &fit, &w, &b, &err), VG_OK);
    cr_assert_eq(w, 0);
}
