/* train_recurrent.c - LSTM, GRU and plain RNN in training: back-propagation through time.
 *
 * A recurrent layer is a matrix of G blocks of H gates over the inputs and the last h side by side,
 * and a cell that makes the new h of the gates. A GRU has four blocks, r, z and the two halves of
 * n, which the cell needs apart; the halves have zeros where x or h has no part in them.
 *
 * Per step there is one product forward and one backward, with few rows, and the weights' gradients
 * are products over all steps at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "models/train_layer.h"
#include "models/train_loops.h"

enum { BLOCKS_MAX = 4 };

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

static void pack(struct vg_layer_weights *w)
{
    const struct vg_layer *l = w->layer;
    const size_t h = l->outputs, gates = blocks_of(l) * h, width = l->inputs + h;
    const size_t skipped = w->wants_dx ? 0 : l->inputs;
    vg_real *bias;

    if (!w->forward) {
        w->forward = vg_matrix_new((uint32_t)width, (uint32_t)gates);
        w->backward = vg_matrix_new((uint32_t)gates, (uint32_t)(width - skipped));
        w->joined = vg_real_alloc(gates * (width + 1));
    }
    bias = w->joined + gates * width;
    for (size_t i = 0; i < gates; i++)
        join_row(w, i / h, i % h, w->joined + i * width, bias + i);
    vg_matrix_set(w->forward, w->joined, width, false, bias);
    vg_matrix_set(w->backward, w->joined + skipped, width, true, NULL);
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
    p->db = vg_real_alloc(blocks_of(l) * h);
}

static void close_pass(struct vg_layer_pass *p)
{
    free(p->x);
    free(p->dx);
    free(p->gates);
    free(p->cell);
    free(p->squashed);
    free(p->carry);
    free(p->db);
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

/* ---- passes ---- */

/* The step of the rows from `first` on, but for gradients. */
static struct vg_cell_step step_of(const struct vg_layer_pass *p, size_t n, size_t first)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t h = l->outputs;
    struct vg_cell_step s = {
        .rows = n,
        .hidden = h,
        .gates = p->gates + first * blocks_of(l) * h,
        .h = h_of(p, first),
        .h_next = h_of(p, first + n),
        .h_stride = p->x_stride,
    };

    if (p->cell) {
        s.c = p->cell + first * h;
        s.c_next = p->cell + (first + n) * h;
        s.squashed = p->squashed + first * h;
    }
    return s;
}

static void forward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_train_loops *loops = vg_train_loops();
    const struct vg_layer *l = p->weights->layer;
    const size_t h = l->outputs, gates = blocks_of(l) * h, rows = (size_t)n * steps;

    for (size_t first = 0; first < rows; first += n) {
        const struct vg_cell_step s = step_of(p, n, first);

        vg_matrix_apply(p->weights->forward, n, p->x + first * p->x_stride, p->x_stride, s.gates,
                        gates);
        if (l->kind == VG_LAYER_LSTM)
            loops->lstm_forward(&s);
        else if (l->kind == VG_LAYER_GRU)
            loops->gru_forward(&s);
        else
            loops->rnn_forward(&s);
        for (size_t row = first; row < first + n; row++)
            memcpy(p->y + row * p->y_stride, h_of(p, row + n), h * sizeof(vg_real));
    }
}

static void backward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_train_loops *loops = vg_train_loops();
    const struct vg_layer *l = p->weights->layer;
    const size_t k = l->inputs, h = l->outputs, gates = blocks_of(l) * h, rows = (size_t)n * steps;
    const size_t skipped = p->weights->wants_dx ? 0 : k;

    memset(p->carry, 0, n * h * sizeof(vg_real));
    memset(p->db, 0, gates * sizeof(vg_real));
    for (size_t first = rows; first > 0;) {
        struct vg_cell_step s;

        first -= n;
        s = step_of(p, n, first);
        s.dy = p->dy + first * p->dy_stride;
        s.dy_stride = p->dy_stride;
        s.dh = first + n < rows ? p->dx + (first + n) * p->dx_stride + k : NULL;
        s.dh_stride = p->dx_stride;
        s.carry = p->carry;
        s.db = p->db;
        if (l->kind == VG_LAYER_LSTM)
            loops->lstm_backward(&s);
        else if (l->kind == VG_LAYER_GRU)
            loops->gru_backward(&s);
        else
            loops->rnn_backward(&s);
        vg_matrix_apply(p->weights->backward, n, s.gates, gates,
                        p->dx + first * p->dx_stride + skipped, p->dx_stride);
    }
}

static size_t units(const struct vg_layer *l)
{
    return blocks_of(l) * l->outputs;
}

/* Some of the gates, and all parts of a batch. */
struct gather {
    const struct vg_layer_part *part;
    size_t parts, gate, gates;
    vg_real *gradient;
};

/* The gradient of the gates' rows of one tensor: of `width` entries of the joined input from `column`
 * on. */
static void gather_rows(const struct gather *g, size_t column, size_t width, vg_real *to)
{
    const struct vg_layer_pass *first = g->part[0].pass;
    const struct vg_layer *l = first->weights->layer;
    struct vg_real_factors factors[VG_LAYER_PARTS_MAX];

    for (size_t i = 0; i < g->parts; i++) {
        const struct vg_layer_pass *p = g->part[i].pass;

        factors[i] = (struct vg_real_factors){ g->part[i].rows, p->gates + g->gate, p->x + column };
    }
    vg_real_multiply(&(struct vg_real_product){
        .m = g->gates,
        .n = width,
        .parts = g->parts,
        .part = factors,
        .a_stride = blocks_of(l) * l->outputs,
        .a_turned = true,
        .b_stride = first->x_stride,
        .c = to,
        .c_stride = width,
    });
}

static void gather_bias(const struct gather *g, vg_real *to)
{
    memcpy(to, g->part[0].pass->db + g->gate, g->gates * sizeof(*to));
    for (size_t i = 1; i < g->parts; i++)
        vg_train_loops()->add(g->gates, g->part[i].pass->db + g->gate, to);
}

/* Gates of one block, from its unit j on: the opposite of join_row(). */
static void gather_block(const struct gather *g, size_t block, size_t j)
{
    const struct vg_layer_weights *w = g->part[0].pass->weights;
    const struct vg_layer *l = w->layer;
    const size_t k = l->inputs, h = l->outputs;
    int of_x = source_block(l, block, false), of_h = source_block(l, block, true);

    if (of_x >= 0) {
        const size_t at = (size_t)of_x * h + j;

        gather_rows(g, 0, k, g->gradient + w->offset[0] + at * k);
        gather_bias(g, g->gradient + w->offset[2] + at);
    }
    if (of_h >= 0) {
        const size_t at = (size_t)of_h * h + j;

        gather_rows(g, k, h, g->gradient + w->offset[1] + at * h);
        gather_bias(g, g->gradient + w->offset[3] + at);
    }
}

static void gather(const struct vg_layer_part *part, size_t parts, size_t from, size_t to,
                   vg_real *gradient)
{
    const size_t h = part[0].pass->weights->layer->outputs;

    for (size_t gate = from; gate < to;) {
        const size_t block = gate / h, end = to < (block + 1) * h ? to : (block + 1) * h;

        gather_block(&(struct gather){ part, parts, gate, end - gate, gradient }, block,
                     gate - block * h);
        gate = end;
    }
}

const struct vg_layer_ops vg_train_recurrent = {
    .pack = pack,
    .open = open_pass,
    .close = close_pass,
    .start = start,
    .go_on = go_on,
    .forward = forward,
    .backward = backward,
    .units = units,
    .gather = gather,
};
