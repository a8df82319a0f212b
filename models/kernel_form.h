/* kernel_form.h - the source of every form of the kernel; kernel_<form>.c includes it.
 *
 * Before, that file defines
 *   FORM, FORM_NAME       the object, and what people read
 *   LANES, REGISTERS      floats of a vector; vector registers of the processor, 16 or 32
 *   vec, ivec             vectors of LANES floats and of as many int32_t
 *   vec_load, vec_store   at any address
 *   vec_all(f)            f in every lane
 *   vec_fma(a, b, c)      a b + c, rounded once
 *   vec_min, vec_max      a < b ? a : b, a > b ? a : b: so NaN in b stays, and in a does not
 *   VEC_PIN(v)            has the compiler keep v in a register
 *
 * Vector lanes never meet in one sum: they are different outputs. So LANES changes no bit.
 */
#include "models/kernel_private.h"

#include <float.h>
#include <string.h>

#include "models/vec_some.h"

/* These need what is above. */
#include "models/kernel_math.h"
#include "models/kernel_sums.h"
#include "models/kernel_window.h"

/* ---- arrays ---- */

BODY void each(vec (*f)(vec), size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i += LANES)
        store_some(y + i, f(load_some(x + i, n - i)), n - i);
}

BODY float one(vec (*f)(vec), float x)
{
    float y[LANES];

    vec_store(y, f(vec_all(x)));
    return y[0];
}

static void exp_n(size_t n, float *x)
{
    each(exp_of, n, x, x);
}

static void tanh_n(size_t n, float *x)
{
    each(tanh_of, n, x, x);
}

static void sigmoid_n(size_t n, float *x)
{
    each(sigmoid_of, n, x, x);
}

static void softplus_n(uint32_t n, const float *x, float *y)
{
    each(softplus_of, n, x, y);
}

static void log1p_n(size_t n, const float *x, float *y)
{
    each(log1p_of, n, x, y);
}

static float exp_one(float x)
{
    return one(exp_of, x);
}

static float tanh_one(float x)
{
    return one(tanh_of, x);
}

static float sigmoid_one(float x)
{
    return one(sigmoid_of, x);
}

static float log1p_one(float x)
{
    return one(log1p_of, x);
}

/* ---- what follows the sums ---- */

/* Where the results of a block go: `outputs` of each of `rows` rows, from output `first` on. */
struct block {
    const struct vg_packed *p;
    uint32_t rows;
    size_t first, outputs, vectors;
    float *const *state; /* of each row, at its h; NULL in a dense layer */
    float *y;
    size_t y_stride;
    float *sum; /* [rows, vectors, LANES] */
};

BODY void finish(const struct block *b, vec (*f)(vec))
{
    for (size_t r = 0; r < b->rows; r++) {
        const float *sum = b->sum + r * b->vectors * LANES;
        float *y = b->y + r * b->y_stride + b->first;

        for (size_t j = 0; j < b->outputs; j += LANES)
            store_some(y + j, f(vec_load(sum + j)), b->outputs - j);
    }
}

BODY vec same(vec x)
{
    return x;
}

BODY vec relu_of(vec x)
{
    return vec_max(vec_all(0.0f), x);
}

static void finish_dense(const struct block *b)
{
    switch (b->p->layer.activation) {
    case VG_LINEAR:
        finish(b, same);
        break;
    case VG_RELU:
        finish(b, relu_of);
        break;
    case VG_SIGMOID:
        finish(b, sigmoid_of);
        break;
    case VG_TANH:
        finish(b, tanh_of);
        break;
    }
}

/* Beyond it a gate is shut or open to 1e-13; products of three stay finite. */
#define GATE_MAX 30.0f

/* Two divisions for five functions, as kernel.h says; and in two passes over the rows: what depends
 * on each other is far apart, what does not is near. */
static void finish_lstm(const struct block *b)
{
    for (size_t r = 0; r < b->rows; r++) {
        float *s = b->sum + r * 4 * LANES;
        float *c = b->state[r] + b->p->layer.outputs + b->first;
        vec i = sigmoid_below(vec_load(s), GATE_MAX),
            f = sigmoid_below(vec_load(s + LANES), GATE_MAX);
        vec d, m = tanh_parts(vec_load(s + 2 * LANES), &d);
        vec id = i * d;
        vec cell = vec_fma(load_some(c, b->outputs), id, m * f) / (id * f);

        vec_store(s, cell);
        store_some(c, cell, b->outputs);
        vec_store(s + 3 * LANES, sigmoid_below(vec_load(s + 3 * LANES), GATE_MAX));
    }
    for (size_t r = 0; r < b->rows; r++) {
        const float *s = b->sum + r * 4 * LANES;
        vec d, m = tanh_parts(vec_load(s), &d);

        store_some(b->y + r * b->y_stride + b->first, m / (d * vec_load(s + 3 * LANES)),
                   b->outputs);
    }
}

static void finish_gru(const struct block *b)
{
    for (size_t r = 0; r < b->rows; r++) {
        const float *s = b->sum + r * 4 * LANES;
        vec reset = sigmoid_of(vec_load(s)), keep = sigmoid_of(vec_load(s + LANES));
        vec n = tanh_of(vec_fma(reset, vec_load(s + 3 * LANES), vec_load(s + 2 * LANES)));
        vec h = load_some(b->state[r] + b->first, b->outputs);

        store_some(b->y + r * b->y_stride + b->first, vec_fma(keep, h - n, n), b->outputs);
    }
}

static void finish_block(const struct block *b)
{
    switch (b->p->layer.kind) {
    case VG_LAYER_DENSE:
        finish_dense(b);
        break;
    case VG_LAYER_LSTM:
        finish_lstm(b);
        break;
    case VG_LAYER_GRU:
        finish_gru(b);
        break;
    case VG_LAYER_RNN:
        finish(b, tanh_of);
        break;
    case VG_LAYER_DECAY:
        break;
    }
}

/* ---- layers ---- */

/* Blocks that are finished together. */
enum { GROUP_BLOCKS = REGISTERS == 32 ? 2 : 4 };

/* One panel for all rows, in blocks as even as possible: no row is computed twice, and no block is
 * so small that its sums wait for each other when it need not be. What follows the sums is done for
 * several blocks at once for the same reason. */
static void panel(struct block *b, struct sums *s, uint32_t n, const float *x, size_t xs,
                  void *const *state, size_t at)
{
    const size_t line = table_line(b->p, b->vectors);
    const uint32_t blocks = (n + rows_table[line] - 1) / rows_table[line];
    float sum[LANES * GROUP_BLOCKS * REGISTERS] __attribute__((aligned(64)));
    float *h[GROUP_BLOCKS * ROWS_MAX];
    uint32_t row = 0;

    b->sum = sum;
    b->state = h;
    b->rows = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        const uint32_t rows = n / blocks + (i < n % blocks);

        for (uint32_t r = 0; r < rows; r++) {
            s->x[r] = x + (row + r) * xs;
            s->h[r] = h[b->rows + r] = state ? (float *)state[row + r] + at : NULL;
        }
        sum_table[line][rows - 1](s, sum + b->rows * b->vectors * LANES);
        row += rows;
        b->rows += rows;
        if ((i + 1) % GROUP_BLOCKS == 0 || i + 1 == blocks) {
            finish_block(b);
            b->y += b->rows * b->y_stride;
            b->rows = 0;
        }
    }
    b->y -= n * b->y_stride;
}

/* Whole panels of a single row, finished as if each were a row; returns how many outputs. */
static size_t one_row(const struct vg_packed *p, struct sums *s, const float *x, float *h, float *y)
{
    const size_t whole = vg_panel_outputs(p), panels = p->layer.outputs / whole;
    sum_fn *const sum_some = p->layer.kind == VG_LAYER_GRU ? sum_panels_gru : sum_panels;
    sum_fn *const sum_last = sum_table[table_line(p, VG_PANEL_VECTORS)][0];
    float sum[LANES * VG_PANEL_VECTORS * PANELS_AT_ONCE] __attribute__((aligned(64)));
    float *state[PANELS_AT_ONCE];
    struct block b = { .p = p,
                       .outputs = whole,
                       .vectors = VG_PANEL_VECTORS,
                       .state = state,
                       .y_stride = whole,
                       .sum = sum };

    b.y = y;
    s->x[0] = x;
    s->h[0] = h;
    for (size_t i = 0; i < panels; i += b.rows) {
        b.rows = panels - i < PANELS_AT_ONCE ? 1 : PANELS_AT_ONCE;
        for (uint32_t r = 0; r < b.rows; r++)
            state[r] = h ? h + (i + r) * whole : NULL;
        (b.rows < PANELS_AT_ONCE ? sum_last : sum_some)(s, sum);
        finish_block(&b);
        s->weight += b.rows * s->panel_size;
        b.y += b.rows * whole;
    }
    return panels * whole;
}

/* Panels outside, rows inside: a panel of weights stays in the cache meanwhile. */
static void panels(const struct vg_packed *p, uint32_t n, const float *x, size_t xs,
                   void *const *state, size_t at, float *y, size_t ys)
{
    const size_t whole = vg_panel_outputs(p), outputs = p->layer.outputs;
    struct sums s = { .inputs = p->layer.inputs,
                      .hidden = vg_panel_hidden(p),
                      .weight = p->weight,
                      .panel_size = vg_panel_size(p, VG_PANEL_VECTORS) };
    struct block b = { .p = p, .y_stride = ys };

    b.y = y;
    if (n == 1)
        b.first = one_row(p, &s, x, state ? (float *)state[0] + at : NULL, y);
    for (; b.first < outputs; b.first += whole) {
        b.outputs = outputs - b.first < whole ? outputs - b.first : whole;
        b.vectors = vg_panel_vectors(p, b.outputs);
        panel(&b, &s, n, x, xs, state, at);
        s.weight += vg_panel_size(p, b.vectors);
    }
}

/* x, mask, age [3, V] -> xhat, mask, age. */
static void decay(const struct vg_packed *p, const float *x, float *y)
{
    const size_t variables = p->layer.outputs / 3;
    const float *w = p->weight, *bias = w + variables, *mask = x + variables;
    const float *age = mask + variables;

    for (size_t i = 0; i < variables; i += LANES) {
        const size_t n = variables - i;
        vec rate = vec_fma(load_some(w + i, n), load_some(age + i, n), load_some(bias + i, n));
        vec kept = exp_of(vec_all(0.0f) - vec_max(vec_all(0.0f), rate));
        vec m = load_some(mask + i, n);

        store_some(y + i, load_some(x + i, n) * vec_fma(vec_all(1.0f) - m, kept, m), n);
    }
    memcpy(y + variables, mask, 2 * variables * sizeof(float));
}

static void apply(const struct vg_packed *p, uint32_t n, const float *x, size_t xs, float *y,
                  size_t ys)
{
    if (p->layer.kind == VG_LAYER_DECAY) {
        for (uint32_t b = 0; b < n; b++)
            decay(p, x + b * xs, y + b * ys);
        return;
    }
    VG_CHECK(p->layer.kind == VG_LAYER_DENSE);
    panels(p, n, x, xs, NULL, 0, y, ys);
}

static void advance(const struct vg_packed *p, uint32_t n, const float *x, size_t xs,
                    void *const *state, size_t at, float *y, size_t ys)
{
    VG_CHECK(p->layer.kind != VG_LAYER_DENSE && p->layer.kind != VG_LAYER_DECAY);
    panels(p, n, x, xs, state, at, y, ys);
    for (uint32_t b = 0; b < n; b++)
        memcpy((float *)state[b] + at, y + b * ys, p->layer.outputs * sizeof(float));
}

const struct vg_kernel FORM = {
    .name = FORM_NAME,
    .lanes = (uint32_t)LANES,
    .apply = apply,
    .advance = advance,
    .softplus = softplus_n,
    .log1p_n = log1p_n,
    .unpack = unpack,
    .squared_errors = squared_errors,
    .exp_n = exp_n,
    .tanh_n = tanh_n,
    .sigmoid_n = sigmoid_n,
    .exp = exp_one,
    .tanh = tanh_one,
    .sigmoid = sigmoid_one,
    .log1p = log1p_one,
};
