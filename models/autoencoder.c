/* autoencoder.c - reconstructs a window of vital signs; what it cannot reconstruct is unusual.
 *
 * Letters: B rows, C channels, W window ticks.
 *
 * Tensors of the file, with PyTorch's names for Sequential(Linear, ReLU, Linear, ReLU, ...):
 *   encoder.0.weight [N, K], encoder.0.bias [N], encoder.2.weight, ..., decoder.0.weight, ...
 * Every layer is y = relu(W x + b) but the last of the decoder, which is linear. The numbers are
 * even because ReLU counts as a module; there are any number of layers up to 16.
 *
 * x = [z, mask] [2, W, C], oldest tick first, z = 0 where mask = 0; y = reconstructed z [W, C].
 * There is no memory: the window is the caller's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model.h"
#include "models/kernel.h"
#include "models/metadata.h"
#include "models/selftest.h"

enum { LAYERS_MAX = 16, WIDTH_MAX = 4096, WINDOW_MAX = 256, NAME_SIZE = 40 };

struct autoencoder {
    struct vg_model model; /* first member */
    uint32_t layers;
    uint32_t width; /* floats of the widest hidden layer */
    struct vg_dense layer[LAYERS_MAX];
};

static void relu(size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] > 0.0f ? y[i] : 0.0f;
}

static void step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                 float *y, void *scratch)
{
    const struct autoencoder *m = (const struct autoencoder *)model;
    float *here = scratch, *there = here + (size_t)VG_BATCH_MAX * m->width; /* [B, width] each */

    (void)memory;
    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    for (uint32_t l = 0; l + 1 < m->layers; l++) {
        float *swap = here;

        vg_kernel()->dense(&m->layer[l], n, x, m->layer[l].inputs, here, m->layer[l].outputs);
        relu((size_t)n * m->layer[l].outputs, here);
        x = here;
        here = there;
        there = swap;
    }
    vg_kernel()->dense(&m->layer[m->layers - 1], n, x, m->layer[m->layers - 1].inputs, y,
                       model->outputs);
}

/* ---- loading ---- */

/* Takes layer `index` of `part`; its inputs are the outputs of the layer before. */
static vg_status take_layer(struct autoencoder *m, struct vg_safetensors *f, const char *part,
                            uint32_t index, struct vg_err *err)
{
    uint32_t inputs = m->layers == 0 ? m->model.inputs : m->layer[m->layers - 1].outputs;
    uint64_t weight_shape[2] = { 0, inputs }, bias_shape[1];
    char name[NAME_SIZE];
    const float *weight, *bias;
    vg_status st;

    snprintf(name, sizeof(name), "%s.%u.weight", part, index);
    if (m->layers == LAYERS_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: tensor %s: expected at most %d layers",
                       vg_safetensors_path(f), name, LAYERS_MAX);
    st = vg_safetensors_take(f, name, 2, weight_shape, &weight, err);
    if (st == VG_OK && weight_shape[0] > WIDTH_MAX)
        st = vg_fail(err, VG_E_MODEL, "%s: tensor %s: expected at most %d outputs",
                     vg_safetensors_path(f), name, WIDTH_MAX);
    bias_shape[0] = weight_shape[0];
    snprintf(name, sizeof(name), "%s.%u.bias", part, index);
    if (st == VG_OK)
        st = vg_safetensors_take(f, name, 1, bias_shape, &bias, err);
    if (st == VG_OK)
        vg_dense_init(&m->layer[m->layers++], inputs, (uint32_t)weight_shape[0], weight, bias);
    return st;
}

/* At least one layer, and as many more as the file has. */
static vg_status take_part(struct autoencoder *m, struct vg_safetensors *f, const char *part,
                           struct vg_err *err)
{
    uint32_t index = 0;
    char name[NAME_SIZE];
    vg_status st;

    do {
        st = take_layer(m, f, part, index, err);
        index += 2;
        snprintf(name, sizeof(name), "%s.%u.weight", part, index);
    } while (st == VG_OK && vg_safetensors_has(f, name));
    return st;
}

static vg_status take_layers(struct autoencoder *m, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = take_part(m, f, "encoder", err);

    if (st == VG_OK)
        st = take_part(m, f, "decoder", err);
    if (st != VG_OK)
        return st;
    if (m->layer[m->layers - 1].outputs != m->model.outputs)
        return vg_fail(err, VG_E_MODEL,
                       "%s: expected the last decoder layer to have %u outputs, window times "
                       "channels, it has %u",
                       vg_safetensors_path(f), m->model.outputs, m->layer[m->layers - 1].outputs);
    for (uint32_t l = 0; l + 1 < m->layers; l++)
        m->width = m->layer[l].outputs > m->width ? m->layer[l].outputs : m->width;
    m->model.scratch_size = (size_t)2 * VG_BATCH_MAX * m->width * sizeof(float);
    return VG_OK;
}

static vg_status read_metadata(struct autoencoder *m, const struct vg_safetensors *f,
                               struct vg_err *err)
{
    float window = 0.0f;
    uint32_t n = 0;
    vg_status st = vg_metadata_expect(f, "vigil.schema", "1", err);

    if (st == VG_OK)
        st = vg_metadata_common(f, "autoencoder", &m->model, err);

    if (st == VG_OK)
        st = vg_metadata_numbers(f, "window", 1, &window, &n, err);
    if (st == VG_OK)
        st = vg_metadata_numbers(f, "threshold", 1, &m->model.threshold, &n, err);
    if (st != VG_OK)
        return st;
    if (window < 1.0f || window > (float)WINDOW_MAX || window != (float)(uint32_t)window)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"window\": expected an integer from 1 to %d",
                       vg_safetensors_path(f), WINDOW_MAX);
    if (m->model.threshold <= 0.0f)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"threshold\": expected a number above 0",
                       vg_safetensors_path(f));
    m->model.window = (uint32_t)window;
    return VG_OK;
}

static vg_status build(struct autoencoder *m, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_metadata(m, f, err);

    if (st != VG_OK)
        return st;
    m->model.outputs = m->model.window * m->model.channels;
    m->model.inputs = 2 * m->model.outputs;
    st = take_layers(m, f, err);
    if (st == VG_OK)
        st = vg_selftest_check(f, &m->model, err);
    return st;
}

static void autoencoder_free(struct vg_model *model)
{
    struct autoencoder *m = (struct autoencoder *)model;

    for (uint32_t l = 0; l < m->layers; l++)
        vg_dense_done(&m->layer[l]);
    free(m);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_autoencoder = {
    .name = "autoencoder",
    .summary = "Reconstructs a window of all channels; the error says how unusual it is.",
    .load = load,
    .step = step,
    .free = autoencoder_free,
};

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    struct vg_safetensors *f;
    struct autoencoder *m;
    vg_status st = vg_safetensors_read(path, &f, err);

    if (st != VG_OK)
        return st;
    m = calloc(1, sizeof(*m));
    VG_CHECK(m);
    m->model.ops = &vg_model_autoencoder;
    st = build(m, f, err);
    vg_safetensors_free(f);
    if (st == VG_OK)
        *ret = &m->model;
    else
        autoencoder_free(&m->model);
    return st;
}
