/* http_hold.c - streams, and answers that come later: what is held open for a client.
 *
 * libmicrohttpd lets such a connection rest (it is suspended) while there is nothing for it. What is said goes out by
 * its calls for more, as fast as the client takes it; only then is the page asked again. So a slow client
 * costs the memory of one turn, and makes nobody wait.
 */
#include <string.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "runtime/http_private.h"

enum { KEPT_MAX = 64 << 10 }; /* memory that a stream keeps from one turn to the next */

static const int64_t tick_ns = VG_HTTP_TICK_MS * VG_NS_PER_MS;
static const int64_t woken_ns = VG_HTTP_WOKEN_MS * VG_NS_PER_MS;
static const int64_t stuck_ns = VG_HTTP_STUCK_S * VG_NS_PER_S;
static const int64_t quiet_ns = VG_HTTP_QUIET_S * VG_NS_PER_S;

static uint32_t *count_of(struct vg_http_exchange *x)
{
    return x->answer.stream ? &x->server->streams : &x->server->later;
}

bool vg_http_hold(struct vg_http_exchange *x)
{
    uint32_t most = x->answer.stream ? VG_HTTP_STREAMS : VG_HTTP_LATER;
    struct vg_http *h = x->server;
    int bytes = VG_HTTP_STREAM_SOCKET;

    if (*count_of(x) >= most)
        return false;
    ++*count_of(x);
    x->held = true;
    x->link = &h->held;
    x->next = h->held;
    if (x->next)
        x->next->link = &x->next;
    h->held = x;
    x->taken_ns = x->said_ns = vg_mono_ns();
    vg_http_place_phase(x->place, VG_HTTP_HELD);
    if (x->answer.stream)
        setsockopt(x->place->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return true;
}

void vg_http_release(struct vg_http_exchange *x)
{
    struct vg_http_answer *a = &x->answer;
    void (*end)(void *state) = NULL;

    if (a->stream)
        end = a->stream->end;
    else if (a->later)
        end = a->later->end;
    if (end)
        end(a->state);
    if (x->held) {
        --*count_of(x);
        *x->link = x->next;
        if (x->next)
            x->next->link = x->link;
        x->held = false;
    }
    a->stream = NULL;
    a->later = NULL;
    a->state = NULL;
    vg_buf_done(&x->out);
}

void vg_http_hold_rest(struct vg_http_exchange *x)
{
    x->suspended = true;
    MHD_suspend_connection(x->connection);
}

static void resume(struct vg_http_exchange *x)
{
    x->suspended = false;
    MHD_resume_connection(x->connection);
}

/* ---- streams ---- */

static void forget_taken(struct vg_http_exchange *x)
{
    x->taken = 0;
    if (x->out.cap > KEPT_MAX)
        vg_buf_done(&x->out);
    else
        vg_buf_clear(&x->out);
}

ssize_t vg_http_hold_read(void *exchange, uint64_t at, char *out, size_t max)
{
    struct vg_http_exchange *x = exchange;
    size_t n = x->out.len - x->taken;

    (void)at;
    x->taken_ns = vg_mono_ns();
    if (n == 0 && x->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        vg_http_hold_rest(x);
        return 0;
    }
    n = n < max ? n : max;
    memcpy(out, x->out.data + x->taken, n);
    x->taken += n;
    if (x->taken == x->out.len)
        forget_taken(x);
    return (ssize_t)n;
}

static void tick_stream(struct vg_http_exchange *x, int64_t mono_ns)
{
    if (!x->suspended) {
        if (mono_ns - x->taken_ns > stuck_ns)
            vg_http_place_cut(x->place, VG_HTTP_CUT_SLOW);
        return;
    }
    x->over = !x->answer.stream->more(x->answer.state, mono_ns, &x->out);
    if (x->out.len == 0 && !x->over && mono_ns - x->said_ns > quiet_ns)
        vg_buf_str(&x->out, ":\n\n");
    if (x->out.len == 0 && !x->over)
        return;
    x->said_ns = x->taken_ns = mono_ns;
    resume(x);
}

/* ---- later answers ---- */

static void tick_later(struct vg_http_exchange *x, int64_t mono_ns)
{
    if (!x->suspended || !x->answer.later->ready(x->answer.state, mono_ns, &x->answer))
        return;
    vg_http_release(x);
    resume(x);
}

/* ---- both ---- */

void vg_http_holds_tick(struct vg_http *h, int64_t mono_ns)
{
    struct vg_http_exchange *next;

    if (!h->held || mono_ns - h->ticked_ns < (h->woken ? woken_ns : tick_ns))
        return;
    h->ticked_ns = mono_ns;
    h->woken = false;
    for (struct vg_http_exchange *x = h->held; x; x = next) {
        next = x->next;
        if (x->answer.stream)
            tick_stream(x, mono_ns);
        else
            tick_later(x, mono_ns);
    }
}

void vg_http_holds_end(struct vg_http *h)
{
    for (struct vg_http_exchange *x = h->held; x; x = x->next) {
        if (x->suspended)
            resume(x);
    }
}
