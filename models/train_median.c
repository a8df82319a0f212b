/* train_median.c - linear regression for the median.
 *
 * Each output has rows and weights of its own, so each round of each output gathers its equations
 * anew, in blocks that fit the cache: a block's products are one matrix product.
 */
#include "models/train_median.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/gemm.h"
#include "models/train_linear.h"

enum { BLOCK = 256 };

struct vg_median_fit vg_median_fit_default(void)
{
    return (struct vg_median_fit){ .penalty = 30, .floor = 0.03, .rounds = 12 };
}

/** One output's equations; n = K + 1, the last input being the 1 that carries the bias. */
struct equations {
    size_t n;
    double *gram;     /* [n, n] */
    double *moment;   /* [n] */
    double *solution; /* [n] what was found so far, as a step from the start */
    double *start;    /* [n] */
    double *x;        /* [BLOCK, n] */
    double *weighted; /* [BLOCK, n] */
    double *residual; /* [BLOCK] target less the start's answer */
    size_t waiting;
    double total; /* of the weights */
    size_t rows;
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void flush(struct equations *e)
{
    if (e->waiting == 0)
        return;
    vg_dgemm(true, false, e->n, e->n, e->waiting, e->weighted, e->n, e->x, e->n, 1, e->gram, e->n);
    vg_dgemm(true, false, e->n, 1, e->waiting, e->weighted, e->n, e->residual, 1, 1, e->moment, 1);
    e->waiting = 0;
}

/** Adds one row, weighted by how far the solution so far is off; the first round weighs alike. */
static void add_row(struct equations *e, const float *x, float target, bool first, double floor)
{
    double *row = e->x + e->waiting * e->n, *weighted = e->weighted + e->waiting * e->n;

    for (size_t i = 0; i + 1 < e->n; i++)
        row[i] = (double)x[i];
    row[e->n - 1] = 1;

    double residual = (double)target - dot(e->start, row, e->n);
    double miss = fabs(residual - dot(e->solution, row, e->n));
    double weight = first ? 1 : 1 / fmax(miss, floor);

    for (size_t i = 0; i < e->n; i++)
        weighted[i] = weight * row[i];
    e->residual[e->waiting] = residual;
    e->total += weight;
    e->rows++;
    if (++e->waiting == BLOCK)
        flush(e);
}

static vg_status solve_round(struct equations *e, const struct vg_median_rows *rows,
                             uint32_t output, const struct vg_median_fit *fit, bool first,
                             struct vg_err *err)
{
    memset(e->gram, 0, e->n * e->n * sizeof *e->gram);
    memset(e->moment, 0, e->n * sizeof *e->moment);
    e->total = 0;
    e->rows = 0;
    for (size_t r = 0; r < rows->rows; r++)
        if (rows->mask[r * rows->outputs + output] > 0)
            add_row(e, rows->x + r * rows->inputs, rows->target[r * rows->outputs + output], first,
                    fit->floor);
    flush(e);
    if (e->rows == 0)
        return VG_OK;

    /* Weights are inverse residuals: the penalty keeps its share of them. */
    double penalty = fit->penalty * e->total / (double)e->rows;
    for (size_t i = 0; i + 1 < e->n; i++)
        e->gram[i * e->n + i] += penalty;
    memcpy(e->solution, e->moment, e->n * sizeof *e->solution);
    if (!vg_cholesky_solve((uint32_t)e->n, e->gram, 1, e->solution))
        return vg_fail(err, VG_E_FAILED,
                       "the equations of output %u have no single solution; a greater penalty "
                       "than %g helps",
                       output, fit->penalty);
    return VG_OK;
}

static bool equations_init(struct equations *e, uint32_t inputs)
{
    size_t n = (size_t)inputs + 1;
    const size_t block = BLOCK;
    double *room = calloc(n * n + 3 * n + 2 * block * n + block, sizeof *room);

    *e = (struct equations){ .n = n, .gram = room };
    if (!room)
        return false;
    e->moment = room + n * n;
    e->solution = e->moment + n;
    e->start = e->solution + n;
    e->x = e->start + n;
    e->weighted = e->x + BLOCK * n;
    e->residual = e->weighted + BLOCK * n;
    return true;
}

vg_status vg_median_solve(const struct vg_median_rows *rows, const struct vg_median_fit *fit,
                          float *weight, float *bias, struct vg_err *err)
{
    vg_status st = VG_OK;
    struct equations e;

    VG_CHECK(fit->rounds > 0 && fit->floor > 0);
    if (!equations_init(&e, rows->inputs))
        return vg_fail(err, VG_E_MEMORY, "no memory for equations of %u inputs", rows->inputs);
    vg_gemm_init();
    for (uint32_t o = 0; o < rows->outputs && st == VG_OK; o++) {
        float *w = weight + (size_t)o * rows->inputs;

        memset(e.solution, 0, e.n * sizeof *e.solution);
        for (size_t i = 0; i + 1 < e.n; i++)
            e.start[i] = (double)w[i];
        for (uint32_t r = 0; r < fit->rounds && st == VG_OK; r++)
            st = solve_round(&e, rows, o, fit, r == 0, err);
        for (size_t i = 0; i + 1 < e.n; i++)
            w[i] = (float)(e.start[i] + e.solution[i]);
        bias[o] = (float)e.solution[e.n - 1];
    }
    free(e.gram);
    return st;
}
