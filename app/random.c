/* random.c - random numbers by counting (SplitMix64). */
#include "app/random.h"

#include <math.h>

#include "models/elementary.h"

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct vg_random vg_random_stream(uint64_t seed, uint64_t stream)
{
    return (struct vg_random){ .state = mix(seed * golden + mix(stream + golden)) };
}

uint64_t vg_random_bits(struct vg_random *r)
{
    r->state += golden;
    return mix(r->state);
}

double vg_random_uniform(struct vg_random *r, double low, double high)
{
    return low + (high - low) * (double)(vg_random_bits(r) >> 11) * 0x1p-53;
}

double vg_random_normal(struct vg_random *r)
{
    double u, v, s;

    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    do { /* Marsaglia's polar method */
        u = vg_random_uniform(r, -1, 1);
        v = vg_random_uniform(r, -1, 1);
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    s = sqrt(-2 * vg_ln(s) / s);
    r->spare = v * s;
    r->has_spare = true;
    return u * s;
}

double vg_random_exponential(struct vg_random *r)
{
    return -vg_ln(1 - vg_random_uniform(r, 0, 1));
}

double vg_random_heavy_tailed(struct vg_random *r)
{
    double z = vg_random_normal(r), chi2 = 0;

    for (int i = 0; i < 3; i++) {
        double x = vg_random_normal(r);

        chi2 += x * x;
    }
    return z / sqrt(chi2 / 3);
}
