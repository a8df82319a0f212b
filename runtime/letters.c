/* letters.c - dead letters and refused events.
 *
 * Each query serves one of the two tables; a filter that leaves something open binds NULL, and the
 * query takes that for "any".
 */
#include "runtime/letters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/outbox_db.h"

/* So many are deleted in one transaction: the committer waits no longer than that takes. */
#define PURGE_STEP " LIMIT 256"

#define LETTERS                                                               \
    " (?1 IS NULL OR partition = ?1) AND (?2 IS NULL OR \"offset\" = ?2)"     \
    " AND (?3 IS NULL OR idx = ?3) AND (?6 IS NULL OR instr(reason, ?6) > 0)" \
    " AND wall_ns >= ?7 AND (?8 OR state <> 2) AND ?4 IS NULL AND ?5 IS NULL"
#define DELIVERIES                                                     \
    " (?4 IS NULL OR q.seq = ?4) AND (?5 IS NULL OR q.sink = ?5)"      \
    " AND (?6 IS NULL OR instr(q.reason, ?6) > 0) AND q.wall_ns >= ?7" \
    " AND (?8 OR q.state <> 2) AND ?2 IS NULL AND ?3 IS NULL"          \
    " AND (?1 IS NULL OR EXISTS (SELECT 1 FROM event s WHERE s.seq = q.seq AND s.shard = ?1))"

struct vg_letters {
    sqlite3 *db;
};

/* ---- opening ---- */

static vg_status open_letters(const char *path, int flags, struct vg_letters **ret,
                              struct vg_err *err)
{
    struct vg_letters *l = calloc(1, sizeof(*l));
    int schema = 0;
    vg_status st;

    VG_CHECK(l != NULL);
    *ret = NULL;
    st = vg_db_open(path, flags, &l->db, err);
    if (st == VG_OK)
        st = vg_db_check_schema(l->db, &schema, err);
    if (st == VG_OK && schema < VG_OUTBOX_SCHEMA)
        st =
            vg_fail(err, VG_E_CONFIG,
                    "%s is from an older version of Vigil; `vigil run` brings it up to date", path);
    /* Checkpoints are the committer's alone: two connections that make them beside each other may damage
     * a database of SQLite before 3.51.3 (the WAL-reset bug). */
    if (st == VG_OK && flags & SQLITE_OPEN_READWRITE)
        st = vg_db_exec(l->db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0",
                        "set its journal", err);
    if (st != VG_OK) {
        vg_letters_close(l);
        return st;
    }
    *ret = l;
    return VG_OK;
}

vg_status vg_letters_open(const char *path, struct vg_letters **ret, struct vg_err *err)
{
    return open_letters(path, SQLITE_OPEN_READONLY, ret, err);
}

vg_status vg_letters_open_writable(const char *path, struct vg_letters **ret, struct vg_err *err)
{
    return open_letters(path, SQLITE_OPEN_READWRITE, ret, err);
}

void vg_letters_close(struct vg_letters *l)
{
    if (!l)
        return;
    sqlite3_close(l->db);
    free(l);
}

static vg_status prepare(struct vg_letters *l, const char *sql, sqlite3_stmt **ret,
                         struct vg_err *err)
{
    if (sqlite3_prepare_v2(l->db, sql, -1, ret, NULL) != SQLITE_OK)
        return vg_db_fail(l->db, "look for letters", err);
    return VG_OK;
}

/* What is to be done with a row. */
typedef vg_status (*row_fn)(void *ctx, sqlite3_stmt *row);

/* Runs a statement to its end, and frees it. */
static vg_status each(struct vg_letters *l, sqlite3_stmt *stmt, row_fn fn, void *ctx,
                      struct vg_err *err)
{
    vg_status st = VG_OK;
    int rc = SQLITE_ROW;

    while (st == VG_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        st = fn(ctx, stmt);
    if (st == VG_OK && rc != SQLITE_DONE)
        st = vg_db_fail(l->db, "look for letters", err);
    sqlite3_finalize(stmt);
    return st;
}

/* A row of a damaged file may hold NULL where no NULL can be. */
static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);

    return text ? (const char *)text : "";
}

/* ---- for the runtime ---- */

struct seqs {
    uint64_t *seq;
    size_t n;
};

static vg_status take_seq(void *ctx, sqlite3_stmt *row)
{
    struct seqs *s = ctx;

    s->seq[s->n++] = (uint64_t)sqlite3_column_int64(row, 0);
    return VG_OK;
}

vg_status vg_letters_asked(struct vg_letters *l, const char *sink, uint64_t *seq, size_t max,
                           size_t *ret_n, struct vg_err *err)
{
    struct seqs s = { .n = 0 };
    sqlite3_stmt *stmt;
    vg_status st =
        prepare(l, "SELECT seq FROM quarantine WHERE sink = ?1 AND state = 1 ORDER BY seq LIMIT ?2",
                &stmt, err);

    *ret_n = 0;
    s.seq = seq;
    if (st != VG_OK)
        return st;
    sqlite3_bind_text(stmt, 1, sink, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (int64_t)max);
    st = each(l, stmt, take_seq, &s, err);
    *ret_n = s.n;
    return st;
}

static vg_status take_yes(void *ctx, sqlite3_stmt *row)
{
    (void)row;
    *(bool *)ctx = true;
    return VG_OK;
}

vg_status vg_letters_urgent(struct vg_letters *l, const char *sink, bool *ret, struct vg_err *err)
{
    sqlite3_stmt *stmt;
    vg_status st = prepare(l,
                           "SELECT 1 FROM quarantine q JOIN event e ON e.seq = q.seq"
                           " WHERE q.sink = ?1 AND q.state <> 2 AND e.priority = 0 LIMIT 1",
                           &stmt, err);

    *ret = false;
    if (st != VG_OK)
        return st;
    sqlite3_bind_text(stmt, 1, sink, -1, SQLITE_STATIC);
    return each(l, stmt, take_yes, ret, err);
}

static vg_status take_passed_over(void *ctx, sqlite3_stmt *row)
{
    *(struct vg_passed_over *)ctx =
        (struct vg_passed_over){ .seq = (uint64_t)sqlite3_column_int64(row, 0),
                                 .events = (uint64_t)sqlite3_column_int64(row, 1),
                                 .urgent = (uint64_t)sqlite3_column_int64(row, 2) };
    return VG_OK;
}

vg_status vg_letters_passed_over(struct vg_letters *l, const char *sink, struct vg_passed_over *ret,
                                 struct vg_err *err)
{
    sqlite3_stmt *stmt;
    vg_status st =
        prepare(l, "SELECT seq, events, urgent FROM passed_over WHERE sink = ?1", &stmt, err);

    *ret = (struct vg_passed_over){ 0 };
    if (st != VG_OK)
        return st;
    sqlite3_bind_text(stmt, 1, sink, -1, SQLITE_STATIC);
    return each(l, stmt, take_passed_over, ret, err);
}

struct again_call {
    vg_letter_again_fn fn;
    void *arg;
};

static vg_status give_again(void *ctx, sqlite3_stmt *row)
{
    const struct again_call *call = ctx;
    const struct vg_letter_again letter = {
        .offset = sqlite3_column_int64(row, 0),
        .index = (uint32_t)sqlite3_column_int64(row, 1),
        .record_ns = sqlite3_column_int64(row, 2),
        .attempts = (uint32_t)sqlite3_column_int64(row, 3) + 1,
        .bytes = sqlite3_column_blob(row, 4),
        .len = (size_t)sqlite3_column_bytes(row, 4),
    };

    return call->fn(call->arg, &letter);
}

vg_status vg_letters_again(struct vg_letters *l, uint32_t shard, size_t max, vg_letter_again_fn fn,
                           void *arg, struct vg_err *err)
{
    struct again_call call = { fn, arg };
    sqlite3_stmt *stmt;
    vg_status st = prepare(l,
                           "SELECT \"offset\", idx, record_ns, attempts, bytes FROM dead_letter"
                           " WHERE partition = ?1 AND state = 1 ORDER BY \"offset\", idx LIMIT ?2",
                           &stmt, err);

    if (st != VG_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, shard);
    sqlite3_bind_int64(stmt, 2, (int64_t)max);
    return each(l, stmt, give_again, &call, err);
}

struct out_call {
    vg_letter_out_fn fn;
    void *arg;
};

static vg_status give_out(void *ctx, sqlite3_stmt *row)
{
    const struct out_call *call = ctx;
    const struct vg_dead_letter letter = {
        .shard = (uint32_t)sqlite3_column_int64(row, 1),
        .offset = sqlite3_column_int64(row, 2),
        .index = (uint32_t)sqlite3_column_int64(row, 3),
        .reason = text_of(row, 4),
        .byte_offset = (uint32_t)sqlite3_column_int64(row, 5),
        .detail = text_of(row, 6),
        .record_ns = sqlite3_column_int64(row, 7),
        .message = { .value = sqlite3_column_blob(row, 8),
                     .len = (size_t)sqlite3_column_bytes(row, 8),
                     .key = sqlite3_column_blob(row, 9),
                     .key_len = (size_t)sqlite3_column_bytes(row, 9) },
        .headers = sqlite3_column_blob(row, 10),
        .headers_len = (size_t)sqlite3_column_bytes(row, 10),
    };

    return call->fn(call->arg, (uint64_t)sqlite3_column_int64(row, 0), &letter);
}

vg_status vg_letters_out(struct vg_letters *l, uint64_t after, size_t max, vg_letter_out_fn fn,
                         void *arg, struct vg_err *err)
{
    struct out_call call = { fn, arg };
    sqlite3_stmt *stmt;
    vg_status st =
        prepare(l,
                "SELECT number, partition, \"offset\", idx, reason, byte_offset, detail, record_ns,"
                " bytes, key, headers FROM dead_letter WHERE number > ?1 ORDER BY number LIMIT ?2",
                &stmt, err);

    if (st != VG_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, (int64_t)after);
    sqlite3_bind_int64(stmt, 2, (int64_t)max);
    return each(l, stmt, give_out, &call, err);
}

/* ---- for people ---- */

static void bind_or_any(sqlite3_stmt *stmt, int i, int64_t value)
{
    if (value >= 0)
        sqlite3_bind_int64(stmt, i, value);
}

static void bind_filter(sqlite3_stmt *stmt, const struct vg_letter_filter *f)
{
    bind_or_any(stmt, 1, f->shard);
    bind_or_any(stmt, 2, f->offset);
    bind_or_any(stmt, 3, f->index);
    bind_or_any(stmt, 4, f->seq);
    if (f->sink)
        sqlite3_bind_text(stmt, 5, f->sink, -1, SQLITE_STATIC);
    if (f->reason)
        sqlite3_bind_text(stmt, 6, f->reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 7, f->since_ns);
    sqlite3_bind_int(stmt, 8, f->done);
}

struct letter_call {
    vg_letter_fn fn;
    void *arg;
};

/* A file may be damaged: what no Vigil wrote counts as kept. */
static enum vg_letter_state state_of(sqlite3_stmt *row, int column)
{
    int state = sqlite3_column_int(row, column);

    return state == VG_LETTER_ASKED || state == VG_LETTER_DONE ? (enum vg_letter_state)state
                                                               : VG_LETTER_KEPT;
}

/* NONE, too, when the outbox no longer has the event. */
static uint8_t priority_of(sqlite3_stmt *row, int column)
{
    int priority = sqlite3_column_int(row, column);
    bool known = sqlite3_column_type(row, column) == SQLITE_INTEGER && priority >= 0 &&
                 priority < VG_PRIORITY_COUNT;

    return known ? (uint8_t)priority : VG_PRIORITY_NONE;
}

static vg_status give_letter(void *ctx, sqlite3_stmt *row)
{
    const struct letter_call *call = ctx;
    const struct vg_letter letter = {
        .shard = (uint32_t)sqlite3_column_int64(row, 0),
        .offset = sqlite3_column_int64(row, 1),
        .index = (uint32_t)sqlite3_column_int64(row, 2),
        .reason = text_of(row, 3),
        .byte_offset = (uint32_t)sqlite3_column_int64(row, 4),
        .detail = text_of(row, 5),
        .record_ns = sqlite3_column_int64(row, 6),
        .wall_ns = sqlite3_column_int64(row, 7),
        .state = state_of(row, 8),
        .attempts = (uint32_t)sqlite3_column_int64(row, 9),
        .bytes = sqlite3_column_blob(row, 10),
        .len = (size_t)sqlite3_column_bytes(row, 10),
    };

    return call->fn(call->arg, &letter);
}

static vg_status give_delivery(void *ctx, sqlite3_stmt *row)
{
    const struct letter_call *call = ctx;
    const struct vg_letter letter = {
        .delivery = true,
        .sink = text_of(row, 0),
        .seq = (uint64_t)sqlite3_column_int64(row, 1),
        .reason = text_of(row, 2),
        .wall_ns = sqlite3_column_int64(row, 3),
        .state = state_of(row, 4),
        .attempts = (uint32_t)sqlite3_column_int64(row, 5),
        .event_id = text_of(row, 6),
        .shard = (uint32_t)sqlite3_column_int64(row, 7),
        .priority = priority_of(row, 8),
        .bytes = sqlite3_column_text(row, 9),
        .len = (size_t)sqlite3_column_bytes(row, 9),
    };

    return call->fn(call->arg, &letter);
}

static vg_status run(struct vg_letters *l, const char *sql, const struct vg_letter_filter *filter,
                     row_fn fn, void *ctx, struct vg_err *err)
{
    sqlite3_stmt *stmt;
    vg_status st = prepare(l, sql, &stmt, err);

    if (st != VG_OK)
        return st;
    bind_filter(stmt, filter);
    return each(l, stmt, fn, ctx, err);
}

vg_status vg_letters_each(struct vg_letters *l, const struct vg_letter_filter *filter,
                          vg_letter_fn fn, void *arg, struct vg_err *err)
{
    struct letter_call call = { fn, arg };
    vg_status st = VG_OK;

    if (filter->letters)
        st = run(
            l,
            "SELECT partition, \"offset\", idx, reason, byte_offset, detail, record_ns, wall_ns,"
            " state, attempts, bytes FROM dead_letter WHERE" LETTERS
            " ORDER BY partition, \"offset\", idx",
            filter, give_letter, &call, err);
    if (st == VG_OK && filter->deliveries)
        st = run(l,
                 "SELECT q.sink, q.seq, q.reason, q.wall_ns, q.state, q.attempts, e.event_id,"
                 " e.shard, e.priority, e.body FROM quarantine q"
                 " LEFT JOIN event e ON e.seq = q.seq WHERE" DELIVERIES " ORDER BY q.sink, q.seq",
                 filter, give_delivery, &call, err);
    return st;
}

static vg_status no_row(void *ctx, sqlite3_stmt *row)
{
    (void)ctx;
    (void)row;
    return VG_OK;
}

/* Runs a statement that changes rows, and adds how many. */
static vg_status change(struct vg_letters *l, const char *sql,
                        const struct vg_letter_filter *filter, uint64_t *count, struct vg_err *err)
{
    vg_status st = run(l, sql, filter, no_row, NULL, err);

    if (st == VG_OK)
        *count += (uint64_t)sqlite3_changes(l->db);
    return st;
}

vg_status vg_letters_ask(struct vg_letters *l, const struct vg_letter_filter *filter,
                         struct vg_letter_counts *ret, struct vg_err *err)
{
    vg_status st = VG_OK;

    memset(ret, 0, sizeof(*ret));
    if (filter->letters)
        st = change(l,
                    "UPDATE dead_letter SET state = 1"
                    " WHERE state = 0 AND reason <> 'identity_mismatch' AND" LETTERS,
                    filter, &ret->letters, err);
    if (st == VG_OK && filter->deliveries)
        st = change(l, "UPDATE quarantine AS q SET state = 1 WHERE q.state = 0 AND" DELIVERIES,
                    filter, &ret->deliveries, err);
    return st;
}

static vg_status purge(struct vg_letters *l, const char *sql, const struct vg_letter_filter *filter,
                       uint64_t *count, struct vg_err *err)
{
    uint64_t before;
    vg_status st;

    do {
        before = *count;
        st = change(l, sql, filter, count, err);
    } while (st == VG_OK && *count > before);
    return st;
}

vg_status vg_letters_purge(struct vg_letters *l, const struct vg_letter_filter *filter,
                           struct vg_letter_counts *ret, struct vg_err *err)
{
    vg_status st = VG_OK;

    memset(ret, 0, sizeof(*ret));
    if (filter->letters)
        st = purge(l,
                   "DELETE FROM dead_letter WHERE rowid IN"
                   " (SELECT rowid FROM dead_letter WHERE" LETTERS PURGE_STEP ")",
                   filter, &ret->letters, err);
    if (st == VG_OK && filter->deliveries)
        st = purge(l,
                   "DELETE FROM quarantine WHERE (sink, seq) IN"
                   " (SELECT q.sink, q.seq FROM quarantine q WHERE" DELIVERIES PURGE_STEP ")",
                   filter, &ret->deliveries, err);
    return st;
}

vg_status vg_letters_record(struct vg_letters *l, const char *action,
                            const struct vg_letter_counts *counts, struct vg_err *err)
{
    sqlite3_stmt *stmt;
    vg_status st = prepare(l,
                           "INSERT INTO dlq_action(wall_ns, uid, action, letters, deliveries)"
                           " VALUES(?1, ?2, ?3, ?4, ?5)",
                           &stmt, err);

    if (st != VG_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, vg_wall_ns());
    sqlite3_bind_int64(stmt, 2, (int64_t)getuid());
    sqlite3_bind_text(stmt, 3, action, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, (int64_t)counts->letters);
    sqlite3_bind_int64(stmt, 5, (int64_t)counts->deliveries);
    return each(l, stmt, no_row, NULL, err);
}
