/* http.h - the HTTP server of a service: pages that a thread of its own makes when they are asked for.
 *
 * One thread and libmicrohttpd (HTTP/1.1, keep-alive). Bounded: VG_HTTP_CONNECTIONS at a time, the rest
 * wait in the kernel's queue; VG_HTTP_MEMORY bytes for what a request says of itself; no bodies; a
 * connection on which nothing comes or goes for VG_HTTP_IDLE_S ends. A slow or hostile client holds up
 * other clients at most, and never a thread of the chain.
 *
 * No TLS: what other machines are to reach stands behind a server that has it.
 */
#ifndef VG_RUNTIME_HTTP_H
#define VG_RUNTIME_HTTP_H

#include "core/buf.h"
#include "core/err.h"
#include "runtime/thread.h"

enum { VG_HTTP_CONNECTIONS = 64, VG_HTTP_MEMORY = 16 << 10, VG_HTTP_IDLE_S = 30 };
enum { VG_HTTP_TOKEN_MIN = 16 };

/** `service.http`. */
struct vg_http_options {
    char *
        listen; /**< "127.0.0.1:8480", "[::1]:8480", "localhost:8480"; port 0: any. NULL: no server */
    char *token;   /**< secret; NULL: what needs one is closed */
    bool insecure; /**< other machines may reach it, unencrypted */
};

/** Checks what validate can: VG_E_CONFIG names the option. */
VG_NODISCARD vg_status vg_http_options_check(const struct vg_http_options *o, struct vg_err *err);

struct vg_http_request {
    const char *accept; /**< NULL: none was sent */
    bool trusted;       /**< it has the token, or only this machine can ask */
};

struct vg_http_answer {
    unsigned status;  /**< 200 to begin with */
    const char *type; /**< Content-Type; text/plain to begin with */
    struct vg_buf body;
};

enum vg_http_access {
    VG_HTTP_ANYBODY,
    VG_HTTP_TRUSTED, /**< the token, or only this machine can ask */
    VG_HTTP_TOKEN,
};

/** Makes a page. In the server's thread: it must not wait. */
typedef void (*vg_http_fn)(void *arg, const struct vg_http_request *request,
                           struct vg_http_answer *ret);

struct vg_http_page {
    const char *path;
    enum vg_http_access access;
    vg_http_fn fn;
};

struct vg_http;

/**
 * Listens and starts the thread; `pages` ends with a NULL path. All given must outlive the server.
 * VG_E_UNAVAILABLE when the address is taken or not this machine's.
 */
VG_NODISCARD vg_status vg_http_start(const struct vg_http_options *o,
                                     const struct vg_http_page *pages, void *arg, int wake_fd,
                                     struct vg_http **ret, struct vg_err *err);
/** Ends the thread and all connections. NULL is fine. */
void vg_http_stop(struct vg_http *h);

/** "127.0.0.1:8480", with the port that it has. */
const char *vg_http_address(const struct vg_http *h);
/** Calls fn for each status that was ever answered. */
void vg_http_each_status(const struct vg_http *h,
                         void (*fn)(void *arg, unsigned status, uint64_t n), void *arg);

/** Whether an Accept header prefers JSON to text. */
bool vg_http_wants_json(const char *accept);

#endif
