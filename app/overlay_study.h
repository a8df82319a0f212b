/* overlay_study.h - whose events artefacts are laid over: simulated patients in trouble, or recorded
 * ones. */
#ifndef VG_APP_OVERLAY_STUDY_H
#define VG_APP_OVERLAY_STUDY_H

#include "app/overlay.h"
#include "app/replay_map.h"

struct vg_overlay_study {
    const struct vg_config *config; /**< with the stages artefact and alert */
    uint64_t seed;                  /**< of the simulated patients, and of where artefacts begin */
    uint32_t per_group;             /**< (simulated) patients of each group of scenarios */
    const char *ward;               /**< (simulated) as vg_alert_study has it */
    uint32_t workers;               /**< (simulated) */
    const char *csv;                /**< the recording; NULL: simulated */
    const struct vg_replay_map *map;
    void *ctx;
    bool (*progress)(void *ctx, double done); /**< may be NULL */
};

/**
 * Of a simulated patient the first alert of each rule is an event that starts while his trouble shows;
 * population is the group of scenarios. Of a recorded one every alert is. Outcomes stand in the order
 * of populations, patients and events, whatever the workers; ret->one is the caller's in every case.
 * Fails as vg_overlay_init(), vg_sim_study_run() and vg_recording_read().
 */
VG_NODISCARD vg_status vg_overlay_study_run(const struct vg_overlay_study *study,
                                            struct vg_overlay_outcomes *ret, struct vg_err *err);

#endif
