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

/* ---- for those who read an answer themselves ---- */

/** Sends a question: a GET, or with a `body` (JSON) a POST. Returns the socket that the answer comes from, -1
 *  and errno when there is nobody. */
int vg_http_ask(const char *address, const char *token, const char *path, const char *body);
/** Fails with VG_E_UNAVAILABLE and errno. */
vg_status vg_http_silent(const char *address, struct vg_err *err);
/** Where the body begins in an answer whose headers are whole. What refuses fails with what it says:
 *  VG_E_USAGE for a question that was wrong, else VG_E_FAILED. */
VG_NODISCARD vg_status vg_http_body(const char *address, const char *path, const char *answer,
                                    const char **ret_body, struct vg_err *err);

#endif
