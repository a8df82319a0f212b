/* peer_openblas.c - OpenBLAS with the kernel's activations as a contender (bench/peer.h).
 *
 *   peer_openblas [ROWS]
 *
 * Tiles of that many rows (16) go through all layers; weights lie K x N, an LSTM's x and h side by
 * side, so that a layer is one product. LSTM and dense layers only. OPENBLAS_CORETYPE chooses.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "bench/peer.h"
#include "models/gemm.h"
#include "models/kernel.h"

enum { GATES = 4 };

static __typeof__(cblas_sgemm) *sgemm;

static uint32_t tile = 16;

struct layer {
    struct vg_layer shape;
    size_t inputs, outputs; /* of the product */
    float *weight;          /* [inputs, outputs] */
    float *bias;            /* [outputs] */
};

struct blas {
    uint32_t layers, batch;
    struct layer layer[VG_LAYERS_MAX];
    size_t state_size;
    float *state;         /* [batch, state_size] */
    float *joined, *sums; /* [tile, widest product] */
    float *between;       /* [tile, widest layer] */
    size_t width;
};

/* w [rows, columns] to rows `from` and following of the transposed product weights. */
static void place(struct layer *l, const float *w, size_t columns, size_t from)
{
    for (size_t j = 0; j < l->outputs; j++) {
        for (size_t k = 0; k < columns; k++)
            l->weight[(from + k) * l->outputs + j] = w[j * columns + k];
    }
}

static void open_layer(struct layer *l, const struct vg_network *network, uint32_t index,
                       const float *parameters)
{
    const float *tensor[VG_LAYER_TENSORS_MAX];
    bool lstm;

    peer_tensors(network, index, parameters, tensor);
    l->shape = network->layer[index];
    lstm = l->shape.kind == VG_LAYER_LSTM;
    l->inputs = l->shape.inputs + (lstm ? l->shape.outputs : 0);
    l->outputs = (size_t)l->shape.outputs * (lstm ? GATES : 1);
    l->weight = vg_kernel_alloc(l->inputs * l->outputs * sizeof(float));
    l->bias = vg_kernel_alloc(l->outputs * sizeof(float));
    place(l, tensor[0], l->shape.inputs, 0);
    if (lstm)
        place(l, tensor[1], l->shape.outputs, l->shape.inputs);
    for (size_t j = 0; j < l->outputs; j++)
        l->bias[j] = lstm ? tensor[2][j] + tensor[3][j] : tensor[1][j];
}

static void *open_blas(const struct vg_network *network, const float *parameters, uint32_t batch)
{
    struct blas *o = calloc(1, sizeof(*o));

    peer_check(o != NULL, "out of memory");
    o->layers = network->layers;
    o->batch = batch;
    o->state_size = vg_network_state(network);
    o->state = vg_kernel_alloc(batch * o->state_size * sizeof(float));
    for (uint32_t i = 0; i < o->layers; i++) {
        struct layer *l = &o->layer[i];

        open_layer(l, network, i, parameters);
        o->width = l->inputs > o->width ? l->inputs : o->width;
        o->width = l->outputs > o->width ? l->outputs : o->width;
    }
    o->joined = vg_kernel_alloc(tile * o->width * sizeof(float));
    o->sums = vg_kernel_alloc(tile * o->width * sizeof(float));
    o->between = vg_kernel_alloc(tile * o->width * sizeof(float));
    return o;
}

/* In the library that models/gemm.h has loaded, as it sets it up. */
static void find_sgemm(void)
{
    void *library, *found;

    vg_gemm_init();
    library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD);
    found = library ? dlsym(library, "cblas_sgemm") : NULL;
    VG_CHECK(found != NULL);
    memcpy(&sgemm, &found, sizeof(sgemm)); /* POSIX promises that this may be done */
}

static void product(const struct layer *l, uint32_t n, const float *x, size_t xs, float *y)
{
    for (uint32_t r = 0; r < n; r++)
        memcpy(y + r * l->outputs, l->bias, l->outputs * sizeof(float));
    sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)n, (blasint)l->outputs,
          (blasint)l->inputs, 1.0f, x, (blasint)xs, l->weight, (blasint)l->outputs, 1.0f, y,
          (blasint)l->outputs);
}

static void lstm(struct blas *o, const struct layer *l, uint32_t n, const float *x, float *state,
                 float *y)
{
    const size_t k = l->shape.inputs, hidden = l->shape.outputs;

    for (uint32_t r = 0; r < n; r++) {
        memcpy(o->joined + r * l->inputs, x + r * k, k * sizeof(float));
        memcpy(o->joined + r * l->inputs + k, state + r * o->state_size, hidden * sizeof(float));
    }
    product(l, n, o->joined, l->inputs, o->sums);
    for (uint32_t r = 0; r < n; r++) {
        float *g = o->sums + r * l->outputs, *h = state + r * o->state_size, *c = h + hidden;

        vg_kernel()->sigmoid_n(2 * hidden, g);
        vg_kernel()->tanh_n(hidden, g + 2 * hidden);
        vg_kernel()->sigmoid_n(hidden, g + 3 * hidden);
        for (size_t j = 0; j < hidden; j++) {
            c[j] = g[hidden + j] * c[j] + g[j] * g[2 * hidden + j];
            h[j] = c[j];
        }
        vg_kernel()->tanh_n(hidden, h);
        for (size_t j = 0; j < hidden; j++)
            h[j] *= g[3 * hidden + j];
        memcpy(y + r * hidden, h, hidden * sizeof(float));
    }
}

static void dense(const struct layer *l, uint32_t n, const float *x, float *y)
{
    product(l, n, x, l->inputs, y);
    if (l->shape.activation == VG_RELU) {
        for (size_t i = 0; i < n * l->outputs; i++)
            y[i] = y[i] > 0.0f ? y[i] : 0.0f;
    }
}

static void step_tile(struct blas *o, uint32_t n, const float *x, float *state, float *y)
{
    for (uint32_t i = 0; i < o->layers; i++) {
        const struct layer *l = &o->layer[i];
        float *to = i + 1 == o->layers ? y : i % 2 ? o->sums : o->between;

        if (l->shape.kind == VG_LAYER_LSTM) {
            to = i + 1 == o->layers ? y : o->between;
            lstm(o, l, n, x, state, to);
            state += (size_t)2 * l->shape.outputs;
        } else {
            dense(l, n, x, to);
        }
        x = to;
    }
}

static void step_blas(void *open, const float *x, float *y)
{
    struct blas *o = open;
    const size_t inputs = o->layer[0].shape.inputs, outputs = o->layer[o->layers - 1].shape.outputs;

    for (uint32_t b = 0; b < o->batch; b += tile)
        step_tile(o, o->batch - b < tile ? o->batch - b : tile, x + b * inputs,
                  o->state + b * o->state_size, y + b * outputs);
}

static void close_blas(void *open)
{
    struct blas *o = open;

    for (uint32_t i = 0; i < o->layers; i++) {
        free(o->layer[i].weight);
        free(o->layer[i].bias);
    }
    free(o->state);
    free(o->joined);
    free(o->sums);
    free(o->between);
    free(o);
}

int main(int argc, char **argv)
{
    static const struct peer peer = { open_blas, step_blas, close_blas };

    if (argc > 1)
        tile = (uint32_t)strtoul(argv[1], NULL, 10);
    peer_check(tile > 0, "expected a number of rows");
    vg_kernel_thread_init();
    find_sgemm();
    return peer_serve(&peer);
}
