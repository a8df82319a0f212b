/* change.h - one configuration takes over from another while the pipeline runs.
 *
 * Who made the next chain ready offers it. Ingest takes the offer between two records: it sends a
 * barrier into each shard, and the snapshot writer gives back what the barrier collected, once all
 * before it is durable and the snapshot is on the disk: a recovery must find the very memory that the
 * new configuration began with. Until then ingest may refuse, and nothing has changed. Then it sends a
 * CHANGE down each chain, at which every node exchanges its stage, hands the memory out again (RESTORE), and goes on as
 * after a restart with another configuration: the CONFIG commands come at that position.
 *
 * Each function says whose it is. All of it is behind one lock.
 */
#ifndef VG_RUNTIME_CHANGE_H
#define VG_RUNTIME_CHANGE_H

#include <pthread.h>

#include "core/buf.h"
#include "runtime/config.h"

enum vg_change_state {
    VG_CHANGE_NONE,
    VG_CHANGE_OFFERED, /**< may be withdrawn */
    VG_CHANGE_TAKEN,   /**< ingest decides */
    VG_CHANGE_REFUSED, /**< all is as it was; `why` */
    VG_CHANGE_MADE,    /**< what is read from now on is of the new configuration */
    VG_CHANGE_PASSED,  /**< no thread of the chains uses the old one any more */
};

/** What a barrier brought back. */
struct vg_change_shard {
    bool there;
    struct vg_buf items; /**< as in a frame's tail */
};

struct vg_change {
    pthread_mutex_t lock; /**< for all below */
    pthread_cond_t changed;
    enum vg_change_state state;
    uint32_t number;                /**< of this offer; from 1 */
    const struct vg_config *config; /**< that is to take over */
    struct vg_err why;
    struct vg_change_shard *shard; /**< [VG_SHARDS_MAX] */
    bool failed;                   /**< a snapshot cannot be written: `why` */
};

void vg_change_init(struct vg_change *c);
void vg_change_done(struct vg_change *c);

/* ---- who makes it ready ---- */

/** Offers a configuration whose stages lie ready in the nodes (struct vg_apply.next). */
void vg_change_offer(struct vg_change *c, const struct vg_config *config);
/** Waits up to `ns` for an offer to be refused or to have passed; returns the state. */
enum vg_change_state vg_change_wait(struct vg_change *c, int64_t ns);
/** Takes back an offer that nobody has taken. False: it was taken, and its end is near. */
bool vg_change_withdraw(struct vg_change *c);
/** Makes room for the next offer; returns why the last one was refused. */
struct vg_err vg_change_close(struct vg_change *c);

/* ---- ingest ---- */

/** Whether there is an offer; `ret_number` is what its barriers carry. */
bool vg_change_offered(struct vg_change *c, uint32_t *ret_number);
/** Takes it; false: it was withdrawn. */
bool vg_change_take(struct vg_change *c);
/** Moves what came back of a shard into `ret`. VG_E_AGAIN: nothing has yet; else nothing will. */
VG_NODISCARD vg_status vg_change_given(struct vg_change *c, uint32_t shard, struct vg_buf *ret,
                                       struct vg_err *err);
void vg_change_refuse(struct vg_change *c, const struct vg_err *why);
/** From here on it holds; returns the configuration. */
const struct vg_config *vg_change_make(struct vg_change *c);

/* ---- the snapshot writer: of a barrier of offer `number`; one that is over is passed over ---- */

void vg_change_give(struct vg_change *c, uint32_t number, uint32_t shard, const void *items,
                    size_t len);
void vg_change_fail(struct vg_change *c, uint32_t number, const struct vg_err *why);

/* ---- the committer ---- */

/** The configuration that was made: at a CHANGE. */
const struct vg_config *vg_change_config(struct vg_change *c);
/** The CHANGE of every worker has come out of its chain. */
void vg_change_pass(struct vg_change *c);

#endif
