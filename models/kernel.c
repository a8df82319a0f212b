/* kernel.c - dense layers and activations whose bits do not depend on batch or processor.
 *
 * The bodies are plain loops, written once and compiled for each form. Vector lanes never meet in
 * one sum: they are different outputs, each with its own accumulator, so a compiler may choose any
 * width without changing a bit. CMakeLists.txt compiles this file with -O3 -fno-trapping-math in
 * every build type, or the loops would not become vectors; neither changes a value.
 *
 * The polynomials are minimax fits of the term that follows the leading ones, weighted for the
 * error that kernel.h states.
 */
#include "models/kernel.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BODY static inline __attribute__((always_inline))

/* Rows computed together: eight accumulators hide the latency of an fma and use each weight that
 * was loaded eight times. */
enum { ROWS = 8, PANEL = 16, ALIGN = 64 };

/* ---- activations ---- */

BODY uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u;
}

BODY float float_of(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

/* exp(x) = 2^k exp(r), |r| <= ln(2) / 2. */
BODY float exp_body(float x)
{
    /* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
    const float magic = 0x1.8p23f;

    /* Beyond these the result is 0 or infinity, and k would leave the range of two exponents. */
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;

    float t = __builtin_fmaf(x, 0x1.715476p+0f, magic);
    float k = t - magic;
    float r = __builtin_fmaf(k, -0x1.62e43p-1f, x);
    r = __builtin_fmaf(k, 0x1.05c61p-29f, r);

    float p = 0.0013814608f;
    p = __builtin_fmaf(p, r, 0.00836871f);
    p = __builtin_fmaf(p, r, 0.04166839f);
    p = __builtin_fmaf(p, r, 0.16666521f);
    p = __builtin_fmaf(p, r, 0.49999994f);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);

    /* Two factors, for 2^k alone may be infinite or subnormal where the result is not. */
    int32_t n = (int32_t)(bits_of(t) - bits_of(magic));
    int32_t half = n >> 1;
    float a = float_of((uint32_t)(half + 127) << 23);
    float b = float_of((uint32_t)(n - half + 127) << 23);
    return p * a * b;
}

BODY float sigmoid_body(float x)
{
    return 1.0f / (1.0f + exp_body(-x));
}

BODY float tanh_body(float x)
{
    float size = fabsf(x);
    float z = x * x;

    float p = -0.0057170214f;
    p = __builtin_fmaf(p, z, 0.020650564f);
    p = __builtin_fmaf(p, z, -0.05374349f);
    p = __builtin_fmaf(p, z, 0.13331491f);
    p = __builtin_fmaf(p, z, -0.33333284f);
    float near = __builtin_fmaf(size * z, p, size);

    float far = 1.0f - 2.0f / (exp_body(size + size) + 1.0f);
    return copysignf(size < 0.625f ? near : far, x);
}

/* log(1 + x) = e log(2) + log(1 + f) + what was lost in 1 + x. */
BODY float log1p_body(float x)
{
    x = x < 0.0f ? 0.0f : x;
    x = x > FLT_MAX ? FLT_MAX : x;

    float u = 1.0f + x;
    float lost = x - (u - 1.0f);
    int32_t e = (int32_t)(bits_of(u) - bits_of(0x1.6a09e6p-1f)) >> 23;
    float f = float_of(bits_of(u) - ((uint32_t)e << 23)) - 1.0f;
    float z = f * f;

    float p = 0.06746533f;
    p = __builtin_fmaf(p, f, -0.11675624f);
    p = __builtin_fmaf(p, f, 0.11888196f);
    p = __builtin_fmaf(p, f, -0.12405596f);
    p = __builtin_fmaf(p, f, 0.14219548f);
    p = __builtin_fmaf(p, f, -0.16667995f);
    p = __builtin_fmaf(p, f, 0.20002119f);
    p = __builtin_fmaf(p, f, -0.2500001f);
    p = __builtin_fmaf(p, f, 0.33333313f);
    p = __builtin_fmaf(p, f * z, lost / u);
    p = __builtin_fmaf(-0.5f, z, p);
    return __builtin_fmaf((float)e, 0x1.62e43p-1f, f + p);
}

BODY float softplus_body(float x)
{
    float above = x > 0.0f ? x : 0.0f;

    return above + log1p_body(exp_body(-fabsf(x)));
}

/* ---- loops ---- */

/* One panel of outputs for eight rows. The sums are named because a compiler keeps names in
 * registers and arrays in memory; the result goes through `sum` because rows of y, at a stride that
 * is not known, might overlap for all that a compiler can see. */
BODY void block_body(size_t inputs, const float *w, const float *bias, const float *const x[ROWS],
                     float sum[ROWS][PANEL])
{
    const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
    const float *x4 = x[4], *x5 = x[5], *x6 = x[6], *x7 = x[7];

    for (size_t j = 0; j < PANEL; j++) {
        float a0 = bias[j], a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
        size_t k = 0;

        /* Not a `for`: the test before the first round would keep it from becoming vectors. */
        do {
            const float wk = w[k * PANEL + j];

            a0 = __builtin_fmaf(x0[k], wk, a0);
            a1 = __builtin_fmaf(x1[k], wk, a1);
            a2 = __builtin_fmaf(x2[k], wk, a2);
            a3 = __builtin_fmaf(x3[k], wk, a3);
            a4 = __builtin_fmaf(x4[k], wk, a4);
            a5 = __builtin_fmaf(x5[k], wk, a5);
            a6 = __builtin_fmaf(x6[k], wk, a6);
            a7 = __builtin_fmaf(x7[k], wk, a7);
        } while (++k < inputs);
        sum[0][j] = a0;
        sum[1][j] = a1;
        sum[2][j] = a2;
        sum[3][j] = a3;
        sum[4][j] = a4;
        sum[5][j] = a5;
        sum[6][j] = a6;
        sum[7][j] = a7;
    }
}

BODY void panel_body(const struct vg_dense *d, size_t panel, uint32_t n, const float *x, size_t xs,
                     float *y, size_t ys)
{
    const float *w = d->weight + panel * d->inputs;
    size_t width = d->outputs - panel < PANEL ? d->outputs - panel : PANEL;

    for (uint32_t b = 0; b < n; b += ROWS) {
        const float *row[ROWS];
        float sum[ROWS][PANEL];

        /* A block that is not full computes its last row again. */
        for (uint32_t r = 0; r < ROWS; r++)
            row[r] = x + (b + r < n ? b + r : n - 1) * xs;
        block_body(d->inputs, w, d->bias + panel, row, sum);
        for (uint32_t r = 0; r < ROWS && b + r < n; r++)
            memcpy(y + (b + r) * ys + panel, sum[r], width * sizeof(float));
    }
}

/* Panels outside, rows inside: a panel of weights stays in the first-level cache meanwhile. */
BODY void dense_body(const struct vg_dense *d, uint32_t n, const float *x, size_t xs, float *y,
                     size_t ys)
{
    for (size_t panel = 0; panel < d->outputs; panel += PANEL)
        panel_body(d, panel, n, x, xs, y, ys);
}

BODY void lstm_cell_body(uint32_t hidden, const float *restrict gates, float *restrict h,
                         float *restrict c)
{
    for (uint32_t j = 0; j < hidden; j++) {
        float i = sigmoid_body(gates[j]);
        float f = sigmoid_body(gates[hidden + j]);
        float g = tanh_body(gates[2 * hidden + j]);
        float o = sigmoid_body(gates[3 * hidden + j]);
        float cell = __builtin_fmaf(f, c[j], i * g);

        c[j] = cell;
        h[j] = o * tanh_body(cell);
    }
}

BODY void softplus_loop_body(uint32_t n, const float *x, float *y)
{
    for (uint32_t i = 0; i < n; i++)
        y[i] = softplus_body(x[i]);
}

/* ---- forms ---- */

#define FORM(form, attributes)                                                                \
    attributes static void dense_##form(const struct vg_dense *d, uint32_t n, const float *x, \
                                        size_t xs, float *y, size_t ys)                       \
    {                                                                                         \
        dense_body(d, n, x, xs, y, ys);                                                       \
    }                                                                                         \
    attributes static void lstm_cell_##form(uint32_t hidden, const float *gates, float *h,    \
                                            float *c)                                         \
    {                                                                                         \
        lstm_cell_body(hidden, gates, h, c);                                                  \
    }                                                                                         \
    attributes static void softplus_##form(uint32_t n, const float *x, float *y)              \
    {                                                                                         \
        softplus_loop_body(n, x, y);                                                          \
    }                                                                                         \
    attributes static float exp_##form(float x)                                               \
    {                                                                                         \
        return exp_body(x);                                                                   \
    }                                                                                         \
    attributes static float tanh_##form(float x)                                              \
    {                                                                                         \
        return tanh_body(x);                                                                  \
    }                                                                                         \
    attributes static float sigmoid_##form(float x)                                           \
    {                                                                                         \
        return sigmoid_body(x);                                                               \
    }                                                                                         \
    attributes static float log1p_##form(float x)                                             \
    {                                                                                         \
        return log1p_body(x);                                                                 \
    }                                                                                         \
    static const struct vg_kernel form = {                                                    \
        .name = #form,                                                                        \
        .dense = dense_##form,                                                                \
        .lstm_cell = lstm_cell_##form,                                                        \
        .softplus = softplus_##form,                                                          \
        .exp = exp_##form,                                                                    \
        .tanh = tanh_##form,                                                                  \
        .sigmoid = sigmoid_##form,                                                            \
        .log1p = log1p_##form,                                                                \
    };

FORM(portable, )

const struct vg_kernel *vg_kernel_portable(void)
{
    return &portable;
}

#if defined(__x86_64__)
FORM(avx2, __attribute__((target("avx2,fma"))))

const struct vg_kernel *vg_kernel_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
}
#else
const struct vg_kernel *vg_kernel_avx2(void)
{
    return NULL;
}
#endif

const struct vg_kernel *vg_kernel(void)
{
    const struct vg_kernel *fast = vg_kernel_avx2();

    return fast ? fast : &portable;
}

const char *vg_kernel_id(void)
{
    return "fma-f32-1";
}

void vg_kernel_thread_init(void)
{
    volatile float smallest = FLT_MIN;

    /* The default environment rounds to nearest; on x86 it also clears FTZ and DAZ, which some
     * libraries set when they are loaded. */
    VG_CHECK(fesetenv(FE_DFL_ENV) == 0);
    smallest = smallest * 0.5f;
    VG_CHECK(smallest * 2.0f == FLT_MIN);
}

/* ---- memory and layers ---- */

void *vg_kernel_alloc(size_t bytes)
{
    size_t rounded = (bytes + ALIGN) / ALIGN * ALIGN;
    void *p = aligned_alloc(ALIGN, rounded);

    VG_CHECK(p);
    memset(p, 0, rounded);
    return p;
}

void vg_dense_init(struct vg_dense *d, uint32_t inputs, uint32_t outputs, const float *weight,
                   const float *bias)
{
    size_t padded = ((size_t)outputs + PANEL - 1) / PANEL * PANEL;

    VG_CHECK(inputs > 0 && outputs > 0);
    d->inputs = inputs;
    d->outputs = outputs;
    d->weight = vg_kernel_alloc(padded * inputs * sizeof(float));
    d->bias = vg_kernel_alloc(padded * sizeof(float));
    for (size_t j = 0; j < outputs; j++) {
        float *panel = d->weight + j / PANEL * PANEL * inputs + j % PANEL;

        for (size_t k = 0; k < inputs; k++)
            panel[k * PANEL] = weight[j * inputs + k];
    }
    if (bias)
        memcpy(d->bias, bias, outputs * sizeof(float));
}

void vg_dense_done(struct vg_dense *d)
{
    free(d->weight);
    free(d->bias);
    memset(d, 0, sizeof(*d));
}

/* ---- single values ---- */

float vg_expf(float x)
{
    return vg_kernel()->exp(x);
}

float vg_tanhf(float x)
{
    return vg_kernel()->tanh(x);
}

float vg_sigmoidf(float x)
{
    return vg_kernel()->sigmoid(x);
}

float vg_log1pf(float x)
{
    return vg_kernel()->log1p(x);
}
