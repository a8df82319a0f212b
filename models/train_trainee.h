/* train_trainee.h - the inside of a trainee, for the files of training. */
#ifndef VG_MODELS_TRAIN_TRAINEE_H
#define VG_MODELS_TRAIN_TRAINEE_H

#include "models/train.h"
#include "models/train_pass.h"
#include "models/train_pool.h"

struct vg_trainee {
    struct vg_network network;
    struct vg_objective objective;
    uint64_t seed;
    size_t parameters;
    vg_real *parameter; /* [P] */
    struct vg_pass_network net;
};

/** As vg_trainee_loss(), with threads that are there already. */
double vg_trainee_loss_in(struct vg_trainee *t, const struct vg_train_set *set,
                          struct vg_train_pool *pool);

/** Steps of the longest sequence. */
uint32_t vg_train_longest(const struct vg_train_set *set);

#endif
