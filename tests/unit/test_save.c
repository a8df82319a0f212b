/* test_save.c - models that were saved: what comes back, and what cannot be saved. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <unistd.h>

#include "models/load.h"
#include "models/save.h"
#include "models/selftest.h"
#include "tests/support/golden.h"

static char path[] = "/tmp/vigil-save-XXXXXX";
static struct vg_model about;
static struct vg_network network;
static struct vg_variable variable[] = { { "age", 60.0f, 15.0f }, { "gcs.min", 11.5f, 4.25f } };
static float parameters[8192];
static struct vg_save parts;
static struct vg_err err;

static void setup(void)
{
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    close(fd);
    memset(about.training_data_sha256, 'c', 64);
    for (size_t i = 0; i < VG_ARRAY_LEN(parameters); i++)
        parameters[i] = (float)((i * 7919) % 1000) / 2500.0f - 0.2f;
    parts = (struct vg_save){ .about = &about, .parameters = parameters };
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(save, .init = setup, .fini = teardown, .timeout = 60);

static void vital_signs(void)
{
    about.channels = 3;
    about.channel[0] = VG_CHANNEL_hr;
    about.channel[1] = VG_CHANNEL_spo2;
    about.channel[2] = VG_CHANNEL_temp;
    for (int c = 0; c < 3; c++) {
        about.mean[c] = 80.1f + (float)c;
        about.scale[c] = 0.3f * (float)(c + 1);
    }
    about.tick_ns = 30 * VG_NS_PER_S;
}

static void forecaster(const char *layers, const char *features, const char *skip)
{
    vital_signs();
    strcpy(about.features, features);
    strcpy(about.skip, skip);
    about.horizons = 2;
    about.horizon_ns[0] = 60 * VG_NS_PER_S;
    about.horizon_ns[1] = 600 * VG_NS_PER_S;
    about.quantiles = 3;
    about.quantile[0] = 0.05f;
    about.quantile[1] = 0.5f;
    about.quantile[2] = 0.95f;
    about.inputs = 6;
    if (layers) {
        cr_assert_eq(vg_network_parse(&network, layers, about.inputs, &err), VG_OK, "%s", err.msg);
        parts.network = &network;
    }
}

static void window(void)
{
    vital_signs();
    about.window = 4;
    about.threshold = 1.75f;
}

static struct vg_model *saved(const char *kind)
{
    struct vg_model *m;

    parts.kind = kind;
    cr_assert_eq(vg_model_save(path, &parts, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_model_open(path, &m, &err), VG_OK, "%s", err.msg);
    cr_assert(m->sealed);
    cr_assert_eq(m->selftest_difference, 0.0f, "it answered its own question");
    cr_assert_str_eq(m->training_data_sha256, about.training_data_sha256);
    return m;
}

static void expect_refused(const char *kind, const char *message)
{
    parts.kind = kind;
    unlink(path);
    cr_assert_eq(vg_model_save(path, &parts, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, message), "%s", err.msg);
    cr_assert_neq(access(path, F_OK), 0, "nothing is written");
}

static void expect_forecaster(const struct vg_model *m)
{
    cr_assert_eq(m->channels, 3);
    for (int c = 0; c < 3; c++) {
        cr_assert_eq(m->channel[c], about.channel[c]);
        cr_assert_eq(m->mean[c], about.mean[c], "bit by bit");
        cr_assert_eq(m->scale[c], about.scale[c], "bit by bit");
    }
    cr_assert_eq(m->tick_ns, about.tick_ns);
    cr_assert_str_eq(m->features, about.features);
    cr_assert_str_eq(m->skip, about.skip);
    cr_assert_eq(m->horizons, 2);
    cr_assert_eq(m->horizon_ns[1], about.horizon_ns[1]);
    cr_assert_eq(m->quantiles, 3);
    cr_assert_eq(m->quantile[2], 0.95f);
}

Test(save, a_forecaster_comes_back_as_it_was)
{
    struct vg_model *m;

    forecaster("lstm:7,gru:5,dense:18", "z,mask", "persistence");
    m = saved("lstm");
    expect_forecaster(m);
    cr_assert_str_eq(m->network, "lstm:7,gru:5,dense:18");
    m->ops->free(m);
}

Test(save, a_network_of_zeros_is_its_skip)
{
    float x[6] = { 0.5f, -1.0f, 2.0f, 1, 1, 0 }, y[18];
    struct vg_model *m;

    memset(parameters, 0, sizeof(parameters));
    forecaster("rnn:4,dense:18", "z,mask", "persistence");
    m = saved("rnn");
    vg_selftest_run(m, 1, x, y);
    for (int c = 0; c < 3; c++) {
        for (int h = 0; h < 2; h++)
            cr_assert_eq(y[c * 6 + h * 3 + 1], x[c]);
    }
    m->ops->free(m);
}

Test(save, a_ridge_gives_its_line_and_its_distances)
{
    float weight[6 * 6] = { 0 }, bias[6], offset[18] = { 0 };
    float x[6] = { 0.5f, -1.0f, 2.0f, 0.25f, 0.125f, 3 }, y[18];
    struct vg_model *m;

    forecaster(NULL, "z,ewma:5m", "ridge");
    for (int i = 0; i < 6; i++) {
        bias[i] = (float)i;
        weight[i * 6 + i / 2] = 0.5f;
        weight[i * 6 + 3 + i / 2] = 0.25f;
    }
    parts.skip_weight = weight;
    parts.skip_bias = bias;
    parts.offset = offset;
    m = saved("ridge");
    expect_forecaster(m);
    cr_assert_eq(m->memory_size, 0);
    vg_selftest_run(m, 1, x, y);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(y[3 * i + 1], bias[i] + 0.5f * x[i / 2] + 0.25f * x[3 + i / 2]);
        cr_assert_float_eq(y[3 * i + 2] - y[3 * i + 1], logf(2.0f), 1e-6, "softplus(0)");
    }
    m->ops->free(m);
}

Test(save, an_autoencoder_comes_back_with_its_range)
{
    struct vg_model *m;

    window();
    strcpy(about.features, "z");
    parts.low = -6.0f;
    parts.high = 6.0f;
    cr_assert_eq(vg_network_parse(&network, "dense:5:relu,dense:12:sigmoid", 12, &err), VG_OK);
    parts.network = &network;
    m = saved("autoencoder");
    cr_assert_eq(m->window, 4);
    cr_assert_eq(m->threshold, 1.75f);
    cr_assert_eq(m->inputs, 24, "masks come along");
    cr_assert_eq(m->network_inputs, 12, "and are not seen");
    m->ops->free(m);
}

Test(save, principal_components_reconstruct_what_they_span)
{
    float center[12], components[2 * 12] = { 0 }, x[24], y[12];
    struct vg_model *m;

    window();
    for (int i = 0; i < 12; i++) {
        center[i] = 0.1f * (float)i;
        x[12 + i] = 1.0f;
        x[i] = center[i];
    }
    components[3] = components[12 + 7] = 1.0f;
    x[3] += 2.0f;
    x[7] -= 1.0f;
    x[8] += 4.0f;
    parts.center = center;
    parts.components = components;
    parts.components_n = 2;
    m = saved("pca");
    vg_selftest_run(m, 1, x, y);
    for (int i = 0; i < 12; i++)
        cr_assert_float_eq(y[i], i == 8 ? center[i] : x[i], 1e-6, "entry %d", i);
    m->ops->free(m);
}

static void classifier(const char *layers, uint32_t inputs, const char *features)
{
    about.variables = VG_ARRAY_LEN(variable);
    about.variable = variable;
    strcpy(about.features, features);
    cr_assert_eq(vg_network_parse(&network, layers, inputs, &err), VG_OK, "%s", err.msg);
    parts.network = &network;
}

Test(save, classifiers_come_back_with_their_variables)
{
    struct vg_model *m;

    classifier("dense:3:relu,dense:1:sigmoid", 2, "value");
    parts.note = "made by a test";
    m = saved("mlp");
    cr_assert_eq(m->variables, 2);
    cr_assert_str_eq(m->variable[1].name, "gcs.min");
    cr_assert_eq(m->variable[1].scale, 4.25f);
    m->ops->free(m);
    classifier("decay:2,lstm:4,dense:1:sigmoid", 6, "value,mask,age");
    about.tick_ns = 3600 * VG_NS_PER_S;
    m = saved("risk");
    cr_assert_eq(m->tick_ns, about.tick_ns);
    cr_assert_eq(m->inputs, 6);
    m->ops->free(m);
}

Test(save, a_question_of_the_callers_is_kept)
{
    const float x[2 * 6] = { 1, 2, 3, 1, 1, 1, 4, 5, 6, 1, 0, 1 };
    struct vg_model *m;

    forecaster("lstm:7,dense:18", "z,mask", "none");
    parts.selftest = x;
    parts.selftest_steps = 2;
    m = saved("lstm");
    cr_assert_eq(m->selftest_steps, 2);
    m->ops->free(m);
}

static size_t read_file(const char *name, uint8_t *bytes, size_t max)
{
    FILE *f = fopen(name, "rb");
    size_t n;

    cr_assert(f, "%s", name);
    n = fread(bytes, 1, max, f);
    fclose(f);
    return n;
}

Test(save, the_same_model_twice_is_the_same_file)
{
    static uint8_t first[1 << 16], second[1 << 16];
    struct vg_model *m;
    size_t n;

    forecaster("gru:7,dense:18", "z,mask", "persistence");
    m = saved("gru");
    m->ops->free(m);
    n = read_file(path, first, sizeof(first));
    m = saved("gru");
    m->ops->free(m);
    cr_assert_eq(read_file(path, second, sizeof(second)), n);
    cr_assert(memcmp(first, second, n) == 0);
}

Test(save, parts_that_make_no_model_are_refused_before_a_file_is_there)
{
    forecaster("gru:7,dense:17", "z,mask", "persistence");
    expect_refused("gru", "expected 18 outputs, channels times horizons times quantiles");
    forecaster("gru:7,dense:18", "z,mask", "persistence");
    expect_refused("lstm", "expected the first layer that is not dense to be lstm");
    expect_refused("nonsense", "there is no model of kind nonsense");
    about.scale[1] = 0.0f;
    expect_refused("gru", "\"scale\": expected numbers above 0");
    about.scale[1] = 1.0f;
    parameters[5] = NAN;
    expect_refused("gru", "tensor gru.weight_ih_l0: expected finite values, number 5 is not");
}

/* ---- several in one ---- */

static void write_member(const char *file, uint32_t seed)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(parameters); i++)
        parameters[i] = (float)((i * 7919 + seed * 104729) % 1000) / 2500.0f - 0.2f;
    cr_assert_eq(vg_model_save(file, &parts, &err), VG_OK, "%s", err.msg);
}

Test(save, a_mean_gives_the_mean_of_its_members)
{
    char file[2][32] = { "/tmp/vigil-m0-XXXXXX", "/tmp/vigil-m1-XXXXXX" };
    const char *const files[] = { file[0], file[1] };
    struct vg_model *m[3];
    float x[10 * 6], y[3][10];

    classifier("decay:2,gru:4,dense:1:sigmoid", 6, "value,mask,age");
    about.tick_ns = 3600 * VG_NS_PER_S;
    parts.kind = "risk";
    for (uint32_t i = 0; i < 2; i++) {
        close(mkstemp(file[i]));
        write_member(file[i], i);
        cr_assert_eq(vg_model_open(file[i], &m[i], &err), VG_OK, "%s", err.msg);
    }
    cr_assert_eq(vg_model_save_members(path, "mean", 2, files, NULL, 0, NULL, &err), VG_OK, "%s",
                 err.msg);
    cr_assert_eq(vg_model_open(path, &m[2], &err), VG_OK, "%s", err.msg);
    cr_assert_str_eq(m[2]->training_data_sha256, about.training_data_sha256);
    vg_selftest_fill(m[2], 10, x);
    for (int i = 0; i < 3; i++)
        vg_selftest_run(m[i], 10, x, y[i]);
    for (int t = 0; t < 10; t++)
        cr_assert_eq(y[2][t], (y[0][t] + y[1][t]) / 2.0f);
    for (int i = 0; i < 3; i++)
        m[i]->ops->free(m[i]);
    unlink(file[0]);
    unlink(file[1]);
}

Test(save, a_stacked_model_weighs_logits)
{
    const char *const files[] = { GOLDEN("mean.safetensors"), GOLDEN("logistic.safetensors") };
    const float weight[] = { 0.0f, 1.0f };
    struct vg_model *one, *both;
    float x[15 + 12], y, alone;

    cr_assert_eq(vg_model_save_members(path, "stacked", 2, files, weight, 0, NULL, &err), VG_OK,
                 "%s", err.msg);
    cr_assert_eq(vg_model_open(path, &both, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_model_open(files[1], &one, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(both->inputs, VG_ARRAY_LEN(x));
    vg_selftest_fill(both, 1, x);
    vg_selftest_run(both, 1, x, &y);
    vg_selftest_run(one, 1, x + 15, &alone);
    cr_assert_float_eq(y, alone, 1e-6, "the weight of the other is 0");
    one->ops->free(one);
    both->ops->free(both);
}

Test(save, a_stacked_model_may_bend)
{
    const char *const files[] = { GOLDEN("logistic.safetensors") };
    const float weight[] = { 1.0f };
    struct vg_model *one, *bent;
    float x[VG_BATCH_MAX], y, alone, logit;

    cr_assert_eq(vg_model_open(files[0], &one, &err), VG_OK, "%s", err.msg);
    vg_selftest_fill(one, 1, x);
    vg_selftest_run(one, 1, x, &alone);
    logit = logf(alone / (1.0f - alone));
    for (int above = 0; above < 2; above++) {
        const float bend[] = { above ? logit - 1.0f : logit + 1.0f, 0.5f };
        float want = 1.0f / (1.0f + expf(-(logit + (above ? 0.5f : 0.0f))));

        cr_assert_eq(vg_model_save_members(path, "stacked", 1, files, weight, 0, bend, &err), VG_OK,
                     "%s", err.msg);
        cr_assert_eq(vg_model_open(path, &bent, &err), VG_OK, "%s", err.msg);
        vg_selftest_run(bent, 1, x, &y);
        cr_assert_float_eq(y, want, 1e-5, "%.7g is not %.7g", (double)y, (double)want);
        bent->ops->free(bent);
    }
    one->ops->free(one);
}

Test(save, members_that_do_not_fit_are_refused)
{
    const char *const shapes[] = { GOLDEN("risk.safetensors"), GOLDEN("mlp.safetensors") };
    const char *const windows[] = { GOLDEN("pca.safetensors") };
    const char *const nested[] = { GOLDEN("stacked.safetensors") };
    const char *const missing[] = { "/nowhere.safetensors" };
    const float weight[] = { 1.0f, 1.0f };

    cr_assert_eq(vg_model_save_members(path, "mean", 2, shapes, NULL, 0, NULL, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "member m1: expected the shape of member 0"), "%s", err.msg);
    cr_assert_eq(vg_model_save_members(path, "mean", 1, windows, NULL, 0, NULL, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a forecaster or a classifier"), "%s", err.msg);
    cr_assert_eq(vg_model_save_members(path, "stacked", 1, windows, weight, 0, NULL, &err),
                 VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a classifier with one output"), "%s", err.msg);
    cr_assert_eq(vg_model_save_members(path, "stacked", 1, nested, weight, 0, NULL, &err),
                 VG_E_MODEL);
    cr_assert(strstr(err.msg, "\"m0.kind\": expected one that can be a member"), "%s", err.msg);
    cr_assert_eq(vg_model_save_members(path, "mean", 1, missing, NULL, 0, NULL, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "/nowhere.safetensors"), "%s", err.msg);
    cr_assert_eq(vg_model_save_members(path, "mean", 0, missing, NULL, 0, NULL, &err), VG_E_MODEL);
}
