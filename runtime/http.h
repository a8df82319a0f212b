/* http.h - the HTTP server of a service: pages, streams and orders, by a thread of its own.
 *
 * One thread and libmicrohttpd (HTTP/1.1, keep-alive). All functions of pages run in that thread and must
 * not wait. Everything is bounded: VG_HTTP_CONNECTIONS places, VG_HTTP_MEMORY bytes for what a request
 * says of itself, VG_HTTP_BODY_MAX for its body, VG_HTTP_WAIT_S from a connection (or its last answer)
 * until its next request is whole and until an answer is taken, however busy it looks meanwhile. When all
 * places are taken, a newcomer gets that of whoever has been waited for longest: probes are answered
 * whoever else holds connections open. A slow or hostile client holds up other clients at most,
 * and never a thread of the chain.
 *
 * What a browser could be talked into is refused: a Host that is not ours (a name that another site has
 * turned round to this address), a POST from a page of another site.
 *
 * No TLS: what other machines are to reach stands behind a server that has it.
 */
#ifndef VG_RUNTIME_HTTP_H
#define VG_RUNTIME_HTTP_H

#include "core/buf.h"
#include "core/err.h"
#include "core/option.h"
#include "runtime/thread.h"

enum {
    VG_HTTP_CONNECTIONS = 64,
    VG_HTTP_MEMORY = 16 << 10,
    VG_HTTP_BODY_MAX = 16 << 10,
    VG_HTTP_WAIT_S = 30,
    VG_HTTP_STREAMS = 24,              /**< streams at a time; they are never asked to make room */
    VG_HTTP_LATER = 16,                /**< answers that come later, at a time; nor are these */
    VG_HTTP_TICK_MS = 50,              /**< how often streams and later answers are asked */
    VG_HTTP_WOKEN_MS = 20,             /**< the same once somebody said that there is news */
    VG_HTTP_TURN_MS = 200,             /**< how often `turn` is called at least */
    VG_HTTP_STUCK_S = 10,              /**< who takes nothing of a stream for so long is cut off */
    VG_HTTP_QUIET_S = 5,               /**< of a stream, before a comment shows that it lives */
    VG_HTTP_STREAM_SOCKET = 128 << 10, /**< bytes that the kernel keeps of a stream for a client */
};
enum { VG_HTTP_TOKEN_MIN = 16 };

/** What a token allows, as bits. */
enum {
    VG_HTTP_MAY_READ = 1,
    VG_HTTP_MAY_ACKNOWLEDGE = 2,
    VG_HTTP_MAY_COMMAND = 4,
};

/** `service.http`. A token allows what those before it allow, too. */
struct vg_http_options {
    char *
        listen; /**< "127.0.0.1:8480", "[::1]:8480", "localhost:8480"; port 0: any. NULL: no server */
    char *token;             /**< secret: reads; NULL: nobody may */
    char *acknowledge_token; /**< secret: acknowledges and snoozes, too; NULL: nobody may */
    char *command_token;     /**< secret: gives every command; NULL: nobody may */
    struct vg_strings hosts; /**< names that the server is called by, besides its address */
    bool insecure;           /**< other machines may reach it, unencrypted */
};

/** Checks what validate can: VG_E_CONFIG names the option. */
VG_NODISCARD vg_status vg_http_options_check(const struct vg_http_options *o, struct vg_err *err);

struct vg_http_request {
    const char *accept; /**< NULL: none was sent */
    bool trusted;       /**< it may read, or comes from this machine */
    unsigned roles;     /**< VG_HTTP_MAY_...; 0: it has no token */
    const char *body;   /**< of a POST, body_len bytes and a NUL; "" otherwise */
    size_t body_len;
    const char *from; /**< address of who asks, for the audit */
    void *connection; /**< the server's, for vg_http_query() */
};

/** Events for one client, as they come. Called in the server's thread. */
struct vg_http_stream {
    /**
     * Appends to `out` what is new since the last call (vg_http_event()); false ends the stream. Asked
     * every VG_HTTP_TICK_MS, but only when the client has taken all that was said before: who is slow is
     * asked for less often, and what a call appends is all that is ever kept for one.
     */
    bool (*more)(void *state, int64_t mono_ns, struct vg_buf *out);
    void (*end)(void *state); /**< frees; called once, whatever happens. May be NULL */
};

struct vg_http_answer;

/** An answer that has to wait for something. Called in the server's thread. */
struct vg_http_later {
    /** Whether *ret is the answer now; asked every VG_HTTP_TICK_MS. It gives up by itself: an answer must
     *  come within a minute, also when the client has gone meanwhile. */
    bool (*ready)(void *state, int64_t mono_ns, struct vg_http_answer *ret);
    void (*end)(void *state); /**< frees; called once, whatever happens. May be NULL */
};

struct vg_http_answer {
    unsigned status;  /**< 200 to begin with */
    const char *type; /**< Content-Type; text/plain to begin with */
    struct vg_buf body;
    const struct vg_http_stream *stream; /**< NULL: none */
    const struct vg_http_later *later;   /**< NULL: none; at most one of the two */
    void *state;                         /**< of `stream` or `later` */
};

enum vg_http_method { VG_HTTP_GET, VG_HTTP_POST };

enum vg_http_access {
    VG_HTTP_ANYBODY,
    VG_HTTP_TRUSTED, /**< who may read, or asks from this machine */
    VG_HTTP_READ,
    VG_HTTP_ACKNOWLEDGE,
    VG_HTTP_COMMAND,
};

/** Makes a page. In the server's thread: it must not wait. */
typedef void (*vg_http_fn)(void *arg, const struct vg_http_request *request,
                           struct vg_http_answer *ret);

/** GET answers HEAD, too. A POST has a body of application/json, and comes from a page of this server or
 *  from no page. */
struct vg_http_page {
    const char *path;
    enum vg_http_method method;
    enum vg_http_access access;
    vg_http_fn fn;
};

/** A file that anybody may have; its type follows from its name. "/index.html" is "/", too. */
struct vg_http_file {
    const char *path;
    const void *bytes;
    size_t size;
};

/** What is served. All must outlive the server. */
struct vg_http_content {
    const struct vg_http_page *pages; /**< ends with a NULL path */
    const struct vg_http_file *files; /**< ends with a NULL path; NULL: none */
    /** Somebody without the right to it posted to a page; `why` is a literal. May be NULL. */
    void (*refused)(void *arg, const char *from, const char *path, const char *why);
    /** Called in the server's thread at every turn, before any page, also while nobody is connected. May
     *  be NULL. */
    void (*turn)(void *arg, int64_t mono_ns);
    /** Called by the thread before and after all that it asks of pages, streams and later answers in one
     *  turn, but for the ends of those that are left at the stop. May be NULL. */
    void (*enter)(void *arg);
    void (*leave)(void *arg);
    void *arg;
};

struct vg_http;

/** Listens and starts the thread. VG_E_UNAVAILABLE when the address is taken or not this machine's,
 *  VG_E_MEMORY when there is no thread to be had. */
VG_NODISCARD vg_status vg_http_start(const struct vg_http_options *o,
                                     const struct vg_http_content *content, int wake_fd,
                                     struct vg_http **ret, struct vg_err *err);
/** Ends the thread and all connections. NULL is fine. */
void vg_http_stop(struct vg_http *h);

/** "127.0.0.1:8480", with the port that it has. */
const char *vg_http_address(const struct vg_http *h);
/** An eventfd: who writes to it says that there is news for streams and later answers, which are asked
 *  within VG_HTTP_WOKEN_MS. */
int vg_http_wake_fd(const struct vg_http *h);
/** Calls fn for each status that was ever answered. */
void vg_http_each_status(const struct vg_http *h,
                         void (*fn)(void *arg, unsigned status, uint64_t n), void *arg);

/** Why a connection was cut off. */
enum vg_http_cut {
    VG_HTTP_CUT_LATE, /**< its request was not whole, or its answer not taken, in time */
    VG_HTTP_CUT_ROOM, /**< all places were taken, and it was waited for longest */
    VG_HTTP_CUT_SLOW, /**< it took nothing of its stream for VG_HTTP_STUCK_S */
    VG_HTTP_CUTS,
};

struct vg_http_figures {
    uint32_t connections, streams;
    uint64_t cut[VG_HTTP_CUTS]; /**< since the start */
};

/** In the server's thread. */
void vg_http_look(const struct vg_http *h, struct vg_http_figures *ret);

/* ---- for pages ---- */

/** Whether an Accept header prefers JSON to text. */
bool vg_http_wants_json(const char *accept);

/** A parameter of the question behind the path; NULL when it was not given. Lives as long as the
 *  request. */
const char *vg_http_query(const struct vg_http_request *request, const char *name);
/** The same as a whole number; `otherwise` when it was not given. False when it is none from min to
 *  max: then *ret is untouched. */
VG_NODISCARD bool vg_http_query_int(const struct vg_http_request *request, const char *name,
                                    int64_t min, int64_t max, int64_t otherwise, int64_t *ret);

/** Makes the answer an error: {"error":"what happened, what was expected"}. */
void vg_http_refuse(struct vg_http_answer *ret, unsigned status, const char *fmt, ...)
    VG_PRINTF(3, 4);

/** Begins an event of a stream; its data, one line of JSON, are appended to `out` by the caller. */
void vg_http_event(struct vg_buf *out, const char *name);
void vg_http_event_end(struct vg_buf *out);

#endif
