/* metrics_vus.h - volume under the precision-recall surface of an anomaly score.
 *
 * VUS-PR (Paparrizos et al., VLDB 2022, doi 10.14778/3551793.3551830): a tick score is not judged
 * by the exact tick. Around each labelled event of ticks [s, e] lies a buffer of l / 2 ticks on
 * each side, with the soft label
 *
 *     label(i) = sqrt(1 - |s - i| / l) before s, sqrt(1 - |i - e| / l) after e, at most 1
 *
 * (larger one where two buffers meet). At each threshold, over all ticks of all series, with
 * `hard` the labelled ticks, TP the sum of soft labels of predicted ticks:
 *
 *     precision = TP / predicted
 *     recall    = min(1, TP / (hard + half the predicted soft labels outside the events))
 *                 * share of events of which at least one tick or buffer tick is predicted
 *
 * The area is the sum of (recall_k - recall_{k-1}) precision_k; VUS-PR is its mean over
 * l = 0 .. the longest. Thresholds are quantiles of the pooled scores (250, as the authors do).
 */
#ifndef VG_MODELS_METRICS_VUS_H
#define VG_MODELS_METRICS_VUS_H

#include "core/base.h"

enum { VG_VUS_THRESHOLDS = 250, VG_VUS_BUFFER_MAX = 64 };

/** One series of equally spaced ticks. */
struct vg_vus_series {
    uint32_t patient;      /**< index into `times` */
    uint32_t ticks;        /**< T */
    const float *score;    /**< [T] larger is stranger */
    const uint8_t *label;  /**< [T] 1 within an event */
    const uint8_t *judged; /**< [T] 0: left out altogether (no score there); NULL: all are judged */
};

/** What the series say at each threshold, per patient. Owned by the caller, freed by _free. */
struct vg_vus;

/** Scans the series for buffers 0 .. `longest` ticks (at most VG_VUS_BUFFER_MAX). Allocates about
 *  250 (2 + 2 longest) floats per patient. */
VG_NODISCARD struct vg_vus *vg_vus_new(const struct vg_vus_series *series, size_t n,
                                       uint32_t patients, uint32_t longest);
void vg_vus_free(struct vg_vus *v);

/** VUS-PR with patients in multiplicity `times` [P] (NULL: once). NAN where nothing is labelled. */
double vg_vus_pr(const struct vg_vus *v, const uint32_t *times);

/** The area at one buffer l alone; l = 0 is the plain step AUPRC times existence. */
double vg_vus_pr_at(const struct vg_vus *v, const uint32_t *times, uint32_t buffer);

struct vg_vus_point {
    double recall, precision;
};

/** The curve at one buffer, from the highest threshold to the lowest: at most VG_VUS_THRESHOLDS
 *  points into `ret`, each patient once. Returns how many; 0 where nothing is labelled. */
size_t vg_vus_curve(const struct vg_vus *v, uint32_t buffer, struct vg_vus_point *ret);

#endif
