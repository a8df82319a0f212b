/* train_product_avx512.c - products by the vectors of kernel_avx512.c. */
#include "models/vec_avx512.h"

#define FORM vg_product_form_avx512

#include "models/train_product_form.h"
