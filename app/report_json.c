/* report_json.c - numbers of reports for programs. */
#include "app/report_json.h"

#include <math.h>

void vg_report_json_number(struct vg_buf *out, double v)
{
    if (isfinite(v))
        vg_buf_printf(out, "%.6g", v);
    else
        vg_buf_str(out, "null");
}

void vg_report_json_interval(struct vg_buf *out, const char *name, const struct vg_interval *v)
{
    vg_buf_printf(out, "\"%s\":[", name);
    vg_report_json_number(out, v->value);
    vg_buf_char(out, ',');
    vg_report_json_number(out, v->low);
    vg_buf_char(out, ',');
    vg_report_json_number(out, v->high);
    vg_buf_char(out, ']');
}
