/* test_model_file.c - model files that are not what they should be: each is refused with the
 * reason, whatever was done to it. What is wrong with a file as safetensors: test_safetensors.c. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "models/load.h"
#include "tests/support/model_bytes.h"

TestSuite(model_file, .timeout = 300);

static uint8_t bytes[MODEL_BYTES_MAX];
static size_t size;
static struct vg_err err;

/* The bytes lie in memory of exactly their size, so that a sanitizer sees one too far. */
static vg_status parse(void)
{
    uint8_t *copy = malloc(size + 1);
    struct vg_model *m;
    vg_status st;

    cr_assert(copy);
    memcpy(copy + 1, bytes, size);
    err = (struct vg_err){ 0 };
    st = vg_model_parse("m.safetensors", copy + 1, size, &m, &err);
    free(copy);
    if (st == VG_OK)
        m->ops->free(m);
    return st;
}

static void expect_refused(const char *message)
{
    cr_expect_eq(parse(), VG_E_MODEL, "was taken: %s", message);
    cr_expect(strstr(err.msg, message), "expected \"%s\" in: %s", message, err.msg);
    cr_expect(strncmp(err.msg, "m.safetensors: ", 15) == 0, "%s", err.msg);
}

struct bad {
    char file[24];
    char from[120];
    char to[120];
    char message[120];
};

ParameterizedTestParameters(model_file, metadata_that_are_wrong_are_named)
{
    static struct bad rows[] = {
        { "lstm", "\"vigil.schema\":\"2\"", "\"vigil.schema\":\"1\"",
          "\"vigil.schema\": expected" },
        { "lstm", "\"vigil.schema\"", "\"vigil.scheme\"", "expected \"vigil.schema\"" },
        { "lstm", "\"kind\":\"lstm\"", "\"kind\":\"lstn\"", "\"kind\": expected a type of model" },
        { "lstm", "\"kind\":\"lstm\"", "\"kinf\":\"lstm\"", "expected \"kind\"" },
        { "lstm", "\"kind\":\"lstm\"", "\"kind\":\"mean\"", "expected \"members\"" },
        { "lstm", "hr,spo2,rr", "hr,spo3,rr", "\"channels\"" },
        { "lstm", "hr,spo2,rr", "hr,spo2,hr", "\"channels\"" },
        { "lstm", "/min,%,/min", "/min,%,kPa ", "\"units\"" },
        { "lstm", "84,97,18", "84,,97,1", "\"mean\"" },
        { "lstm", "84,97,18", "84,97,1e", "\"mean\"" },
        { "lstm", "84,97,18", "84,97118", "\"mean\": expected 3 entries" },
        { "lstm", "15,2,4.5", "15,0,4.5", "\"scale\": expected numbers above 0" },
        { "lstm", "15,2,4.5", "15,-2,45", "\"scale\": expected numbers above 0" },
        { "lstm", "\"tick\":\"10s\"", "\"tick\":\"10 \"", "\"tick\"" },
        { "lstm", "\"tick\":\"10s\"", "\"tick\":\"-1s\"", "\"tick\"" },
        { "lstm", "60s,300s", "60s,305s", "\"horizons\": expected multiples" },
        { "lstm", "60s,300s", "300s,60s", "\"horizons\": expected multiples" },
        { "lstm", "0.5,0.75", "0.5,0.05", "\"quantiles\": expected numbers between 0 and 1" },
        { "lstm", "0.5,0.75", "0.6,0.75", "\"quantiles\": expected 0.5 among them" },
        { "lstm", "z,mask,age,baseline", "z,mask,age,baselime", "\"inputs\"" },
        { "lstm", "z,mask,age,baseline", "z,mask,mask,ewma:1h", "\"inputs\"" },
        { "lstm", "z,mask,age,baseline", "ewma:2m,age,ewma:5m", "\"inputs\"" },
        { "lstm", "persistence", "persistance", "\"skip\": expected \"persistence\", \"ridge\"" },
        { "lstm", "lstm:19,dense:30", "lstm:19,dense:31", "dense.0.weight: expected size 31" },
        { "lstm", "lstm:19,dense:30", "lstm:19,densd:30", "\"network\": layer 4: expected dense" },
        { "lstm", "lstm:19,dense:30", "lstm:18,dense:30", "size 72 in dimension 1, it is 76" },
        { "lstm", "\"training_data_sha256\":\"0", "\"training_data_sha256\":\"g",
          "\"training_data_sha256\": expected 64" },
        { "lstm", "\"training_data_sha256\"", "\"training_data_sha257\"", "there is none" },
        { "lstm", "\"skip\":", "\"skiq\":", "expected \"skip\"" },
        { "lstm", "note.unsealed", "noto.unsealed",
          "metadata \"noto.unsealed\": expected no such" },
        { "lstm", "lstm.bias_hh_l2", "lstm.bias_hh_l3", "expected a tensor lstm.bias_hh_l2" },
        { "lstm", "selftest.output", "selftest.outpux", "expected a tensor selftest.output" },
        { "gru", "\"kind\":\"gru\"", "\"kind\":\"rnn\"",
          "expected the first layer that is not dense" },
        { "gru", "skip.bias", "skip.bios", "expected a tensor skip.bias" },
        { "gru", "\"ridge\"", "\"none\" ", "tensor skip.weight: expected no such tensor" },
        { "ridge", "\"kind\":\"ridge\"", "\"kind\":\"lstm\" ", "expected \"network\"" },
        { "ridge", "\"offset\"", "\"offsex\"", "expected a tensor offset" },
        { "mixed", "lstm:5,gru:6", "lstm:5,grv:6", "layer 2" },
        { "mixed", "\"inputs\":\"mask,z\"", "\"inputs\":\"mask,a\"", "\"inputs\"" },
        { "mixed", "dense:9:sigmoid", "dense:9:sigmoix", "an activation" },
        { "mixed", "dense:9:sigmoid", "dense:9:softmax", "an activation" },
        { "mixed", "gru:6,rnn:7", "decay:5,r:7", "\"network\"" },
        { "dense", "\"window\":\"5\"", "\"window\":\"0\"",
          "\"window\": expected an integer from 1" },
        { "dense", "\"window\":\"5\"", "\"window\":\"x\"",
          "\"window\": expected an integer from 1" },
        { "dense", "\"window\":\"5\"", "\"window\":\"4\"", "dense.0.weight: expected size 24" },
        { "dense", "\"threshold\":\"1.5\"", "\"threshold\":\"0.0\"", "\"threshold\"" },
        { "dense", "\"threshold\":\"1.5\"", "\"threshold\":\"nan\"", "\"threshold\"" },
        { "dense", "dense.3.bias", "dense.9.bias", "expected a tensor dense.3.bias" },
        { "dense", "dense:13:relu,dense:15", "dense:13:relu,dense:16", "expected size 16" },
        { "dense", "z,mask", "z,mosk", "\"inputs\": expected \"z\" or" },
        { "dense", "dense:13:relu,dense:15", "lstm:4096,lstm:0004096", "than a file of 64 MiB" },
        { "autoencoder_range", "\"-6,6\"", "\"6,-6\"", "\"range\": expected a number below" },
        { "autoencoder_range", "\"-6,6\"", "\"-6.6\"", "\"range\": expected a number below" },
        { "autoencoder_range", "dense:4:tanh", "lstm:4      ", "layer 2" },
        { "pca", "pca.components", "pca.componente", "expected a tensor pca.components" },
        { "pca", "pca.mean", "pca.maen", "expected a tensor pca.mean" },
        { "mlp", "v3.x,v4.x", "v3.x,v3.x", "\"variables\": expected 1 to 1024 different names" },
        { "mlp", "v3.x,v4.x", "v3.x, 4.x", "\"variables\": expected 1 to 1024 different names" },
        { "mlp", "v3.x,v4.x", "v3.x,,4.x", "\"variables\": expected 1 to 1024 different names" },
        { "mlp", "\"inputs\":\"value\"", "\"inputs\":\"valve\"", "\"inputs\": expected \"value\"" },
        { "mlp", "dense:2:sigmoid", "dense:2        ", "layer 3" },
        { "mlp", "dense:2:sigmoid", "dense:2:relu\"  ", "not JSON" },
        { "mlp", "\"kind\":\"mlp\"", "\"kind\":\"pca\"", "expected \"channels\"" },
        { "logistic", "dense:1:sigmoid", "dense:1:linear ", "layer 1" },
        { "risk", "\"tick\":\"1h\"", "\"tick\":\"1x\"", "\"tick\"" },
        { "risk", "\"tick\":\"1h\"", "\"tock\":\"1h\"", "expected \"tick\"" },
        { "risk", "decay:6,lstm:9", "decay:5,lstm:9", "a decay layer must be the first" },
        { "mean", "\"members\":\"3\"", "\"members\":\"0\"",
          "\"members\": expected an integer from 1" },
        { "mean", "\"members\":\"3\"", "\"members\":\"4\"", "expected \"m3.kind\"" },
        { "mean", "\"members\":\"3\"", "\"members\":\"2\"", "m2." },
        { "mean", "\"m1.kind\":\"risk\"", "\"m1.kind\":\"mean\"",
          "\"m1.kind\": expected one that can" },
        { "mean", "\"m2.tick\":\"1h\"", "\"m2.tick\":\"2h\"",
          "member m2: expected the shape of member 0" },
        { "mean", "m2.decay.bias", "m2.decay.bios", "expected a tensor m2.decay.bias" },
        { "stacked", "\"m0.kind\":\"mean\"", "\"m0.kind\":\"mlp\" ", "expected" },
        { "stacked", "m0.m1.kind", "m0.m2.kind", "expected \"m0.m1.kind\"" },
        { "stacked", "stacked.bias", "stacked.bios", "expected a tensor stacked.bias" },
    };
    return cr_make_param_array(struct bad, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad *row, model_file, metadata_that_are_wrong_are_named)
{
    size = model_bytes_read(row->file, bytes);
    model_bytes_unseal(bytes, size);
    cr_assert_eq(parse(), VG_OK, "%s", err.msg);
    model_bytes_replace(bytes, size, row->from, row->to);
    expect_refused(row->message);
}

/* Behind the header: the last float of the tensor before the self-test's output. */
static float *last_float(void)
{
    return (float *)(void *)(bytes + size - sizeof(float));
}

Test(model_file, an_answer_that_differs_is_refused_and_the_difference_named)
{
    static const float wrong[] = { 1.1e-5f, -1.0f, 1e30f };

    for (size_t i = 0; i < VG_ARRAY_LEN(wrong); i++) {
        size = model_bytes_read("risk", bytes);
        model_bytes_unseal(bytes, size);
        *last_float() += wrong[i];
        expect_refused("self-test: expected outputs within 1e-05");
        cr_expect(strstr(err.msg, "the largest difference is"), "%s", err.msg);
    }
    size = model_bytes_read("risk", bytes);
    model_bytes_unseal(bytes, size);
    *last_float() += 5e-6f;
    cr_expect_eq(parse(), VG_OK, "%s", err.msg);
}

Test(model_file, a_foreign_file_is_told_from_a_sealed_one)
{
    struct vg_model *m;

    size = model_bytes_read("gru", bytes);
    cr_assert_eq(vg_model_parse("m", bytes, size, &m, &err), VG_OK, "%s", err.msg);
    cr_expect(m->sealed);
    m->ops->free(m);
    model_bytes_unseal(bytes, size);
    cr_assert_eq(vg_model_parse("m", bytes, size, &m, &err), VG_OK, "%s", err.msg);
    cr_expect(!m->sealed);
    m->ops->free(m);
}

Test(model_file, a_sealed_file_with_any_changed_byte_is_refused)
{
    size = model_bytes_read("logistic", bytes);
    for (size_t i = 0; i < size; i++) {
        uint8_t before = bytes[i];

        bytes[i] ^= (uint8_t)(1 << (i % 8));
        cr_assert_eq(parse(), VG_E_MODEL, "byte %zu", i);
        cr_assert(strncmp(err.msg, "m.safetensors: ", 15) == 0 && strlen(err.msg) > 30, "%s",
                  err.msg);
        bytes[i] = before;
    }
    cr_assert_eq(parse(), VG_OK, "%s", err.msg);
}

Test(model_file, a_sealed_file_that_is_cut_short_or_goes_on_is_refused)
{
    size_t whole = model_bytes_read("logistic", bytes);

    for (size = 0; size < whole; size++)
        cr_assert_eq(parse(), VG_E_MODEL, "%zu bytes", size);
    bytes[whole] = 0;
    size = whole + 1;
    cr_assert_eq(parse(), VG_E_MODEL);
}

/* ---- random mutations ---- */

static uint64_t random_state = 20260301;

static size_t draw(size_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33) % below;
}

static void flip(void)
{
    for (size_t n = 1 + draw(4); n > 0; n--)
        bytes[draw(size)] ^= (uint8_t)(1 << draw(8));
}

static void overwrite(void)
{
    size_t at = draw(size), n = 1 + draw(size - at < 16 ? size - at : 16);

    for (size_t i = 0; i < n; i++)
        bytes[at + i] = (uint8_t)draw(256);
}

static void cut(void)
{
    size_t at = draw(size), n = 1 + draw(size - at);

    memmove(bytes + at, bytes + at + n, size - at - n);
    size -= n;
}

static void repeat(void)
{
    size_t n = 1 + draw(64), at = draw(size - 64);

    memmove(bytes + at + n, bytes + at, size - at);
    size += n;
}

/* Digits become others: shapes, offsets, widths. */
static void renumber(void)
{
    for (size_t at = draw(size), tries = 0; tries < size; tries++, at = (at + 1) % size) {
        if (bytes[at] >= '0' && bytes[at] <= '9') {
            bytes[at] = (uint8_t)('0' + (size_t)(bytes[at] - '0' + 1 + (int)draw(9)) % 10);
            return;
        }
    }
}

static void swap(void)
{
    uint8_t block[32];
    size_t a = draw(size - 32), b = draw(size - 32);

    memcpy(block, bytes + a, sizeof(block));
    memmove(bytes + a, bytes + b, sizeof(block));
    memcpy(bytes + b, block, sizeof(block));
}

static void (*const mutate[])(void) = { flip, overwrite, cut, repeat, renumber, swap };

static const char *const files[] = {
    "lstm", "gru", "rnn",      "mixed", "ridge", "dense",  "autoencoder_range",
    "pca",  "mlp", "logistic", "risk",  "mean",  "stacked"
};

static int rounds(void)
{
    return getenv("VIGIL_LONG") ? 10000 : 1000;
}

Test(model_file, random_mutations_of_sealed_files_are_refused)
{
    static uint8_t original[MODEL_BYTES_MAX];

    for (int i = 0; i < rounds(); i++) {
        size_t n = model_bytes_read(files[i % VG_ARRAY_LEN(files)], original);

        memcpy(bytes, original, size = n);
        mutate[draw(VG_ARRAY_LEN(mutate))]();
        if (size == n && memcmp(bytes, original, n) == 0)
            continue;
        cr_assert_eq(parse(), VG_E_MODEL, "mutation %d of %s was taken", i,
                     files[i % VG_ARRAY_LEN(files)]);
        cr_assert(strncmp(err.msg, "m.safetensors: ", 15) == 0 && strlen(err.msg) > 30, "%s",
                  err.msg);
    }
}

/* Without the seal the reader must understand what it reads: it refuses, or what it takes works. */
Test(model_file, random_mutations_of_foreign_files_do_no_harm)
{
    int refused = 0;

    for (int i = 0; i < rounds(); i++) {
        size = model_bytes_read(files[i % VG_ARRAY_LEN(files)], bytes);
        model_bytes_unseal(bytes, size);
        for (size_t n = 1 + draw(3); n > 0 && size > 128; n--)
            mutate[draw(VG_ARRAY_LEN(mutate))]();
        refused += parse() == VG_E_MODEL;
    }
    cr_assert_gt(refused, rounds() * 3 / 4);
    cr_log_info("%d of %d refused", refused, rounds());
}

/* ---- models that are used together ---- */

Test(models_together, must_agree_on_tick_channels_and_scales)
{
    struct vg_model a = { .name = "a",
                          .tick_ns = 30,
                          .channels = 2,
                          .channel = { 1, 2 },
                          .mean = { 80, 16 },
                          .scale = { 10, 4 } };
    struct vg_model b = a;
    const struct vg_model *both[2] = { &a, &b };

    strcpy(b.name, "b");
    cr_expect_eq(vg_models_agree(both, 2, &err), VG_OK);
    cr_expect_eq(vg_models_agree(NULL, 0, &err), VG_OK);
    b.scale[1] = 5;
    cr_assert_eq(vg_models_agree(both, 2, &err), VG_E_MODEL);
    cr_expect(strstr(err.msg, "model \"b\" has other scales than model \"a\""), "%s", err.msg);
    b.channel[0] = 0;
    cr_expect_str_eq(vg_model_disagreement(&a, &b), "channels");
    b.tick_ns = 60;
    cr_expect_str_eq(vg_model_disagreement(&a, &b), "ticks");
}
