/* ingest.h - from the source to the chains: positions, log time, patients, commands, barriers.
 *
 * One thread. It never waits for a link: what does not fit is kept. At 80 % of the budget in flight
 * it asks the source for no more; a source whose chain stays full for longer is paused until 40 %,
 * and polled all the while.
 */
#ifndef VG_RUNTIME_INGEST_H
#define VG_RUNTIME_INGEST_H

#include "runtime/change.h"
#include "runtime/letters.h"
#include "runtime/link.h"
#include "runtime/notice_log.h"
#include "runtime/overlap.h"
#include "runtime/pool.h"
#include "runtime/recover.h"
#include "runtime/shared.h"
#include "runtime/thread.h"

struct vg_ingest {
    /* set by the service before the thread starts */
    struct vg_thread thread;
    struct vg_shared *shared;
    const struct vg_config *config; /**< its source and its section `service` hold for good */
    struct vg_change *change;
    const struct vg_layout *layout;
    void *zmq;
    struct vg_pool **pool; /**< [workers] */
    uint32_t workers;
    char (*endpoint)[64]; /**< [workers]: where each chain begins */
    const char *outbox;   /**< path of the outbox file */
    bool until_end;
    const char *commands_from; /**< outbox whose commands are repeated, or NULL */

    /* the thread's own */
    struct vg_ingest_shard *shard; /**< [VG_SHARDS_MAX] */
    struct vg_ingest_worker *worker;
    const struct vg_site *site; /**< in force at what is read now */
    bool heard;                 /**< a rule wants to be told that records come */
    uint32_t change_number;     /**< that barriers carry; 0: nobody waits for them */
    struct vg_overlap overlap;
    struct vg_notice_log notices;
    struct vg_letters *letters;
    struct vg_buf headers; /**< of the record that became a dead letter last */
    int64_t record_ns;     /**< monotonic time at which a record was last seen to have come */
    bool record_came;      /**< since then */
    int64_t told_ns;       /**< when what only the wall clock knows was last told */
    int64_t duty_ns;       /**< when the duties that hang on time are looked at again */
    bool troubled;         /**< the source told of a trouble that is not over */
    struct vg_err failure;
    bool failed;
};

/** Frames in flight at which a worker's shards are asked for no more. */
uint32_t vg_ingest_frames(const struct vg_config *config);

/** Body of the thread: ready once the source is open and shared->identity is known; begins to read
 *  at VG_GATE_GO, leaves the source at VG_GATE_DRAINED. */
vg_status vg_ingest_run(void *ingest, struct vg_thread *thread, struct vg_err *err);

#endif
