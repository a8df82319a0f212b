/* outbox_reader.c - a connection that reads the outbox, and its statements. */
#include "runtime/outbox_reader.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/outbox_db.h"

#define EVENT_COLUMNS                                                                             \
    "e.seq, e.prev_seq, e.shard, e.number, e.episode_id, e.phase, e.kind, e.priority, e.time_ns," \
    " e.ward, e.body, e.wall_ns"
#define EPISODE_COLUMNS "episode_id, shard, number, newest_seq, open, acknowledged, ward, patient"

static const char *const sql[VG_READS] = {
    [VG_READ_BEGIN] = "BEGIN",
    [VG_READ_END] = "COMMIT",
    [VG_READ_EVENTS] = "SELECT " EVENT_COLUMNS " FROM event e WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    [VG_READ_EVENTS_OF_WARD] = "SELECT " EVENT_COLUMNS " FROM event e WHERE ward = ?3 AND seq > ?1"
                               " ORDER BY seq LIMIT ?2",
    [VG_READ_OPEN_EVENTS] =
        "SELECT " EVENT_COLUMNS " FROM episode p JOIN event e ON e.seq = p.newest_seq"
        " WHERE p.open AND (?1 = '' OR p.ward = ?1) ORDER BY p.newest_seq",
    /* By the order of the events, which is that of their rows: no index more to write. */
    [VG_READ_NEWEST_EVENTS] =
        "SELECT " EVENT_COLUMNS " FROM event e JOIN episode p ON p.episode_id = e.episode_id"
        " WHERE p.newest_seq = e.seq AND e.seq < ?1 ORDER BY e.seq DESC LIMIT ?2",
    [VG_READ_EXTENT] = "SELECT (SELECT coalesce(max(seq), 0) FROM event),"
                       " (SELECT coalesce(min(seq), 0) FROM event)",
    [VG_READ_EXTENT_OF_WARD] =
        "SELECT coalesce((SELECT seq FROM event WHERE ward = ?1 ORDER BY seq DESC LIMIT 1), 0),"
        " coalesce((SELECT seq FROM event WHERE ward = ?1 ORDER BY seq LIMIT 1), 0)",
    [VG_READ_WARDS] = "SELECT DISTINCT ward FROM event ORDER BY ward",
    [VG_READ_EPISODE] = "SELECT " EPISODE_COLUMNS " FROM episode WHERE episode_id = ?1",
    [VG_READ_EPISODES_OF_SHARD] =
        "SELECT " EPISODE_COLUMNS " FROM episode WHERE open AND shard = ?1"
        " ORDER BY newest_seq",
    [VG_READ_COMMANDS] = "SELECT next_offset, ordinal, kind, log_ns, patient, payload FROM command"
                         " WHERE shard = ?1 AND (next_offset, ordinal) > (?2, ?3)"
                         " ORDER BY next_offset, ordinal",
    /* The kind in words that the index knows. */
    [VG_READ_ORDERS] = "SELECT next_offset, ordinal, kind, log_ns, patient, payload FROM command"
                       " WHERE shard = ?1 AND kind = 3 AND (next_offset, ordinal) > (?2, ?3)"
                       " ORDER BY next_offset, ordinal",
    [VG_READ_NOTICES] = "SELECT next_offset, ordinal, kind, log_ns, patient, payload FROM command"
                        " WHERE shard = ?1 AND kind = 4 ORDER BY next_offset, ordinal",
    [VG_READ_SWITCHES] = "SELECT next_offset, ordinal, n, config FROM config_switch"
                         " WHERE shard = ?1 AND (next_offset, ordinal) > (?2, ?3)"
                         " ORDER BY next_offset, ordinal",
    [VG_READ_POSITION] = "SELECT next_offset, ordinal, n, log_ns, wall_ns, config FROM shard"
                         " WHERE shard = ?1",
    [VG_READ_CURSOR] = "SELECT seq FROM cursor WHERE sink = ?1",
    [VG_READ_DEAD_LETTERS] = "SELECT count(*) FROM dead_letter",
};

vg_status vg_outbox_reader_open(const char *path, struct vg_outbox_reader **ret, struct vg_err *err)
{
    struct vg_outbox_reader *r = calloc(1, sizeof(*r));
    int schema;
    vg_status st;

    VG_CHECK(r);
    *ret = NULL;
    st = vg_db_open(path, SQLITE_OPEN_READONLY, &r->db, err);
    if (st == VG_OK)
        st = vg_db_check_schema(r->db, &schema, err);
    if (st == VG_OK)
        st = vg_db_prepare(r->db, sql, VG_READS, r->stmt, err);
    if (st != VG_OK) {
        vg_outbox_reader_close(r);
        return st;
    }
    *ret = r;
    return VG_OK;
}

void vg_outbox_reader_close(struct vg_outbox_reader *r)
{
    if (!r)
        return;
    vg_db_finalize(r->stmt, VG_READS);
    sqlite3_close(r->db);
    free(r);
}

vg_status vg_reader_each(struct vg_outbox_reader *r, enum vg_read q, const char *what,
                         vg_reader_fn fn, void *ctx, struct vg_err *err)
{
    sqlite3_stmt *stmt = r->stmt[q];
    vg_status st = VG_OK;
    int rc = SQLITE_ROW;

    while (st == VG_OK && rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            st = fn(ctx, stmt);
        else if (rc != SQLITE_DONE)
            st = vg_db_fail(r->db, what, err);
    }
    sqlite3_reset(stmt);
    return st;
}

void vg_reader_text(sqlite3_stmt *row, int i, char *ret, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, i);
    size_t n = text ? strnlen(text, size - 1) : 0;

    if (n)
        memcpy(ret, text, n);
    ret[n] = '\0';
}

/* Returns whether there is one. */
bool vg_reader_id(sqlite3_stmt *row, int i, uint8_t id[16])
{
    const void *bytes = sqlite3_column_blob(row, i);

    if (!bytes || sqlite3_column_bytes(row, i) != 16)
        return false;
    memcpy(id, bytes, 16);
    return true;
}
