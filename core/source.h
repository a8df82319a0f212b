/* source.h - a log of messages in shards: the interface of a source.
 *
 * A source is a log: it can be read again from any position that it still holds. All calls come
 * from the ingest thread.
 */
#ifndef VG_CORE_SOURCE_H
#define VG_CORE_SOURCE_H

#include "core/decoder.h"
#include "core/err.h"
#include "core/option.h"

/** One message at its place in the log. Valid until the next poll. */
struct vg_record {
    uint32_t shard;
    int64_t offset;
    int64_t time_ns; /**< the log's timestamp of the record; VG_TIME_NONE when it has none */
    struct vg_message message;
};

enum vg_poll {
    VG_POLL_NOTHING, /**< nothing within the timeout */
    VG_POLL_RECORD,
    VG_POLL_REACHED, /**< record->shard: everything now in the shard was returned */
    VG_POLL_TROUBLE, /**< err: something for the log; the source goes on trying by itself */
    VG_POLL_FAILED,  /**< err: the source cannot go on */
};

enum {
    VG_START_CONFIGURED = -1, /**< begin where the configuration says */
};

/** What the runtime offers a source. */
struct vg_source_env {
    void *ctx;
    const char *service; /**< service.name */
    bool until_end;      /**< read to the end that the log has now; take all shards alone */
    /** A shard is now this instance's: returns the offset to begin at, or VG_START_CONFIGURED, as a NULL
     *  function does. */
    int64_t (*assigned)(void *ctx, uint32_t shard);
    /** A shard is no longer this instance's. `lost`: another one has it already. May be NULL. */
    void (*revoked)(void *ctx, uint32_t shard, bool lost);
};

struct vg_source_info {
    uint32_t shards;  /**< how many partitions the topic has */
    char cluster[64]; /**< identity of the log */
    const char *topic;
};

struct vg_source_ops {
    const char *name; /**< `type:` in the configuration */
    const char *summary;
    const struct vg_option *options;
    size_t self_size;
    /** Checks options without touching the network (used by `vigil validate`). May be NULL. */
    vg_status (*check)(void *self, struct vg_err *err);
    /** Connects and learns `info`; waits up to the configured time. VG_E_UNAVAILABLE when nobody
     *  answers. Nothing is read yet. */
    vg_status (*open)(void *self, const struct vg_source_env *env, struct vg_source_info *ret,
                      struct vg_err *err);
    /** Begins to read: asks env->assigned() for every shard that is or becomes this instance's. */
    vg_status (*start)(void *self, struct vg_err *err);
    enum vg_poll (*poll)(void *self, int timeout_ms, struct vg_record *record, struct vg_err *err);
    /** Stops and goes on returning records of a shard; poll() must still be called. */
    void (*pause)(void *self, uint32_t shard);
    void (*resume)(void *self, uint32_t shard);
    /** Offset after the last message when reading started (until_end), for progress and the end. */
    int64_t (*end)(void *self, uint32_t shard);
    /** Tells the log how far this instance is; an indicator for lag tools only. */
    void (*commit)(void *self, uint32_t shard, int64_t next_offset);
    void (*close)(void *self); /**< also when open failed */
};

#endif
