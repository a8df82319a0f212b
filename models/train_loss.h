/* train_loss.h - what an objective (models/train.h) makes of outputs and targets.
 *
 * Letters: R rows, O outputs of the last layer, C channels, H horizons.
 */
#ifndef VG_MODELS_TRAIN_LOSS_H
#define VG_MODELS_TRAIN_LOSS_H

#include "models/train.h"

/** One row. Arrays as in struct vg_train_rows. */
struct vg_loss_row {
    const vg_real *target, *mask; /**< [targets] */
    const vg_real *base;          /**< [C, H] of a quantile head */
    vg_real weight;
};

/** Sums over what was observed; loss / weight is the mean. */
struct vg_loss_sum {
    double loss, weight;
};

/**
 * Adds the loss of one row and writes its gradient, of the sum and not of the mean.
 *
 *   output   [O] of the last layer; of BCE the logits
 *   d        [O], or NULL when no gradient is wanted
 *   scratch  [2 O]
 */
void vg_loss_row(const struct vg_objective *o, size_t outputs, const vg_real *output,
                 const struct vg_loss_row *row, struct vg_loss_sum *sum, vg_real *d,
                 vg_real *scratch);

/** Turns outputs into what they mean, in place: quantiles, probabilities; base may be NULL (0). */
void vg_loss_finish(const struct vg_objective *o, size_t outputs, const vg_real *base,
                    vg_real *output, vg_real *scratch);

#endif
