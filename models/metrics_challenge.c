/* metrics_challenge.c - the scores of two public challenges. */
#include "models/metrics_challenge.h"

#include <math.h>
#include <string.h>

/* ---- 2012 ---- */

static double smaller(const struct vg_confusion *c)
{
    double se = vg_recall(c), p = vg_precision(c);

    if (isnan(se))
        return se;
    return isnan(p) ? 0 : fmin(se, p); /* nobody predicted: no sensitivity either */
}

double vg_score1(const struct vg_case *cases, size_t n, const uint32_t *times, float threshold)
{
    struct vg_confusion c = vg_confusion_at(cases, n, times, threshold);

    return smaller(&c);
}

float vg_score1_threshold(const struct vg_case *cases, size_t n)
{
    struct vg_confusion c = { 0 };
    float best_threshold = NAN;
    double best = 0;

    for (size_t i = 0; i < n; i++)
        c.fn += cases[i].label;
    for (size_t i = 0; i < n; i++) {
        c.tp += cases[i].label;
        c.fn -= cases[i].label;
        c.fp += !cases[i].label;
        if (i + 1 < n && cases[i + 1].score == cases[i].score)
            continue;
        if (smaller(&c) >= best && c.tp > 0) {
            best = smaller(&c);
            best_threshold = cases[i].score;
        }
    }
    return best_threshold;
}

/** One group that fills up with cases of ascending risk. */
struct group {
    double n, deaths, risk;
};

/** Adds up to `weight` of one case, as much as the group has room for; returns what is left. */
static double group_fill(struct group *g, double room, const struct vg_case *c, double weight)
{
    double w = fmin(weight, room - g->n);

    g->n += w;
    g->deaths += c->label ? w : 0;
    g->risk += w * (double)c->score;
    return weight - w;
}

double vg_hosmer_lemeshow(const struct vg_case *cases, size_t n, const uint32_t *times)
{
    struct group group[VG_RISK_GROUPS] = { 0 };
    double total = 0, sum = 0;
    int g = 0;

    for (size_t i = 0; i < n; i++)
        total += times ? times[cases[i].patient] : 1;

    double m = floor(total / VG_RISK_GROUPS);
    if (m < 1)
        return (double)NAN;
    for (size_t i = n; i-- > 0 && g < VG_RISK_GROUPS;) {
        double left = times ? times[cases[i].patient] : 1;

        while (left > 0 && g < VG_RISK_GROUPS) {
            left = group_fill(&group[g], m, &cases[i], left);
            g += group[g].n >= m;
        }
    }
    for (g = 0; g < VG_RISK_GROUPS; g++) {
        double p = group[g].risk / m, miss = group[g].deaths - group[g].risk;

        sum += miss * miss / (m * p * (1 - p) + 0.001);
    }

    double range = (group[VG_RISK_GROUPS - 1].risk - group[0].risk) / m;
    return range > 0 ? sum / range : (double)NAN;
}

/* ---- 2019 ---- */

enum { ONSET_AFTER_LABEL_H = 6, EARLY_H = -12, OPTIMAL_H = -6, LATE_H = 3 };

static double utility_at(int64_t onset_label, int64_t t, bool predicted)
{
    const double max_u_tp = 1, min_u_fn = -2, u_fp = -0.05;

    if (onset_label < 0)
        return predicted ? u_fp : 0;

    int64_t u = t - (onset_label + ONSET_AFTER_LABEL_H);
    if (u > LATE_H)
        return 0;
    if (u <= OPTIMAL_H) {
        double rise = max_u_tp * (double)(u - EARLY_H) / (OPTIMAL_H - EARLY_H);

        return predicted ? fmax(rise, u_fp) : 0;
    }
    if (predicted)
        return max_u_tp * (double)(LATE_H - u) / (LATE_H - OPTIMAL_H);
    return min_u_fn * (double)(u - OPTIMAL_H) / (LATE_H - OPTIMAL_H);
}

static int64_t first_label(const uint8_t *label, size_t hours)
{
    const uint8_t *at = hours > 0 ? memchr(label, 1, hours) : NULL;

    return at ? at - label : -1;
}

double vg_sepsis_utility(const uint8_t *label, const uint8_t *predicted, size_t hours)
{
    int64_t onset = first_label(label, hours);
    double sum = 0;

    for (size_t t = 0; t < hours; t++)
        sum += utility_at(onset, (int64_t)t, predicted[t] != 0);
    return sum;
}

struct vg_sepsis_sums vg_sepsis_sums(const uint8_t *label, const uint8_t *predicted, size_t hours)
{
    int64_t onset = first_label(label, hours);
    int64_t t_s = onset + ONSET_AFTER_LABEL_H;
    struct vg_sepsis_sums s = { 0 };

    for (size_t i = 0; i < hours; i++) {
        int64_t t = (int64_t)i;
        bool best = onset >= 0 && t >= t_s + EARLY_H && t <= t_s + LATE_H;

        s.observed += utility_at(onset, t, predicted[i] != 0);
        s.best += utility_at(onset, t, best);
        s.none += utility_at(onset, t, false);
    }
    return s;
}

double vg_sepsis_normalised(const struct vg_sepsis_sums *sums)
{
    double range = sums->best - sums->none;

    return range > 0 ? (sums->observed - sums->none) / range : (double)NAN;
}

double vg_sepsis_gain(int64_t onset_hour, int64_t t)
{
    return utility_at(onset_hour, t, true) - utility_at(onset_hour, t, false);
}
