/* overlay_report.h - events under artefacts, counted: for a terminal, a program and a page. */
#ifndef VG_APP_OVERLAY_REPORT_H
#define VG_APP_OVERLAY_REPORT_H

#include "app/overlay.h"
#include "core/buf.h"

struct vg_overlay_report {
    const char *config_path;
    const char *recording; /**< or NULL: simulated */
    const struct vg_config *config;
    uint64_t seed;
    const struct vg_overlay_outcomes *outcomes;
};

/** Appends tables for people. */
void vg_overlay_report_print(const struct vg_overlay_report *r, struct vg_buf *out);
/** Appends one object of JSON and a newline. */
void vg_overlay_report_json(const struct vg_overlay_report *r, struct vg_buf *out);
/** Writes a page. Fails as vg_report_write(). */
VG_NODISCARD vg_status vg_overlay_report_html(const struct vg_overlay_report *r, const char *path,
                                              struct vg_err *err);

#endif
