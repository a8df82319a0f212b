/* test_autoencoder.c - the autoencoder against PyTorch, and against itself in other batches. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "tests/support/golden.h"

extern const struct vg_model_ops vg_model_autoencoder;

static struct vg_model *model;
static struct vg_err err;
static float *rows, *y, *x;
static uint32_t n_rows;
static void *scratch;

static void load(const char *path, const char *golden)
{
    vg_kernel_thread_init();
    cr_assert_eq(vg_model_autoencoder.load(path, &model, &err), VG_OK, "%s", err.msg);
    rows = golden_read(golden, model, &n_rows);
    scratch = golden_zeroed(model->scratch_size);
    x = golden_zeroed((size_t)VG_BATCH_MAX * model->inputs * sizeof(float));
    y = golden_zeroed((size_t)VG_BATCH_MAX * model->outputs * sizeof(float));
    for (uint32_t i = 0; i < n_rows && i < VG_BATCH_MAX; i++)
        memcpy(x + (size_t)i * model->inputs, rows + (size_t)i * (model->inputs + model->outputs),
               model->inputs * sizeof(float));
}

static void setup(void)
{
    load(GOLDEN("dense.safetensors"), GOLDEN("dense.bin"));
}

static void teardown(void)
{
    free(rows);
    free(scratch);
    free(x);
    free(y);
    model->ops->free(model);
}

TestSuite(autoencoder, .init = setup, .fini = teardown, .timeout = 60);

Test(autoencoder, the_file_says_what_the_model_is)
{
    cr_assert_eq(model->channels, 3);
    cr_assert_eq(model->window, 5);
    cr_assert_eq(model->threshold, 1.5f);
    cr_assert_eq(model->inputs, 30);
    cr_assert_eq(model->outputs, 15);
    cr_assert_eq(model->memory_size, 0);
    cr_assert_eq(model->horizons, 0, "it is no forecaster");
}

static void expect_pytorch(void)
{
    cr_assert_eq(n_rows, VG_BATCH_MAX);
    model->ops->step(model, n_rows, x, NULL, y, scratch);
    for (uint32_t i = 0; i < n_rows; i++) {
        const float *expected = rows + (size_t)i * (model->inputs + model->outputs) + model->inputs;

        for (uint32_t k = 0; k < model->outputs; k++)
            cr_assert_leq(fabsf(y[i * model->outputs + k] - expected[k]), 1e-5f, "row %u", i);
    }
}

Test(autoencoder, a_full_batch_equals_pytorch_to_1e_5)
{
    expect_pytorch();
}

/* Without a fixture, since it loads another file. */
Test(autoencoder_demo, the_autoencoder_of_the_demo_equals_pytorch_too)
{
    load(VG_SOURCE_ROOT "/configs/models/autoencoder.safetensors", GOLDEN("autoencoder.bin"));
    expect_pytorch();
    teardown();
}

Test(autoencoder, results_do_not_depend_on_the_batch)
{
    size_t out = model->outputs * sizeof(float);
    float *alone = golden_zeroed(out);

    for (uint32_t n = 1; n <= VG_BATCH_MAX; n++) {
        model->ops->step(model, n, x, NULL, y, scratch);
        for (uint32_t i = 0; i < n; i++) {
            model->ops->step(model, 1, x + (size_t)i * model->inputs, NULL, alone, scratch);
            cr_assert_arr_eq((uint8_t *)(y + (size_t)i * model->outputs), (uint8_t *)alone, out,
                             "batch %u row %u", n, i);
        }
    }
    free(alone);
}

Test(autoencoder_refused, a_forecaster_is_not_an_autoencoder)
{
    cr_assert_eq(vg_model_autoencoder.load(GOLDEN("lstm.safetensors"), &model, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected \"autoencoder\", it is \"lstm\""), "%s", err.msg);
}
