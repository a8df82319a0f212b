/* fuzz_safetensors.c - any bytes as a model file: refused with a message, or a model that runs. */
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/load.h"
#include "models/selftest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_refusal(vg_status st, const struct vg_err *err)
{
    VG_CHECK(st == VG_E_MODEL && err->status == st);
    VG_CHECK(strncmp(err->msg, "fuzz.safetensors: ", 18) == 0);
}

static void read_tensors(const uint8_t *bytes, size_t n)
{
    struct vg_err err = { 0 };
    struct vg_safetensors *f;
    struct vg_tensor t;
    vg_status st = vg_safetensors_parse("fuzz.safetensors", bytes, n, &f, &err);

    if (st != VG_OK) {
        check_refusal(st, &err);
        return;
    }
    for (uint32_t i = 0; vg_safetensors_tensor(f, i, &t); i++) {
        uint64_t shape[VG_TENSOR_RANK_MAX] = { 0 };
        const float *values;

        VG_CHECK(vg_safetensors_take(f, t.name, t.rank, shape, &values, &err) == VG_OK);
        VG_CHECK(values == t.value && *values == *t.value);
    }
    vg_safetensors_free(f);
}

static void run_model(const uint8_t *bytes, size_t n)
{
    struct vg_err err = { 0 };
    struct vg_model *m;
    vg_status st = vg_model_parse("fuzz.safetensors", bytes, n, &m, &err);
    float *x, *y;

    if (st != VG_OK) {
        check_refusal(st, &err);
        return;
    }
    x = vg_kernel_alloc(m->inputs * sizeof(float));
    y = vg_kernel_alloc(m->outputs * sizeof(float));
    vg_selftest_fill(m, 1, x);
    vg_selftest_run(m, 1, x, y);
    free(x);
    free(y);
    m->ops->free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    read_tensors(bytes, n);
    run_model(bytes, n);
    return 0;
}
