/* train_loops.c - elementwise loops of training, written once and compiled for each form.
 *
 * CMakeLists.txt compiles this file with -O3 -fno-trapping-math in every build type, or the loops
 * would not become vectors; neither changes a value.
 */
#include "models/train_loops.h"

#include <math.h>

#define BODY static inline __attribute__((always_inline))

enum { LANES = 16 }; /* of a sum: part of its bits */

#ifdef VG_TRAIN_DOUBLE
#define fused __builtin_fma
#define root  __builtin_sqrt
#else
#define fused __builtin_fmaf
#define root  __builtin_sqrtf
#endif

static const vg_real one = 1;

BODY void lstm_forward_body(size_t h, vg_real *restrict gates, const vg_real *restrict before,
                            vg_real *restrict after, vg_real *restrict squashed,
                            vg_real *restrict out)
{
    const vg_real *in = gates, *forget = gates + h, *update = gates + 2 * h, *show = gates + 3 * h;

    vg_real_sigmoid(2 * h, gates);
    vg_real_tanh(h, gates + 2 * h);
    vg_real_sigmoid(h, gates + 3 * h);
    for (size_t j = 0; j < h; j++)
        squashed[j] = after[j] = fused(forget[j], before[j], in[j] * update[j]);
    vg_real_tanh(h, squashed);
    for (size_t j = 0; j < h; j++)
        out[j] = show[j] * squashed[j];
}

BODY void lstm_backward_body(size_t h, vg_real *restrict gates, const vg_real *restrict before,
                             const vg_real *restrict squashed, const vg_real *restrict dh,
                             vg_real *restrict carry)
{
    vg_real *restrict gi = gates, *restrict gf = gates + h, *restrict gg = gates + 2 * h,
                      *restrict go = gates + 3 * h;

    for (size_t j = 0; j < h; j++) {
        vg_real i = gi[j], f = gf[j], g = gg[j], o = go[j], t = squashed[j];
        vg_real dc = carry[j] + dh[j] * o * (one - t * t);

        gi[j] = dc * g * (i * (one - i));
        gf[j] = dc * before[j] * (f * (one - f));
        gg[j] = dc * i * (one - g * g);
        go[j] = dh[j] * t * (o * (one - o));
        carry[j] = dc * f;
    }
}

BODY void gru_forward_body(size_t h, vg_real *restrict gates, const vg_real *restrict before,
                           vg_real *restrict out)
{
    const vg_real *r = gates, *z = gates + h, *nh = gates + 3 * h;
    vg_real *n = gates + 2 * h;

    vg_real_sigmoid(2 * h, gates);
    for (size_t j = 0; j < h; j++)
        n[j] = fused(r[j], nh[j], n[j]);
    vg_real_tanh(h, n);
    for (size_t j = 0; j < h; j++)
        out[j] = fused(z[j], before[j] - n[j], n[j]);
}

BODY void gru_backward_body(size_t h, vg_real *restrict gates, const vg_real *restrict before,
                            const vg_real *restrict dh, vg_real *restrict carry)
{
    vg_real *restrict gr = gates, *restrict gz = gates + h, *restrict gn = gates + 2 * h,
                      *restrict gnh = gates + 3 * h;

    for (size_t j = 0; j < h; j++) {
        vg_real r = gr[j], z = gz[j], n = gn[j], nh = gnh[j], d = dh[j] + carry[j];
        vg_real dn = d * (one - z) * (one - n * n);

        gr[j] = dn * nh * (r * (one - r));
        gz[j] = d * (before[j] - n) * (z * (one - z));
        gn[j] = dn;
        gnh[j] = dn * r;
        carry[j] = d * z;
    }
}

BODY void activation_backward_body(enum vg_activation a, size_t n, const vg_real *restrict y,
                                   vg_real *restrict dy)
{
    switch (a) {
    case VG_RELU:
        for (size_t i = 0; i < n; i++)
            dy[i] = y[i] > 0 ? dy[i] : 0;
        break;
    case VG_SIGMOID:
        for (size_t i = 0; i < n; i++)
            dy[i] *= y[i] * (one - y[i]);
        break;
    case VG_TANH:
        for (size_t i = 0; i < n; i++)
            dy[i] *= one - y[i] * y[i];
        break;
    case VG_LINEAR:
        break;
    }
}

BODY void relu_body(size_t n, vg_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

BODY void add_body(size_t n, const vg_real *restrict x, vg_real *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

BODY double square_sum_body(size_t n, const vg_real *x)
{
    double sum[LANES] = { 0 }, total = 0.0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++)
            sum[j] += (double)x[i + j] * (double)x[i + j];
    }
    for (; i < n; i++)
        total += (double)x[i] * (double)x[i];
    for (size_t j = 0; j < LANES; j++)
        total += sum[j];
    return total;
}

BODY void adam_body(size_t n, const struct vg_adam *a, const vg_real *restrict g,
                    vg_real *restrict m, vg_real *restrict v, vg_real *restrict p)
{
    const vg_real b1 = a->beta1, b2 = a->beta2, c1 = a->rest1, c2 = a->rest2;
    const vg_real epsilon = a->epsilon, rate = a->rate, unbias = a->unbias;
    const vg_real decay = a->decay, scale = a->gradient;

    for (size_t i = 0; i < n; i++) {
        vg_real slope = g[i] * scale;
        vg_real mean = b1 * m[i] + c1 * slope, square = b2 * v[i] + c2 * (slope * slope);

        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * decay - rate * (mean / (root(square) * unbias + epsilon));
    }
}

BODY void sgd_body(size_t n, const struct vg_adam *a, const vg_real *restrict g,
                   vg_real *restrict b, vg_real *restrict p)
{
    const vg_real momentum = a->beta1, rate = a->rate, decay = a->decay, scale = a->gradient;

    for (size_t i = 0; i < n; i++) {
        b[i] = momentum * b[i] + g[i] * scale;
        p[i] = p[i] * decay - rate * b[i];
    }
}

/* ---- forms ---- */

#define FORM(form, attributes)                                                                   \
    attributes static void lstm_forward_##form(size_t h, vg_real *gates, const vg_real *before,  \
                                               vg_real *after, vg_real *squashed, vg_real *out)  \
    {                                                                                            \
        lstm_forward_body(h, gates, before, after, squashed, out);                               \
    }                                                                                            \
    attributes static void lstm_backward_##form(size_t h, vg_real *gates, const vg_real *before, \
                                                const vg_real *squashed, const vg_real *dh,      \
                                                vg_real *carry)                                  \
    {                                                                                            \
        lstm_backward_body(h, gates, before, squashed, dh, carry);                               \
    }                                                                                            \
    attributes static void gru_forward_##form(size_t h, vg_real *gates, const vg_real *before,   \
                                              vg_real *out)                                      \
    {                                                                                            \
        gru_forward_body(h, gates, before, out);                                                 \
    }                                                                                            \
    attributes static void gru_backward_##form(size_t h, vg_real *gates, const vg_real *before,  \
                                               const vg_real *dh, vg_real *carry)                \
    {                                                                                            \
        gru_backward_body(h, gates, before, dh, carry);                                          \
    }                                                                                            \
    attributes static void activation_backward_##form(enum vg_activation a, size_t n,            \
                                                      const vg_real *y, vg_real *dy)             \
    {                                                                                            \
        activation_backward_body(a, n, y, dy);                                                   \
    }                                                                                            \
    attributes static void relu_##form(size_t n, vg_real *x)                                     \
    {                                                                                            \
        relu_body(n, x);                                                                         \
    }                                                                                            \
    attributes static void add_##form(size_t n, const vg_real *x, vg_real *y)                    \
    {                                                                                            \
        add_body(n, x, y);                                                                       \
    }                                                                                            \
    attributes static double square_sum_##form(size_t n, const vg_real *x)                       \
    {                                                                                            \
        return square_sum_body(n, x);                                                            \
    }                                                                                            \
    attributes static void adam_##form(size_t n, const struct vg_adam *a, const vg_real *g,      \
                                       vg_real *m, vg_real *v, vg_real *p)                       \
    {                                                                                            \
        adam_body(n, a, g, m, v, p);                                                             \
    }                                                                                            \
    attributes static void sgd_##form(size_t n, const struct vg_adam *a, const vg_real *g,       \
                                      vg_real *b, vg_real *p)                                    \
    {                                                                                            \
        sgd_body(n, a, g, b, p);                                                                 \
    }                                                                                            \
    static const struct vg_train_loops form = {                                                  \
        .lstm_forward = lstm_forward_##form,                                                     \
        .lstm_backward = lstm_backward_##form,                                                   \
        .gru_forward = gru_forward_##form,                                                       \
        .gru_backward = gru_backward_##form,                                                     \
        .activation_backward = activation_backward_##form,                                       \
        .relu = relu_##form,                                                                     \
        .add = add_##form,                                                                       \
        .square_sum = square_sum_##form,                                                         \
        .adam = adam_##form,                                                                     \
        .sgd = sgd_##form,                                                                       \
    };

FORM(portable, )

const struct vg_train_loops *vg_train_loops_portable(void)
{
    return &portable;
}

#if defined(__x86_64__)
FORM(avx2, __attribute__((target("avx2,fma"))))

const struct vg_train_loops *vg_train_loops_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
}
#else
const struct vg_train_loops *vg_train_loops_avx2(void)
{
    return NULL;
}
#endif

const struct vg_train_loops *vg_train_loops(void)
{
    const struct vg_train_loops *fast = vg_train_loops_avx2();

    return fast ? fast : &portable;
}
