/* notice_log.h - which notices were told in which shard, and what is to be told next.
 *
 * A notice is told once, in the lowest shard that can take it, and goes on there until it is over or
 * the shard is given away. What was told before a restart is taken up again: it is over only when
 * nobody has said it again for a while. Ingest's own; time is monotonic.
 */
#ifndef VG_RUNTIME_NOTICE_LOG_H
#define VG_RUNTIME_NOTICE_LOG_H

#include "runtime/notices.h"

struct vg_notice_told {
    uint32_t shard;
    int64_t keep_until_ns;  /**< not over before */
    struct vg_noticed said; /**< subjects 0: nothing is told */
};

struct vg_notice_log {
    struct vg_notice_told told[VG_NOTICE_ALERT_COUNT];
};

/** A shard came with a command that was recorded in it, the newest last. */
void vg_notice_log_found(struct vg_notice_log *g, uint32_t shard, const struct vg_noticed *said,
                         int64_t now_ns);
/** The shard's memory of alerts begins anew: what is told there must be told again. */
void vg_notice_log_renew(struct vg_notice_log *g, uint32_t shard);
/** The shard is given away. */
void vg_notice_log_drop(struct vg_notice_log *g, uint32_t shard);

/**
 * Whether a command is to be recorded for `alert` now: *ret, in shard *ret_shard, and notes that it
 * is. `can` has VG_SHARDS_MAX entries, whether a shard can take a command; of `shards` shards.
 */
VG_NODISCARD bool vg_notice_log_next(struct vg_notice_log *g, struct vg_notices *notices,
                                     enum vg_notice_alert alert, const bool *can, uint32_t shards,
                                     int64_t now_ns, uint32_t *ret_shard, struct vg_noticed *ret);

#endif
