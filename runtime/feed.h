/* feed.h - one sink, its thread, and its place in the outbox.
 *
 * A feed reads the outbox behind its cursor and hands events to the sink in order. It cannot hold up
 * the committer or another sink. The committer stores the cursor, with its next transaction.
 */
#ifndef VG_RUNTIME_FEED_H
#define VG_RUNTIME_FEED_H

#include "runtime/confirmations.h"
#include "runtime/delivery.h"
#include "runtime/letters.h"
#include "runtime/outbox.h"
#include "runtime/passed.h"
#include "runtime/refusals.h"
#include "runtime/shared.h"
#include "runtime/thread.h"

/** An event of a batch that the sink is not to have. */
struct vg_left_out {
    uint64_t seq;
    bool old; /**< else the filter leaves it out */
    bool urgent;
};

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
    struct vg_refusals refusals;
    struct vg_passed passed;
    struct vg_delivery_figures figures; /**< for whoever wants to know */
    uint64_t stored, storing; /**< the committer's: cursor on disk, and in its transaction */

    /* the thread's own */
    int wake_fd;
    struct vg_outbox_reader *reader;
    struct vg_letters *letters;
    struct vg_buf bytes; /**< of a batch */
    struct vg_delivery *batch;
    uint32_t batched;
    struct vg_left_out *left; /**< of a batch, in its order */
    uint32_t left_n, left_done;
    uint64_t old_seq; /**< events up to here may have been delivered before the start */
    uint32_t reloads; /**< of shared->reloads that were obeyed */
    uint64_t random;
    uint32_t failures; /**< in a row */
    /* Monotonic times; 0: not the case. */
    int64_t next_ns;            /**< when to try again */
    int64_t failing_ns;         /**< since when every attempt has failed */
    int64_t seen_ns;            /**< when letters and trouble were last seen to */
    struct vg_passed_over over; /**< that is to be told */
    /* When the newest of it was passed over; how much of it was said, and when. */
    int64_t passed_ns;
    uint64_t passed_said;
    int64_t passed_said_ns;
};

/** Body of the thread; ready once the sink is open. */
vg_status vg_feed_run(void *feed, struct vg_thread *thread, struct vg_err *err);

/* ---- among the files of a feed ---- */

/** What the runtime offers the sink (feed_env.c). */
void vg_feed_env(struct vg_feed *f, struct vg_sink_env *ret);

/* Trouble, in the order of its seriousness (feed_trouble.c). */
void vg_feed_works(struct vg_feed *f); /**< events were accepted */
void vg_feed_failed(struct vg_feed *f,
                    const struct vg_err *err); /**< an attempt; to be made again */
/** Takes up what was passed over before a restart: it may not have been told. */
VG_NODISCARD vg_status vg_feed_load_passed(struct vg_feed *f, struct vg_err *err);
/** Before the cursor is behind the event. */
void vg_feed_passed_over(struct vg_feed *f, const struct vg_left_out *event);
/** Tells what was passed over when it is time to: the first at once. */
void vg_feed_look_passed(struct vg_feed *f, int64_t now_ns);
void vg_feed_not_delivered(struct vg_feed *f); /**< an event of priority high is refused for ever */
void vg_feed_off(struct vg_feed *f, const struct vg_err *err);
/** Each second: whether what was said still holds. */
void vg_feed_look(struct vg_feed *f, int64_t now_ns);

#endif
