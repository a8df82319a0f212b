/* detector_fit.h - from models and unremarkable patients to a calibrated detector.
 *
 * The patients are simulated, with the artefacts that monitors make and without trouble; the models
 * must not have been trained on them. What the detect stage would give a detector is recorded once,
 * and everything else follows from it: the covariance of residuals, the tails
 * of the three scores, and the threshold at which their surprise raises as many
 * alerts as one is ready to pay.
 */
#ifndef VG_APP_DETECTOR_FIT_H
#define VG_APP_DETECTOR_FIT_H

#include "core/buf.h"
#include "core/option.h"
#include "models/calibration.h"

struct vg_detector_recipe {
    const char *path[VG_SCORES]; /**< model files; NULL: the detector has no such score */
    struct vg_strings stages; /**< before normalize, as vg_offline_chain() reads them; with ticks */
    int64_t patients, duration_ns, seed;
    float artefact_rate;
    double budget; /**< alerts per patient-day */
    uint32_t workers;
    void *ctx;
    bool (*progress)(void *ctx, double done); /**< may be NULL */
};

/** What came of it. */
struct vg_detector_outcome {
    uint32_t channels;
    int channel[VG_CHANNELS];
    struct vg_calibration calibration;
    double patient_days;
    double per_day[VG_SCORES]; /**< alerts of each score alone at the threshold */
    double all_per_day;
};

/** Writes the model file `out`. Fails with VG_E_MODEL for files that do not fit together, with
 *  VG_E_FAILED when the patients are too few, else as vg_sim_study_run() and vg_model_save(). */
VG_NODISCARD vg_status vg_detector_fit(const struct vg_detector_recipe *r, const char *out,
                                       struct vg_detector_outcome *ret, struct vg_err *err);

/** A chain of `stages`, normalize, forecast and detect with these model files (NULL: none) and the
 *  detector `detector`; `inputs` as the stage's option. The models are named "fast", "slow",
 *  "window" and "detector". *ret is freed with vg_config_free(). */
struct vg_config;
VG_NODISCARD vg_status vg_detector_chain(const struct vg_strings *stages,
                                         const char *const path[VG_SCORES], const char *detector,
                                         bool inputs, struct vg_config **ret, struct vg_err *err);

#endif
