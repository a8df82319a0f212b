/* replay_verify.h - a recording again, and its events beside those that the pipeline stored. */
#ifndef VG_APP_REPLAY_VERIFY_H
#define VG_APP_REPLAY_VERIFY_H

#include "core/err.h"

/** What was compared. */
struct vg_verified {
    uint64_t events;    /**< of the outbox */
    uint64_t different; /**< other bytes */
    uint64_t missing;   /**< of the outbox alone */
    uint64_t extra;     /**< of the recording alone */
    uint64_t misplaced; /**< behind one of their shard that they came before */
};

/**
 * Plays the recording `file` with the configuration `config` and compares its events with those of
 * `outbox` (DATA_DIR/outbox.db): byte for byte, by event_id, and in their order within a shard. The first differences go to standard error, by
 * event_id; events hold what no log should. VG_E_CONFIG, VG_E_IO.
 */
VG_NODISCARD vg_status vg_replay_verify(const char *config, const char *file, const char *outbox,
                                        struct vg_verified *ret, struct vg_err *err);

#endif
