/* window.h - models that reconstruct the last W ticks; what they cannot reconstruct is unusual.
 *
 * x = [z, mask] [2, W, C], oldest tick first, z = 0 where the mask is 0; y = reconstruction of z
 * [W, C]. Entries that the mask calls missing are reconstructed too, but nobody may look there: a
 * score is over those that are not (stages/detect.c). There is no memory: the window is the
 * caller's.
 *
 *   autoencoder   u = z, or with "range" = low,high  u = min(1, max(0, (z - low) / (high - low)));
 *                 v = network(u) with "inputs" = z, network([u, mask]) with z,mask; any dense
 *                 layers; y = v, or y = low + (high - low) v. A missing entry is seen as z = 0, the
 *                 population's mean.
 *
 *   pca           u = mask (z - pca.mean), v = pca.components u, y = pca.mean + pca.components' v
 *                 with pca.mean [W C] and pca.components [K, W C] of orthonormal rows. A missing
 *                 entry is seen as the mean of training (a residual filled with zeros), as the
 *                 autoencoder sees it. Jolliffe, Principal Component Analysis, 2nd ed., 2002.
 */
#ifndef VG_MODELS_WINDOW_H
#define VG_MODELS_WINDOW_H

#include "core/model.h"
#include "models/safetensors.h"

enum { VG_WINDOW_MAX = 256 }; /**< ticks */

/** ops->build, ->step and ->free of window models; `ops->name` is the kind that is expected. */
VG_NODISCARD vg_status vg_window_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                                       struct vg_model **ret, struct vg_err *err);
void vg_window_step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                    float *y, void *scratch);
void vg_window_free(struct vg_model *model);

#endif
