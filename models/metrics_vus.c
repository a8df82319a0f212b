/* metrics_vus.c - volume under the precision-recall surface of an anomaly score.
 *
 * A resample of patients must not scan their ticks again: what each patient adds at each threshold
 * and buffer is counted once. A tick belongs to the bin of the highest threshold that predicts it;
 * running sums over the bins then say what is predicted at each threshold.
 */
#include "models/metrics_vus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { K = VG_VUS_THRESHOLDS };

struct vg_vus {
    uint32_t patients; /* P */
    uint32_t buffers;  /* L: longest + 1 */
    float *predicted;  /* [P, K] ticks */
    float *hard;       /* [P, K] labelled ticks of them */
    float *ramp;       /* [P, L, K] soft labels of predicted ticks outside the events */
    float *found;      /* [P, L, K] events of which a tick is predicted */
    float *hard_total; /* [P] */
    float *events;     /* [P, L] */
};

/* ---- thresholds ---- */

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x < y) - (x > y);
}

static bool judged(const struct vg_vus_series *s, uint32_t t)
{
    return !s->judged || s->judged[t];
}

/** K quantiles of the pooled scores, highest first; false for want of memory. */
static bool find_thresholds(const struct vg_vus_series *series, size_t n, float threshold[K])
{
    size_t ticks = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        ticks += series[i].ticks;

    float *score = malloc((ticks + 1) * sizeof *score);
    if (!score)
        return false;
    for (size_t i = 0; i < n; i++)
        for (uint32_t t = 0; t < series[i].ticks; t++)
            if (judged(&series[i], t))
                score[at++] = series[i].score[t];
    if (at > 1)
        qsort(score, at, sizeof *score, descending);
    for (size_t k = 0; k < K; k++)
        threshold[k] = at > 0 ? score[k * (at - 1) / (K - 1)] : 0;
    free(score);
    return true;
}

/** The first threshold that `score` reaches; each score reaches the last. */
static uint32_t bin_of(const float threshold[K], float score)
{
    uint32_t low = 0, high = K - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (score >= threshold[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- one series ---- */

/** Room for one series: bins and soft labels [T]. */
struct scan {
    uint32_t *bin;
    float *soft;
};

static void raise(float *soft, double to)
{
    if ((float)to > *soft)
        *soft = (float)to;
}

/** Soft labels of the buffer of `l` ticks around the events. */
static void soften(const struct vg_vus_series *s, uint32_t l, float *soft)
{
    uint32_t reach = l / 2;

    for (uint32_t t = 0; t < s->ticks; t++)
        soft[t] = s->label[t] ? 1 : 0;
    for (uint32_t t = 0; t < s->ticks; t++) {
        bool starts = s->label[t] && (t == 0 || !s->label[t - 1]);
        bool ends = s->label[t] && (t + 1 == s->ticks || !s->label[t + 1]);

        for (uint32_t d = 1; d <= reach; d++) {
            double to = sqrt(1 - (double)d / l);

            if (starts && d <= t)
                raise(&soft[t - d], to);
            if (ends && t + d < s->ticks)
                raise(&soft[t + d], to);
        }
    }
}

static void count_buffer(struct vg_vus *v, const struct vg_vus_series *s, uint32_t l,
                         const struct scan *scan)
{
    size_t at = (size_t)s->patient * v->buffers + l;
    float *ramp = v->ramp + at * K, *found = v->found + at * K;
    uint32_t highest = K; /* of the current event; K: none judged so far */

    soften(s, l, scan->soft);
    for (uint32_t t = 0; t <= s->ticks; t++) {
        bool within = t < s->ticks && scan->soft[t] > 0;

        if (!within && highest < K) {
            found[highest] += 1;
            v->events[at] += 1;
            highest = K;
        }
        if (!within || !judged(s, t))
            continue;
        if (scan->bin[t] < highest)
            highest = scan->bin[t];
        if (!s->label[t])
            ramp[scan->bin[t]] += scan->soft[t];
    }
}

static void count_series(struct vg_vus *v, const struct vg_vus_series *s, const float threshold[K],
                         const struct scan *scan)
{
    float *predicted = v->predicted + (size_t)s->patient * K;
    float *hard = v->hard + (size_t)s->patient * K;

    for (uint32_t t = 0; t < s->ticks; t++) {
        if (!judged(s, t))
            continue;
        scan->bin[t] = bin_of(threshold, s->score[t]);
        predicted[scan->bin[t]] += 1;
        hard[scan->bin[t]] += s->label[t] ? 1 : 0;
        v->hard_total[s->patient] += s->label[t] ? 1 : 0;
    }
    for (uint32_t l = 0; l < v->buffers; l++)
        count_buffer(v, s, l, scan);
}

/** From "first predicted at k" to "predicted at k": sums over each run of K. */
static void accumulate(float *counts, size_t runs)
{
    for (size_t r = 0; r < runs; r++)
        for (size_t k = 1; k < K; k++)
            counts[r * K + k] += counts[r * K + k - 1];
}

struct vg_vus *vg_vus_new(const struct vg_vus_series *series, size_t n, uint32_t patients,
                          uint32_t longest)
{
    struct vg_vus *v = calloc(1, sizeof *v);
    struct scan scan = { 0 };
    float threshold[K];
    uint32_t ticks = 0;

    VG_CHECK(longest <= VG_VUS_BUFFER_MAX);
    if (!v)
        return NULL;
    for (size_t i = 0; i < n; i++)
        ticks = series[i].ticks > ticks ? series[i].ticks : ticks;

    size_t p = (size_t)patients + 1; /* never an allocation of nothing */
    v->patients = patients;
    v->buffers = longest + 1;
    v->predicted = calloc(p * K, sizeof(float));
    v->hard = calloc(p * K, sizeof(float));
    v->ramp = calloc(p * v->buffers * K, sizeof(float));
    v->found = calloc(p * v->buffers * K, sizeof(float));
    v->hard_total = calloc(p, sizeof(float));
    v->events = calloc(p * v->buffers, sizeof(float));
    scan.bin = calloc((size_t)ticks + 1, sizeof *scan.bin);
    scan.soft = calloc((size_t)ticks + 1, sizeof *scan.soft);

    bool room = v->predicted && v->hard && v->ramp && v->found && v->hard_total && v->events &&
                scan.bin && scan.soft && find_thresholds(series, n, threshold);
    if (room) {
        for (size_t i = 0; i < n; i++)
            count_series(v, &series[i], threshold, &scan);
        accumulate(v->predicted, patients);
        accumulate(v->hard, patients);
        accumulate(v->ramp, (size_t)patients * v->buffers);
        accumulate(v->found, (size_t)patients * v->buffers);
    }
    free(scan.bin);
    free(scan.soft);
    if (room)
        return v;
    vg_vus_free(v);
    return NULL;
}

void vg_vus_free(struct vg_vus *v)
{
    if (!v)
        return;
    free(v->predicted);
    free(v->hard);
    free(v->ramp);
    free(v->found);
    free(v->hard_total);
    free(v->events);
    free(v);
}

/* ---- areas ---- */

/** What all patients together say at each threshold. */
struct pooled {
    double predicted[K], hard[K], ramp[K], found[K];
    double hard_total, events;
};

static void add_times(double sum[K], const float *counts, double times)
{
    for (size_t k = 0; k < K; k++)
        sum[k] += times * (double)counts[k];
}

static void pool_ticks(const struct vg_vus *v, const uint32_t *times, struct pooled *sum)
{
    memset(sum, 0, sizeof *sum);
    for (uint32_t p = 0; p < v->patients; p++) {
        double w = times ? times[p] : 1;

        if (w <= 0)
            continue;
        add_times(sum->predicted, v->predicted + (size_t)p * K, w);
        add_times(sum->hard, v->hard + (size_t)p * K, w);
        sum->hard_total += w * (double)v->hard_total[p];
    }
}

static void pool_buffer(const struct vg_vus *v, const uint32_t *times, uint32_t l,
                        struct pooled *sum)
{
    memset(sum->ramp, 0, sizeof sum->ramp);
    memset(sum->found, 0, sizeof sum->found);
    sum->events = 0;
    for (uint32_t p = 0; p < v->patients; p++) {
        double w = times ? times[p] : 1;
        size_t at = (size_t)p * v->buffers + l;

        if (w <= 0 || v->events[at] <= 0)
            continue; /* most patients have no event: their ramps are zeros */
        add_times(sum->ramp, v->ramp + at * K, w);
        add_times(sum->found, v->found + at * K, w);
        sum->events += w * (double)v->events[at];
    }
}

static bool has_events(const struct pooled *sum)
{
    return sum->hard_total > 0 && sum->events > 0;
}

/** At threshold k; false where nothing is predicted. */
static bool point_at(const struct pooled *sum, size_t k, struct vg_vus_point *ret)
{
    double tp = sum->hard[k] + sum->ramp[k];
    double recall = fmin(1, tp / (sum->hard_total + sum->ramp[k] / 2));

    if (sum->predicted[k] <= 0)
        return false;
    *ret = (struct vg_vus_point){ .recall = recall * (sum->found[k] / sum->events),
                                  .precision = tp / sum->predicted[k] };
    return true;
}

static double area(const struct pooled *sum)
{
    struct vg_vus_point point;
    double area = 0, before = 0;

    if (!has_events(sum))
        return (double)NAN;
    for (size_t k = 0; k < K; k++) {
        if (!point_at(sum, k, &point))
            continue;
        area += (point.recall - before) * point.precision;
        before = point.recall;
    }
    return area;
}

size_t vg_vus_curve(const struct vg_vus *v, uint32_t buffer, struct vg_vus_point *ret)
{
    struct pooled sum;
    size_t n = 0;

    VG_CHECK(buffer < v->buffers);
    pool_ticks(v, NULL, &sum);
    pool_buffer(v, NULL, buffer, &sum);
    for (size_t k = 0; has_events(&sum) && k < K; k++)
        n += point_at(&sum, k, &ret[n]);
    return n;
}

double vg_vus_pr_at(const struct vg_vus *v, const uint32_t *times, uint32_t buffer)
{
    struct pooled sum;

    VG_CHECK(buffer < v->buffers);
    pool_ticks(v, times, &sum);
    pool_buffer(v, times, buffer, &sum);
    return area(&sum);
}

double vg_vus_pr(const struct vg_vus *v, const uint32_t *times)
{
    struct pooled sum;
    double mean = 0;

    pool_ticks(v, times, &sum);
    for (uint32_t l = 0; l < v->buffers; l++) {
        pool_buffer(v, times, l, &sum);
        mean += area(&sum) / v->buffers;
    }
    return mean;
}
