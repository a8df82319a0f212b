/* bootstrap.c - how sure a figure is, by drawing patients again. */
#include "models/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** The mixing step of SplitMix64 (Steele 2014, doi 10.1145/2660193.2660195). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t counted(uint64_t seed, uint32_t replicate, uint32_t draw)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

    return mix(mix(mix(seed + golden) + replicate * golden) + draw * golden);
}

void vg_bootstrap_draw(uint64_t seed, uint32_t replicate, uint32_t patients, uint32_t *times)
{
    memset(times, 0, patients * sizeof *times);
    for (uint32_t d = 0; d < patients; d++) {
        uint64_t top = counted(seed, replicate, d) >> 32;

        times[top * patients >> 32]++; /* off from even by less than patients / 2^32 */
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double point_at(const double *sorted, uint32_t n, double share)
{
    double at = share * (n - 1), below = floor(at);
    uint32_t i = (uint32_t)below;

    return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/** `values` [replicates] of one figure; reorders them. */
static void take_points(double *values, uint32_t replicates, struct vg_interval *ret)
{
    uint32_t n = 0;

    for (uint32_t r = 0; r < replicates; r++)
        if (isfinite(values[r]))
            values[n++] = values[r];
    ret->low = ret->high = (double)NAN;
    if (n == 0 || n < (replicates + 1) / 2)
        return;
    qsort(values, n, sizeof *values, ascending);
    ret->low = point_at(values, n, 0.025);
    ret->high = point_at(values, n, 0.975);
}

struct vg_interval vg_interval_share(double k, double n)
{
    static const double z = 1.959963984540054; /* 97.5 % of the normal distribution */
    double p = k / n, middle = p + z * z / (2 * n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)), under = 1 + z * z / n;

    if (!(n > 0))
        return (struct vg_interval){ (double)NAN, (double)NAN, (double)NAN };
    /* At 0 of n and n of n a bound is exact and rounding would leave it beyond. */
    return (struct vg_interval){ p, k > 0 ? (middle - half) / under : 0,
                                 k < n ? (middle + half) / under : 1 };
}

vg_status vg_bootstrap(uint32_t patients, uint32_t replicates, uint64_t seed,
                       vg_statistic *statistic, void *context, uint32_t count,
                       struct vg_interval *ret, struct vg_err *err)
{
    vg_status st = VG_OK;
    uint32_t *times = calloc((size_t)patients + 1, sizeof *times);
    double *figures = calloc((size_t)count + 1, sizeof *figures);
    double *values = calloc((size_t)count * replicates + 1, sizeof *values); /* [count, R] */

    if (!times || !figures || !values) {
        st = vg_fail(err, VG_E_MEMORY, "no memory for %u replicates of %u figures", replicates,
                     count);
        goto done;
    }
    statistic(context, NULL, figures);
    for (uint32_t f = 0; f < count; f++)
        ret[f].value = figures[f];
    for (uint32_t r = 0; r < replicates; r++) {
        vg_bootstrap_draw(seed, r, patients, times);
        statistic(context, times, figures);
        for (uint32_t f = 0; f < count; f++)
            values[(size_t)f * replicates + r] = figures[f];
    }
    for (uint32_t f = 0; f < count; f++)
        take_points(&values[(size_t)f * replicates], replicates, &ret[f]);

done:
    free(values);
    free(figures);
    free(times);
    return st;
}
