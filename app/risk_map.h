/* risk_map.h - the map file of app/risk_data.h: what the files of a data set mean. */
#ifndef VG_APP_RISK_MAP_H
#define VG_APP_RISK_MAP_H

#include "app/risk_data.h"
#include "core/option.h"

struct vg_risk_map {
    bool hourly;
    uint32_t window_hours;
    /* as written; owned by the options of the map */
    int layout;
    int64_t window_ns;
    char *stay, *time, *parameter, *value;              /* columns (long) */
    char *outcome_stay, *outcome_label, *outcome_score; /* columns (long); the last may be NULL */
    char *label;                                        /* column (hourly) */
    struct vg_strings ignored;
    uint32_t variables;
    struct vg_risk_variable variable[VG_RISK_VARIABLES_MAX]; /**< descriptors last */
};

/** Reads and checks the file; problems go to `diagnostics`. VG_E_CONFIG or VG_E_IO. The caller calls
 *  vg_risk_map_done() in every case. */
VG_NODISCARD vg_status vg_risk_map_read(struct vg_risk_map *map, const char *path,
                                        struct vg_buf *diagnostics, struct vg_err *err);
void vg_risk_map_done(struct vg_risk_map *map);

#endif
