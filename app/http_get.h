/* http_get.h - asks the HTTP server of a pipeline on this machine, or that somebody forwards to it. */
#ifndef VG_APP_HTTP_GET_H
#define VG_APP_HTTP_GET_H

#include "core/buf.h"
#include "core/err.h"

/**
 * Appends what GET of `path` gives to `ret`. `address` is that of `service.http.listen`, or where that is
 * reached; of all addresses the loopback is asked. `token` may be NULL. VG_E_UNAVAILABLE when nobody answers
 * in a few seconds; VG_E_FAILED when the answer is a refusal, with what it says.
 */
VG_NODISCARD vg_status vg_http_get(const char *address, const char *token, const char *path,
                                   struct vg_buf *ret, struct vg_err *err);

#endif
