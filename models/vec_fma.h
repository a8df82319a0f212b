/* vec_fma.h - vectors of 4 floats, 16 registers: FMA without AVX2.
 *
 * What kernel_form.h says of them; for sources that are compiled for these instructions only. */
#ifndef VG_MODELS_VEC_FMA_H
#define VG_MODELS_VEC_FMA_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
