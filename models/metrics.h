/* metrics.h - how good forecasts and risks are.
 *
 * Two families. Forecast errors are sums over observed targets, kept per patient so that a
 * bootstrap (models/bootstrap.h) can add patients up in any multiplicity. Metrics of a binary
 * outcome are taken from cases sorted by score once; `times` then says how often each patient
 * counts, so that a resample costs one pass and no sorting.
 *
 * Letters: N cases, P patients, Q quantiles.
 *
 * A metric that does not exist for its input (AUROC of one class, an error of no target) is NAN.
 * Nothing here allocates except where it says so; no threads, no state.
 */
#ifndef VG_MODELS_METRICS_H
#define VG_MODELS_METRICS_H

#include "core/base.h"
#include "core/model.h"

/* ---- forecasts ---------------------------------------------------------------------------- */

/** Sums over the observed targets of one cell (channel x horizon), in double. */
struct vg_forecast_sums {
    double n;        /**< observed targets */
    double absolute; /**< sum |y - median| */
    double square;   /**< sum (y - median)^2 */
    double pinball;  /**< sum over targets of the mean over the quantiles */
    double covered;  /**< targets within [lowest, highest] quantile, both ends included */
    double width;    /**< sum of highest - lowest */
};

/**
 * Adds one forecast. Nothing is added where `observed` is false: a missing target is no error.
 *
 *   forecast  [Q] in channel units, ascending
 *   quantile  [Q] ascending within (0, 1); the one nearest .5 is the median
 *
 * Pinball loss of quantile q with e = y - forecast: max(q e, (q - 1) e) (Koenker and Bassett 1978).
 */
void vg_forecast_sums_add(struct vg_forecast_sums *s, const float *forecast, const float *quantile,
                          uint32_t quantiles, float y, bool observed);

/** s += times * other. */
void vg_forecast_sums_merge(struct vg_forecast_sums *s, const struct vg_forecast_sums *other,
                            double times);

double vg_forecast_mae(const struct vg_forecast_sums *s);
double vg_forecast_rmse(const struct vg_forecast_sums *s);
double vg_forecast_pinball(const struct vg_forecast_sums *s);
double vg_forecast_coverage(const struct vg_forecast_sums *s); /**< 0..1 */
double vg_forecast_width(const struct vg_forecast_sums *s);

/* ---- binary outcomes ---------------------------------------------------------------------- */

/** One case: a stay, an hour, a tick. */
struct vg_case {
    float score;      /**< larger is more likely; a probability where a metric says so */
    bool label;       /**< it happened */
    uint32_t patient; /**< index into `times` */
};

/** Sorts by score, highest first; equal scores by patient, then label: the order is the same
 *  whatever order they came in. A metric below takes cases in this order. */
void vg_cases_sort(struct vg_case *cases, size_t n);

/* In all of these: `cases` [N] sorted; `times` [P] how often each patient counts, NULL: once. */

/** Area under the receiver operating characteristic; ties count half (Mann-Whitney; the same as
 *  piecewise linear over unique thresholds). */
double vg_auroc(const struct vg_case *cases, size_t n, const uint32_t *times);

/** Area under precision and recall by steps: sum of (recall_k - recall_{k-1}) precision_k over
 *  unique thresholds (average precision; what PhysioNet 2019 calls AUPRC). */
double vg_auprc(const struct vg_case *cases, size_t n, const uint32_t *times);

/** Mean of (score - label)^2; scores are probabilities. */
double vg_brier(const struct vg_case *cases, size_t n, const uint32_t *times);

enum { VG_CALIBRATION_BINS = 10 };

/** One bin of a calibration curve. */
struct vg_calibration_bin {
    double n;         /**< cases in it */
    double predicted; /**< mean score; NAN if empty */
    double observed;  /**< share of positive labels; NAN if empty */
};

/** Bins of equal mass (N / 10 each up to rounding; equal scores may part), the lowest risk first. */
void vg_calibration_curve(const struct vg_case *cases, size_t n, const uint32_t *times,
                          struct vg_calibration_bin bins[VG_CALIBRATION_BINS]);

/** Expected calibration error over these bins: sum of n_b / N |predicted_b - observed_b|. */
double vg_ece(const struct vg_case *cases, size_t n, const uint32_t *times);

/** Logistic regression of the label on logit(score), scores clipped to [1e-7, 1 - 1e-7]: slope 1
 *  and intercept 0 are perfect; slope below 1 is overconfident (Cox 1958; Van Calster 2019,
 *  doi 10.1186/s12916-019-1466-7). Newton's method; both NAN where the labels are of one class or
 *  the scores separate them. */
struct vg_calibration_line {
    double slope, intercept;
};
struct vg_calibration_line vg_calibration_line(const struct vg_case *cases, size_t n,
                                               const uint32_t *times);

/** Counts at a threshold: predicted positive where score >= threshold. */
struct vg_confusion {
    double tp, fp, tn, fn;
};
struct vg_confusion vg_confusion_at(const struct vg_case *cases, size_t n, const uint32_t *times,
                                    float threshold);

double vg_accuracy(const struct vg_confusion *c);
double vg_precision(const struct vg_confusion *c); /**< +P: tp / (tp + fp) */
double vg_recall(const struct vg_confusion *c);    /**< Se: tp / (tp + fn) */
double vg_f1(const struct vg_confusion *c);        /**< 2 tp / (2 tp + fp + fn) */

/** One point of the ROC and precision-recall curves. */
struct vg_curve_point {
    float threshold;
    double tpr, fpr;  /**< recall, 1 - specificity */
    double precision; /**< 1 at the first point, where nothing is predicted */
};

/** The curve at unique thresholds, thinned to at most `max` points (2 or more, evenly over the
 *  ranks, both ends kept). Returns how many were written; 0 where the labels are of one class. */
size_t vg_curve(const struct vg_case *cases, size_t n, struct vg_curve_point *points, size_t max);

#endif
