/* forecaster.h - every model that says where each channel will be: a network beside a skip.
 *
 * x [F, C] are the features of one tick (models/features.h), and
 *
 *     r = network(x) [C, H, Q]; without a network, tensor "offset" [C, H, Q]
 *     S [C, H], the skip:
 *         persistence   S = z of x, the value last seen
 *         ridge         S = skip.weight [C H, F C] x + skip.bias [C H]
 *         none          S = 0
 *     with m the place of 0.5 among the quantiles:
 *         y[m] = S + r[m]
 *         y[q] = y[q + 1] - softplus(r[q]) below m, y[q] = y[q - 1] + softplus(r[q]) above
 *
 * so a network of zeros is its skip, and quantiles cannot cross. All in standard deviations.
 *
 * The kind is that of the network's first recurrent layer, "lstm", "gru" or "rnn", among which
 * dense layers may stand, or "ridge" without a network. Memory of a patient: vg_network_state()
 * floats.
 */
#ifndef VG_MODELS_FORECASTER_H
#define VG_MODELS_FORECASTER_H

#include "core/model.h"
#include "models/network.h"
#include "models/safetensors.h"

/** ops->build, ->step and ->free of all forecasters; `ops->name` is the kind that is expected. */
VG_NODISCARD vg_status vg_forecaster_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                                           struct vg_model **ret, struct vg_err *err);
void vg_forecaster_step(const struct vg_model *model, uint32_t n, const float *x,
                        void *const *memory, float *y, void *scratch);
void vg_forecaster_free(struct vg_model *model);

/** The kind of a forecaster with this network (NULL: none), or NULL when it cannot be one. */
const char *vg_forecaster_kind(const struct vg_network *network);

#endif
