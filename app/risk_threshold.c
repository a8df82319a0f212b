/* risk_threshold.c - the probability from which on an alarm does most good. */
#include <math.h>
#include <stdlib.h>

#include "app/risk_cross.h"
#include "core/alloc.h"
#include "models/metrics_challenge.h"

enum { TRIED = 200 };

static size_t gather(const struct vg_risk_study *s, const bool *part, const float *probability,
                     struct vg_case *cases)
{
    size_t n = 0;

    for (size_t i = 0; i < s->cases.n; i++) {
        const struct vg_risk_case *c = &s->cases.list[i];

        if (part[c->stay])
            cases[n++] = (struct vg_case){ probability[i], c->label, c->stay };
    }
    vg_cases_sort(cases, n);
    return n;
}

static double utility(const struct vg_risk_study *s, const bool *part, const float *probability,
                      float threshold)
{
    struct vg_sepsis_sums sums = { 0 };
    uint8_t alarm[VG_RISK_HOURS_MAX];

    for (uint32_t i = 0; i < s->data->stays; i++) {
        const struct vg_risk_stay *stay = &s->data->stay[i];
        struct vg_sepsis_sums one;

        if (!part[i])
            continue;
        for (uint32_t t = 0; t < stay->hours; t++)
            alarm[t] = probability[s->cases.first[i] + t] >= threshold;
        one = vg_sepsis_sums(s->data->label + stay->first_label, alarm, stay->hours);
        sums.observed += one.observed;
        sums.best += one.best;
        sums.none += one.none;
    }
    return vg_sepsis_normalised(&sums);
}

/* Probabilities at even ranks, and one above all of them: no alarm at all. */
static float best_utility(const struct vg_risk_study *s, const bool *part, const float *probability,
                          const struct vg_case *cases, size_t n)
{
    float threshold = 2.0f;
    double best = 0.0;

    for (size_t i = 0; i < TRIED; i++) {
        float tried = cases[i * (n - 1) / (TRIED - 1)].score;
        double now = utility(s, part, probability, tried);

        if (now > best) {
            best = now;
            threshold = tried;
        }
    }
    return threshold;
}

float vg_risk_threshold(const struct vg_risk_study *s, const bool *part, const float *probability)
{
    struct vg_case *cases = vg_zeros(s->cases.n, sizeof *cases);
    size_t n = gather(s, part, probability, cases);
    float threshold = 2.0f;

    if (n && s->data->hourly)
        threshold = best_utility(s, part, probability, cases, n);
    else if (n)
        threshold = vg_score1_threshold(cases, n);
    free(cases);
    return isnan(threshold) ? 2.0f : threshold;
}
