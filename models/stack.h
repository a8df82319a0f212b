/* stack.h - a network advanced one step at a time, with kept state, on the kernel.
 *
 * Rows go through all layers a tile at a time, so that what one layer wrote is still in the
 * first-level cache when the next one reads it. Neither the tile nor the batch changes a bit.
 *
 * Letters: B rows of a batch.
 */
#ifndef VG_MODELS_STACK_H
#define VG_MODELS_STACK_H

#include "models/kernel.h"

/** Constant after vg_stack_init(); shared by threads. */
struct vg_stack {
    struct vg_network network;
    struct vg_packed layer[VG_LAYERS_MAX];
    size_t state_at[VG_LAYERS_MAX]; /**< floats before a recurrent layer's h in a stream's state */
    uint32_t width;                 /**< floats of the widest row between layers */
    uint32_t tile;                  /**< rows carried through all layers together */
};

/**
 * Packs a network of at least one layer for a form of the kernel, NULL for the fastest.
 *
 *   parameters  [vg_network_parameters()], tensors laid end to end as models/network.h says; copied
 *
 * Running out of memory ends the program. vg_stack_done() frees; it may be called on a zeroed one.
 */
void vg_stack_init(struct vg_stack *s, const struct vg_kernel *form,
                   const struct vg_network *network, const float *parameters);
void vg_stack_done(struct vg_stack *s);

/** Bytes of scratch that vg_stack_step() needs, for any n. */
size_t vg_stack_scratch(const struct vg_stack *s);

/**
 * Advances `n` rows (any n) by one step.
 *
 *   x        [B, inputs of the first layer]
 *   state    B pointers, all different, to vg_network_state() floats each: read and updated; may be
 *            NULL when that is 0
 *   y        [B, outputs of the last layer]; must not overlap x
 *   scratch  vg_stack_scratch() bytes, 64-byte aligned, contents free
 *
 * Allocates nothing, locks nothing, cannot fail. Any thread that called vg_kernel_thread_init(),
 * each with its own scratch.
 */
void vg_stack_step(const struct vg_stack *s, uint32_t n, const float *x, void *const *state,
                   float *y, void *scratch);

#endif
