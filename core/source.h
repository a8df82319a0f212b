/* source.h - a log of messages in shards: the interface of a source.
 *
 * A source is a log: it can be read again from any position that it still holds. All calls come
 * from the ingest thread.
 */
#ifndef VG_CORE_SOURCE_H
#define VG_CORE_SOURCE_H

#include "core/buf.h"
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
    /** err: something for the log; the source goes on trying by itself. Once it works again, each shard
     *  that it reads gives a record or VG_POLL_REACHED, also when nothing new is there. */
    VG_POLL_TROUBLE,
    VG_POLL_FAILED, /**< err: the source cannot go on */
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

/** A dead letter on its way out. Lives during the call. */
struct vg_dead_letter {
    uint32_t shard;
    uint32_t index;       /**< row within the record; UINT32_MAX for the whole message */
    uint32_t byte_offset; /**< of the error, in the value */
    int64_t offset, record_ns;
    const char *reason, *detail;
    struct vg_message message; /**< the key of the record; as value the record's, or its row */
    const void *headers;       /**< what ops->headers() gave */
    size_t headers_len;
};

/** Where a source writes its dead letters. In a thread of their own, which never waits for the one that
 *  reads; `self` is only read here, and nothing but its options. */
struct vg_letter_ops {
    /** Name of the place, for people; NULL: they are to be written nowhere. */
    const char *(*place)(const void *self);
    /** A place that is away is no failure. */
    vg_status (*open)(const void *self, void **ret_writer, struct vg_err *err);
    /** Writes up to VG_LETTERS_MAX in their order; *done are durable there, also on failure. The rest
     *  comes again after VG_CLASS_RETRY; VG_CLASS_DATA refuses letters[*done] for ever. */
    vg_status (*write)(void *writer, const struct vg_dead_letter *letters, size_t n, size_t *done,
                       struct vg_err *err);
    void (*close)(void *writer);
};

enum { VG_LETTERS_MAX = 64 };

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
    /** Begins to read: asks env->assigned() for every shard that is or becomes this instance's. Does not
     *  wait for a log that hangs: then polls go on with it, and fail when it stays so. */
    vg_status (*start)(void *self, struct vg_err *err);
    enum vg_poll (*poll)(void *self, int timeout_ms, struct vg_record *record, struct vg_err *err);
    /** Appends the headers of the record that poll() returned last, in a form of the source's own. May
     *  be NULL. */
    void (*headers)(void *self, struct vg_buf *ret);
    /** Stops and goes on returning records of a shard; poll() must still be called. */
    void (*pause)(void *self, uint32_t shard);
    void (*resume)(void *self, uint32_t shard);
    /** Offset after the last message when reading started (until_end), for progress and the end; -1: it
     *  is not known yet. */
    int64_t (*end)(void *self, uint32_t shard);
    /** Offset after the newest message of the shard, as far as it is known without asking anybody; -1:
     *  it is not. May be NULL. */
    int64_t (*newest)(void *self, uint32_t shard);
    /** Tells the log how far this instance is; an indicator for lag tools only. */
    void (*commit)(void *self, uint32_t shard, int64_t next_offset);
    void (*close)(void *self);           /**< also when open failed */
    const struct vg_letter_ops *letters; /**< NULL: it writes none */
};

#endif
