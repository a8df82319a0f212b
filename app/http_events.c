/* http_events.c - reads text/event-stream: "event: NAME", "data: LINE", an empty line. Comments pass. */
#include "app/http_events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/http_get.h"

enum { CHUNK = 16384, HEAD_MAX = 64 << 10, LINE_MAX_BYTES = 4 << 20 };

/* Whether anything came. */
static bool receive(struct vg_http_events *e)
{
    char bytes[CHUNK];
    ssize_t n = recv(e->fd, bytes, sizeof(bytes), 0);

    if (n <= 0)
        return false;
    if (e->at > 0) {
        memmove(e->in.data, e->in.data + e->at, e->in.len - e->at);
        e->in.len -= e->at;
        e->at = 0;
    }
    vg_buf_add(&e->in, bytes, (size_t)n);
    return e->in.len < LINE_MAX_BYTES;
}

static bool is_refusal(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) != 0 || strncmp(answer + 8, " 200", 4) != 0;
}

/* Up to the end of the headers; of a refusal all of it. */
static vg_status read_head(struct vg_http_events *e, const char *path, struct vg_err *err)
{
    const char *body;
    vg_status st;

    do {
        if (!receive(e) || e->in.len > HEAD_MAX)
            return vg_http_silent(e->address, err);
    } while (!strstr(e->in.data, "\r\n\r\n"));
    while (is_refusal(e->in.data) && receive(e)) {
    }
    st = vg_http_body(e->address, path, e->in.data, &body, err);
    if (st == VG_OK)
        e->at = (size_t)(body - e->in.data);
    return st;
}

vg_status vg_http_events_open(struct vg_http_events *e, const char *address, const char *token,
                              const char *path, const char *body, struct vg_err *err)
{
    *e = (struct vg_http_events){ .address = address };
    errno = 0;
    e->fd = vg_http_ask(address, token, path, body);
    return e->fd < 0 ? vg_http_silent(address, err) : read_head(e, path, err);
}

void vg_http_events_close(struct vg_http_events *e)
{
    if (e->fd > 0)
        close(e->fd);
    vg_buf_done(&e->in);
    vg_buf_done(&e->data);
}

/* Takes one line that is there; true at the end of an event. */
static bool take_line(struct vg_http_events *e, const char *line, size_t n)
{
    if (n > 7 && strncmp(line, "event: ", 7) == 0) {
        snprintf(e->name, sizeof(e->name), "%.*s", (int)(n - 7), line + 7);
    } else if (n > 6 && strncmp(line, "data: ", 6) == 0) {
        vg_buf_clear(&e->data);
        vg_buf_add(&e->data, line + 6, n - 6);
    }
    return n == 0 && e->name[0] && e->data.len > 0;
}

static bool take_event(struct vg_http_events *e)
{
    const char *end;

    while (e->at < e->in.len &&
           (end = memchr(e->in.data + e->at, '\n', e->in.len - e->at)) != NULL) {
        const char *line = e->in.data + e->at;

        e->at += (size_t)(end - line) + 1;
        if (take_line(e, line, (size_t)(end - line)))
            return true;
    }
    return false;
}

enum vg_http_next vg_http_events_next(struct vg_http_events *e, int timeout_ms)
{
    e->name[0] = '\0';
    vg_buf_clear(&e->data);
    while (!take_event(e)) {
        struct pollfd p = { .fd = e->fd, .events = POLLIN };

        if (poll(&p, 1, timeout_ms) <= 0)
            return VG_HTTP_NEXT_NOTHING;
        if (!receive(e))
            return VG_HTTP_NEXT_END;
    }
    return VG_HTTP_NEXT_EVENT;
}
