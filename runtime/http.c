/* http.c - libmicrohttpd, driven by a thread of ours.
 *
 * The library's own threads would do as well; ours has a name, a place in the order of starting and
 * stopping, and an end that can be waited for.
 */
#include "runtime/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <sodium.h>

#include "core/host.h"
#include "core/text.h"

enum { IDLE_MS = VG_HTTP_IDLE_S * 1000, PORT_MAX = 65535, ADDRESS_SIZE = INET6_ADDRSTRLEN + 16 };

static const unsigned statuses[] = {
    MHD_HTTP_OK,
    MHD_HTTP_UNAUTHORIZED,
    MHD_HTTP_FORBIDDEN,
    MHD_HTTP_NOT_FOUND,
    MHD_HTTP_METHOD_NOT_ALLOWED,
    MHD_HTTP_CONTENT_TOO_LARGE,
    MHD_HTTP_SERVICE_UNAVAILABLE,
};

struct vg_http {
    const struct vg_http_options *options;
    const struct vg_http_page *pages;
    void *arg;
    struct vg_thread thread;
    struct MHD_Daemon *daemon;
    bool local; /* only this machine can ask */
    int wake_fd;
    atomic_bool finish;
    char address[ADDRESS_SIZE];
    atomic_ulong answered[VG_ARRAY_LEN(statuses)];
};

/* ---- where it listens ---- */

struct endpoint {
    struct sockaddr_storage address;
    socklen_t len;
    bool loopback;
};

static bool read_port(const char *text, in_port_t *ret)
{
    int64_t port;

    if (!vg_parse_int(text, &port) || port < 0 || port > PORT_MAX)
        return false;
    *ret = htons((uint16_t)port);
    return true;
}

/* Names are not looked up: what they mean may change after the check. */
static bool read_endpoint(const char *text, struct endpoint *ret)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    struct sockaddr_in *v4 = (void *)&ret->address;
    struct sockaddr_in6 *v6 = (void *)&ret->address;
    char host[INET6_ADDRSTRLEN + 2];
    in_port_t port;

    if (n == 0 || n >= sizeof(host) || !read_port(colon + 1, &port))
        return false;
    memset(ret, 0, sizeof(*ret));
    ret->loopback = vg_host_is_loopback(text, n);
    memcpy(host, text, n);
    host[n] = '\0';
    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        ret->len = sizeof(*v4);
        return true;
    }
    if (host[0] != '[' || host[n - 1] != ']')
        return false;
    host[n - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    ret->len = sizeof(*v6);
    return true;
}

static bool token_fits(const char *token)
{
    size_t n = strlen(token);

    for (size_t i = 0; i < n; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    }
    return n >= VG_HTTP_TOKEN_MIN;
}

vg_status vg_http_options_check(const struct vg_http_options *o, struct vg_err *err)
{
    struct endpoint at;

    if (o->token && !token_fits(o->token))
        return vg_fail_option(err, VG_E_CONFIG, "token",
                              "http.token: expected at least %d printable characters without "
                              "spaces; `openssl rand -hex 32` makes a good one",
                              VG_HTTP_TOKEN_MIN);
    if (!o->listen)
        return VG_OK;
    if (!read_endpoint(o->listen, &at))
        return vg_fail_option(err, VG_E_CONFIG, "listen",
                              "http.listen: expected an address and a port, such as "
                              "\"127.0.0.1:8480\", \"[::1]:8480\" or \"localhost:8480\", not "
                              "\"%.80s\"",
                              o->listen);
    if (at.loopback)
        return VG_OK;
    if (!o->token)
        return vg_fail_option(err, VG_E_CONFIG, "listen",
                              "http.listen: other machines can reach \"%.80s\"; they need a "
                              "secret: set http.token, or listen on 127.0.0.1",
                              o->listen);
    if (!o->insecure)
        return vg_fail_option(err, VG_E_CONFIG, "listen",
                              "http.listen: other machines can reach \"%.80s\", and nothing "
                              "here encrypts: listen on 127.0.0.1 behind a server that has TLS, or "
                              "say http.insecure: true",
                              o->listen);
    return VG_OK;
}

static void name_address(struct vg_http *h, int fd)
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    getsockname(fd, (struct sockaddr *)&at, &len);
    getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(h->address, sizeof(h->address), at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
             port);
}

static vg_status listen_at(struct vg_http *h, int *ret_fd, struct vg_err *err)
{
    struct endpoint at = { .len = 0 };
    int one = 1, fd;

    VG_CHECK(read_endpoint(h->options->listen, &at));
    h->local = at.loopback;
    fd = socket(at.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at.address, at.len) != 0 ||
        listen(fd, VG_HTTP_CONNECTIONS) != 0) {
        vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s: %s", h->options->listen,
                strerror(errno));
        close(fd);
        return err->status;
    }
    name_address(h, fd);
    *ret_fd = fd;
    return VG_OK;
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* In a time that does not tell how much of it was right. */
static bool has_token(const struct vg_http *h, struct MHD_Connection *c)
{
    static const char scheme[] = "Bearer ";
    const char *given = header(c, MHD_HTTP_HEADER_AUTHORIZATION);
    size_t n;

    if (!h->options->token || !given || strncasecmp(given, scheme, sizeof(scheme) - 1) != 0)
        return false;
    given += sizeof(scheme) - 1;
    n = strlen(h->options->token);
    return strlen(given) == n && sodium_memcmp(given, h->options->token, n) == 0;
}

static bool has_body(struct MHD_Connection *c)
{
    const char *length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return header(c, MHD_HTTP_HEADER_TRANSFER_ENCODING) || (length && strcmp(length, "0") != 0);
}

static void refuse(struct vg_http_answer *a, unsigned status, const char *why)
{
    a->status = status;
    vg_buf_printf(&a->body, "%s\n", why);
}

static const struct vg_http_page *find_page(const struct vg_http *h, const char *path)
{
    const struct vg_http_page *page = h->pages;

    while (page->path && strcmp(page->path, path) != 0)
        page++;
    return page->path ? page : NULL;
}

static void list_pages(const struct vg_http *h, struct vg_http_answer *a)
{
    refuse(a, MHD_HTTP_NOT_FOUND, "there is no such page; there are:");
    for (const struct vg_http_page *page = h->pages; page->path; page++)
        vg_buf_printf(&a->body, "%s\n", page->path);
}

static void make_page(struct vg_http *h, struct MHD_Connection *c, const char *path,
                      struct vg_http_answer *a)
{
    const struct vg_http_page *page = find_page(h, path);
    bool token = has_token(h, c);
    struct vg_http_request request = { .accept = header(c, MHD_HTTP_HEADER_ACCEPT),
                                       .trusted = token || h->local };

    if (!page)
        list_pages(h, a);
    else if (page->access == VG_HTTP_ANYBODY || token ||
             (page->access == VG_HTTP_TRUSTED && h->local))
        page->fn(h->arg, &request, a);
    else if (!h->options->token)
        refuse(a, MHD_HTTP_FORBIDDEN,
               "this page needs a token, and none is configured: set service.http.token");
    else
        refuse(a, MHD_HTTP_UNAUTHORIZED, "this page needs \"Authorization: Bearer TOKEN\"");
}

static void count(struct vg_http *h, unsigned status)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(statuses); i++) {
        if (statuses[i] == status)
            atomic_fetch_add_explicit(&h->answered[i], 1, memory_order_relaxed);
    }
}

static enum MHD_Result respond(struct vg_http *h, struct MHD_Connection *c,
                               struct vg_http_answer *a)
{
    struct MHD_Response *r;
    enum MHD_Result done;

    vg_buf_str(&a->body, ""); /* never NULL */
    r = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_COPY);
    vg_buf_done(&a->body);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (a->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    done = MHD_queue_response(c, a->status, r);
    MHD_destroy_response(r);
    count(h, a->status);
    return done;
}

/* libmicrohttpd calls this once when it has the headers, and again when the request is whole: a refusal
 * is given at once, so that nobody has to send a body for it. */
static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              /* NOLINTNEXTLINE(readability-non-const-parameter): its type */
                              size_t *upload_size, void **seen)
{
    struct vg_http *h = cls;
    struct vg_http_answer a = { .status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8" };
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;

    (void)version;
    (void)upload;
    (void)upload_size;
    if (!reads) {
        refuse(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "pages are read with GET or HEAD");
    } else if (has_body(c)) {
        refuse(&a, MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
    } else if (!*seen) {
        *seen = h;
        return MHD_YES;
    } else {
        make_page(h, c, url, &a);
    }
    return respond(h, c, &a);
}

/* ---- the thread ---- */

static void serve_once(struct vg_http *h, int epoll_fd)
{
    struct pollfd p[2] = { { .fd = epoll_fd, .events = POLLIN },
                           { .fd = h->wake_fd, .events = POLLIN } };
    MHD_UNSIGNED_LONG_LONG left_ms = 0;
    int timeout_ms = -1;

    if (MHD_get_timeout(h->daemon, &left_ms) == MHD_YES)
        timeout_ms = left_ms < IDLE_MS ? (int)left_ms : IDLE_MS;
    poll(p, 2, timeout_ms);
    MHD_run(h->daemon);
}

static vg_status serve(void *http, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_http *h = http;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    (void)err;
    VG_CHECK(info != NULL);
    vg_thread_ready(thread);
    while (!atomic_load(&h->finish))
        serve_once(h, info->epoll_fd);
    MHD_stop_daemon(h->daemon);
    return VG_OK;
}

static void free_http(struct vg_http *h)
{
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    free(h);
}

static vg_status start(struct vg_http *h, int wake_fd, struct vg_err *err)
{
    int fd = -1;
    vg_status st = listen_at(h, &fd, err);

    if (st != VG_OK)
        return st;
    h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    VG_CHECK(h->wake_fd >= 0);
    /* It owns the socket from here on. */
    h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, h, MHD_OPTION_LISTEN_SOCKET,
                                 fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)VG_HTTP_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)VG_HTTP_IDLE_S,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)VG_HTTP_MEMORY,
                                 MHD_OPTION_END);
    if (!h->daemon)
        return vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s: the server does not start",
                       h->address);
    return vg_thread_start(&h->thread, "http", serve, h, wake_fd, err);
}

vg_status vg_http_start(const struct vg_http_options *o, const struct vg_http_page *pages,
                        void *arg, int wake_fd, struct vg_http **ret, struct vg_err *err)
{
    struct vg_http *h = calloc(1, sizeof(*h));
    vg_status st;

    VG_CHECK(h != NULL);
    h->options = o;
    h->pages = pages;
    h->arg = arg;
    h->wake_fd = -1;
    *ret = NULL;
    st = start(h, wake_fd, err);
    if (st == VG_OK)
        *ret = h;
    else
        free_http(h);
    return st;
}

void vg_http_stop(struct vg_http *h)
{
    uint64_t one = 1;

    if (!h)
        return;
    atomic_store(&h->finish, true);
    if (write(h->wake_fd, &one, sizeof(one)) < 0) {
        /* It is awake. */
    }
    vg_thread_join(&h->thread);
    free_http(h);
}

/* ---- for pages ---- */

const char *vg_http_address(const struct vg_http *h)
{
    return h->address;
}

void vg_http_each_status(const struct vg_http *h,
                         void (*fn)(void *arg, unsigned status, uint64_t n), void *arg)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(statuses); i++)
        fn(arg, statuses[i], atomic_load_explicit(&h->answered[i], memory_order_relaxed));
}

bool vg_http_wants_json(const char *accept)
{
    const char *json = accept ? strstr(accept, "application/json") : NULL;
    const char *text = accept ? strstr(accept, "text/plain") : NULL;

    return json && (!text || json < text);
}
