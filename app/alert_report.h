/* alert_report.h - figures of alerts for a terminal, a program and a page. */
#ifndef VG_APP_ALERT_REPORT_H
#define VG_APP_ALERT_REPORT_H

#include "app/alert_figures.h"
#include "core/buf.h"

struct vg_alert_report {
    const char *config_path;
    const char *recording; /**< or NULL: simulated */
    const struct vg_config *config;
    uint32_t normals, per_group;
    uint64_t seed;
    struct vg_alert_figures figures;
    struct vg_charted charted; /**< of a recording */
};

/** Appends tables for people. */
void vg_alert_report_print(const struct vg_alert_report *r, struct vg_buf *out);
/** Appends one object of JSON and a newline. */
void vg_alert_report_json(const struct vg_alert_report *r, struct vg_buf *out);
/** Writes a page. Fails as vg_report_write(). */
VG_NODISCARD vg_status vg_alert_report_html(const struct vg_alert_report *r, const char *path,
                                            struct vg_err *err);

#endif
