/* train_random.h - random numbers by counting: number `index` of a stream, in any order.
 *
 * Nothing is drawn in turn, so neither threads nor a resumed fit can change what is drawn. The
 * mixing is that of SplitMix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195).
 */
#ifndef VG_MODELS_TRAIN_RANDOM_H
#define VG_MODELS_TRAIN_RANDOM_H

#include <stdint.h>

/** What a number is for; streams of different uses and steps never meet. */
enum vg_draw { VG_DRAW_INIT, VG_DRAW_ORDER, VG_DRAW_DROPOUT, VG_DRAW_HIDE, VG_DRAW_NOISE };

static inline uint64_t vg_draw_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/** A stream: `number` is a tensor, an epoch or a step, whatever the use counts. */
static inline uint64_t vg_draw_stream(uint64_t seed, enum vg_draw use, uint64_t number)
{
    uint64_t s = vg_draw_mix(seed + UINT64_C(0x9e3779b97f4a7c15));

    s = vg_draw_mix(s + (uint64_t)use + 1);
    return vg_draw_mix(s + number * UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t vg_draw_bits(uint64_t stream, uint64_t index)
{
    return vg_draw_mix(stream + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/** In [0, 1). */
static inline double vg_draw_uniform(uint64_t stream, uint64_t index)
{
    return (double)(vg_draw_bits(stream, index) >> 11) * 0x1p-53;
}

/** Mean 0, variance 1, the sum of four uniform numbers: nearly normal, never beyond 3.47. */
static inline double vg_draw_normal(uint64_t stream, uint64_t index)
{
    uint64_t b = vg_draw_bits(stream, index);
    uint64_t sum = (b & 0xffff) + (b >> 16 & 0xffff) + (b >> 32 & 0xffff) + (b >> 48);

    return ((double)sum - 131070.0) / 37837.22707; /* sqrt(4 (65536^2 - 1) / 12) */
}

#endif
