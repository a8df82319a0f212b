/* mllp.c - messages over a stream of bytes: HL7's Minimal Lower Layer Protocol, release 1. */
#include "sinks/mllp.h"

#include <string.h>

enum { BEGIN = 0x0b, END = 0x1c, PIECE = 4096 };

/* The CR behind END is not waited for: it is skipped before the next frame, if it comes at all. */
bool vg_mllp_feed(struct vg_mllp_reader *r, const char *bytes, size_t n, size_t *used)
{
    for (*used = 0; *used < n && !r->complete; (*used)++) {
        char c = bytes[*used];

        if (!r->open && c == BEGIN)
            r->open = true;
        else if (r->open && c == END)
            r->complete = true;
        else if (r->open && c != BEGIN && r->message.len < VG_MLLP_ANSWER_MAX)
            vg_buf_char(&r->message, c);
        else if (r->open || (c != '\r' && c != '\n'))
            return false;
    }
    return true;
}

void vg_mllp_next(struct vg_mllp_reader *r)
{
    vg_buf_clear(&r->message);
    r->open = r->complete = false;
}

void vg_mllp_done(struct vg_mllp_reader *r)
{
    vg_buf_done(&r->message);
    r->open = r->complete = false;
}

static vg_status fail_drop(struct vg_stream *s, struct vg_err *err, const char *why)
{
    vg_stream_drop(s);
    return vg_fail(err, VG_E_UNAVAILABLE, "no answer: %s", why);
}

/* Feeds what comes by the deadline. VG_E_AGAIN: nothing did. */
static vg_status receive(struct vg_stream *s, struct vg_mllp_reader *r, int64_t deadline_ns,
                         struct vg_err *err)
{
    char piece[PIECE];
    size_t n = 0, used;
    vg_status st = vg_stream_read(s, piece, sizeof(piece) - 1, &n, deadline_ns, err);

    if (st != VG_OK)
        return st;
    if (!vg_mllp_feed(r, piece, n, &used))
        return fail_drop(s, err, "what came is no MLLP frame");
    piece[n] = '\0';
    /* Behind the end of the one answer that was asked for, only its line end may stand. It counts all
     * the same: a receiver that always says more would else get the message without end. */
    if (strspn(piece + used, "\r\n") < n - used)
        vg_stream_drop(s);
    return VG_OK;
}

/* A connection that the receiver has closed since, or on which something comes that nobody asked for,
 * is not used for another message. */
static void look_before_use(struct vg_stream *s, struct vg_mllp_reader *r, struct vg_err *err)
{
    vg_status st = VG_OK;

    while (st == VG_OK && vg_stream_connected(s)) {
        st = receive(s, r, 0, err);
        if (r->open)
            vg_stream_drop(s);
    }
    vg_mllp_next(r);
}

vg_status vg_mllp_exchange(struct vg_stream *s, const struct vg_buf *message, struct vg_buf *frame,
                           struct vg_mllp_reader *r, int64_t deadline_ns, struct vg_err *err)
{
    vg_status st;

    vg_mllp_next(r);
    look_before_use(s, r, err);
    st = vg_stream_connect(s, deadline_ns, err);
    vg_buf_clear(frame);
    vg_buf_char(frame, BEGIN);
    vg_buf_add(frame, message->data, message->len);
    vg_buf_char(frame, END);
    vg_buf_char(frame, '\r');
    if (st == VG_OK)
        st = vg_stream_write(s, frame->data, frame->len, deadline_ns, err);
    while (st == VG_OK && !r->complete)
        st = receive(s, r, deadline_ns, err);
    return st == VG_E_AGAIN ? fail_drop(s, err, "timeout") : st;
}
