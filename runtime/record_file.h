/* record_file.h - a recording: what entered a pipeline, records and commands, in one file of zstd.
 *
 * The format is that of docs/recordings.md: a head, blocks with a checksum each, and an end with
 * counts, so that a file that was changed or cut short is noticed. Written and read from front to
 * back, one block in memory at a time. A command stands before the record that it precedes in its
 * shard. One thread per file.
 */
#ifndef VG_RUNTIME_RECORD_FILE_H
#define VG_RUNTIME_RECORD_FILE_H

#include "core/frame.h"
#include "core/source.h"

enum { VG_RECORD_VERSION = 1, VG_RECORD_MESSAGE_MAX = 32 * 1024 * 1024 };

/** What a recording is of. */
struct vg_record_head {
    char vigil[16]; /**< version that wrote it */
    char pipeline[VG_NAME_SIZE];
    char topic[256];
    char cluster[64];
    char config[72]; /**< hash of the configuration that it was read with */
    uint32_t partitions;
    int64_t from_ns, until_ns; /**< what was asked for, VG_TIME_NONE: everything */
    bool commands;             /**< those of a pipeline's outbox are in it */
};

struct vg_record_counts {
    uint64_t blocks, records, commands;
};

/* ---- writing ---- */

struct vg_record_writer;

/** Begins a file, which only its owner may read: it holds data of patients. It appears under `path`
 *  when vg_record_writer_end() has succeeded, as PATH.part before. VG_E_IO. */
VG_NODISCARD vg_status vg_record_writer_new(const char *path, const struct vg_record_head *head,
                                            struct vg_record_writer **ret, struct vg_err *err);
/** Adds a record. VG_E_RANGE for one of more than VG_RECORD_MESSAGE_MAX bytes. */
VG_NODISCARD vg_status vg_record_writer_record(struct vg_record_writer *w,
                                               const struct vg_record *record, struct vg_err *err);
/** Adds a command of `shard` with its `len` bytes of payload. */
VG_NODISCARD vg_status vg_record_writer_command(struct vg_record_writer *w, uint32_t shard,
                                                const struct vg_item_command *command,
                                                const void *payload, size_t len,
                                                struct vg_err *err);
/** Writes what is left and the end, and makes it durable. */
VG_NODISCARD vg_status vg_record_writer_end(struct vg_record_writer *w,
                                            struct vg_record_counts *ret, struct vg_err *err);
void vg_record_writer_free(struct vg_record_writer *w); /**< NULL is fine; not ended: no file */

/* ---- reading ---- */

struct vg_record_reader;

/** An entry; pointers are valid until the next call. */
struct vg_record_entry {
    bool is_command;
    struct vg_record record;        /**< unless is_command */
    uint32_t shard;                 /**< of either */
    struct vg_item_command command; /**< ticket 0 */
    const void *payload;            /**< command.size bytes */
};

/** Opens a recording and reads its head. VG_E_IO when it cannot be read or is none, with the byte at
 *  which it stops making sense. */
VG_NODISCARD vg_status vg_record_reader_open(const char *path, struct vg_record_reader **ret,
                                             struct vg_err *err);
const struct vg_record_head *vg_record_reader_head(const struct vg_record_reader *r);
/** The next entry, or *ret_end true behind the last. VG_E_IO for a file that is damaged, cut short
 *  or goes on behind its end. */
VG_NODISCARD vg_status vg_record_reader_next(struct vg_record_reader *r,
                                             struct vg_record_entry *ret, bool *ret_end,
                                             struct vg_err *err);
/** Of what was read so far. */
struct vg_record_counts vg_record_reader_counts(const struct vg_record_reader *r);
/** How far in the file, and how long it is (0 for a pipe): for progress. */
uint64_t vg_record_reader_at(const struct vg_record_reader *r);
uint64_t vg_record_reader_size(const struct vg_record_reader *r);
void vg_record_reader_close(struct vg_record_reader *r); /**< NULL is fine */

#endif
