/* tail.h - what a score is worth: how likely an unremarkable patient reaches it.
 *
 * Scores of different kinds cannot be compared, probabilities can. Above its threshold the tail of a
 * score is a generalised Pareto distribution (peaks over threshold; Siffer 2017, doi
 * 10.1145/3097983.3098144), fitted once on the scores of many unremarkable patients together: one
 * patient's own tail, from some hours, gives several false alerts a day.
 *
 * Scores stay high for a while, each kind for another while, and what costs attention is how often
 * one gets high. So the peaks are greatest scores of runs that are half an hour apart, and the
 * probability is that of half an hour: 0.01 is what an unremarkable patient reaches every other day,
 * by whatever score. It is written as surprise, -log10 p, which keeps its digits where p would be 0.
 *
 * Nothing here depends on the processor (models/kernel.h, models/elementary.h).
 */
#ifndef VG_MODELS_TAIL_H
#define VG_MODELS_TAIL_H

#include "core/err.h"

/** The run of scores above the threshold is over when none was for this long. */
#define VG_TAIL_RUN_NS (1800 * VG_NS_PER_S)

/** No surprise is greater: beyond it the fit is a guess about what was never seen. */
#define VG_SURPRISE_MAX 15.0f
/** Neither for nor against: p = 1/2. */
#define VG_SURPRISE_NONE 0.30103f

/** In a model file: the four numbers, in this order, as a row of a tensor. */
struct vg_tail {
    float threshold; /**< t > 0 */
    float shape;     /**< gamma; > 0: heavy, 0: exponential, < 0: ends at t - sigma / gamma */
    float scale;     /**< sigma > 0 */
    float share;     /**< of half hours in which a run above t begins; in (0, 0.5] */
};

/** Whether the four numbers are a tail. */
bool vg_tail_sound(const struct vg_tail *tail);

/**
 * The surprise of a score >= 0: above t
 *     p = share (1 + gamma (score - t) / sigma)^(-1 / gamma),
 * below it a straight line in surprise from VG_SURPRISE_NONE at 0. At most VG_SURPRISE_MAX. A score
 * that is no number, as a model's that has failed, has a surprise that is none: what cannot be told
 * must not look calm, nor like an alert.
 */
float vg_tail_surprise(const struct vg_tail *tail, float score);

/**
 * One surprise of several about the same moment, by the Cauchy combination (Liu and Xie 2020, doi
 * 10.1080/01621459.2018.1554485): cot(pi p) is the mean of cot(pi p_i). It holds however the scores
 * hang together, and one that is sure is not outvoted: p is at most n times the least p_i. Less
 * than VG_SURPRISE_NONE counts as that: a calm score does not speak against one that is not. `n` may
 * be 0: VG_SURPRISE_NONE. NaN when one of them is.
 */
float vg_surprise_merge(uint32_t n, const float *surprise);

enum { VG_TAIL_PEAKS_MIN = 30 };

/**
 * Fits a tail to the greatest scores of `peaks` runs, all above `threshold`, seen in `halves` half
 * hours: gamma and sigma have the greatest likelihood, by Grimshaw's profile of it (1993, doi
 * 10.1080/00401706.1993.10485040); the estimate by moments and the exponential distribution are
 * what else is tried. Fails with VG_E_FAILED, saying how much more is needed, when there are fewer
 * than VG_TAIL_PEAKS_MIN peaks or they are all equal.
 */
VG_NODISCARD vg_status vg_tail_fit(struct vg_tail *tail, double threshold, const double *peak,
                                   size_t peaks, double halves, struct vg_err *err);

#endif
