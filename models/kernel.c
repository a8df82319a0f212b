/* kernel.c - which form of the kernel, packing for it, and what they all need.
 *
 * The arithmetic is in kernel_form.h, compiled once for each form by kernel_<form>.c.
 */
#include "models/kernel.h"

#include <fenv.h>
#include <float.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel_private.h"

enum { ALIGN = 64, GATES_LSTM = 4, GATES_GRU = 3 };

/* ---- forms ---- */

#if defined(__x86_64__)
static bool has_fma(void)
{
    return __builtin_cpu_supports("fma");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && has_fma();
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && has_avx2();
}

const struct vg_kernel *vg_kernel_form(uint32_t index)
{
    switch (index) {
    case 0:
        return &vg_kernel_form_portable;
    case 1:
        return has_fma() ? &vg_kernel_form_fma : NULL;
    case 2:
        return has_avx2() ? &vg_kernel_form_avx2 : NULL;
    case 3:
        return has_avx512() ? &vg_kernel_form_avx512 : NULL;
    default:
        return NULL;
    }
}
#else
const struct vg_kernel *vg_kernel_form(uint32_t index)
{
    return index == 0 ? &vg_kernel_form_portable : NULL;
}
#endif

/* What vg_kernel() answers; NULL until somebody asks. Threads that ask at once find the same. */
static _Atomic(const struct vg_kernel *) chosen;

const struct vg_kernel *vg_kernel(void)
{
    const struct vg_kernel *best = atomic_load_explicit(&chosen, memory_order_relaxed), *form;

    if (best)
        return best;
    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++)
        best = form;
    atomic_store_explicit(&chosen, best, memory_order_relaxed);
    return best;
}

bool vg_kernel_choose(const char *name)
{
    const struct vg_kernel *form;

    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++) {
        if (strcmp(form->name, name) != 0)
            continue;
        atomic_store(&chosen, form);
        return true;
    }
    return false;
}

const char *vg_kernel_id(void)
{
    return "fma-f32-2";
}

/* ---- the floating-point environment ---- */

void vg_kernel_thread_init(void)
{
    volatile float smallest = FLT_MIN;

    /* The default environment rounds to nearest; on x86 it also clears FTZ and DAZ, which some
     * libraries set when they are loaded. */
    VG_CHECK(fesetenv(FE_DFL_ENV) == 0);
    smallest = smallest * 0.5f;
    VG_CHECK(smallest * 2.0f == FLT_MIN);
    vg_kernel_thread_check();
}

void vg_kernel_thread_check(void)
{
#if defined(__x86_64__)
    const unsigned flush_to_zero = 0x8000, rounding = 0x6000, zeros_for_subnormals = 0x40;

    VG_CHECK((__builtin_ia32_stmxcsr() & (flush_to_zero | rounding | zeros_for_subnormals)) == 0);
#else
    VG_CHECK(fegetround() == FE_TONEAREST);
#endif
}

/* ---- memory and layers ---- */

void *vg_kernel_alloc(size_t bytes)
{
    size_t rounded = (bytes + ALIGN) / ALIGN * ALIGN;
    void *p = aligned_alloc(ALIGN, rounded);

    VG_CHECK(p);
    memset(p, 0, rounded);
    return p;
}

/* The tensors of a layer, by what a sum needs. */
struct tensors {
    const float *weight_x; /* [sums, K] */
    const float *weight_h; /* [sums, H], NULL in a dense layer */
    const float *bias_x;   /* [sums] */
    const float *bias_h;   /* [sums], NULL in a dense layer */
};

/* Fills vector `v` of a panel's weights: rows `row` and following of a tensor [., inputs]. */
static void pack_weights(float *to, size_t step, const float *tensor, size_t inputs, size_t row,
                         size_t outputs)
{
    for (size_t j = 0; j < outputs; j++) {
        for (size_t k = 0; k < inputs; k++)
            to[k * step + j] = tensor[(row + j) * inputs + k];
    }
}

/* Vector `v` of the panel of outputs `first` and following: which row of the tensors, how many. */
static size_t vector_row(const struct vg_packed *p, size_t first, size_t v, size_t *count)
{
    const size_t lanes = p->kernel->lanes, outputs = p->layer.outputs;
    const bool gated = p->layer.kind == VG_LAYER_LSTM || p->layer.kind == VG_LAYER_GRU;
    const size_t from = gated ? first : first + v * lanes;

    *count = outputs - from < lanes ? outputs - from : lanes;
    return gated ? v * outputs + from : from;
}

static void pack_panel(const struct vg_packed *p, float *w, const struct tensors *t, size_t first,
                       size_t vectors)
{
    const size_t lanes = p->kernel->lanes, inputs = p->layer.inputs, hidden = vg_panel_hidden(p);
    const bool gru = p->layer.kind == VG_LAYER_GRU;
    const size_t weights = gru ? GATES_GRU : vectors, step = weights * lanes;
    float *x = w + vectors * lanes, *h = x + inputs * step;

    for (size_t v = 0; v < weights; v++) {
        const bool apart = gru && v == GATES_GRU - 1;
        size_t count, row = vector_row(p, first, v, &count);

        for (size_t j = 0; j < count; j++) {
            w[v * lanes + j] = t->bias_x[row + j];
            if (apart)
                w[(v + 1) * lanes + j] = t->bias_h[row + j];
            else if (t->bias_h)
                w[v * lanes + j] += t->bias_h[row + j];
        }
        pack_weights(x + v * lanes, step, t->weight_x, inputs, row, count);
        if (t->weight_h)
            pack_weights(h + v * lanes, step, t->weight_h, hidden, row, count);
    }
}

static void pack_panels(struct vg_packed *p, const struct tensors *t)
{
    const size_t whole = vg_panel_outputs(p), outputs = p->layer.outputs;
    const size_t panels = (outputs + whole - 1) / whole;
    float *w =
        vg_kernel_alloc(panels * sizeof(float) * vg_panel_size(p, vg_panel_vectors(p, whole)));

    p->weight = w;
    for (size_t first = 0; first < outputs; first += whole) {
        size_t vectors = vg_panel_vectors(p, outputs - first < whole ? outputs - first : whole);

        pack_panel(p, w, t, first, vectors);
        w += vg_panel_size(p, vectors);
    }
}

void vg_packed_init(struct vg_packed *p, const struct vg_kernel *form, const struct vg_layer *layer,
                    const float *const *tensor)
{
    VG_CHECK(layer->inputs > 0 && layer->outputs > 0);
    p->kernel = form ? form : vg_kernel();
    VG_CHECK(p->kernel->lanes > 0);
    p->layer = *layer;
    if (layer->kind == VG_LAYER_DENSE) {
        pack_panels(p, &(struct tensors){ .weight_x = tensor[0], .bias_x = tensor[1] });
    } else if (layer->kind == VG_LAYER_DECAY) {
        const size_t variables = layer->outputs / 3;

        p->weight = vg_kernel_alloc(2 * variables * sizeof(float));
        memcpy(p->weight, tensor[0], variables * sizeof(float));
        memcpy(p->weight + variables, tensor[1], variables * sizeof(float));
    } else {
        pack_panels(p, &(struct tensors){ .weight_x = tensor[0],
                                          .weight_h = tensor[1],
                                          .bias_x = tensor[2],
                                          .bias_h = tensor[3] });
    }
}

void vg_packed_done(struct vg_packed *p)
{
    free(p->weight);
    memset(p, 0, sizeof(*p));
}

/* ---- single values ---- */

float vg_expf(float x)
{
    return vg_kernel()->exp(x);
}

float vg_tanhf(float x)
{
    return vg_kernel()->tanh(x);
}

float vg_sigmoidf(float x)
{
    return vg_kernel()->sigmoid(x);
}

float vg_log1pf(float x)
{
    return vg_kernel()->log1p(x);
}
