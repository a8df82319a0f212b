/* vec_some.h - what sources for vectors have in common; include it behind one of models/vec_<form>.h.
 */
#ifndef VG_MODELS_VEC_SOME_H
#define VG_MODELS_VEC_SOME_H

#include <string.h>

#define BODY   static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* The vector at p, of which only the first n floats may be read; the rest are 0. */
BODY vec load_some(const float *p, size_t n)
{
    float whole[LANES] = { 0 };

    if (n >= LANES)
        return vec_load(p);
    memcpy(whole, p, n * sizeof(*p));
    return vec_load(whole);
}

/* Its first n floats to p. */
BODY void store_some(float *p, vec v, size_t n)
{
    float whole[LANES];

    if (n >= LANES) {
        vec_store(p, v);
        return;
    }
    vec_store(whole, v);
    memcpy(p, whole, n * sizeof(*p));
}

#endif
