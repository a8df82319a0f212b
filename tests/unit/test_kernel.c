/* test_kernel.c - layers and activations: how exact, and the same bits in every form. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "core/model.h"
#include "models/kernel.h"

enum { WIDTH_MAX = 128, GATES_MAX = 4, BATCH = VG_BATCH_MAX };

static const struct vg_kernel *portable;

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
    vg_kernel_thread_init();
    portable = vg_kernel_form(0);
}

TestSuite(kernel, .init = setup, .timeout = 120);

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

Test(kernel, tanh_is_exact_also_where_its_argument_is_small)
{
    for (float v = 1.0f; v > 1e-30f; v *= 0.37f) {
        cr_assert_leq(relative(vg_tanhf(v), tanh((double)v)), 1.2e-6, "tanh(%a)", (double)v);
        cr_assert_leq(relative(vg_tanhf(-v), tanh(-(double)v)), 1.2e-6, "tanh(%a)", (double)-v);
    }
    cr_assert(vg_tanhf(0.0f) == 0.0f && vg_tanhf(-0.0f) == 0.0f);
    cr_assert_eq(vg_tanhf(FLT_TRUE_MIN), FLT_TRUE_MIN);
}

Test(kernel, saturated_functions_reach_their_bounds_and_do_not_pass_them)
{
    for (float v = 9.2f; v < 1e30f; v *= 1.7f) {
        cr_assert_eq(vg_tanhf(v), 1.0f);
        cr_assert_eq(vg_tanhf(-v), -1.0f);
        cr_assert_leq(vg_sigmoidf(v), 1.0f);
        cr_assert_geq(vg_sigmoidf(-v), 0.0f);
    }
    for (uint32_t i = 0; i < SAMPLES; i++)
        cr_assert_leq(fabsf(vg_tanhf(uniform(12.0f))), 1.0f);
    cr_assert_eq(vg_tanhf(INFINITY), 1.0f);
    cr_assert_eq(vg_tanhf(-INFINITY), -1.0f);
    cr_assert_eq(vg_sigmoidf(INFINITY), 1.0f);
    cr_assert(isnan(vg_tanhf(NAN)) && isnan(vg_sigmoidf(NAN)) && isnan(vg_expf(NAN)));
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

Test(kernel, functions_of_one_value_have_the_same_bits_in_every_form)
{
    const struct vg_kernel *form;

    for (uint32_t f = 1; (form = vg_kernel_form(f)); f++) {
        for (uint32_t i = 0; i < SAMPLES; i++) {
            float v = i % 2 ? sampled(i) : uniform(20.0f);

            cr_assert(same_bits(portable->exp(v), form->exp(v)), "exp(%a)", (double)v);
            cr_assert(same_bits(portable->tanh(v), form->tanh(v)), "tanh(%a)", (double)v);
            cr_assert(same_bits(portable->sigmoid(v), form->sigmoid(v)), "sigmoid(%a)", (double)v);
            cr_assert(same_bits(portable->log1p(v), form->log1p(v)), "log1p(%a)", (double)v);
        }
    }
}

/* One array function of one form against one value at a time, at every length and place. */
static void check_array(void (*array)(size_t n, float *x), float (*one)(float x), const char *name)
{
    for (size_t n = 0; n <= 40; n++) {
        float before[41], after[41];

        for (size_t i = 0; i < 41; i++)
            before[i] = after[i] = awkward();
        array(n, after);
        for (size_t i = 0; i < n; i++)
            cr_assert(same_bits(after[i], one(before[i])), "%s(%a)", name, (double)before[i]);
        for (size_t i = n; i < 41; i++)
            cr_assert(same_bits(after[i], before[i]), "%s wrote behind its end", name);
    }
}

Test(kernel, functions_of_arrays_have_the_bits_of_single_values)
{
    const struct vg_kernel *form;

    for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
        check_array(form->exp_n, portable->exp, "exp");
        check_array(form->tanh_n, portable->tanh, "tanh");
        check_array(form->sigmoid_n, portable->sigmoid, "sigmoid");
    }
}

Test(kernel, softplus_is_exact_and_has_the_same_bits_in_every_form_and_at_every_place)
{
    const struct vg_kernel *form;
    float in[BATCH], a[BATCH], b[BATCH];

    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < BATCH; i++)
            in[i] = awkward();
        for (size_t i = 0; i < BATCH; i++)
            portable->softplus(1, &in[i], &a[i]);
        for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
            form->softplus(BATCH - 3, in, b);
            for (size_t i = 0; i < BATCH - 3; i++) {
                cr_assert(same_bits(a[i], b[i]), "softplus(%a)", (double)in[i]);
                cr_assert(a[i] >= 0.0f && fabs((double)a[i] - fmax((double)in[i], 0.0) -
                                               log1p(exp(-fabs((double)in[i])))) <=
                                              3e-7 * fmax(1.0, fabs((double)in[i])),
                          "softplus(%a)", (double)in[i]);
            }
        }
    }
}

Test(kernel, log1p_of_arrays_has_the_bits_of_single_values)
{
    const struct vg_kernel *form;
    float in[BATCH], out[BATCH];

    for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
        for (size_t n = 0; n <= BATCH; n++) {
            for (size_t i = 0; i < n; i++)
                in[i] = fabsf(awkward());
            form->log1p_n(n, in, out);
            for (size_t i = 0; i < n; i++)
                cr_assert(same_bits(out[i], portable->log1p(in[i])), "log1p(%a)", (double)in[i]);
        }
    }
}

/* ---- windows ---- */

Test(kernel, unpacked_entries_are_what_was_packed_in_every_form_and_at_every_length)
{
    const float unit = 1.0f / 4096;
    const struct vg_kernel *form;

    for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
        for (size_t n = 0; n <= BATCH; n++) {
            int16_t packed[BATCH];
            float x[BATCH + 1] = { 0 }, mask[BATCH + 1] = { 0 };

            for (size_t i = 0; i < n; i++)
                packed[i] = (int16_t)(next() % 4 ? (int32_t)(next() % 65536) - 32768 : INT16_MIN);
            x[n] = mask[n] = 7.0f;
            form->unpack(n, packed, unit, x, mask);
            for (size_t i = 0; i < n; i++) {
                bool there = packed[i] != INT16_MIN;

                cr_assert(same_bits(x[i], there ? unit * (float)packed[i] : 0.0f), "%s entry %zu",
                          form->name, i);
                cr_assert(same_bits(mask[i], there ? 1.0f : 0.0f), "%s entry %zu", form->name, i);
            }
            cr_assert(x[n] == 7.0f && mask[n] == 7.0f, "%s wrote behind its end", form->name);
        }
    }
}

Test(kernel, squared_errors_have_the_same_bits_in_every_form_and_count_what_is_usable)
{
    enum { TICKS = 13, CHANNELS = 19 };
    static float y[TICKS * CHANNELS], x[TICKS * CHANNELS], mask[TICKS * CHANNELS];
    const struct vg_kernel *form;

    for (size_t channels = 1; channels <= CHANNELS; channels++) {
        float expected[CHANNELS] = { 0 }, sum[CHANNELS];
        uint32_t usable = 0;

        for (size_t i = 0; i < TICKS * channels; i++) {
            y[i] = uniform(4.0f);
            x[i] = uniform(4.0f);
            mask[i] = next() % 4 ? 1.0f : 0.0f;
            if (mask[i] == 0.0f && next() % 2)
                y[i] = INFINITY; /* is not to count */
            else if (mask[i] != 0.0f)
                expected[i % channels] += (y[i] - x[i]) * (y[i] - x[i]);
            usable += mask[i] != 0.0f;
        }
        for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
            cr_assert_eq(form->squared_errors(channels, TICKS, y, x, mask, sum), usable);
            for (size_t c = 0; c < channels; c++)
                cr_assert(same_bits(sum[c], expected[c]), "%s, channel %zu of %zu", form->name, c,
                          channels);
        }
    }
}

/* ---- layers ---- */

/* The contract of kernel.h, said once more in plain loops. */

static float *weight_x, *weight_h, *bias_x, *bias_h; /* [sums, K], [sums, H], [sums], [sums] */

static float sum_up(float sum, const float *w, const float *x, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        sum = fmaf(x[k], w[k], sum);
    return sum;
}

static float activated(enum vg_activation activation, float x)
{
    switch (activation) {
    case VG_RELU:
        return x < 0.0f ? 0.0f : x;
    case VG_SIGMOID:
        return portable->sigmoid(x);
    case VG_TANH:
        return portable->tanh(x);
    case VG_LINEAR:
        break;
    }
    return x;
}

/* The sum of a gate for unit j: over inputs, then over hidden units. */
static float gate(const struct vg_layer *l, uint32_t g, uint32_t j, const float *x, const float *h)
{
    size_t row = (size_t)g * l->outputs + j;
    float sum = sum_up(bias_x[row] + bias_h[row], weight_x + row * l->inputs, x, l->inputs);

    return sum_up(sum, weight_h + row * l->outputs, h, l->outputs);
}

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    return bits;
}

/* (2^r - 1) / r of x scale = k + r, with t = k + 1.5 * 2^23. */
static float slope(float x, float limit, float scale, float *t, float *r)
{
    float bound = x < -limit ? -limit : x > limit ? limit : x, p = 0.0013264727f;

    *t = fmaf(bound, scale, 0x1.8p23f);
    *r = fmaf(bound, scale, 0x1.8p23f - *t);
    p = fmaf(fmaf(p, *r, 0.009671513f), *r, 0.055507336f);
    return fmaf(fmaf(p, *r, 0.24022242f), *r, 0.6931470f);
}

/* 1 + exp(-x), |x| <= 30. */
static float below_sigmoid(float x)
{
    float t, r, p = slope(x, 30.0f, -0x1.715476p+0f, &t, &r);

    return 1.0f + float_of(bits_of(fmaf(p, r, 1.0f)) + (bits_of(t) << 23));
}

/* exp(2 x) - 1. */
static float above_tanh(float x)
{
    float t, r, p = slope(x, 9.2f, 0x1.715476p+1f, &t, &r);
    float scale = float_of((bits_of(t) << 23) + bits_of(1.0f));

    return fmaf(scale, p * r, scale - 1.0f);
}

static void plain_lstm(const struct vg_layer *l, const float *x, const float *h, float *c, float *y)
{
    for (uint32_t j = 0; j < l->outputs; j++) {
        float i = below_sigmoid(gate(l, 0, j, x, h)), f = below_sigmoid(gate(l, 1, j, x, h));
        float m = above_tanh(gate(l, 2, j, x, h)), o = below_sigmoid(gate(l, 3, j, x, h));
        float id = i * (m + 2.0f);

        c[j] = fmaf(c[j], id, m * f) / (id * f);
        m = above_tanh(c[j]);
        y[j] = m / ((m + 2.0f) * o);
    }
}

static void plain_gru(const struct vg_layer *l, const float *x, const float *h, float *y)
{
    for (uint32_t j = 0; j < l->outputs; j++) {
        size_t row = (size_t)2 * l->outputs + j;
        float r = portable->sigmoid(gate(l, 0, j, x, h)),
              z = portable->sigmoid(gate(l, 1, j, x, h));
        float nx = sum_up(bias_x[row], weight_x + row * l->inputs, x, l->inputs);
        float nh = sum_up(bias_h[row], weight_h + row * l->outputs, h, l->outputs);
        float n = portable->tanh(fmaf(r, nh, nx));

        y[j] = fmaf(z, h[j] - n, n);
    }
}

static void plain_decay(const struct vg_layer *l, const float *x, float *y)
{
    uint32_t v = l->outputs / 3;

    memcpy(y, x, 3 * v * sizeof(float));
    for (uint32_t i = 0; i < v; i++) {
        float rate = fmaf(weight_x[i], x[2 * v + i], bias_x[i]);

        y[i] = x[i] * fmaf(1.0f - x[v + i], portable->exp(rate > 0.0f ? -rate : -0.0f), x[v + i]);
    }
}

static void plain(const struct vg_layer *l, const float *x, float *state, float *y)
{
    switch (l->kind) {
    case VG_LAYER_DENSE:
        for (uint32_t j = 0; j < l->outputs; j++)
            y[j] = activated(l->activation,
                             sum_up(bias_x[j], weight_x + (size_t)j * l->inputs, x, l->inputs));
        break;
    case VG_LAYER_LSTM:
        plain_lstm(l, x, state, state + l->outputs, y);
        break;
    case VG_LAYER_GRU:
        plain_gru(l, x, state, y);
        break;
    case VG_LAYER_RNN:
        for (uint32_t j = 0; j < l->outputs; j++)
            y[j] = portable->tanh(gate(l, 0, j, x, state));
        break;
    case VG_LAYER_DECAY:
        plain_decay(l, x, y);
        break;
    }
    if (l->kind != VG_LAYER_DENSE && l->kind != VG_LAYER_DECAY)
        memcpy(state, y, l->outputs * sizeof(float));
}

struct row {
    int kind, activation;
    uint32_t inputs, outputs;
};

ParameterizedTestParameters(kernel, layers_have_the_bits_of_plain_loops)
{
    static struct row rows[] = {
        { VG_LAYER_DENSE, VG_LINEAR, 1, 1 },     { VG_LAYER_DENSE, VG_LINEAR, 37, 100 },
        { VG_LAYER_DENSE, VG_RELU, 100, 17 },    { VG_LAYER_DENSE, VG_RELU, 64, 127 },
        { VG_LAYER_DENSE, VG_SIGMOID, 7, 64 },   { VG_LAYER_DENSE, VG_TANH, 17, 45 },
        { VG_LAYER_LSTM, VG_LINEAR, 1, 1 },      { VG_LAYER_LSTM, VG_LINEAR, 8, 64 },
        { VG_LAYER_LSTM, VG_LINEAR, 17, 7 },     { VG_LAYER_LSTM, VG_LINEAR, 64, 17 },
        { VG_LAYER_LSTM, VG_LINEAR, 7, 100 },    { VG_LAYER_GRU, VG_LINEAR, 1, 1 },
        { VG_LAYER_GRU, VG_LINEAR, 37, 7 },      { VG_LAYER_GRU, VG_LINEAR, 64, 64 },
        { VG_LAYER_GRU, VG_LINEAR, 7, 17 },      { VG_LAYER_GRU, VG_LINEAR, 17, 100 },
        { VG_LAYER_RNN, VG_LINEAR, 1, 7 },       { VG_LAYER_RNN, VG_LINEAR, 64, 64 },
        { VG_LAYER_RNN, VG_LINEAR, 17, 100 },    { VG_LAYER_DECAY, VG_LINEAR, 3, 3 },
        { VG_LAYER_DECAY, VG_LINEAR, 111, 111 },
    };

    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

static float *random_tensor(size_t n, float (*draw)(void))
{
    float *p = malloc(n * sizeof(float));

    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = draw();
    return p;
}

static float mild(void)
{
    return uniform(0.3f);
}

static float wild(void)
{
    return next() % 500 == 0 ? INFINITY : awkward();
}

struct rows {
    float x[BATCH][WIDTH_MAX], state[BATCH][2 * WIDTH_MAX], y[BATCH][WIDTH_MAX];
};

static struct rows before, expected, got;

static void draw_rows(float (*draw)(void))
{
    for (size_t b = 0; b < BATCH; b++) {
        for (size_t i = 0; i < WIDTH_MAX; i++)
            before.x[b][i] = draw();
        for (size_t i = 0; i < (size_t)2 * WIDTH_MAX; i++)
            before.state[b][i] = draw();
    }
}

/* Rows [first, first + n) through the layer as one batch. */
static void run(const struct vg_packed *p, uint32_t first, uint32_t n)
{
    void *state[BATCH];

    memcpy(got.x, before.x, sizeof(got.x));
    memcpy(got.state, before.state, sizeof(got.state));
    memset(got.y, 0x55, sizeof(got.y));
    for (uint32_t i = 0; i < n; i++)
        state[i] = got.state[first + i];
    if (p->layer.kind == VG_LAYER_DENSE || p->layer.kind == VG_LAYER_DECAY)
        p->kernel->apply(p, n, got.x[first], WIDTH_MAX, got.y[first], WIDTH_MAX);
    else
        p->kernel->advance(p, n, got.x[first], WIDTH_MAX, state, 0, got.y[first], WIDTH_MAX);
}

static void check_same(const float *a, const float *b, size_t n, const char *what, uint32_t row)
{
    if (memcmp(a, b, n * sizeof(*a)) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        cr_assert(same_bits(a[i], b[i]), "%s %zu of row %u: %a, expected %a", what, i, row,
                  (double)a[i], (double)b[i]);
}

static void check_batch(const struct vg_packed *p, uint32_t first, uint32_t n)
{
    static float untouched[WIDTH_MAX];

    memset(untouched, 0x55, sizeof(untouched));
    run(p, first, n);
    for (uint32_t b = 0; b < BATCH; b++) {
        const bool in = b >= first && b < first + n;
        const size_t width = in ? p->layer.outputs : 0;

        check_same(got.y[b], expected.y[b], width, "output", b);
        check_same(got.y[b] + width, untouched, WIDTH_MAX - width, "float behind outputs", b);
        check_same(got.state[b], in ? expected.state[b] : before.state[b], 2 * WIDTH_MAX, "state",
                   b);
    }
}

static void check_layer(const struct vg_layer *l, float (*draw)(void))
{
    const float *tensors[] = { weight_x, weight_h, bias_x, bias_h };
    const float *dense[] = { weight_x, bias_x };
    const bool recurrent = l->kind != VG_LAYER_DENSE && l->kind != VG_LAYER_DECAY;
    const struct vg_kernel *form;

    draw_rows(draw);
    memcpy(&expected, &before, sizeof(expected));
    for (size_t b = 0; b < BATCH; b++)
        plain(l, before.x[b], expected.state[b], expected.y[b]);
    for (uint32_t f = 0; (form = vg_kernel_form(f)); f++) {
        /* The portable form takes its time, and so do subnormals. */
        const uint32_t step = f == 0 ? 31 : draw == wild ? 9 : 1;
        struct vg_packed p;

        vg_packed_init(&p, form, l, recurrent ? tensors : dense);
        for (uint32_t n = 1; n <= BATCH; n += step)
            check_batch(&p, (n * 7) % (BATCH - n + 1), n);
        vg_packed_done(&p);
    }
}

ParameterizedTest(struct row *row, kernel, layers_have_the_bits_of_plain_loops)
{
    const struct vg_layer l = { (enum vg_layer_kind)row->kind, (enum vg_activation)row->activation,
                                row->inputs, row->outputs };
    const size_t sums = (size_t)GATES_MAX * l.outputs;
    float (*const draw[])(void) = { mild, wild };

    for (size_t i = 0; i < VG_ARRAY_LEN(draw); i++) {
        weight_x = random_tensor(sums * l.inputs, draw[i]);
        weight_h = random_tensor(sums * l.outputs, draw[i]);
        bias_x = random_tensor(sums, draw[i]);
        bias_h = random_tensor(sums, draw[i]);
        check_layer(&l, draw[i]);
        free(weight_x);
        free(weight_h);
        free(bias_x);
        free(bias_h);
    }
}

/* ---- the floating-point environment ---- */

#if defined(__x86_64__)
Test(kernel, thread_init_undoes_flushing_of_subnormals_and_other_rounding)
{
    volatile float tiny = FLT_MIN, third = 3.0f;
    float rounded = 1.0f / third;

    _mm_setcsr(_mm_getcsr() | 0x8040 | 0x6000); /* FTZ, DAZ, round towards zero */
    cr_assert_eq(tiny * 0.5f, 0.0f);
    vg_kernel_thread_init();
    cr_assert_gt(tiny * 0.5f, 0.0f);
    cr_assert_eq(1.0f / third, rounded);
}

Test(kernel, a_thread_that_flushes_subnormals_is_stopped, .signal = SIGABRT)
{
    _mm_setcsr(_mm_getcsr() | 0x8000);
    vg_kernel_thread_check();
}

Test(kernel, a_thread_that_takes_subnormals_for_zeros_is_stopped, .signal = SIGABRT)
{
    _mm_setcsr(_mm_getcsr() | 0x0040);
    vg_kernel_thread_check();
}

Test(kernel, a_thread_that_rounds_down_is_stopped, .signal = SIGABRT)
{
    _mm_setcsr(_mm_getcsr() | 0x2000);
    vg_kernel_thread_check();
}
#endif

Test(kernel, there_is_one_name_for_the_bits_of_all_forms)
{
    cr_assert_str_eq(vg_kernel_id(), "fma-f32-2");
    cr_assert_str_eq(portable->name, "portable");
    for (uint32_t f = 0; vg_kernel_form(f); f++)
        cr_assert(vg_kernel_form(f + 1) || vg_kernel_form(f) == vg_kernel(),
                  "the last is the fastest");
}
