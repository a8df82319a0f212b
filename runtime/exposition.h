/* exposition.h - metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.
 *
 * What there is to tell is the table in runtime/metrics.def; who tells it begins each family once and
 * gives all samples of it before the next one begins.
 *
 * Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
 * https://prometheus.io/docs/specs/om/open_metrics_spec/.
 */
#ifndef VG_RUNTIME_EXPOSITION_H
#define VG_RUNTIME_EXPOSITION_H

#include "core/buf.h"

enum vg_metric_type { VG_METRIC_COUNTER, VG_METRIC_GAUGE, VG_METRIC_HISTOGRAM };

enum vg_metric_id {
#define VG_METRIC(id, type, name, labels, help) VG_METRIC_##id,
#include "runtime/metrics.def"
#undef VG_METRIC
    VG_METRICS
};

struct vg_metric {
    const char *name;
    enum vg_metric_type type;
    const char *labels; /**< names with commas between; "" for none */
    const char *help;
};
extern const struct vg_metric vg_metrics[VG_METRICS];
const char *vg_metric_type_name(enum vg_metric_type type);

struct vg_exposition {
    struct vg_buf *out;
    bool openmetrics;
    enum vg_metric_id family; /**< the one that was begun last */
};

/** Whether an Accept header (NULL: none was sent) asks for OpenMetrics. */
bool vg_exposition_wants_openmetrics(const char *accept);
/** The Content-Type of the page. */
const char *vg_exposition_type(bool openmetrics);

void vg_expose_family(struct vg_exposition *x, enum vg_metric_id id);
/* A sample of the family; `label` has a value for each of its labels, NULL where it has none. */
void vg_expose_count(struct vg_exposition *x, const char *const *label, uint64_t value);
/** In seconds, to the nanosecond. */
void vg_expose_ns(struct vg_exposition *x, const char *const *label, int64_t ns);

/** A histogram of `n` bounded buckets and one without: `bound_ns` [n], `count` [n + 1] of each alone. */
struct vg_exposed_delays {
    unsigned n;
    const int64_t *bound_ns;
    const uint64_t *count;
    uint64_t sum_ns;
};
void vg_expose_delays(struct vg_exposition *x, const char *const *label,
                      const struct vg_exposed_delays *d);
/** After the last family. */
void vg_expose_end(struct vg_exposition *x);

#endif
