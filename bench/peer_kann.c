/* peer_kann.c - KANN as a contender (bench/peer.h), one stream at a time: its layers as its own
 * kann_layer_lstm() and kann_layer_dense() build them, with the weights put in. */
#include <kann.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer.h"

enum { WIDTH_MAX = 1024 };

static uint32_t inputs, outputs;

static kad_node_t *filled(const float *values, int rows, int columns)
{
    kad_node_t *v = columns > 0 ? kann_new_weight(rows, columns) : kann_new_bias(rows);

    peer_check(v->x != NULL, "out of memory");
    memcpy(v->x, values, sizeof(float) * (size_t)rows * (size_t)(columns > 0 ? columns : 1));
    return v;
}

static kad_node_t *zero_state(int n)
{
    kad_node_t *s = kad_const(NULL, 2, 1, n);

    s->x = calloc((size_t)n, sizeof(float));
    peer_check(s->x != NULL, "out of memory");
    return s;
}

/* W_x x + W_h h + b of one gate. */
static kad_node_t *gate(const struct vg_layer *l, const float *const *tensor, int which,
                        kad_node_t *in, kad_node_t *h)
{
    const size_t n = l->outputs, at = (size_t)which * n;
    float bias[WIDTH_MAX];

    peer_check(n <= WIDTH_MAX, "the layer is too wide");
    for (size_t j = 0; j < n; j++)
        bias[j] = tensor[2][at + j] + tensor[3][at + j];
    return kad_add(kad_add(kad_cmul(in, filled(tensor[0] + at * l->inputs, (int)n, (int)l->inputs)),
                           kad_cmul(h, filled(tensor[1] + at * n, (int)n, (int)n))),
                   filled(bias, (int)n, 0));
}

static kad_node_t *lstm(const struct vg_layer *l, const float *const *tensor, kad_node_t *in)
{
    kad_node_t *h = zero_state((int)l->outputs), *c = zero_state((int)l->outputs), *next, *out;
    kad_node_t *i = kad_sigm(gate(l, tensor, 0, in, h)), *f = kad_sigm(gate(l, tensor, 1, in, h));
    kad_node_t *g = kad_tanh(gate(l, tensor, 2, in, h)), *o = kad_sigm(gate(l, tensor, 3, in, h));

    next = kad_add(kad_mul(f, c), kad_mul(g, i));
    next->pre = c;
    out = kad_mul(kad_tanh(next), o);
    out->pre = h;
    return out;
}

static kad_node_t *dense(const struct vg_layer *l, const float *const *tensor, kad_node_t *in)
{
    kad_node_t *out = kad_add(kad_cmul(in, filled(tensor[0], (int)l->outputs, (int)l->inputs)),
                              filled(tensor[1], (int)l->outputs, 0));

    return l->activation == VG_RELU ? kad_relu(out) : out;
}

static void *open_kann(const struct vg_network *network, const float *parameters, uint32_t batch)
{
    kad_node_t *at = kann_layer_input((int)network->layer[0].inputs), *truth;
    kann_t *k;

    peer_check(batch == 1, "KANN keeps the state of one stream");
    for (uint32_t i = 0; i < network->layers; i++) {
        const struct vg_layer *l = &network->layer[i];
        const float *tensor[VG_LAYER_TENSORS_MAX];

        peer_tensors(network, i, parameters, tensor);
        at = l->kind == VG_LAYER_LSTM ? lstm(l, tensor, at) : dense(l, tensor, at);
    }
    inputs = network->layer[0].inputs;
    outputs = vg_network_outputs(network);
    peer_check(inputs <= WIDTH_MAX, "the layer is too wide");
    at->ext_flag |= KANN_F_OUT;
    truth = kad_feed(2, 1, (int)outputs);
    truth->ext_flag |= KANN_F_TRUTH;
    k = kann_new(kad_mse(at, truth), 0);
    peer_check(k != NULL, "KANN made no network");
    kann_rnn_start(k);
    return k;
}

static void step_kann(void *open, const float *x, float *y)
{
    float in[WIDTH_MAX];

    memcpy(in, x, inputs * sizeof(float));
    memcpy(y, kann_apply1(open, in), outputs * sizeof(float));
}

static void close_kann(void *open)
{
    kann_rnn_end(open);
    kann_delete(open);
}

int main(void)
{
    static const struct peer peer = { open_kann, step_kann, close_kann };

    return peer_serve(&peer);
}
