/* report_json.h - numbers of reports for programs. */
#ifndef VG_APP_REPORT_JSON_H
#define VG_APP_REPORT_JSON_H

#include "core/buf.h"
#include "models/bootstrap.h"

/** Appends v to six digits; null when it is no finite number. */
void vg_report_json_number(struct vg_buf *out, double v);
/** Appends "name":[value,low,high]. */
void vg_report_json_interval(struct vg_buf *out, const char *name, const struct vg_interval *v);

#endif
