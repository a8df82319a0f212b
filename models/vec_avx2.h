/* vec_avx2.h - vectors of 8 floats, 16 registers: AVX2 and FMA.
 *
 * What kernel_form.h says of them; for sources that are compiled for these instructions only. */
#ifndef VG_MODELS_VEC_AVX2_H
#define VG_MODELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES     ((size_t)8)
#define REGISTERS 16

typedef __m256 vec;
typedef int32_t ivec __attribute__((vector_size(LANES * sizeof(int32_t))));

#define vec_load(p)      _mm256_loadu_ps(p)
#define vec_store(p, v)  _mm256_storeu_ps(p, v)
#define vec_all(f)       _mm256_set1_ps(f)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_min(a, b)    _mm256_min_ps(a, b)
#define vec_max(a, b)    _mm256_max_ps(a, b)
#define VEC_PIN(v)       __asm__("" : "+x"(v))

#endif
