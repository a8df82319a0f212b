/* risk_files.h - the two layouts of app/risk_data.h, one reader each. */
#ifndef VG_APP_RISK_FILES_H
#define VG_APP_RISK_FILES_H

#include "app/risk_map.h"

/** Data in the making. */
struct vg_risk_reader {
    const struct vg_risk_map *map;
    struct vg_risk_data *data;
    size_t stays_cap, samples_cap, labels_cap;
};

/** A new stay, which the next samples belong to. */
struct vg_risk_stay *vg_risk_add_stay(struct vg_risk_reader *r, const char *id);
/** A measurement of the newest stay; one that is not plausible is counted and left out. */
void vg_risk_add_sample(struct vg_risk_reader *r, uint32_t variable, double hours, double value);
void vg_risk_add_label(struct vg_risk_reader *r, bool label);

/** Reads all stays and their labels. */
VG_NODISCARD vg_status vg_risk_read_long(struct vg_risk_reader *r,
                                         const struct vg_risk_source *source, struct vg_err *err);
VG_NODISCARD vg_status vg_risk_read_hourly(struct vg_risk_reader *r, const char *folder,
                                           struct vg_err *err);

#endif
