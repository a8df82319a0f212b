/* members.h - several models in one file.
 *
 *   mean      y = (y_0 + ... + y_n-1) / n, summed in this order. Members are forecasters or
 *             classifiers of one shape: the same channels or variables, scales, tick, inputs,
 *             horizons, quantiles. x is that of each. For several seeds (Lakshminarayanan 2017).
 *
 *   stacked   y = sigmoid(bias + sum of weight[i] logit(p_i)), members in order by fused
 *             multiply-add, with tensors "stacked.weight" [n] and "stacked.bias" [1], and p_i the
 *             one output of member i within 1e-6 .. 1 - 1e-6 (Wolpert 1992, doi
 *             10.1016/S0893-6080(05)80023-1). Members are classifiers with any variables, or means
 *             of such; x is theirs one after the other. A member that needs one row only, such as
 *             `logistic`, gets that row at each step.
 *
 *             A file may have "stacked.bend" [2] too: what is above bend[0] grows by bend[1] times
 *             the excess before the sigmoid. Where members are too sure of high risks and not of low
 *             ones, no weight makes both right.
 *
 * Memory of a stream: that of the members, one after the other.
 */
#ifndef VG_MODELS_MEMBERS_H
#define VG_MODELS_MEMBERS_H

#include "core/model.h"
#include "models/safetensors.h"

enum { VG_MEMBERS_MAX = 16, VG_MEMBER_PREFIX_SIZE = 8 };

/** ops->build, ->step and ->free of both kinds; `ops->name` is the one that is expected. */
VG_NODISCARD vg_status vg_members_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                                        struct vg_model **ret, struct vg_err *err);
void vg_members_step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                     float *y, void *scratch);
void vg_members_free(struct vg_model *model);

/** "m3.", what the names of member 3 begin with. */
void vg_member_prefix(uint32_t member, char ret[VG_MEMBER_PREFIX_SIZE]);

#endif
