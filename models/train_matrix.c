/* train_matrix.c - packed matrices: the kernel's in float, plain ones in double. */
#include "models/train_matrix.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"

struct vg_matrix {
    uint32_t inputs, outputs;
#ifdef VG_TRAIN_DOUBLE
    vg_real *weight; /* [N, K] */
    vg_real *bias;   /* [N] */
#else
    struct vg_dense packed;
#endif
};

struct vg_matrix *vg_matrix_new(uint32_t inputs, uint32_t outputs)
{
    struct vg_matrix *m = calloc(1, sizeof(*m));

    VG_CHECK(m);
    m->inputs = inputs;
    m->outputs = outputs;
#ifdef VG_TRAIN_DOUBLE
    m->weight = vg_real_alloc((size_t)inputs * outputs);
    m->bias = vg_real_alloc(outputs);
#endif
    return m;
}

#ifdef VG_TRAIN_DOUBLE

void vg_matrix_free(struct vg_matrix *m)
{
    if (!m)
        return;
    free(m->weight);
    free(m->bias);
    free(m);
}

void vg_matrix_set(struct vg_matrix *m, const vg_real *weight, const vg_real *bias)
{
    memcpy(m->weight, weight, (size_t)m->inputs * m->outputs * sizeof(*weight));
    for (uint32_t i = 0; i < m->outputs; i++)
        m->bias[i] = bias ? bias[i] : 0.0;
}

void vg_matrix_apply(const struct vg_matrix *m, uint32_t n, const vg_real *x, size_t x_stride,
                     vg_real *y, size_t y_stride)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(y + i * y_stride, m->bias, m->outputs * sizeof(*y));
    vg_real_gemm(false, true, n, m->outputs, m->inputs, x, x_stride, m->weight, m->inputs, 1.0, y,
                 y_stride);
}

#else

void vg_matrix_free(struct vg_matrix *m)
{
    if (!m)
        return;
    vg_dense_done(&m->packed);
    free(m);
}

void vg_matrix_set(struct vg_matrix *m, const vg_real *weight, const vg_real *bias)
{
    vg_dense_done(&m->packed);
    vg_dense_init(&m->packed, m->inputs, m->outputs, weight, bias);
}

void vg_matrix_apply(const struct vg_matrix *m, uint32_t n, const vg_real *x, size_t x_stride,
                     vg_real *y, size_t y_stride)
{
    vg_kernel()->dense(&m->packed, n, x, x_stride, y, y_stride);
}

#endif
