/* bootstrap.h - how sure a figure is, by drawing patients again.
 *
 * Hours of one patient resemble each other, so patients are drawn, never hours. The random numbers
 * are counted, not kept: draw d of replicate r is a hash of (seed, r, d), so the intervals are the
 * same bits for every run, machine and order of replicates.
 */
#ifndef VG_MODELS_BOOTSTRAP_H
#define VG_MODELS_BOOTSTRAP_H

#include "core/base.h"
#include "core/err.h"

enum { VG_BOOTSTRAP_REPLICATES = 1000 };

/** A value with its 95 % interval; low and high are NAN where fewer than half of the replicates
 *  have the figure at all. */
struct vg_interval {
    double value, low, high;
};

/**
 * Writes figures[0..count-1] of the patients taken `times` [P] times each; NAN where one does not
 * exist for them. NULL: each patient once.
 */
typedef void vg_statistic(void *context, const uint32_t *times, double *figures);

/**
 * Calls `statistic` once with NULL for the values, then once per replicate, and takes the 2.5 % and
 * 97.5 % points of each figure over the replicates (linear between order statistics).
 *
 *   ret [count]
 *
 * Fails only for want of memory (VG_E_MEMORY).
 */
VG_NODISCARD vg_status vg_bootstrap(uint32_t patients, uint32_t replicates, uint64_t seed,
                                    vg_statistic *statistic, void *context, uint32_t count,
                                    struct vg_interval *ret, struct vg_err *err);

/** k of n independent cases, with the 95 % interval of Wilson (J. Am. Stat. Assoc. 22, 1927, 209),
 *  which stays within 0..1 and is right at the ends too. NAN where n is 0. */
struct vg_interval vg_interval_share(double k, double n);

/** Fills times [P] for replicate r: P draws with replacement. */
void vg_bootstrap_draw(uint64_t seed, uint32_t replicate, uint32_t patients, uint32_t *times);

#endif
