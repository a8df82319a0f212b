/* sqlite.c - stores every event as a row of a SQLite database, once.
 *
 * A batch is one transaction that holds the events and the sink's own place in the outbox, so that
 * both are there after a power cut or neither is. The file may be read by others meanwhile (WAL);
 * one that holds a lock for long delays this sink and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/sink.h"
#include "core/text.h"
#include "sinks/sql_schema.h"

struct sqlite {
    char *path; /* option */

    int64_t timeout_ns; /* how long somebody else may hold the database */
    const char *sink, *pipeline;
    char outbox[VG_UUID_TEXT_SIZE];
    char *file; /* path, below data_dir unless absolute */
    sqlite3 *db;
    sqlite3_stmt *insert, *move;
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct sqlite, path, "path", NULL, VG_OPT_REQUIRED,
                  "The database; below the data folder unless absolute. Made when it is missing."),
    VG_OPT_END,
};

#define TEXT_COLUMN(name, type) #name " text, "
static const char *const migrations[] = {
    VG_SQL_TABLES(VG_SQL_COLUMNS(TEXT_COLUMN), "integer", "text",
                  "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", "text"),
};

#define MEMBER(name, type) "?1->>'$." #name "', "
static const char insert_sql[] = "insert into alert_event (" VG_SQL_COLUMNS(
    VG_SQL_NAME) "number, seq, body) values (" VG_SQL_COLUMNS(MEMBER) "?2, ?3, ?1) on conflict "
                                                                      "(event_id) do nothing";

static const char move_sql[] =
    "insert into alert_cursor (pipeline, sink, outbox, seq) values (?1, ?2, ?3, ?4) "
    "on conflict (pipeline, sink, outbox) do update set seq = max(seq, excluded.seq)";

static vg_status sqlite_check(void *self, struct vg_err *err)
{
    const struct sqlite *s = self;

    if (s->path[0] == '\0' || strncmp(s->path, "file:", 5) == 0 || s->path[0] == ':')
        return vg_fail_option(err, VG_E_CONFIG, "path",
                              "\"%s\" is no file name; events need a file that stays", s->path);
    return VG_OK;
}

/* What SQLite's codes mean for an event that is to be delivered. */
static vg_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return VG_E_IO;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return VG_E_RANGE;
    default:
        return VG_E_TEMPORARY;
    }
}

static vg_status failed(const struct sqlite *s, int code, const char *what, struct vg_err *err)
{
    return vg_fail(err, status_of(code), "cannot %s %s: %s", what, s->file,
                   s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
}

static vg_status run(const struct sqlite *s, const char *sql, const char *what, struct vg_err *err)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? VG_OK : failed(s, code, what, err);
}

static vg_status ask(const struct sqlite *s, const char *sql, int64_t *ret, struct vg_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? VG_OK : failed(s, code, "read", err);
}

static void shut(struct sqlite *s)
{
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->move);
    sqlite3_close(s->db);
    s->insert = s->move = NULL;
    s->db = NULL;
}

/* ---- the schema ---- */

static vg_status migrate_from(const struct sqlite *s, int64_t version, struct vg_err *err)
{
    char stamp[96];
    vg_status st = VG_OK;

    if (version == (int64_t)VG_ARRAY_LEN(migrations))
        return VG_OK;
    if (version > (int64_t)VG_ARRAY_LEN(migrations))
        return vg_fail(err, VG_E_CONFIG,
                       "%s has version %lld of the alert tables, and this program knows %zu; run "
                       "the newer Vigil, or give the sink a database of its own",
                       s->file, (long long)version, VG_ARRAY_LEN(migrations));
    for (size_t i = (size_t)version; i < VG_ARRAY_LEN(migrations) && st == VG_OK; i++)
        st = run(s, migrations[i], "make the tables of", err);
    if (st != VG_OK)
        return st;
    snprintf(stamp, sizeof(stamp),
             "insert or replace into alert_schema (id, version) values (1, %zu)",
             VG_ARRAY_LEN(migrations));
    return run(s, stamp, "write the version to", err);
}

static vg_status migrate(const struct sqlite *s, struct vg_err *err)
{
    int64_t version = 0;
    vg_status st = run(s, "begin immediate", "lock", err);

    if (st != VG_OK)
        return st;
    st = run(s,
             "create table if not exists alert_schema (id integer primary key check (id = 1), "
             "version integer not null)",
             "make the tables of", err);
    if (st == VG_OK)
        st = ask(s, "select coalesce(max(version), 0) from alert_schema", &version, err);
    if (st == VG_OK)
        st = migrate_from(s, version, err);
    if (st == VG_OK)
        st = run(s, "commit", "write to", err);
    if (st != VG_OK)
        sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
    return st;
}

static vg_status prepare(struct sqlite *s, struct vg_err *err)
{
    int code =
        sqlite3_prepare_v3(s->db, insert_sql, -1, SQLITE_PREPARE_PERSISTENT, &s->insert, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(s->db, move_sql, -1, SQLITE_PREPARE_PERSISTENT, &s->move, NULL);
    return code == SQLITE_OK ? VG_OK : failed(s, code, "use the tables of", err);
}

/* SQLite would make it readable for others; its journals take the mode of the file. */
static vg_status make_file(const struct sqlite *s, struct vg_err *err)
{
    int fd = open(s->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

    if (fd < 0)
        return vg_fail_option(err, VG_E_TEMPORARY, "path", "cannot open %s: %s", s->file,
                              strerror(errno));
    close(fd);
    return VG_OK;
}

static vg_status connect_file(struct sqlite *s, struct vg_err *err)
{
    vg_status st = make_file(s, err);
    int code;

    if (st != VG_OK)
        return st;
    code = sqlite3_open_v2(
        s->file, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        st = failed(s, code, "open", err);
    if (st == VG_OK) {
        sqlite3_busy_timeout(s->db, (int)(s->timeout_ns / VG_NS_PER_MS));
        /* FULL: an event that counts as delivered survives a power cut. */
        st = run(s, "pragma journal_mode = wal; pragma synchronous = full;", "open", err);
    }
    if (st == VG_OK)
        st = migrate(s, err);
    if (st == VG_OK)
        st = prepare(s, err);
    if (st != VG_OK)
        shut(s);
    return st;
}

/* Somebody who moves the file away wants a new one; rows written to the old one would be lost to
 * him. What the journal, which was not moved, still holds goes along first. */
static vg_status leave_moved_file(struct sqlite *s, struct vg_err *err)
{
    int moved = 0;
    int code = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);

    if (code == SQLITE_OK && moved) {
        code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (code == SQLITE_OK)
            shut(s);
    }
    return code == SQLITE_OK ? VG_OK : failed(s, code, "leave what was", err);
}

/* ---- delivering ---- */

static int insert_event(const struct sqlite *s, const struct vg_delivery *event)
{
    int code;

    sqlite3_bind_text64(s->insert, 1, event->json, event->len, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(s->insert, 2, event->number);
    sqlite3_bind_int64(s->insert, 3, (int64_t)event->seq);
    code = sqlite3_step(s->insert);
    sqlite3_reset(s->insert);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int move_cursor(const struct sqlite *s, uint64_t seq)
{
    int code;

    sqlite3_bind_text(s->move, 1, s->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->move, 2, s->sink, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->move, 3, s->outbox, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s->move, 4, (int64_t)seq);
    code = sqlite3_step(s->move);
    sqlite3_reset(s->move);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* One transaction. *ret_bad is the event that failed; n when it was another thing. */
static vg_status store(struct sqlite *s, const struct vg_delivery *events, size_t n,
                       size_t *ret_bad, struct vg_err *err)
{
    int code = sqlite3_exec(s->db, "begin immediate", NULL, NULL, NULL);
    size_t i = 0;
    vg_status st;

    *ret_bad = n;
    while (code == SQLITE_OK && i < n) {
        code = insert_event(s, &events[i]);
        if (code == SQLITE_OK)
            i++;
        else
            *ret_bad = i;
    }
    if (code == SQLITE_OK)
        code = move_cursor(s, events[n - 1].seq);
    if (code == SQLITE_OK)
        code = sqlite3_exec(s->db, "commit", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return VG_OK;
    st = failed(s, code, "write to", err);
    sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
    return st;
}

static vg_status sqlite_deliver(void *self, const struct vg_delivery *events, size_t n,
                                size_t *done, struct vg_err *err)
{
    struct sqlite *s = self;
    size_t bad;
    vg_status st = VG_OK;

    *done = 0;
    if (s->db)
        st = leave_moved_file(s, err);
    if (st == VG_OK && !s->db)
        st = connect_file(s, err);
    if (st != VG_OK)
        return st;
    st = store(s, events, n, &bad, err);
    if (st == VG_OK) {
        *done = n;
    } else if (vg_status_class(st) == VG_CLASS_DATA && bad > 0 && bad < n) {
        struct vg_err first = { .status = VG_OK };
        vg_status before = store(s, events, bad, &bad, &first);

        if (before == VG_OK)
            *done = bad;
        else
            *err = first, st = before;
    }
    return st;
}

static vg_status sqlite_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct sqlite *s = self;
    struct vg_buf file = VG_BUF_INIT;
    vg_status st;

    s->sink = env->name;
    s->pipeline = env->pipeline;
    s->timeout_ns = env->timeout_ns;
    vg_format_uuid(env->outbox, s->outbox);
    if (s->path[0] != '/')
        vg_buf_printf(&file, "%s/", env->data_dir);
    vg_buf_str(&file, s->path);
    s->file = file.data;
    if (make_file(s, err) != VG_OK)
        return err->status = VG_E_CONFIG;
    st = connect_file(s, err);
    /* A wrong file stops the start; one that is locked, or a disk that is full, is tried again. */
    return vg_status_class(st) == VG_CLASS_RETRY ? VG_OK : st;
}

static void sqlite_close(void *self)
{
    struct sqlite *s = self;

    shut(s);
    free(s->file);
    s->file = NULL;
}

const struct vg_sink_ops vg_sink_sqlite = {
    .name = "sqlite",
    .summary = "Stores every event as a row of a SQLite database, durably and once.",
    .options = options,
    .self_size = sizeof(struct sqlite),
    .check = sqlite_check,
    .open = sqlite_open,
    .deliver = sqlite_deliver,
    .close = sqlite_close,
};
