/* kernel_avx2.c - the kernel for processors with AVX2 and FMA; compiled for those, used where there are. */
#include "models/vec_avx2.h"

#define FORM      vg_kernel_form_avx2
#define FORM_NAME "avx2"

#include "models/kernel_form.h"
