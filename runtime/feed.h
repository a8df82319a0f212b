/* feed.h - one sink, its thread, and its place in the outbox.
 *
 * A feed reads the outbox behind its cursor and hands events to the sink in order. It cannot hold up
 * the committer or another sink. The committer stores the cursor, with its next transaction.
 */
#ifndef VG_RUNTIME_FEED_H
#define VG_RUNTIME_FEED_H

#include "runtime/confirmations.h"
#include "runtime/outbox.h"
#include "runtime/shared.h"
#include "runtime/thread.h"

struct vg_feed {
    /* set by the service before the thread starts */
    struct vg_thread thread;
    struct vg_shared *shared;
    const struct vg_sink_config *config;
    const char *outbox; /**< path of the file */
    uint8_t uuid[16];   /**< of the outbox */

    _Atomic uint64_t delivered; /**< everything up to here is delivered for good */
    atomic_bool finish;         /**< end once everything that is committed is delivered */
    struct vg_confirmations confirmations;
    uint64_t stored, storing; /**< the committer's: cursor on disk, and in its transaction */

    /* the thread's own */
    int wake_fd;
    struct vg_outbox_reader *reader;
    struct vg_buf bytes; /**< of a batch */
    struct vg_delivery *batch;
    uint32_t batched;
    uint64_t old_seq; /**< events up to here may have been delivered before the start */
    uint32_t reloads; /**< of shared->reloads that were obeyed */
    int64_t retry_ns; /**< backoff, 0: none */
};

/** Body of the thread; ready once the sink is open. */
vg_status vg_feed_run(void *feed, struct vg_thread *thread, struct vg_err *err);

#endif
