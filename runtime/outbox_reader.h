/* outbox_reader.h - the reading half of the outbox among its files.
 *
 * Each reader is a connection of its own. In WAL mode it sees the state of the last commit, does
 * not wait for the writer and does not hold it up. What is read is in outbox_read.c (events and
 * episodes, for those who deliver) and outbox_log.c (commands and positions, for those who go on).
 */
#ifndef VG_RUNTIME_OUTBOX_READER_H
#define VG_RUNTIME_OUTBOX_READER_H

#include <sqlite3.h>

#include "runtime/outbox.h"

/** Statements; prepared when a reader is opened. */
enum vg_read {
    VG_READ_BEGIN,
    VG_READ_END,
    VG_READ_EVENTS,
    VG_READ_EVENTS_OF_WARD,
    VG_READ_OPEN_EVENTS,
    VG_READ_NEWEST_EVENTS,
    VG_READ_EXTENT,
    VG_READ_EXTENT_OF_WARD,
    VG_READ_WARDS,
    VG_READ_EPISODE,
    VG_READ_EPISODES_OF_SHARD,
    VG_READ_COMMANDS,
    VG_READ_ORDERS,
    VG_READ_NOTICES,
    VG_READ_SWITCHES,
    VG_READ_POSITION,
    VG_READ_CURSOR,
    VG_READ_DEAD_LETTERS,
    VG_READS,
};

struct vg_outbox_reader {
    sqlite3 *db;
    sqlite3_stmt *stmt[VG_READS];
};

/** Gives one row to a callback. */
typedef vg_status (*vg_reader_fn)(void *ctx, sqlite3_stmt *row);

/** Runs a statement whose parameters are bound, and hands each of its rows to `fn` until that fails;
 *  `what` it is for, as in vg_db_fail(). */
VG_NODISCARD vg_status vg_reader_each(struct vg_outbox_reader *r, enum vg_read q, const char *what,
                                      vg_reader_fn fn, void *ctx, struct vg_err *err);

static inline uint64_t vg_reader_unsigned(sqlite3_stmt *row, int i)
{
    return (uint64_t)sqlite3_column_int64(row, i);
}

/** Copies a text, cut to `size` - 1 bytes; NULL becomes "". */
void vg_reader_text(sqlite3_stmt *row, int i, char *ret, size_t size);
/** Copies an id; returns whether there is one. */
bool vg_reader_id(sqlite3_stmt *row, int i, uint8_t id[16]);

#endif
