/* observer.h - what a running service shows of itself over HTTP: probes, metrics and state.
 *
 * /livez and /readyz answer anybody, with reasons for those who may know them (runtime/health.h);
 * /metrics is runtime/metrics.h, /api/v1/ is runtime/status.h and runtime/ward_pages.h. Documented in ../docs/http.md.
 */
#ifndef VG_RUNTIME_OBSERVER_H
#define VG_RUNTIME_OBSERVER_H

#include "runtime/api_orders.h"
#include "runtime/http.h"
#include "runtime/observed.h"
#include "runtime/ward_pages.h"

struct vg_observer {
    struct vg_observed what;
    char run[9]; /**< of this start, in hexadecimal digits: what a page knows of another is void */
    struct vg_api_refused refused;
    struct vg_http_content content;
    struct vg_http *http;
    struct vg_outbox_reader *reader; /**< the server's thread's, as is what follows */
    bool told;                       /**< that it cannot be opened */
    struct vg_ward_pages ward;
};

/** Starts the server that `what` configures, if it does; `what` is set, the rest zeroed. */
VG_NODISCARD vg_status vg_observer_start(struct vg_observer *o, int wake_fd, struct vg_err *err);
/** Ends it. Also when it was never started. */
void vg_observer_stop(struct vg_observer *o);

#endif
