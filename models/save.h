/* save.h - turns a trained network, and what is known about it, into a model file.
 *
 * A file that was written here has been loaded again: it passed every check of the reader and its
 * own self-test, whose output the saved model itself computed. The same calls give the same bytes.
 */
#ifndef VG_MODELS_SAVE_H
#define VG_MODELS_SAVE_H

#include "core/model.h"
#include "models/calibration.h"
#include "models/network.h"

/** What goes into a file. What a kind has no use for stays 0; models/metadata.h says which kind
 *  needs what. Everything is read only during the call. */
struct vg_save {
    const char *kind; /**< "lstm", "autoencoder", ...: ops->name */
    /** Channels, mean, scale, tick_ns, features, horizons, quantiles, window, threshold, variables
     *  (with `inputs` = V times parts), training_data_sha256, skip: as the loaded model has them.
     *  For an autoencoder, `features` says what the network takes: "z" or "z,mask". */
    const struct vg_model *about;
    const struct vg_network *network; /**< NULL for ridge and pca */
    const float *parameters;          /**< [vg_network_parameters(network)], laid as it says */

    const float *skip_weight; /**< [C H, F C] with skip "ridge" */
    const float *skip_bias;   /**< [C H] with skip "ridge" */
    const float *offset;      /**< ridge: [C, H, Q], what a network would have given */

    float low, high; /**< autoencoder: the network sees (z - low) / (high - low), clipped to 0..1;
                          both 0: z itself */
    const float *center;     /**< pca: [W C] */
    const float *components; /**< pca: [components_n, W C], orthonormal rows */
    uint32_t components_n;

    const struct vg_calibration *calibration; /**< detector */

    const char *note; /**< for people, "note.training": what it learned from and how; or NULL */

    /** What the self-test feeds: [steps, inputs], at most 4096 rows; NULL: 32 rows of a fixed
     *  pseudo-random sequence within -3..3, masks 0 or 1. */
    const float *selftest;
    uint32_t selftest_steps;
};

/** Writes `path` (atomically). Fails with VG_E_MODEL when the parts do not make a model, with
 *  VG_E_IO when the file cannot be written. */
VG_NODISCARD vg_status vg_model_save(const char *path, const struct vg_save *parts,
                                     struct vg_err *err);

/** One file of several: kind "mean" (all of one shape), or "stacked" (classifiers of one output;
 *  `weight` [n] and `bias` of the logistic regression on their logits, and `bend` [2] of
 *  models/members.h or NULL). */
VG_NODISCARD vg_status vg_model_save_members(const char *path, const char *kind, uint32_t n,
                                             const char *const *member_path, const float *weight,
                                             float bias, const float *bend, struct vg_err *err);

#endif
