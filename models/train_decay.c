/* train_decay.c - the trainable decay of missing values; always the first layer, so nothing wants
 * a gradient of its inputs. */
#include <stdlib.h>
#include <string.h>

#include "models/train_layer.h"

static void decay_open(struct vg_layer_pass *p, uint32_t n, uint32_t steps, bool training)
{
    const size_t rows = (size_t)n * steps, inputs = p->weights->layer->inputs;

    (void)training;
    p->x = vg_real_alloc(rows * inputs);
    p->x_stride = inputs;
    p->squashed = vg_real_alloc(rows * inputs / 3);
    p->carry = vg_real_alloc(rows * inputs / 3);
}

static void decay_close(struct vg_layer_pass *p)
{
    free(p->x);
    free(p->squashed);
    free(p->carry);
}

/* squashed [R, V] is exp(-max(0, weight age + bias)); carry [R, V] is weight age + bias. */
static void decay_forward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    const size_t rows = (size_t)n * steps, v = p->weights->layer->inputs / 3;
    const vg_real *weight = p->weights->tensor[0], *bias = p->weights->tensor[1];

    for (size_t i = 0; i < rows; i++) {
        const vg_real *age = p->x + i * p->x_stride + 2 * v;
        vg_real *slope = p->carry + i * v, *kept = p->squashed + i * v;

        for (size_t j = 0; j < v; j++) {
            slope[j] = vg_real_fma(weight[j], age[j], bias[j]);
            kept[j] = slope[j] > 0 ? -slope[j] : 0;
        }
    }
    vg_real_exp(rows * v, p->squashed);
    for (size_t i = 0; i < rows; i++) {
        const vg_real *x = p->x + i * p->x_stride, *mask = x + v, *kept = p->squashed + i * v;
        vg_real *y = p->y + i * p->y_stride;

        for (size_t j = 0; j < v; j++)
            y[j] = x[j] * vg_real_fma(1 - mask[j], kept[j], mask[j]);
        memcpy(y + v, mask, 2 * v * sizeof(*y));
    }
}

static void decay_backward(struct vg_layer_pass *p, uint32_t n, uint32_t steps)
{
    (void)p;
    (void)n;
    (void)steps;
}

static size_t decay_units(const struct vg_layer *l)
{
    return l->inputs / 3;
}

static void gather_pass(const struct vg_layer_pass *p, size_t rows, size_t from, size_t to,
                        vg_real *weight, vg_real *bias)
{
    const size_t v = p->weights->layer->inputs / 3;

    for (size_t i = 0; i < rows; i++) {
        const vg_real *x = p->x + i * p->x_stride, *mask = x + v, *age = x + 2 * v;
        const vg_real *kept = p->squashed + i * v, *slope = p->carry + i * v;
        const vg_real *dy = p->dy + i * p->dy_stride;

        for (size_t j = from; j < to; j++) {
            vg_real d = slope[j] > 0 ? -dy[j] * x[j] * (1 - mask[j]) * kept[j] : 0;

            weight[j] += d * age[j];
            bias[j] += d;
        }
    }
}

static void decay_gather(const struct vg_layer_part *part, size_t parts, size_t from, size_t to,
                         vg_real *gradient)
{
    const struct vg_layer_weights *w = part[0].pass->weights;
    vg_real *weight = gradient + w->offset[0], *bias = gradient + w->offset[1];

    for (size_t j = from; j < to; j++)
        weight[j] = bias[j] = 0;
    for (size_t i = 0; i < parts; i++)
        gather_pass(part[i].pass, part[i].rows, from, to, weight, bias);
}

const struct vg_layer_ops vg_train_decay = {
    .open = decay_open,
    .close = decay_close,
    .forward = decay_forward,
    .backward = decay_backward,
    .units = decay_units,
    .gather = decay_gather,
};
