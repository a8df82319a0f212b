/* kernel_portable.c - the kernel in C alone: any processor, and what the other forms must equal. */
#include "models/vec_portable.h"

#define FORM      vg_kernel_form_portable
#define FORM_NAME "portable"

#include "models/kernel_form.h"
