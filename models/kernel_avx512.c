/* kernel_avx512.c - the kernel for processors with AVX-512 F, DQ, BW and VL; compiled for those, used where there are. */
#include "models/vec_avx512.h"

#define FORM      vg_kernel_form_avx512
#define FORM_NAME "avx512"

#include "models/kernel_form.h"
