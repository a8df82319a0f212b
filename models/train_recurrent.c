/* train_recurrent.c - LSTM, GRU and plain RNN in training: back-propagation through time.
 *
 * A recurrent layer is a matrix of G blocks of H gates over the inputs and the last h side by side,
 * and a cell that makes the new h of the gates. A GRU has four blocks, r, z and the two halves of
 * n, which the cell needs apart; the halves have zeros where x or h has no part in them.
 *
 * Per step there is one product forward and one backward, with few rows, and the weights' gradient
 * is a product over all steps at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "models/train_layer.h"
#include "models/train_loops.h"

enum { BLOCKS_MAX = 4, GATES_GRU = 3 };

static size_t blocks_of(const struct vg_layer *l)
{
    return l->kind == VG_LAYER_RNN ? 1 : BLOCKS_MAX;
}

/* ---- weights ---- */

/* The block of W_ih or W_hh that belongs to a block of gates; none (-1) for half of a GRU's n. */
static int source_block(const struct vg_layer *l, size_t block, bool hidden)
{
    if (l->kind != VG_LAYER_GRU || block < 2)
        return (int)block;
    return hidden == (block == 3) ? 2 : -1;
}

static void join_row(const struct vg_layer_weights *w, size_t block, size_t j, vg_real *row,
                     vg_real *bias)
{
    const struct vg_layer *l = w->layer;
    const size_t k = l->inputs, h = l->outputs;
    int of_x = source_block(l, block, false), of_h = source_block(l, block, true);

    *bias = 0;
    memset(row, 0, (k + h) * sizeof(*row));
    if (of_x >= 0) {
        memcpy(row, w->tensor[0] + ((size_t)of_x * h + j) * k, k * sizeof(*row));
        *bias += w->tensor[2][(size_t)of_x * h + j];
    }
    if (of_h >= 0) {
        memcpy(row + k, w->tensor[1] + ((size_t)of_h * h + j) * h, h * sizeof(*row));
        *bias += w->tensor[3][(size_t)of_h * h + j];
    }
}

/* [N, K] to [K, N], in tiles that fit a few cache lines. */
static void transpose(size_t n, size_t k, const vg_real *from, size_t stride, vg_real *to)
{
    enum { TILE = 16 };

    for (size_t i = 0; i < n; i += TILE) {
        for (size_t j = 0; j < k; j++) {
            for (size_t a = i; a < n && a < i + TILE; a++)
                to[j * n + a] = from[a * stride + j];
        }
    }
}

static void pack(struct vg_layer_weights *w)
{
    const struct vg_layer *l = w->layer;
    const size_t h = l->outputs, gates = blocks_of(l) * h, width = l->inputs + h;
    const size_t skipped = w->wants_dx ? 0 : l->inputs;
    vg_real *joined = vg_real_alloc(gates * width), *bias = vg_real_alloc(gates);
    vg_real *turned = vg_real_alloc(gates * width);

    for (size_t i = 0; i < gates; i++)
        join_row(w, i / h, i % h, joined + i * width, bias + i);
    if (!w->forward) {
        w->forward = vg_matrix_new((uint32_t)width, (uint32_t)gates);
        w->backward = vg_matrix_new((uint32_t)gates, (uint32_t)(width - skipped));
    }
    vg_matrix_set(w->forward, joined, bias);
    transpose(gates, width - skipped, joined + skipped, width, turned);
    vg_matrix_set(w->backward, turned, NULL);
    free(joined);
    free(turned);
    free(bias);
}

/* ---- memory and state ---- */

static void open_pass(struct vg_layer_pass *p, uint32_t n, uint32_t steps, bool training)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t rows = (size_t)n * steps, h = l->outputs, width = l->inputs + h;

    p->x = vg_real_alloc((rows + n) * width);
    p->x_stride = p->dx_stride = width;
    p->gates = vg_real_alloc(rows * blocks_of(l) * h);
    if (l->kind == VG_LAYER_LSTM) {
        p->cell = vg_real_alloc((rows + n) * h);
        p->squashed = vg_real_alloc(rows * h);
    }
    if (!training)
        return;
    p->dx = vg_real_alloc(rows * width);
    p->carry = vg_real_alloc(n * h);
    p->dh = vg_real_alloc(h);
}

static void close_pass(struct vg_layer_pass *p)
{
    free(p->x);
    free(p->dx);
    free(p->gates);
    free(p->cell);
    free(p->squashed);
    free(p->carry);
    free(p->dh);
}

/* h before the step of a row, in the joined input. */
static vg_real *h_of(const struct vg_layer_pass *p, size_t row)
{
    return p->x + row * p->x_stride + p->weights->layer->inputs;
}

static void start(struct vg_layer_pass *p, uint32_t n)
{
    const size_t h = p->weights->layer->outputs;

    for (size_t b = 0; b < n; b++)
        memset(h_of(p, b), 0, h * sizeof(vg_real));
    if (p->cell)
        memset(p->cell, 0, n * h * sizeof(vg_real));
}

static void go_on(struct vg_layer_pass *p, uint32_t n, uint32_t steps, uint32_t next)
{
    const size_t h = p->weights->layer->outputs, end = (size_t)n * steps;

    for (size_t b = 0; b < next; b++)
        memcpy(h_of(p, b), h_of(p, end + b), h * sizeof(vg_real));
    if (p->cell)
        memcpy(p->cell, p->cell + end * h, next * h * sizeof(vg_real));
}

/* ---- cells ---- */

/* Makes the h of the next step of one row from its gates before activation. */
static void cell_forward(struct vg_layer_pass *p, uint32_t n, size_t row)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t h = l->outputs;
    const struct vg_train_loops *loops = vg_train_loops();
    vg_real *gates = p->gates + row * blocks_of(l) * h, *out = h_of(p, row + n);

    if (l->kind == VG_LAYER_LSTM) {
        loops->lstm_forward(h, gates, p->cell + row * h, p->cell + (row + n) * h,
                            p->squashed + row * h, out);
    } else if (l->kind == VG_LAYER_GRU) {
        loops->gru_forward(h, gates, h_of(p, row), out);
    } else {
        vg_real_tanh(h, gates);
        memcpy(out, gates, h * sizeof(*out));
    }
}

/* Turns the gates of one row into their gradients, from p->dh and the carry of row b. */
static void cell_backward(struct vg_layer_pass *p, size_t row, size_t b)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t h = l->outputs;
    const struct vg_train_loops *loops = vg_train_loops();
    vg_real *gates = p->gates + row * blocks_of(l) * h, *carry = p->carry + b * h;

    if (l->kind == VG_LAYER_LSTM) {
        loops->lstm_backward(h, gates, p->cell + row * h, p->squashed + row * h, p->dh, carry);
    } else if (l->kind == VG_LAYER_GRU) {
        loops->gru_backward(h, gates, h_of(p, row), p->dh, carry);
    } else {
        loops->activation_backward(VG_TANH, h, gates, p->dh);
        memcpy(gates, p->dh, h * sizeof(*gates));
    }
}

/* ---- passes ---- */

static void forward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t h = l->outputs, gates = blocks_of(l) * h, rows = (size_t)n * steps;

    for (size_t first = 0; first < rows; first += n) {
        vg_matrix_apply(p->weights->forward, n, p->x + first * p->x_stride, p->x_stride,
                        p->gates + first * gates, gates);
        for (size_t row = first; row < first + n; row++) {
            cell_forward(p, n, row);
            memcpy(p->y + row * p->y_stride, h_of(p, row + n), h * sizeof(vg_real));
        }
    }
}

static void weight_gradients(const struct vg_layer_pass *p, size_t rows, vg_real *gradient)
{
    const struct vg_layer_weights *w = p->weights;
    const struct vg_layer *l = w->layer;
    const size_t k = l->inputs, h = l->outputs, gates = blocks_of(l) * h;
    const bool gru = l->kind == VG_LAYER_GRU;
    const size_t of_x = gru ? GATES_GRU * h : gates, of_h = gru ? 2 * h : gates;
    vg_real *b_ih = gradient + w->offset[2], *b_hh = gradient + w->offset[3];

    vg_real_gemm(true, false, of_x, k, rows, p->gates, gates, p->x, p->x_stride, 0,
                 gradient + w->offset[0], k);
    vg_real_gemm(true, false, of_h, h, rows, p->gates, gates, h_of(p, 0), p->x_stride, 0,
                 gradient + w->offset[1], h);
    vg_layer_column_sum(rows, of_x, p->gates, gates, b_ih);
    memcpy(b_hh, b_ih, of_h * sizeof(*b_hh));
    if (!gru)
        return;
    vg_real_gemm(true, false, h, h, rows, p->gates + of_x, gates, h_of(p, 0), p->x_stride, 0,
                 gradient + w->offset[1] + of_h * h, h);
    vg_layer_column_sum(rows, h, p->gates + of_x, gates, b_hh + of_h);
}

static void backward(struct vg_layer_pass *p, uint32_t n, uint32_t steps, vg_real *gradient)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t k = l->inputs, h = l->outputs, gates = blocks_of(l) * h, rows = (size_t)n * steps;
    const size_t skipped = p->weights->wants_dx ? 0 : k;

    memset(p->carry, 0, n * h * sizeof(vg_real));
    for (size_t first = rows; first > 0;) {
        first -= n;
        for (size_t b = 0; b < n; b++) {
            const size_t row = first + b;

            memcpy(p->dh, p->dy + row * p->dy_stride, h * sizeof(vg_real));
            if (row + n < rows)
                vg_train_loops()->add(h, p->dx + (row + n) * p->dx_stride + k, p->dh);
            cell_backward(p, row, b);
        }
        vg_matrix_apply(p->weights->backward, n, p->gates + first * gates, gates,
                        p->dx + first * p->dx_stride + skipped, p->dx_stride);
    }
    weight_gradients(p, rows, gradient);
}

const struct vg_layer_ops vg_train_recurrent = {
    .pack = pack,
    .open = open_pass,
    .close = close_pass,
    .start = start,
    .go_on = go_on,
    .forward = forward,
    .backward = backward,
};
