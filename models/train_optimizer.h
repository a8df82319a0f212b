/* train_optimizer.h - from a gradient to a step: mean, clipping, schedule, Adam or SGD. */
#ifndef VG_MODELS_TRAIN_OPTIMIZER_H
#define VG_MODELS_TRAIN_OPTIMIZER_H

#include "models/train.h"

struct vg_optimizer_state {
    size_t parameters;
    vg_real *m, *v; /**< [P] moments; m is the momentum of SGD, v then unused */
    uint64_t steps;
    double beta1_power, beta2_power; /**< beta^steps */
};

void vg_optimizer_init(struct vg_optimizer_state *s, size_t parameters);
void vg_optimizer_done(struct vg_optimizer_state *s);

/** The rate after `done` of `batches` steps of epoch `epoch` (from 0). */
double vg_optimizer_rate(const struct vg_fit *fit, uint32_t epoch, size_t done, size_t batches);

/**
 * One step along `gradient` [P], the sum over what weighs `weight` in all. Returns the norm of the
 * mean gradient before clipping; when that is not finite, nothing has changed.
 */
double vg_optimizer_step(struct vg_optimizer_state *s, const struct vg_fit *fit, double rate,
                         const vg_real *gradient, double weight, vg_real *parameter);

#endif
