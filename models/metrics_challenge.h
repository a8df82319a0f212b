/* metrics_challenge.h - the scores of two public challenges, exactly as they were judged.
 *
 * Cases and `times` as in models/metrics.h.
 */
#ifndef VG_MODELS_METRICS_CHALLENGE_H
#define VG_MODELS_METRICS_CHALLENGE_H

#include "models/metrics.h"

/* ---- PhysioNet/CinC 2012: death in hospital (Silva 2012, CinC 39:245-248) ------------------ */

/** Event 1: the smaller of sensitivity and positive predictivity where risk >= threshold. */
double vg_score1(const struct vg_case *cases, size_t n, const uint32_t *times, float threshold);

/** The threshold among the scores at which event 1 is highest; the lowest such one. For the
 *  training side only. NAN where there is no positive case. */
float vg_score1_threshold(const struct vg_case *cases, size_t n);

enum { VG_RISK_GROUPS = 10 };

/**
 * Event 2: the range-normalised Hosmer-Lemeshow statistic, lower is better. With M = floor(N / 10)
 * cases in each of ten groups by ascending risk (what is over stays out: the highest risks, as in
 * the challenge's lemeshow.m 1.4), O_g deaths and p_g mean risk of group g:
 *
 *     H = sum_g (O_g - M p_g)^2 / (M p_g (1 - p_g) + 0.001) / (p_10 - p_1)
 *
 * NAN below ten cases or where all groups have the same risk.
 */
double vg_hosmer_lemeshow(const struct vg_case *cases, size_t n, const uint32_t *times);

/* ---- PhysioNet/CinC 2019: sepsis (Reyna 2020, doi 10.1097/CCM.0000000000004145) ------------- */

/**
 * Utility of one patient's hourly predictions by evaluate_sepsis_score.py. A patient is septic if
 * any label is 1, and then t_s = (first hour of label 1) + 6; with u = t - t_s, for u <= 3:
 *
 *     septic, predicted    u <= -6: max(u / 6 + 2, -0.05); else 1/3 - u / 9
 *     septic, not          u <= -6: 0;                     else -2/9 (u + 6)
 *     not septic           predicted -0.05, not 0
 *
 * and 0 for u > 3. label, predicted [T].
 */
double vg_sepsis_utility(const uint8_t *label, const uint8_t *predicted, size_t hours);

/** Sums of one patient towards the normalised utility, additive over patients. */
struct vg_sepsis_sums {
    double observed;
    double best; /**< predicted exactly on [max(0, t_s - 12), min(t_s + 3, T - 1)] if septic */
    double none; /**< never predicted */
};
struct vg_sepsis_sums vg_sepsis_sums(const uint8_t *label, const uint8_t *predicted, size_t hours);

/** (observed - none) / (best - none): 1 is perfect, 0 is never predicting. */
double vg_sepsis_normalised(const struct vg_sepsis_sums *sums);

/** The gain of predicting at hour t over not predicting: U(1, t) - U(0, t). What a cost-sensitive
 *  loss weighs. `onset_hour`: first hour of label 1, or -1 where never septic. */
double vg_sepsis_gain(int64_t onset_hour, int64_t t);

#endif
