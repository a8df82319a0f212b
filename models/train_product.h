/* train_product.h - the matrix products of back-propagation.
 *
 * As in models/kernel.h each entry is one sum that takes its products in ascending order by fused
 * multiply-add: the bits are the same on every processor, and however a product is cut into parts
 * for threads. BLAS would change them with both, and packs its matrices for each of these products,
 * which are small.
 */
#ifndef VG_MODELS_TRAIN_PRODUCT_H
#define VG_MODELS_TRAIN_PRODUCT_H

#include "models/train_real.h"

/** By the form that goes with vg_kernel(). */
void vg_product(const struct vg_real_product *p);

#endif
