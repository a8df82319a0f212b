/* quantiles.h - how long something took, most of the time and at worst. */
#ifndef VG_BENCH_QUANTILES_H
#define VG_BENCH_QUANTILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/** Sorts `ns` (n of them) and prints "NAME N P50 P99 MAX", times in milliseconds. */
static inline void print_quantiles(const char *name, int64_t *ns, size_t n)
{
    if (n == 0) {
        printf("%s 0 0 0 0\n", name);
        return;
    }
    qsort(ns, n, sizeof(*ns), compare_times);
    printf("%s %zu %.3f %.3f %.3f\n", name, n, (double)ns[n / 2] / 1e6,
           (double)ns[(n * 99) / 100] / 1e6, (double)ns[n - 1] / 1e6);
}

#endif
