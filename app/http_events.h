/* http_events.h - the events of a stream of a pipeline's HTTP server, one after the other. */
#ifndef VG_APP_HTTP_EVENTS_H
#define VG_APP_HTTP_EVENTS_H

#include "core/buf.h"
#include "core/err.h"

struct vg_http_events {
    const char *address;
    int fd;
    struct vg_buf in; /**< what came and was not given out yet, behind `at` */
    size_t at;
    char name[32];      /**< of the event: "row" */
    struct vg_buf data; /**< its data, one line */
};

/**
 * Posts `body` to `path` and waits for the answer to begin. Fails as vg_http_get() does, with VG_E_USAGE when
 * the question was wrong. `address` must live on. vg_http_events_close() in every case.
 */
VG_NODISCARD vg_status vg_http_events_open(struct vg_http_events *e, const char *address,
                                           const char *token, const char *path, const char *body,
                                           struct vg_err *err);
void vg_http_events_close(struct vg_http_events *e);

enum vg_http_next { VG_HTTP_NEXT_EVENT, VG_HTTP_NEXT_NOTHING, VG_HTTP_NEXT_END };
/** Waits up to timeout_ms for the next event; a signal ends the wait. END: the server is gone. */
enum vg_http_next vg_http_events_next(struct vg_http_events *e, int timeout_ms);

#endif
