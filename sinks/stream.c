/* stream.c - a TCP connection, with TLS where it is asked for, on which nothing waits past a deadline. */
#include "sinks/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/host.h"
#include "core/text.h"
#include "sinks/stream_tls.h"

enum { HOST_SIZE = 256, PORT_SIZE = 6 };

struct vg_stream {
    const struct vg_stream_options *options;
    char host[HOST_SIZE], port[PORT_SIZE];
    struct vg_tls_files *files; /* NULL: no TLS */
    struct vg_tls *tls;         /* of this connection */
    int fd;                     /* -1: not connected */
};

/* ---- options ---- */

static bool parse_port(const char *text, char port[PORT_SIZE])
{
    int64_t number;

    if (!vg_parse_int(text, &number) || number < 1 || number > 65535 || strlen(text) >= PORT_SIZE)
        return false;
    memcpy(port, text, strlen(text) + 1);
    return true;
}

/* The host without the brackets of an IPv6 address, which would be ambiguous without them. */
static bool parse_address(const char *address, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    bool bracketed = n > 2 && address[0] == '[' && address[n - 1] == ']';

    if (bracketed) {
        address++;
        n -= 2;
    }
    if (n == 0 || n >= HOST_SIZE || strcspn(address, " \t/@[]") < n)
        return false;
    memcpy(host, address, n);
    host[n] = '\0';
    return bracketed == (strchr(host, ':') != NULL) && parse_port(colon + 1, port);
}

vg_status vg_stream_check(const struct vg_stream_options *o, struct vg_err *err)
{
    char host[HOST_SIZE], port[PORT_SIZE];

    if (!parse_address(o->address, host, port))
        return vg_fail_option(err, VG_E_CONFIG, "address",
                              "\"%s\" is no address; expected HOST:PORT or [IPV6]:PORT",
                              o->address);
    if (!o->tls && !o->insecure && !vg_host_is_loopback(host, strlen(host)))
        return vg_fail_option(err, VG_E_CONFIG, "address",
                              "%s is another machine, and patients' data would go there in plain "
                              "text: use tls: true, or insecure: true",
                              host);
    return vg_certificate_check_tls(&o->certs, o->tls, err);
}

static vg_status read_files(const struct vg_stream_options *o, struct vg_tls_files **ret,
                            struct vg_err *err)
{
    *ret = NULL;
    return o->tls
               ? vg_tls_files_read(o->certs.ca_file, o->certs.certificate, o->certs.key, ret, err)
               : VG_OK;
}

vg_status vg_stream_open(const struct vg_stream_options *options, struct vg_stream **ret,
                         struct vg_err *err)
{
    struct vg_tls_files *files;
    vg_status st = read_files(options, &files, err);
    struct vg_stream *s;

    *ret = NULL;
    if (st != VG_OK)
        return st;
    s = calloc(1, sizeof(*s));
    VG_CHECK(s);
    s->options = options;
    s->files = files;
    s->fd = -1;
    VG_CHECK(parse_address(options->address, s->host, s->port));
    *ret = s;
    return VG_OK;
}

vg_status vg_stream_reload(struct vg_stream *s, struct vg_err *err)
{
    struct vg_tls_files *files;
    vg_status st = read_files(s->options, &files, err);

    if (st == VG_OK) {
        vg_tls_files_free(s->files);
        s->files = files;
    }
    return st;
}

void vg_stream_close(struct vg_stream *s)
{
    if (!s)
        return;
    vg_stream_drop(s);
    vg_tls_files_free(s->files);
    free(s);
}

/* ---- waiting ---- */

/* False when the deadline comes first. An error of the socket counts as ready: the call that follows
 * says which. */
static bool wait_ready(int fd, short events, int64_t deadline_ns)
{
    struct pollfd p = { .fd = fd, .events = events };

    for (;;) {
        int64_t left_ns = deadline_ns == 0 ? 0 : deadline_ns - vg_mono_ns();
        int64_t left_ms = left_ns <= 0 ? 0 : left_ns / VG_NS_PER_MS + 1;
        int n = poll(&p, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);

        if (n > 0)
            return true;
        if (n == 0 && left_ns <= 0)
            return false;
    }
}

static vg_status fail_drop(struct vg_stream *s, struct vg_err *err, const char *why)
{
    vg_stream_drop(s);
    return vg_fail(err, VG_E_UNAVAILABLE, "no answer: %s", why);
}

/* ---- connecting ---- */

/* A connected socket, or -1 and *why. */
static int connect_to(const struct addrinfo *a, int64_t deadline_ns, int *why)
{
    const int on = 1;
    socklen_t size = sizeof(*why);
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *why = 0;
    if (fd < 0) {
        *why = errno;
        return -1;
    }
    /* A message is one write, and the next one waits for the answer. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        *why = errno;
    else if (!wait_ready(fd, POLLOUT, deadline_ns))
        *why = ETIMEDOUT;
    else
        getsockopt(fd, SOL_SOCKET, SO_ERROR, why, &size);
    if (*why == 0)
        return fd;
    close(fd);
    return -1;
}

/* Tries the addresses in turn. None may use up the time of those behind it. */
static vg_status connect_any(struct vg_stream *s, const struct addrinfo *all, int64_t deadline_ns,
                             struct vg_err *err)
{
    int why = 0, left = 0;

    for (const struct addrinfo *a = all; a; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = all; a && s->fd < 0; a = a->ai_next, left--) {
        int64_t now_ns = vg_mono_ns();

        s->fd = connect_to(a, now_ns + (deadline_ns - now_ns) / left, &why);
    }
    return s->fd >= 0 ? VG_OK : fail_drop(s, err, strerror(why));
}

static vg_status resolve_and_connect(struct vg_stream *s, int64_t deadline_ns, struct vg_err *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *all = NULL;
    int code = getaddrinfo(s->host, s->port, &hints, &all);
    vg_status st;

    if (code != 0)
        return fail_drop(s, err, gai_strerror(code));
    st = connect_any(s, all, deadline_ns, err);
    freeaddrinfo(all);
    return st;
}

/* What a call of TLS asks for: again when the socket is ready, or the end. */
static vg_status wait_tls(struct vg_stream *s, enum vg_tls_result result, int64_t deadline_ns,
                          struct vg_err *err)
{
    char why[128];

    if (result == VG_TLS_FAILED) {
        vg_tls_why(s->tls, why, sizeof(why));
        return fail_drop(s, err, why);
    }
    if (!wait_ready(s->fd, result == VG_TLS_WANTS_READ ? POLLIN : POLLOUT, deadline_ns))
        return vg_fail(err, VG_E_AGAIN, "timeout");
    return VG_OK;
}

static vg_status shake_hands(struct vg_stream *s, int64_t deadline_ns, struct vg_err *err)
{
    enum vg_tls_result result;

    s->tls = vg_tls_new(s->files, s->fd, s->host);
    while ((result = vg_tls_handshake(s->tls)) != VG_TLS_DONE) {
        vg_status st = wait_tls(s, result, deadline_ns, err);

        if (st != VG_OK)
            return st == VG_E_AGAIN ? fail_drop(s, err, "timeout in the TLS handshake") : st;
    }
    return VG_OK;
}

vg_status vg_stream_connect(struct vg_stream *s, int64_t deadline_ns, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (s->fd >= 0)
        return VG_OK;
    st = resolve_and_connect(s, deadline_ns, err);
    return st == VG_OK && s->files ? shake_hands(s, deadline_ns, err) : st;
}

bool vg_stream_connected(const struct vg_stream *s)
{
    return s->fd >= 0;
}

void vg_stream_drop(struct vg_stream *s)
{
    vg_tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* ---- bytes ---- */

static enum vg_tls_result plain_result(ssize_t n, enum vg_tls_result wants, size_t *ret)
{
    *ret = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return VG_TLS_DONE;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? wants : VG_TLS_FAILED;
}

static enum vg_tls_result write_some(struct vg_stream *s, const char *bytes, size_t n, size_t *ret)
{
    if (s->tls)
        return vg_tls_write(s->tls, bytes, n, ret);
    return plain_result(send(s->fd, bytes, n, MSG_NOSIGNAL), VG_TLS_WANTS_WRITE, ret);
}

static enum vg_tls_result read_some(struct vg_stream *s, char *bytes, size_t size, size_t *ret)
{
    if (s->tls)
        return vg_tls_read(s->tls, bytes, size, ret);
    errno = 0;
    return plain_result(recv(s->fd, bytes, size, 0), VG_TLS_WANTS_READ, ret);
}

static vg_status wait_more(struct vg_stream *s, enum vg_tls_result result, int64_t deadline_ns,
                           struct vg_err *err)
{
    if (result == VG_TLS_FAILED && !s->tls)
        return fail_drop(s, err, errno ? strerror(errno) : "the receiver closed the connection");
    return wait_tls(s, result, deadline_ns, err);
}

vg_status vg_stream_write(struct vg_stream *s, const char *bytes, size_t n, int64_t deadline_ns,
                          struct vg_err *err)
{
    vg_status st = VG_OK;

    while (n > 0 && st == VG_OK) {
        size_t written = 0;
        enum vg_tls_result result = write_some(s, bytes, n, &written);

        bytes += written;
        n -= written;
        if (result != VG_TLS_DONE)
            st = wait_more(s, result, deadline_ns, err);
    }
    return st == VG_E_AGAIN ? fail_drop(s, err, "timeout") : st;
}

vg_status vg_stream_read(struct vg_stream *s, char *bytes, size_t size, size_t *ret,
                         int64_t deadline_ns, struct vg_err *err)
{
    enum vg_tls_result result;
    vg_status st = VG_OK;

    while (st == VG_OK && (result = read_some(s, bytes, size, ret)) != VG_TLS_DONE)
        st = wait_more(s, result, deadline_ns, err);
    return st;
}
