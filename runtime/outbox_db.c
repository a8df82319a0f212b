/* outbox_db.c - SQLite as the outbox uses it: opening, errors, statements. */
#include "runtime/outbox_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/outbox.h"

/* How long to wait for another program that has the file locked, such as a backup. */
enum { BUSY_MS = 2000 };

static const char *path_of(sqlite3 *db)
{
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;

    return path && path[0] ? path : "outbox";
}

static bool disk_full(int code, int sys)
{
    return code == SQLITE_FULL || (code == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT));
}

/* A commit that fails leaves its reason with the journal alone. */
static int errno_of(sqlite3 *db, int extended)
{
    sqlite3_file *journal = NULL;
    int sys = sqlite3_system_errno(db);

    if (extended != SQLITE_IOERR_WRITE && extended != SQLITE_IOERR_FSYNC &&
        extended != SQLITE_IOERR_TRUNCATE)
        return sys;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
    if (journal && journal->pMethods)
        journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &sys);
    return sys;
}

/* Nothing was written, and somebody can mend that. A sync that fails is another matter, whatever it
 * says: what is on the disk by then nobody knows. */
static bool read_only(int extended, int sys)
{
    return sys == EROFS && extended != SQLITE_IOERR_FSYNC && extended != SQLITE_IOERR_DIR_FSYNC;
}

vg_status vg_db_fail(sqlite3 *db, const char *what, struct vg_err *err)
{
    int extended = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int code = extended & 0xff;
    int sys = db ? errno_of(db, extended) : 0;
    const char *path = path_of(db);

    if (disk_full(code, sys))
        return vg_fail_option(err, VG_E_TEMPORARY, VG_DB_DISK,
                              "%s: cannot %s: the disk is full; free some space", path, what);
    if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && read_only(extended, sys))
        return vg_fail_option(err, VG_E_TEMPORARY, VG_DB_READ_ONLY,
                              "%s: cannot %s: its file system is read-only; make it writable again",
                              path, what);
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return vg_fail(err, VG_E_TEMPORARY, "%s: cannot %s: another program has locked the file",
                       path, what);
    case SQLITE_NOMEM:
        return vg_fail(err, VG_E_MEMORY, "%s: cannot %s: out of memory", path, what);
    case SQLITE_NOTADB:
        return vg_fail(err, VG_E_IO,
                       "%s is not an outbox of Vigil; move it away or use another service.data_dir",
                       path);
    case SQLITE_CORRUPT:
        return vg_fail(
            err, VG_E_IO,
            "%s: cannot %s: the file is damaged (%s); keep a copy and move data_dir away", path,
            what, sqlite3_errmsg(db));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return vg_fail(err, VG_E_IO, "%s: cannot %s: %s%s%s", path, what, sqlite3_errmsg(db),
                       sys ? ": " : "", sys ? strerror(sys) : "");
    default:
        return vg_fail(err, VG_E_BUG, "%s: cannot %s: %s", path, what,
                       db ? sqlite3_errmsg(db) : "");
    }
}

vg_status vg_db_open(const char *path, int flags, sqlite3 **ret, struct vg_err *err)
{
    sqlite3 *db = NULL;

    *ret = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        vg_status st = db && sqlite3_system_errno(db) == ENOENT
                           ? vg_fail(err, VG_E_IO,
                                     "there is no %s; a pipeline makes it at its first start", path)
                           : vg_db_fail(db, "open it", err);

        sqlite3_close(db);
        return st;
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    *ret = db;
    return VG_OK;
}

vg_status vg_db_exec(sqlite3 *db, const char *sql, const char *what, struct vg_err *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return vg_db_fail(db, what, err);
    return VG_OK;
}

vg_status vg_db_prepare(sqlite3 *db, const char *const *sql, size_t n, sqlite3_stmt **ret,
                        struct vg_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &ret[i], NULL) !=
            SQLITE_OK)
            return vg_db_fail(db, "prepare its statements", err);
    }
    return VG_OK;
}

void vg_db_finalize(sqlite3_stmt **statements, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

/* Runs a query with one text parameter (or none) and copies the first column of its first row. */
static vg_status query_text(sqlite3 *db, const char *sql, const char *parameter, char *ret,
                            size_t size, struct vg_err *err)
{
    sqlite3_stmt *stmt = NULL;
    vg_status st = VG_OK;
    const char *text = NULL;
    int rc = SQLITE_ERROR;

    ret[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        if (parameter)
            sqlite3_bind_text(stmt, 1, parameter, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(stmt, 0);
    if (text)
        snprintf(ret, size, "%s", text);
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        st = vg_db_fail(db, "read it", err);
    sqlite3_finalize(stmt);
    return st;
}

vg_status vg_db_empty(sqlite3 *db, bool *ret, struct vg_err *err)
{
    char count[24];
    vg_status st =
        query_text(db, "SELECT count(*) FROM sqlite_schema", NULL, count, sizeof(count), err);

    *ret = strcmp(count, "0") == 0;
    return st;
}

vg_status vg_db_meta(sqlite3 *db, const char *key, char *ret, size_t size, struct vg_err *err)
{
    return query_text(db, "SELECT value FROM meta WHERE key = ?", key, ret, size, err);
}

vg_status vg_db_check_schema(sqlite3 *db, int *ret, struct vg_err *err)
{
    char found[24];
    long schema;
    vg_status st = query_text(db,
                              "SELECT count(*) FROM sqlite_schema"
                              " WHERE name IN ('meta', 'event', 'cursor')",
                              NULL, found, sizeof(found), err);

    if (st != VG_OK)
        return st;
    if (strcmp(found, "3") != 0)
        return vg_fail(err, VG_E_IO,
                       "%s is not an outbox of Vigil; move it away or use another service.data_dir",
                       path_of(db));
    st = vg_db_meta(db, "schema", found, sizeof(found), err);
    if (st != VG_OK)
        return st;
    schema = strtol(found, NULL, 10);
    if (schema < 1 || schema > VG_OUTBOX_SCHEMA)
        return vg_fail(err, VG_E_IO,
                       "%s was written by another version of Vigil (schema %ld, this one reads up "
                       "to %d); use that version or another service.data_dir",
                       path_of(db), schema, VG_OUTBOX_SCHEMA);
    *ret = (int)schema;
    return VG_OK;
}

vg_status vg_db_check_log(sqlite3 *db, const char *data_dir, const char *cluster,
                          uint32_t partitions, bool *ret_bound, struct vg_err *err)
{
    char count[16], old_cluster[VG_CLUSTER_SIZE], old_count[16];
    vg_status st = vg_db_meta(db, "cluster", old_cluster, sizeof(old_cluster), err);

    *ret_bound = false;
    if (st == VG_OK)
        st = vg_db_meta(db, "partitions", old_count, sizeof(old_count), err);
    if (st != VG_OK || !old_count[0])
        return st;
    snprintf(count, sizeof(count), "%u", partitions);
    *ret_bound = strcmp(old_cluster, cluster) == 0 && strcmp(old_count, count) == 0;
    if (*ret_bound)
        return VG_OK;
    return vg_fail(err, VG_E_CONFIG,
                   "service.data_dir %s belongs to a log of cluster \"%s\" with %s partitions, the "
                   "source has cluster \"%s\" with %s; use another data_dir, or say "
                   "service.on_new_cluster: fresh to move the old state aside and begin anew",
                   data_dir, old_cluster, old_count, cluster, count);
}
