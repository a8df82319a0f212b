/* http_listen.c - where the server listens, and whether its options make sense. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/host.h"
#include "core/text.h"
#include "runtime/http_private.h"

enum { PORT_MAX = 65535, HOST_MAX = 253 };

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

/* ---- the options ---- */

static bool token_fits(const char *token)
{
    size_t n = strlen(token);

    for (size_t i = 0; i < n; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    }
    return n >= VG_HTTP_TOKEN_MIN;
}

struct named_token {
    const char *option, *value;
};

/* One secret for two roles would give the greater one to everybody. */
static vg_status check_token(const struct named_token *tokens, size_t i, struct vg_err *err)
{
    const struct named_token *t = &tokens[i];

    if (!t->value)
        return VG_OK;
    if (!token_fits(t->value))
        return vg_fail_option(err, VG_E_CONFIG, t->option,
                              "http.%s: expected at least %d printable characters without "
                              "spaces; `openssl rand -hex 32` makes a good one",
                              t->option, VG_HTTP_TOKEN_MIN);
    for (size_t k = 0; k < i; k++) {
        if (tokens[k].value && strcmp(tokens[k].value, t->value) == 0)
            return vg_fail_option(err, VG_E_CONFIG, t->option,
                                  "http.%s: the same secret as http.%s; expected one of its own, "
                                  "or whoever has that may do all that this allows",
                                  t->option, tokens[k].option);
    }
    return VG_OK;
}

static vg_status check_tokens(const struct vg_http_options *o, struct vg_err *err)
{
    const struct named_token tokens[] = {
        { "token", o->token },
        { "acknowledge_token", o->acknowledge_token },
        { "command_token", o->command_token },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(tokens); i++) {
        if (check_token(tokens, i, err) != VG_OK)
            return err->status;
    }
    return VG_OK;
}

static bool is_name(const char *host)
{
    size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    return n > 0 && n <= HOST_MAX && host[n] == '\0';
}

static vg_status check_hosts(const struct vg_http_options *o, struct vg_err *err)
{
    for (size_t i = 0; i < o->hosts.n; i++) {
        if (!is_name(o->hosts.value[i]))
            return vg_fail_option(err, VG_E_CONFIG, "hosts",
                                  "http.hosts: expected names without a port, such as "
                                  "\"vigil.example.org\", not \"%.80s\"",
                                  o->hosts.value[i]);
    }
    return VG_OK;
}

static vg_status check_reach(const struct vg_http_options *o, const struct endpoint *at,
                             struct vg_err *err)
{
    if (at->loopback)
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

vg_status vg_http_options_check(const struct vg_http_options *o, struct vg_err *err)
{
    struct endpoint at;

    if (check_tokens(o, err) != VG_OK || check_hosts(o, err) != VG_OK)
        return err->status;
    if (!o->listen)
        return VG_OK;
    if (!read_endpoint(o->listen, &at))
        return vg_fail_option(err, VG_E_CONFIG, "listen",
                              "http.listen: expected an address and a port, such as "
                              "\"127.0.0.1:8480\", \"[::1]:8480\" or \"localhost:8480\", not "
                              "\"%.80s\"",
                              o->listen);
    return check_reach(o, &at, err);
}

/* ---- the socket ---- */

static void name_address(int fd, char ret[VG_HTTP_ADDRESS_SIZE])
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    getsockname(fd, (struct sockaddr *)&at, &len);
    getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret, VG_HTTP_ADDRESS_SIZE, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

vg_status vg_http_listen(const char *listen_at, int *ret_fd, bool *ret_local,
                         char ret_address[VG_HTTP_ADDRESS_SIZE], struct vg_err *err)
{
    struct endpoint at = { .len = 0 };
    int one = 1, fd;

    VG_CHECK(read_endpoint(listen_at, &at));
    *ret_local = at.loopback;
    fd = socket(at.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at.address, at.len) != 0 ||
        listen(fd, VG_HTTP_CONNECTIONS) != 0) {
        vg_fail(err, VG_E_UNAVAILABLE, "service.http.listen: %s: %s", listen_at, strerror(errno));
        close(fd);
        return err->status;
    }
    name_address(fd, ret_address);
    *ret_fd = fd;
    return VG_OK;
}

void vg_http_client(const struct sockaddr *address, char ret[VG_HTTP_ADDRESS_SIZE])
{
    socklen_t len =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    ret[0] = '\0';
    getnameinfo(address, len, ret, VG_HTTP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST);
}
