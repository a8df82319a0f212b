/* train_identity.h - what a fit is known by, so that none goes on from the checkpoint of another. */
#ifndef VG_MODELS_TRAIN_IDENTITY_H
#define VG_MODELS_TRAIN_IDENTITY_H

#include "models/train.h"

enum { VG_DIGEST_SIZE = 65 }; /**< hexadecimal, with its end */

/** Two fits that agree in all of this give the same bytes. */
struct vg_fit_identity {
    char options
        [VG_DIGEST_SIZE];      /**< of network, objective and what in struct vg_fit changes bytes */
    char data[VG_DIGEST_SIZE]; /**< of all that is learned from and judged by */
    uint64_t seed;
};

/** Reads all of `train` and `validation` (or NULL). `shards` is what the fit uses. */
void vg_fit_identify(const struct vg_trainee *t, const struct vg_fit *fit, uint32_t shards,
                     const struct vg_train_set *train, const struct vg_train_set *validation,
                     struct vg_fit_identity *ret);

#endif
