/* kernel_fma.c - the kernel for processors with FMA, but vectors of 4; compiled for those, used where there are. */
#include "models/vec_fma.h"

#define FORM      vg_kernel_form_fma
#define FORM_NAME "fma"

#include "models/kernel_form.h"
