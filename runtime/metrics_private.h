/* metrics_private.h - the families that have a file of their own, for runtime/metrics.c alone. */
#ifndef VG_RUNTIME_METRICS_PRIVATE_H
#define VG_RUNTIME_METRICS_PRIVATE_H

#include "runtime/exposition.h"
#include "runtime/observed.h"

/** A histogram of delays, of one label. */
void vg_metrics_delays(const struct vg_delays *d, const char *label, struct vg_exposition *x);
/** Everything about sinks (metrics_sinks.c). */
void vg_metrics_sinks(const struct vg_observed *o, struct vg_exposition *x);

#endif
