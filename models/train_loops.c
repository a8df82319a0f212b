/* train_loops.c - elementwise loops of training, written once and compiled for each form.
 *
 * CMakeLists.txt compiles this file with -O3 -fno-trapping-math in every build type, or the loops
 * would not become vectors; neither changes a value.
 */
#include "models/train_loops.h"

#include <string.h>

#include "models/kernel.h"

#define BODY static inline __attribute__((always_inline))

enum { LANES = 16 }; /* of a sum: part of its bits */

static const vg_real one = 1;

/* A gradient of a state below this changes no parameter by what float can hold. */
static const vg_real least_gradient = (vg_real)1e-30;
/* What Adam divides by is at least 1e-8: below these it moves nothing. */
static const vg_real least_slope = (vg_real)1e-16, least_mean = (vg_real)1e-20,
                     least_square = (vg_real)1e-33;

/* 0 for what is smaller. A product, for a choice would keep loops from becoming vectors; NaN stays. */
BODY vg_real at_least(vg_real x, vg_real least)
{
    return x * (vg_real)(vg_real_fabs(x) >= least);
}

BODY void add_body(size_t n, const vg_real *restrict x, vg_real *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

BODY void lstm_forward_body(const struct vg_cell_step *s)
{
    const size_t h = s->hidden;

    for (size_t b = 0; b < s->rows; b++) {
        vg_real *gates = s->gates + b * 4 * h;

        vg_real_sigmoid(2 * h, gates);
        vg_real_tanh(h, gates + 2 * h);
        vg_real_sigmoid(h, gates + 3 * h);
    }
    for (size_t b = 0; b < s->rows; b++) {
        const vg_real *restrict in = s->gates + b * 4 * h, *restrict c = s->c + b * h;
        const vg_real *forget = in + h, *update = in + 2 * h;
        vg_real *restrict next = s->c_next + b * h, *restrict squashed = s->squashed + b * h;

        for (size_t j = 0; j < h; j++)
            squashed[j] = next[j] = vg_real_fma(forget[j], c[j], in[j] * update[j]);
    }
    vg_real_tanh(s->rows * h, s->squashed);
    for (size_t b = 0; b < s->rows; b++) {
        const vg_real *restrict show = s->gates + (b * 4 + 3) * h;
        const vg_real *restrict squashed = s->squashed + b * h;
        vg_real *restrict next = s->h_next + b * s->h_stride;

        for (size_t j = 0; j < h; j++)
            next[j] = show[j] * squashed[j];
    }
}

/* The gradient of h_next of row b, into out [H]. */
BODY void join_gradient(const struct vg_cell_step *s, size_t b, vg_real *restrict out)
{
    const vg_real *restrict dy = s->dy + b * s->dy_stride;
    const vg_real *restrict dh = s->dh ? s->dh + b * s->dh_stride : NULL;

    if (dh) {
        for (size_t j = 0; j < s->hidden; j++)
            out[j] = at_least(dy[j] + dh[j], least_gradient);
    } else {
        for (size_t j = 0; j < s->hidden; j++)
            out[j] = at_least(dy[j], least_gradient);
    }
}

/* Rows are functions of their own: a compiler believes `restrict` of parameters only. */
BODY void lstm_backward_row(size_t h, const vg_real *restrict d, const vg_real *restrict c,
                            const vg_real *restrict squashed, vg_real *restrict carry,
                            vg_real *restrict gi, vg_real *restrict gf, vg_real *restrict gg,
                            vg_real *restrict go)
{
    for (size_t j = 0; j < h; j++) {
        vg_real i = gi[j], f = gf[j], g = gg[j], o = go[j], t = squashed[j];
        vg_real dc = at_least(carry[j] + d[j] * o * (one - t * t), least_gradient);

        gi[j] = dc * g * (i * (one - i));
        gf[j] = dc * c[j] * (f * (one - f));
        gg[j] = dc * i * (one - g * g);
        go[j] = d[j] * t * (o * (one - o));
        carry[j] = dc * f;
    }
}

BODY void lstm_backward_body(const struct vg_cell_step *s)
{
    const size_t h = s->hidden;
    vg_real d[VG_LAYER_WIDTH_MAX];

    for (size_t b = 0; b < s->rows; b++) {
        vg_real *gates = s->gates + b * 4 * h;

        join_gradient(s, b, d);
        lstm_backward_row(h, d, s->c + b * h, s->squashed + b * h, s->carry + b * h, gates,
                          gates + h, gates + 2 * h, gates + 3 * h);
        add_body(4 * h, gates, s->db);
    }
}

BODY void gru_forward_body(const struct vg_cell_step *s)
{
    const size_t h = s->hidden;

    for (size_t b = 0; b < s->rows; b++) {
        vg_real *restrict r = s->gates + b * 4 * h, *restrict z = r + h, *restrict n = z + h;
        const vg_real *restrict nh = n + h, *restrict before = s->h + b * s->h_stride;
        vg_real *restrict next = s->h_next + b * s->h_stride;

        vg_real_sigmoid(2 * h, r);
        for (size_t j = 0; j < h; j++)
            n[j] = vg_real_fma(r[j], nh[j], n[j]);
        vg_real_tanh(h, n);
        for (size_t j = 0; j < h; j++)
            next[j] = vg_real_fma(z[j], before[j] - n[j], n[j]);
    }
}

BODY void gru_backward_row(size_t h, const vg_real *restrict dh, const vg_real *restrict before,
                           vg_real *restrict carry, vg_real *restrict gr, vg_real *restrict gz,
                           vg_real *restrict gn, vg_real *restrict gnh)
{
    for (size_t j = 0; j < h; j++) {
        vg_real r = gr[j], z = gz[j], n = gn[j], nh = gnh[j];
        vg_real d = at_least(dh[j] + carry[j], least_gradient);
        vg_real dn = d * (one - z) * (one - n * n);

        gr[j] = dn * nh * (r * (one - r));
        gz[j] = d * (before[j] - n) * (z * (one - z));
        gn[j] = dn;
        gnh[j] = dn * r;
        carry[j] = d * z;
    }
}

BODY void gru_backward_body(const struct vg_cell_step *s)
{
    const size_t h = s->hidden;
    vg_real dh[VG_LAYER_WIDTH_MAX];

    for (size_t b = 0; b < s->rows; b++) {
        vg_real *gates = s->gates + b * 4 * h;

        join_gradient(s, b, dh);
        gru_backward_row(h, dh, s->h + b * s->h_stride, s->carry + b * h, gates, gates + h,
                         gates + 2 * h, gates + 3 * h);
        add_body(4 * h, gates, s->db);
    }
}

BODY void rnn_forward_body(const struct vg_cell_step *s)
{
    vg_real_tanh(s->rows * s->hidden, s->gates);
    for (size_t b = 0; b < s->rows; b++)
        memcpy(s->h_next + b * s->h_stride, s->gates + b * s->hidden,
               s->hidden * sizeof(*s->gates));
}

BODY void rnn_backward_body(const struct vg_cell_step *s)
{
    const size_t h = s->hidden;
    vg_real d[VG_LAYER_WIDTH_MAX];

    for (size_t b = 0; b < s->rows; b++) {
        vg_real *restrict gate = s->gates + b * h;

        join_gradient(s, b, d);
        for (size_t j = 0; j < h; j++)
            gate[j] = d[j] * (one - gate[j] * gate[j]);
        add_body(h, gate, s->db);
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

BODY double lane_sum(const double *lane)
{
    double total = 0.0;

    for (size_t j = 0; j < LANES; j++)
        total += lane[j];
    return total;
}

/* Lanes [0, n) of squared_error: where w is 0, e may come from what must not be read. */
BODY void squared_error_lanes(size_t n, vg_real factor, const vg_real *restrict y,
                              const vg_real *restrict target, const vg_real *restrict mask,
                              vg_real *restrict d, double *restrict loss, double *restrict weight)
{
    for (size_t j = 0; j < n; j++) {
        vg_real w = factor * mask[j], e = y[j] - target[j];
        vg_real slope = w > 0 ? w * e : 0, distance = w > 0 ? e : 0;

        d[j] = 2 * slope;
        loss[j] += (double)(slope * distance);
        weight[j] += (double)w;
    }
}

BODY void squared_error_body(size_t n, vg_real factor, const vg_real *y, const vg_real *target,
                             const vg_real *mask, vg_real *d, double *loss, double *weight)
{
    double losses[LANES] = { 0 }, weights[LANES] = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        squared_error_lanes(LANES, factor, y + i, target + i, mask + i, d + i, losses, weights);
    squared_error_lanes(n - i, factor, y + i, target + i, mask + i, d + i, losses, weights);
    *loss += lane_sum(losses);
    *weight += lane_sum(weights);
}

BODY double square_sum_body(size_t n, const vg_real *x)
{
    double sum[LANES] = { 0 }, rest = 0.0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++)
            sum[j] += (double)x[i + j] * (double)x[i + j];
    }
    for (; i < n; i++)
        rest += (double)x[i] * (double)x[i];
    return lane_sum(sum) + rest;
}

BODY void adam_body(size_t n, const struct vg_adam *a, const vg_real *restrict g,
                    vg_real *restrict m, vg_real *restrict v, vg_real *restrict p)
{
    const vg_real b1 = a->beta1, b2 = a->beta2, c1 = a->rest1, c2 = a->rest2;
    const vg_real epsilon = a->epsilon, rate = a->rate, unbias = a->unbias;
    const vg_real decay = a->decay, scale = a->gradient;

    for (size_t i = 0; i < n; i++) {
        vg_real slope = at_least(g[i] * scale, least_slope);
        vg_real mean = at_least(b1 * m[i] + c1 * slope, least_mean);
        vg_real square = at_least(b2 * v[i] + c2 * (slope * slope), least_square);

        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * decay - rate * (mean / (vg_real_sqrt(square) * unbias + epsilon));
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

#define CELL(form, attributes, name)                                   \
    attributes static void name##_##form(const struct vg_cell_step *s) \
    {                                                                  \
        name##_body(s);                                                \
    }

#define FORM(form, attributes)                                                              \
    CELL(form, attributes, lstm_forward)                                                    \
    CELL(form, attributes, lstm_backward)                                                   \
    CELL(form, attributes, gru_forward)                                                     \
    CELL(form, attributes, gru_backward)                                                    \
    CELL(form, attributes, rnn_forward)                                                     \
    CELL(form, attributes, rnn_backward)                                                    \
    attributes static void activation_backward_##form(enum vg_activation a, size_t n,       \
                                                      const vg_real *y, vg_real *dy)        \
    {                                                                                       \
        activation_backward_body(a, n, y, dy);                                              \
    }                                                                                       \
    attributes static void relu_##form(size_t n, vg_real *x)                                \
    {                                                                                       \
        relu_body(n, x);                                                                    \
    }                                                                                       \
    attributes static void add_##form(size_t n, const vg_real *x, vg_real *y)               \
    {                                                                                       \
        add_body(n, x, y);                                                                  \
    }                                                                                       \
    attributes static void squared_error_##form(size_t n, vg_real factor, const vg_real *y, \
                                                const vg_real *target, const vg_real *mask, \
                                                vg_real *d, double *loss, double *weight)   \
    {                                                                                       \
        squared_error_body(n, factor, y, target, mask, d, loss, weight);                    \
    }                                                                                       \
    attributes static double square_sum_##form(size_t n, const vg_real *x)                  \
    {                                                                                       \
        return square_sum_body(n, x);                                                       \
    }                                                                                       \
    attributes static void adam_##form(size_t n, const struct vg_adam *a, const vg_real *g, \
                                       vg_real *m, vg_real *v, vg_real *p)                  \
    {                                                                                       \
        adam_body(n, a, g, m, v, p);                                                        \
    }                                                                                       \
    attributes static void sgd_##form(size_t n, const struct vg_adam *a, const vg_real *g,  \
                                      vg_real *b, vg_real *p)                               \
    {                                                                                       \
        sgd_body(n, a, g, b, p);                                                            \
    }                                                                                       \
    static const struct vg_train_loops form = {                                             \
        .lstm_forward = lstm_forward_##form,                                                \
        .lstm_backward = lstm_backward_##form,                                              \
        .gru_forward = gru_forward_##form,                                                  \
        .gru_backward = gru_backward_##form,                                                \
        .rnn_forward = rnn_forward_##form,                                                  \
        .rnn_backward = rnn_backward_##form,                                                \
        .activation_backward = activation_backward_##form,                                  \
        .relu = relu_##form,                                                                \
        .add = add_##form,                                                                  \
        .squared_error = squared_error_##form,                                              \
        .square_sum = square_sum_##form,                                                    \
        .adam = adam_##form,                                                                \
        .sgd = sgd_##form,                                                                  \
    };

FORM(portable, )

const struct vg_train_loops *vg_train_loops_portable(void)
{
    return &portable;
}

#if defined(__x86_64__)
FORM(avx2, __attribute__((target("avx2,fma"))))
/* NOLINTNEXTLINE(clang-diagnostic-ignored-attributes): of gcc */
FORM(avx512,
     __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512"))))

static bool has(const char *kernel)
{
    const struct vg_kernel *form;

    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++) {
        if (strcmp(form->name, kernel) == 0)
            return true;
    }
    return false;
}

const struct vg_train_loops *vg_train_loops_avx2(void)
{
    return has("avx2") ? &avx2 : NULL;
}

const struct vg_train_loops *vg_train_loops_avx512(void)
{
    return has("avx512") ? &avx512 : NULL;
}
#else
const struct vg_train_loops *vg_train_loops_avx2(void)
{
    return NULL;
}

const struct vg_train_loops *vg_train_loops_avx512(void)
{
    return NULL;
}
#endif

const struct vg_train_loops *vg_train_loops(void)
{
#if defined(__x86_64__)
    const uint32_t lanes = vg_kernel()->lanes;

    if (lanes >= 8)
        return lanes == 16 ? &avx512 : &avx2;
#endif
    return &portable;
}
