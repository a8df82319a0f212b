/* lstm.c - the forecaster: stacked LSTM layers with a quantile head.
 *
 * Letters: B rows, C channels, D inputs of a layer, H hidden units, K horizons, Q quantiles.
 *
 * Tensors of the file, with PyTorch's names and meaning:
 *   lstm.weight_ih_l<i> [4H, D]   lstm.weight_hh_l<i> [4H, H]   lstm.bias_ih_l<i>, bias_hh_l<i> [4H]
 *   head.weight [C K Q, H]        head.bias [C K Q]
 * D is 4C for layer 0 and H above it; the four gates lie in the order i, f, g, o:
 *   i, f, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh), g = tanh(same);  c' = f c + i g
 *   h' = o tanh(c')
 *
 * x = [z, mask, age, baseline] [4, C]; the head gives r [C, K, Q], and with m the place of 0.5:
 *   y[m] = z + r[m]
 *   y[q] = y[q + 1] - softplus(r[q]) below m, y[q] = y[q - 1] + softplus(r[q]) above
 * so a head of zeros is "the last value stays", and quantiles cannot cross.
 *
 * Memory of a patient: h [H] then c [H] of layer 0, the same of layer 1, ...
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model.h"
#include "models/kernel.h"
#include "models/metadata.h"
#include "models/selftest.h"

enum { LAYERS_MAX = 8, HIDDEN_MAX = 512, INPUTS_PER_CHANNEL = 4, NAME_SIZE = 32, GATES = 4 };

struct lstm {
    struct vg_model model; /* first member */
    uint32_t layers;
    uint32_t hidden;
    uint32_t median;                   /* m */
    uint32_t width;                    /* floats of the widest input of a layer with its h */
    struct vg_dense gates[LAYERS_MAX]; /* [D + H] -> [4H]: input and h side by side, one sum */
    struct vg_dense head;
};

/* ---- one step ---- */

/* Writes [input, h] of each row. `input` has `inputs` floats per row, `stride` apart. */
static void join(const struct lstm *m, uint32_t layer, uint32_t n, const float *input,
                 size_t inputs, size_t stride, void *const *memory, float *joined)
{
    for (uint32_t i = 0; i < n; i++) {
        const float *h = (const float *)memory[i] + (size_t)2 * m->hidden * layer;
        float *row = joined + (size_t)i * m->width;

        memcpy(row, input + i * stride, inputs * sizeof(float));
        memcpy(row + inputs, h, m->hidden * sizeof(float));
    }
}

/* The h of a layer for each row, densely. */
static void gather(const struct lstm *m, uint32_t layer, uint32_t n, void *const *memory,
                   float *out)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(out + (size_t)i * m->hidden,
               (const float *)memory[i] + (size_t)2 * m->hidden * layer, m->hidden * sizeof(float));
}

/* Turns one channel and horizon of the head's output into ascending quantiles, in place. */
static void spread(const struct lstm *m, float z, const float *positive, float *y)
{
    y[m->median] += z;
    for (uint32_t q = m->median; q > 0; q--)
        y[q - 1] = y[q] - positive[q - 1];
    for (uint32_t q = m->median + 1; q < m->model.quantiles; q++)
        y[q] = y[q - 1] + positive[q];
}

static void finish(const struct lstm *m, uint32_t n, const float *x, const float *positive,
                   float *y)
{
    uint32_t per_channel = m->model.horizons * m->model.quantiles;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < m->model.outputs; k += m->model.quantiles) {
            size_t at = (size_t)i * m->model.outputs + k;

            spread(m, x[(size_t)i * m->model.inputs + k / per_channel], positive + at, y + at);
        }
    }
}

static void step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                 float *y, void *scratch)
{
    const struct lstm *m = (const struct lstm *)model;
    const struct vg_kernel *kernel = vg_kernel();
    const size_t hidden = m->hidden;
    float *joined = scratch;                                         /* [B, width] */
    float *below = joined + (size_t)VG_BATCH_MAX * m->width;         /* [B, H] */
    float *gates = below + VG_BATCH_MAX * hidden;                    /* [B, 4H] */
    float *positive = gates + (size_t)VG_BATCH_MAX * GATES * hidden; /* [B, C K Q] */

    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    for (uint32_t l = 0; l < m->layers; l++) {
        if (l == 0)
            join(m, l, n, x, model->inputs, model->inputs, memory, joined);
        else
            join(m, l, n, below, hidden, hidden, memory, joined);
        kernel->dense(&m->gates[l], n, joined, m->width, gates, GATES * hidden);
        for (uint32_t i = 0; i < n; i++) {
            float *h = (float *)memory[i] + hidden * 2 * l;

            kernel->lstm_cell(m->hidden, gates + hidden * GATES * i, h, h + hidden);
        }
        gather(m, l, n, memory, below);
    }
    kernel->dense(&m->head, n, below, hidden, y, model->outputs);
    kernel->softplus(n * model->outputs, y, positive);
    finish(m, n, x, positive, y);
}

/* ---- loading ---- */

static vg_status take_layer(struct lstm *m, struct vg_safetensors *f, uint32_t layer,
                            struct vg_err *err)
{
    static const char *const parts[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };
    const uint32_t inputs = layer == 0 ? m->model.inputs : m->hidden;
    const uint64_t gates = (uint64_t)GATES * m->hidden;
    uint64_t shape[4][2] = { { gates, inputs }, { gates, m->hidden }, { gates, 0 }, { gates, 0 } };
    const float *tensor[4];
    float *weight, *bias;

    for (uint32_t i = 0; i < VG_ARRAY_LEN(parts); i++) {
        char name[NAME_SIZE];
        vg_status st;

        snprintf(name, sizeof(name), "lstm.%s_l%u", parts[i], layer);
        st = vg_safetensors_take(f, name, i < 2 ? 2 : 1, shape[i], &tensor[i], err);
        if (st != VG_OK)
            return st;
    }
    weight = malloc(gates * (inputs + m->hidden) * sizeof(float));
    bias = malloc(gates * sizeof(float));
    VG_CHECK(weight && bias);
    for (uint64_t j = 0; j < gates; j++) {
        float *row = weight + j * (inputs + m->hidden);

        memcpy(row, tensor[0] + j * inputs, inputs * sizeof(float));
        memcpy(row + inputs, tensor[1] + j * m->hidden, m->hidden * sizeof(float));
        bias[j] = tensor[2][j] + tensor[3][j];
    }
    vg_dense_init(&m->gates[layer], inputs + m->hidden, (uint32_t)gates, weight, bias);
    free(weight);
    free(bias);
    return VG_OK;
}

static vg_status take_head(struct lstm *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t weight_shape[2] = { m->model.outputs, m->hidden },
             bias_shape[1] = { m->model.outputs };
    const float *weight, *bias;
    vg_status st = vg_safetensors_take(f, "head.weight", 2, weight_shape, &weight, err);

    if (st == VG_OK)
        st = vg_safetensors_take(f, "head.bias", 1, bias_shape, &bias, err);
    if (st == VG_OK)
        vg_dense_init(&m->head, m->hidden, m->model.outputs, weight, bias);
    return st;
}

/* The sizes that only the tensors tell. */
static vg_status measure(struct lstm *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t shape[2] = { m->model.outputs, 0 };
    char name[NAME_SIZE];
    const float *unused;
    vg_status st = vg_safetensors_take(f, "head.weight", 2, shape, &unused, err);

    if (st != VG_OK)
        return st;
    if (shape[1] > HIDDEN_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: expected at most %d hidden units, there are %llu",
                       vg_safetensors_path(f), HIDDEN_MAX, (unsigned long long)shape[1]);
    m->hidden = (uint32_t)shape[1];
    do
        snprintf(name, sizeof(name), "lstm.weight_ih_l%u", ++m->layers);
    while (m->layers < LAYERS_MAX && vg_safetensors_has(f, name));
    m->width = (m->model.inputs > m->hidden ? m->model.inputs : m->hidden) + m->hidden;
    m->model.memory_size = (size_t)m->layers * 2 * m->hidden * sizeof(float);
    m->model.scratch_size = (size_t)VG_BATCH_MAX * sizeof(float) *
                            (m->width + (GATES + 1) * (size_t)m->hidden + m->model.outputs);
    return VG_OK;
}

static vg_status check_quantiles(struct lstm *m, const struct vg_safetensors *f, struct vg_err *err)
{
    const float *q = m->model.quantile;

    m->median = m->model.quantiles;
    for (uint32_t i = 0; i < m->model.quantiles; i++) {
        if (q[i] <= 0.0f || q[i] >= 1.0f || (i > 0 && q[i] <= q[i - 1]))
            return vg_fail(
                err, VG_E_MODEL,
                "%s: metadata \"quantiles\": expected numbers between 0 and 1, ascending",
                vg_safetensors_path(f));
        if (q[i] == 0.5f)
            m->median = i;
    }
    if (m->median == m->model.quantiles)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"quantiles\": expected 0.5 among them",
                       vg_safetensors_path(f));
    return VG_OK;
}

static vg_status check_horizons(const struct lstm *m, const struct vg_safetensors *f,
                                struct vg_err *err)
{
    for (uint32_t i = 0; i < m->model.horizons; i++) {
        int64_t above = i > 0 ? m->model.horizon_ns[i - 1] : 0;

        if (m->model.horizon_ns[i] <= above || m->model.horizon_ns[i] % m->model.tick_ns != 0)
            return vg_fail(err, VG_E_MODEL,
                           "%s: metadata \"horizons\": expected multiples of the tick, ascending",
                           vg_safetensors_path(f));
    }
    return VG_OK;
}

static vg_status read_metadata(struct lstm *m, const struct vg_safetensors *f, struct vg_err *err)
{
    const char *gates;
    vg_status st = vg_metadata_expect(f, "vigil.schema", "1", err);

    if (st == VG_OK)
        st = vg_metadata_common(f, "lstm", &m->model, err);

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
        st = vg_metadata_text(f, "gates", &gates, err);
    if (st == VG_OK && strcmp(gates, "ifgo") != 0)
        st = vg_fail(err, VG_E_MODEL,
                     "%s: metadata \"gates\": expected \"ifgo\"; reorder the rows of the weights",
                     vg_safetensors_path(f));
    return st;
}

static vg_status build(struct lstm *m, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_metadata(m, f, err);

    if (st != VG_OK)
        return st;
    m->model.inputs = INPUTS_PER_CHANNEL * m->model.channels;
    m->model.outputs = m->model.channels * m->model.horizons * m->model.quantiles;
    st = measure(m, f, err);
    for (uint32_t l = 0; st == VG_OK && l < m->layers; l++)
        st = take_layer(m, f, l, err);
    if (st == VG_OK)
        st = take_head(m, f, err);
    if (st == VG_OK)
        st = vg_selftest_check(f, &m->model, err);
    return st;
}

static void lstm_free(struct vg_model *model)
{
    struct lstm *m = (struct lstm *)model;

    for (uint32_t l = 0; l < m->layers; l++)
        vg_dense_done(&m->gates[l]);
    vg_dense_done(&m->head);
    free(m);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_lstm = {
    .name = "lstm",
    .summary = "Forecasts each channel's quantiles over several horizons, one step per tick.",
    .load = load,
    .step = step,
    .free = lstm_free,
};

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    struct vg_safetensors *f;
    struct lstm *m;
    vg_status st = vg_safetensors_read(path, &f, err);

    if (st != VG_OK)
        return st;
    m = calloc(1, sizeof(*m));
    VG_CHECK(m);
    m->model.ops = &vg_model_lstm;
    st = build(m, f, err);
    vg_safetensors_free(f);
    if (st == VG_OK)
        *ret = &m->model;
    else
        lstm_free(&m->model);
    return st;
}
