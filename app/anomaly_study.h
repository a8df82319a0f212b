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
#include "models/metrics_vus.h"
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

enum { VG_ANOMALY_DELAYS = 9 };
/** Where bins of delays end, in minutes; the last one has no end. */
extern const double vg_anomaly_delays_min[VG_ANOMALY_DELAYS - 1];

/** What a threshold is worth. */
struct vg_anomaly_point {
    float threshold;
    double per_day;                         /**< false alerts per patient-day */
    struct vg_interval seen[VG_SIM_GROUPS]; /**< share of patients whose scenario was seen */
    double delay_s[VG_SIM_GROUPS]; /**< median from the label's start to the alert, of those seen */
    double chance[VG_SIM_GROUPS];  /**< what alerts at this rate would see if they came by chance */
    uint32_t delays[VG_SIM_GROUPS][VG_ANOMALY_DELAYS]; /**< patients seen after so long */
    double macro, worst;                               /**< mean and least of seen */
};

void vg_anomaly_judge(const struct vg_anomaly_scores *s, float threshold,
                      struct vg_anomaly_point *ret);

enum { VG_ANOMALY_BUFFER = 20 }; /**< ticks: the longest around an event */

/** Precision over recall of ticks, without a buffer and with the longest, and what lies under the
 *  curves of all buffers: VUS-PR with the 95 % interval of 1,000 draws of patients. */
struct vg_anomaly_area {
    struct vg_interval vus;
    size_t points, points_buffered;
    struct vg_vus_point curve[VG_VUS_THRESHOLDS], buffered[VG_VUS_THRESHOLDS];
};

/** Over the patients with scenarios. */
VG_NODISCARD vg_status vg_anomaly_vus(const struct vg_anomaly_scores *s,
                                      struct vg_anomaly_area *ret, struct vg_err *err);

/** The same of two detectors on the same patients, and of their difference, a less b. */
struct vg_anomaly_pair {
    struct vg_anomaly_area a, b;
    struct vg_interval difference;
};
VG_NODISCARD vg_status vg_anomaly_compare(const struct vg_anomaly_scores *a,
                                          const struct vg_anomaly_scores *b,
                                          struct vg_anomaly_pair *ret, struct vg_err *err);

#endif
