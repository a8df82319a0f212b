/* train_dense.c - a dense layer in training: three products over all rows of a window. */
#include <stdlib.h>
#include <string.h>

#include "models/train_layer.h"
#include "models/train_loops.h"

static void dense_open(struct vg_layer_pass *p, uint32_t n, uint32_t steps, bool training)
{
    const size_t rows = (size_t)n * steps, inputs = p->weights->layer->inputs;

    p->x = vg_real_alloc(rows * inputs);
    p->x_stride = p->dx_stride = inputs;
    if (training && p->weights->wants_dx)
        p->dx = vg_real_alloc(rows * inputs);
}

static void dense_close(struct vg_layer_pass *p)
{
    free(p->x);
    free(p->dx);
}

static void activate(enum vg_activation a, size_t n, vg_real *y)
{
    switch (a) {
    case VG_RELU:
        vg_train_loops()->relu(n, y);
        break;
    case VG_SIGMOID:
        vg_real_sigmoid(n, y);
        break;
    case VG_TANH:
        vg_real_tanh(n, y);
        break;
    case VG_LINEAR:
        break;
    }
}

static void dense_pack(struct vg_layer_weights *w)
{
    const struct vg_layer *l = w->layer;

    if (!w->forward)
        w->forward = vg_matrix_new(l->inputs, l->outputs);
    vg_matrix_set(w->forward, w->tensor[0], l->inputs, false, w->tensor[1]);
}

static void dense_forward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_layer *l = p->weights->layer;
    const uint32_t rows = n * steps;

    vg_matrix_apply(p->weights->forward, rows, p->x, p->x_stride, p->y, p->y_stride);
    if (p->y_stride == l->outputs) {
        activate(l->activation, (size_t)rows * l->outputs, p->y);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        activate(l->activation, l->outputs, p->y + i * p->y_stride);
}

static void dense_backward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_layer_weights *w = p->weights;
    const struct vg_layer *l = w->layer;
    const struct vg_train_loops *loops = vg_train_loops();
    const size_t rows = (size_t)n * steps;

    for (size_t i = 0; i < rows && l->activation != VG_LINEAR; i++)
        loops->activation_backward(l->activation, l->outputs, p->y + i * p->y_stride,
                                   p->dy + i * p->dy_stride);
    if (p->dx)
        vg_real_multiply(&(struct vg_real_product){
            .m = rows,
            .n = l->inputs,
            .parts = 1,
            .part = &(struct vg_real_factors){ l->outputs, p->dy, w->tensor[0] },
            .a_stride = p->dy_stride,
            .b_stride = l->inputs,
            .c = p->dx,
            .c_stride = p->dx_stride,
        });
}

static size_t dense_units(const struct vg_layer *l)
{
    return l->outputs;
}

static void dense_gather(const struct vg_layer_part *part, size_t parts, size_t from, size_t to,
                         vg_real *gradient)
{
    const struct vg_train_loops *loops = vg_train_loops();
    const struct vg_layer_pass *first = part[0].pass;
    const struct vg_layer_weights *w = first->weights;
    const size_t inputs = w->layer->inputs;
    vg_real *bias = gradient + w->offset[1] + from;
    struct vg_real_factors factors[VG_LAYER_PARTS_MAX];

    memset(bias, 0, (to - from) * sizeof(*bias));
    for (size_t i = 0; i < parts; i++) {
        const struct vg_layer_pass *p = part[i].pass;

        factors[i] = (struct vg_real_factors){ part[i].rows, p->dy + from, p->x };
        for (size_t row = 0; row < part[i].rows; row++)
            loops->add(to - from, p->dy + row * p->dy_stride + from, bias);
    }
    vg_real_multiply(&(struct vg_real_product){
        .m = to - from,
        .n = inputs,
        .parts = parts,
        .part = factors,
        .a_stride = first->dy_stride,
        .a_turned = true,
        .b_stride = first->x_stride,
        .c = gradient + w->offset[0] + from * inputs,
        .c_stride = inputs,
    });
}

const struct vg_layer_ops vg_train_dense = {
    .pack = dense_pack,
    .open = dense_open,
    .close = dense_close,
    .forward = dense_forward,
    .backward = dense_backward,
    .units = dense_units,
    .gather = dense_gather,
};
