/* metadata.h - what every model file says about itself, and how it is held to it.
 *
 * Strings in "__metadata__" of the file:
 *
 *   vigil.schema           "1"
 *   kind                   "lstm" or "autoencoder"
 *   channels               "hr,rr,spo2": names of core/channels.def, C of them
 *   units                  "/min,/min,%": their UCUM units, so that a model trained on kPa is refused
 *   mean, scale            "84.7,19.9,96.6": in those units; z = (value - mean) / scale
 *   tick                   "10s"
 *   training_data_sha256   64 hexadecimal digits, for the records
 *   horizons, quantiles    (lstm) "1m,5m,10m", "0.05,0.5,0.95"
 *   gates                  (lstm) "ifgo": the order of gates within a weight
 *   window, threshold      (autoencoder) "16" ticks; score above which a window is unusual
 *
 * Tensors "selftest.input" [T, inputs] and "selftest.output" [T, outputs]: what the training side
 * computed for one patient over T steps from empty memory. Both sides know at once when they
 * disagree about the meaning of a weight.
 */
#ifndef VG_MODELS_METADATA_H
#define VG_MODELS_METADATA_H

#include "core/model.h"
#include "models/safetensors.h"

/** Fills what is common to all models: channels, scales, tick, sha256. Fails with VG_E_MODEL. */
VG_NODISCARD vg_status vg_metadata_common(const struct vg_safetensors *f, const char *kind,
                                          struct vg_model *m, struct vg_err *err);

/** The text under `key`, which must be there. */
VG_NODISCARD vg_status vg_metadata_text(const struct vg_safetensors *f, const char *key,
                                        const char **ret, struct vg_err *err);

/** A list of 1..max finite numbers; *ret_n says how many. */
VG_NODISCARD vg_status vg_metadata_numbers(const struct vg_safetensors *f, const char *key,
                                           uint32_t max, float *ret, uint32_t *ret_n,
                                           struct vg_err *err);

/** A list of 1..max durations above 0. */
VG_NODISCARD vg_status vg_metadata_durations(const struct vg_safetensors *f, const char *key,
                                             uint32_t max, int64_t *ret_ns, uint32_t *ret_n,
                                             struct vg_err *err);

/**
 * The last step of loading: refuses tensors that `m` did not take, then runs the file's self-test on
 * it. Fails with VG_E_MODEL when an output differs by more than 1e-5 or is not finite.
 */
VG_NODISCARD vg_status vg_metadata_selftest(struct vg_safetensors *f, const struct vg_model *m,
                                            struct vg_err *err);

#endif
