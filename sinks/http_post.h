/* http_post.h - one HTTP request at a time to a receiver that is not trusted.
 *
 * A receiver, or whoever can change a DNS name, must not make Vigil talk to what only this machine can
 * reach: redirects are not followed, proxies from the environment are not used, and every address is
 * looked at after the name was resolved. It cannot keep the sink waiting either: there is a deadline
 * for all of it, and an answer is read up to 64 KiB. One thread.
 */
#ifndef VG_SINKS_HTTP_POST_H
#define VG_SINKS_HTTP_POST_H

#include <stddef.h>

#include "core/err.h"
#include "core/option.h"
#include "sinks/certificate.h"

/** The options that sinks over HTTP share; VG_HTTP_OPTIONS has their rows. */
struct vg_http_options {
    char *url;
    struct vg_strings headers; /**< sent with every request */
    struct vg_strings allow;   /**< "loopback", "link_local" */
    struct vg_certificate_options certs;
    bool insecure; /**< plain http off this machine */
};

/* clang-format off */
#define VG_HTTP_OPTIONS(T, field, url_help) \
    VG_OPT_STRING(T, field.url, "url", NULL, VG_OPT_REQUIRED, url_help), \
    VG_OPT_MAP(T, field.headers, "headers", VG_OPT_SECRET, \
               "Sent with every request, such as Authorization."), \
    VG_OPT_LIST(T, field.allow, "allow", 0, \
                "Addresses that are refused otherwise: loopback (this machine), link_local " \
                "(169.254.0.0/16 and fe80::/10, where clouds keep credentials)."), \
    VG_CERTIFICATE_OPTIONS(T, field.certs), \
    VG_OPT_BOOL(T, field.insecure, "insecure", "false", 0, \
                "Allow plain http to another machine.")
/* clang-format on */

struct vg_http;

/** Checks the options; VG_E_CONFIG names the one at fault. Touches no network and no file. */
VG_NODISCARD vg_status vg_http_check(const struct vg_http_options *options, struct vg_err *err);

/** Prepares; connects to nobody. `options` has to live as long. */
VG_NODISCARD vg_status vg_http_open(const struct vg_http_options *options, const char *version,
                                    int64_t timeout_ns, struct vg_http **ret, struct vg_err *err);
void vg_http_close(struct vg_http *h); /**< NULL is fine */

/** A request. */
struct vg_http_request {
    const char *method;         /**< "POST", "PUT" */
    const char *path;           /**< added to the url; "" for none */
    const char *const *headers; /**< "Name: value", NULL-terminated; those of `options` follow */
    const void *body;
    size_t len;
};

/**
 * Sends it and waits for the status. VG_OK for 2xx. VG_E_RANGE for 400, 413, 414 and 422, with which
 * a receiver refuses this body for ever; VG_E_FAILED for 410, with which it wants no more at all;
 * VG_E_TEMPORARY for any other status (401, 403, 404, 429, 3xx, 5xx), VG_E_UNAVAILABLE when there was
 * none. Messages hold neither the url nor what was answered.
 */
VG_NODISCARD vg_status vg_http_send(struct vg_http *h, const struct vg_http_request *request,
                                    struct vg_err *err);

#endif
