/* letter_feed.h - from the outbox to where the source writes its dead letters.
 *
 * What a feed is to events: a thread and a place of its own, which the committer stores with its next
 * transaction. After a crash the last letters may be written again; none is lost. What a letter's
 * reader refuses for ever only stays in the outbox.
 */
#ifndef VG_RUNTIME_LETTER_FEED_H
#define VG_RUNTIME_LETTER_FEED_H

#include "runtime/letters.h"
#include "runtime/shared.h"
#include "runtime/thread.h"

struct vg_letter_feed {
    /* set by the service before the thread starts */
    struct vg_thread thread;
    struct vg_shared *shared;
    const struct vg_source_config *source;
    const char *outbox; /**< path of the file */

    _Atomic uint64_t delivered; /**< number of the last letter that is written for good */
    atomic_bool finish;         /**< end once everything that is committed is written */
    uint64_t stored, storing;   /**< the committer's: cursor on disk, and in its transaction */

    /* the thread's own */
    struct vg_letters *letters;
    void *writer;
    struct vg_buf bytes; /**< of a batch */
    struct vg_dead_letter batch[VG_LETTERS_MAX];
    uint64_t number[VG_LETTERS_MAX];
    size_t batched;
    uint32_t failures;  /**< in a row */
    int64_t failing_ns; /**< monotonic time since when every attempt has failed; 0: none has */
};

/** Whether the configuration wants dead letters written out. */
bool vg_letter_feed_wanted(const struct vg_source_config *source);

/** Body of the thread. */
vg_status vg_letter_feed_run(void *feed, struct vg_thread *thread, struct vg_err *err);

#endif
