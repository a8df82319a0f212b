/* train_product_portable.c - products by the vectors of kernel_portable.c. */
#include "models/vec_portable.h"

#define FORM vg_product_form_portable

#include "models/train_product_form.h"
