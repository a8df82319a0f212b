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
#include "runtime/refusals.h"
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
    struct vg_refusals refusals;
    struct vg_delivery_figures figures; /**< for whoever wants to know */
    uint64_t stored, storing; /**< the committer's: cursor on disk, and in its transaction */

    /* the thread's own */
    int wake_fd;
    struct vg_outbox_reader *reader;
    struct vg_letters *letters;
    struct vg_buf bytes; /**< of a batch */
    struct vg_delivery *batch;
    uint32_t batched;
    uint64_t old_seq;    /**< events up to here may have been delivered before the start */
    uint64_t chosen_seq; /**< events up to here were counted if they were left out */
    uint32_t reloads;    /**< of shared->reloads that were obeyed */
    uint64_t random;
    uint32_t failures; /**< in a row */
    /* Monotonic times; 0: not the case. */
    int64_t next_ns;    /**< when to try again */
    int64_t failing_ns; /**< since when every attempt has failed */
    int64_t seen_ns;    /**< when letters and trouble were last seen to */
    /* What was passed over: in all, of priority high, and when; how much of it was said, and when. */
    uint64_t passed, passed_urgent, passed_said;
    int64_t passed_ns, passed_said_ns;
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
void vg_feed_passed_over(struct vg_feed *f, const struct vg_delivery *event);
/** Tells what was passed over when it is time to: the first at once, before the cursor is behind it. */
void vg_feed_look_passed(struct vg_feed *f, int64_t now_ns);
void vg_feed_not_delivered(struct vg_feed *f); /**< an event of priority high is refused for ever */
void vg_feed_off(struct vg_feed *f, const struct vg_err *err);
/** Each second: whether what was said still holds. */
void vg_feed_look(struct vg_feed *f, int64_t now_ns);

#endif
