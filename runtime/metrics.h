/* metrics.h - the metrics page: everything in runtime/metrics.def, as it is now. */
#ifndef VG_RUNTIME_METRICS_H
#define VG_RUNTIME_METRICS_H

#include "runtime/exposition.h"
#include "runtime/http.h"
#include "runtime/observed.h"

/** Appends the page. `reader` is the caller's own; `http` the server that is asked. */
void vg_metrics_write(const struct vg_observed *o, struct vg_outbox_reader *reader,
                      const struct vg_http *http, struct vg_exposition *x);

#endif
