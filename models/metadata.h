/* metadata.h - what every model file says about itself, and how it is held to it.
 *
 * Strings in "__metadata__" of the file; any other key is refused, but "format" and "note.*":
 *
 *   vigil.schema           "2"
 *   vigil.blake2b          of everything else; models/safetensors_write.h
 *   kind                   "lstm", "autoencoder", ...: as `type:` in a configuration
 *   training_data_sha256   64 hexadecimal digits, for the records
 *
 * Forecasters (lstm, gru, rnn, ridge) and window models (autoencoder, pca):
 *   channels               "hr,rr,spo2": names of core/channels.def, C of them
 *   units                  "/min,/min,%": their UCUM units, so that a model made for kPa is refused
 *   mean, scale            "84.7,19.9,96.6": in those units; z = (value - mean) / scale
 *   tick                   "10s"
 *
 * Forecasters:
 *   inputs                 "z,mask,age,baseline": features, models/features.h
 *   network                "lstm:64,dense:72": models/network.h; not for ridge
 *   skip                   "persistence", "ridge" or "none": models/forecaster.h
 *   horizons, quantiles    "1m,5m,10m", "0.05,0.5,0.95"
 *
 * Window models (models/window.h):
 *   window, threshold      "16" ticks; score above which a window is unusual
 *   inputs                 (autoencoder) "z" or "z,mask"
 *   network                (autoencoder) "dense:64:relu,dense:128"
 *   range                  (autoencoder, may be missing) "-6,6": what the network sees as 0 and 1
 *
 * Detectors (models/calibration.h):
 *   fast, slow, window     SHA-256 of the models it was calibrated with; at least one
 *   drift, cap             of the cumulative sums, in standard deviations
 *   hold                   "4" ticks for which a sum must last
 *   threshold              surprise above which an alert is worth its price
 *
 * Classifiers (mlp, risk, logistic; models/classifier.h):
 *   variables              "age,gcs.min": V names of letters, digits, '.', '_' and '-'
 *   mean, scale            V numbers each, in the variable's own unit
 *   clip                   (may be missing) z is kept within -clip..clip
 *   inputs                 "value", or (risk) "value,mask,age"
 *   network                "decay:37,lstm:64,dense:1:sigmoid"
 *   tick                   (risk) "1h": time between steps
 *
 * Of several (mean, stacked; models/members.h):
 *   members                "5"; texts and tensors of member i have all the names above and below
 *                          behind a prefix, "m0.kind", but vigil.* and selftest.*
 *
 * Tensors "selftest.input" [T, inputs] and "selftest.output" [T, outputs]: what the training side
 * computed for one stream over T steps from empty memory. Both sides know at once when they
 * disagree about the meaning of a weight.
 */
#ifndef VG_MODELS_METADATA_H
#define VG_MODELS_METADATA_H

#include "core/model.h"
#include "models/safetensors.h"

/** Checks `kind` and reads the hash of the training data. Fails with VG_E_MODEL, as all here. */
VG_NODISCARD vg_status vg_metadata_kind(const struct vg_safetensors *f, const char *kind,
                                        struct vg_model *m, struct vg_err *err);

/** vg_metadata_kind(), and fills what models of vital signs have: channels, scales, tick. */
VG_NODISCARD vg_status vg_metadata_common(const struct vg_safetensors *f, const char *kind,
                                          struct vg_model *m, struct vg_err *err);

/** The text under `key`, which must be there. */
VG_NODISCARD vg_status vg_metadata_text(const struct vg_safetensors *f, const char *key,
                                        const char **ret, struct vg_err *err);

/** The same, and it must be `expected`. */
VG_NODISCARD vg_status vg_metadata_expect(const struct vg_safetensors *f, const char *key,
                                          const char *expected, struct vg_err *err);

/** A list of 1..max finite numbers; *ret_n says how many. */
VG_NODISCARD vg_status vg_metadata_numbers(const struct vg_safetensors *f, const char *key,
                                           uint32_t max, float *ret, uint32_t *ret_n,
                                           struct vg_err *err);

/** An integer from `min` to `max`. */
VG_NODISCARD vg_status vg_metadata_integer(const struct vg_safetensors *f, const char *key,
                                           uint32_t min, uint32_t max, uint32_t *ret,
                                           struct vg_err *err);

/** A list of 1..max durations above 0. */
VG_NODISCARD vg_status vg_metadata_durations(const struct vg_safetensors *f, const char *key,
                                             uint32_t max, int64_t *ret_ns, uint32_t *ret_n,
                                             struct vg_err *err);

/** What is at fault in the text under `key`: fails with VG_E_MODEL saying what was expected. */
vg_status vg_metadata_wrong(const struct vg_safetensors *f, const char *key, const char *expected,
                            struct vg_err *err);

enum { VG_VARIABLES_MAX = 1024 };

/** "variables", "mean" and "scale" of a classifier. *ret [V] is one block with the names, to be
 *  freed with free(). */
VG_NODISCARD vg_status vg_metadata_variables(const struct vg_safetensors *f,
                                             struct vg_variable **ret, uint32_t *ret_n,
                                             struct vg_err *err);

#endif
