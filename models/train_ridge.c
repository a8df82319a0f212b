/* train_ridge.c - ridge regression from sums of products, and the solver of its equations.
 *
 * Rows wait in a block until it is full, so that the sums, and their bits, are the same whatever
 * the pieces in which rows arrive, and the products of a block are one matrix product.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "models/gemm.h"
#include "models/train_linear.h"

enum { BLOCK = 256 };

struct vg_ridge {
    size_t inputs; /* K + 1: the last is the 1 that carries the bias */
    size_t outputs;
    bool masked;
    double *gram;   /* [O, K + 1, K + 1] when masked, else [K + 1, K + 1] */
    double *moment; /* [K + 1, O] when not masked, else [O, K + 1] */
    size_t waiting; /* rows in the block */
    double *x;      /* [BLOCK, K + 1] */
    double *target; /* [BLOCK, O] */
    float *mask;    /* [BLOCK, O] */
    double *picked; /* [BLOCK, K + 1]: rows where one output was observed */
    double *wanted; /* [BLOCK]: its targets there */
};

static size_t gram_size(const struct vg_ridge *r)
{
    return (r->masked ? r->outputs : 1) * r->inputs * r->inputs;
}

struct vg_ridge *vg_ridge_new(uint32_t inputs, uint32_t outputs, bool masked)
{
    struct vg_ridge *r = vg_zeros(1, sizeof(*r));

    VG_CHECK(inputs > 0 && outputs > 0);
    vg_gemm_init();
    r->inputs = (size_t)inputs + 1;
    r->outputs = outputs;
    r->masked = masked;
    r->gram = vg_zeros(gram_size(r), sizeof(double));
    r->moment = vg_zeros(r->inputs * outputs, sizeof(double));
    r->x = vg_zeros(BLOCK * r->inputs, sizeof(double));
    r->target = vg_zeros(BLOCK * r->outputs, sizeof(double));
    r->mask = vg_zeros(BLOCK * r->outputs, sizeof(float));
    r->picked = vg_zeros(BLOCK * r->inputs, sizeof(double));
    r->wanted = vg_zeros(BLOCK, sizeof(double));
    return r;
}

void vg_ridge_free(struct vg_ridge *r)
{
    if (!r)
        return;
    free(r->gram);
    free(r->moment);
    free(r->x);
    free(r->target);
    free(r->mask);
    free(r->picked);
    free(r->wanted);
    free(r);
}

/* ---- sums ---- */

static size_t pick(const struct vg_ridge *r, size_t output)
{
    size_t n = 0;

    for (size_t i = 0; i < r->waiting; i++) {
        if (r->mask[i * r->outputs + output] <= 0.0f)
            continue;
        memcpy(r->picked + n * r->inputs, r->x + i * r->inputs, r->inputs * sizeof(double));
        r->wanted[n++] = r->target[i * r->outputs + output];
    }
    return n;
}

/* Adds the products of the waiting rows to the sums, and forgets the rows. */
static void flush(struct vg_ridge *r)
{
    const size_t k = r->inputs, o = r->outputs;

    if (r->waiting > 0 && !r->masked) {
        vg_dgemm(true, false, k, k, r->waiting, r->x, k, r->x, k, 1.0, r->gram, k);
        vg_dgemm(true, false, k, o, r->waiting, r->x, k, r->target, o, 1.0, r->moment, o);
    }
    for (size_t output = 0; r->masked && output < o; output++) {
        size_t n = pick(r, output);

        if (n == 0)
            continue;
        vg_dgemm(true, false, k, k, n, r->picked, k, r->picked, k, 1.0, r->gram + output * k * k,
                 k);
        vg_dgemm(true, false, k, 1, n, r->picked, k, r->wanted, 1, 1.0, r->moment + output * k, 1);
    }
    r->waiting = 0;
}

void vg_ridge_add(struct vg_ridge *r, size_t n, const float *x, const float *target,
                  const float *mask)
{
    VG_CHECK((mask != NULL) == r->masked);
    for (size_t i = 0; i < n; i++) {
        double *row = r->x + r->waiting * r->inputs;

        for (size_t j = 0; j + 1 < r->inputs; j++)
            row[j] = (double)x[i * (r->inputs - 1) + j];
        row[r->inputs - 1] = 1.0;
        for (size_t j = 0; j < r->outputs; j++) {
            r->target[r->waiting * r->outputs + j] = (double)target[i * r->outputs + j];
            r->mask[r->waiting * r->outputs + j] = mask ? mask[i * r->outputs + j] : 1.0f;
        }
        if (++r->waiting == BLOCK)
            flush(r);
    }
}

void vg_ridge_merge(struct vg_ridge *r, struct vg_ridge *other)
{
    VG_CHECK(r->inputs == other->inputs && r->outputs == other->outputs &&
             r->masked == other->masked);
    flush(r);
    flush(other);
    for (size_t i = 0; i < gram_size(r); i++)
        r->gram[i] += other->gram[i];
    for (size_t i = 0; i < r->inputs * r->outputs; i++)
        r->moment[i] += other->moment[i];
}

/* ---- solution ---- */

static bool factor(size_t k, double *a)
{
    for (size_t j = 0; j < k; j++) {
        double *row = a + j * k;

        /* Row j of the factor L, below its diagonal: what is above it in A is not read again. */
        for (size_t i = 0; i < j; i++) {
            double sum = row[i];

            for (size_t l = 0; l < i; l++)
                sum -= row[l] * a[i * k + l];
            row[i] = sum / a[i * k + i];
            row[j] -= row[i] * row[i];
        }
        if (!(row[j] > 0.0))
            return false;
        row[j] = sqrt(row[j]);
    }
    return true;
}

bool vg_cholesky_solve(uint32_t k, double *a, uint32_t m, double *b)
{
    const size_t n = k;

    if (!factor(n, a))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < m; c++) {
            double sum = b[i * m + c];

            for (size_t l = 0; l < i; l++)
                sum -= a[i * n + l] * b[l * m + c];
            b[i * m + c] = sum / a[i * n + i];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t c = 0; c < m; c++) {
            double sum = b[i * m + c];

            for (size_t l = i + 1; l < n; l++)
                sum -= a[l * n + i] * b[l * m + c];
            b[i * m + c] = sum / a[i * n + i];
        }
    }
    return true;
}

/* Solves for `m` outputs that share a matrix; `b` [K + 1, M] is overwritten. */
static vg_status solve(const struct vg_ridge *r, const double *gram, double penalty, size_t m,
                       double *b, struct vg_err *err)
{
    const size_t k = r->inputs;
    double *a = vg_zeros(k * k, sizeof(double));
    bool solved;

    memcpy(a, gram, k * k * sizeof(double));
    for (size_t j = 0; j + 1 < k; j++)
        a[j * k + j] += penalty;
    solved = vg_cholesky_solve((uint32_t)k, a, (uint32_t)m, b);
    free(a);
    if (solved)
        return VG_OK;
    return vg_fail(err, VG_E_FAILED,
                   "ridge regression: the inputs determine each other, or there are fewer rows "
                   "than inputs; use a greater penalty than %g",
                   penalty);
}

static void give(const struct vg_ridge *r, const double *b, size_t m, size_t output, float *weight,
                 float *bias)
{
    const size_t k = r->inputs - 1;

    for (size_t c = 0; c < m; c++) {
        for (size_t j = 0; j < k; j++)
            weight[(output + c) * k + j] = (float)b[j * m + c];
        bias[output + c] = (float)b[k * m + c];
    }
}

vg_status vg_ridge_solve(struct vg_ridge *r, double penalty, float *weight, float *bias,
                         struct vg_err *err)
{
    const size_t k = r->inputs, together = r->masked ? 1 : r->outputs;
    double *b = vg_zeros(k * together, sizeof(double));
    vg_status st = VG_OK;

    flush(r);
    for (size_t output = 0; st == VG_OK && output < r->outputs; output += together) {
        const double *gram = r->gram + (r->masked ? output * k * k : 0);

        memcpy(b, r->moment + output * k, k * together * sizeof(double));
        /* The product of the ones counts the rows. */
        if (gram[k * k - 1] > 0.0)
            st = solve(r, gram, penalty, together, b, err);
        if (st == VG_OK)
            give(r, b, together, output, weight, bias);
    }
    free(b);
    return st;
}
