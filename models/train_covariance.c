/* train_covariance.c - mean and covariance of rows with missing entries, and their components.
 *
 * As in train_ridge.c, rows wait in a block so that the pieces in which they arrive do not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "models/gemm.h"
#include "models/train_linear.h"

enum { BLOCK = 256 };

struct vg_covariance {
    size_t inputs;
    size_t waiting;
    double *x;       /* [BLOCK, K], 0 where not observed */
    double *mask;    /* [BLOCK, K] */
    double *product; /* [K, K] sum of x_i x_j */
    double *sum;     /* [K, K] sum of x_i over the rows where j was observed too */
    double *pairs;   /* [K, K] rows where both were observed */
};

static double *zeros(size_t n)
{
    double *p = calloc(n, sizeof(double));

    VG_CHECK(p);
    return p;
}

struct vg_covariance *vg_covariance_new(uint32_t inputs)
{
    const size_t k = inputs;
    struct vg_covariance *c = calloc(1, sizeof(*c));

    VG_CHECK(c && inputs > 0);
    vg_gemm_init();
    c->inputs = k;
    c->x = zeros(BLOCK * k);
    c->mask = zeros(BLOCK * k);
    c->product = zeros(k * k);
    c->sum = zeros(k * k);
    c->pairs = zeros(k * k);
    return c;
}

void vg_covariance_free(struct vg_covariance *c)
{
    if (!c)
        return;
    free(c->x);
    free(c->mask);
    free(c->product);
    free(c->sum);
    free(c->pairs);
    free(c);
}

static void flush(struct vg_covariance *c)
{
    const size_t k = c->inputs, n = c->waiting;

    if (n == 0)
        return;
    vg_dgemm(true, false, k, k, n, c->x, k, c->x, k, 1.0, c->product, k);
    vg_dgemm(true, false, k, k, n, c->x, k, c->mask, k, 1.0, c->sum, k);
    vg_dgemm(true, false, k, k, n, c->mask, k, c->mask, k, 1.0, c->pairs, k);
    c->waiting = 0;
}

void vg_covariance_add(struct vg_covariance *c, size_t n, const float *x, const float *mask)
{
    const size_t k = c->inputs;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) {
            bool observed = !mask || mask[i * k + j] > 0.0f;

            c->mask[c->waiting * k + j] = observed ? 1.0 : 0.0;
            c->x[c->waiting * k + j] = observed ? (double)x[i * k + j] : 0.0;
        }
        if (++c->waiting == BLOCK)
            flush(c);
    }
}

void vg_covariance_get(struct vg_covariance *c, double *mean, double *covariance)
{
    const size_t k = c->inputs;

    flush(c);
    for (size_t i = 0; i < k; i++) {
        double n = c->pairs[i * k + i];

        mean[i] = n > 0.0 ? c->sum[i * k + i] / n : 0.0;
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double n = c->pairs[i * k + j];
            double about = c->product[i * k + j] - mean[i] * c->sum[j * k + i] -
                           mean[j] * c->sum[i * k + j] + n * mean[i] * mean[j];

            covariance[i * k + j] = n > 0.0 ? about / n : 0.0;
        }
    }
}

void vg_pca(struct vg_covariance *c, uint32_t components, float *mean, float *component,
            float *variance)
{
    const size_t k = c->inputs;
    double *centre = zeros(k), *matrix = zeros(k * k), *value = zeros(k), *vector = zeros(k * k);

    VG_CHECK(components <= k);
    vg_covariance_get(c, centre, matrix);
    vg_eigen_symmetric((uint32_t)k, matrix, value, vector);
    for (size_t i = 0; i < k; i++)
        mean[i] = (float)centre[i];
    for (size_t i = 0; i < components * k; i++)
        component[i] = (float)vector[i];
    for (size_t i = 0; variance && i < components; i++)
        variance[i] = (float)value[i];
    free(centre);
    free(matrix);
    free(value);
    free(vector);
}
