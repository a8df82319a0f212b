/* fuzz_safetensors.c - any bytes as a model file: refused with a message, or read in full. */
#include <string.h>

#include "models/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_err err = { 0 };
    struct vg_safetensors *f;

    if (vg_safetensors_parse("fuzz.safetensors", bytes, n, &f, &err) != VG_OK) {
        VG_CHECK(err.status == VG_E_MODEL && strncmp(err.msg, "fuzz.safetensors: ", 18) == 0);
        return 0;
    }
    uint64_t shape[1] = { 0 };
    const float *values;
    volatile float last;

    if (vg_safetensors_take(f, "a", 1, shape, &values, &err) == VG_OK)
        last = values[shape[0] - 1];
    (void)last;
    vg_safetensors_free(f);
    return 0;
}
