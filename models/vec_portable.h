/* vec_portable.h - vectors of 4 floats, in C alone.
 *
 * What kernel_form.h says of them; for sources that are compiled for these instructions only. */
#ifndef VG_MODELS_VEC_PORTABLE_H
#define VG_MODELS_VEC_PORTABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES     ((size_t)4)
#define REGISTERS 16

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t ivec __attribute__((vector_size(LANES * sizeof(int32_t))));

static inline vec vec_load(const float *p)
{
    vec v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void vec_store(float *p, vec v)
{
    memcpy(p, &v, sizeof(v));
}

static inline vec vec_all(float f)
{
    return (vec){ f, f, f, f };
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return (vec){ fmaf(a[0], b[0], c[0]), fmaf(a[1], b[1], c[1]), fmaf(a[2], b[2], c[2]),
                  fmaf(a[3], b[3], c[3]) };
}

static inline vec choose(ivec condition, vec yes, vec no)
{
    return (vec)((condition & (ivec)yes) | (~condition & (ivec)no));
}

static inline vec vec_min(vec a, vec b)
{
    return choose(a < b, a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return choose(a > b, a, b);
}

#define VEC_PIN(v) (void)(v)

#endif
