/* golden.h - vectors that PyTorch computed (tests/unit/golden/make_shipped.py), and a model to run. */
#ifndef VG_TESTS_SUPPORT_GOLDEN_H
#define VG_TESTS_SUPPORT_GOLDEN_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model.h"

#define GOLDEN(name) VG_SOURCE_ROOT "/tests/unit/golden/" name

/** Rows of [inputs, outputs], read from a file of floats; freed with free(). */
static inline float *golden_read(const char *path, const struct vg_model *m, uint32_t *ret_rows)
{
    size_t width = m->inputs + m->outputs, n = 0, cap = 1 << 20;
    float *rows = malloc(cap * sizeof(float));
    FILE *f = fopen(path, "rb");

    cr_assert(f, "%s", path);
    n = fread(rows, sizeof(float), cap, f);
    cr_assert(n < cap && n > 0 && n % width == 0, "%s has %zu floats", path, n);
    fclose(f);
    *ret_rows = (uint32_t)(n / width);
    return rows;
}

static inline void *golden_zeroed(size_t bytes)
{
    size_t rounded = (bytes + 64) / 64 * 64;
    void *p = aligned_alloc(64, rounded);

    cr_assert(p);
    memset(p, 0, rounded);
    return p;
}

#endif
