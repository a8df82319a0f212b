/* outbox_prune.c - what is old enough leaves the outbox, a little at a time.
 *
 * An event that is gone must not come back: when a log is read once more from far behind (its
 * snapshots are lost), the number of the last event that went says which are not new.
 */
#include "runtime/outbox_prune.h"

#include "runtime/outbox_db.h"

/* Rows of each table in one transaction: some milliseconds of the committer. */
#define STEP " LIMIT 500"

/* Of the events that may go, these stay: the newest of an open episode, of each ward (the next one
 * names it) and of all (its seq must not be given again), and what a sink refused. */
static const char pick_events[] =
    "CREATE TEMP TABLE IF NOT EXISTS going(seq INTEGER PRIMARY KEY, shard INTEGER, n INTEGER);"
    "DELETE FROM going";
static const char fill_events[] =
    "INSERT INTO going SELECT e.seq, e.shard, e.n FROM event e WHERE e.seq <= ?1 AND e.wall_ns < ?2"
    " AND EXISTS (SELECT 1 FROM event w WHERE w.ward = e.ward AND w.seq > e.seq)"
    " AND NOT EXISTS (SELECT 1 FROM episode p WHERE p.open AND p.newest_seq = e.seq)"
    " AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = e.seq AND q.state <> 2)"
    " ORDER BY e.seq" STEP;
static const char drop_events[] =
    "INSERT INTO pruned SELECT shard, max(n) FROM going WHERE true GROUP BY shard"
    " ON CONFLICT DO UPDATE SET n = max(n, excluded.n);"
    "DELETE FROM event WHERE seq IN (SELECT seq FROM going);"
    "DELETE FROM episode WHERE NOT open AND newest_seq IN (SELECT seq FROM going)";

static const char drop_letters[] =
    "DELETE FROM dead_letter WHERE rowid IN (SELECT rowid FROM dead_letter"
    " WHERE wall_ns < ?1 AND state <> 1 AND (?2 = 0 OR number < ?2)" STEP ")";
static const char drop_refusals[] =
    "DELETE FROM quarantine WHERE (sink, seq) IN (SELECT sink, seq FROM quarantine"
    " WHERE wall_ns < ?1 AND state <> 1" STEP ")";

/* Orders hold on for as long as they say, and notices until they are over: both are few. */
static const char drop_commands[] =
    "DELETE FROM command WHERE shard = ?1 AND (next_offset, ordinal) IN"
    " (SELECT next_offset, ordinal FROM command WHERE shard = ?1"
    " AND (next_offset, ordinal) < (?2, ?3) AND log_ns < ?4 AND kind NOT IN (3, 4)" STEP ")";

_Static_assert(VG_COMMAND_ORDER == 3 && VG_COMMAND_NOTICE == 4, "the statement names them");

/* Runs one statement with up to four numbers, and adds how many rows it changed. */
static vg_status run(sqlite3 *db, const char *sql, const int64_t *number, int numbers,
                     uint64_t *count, struct vg_err *err)
{
    sqlite3_stmt *stmt = NULL;
    vg_status st = VG_OK;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return vg_db_fail(db, "delete what is old", err);
    for (int i = 0; i < numbers; i++)
        sqlite3_bind_int64(stmt, i + 1, number[i]);
    if (sqlite3_step(stmt) == SQLITE_DONE)
        *count += (uint64_t)sqlite3_changes(db);
    else
        st = vg_db_fail(db, "delete what is old", err);
    sqlite3_finalize(stmt);
    return st;
}

static vg_status prune_events(sqlite3 *db, const struct vg_prune *p, uint64_t *count,
                              struct vg_err *err)
{
    const int64_t bounds[] = { (int64_t)p->delivered_seq, p->events_before_ns };
    vg_status st = vg_db_exec(db, pick_events, "delete what is old", err);

    if (st == VG_OK)
        st = run(db, fill_events, bounds, 2, count, err);
    return st == VG_OK ? vg_db_exec(db, drop_events, "delete what is old", err) : st;
}

static vg_status prune_all(sqlite3 *db, const struct vg_prune *p, uint64_t *count,
                           struct vg_err *err)
{
    const int64_t letters[] = { p->letters_before_ns, (int64_t)p->unwritten_letter };
    vg_status st = VG_OK;

    if (p->events_before_ns > 0)
        st = prune_events(db, p, count, err);
    if (st == VG_OK && p->letters_before_ns > 0)
        st = run(db, drop_letters, letters, 2, count, err);
    if (st == VG_OK && p->letters_before_ns > 0)
        st = run(db, drop_refusals, &p->letters_before_ns, 1, count, err);
    for (uint32_t i = 0; i < p->shards && st == VG_OK && p->events_before_ns > 0; i++) {
        const int64_t bounds[] = { p->shard[i].shard, p->shard[i].next_offset, p->shard[i].ordinal,
                                   p->events_before_ns };

        st = run(db, drop_commands, bounds, 4, count, err);
    }
    return st;
}

vg_status vg_outbox_prune(struct vg_outbox *o, const struct vg_prune *p, uint64_t *ret,
                          struct vg_err *err)
{
    vg_status st = vg_outbox_begin(o, err);

    *ret = 0;
    if (st == VG_OK)
        st = prune_all(vg_outbox_handle(o), p, ret, err);
    if (st == VG_OK)
        return vg_outbox_commit(o, err);
    vg_outbox_rollback(o);
    *ret = 0;
    return st;
}
