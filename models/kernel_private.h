/* kernel_private.h - how a packed layer lies in memory: known to packing and to every form.
 *
 * A layer is a row of panels. A panel holds `vectors` vectors of sums side by side: up to four of
 * outputs (dense, rnn), or the four sums of L hidden units (lstm: i, f, g, o; gru: r, z, nx, nh).
 * It begins with the sums' biases [vectors, L]; then come the weights of each input in order, and
 * of each hidden unit in order, [vectors, L] each, but three vectors in a gru, which has nx only
 * for inputs and nh only for hidden units. What fills up the last vectors of a panel is 0.
 */
#ifndef VG_MODELS_KERNEL_PRIVATE_H
#define VG_MODELS_KERNEL_PRIVATE_H

#include "models/kernel.h"

enum { VG_PANEL_VECTORS = 4 };

/** Outputs in a whole panel. */
static inline size_t vg_panel_outputs(const struct vg_packed *p)
{
    bool gated = p->layer.kind == VG_LAYER_LSTM || p->layer.kind == VG_LAYER_GRU;

    return (size_t)p->kernel->lanes * (gated ? 1 : VG_PANEL_VECTORS);
}

/** Vectors of sums in a panel of `outputs` outputs. */
static inline size_t vg_panel_vectors(const struct vg_packed *p, size_t outputs)
{
    bool gated = p->layer.kind == VG_LAYER_LSTM || p->layer.kind == VG_LAYER_GRU;

    return gated ? VG_PANEL_VECTORS : (outputs + p->kernel->lanes - 1) / p->kernel->lanes;
}

/** Hidden units that a layer's sums run over; 0 of a dense layer. */
static inline size_t vg_panel_hidden(const struct vg_packed *p)
{
    return p->layer.kind == VG_LAYER_DENSE ? 0 : p->layer.outputs;
}

/** Floats of a panel. */
static inline size_t vg_panel_size(const struct vg_packed *p, size_t vectors)
{
    size_t weights = vectors - (p->layer.kind == VG_LAYER_GRU);

    return p->kernel->lanes * (vectors + weights * (p->layer.inputs + vg_panel_hidden(p)));
}

extern const struct vg_kernel vg_kernel_form_portable;
#if defined(__x86_64__)
extern const struct vg_kernel vg_kernel_form_fma, vg_kernel_form_avx2, vg_kernel_form_avx512;
#endif

#endif
