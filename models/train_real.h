/* train_real.h - the number type of training: float, and double for tests of gradients.
 *
 * The training sources are compiled twice. vg_train has float and is what `vigil train` uses;
 * vg_train64 (VG_TRAIN_DOUBLE) shows in tests that the gradients are right to 1e-6 by finite
 * differences, which float could not resolve. A program links one of them.
 */
#ifndef VG_MODELS_TRAIN_REAL_H
#define VG_MODELS_TRAIN_REAL_H

#include "core/base.h"

#ifdef VG_TRAIN_DOUBLE
typedef double vg_real;
#define vg_real_fma  __builtin_fma
#define vg_real_sqrt __builtin_sqrt
#define vg_real_fabs __builtin_fabs
#else
typedef float vg_real;
#define vg_real_fma  __builtin_fmaf
#define vg_real_sqrt __builtin_sqrtf
#define vg_real_fabs __builtin_fabsf
#endif

/* n numbers in place, with bits that no processor changes: those of the kernel in float, of
 * models/elementary.h in double. */
void vg_real_exp(size_t n, vg_real *x);
void vg_real_tanh(size_t n, vg_real *x);
void vg_real_sigmoid(size_t n, vg_real *x);
void vg_real_softplus(size_t n, vg_real *x); /**< log(1 + exp(x)) */

/** log(x) for x >= 1. */
vg_real vg_real_log(vg_real x);

/** Zeroed, aligned for vectors; running out ends the program. Freed with free(). */
vg_real *vg_real_alloc(size_t n);

/** A stretch of K. */
struct vg_real_factors {
    size_t k;
    const vg_real *a; /**< [M, k], or [k, M] when a_turned; rows a_stride apart */
    const vg_real *b; /**< [k, N], rows b_stride apart */
};

/** C = A B, row-major, with K in stretches that need not lie side by side. By models/train_product.h
 *  in float, by BLAS in double. */
struct vg_real_product {
    size_t m, n, parts;                 /**< parts at least 1, of at least one k each */
    const struct vg_real_factors *part; /**< [parts] */
    vg_real *c;                         /**< [M, N], rows c_stride apart; must not overlap A or B */
    size_t a_stride, b_stride, c_stride;
    bool a_turned;
};

void vg_real_multiply(const struct vg_real_product *p);

#endif
