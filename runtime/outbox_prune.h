/* outbox_prune.h - what is old enough leaves the outbox, a little at a time. */
#ifndef VG_RUNTIME_OUTBOX_PRUNE_H
#define VG_RUNTIME_OUTBOX_PRUNE_H

#include "runtime/outbox.h"

/** Where the oldest snapshot of a shard stands: a restart may need the commands from there on. */
struct vg_prune_shard {
    uint32_t shard, ordinal;
    int64_t next_offset;
};

/** What may go. Times are wall time of storing, of commands log time; 0: nothing. */
struct vg_prune {
    uint64_t delivered_seq;   /**< no event behind it */
    int64_t events_before_ns; /**< and the commands of before */
    int64_t letters_before_ns;
    uint64_t
        unwritten_letter; /**< number of the first that is still to be written out; 0: none is */
    const struct vg_prune_shard *shard; /**< [shards]; of others no command */
    uint32_t shards;
};

/** Deletes some of it, in a transaction of its own; *ret says how many rows: 0 when nothing is left.
 *  Never what is still needed: the newest events of open episodes and of wards, what sinks refused,
 *  orders, and letters that are to be tried again. The committer's, outside a transaction. */
VG_NODISCARD vg_status vg_outbox_prune(struct vg_outbox *o, const struct vg_prune *p, uint64_t *ret,
                                       struct vg_err *err);

#endif
