/* Gradients of every layer and loss in double, against finite differences. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "models/train.h"

enum { SEQUENCES = 3, STEPS = 5, INPUTS = 6, TARGETS_MAX = 12, SHORT = 6, LONG = 200 };

struct check {
    char network[96];
    enum vg_loss loss;
    uint32_t quantiles;
    bool masks; /* of inputs: for a decay layer */
};

static struct check checks[] = {
    { "dense:4", VG_LOSS_MSE, 0, false },
    { "dense:5:relu,dense:7:tanh,dense:4:sigmoid", VG_LOSS_MSE, 0, false },
    { "lstm:7,dense:3", VG_LOSS_MSE, 0, false },
    { "lstm:5,lstm:4,dense:2", VG_LOSS_MSE, 0, false },
    { "gru:6,gru:5,dense:3", VG_LOSS_MSE, 0, false },
    { "rnn:6,rnn:4,dense:3", VG_LOSS_MSE, 0, false },
    { "lstm:4,dense:6:relu,gru:3,rnn:3", VG_LOSS_MSE, 0, false },
    { "lstm:6,dense:12", VG_LOSS_PINBALL, 3, false },
    { "gru:6,dense:10", VG_LOSS_PINBALL, 5, false },
    { "dense:3", VG_LOSS_PINBALL, 1, false },
    { "lstm:6,dense:3", VG_LOSS_BCE, 0, false },
    { "dense:8:tanh,dense:4:sigmoid", VG_LOSS_BCE, 0, false },
    { "rnn:6,dense:4", VG_LOSS_CROSS_ENTROPY, 0, false },
    { "decay:2,gru:5,dense:2:sigmoid", VG_LOSS_BCE, 0, true },
    { "decay:2,lstm:5,dense:6", VG_LOSS_PINBALL, 3, true },
    { "decay:2,dense:3", VG_LOSS_MSE, 0, true },
};

static float x[SEQUENCES][STEPS][INPUTS], target[SEQUENCES][STEPS * TARGETS_MAX];
static float mask[SEQUENCES][STEPS * TARGETS_MAX], base[SEQUENCES][STEPS * TARGETS_MAX];
static float weight[SEQUENCES][STEPS];
static struct vg_train_sequence sequence[SEQUENCES];

/* Fixed numbers in [0, 1), the same in every run. */
static double draw(void)
{
    static uint64_t state = 7;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / 0x1p53;
}

/* A third of the targets is missing, with values there that would spoil everything; sequences have
 * different lengths, and steps weigh differently. */
static struct vg_train_memory make_data(const struct check *c, uint32_t targets)
{
    for (size_t i = 0; i < SEQUENCES; i++) {
        for (size_t t = 0; t < STEPS; t++) {
            weight[i][t] = (float)(0.5 + draw());
            for (size_t j = 0; j < INPUTS; j++)
                x[i][t][j] = (float)(2.0 * draw() - 1.0);
            for (size_t j = 0; c->masks && j < INPUTS / 3; j++) {
                x[i][t][INPUTS / 3 + j] = draw() < 0.5 ? 1.0f : 0.0f;
                x[i][t][2 * INPUTS / 3 + j] = (float)(3.0 * draw());
            }
        }
        for (size_t j = 0; j < (size_t)STEPS * targets; j++) {
            mask[i][j] = draw() < 0.67 ? 1.0f : 0.0f;
            target[i][j] = (float)draw();
            if (c->loss == VG_LOSS_CROSS_ENTROPY)
                target[i][j] = (float)(j % 4);
            if (mask[i][j] <= 0.0f)
                target[i][j] = 1e30f;
            base[i][j] = (float)draw();
        }
        sequence[i] = (struct vg_train_sequence){
            .steps = (uint32_t)(STEPS - i),
            .x = x[i][0],
            .target = target[i],
            .mask = mask[i],
            .base = base[i],
            .weight = weight[i],
        };
    }
    return (struct vg_train_memory){ SEQUENCES, sequence, INPUTS, targets };
}

static struct vg_trainee *make_trainee(const struct check *c)
{
    struct vg_objective o = { .loss = c->loss, .quantiles = c->quantiles };
    struct vg_network n;
    struct vg_trainee *t;
    struct vg_err err;

    for (uint32_t q = 0; q < c->quantiles; q++)
        o.quantile[q] = ((float)q + 1.0f) / ((float)c->quantiles + 1.0f);
    cr_assert_eq(vg_network_parse(&n, c->network, INPUTS, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_trainee_new(&n, &o, 5, &t, &err), VG_OK, "%s", err.msg);
    /* Of both signs, so that some decay and some do not. */
    for (size_t i = 0; c->masks && i < 4; i++)
        vg_trainee_parameters(t)[i] = i % 2 ? 0.4 : -0.1;
    return t;
}

static void check_tensor(struct vg_trainee *t, const struct vg_train_set *set,
                         const struct vg_layer_tensor *tensor, const double *gradient)
{
    const size_t most = getenv("VIGIL_LONG") ? LONG : SHORT;
    const size_t checked = tensor->size < most ? tensor->size : most;
    const double step = 1e-6;

    for (size_t k = 0; k < checked; k++) {
        size_t i = tensor->offset + k * tensor->size / checked;
        double *p = vg_trainee_parameters(t) + i, kept = *p, above, below, slope;

        *p = kept + step;
        above = vg_trainee_loss(t, set, 1);
        *p = kept - step;
        below = vg_trainee_loss(t, set, 1);
        *p = kept;
        slope = (above - below) / (2.0 * step);
        /* Below 1e-3 the difference of two losses has no six digits. */
        cr_assert_lt(fabs(slope - gradient[i]), 1e-6 * fmax(fabs(slope), 1e-3),
                     "%s [%zu]: %.12g, by differences %.12g", tensor->name, i - tensor->offset,
                     gradient[i], slope);
    }
}

ParameterizedTestParameters(train_gradient, gradients_are_those_of_finite_differences)
{
    return cr_make_param_array(struct check, checks, VG_ARRAY_LEN(checks));
}

ParameterizedTest(struct check *c, train_gradient, gradients_are_those_of_finite_differences)
{
    struct vg_trainee *t = make_trainee(c);
    const struct vg_network *n = vg_trainee_network(t);
    struct vg_objective o = { .loss = c->loss, .quantiles = c->quantiles };
    struct vg_train_memory memory = make_data(c, vg_objective_targets(&o, vg_network_outputs(n)));
    struct vg_train_set set = vg_train_memory(&memory);
    double *gradient = calloc(vg_trainee_parameter_count(t), sizeof(double));
    double *sharded = calloc(vg_trainee_parameter_count(t), sizeof(double));
    struct vg_layer_tensor tensor;
    double loss = vg_trainee_gradient(t, &set, 1, gradient), all = 0.0;

    cr_assert_float_eq(loss, vg_trainee_loss(t, &set, 1), 1e-12, "%s", c->network);
    for (uint32_t i = 0; i < n->layers; i++) {
        for (uint32_t j = 0; vg_network_tensor(n, i, j, &tensor); j++)
            check_tensor(t, &set, &tensor, gradient);
    }
    cr_assert_float_eq(vg_trainee_gradient(t, &set, 2, sharded), loss, 1e-12);
    for (size_t i = 0; i < vg_trainee_parameter_count(t); i++) {
        cr_assert_float_eq(gradient[i], sharded[i], 1e-12, "%s [%zu]", c->network, i);
        all += fabs(gradient[i]);
    }
    cr_assert_gt(all, 1e-3, "a gradient of nothing proves nothing");
    vg_trainee_free(t);
    free(gradient);
    free(sharded);
}
