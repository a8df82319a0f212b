/* train_product_private.h - the forms of the products. */
#ifndef VG_MODELS_TRAIN_PRODUCT_PRIVATE_H
#define VG_MODELS_TRAIN_PRODUCT_PRIVATE_H

#include "models/train_product.h"

void vg_product_form_portable(const struct vg_real_product *p);
#if defined(__x86_64__)
void vg_product_form_fma(const struct vg_real_product *p);
void vg_product_form_avx2(const struct vg_real_product *p);
void vg_product_form_avx512(const struct vg_real_product *p);
#endif

#endif
