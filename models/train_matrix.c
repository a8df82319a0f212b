/* train_matrix.c - packed matrices: the kernel's in float, plain ones in double. */
#include "models/train_matrix.h"

#include <stdlib.h>
#include <string.h>

#include "models/gemm.h"
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
    vg_gemm_init();
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
    vg_dgemm(false, true, n, m->outputs, m->inputs, x, x_stride, m->weight, m->inputs, 1.0, y,
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

/* Four rows of four columns, turned. */
static void transpose_four(const float *from, size_t stride, float *to, size_t step)
{
    typedef float four __attribute__((vector_size(16)));
    four row[4], pair[4], turned[4];

    for (size_t i = 0; i < 4; i++)
        memcpy(&row[i], from + i * stride, sizeof(row[i]));
    pair[0] = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    pair[1] = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    pair[2] = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    pair[3] = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    turned[0] = __builtin_shufflevector(pair[0], pair[1], 0, 1, 4, 5);
    turned[1] = __builtin_shufflevector(pair[0], pair[1], 2, 3, 6, 7);
    turned[2] = __builtin_shufflevector(pair[2], pair[3], 0, 1, 4, 5);
    turned[3] = __builtin_shufflevector(pair[2], pair[3], 2, 3, 6, 7);
    for (size_t i = 0; i < 4; i++)
        memcpy(to + i * step, &turned[i], sizeof(turned[i]));
}

/* to[k step + j] = from[j stride + k], in tiles whose cache lines stay. */
static void transpose(size_t outputs, size_t inputs, const float *from, size_t stride, float *to,
                      size_t step)
{
    enum { TILE = 16 };
    const size_t whole = outputs - outputs % 4;

    for (size_t first = 0; first < inputs; first += TILE) {
        const size_t end = inputs - first < TILE ? inputs : first + TILE;
        size_t k = first;

        for (; k + 4 <= end; k += 4) {
            for (size_t j = 0; j < whole; j += 4)
                transpose_four(from + j * stride + k, stride, to + k * step + j, step);
            for (size_t j = whole; j < outputs; j++) {
                for (size_t i = k; i < k + 4; i++)
                    to[i * step + j] = from[j * stride + i];
            }
        }
        for (; k < end; k++) {
            for (size_t j = 0; j < outputs; j++)
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
