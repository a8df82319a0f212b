/* commit.h - the end of all chains: events become durable here.
 *
 * One thread takes whatever waits at the end of the chains, writes it in one transaction, and then
 * tells the sinks. Barriers become snapshots once everything before them is durable. In a region
 * that was stored before, the outbox is the authority: what comes again is compared, and a
 * difference is counted; behind it (frames that are `live`) every event is new. Frames that are to be
 * continued (`more`) wait for the rest.
 */
#ifndef VG_RUNTIME_COMMIT_H
#define VG_RUNTIME_COMMIT_H

#include "runtime/change.h"
#include "runtime/commit_tally.h"
#include "runtime/feed.h"
#include "runtime/letter_feed.h"
#include "runtime/link.h"
#include "runtime/outbox.h"
#include "runtime/retention.h"
#include "runtime/space.h"
#include "runtime/writer.h"

/** Frames in one transaction, beyond what belongs together. */
enum { VG_COMMIT_FRAMES = 256 };

struct vg_commit_shard {
    bool more;         /**< the rest of what its newest frame began is still to come */
    bool known;        /**< the outbox knows where it began */
    uint32_t building; /**< see struct vg_frame */
    uint64_t n;        /**< number of the last event */
    uint64_t stored;   /**< of the last one in the outbox when the shard was taken over */
};

struct vg_commit {
    /* set by the service before the thread starts */
    struct vg_thread thread;
    struct vg_shared *shared;
    const struct vg_layout *layout;
    void *zmq;
    struct vg_pool **pool; /**< [workers] */
    uint32_t workers;
    char endpoint[64];
    struct vg_outbox *outbox;
    struct vg_writer *writer;
    struct vg_feed *feed; /**< [feeds] */
    uint32_t feeds;
    struct vg_letter_feed *letters; /**< NULL: dead letters only stay in the outbox */
    struct vg_change *change;
    const struct vg_site *site; /**< in force where it has come to */

    /* the thread's own */
    struct vg_link from;
    struct vg_commit_shard *shard, *before; /**< [VG_SHARDS_MAX]; `before` the transaction */
    struct vg_frame **frame;                /**< what was gathered, [frames_cap] */
    uint32_t frames, frames_cap;
    uint32_t open; /**< shards of which the rest must be gathered too */
    struct vg_retention retention;
    struct vg_space space;
    int64_t confirmed_ns;   /* when confirmations were last a reason to write */
    uint32_t ends, changes; /**< of the workers' ENDs; of their CHANGEs, if they are not complete */
    uint64_t mismatches;    /**< of the transaction */
    struct vg_commit_tally tally;
    bool news; /**< the transaction has something that sinks wait for */
    uint64_t ticket[VG_COMMIT_FRAMES];
    enum vg_answer answer[VG_COMMIT_FRAMES];
    uint32_t tickets;
};

/** Allocates what the thread needs; the fields above are set before or after. */
void vg_commit_init(struct vg_commit *c);
void vg_commit_done(struct vg_commit *c);
/** Body of the thread; ends after the END of every worker. */
vg_status vg_commit_run(void *commit, struct vg_thread *thread, struct vg_err *err);

/** Writes the cursors of the sinks that moved; in the committer's thread, or after it ended. */
VG_NODISCARD vg_status vg_commit_cursors(struct vg_commit *c, struct vg_err *err);

#endif
