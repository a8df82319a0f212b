/* stack.c - rows through all layers, a tile at a time. */
#include "models/stack.h"

#include <stdlib.h>
#include <string.h>

enum { TILE_BYTES = 16 << 10, TILE_MIN = 4, TILE_MAX = 64, ALIGN_FLOATS = 16 };

static bool recurrent(const struct vg_layer *l)
{
    return l->kind == VG_LAYER_LSTM || l->kind == VG_LAYER_GRU || l->kind == VG_LAYER_RNN;
}

static void pack(struct vg_stack *s, const struct vg_kernel *form, uint32_t layer,
                 const float *parameters)
{
    const float *tensor[VG_LAYER_TENSORS_MAX] = { 0 };
    struct vg_layer_tensor t;

    for (uint32_t which = 0; vg_network_tensor(&s->network, layer, which, &t); which++)
        tensor[which] = parameters + t.offset;
    vg_packed_init(&s->layer[layer], form, &s->network.layer[layer], tensor);
}

void vg_stack_init(struct vg_stack *s, const struct vg_kernel *form,
                   const struct vg_network *network, const float *parameters)
{
    size_t at = 0;

    VG_CHECK(network->layers > 0);
    *s = (struct vg_stack){ .network = *network };
    for (uint32_t l = 0; l < network->layers; l++) {
        const struct vg_layer *layer = &network->layer[l];

        pack(s, form, l, parameters);
        s->state_at[l] = at;
        if (recurrent(layer))
            at += (size_t)(layer->kind == VG_LAYER_LSTM ? 2 : 1) * layer->outputs;
        if (l + 1 < network->layers && layer->outputs > s->width)
            s->width = layer->outputs;
    }
    s->width = (s->width + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
    s->tile = s->width > 0 ? TILE_BYTES / (uint32_t)(2 * sizeof(float) * s->width) : TILE_MAX;
    s->tile = s->tile < TILE_MIN ? TILE_MIN : s->tile;
    s->tile = s->tile > TILE_MAX ? TILE_MAX : s->tile / TILE_MIN * TILE_MIN;
}

void vg_stack_done(struct vg_stack *s)
{
    for (uint32_t l = 0; l < s->network.layers; l++)
        vg_packed_done(&s->layer[l]);
    *s = (struct vg_stack){ 0 };
}

size_t vg_stack_scratch(const struct vg_stack *s)
{
    return (size_t)2 * s->tile * s->width * sizeof(float);
}

/* One tile of at most s->tile rows. */
static void step_tile(const struct vg_stack *s, uint32_t n, const float *x, void *const *state,
                      float *y, float *scratch)
{
    const struct vg_network *net = &s->network;
    size_t in_stride = net->layer[0].inputs;

    for (uint32_t l = 0; l < net->layers; l++) {
        const struct vg_packed *p = &s->layer[l];
        const bool last = l + 1 == net->layers;
        const size_t out_stride = last ? net->layer[l].outputs : s->width;
        float *out = last ? y : scratch + (size_t)(l % 2) * s->tile * s->width;

        if (recurrent(&net->layer[l]))
            p->kernel->advance(p, n, x, in_stride, state, s->state_at[l], out, out_stride);
        else
            p->kernel->apply(p, n, x, in_stride, out, out_stride);
        x = out;
        in_stride = out_stride;
    }
}

void vg_stack_step(const struct vg_stack *s, uint32_t n, const float *x, void *const *state,
                   float *y, void *scratch)
{
    const size_t inputs = s->network.layer[0].inputs, outputs = vg_network_outputs(&s->network);

    vg_kernel_thread_check();
    for (uint32_t from = 0; from < n; from += s->tile) {
        uint32_t rows = n - from < s->tile ? n - from : s->tile;

        step_tile(s, rows, x + from * inputs, state ? state + from : NULL, y + from * outputs,
                  scratch);
    }
}
