/* vec_avx512.h - vectors of 16 floats, 32 registers: AVX-512 F, DQ, BW and VL.
 *
 * What kernel_form.h says of them; for sources that are compiled for these instructions only. */
#ifndef VG_MODELS_VEC_AVX512_H
#define VG_MODELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES     ((size_t)16)
#define REGISTERS 32

typedef __m512 vec;
typedef int32_t ivec __attribute__((vector_size(LANES * sizeof(int32_t))));

#define vec_load(p)      _mm512_loadu_ps(p)
#define vec_store(p, v)  _mm512_storeu_ps(p, v)
#define vec_all(f)       _mm512_set1_ps(f)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_min(a, b)    _mm512_min_ps(a, b)
#define vec_max(a, b)    _mm512_max_ps(a, b)
#define VEC_PIN(v)       __asm__("" : "+v"(v))

#endif
