/* train.c - a trainee: a network, an objective and fresh parameters. */
#include "models/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/train_random.h"
#include "models/train_trainee.h"

/* ---- sets in memory ---- */

static uint32_t memory_steps(const void *self, size_t sequence)
{
    const struct vg_train_memory *m = self;

    return m->sequence[sequence].steps;
}

static void widen(size_t n, const float *from, vg_real *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (vg_real)from[i];
}

static void memory_read(const void *self, size_t sequence, uint32_t from, uint32_t n,
                        const struct vg_train_rows *rows)
{
    const struct vg_train_memory *m = self;
    const struct vg_train_sequence *s = &m->sequence[sequence];
    const size_t targets = m->targets;

    for (size_t i = 0; i < n; i++) {
        const size_t t = from + i;
        vg_real *mask = rows->mask + i * rows->mask_stride;

        widen(m->inputs, s->x + t * m->inputs, rows->x + i * rows->x_stride);
        widen(targets, s->target + t * targets, rows->target + i * rows->target_stride);
        if (s->mask)
            widen(targets, s->mask + t * targets, mask);
        for (size_t j = 0; j < targets && !s->mask; j++)
            mask[j] = 1;
        if (s->base && rows->base)
            widen(targets, s->base + t * targets, rows->base + i * rows->base_stride);
        if (s->weight)
            rows->weight[i * rows->weight_stride] = (vg_real)s->weight[t];
    }
}

struct vg_train_set vg_train_memory(const struct vg_train_memory *memory)
{
    return (struct vg_train_set){
        .self = memory,
        .sequences = memory->sequences,
        .steps = memory_steps,
        .read = memory_read,
    };
}

uint32_t vg_train_longest(const struct vg_train_set *set)
{
    uint32_t longest = 0;

    for (size_t i = 0; i < set->sequences; i++) {
        uint32_t steps = set->steps(set->self, i);

        longest = steps > longest ? steps : longest;
    }
    return longest;
}

/* ---- trainees ---- */

static vg_status check_quantiles(const struct vg_objective *o, uint32_t outputs, struct vg_err *err)
{
    bool median = false;

    if (o->quantiles < 1 || o->quantiles > VG_TRAIN_QUANTILES_MAX || outputs % o->quantiles != 0)
        return vg_fail(err, VG_E_CONFIG,
                       "pinball loss: the outputs of the last layer must be a multiple of the 1 "
                       "to 9 quantiles; there are %u outputs and %u quantiles",
                       outputs, o->quantiles);
    for (uint32_t q = 0; q < o->quantiles; q++) {
        if (!(o->quantile[q] > 0.0f) || !(o->quantile[q] < 1.0f) ||
            (q > 0 && !(o->quantile[q] > o->quantile[q - 1])))
            return vg_fail(err, VG_E_CONFIG,
                           "pinball loss: expected quantiles between 0 and 1, ascending");
        median = median || o->quantile[q] == 0.5f;
    }
    if (!median)
        return vg_fail(err, VG_E_CONFIG, "pinball loss: expected 0.5 among the quantiles");
    return VG_OK;
}

static vg_status check_objective(const struct vg_network *n, const struct vg_objective *o,
                                 struct vg_err *err)
{
    const struct vg_layer *last;

    if (n->layers == 0 || n->layer[n->layers - 1].kind == VG_LAYER_DECAY)
        return vg_fail(err, VG_E_CONFIG, "a network that learns needs a layer besides its decay");
    last = &n->layer[n->layers - 1];
    if (o->loss == VG_LOSS_PINBALL)
        return check_quantiles(o, last->outputs, err);
    if (o->loss == VG_LOSS_BCE &&
        (last->kind != VG_LAYER_DENSE ||
         (last->activation != VG_SIGMOID && last->activation != VG_LINEAR)))
        return vg_fail(
            err, VG_E_CONFIG,
            "binary cross-entropy: the last layer must be dense with sigmoid, or linear");
    if (o->loss == VG_LOSS_CROSS_ENTROPY &&
        (last->kind != VG_LAYER_DENSE || last->activation != VG_LINEAR))
        return vg_fail(err, VG_E_CONFIG, "cross-entropy: the last layer must be dense and linear");
    return VG_OK;
}

static void draw_uniform(vg_real *x, size_t n, double low, double high, uint64_t stream)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (vg_real)(low + (high - low) * vg_draw_uniform(stream, i));
}

static void draw_parameters(struct vg_trainee *t)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < t->network.layers; i++) {
        const struct vg_layer *l = &t->network.layer[i];
        struct vg_layer_tensor tensor;

        for (uint32_t j = 0; vg_network_tensor(&t->network, i, j, &tensor); j++, number++) {
            uint64_t stream = vg_draw_stream(t->seed, VG_DRAW_INIT, number);
            vg_real *x = t->parameter + tensor.offset;
            double bound = 1.0 / sqrt((double)(l->kind == VG_LAYER_DENSE ? l->inputs : l->outputs));

            if (l->kind != VG_LAYER_DECAY)
                draw_uniform(x, tensor.size, -bound, bound, stream);
            else if (j == 0)
                draw_uniform(x, tensor.size, 0.0, 1.0 / sqrt((double)tensor.size), stream);
        }
    }
}

vg_status vg_trainee_new(const struct vg_network *network, const struct vg_objective *objective,
                         uint64_t seed, struct vg_trainee **ret, struct vg_err *err)
{
    struct vg_trainee *t;
    vg_status st = check_objective(network, objective, err);

    if (st != VG_OK)
        return st;
    t = calloc(1, sizeof(*t));
    VG_CHECK(t);
    t->network = *network;
    t->objective = *objective;
    t->seed = seed;
    t->parameters = vg_network_parameters(network);
    t->parameter = vg_real_alloc(t->parameters);
    draw_parameters(t);
    vg_pass_network_init(&t->net, network, objective, t->parameter);
    *ret = t;
    return VG_OK;
}

void vg_trainee_free(struct vg_trainee *t)
{
    if (!t)
        return;
    vg_pass_network_done(&t->net);
    free(t->parameter);
    free(t);
}

vg_real *vg_trainee_parameters(struct vg_trainee *t)
{
    return t->parameter;
}

size_t vg_trainee_parameter_count(const struct vg_trainee *t)
{
    return t->parameters;
}

const struct vg_network *vg_trainee_network(const struct vg_trainee *t)
{
    return &t->network;
}
