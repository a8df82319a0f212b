/* peer_onednn.c - oneDNN 2 as a contender (bench/peer.h): an LSTM primitive per layer with kept
 * state, inner products with their activation fused, weights in the layout that oneDNN asks for.
 */
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer.h"

enum { STEPS_MAX = 16, ARGUMENTS_MAX = 9, GATES = 4, MEMORIES_MAX = 256 };

struct primitive {
    dnnl_primitive_t primitive;
    int arguments;
    dnnl_exec_arg_t argument[ARGUMENTS_MAX];
};

struct onednn {
    int primitives;
    struct primitive primitive[STEPS_MAX];
    dnnl_memory_t input, output;
    int memories;
    dnnl_memory_t memory[MEMORIES_MAX];
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void check(dnnl_status_t status)
{
    peer_check(status == dnnl_success, "oneDNN failed");
}

static dnnl_memory_desc_t described(int dimensions, const dnnl_dim_t *shape, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t d;

    check(dnnl_memory_desc_init_by_tag(&d, dimensions, shape, dnnl_f32, tag));
    return d;
}

/* Zeroed memory of oneDNN's own. */
static dnnl_memory_t memory(struct onednn *o, const dnnl_memory_desc_t *d)
{
    dnnl_memory_t m;
    void *data;

    check(dnnl_memory_create(&m, d, engine, DNNL_MEMORY_ALLOCATE));
    check(dnnl_memory_get_data_handle(m, &data));
    memset(data, 0, dnnl_memory_desc_get_size(d));
    peer_check(o->memories < MEMORIES_MAX, "too many memories");
    o->memory[o->memories++] = m;
    return m;
}

static void run(dnnl_primitive_t p, int n, const dnnl_exec_arg_t *arguments)
{
    check(dnnl_primitive_execute(p, stream, n, arguments));
    check(dnnl_stream_wait(stream));
}

static float *data_of(dnnl_memory_t m)
{
    void *data;

    check(dnnl_memory_get_data_handle(m, &data));
    return data;
}

/* `values`, plainly laid out as `plain`, in the layout `wanted`. */
static dnnl_memory_t weights(struct onednn *o, const dnnl_memory_desc_t *plain,
                             const dnnl_memory_desc_t *wanted, const float *values)
{
    dnnl_memory_t from = memory(o, plain), to = memory(o, wanted);
    dnnl_primitive_desc_t d;
    dnnl_primitive_t p;
    const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };

    memcpy(data_of(from), values, dnnl_memory_desc_get_size(plain));
    check(dnnl_reorder_primitive_desc_create(&d, plain, engine, wanted, engine, NULL));
    check(dnnl_primitive_create(&p, d));
    run(p, 2, arguments);
    dnnl_primitive_destroy(p);
    dnnl_primitive_desc_destroy(d);
    return to;
}

static void add_argument(struct primitive *p, int what, dnnl_memory_t m)
{
    p->argument[p->arguments++] = (dnnl_exec_arg_t){ what, m };
}

static float *transposed(const float *w, uint32_t rows, uint32_t columns)
{
    float *t = malloc((size_t)rows * columns * sizeof(float) + 1);

    peer_check(t != NULL, "out of memory");
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t k = 0; k < columns; k++)
            t[(size_t)k * rows + i] = w[(size_t)i * columns + k];
    }
    return t;
}

static dnnl_memory_t lstm_weights(struct onednn *o, dnnl_primitive_desc_t d, int argument,
                                  uint32_t inputs, uint32_t hidden, const float *w)
{
    const dnnl_dims_t shape = { 1, 1, inputs, GATES, hidden };
    const dnnl_memory_desc_t plain = described(5, shape, dnnl_ldigo);
    float *t = transposed(w, GATES * hidden, inputs);
    dnnl_memory_t m =
        weights(o, &plain, dnnl_primitive_desc_query_md(d, dnnl_query_exec_arg_md, argument), t);

    free(t);
    return m;
}

/* Where a layer's sizes and tensors are. */
struct layer {
    const struct vg_layer *l;
    uint32_t batch;
    const float *tensor[VG_LAYER_TENSORS_MAX];
};

static dnnl_memory_t add_lstm(struct onednn *o, const struct layer *layer, dnnl_memory_t input)
{
    const uint32_t k = layer->l->inputs, hidden = layer->l->outputs;
    const dnnl_dims_t x_shape = { 1, layer->batch, k }, y_shape = { 1, layer->batch, hidden };
    const dnnl_dims_t state_shape = { 1, 1, layer->batch, hidden };
    const dnnl_dims_t wx_shape = { 1, 1, k, GATES, hidden };
    const dnnl_dims_t wh_shape = { 1, 1, hidden, GATES, hidden };
    const dnnl_dims_t b_shape = { 1, 1, GATES, hidden };
    const dnnl_memory_desc_t x = described(3, x_shape, dnnl_tnc),
                             y = described(3, y_shape, dnnl_tnc);
    const dnnl_memory_desc_t state = described(4, state_shape, dnnl_ldnc);
    const dnnl_memory_desc_t wx = described(5, wx_shape, dnnl_format_tag_any);
    const dnnl_memory_desc_t wh = described(5, wh_shape, dnnl_format_tag_any);
    const dnnl_memory_desc_t b = described(4, b_shape, dnnl_ldgo);
    struct primitive *p = &o->primitive[o->primitives++];
    dnnl_memory_t h = memory(o, &state), c = memory(o, &state), output = memory(o, &y), bias;
    dnnl_rnn_desc_t r;
    dnnl_primitive_desc_t d;

    check(dnnl_lstm_forward_desc_init(&r, dnnl_forward_inference, dnnl_unidirectional_left2right,
                                      &x, &state, &state, &wx, &wh, &b, &y, &state, &state,
                                      dnnl_rnn_flags_undef));
    check(dnnl_primitive_desc_create(&d, &r, NULL, engine, NULL));
    check(dnnl_primitive_create(&p->primitive, d));
    bias = memory(o, &b);
    for (uint32_t i = 0; i < GATES * hidden; i++)
        data_of(bias)[i] = layer->tensor[2][i] + layer->tensor[3][i];
    add_argument(p, DNNL_ARG_SRC_LAYER, input);
    add_argument(p, DNNL_ARG_SRC_ITER, h);
    add_argument(p, DNNL_ARG_SRC_ITER_C, c);
    add_argument(p, DNNL_ARG_WEIGHTS_LAYER,
                 lstm_weights(o, d, DNNL_ARG_WEIGHTS_LAYER, k, hidden, layer->tensor[0]));
    add_argument(p, DNNL_ARG_WEIGHTS_ITER,
                 lstm_weights(o, d, DNNL_ARG_WEIGHTS_ITER, hidden, hidden, layer->tensor[1]));
    add_argument(p, DNNL_ARG_BIAS, bias);
    add_argument(p, DNNL_ARG_DST_LAYER, output);
    add_argument(p, DNNL_ARG_DST_ITER, h);
    add_argument(p, DNNL_ARG_DST_ITER_C, c);
    dnnl_primitive_desc_destroy(d);
    return output;
}

static dnnl_primitive_attr_t fused(enum vg_activation activation)
{
    static const dnnl_alg_kind_t kind[] = { [VG_RELU] = dnnl_eltwise_relu,
                                            [VG_SIGMOID] = dnnl_eltwise_logistic,
                                            [VG_TANH] = dnnl_eltwise_tanh };
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t after;

    check(dnnl_primitive_attr_create(&attributes));
    if (activation == VG_LINEAR)
        return attributes;
    check(dnnl_post_ops_create(&after));
    check(dnnl_post_ops_append_eltwise(after, 1.0f, kind[activation], 0.0f, 0.0f));
    check(dnnl_primitive_attr_set_post_ops(attributes, after));
    dnnl_post_ops_destroy(after);
    return attributes;
}

static dnnl_memory_t add_dense(struct onednn *o, const struct layer *layer, dnnl_memory_t input)
{
    const uint32_t k = layer->l->inputs, n = layer->l->outputs;
    const dnnl_dims_t x_shape = { layer->batch, k }, y_shape = { layer->batch, n };
    const dnnl_dims_t w_shape = { n, k }, b_shape = { n };
    const dnnl_memory_desc_t x = described(2, x_shape, dnnl_ab), y = described(2, y_shape, dnnl_ab);
    const dnnl_memory_desc_t w = described(2, w_shape, dnnl_format_tag_any);
    const dnnl_memory_desc_t plain = described(2, w_shape, dnnl_ab),
                             b = described(1, b_shape, dnnl_a);
    struct primitive *p = &o->primitive[o->primitives++];
    dnnl_primitive_attr_t attributes = fused(layer->l->activation);
    dnnl_memory_t output = memory(o, &y), bias = memory(o, &b);
    dnnl_inner_product_desc_t r;
    dnnl_primitive_desc_t d;

    check(dnnl_inner_product_forward_desc_init(&r, dnnl_forward_inference, &x, &w, &b, &y));
    check(dnnl_primitive_desc_create(&d, &r, attributes, engine, NULL));
    check(dnnl_primitive_create(&p->primitive, d));
    memcpy(data_of(bias), layer->tensor[1], n * sizeof(float));
    add_argument(p, DNNL_ARG_SRC, input);
    add_argument(p, DNNL_ARG_WEIGHTS,
                 weights(o, &plain,
                         dnnl_primitive_desc_query_md(d, dnnl_query_exec_arg_md, DNNL_ARG_WEIGHTS),
                         layer->tensor[0]));
    add_argument(p, DNNL_ARG_BIAS, bias);
    add_argument(p, DNNL_ARG_DST, output);
    dnnl_primitive_desc_destroy(d);
    dnnl_primitive_attr_destroy(attributes);
    return output;
}

static void *open_onednn(const struct vg_network *network, const float *parameters, uint32_t batch)
{
    struct onednn *o = calloc(1, sizeof(*o));
    const dnnl_dims_t sequence = { 1, batch, network->layer[0].inputs };
    const dnnl_dims_t rows = { batch, network->layer[0].inputs };
    const bool lstm = network->layer[0].kind == VG_LAYER_LSTM;
    dnnl_memory_desc_t x;

    peer_check(o != NULL, "out of memory");
    x = lstm ? described(3, sequence, dnnl_tnc) : described(2, rows, dnnl_ab);
    o->input = o->output = memory(o, &x);
    for (uint32_t i = 0; i < network->layers; i++) {
        struct layer layer = { .l = &network->layer[i], .batch = batch };

        peer_tensors(network, i, parameters, layer.tensor);
        o->output = lstm ? add_lstm(o, &layer, o->output) : add_dense(o, &layer, o->output);
    }
    return o;
}

/* The script's networks are of one kind throughout, so a row's place does not change on the way. */
static void step_onednn(void *open, const float *x, float *y)
{
    struct onednn *o = open;
    const dnnl_memory_desc_t *in, *out;

    check(dnnl_memory_get_memory_desc(o->input, &in));
    check(dnnl_memory_get_memory_desc(o->output, &out));
    memcpy(data_of(o->input), x, dnnl_memory_desc_get_size(in));
    for (int i = 0; i < o->primitives; i++)
        check(dnnl_primitive_execute(o->primitive[i].primitive, stream, o->primitive[i].arguments,
                                     o->primitive[i].argument));
    check(dnnl_stream_wait(stream));
    memcpy(y, data_of(o->output), dnnl_memory_desc_get_size(out));
}

static void close_onednn(void *open)
{
    struct onednn *o = open;

    for (int i = 0; i < o->primitives; i++)
        dnnl_primitive_destroy(o->primitive[i].primitive);
    for (int i = 0; i < o->memories; i++)
        dnnl_memory_destroy(o->memory[i]);
    free(o);
}

int main(void)
{
    static const struct peer peer = { open_onednn, step_onednn, close_onednn };

    check(dnnl_engine_create(&engine, dnnl_cpu, 0));
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    return peer_serve(&peer);
}
