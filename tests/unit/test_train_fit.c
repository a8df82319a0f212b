/* The loop of training: what it learns, and that neither threads nor an interruption change a byte. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "models/kernel.h"
#include "models/stack.h"
#include "models/train.h"

enum { SEQUENCES = 45, STEPS = 24, INPUTS = 4, TARGETS = 2, HEADS = 6, SEED = 11 };

static float x[SEQUENCES][STEPS][INPUTS], target[SEQUENCES][STEPS][TARGETS];
static float mask[SEQUENCES][STEPS][TARGETS];
static struct vg_train_sequence sequence[SEQUENCES];
static struct vg_train_memory learn = { 30, sequence, INPUTS, TARGETS };
static struct vg_train_memory judge = { SEQUENCES - 30, sequence + 30, INPUTS, TARGETS };
static struct vg_train_set train, validation;
static struct vg_err err;
static char path[64];

/* Fixed numbers in [0, 1), the same in every run. */
static double draw(void)
{
    static uint64_t state = 3;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / 0x1p53;
}

/* Sums of what was seen so far, which takes memory to know, of sequences of many lengths; a third
 * of the targets is missing. */
static void setup(void)
{
    for (size_t i = 0; i < SEQUENCES; i++) {
        float sum = 0.0f;

        for (size_t t = 0; t < STEPS; t++) {
            for (size_t j = 0; j < INPUTS; j++)
                x[i][t][j] = (float)(2.0 * draw() - 1.0);
            sum = 0.8f * sum + 0.4f * x[i][t][0];
            target[i][t][0] = sum + (float)(0.05 * draw());
            target[i][t][1] = x[i][t][1] * 0.5f;
            for (size_t j = 0; j < TARGETS; j++)
                mask[i][t][j] = draw() < 0.67 ? 1.0f : 0.0f;
        }
        sequence[i] = (struct vg_train_sequence){ .steps = (uint32_t)(STEPS - i % 7),
                                                  .x = x[i][0],
                                                  .target = target[i][0],
                                                  .mask = mask[i][0] };
    }
    train = vg_train_memory(&learn);
    validation = vg_train_memory(&judge);
    snprintf(path, sizeof(path), "/tmp/test_train_fit.%d.safetensors", (int)getpid());
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(train_fit, .init = setup, .fini = teardown);

static struct vg_trainee *make_seeded(const char *text, uint64_t seed)
{
    const struct vg_objective o = { .loss = VG_LOSS_PINBALL,
                                    .quantiles = 3,
                                    .quantile = { 0.1f, 0.5f, 0.9f } };
    struct vg_network n;
    struct vg_trainee *t;

    cr_assert_eq(vg_network_parse(&n, text, INPUTS, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_trainee_new(&n, &o, seed, &t, &err), VG_OK, "%s", err.msg);
    return t;
}

static struct vg_trainee *make_trainee(const char *text)
{
    return make_seeded(text, SEED);
}

/* Everything that is random or cut into parts, at once. */
static struct vg_fit make_fit(void)
{
    struct vg_fit f = vg_fit_default();

    f.rate = 1e-2;
    f.batch = 8;
    f.epochs = 6;
    f.window = 7;
    f.shards = 3;
    f.clip = 1.0;
    f.dropout = 0.2;
    f.noise = 0.02;
    f.drop = 0.02;
    f.weight_decay = 1e-4;
    f.schedule = VG_COSINE;
    f.factor = 0.1;
    return f;
}

static size_t bytes_of(const struct vg_trainee *t)
{
    return vg_trainee_parameter_count(t) * sizeof(vg_real);
}

static struct vg_trainee *fitted(const struct vg_fit *f, struct vg_fit_result *result)
{
    struct vg_trainee *t = make_trainee("lstm:8,gru:8,dense:6");

    cr_assert_eq(vg_trainee_fit(t, f, &train, &validation, result, &err), VG_OK, "%s", err.msg);
    return t;
}

Test(train_fit, learns_what_takes_memory_to_know)
{
    struct vg_trainee *t = make_trainee("lstm:8,gru:8,dense:6");
    struct vg_fit f = make_fit();
    struct vg_fit_result result;
    double before = vg_trainee_loss(t, &validation, 1);

    f.epochs = 30;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, &validation, &result, &err), VG_OK, "%s", err.msg);
    cr_assert_lt(result.best, 0.4 * before, "%g of %g", result.best, before);
    cr_assert_eq(vg_trainee_loss(t, &validation, 1), result.best);
    vg_trainee_free(t);
}

Test(train_fit, the_same_seed_gives_the_same_bytes_with_any_number_of_workers)
{
    struct vg_fit f = make_fit();
    struct vg_fit_result first, result;
    struct vg_trainee *t = fitted(&f, &first);

    for (uint32_t workers = 1; workers <= 8; workers *= 2) {
        struct vg_trainee *again;

        f.workers = workers;
        again = fitted(&f, &result);
        cr_assert_eq(result.best, first.best);
        cr_assert_eq(result.loss, first.loss);
        cr_assert_arr_eq(vg_trainee_parameters(t), vg_trainee_parameters(again), bytes_of(t),
                         "%u workers", workers);
        cr_assert_eq(vg_trainee_loss(t, &train, workers), vg_trainee_loss(again, &train, 1));
        vg_trainee_free(again);
    }
    vg_trainee_free(t);
}

Test(train_fit, decay_learns_the_same_bytes_with_any_number_of_workers)
{
    const struct vg_train_memory three = { 30, sequence, 3, TARGETS };
    const struct vg_train_set set = vg_train_memory(&three);
    const struct vg_objective o = { .loss = VG_LOSS_MSE };
    struct vg_trainee *t[2];
    struct vg_network n;
    struct vg_fit f = make_fit();
    struct vg_fit_result result;

    f.shards = 8;
    f.drop = f.noise = 0.0;
    cr_assert_eq(vg_network_parse(&n, "decay:1,gru:8,dense:2", 3, &err), VG_OK, "%s", err.msg);
    for (uint32_t i = 0; i < 2; i++) {
        f.workers = 1 + 2 * i;
        cr_assert_eq(vg_trainee_new(&n, &o, SEED, &t[i], &err), VG_OK, "%s", err.msg);
        cr_assert_eq(vg_trainee_fit(t[i], &f, &set, NULL, &result, &err), VG_OK, "%s", err.msg);
    }
    cr_assert_arr_eq(vg_trainee_parameters(t[0]), vg_trainee_parameters(t[1]), bytes_of(t[0]));
    vg_trainee_free(t[0]);
    vg_trainee_free(t[1]);
}

Test(train_fit, the_same_seed_gives_the_same_bytes_with_every_form_of_the_kernel)
{
    struct vg_fit f = make_fit();
    struct vg_fit_result first, result;
    struct vg_trainee *t;
    const struct vg_kernel *form;

    f.epochs = 2;
    t = fitted(&f, &first);
    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++) {
        struct vg_trainee *again;

        cr_assert(vg_kernel_choose(form->name));
        again = fitted(&f, &result);
        cr_assert_eq(result.best, first.best);
        cr_assert_arr_eq(vg_trainee_parameters(t), vg_trainee_parameters(again), bytes_of(t), "%s",
                         form->name);
        vg_trainee_free(again);
    }
    vg_trainee_free(t);
}

/* Ends the fit in the middle of epoch *ctx. */
static bool stop_in_epoch(void *ctx, const struct vg_fit_progress *p)
{
    const uint32_t *epoch = ctx;

    return p->epoch < *epoch || p->batch < 3;
}

Test(train_fit, a_resumed_fit_gives_the_bytes_of_an_uninterrupted_one)
{
    struct vg_fit f = make_fit();
    struct vg_fit_result whole, result;
    struct vg_trainee *uninterrupted = fitted(&f, &whole);
    uint32_t epoch;

    f.checkpoint = path;
    f.resume = true;
    f.progress = stop_in_epoch;
    f.ctx = &epoch;
    for (epoch = 2; epoch <= 6; epoch += 2) {
        vg_trainee_free(fitted(&f, &result));
        cr_assert(result.stopped);
        cr_assert_eq(result.epochs, epoch - 1);
    }
    f.progress = NULL;
    f.workers = 2;
    for (int i = 0; i < 2; i++) {
        struct vg_trainee *t = fitted(&f, &result);

        cr_assert_eq(result.epochs, whole.epochs);
        cr_assert_eq(result.best_epoch, whole.best_epoch);
        cr_assert_eq(result.best, whole.best);
        cr_assert_eq(result.loss, whole.loss);
        cr_assert_arr_eq(vg_trainee_parameters(t), vg_trainee_parameters(uninterrupted),
                         bytes_of(t));
        vg_trainee_free(t);
    }
    vg_trainee_free(uninterrupted);
}

static void expect_refused(const struct vg_fit *f, uint64_t seed, const char *why)
{
    struct vg_fit_result result;
    struct vg_trainee *t = make_seeded("lstm:8,gru:8,dense:6", seed);

    cr_assert_eq(vg_trainee_fit(t, f, &train, &validation, &result, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, why), "%s", err.msg);
    vg_trainee_free(t);
}

Test(train_fit, a_checkpoint_of_another_fit_or_with_a_changed_byte_is_refused)
{
    struct vg_fit f = make_fit();
    struct vg_fit_result result;
    struct vg_trainee *t;
    FILE *file;

    f.checkpoint = path;
    f.epochs = 2;
    vg_trainee_free(fitted(&f, &result));
    f.resume = true;
    f.rate *= 2.0;
    expect_refused(&f, SEED, "differs in recipe;");
    f.rate /= 2.0;
    expect_refused(&f, SEED + 1, "differs in seed;");
    x[3][2][1] += 0.5f;
    expect_refused(&f, SEED, "differs in data;");
    f.clip *= 2.0;
    expect_refused(&f, SEED + 1, "differs in recipe, data, seed;");
    f.clip /= 2.0;
    x[3][2][1] -= 0.5f;
    mask[SEQUENCES - 1][0][0] = 1.0f - mask[SEQUENCES - 1][0][0];
    expect_refused(&f, SEED, "differs in data;");
    mask[SEQUENCES - 1][0][0] = 1.0f - mask[SEQUENCES - 1][0][0];
    t = make_trainee("lstm:8,gru:8,dense:6");
    file = fopen(path, "r+");
    cr_assert(file);
    cr_assert_eq(fseek(file, -5, SEEK_END), 0);
    cr_assert_neq(fputc(0x3d, file), EOF);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(vg_trainee_fit(t, &f, &train, &validation, &result, &err), VG_E_MODEL);
    vg_trainee_free(t);
}

Test(train_fit, ends_when_the_validation_loss_stays_and_keeps_the_best_parameters)
{
    struct vg_fit f = make_fit();
    struct vg_fit_result result;
    struct vg_trainee *t;

    f.epochs = 200;
    f.patience = 3;
    f.rate = 0.05;
    f.schedule = VG_CONSTANT;
    t = fitted(&f, &result);
    cr_assert_lt(result.epochs, 200u);
    cr_assert_eq(result.epochs, result.best_epoch + 3);
    cr_assert_eq(vg_trainee_loss(t, &validation, 1), result.best);
    vg_trainee_free(t);
}

/* What every output up to step `until` was, for all sequences. */
struct outputs {
    uint32_t until;
    float y[SEQUENCES][STEPS][HEADS];
};

static void keep(void *ctx, size_t which, uint32_t from, uint32_t n, const vg_real *y,
                 size_t stride)
{
    struct outputs *o = ctx;

    for (uint32_t t = 0; t < n && from + t < o->until; t++)
        memcpy(o->y[which][from + t], y + t * stride, sizeof(o->y[which][from + t]));
}

Test(train_fit, changing_the_future_changes_no_output_before_it)
{
    enum { NOW = 13 };
    static struct outputs before = { .until = NOW }, after = { .until = NOW };
    struct vg_trainee *t = make_trainee("gru:8,lstm:8,rnn:8,dense:6");

    vg_trainee_predict(t, &train, 1, keep, &before);
    for (size_t i = 0; i < SEQUENCES; i++) {
        for (size_t s = NOW; s < STEPS; s++)
            x[i][s][i % INPUTS] += 100.0f;
    }
    vg_trainee_predict(t, &train, 2, keep, &after);
    cr_assert_arr_eq(&before, &after, sizeof(before));
    after.until = STEPS;
    vg_trainee_predict(t, &train, 2, keep, &after);
    cr_assert_neq(memcmp(&before, &after, sizeof(before)), 0);
    vg_trainee_free(t);
}

/* The network of a sequence, one step at a time. */
static void step_live(const struct vg_stack *s, size_t which, float y[STEPS][HEADS])
{
    float *state = calloc(vg_network_state(&s->network), sizeof(float));
    void *scratch = vg_kernel_alloc(vg_stack_scratch(s)), *states[] = { state };

    cr_assert(state);
    for (size_t t = 0; t < sequence[which].steps; t++)
        vg_stack_step(s, 1, x[which][t], states, y[t], scratch);
    free(state);
    free(scratch);
}

Test(train_fit, what_is_evaluated_is_what_the_network_computes_live)
{
    static struct outputs evaluated = { .until = STEPS };
    const struct vg_objective mse = { .loss = VG_LOSS_MSE };
    struct vg_train_memory m = { 30, sequence, INPUTS, HEADS };
    struct vg_train_set set = vg_train_memory(&m);
    static float none[STEPS * HEADS];
    struct vg_network n;
    struct vg_trainee *t;
    struct vg_stack s;

    for (size_t i = 0; i < SEQUENCES; i++)
        sequence[i].target = sequence[i].mask = none;
    cr_assert_eq(
        vg_network_parse(&n, "lstm:9,dense:7:tanh,gru:20,rnn:8,dense:6:sigmoid", INPUTS, &err),
        VG_OK);
    cr_assert_eq(vg_trainee_new(&n, &mse, 2, &t, &err), VG_OK);
    vg_trainee_predict(t, &set, 2, keep, &evaluated);
    vg_kernel_thread_init();
    vg_stack_init(&s, NULL, &n, vg_trainee_parameters(t));
    for (size_t i = 0; i < 30; i++) {
        static float live[STEPS][HEADS];

        step_live(&s, i, live);
        for (size_t k = 0; k < (size_t)sequence[i].steps * HEADS; k++)
            cr_assert_float_eq(live[k / HEADS][k % HEADS], evaluated.y[i][k / HEADS][k % HEADS],
                               1e-6f, "sequence %zu", i);
    }
    vg_stack_done(&s);
    vg_trainee_free(t);
}

Test(train_fit, quantiles_never_cross)
{
    static struct outputs o = { .until = STEPS };
    struct vg_trainee *t = make_trainee("lstm:8,dense:6");

    for (size_t i = 0; i < vg_trainee_parameter_count(t); i++)
        vg_trainee_parameters(t)[i] *= 30.0f;
    vg_trainee_predict(t, &train, 1, keep, &o);
    for (size_t i = 0; i < 30; i++) {
        for (size_t k = 0; k < HEADS; k += 3)
            cr_assert(o.y[i][9][k] <= o.y[i][9][k + 1] && o.y[i][9][k + 1] <= o.y[i][9][k + 2]);
    }
    vg_trainee_free(t);
}

Test(train_fit, a_loss_that_explodes_is_told_and_the_best_parameters_stay)
{
    struct vg_trainee *t = make_trainee("dense:6");
    struct vg_fit f = vg_fit_default();
    struct vg_fit_result result;

    f.optimizer = VG_SGD;
    f.epochs = 3;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, &validation, &result, &err), VG_OK);
    target[0][0][0] = 3e38f;
    mask[0][0][0] = 1.0f;
    x[0][0][0] = 3e38f;
    f.rate = 1e3;
    f.epochs = 50;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, &validation, &result, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "lower rate"), "%s", err.msg);
    for (size_t i = 0; i < vg_trainee_parameter_count(t); i++)
        cr_assert(isfinite(vg_trainee_parameters(t)[i]));
    vg_trainee_free(t);
}

Test(train_fit, nothing_observed_changes_nothing)
{
    struct vg_trainee *t = make_trainee("lstm:8,dense:6"), *fresh = make_trainee("lstm:8,dense:6");
    struct vg_fit f = make_fit();
    struct vg_fit_result result;

    memset(mask, 0, sizeof(mask));
    cr_assert_eq(vg_trainee_fit(t, &f, &train, NULL, &result, &err), VG_OK, "%s", err.msg);
    cr_assert_arr_eq(vg_trainee_parameters(t), vg_trainee_parameters(fresh), bytes_of(t));
    cr_assert(isnan(vg_trainee_loss(t, &train, 1)));
    vg_trainee_free(t);
    vg_trainee_free(fresh);
}

Test(train_fit, options_out_of_range_are_refused_by_name)
{
    struct vg_trainee *t = make_trainee("dense:4:tanh,dense:6");
    struct vg_fit f = vg_fit_default();
    struct vg_fit_result result;

    f.dropout = 1.0;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, NULL, &result, &err), VG_E_CONFIG);
    cr_assert_str_eq(err.option, "dropout");
    f.dropout = 0.5;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, NULL, &result, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "layer before the last"), "%s", err.msg);
    f.dropout = 0.0;
    f.noise_values = 3;
    f.noise_masks = true;
    cr_assert_eq(vg_trainee_fit(t, &f, &train, NULL, &result, &err), VG_E_CONFIG);
    cr_assert_str_eq(err.option, "noise_values");
    vg_trainee_free(t);
}

Test(train_fit, an_objective_that_does_not_fit_the_network_is_refused)
{
    struct vg_objective o = { .loss = VG_LOSS_PINBALL, .quantiles = 2, .quantile = { 0.1f, 0.5f } };
    struct vg_network n;
    struct vg_trainee *t;

    cr_assert_eq(vg_network_parse(&n, "dense:5:relu", INPUTS, &err), VG_OK);
    cr_assert_eq(vg_trainee_new(&n, &o, 1, &t, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "multiple"), "%s", err.msg);
    o.quantiles = 1;
    cr_assert_eq(vg_trainee_new(&n, &o, 1, &t, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "0.5"), "%s", err.msg);
    o.loss = VG_LOSS_BCE;
    cr_assert_eq(vg_trainee_new(&n, &o, 1, &t, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "sigmoid"), "%s", err.msg);
    o.loss = VG_LOSS_CROSS_ENTROPY;
    cr_assert_eq(vg_trainee_new(&n, &o, 1, &t, &err), VG_E_CONFIG);
    n.layers = 0;
    cr_assert_eq(vg_trainee_new(&n, &o, 1, &t, &err), VG_E_CONFIG);
}
