/* train_loops.h - the loops over single numbers in which training spends its time.
 *
 * One source, compiled for AVX2 with FMA and portably; both give the same bits, for lanes of a
 * vector never meet in one sum unless the sum has a fixed number of lanes. Rows are dense: what
 * lies `stride` apart is the caller's to step.
 *
 * Letters: H hidden units.
 */
#ifndef VG_MODELS_TRAIN_LOOPS_H
#define VG_MODELS_TRAIN_LOOPS_H

#include "models/network.h"
#include "models/train_real.h"

/** What Adam needs of its step t; formula at enum vg_optimizer. */
struct vg_adam {
    vg_real beta1, beta2;
    vg_real rest1,
        rest2; /**< 1 - beta, of the exact numbers: in float, 1 - 0.999f is off by 5e-5 */
    vg_real epsilon;
    vg_real rate;     /**< rate / (1 - beta1^t) */
    vg_real unbias;   /**< 1 / sqrt(1 - beta2^t) */
    vg_real decay;    /**< 1 - rate weight_decay: factor of the parameter before the step */
    vg_real gradient; /**< factor of the gradient: mean, clipping */
};

struct vg_train_loops {
    /* One row of an LSTM; formulas in models/network.h. After forward, gates holds i, f, g, o.
     * backward turns them into their gradients before activation.
     *
     *   gates   [4, H]
     *   before  c [H], and after it c' [H] and squashed = tanh(c') [H]
     *   dh      [H] gradient of h'
     *   carry   [H] gradient of c', becomes that of c */
    void (*lstm_forward)(size_t h, vg_real *gates, const vg_real *before, vg_real *after,
                         vg_real *squashed, vg_real *out);
    void (*lstm_backward)(size_t h, vg_real *gates, const vg_real *before, const vg_real *squashed,
                          const vg_real *dh, vg_real *carry);

    /* One row of a GRU; gates holds r, z, n, and W_hn h + b_hn.
     *
     *   before  h [H]
     *   carry   [H] gradient that reaches h past the gates; added to dh, and replaced */
    void (*gru_forward)(size_t h, vg_real *gates, const vg_real *before, vg_real *out);
    void (*gru_backward)(size_t h, vg_real *gates, const vg_real *before, const vg_real *dh,
                         vg_real *carry);

    /** dy[i] *= derivative of the activation where its value is y[i]. */
    void (*activation_backward)(enum vg_activation a, size_t n, const vg_real *y, vg_real *dy);
    void (*relu)(size_t n, vg_real *x);

    void (*add)(size_t n, const vg_real *x, vg_real *y); /**< y += x */
    double (*square_sum)(size_t n, const vg_real *x);    /**< in a fixed number of lanes */
    /** Parameters p, moments m and v, all [n]; gradient g. */
    void (*adam)(size_t n, const struct vg_adam *a, const vg_real *g, vg_real *m, vg_real *v,
                 vg_real *p);
    /** b = momentum b + gradient g; p = decay p - rate b. */
    void (*sgd)(size_t n, const struct vg_adam *a, const vg_real *g, vg_real *b, vg_real *p);
};

/** The fastest form that this processor has. */
const struct vg_train_loops *vg_train_loops(void);

/** Particular forms, for tests; vg_train_loops_avx2() is NULL where there is none. */
const struct vg_train_loops *vg_train_loops_portable(void);
const struct vg_train_loops *vg_train_loops_avx2(void);

#endif
