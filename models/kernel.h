/* kernel.h - the arithmetic of every model: the same bits for a row on every machine.
 *
 * An alert must not depend on which other patients happened to share a batch, nor on the processor
 * under a replay. BLAS gives neither: it changes the order of a sum with the shape of the batch and
 * with the instruction set. Here each output is one accumulator that starts at its bias and takes
 * its inputs in ascending order by fused multiply-add; activations are polynomials of fma. A fused
 * multiply-add is exact but for one rounding, so the order alone decides the bits. vg_kernel_id()
 * names this contract and changes when a bit may change.
 *
 * There are several forms of one source: portable (where fmaf() may be a library call: right, but
 * about a hundred times slower), FMA with vectors of 4, AVX2 with FMA, AVX-512. vg_kernel() picks
 * the fastest when the program runs. A layer is packed for one form and used with that form.
 *
 * Needed of the floating-point environment: round to nearest, subnormals kept. Every thread that
 * computes calls vg_kernel_thread_init() first; vg_stack_step() stops the program where that was
 * forgotten or undone.
 *
 * Letters: B rows of a batch, K inputs, N outputs, H hidden units, L lanes of a vector.
 */
#ifndef VG_MODELS_KERNEL_H
#define VG_MODELS_KERNEL_H

#include "models/network.h"

/**
 * One layer packed for one form. Constant after vg_packed_init(); shared by threads. The bits:
 *
 *   dense  sum = bias, then fma over x ascending; y = activation(sum)
 *   lstm   sum = b_ih + b_hh rounded once, then fma over x ascending, then over h ascending;
 *          with I, F, O = 1 + exp(-sum), the sum kept within 30 of 0, and
 *          tanh(a) = m / (m + 2), m = exp(2 a) - 1:
 *          c' = f c + i g = fma(c, I (m + 2), m F) / (I (m + 2) F), m of g;
 *          h' = o tanh(c') = m / ((m + 2) O), m of c'
 *   rnn    sum as lstm; h' = tanh(sum)
 *   gru    r, z: sum as lstm; nx = b_in, then fma over x; nh = b_hn, then fma over h;
 *          n = tanh(fma(r, nh, nx)), h' = fma(z, h - n, n)
 *   decay  xhat = x fma(1 - mask, exp(-max(0, fma(weight, age, bias))), mask)
 */
struct vg_packed {
    const struct vg_kernel *kernel; /**< the form */
    struct vg_layer layer;
    float *weight; /**< panels of up to four vectors of outputs (of the four gates of L units in an
                        LSTM): the biases, then for each input in order its weights */
};

struct vg_kernel {
    const char *name; /**< "avx2", "portable": for people; it has no influence on results */
    uint32_t lanes;   /**< L: floats of a vector */

    /**
     * Applies a dense or decay layer to `n` rows (any n).
     *
     *   x  [B, K], rows `x_stride` floats apart
     *   y  [B, N], rows `y_stride` floats apart; must not overlap x
     */
    void (*apply)(const struct vg_packed *p, uint32_t n, const float *x, size_t x_stride, float *y,
                  size_t y_stride);

    /**
     * Advances a recurrent layer (lstm, gru, rnn) by one step.
     *
     *   x      [B, K], rows `x_stride` floats apart
     *   state  B pointers, all different; `at` floats behind each lies h [H], and behind it c [H]
     *          of an lstm. Both are updated, h when the whole layer is done
     *   y      [B, H], rows `y_stride` floats apart: the new h; must overlap neither x nor a state
     */
    void (*advance)(const struct vg_packed *p, uint32_t n, const float *x, size_t x_stride,
                    void *const *state, size_t at, float *y, size_t y_stride);

    /* n floats in place; contracts as of one value below. */
    void (*exp_n)(size_t n, float *x);
    void (*tanh_n)(size_t n, float *x);
    void (*sigmoid_n)(size_t n, float *x);

    /** y[i] = log(1 + exp(x[i])); x and y may be the same. */
    void (*softplus)(uint32_t n, const float *x, float *y);
    /** y[i] = log(1 + x[i]); x and y may be the same. */
    void (*log1p_n)(size_t n, const float *x, float *y);

    /** n entries kept as steps of `unit`: x[i] their value, mask[i] 1; both 0 where there is none,
     *  which is INT16_MIN. */
    void (*unpack)(size_t n, const int16_t *packed, float unit, float *x, float *mask);

    /**
     * Sums of squared errors over the ticks of a window, oldest first, for each channel.
     *
     *   y, x, mask  [W, C]; where the mask (0 or 1) is 0, neither y nor x counts
     *   sum         [C]
     *
     * Returns how many entries count.
     */
    uint32_t (*squared_errors)(size_t channels, size_t ticks, const float *y, const float *x,
                               const float *mask, float *sum);

    /* One value each; contracts below. */
    float (*exp)(float x);
    float (*tanh)(float x);
    float (*sigmoid)(float x);
    float (*log1p)(float x);
};

/** The fastest form that this processor has. */
const struct vg_kernel *vg_kernel(void);

/** Makes vg_kernel() answer the form of that name, to compare forms; before any model is loaded.
 *  False: this processor has none of that name. */
VG_NODISCARD bool vg_kernel_choose(const char *name);

/** The forms that this processor has, the slowest (portable) first; NULL past the last. */
const struct vg_kernel *vg_kernel_form(uint32_t index);

/** The arithmetic contract, "fma-f32-2": part of a snapshot's identity, equal for all forms. */
const char *vg_kernel_id(void);

/** Sets the calling thread's floating-point environment to what results depend on. */
void vg_kernel_thread_init(void);

/** Stops the program if the calling thread's environment is another. A few cycles. */
void vg_kernel_thread_check(void);

/**
 * Zeroed memory for weights, batches and scratch: 64-byte aligned, room for at least one byte.
 * Running out ends the program. Freed with free().
 */
void *vg_kernel_alloc(size_t bytes);

/**
 * Copies a layer and packs it for a form, NULL for the fastest.
 *
 *   tensor  of the layer, in the order and shapes of models/network.h: weight, bias of dense and
 *           decay; W_ih, W_hh, b_ih, b_hh of recurrent ones
 *
 * Running out of memory ends the program. vg_packed_done() frees; it may be called on a zeroed one.
 */
void vg_packed_init(struct vg_packed *p, const struct vg_kernel *form, const struct vg_layer *layer,
                    const float *const *tensor);
void vg_packed_done(struct vg_packed *p);

/* Functions for models and stages, in place of those of libm, which differ between processors.
 * NaN gives NaN. */
float vg_expf(float x);     /**< relative error <= 2e-7; subnormal results are rounded right */
float vg_tanhf(float x);    /**< absolute error <= 2e-7 */
float vg_sigmoidf(float x); /**< absolute error <= 2e-7 */
float vg_log1pf(float x);   /**< relative error <= 2e-7; x >= 0, a negative x counts as 0 */

#endif
