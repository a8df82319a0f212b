/* metrics.h - the metrics page: everything in runtime/metrics.def, as it is now. */
#ifndef VG_RUNTIME_METRICS_H
#define VG_RUNTIME_METRICS_H

#include "runtime/exposition.h"
#include "runtime/http.h"
#include "runtime/observed.h"
#include "runtime/ward.h"

/** Appends the page. `reader` is the caller's own, as is `ward` (NULL: there is none); `http` is the server
 *  that is asked. */
void vg_metrics_write(const struct vg_observed *o, struct vg_outbox_reader *reader,
                      const struct vg_ward *ward, const struct vg_http *http,
                      struct vg_exposition *x);

#endif
