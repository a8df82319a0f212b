/* classifier.h - models that turn named variables into probabilities.
 *
 * Variables are not vital signs of core/channels.def, but anything with a name: "age", "gcs.min".
 * The caller scales them, z = (value - mean) / scale within -clip .. clip, with what the file says;
 * a file without a clip takes z as it is.
 *
 *   mlp        x = value [V]; y = network(x), dense layers, the last with a sigmoid
 *   logistic   the same with a single layer of one output: y = sigmoid(w x + b)
 *   risk       x = [value, mask, age] [3, V] of one step: the last value seen (0 before the first),
 *              1 where it is of this step, log1p(minutes since it was seen) / 6; y = network(x)
 *              with recurrent layers among dense ones, a decay layer in front or not, the last a
 *              sigmoid. After step t, y is the probability as of then.
 *
 * What mlp and logistic take for a missing value is their caller's to say, with a variable of its
 * own where it matters ("gcs.seen"). Memory of a stream: vg_network_state() floats.
 */
#ifndef VG_MODELS_CLASSIFIER_H
#define VG_MODELS_CLASSIFIER_H

#include "core/model.h"
#include "models/safetensors.h"

/** ops->build, ->step and ->free of classifiers; `ops->name` is the kind that is expected. */
VG_NODISCARD vg_status vg_classifier_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                                           struct vg_model **ret, struct vg_err *err);
void vg_classifier_step(const struct vg_model *model, uint32_t n, const float *x,
                        void *const *memory, float *y, void *scratch);
void vg_classifier_free(struct vg_model *model);

#endif
