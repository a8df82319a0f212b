/* train_matrix.c - packed matrices: the kernel's in float, plain ones in double. */
#include "models/train_matrix.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/kernel_private.h"

#ifdef VG_TRAIN_DOUBLE

struct vg_matrix {
    uint32_t inputs, outputs;
    vg_real *weight; /* [N, K] */
    vg_real *bias;   /* [N] */
};

struct vg_matrix *vg_matrix_new(uint32_t inputs, uint32_t outputs)
{
    struct vg_matrix *m = calloc(1, sizeof(*m));

    VG_CHECK(m);
    m->inputs = inputs;
    m->outputs = outputs;
    m->weight = vg_real_alloc((size_t)inputs * outputs);
    m->bias = vg_real_alloc(outputs);
    return m;
}

void vg_matrix_free(struct vg_matrix *m)
{
    if (!m)
        return;
    free(m->weight);
    free(m->bias);
    free(m);
}

void vg_matrix_set(struct vg_matrix *m, const vg_real *weight, size_t stride, bool turned,
                   const vg_real *bias)
{
    for (size_t j = 0; j < m->outputs; j++) {
        for (size_t k = 0; k < m->inputs; k++)
            m->weight[j * m->inputs + k] = weight[turned ? k * stride + j : j * stride + k];
        m->bias[j] = bias ? bias[j] : 0.0;
    }
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

struct vg_matrix {
    struct vg_packed packed; /* a dense layer */
};

struct vg_matrix *vg_matrix_new(uint32_t inputs, uint32_t outputs)
{
    const struct vg_layer layer = { .kind = VG_LAYER_DENSE, .inputs = inputs, .outputs = outputs };
    float *zeros = vg_real_alloc((size_t)inputs * outputs + outputs);
    const float *const tensor[] = { zeros, zeros };
    struct vg_matrix *m = calloc(1, sizeof(*m));

    VG_CHECK(m);
    vg_packed_init(&m->packed, NULL, &layer, tensor);
    free(zeros);
    return m;
}

void vg_matrix_free(struct vg_matrix *m)
{
    if (!m)
        return;
    vg_packed_done(&m->packed);
    free(m);
}

/* to[k step + j] = from[j stride + k], in tiles whose cache lines stay. */
static void transpose(size_t outputs, size_t inputs, const float *from, size_t stride, float *to,
                      size_t step)
{
    enum { TILE = 16 };

    for (size_t first = 0; first < inputs; first += TILE) {
        const size_t end = inputs - first < TILE ? inputs : first + TILE;

        for (size_t j = 0; j < outputs; j++) {
            for (size_t k = first; k < end; k++)
                to[k * step + j] = from[j * stride + k];
        }
    }
}

/* vg_packed_init() would do this too, but a matrix is packed again after every step of the
 * optimizer: here it costs no memory, and a turned one is not turned twice. */
void vg_matrix_set(struct vg_matrix *m, const vg_real *weight, size_t stride, bool turned,
                   const vg_real *bias)
{
    const size_t inputs = m->packed.layer.inputs, outputs = m->packed.layer.outputs;
    const size_t whole = vg_panel_outputs(&m->packed);
    float *panel = m->packed.weight;

    for (size_t first = 0; first < outputs; first += whole) {
        const size_t n = outputs - first < whole ? outputs - first : whole;
        const size_t vectors = vg_panel_vectors(&m->packed, n);
        const size_t step = vectors * m->packed.kernel->lanes;

        for (size_t j = 0; bias && j < n; j++)
            panel[j] = bias[first + j];
        if (!turned)
            transpose(n, inputs, weight + first * stride, stride, panel + step, step);
        for (size_t k = 0; turned && k < inputs; k++)
            memcpy(panel + (k + 1) * step, weight + k * stride + first, n * sizeof(*panel));
        panel += vg_panel_size(&m->packed, vectors);
    }
}

void vg_matrix_apply(const struct vg_matrix *m, uint32_t n, const vg_real *x, size_t x_stride,
                     vg_real *y, size_t y_stride)
{
    m->packed.kernel->apply(&m->packed, n, x, x_stride, y, y_stride);
}

#endif
