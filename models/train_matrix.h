/* train_matrix.h - a matrix packed for many products: the weights of a layer.
 *
 * In float these are layers of models/kernel.h: each sum has the bits that it will have live, on
 * every processor. BLAS would pack the matrix again for every product.
 */
#ifndef VG_MODELS_TRAIN_MATRIX_H
#define VG_MODELS_TRAIN_MATRIX_H

#include "models/train_real.h"

struct vg_matrix;

/** K inputs, N outputs; vg_matrix_free() takes NULL. */
struct vg_matrix *vg_matrix_new(uint32_t inputs, uint32_t outputs);
void vg_matrix_free(struct vg_matrix *m);

/** weight [N, K], or [K, N] when turned, with rows `stride` apart; bias [N], or NULL for zeros.
 *  Copied. */
void vg_matrix_set(struct vg_matrix *m, const vg_real *weight, size_t stride, bool turned,
                   const vg_real *bias);

/** y = bias + x weight' for n rows; x [n, K] and y [n, N] with rows x_stride and y_stride apart. */
void vg_matrix_apply(const struct vg_matrix *m, uint32_t n, const vg_real *x, size_t x_stride,
                     vg_real *y, size_t y_stride);

#endif
