/* alert_study.h - the alerts of a configuration on simulated patients, and which of them are right.
 *
 * Each patient is watched twice by the same chain: as his monitor shows him, and as it would without
 * artefacts. An alert about a limit that the second does not have is the artefact's. Patients
 * without trouble tell what alerts cost, patients of each group of scenarios what they are worth.
 * Letters: P patients, G groups of scenarios, R rules.
 */
#ifndef VG_APP_ALERT_STUDY_H
#define VG_APP_ALERT_STUDY_H

#include "app/alert_collect.h"
#include "app/recording.h"
#include "app/simulator.h"

struct vg_alert_patient {
    struct vg_alert_list shown;            /**< what the monitor shows */
    struct vg_alert_list clean;            /**< without artefacts */
    int64_t from_ns, until_ns;             /**< watched */
    int64_t label_from_ns, label_until_ns; /**< of the scenario; equal: no trouble */
    struct vg_sim_label *artefact;         /**< those that change a channel, by start */
    size_t artefacts;
};

struct vg_alert_study {
    const struct vg_config *config; /**< with an alert stage */
    uint32_t normals;               /**< patients without trouble, watched for a day each */
    uint32_t per_group;             /**< patients of each group, until their trouble is over */
    uint64_t seed;
    double artefact_rate;
    const char *ward; /**< of the simulated beds: their profiles are those of its beds */
    uint32_t workers;
    void *ctx;
    bool (*progress)(void *ctx, double done); /**< may be NULL */
};

/** Everybody's alerts. */
struct vg_alert_population {
    const struct vg_config *config;
    bool simulated; /**< the truth is known; else `normal` are whoever was recorded */
    uint32_t normals, per_group;
    struct vg_alert_patient *normal;               /**< [normals] */
    struct vg_alert_patient *group[VG_SIM_GROUPS]; /**< [G][per_group] */
    struct vg_charted charted;                     /**< limits in the recording */
};

/** Fails as vg_sim_study_run(). vg_alert_population_done() follows in every case. */
VG_NODISCARD vg_status vg_alert_study_run(const struct vg_alert_study *study,
                                          struct vg_alert_population *ret, struct vg_err *err);
/** The patients of a CSV recording, as `vigil replay` would write them into a topic of one partition,
 *  under the orders that it holds; its `charted` becomes that of the population, with those that were
 *  refused. Alerts that start behind the last row of their patient, which is the end of the recording
 *  and no silence, are left out. Fails as vg_offline_new(). vg_alert_population_done() follows in every
 *  case. */
VG_NODISCARD vg_status vg_alert_recorded_run(const struct vg_config *config,
                                             struct vg_recording *recording,
                                             struct vg_alert_population *ret, struct vg_err *err);
void vg_alert_population_done(struct vg_alert_population *p);

#endif
