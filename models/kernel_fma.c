/* kernel_fma.c - the kernel for processors with FMA, but vectors of 4; compiled for those, used where there are. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define FORM      vg_kernel_form_fma
#define FORM_NAME "fma"

#define LANES     ((size_t)4)
#define REGISTERS 16

typedef __m128 vec;
typedef int32_t ivec __attribute__((vector_size(LANES * sizeof(int32_t))));

#define vec_load(p)      _mm_loadu_ps(p)
#define vec_store(p, v)  _mm_storeu_ps(p, v)
#define vec_all(f)       _mm_set1_ps(f)
#define vec_fma(a, b, c) _mm_fmadd_ps(a, b, c)
#define vec_min(a, b)    _mm_min_ps(a, b)
#define vec_max(a, b)    _mm_max_ps(a, b)
#define VEC_PIN(v)       __asm__("" : "+x"(v))

#include "models/kernel_form.h"
