/* http_server.c - pages to be asked for, a clock that can be put forward, and a client of raw sockets. */
#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/clock.h"

struct http http;

/* ---- a clock that can be put forward ---- */

static _Atomic int64_t ahead_ns;

int64_t __real_vg_mono_ns(void);
int64_t __wrap_vg_mono_ns(void);

int64_t __wrap_vg_mono_ns(void)
{
    return __real_vg_mono_ns() + atomic_load(&ahead_ns);
}

void http_pass(int64_t seconds)
{
    atomic_fetch_add(&ahead_ns, seconds * VG_NS_PER_S);
}

/* ---- a system that gives no more threads ---- */

int __real_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*fn)(void *), void *arg)
{
    return atomic_load(&http.no_threads) ? EAGAIN : __real_pthread_create(id, how, fn, arg);
}

/* ---- the pages ---- */

static void hello(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_http_figures figures;
    int64_t n;

    (void)arg;
    vg_http_look(http.server, &figures);
    atomic_store(&http.slow_cuts, (unsigned)figures.cut[VG_HTTP_CUT_SLOW]);
    atomic_store(&http.room_cuts, (unsigned)figures.cut[VG_HTTP_CUT_ROOM]);
    atomic_store(&http.late_cuts, (unsigned)figures.cut[VG_HTTP_CUT_LATE]);
    atomic_store(&http.connections, figures.connections);
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
    if (atomic_load(&http.flood)) {
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
    atomic_fetch_add(&http.streams_ended, 1);
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
    if (!atomic_load(&http.release_later))
        return false;
    vg_http_refuse(ret, 409, "later");
    return true;
}

static void later_ended(void *state)
{
    (void)state;
    atomic_fetch_add(&http.laters_ended, 1);
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
        atomic_fetch_add(&http.refusals, 1);
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

const char http_text_file[HTTP_TEXT_FILE] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const struct vg_http_file files[] = {
    { "/index.html", http_text_file, sizeof(http_text_file) - 1 },
    { "/tiny.js", "1", 1 },
    { NULL, NULL, 0 },
};
const struct vg_http_content http_content = { .pages = pages,
                                              .files = files,
                                              .refused = note_refusal };

static char *names[] = { (char *)"Vigil.example.org" };
const struct vg_http_options http_options = {
    .listen = (char *)"127.0.0.1:0",
    .token = (char *)READER,
    .acknowledge_token = (char *)NURSE,
    .command_token = (char *)COMMANDER,
    .hosts = { 1, NULL, names },
};

void http_init(void)
{
    struct vg_err err = { .status = VG_OK };

    cr_assert(vg_http_start(&http_options, &http_content, -1, &http.server, &err) == VG_OK, "%s",
              err.msg);
}

void http_done(void)
{
    vg_http_stop(http.server);
}

/* ---- a client ---- */

int http_knock(int receive_bytes)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    const struct timeval wait = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(strrchr(vg_http_address(http.server), ':') + 1));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    cr_assert(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    return fd;
}

void http_say(int fd, const char *text)
{
    cr_assert(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

void http_hear(int fd, const char *mark, struct vg_buf *ret)
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

int http_ask(const char *request, struct vg_buf *ret)
{
    struct vg_buf own = VG_BUF_INIT, *answer = ret ? ret : &own;
    int fd = http_knock(0), status;

    http_say(fd, request);
    shutdown(fd, SHUT_WR);
    http_hear(fd, NULL, answer);
    close(fd);
    status = answer->len > 12 ? atoi(answer->data + 9) : 0;
    vg_buf_done(&own);
    return status;
}

bool http_has(const struct vg_buf *answer, const char *text)
{
    return strstr(answer->data, text) != NULL;
}
