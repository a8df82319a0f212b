/* peer_naive.c - the obvious loops and the C library's functions as a contender (bench/peer.h): what
 * the kernel's slowest form with FMA is held against. LSTM and dense layers only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer.h"

enum { WIDTH_MAX = 1024 };

struct naive {
    const struct vg_network *network;
    const float *parameters;
    uint32_t batch;
    float *state; /* [batch, vg_network_state()] */
};

static float dot(const float *w, const float *x, uint32_t n)
{
    float sum = 0.0f;

    for (uint32_t k = 0; k < n; k++)
        sum += w[k] * x[k];
    return sum;
}

static float logistic(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float activated(enum vg_activation activation, float x)
{
    switch (activation) {
    case VG_RELU:
        return x > 0.0f ? x : 0.0f;
    case VG_SIGMOID:
        return logistic(x);
    case VG_TANH:
        return tanhf(x);
    case VG_LINEAR:
        break;
    }
    return x;
}

/* `p` are the layer's tensors; returns where they end. */
static const float *dense(const struct vg_layer *l, const float *p, const float *x, float *y)
{
    const float *bias = p + (size_t)l->outputs * l->inputs;

    for (uint32_t j = 0; j < l->outputs; j++)
        y[j] = activated(l->activation, bias[j] + dot(p + (size_t)j * l->inputs, x, l->inputs));
    return bias + l->outputs;
}

static const float *lstm(const struct vg_layer *l, const float *p, const float *x, float *h,
                         float *y)
{
    const uint32_t n = l->outputs;
    const float *wx = p, *wh = wx + (size_t)4 * n * l->inputs, *bx = wh + (size_t)4 * n * n;
    const float *bh = bx + (size_t)4 * n;
    float gate[4 * WIDTH_MAX] = { 0 }, *c = h + n;

    for (uint32_t j = 0; j < 4 * n; j++)
        gate[j] = bx[j] + bh[j] + dot(wx + (size_t)j * l->inputs, x, l->inputs) +
                  dot(wh + (size_t)j * n, h, n);
    for (uint32_t j = 0; j < n; j++) {
        c[j] = logistic(gate[n + j]) * c[j] + logistic(gate[j]) * tanhf(gate[2 * n + j]);
        y[j] = logistic(gate[3 * n + j]) * tanhf(c[j]);
    }
    memcpy(h, y, n * sizeof(*h));
    return bh + (size_t)4 * n;
}

static void step_stream(const struct naive *o, const float *x, float *state, float *y)
{
    float buffer[2][WIDTH_MAX];
    const float *p = o->parameters;

    for (uint32_t i = 0; i < o->network->layers; i++) {
        const struct vg_layer *l = &o->network->layer[i];
        float *to = i + 1 < o->network->layers ? buffer[i % 2] : y;

        peer_check(l->outputs <= WIDTH_MAX, "the layer is too wide");
        if (l->kind == VG_LAYER_DENSE) {
            p = dense(l, p, x, to);
        } else {
            p = lstm(l, p, x, state, to);
            state += (size_t)2 * l->outputs;
        }
        x = to;
    }
}

static void *open_naive(const struct vg_network *network, const float *parameters, uint32_t batch)
{
    struct naive *o = calloc(1, sizeof(*o));

    peer_check(o != NULL, "out of memory");
    *o = (struct naive){ network, parameters, batch,
                         calloc(batch * vg_network_state(network) + 1, sizeof(float)) };
    peer_check(o->state != NULL, "out of memory");
    return o;
}

static void step_naive(void *open, const float *x, float *y)
{
    const struct naive *o = open;

    for (uint32_t b = 0; b < o->batch; b++)
        step_stream(o, x + (size_t)b * o->network->layer[0].inputs,
                    o->state + b * vg_network_state(o->network),
                    y + (size_t)b * vg_network_outputs(o->network));
}

static void close_naive(void *open)
{
    struct naive *o = open;

    free(o->state);
    free(o);
}

int main(void)
{
    static const struct peer peer = { open_naive, step_naive, close_naive };

    return peer_serve(&peer);
}
