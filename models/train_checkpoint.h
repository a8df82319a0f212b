/* train_checkpoint.h - a fit on disk between two epochs.
 *
 * A safetensors file with its seal (models/safetensors_write.h), so that a changed byte is refused.
 * Random numbers are counted, so their state is the number of the epoch and of the step. Tensors are
 * float: a fit in double (models/train_real.h) would not come back to the bit.
 */
#ifndef VG_MODELS_TRAIN_CHECKPOINT_H
#define VG_MODELS_TRAIN_CHECKPOINT_H

#include "models/train_identity.h"
#include "models/train_optimizer.h"

/** Where a fit is after a whole epoch. */
struct vg_fit_state {
    struct vg_optimizer_state optimizer;
    vg_real *best;       /**< [P] parameters of best_epoch */
    uint32_t epochs;     /**< finished */
    uint32_t best_epoch; /**< 0: none yet */
    uint32_t waited;     /**< epochs since then */
    double best_loss, loss;
};

/**
 * Reads the checkpoint of the fit that `identity` stands for.
 *
 *   parameter  [P]
 *
 * Fails with VG_E_CONFIG when it is of another fit, and says in what; VG_E_MODEL when it is damaged.
 */
VG_NODISCARD vg_status vg_checkpoint_read(const char *path, const struct vg_fit_identity *identity,
                                          struct vg_fit_state *s, vg_real *parameter,
                                          struct vg_err *err);

/** Replaces the checkpoint; fails with VG_E_IO and leaves the old one. */
VG_NODISCARD vg_status vg_checkpoint_write(const char *path, const struct vg_fit_identity *identity,
                                           const struct vg_fit_state *s, const vg_real *parameter,
                                           struct vg_err *err);

#endif
