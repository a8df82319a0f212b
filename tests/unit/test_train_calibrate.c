/* test_train_calibrate.c - quantiles that hold their share on other data. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/network.h"
#include "models/train_calibrate.h"

enum { STEPS = 4000, CELLS = 2, QUANTILES = 5 };

static float x[STEPS], target[STEPS][CELLS], mask[STEPS][CELLS], base[STEPS][CELLS];
static struct vg_train_sequence sequence = {
    .steps = STEPS, .x = x, .target = target[0], .mask = mask[0], .base = base[0]
};
static const struct vg_train_memory memory = { 1, &sequence, 1, CELLS };
static const struct vg_objective objective = { .loss = VG_LOSS_PINBALL,
                                               .quantiles = QUANTILES,
                                               .quantile = { .05f, .25f, .5f, .75f, .95f } };
static struct vg_trainee *trainee;
static struct vg_err err;

/* Cell 0: 0 to 1 evenly, spread anew around the base; cell 1 the same, mostly unobserved. */
static void setup(void)
{
    struct vg_network network;

    cr_assert_eq(vg_network_parse(&network, "dense:10", 1, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_trainee_new(&network, &objective, 1, &trainee, &err), VG_OK, "%s", err.msg);
    for (size_t i = 0; i < vg_trainee_parameter_count(trainee); i++)
        vg_trainee_parameters(trainee)[i] = 0;
    for (int t = 0; t < STEPS; t++) {
        base[t][0] = base[t][1] = (float)(t % 7);
        target[t][0] = target[t][1] = base[t][0] + (float)(t * 1999 % STEPS) / STEPS - 0.5f;
        mask[t][0] = 1;
        mask[t][1] = t < 100 ? 1 : 0;
    }
}

static void teardown(void)
{
    vg_trainee_free(trainee);
}

TestSuite(calibrate, .init = setup, .fini = teardown);

struct shares {
    double below[CELLS][QUANTILES];
};

static void count(void *ctx, size_t s, uint32_t from, uint32_t n, const vg_real *y, size_t stride)
{
    struct shares *shares = ctx;

    (void)s;
    for (uint32_t i = 0; i < n; i++)
        for (int c = 0; c < CELLS; c++)
            for (int q = 0; q < QUANTILES; q++)
                shares->below[c][q] +=
                    target[from + i][c] < y[i * stride + (size_t)(c * QUANTILES + q)] ? 1.0 / STEPS
                                                                                      : 0;
}

static struct shares shares_now(const struct vg_train_set *set)
{
    struct shares s = { 0 };

    vg_trainee_predict(trainee, set, 1, count, &s);
    return s;
}

Test(calibrate, each_quantile_has_its_share_below_it)
{
    const struct vg_train_set set = vg_train_memory(&memory);
    struct shares before = shares_now(&set), after;

    cr_assert(before.below[0][0] < 0.01 && before.below[0][4] > 0.99); /* softplus(0) is wide */
    cr_assert_eq(vg_train_calibrate(trainee, &objective, &set, 1, &err), VG_OK, "%s", err.msg);
    after = shares_now(&set);
    cr_assert_float_eq(after.below[0][1], 0.25, 2e-3, "%g", after.below[0][1]);
    cr_assert_float_eq(after.below[0][2], 0.5, 2e-3);
    cr_assert_float_eq(after.below[0][3], 0.75, 2e-3);
}

Test(calibrate, a_cell_of_few_targets_stays)
{
    const struct vg_train_set set = vg_train_memory(&memory);
    struct shares before = shares_now(&set), after;

    cr_assert_eq(vg_train_calibrate(trainee, &objective, &set, 1, &err), VG_OK);
    after = shares_now(&set);
    for (int q = 0; q < QUANTILES; q++)
        cr_assert_eq(after.below[1][q], before.below[1][q]);
}

Test(calibrate, a_bias_moves_by_one_at_most)
{
    const struct vg_train_set set = vg_train_memory(&memory);
    const vg_real *p;

    for (int t = 0; t < STEPS; t++)
        target[t][0] = base[t][0]; /* no interval is narrow enough */
    cr_assert_eq(vg_train_calibrate(trainee, &objective, &set, 1, &err), VG_OK);
    p = vg_trainee_parameters(trainee) + 10; /* weights [10, 1], then biases */
    cr_assert_float_eq(p[1], -1, 1e-6);
    cr_assert_eq(p[2], 0);
    cr_assert_float_eq(p[3], -1, 1e-6);
}
