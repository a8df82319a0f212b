/* http_get.c - one question and its answer over a socket; the server closes behind it.
 *
 * HTTP/1.0, so that the answer is not in chunks. Unencrypted as the server is: the token goes to the
 * address that the user configured and nowhere else, since nothing is followed.
 */
#include "app/http_get.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <jansson.h>

enum { WAIT_S = 5, ANSWER_MAX = 16 << 20, OK = 200, BAD_REQUEST = 400 };

/* "0.0.0.0" and "[::]" are every address of the server's machine: from there the loopback. */
static bool split(const char *address, char host[64], const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;

    if (n == 0 || n >= 64)
        return false;
    if (address[0] == '[' && address[n - 1] == ']')
        snprintf(host, 64, "%.*s", (int)n - 2, address + 1);
    else
        snprintf(host, 64, "%.*s", (int)n, address);
    if (strcmp(host, "0.0.0.0") == 0)
        snprintf(host, 64, "127.0.0.1");
    if (strcmp(host, "::") == 0)
        snprintf(host, 64, "::1");
    *ret_port = colon + 1;
    return true;
}

static int connect_to(const struct addrinfo *at)
{
    const struct timeval wait = { .tv_sec = WAIT_S };
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_socket(const char *address)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char host[64];
    const char *port;
    int fd = -1;

    errno = EINVAL;
    if (!split(address, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = connect_to(at);
    freeaddrinfo(found);
    return fd;
}

static bool send_all(int fd, const struct vg_buf *b)
{
    for (size_t sent = 0; sent < b->len;) {
        ssize_t n = send(fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static bool receive_all(int fd, struct vg_buf *ret)
{
    char bytes[16384];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 && ret->len < ANSWER_MAX)
        vg_buf_add(ret, bytes, (size_t)n);
    return n == 0 && ret->len > 0;
}

int vg_http_ask(const char *address, const char *token, const char *path, const char *body)
{
    struct vg_buf question = VG_BUF_INIT;
    int fd = open_socket(address);

    if (fd < 0)
        return -1;
    vg_buf_printf(&question, "%s %s HTTP/1.0\r\nHost: %s\r\n", body ? "POST" : "GET", path,
                  address);
    if (token)
        vg_buf_printf(&question, "Authorization: Bearer %s\r\n", token);
    if (body)
        vg_buf_printf(&question, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                      strlen(body));
    vg_buf_printf(&question, "\r\n%s", body ? body : "");
    if (!send_all(fd, &question)) {
        close(fd);
        fd = -1;
    }
    explicit_bzero(question.data, question.cap);
    vg_buf_done(&question);
    return fd;
}

vg_status vg_http_silent(const char *address, struct vg_err *err)
{
    return vg_fail(err, VG_E_UNAVAILABLE, "http://%s does not answer: %s; is the pipeline running?",
                   address, strerror(errno ? errno : EPROTO));
}

/* A refusal is {"error":"..."}, or a line of text of somebody else. */
static vg_status refused(const char *address, const char *path, int code, const char *body,
                         struct vg_err *err)
{
    json_t *json = json_loads(body, 0, NULL);
    const char *why = json_string_value(json_object_get(json, "error"));
    vg_status st = code == BAD_REQUEST ? VG_E_USAGE : VG_E_FAILED;

    if (why)
        vg_fail(err, st, "%.500s", why);
    else
        vg_fail(err, st, "http://%s%s: %.200s", address, path, body);
    json_decref(json);
    return st;
}

vg_status vg_http_body(const char *address, const char *path, const char *answer,
                       const char **ret_body, struct vg_err *err)
{
    const char *body = strstr(answer, "\r\n\r\n");
    int code;

    if (strncmp(answer, "HTTP/1.", 7) != 0 || !body)
        return vg_fail(err, VG_E_FAILED, "what answers at %s is no HTTP server", address);
    code = atoi(answer + 9); /* NOLINT(cert-err34-c): anything but 200 is a refusal */
    *ret_body = body + 4;
    return code == OK ? VG_OK : refused(address, path, code, body + 4, err);
}

vg_status vg_http_get(const char *address, const char *token, const char *path, struct vg_buf *ret,
                      struct vg_err *err)
{
    struct vg_buf answer = VG_BUF_INIT;
    const char *body = "";
    int fd = vg_http_ask(address, token, path, NULL);
    vg_status st;

    if (fd < 0 || !receive_all(fd, &answer)) {
        st = vg_http_silent(address, err);
    } else {
        st = vg_http_body(address, path, answer.data, &body, err);
        if (st == VG_OK)
            vg_buf_str(ret, body);
    }
    if (fd >= 0)
        close(fd);
    vg_buf_done(&answer);
    return st;
}
