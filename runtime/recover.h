/* recover.h - where a shard goes on: its newest snapshot, and what the outbox recorded behind it.
 *
 * The region between the snapshot and the outbox's position is replayed: the same records, with the
 * commands that were recorded injected where they were, give the same events, which the committer
 * compares with the stored ones. Only behind the region may new commands (CLOCK) arise.
 *
 * When the configuration changed in the region or after it, the region only builds memory, and
 * events count again from the last change on.
 */
#ifndef VG_RUNTIME_RECOVER_H
#define VG_RUNTIME_RECOVER_H

#include "core/buf.h"
#include "core/frame.h"
#include "runtime/shared.h"

struct vg_recorded_command {
    struct vg_item_command head;
    char *payload; /**< head.size bytes; NULL when there are none */
};

struct vg_recovery {
    int64_t next_offset; /**< VG_START_CONFIGURED: nothing is known of this shard */
    uint32_t ordinal;
    int64_t log_ns;      /**< log time there, or VG_TIME_NONE */
    uint64_t events;     /**< number of the last event: there, or where events count again */
    uint32_t building;   /**< changes of configuration to pass before events count again */
    bool restored;       /**< from a snapshot */
    struct vg_buf items; /**< of the snapshot: patients and memory, as in a frame's tail */
    struct vg_recorded_command *command; /**< recorded behind it, in order */
    uint32_t commands;
    int64_t stored_offset;        /**< the outbox is stored up to this position, or -1 ... */
    uint64_t stored;              /**< ... and this is the number of its last event */
    bool config_changed;          /**< the stored position was reached with another configuration */
    struct vg_open_episode *open; /**< then: what subscribers believe to be open ... */
    char (*open_patient)[VG_PATIENT_SIZE]; /**< ... and of whom */
    uint32_t opens;
    struct vg_recorded_command *setting; /**< then: limits and mutes of patients that still hold */
    uint32_t settings;
    struct vg_noticed
        notice[VG_NOTICE_ALERT_COUNT]; /**< the newest of each, as far as still told */
    uint32_t notices;
    int64_t known_log_ns;  /**< newest log time known before the stop, VG_TIME_NONE: none ... */
    int64_t known_wall_ns; /**< ... and the wall time then */
};

/**
 * Finds out about one shard. `outbox` is the path of the own outbox; `commands_from` of another one
 * whose commands are repeated (a run that repeats another), or NULL. Snapshots that cannot be used
 * are reported to the log.
 */
VG_NODISCARD vg_status vg_recover(const struct vg_shared *shared, const char *outbox,
                                  const char *commands_from, uint32_t shard,
                                  struct vg_recovery *ret, struct vg_err *err);
/**
 * The same for a shard that is at its stored position and goes on there with another configuration,
 * without its memory: what subscribers believe to be open, and what people set.
 */
VG_NODISCARD vg_status vg_recover_changed(const char *outbox, uint32_t shard,
                                          struct vg_recovery *ret, struct vg_err *err);
void vg_recovery_done(struct vg_recovery *r);

#endif
