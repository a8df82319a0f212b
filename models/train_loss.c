/* train_loss.c - losses and their gradients, one row at a time. */
#include "models/train_loss.h"

#include <math.h>
#include <string.h>

#include "models/train_loops.h"

uint32_t vg_objective_targets(const struct vg_objective *o, uint32_t outputs)
{
    if (o->loss == VG_LOSS_PINBALL)
        return outputs / o->quantiles;
    return o->loss == VG_LOSS_CROSS_ENTROPY ? 1 : outputs;
}

/* max(z, 0) - z target + log(1 + exp(-|z|)), which no z makes infinite. */
static void binary(size_t n, const vg_real *z, const struct vg_loss_row *row,
                   struct vg_loss_sum *sum, vg_real *d, vg_real *scratch)
{
    vg_real *positive = scratch, *p = scratch + n;

    memcpy(positive, z, n * sizeof(*z));
    memcpy(p, z, n * sizeof(*z));
    vg_real_softplus(n, positive);
    vg_real_sigmoid(n, p);
    for (size_t i = 0; i < n; i++) {
        vg_real w = row->weight * row->mask[i], target = w > 0 ? row->target[i] : 0;

        sum->loss += w > 0 ? (double)(w * (positive[i] - z[i] * target)) : 0.0;
        sum->weight += (double)w;
        if (d)
            d[i] = w * (p[i] - target);
    }
}

/* exp(z - max) into p; returns their sum, at least 1. */
static vg_real exponentials(size_t n, const vg_real *z, vg_real *p)
{
    vg_real greatest = z[0], sum = 0;

    for (size_t i = 1; i < n; i++)
        greatest = z[i] > greatest ? z[i] : greatest;
    for (size_t i = 0; i < n; i++)
        p[i] = z[i] - greatest;
    vg_real_exp(n, p);
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    return sum;
}

static void categorical(size_t n, const vg_real *z, const struct vg_loss_row *row,
                        struct vg_loss_sum *sum, vg_real *d, vg_real *scratch)
{
    vg_real w = row->weight * row->mask[0], total, greatest = z[0];
    size_t class = w > 0 ? (size_t)row->target[0] : 0;

    VG_CHECK(class < n);
    for (size_t i = 1; i < n; i++)
        greatest = z[i] > greatest ? z[i] : greatest;
    total = exponentials(n, z, scratch);
    sum->loss += (double)(w * (vg_real_log(total) + greatest - z[class]));
    sum->weight += (double)w;
    for (size_t i = 0; d && i < n; i++)
        d[i] = w * (scratch[i] / total);
    if (d)
        d[class] -= w;
}

/* ---- quantiles ---- */

static size_t median_of(const struct vg_objective *o)
{
    size_t m = 0;

    while (m + 1 < o->quantiles && o->quantile[m] < 0.5f)
        m++;
    return m;
}

/* y [Q] of r [Q] and its softplus. */
static void spread(size_t quantiles, size_t median, vg_real base, const vg_real *r,
                   const vg_real *positive, vg_real *y)
{
    y[median] = base + r[median];
    for (size_t q = median; q > 0; q--)
        y[q - 1] = y[q] - positive[q - 1];
    for (size_t q = median + 1; q < quantiles; q++)
        y[q] = y[q - 1] + positive[q];
}

/* The gradient of y [Q] becomes that of r [Q]: a step outwards moves all quantiles beyond it. */
static void gather(size_t quantiles, size_t median, const vg_real *slope, vg_real *d)
{
    vg_real below = 0, above = 0;

    for (size_t q = 0; q < median; q++) {
        below += d[q];
        d[q] = -below * slope[q];
    }
    for (size_t q = quantiles - 1; q > median; q--) {
        above += d[q];
        d[q] = above * slope[q];
    }
    d[median] += below + above;
}

/* The loss of one target, and the gradient of its quantiles into d. */
static vg_real pinball_of(const struct vg_objective *o, vg_real w, vg_real target, const vg_real *y,
                          vg_real *d)
{
    vg_real loss = 0;

    for (size_t q = 0; q < o->quantiles; q++) {
        vg_real level = (vg_real)o->quantile[q], e = target - y[q];
        vg_real slope = e > 0 ? -level : 1 - level;

        loss -= slope * e;
        d[q] = w * slope;
    }
    return w * loss;
}

static void pinball(const struct vg_objective *o, size_t outputs, const vg_real *r,
                    const struct vg_loss_row *row, struct vg_loss_sum *sum, vg_real *d,
                    vg_real *scratch)
{
    const size_t quantiles = o->quantiles, median = median_of(o);
    vg_real *positive = scratch, *slope = scratch + outputs;

    memcpy(positive, r, outputs * sizeof(*r));
    memcpy(slope, r, outputs * sizeof(*r));
    vg_real_softplus(outputs, positive);
    vg_real_sigmoid(outputs, slope);
    for (size_t i = 0; i * quantiles < outputs; i++) {
        vg_real w = row->weight * row->mask[i], y[VG_TRAIN_QUANTILES_MAX];
        vg_real of_y[VG_TRAIN_QUANTILES_MAX] = { 0 };
        const size_t at = i * quantiles;

        if (w > 0) {
            spread(quantiles, median, row->base ? row->base[i] : 0, r + at, positive + at, y);
            sum->loss += (double)pinball_of(o, w, row->target[i], y, of_y);
            sum->weight += (double)w;
            gather(quantiles, median, slope + at, of_y);
        }
        if (d)
            memcpy(d + at, of_y, quantiles * sizeof(*d));
    }
}

/* ---- all ---- */

static bool observed(const struct vg_objective *o, size_t outputs, const struct vg_loss_row *row)
{
    const size_t targets = vg_objective_targets(o, (uint32_t)outputs);

    for (size_t i = 0; i < targets && row->weight > 0; i++) {
        if (row->mask[i] > 0)
            return true;
    }
    return false;
}

void vg_loss_row(const struct vg_objective *o, size_t outputs, const vg_real *output,
                 const struct vg_loss_row *row, struct vg_loss_sum *sum, vg_real *d,
                 vg_real *scratch)
{
    if (!observed(o, outputs, row)) {
        if (d)
            memset(d, 0, outputs * sizeof(*d));
        return;
    }
    switch (o->loss) {
    case VG_LOSS_MSE:
        vg_train_loops()->squared_error(outputs, row->weight, output, row->target, row->mask,
                                        d ? d : scratch, &sum->loss, &sum->weight);
        break;
    case VG_LOSS_PINBALL:
        pinball(o, outputs, output, row, sum, d, scratch);
        break;
    case VG_LOSS_BCE:
        binary(outputs, output, row, sum, d, scratch);
        break;
    case VG_LOSS_CROSS_ENTROPY:
        categorical(outputs, output, row, sum, d, scratch);
        break;
    }
}

void vg_loss_finish(const struct vg_objective *o, size_t outputs, const vg_real *base,
                    vg_real *output, vg_real *scratch)
{
    if (o->loss == VG_LOSS_BCE) {
        vg_real_sigmoid(outputs, output);
    } else if (o->loss == VG_LOSS_CROSS_ENTROPY) {
        vg_real total = exponentials(outputs, output, scratch);

        for (size_t i = 0; i < outputs; i++)
            output[i] = scratch[i] / total;
    } else if (o->loss == VG_LOSS_PINBALL) {
        vg_real *positive = scratch, *y = scratch + outputs;

        memcpy(positive, output, outputs * sizeof(*output));
        vg_real_softplus(outputs, positive);
        for (size_t at = 0; at < outputs; at += o->quantiles)
            spread(o->quantiles, median_of(o), base ? base[at / o->quantiles] : 0, output + at,
                   positive + at, y + at);
        memcpy(output, y, outputs * sizeof(*output));
    }
}
