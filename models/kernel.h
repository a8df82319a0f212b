/* kernel.h - the arithmetic of every model: the same bits for a row on every machine.
 *
 * An alert must not depend on which other patients happened to share a batch, nor on the processor
 * under a replay. BLAS gives neither: it changes the order of a sum with the shape of the batch and
 * with the instruction set. Here each output is one accumulator that starts at its bias and takes
 * its inputs in ascending order by fused multiply-add; activations are polynomials of fma. A fused
 * multiply-add is exact but for one rounding, so the order alone decides the bits. vg_kernel_id()
 * names this contract and changes when a bit may change.
 *
 * There are two forms of one source: for AVX2 with FMA, and portable (where fmaf() may be a library
 * call: right, but about a hundred times slower). vg_kernel() picks one when the program runs.
 *
 * Needed of the floating-point environment: round to nearest, subnormals kept. Every thread that
 * computes calls vg_kernel_thread_init() first.
 *
 * Letters: B rows of a batch, K inputs, N outputs, H hidden units.
 */
#ifndef VG_MODELS_KERNEL_H
#define VG_MODELS_KERNEL_H

#include "core/base.h"

/** One dense layer: y = bias + x weight. Constant after vg_dense_init(); shared by threads. */
struct vg_dense {
    uint32_t inputs;  /**< K */
    uint32_t outputs; /**< N */
    float *weight;    /**< packed [N / 16, K, 16]: outputs innermost, so that one load serves
                           neighbouring sums; the last panel is filled up with zeros */
    float *bias;      /**< [N], filled up likewise */
};

struct vg_kernel {
    const char *name; /**< "avx2", "portable": for people; it has no influence on results */

    /**
     * Applies a layer to `n` rows (any n).
     *
     *   x  [B, K], rows `x_stride` floats apart
     *   y  [B, N], rows `y_stride` floats apart; must not overlap x
     */
    void (*dense)(const struct vg_dense *d, uint32_t n, const float *x, size_t x_stride, float *y,
                  size_t y_stride);

    /**
     * The elementwise half of an LSTM step for one row; h and c are updated in place.
     *
     *   gates  [4, H] before activation, in the order i, f, g, o
     *   h, c   [H]
     */
    void (*lstm_cell)(uint32_t hidden, const float *gates, float *h, float *c);

    /** y[i] = log(1 + exp(x[i])); x and y may be the same. */
    void (*softplus)(uint32_t n, const float *x, float *y);

    /* One value each; contracts below. */
    float (*exp)(float x);
    float (*tanh)(float x);
    float (*sigmoid)(float x);
    float (*log1p)(float x);
};

/** The fastest form that this processor has. */
const struct vg_kernel *vg_kernel(void);

/** A particular form, for tests and benchmarks; vg_kernel_avx2() is NULL where there is none. */
const struct vg_kernel *vg_kernel_portable(void);
const struct vg_kernel *vg_kernel_avx2(void);

/** The arithmetic contract, "fma-f32-1": part of a snapshot's identity, equal for all forms. */
const char *vg_kernel_id(void);

/** Sets the calling thread's floating-point environment to what results depend on. */
void vg_kernel_thread_init(void);

/**
 * Zeroed memory for weights, batches and scratch: 64-byte aligned, room for at least one byte.
 * Running out ends the program. Freed with free().
 */
void *vg_kernel_alloc(size_t bytes);

/**
 * Copies a layer in PyTorch's layout and packs it.
 *
 *   weight  [N, K]
 *   bias    [N], or NULL for zeros
 *
 * Running out of memory ends the program. vg_dense_done() frees; it may be called on a zeroed one.
 */
void vg_dense_init(struct vg_dense *d, uint32_t inputs, uint32_t outputs, const float *weight,
                   const float *bias);
void vg_dense_done(struct vg_dense *d);

/* Functions for models and stages, in place of those of libm, which differ between processors.
 * NaN gives NaN. */
float vg_expf(float x);     /**< relative error <= 2e-7; subnormal results are rounded right */
float vg_tanhf(float x);    /**< absolute error <= 2e-7 */
float vg_sigmoidf(float x); /**< absolute error <= 2e-7 */
float vg_log1pf(float x);   /**< relative error <= 2e-7; x >= 0, a negative x counts as 0 */

#endif
