/* Ridge, covariance, PCA and logistic regression against their definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "models/elementary.h"
#include "models/train_linear.h"

enum { ROWS = 700, INPUTS = 6, OUTPUTS = 3 };

static float x[ROWS][INPUTS], y[ROWS][OUTPUTS], mask[ROWS][OUTPUTS];
static struct vg_err err;

/* Fixed numbers in [-1, 1), the same in every run. */
static double draw(void)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / 0x1p52 - 1.0;
}

/* Targets are linear in the inputs, with an offset and noise; a third are not observed, and what
 * lies under a mask of 0 would spoil everything if it were read. */
static void setup(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < INPUTS; j++)
            x[i][j] = (float)(draw() + 0.3 * (double)j);
        for (size_t o = 0; o < OUTPUTS; o++) {
            double sum = 0.5 * (double)o + 0.1 * draw();

            for (size_t j = 0; j < INPUTS; j++)
                sum += ((double)(j * o % 5) - 1.5) * (double)x[i][j];
            mask[i][o] = draw() < 0.3 ? 1.0f : 0.0f;
            y[i][o] = mask[i][o] > 0.0f ? (float)sum : 1e30f;
        }
    }
}

TestSuite(train_linear, .init = setup);

/* The gradient of the penalised loss, which is zero at its minimum. */
static double slope(const float *weight, float bias, size_t output, double penalty, size_t input)
{
    double sum = 0.0;

    for (size_t i = 0; i < ROWS; i++) {
        double e = (double)bias;

        if (mask[i][output] <= 0.0f)
            continue;
        for (size_t j = 0; j < INPUTS; j++)
            e += (double)weight[output * INPUTS + j] * (double)x[i][j];
        e -= (double)y[i][output];
        sum += e * (input < INPUTS ? (double)x[i][input] : 1.0);
    }
    if (input < INPUTS)
        sum += penalty * (double)weight[output * INPUTS + input];
    return sum;
}

Test(train_linear, ridge_is_where_the_gradient_of_its_loss_over_observed_targets_is_zero)
{
    struct vg_ridge *r = vg_ridge_new(INPUTS, OUTPUTS, true);
    float weight[OUTPUTS * INPUTS], bias[OUTPUTS];

    vg_ridge_add(r, ROWS, x[0], y[0], mask[0]);
    for (double penalty = 0.0; penalty < 200.0; penalty += 90.0) {
        cr_assert_eq(vg_ridge_solve(r, penalty, weight, bias, &err), VG_OK, "%s", err.msg);
        for (size_t o = 0; o < OUTPUTS; o++) {
            for (size_t j = 0; j <= INPUTS; j++)
                cr_assert_lt(fabs(slope(weight, bias[o], o, penalty, j)), 1e-3,
                             "output %zu input %zu penalty %g", o, j, penalty);
        }
    }
    vg_ridge_free(r);
}

Test(train_linear, ridge_has_the_same_bits_whatever_pieces_its_rows_come_in)
{
    struct vg_ridge *whole = vg_ridge_new(INPUTS, OUTPUTS, true);
    struct vg_ridge *pieces = vg_ridge_new(INPUTS, OUTPUTS, true);
    float a[OUTPUTS * INPUTS + OUTPUTS], b[OUTPUTS * INPUTS + OUTPUTS];

    vg_ridge_add(whole, ROWS, x[0], y[0], mask[0]);
    for (size_t i = 0; i < ROWS;) {
        size_t n = 1 + i % 13 < ROWS - i ? 1 + i % 13 : ROWS - i;

        vg_ridge_add(pieces, n, x[i], y[i], mask[i]);
        i += n;
    }
    cr_assert_eq(vg_ridge_solve(whole, 1.0, a, a + OUTPUTS * INPUTS, &err), VG_OK);
    cr_assert_eq(vg_ridge_solve(pieces, 1.0, b, b + OUTPUTS * INPUTS, &err), VG_OK);
    cr_assert_arr_eq(a, b, sizeof(a));
    vg_ridge_free(whole);
    vg_ridge_free(pieces);
}

Test(train_linear, ridge_without_masks_and_merged_from_parts_is_that_of_all_rows)
{
    struct vg_ridge *all = vg_ridge_new(INPUTS, 1, true), *plain = vg_ridge_new(INPUTS, 1, false);
    struct vg_ridge *part = vg_ridge_new(INPUTS, 1, false);
    float a[INPUTS + 1], b[INPUTS + 1], target[ROWS], ones[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        target[i] = 2.0f * x[i][0] - x[i][3] + 0.25f;
        ones[i] = 1.0f;
    }
    vg_ridge_add(all, ROWS, x[0], target, ones);
    vg_ridge_add(plain, 300, x[0], target, NULL);
    vg_ridge_add(part, ROWS - 300, x[300], target + 300, NULL);
    vg_ridge_merge(plain, part);
    cr_assert_eq(vg_ridge_solve(all, 0.0, a, a + INPUTS, &err), VG_OK);
    cr_assert_eq(vg_ridge_solve(plain, 0.0, b, b + INPUTS, &err), VG_OK);
    for (size_t i = 0; i <= INPUTS; i++)
        cr_assert_float_eq(a[i], b[i], 1e-6);
    cr_assert_float_eq(a[0], 2.0f, 1e-5);
    cr_assert_float_eq(a[3], -1.0f, 1e-5);
    cr_assert_float_eq(a[INPUTS], 0.25f, 1e-5);
    vg_ridge_free(all);
    vg_ridge_free(plain);
    vg_ridge_free(part);
}

Test(train_linear, ridge_gives_zeros_for_an_output_that_was_never_observed)
{
    struct vg_ridge *r = vg_ridge_new(INPUTS, OUTPUTS, true);
    float weight[OUTPUTS * INPUTS], bias[OUTPUTS];

    for (size_t i = 0; i < ROWS; i++)
        mask[i][1] = 0.0f;
    vg_ridge_add(r, ROWS, x[0], y[0], mask[0]);
    cr_assert_eq(vg_ridge_solve(r, 1.0, weight, bias, &err), VG_OK, "%s", err.msg);
    for (size_t j = 0; j < INPUTS; j++)
        cr_assert_eq(weight[INPUTS + j], 0.0f);
    cr_assert_eq(bias[1], 0.0f);
    cr_assert_neq(bias[2], 0.0f);
    vg_ridge_free(r);
}

Test(train_linear, ridge_says_when_inputs_determine_each_other)
{
    struct vg_ridge *r = vg_ridge_new(INPUTS, 1, false);
    float weight[INPUTS], bias, target[ROWS] = { 0 };

    for (size_t i = 0; i < ROWS; i++)
        x[i][5] = 0.0f;
    vg_ridge_add(r, ROWS, x[0], target, NULL);
    cr_assert_eq(vg_ridge_solve(r, 0.0, weight, &bias, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "greater penalty"), "%s", err.msg);
    cr_assert_eq(vg_ridge_solve(r, 1e-3, weight, &bias, &err), VG_OK, "%s", err.msg);
    vg_ridge_free(r);
}

Test(train_linear, covariance_counts_the_pairs_that_were_observed_together)
{
    const float rows[4][2] = { { 1, 2 }, { 3, 1e30f }, { 5, 6 }, { 7, 1e30f } };
    const float seen[4][2] = { { 1, 1 }, { 1, 0 }, { 1, 1 }, { 1, 0 } };
    struct vg_covariance *c = vg_covariance_new(2);
    double mean[2], cov[4];

    vg_covariance_add(c, 4, rows[0], seen[0]);
    vg_covariance_get(c, mean, cov);
    cr_assert_float_eq(mean[0], 4.0, 1e-12);
    cr_assert_float_eq(mean[1], 4.0, 1e-12);
    cr_assert_float_eq(cov[0], 5.0, 1e-12);
    cr_assert_float_eq(cov[3], 4.0, 1e-12);
    cr_assert_float_eq(cov[1], ((1 - 4) * (2 - 4) + (5 - 4) * (6 - 4)) / 2.0, 1e-12);
    cr_assert_eq(cov[1], cov[2]);
    vg_covariance_free(c);
}

/* What must hold of eigenvectors: A v = value v, orthonormal rows, descending values. */
static void check_eigen(size_t n, const double *a)
{
    double *copy = malloc(n * n * sizeof(double)), *vector = malloc(n * n * sizeof(double));
    double *value = malloc(n * sizeof(double));

    memcpy(copy, a, n * n * sizeof(double));
    vg_eigen_symmetric((uint32_t)n, copy, value, vector);
    for (size_t i = 0; i < n; i++) {
        cr_assert(i == 0 || value[i] <= value[i - 1]);
        for (size_t j = 0; j < n; j++) {
            double product = 0.0, inner = 0.0;

            for (size_t k = 0; k < n; k++) {
                product += a[j * n + k] * vector[i * n + k];
                inner += vector[i * n + k] * vector[j * n + k];
            }
            cr_assert_float_eq(product, value[i] * vector[i * n + j], 1e-11 * (double)n,
                               "size %zu, vector %zu", n, i);
            cr_assert_float_eq(inner, i == j ? 1.0 : 0.0, 1e-12, "size %zu", n);
        }
    }
    free(copy);
    free(value);
    free(vector);
}

Test(train_linear, eigenvectors_are_orthonormal_and_satisfy_their_equation)
{
    enum { LARGEST = 60 };
    static double a[LARGEST * LARGEST];

    for (size_t n = 1; n <= LARGEST; n += n < 5 ? 1 : 11) {
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j <= i; j++)
                a[i * n + j] = a[j * n + i] = draw();
        }
        check_eigen(n, a);
        /* Repeated values, and a matrix of rank one. */
        for (size_t i = 0; i < n * n; i++)
            a[i] = i % (n + 1) == 0 ? (double)(i / (n + 1) % 3) : 0.0;
        check_eigen(n, a);
        for (size_t i = 0; i < n * n; i++)
            a[i] = 1.0;
        check_eigen(n, a);
    }
}

Test(train_linear, pca_finds_the_direction_in_which_rows_spread)
{
    struct vg_covariance *c = vg_covariance_new(INPUTS);
    float mean[INPUTS], component[2 * INPUTS], variance[2];

    for (size_t i = 0; i < ROWS; i++) {
        float along = (float)draw() * 10.0f;

        for (size_t j = 0; j < INPUTS; j++)
            x[i][j] = 0.1f * (float)draw() + (j < 2 ? along : 3.0f);
    }
    vg_covariance_add(c, ROWS, x[0], NULL);
    vg_pca(c, 2, mean, component, variance);
    cr_assert_float_eq(component[0], 0.70711f, 1e-3);
    cr_assert_float_eq(component[1], 0.70711f, 1e-3);
    cr_assert_float_eq(mean[4], 3.0f, 0.02);
    cr_assert_float_eq(variance[0], 2.0f * 100.0f / 3.0f, 6.0f);
    cr_assert_lt(variance[1], 0.01f);
    vg_covariance_free(c);
}

Test(train_linear, logistic_regression_is_where_the_gradient_of_its_loss_is_zero)
{
    float label[ROWS], sample[ROWS], weight[INPUTS], bias;
    const double penalty = 0.5;
    double g[INPUTS + 1] = { 0 };

    for (size_t i = 0; i < ROWS; i++) {
        label[i] = (double)x[i][0] - (double)x[i][1] + draw() > 0.0 ? 1.0f : 0.0f;
        sample[i] = i % 3 == 0 ? 2.0f : 1.0f;
    }
    cr_assert_eq(vg_logistic_fit(ROWS, INPUTS, x[0], label, sample, penalty, weight, &bias, &err),
                 VG_OK, "%s", err.msg);
    for (size_t i = 0; i < ROWS; i++) {
        double z = (double)bias, e;

        for (size_t j = 0; j < INPUTS; j++)
            z += (double)weight[j] * (double)x[i][j];
        e = (double)sample[i] * (1.0 / (1.0 + vg_exp(-z)) - (double)label[i]);
        for (size_t j = 0; j < INPUTS; j++)
            g[j] += e * (double)x[i][j];
        g[INPUTS] += e;
    }
    for (size_t j = 0; j < INPUTS; j++)
        cr_assert_lt(fabs(g[j] + penalty * (double)weight[j]), 1e-3, "input %zu", j);
    cr_assert_lt(fabs(g[INPUTS]), 1e-3);
    cr_assert_gt(weight[0], 1.0f);
    cr_assert_lt(weight[1], -1.0f);
}

Test(train_linear, logistic_regression_without_penalty_says_when_classes_are_separable)
{
    float label[ROWS], weight[INPUTS], bias;

    for (size_t i = 0; i < ROWS; i++)
        label[i] = x[i][0] > 0.0f ? 1.0f : 0.0f;
    for (size_t i = 0; i < ROWS; i++)
        x[i][1] = 0.0f;
    cr_assert_eq(vg_logistic_fit(ROWS, INPUTS, x[0], label, NULL, 0.0, weight, &bias, &err),
                 VG_E_FAILED);
    cr_assert(strstr(err.msg, "greater penalty"), "%s", err.msg);
    cr_assert_eq(vg_logistic_fit(ROWS, INPUTS, x[0], label, NULL, 1.0, weight, &bias, &err), VG_OK,
                 "%s", err.msg);
}
