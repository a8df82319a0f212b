/* metrics_host.h - the part of the metrics page that asks the outbox and the system. */
#ifndef VG_RUNTIME_METRICS_HOST_H
#define VG_RUNTIME_METRICS_HOST_H

#include "runtime/exposition.h"
#include "runtime/observed.h"

/** Alerts that are there, by ward and priority. `reader` NULL, or one that fails: none is told. */
void vg_metrics_active(struct vg_outbox_reader *reader, const struct vg_site *site,
                       struct vg_exposition *x);
void vg_metrics_disk(const struct vg_observed *o, struct vg_exposition *x);
void vg_metrics_process(int64_t began_wall_ns, struct vg_exposition *x);

#endif
