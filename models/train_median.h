/* train_median.h - linear regression for the median.
 *
 * A ridge regression answers with a mean. Where errors are skewed (SpO2 under its ceiling of 100 %)
 * the mean is further from most values than the last value was, and every model that builds on it
 * inherits that. The least absolute deviations are at the median:
 *
 *     min over w, b of sum |w x + b - target| + penalty |w - start|^2
 *
 * by iteratively reweighted least squares with weights 1 / max(|residual|, floor) (Schlossmacher
 * 1973, doi 10.1080/01621459.1973.10481428). Fixed rounds and fixed order: equal rows give equal
 * bits wherever the matrix products do (models/gemm.h).
 */
#ifndef VG_MODELS_TRAIN_MEDIAN_H
#define VG_MODELS_TRAIN_MEDIAN_H

#include "core/err.h"

struct vg_median_rows {
    size_t rows;         /**< N */
    uint32_t inputs;     /**< K */
    uint32_t outputs;    /**< O */
    const float *x;      /**< [N, K] */
    const float *target; /**< [N, O] */
    const float *mask;   /**< [N, O] 1 observed, 0 not */
};

struct vg_median_fit {
    double penalty;  /**< of the squared distance from the start, per unit of weight */
    double floor;    /**< residuals below it weigh alike; in units of the target */
    uint32_t rounds; /**< solutions of the weighted equations; the first is plain least squares */
};

/** Penalty 30, floor 0.03, 12 rounds: right for standard deviations and some 10,000 rows. */
struct vg_median_fit vg_median_fit_default(void);

/**
 * Fits each output on the rows where it was observed.
 *
 *   weight  [O, K] in: the start, to which the penalty draws; out: the solution
 *   bias    [O]    out
 *
 * An output without any row keeps its start, with bias 0. Fails with VG_E_FAILED when a system is
 * singular (a greater penalty helps), VG_E_MEMORY.
 */
VG_NODISCARD vg_status vg_median_solve(const struct vg_median_rows *rows,
                                       const struct vg_median_fit *fit, float *weight, float *bias,
                                       struct vg_err *err);

#endif
