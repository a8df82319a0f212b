/* metrics.c - how good forecasts and risks are.
 *
 * Ranking metrics walk the sorted cases once in groups of equal score: within a group no order
 * means anything, so all of a group is taken before a point of a curve is looked at.
 */
#include "models/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "models/elementary.h"

/* ---- forecasts ---- */

static uint32_t median_of(const float *quantile, uint32_t quantiles)
{
    uint32_t best = 0;

    for (uint32_t q = 1; q < quantiles; q++)
        if (fabsf(quantile[q] - 0.5f) < fabsf(quantile[best] - 0.5f))
            best = q;
    return best;
}

void vg_forecast_sums_add(struct vg_forecast_sums *s, const float *forecast, const float *quantile,
                          uint32_t quantiles, float y, bool observed)
{
    VG_CHECK(quantiles > 0);
    if (!observed)
        return;

    double miss = (double)y - (double)forecast[median_of(quantile, quantiles)];
    double pinball = 0;
    float low = forecast[0], high = forecast[quantiles - 1];

    for (uint32_t q = 0; q < quantiles; q++) {
        double e = (double)y - (double)forecast[q], p = (double)quantile[q];

        pinball += e >= 0 ? p * e : (p - 1) * e;
    }
    s->n += 1;
    s->absolute += fabs(miss);
    s->square += miss * miss;
    s->pinball += pinball / quantiles;
    s->covered += y >= low && y <= high ? 1 : 0;
    s->width += (double)high - (double)low;
}

void vg_forecast_sums_merge(struct vg_forecast_sums *s, const struct vg_forecast_sums *other,
                            double times)
{
    s->n += times * other->n;
    s->absolute += times * other->absolute;
    s->square += times * other->square;
    s->pinball += times * other->pinball;
    s->covered += times * other->covered;
    s->width += times * other->width;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

double vg_forecast_mae(const struct vg_forecast_sums *s)
{
    return ratio(s->absolute, s->n);
}

double vg_forecast_rmse(const struct vg_forecast_sums *s)
{
    return sqrt(ratio(s->square, s->n));
}

double vg_forecast_pinball(const struct vg_forecast_sums *s)
{
    return ratio(s->pinball, s->n);
}

double vg_forecast_coverage(const struct vg_forecast_sums *s)
{
    return ratio(s->covered, s->n);
}

double vg_forecast_width(const struct vg_forecast_sums *s)
{
    return ratio(s->width, s->n);
}

/* ---- binary outcomes ---- */

static int by_score(const void *a, const void *b)
{
    const struct vg_case *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->patient != y->patient)
        return x->patient < y->patient ? -1 : 1;
    return (int)y->label - (int)x->label;
}

void vg_cases_sort(struct vg_case *cases, size_t n)
{
    if (n > 1)
        qsort(cases, n, sizeof *cases, by_score);
}

static double weight_of(const struct vg_case *c, const uint32_t *times)
{
    return times ? times[c->patient] : 1;
}

/** Positive and negative cases, of a group of equal score or of everything. */
struct tally {
    double positive, negative;
};

static void tally_add(struct tally *t, const struct vg_case *c, const uint32_t *times)
{
    if (c->label)
        t->positive += weight_of(c, times);
    else
        t->negative += weight_of(c, times);
}

/** Takes the group of equal scores at *at, moves *at behind it. */
static struct tally next_group(const struct vg_case *cases, size_t n, const uint32_t *times,
                               size_t *at)
{
    struct tally group = { 0 };
    float score = cases[*at].score;

    while (*at < n && cases[*at].score == score)
        tally_add(&group, &cases[(*at)++], times);
    return group;
}

double vg_auroc(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    struct tally seen = { 0 };
    double wins = 0;

    for (size_t at = 0; at < n;) {
        struct tally group = next_group(cases, n, times, &at);

        wins += group.negative * (seen.positive + group.positive / 2);
        seen.positive += group.positive;
        seen.negative += group.negative;
    }
    return ratio(wins, seen.positive * seen.negative);
}

double vg_auprc(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    struct tally seen = { 0 };
    double area = 0;

    for (size_t at = 0; at < n;) {
        struct tally group = next_group(cases, n, times, &at);

        seen.positive += group.positive;
        seen.negative += group.negative;
        if (group.positive > 0)
            area += group.positive * seen.positive / (seen.positive + seen.negative);
    }
    return ratio(area, seen.positive);
}

double vg_brier(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    double total = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        double w = weight_of(&cases[i], times), miss = (double)cases[i].score - cases[i].label;

        total += w;
        sum += w * miss * miss;
    }
    return ratio(sum, total);
}

static double total_of(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    double total = 0;

    for (size_t i = 0; i < n; i++)
        total += weight_of(&cases[i], times);
    return total;
}

void vg_calibration_curve(const struct vg_case *cases, size_t n, const uint32_t *times,
                          struct vg_calibration_bin bins[VG_CALIBRATION_BINS])
{
    double total = total_of(cases, n, times), before = 0;

    for (int b = 0; b < VG_CALIBRATION_BINS; b++)
        bins[b] = (struct vg_calibration_bin){ 0 };
    for (size_t i = n; i-- > 0;) { /* lowest risk first */
        double w = weight_of(&cases[i], times);
        int b = total > 0 ? (int)(before * VG_CALIBRATION_BINS / total) : 0;
        struct vg_calibration_bin *bin =
            &bins[b < VG_CALIBRATION_BINS ? b : VG_CALIBRATION_BINS - 1];

        bin->n += w;
        bin->predicted += w * (double)cases[i].score;
        bin->observed += cases[i].label ? w : 0;
        before += w;
    }
    for (int b = 0; b < VG_CALIBRATION_BINS; b++) {
        bins[b].predicted = ratio(bins[b].predicted, bins[b].n);
        bins[b].observed = ratio(bins[b].observed, bins[b].n);
    }
}

double vg_ece(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    struct vg_calibration_bin bins[VG_CALIBRATION_BINS];
    double total = 0, sum = 0;

    vg_calibration_curve(cases, n, times, bins);
    for (int b = 0; b < VG_CALIBRATION_BINS; b++) {
        if (bins[b].n <= 0)
            continue;
        total += bins[b].n;
        sum += bins[b].n * fabs(bins[b].predicted - bins[b].observed);
    }
    return ratio(sum, total);
}

static double logit(float score)
{
    double p = fmin(fmax((double)score, 1e-7), 1 - 1e-7);

    return vg_ln(p / (1 - p));
}

/** Gradient and curvature of the log-likelihood of sigmoid(slope x + intercept). */
struct newton {
    double slope, intercept;
    double g_slope, g_intercept;
    double h_slope, h_cross, h_intercept;
};

static void newton_gather(struct newton *s, const struct vg_case *cases, size_t n,
                          const uint32_t *times)
{
    s->g_slope = s->g_intercept = 0;
    s->h_slope = s->h_cross = s->h_intercept = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weight_of(&cases[i], times), x = logit(cases[i].score);
        double p = 1 / (1 + vg_exp(-(s->slope * x + s->intercept)));
        double miss = w * (cases[i].label - p), curve = w * p * (1 - p);

        s->g_slope += miss * x;
        s->g_intercept += miss;
        s->h_slope += curve * x * x;
        s->h_cross += curve * x;
        s->h_intercept += curve;
    }
}

struct vg_calibration_line vg_calibration_line(const struct vg_case *cases, size_t n,
                                               const uint32_t *times)
{
    const struct vg_calibration_line none = { (double)NAN, (double)NAN };
    struct newton s = { .slope = 1 };

    for (int step = 0; step < 50; step++) {
        newton_gather(&s, cases, n, times);

        double det = s.h_slope * s.h_intercept - s.h_cross * s.h_cross;
        if (!(det > 1e-12 * s.h_slope * s.h_intercept))
            return none; /* one score, or labels that the scores part */

        double slope = (s.h_intercept * s.g_slope - s.h_cross * s.g_intercept) / det;
        double intercept = (s.h_slope * s.g_intercept - s.h_cross * s.g_slope) / det;
        /* A full step overshoots where the curve is flat; 4 logits at once is always enough. */
        double size = fmax(1, fmax(fabs(slope), fabs(intercept)) / 4);

        s.slope += slope / size;
        s.intercept += intercept / size;
        if (fabs(slope) + fabs(intercept) < 1e-10)
            return (struct vg_calibration_line){ s.slope, s.intercept };
    }
    return none;
}

struct vg_confusion vg_confusion_at(const struct vg_case *cases, size_t n, const uint32_t *times,
                                    float threshold)
{
    struct tally yes = { 0 }, no = { 0 };

    for (size_t i = 0; i < n; i++)
        tally_add(cases[i].score >= threshold ? &yes : &no, &cases[i], times);
    return (struct vg_confusion){
        .tp = yes.positive, .fp = yes.negative, .tn = no.negative, .fn = no.positive
    };
}

double vg_accuracy(const struct vg_confusion *c)
{
    return ratio(c->tp + c->tn, c->tp + c->fp + c->tn + c->fn);
}

double vg_precision(const struct vg_confusion *c)
{
    return ratio(c->tp, c->tp + c->fp);
}

double vg_recall(const struct vg_confusion *c)
{
    return ratio(c->tp, c->tp + c->fn);
}

double vg_f1(const struct vg_confusion *c)
{
    return ratio(2 * c->tp, 2 * c->tp + c->fp + c->fn);
}

/* ---- curves ---- */

static struct vg_curve_point curve_point(float threshold, const struct tally *seen,
                                         const struct tally *all)
{
    double predicted = seen->positive + seen->negative;

    return (struct vg_curve_point){
        .threshold = threshold,
        .tpr = seen->positive / all->positive,
        .fpr = seen->negative / all->negative,
        .precision = predicted > 0 ? seen->positive / predicted : 1,
    };
}

size_t vg_curve(const struct vg_case *cases, size_t n, struct vg_curve_point *points, size_t max)
{
    struct tally all = { 0 }, seen = { 0 };
    size_t written = 0;

    VG_CHECK(max >= 2);
    for (size_t i = 0; i < n; i++)
        tally_add(&all, &cases[i], NULL);
    if (all.positive <= 0 || all.negative <= 0)
        return 0;
    points[written++] = curve_point(INFINITY, &seen, &all);
    for (size_t at = 0; at < n;) {
        float threshold = cases[at].score;
        struct tally group = next_group(cases, n, NULL, &at);

        seen.positive += group.positive;
        seen.negative += group.negative;
        /* One point for each (max - 1)-th part of the ranks; the last group ends them all. */
        if (at * (max - 1) >= written * n)
            points[written++] = curve_point(threshold, &seen, &all);
    }
    return written;
}
