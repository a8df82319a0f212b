/* train_loops.h - the loops over single numbers in which training spends its time.
 *
 * One source, compiled for AVX-512, for AVX2 with FMA and portably; all give the same bits, for lanes of a
 * vector never meet in one sum unless the sum has a fixed number of lanes.
 *
 * Subnormal numbers cost a hundred times as much as others, and gradients that vanish make them in
 * masses. Gradients of states and moments of Adam too small to matter are therefore 0.
 *
 * Letters: n rows, H hidden units, G gates.
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

/** One step of a recurrent layer, forward or backward; formulas in models/network.h. */
struct vg_cell_step {
    size_t rows, hidden; /**< n, H */
    vg_real *gates;      /**< [n, G, H] sums; forward leaves them activated, backward makes
                                    their gradients of them. LSTM: i, f, g, o; GRU: r, z, n and
                                    W_hn h + b_hn; RNN: h' */
    const vg_real *h;    /**< [n, H] before the step */
    vg_real *h_next;     /**< [n, H] after it */
    size_t h_stride;     /**< of both */
    const vg_real *c;    /**< [n, H] of an LSTM before the step */
    vg_real *c_next;     /**< [n, H] after it */
    vg_real *squashed;   /**< [n, H] tanh(c_next) */
    const vg_real *dy;   /**< [n, H] gradient of h_next from the layers above */
    const vg_real *dh;   /**< [n, H] from the step after; NULL in the last */
    size_t dy_stride, dh_stride;
    vg_real *carry; /**< [n, H] gradient of the state past the gates: of c_next in an
                                    LSTM, of h_next in a GRU; becomes that of c, of h */
    vg_real *db;    /**< [G, H] the gates' gradients are added here */
};

struct vg_train_loops {
    void (*lstm_forward)(const struct vg_cell_step *s);
    void (*lstm_backward)(const struct vg_cell_step *s);
    void (*gru_forward)(const struct vg_cell_step *s);
    void (*gru_backward)(const struct vg_cell_step *s);
    void (*rnn_forward)(const struct vg_cell_step *s);
    void (*rnn_backward)(const struct vg_cell_step *s);

    /** dy[i] *= derivative of the activation where its value is y[i]. */
    void (*activation_backward)(enum vg_activation a, size_t n, const vg_real *y, vg_real *dy);
    void (*relu)(size_t n, vg_real *x);

    /** Adds w (y - target)^2 and w to *loss and *weight, w = factor mask; d = 2 w (y - target).
     *  What lies under a mask of 0 has no influence. Sums are in a fixed number of lanes. */
    void (*squared_error)(size_t n, vg_real factor, const vg_real *y, const vg_real *target,
                          const vg_real *mask, vg_real *d, double *loss, double *weight);

    void (*add)(size_t n, const vg_real *x, vg_real *y); /**< y += x */
    double (*square_sum)(size_t n, const vg_real *x);    /**< in a fixed number of lanes */
    /** Parameters p, moments m and v, all [n]; gradient g. */
    void (*adam)(size_t n, const struct vg_adam *a, const vg_real *g, vg_real *m, vg_real *v,
                 vg_real *p);
    /** b = momentum b + gradient g; p = decay p - rate b. */
    void (*sgd)(size_t n, const struct vg_adam *a, const vg_real *g, vg_real *b, vg_real *p);
};

/** The form that goes with vg_kernel(). */
const struct vg_train_loops *vg_train_loops(void);

/** Particular forms, for tests; NULL where this processor has none. */
const struct vg_train_loops *vg_train_loops_portable(void);
const struct vg_train_loops *vg_train_loops_avx2(void);
const struct vg_train_loops *vg_train_loops_avx512(void);

#endif
