/* train_order.h - which sequences are learned from together, epoch by epoch. */
#ifndef VG_MODELS_TRAIN_ORDER_H
#define VG_MODELS_TRAIN_ORDER_H

#include "models/train.h"

/**
 * The order of an epoch: batch k is order[k batch] and what follows it, longest first.
 *
 * Shuffled anew for each epoch, unless `in_order`. Where lengths differ, sequences of a like length
 * share a batch: they are sorted within runs of 16 batches, whose batches are shuffled again.
 *
 *   order  [sequences]
 */
void vg_train_order(const struct vg_train_set *set, uint32_t batch, bool in_order, uint64_t seed,
                    uint32_t epoch, size_t *order);

/** Windows of all batches: optimizer steps of an epoch. window 0: one per batch. */
size_t vg_train_windows(const struct vg_train_set *set, uint32_t batch, uint32_t window,
                        const size_t *order);

#endif
