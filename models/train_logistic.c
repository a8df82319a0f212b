/* train_logistic.c - logistic regression by Newton's method.
 *
 * The loss is convex and smooth; with the penalty its Hessian is positive definite, so full steps
 * converge in about ten, and a step that would raise the loss is halved until it does not.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/elementary.h"
#include "models/gemm.h"
#include "models/train_linear.h"

enum { BLOCK = 256, STEPS_MAX = 100, HALVINGS_MAX = 40 };

static const double tolerance = 1e-10; /* of the Newton decrement, by the loss */

struct logistic {
    size_t rows, inputs; /* inputs: K + 1, the last is the 1 that carries the bias */
    const float *x, *y, *sample;
    double penalty;
    double *w;        /* [K + 1] */
    double *trial;    /* [K + 1] */
    double *gradient; /* [K + 1]; becomes the step */
    double *hessian;  /* [K + 1, K + 1] */
    double *block;    /* [BLOCK, K + 1] */
    double *weighted; /* [BLOCK, K + 1]: rows times p (1 - p) */
};

static double logit(const struct logistic *m, const double *w, size_t row)
{
    const size_t k = m->inputs - 1;
    double sum = w[k];

    for (size_t j = 0; j < k; j++)
        sum += w[j] * (double)m->x[row * k + j];
    return sum;
}

static double weight_of(const struct logistic *m, size_t row)
{
    return m->sample ? (double)m->sample[row] : 1.0;
}

static double loss(const struct logistic *m, const double *w)
{
    double sum = 0.0;

    for (size_t i = 0; i < m->rows; i++) {
        double z = logit(m, w, i);
        double above = z > 0.0 ? z : 0.0;

        sum += weight_of(m, i) * (above + vg_log1p(vg_exp(-fabs(z))) - (double)m->y[i] * z);
    }
    for (size_t j = 0; j + 1 < m->inputs; j++)
        sum += 0.5 * m->penalty * w[j] * w[j];
    return sum;
}

static void add_block(struct logistic *m, size_t from, size_t n)
{
    const size_t k = m->inputs;

    for (size_t i = 0; i < n; i++) {
        double p = 1.0 / (1.0 + vg_exp(-logit(m, m->w, from + i)));
        double scale = weight_of(m, from + i);
        double slope = scale * (p - (double)m->y[from + i]), bend = scale * p * (1.0 - p);
        double *row = m->block + i * k, *weighted = m->weighted + i * k;

        for (size_t j = 0; j + 1 < k; j++)
            row[j] = (double)m->x[(from + i) * (k - 1) + j];
        row[k - 1] = 1.0;
        for (size_t j = 0; j < k; j++) {
            m->gradient[j] += slope * row[j];
            weighted[j] = bend * row[j];
        }
    }
    vg_dgemm(true, false, k, k, n, m->weighted, k, m->block, k, 1.0, m->hessian, k);
}

static void differentiate(struct logistic *m)
{
    const size_t k = m->inputs;

    memset(m->gradient, 0, k * sizeof(double));
    memset(m->hessian, 0, k * k * sizeof(double));
    for (size_t from = 0; from < m->rows; from += BLOCK)
        add_block(m, from, m->rows - from < BLOCK ? m->rows - from : BLOCK);
    for (size_t j = 0; j + 1 < k; j++) {
        m->gradient[j] += m->penalty * m->w[j];
        m->hessian[j * k + j] += m->penalty;
    }
}

/* Goes along the step as far as the loss falls; returns the loss there. */
static double advance(struct logistic *m, double before)
{
    double length = 1.0;

    for (int i = 0; i < HALVINGS_MAX; i++) {
        double after;

        for (size_t j = 0; j < m->inputs; j++)
            m->trial[j] = m->w[j] - length * m->gradient[j];
        after = loss(m, m->trial);
        if (after <= before) {
            memcpy(m->w, m->trial, m->inputs * sizeof(double));
            return after;
        }
        length *= 0.5;
    }
    return before;
}

static vg_status descend(struct logistic *m, struct vg_err *err)
{
    double now = loss(m, m->w);

    for (int step = 0; step < STEPS_MAX; step++) {
        double decrement = 0.0;

        differentiate(m);
        memcpy(m->trial, m->gradient, m->inputs * sizeof(double));
        if (!vg_cholesky_solve((uint32_t)m->inputs, m->hessian, 1, m->gradient))
            return vg_fail(err, VG_E_FAILED,
                           "logistic regression: the inputs determine each other or the outcome; "
                           "use a greater penalty than %g",
                           m->penalty);
        for (size_t j = 0; j < m->inputs; j++)
            decrement += m->trial[j] * m->gradient[j];
        now = advance(m, now);
        if (decrement <= tolerance * (1.0 + now))
            return VG_OK;
    }
    return vg_fail(err, VG_E_FAILED,
                   "logistic regression did not converge in %d steps; use a greater penalty than "
                   "%g, and scale the inputs",
                   STEPS_MAX, m->penalty);
}

vg_status vg_logistic_fit(size_t n, uint32_t inputs, const float *x, const float *y,
                          const float *sample, double penalty, float *weight, float *bias,
                          struct vg_err *err)
{
    const size_t k = (size_t)inputs + 1;
    struct logistic m = {
        .rows = n, .inputs = k, .x = x, .y = y, .sample = sample, .penalty = penalty
    };
    vg_status st;

    vg_gemm_init();
    m.w = calloc((3 + k + (size_t)2 * BLOCK) * k, sizeof(double));
    VG_CHECK(m.w);
    m.trial = m.w + k;
    m.gradient = m.trial + k;
    m.hessian = m.gradient + k;
    m.block = m.hessian + k * k;
    m.weighted = m.block + BLOCK * k;
    st = descend(&m, err);
    for (size_t j = 0; j < inputs; j++)
        weight[j] = (float)m.w[j];
    *bias = (float)m.w[inputs];
    free(m.w);
    return st;
}
