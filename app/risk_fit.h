/* risk_fit.h - learns from some stays and tells the risk of others.
 *
 * Everything that is estimated (scales, bends, weights) comes from the stays learned from. Results
 * depend on neither the number of workers nor the order in which stays were read.
 *
 * Letters: S stays, N cases.
 */
#ifndef VG_APP_RISK_FIT_H
#define VG_APP_RISK_FIT_H

#include "app/risk_recipe.h"

/** The data in the forms that learners need; built once. */
struct vg_risk_study {
    const struct vg_risk_data *data;
    struct vg_risk_cases cases;
    struct vg_risk_hours hours;
};

void vg_risk_study_init(struct vg_risk_study *s, const struct vg_risk_data *data);
void vg_risk_study_done(struct vg_risk_study *s);

/** Told now and then how far a fit is, 0..1; false ends it. */
typedef bool vg_risk_progress_fn(void *ctx, double done);

struct vg_risk_job {
    const struct vg_risk_study *study;
    const struct vg_risk_learner *learner;
    const struct vg_risk_summaries *summaries; /**< of learner->spec; NULL for a sequence */
    const bool *learn;                         /**< [S] stays to learn from */
    const bool *tell;                          /**< [S] stays whose risk is asked for; or NULL */
    float *probability;                        /**< [N]; written for cases of `tell` */
    const char *save;                          /**< a model file to write, or NULL */
    uint64_t seed;
    uint32_t workers;
    vg_risk_progress_fn *progress; /**< or NULL */
    void *ctx;
};

/** Fails with VG_E_FAILED when nothing can be learned (one class only, no convergence), with
 *  VG_E_TEMPORARY when progress() ended it, with VG_E_CONFIG for a network that does not fit, as
 *  models/save.h. */
VG_NODISCARD vg_status vg_risk_fit(const struct vg_risk_job *job, struct vg_err *err);

/** logit(p), within what models/members.h keeps probabilities to. */
double vg_risk_logit(double probability);

#endif
