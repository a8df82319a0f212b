/* What a forecaster sees of a tick. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/features.h"
#include "models/kernel.h"

enum { C = 2 };

static const int64_t tick_ns = 30 * VG_NS_PER_S;

static struct vg_features parse(const char *text)
{
    struct vg_features f;
    struct vg_err err;

    vg_kernel_thread_init();
    cr_assert_eq(vg_features_parse(&f, text, C, tick_ns, &err), VG_OK, "%s", err.msg);
    return f;
}

/* One tick of both channels; `seen` says which are usable. */
static void step(const struct vg_features *f, void *memory, float a, bool a_seen, float b,
                 bool b_seen, float *x)
{
    const float z[C] = { a, b }, age_s[C] = { a_seen ? 2 : 40, b_seen ? 2 : -1 };
    const float baseline[C] = { 0.5f, -0.5f };
    const bool usable[C] = { a_seen, b_seen };
    const struct vg_feature_tick tick = { z, usable, age_s, baseline };

    vg_features_step(f, memory, &tick, x);
}

Test(features, the_text_form_is_read_and_written)
{
    struct vg_features f = parse("z,mask,age,baseline,ewma:2m,ewma:4h");
    struct vg_buf text = VG_BUF_INIT;

    cr_assert_eq(f.n, 6);
    cr_assert_eq(f.ewmas, 2);
    cr_assert_eq(vg_features_inputs(&f), 6 * C);
    vg_features_format(&f, &text);
    cr_assert_str_eq(text.data, "z,mask,age,baseline,ewma:2m,ewma:4h");
    vg_buf_done(&text);
}

struct bad {
    char text[120], says[40];
};

ParameterizedTestParameters(features, what_is_no_feature_is_refused_by_name)
{
    static struct bad bad[] = {
        { "", "\"\" is none" },
        { "z,", "\"\" is none" },
        { "z,masks", "\"masks\" is none" },
        { "z,ewma", "\"ewma\" is none" },
        { "ewma:", "\"ewma:\" is none" },
        { "ewma:5", "\"ewma:5\" is none" },
        { "ewma:0s", "\"ewma:0s\" is none" },
        { "ewma:-5m", "\"ewma:-5m\" is none" },
        { "z,mask,z", "\"z\" stands there twice" },
        { "ewma:60s,ewma:1m", "stands there twice" },
        { "z,mask,age,baseline,ewma:1m,ewma:2m,ewma:3m,ewma:4m,ewma:5m,ewma:6m,ewma:7m,ewma:8m,"
          "ewma:9m",
          "more than 12" },
        { "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "is none" },
    };

    return cr_make_param_array(struct bad, bad, VG_ARRAY_LEN(bad));
}

ParameterizedTest(struct bad *bad, features, what_is_no_feature_is_refused_by_name)
{
    struct vg_features f;
    struct vg_err err;

    cr_assert_eq(vg_features_parse(&f, bad->text, C, tick_ns, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, bad->says), "%s: %s", bad->text, err.msg);
}

Test(features, a_value_is_held_while_none_comes_and_its_mask_says_so)
{
    struct vg_features f = parse("z,mask");
    void *memory = calloc(1, vg_features_memory(&f));
    float x[2 * C];

    step(&f, memory, 1.5f, true, 9, false, x);
    cr_assert_eq(x[0], 1.5f);
    cr_assert_eq(x[1], 0, "what was never seen is 0, whatever lies there");
    cr_assert(x[2] == 1 && x[3] == 0);
    cr_assert(vg_features_seen(&f, memory, 0) && !vg_features_seen(&f, memory, 1));
    step(&f, memory, 7, false, -2, true, x);
    cr_assert(x[0] == 1.5f && x[1] == -2 && x[2] == 0 && x[3] == 1);
    cr_assert_eq(vg_features_held(&f, memory)[0], 1.5f);
    cr_assert(vg_features_seen(&f, memory, 1));
    free(memory);
}

Test(features, what_lies_under_an_unusable_channel_is_not_read)
{
    struct vg_features f = parse("z,mask,age,baseline,ewma:5m");
    void *a = calloc(1, vg_features_memory(&f)), *b = calloc(1, vg_features_memory(&f));
    float x[5 * C], y[5 * C];

    for (int t = 0; t < 20; t++) {
        bool seen = t % 3 != 1;

        step(&f, a, seen ? (float)t : 0, seen, 1, true, x);
        step(&f, b, seen ? (float)t : NAN, seen, 1, true, y);
        cr_assert_arr_eq(x, y, sizeof(x));
    }
    cr_assert_arr_eq(a, b, vg_features_memory(&f));
    free(a);
    free(b);
}

Test(features, age_grows_as_a_logarithm_to_its_bound)
{
    struct vg_features f = parse("age");
    void *memory = calloc(1, vg_features_memory(&f));
    float x[C];

    step(&f, memory, 0, true, 0, false, x);
    cr_assert_float_eq(x[0], log1p(2) / 6, 1e-6);
    cr_assert_float_eq(x[1], log1p(3600) / 6, 1e-6, "never seen is as old as possible");
    free(memory);
}

Test(features, the_bound_of_age_follows_long_ticks)
{
    struct vg_features f;
    struct vg_err err;

    cr_assert_eq(vg_features_parse(&f, "age", C, 3600 * VG_NS_PER_S, &err), VG_OK);
    cr_assert_eq(f.age_max_s, 32 * 3600.0f);
}

/* The definition, in double: the mean of all values so far, each weighted by what is left of it. */
static double mean_by_definition(const float *z, const bool *usable, int n, double keep)
{
    double sum = 0, weight = 0;

    for (int i = 0; i < n; i++) {
        double w = pow(keep, n - 1 - i);

        sum += usable[i] ? w * (double)z[i] : 0;
        weight += usable[i] ? w : 0;
    }
    return weight > 0 ? sum / weight : 0;
}

Test(features, an_average_is_that_of_the_values_there_are_by_their_age)
{
    struct vg_features f = parse("ewma:5m,ewma:1h");
    void *memory = calloc(1, vg_features_memory(&f));
    float z[400];
    bool usable[400];

    srand(3);
    for (int t = 0; t < 400; t++) {
        float x[2 * C];

        z[t] = (float)(rand() % 1200 - 600) / 100;
        usable[t] = rand() % 4 != 0 && (t < 100 || t > 200);
        step(&f, memory, z[t], usable[t], 0, false, x);
        cr_assert_float_eq(x[0], mean_by_definition(z, usable, t + 1, exp(-0.1)), 2e-5, "tick %d",
                           t);
        cr_assert_float_eq(x[C], mean_by_definition(z, usable, t + 1, exp(-30.0 / 3600)), 2e-5,
                           "tick %d", t);
        cr_assert_eq(x[1], 0);
    }
    free(memory);
}

Test(features, after_a_silence_of_days_the_first_value_counts_alone)
{
    struct vg_features f = parse("ewma:2m");
    void *memory = calloc(1, vg_features_memory(&f));
    float x[C];

    step(&f, memory, 5, true, 0, false, x);
    for (int t = 0; t < 3 * 2880; t++)
        step(&f, memory, 0, false, 0, false, x);
    cr_assert_eq(x[0], 5, "the mean stays while nothing comes");
    step(&f, memory, -1, true, 0, false, x);
    cr_assert_eq(x[0], -1);
    free(memory);
}

Test(features, memory_is_flat_a_copy_goes_on_alike)
{
    struct vg_features f = parse("z,mask,age,baseline,ewma:2m,ewma:1h");
    size_t size = vg_features_memory(&f);
    char *memory = calloc(1, size), *copy = malloc(size);
    float x[6 * C], y[6 * C];

    for (int t = 0; t < 50; t++)
        step(&f, memory, (float)t, t % 2, (float)-t, true, x);
    memcpy(copy, memory, size);
    for (int t = 0; t < 50; t++) {
        step(&f, memory, (float)t, t % 2, (float)-t, true, x);
        step(&f, copy, (float)t, t % 2, (float)-t, true, y);
        cr_assert_arr_eq(x, y, sizeof(x));
    }
    free(memory);
    free(copy);
}

Test(features, z_is_clipped)
{
    cr_assert_eq(vg_feature_z(100, 80, 10), 2);
    cr_assert_eq(vg_feature_z(300, 80, 10), VG_Z_CLIP);
    cr_assert_eq(vg_feature_z(-300, 80, 10), -VG_Z_CLIP);
}

Test(features, a_baseline_begins_at_the_population_and_follows_the_patient)
{
    struct vg_baseline b;
    struct vg_baseline_memory m = { 0 };

    vg_kernel_thread_init();
    vg_baseline_init(&b, tick_ns, 4 * 3600 * VG_NS_PER_S);
    cr_assert_eq(vg_baseline_value(&m), 0);
    vg_baseline_learn(&b, &m, 2);
    cr_assert(vg_baseline_value(&m) > 0 && vg_baseline_value(&m) < 0.1f);
    for (int t = 0; t < 12 * 120; t++)
        vg_baseline_learn(&b, &m, 2);
    cr_assert_float_eq(vg_baseline_value(&m), 2, 0.02);
    for (int t = 0; t < 60; t++)
        vg_baseline_learn(&b, &m, -6);
    cr_assert(vg_baseline_value(&m) > 1.5f, "half an hour of crisis is not the new normal");
}
