/* outbox_schema.h - the tables of an outbox, and how those of an older one become them.
 *
 * For the writing half (outbox.c) alone: who only reads takes an outbox as it is.
 */
#ifndef VG_RUNTIME_OUTBOX_SCHEMA_H
#define VG_RUNTIME_OUTBOX_SCHEMA_H

#include "runtime/outbox_db.h"

/** Makes the tables of an empty file, and gives the outbox its UUID. In one transaction: a crash
 *  leaves an empty file, which is filled the next time. */
VG_NODISCARD vg_status vg_schema_make(sqlite3 *db, const char *pipeline, struct vg_err *err);
/** Brings an outbox of an older version up to date. Fails for one of a newer version and for what is
 *  none. */
VG_NODISCARD vg_status vg_schema_upgrade(sqlite3 *db, struct vg_err *err);
/** Stores a value in table meta. */
VG_NODISCARD vg_status vg_schema_set_meta(sqlite3 *db, const char *key, const char *value,
                                          struct vg_err *err);

#endif
