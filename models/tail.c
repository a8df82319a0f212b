/* tail.c - generalised Pareto tails: their fit, their probabilities, and several as one. */
#include "models/tail.h"

#include <math.h>

#include "models/elementary.h"
#include "models/kernel.h"

static const float ln10f = 2.30258509f;
static const double ln10 = 2.302585092994045684, pi = 3.14159265358979323846;

/* Where the shape is as good as 0 the general formula divides one rounding error by another. */
static const float flat = 1e-4f;

bool vg_tail_sound(const struct vg_tail *tail)
{
    return tail->threshold > 0.0f && tail->scale > 0.0f && tail->share > 0.0f &&
           tail->share <= 0.5f && isfinite(tail->threshold) && isfinite(tail->scale) &&
           fabsf(tail->shape) <= 4.0f;
}

/* ---- surprise ---- */

/* log(1 + x) for x > -1; vg_log1pf() is for x >= 0. */
static float log1p_signed(float x)
{
    return x >= 0.0f ? vg_log1pf(x) : -vg_log1pf(-x / (1.0f + x));
}

/* -ln of how many of those that pass t pass t + y. */
static float beyond(const struct vg_tail *tail, float y)
{
    float x = tail->shape * y / tail->scale;

    if (fabsf(tail->shape) < flat)
        return y / tail->scale;
    if (x <= -1.0f)
        return VG_SURPRISE_MAX * ln10f; /* behind the end of the tail */
    return log1p_signed(x) / tail->shape;
}

float vg_tail_surprise(const struct vg_tail *tail, float score)
{
    float at_threshold = vg_log1pf(1.0f / tail->share - 1.0f) / ln10f, surprise;

    if (!(score > 0.0f))
        return isnan(score) ? score : VG_SURPRISE_NONE;
    if (score <= tail->threshold)
        return VG_SURPRISE_NONE + (at_threshold - VG_SURPRISE_NONE) * score / tail->threshold;
    surprise = at_threshold + beyond(tail, score - tail->threshold) / ln10f;
    return surprise < VG_SURPRISE_MAX ? surprise : VG_SURPRISE_MAX;
}

float vg_surprise_merge(uint32_t n, const float *surprise)
{
    double sum = 0, merged;
    bool calm = true;

    for (uint32_t i = 0; i < n; i++) {
        if (isnan(surprise[i]))
            return surprise[i];
        calm &= surprise[i] <= VG_SURPRISE_NONE;
        if (surprise[i] > VG_SURPRISE_NONE)
            sum += 1 / vg_tan(pi * vg_exp(-ln10 * (double)surprise[i]));
    }
    if (calm)
        return VG_SURPRISE_NONE;
    merged = -vg_ln(vg_atan((double)n / sum) / pi) / ln10;
    if (merged < (double)VG_SURPRISE_NONE)
        return VG_SURPRISE_NONE;
    return merged < (double)VG_SURPRISE_MAX ? (float)merged : VG_SURPRISE_MAX;
}

/* ---- the fit ---- */

/* What is above the threshold, Y = score - t. */
struct peaks {
    const double *score;
    size_t n;
    double threshold;
    double mean, variance, smallest, largest; /* of Y */
};

struct pareto {
    double shape, scale;
    double likelihood; /* logarithm, per peak */
};

static void summarise(struct peaks *p)
{
    double sum = 0, squares = 0;

    p->smallest = (double)INFINITY;
    p->largest = 0;
    for (size_t i = 0; i < p->n; i++) {
        double y = p->score[i] - p->threshold;

        sum += y;
        p->smallest = y < p->smallest ? y : p->smallest;
        p->largest = y > p->largest ? y : p->largest;
    }
    p->mean = sum / (double)p->n;
    for (size_t i = 0; i < p->n; i++) {
        double away = p->score[i] - p->threshold - p->mean;

        squares += away * away;
    }
    p->variance = squares / (double)p->n;
}

/* Mean of ln(1 + x Y); -inf where a peak lies behind the end of the tail. */
static double mean_log(const struct peaks *p, double x)
{
    double sum = 0;

    if (1 + x * p->largest <= 0)
        return -(double)INFINITY;
    for (size_t i = 0; i < p->n; i++)
        sum += vg_log1p(x * (p->score[i] - p->threshold));
    return sum / (double)p->n;
}

/* Along the profile of the likelihood x = gamma / sigma decides everything: gamma is the mean of
 * ln(1 + x Y). Its stationary points are Grimshaw's roots. */
static struct pareto profile(const struct peaks *p, double x)
{
    struct pareto fit = { .shape = mean_log(p, x), .likelihood = -(double)INFINITY };

    fit.scale = fit.shape / x;
    if (fit.scale > 0 && isfinite(fit.scale))
        fit.likelihood = -vg_ln(fit.scale) - fit.shape - 1;
    return fit;
}

static struct pareto judged(const struct peaks *p, double shape, double scale)
{
    struct pareto fit = { .shape = shape, .scale = scale, .likelihood = -(double)INFINITY };

    if (shape == 0)
        fit.likelihood = -vg_ln(scale) - p->mean / scale;
    else
        fit.likelihood = -vg_ln(scale) - (1 + 1 / shape) * mean_log(p, shape / scale);
    return fit;
}

static struct pareto better(struct pareto a, struct pareto b)
{
    return b.likelihood > a.likelihood ? b : a;
}

/* The best of the profile between two points with one maximum between them: golden section. */
static struct pareto climb(const struct peaks *p, double low, double high)
{
    static const double golden = 0.6180339887498949;

    for (int i = 0; i < 60; i++) {
        double a = high - golden * (high - low), b = low + golden * (high - low);

        if (profile(p, a).likelihood > profile(p, b).likelihood)
            high = b;
        else
            low = a;
    }
    return profile(p, (low + high) / 2);
}

/* The best of the profile over a range that does not contain 0; steps grow by a factor, since what
 * matters near 0 is the order of magnitude. */
static struct pareto search(const struct peaks *p, double from, double to)
{
    enum { STEPS = 64 };
    const double factor = vg_exp(vg_ln(to / from) / STEPS);
    double x = from, best_x = from;
    struct pareto best = profile(p, from), at_best;

    for (int i = 1; i <= STEPS; i++) {
        struct pareto here = profile(p, x *= factor);

        if (here.likelihood > best.likelihood) {
            best = here;
            best_x = x;
        }
    }
    at_best = best_x > 0 ? climb(p, best_x / factor, best_x * factor)
                         : climb(p, best_x * factor, best_x / factor);
    return better(best, at_best);
}

static struct pareto by_moments(const struct peaks *p)
{
    double ratio = p->mean * p->mean / p->variance;

    return judged(p, (1 - ratio) / 2, p->mean * (1 + ratio) / 2);
}

vg_status vg_tail_fit(struct vg_tail *tail, double threshold, const double *peak, size_t peaks,
                      double halves, struct vg_err *err)
{
    struct peaks p = { .score = peak, .n = peaks, .threshold = threshold };
    struct pareto fit;

    if (peaks < VG_TAIL_PEAKS_MIN)
        return vg_fail(err, VG_E_FAILED,
                       "only %zu runs of scores pass %.4g in %.0f hours; a tail needs at least %d: "
                       "calibrate on more patients or longer",
                       peaks, threshold, halves / 2, VG_TAIL_PEAKS_MIN);
    summarise(&p);
    if (!(p.variance > 0) || !(p.smallest > 0))
        return vg_fail(err, VG_E_FAILED,
                       "all %zu scores that pass %.4g are equal, or not above it: nothing can be "
                       "said of greater ones",
                       peaks, threshold);
    fit = better(judged(&p, 0, p.mean), by_moments(&p));
    fit = better(fit, search(&p, -1e-3 / p.largest, -(1 - 1e-9) / p.largest));
    fit = better(fit, search(&p, 1e-3 / p.mean, 1e3 / p.mean));
    *tail = (struct vg_tail){
        .threshold = (float)threshold,
        .shape = (float)fit.shape,
        .scale = (float)fit.scale,
        .share = (float)((double)peaks / halves),
    };
    if (tail->share > 0.5f)
        tail->share = 0.5f;
    if (!vg_tail_sound(tail))
        return vg_fail(
            err, VG_E_FAILED,
            "the tail of the scores is no distribution (shape %.3g, scale %.3g): look at "
            "what they were calibrated on",
            fit.shape, fit.scale);
    return VG_OK;
}
