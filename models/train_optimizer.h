/* train_optimizer.h - from a gradient to a step: mean, clipping, schedule, Adam or SGD. */
#ifndef VG_MODELS_TRAIN_OPTIMIZER_H
#define VG_MODELS_TRAIN_OPTIMIZER_H

#include "models/train.h"
#include "models/train_loops.h"

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

/* A step is prepared by one thread and taken by several, each with parts of the parameters. Parts
 * are of fixed size: their squares are summed in their order. */

/** Parts of `parameters`. */
uint32_t vg_optimizer_parts(size_t parameters);

/** The sum of squares of one part of `gradient` [P]. */
double vg_optimizer_square_sum(size_t parameters, const vg_real *gradient, uint32_t part);

/** What the next step is, along a gradient that is the sum over what weighs `weight` in all and
 *  whose mean has the norm `norm` (finite). */
struct vg_adam vg_optimizer_prepare(struct vg_optimizer_state *s, const struct vg_fit *fit,
                                    double rate, double norm, double weight);

/** Takes it for one part of the parameters [P]. */
void vg_optimizer_step(struct vg_optimizer_state *s, const struct vg_fit *fit,
                       const struct vg_adam *a, const vg_real *gradient, uint32_t part,
                       vg_real *parameter);

#endif
