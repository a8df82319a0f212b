/* test_models.c - every kind of model against PyTorch (tests/unit/golden/make_models.py), and
 * against itself in other batches and after a pause. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "models/kernel.h"
#include "models/load.h"
#include "models/selftest.h"
#include "tests/support/golden.h"

TestSuite(models, .timeout = 60);

struct row {
    char name[24];
    char kind[16];
    uint32_t inputs, outputs, state; /* floats */
};

static struct row rows[] = {
    { "lstm", "lstm", 12, 30, 114 },     { "gru", "gru", 12, 18, 19 },
    { "rnn", "rnn", 9, 9, 21 },          { "mixed", "lstm", 6, 6, 23 },
    { "ridge", "ridge", 9, 12, 0 },      { "dense", "autoencoder", 30, 15, 0 },
    { "pca", "pca", 30, 15, 0 },         { "autoencoder_range", "autoencoder", 24, 12, 0 },
    { "mlp", "mlp", 10, 2, 0 },          { "logistic", "logistic", 12, 1, 0 },
    { "risk", "risk", 18, 1, 18 },       { "mean", "mean", 15, 1, 42 },
    { "stacked", "stacked", 19, 1, 28 },
};

static struct vg_model *load(const char *name)
{
    struct vg_model *m = NULL;
    struct vg_err err;
    char path[256];

    snprintf(path, sizeof(path), GOLDEN("%s.safetensors"), name);
    cr_assert_eq(vg_model_open(path, &m, &err), VG_OK, "%s", err.msg);
    return m;
}

ParameterizedTestParameters(models, each_kind_gives_what_pytorch_gave)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct row *row, models, each_kind_gives_what_pytorch_gave)
{
    struct vg_model *m = load(row->name);

    cr_assert_str_eq(m->ops->name, row->kind);
    cr_assert_eq(m->inputs, row->inputs, "%u", m->inputs);
    cr_assert_eq(m->outputs, row->outputs, "%u", m->outputs);
    cr_assert_eq(m->memory_size, row->state * sizeof(float), "%zu", m->memory_size);
    cr_assert_geq(m->selftest_steps, 20);
    /* Twelve times the sigmoid's error where the range of a window is 12. */
    cr_assert_leq(m->selftest_difference, m->window == 4 ? 3e-6f : 1e-6f, "%g",
                  (double)m->selftest_difference);
    cr_assert(m->sealed);
    m->ops->free(m);
}

/* Four batches of streams, each with inputs of its own. */
static void expect_same_bits(const struct vg_model *m, uint32_t n, const float *x)
{
    const size_t out = m->outputs * sizeof(float);
    float *together = golden_zeroed(n * out), *alone = golden_zeroed(out);
    void *memory[VG_BATCH_MAX], *lone = golden_zeroed(m->memory_size);
    void *scratch = golden_zeroed(m->scratch_size);

    for (uint32_t i = 0; i < n; i++)
        memory[i] = golden_zeroed(m->memory_size);
    m->ops->step(m, n, x, memory, together, scratch);
    m->ops->step(m, n, x, memory, together, scratch);
    for (uint32_t i = 0; i < n; i++) {
        memset(lone, 0, m->memory_size);
        memset(scratch, 0xff, m->scratch_size);
        m->ops->step(m, 1, x + (size_t)i * m->inputs, &lone, alone, scratch);
        m->ops->step(m, 1, x + (size_t)i * m->inputs, &lone, alone, scratch);
        cr_assert(memcmp(together + (size_t)i * m->outputs, alone, out) == 0, "row %u of %u", i, n);
        cr_assert(memcmp(memory[i], lone, m->memory_size) == 0, "memory of row %u of %u", i, n);
        free(memory[i]);
    }
    free(together);
    free(alone);
    free(lone);
    free(scratch);
}

ParameterizedTestParameters(models, results_and_memory_do_not_depend_on_the_batch)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct row *row, models, results_and_memory_do_not_depend_on_the_batch)
{
    struct vg_model *m = load(row->name);
    float *x = golden_zeroed(sizeof(float) * VG_BATCH_MAX * m->inputs);

    vg_kernel_thread_init();
    vg_selftest_fill(m, VG_BATCH_MAX, x);
    for (uint32_t n = 1; n <= VG_BATCH_MAX; n += n < 18 ? 1 : 23)
        expect_same_bits(m, n, x);
    free(x);
    m->ops->free(m);
}

ParameterizedTestParameters(models, memory_saved_and_restored_changes_no_bit)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct row *row, models, memory_saved_and_restored_changes_no_bit)
{
    enum { STEPS = 30, PAUSE = 13 };
    struct vg_model *m = load(row->name);
    const size_t out = STEPS * m->outputs * sizeof(float);
    float *x = golden_zeroed(sizeof(float) * STEPS * m->inputs);
    float *whole = golden_zeroed(out), *parts = golden_zeroed(out);
    void *memory = golden_zeroed(m->memory_size), *saved = golden_zeroed(m->memory_size);
    void *scratch = golden_zeroed(m->scratch_size);

    vg_kernel_thread_init();
    vg_selftest_fill(m, STEPS, x);
    vg_selftest_run(m, STEPS, x, whole);
    for (size_t t = 0; t < STEPS; t++) {
        if (t == PAUSE) {
            memcpy(saved, memory, m->memory_size);
            memset(memory, 0x7f, m->memory_size);
        }
        m->ops->step(m, 1, x + t * m->inputs, t < PAUSE ? &memory : &saved, parts + t * m->outputs,
                     scratch);
    }
    cr_assert(memcmp(whole, parts, out) == 0);
    free(x);
    free(whole);
    free(parts);
    free(memory);
    free(saved);
    free(scratch);
    m->ops->free(m);
}

ParameterizedTestParameters(models, the_loader_of_a_kind_takes_no_other)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct row *row, models, the_loader_of_a_kind_takes_no_other)
{
    struct vg_model *m;
    struct vg_err err;
    char path[256];

    snprintf(path, sizeof(path), GOLDEN("%s.safetensors"), row->name);
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        const struct vg_model_ops *ops = vg_model_kind(rows[i].kind);

        cr_assert(ops, "%s", rows[i].kind);
        if (strcmp(rows[i].kind, row->kind) == 0)
            continue;
        cr_assert_eq(ops->load(path, &m, &err), VG_E_MODEL);
        cr_assert(strstr(err.msg, "metadata \"kind\": expected"), "%s", err.msg);
    }
}

Test(models, a_forecaster_says_what_it_is)
{
    struct vg_model *m = load("gru");

    cr_assert_eq(m->channels, 3);
    cr_assert_eq(m->channel[1], VG_CHANNEL_spo2);
    cr_assert_eq(m->mean[1], 97.0f);
    cr_assert_eq(m->tick_ns, 30 * VG_NS_PER_S);
    cr_assert_str_eq(m->features, "z,mask,age,baseline");
    cr_assert_str_eq(m->network, "gru:11,gru:8,dense:9:tanh,dense:18");
    cr_assert_str_eq(m->skip, "ridge");
    cr_assert_eq(m->parameters, 792 + 504 + 81 + 180 + 78 + 33);
    cr_assert_eq(m->horizons, 2);
    cr_assert_eq(m->horizon_ns[1], 300 * VG_NS_PER_S);
    m->ops->free(m);
}

Test(models, a_classifier_names_and_scales_its_variables)
{
    struct vg_model *m = load("risk");

    cr_assert_eq(m->channels, 0);
    cr_assert_eq(m->horizons + m->window, 0);
    cr_assert_eq(m->variables, 6);
    cr_assert_str_eq(m->variable[5].name, "v5.x");
    cr_assert_eq(m->variable[5].mean, 0.5f);
    cr_assert_eq(m->variable[5].scale, 2.0f);
    cr_assert_eq(m->tick_ns, 3600 * VG_NS_PER_S);
    cr_assert_str_eq(m->features, "value,mask,age");
    m->ops->free(m);
}

Test(models, one_of_several_has_members)
{
    struct vg_model *m = load("stacked");

    cr_assert_eq(m->members, 2);
    cr_assert_str_eq(m->member[0]->ops->name, "mean");
    cr_assert_eq(m->member[0]->members, 2);
    cr_assert_str_eq(m->member[1]->ops->name, "logistic");
    cr_assert_eq(m->inputs, m->member[0]->inputs + m->member[1]->inputs);
    cr_assert_eq(m->variables, 0, "its rows are those of its members");
    m->ops->free(m);
    m = load("mean");
    cr_assert_eq(m->variables, 5, "its rows are those of each member");
    m->ops->free(m);
}

/* What a mask calls missing must not be looked at: PCA projects zeros in its place. */
Test(models, pca_does_not_see_what_the_mask_hides)
{
    struct vg_model *m = load("pca");
    float *x = golden_zeroed(2 * m->inputs * sizeof(float)), y[2][15];

    vg_selftest_fill(m, 1, x);
    memcpy(x + m->inputs, x, m->inputs * sizeof(float));
    for (uint32_t i = 0; i < m->outputs; i++)
        x[m->inputs + i] += x[m->outputs + i] == 0.0f ? 5.0f : 0.0f;
    vg_selftest_run(m, 2, x, y[0]);
    cr_assert(memcmp(y[0], y[1], sizeof(y[0])) == 0);
    free(x);
    m->ops->free(m);
}
