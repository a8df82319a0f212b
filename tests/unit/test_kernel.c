/* test_kernel.c - layers and activations: how exact, and the same bits in every form. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "core/model.h"
#include "models/kernel.h"

enum { INPUTS = 37, OUTPUTS = 45, HIDDEN = 29, BATCH = VG_BATCH_MAX };

static const struct vg_kernel *portable, *fast;
static struct vg_dense layer;
static float x[BATCH][INPUTS];

/* A fixed sequence; the numbers only have to be many and different. */
static uint32_t next(void)
{
    static uint32_t state = 12345;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static float uniform(float size)
{
    return ((float)(next() >> 8) / 0x1p23f - 1.0f) * size;
}

/* What is likely to be treated differently by different code. */
static float awkward(void)
{
    static const float values[] = {
        0.0f,    -0.0f,   FLT_MIN, -FLT_MIN, FLT_TRUE_MIN, -FLT_TRUE_MIN, 0x1.2p-140f,
        1e-30f,  -1e-30f, 1e18f,   -1e18f,   88.7f,        -88.7f,        104.5f,
        -103.9f, 0.625f,  -0.625f, 1.0f,     16777217.0f,  -9.1f,
    };
    uint32_t i = next() % (uint32_t)(2 * VG_ARRAY_LEN(values));

    return i < VG_ARRAY_LEN(values) ? values[i] : uniform(6.0f);
}

static void setup(void)
{
    float weight[OUTPUTS * INPUTS], bias[OUTPUTS];

    vg_kernel_thread_init();
    portable = vg_kernel_portable();
    fast = vg_kernel();
    for (size_t i = 0; i < VG_ARRAY_LEN(weight); i++)
        weight[i] = awkward();
    for (size_t i = 0; i < VG_ARRAY_LEN(bias); i++)
        bias[i] = awkward();
    for (size_t i = 0; i < BATCH; i++) {
        for (size_t k = 0; k < INPUTS; k++)
            x[i][k] = awkward();
    }
    vg_dense_init(&layer, INPUTS, OUTPUTS, weight, bias);
}

static void teardown(void)
{
    vg_dense_done(&layer);
}

TestSuite(kernel, .init = setup, .fini = teardown, .timeout = 120);

/* Every 65,536th float and its neighbours, both signs: all exponents, subnormals included. */
static float sampled(uint32_t i)
{
    uint32_t bits = (i << 16) + next() % 65536;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

enum { SAMPLES = 65536 };

static bool same_bits(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

static double relative(float got, double expected)
{
    return fabs((double)got - expected) / fabs(expected);
}

Test(kernel, exp_is_exact_to_2e_7)
{
    for (uint32_t i = 0; i < SAMPLES; i++) {
        float v = sampled(i);
        double e = exp((double)v);

        if (isnan(v))
            cr_assert(isnan(vg_expf(v)));
        else if (e > (double)FLT_MAX)
            cr_assert(isinf(vg_expf(v)), "exp(%a)", (double)v);
        else if (e >= (double)FLT_MIN)
            cr_assert_leq(relative(vg_expf(v), e), 2e-7, "exp(%a)", (double)v);
        else
            cr_assert_leq(fabs((double)vg_expf(v) - e), (double)FLT_TRUE_MIN, "exp(%a)", (double)v);
    }
}

Test(kernel, exp_is_exact_to_2e_7_where_models_use_it)
{
    for (int i = 0; i < SAMPLES; i++) {
        float v = uniform(20.0f);

        cr_assert_leq(relative(vg_expf(v), exp((double)v)), 2e-7, "exp(%a)", (double)v);
    }
}

Test(kernel, tanh_and_sigmoid_are_exact_to_2e_7)
{
    for (uint32_t i = 0; i < 2 * SAMPLES; i++) {
        float v = i < SAMPLES ? sampled(i) : uniform(12.0f);

        if (isnan(v))
            continue;
        cr_assert_leq(fabs((double)vg_tanhf(v) - tanh((double)v)), 2e-7, "tanh(%a)", (double)v);
        cr_assert_leq(fabs((double)vg_sigmoidf(v) - 1 / (1 + exp(-(double)v))), 2e-7, "sigmoid(%a)",
                      (double)v);
    }
}

Test(kernel, tanh_keeps_small_arguments_and_signs)
{
    cr_assert(same_bits(vg_tanhf(-0.0f), -0.0f));
    cr_assert_eq(vg_tanhf(FLT_TRUE_MIN), FLT_TRUE_MIN);
    cr_assert_eq(vg_tanhf(-1e-20f), -1e-20f);
    cr_assert_eq(vg_tanhf(INFINITY), 1.0f);
    cr_assert_eq(vg_tanhf(-INFINITY), -1.0f);
}

Test(kernel, log1p_is_exact_to_2e_7)
{
    for (uint32_t i = 0; i < 2 * SAMPLES; i++) {
        float v = i < SAMPLES ? fabsf(sampled(i)) : fabsf(uniform(4.0f));

        if (isnan(v) || isinf(v) || v == 0.0f)
            continue;
        cr_assert_leq(relative(vg_log1pf(v), log1p((double)v)), 2e-7, "log1p(%a)", (double)v);
    }
    cr_assert_eq(vg_log1pf(0.0f), 0.0f);
    cr_assert_eq(vg_log1pf(-3.0f), 0.0f, "a negative argument counts as 0");
}

Test(kernel, functions_of_one_value_have_the_same_bits_in_both_forms)
{
    for (uint32_t i = 0; i < 2 * SAMPLES; i++) {
        float v = i < SAMPLES ? sampled(i) : uniform(20.0f);

        cr_assert(same_bits(portable->exp(v), fast->exp(v)), "exp(%a)", (double)v);
        cr_assert(same_bits(portable->tanh(v), fast->tanh(v)), "tanh(%a)", (double)v);
        cr_assert(same_bits(portable->sigmoid(v), fast->sigmoid(v)), "sigmoid(%a)", (double)v);
        cr_assert(same_bits(portable->log1p(v), fast->log1p(v)), "log1p(%a)", (double)v);
    }
}

Test(kernel, softplus_has_the_same_bits_in_both_forms_and_at_every_place)
{
    float in[BATCH], a[BATCH], b[BATCH], one;

    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < BATCH; i++)
            in[i] = awkward();
        portable->softplus(BATCH, in, a);
        fast->softplus(BATCH, in, b);
        for (size_t i = 0; i < BATCH; i++) {
            fast->softplus(1, &in[i], &one);
            cr_assert(same_bits(a[i], b[i]), "softplus(%a)", (double)in[i]);
            cr_assert(same_bits(b[i], one), "softplus(%a)", (double)in[i]);
            cr_assert(a[i] >= 0.0f && fabs((double)a[i] - fmax((double)in[i], 0.0) -
                                           log1p(exp(-fabs((double)in[i])))) <=
                                          3e-7 * fmax(1.0, fabs((double)in[i])),
                      "softplus(%a)", (double)in[i]);
        }
    }
}

Test(kernel, a_layer_adds_its_inputs_in_order_to_the_bias)
{
    float y[OUTPUTS];

    fast->dense(&layer, 1, x[0], INPUTS, y, OUTPUTS);
    for (size_t j = 0; j < OUTPUTS; j++) {
        float sum = layer.bias[j];

        for (size_t k = 0; k < INPUTS; k++)
            sum = fmaf(x[0][k], layer.weight[(j / 16 * INPUTS + k) * 16 + j % 16], sum);
        cr_assert(same_bits(y[j], sum), "output %zu", j);
    }
}

Test(kernel, a_row_has_the_same_bits_in_every_batch_at_every_place_and_in_both_forms)
{
    static float alone[BATCH][OUTPUTS], y[BATCH][OUTPUTS];

    for (size_t i = 0; i < BATCH; i++)
        portable->dense(&layer, 1, x[i], INPUTS, alone[i], OUTPUTS);
    for (uint32_t n = 1; n <= BATCH; n++) {
        for (uint32_t first = 0; first + n <= BATCH; first += 7) {
            memset(y, 0xff, sizeof(y));
            fast->dense(&layer, n, x[first], INPUTS, y[0], OUTPUTS);
            for (uint32_t i = 0; i < n; i++) {
                for (uint32_t j = 0; j < OUTPUTS; j++)
                    cr_assert(same_bits(y[i][j], alone[first + i][j]), "batch %u row %u output %u",
                              n, i, j);
            }
        }
    }
}

Test(kernel, a_layer_writes_only_its_outputs)
{
    float y[3][OUTPUTS + 2];

    for (size_t i = 0; i < 3; i++)
        y[i][OUTPUTS] = y[i][OUTPUTS + 1] = 7.0f;
    fast->dense(&layer, 3, x[0], INPUTS, y[0], OUTPUTS + 2);
    for (size_t i = 0; i < 3; i++)
        cr_assert(y[i][OUTPUTS] == 7.0f && y[i][OUTPUTS + 1] == 7.0f, "row %zu", i);
}

Test(kernel, an_lstm_cell_has_the_same_bits_in_both_forms)
{
    float gates[4 * HIDDEN], h1[HIDDEN], c1[HIDDEN], h2[HIDDEN], c2[HIDDEN];

    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < VG_ARRAY_LEN(gates); i++)
            gates[i] = awkward();
        for (size_t i = 0; i < HIDDEN; i++) {
            h1[i] = h2[i] = awkward();
            c1[i] = c2[i] = awkward();
        }
        portable->lstm_cell(HIDDEN, gates, h1, c1);
        fast->lstm_cell(HIDDEN, gates, h2, c2);
        for (size_t i = 0; i < HIDDEN; i++) {
            cr_assert(same_bits(h1[i], h2[i]));
            cr_assert(same_bits(c1[i], c2[i]));
        }
    }
}

#if defined(__x86_64__)
Test(kernel, thread_init_undoes_flushing_of_subnormals_and_other_rounding)
{
    volatile float tiny = FLT_MIN, third = 3.0f;
    float expected = 1.0f / third;

    _mm_setcsr(_mm_getcsr() | 0x8040 | 0x6000); /* FTZ, DAZ, round towards zero */
    cr_assert_eq(tiny * 0.5f, 0.0f);
    vg_kernel_thread_init();
    cr_assert_gt(tiny * 0.5f, 0.0f);
    cr_assert_eq(1.0f / third, expected);
}
#endif

Test(kernel, the_contract_has_one_name_for_all_forms)
{
    cr_assert_str_eq(vg_kernel_id(), "fma-f32-1");
    if (!vg_kernel_avx2())
        cr_skip("this processor has only the portable form");
    cr_assert_neq(vg_kernel_avx2(), vg_kernel_portable());
}
