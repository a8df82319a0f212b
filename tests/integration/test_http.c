/* test_http.c - the HTTP server with pages of its own, asked by raw sockets: what is refused and with
 * which status, streams, answers that come later, and clients that hold places. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/http.h"

#define READER    "reader-0123456789abcdef"
#define NURSE     "nurse-0123456789abcdef"
#define COMMANDER "commander-0123456789abcdef"

/* ---- a clock that can be put forward ---- */

static _Atomic int64_t ahead_ns;

int64_t __real_vg_mono_ns(void);
int64_t __wrap_vg_mono_ns(void);

int64_t __wrap_vg_mono_ns(void)
{
    return __real_vg_mono_ns() + atomic_load(&ahead_ns);
}

static void pass(int64_t seconds)
{
    atomic_fetch_add(&ahead_ns, seconds * VG_NS_PER_S);
}

/* ---- a system that gives no more threads ---- */

static atomic_bool no_threads;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg)
{
    return atomic_load(&no_threads) ? EAGAIN : __real_pthread_create(id, how, fn, arg);
}

/* ---- the pages ---- */

static atomic_int streams_ended, laters_ended, refusals;
static atomic_bool release_later, flood;
static atomic_uint slow_cuts, room_cuts, late_cuts, connections;
static struct vg_http *server;

static void hello(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_http_figures figures;
    int64_t n;

    (void)arg;
    vg_http_look(server, &figures);
    atomic_store(&slow_cuts, (unsigned)figures.cut[VG_HTTP_CUT_SLOW]);
    atomic_store(&room_cuts, (unsigned)figures.cut[VG_HTTP_CUT_ROOM]);
    atomic_store(&late_cuts, (unsigned)figures.cut[VG_HTTP_CUT_LATE]);
    atomic_store(&connections, figures.connections);
    if (!vg_http_query_int(request, "n", 1, 10, 7, &n)) {
        vg_http_refuse(ret, 400, "n: expected a number from 1 to 10");
        return;
    }
    vg_buf_printf(&ret->body, "hello %lld %u", (long long)n, request->roles);
}

static void echo(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    (void)arg;
    ret->type = "application/json";
    vg_buf_add(&ret->body, request->body, request->body_len);
}

struct counter {
    int n;
};

static bool count_on(void *state, int64_t mono_ns, struct vg_buf *out)
{
    struct counter *c = state;
    static const char filler[8192] = { 0 };

    (void)mono_ns;
    if (atomic_load(&flood)) {
        for (int i = 0; i < 64; i++) {
            vg_http_event(out, "flood");
            for (size_t k = 0; k < sizeof(filler); k += 64)
                vg_buf_printf(out, "%064d", c->n);
            vg_http_event_end(out);
        }
        return true;
    }
    vg_http_event(out, "count");
    vg_buf_printf(out, "%d", c->n++);
    vg_http_event_end(out);
    return c->n < 3;
}

static void stream_ended(void *state)
{
    free(state);
    atomic_fetch_add(&streams_ended, 1);
}

static const struct vg_http_stream counting = { count_on, stream_ended };

static void stream(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    (void)arg;
    (void)request;
    ret->type = "text/event-stream";
    ret->stream = &counting;
    ret->state = calloc(1, sizeof(struct counter));
}

static bool silent(void *state, int64_t mono_ns, struct vg_buf *out)
{
    (void)state;
    (void)mono_ns;
    (void)out;
    return true;
}

static const struct vg_http_stream silence = { silent, stream_ended };

static void quiet(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    stream(arg, request, ret);
    ret->stream = &silence;
}

static bool is_released(void *state, int64_t mono_ns, struct vg_http_answer *ret)
{
    (void)state;
    (void)mono_ns;
    if (!atomic_load(&release_later))
        return false;
    vg_http_refuse(ret, 409, "later");
    return true;
}

static void later_ended(void *state)
{
    (void)state;
    atomic_fetch_add(&laters_ended, 1);
}

static const struct vg_http_later until_released = { is_released, later_ended };

static void later(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    (void)arg;
    (void)request;
    ret->later = &until_released;
}

static void note_refusal(void *arg, const char *from, const char *path, const char *why)
{
    (void)arg;
    if (strcmp(from, "127.0.0.1") == 0 && path[0] == '/' && why[0] != '\0')
        atomic_fetch_add(&refusals, 1);
}

/* clang-format off */
static const struct vg_http_page pages[] = {
    { "/hello", VG_HTTP_GET, VG_HTTP_ANYBODY, hello },
    { "/read", VG_HTTP_GET, VG_HTTP_READ, hello },
    { "/trusted", VG_HTTP_GET, VG_HTTP_TRUSTED, hello },
    { "/stream", VG_HTTP_GET, VG_HTTP_ANYBODY, stream },
    { "/quiet", VG_HTTP_GET, VG_HTTP_ANYBODY, quiet },
    { "/echo", VG_HTTP_POST, VG_HTTP_ACKNOWLEDGE, echo },
    { "/command", VG_HTTP_POST, VG_HTTP_COMMAND, echo },
    { "/later", VG_HTTP_POST, VG_HTTP_ACKNOWLEDGE, later },
    { NULL, VG_HTTP_GET, VG_HTTP_ANYBODY, NULL },
};
/* clang-format on */

static const char text_file[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const struct vg_http_file files[] = {
    { "/index.html", text_file, sizeof(text_file) - 1 },
    { "/tiny.js", "1", 1 },
    { NULL, NULL, 0 },
};
static const struct vg_http_content content = { .pages = pages,
                                                .files = files,
                                                .refused = note_refusal };

static char *names[] = { (char *)"Vigil.example.org" };
static const struct vg_http_options options = {
    .listen = (char *)"127.0.0.1:0",
    .token = (char *)READER,
    .acknowledge_token = (char *)NURSE,
    .command_token = (char *)COMMANDER,
    .hosts = { 1, NULL, names },
};

static void open_server(void)
{
    struct vg_err err = { .status = VG_OK };

    cr_assert(vg_http_start(&options, &content, -1, &server, &err) == VG_OK, "%s", err.msg);
}

static void close_server(void)
{
    vg_http_stop(server);
}

TestSuite(http, .init = open_server, .fini = close_server, .timeout = 60);

/* ---- a client ---- */

static int knock(int receive_bytes)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    const struct timeval wait = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(strrchr(vg_http_address(server), ':') + 1));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    cr_assert(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* All until the server closes, or until `mark` (NULL: none) was received. */
static void hear(int fd, const char *mark, struct vg_buf *ret)
{
    char bytes[4096];
    ssize_t n;

    vg_buf_clear(ret);
    vg_buf_str(ret, "");
    while (!mark || !strstr(ret->data, mark)) {
        n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0)
            return;
        vg_buf_add(ret, bytes, (size_t)n);
    }
}

/* Asks on a connection of its own and returns the status; 0: there was no answer. */
static int ask(const char *request, struct vg_buf *ret)
{
    struct vg_buf own = VG_BUF_INIT, *answer = ret ? ret : &own;
    int fd = knock(0), status;

    say(fd, request);
    shutdown(fd, SHUT_WR);
    hear(fd, NULL, answer);
    close(fd);
    status = answer->len > 12 ? atoi(answer->data + 9) : 0;
    vg_buf_done(&own);
    return status;
}

#define HEAD  " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define BY(t) "Authorization: Bearer " t "\r\n"

static bool has(const struct vg_buf *answer, const char *text)
{
    return strstr(answer->data, text) != NULL;
}

/* ---- who may ask for what ---- */

Test(http, a_request_is_answered_or_refused_as_it_says)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "GET /hello" HEAD "\r\n", 200 },
        { "HEAD /hello" HEAD "\r\n", 200 },
        { "GET /hello?n=3" HEAD "\r\n", 200 },
        { "GET /hello?n=11" HEAD "\r\n", 400 },
        { "GET /hello?n=" HEAD "\r\n", 400 },
        { "GET /elsewhere" HEAD "\r\n", 404 },
        { "GET /../hello" HEAD "\r\n", 404 },
        { "DELETE /hello" HEAD "\r\n", 405 },
        { "POST /hello" HEAD JSON "Content-Length: 2\r\n\r\n{}", 405 },
        { "GET /echo" HEAD "\r\n", 405 },
        { "GET /hello" HEAD "Content-Length: 2\r\n\r\n{}", 413 },
        { "GET /hello" HEAD "Content-Length: 0\r\nContent-Length: 2\r\n\r\n{}", 400 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
          400 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n"
          "Content-Length: 2\r\n\r\n{}",
          400 },
        /* tokens */
        { "GET /read" HEAD "\r\n", 401 },
        { "GET /read" HEAD BY(READER) "\r\n", 200 },
        { "GET /read" HEAD BY(NURSE) "\r\n", 200 },
        { "GET /read" HEAD BY(READER "x") "\r\n", 401 },
        { "GET /read" HEAD BY("") "\r\n", 401 },
        { "GET /read" HEAD "Authorization: " READER "\r\n\r\n", 401 },
        { "POST /echo" HEAD JSON "Content-Length: 2\r\n\r\n{}", 401 },
        { "POST /echo" HEAD BY(READER) JSON "Content-Length: 2\r\n\r\n{}", 403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "POST /command" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}", 403 },
        { "POST /command" HEAD BY(COMMANDER) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "POST /echo" HEAD BY(COMMANDER) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "GET /trusted" HEAD "\r\n", 200 },
        { "GET /trusted" HEAD "X-Forwarded-For: 192.0.2.7\r\n\r\n", 401 },
        { "GET /trusted" HEAD "Via: 1.1 front\r\n\r\n", 401 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: vigil.example.org\r\n\r\n", 401 },
        /* bodies */
        { "POST /echo" HEAD BY(NURSE) "Content-Length: 2\r\n\r\n{}", 415 },
        { "POST /echo" HEAD BY(NURSE) "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
          415 },
        { "POST /echo" HEAD BY(
              NURSE) "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}",
          415 },
        { "POST /echo" HEAD BY(
              NURSE) "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 16385\r\n\r\n{}", 413 },
        { "POST /echo" HEAD BY(NURSE) JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
          411 },
        { "POST /echo" HEAD BY(NURSE) JSON "\r\n", 411 },
        /* hosts */
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: localhost.evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: \r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:x\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: [::1\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
          421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: [::1]:8480\r\n\r\n", 200 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: localhost:8480\r\n\r\n", 200 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: vigil.EXAMPLE.org:443\r\n\r\n", 200 },
        { "GET /hello HTTP/1.0\r\n\r\n", 200 },
        /* origins */
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://127.0.0.1\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: https://127.0.0.1\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://evil.example\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://127.0.0.1:1\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nOrigin: null\r\n\r\n{}", 403 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nSec-Fetch-Site: same-origin\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nSec-Fetch-Site: cross-site\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nSec-Fetch-Site: none\r\n\r\n{}",
          403 },
    };
    struct vg_buf answer = VG_BUF_INIT;

    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        int status = ask(rows[i].request, &answer);

        cr_expect(status == rows[i].status, "row %zu: %d: %s%s", i, status, rows[i].request,
                  answer.data);
        if (status >= 400 && strncmp(rows[i].request, "HEAD", 4) != 0)
            cr_expect(has(&answer, "{\"error\":\""), "row %zu: %s", i, answer.data);
        cr_expect(has(&answer, "Content-Security-Policy: default-src 'none'"), "row %zu", i);
    }
    cr_expect(eq(int, atomic_load(&refusals), 8));
    vg_buf_done(&answer);
}

Test(http, where_others_can_reach_it_probes_use_any_name_and_pages_for_browsers_do_not)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 200 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 401 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(READER) "\r\n",
          200 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n\r\n", 401 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(READER) "\r\n", 421 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n" BY(READER) "\r\n", 200 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: [fe80::1]:1\r\n" BY(READER) "\r\n",
          200 },
        { "GET / HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 421 },
        { "POST /echo HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(NURSE) JSON
          "Content-Length: 2\r\n\r\n{}",
          421 },
    };
    struct vg_http_options wide = options;
    struct vg_err err = { .status = VG_OK };

    vg_http_stop(server);
    wide.listen = (char *)"0.0.0.0:0";
    wide.insecure = true;
    cr_assert(vg_http_start(&wide, &content, -1, &server, &err) == VG_OK, "%s", err.msg);
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++)
        cr_expect(ask(rows[i].request, NULL) == rows[i].status, "row %zu: %s", i, rows[i].request);
}

Test(http, a_body_arrives_whole_however_it_is_cut)
{
    struct vg_buf answer = VG_BUF_INIT, body = VG_BUF_INIT, head = VG_BUF_INIT;
    int fd = knock(0);

    for (int i = 0; i < VG_HTTP_BODY_MAX; i++)
        vg_buf_char(&body, (char)('a' + i % 26));
    vg_buf_printf(&head, "POST /echo" HEAD BY(NURSE) JSON "Content-Length: %zu\r\n\r\n", body.len);
    say(fd, head.data);
    for (size_t at = 0; at < body.len; at += 1000)
        cr_assert(send(fd, body.data + at, body.len - at < 1000 ? body.len - at : 1000, 0) > 0);
    hear(fd, NULL, &answer);
    cr_expect(has(&answer, "200 OK") && has(&answer, body.data));
    close(fd);
    vg_buf_done(&head);
    vg_buf_done(&body);
    vg_buf_done(&answer);
}

/* ---- files ---- */

Test(http, a_file_is_packed_tagged_and_not_sent_twice)
{
    struct vg_buf answer = VG_BUF_INIT, request = VG_BUF_INIT;
    char tag[64];

    cr_assert(ask("GET /" HEAD "\r\n", &answer) == 200);
    cr_expect(has(&answer, text_file) && has(&answer, "text/html"));
    cr_assert(sscanf(strstr(answer.data, "ETag: "), "ETag: %63s", tag) == 1);
    cr_assert(ask("GET /index.html" HEAD "Accept-Encoding: deflate, gzip\r\n\r\n", &answer) == 200);
    cr_expect(has(&answer, "Content-Encoding: gzip") && !has(&answer, text_file));
    cr_assert(ask("GET /index.html" HEAD "Accept-Encoding: gzip;q=0\r\n\r\n", &answer) == 200);
    cr_expect(has(&answer, text_file));
    vg_buf_printf(&request, "GET /" HEAD "If-None-Match: \"x\", %s\r\n\r\n", tag);
    cr_expect(eq(int, ask(request.data, &answer), 304));
    cr_expect(eq(int, ask("POST /" HEAD JSON "Content-Length: 2\r\n\r\n{}", NULL), 405));
    cr_assert(ask("GET /tiny.js" HEAD "Accept-Encoding: gzip\r\n\r\n", &answer) == 200);
    cr_expect(has(&answer, "text/javascript") && !has(&answer, "gzip"));
    vg_buf_done(&request);
    vg_buf_done(&answer);
}

/* ---- streams and later answers ---- */

Test(http, a_stream_says_its_events_in_order_and_ends)
{
    struct vg_buf answer = VG_BUF_INIT;

    cr_assert(ask("GET /stream HTTP/1.0\r\n\r\n", &answer) == 200);
    cr_expect(has(&answer, "text/event-stream"));
    cr_expect(has(&answer, "\r\n\r\nevent: count\ndata: 0\n\nevent: count\ndata: 1\n\n"
                           "event: count\ndata: 2\n\n"));
    cr_expect(eq(int, atomic_load(&streams_ended), 1));
    cr_assert(ask("HEAD /stream" HEAD "\r\n", &answer) == 200);
    vg_buf_done(&answer);
}

Test(http, a_silent_stream_shows_that_it_lives)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd = knock(0);

    say(fd, "GET /quiet HTTP/1.0\r\n\r\n");
    hear(fd, "\r\n\r\n", &answer);
    pass(VG_HTTP_QUIET_S + 1);
    hear(fd, ":\n\n", &answer);
    cr_expect(has(&answer, ":\n\n"));
    close(fd);
    vg_buf_done(&answer);
}

Test(http, only_so_many_streams_are_open_at_a_time)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[VG_HTTP_STREAMS];

    for (int i = 0; i < VG_HTTP_STREAMS; i++) {
        fd[i] = knock(0);
        say(fd[i], "GET /quiet HTTP/1.0\r\n\r\n");
        hear(fd[i], "\r\n\r\n", &answer);
    }
    cr_expect(eq(int, ask("GET /quiet" HEAD "\r\n", &answer), 503));
    cr_expect(has(&answer, "Retry-After: ") && atomic_load(&streams_ended) == 1);
    for (int i = 0; i < VG_HTTP_STREAMS; i++)
        close(fd[i]);
    vg_buf_done(&answer);
}

Test(http, who_stops_reading_a_stream_is_cut_off_and_holds_up_nobody)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd = knock(4096);

    atomic_store(&flood, true);
    say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    hear(fd, "event: flood", &answer);
    for (int i = 0; i < 200 && atomic_load(&streams_ended) == 0; i++) {
        cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
        pass(1);
    }
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(eq(int, atomic_load(&streams_ended), 1));
    cr_expect(eq(uint, atomic_load(&slow_cuts), 1));
    close(fd);
    vg_buf_done(&answer);
}

Test(http, an_answer_may_come_later_and_others_do_not_wait_for_it)
{
    static const char request[] = "POST /later" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}";
    struct vg_buf answer = VG_BUF_INIT;
    struct pollfd p = { .fd = knock(0), .events = POLLIN };

    say(p.fd, request);
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    pass(VG_HTTP_WAIT_S + 1); /* its own time counts, not that of places */
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(poll(&p, 1, 0) == 0);
    atomic_store(&release_later, true);
    hear(p.fd, NULL, &answer);
    cr_expect(has(&answer, "409 Conflict") && has(&answer, "{\"error\":\"later\"}"), "%s",
              answer.data);
    cr_expect(eq(int, atomic_load(&laters_ended), 1));
    close(p.fd);
    vg_buf_done(&answer);
}

Test(http, what_is_held_open_is_let_go_when_the_server_stops)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[2] = { knock(0), knock(0) };

    say(fd[0], "GET /quiet HTTP/1.0\r\n\r\n");
    hear(fd[0], "\r\n\r\n", &answer);
    say(fd[1], "POST /later" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}");
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    vg_http_stop(server);
    server = NULL;
    cr_expect(eq(int, atomic_load(&streams_ended), 1));
    cr_expect(eq(int, atomic_load(&laters_ended), 1));
    hear(fd[0], NULL, &answer);
    close(fd[0]);
    close(fd[1]);
    vg_buf_done(&answer);
}

/* ---- places ---- */

Test(http, who_holds_places_gives_way_to_a_newcomer)
{
    int fd[2 * VG_HTTP_CONNECTIONS];

    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++) {
        fd[i] = knock(0);
        (void)!send(fd[i], "GET /he", 7, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 3; i++)
        cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(atomic_load(&room_cuts) >= VG_HTTP_CONNECTIONS, "%u", atomic_load(&room_cuts));
    cr_expect(atomic_load(&connections) <= VG_HTTP_CONNECTIONS, "%u", atomic_load(&connections));
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        close(fd[i]);
}

Test(http, streams_keep_their_places_when_others_crowd_in)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[2 * VG_HTTP_CONNECTIONS], display = knock(0);

    say(display, "GET /quiet HTTP/1.0\r\n\r\n");
    hear(display, "\r\n\r\n", &answer);
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        fd[i] = knock(0);
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    pass(VG_HTTP_QUIET_S + 1);
    hear(display, ":\n\n", &answer);
    cr_expect(has(&answer, ":\n\n"));
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        close(fd[i]);
    close(display);
    vg_buf_done(&answer);
}

Test(http, a_byte_now_and_then_does_not_hold_a_place_for_ever)
{
    struct vg_buf answer = VG_BUF_INIT;
    int head = knock(0), body = knock(0);

    say(head, "GET /hel");
    say(body, "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 100\r\n\r\n{");
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    for (int i = 0; i < 3; i++) {
        pass(VG_HTTP_WAIT_S / 4);
        say(head, "l");
        say(body, " ");
        cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    }
    cr_expect(eq(uint, atomic_load(&late_cuts), 0));
    pass(VG_HTTP_WAIT_S);
    hear(head, NULL, &answer);
    hear(body, NULL, &answer);
    cr_assert(ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(eq(uint, atomic_load(&late_cuts), 2));
    close(head);
    close(body);
    vg_buf_done(&answer);
}

Test(http, a_server_that_gets_no_thread_says_so_and_lets_go_of_its_address)
{
    struct vg_err err = { .status = VG_OK };
    struct vg_http_options again = options;
    struct vg_http *other = NULL;
    char address[64];

    snprintf(address, sizeof(address), "%s", vg_http_address(server));
    vg_http_stop(server);
    server = NULL;
    again.listen = address;
    atomic_store(&no_threads, true);
    cr_assert(vg_http_start(&again, &content, -1, &other, &err) == VG_E_MEMORY);
    cr_assert(other == NULL);
    cr_assert(strstr(err.msg, "thread http cannot be started") != NULL, "%s", err.msg);
    atomic_store(&no_threads, false);
    cr_assert(vg_http_start(&again, &content, -1, &other, &err) == VG_OK, "%s", err.msg);
    vg_http_stop(other);
}
