/* anomaly_report.h - what was found about a detector, for a terminal, a program and a reader. */
#ifndef VG_APP_ANOMALY_REPORT_H
#define VG_APP_ANOMALY_REPORT_H

#include "app/anomaly_study.h"
#include "app/evaluate_gate.h"

/** False alerts per patient-day of the curve. */
#define VG_ANOMALY_RATES 0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4
enum { VG_ANOMALY_CURVE = 9 };

struct vg_anomaly_found {
    uint32_t normals, per_group;
    uint64_t seed;
    const char *detector, *window, *against; /**< file names; NULL: not measured */
    double patient_days;                     /**< without trouble */

    bool has_detector;                               /**< the four below */
    struct vg_anomaly_point at;                      /**< the detector's own threshold */
    struct vg_anomaly_point curve[VG_ANOMALY_CURVE]; /**< thresholds from these patients */
    struct vg_anomaly_area area;

    bool has_window; /**< of the window model alone */
    struct vg_anomaly_area alone;

    bool has_pair;
    struct vg_anomaly_pair pair; /**< of the window model and the one it is compared with */

    bool has_gate;
    struct vg_gate_result gate;
};

void vg_anomaly_print(const struct vg_anomaly_found *f, struct vg_buf *out);
void vg_anomaly_json(const struct vg_anomaly_found *f, struct vg_buf *out);
VG_NODISCARD vg_status vg_anomaly_html(const struct vg_anomaly_found *f, const char *path,
                                       struct vg_err *err);

#endif
