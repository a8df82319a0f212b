/* link.h - a ZeroMQ link between two threads of the chain.
 *
 * PUSH to PULL over inproc://, high-water mark 8: a slow stage holds back the one before it, back to
 * ingest. The message is the frame's address, a lane and a sequence number, 24 bytes that ZeroMQ carries
 * without allocating: the buffer itself is handed over, not copied. Every receiver checks the
 * sequence; a gap is a bug and stops the program.
 *
 * Several PUSH ends may meet at one PULL end (all workers at the committer); then each has a lane
 * of its own, with its own sequence.
 *
 * A link end belongs to the thread that opened it.
 */
#ifndef VG_RUNTIME_LINK_H
#define VG_RUNTIME_LINK_H

#include "core/frame.h"

enum { VG_LINK_HWM = 8, VG_LANES_MAX = 64 };

struct vg_link {
    void *socket;
    uint32_t lane;              /**< of a PUSH end */
    uint64_t seq[VG_LANES_MAX]; /**< last sent, or last received by lane */
};

/** Opens the receiving end. Either end may be opened first. */
VG_NODISCARD vg_status vg_link_bind(struct vg_link *link, void *zmq, const char *endpoint,
                                    struct vg_err *err);
VG_NODISCARD vg_status vg_link_connect(struct vg_link *link, void *zmq, const char *endpoint,
                                       uint32_t lane, struct vg_err *err);
/** Hands `frame` on. `wait` false: returns false when the link is full, and the frame stays. */
bool vg_link_send(struct vg_link *link, struct vg_frame *frame, bool wait);
/** The next frame, now the caller's; NULL when there is none within timeout_ms (-1: waits). */
struct vg_frame *vg_link_recv(struct vg_link *link, int timeout_ms);
/** Closes without lingering. Also when it was never opened. */
void vg_link_done(struct vg_link *link);

#endif
