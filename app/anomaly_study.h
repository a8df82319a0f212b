/* anomaly_study.h - a detector on the simulator, which knows the truth.
 *
 * Patients without trouble tell what alerts cost; patients of each group of scenarios, what they see.
 * All have the artefacts that monitors make. Letters: P patients, G groups of scenarios.
 */
#ifndef VG_APP_ANOMALY_STUDY_H
#define VG_APP_ANOMALY_STUDY_H

#include "app/anomaly.h"
#include "app/simulator.h"
#include "core/buf.h"
#include "models/bootstrap.h"
#include "runtime/config.h"

struct vg_anomaly_study {
    const struct vg_config *config; /**< a chain whose last stage adds "anomaly_score" */
    int64_t tick_ns;
    uint32_t normals;   /**< patients without trouble, watched for a day each; may be 0 */
    uint32_t per_group; /**< patients of each group */
    uint64_t seed;
    double artefact_rate;
    uint32_t workers;
    void *ctx;
    bool (*progress)(void *ctx, double done); /**< may be NULL */
};

/** Scores of everybody. */
struct vg_anomaly_scores {
    int64_t tick_ns;
    uint32_t normals, per_group;
    struct vg_scores *normal;               /**< [normals] */
    struct vg_scores *group[VG_SIM_GROUPS]; /**< [G][per_group] */
};

/** Fails as vg_sim_study_run(). vg_anomaly_scores_done() follows in every case. */
VG_NODISCARD vg_status vg_anomaly_run(const struct vg_anomaly_study *study,
                                      struct vg_anomaly_scores *ret, struct vg_err *err);
void vg_anomaly_scores_done(struct vg_anomaly_scores *s);

/** What a threshold is worth. */
struct vg_anomaly_point {
    float threshold;
    double per_day;                /**< false alerts per patient-day */
    double seen[VG_SIM_GROUPS];    /**< share of patients whose scenario was seen */
    double delay_s[VG_SIM_GROUPS]; /**< median from the label's start to the alert, of those seen */
    double chance[VG_SIM_GROUPS];  /**< what alerts at this rate would see if they came by chance */
    double macro, worst;           /**< mean and least of seen */
};

void vg_anomaly_judge(const struct vg_anomaly_scores *s, float threshold,
                      struct vg_anomaly_point *ret);

/** VUS-PR over the patients with scenarios, buffers of 0 to 20 ticks, with the 95 % interval of
 *  1,000 draws of patients. */
VG_NODISCARD vg_status vg_anomaly_vus(const struct vg_anomaly_scores *s, struct vg_interval *ret,
                                      struct vg_err *err);

/** The same of two detectors on the same patients, and of their difference, a less b. */
struct vg_anomaly_pair {
    struct vg_interval a, b, difference;
};
VG_NODISCARD vg_status vg_anomaly_compare(const struct vg_anomaly_scores *a,
                                          const struct vg_anomaly_scores *b,
                                          struct vg_anomaly_pair *ret, struct vg_err *err);

#endif
