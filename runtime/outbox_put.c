/* outbox_put.c - what a transaction of the outbox writes.
 *
 * Everything it needs is prepared when the outbox is opened. An event is known by its place in the
 * deterministic order of its shard, (shard, n): that is what makes a replay after a crash harmless,
 * and a replay that differs visible.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/outbox_db.h"
#include "runtime/outbox_writer.h"

enum statement {
    BEGIN,
    COMMIT,
    FIND_EVENT,
    FIND_PRUNED,
    ADD_EVENT,
    SET_EPISODE,
    ADD_COMMAND,
    ADD_DEAD_LETTER,
    SET_POSITION,
    ADD_SWITCH,
    SET_CURSOR,
    ADD_ANSWER,
    LETTER_RETRIED,
    SET_ASIDE,
    SET_PASSED_OVER,
    STATEMENTS
};
_Static_assert((int)STATEMENTS == (int)VG_WRITES, "an outbox has room for them");

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [FIND_EVENT] = "SELECT seq, body FROM event WHERE shard = ?1 AND n = ?2",
    [FIND_PRUNED] = "SELECT 1 FROM pruned WHERE shard = ?1 AND n >= ?2",
    [ADD_EVENT] = "INSERT INTO event(shard, n, event_id, episode_id, number, ward, prev_seq, phase,"
                  " kind, priority, patient, time_ns, wall_ns, body)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
                  " coalesce((SELECT seq FROM event WHERE ward = ?6 ORDER BY seq DESC LIMIT 1), 0),"
                  " ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    /* Escalation cancels an acknowledgement, de-escalation and all else keep it. */
    [SET_EPISODE] = "INSERT INTO episode VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                    " ON CONFLICT DO UPDATE SET shard = ?2, ward = ?3, patient = ?4,"
                    " newest_seq = ?5, number = ?6, open = ?7,"
                    " acknowledged = (acknowledged OR ?8) AND NOT ?9",
    [ADD_COMMAND] = "INSERT OR IGNORE INTO command VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    /* One that was tried again may have failed again. */
    [ADD_DEAD_LETTER] = "INSERT INTO dead_letter(partition, \"offset\", idx, reason, byte_offset,"
                        " detail, record_ns, bytes, wall_ns, key, headers)"
                        /* A row of a message that was retried came with what that came with. */
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                        " coalesce(?10, (SELECT key FROM dead_letter WHERE partition = ?1"
                        " AND \"offset\" = ?2 AND idx = 4294967295)),"
                        " coalesce(?11, (SELECT headers FROM dead_letter WHERE partition = ?1"
                        " AND \"offset\" = ?2 AND idx = 4294967295)))"
                        " ON CONFLICT DO UPDATE SET state = 0, reason = ?4, byte_offset = ?5,"
                        " detail = ?6 WHERE state = 2",
    [SET_POSITION] = "INSERT INTO shard VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                     " ON CONFLICT DO UPDATE SET next_offset = ?2, ordinal = ?3, n = max(n, ?4),"
                     /* A replay of the same position does not make it younger. */
                     " wall_ns = CASE WHEN log_ns IS ?5 THEN wall_ns ELSE ?6 END,"
                     " log_ns = ?5, config = ?7"
                     " WHERE (?2, ?3) >= (next_offset, ordinal)",
    [ADD_SWITCH] = "INSERT OR IGNORE INTO config_switch VALUES(?1, ?2, ?3, ?4, ?5)",
    [SET_CURSOR] = "INSERT INTO cursor VALUES(?1, ?2)"
                   " ON CONFLICT DO UPDATE SET seq = ?2 WHERE ?2 > seq",
    [ADD_ANSWER] = "INSERT OR IGNORE INTO answer VALUES(?1, ?2, ?3)",
    [LETTER_RETRIED] = "UPDATE dead_letter SET state = 2, attempts = ?4"
                       " WHERE partition = ?1 AND \"offset\" = ?2 AND idx = ?3 AND attempts < ?4",
    [SET_ASIDE] = "INSERT INTO quarantine VALUES(?1, ?2, ?3, ?4, ?5, 1)"
                  " ON CONFLICT DO UPDATE SET reason = ?3, wall_ns = ?4, state = ?5,"
                  " attempts = attempts + 1",
    [SET_PASSED_OVER] = "INSERT INTO passed_over VALUES(?1, ?2, ?3, ?4)"
                        " ON CONFLICT DO UPDATE SET seq = ?2, events = ?3, urgent = ?4",
};

vg_status vg_writer_prepare(struct vg_outbox *o, struct vg_err *err)
{
    return vg_db_prepare(o->db, sql, STATEMENTS, o->stmt, err);
}

/* ---- transactions ---- */

void vg_outbox_rollback(struct vg_outbox *o)
{
    /* SQLite has rolled back by itself after some errors. */
    if (o->open && !sqlite3_get_autocommit(o->db))
        sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
    o->open = false;
    o->last_seq = o->committed_seq;
}

/* Says what failed, then rolls back. */
static vg_status give_up(struct vg_outbox *o, sqlite3_stmt *stmt, const char *what,
                         struct vg_err *err)
{
    vg_status st = vg_db_fail(o->db, what, err);

    sqlite3_reset(stmt);
    vg_outbox_rollback(o);
    return st;
}

/* Runs a statement that has no rows. */
static vg_status run(struct vg_outbox *o, enum statement s, const char *what, struct vg_err *err)
{
    if (sqlite3_step(o->stmt[s]) != SQLITE_DONE)
        return give_up(o, o->stmt[s], what, err);
    sqlite3_reset(o->stmt[s]);
    return VG_OK;
}

vg_status vg_outbox_begin(struct vg_outbox *o, struct vg_err *err)
{
    vg_status st;

    VG_CHECK(!o->open);
    st = run(o, BEGIN, "begin a transaction", err);
    o->open = st == VG_OK;
    return st;
}

vg_status vg_outbox_commit(struct vg_outbox *o, struct vg_err *err)
{
    vg_status st;

    VG_CHECK(o->open);
    st = run(o, COMMIT, "make a transaction durable", err);
    if (st != VG_OK)
        return st;
    o->open = false;
    o->committed_seq = o->last_seq;
    return VG_OK;
}

/* ---- what goes into a transaction ---- */

static void bind_text(sqlite3_stmt *stmt, int i, const char *s)
{
    sqlite3_bind_text(stmt, i, s, -1, SQLITE_STATIC);
}

static void bind_unsigned(sqlite3_stmt *stmt, int i, uint64_t value)
{
    sqlite3_bind_int64(stmt, i, (int64_t)value);
}

/* Compares with what is stored as event n of the shard; *ret_found false when nothing is. */
static vg_status compare(struct vg_outbox *o, uint32_t shard, uint64_t n, const char *json,
                         size_t len, bool *ret_found, enum vg_put *ret, uint64_t *ret_seq,
                         struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[FIND_EVENT];
    int rc;

    bind_unsigned(stmt, 1, shard);
    bind_unsigned(stmt, 2, n);
    rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return give_up(o, stmt, "look up an event", err);
    *ret_found = rc == SQLITE_ROW;
    if (*ret_found) {
        const void *body = sqlite3_column_text(stmt, 1);
        bool same = (size_t)sqlite3_column_bytes(stmt, 1) == len && memcmp(body, json, len) == 0;

        *ret = same ? VG_PUT_SAME : VG_PUT_DIFFERENT;
        *ret_seq = same ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    }
    sqlite3_reset(stmt);
    return VG_OK;
}

/* Whether the event was there and is no longer kept. */
static vg_status compare_pruned(struct vg_outbox *o, uint32_t shard, uint64_t n, bool *ret,
                                struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[FIND_PRUNED];
    int rc;

    bind_unsigned(stmt, 1, shard);
    bind_unsigned(stmt, 2, n);
    rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return give_up(o, stmt, "look up what is no longer kept", err);
    *ret = rc == SQLITE_ROW;
    sqlite3_reset(stmt);
    return VG_OK;
}

static vg_status add_event(struct vg_outbox *o, uint32_t shard, uint64_t n,
                           const struct vg_item_event *item, const char *json, int64_t wall_ns,
                           enum vg_put *ret, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[ADD_EVENT];
    char id[VG_EPISODE_TEXT_SIZE + 12];
    int rc;

    vg_episode_text(item->episode_id, id);
    snprintf(id + VG_EPISODE_TEXT_SIZE - 1, sizeof(id) - VG_EPISODE_TEXT_SIZE + 1, ".%u",
             item->number);
    bind_unsigned(stmt, 1, shard);
    bind_unsigned(stmt, 2, n);
    bind_text(stmt, 3, id);
    sqlite3_bind_blob(stmt, 4, item->episode_id, sizeof(item->episode_id), SQLITE_STATIC);
    bind_unsigned(stmt, 5, item->number);
    bind_text(stmt, 6, item->ward);
    bind_unsigned(stmt, 7, item->phase);
    bind_unsigned(stmt, 8, item->kind);
    bind_unsigned(stmt, 9, item->priority);
    bind_text(stmt, 10, item->patient);
    sqlite3_bind_int64(stmt, 11, item->time_ns);
    sqlite3_bind_int64(stmt, 12, wall_ns);
    sqlite3_bind_text(stmt, 13, json, (int)item->json_len, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        o->last_seq = (uint64_t)sqlite3_last_insert_rowid(o->db);
        *ret = VG_PUT_NEW;
    } else if (rc == SQLITE_CONSTRAINT) {
        *ret = VG_PUT_DIFFERENT; /* the event is stored under another n */
    } else {
        return give_up(o, stmt, "store an event", err);
    }
    sqlite3_reset(stmt);
    return VG_OK;
}

static vg_status set_episode(struct vg_outbox *o, uint32_t shard, const struct vg_item_event *item,
                             struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[SET_EPISODE];

    sqlite3_bind_blob(stmt, 1, item->episode_id, sizeof(item->episode_id), SQLITE_STATIC);
    bind_unsigned(stmt, 2, shard);
    bind_text(stmt, 3, item->ward);
    bind_text(stmt, 4, item->patient);
    bind_unsigned(stmt, 5, o->last_seq);
    bind_unsigned(stmt, 6, item->number);
    sqlite3_bind_int(stmt, 7, item->phase != VG_PHASE_END);
    sqlite3_bind_int(stmt, 8, item->phase == VG_PHASE_ACKNOWLEDGE);
    sqlite3_bind_int(stmt, 9, item->phase == VG_PHASE_ESCALATE);
    return run(o, SET_EPISODE, "store an episode", err);
}

vg_status vg_outbox_put_event(struct vg_outbox *o, uint32_t shard, uint64_t n,
                              const struct vg_item_event *item, const char *json, int64_t wall_ns,
                              enum vg_put *ret, uint64_t *ret_seq, struct vg_err *err)
{
    bool found = false;
    vg_status st;

    VG_CHECK(o->open);
    *ret_seq = 0;
    st = compare(o, shard, n, json, item->json_len, &found, ret, ret_seq, err);
    if (st == VG_OK && !found) {
        st = compare_pruned(o, shard, n, &found, err);
        *ret = VG_PUT_SAME;
    }
    if (st != VG_OK || found)
        return st;
    st = add_event(o, shard, n, item, json, wall_ns, ret, err);
    if (st != VG_OK || *ret != VG_PUT_NEW)
        return st;
    *ret_seq = o->last_seq;
    return set_episode(o, shard, item, err);
}

vg_status vg_outbox_put_command(struct vg_outbox *o, uint32_t shard,
                                const struct vg_item_command *command, const void *payload,
                                size_t len, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[ADD_COMMAND];

    VG_CHECK(o->open);
    vg_db_bind_place(stmt, shard, command->next_offset, command->ordinal);
    bind_unsigned(stmt, 4, command->kind);
    sqlite3_bind_int64(stmt, 5, command->log_ns);
    bind_text(stmt, 6, command->patient);
    sqlite3_bind_blob64(stmt, 7, payload, len, SQLITE_STATIC);
    return run(o, ADD_COMMAND, "store a command", err);
}

vg_status vg_outbox_put_answer(struct vg_outbox *o, const char *command_id,
                               const struct vg_answered *answered, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[ADD_ANSWER];

    VG_CHECK(o->open);
    bind_text(stmt, 1, command_id);
    bind_text(stmt, 2, answered->code);
    bind_text(stmt, 3, answered->message);
    return run(o, ADD_ANSWER, "store an answer", err);
}

static void bind_bytes_or_null(sqlite3_stmt *stmt, int i, const char *bytes, size_t len)
{
    sqlite3_bind_blob64(stmt, i, len > 0 ? bytes : NULL, len, SQLITE_STATIC);
}

vg_status vg_outbox_put_dead_letter(struct vg_outbox *o, uint32_t shard,
                                    const struct vg_item_dead_letter *letter, const void *bytes,
                                    size_t len, int64_t wall_ns, bool *ret_new, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[ADD_DEAD_LETTER];
    const char *rest;
    vg_status st;

    VG_CHECK(o->open && (size_t)letter->key_len + letter->headers_len <= len);
    len -= (size_t)letter->key_len + letter->headers_len;
    rest = (const char *)bytes + len;
    vg_db_bind_place(stmt, shard, letter->offset, letter->index);
    bind_text(stmt, 4, letter->reason);
    bind_unsigned(stmt, 5, letter->byte_offset);
    bind_text(stmt, 6, letter->detail);
    sqlite3_bind_int64(stmt, 7, letter->record_ns);
    sqlite3_bind_blob64(stmt, 8, bytes, len, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 9, wall_ns);
    bind_bytes_or_null(stmt, 10, rest, letter->key_len);
    bind_bytes_or_null(stmt, 11, rest + letter->key_len, letter->headers_len);
    st = run(o, ADD_DEAD_LETTER, "store a dead letter", err);
    *ret_new = st == VG_OK && sqlite3_changes(o->db) > 0;
    return st;
}

vg_status vg_outbox_put_letter_retried(struct vg_outbox *o, uint32_t shard, int64_t offset,
                                       uint32_t index, uint32_t attempts, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[LETTER_RETRIED];

    VG_CHECK(o->open);
    vg_db_bind_place(stmt, shard, offset, index);
    bind_unsigned(stmt, 4, attempts);
    return run(o, LETTER_RETRIED, "store that a dead letter was retried", err);
}

vg_status vg_outbox_put_set_aside(struct vg_outbox *o, const char *sink,
                                  const struct vg_set_aside *what, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[SET_ASIDE];

    VG_CHECK(o->open);
    bind_text(stmt, 1, sink);
    bind_unsigned(stmt, 2, what->seq);
    bind_text(stmt, 3, what->reason);
    sqlite3_bind_int64(stmt, 4, what->wall_ns);
    bind_unsigned(stmt, 5, what->state);
    return run(o, SET_ASIDE, "store a refused event", err);
}

vg_status vg_outbox_put_passed_over(struct vg_outbox *o, const char *sink,
                                    const struct vg_passed_over *what, struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[SET_PASSED_OVER];

    VG_CHECK(o->open);
    bind_text(stmt, 1, sink);
    bind_unsigned(stmt, 2, what->seq);
    bind_unsigned(stmt, 3, what->events);
    bind_unsigned(stmt, 4, what->urgent);
    return run(o, SET_PASSED_OVER, "store what a sink passed over", err);
}

vg_status vg_outbox_put_position(struct vg_outbox *o, const struct vg_position *p,
                                 struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[SET_POSITION];

    VG_CHECK(o->open);
    vg_db_bind_place(stmt, p->shard, p->next_offset, p->ordinal);
    bind_unsigned(stmt, 4, p->n);
    sqlite3_bind_int64(stmt, 5, p->log_ns);
    sqlite3_bind_int64(stmt, 6, p->wall_ns);
    bind_text(stmt, 7, p->config);
    return run(o, SET_POSITION, "store a position", err);
}

vg_status vg_outbox_put_config_switch(struct vg_outbox *o, const struct vg_config_switch *s,
                                      struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[ADD_SWITCH];

    VG_CHECK(o->open);
    vg_db_bind_place(stmt, s->shard, s->next_offset, s->ordinal);
    bind_unsigned(stmt, 4, s->n);
    bind_text(stmt, 5, s->config);
    return run(o, ADD_SWITCH, "store a change of configuration", err);
}

vg_status vg_outbox_put_cursor(struct vg_outbox *o, const char *sink, uint64_t seq,
                               struct vg_err *err)
{
    sqlite3_stmt *stmt = o->stmt[SET_CURSOR];

    VG_CHECK(o->open);
    bind_text(stmt, 1, sink);
    bind_unsigned(stmt, 2, seq);
    return run(o, SET_CURSOR, "store how far a sink is", err);
}
