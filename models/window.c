/* window.c - what goes into the layers of a window model, and what comes out of them.
 *
 * PCA is run as two dense layers, components and their transpose, with the mean as the bias of the
 * second: one kernel, the same bits everywhere.
 */
#include "models/window.h"

#include <stdlib.h>
#include <string.h>

#include "models/load.h"
#include "models/metadata.h"
#include "models/stack.h"

struct window {
    struct vg_model model; /* first member */
    struct vg_stack layers;
    bool masks;      /* the network sees them */
    float low, high; /* both 0: z as it is */
    float *center;   /* [W, C] of PCA, else NULL */
    size_t seen_at;  /* floats of scratch before what the network sees */
};

/* Whether the network sees rows as they come. */
static bool sees_all(const struct window *w)
{
    return w->masks && !w->center && w->high <= w->low;
}

/* Writes what the network sees of one row. */
static void look(const struct window *w, const float *x, float *seen)
{
    const uint32_t entries = w->model.outputs;
    const float *mask = x + entries, range = w->high - w->low;

    for (uint32_t i = 0; i < entries; i++) {
        if (w->center)
            seen[i] = mask[i] * (x[i] - w->center[i]);
        else if (range > 0.0f)
            seen[i] = (x[i] - w->low) / range;
        else
            seen[i] = x[i];
    }
    for (uint32_t i = 0; range > 0.0f && i < entries; i++)
        seen[i] = seen[i] < 0.0f ? 0.0f : seen[i] > 1.0f ? 1.0f : seen[i];
    if (w->masks)
        memcpy(seen + entries, mask, entries * sizeof(float));
}

void vg_window_step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                    float *y, void *scratch)
{
    const struct window *w = (const struct window *)model;
    const float range = w->high - w->low;
    float *seen = (float *)scratch + w->seen_at; /* [B, network_inputs] */

    (void)memory;
    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    for (size_t i = 0; i < n && !sees_all(w); i++)
        look(w, x + i * model->inputs, seen + i * model->network_inputs);
    vg_stack_step(&w->layers, n, sees_all(w) ? x : seen, NULL, y, scratch);
    for (size_t i = 0; range > 0.0f && i < (size_t)n * model->outputs; i++)
        y[i] = w->low + range * y[i];
}

/* ---- loading ---- */

static vg_status read_inputs(struct window *w, const struct vg_safetensors *f, struct vg_err *err)
{
    const char *text;
    vg_status st = vg_metadata_text(f, "inputs", &text, err);

    if (st != VG_OK)
        return st;
    w->masks = strcmp(text, "z,mask") == 0;
    if (!w->masks && strcmp(text, "z") != 0)
        return vg_metadata_wrong(f, "inputs", "\"z\" or \"z,mask\"", err);
    return VG_OK;
}

static vg_status read_range(struct window *w, const struct vg_safetensors *f, struct vg_err *err)
{
    float range[2];
    uint32_t n = 0;
    vg_status st;

    if (!vg_safetensors_metadata(f, "range"))
        return VG_OK;
    st = vg_metadata_numbers(f, "range", 2, range, &n, err);
    if (st != VG_OK)
        return st;
    if (n != 2 || range[0] >= range[1] || range[0] > 0.0f || range[1] < 0.0f)
        return vg_metadata_wrong(f, "range", "a number below and one above 0", err);
    w->low = range[0];
    w->high = range[1];
    return VG_OK;
}

static vg_status take_network(struct window *w, struct vg_safetensors *f, struct vg_err *err)
{
    struct vg_network network;
    float *parameters;
    vg_status st = vg_model_take_network(f, (w->masks ? 2 : 1) * w->model.outputs, &network,
                                         &parameters, &w->model, err);

    if (st != VG_OK)
        return st;
    for (uint32_t i = 0; st == VG_OK && i < network.layers; i++) {
        if (network.layer[i].kind != VG_LAYER_DENSE)
            st = vg_metadata_wrong(f, "network", "dense layers only", err);
    }
    if (st == VG_OK && vg_network_outputs(&network) != w->model.outputs)
        st = vg_fail(err, VG_E_MODEL,
                     "%s: metadata \"%snetwork\": expected %u outputs, window times channels, "
                     "there are %u",
                     vg_safetensors_path(f), vg_safetensors_prefix(f), w->model.outputs,
                     vg_network_outputs(&network));
    if (st == VG_OK)
        vg_stack_init(&w->layers, NULL, &network, parameters);
    free(parameters);
    return st;
}

static vg_status take_autoencoder(struct window *w, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_inputs(w, f, err);

    if (st == VG_OK)
        st = read_range(w, f, err);
    if (st == VG_OK)
        st = take_network(w, f, err);
    return st;
}

/* Lays out the parameters of dense:K,dense:WC: components, zeros, their transpose, the mean. */
static void build_pca(struct window *w, uint32_t k, const float *mean, const float *components)
{
    const uint32_t entries = w->model.outputs;
    const struct vg_network network = { .layers = 2,
                                        .layer = { { VG_LAYER_DENSE, VG_LINEAR, entries, k },
                                                   { VG_LAYER_DENSE, VG_LINEAR, k, entries } } };
    const size_t weights = (size_t)k * entries;
    float *p = calloc(vg_network_parameters(&network), sizeof(float));
    struct vg_buf text = VG_BUF_INIT;

    VG_CHECK(p);
    memcpy(p, components, weights * sizeof(float));
    for (size_t i = 0; i < weights; i++)
        p[weights + k + i % entries * k + i / entries] = components[i];
    memcpy(p + weights + k + weights, mean, entries * sizeof(float));
    vg_stack_init(&w->layers, NULL, &network, p);
    free(p);

    vg_network_format(&network, &text);
    memcpy(w->model.network, text.data, text.len + 1);
    vg_buf_done(&text);
    w->model.network_inputs = entries;
    w->model.parameters = weights + entries;
    w->center = malloc(entries * sizeof(float));
    VG_CHECK(w->center);
    memcpy(w->center, mean, entries * sizeof(float));
}

static vg_status take_pca(struct window *w, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t mean_shape[1] = { w->model.outputs }, shape[2] = { 0, w->model.outputs };
    const float *mean, *components;
    vg_status st = vg_safetensors_take(f, "pca.mean", 1, mean_shape, &mean, err);

    if (st == VG_OK)
        st = vg_safetensors_take(f, "pca.components", 2, shape, &components, err);
    if (st != VG_OK)
        return st;
    if (shape[0] > w->model.outputs)
        return vg_fail(
            err, VG_E_MODEL,
            "%s: tensor %spca.components: expected at most %u rows, window times channels",
            vg_safetensors_path(f), vg_safetensors_prefix(f), w->model.outputs);
    build_pca(w, (uint32_t)shape[0], mean, components);
    return VG_OK;
}

static vg_status read_metadata(struct window *w, const struct vg_safetensors *f, struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = vg_metadata_common(f, w->model.ops->name, &w->model, err);

    if (st == VG_OK)
        st = vg_metadata_integer(f, "window", 1, VG_WINDOW_MAX, &w->model.window, err);
    if (st == VG_OK)
        st = vg_metadata_numbers(f, "threshold", 1, &w->model.threshold, &n, err);
    if (st == VG_OK && w->model.threshold <= 0.0f)
        st = vg_metadata_wrong(f, "threshold", "a number above 0", err);
    w->model.outputs = w->model.window * w->model.channels;
    w->model.inputs = 2 * w->model.outputs;
    strcpy(w->model.features, "z,mask");
    return st;
}

static vg_status build(struct window *w, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_metadata(w, f, err);

    if (st == VG_OK && strcmp(w->model.ops->name, "pca") == 0)
        st = take_pca(w, f, err);
    else if (st == VG_OK)
        st = take_autoencoder(w, f, err);
    if (st != VG_OK)
        return st;
    w->seen_at = vg_stack_scratch(&w->layers) / sizeof(float) + 1;
    w->model.scratch_size =
        (w->seen_at + (size_t)VG_BATCH_MAX * w->model.network_inputs) * sizeof(float);
    return VG_OK;
}

void vg_window_free(struct vg_model *model)
{
    struct window *w = (struct window *)model;

    vg_stack_done(&w->layers);
    free(w->center);
    free(w);
}

vg_status vg_window_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                          struct vg_model **ret, struct vg_err *err)
{
    struct window *w = calloc(1, sizeof(*w));
    vg_status st;

    VG_CHECK(w);
    w->model.ops = ops;
    st = build(w, f, err);
    if (st == VG_OK)
        *ret = &w->model;
    else
        vg_window_free(&w->model);
    return st;
}
