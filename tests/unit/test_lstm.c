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
    cr_assert_str_eq(vg_kernel_id(), "fma-f32-1");
    cr_assert_eq(hash, UINT64_C(0xf2e376662b9bd99f), "the hash is %#llx", (unsigned long long)hash);
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

enum { FILE_SIZE_MAX = 65536 };

static size_t golden_bytes(char bytes[FILE_SIZE_MAX])
{
    FILE *f = fopen(GOLDEN("lstm.safetensors"), "rb");
    size_t n = fread(bytes, 1, FILE_SIZE_MAX, f);

    fclose(f);
    return n;
}

static void expect_refused(const char *bytes, size_t n, const char *message)
{
    char path[] = "/tmp/vigil-lstm-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "wb");

    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
    cr_expect_eq(vg_model_lstm.load(path, &model, &err), VG_E_MODEL, "%s", message);
    cr_expect(strstr(err.msg, message), "expected %s in %s", message, err.msg);
    remove(path);
}

/* A copy of the golden file in which `from` is replaced by `to`, of the same length. */
static void expect_refusal(const char *from, const char *to, const char *message)
{
    char bytes[FILE_SIZE_MAX];
    size_t n = golden_bytes(bytes);
    char *at = memmem(bytes, n, from, strlen(from));

    cr_assert(at && strlen(from) == strlen(to), "%s", from);
    memcpy(at, to, strlen(to));
    expect_refused(bytes, n, message);
}

Test(lstm_refused, a_file_whose_metadata_are_wrong_says_which)
{
    expect_refusal("\"vigil.schema\":\"1\"", "\"vigil.schema\":\"2\"", "vigil.schema");
    expect_refusal("hr,spo2,rr", "hr,spo3,rr", "\"channels\"");
    expect_refusal("hr,spo2,rr", "hr,spo2,hr", "\"channels\"");
    expect_refusal("/min,%,/min", "/min,%,kPa ", "\"units\"");
    expect_refusal("84,97,18", "84,,97,1", "\"mean\"");
    expect_refusal("84,97,18", "84,97118", "\"mean\": expected 3 entries");
    expect_refusal("15,2,4.5", "15,0,4.5", "\"scale\": expected numbers above 0");
    expect_refusal("\"tick\":\"10s\"", "\"tick\":\"10 \"", "\"tick\"");
    expect_refusal("60s,300s", "60s,305s", "\"horizons\"");
    expect_refusal("60s,300s", "300s,60s", "\"horizons\"");
    expect_refusal("\"ifgo\"", "\"iofg\"", "\"gates\"");
    expect_refusal("\"training_data_sha256\":\"0", "\"training_data_sha256\":\"g", "sha256");
    expect_refusal("\"training_data_sha256\"", "\"training_data_sha257\"", "there is none");
}

Test(lstm_refused, quantiles_must_ascend_and_have_a_median)
{
    expect_refusal("0.5,0.75", "0.5,0.05", "ascending");
    expect_refusal("0.5,0.75", "0.6,0.75", "expected 0.5 among them");
}

Test(lstm_refused, missing_and_extra_tensors_are_named)
{
    expect_refusal("lstm.bias_hh_l1", "lstm.bias_hh_x1", "expected a tensor lstm.bias_hh_l1");
    expect_refusal("lstm.weight_ih_l2", "lstm.weight_ih_x2", "expected no such tensor");
    expect_refusal("head.weight", "head_weight", "expected a tensor head.weight");
}

Test(lstm_refused, weights_that_do_not_do_what_the_file_says_fail_the_self_test)
{
    char bytes[FILE_SIZE_MAX];
    size_t n = golden_bytes(bytes);
    uint64_t header;
    float weight;

    memcpy(&header, bytes, sizeof(header));
    memcpy(&weight, bytes + 8 + header, sizeof(weight));
    weight += 0.01f;
    memcpy(bytes + 8 + header, &weight, sizeof(weight));
    expect_refused(bytes, n, "self-test: expected outputs within 1e-05");
}
