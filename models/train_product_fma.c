/* train_product_fma.c - products by the vectors of kernel_fma.c. */
#include "models/vec_fma.h"

#define FORM vg_product_form_fma

#include "models/train_product_form.h"
