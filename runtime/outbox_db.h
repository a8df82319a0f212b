/* outbox_db.h - SQLite as the outbox uses it: opening, errors, statements.
 *
 * Shared by the writing half (outbox_writer.h) and the reading half (outbox_reader.h), and by nobody else.
 */
#ifndef VG_RUNTIME_OUTBOX_DB_H
#define VG_RUNTIME_OUTBOX_DB_H

#include <sqlite3.h>

#include "core/err.h"

/** Opens the file with sqlite3_open_v2() flags. On failure *ret is NULL. */
VG_NODISCARD vg_status vg_db_open(const char *path, int flags, sqlite3 **ret, struct vg_err *err);

/** err->option when a disk is full, and when its file system cannot be written any more. */
#define VG_DB_DISK      "disk"
#define VG_DB_READ_ONLY "read-only disk"

/**
 * Says why the last call on `db` failed while it tried to `what` ("store an event"), and returns
 * the class of it: VG_E_TEMPORARY, VG_E_IO, VG_E_MEMORY or VG_E_BUG. Call it before anything else
 * uses `db`.
 */
vg_status vg_db_fail(sqlite3 *db, const char *what, struct vg_err *err);

/** Runs statements without results. */
VG_NODISCARD vg_status vg_db_exec(sqlite3 *db, const char *sql, const char *what,
                                  struct vg_err *err);

/** Prepares `n` statements. On failure those that were made must still be finalized. */
VG_NODISCARD vg_status vg_db_prepare(sqlite3 *db, const char *const *sql, size_t n,
                                     sqlite3_stmt **ret, struct vg_err *err);
void vg_db_finalize(sqlite3_stmt **statements, size_t n);

/** Binds parameters 1 to 3: a shard, an offset in its log, and what is counted there (ordinals of
 *  commands, indices of rows). */
static inline void vg_db_bind_place(sqlite3_stmt *stmt, uint32_t shard, int64_t offset, uint32_t at)
{
    sqlite3_bind_int64(stmt, 1, shard);
    sqlite3_bind_int64(stmt, 2, offset);
    sqlite3_bind_int64(stmt, 3, at);
}

/** Whether nothing was ever stored in the file. */
VG_NODISCARD vg_status vg_db_empty(sqlite3 *db, bool *ret, struct vg_err *err);

/** Fails unless the file is an outbox of a schema that this version knows: *ret. */
VG_NODISCARD vg_status vg_db_check_schema(sqlite3 *db, int *ret, struct vg_err *err);

/** Copies a value of table meta, "" when it has none. */
VG_NODISCARD vg_status vg_db_meta(sqlite3 *db, const char *key, char *ret, size_t size,
                                  struct vg_err *err);

/**
 * Whether the file, the outbox of `data_dir`, is tied to this log. *ret_bound: it is tied to one.
 * Another log: VG_E_CONFIG, with a message that names both and says what to do.
 */
VG_NODISCARD vg_status vg_db_check_log(sqlite3 *db, const char *data_dir, const char *cluster,
                                       uint32_t partitions, bool *ret_bound, struct vg_err *err);

struct vg_outbox;
/** The connection of the writing half, for its other files. */
sqlite3 *vg_outbox_handle(struct vg_outbox *o);

#endif
