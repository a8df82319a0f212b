/* model_bytes.h - a golden model file in memory, to be spoiled. */
#ifndef VG_TESTS_SUPPORT_MODEL_BYTES_H
#define VG_TESTS_SUPPORT_MODEL_BYTES_H

#include "tests/support/golden.h"

enum { MODEL_BYTES_MAX = 1 << 17 };

/** Reads tests/unit/golden/NAME.safetensors. */
static inline size_t model_bytes_read(const char *name, uint8_t bytes[MODEL_BYTES_MAX])
{
    char path[256];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), GOLDEN("%s.safetensors"), name);
    f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    n = fread(bytes, 1, MODEL_BYTES_MAX, f);
    cr_assert(n > 0 && n < MODEL_BYTES_MAX, "%s", path);
    fclose(f);
    return n;
}

/** Replaces the only place of `from` by `to`, of the same length. */
static inline void model_bytes_replace(uint8_t *bytes, size_t n, const char *from, const char *to)
{
    uint8_t *at = memmem(bytes, n, from, strlen(from));

    cr_assert(at && strlen(from) == strlen(to), "%s -> %s", from, to);
    cr_assert(!memmem(at + 1, n - (size_t)(at + 1 - bytes), from, strlen(from)), "%s twice", from);
    memcpy(at, to, strlen(to));
}

/** Turns the seal into a note, so that what else is wrong is found. */
static inline void model_bytes_unseal(uint8_t *bytes, size_t n)
{
    model_bytes_replace(bytes, n, "\"vigil.blake2b\"", "\"note.unsealed\"");
}

#endif
