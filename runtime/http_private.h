/* http_private.h - the parts of the HTTP server and what they share. All in the server's thread.
 *
 *   http.c         the thread, starting and stopping
 *   http_listen.c  addresses and the options
 *   http_guard.c   who may ask for what
 *   http_answer.c  a request from its first byte to its answer
 *   http_hold.c    streams, and answers that come later
 *   http_place.c   connections, and how long each may hold its place
 *   http_file.c    files that anybody may have
 */
#ifndef VG_RUNTIME_HTTP_PRIVATE_H
#define VG_RUNTIME_HTTP_PRIVATE_H

#include <stdatomic.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "runtime/http.h"

/* ---- http_listen.c ---- */

enum { VG_HTTP_ADDRESS_SIZE = 64 };

/** Opens the socket of `listen`, which was checked. *ret_local: only this machine can reach it. */
VG_NODISCARD vg_status vg_http_listen(const char *listen, int *ret_fd, bool *ret_local,
                                      char ret_address[VG_HTTP_ADDRESS_SIZE], struct vg_err *err);
/** The address of a client, without its port. */
void vg_http_client(const struct sockaddr *address, char ret[VG_HTTP_ADDRESS_SIZE]);

/* ---- http_guard.c ---- */

enum { VG_HTTP_TOKENS = 3, VG_HTTP_DIGEST = 32 };

/** What decides on a request. */
struct vg_http_guard {
    bool local; /**< only this machine can ask */
    const struct vg_strings *hosts;
    uint8_t key[VG_HTTP_DIGEST]; /**< of this run, for the digests */
    bool known[VG_HTTP_TOKENS];
    uint8_t token[VG_HTTP_TOKENS][VG_HTTP_DIGEST]; /**< digests: comparing them tells nothing */
};

/** What a request says of itself; NULL where it says nothing. */
struct vg_http_head {
    const char *host, *origin, *fetch_site, *authorization, *type, *length, *coding;
    unsigned hosts, lengths, origins; /**< how many times it says each */
    bool forwarded;                   /**< a server in front has passed it on */
};

/** Why a request is refused; status 0: it is not. `why` is a literal. */
struct vg_http_verdict {
    unsigned status;
    const char *why;
};

void vg_http_guard_init(struct vg_http_guard *g, const struct vg_http_options *o, bool local);
/** What the token of a request allows. */
unsigned vg_http_guard_roles(const struct vg_http_guard *g, const char *authorization);
/** Whether the request comes from this machine. Under a name of `hosts` it came through a server in front,
 *  from anywhere, as does one that says so. */
bool vg_http_guard_is_local(const struct vg_http_guard *g, const struct vg_http_head *head);
/** Whether `roles`, or that it `is_local`, are enough; if not, 401 or 403. */
struct vg_http_verdict vg_http_guard_access(const struct vg_http_guard *g,
                                            enum vg_http_access access, unsigned roles,
                                            bool is_local);
/** Whether the request was sent to this server: 421. */
struct vg_http_verdict vg_http_guard_host(const struct vg_http_guard *g,
                                          const struct vg_http_head *head);
/** Whether a POST comes from a page of this server or from no page: 403. */
struct vg_http_verdict vg_http_guard_origin(const struct vg_http_head *head);
/** Whether it is clear where the request ends, and where it comes from: 400. Else a server in front may see
 *  another request in it than this one does. */
struct vg_http_verdict vg_http_guard_framing(const struct vg_http_head *head);
/** Whether there is a body as it must be: 411, 413, 415; for a GET, whether there is none. */
struct vg_http_verdict vg_http_guard_body(const struct vg_http_head *head, bool posts);

/* ---- http_place.c ---- */

enum vg_http_phase {
    VG_HTTP_AWAITED, /**< its request is not whole yet */
    VG_HTTP_TAKING,  /**< its answer is on the way */
    VG_HTTP_HELD,    /**< a stream, or an answer that comes later: bounded in number */
};

/** A connection. */
struct vg_http_place {
    struct vg_http_place *next, **link;
    struct vg_http *server;
    int fd;
    enum vg_http_phase phase;
    int64_t since_ns; /**< when the phase began */
    bool cut;
    char from[VG_HTTP_ADDRESS_SIZE];
};

/** libmicrohttpd's notification of connections. */
void vg_http_place_notify(void *server, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what);
struct vg_http_place *vg_http_place_of(struct MHD_Connection *c);
void vg_http_place_phase(struct vg_http_place *p, enum vg_http_phase phase);
/** Ends a connection; libmicrohttpd notices by itself. */
void vg_http_place_cut(struct vg_http_place *p, enum vg_http_cut why);
/** Ends connections whose time is over. */
void vg_http_places_tidy(struct vg_http *h, int64_t mono_ns);

/* ---- http_hold.c ---- */

/** A request, from its head to its end. */
struct vg_http_exchange {
    struct vg_http *server;
    struct MHD_Connection *connection;
    struct vg_http_place *place;
    const struct vg_http_page *page;
    const struct vg_http_file_ready *file;
    unsigned roles;
    bool is_local;
    struct vg_buf body;
    struct vg_http_answer answer;
    bool made;     /**< the answer is there, or will be by `later` or `stream` */
    bool unframed; /**< nobody knows where the request ends: nothing more is read behind it */

    struct vg_http_exchange *next, **link; /**< of those that are held */
    bool held;
    bool suspended;    /**< libmicrohttpd lets it rest */
    bool over;         /**< the stream ends behind `out` */
    struct vg_buf out; /**< of a stream: said, and not taken yet from `taken` on */
    size_t taken;
    int64_t taken_ns; /**< when the client last took something */
    int64_t said_ns;
};

/** Takes the exchange among those that are held; false when there are as many as may be. */
VG_NODISCARD bool vg_http_hold(struct vg_http_exchange *x);
/** Frees what a stream or later answer has; libmicrohttpd knows it no more. */
void vg_http_release(struct vg_http_exchange *x);
/** libmicrohttpd's call for more of a stream. */
ssize_t vg_http_hold_read(void *exchange, uint64_t at, char *out, size_t max);
/** Lets libmicrohttpd rest until the answer is there. */
void vg_http_hold_rest(struct vg_http_exchange *x);
/** Asks all whose time it is. */
void vg_http_holds_tick(struct vg_http *h, int64_t mono_ns);
/** The server ends: libmicrohttpd may have all of them back. */
void vg_http_holds_end(struct vg_http *h);

/* ---- http_file.c ---- */

/** A file as it goes out. */
struct vg_http_file_ready {
    const char *path;
    char tag[40];                                    /**< ETag, with its quotes */
    struct MHD_Response *plain, *packed, *unchanged; /**< packed: NULL where that is not shorter */
};

struct vg_http_files {
    struct vg_http_file_ready *file;
    size_t n;
};

void vg_http_files_make(struct vg_http_files *ret, const struct vg_http_file *files);
void vg_http_files_free(struct vg_http_files *f);
const struct vg_http_file_ready *vg_http_file_find(const struct vg_http_files *f, const char *path);
enum MHD_Result vg_http_file_send(const struct vg_http_file_ready *f, struct MHD_Connection *c,
                                  unsigned *ret_status);

/* ---- http_answer.c ---- */

/** Headers that keep a browser from doing more with an answer than showing it. */
void vg_http_harden(struct MHD_Response *r);

enum { VG_HTTP_STATUSES = 17 };
extern const unsigned vg_http_status[VG_HTTP_STATUSES];

/** libmicrohttpd's calls with a request, and at its end. */
enum MHD_Result vg_http_answer_call(void *server, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **exchange);
void vg_http_answer_over(void *server, struct MHD_Connection *c, void **exchange,
                         enum MHD_RequestTerminationCode why);

/* ---- the server ---- */

struct vg_http {
    const struct vg_http_content *content;
    struct vg_http_guard guard;
    struct vg_http_files files;
    struct vg_thread thread;
    struct MHD_Daemon *daemon;
    int wake_fd;
    atomic_bool finish;
    char address[VG_HTTP_ADDRESS_SIZE];
    atomic_ulong answered[VG_HTTP_STATUSES];

    struct vg_http_place *places;
    uint32_t places_n;
    struct vg_http_exchange *held;
    uint32_t streams, later;
    int64_t ticked_ns;
    bool woken; /* since then */
    uint64_t cut[VG_HTTP_CUTS];
};

#endif
