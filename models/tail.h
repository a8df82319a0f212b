/* tail.h - what a score is worth: the probability that an unremarkable patient scores as high.
 *
 * Scores of different kinds cannot be compared, probabilities can. Above its threshold the tail of a
 * score is a generalised Pareto distribution (peaks over threshold; Siffer 2017, doi
 * 10.1145/3097983.3098144), fitted once on the scores of many unremarkable patients together: one
 * patient's own tail, from some hours, gives several false alerts a day.
 *
 * Probabilities are written as surprise, -log10 p: 3 is one tick in a thousand. Surprise keeps its
 * digits where p would be 0, and grows with how unusual something is.
 *
 * Functions of the live path use fused multiply-adds and vg_log1pf alone, so their bits are the same
 * everywhere; the fit uses models/elementary.h and runs in calibration.
 */
#ifndef VG_MODELS_TAIL_H
#define VG_MODELS_TAIL_H

#include "core/err.h"

/** In a model file: the four numbers, in this order, as a row of tensor "tail" [scores, 4]. */
struct vg_tail {
    float threshold; /**< t: what 1 - share of the scores do not pass */
    float shape;     /**< gamma; > 0: heavy, 0: exponential, < 0: ends at t - sigma / gamma */
    float scale;     /**< sigma > 0 */
    float share;     /**< N_t / n: how many of all scores pass t; in (0, 0.5) */
};

/** No surprise is greater: beyond it the fit is a guess about something never seen. */
static const float vg_surprise_max = 15.0f;

/** Surprise that speaks neither for nor against: p = 1/2. What lies below the threshold by much. */
static const float vg_surprise_none = 0.30103f;

/**
 * The surprise of a score: above t
 *     p = share (1 + gamma (score - t) / sigma)^(-1 / gamma),
 * below it a straight line in surprise from vg_surprise_none at 0 (scores are not negative).
 */
float vg_tail_surprise(const struct vg_tail *tail, float score);

/** The score whose surprise that is; not below the threshold. */
float vg_tail_score(const struct vg_tail *tail, float surprise);

/**
 * One surprise of several about the same moment, by the Cauchy combination (Liu and Xie 2020, doi
 * 10.1080/01621459.2018.1554485): cot(pi p) is the mean of cot(pi p_i). It holds whatever the
 * scores' dependence, and one that is sure is not outvoted: p is at most n times the least p_i. A
 * surprise below vg_surprise_none counts as that: a score that is calm does not speak against one
 * that is not. `n` may be 0: vg_surprise_none.
 */
float vg_surprise_merge(uint32_t n, const float *surprise);

/**
 * Fits the tail of `n` scores, which are sorted: t is their 1 - share quantile, gamma and sigma have
 * the greatest likelihood among the estimate by moments, Grimshaw's roots and the exponential. Fails
 * with VG_E_DATA when fewer than VG_TAIL_PEAKS_MIN scores pass t, or all that do are equal.
 */
VG_NODISCARD vg_status vg_tail_fit(struct vg_tail *tail, double *score, size_t n, double share,
                                   struct vg_err *err);
enum { VG_TAIL_PEAKS_MIN = 50 };

#endif
