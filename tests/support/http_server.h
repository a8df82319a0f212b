/* http_server.h - the HTTP server with pages of its own, asked by raw sockets.
 *
 * Programs that use it are linked with --wrap=vg_mono_ns and --wrap=pthread_create: the server's clock can
 * be put forward, and the system can be out of threads.
 */
#ifndef VG_TESTS_HTTP_SERVER_H
#define VG_TESTS_HTTP_SERVER_H

#include <stdatomic.h>

#include "runtime/http.h"

#define READER    "reader-0123456789abcdef"
#define NURSE     "nurse-0123456789abcdef"
#define COMMANDER "commander-0123456789abcdef"

/* Parts of requests. */
#define HEAD  " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define BY(t) "Authorization: Bearer " t "\r\n"

/** Of one test at a time. */
struct http {
    struct vg_http *server; /**< NULL: stopped */
    atomic_int streams_ended, laters_ended, refusals;
    atomic_bool release_later; /**< /later is answered now */
    atomic_bool flood;         /**< /stream says more than anybody takes */
    atomic_bool no_threads;    /**< there are none to be had */
    /* what the server's figures were when /hello was asked for last */
    atomic_uint slow_cuts, room_cuts, late_cuts, connections;
};

extern struct http http;

enum { HTTP_TEXT_FILE = 69 };
extern const char http_text_file[HTTP_TEXT_FILE]; /**< "/index.html", as text */
extern const struct vg_http_content http_content;
extern const struct vg_http_options http_options;

/** For .init and .fini of a TestSuite: the server runs in between. */
void http_init(void);
void http_done(void);

/** Puts the server's clock forward. */
void http_pass(int64_t seconds);

/** A connection; receive_bytes 0: with the usual buffer. */
int http_knock(int receive_bytes);
void http_say(int fd, const char *text);
/** All until the server closes, or until `mark` (NULL: none) was received. */
void http_hear(int fd, const char *mark, struct vg_buf *ret);
/** Asks on a connection of its own and returns the status; 0: there was no answer. `ret` may be NULL. */
int http_ask(const char *request, struct vg_buf *ret);
bool http_has(const struct vg_buf *answer, const char *text);

#endif
