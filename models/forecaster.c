/* forecaster.c - a network, its skip and the quantile head. */
#include "models/forecaster.h"

#include <stdlib.h>
#include <string.h>

#include "models/features.h"
#include "models/load.h"
#include "models/metadata.h"
#include "models/stack.h"

enum { ALIGN_FLOATS = 16 }; /* 64 bytes */

struct forecaster {
    struct vg_model model;  /* first member */
    struct vg_stack layers; /* no layers: offset */
    struct vg_stack skip;   /* no layers: persistence or none */
    float *offset;          /* [C, H, Q] or NULL */
    bool persistence;
    uint32_t z;      /* floats of x before the feature z */
    uint32_t median; /* m */
    size_t work;     /* floats of scratch of a stack */
};

/* ---- one step ---- */

/* Writes S [B, C H]. */
static void skip(const struct forecaster *f, uint32_t n, const float *x, float *s, float *scratch)
{
    const uint32_t horizons = f->model.horizons;

    if (f->skip.network.layers > 0) {
        vg_stack_step(&f->skip, n, x, NULL, s, scratch);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const float *z = x + i * f->model.inputs + f->z;

        for (uint32_t c = 0; c < f->model.channels; c++) {
            for (uint32_t h = 0; h < horizons; h++)
                *s++ = f->persistence ? z[c] : 0.0f;
        }
    }
}

/* Writes r [B, C H Q]. */
static void residual(const struct forecaster *f, uint32_t n, const float *x, void *const *memory,
                     float *r, float *scratch)
{
    if (f->layers.network.layers > 0) {
        vg_stack_step(&f->layers, n, x, memory, r, scratch);
        return;
    }
    for (size_t i = 0; i < n; i++)
        memcpy(r + i * f->model.outputs, f->offset, f->model.outputs * sizeof(float));
}

/* Turns r of `cells` channels and horizons into ascending quantiles, in place. */
static inline void spread(uint32_t quantiles, uint32_t median, size_t cells, const float *s,
                          const float *positive, float *y)
{
    for (size_t i = 0; i < cells; i++, y += quantiles, positive += quantiles) {
        y[median] += s[i];
        for (uint32_t q = median; q > 0; q--)
            y[q - 1] = y[q] - positive[q - 1];
        for (uint32_t q = median + 1; q < quantiles; q++)
            y[q] = y[q - 1] + positive[q];
    }
}

void vg_forecaster_step(const struct vg_model *model, uint32_t n, const float *x,
                        void *const *memory, float *y, void *scratch)
{
    const struct forecaster *f = (const struct forecaster *)model;
    const uint32_t quantiles = model->quantiles, cells = model->outputs / quantiles;
    float *s = (float *)scratch + f->work;              /* [B, C H] */
    float *positive = s + (size_t)VG_BATCH_MAX * cells; /* [B, C H Q] */

    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    residual(f, n, x, memory, y, scratch);
    skip(f, n, x, s, scratch);
    vg_kernel()->softplus(n * model->outputs, y, positive);
    if (quantiles == 3 && f->median == 1)
        spread(3, 1, (size_t)n * cells, s, positive, y); /* loops of known length: nearly all */
    else
        spread(quantiles, f->median, (size_t)n * cells, s, positive, y);
}

/* ---- loading ---- */

const char *vg_forecaster_kind(const struct vg_network *network)
{
    const char *kind = NULL;

    if (!network || network->layers == 0)
        return "ridge";
    for (uint32_t i = network->layers; i > 0; i--) {
        if (network->layer[i - 1].kind == VG_LAYER_DECAY)
            return NULL;
        if (network->layer[i - 1].kind != VG_LAYER_DENSE)
            kind = vg_layer_kind_name(network->layer[i - 1].kind);
    }
    return kind;
}

static vg_status check_quantiles(struct forecaster *m, const struct vg_safetensors *f,
                                 struct vg_err *err)
{
    const float *q = m->model.quantile;

    m->median = m->model.quantiles;
    for (uint32_t i = 0; i < m->model.quantiles; i++) {
        if (q[i] <= 0.0f || q[i] >= 1.0f || (i > 0 && q[i] <= q[i - 1]))
            return vg_metadata_wrong(f, "quantiles", "numbers between 0 and 1, ascending", err);
        if (q[i] == 0.5f)
            m->median = i;
    }
    if (m->median == m->model.quantiles)
        return vg_metadata_wrong(f, "quantiles", "0.5 among them", err);
    return VG_OK;
}

static vg_status check_horizons(const struct forecaster *m, const struct vg_safetensors *f,
                                struct vg_err *err)
{
    for (uint32_t i = 0; i < m->model.horizons; i++) {
        int64_t above = i > 0 ? m->model.horizon_ns[i - 1] : 0;

        if (m->model.horizon_ns[i] <= above || m->model.horizon_ns[i] % m->model.tick_ns != 0)
            return vg_metadata_wrong(f, "horizons", "multiples of the tick, ascending", err);
    }
    return VG_OK;
}

/* Where z stands among the features; that it does is asked for by the skip. */
static vg_status read_features(struct forecaster *m, const struct vg_safetensors *f,
                               struct vg_err *err)
{
    struct vg_features features;
    struct vg_err why = { 0 };
    const char *text;
    vg_status st = vg_metadata_text(f, "inputs", &text, err);

    if (st != VG_OK)
        return st;
    if (strlen(text) >= sizeof(m->model.features))
        return vg_metadata_wrong(f, "inputs", "a shorter list of features", err);
    if (vg_features_parse(&features, text, m->model.channels, m->model.tick_ns, &why) != VG_OK)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"%sinputs\": %s", vg_safetensors_path(f),
                       vg_safetensors_prefix(f), why.msg);
    memcpy(m->model.features, text, strlen(text) + 1);
    m->model.inputs = vg_features_inputs(&features);
    m->z = m->model.inputs;
    for (uint32_t i = 0; i < features.n; i++) {
        if (features.feature[i].kind == VG_FEATURE_Z)
            m->z = i * m->model.channels;
    }
    return VG_OK;
}

static vg_status read_metadata(struct forecaster *m, const struct vg_safetensors *f,
                               struct vg_err *err)
{
    vg_status st = vg_metadata_common(f, m->model.ops->name, &m->model, err);

    if (st == VG_OK)
        st = vg_metadata_durations(f, "horizons", VG_HORIZONS_MAX, m->model.horizon_ns,
                                   &m->model.horizons, err);
    if (st == VG_OK)
        st = check_horizons(m, f, err);
    if (st == VG_OK)
        st = vg_metadata_numbers(f, "quantiles", VG_MODEL_QUANTILES_MAX, m->model.quantile,
                                 &m->model.quantiles, err);
    if (st == VG_OK)
        st = check_quantiles(m, f, err);
    if (st == VG_OK)
        st = read_features(m, f, err);
    m->model.outputs = m->model.channels * m->model.horizons * m->model.quantiles;
    return st;
}

static vg_status take_ridge(struct forecaster *m, struct vg_safetensors *f, struct vg_err *err)
{
    const uint32_t cells = m->model.channels * m->model.horizons;
    const struct vg_network n = {
        .layers = 1, .layer = { { VG_LAYER_DENSE, VG_LINEAR, m->model.inputs, cells } }
    };
    uint64_t weight_shape[2] = { cells, m->model.inputs }, bias_shape[1] = { cells };
    const float *weight, *bias;
    float *parameters;
    size_t weights = (size_t)cells * m->model.inputs;
    vg_status st = vg_safetensors_take(f, "skip.weight", 2, weight_shape, &weight, err);

    if (st == VG_OK)
        st = vg_safetensors_take(f, "skip.bias", 1, bias_shape, &bias, err);
    if (st != VG_OK)
        return st;
    parameters = malloc((weights + cells) * sizeof(float));
    VG_CHECK(parameters);
    memcpy(parameters, weight, weights * sizeof(float));
    memcpy(parameters + weights, bias, cells * sizeof(float));
    vg_stack_init(&m->skip, NULL, &n, parameters);
    m->model.parameters += weights + cells;
    free(parameters);
    return VG_OK;
}

static vg_status take_skip(struct forecaster *m, struct vg_safetensors *f, struct vg_err *err)
{
    const char *text;
    vg_status st = vg_metadata_text(f, "skip", &text, err);

    if (st != VG_OK)
        return st;
    m->persistence = strcmp(text, "persistence") == 0;
    if (strcmp(text, "ridge") == 0)
        st = take_ridge(m, f, err);
    else if (!m->persistence && strcmp(text, "none") != 0)
        return vg_metadata_wrong(f, "skip", "\"persistence\", \"ridge\" or \"none\"", err);
    if (m->persistence && m->z == m->model.inputs)
        return vg_metadata_wrong(f, "inputs", "\"z\" among them, as the skip is persistence", err);
    if (st == VG_OK)
        memcpy(m->model.skip, text, strlen(text) + 1);
    return st;
}

static vg_status take_layers(struct forecaster *m, struct vg_safetensors *f, struct vg_err *err)
{
    struct vg_network network;
    const char *kind;
    float *parameters;
    vg_status st = vg_model_take_network(f, m->model.inputs, &network, &parameters, &m->model, err);

    if (st != VG_OK)
        return st;
    kind = vg_forecaster_kind(&network);
    if (!kind || strcmp(kind, m->model.ops->name) != 0)
        st = vg_fail(err, VG_E_MODEL,
                     "%s: metadata \"%snetwork\": expected the first layer that is not dense to be "
                     "%s, as the kind says",
                     vg_safetensors_path(f), vg_safetensors_prefix(f), m->model.ops->name);
    else if (vg_network_outputs(&network) != m->model.outputs)
        st = vg_fail(err, VG_E_MODEL,
                     "%s: metadata \"%snetwork\": expected %u outputs, channels times horizons "
                     "times quantiles, there are %u",
                     vg_safetensors_path(f), vg_safetensors_prefix(f), m->model.outputs,
                     vg_network_outputs(&network));
    if (st == VG_OK)
        vg_stack_init(&m->layers, NULL, &network, parameters);
    free(parameters);
    m->model.memory_size = vg_network_state(&network) * sizeof(float);
    return st;
}

static vg_status take_offset(struct forecaster *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t shape[3] = { m->model.channels, m->model.horizons, m->model.quantiles };
    const float *offset;
    vg_status st = vg_safetensors_take(f, "offset", 3, shape, &offset, err);

    if (st != VG_OK)
        return st;
    VG_CHECK(m->model.outputs > 0);
    m->offset = calloc(m->model.outputs, sizeof(float));
    VG_CHECK(m->offset);
    memcpy(m->offset, offset, m->model.outputs * sizeof(float));
    m->model.parameters += m->model.outputs;
    return VG_OK;
}

static void measure_scratch(struct forecaster *m)
{
    size_t cells = m->model.outputs / m->model.quantiles, bytes = 0;

    if (m->layers.network.layers > 0)
        bytes = vg_stack_scratch(&m->layers);
    if (m->skip.network.layers > 0 && vg_stack_scratch(&m->skip) > bytes)
        bytes = vg_stack_scratch(&m->skip);
    m->work = (bytes / sizeof(float) + ALIGN_FLOATS) / ALIGN_FLOATS * ALIGN_FLOATS;
    m->model.scratch_size =
        (m->work + (size_t)VG_BATCH_MAX * (cells + m->model.outputs)) * sizeof(float);
}

static vg_status build(struct forecaster *m, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_metadata(m, f, err);

    if (st == VG_OK)
        st = take_skip(m, f, err);
    if (st == VG_OK && strcmp(m->model.ops->name, "ridge") == 0)
        st = take_offset(m, f, err);
    else if (st == VG_OK)
        st = take_layers(m, f, err);
    if (st == VG_OK)
        measure_scratch(m);
    return st;
}

void vg_forecaster_free(struct vg_model *model)
{
    struct forecaster *m = (struct forecaster *)model;

    vg_stack_done(&m->layers);
    vg_stack_done(&m->skip);
    free(m->offset);
    free(m);
}

vg_status vg_forecaster_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                              struct vg_model **ret, struct vg_err *err)
{
    struct forecaster *m = calloc(1, sizeof(*m));
    vg_status st;

    VG_CHECK(m);
    m->model.ops = ops;
    st = build(m, f, err);
    if (st == VG_OK)
        *ret = &m->model;
    else
        vg_forecaster_free(&m->model);
    return st;
}
