/* file_private.h - the parts of the file sink.
 *
 * Events are appended to the file that `path` names, one of each day when there is a date in it. A
 * file that is full, or whose day is long over, is finished: it gets a number behind its name, and may
 * then be compressed or, some day, removed. Everything is written in the order of the names. What was
 * written is never moved into another file, so an event is in one of them:
 *
 *     alerts.ndjson.000001.zst   finished and compressed
 *     alerts.ndjson.000002       finished
 *     alerts.ndjson              being written
 */
#ifndef VG_SINKS_FILE_PRIVATE_H
#define VG_SINKS_FILE_PRIVATE_H

#include <sys/types.h>

#include "core/sink.h"

enum {
    VG_FILE_PATH_SIZE = 4096,
    /* How far back files are searched for events that come again: some 20,000 of them. The cursor is
     * stored with every commit of the outbox, so this is orders of magnitude more than a crash can
     * leave. */
    VG_FILE_TAIL_MAX = 16 << 20,
    /* Days whose files are open at a time: shards may be at different days of a replay. */
    VG_FILE_BOOKS = 8,
};

extern const char vg_file_date[]; /**< what becomes the date in `path` */

/** Identity of an event: what "event_id" says, in binary. */
struct vg_file_key {
    uint8_t episode_id[16];
    uint32_t number;
};

struct vg_file_keys {
    struct vg_file_key *at;
    size_t n, cap;
};

/** A file that is open for appending. */
struct vg_file_book {
    bool is_open;
    int fd;
    int64_t day;               /**< since 1970; 0 when the path has no date */
    uint64_t used;             /**< when, in batches, for eviction */
    off_t size;                /**< of the complete lines */
    struct vg_file_keys known; /**< events before its end when it was opened, sorted */
    struct vg_buf batch;       /**< lines still to write */
    char path[VG_FILE_PATH_SIZE];
};

enum { VG_FILE_FSYNC_BATCH, VG_FILE_FSYNC_NEVER };
enum { VG_FILE_COMPRESS_NONE, VG_FILE_COMPRESS_ZSTD };

struct vg_file {
    char *path;      /* option */
    uint64_t rotate; /* option; bytes */
    int compress;    /* option */
    int64_t keep;    /* option */
    int fsync;       /* option */

    char *base; /**< "<data_dir>/", or "" when path is absolute */
    uint64_t batches;
    int64_t newest_day; /**< of all events that came */
    uint32_t untidy;    /**< files finished since vg_file_tidy() */
    struct vg_file_book books[VG_FILE_BOOKS];
};

/** A finished file. */
struct vg_file_part {
    int64_t day;
    uint64_t number;    /**< from 1, of its day */
    bool plain, packed; /**< which there is: both, when a crash came before one was removed */
};

struct vg_file_parts {
    struct vg_file_part *at; /**< in the order in which they were written */
    size_t n, cap;
};

/* ---- file_path.c: names and folders ---- */

/** Fails with VG_E_TEMPORARY, from errno. Also a full or failing disk is RETRY: someone may make room,
 *  and no event is lost meanwhile, because the outbox keeps it. */
vg_status vg_file_failed(struct vg_err *err, const char *what, const char *path);
int64_t vg_file_day(const struct vg_file *f, int64_t time_ns);
/** The file of `day` that is written to. */
void vg_file_path(const struct vg_file *f, int64_t day, char path[VG_FILE_PATH_SIZE]);
/** A finished file; `end` is "", ".zst" or ".zst.new". */
void vg_file_part_path(const struct vg_file *f, const struct vg_file_part *part, const char *end,
                       char path[VG_FILE_PATH_SIZE]);
/** Makes the entry of `path` in its folder durable. */
VG_NODISCARD vg_status vg_file_sync_parent(const char *path, struct vg_err *err);
/** Creates the missing folders above `path`, durably. */
VG_NODISCARD vg_status vg_file_make_folders(const char *path, struct vg_err *err);
bool vg_file_write_all(int fd, const char *bytes, size_t n); /**< false: see errno */

/* ---- file_list.c: which files there are ---- */

/** The finished files, of all days. Freed by vg_file_parts_done(), also on failure. */
VG_NODISCARD vg_status vg_file_parts_list(const struct vg_file *f, struct vg_file_parts *ret,
                                          struct vg_err *err);
void vg_file_parts_done(struct vg_file_parts *parts);
/** Calls fn for each day before `end` that has a file being written, until it fails. */
VG_NODISCARD vg_status vg_file_days(struct vg_file *f, int64_t end,
                                    vg_status (*fn)(struct vg_file *f, int64_t day,
                                                    struct vg_err *err),
                                    struct vg_err *err);

/* ---- file_book.c: the files that are written to ---- */

/** The open book of `day`; the one used longest ago makes room for a new one. A new one is brought into
 *  a state to append to, and has learnt which events were written. */
VG_NODISCARD vg_status vg_file_select(struct vg_file *f, int64_t day, struct vg_file_book **ret,
                                      struct vg_err *err);
bool vg_file_knows(const struct vg_file_book *b, const struct vg_delivery *event);
/** Writes the batch, and makes it durable unless option `fsync` is never. */
VG_NODISCARD vg_status vg_file_flush(const struct vg_file *f, struct vg_file_book *b,
                                     struct vg_err *err);
/** Writes what there is and gives the file its number; the book goes on with a new file. */
VG_NODISCARD vg_status vg_file_finish(struct vg_file *f, struct vg_file_book *b,
                                      struct vg_err *err);
void vg_file_close(struct vg_file_book *b);

/* ---- file_keys.c: which events are in a file ---- */

/** Adds the events of the complete lines in `text`. */
void vg_file_keys_learn(struct vg_file_keys *keys, const char *text, size_t len);
void vg_file_keys_sort(struct vg_file_keys *keys);
bool vg_file_keys_has(const struct vg_file_keys *keys, const struct vg_file_key *key);
void vg_file_keys_done(struct vg_file_keys *keys);

/* ---- file_zstd.c: compressed files ---- */

/** Makes `to` a durable zstd frame of `from`, or leaves no file. */
VG_NODISCARD vg_status vg_file_pack(const char *from, const char *to, struct vg_err *err);
/** Adds the events of a compressed file. One that cannot be read to its end gives those before: an
 *  event that is written twice is better than none that is written again. */
void vg_file_unpack(const char *path, struct vg_file_keys *keys);
/** Bytes that a compressed file holds; 0 when it does not tell. */
uint64_t vg_file_packed_size(const char *path);

/* ---- file_tidy.c: what happens to finished files ---- */

/** Finishes files of days that are over, compresses what is finished and removes what is too old. May
 *  be called at any time; a failure leaves every event where it was. */
VG_NODISCARD vg_status vg_file_tidy(struct vg_file *f, struct vg_err *err);

#endif
