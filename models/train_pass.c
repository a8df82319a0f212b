/* train_pass.c - a network over one window: data in, outputs, loss, gradient. */
#include "models/train_pass.h"

#include <stdlib.h>
#include <string.h>

#include "models/train_random.h"

struct vg_pass {
    const struct vg_pass_network *net;
    uint32_t rows, steps; /* capacity */
    uint32_t n, length;   /* of the window at hand: rows, steps */
    size_t *sequence;     /* [rows] */
    struct vg_layer_pass layer[VG_LAYERS_MAX];
    vg_real *output, *d_output;             /* [R, O] */
    vg_real *target, *mask, *base, *weight; /* [R, targets] thrice, [R] */
    vg_real *kept;                          /* [R, K of the last layer]: factors of dropout */
    double dropout;                         /* of the window at hand */
    vg_real *scratch;                       /* [2 O] */
};

/* ---- the network ---- */

static const struct vg_layer_ops *ops_of(enum vg_layer_kind kind)
{
    switch (kind) {
    case VG_LAYER_DENSE:
        return &vg_train_dense;
    case VG_LAYER_DECAY:
        return &vg_train_decay;
    case VG_LAYER_LSTM:
    case VG_LAYER_GRU:
    case VG_LAYER_RNN:
        break;
    }
    return &vg_train_recurrent;
}

/* Equal pieces, of whole vectors where there are enough units. */
static void cut(struct vg_pass_network *net, uint32_t layer)
{
    const size_t vector = 16;
    const struct vg_layer_weights *w = &net->layer[layer];
    const size_t units = w->ops->units(w->layer), least = VG_PIECES_OF_LAYER * vector;
    const size_t size = (units + least - 1) / least * vector;

    for (size_t from = 0; from < units; from += size)
        net->piece[net->pieces++] = (struct vg_gradient_piece){
            .layer = layer,
            .from = from,
            .to = units - from < size ? units : from + size,
        };
}

void vg_pass_network_init(struct vg_pass_network *net, const struct vg_network *network,
                          const struct vg_objective *objective, const vg_real *parameters)
{
    memset(net, 0, sizeof(*net));
    net->network = *network;
    net->objective = *objective;
    net->targets = vg_objective_targets(objective, vg_network_outputs(network));
    if (objective->loss == VG_LOSS_BCE)
        net->network.layer[network->layers - 1].activation = VG_LINEAR;
    for (uint32_t i = 0; i < network->layers; i++) {
        struct vg_layer_weights *w = &net->layer[i];
        struct vg_layer_tensor t;

        w->layer = &net->network.layer[i];
        w->ops = ops_of(w->layer->kind);
        w->wants_dx = i > 0;
        for (uint32_t j = 0; vg_network_tensor(network, i, j, &t); j++) {
            w->offset[j] = t.offset;
            w->tensor[j] = parameters + t.offset;
        }
        cut(net, i);
    }
    vg_pass_network_pack(net);
}

void vg_pass_network_done(struct vg_pass_network *net)
{
    for (uint32_t i = 0; i < net->network.layers; i++) {
        vg_matrix_free(net->layer[i].forward);
        vg_matrix_free(net->layer[i].backward);
        free(net->layer[i].joined);
    }
}

void vg_pass_network_pack_layer(struct vg_pass_network *net, uint32_t layer)
{
    if (net->layer[layer].ops->pack)
        net->layer[layer].ops->pack(&net->layer[layer]);
}

void vg_pass_network_pack(struct vg_pass_network *net)
{
    for (uint32_t i = 0; i < net->network.layers; i++)
        vg_pass_network_pack_layer(net, i);
}

/* ---- memory ---- */

struct vg_pass *vg_pass_new(const struct vg_pass_network *net, uint32_t rows, uint32_t steps,
                            bool training)
{
    struct vg_pass *p = calloc(1, sizeof(*p));
    const uint32_t layers = net->network.layers, outputs = vg_network_outputs(&net->network);
    const size_t cells = (size_t)rows * steps;

    VG_CHECK(p && layers > 0 && rows > 0 && steps > 0);
    p->net = net;
    p->rows = rows;
    p->steps = steps;
    p->sequence = calloc(rows, sizeof(*p->sequence));
    VG_CHECK(p->sequence);
    for (uint32_t i = 0; i < layers; i++) {
        p->layer[i].weights = &net->layer[i];
        net->layer[i].ops->open(&p->layer[i], rows, steps, training);
    }
    p->output = vg_real_alloc(cells * outputs);
    p->d_output = training ? vg_real_alloc(cells * outputs) : NULL;
    p->target = vg_real_alloc(cells * net->targets);
    p->mask = vg_real_alloc(cells * net->targets);
    p->base = net->objective.loss == VG_LOSS_PINBALL ? vg_real_alloc(cells * net->targets) : NULL;
    p->weight = vg_real_alloc(cells);
    p->kept = training ? vg_real_alloc(cells * net->network.layer[layers - 1].inputs) : NULL;
    p->scratch = vg_real_alloc(2 * (size_t)outputs);
    for (uint32_t i = 0; i < layers; i++) {
        struct vg_layer_pass *l = &p->layer[i], *next = l + 1;
        bool last = i + 1 == layers;

        l->y = last ? p->output : next->x;
        l->dy = last ? p->d_output : next->dx;
        l->y_stride = last ? outputs : next->x_stride;
        l->dy_stride = last ? outputs : next->dx_stride;
    }
    return p;
}

void vg_pass_free(struct vg_pass *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->net->network.layers; i++)
        p->net->layer[i].ops->close(&p->layer[i]);
    free(p->sequence);
    free(p->output);
    free(p->d_output);
    free(p->target);
    free(p->mask);
    free(p->base);
    free(p->weight);
    free(p->kept);
    free(p->scratch);
    free(p);
}

/* ---- data ---- */

static void clear(struct vg_pass *p, size_t cells)
{
    const uint32_t inputs = p->net->network.layer[0].inputs, targets = p->net->targets;

    for (size_t i = 0; i < cells; i++) {
        memset(p->layer[0].x + i * p->layer[0].x_stride, 0, inputs * sizeof(vg_real));
        p->weight[i] = 1;
    }
    memset(p->target, 0, cells * targets * sizeof(vg_real));
    memset(p->mask, 0, cells * targets * sizeof(vg_real));
    if (p->base)
        memset(p->base, 0, cells * targets * sizeof(vg_real));
}

static void read_row(struct vg_pass *p, const struct vg_train_set *set, uint32_t row, uint32_t from)
{
    const size_t targets = p->net->targets, n = p->n;
    const uint32_t length = set->steps(set->self, p->sequence[row]);
    const struct vg_train_rows rows = {
        .x = p->layer[0].x + row * p->layer[0].x_stride,
        .target = p->target + row * targets,
        .mask = p->mask + row * targets,
        .base = p->base ? p->base + row * targets : NULL,
        .weight = p->weight + row,
        .x_stride = n * p->layer[0].x_stride,
        .target_stride = n * targets,
        .mask_stride = n * targets,
        .base_stride = n * targets,
        .weight_stride = n,
    };

    if (length > from)
        set->read(set->self, p->sequence[row], from,
                  length - from < p->length ? length - from : p->length, &rows);
}

/* ---- noise ---- */

static void disturb_row(vg_real *x, size_t values, const struct vg_pass_noise *noise, uint64_t hide,
                        uint64_t shake, uint64_t first)
{
    for (size_t i = 0; i < values; i++) {
        if (noise->masks && !(x[values + i] > 0))
            continue;
        if (vg_draw_uniform(hide, first + i) < noise->drop) {
            x[i] = 0;
            if (noise->masks)
                x[values + i] = 0;
        } else if (noise->noise > 0.0) {
            x[i] += (vg_real)(noise->noise * vg_draw_normal(shake, first + i));
        }
    }
}

/* A number of its own for each row and step of a batch, whatever the shard. */
static uint64_t place(const struct vg_pass *p, const struct vg_pass_noise *noise, size_t cell)
{
    return vg_draw_mix((uint64_t)(cell / p->n) << 32 | (noise->first + cell % p->n * noise->apart));
}

static void disturb(struct vg_pass *p, const struct vg_pass_noise *noise)
{
    const struct vg_layer_pass *first = &p->layer[0];
    const uint32_t inputs = first->weights->layer->inputs;
    const size_t values = noise->values > 0 ? noise->values : inputs;
    uint64_t hide = vg_draw_stream(noise->seed, VG_DRAW_HIDE, noise->step);
    uint64_t shake = vg_draw_stream(noise->seed, VG_DRAW_NOISE, noise->step);

    for (size_t i = 0; i < (size_t)p->n * p->length; i++)
        disturb_row(first->x + i * first->x_stride, values, noise, hide, shake, place(p, noise, i));
}

static void drop_out(struct vg_pass *p, const struct vg_pass_noise *noise)
{
    const struct vg_layer_pass *last = &p->layer[p->net->network.layers - 1];
    const uint32_t inputs = last->weights->layer->inputs;
    const vg_real grown = (vg_real)(1.0 / (1.0 - noise->dropout));
    uint64_t stream = vg_draw_stream(noise->seed, VG_DRAW_DROPOUT, noise->step);

    for (size_t i = 0; i < (size_t)p->n * p->length; i++) {
        uint64_t first = place(p, noise, i);
        vg_real *x = last->x + i * last->x_stride, *kept = p->kept + i * inputs;

        for (size_t j = 0; j < inputs; j++) {
            kept[j] = vg_draw_uniform(stream, first + j) < noise->dropout ? 0 : grown;
            x[j] *= kept[j];
        }
    }
}

static void drop_out_backward(struct vg_pass *p)
{
    const struct vg_layer_pass *last = &p->layer[p->net->network.layers - 1];
    const uint32_t inputs = last->weights->layer->inputs;

    for (size_t i = 0; last->dx && i < (size_t)p->n * p->length; i++) {
        for (size_t j = 0; j < inputs; j++)
            last->dx[i * last->dx_stride + j] *= p->kept[i * inputs + j];
    }
}

/* ---- passes ---- */

void vg_pass_start(struct vg_pass *p, uint32_t n, const size_t *sequence)
{
    VG_CHECK(n <= p->rows);
    memcpy(p->sequence, sequence, n * sizeof(*sequence));
    p->n = n;
    p->length = 0;
    for (uint32_t i = 0; i < p->net->network.layers; i++) {
        if (p->net->layer[i].ops->start)
            p->net->layer[i].ops->start(&p->layer[i], n);
    }
}

static void carry_on(struct vg_pass *p, uint32_t n)
{
    VG_CHECK(n <= p->n);
    for (uint32_t i = 0; i < p->net->network.layers; i++) {
        if (p->length > 0 && p->net->layer[i].ops->go_on)
            p->net->layer[i].ops->go_on(&p->layer[i], p->n, p->length, n);
    }
    p->n = n;
}

void vg_pass_forward(struct vg_pass *p, const struct vg_train_set *set, uint32_t n, uint32_t from,
                     uint32_t steps, const struct vg_pass_noise *noise)
{
    const uint32_t layers = p->net->network.layers;

    VG_CHECK(steps <= p->steps);
    carry_on(p, n);
    p->length = steps;
    p->dropout = noise->dropout;
    clear(p, (size_t)n * steps);
    for (uint32_t row = 0; row < n; row++)
        read_row(p, set, row, from);
    if (noise->drop > 0.0 || noise->noise > 0.0)
        disturb(p, noise);
    for (uint32_t i = 0; i < layers; i++) {
        if (i + 1 == layers && noise->dropout > 0.0)
            drop_out(p, noise);
        p->net->layer[i].ops->forward(&p->layer[i], n, steps);
    }
}

static void loss_of(struct vg_pass *p, size_t cell, struct vg_loss_sum *sum, vg_real *d)
{
    const size_t outputs = vg_network_outputs(&p->net->network), targets = p->net->targets;
    const struct vg_loss_row row = {
        .target = p->target + cell * targets,
        .mask = p->mask + cell * targets,
        .base = p->base ? p->base + cell * targets : NULL,
        .weight = p->weight[cell],
    };

    vg_loss_row(&p->net->objective, outputs, p->output + cell * outputs, &row, sum,
                d ? d + cell * outputs : NULL, p->scratch);
}

void vg_pass_loss_row(struct vg_pass *p, uint32_t row, struct vg_loss_sum *sum)
{
    for (size_t t = 0; t < p->length; t++)
        loss_of(p, t * p->n + row, sum, NULL);
}

struct vg_loss_sum vg_pass_backward(struct vg_pass *p)
{
    struct vg_loss_sum sum = { 0 };

    for (size_t i = 0; i < (size_t)p->n * p->length; i++)
        loss_of(p, i, &sum, p->d_output);
    for (uint32_t i = p->net->network.layers; i-- > 0;) {
        p->net->layer[i].ops->backward(&p->layer[i], p->n, p->length);
        if (i + 1 == p->net->network.layers && p->dropout > 0.0)
            drop_out_backward(p);
    }
    return sum;
}

void vg_pass_gather(struct vg_pass *const *pass, uint32_t n, uint32_t piece, vg_real *gradient)
{
    const struct vg_gradient_piece *g = &pass[0]->net->piece[piece];
    const struct vg_layer_ops *ops = pass[0]->net->layer[g->layer].ops;

    struct vg_layer_part part[VG_LAYER_PARTS_MAX];

    VG_CHECK(n > 0 && n <= VG_LAYER_PARTS_MAX);
    for (uint32_t i = 0; i < n; i++)
        part[i] = (struct vg_layer_part){ &pass[i]->layer[g->layer],
                                          (size_t)pass[i]->n * pass[i]->length };
    ops->gather(part, n, g->from, g->to, gradient);
}

const vg_real *vg_pass_finish(struct vg_pass *p)
{
    const size_t outputs = vg_network_outputs(&p->net->network), targets = p->net->targets;

    for (size_t i = 0; i < (size_t)p->n * p->length; i++)
        vg_loss_finish(&p->net->objective, outputs, p->base ? p->base + i * targets : NULL,
                       p->output + i * outputs, p->scratch);
    return p->output;
}
