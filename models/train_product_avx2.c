/* train_product_avx2.c - products by the vectors of kernel_avx2.c. */
#include "models/vec_avx2.h"

#define FORM vg_product_form_avx2

#include "models/train_product_form.h"
