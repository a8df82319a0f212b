/* test_lstm.c - the forecaster against PyTorch, and against itself in other batches. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "tests/support/golden.h"

extern const struct vg_model_ops vg_model_lstm;

static struct vg_model *model;
static struct vg_err err;
static float *rows, *y;
static uint32_t steps;
static void *memory[VG_BATCH_MAX], *scratch;

static void load(const char *path)
{
    vg_kernel_thread_init();
    cr_assert_eq(vg_model_lstm.load(path, &model, &err), VG_OK, "%s", err.msg);
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
        memory[i] = golden_zeroed(model->memory_size);
    scratch = golden_zeroed(model->scratch_size);
    y = golden_zeroed((size_t)VG_BATCH_MAX * model->outputs * sizeof(float));
}

static void setup(void)
{
    load(GOLDEN("lstm.safetensors"));
    rows = golden_read(GOLDEN("lstm.bin"), model, &steps);
}

static void teardown(void)
{
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
        free(memory[i]);
    free(scratch);
    free(y);
    free(rows);
    model->ops->free(model);
}

TestSuite(lstm, .init = setup, .fini = teardown, .timeout = 60);

static const float *input(uint32_t t)
{
    return rows + (size_t)t * (model->inputs + model->outputs);
}

/* Streams all rows through one patient; returns the largest difference from PyTorch. */
static float stream_difference(void)
{
    float largest = 0.0f;

    for (uint32_t t = 0; t < steps; t++) {
        model->ops->step(model, 1, input(t), memory, y, scratch);
        for (uint32_t i = 0; i < model->outputs; i++) {
            float d = fabsf(y[i] - input(t)[model->inputs + i]);

            cr_assert(d <= 1e-5f, "step %u output %u: %g, PyTorch %g", t, i, (double)y[i],
                      (double)input(t)[model->inputs + i]);
            largest = fmaxf(largest, d);
        }
    }
    return largest;
}

Test(lstm, the_file_says_what_the_model_is)
{
    cr_assert_eq(model->channels, 3);
    cr_assert_eq(model->channel[1], VG_CHANNEL_spo2);
    cr_assert_eq(model->mean[0], 84.0f);
    cr_assert_eq(model->scale[2], 4.5f);
    cr_assert_eq(model->tick_ns, 10 * VG_NS_PER_S);
    cr_assert_eq(model->inputs, 12);
    cr_assert_eq(model->horizons, 2);
    cr_assert_eq(model->horizon_ns[1], 300 * VG_NS_PER_S);
    cr_assert_eq(model->quantiles, 5);
    cr_assert_eq(model->quantile[3], 0.75f);
    cr_assert_eq(model->outputs, 30);
    cr_assert_eq(model->memory_size, 3 * 2 * 19 * sizeof(float));
    cr_assert_eq(strlen(model->sha256), 64);
}

Test(lstm, streaming_equals_pytorch_to_1e_5_over_200_steps)
{
    cr_assert_geq(steps, 200);
    cr_log_info("largest difference %g", (double)stream_difference());
}

/* The same in every build type, compiler and processor. When this changes, snapshots and recorded
 * events of before no longer hold: give vg_kernel_id() a new name, then the new number here. */
Test(lstm, the_bits_are_those_of_the_arithmetic_contract)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (uint32_t t = 0; t < steps; t++) {
        model->ops->step(model, 1, input(t), memory, y, scratch);
        for (size_t i = 0; i < model->outputs * sizeof(float); i++)
            hash = (hash ^ ((const uint8_t *)y)[i]) * UINT64_C(0x100000001b3);
    }
    cr_assert_str_eq(vg_kernel_id(), "fma-f32-2");
    cr_assert_eq(hash, UINT64_C(0x1d3226d2a502d1eb), "the hash is %#llx", (unsigned long long)hash);
}

Test(lstm, quantiles_ascend)
{
    for (uint32_t t = 0; t < steps; t++) {
        model->ops->step(model, 1, input(t), memory, y, scratch);
        for (uint32_t i = 0; i + 1 < model->outputs; i++) {
            if ((i + 1) % model->quantiles != 0)
                cr_assert_leq(y[i], y[i + 1], "step %u output %u", t, i);
        }
    }
}

/* Patients at different steps of the same stream, in batches of every size: the bits of each must
 * be those of the patient alone. */
Test(lstm, results_and_memory_do_not_depend_on_the_batch)
{
    size_t out = model->outputs * sizeof(float);
    float *x = golden_zeroed((size_t)VG_BATCH_MAX * model->inputs * sizeof(float));
    float *alone = golden_zeroed((size_t)VG_BATCH_MAX * out);
    void *lone = golden_zeroed(model->memory_size);

    for (uint32_t n = 1; n <= VG_BATCH_MAX; n++) {
        for (uint32_t i = 0; i < n; i++) {
            memset(memory[i], 0, model->memory_size);
            memcpy(x + (size_t)i * model->inputs, input(i), model->inputs * sizeof(float));
        }
        model->ops->step(model, n, x, memory, y, scratch);
        model->ops->step(model, n, x, memory, y, scratch);
        for (uint32_t i = 0; i < n; i++) {
            memset(lone, 0, model->memory_size);
            model->ops->step(model, 1, input(i), &lone, alone, scratch);
            model->ops->step(model, 1, input(i), &lone, alone, scratch);
            cr_assert_arr_eq((uint8_t *)(y + (size_t)i * model->outputs), (uint8_t *)alone, out,
                             "batch %u row %u", n, i);
            cr_assert_arr_eq((uint8_t *)memory[i], (uint8_t *)lone, model->memory_size,
                             "batch %u row %u", n, i);
        }
    }
    free(x);
    free(alone);
    free(lone);
}

Test(lstm, memory_saved_and_restored_in_the_middle_changes_no_bit)
{
    float *expected = golden_zeroed(model->outputs * sizeof(float));

    for (uint32_t t = 0; t < 100; t++)
        model->ops->step(model, 1, input(t), memory, y, scratch);
    memcpy(memory[1], memory[0], model->memory_size);
    model->ops->step(model, 1, input(100), &memory[0], expected, scratch);
    memset(scratch, 0xff, model->scratch_size);
    model->ops->step(model, 1, input(100), &memory[1], y, scratch);
    cr_assert_arr_eq((uint8_t *)y, (uint8_t *)expected, model->outputs * sizeof(float));
    free(expected);
}

/* Without a fixture, since it loads another file. */
Test(lstm_demo, the_forecaster_of_the_demo_equals_pytorch_too)
{
    load(VG_SOURCE_ROOT "/configs/models/forecast.safetensors");
    rows = golden_read(GOLDEN("forecast.bin"), model, &steps);
    cr_assert_geq(steps, 200);
    stream_difference();
    teardown();
}

Test(lstm_refused, an_autoencoder_is_not_a_forecaster)
{
    cr_assert_eq(vg_model_lstm.load(GOLDEN("dense.safetensors"), &model, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "dense.safetensors"), "%s", err.msg);
    cr_assert(strstr(err.msg, "expected \"lstm\", it is \"autoencoder\""), "%s", err.msg);
}

Test(lstm_refused, a_missing_file_is_named)
{
    cr_assert_eq(vg_model_lstm.load("/nowhere/x.safetensors", &model, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "/nowhere/x.safetensors"), "%s", err.msg);
}
