/* train_dense.c - a dense layer in training: three matrix products over all rows of a window. */
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

static void dense_forward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const struct vg_layer *l = p->weights->layer;
    const size_t rows = (size_t)n * steps;

    for (size_t i = 0; i < rows; i++)
        memcpy(p->y + i * p->y_stride, p->weights->tensor[1], l->outputs * sizeof(vg_real));
    vg_real_gemm(false, true, rows, l->outputs, l->inputs, p->x, p->x_stride, p->weights->tensor[0],
                 l->inputs, 1, p->y, p->y_stride);
    if (p->y_stride == l->outputs) {
        activate(l->activation, rows * l->outputs, p->y);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        activate(l->activation, l->outputs, p->y + i * p->y_stride);
}

static void dense_backward(struct vg_layer_pass *p, uint32_t n, uint32_t steps, vg_real *gradient)
{
    const struct vg_layer_weights *w = p->weights;
    const struct vg_layer *l = w->layer;
    const size_t rows = (size_t)n * steps;

    for (size_t i = 0; i < rows && l->activation != VG_LINEAR; i++)
        vg_train_loops()->activation_backward(l->activation, l->outputs, p->y + i * p->y_stride,
                                              p->dy + i * p->dy_stride);
    vg_real_gemm(true, false, l->outputs, l->inputs, rows, p->dy, p->dy_stride, p->x, p->x_stride,
                 0, gradient + w->offset[0], l->inputs);
    vg_layer_column_sum(rows, l->outputs, p->dy, p->dy_stride, gradient + w->offset[1]);
    if (p->dx)
        vg_real_gemm(false, false, rows, l->inputs, l->outputs, p->dy, p->dy_stride, w->tensor[0],
                     l->inputs, 0, p->dx, p->dx_stride);
}

const struct vg_layer_ops vg_train_dense = {
    .open = dense_open,
    .close = dense_close,
    .forward = dense_forward,
    .backward = dense_backward,
};

void vg_layer_column_sum(size_t rows, size_t n, const vg_real *x, size_t stride, vg_real *sum)
{
    memset(sum, 0, n * sizeof(*sum));
    for (size_t i = 0; i < rows; i++)
        vg_train_loops()->add(n, x + i * stride, sum);
}
