/* mllp.h - messages over a stream of bytes: HL7's Minimal Lower Layer Protocol, release 1.
 *
 * A frame is 0x0B, the message, 0x1C, 0x0D. One frame goes out, and one comes back before the next one
 * goes out. Real receivers deviate: frames come in pieces, and some have a line end too many or too
 * few. What stands between two frames may be CR and LF; everything else is an error.
 */
#ifndef VG_SINKS_MLLP_H
#define VG_SINKS_MLLP_H

#include "core/buf.h"
#include "core/err.h"
#include "sinks/stream.h"

/** An answer is short: what is longer is refused. */
enum { VG_MLLP_ANSWER_MAX = 64 * 1024 };

/** Puts a frame together from pieces. Zeroed, it waits for one. */
struct vg_mllp_reader {
    struct vg_buf message; /**< what was in the frame, or is of it so far */
    bool open;             /**< in a frame */
    bool complete;         /**< cleared by vg_mllp_next() */
};

/**
 * Takes up to n bytes, and no byte behind the end of a frame; *used says how many. True unless what
 * came is no frame, or a longer one than VG_MLLP_ANSWER_MAX.
 */
VG_NODISCARD bool vg_mllp_feed(struct vg_mllp_reader *r, const char *bytes, size_t n, size_t *used);
void vg_mllp_next(struct vg_mllp_reader *r); /**< waits for another frame; memory is kept */
void vg_mllp_done(struct vg_mllp_reader *r);

/**
 * Connects unless it is connected, sends `message` in a frame and reads one frame into r->message, all
 * by the deadline. `frame` is memory to work with. Fails with VG_E_UNAVAILABLE. The connection is closed
 * then, and when more than one frame came: what comes late on it must not answer another message.
 */
VG_NODISCARD vg_status vg_mllp_exchange(struct vg_stream *s, const struct vg_buf *message,
                                        struct vg_buf *frame, struct vg_mllp_reader *r,
                                        int64_t deadline_ns, struct vg_err *err);

#endif
