/* outbox_read.c - the durable store of a pipeline: the reading half.
 *
 * Each reader is a connection of its own. In WAL mode it sees the state of the last commit, does
 * not wait for the writer and does not hold it up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/outbox.h"
#include "runtime/outbox_db.h"

#define EVENT_COLUMNS                                                                             \
    "e.seq, e.prev_seq, e.shard, e.number, e.episode_id, e.phase, e.kind, e.priority, e.time_ns," \
    " e.ward, e.body, e.wall_ns"
#define EPISODE_COLUMNS "episode_id, shard, number, newest_seq, open, acknowledged, ward, patient"

enum query {
    BEGIN,
    END,
    EVENTS,
    EVENTS_OF_WARD,
    OPEN_EVENTS,
    EXTENT,
    EXTENT_OF_WARD,
    WARDS,
    EPISODE,
    EPISODES_OF_SHARD,
    COMMANDS,
    NOTICES,
    SWITCHES,
    POSITION,
    CURSOR,
    DEAD_LETTERS,
    QUERIES
};

static const char *const sql[QUERIES] = {
    [BEGIN] = "BEGIN",
    [END] = "COMMIT",
    [EVENTS] = "SELECT " EVENT_COLUMNS " FROM event e WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    [EVENTS_OF_WARD] = "SELECT " EVENT_COLUMNS " FROM event e WHERE ward = ?3 AND seq > ?1"
                       " ORDER BY seq LIMIT ?2",
    [OPEN_EVENTS] = "SELECT " EVENT_COLUMNS " FROM episode p JOIN event e ON e.seq = p.newest_seq"
                    " WHERE p.open AND (?1 = '' OR p.ward = ?1) ORDER BY p.newest_seq",
    [EXTENT] = "SELECT (SELECT coalesce(max(seq), 0) FROM event),"
               " (SELECT coalesce(min(seq), 0) FROM event)",
    [EXTENT_OF_WARD] =
        "SELECT coalesce((SELECT seq FROM event WHERE ward = ?1 ORDER BY seq DESC LIMIT 1), 0),"
        " coalesce((SELECT seq FROM event WHERE ward = ?1 ORDER BY seq LIMIT 1), 0)",
    [WARDS] = "SELECT DISTINCT ward FROM event ORDER BY ward",
    [EPISODE] = "SELECT " EPISODE_COLUMNS " FROM episode WHERE episode_id = ?1",
    [EPISODES_OF_SHARD] = "SELECT " EPISODE_COLUMNS " FROM episode WHERE open AND shard = ?1"
                          " ORDER BY newest_seq",
    [COMMANDS] = "SELECT next_offset, ordinal, kind, log_ns, patient, payload FROM command"
                 " WHERE shard = ?1 AND (next_offset, ordinal) > (?2, ?3)"
                 " ORDER BY next_offset, ordinal",
    /* The kind in words that the index knows. */
    [NOTICES] = "SELECT next_offset, ordinal, kind, log_ns, patient, payload FROM command"
                " WHERE shard = ?1 AND kind = 4 ORDER BY next_offset, ordinal",
    [SWITCHES] = "SELECT next_offset, ordinal, n, config FROM config_switch"
                 " WHERE shard = ?1 AND (next_offset, ordinal) > (?2, ?3)"
                 " ORDER BY next_offset, ordinal",
    [POSITION] = "SELECT next_offset, ordinal, n, log_ns, wall_ns, config FROM shard"
                 " WHERE shard = ?1",
    [CURSOR] = "SELECT seq FROM cursor WHERE sink = ?1",
    [DEAD_LETTERS] = "SELECT count(*) FROM dead_letter",
};

struct vg_outbox_reader {
    sqlite3 *db;
    sqlite3_stmt *stmt[QUERIES];
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
        st = vg_db_prepare(r->db, sql, QUERIES, r->stmt, err);
    if (st != VG_OK) {
        vg_outbox_reader_close(r);
        return st;
    }
    *ret = r;
    return VG_OK;
}

vg_status vg_outbox_cluster(struct vg_outbox_reader *r, char ret[VG_CLUSTER_SIZE],
                            struct vg_err *err)
{
    return vg_db_meta(r->db, "cluster", ret, VG_CLUSTER_SIZE, err);
}

void vg_outbox_reader_close(struct vg_outbox_reader *r)
{
    if (!r)
        return;
    vg_db_finalize(r->stmt, QUERIES);
    sqlite3_close(r->db);
    free(r);
}

/* ---- rows ---- */

/* Gives one row to a callback. */
typedef vg_status (*row_fn)(void *ctx, sqlite3_stmt *row);

static vg_status each(struct vg_outbox_reader *r, enum query q, const char *what, row_fn fn,
                      void *ctx, struct vg_err *err)
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

static uint64_t column_unsigned(sqlite3_stmt *row, int i)
{
    return (uint64_t)sqlite3_column_int64(row, i);
}

static void copy_text(sqlite3_stmt *row, int i, char *ret, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, i);
    size_t n = text ? strnlen(text, size - 1) : 0;

    if (n)
        memcpy(ret, text, n);
    ret[n] = '\0';
}

/* Returns whether there is one. */
static bool copy_id(sqlite3_stmt *row, int i, uint8_t id[16])
{
    const void *bytes = sqlite3_column_blob(row, i);

    if (!bytes || sqlite3_column_bytes(row, i) != 16)
        return false;
    memcpy(id, bytes, 16);
    return true;
}

/* A number below `count`; `count` when it is none of those. */
static uint8_t column_below(sqlite3_stmt *row, int i, int count)
{
    int64_t n = sqlite3_column_int64(row, i);

    return (uint8_t)(n >= 0 && n < count ? n : count);
}

/* ---- events ---- */

struct event_call {
    vg_event_fn fn;
    void *arg;
    struct vg_err *err;
};

/* Sinks take for granted what the writer made sure of; a damaged file may hold anything. */
static bool event_valid(const struct vg_delivery *d)
{
    return d->phase < VG_PHASE_COUNT && d->kind < VG_ALERT_KIND_COUNT &&
           d->priority < VG_PRIORITY_COUNT && d->ward && strlen(d->ward) < VG_WARD_SIZE && d->json;
}

static vg_status give_event(void *ctx, sqlite3_stmt *row)
{
    const struct event_call *call = ctx;
    struct vg_delivery d = {
        .seq = column_unsigned(row, 0),
        .prev_seq = column_unsigned(row, 1),
        .shard = (uint32_t)column_unsigned(row, 2),
        .number = (uint32_t)column_unsigned(row, 3),
        .phase = column_below(row, 5, VG_PHASE_COUNT),
        .kind = column_below(row, 6, VG_ALERT_KIND_COUNT),
        .priority = column_below(row, 7, VG_PRIORITY_COUNT),
        .time_ns = sqlite3_column_int64(row, 8),
        .ward = (const char *)sqlite3_column_text(row, 9),
        .json = (const char *)sqlite3_column_text(row, 10),
        .len = (size_t)sqlite3_column_bytes(row, 10),
        .wall_ns = sqlite3_column_int64(row, 11),
    };

    if (!copy_id(row, 4, d.episode_id) || !event_valid(&d))
        return vg_fail(
            call->err, VG_E_IO,
            "the outbox is damaged: event %llu is none that Vigil wrote; keep a copy and "
            "move data_dir away",
            (unsigned long long)d.seq);
    return call->fn(call->arg, &d);
}

vg_status vg_outbox_read(struct vg_outbox_reader *r, const char *ward, uint64_t after, size_t max,
                         vg_event_fn fn, void *arg, struct vg_err *err)
{
    struct event_call call = { fn, arg, err };
    bool all = !ward || !ward[0];
    enum query q = all ? EVENTS : EVENTS_OF_WARD;

    sqlite3_bind_int64(r->stmt[q], 1, (int64_t)after);
    sqlite3_bind_int64(r->stmt[q], 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    if (!all)
        sqlite3_bind_text(r->stmt[q], 3, ward, -1, SQLITE_STATIC);
    return each(r, q, "read events", give_event, &call, err);
}

static vg_status take_extent(void *ctx, sqlite3_stmt *row)
{
    uint64_t *extent = ctx;

    extent[0] = column_unsigned(row, 0);
    extent[1] = column_unsigned(row, 1);
    return VG_OK;
}

vg_status vg_outbox_extent(struct vg_outbox_reader *r, const char *ward, uint64_t *ret_last,
                           uint64_t *ret_oldest, struct vg_err *err)
{
    bool all = !ward || !ward[0];
    enum query q = all ? EXTENT : EXTENT_OF_WARD;
    uint64_t extent[2] = { 0 };
    vg_status st;

    if (!all)
        sqlite3_bind_text(r->stmt[q], 1, ward, -1, SQLITE_STATIC);
    st = each(r, q, "read how far it reaches", take_extent, extent, err);
    *ret_last = extent[0];
    *ret_oldest = extent[1];
    return st;
}

static vg_status nothing(void *ctx, sqlite3_stmt *row)
{
    (void)ctx;
    (void)row;
    return VG_OK;
}

/* The newest seq and the open episodes must be those of one moment, or a subscriber would drop an
 * event that its snapshot did not have. */
vg_status vg_outbox_open_episodes(struct vg_outbox_reader *r, const char *ward, vg_event_fn fn,
                                  void *arg, uint64_t *ret_as_of, struct vg_err *err)
{
    struct event_call call = { fn, arg, err };
    uint64_t oldest;
    struct vg_err ignored;
    vg_status st = each(r, BEGIN, "begin to read", nothing, NULL, err);

    if (st != VG_OK)
        return st;
    st = vg_outbox_extent(r, NULL, ret_as_of, &oldest, err);
    if (st == VG_OK) {
        sqlite3_bind_text(r->stmt[OPEN_EVENTS], 1, ward ? ward : "", -1, SQLITE_STATIC);
        st = each(r, OPEN_EVENTS, "read open episodes", give_event, &call, err);
    }
    if (each(r, END, "end reading", nothing, NULL, st == VG_OK ? err : &ignored) != VG_OK &&
        st == VG_OK)
        st = err->status;
    return st;
}

struct ward_call {
    void (*fn)(void *arg, const char *ward);
    void *arg;
};

static vg_status give_ward(void *ctx, sqlite3_stmt *row)
{
    const struct ward_call *call = ctx;
    char ward[VG_WARD_SIZE];

    copy_text(row, 0, ward, sizeof(ward));
    call->fn(call->arg, ward);
    return VG_OK;
}

vg_status vg_outbox_wards(struct vg_outbox_reader *r, void (*fn)(void *arg, const char *ward),
                          void *arg, struct vg_err *err)
{
    struct ward_call call = { fn, arg };

    return each(r, WARDS, "read its wards", give_ward, &call, err);
}

/* ---- episodes ---- */

static void episode_of_row(sqlite3_stmt *row, struct vg_outbox_episode *ret)
{
    *ret = (struct vg_outbox_episode){
        .shard = (uint32_t)column_unsigned(row, 1),
        .number = (uint32_t)column_unsigned(row, 2),
        .newest_seq = column_unsigned(row, 3),
        .open = sqlite3_column_int(row, 4) != 0,
        .acknowledged = sqlite3_column_int(row, 5) != 0,
    };
    copy_id(row, 0, ret->episode_id);
    copy_text(row, 6, ret->ward, sizeof(ret->ward));
    copy_text(row, 7, ret->patient, sizeof(ret->patient));
}

struct episode_call {
    vg_episode_fn fn;
    void *arg;
};

static vg_status give_episode(void *ctx, sqlite3_stmt *row)
{
    const struct episode_call *call = ctx;
    struct vg_outbox_episode episode;

    episode_of_row(row, &episode);
    return call->fn(call->arg, &episode);
}

vg_status vg_outbox_shard_episodes(struct vg_outbox_reader *r, uint32_t shard, vg_episode_fn fn,
                                   void *arg, struct vg_err *err)
{
    struct episode_call call = { fn, arg };

    sqlite3_bind_int64(r->stmt[EPISODES_OF_SHARD], 1, shard);
    return each(r, EPISODES_OF_SHARD, "read open episodes", give_episode, &call, err);
}

struct found_episode {
    bool found;
    struct vg_outbox_episode *ret;
};

static vg_status take_episode(void *ctx, sqlite3_stmt *row)
{
    struct found_episode *f = ctx;

    episode_of_row(row, f->ret);
    f->found = true;
    return VG_OK;
}

vg_status vg_outbox_episode(struct vg_outbox_reader *r, const uint8_t episode_id[16],
                            struct vg_outbox_episode *ret, struct vg_err *err)
{
    struct found_episode f = { .ret = ret };
    vg_status st;

    sqlite3_bind_blob(r->stmt[EPISODE], 1, episode_id, 16, SQLITE_STATIC);
    st = each(r, EPISODE, "look up an episode", take_episode, &f, err);
    if (st == VG_OK && !f.found)
        return vg_fail(err, VG_E_RANGE, "no such episode in this outbox");
    return st;
}

/* ---- commands and positions ---- */

/* Everything of a shard behind a position. */
static void bind_after(sqlite3_stmt *stmt, uint32_t shard, int64_t next_offset, uint32_t ordinal)
{
    sqlite3_bind_int64(stmt, 1, shard);
    sqlite3_bind_int64(stmt, 2, next_offset);
    sqlite3_bind_int64(stmt, 3, ordinal);
}

struct command_call {
    vg_command_fn fn;
    void *arg;
};

static vg_status give_command(void *ctx, sqlite3_stmt *row)
{
    const struct command_call *call = ctx;
    struct vg_item_command command = {
        .next_offset = sqlite3_column_int64(row, 0),
        .ordinal = (uint32_t)column_unsigned(row, 1),
        .kind = (uint32_t)column_unsigned(row, 2),
        .log_ns = sqlite3_column_int64(row, 3),
    };

    copy_text(row, 4, command.patient, sizeof(command.patient));
    return call->fn(call->arg, &command, sqlite3_column_blob(row, 5),
                    (size_t)sqlite3_column_bytes(row, 5));
}

vg_status vg_outbox_commands(struct vg_outbox_reader *r, uint32_t shard, int64_t next_offset,
                             uint32_t ordinal, vg_command_fn fn, void *arg, struct vg_err *err)
{
    struct command_call call = { fn, arg };

    bind_after(r->stmt[COMMANDS], shard, next_offset, ordinal);
    return each(r, COMMANDS, "read commands", give_command, &call, err);
}

vg_status vg_outbox_notices(struct vg_outbox_reader *r, uint32_t shard, vg_command_fn fn, void *arg,
                            struct vg_err *err)
{
    struct command_call call = { fn, arg };

    _Static_assert(VG_COMMAND_NOTICE == 4, "the query names it");
    sqlite3_bind_int64(r->stmt[NOTICES], 1, shard);
    return each(r, NOTICES, "read notices", give_command, &call, err);
}

struct switch_call {
    vg_switch_fn fn;
    void *arg;
    uint32_t shard;
};

static vg_status give_switch(void *ctx, sqlite3_stmt *row)
{
    const struct switch_call *call = ctx;
    struct vg_config_switch s = {
        .shard = call->shard,
        .next_offset = sqlite3_column_int64(row, 0),
        .ordinal = (uint32_t)column_unsigned(row, 1),
        .n = column_unsigned(row, 2),
    };

    copy_text(row, 3, s.config, sizeof(s.config));
    return call->fn(call->arg, &s);
}

vg_status vg_outbox_config_switches(struct vg_outbox_reader *r, uint32_t shard, int64_t next_offset,
                                    uint32_t ordinal, vg_switch_fn fn, void *arg,
                                    struct vg_err *err)
{
    struct switch_call call = { fn, arg, shard };

    bind_after(r->stmt[SWITCHES], shard, next_offset, ordinal);
    return each(r, SWITCHES, "read changes of configuration", give_switch, &call, err);
}

struct found_position {
    bool *found;
    struct vg_position *ret;
};

static vg_status take_position(void *ctx, sqlite3_stmt *row)
{
    struct found_position *f = ctx;

    f->ret->next_offset = sqlite3_column_int64(row, 0);
    f->ret->ordinal = (uint32_t)column_unsigned(row, 1);
    f->ret->n = column_unsigned(row, 2);
    f->ret->log_ns = sqlite3_column_int64(row, 3);
    f->ret->wall_ns = sqlite3_column_int64(row, 4);
    copy_text(row, 5, f->ret->config, sizeof(f->ret->config));
    *f->found = true;
    return VG_OK;
}

/* Prepared when it is needed: an outbox of before orders has no such table. */
vg_status vg_outbox_answer(struct vg_outbox_reader *r, const char *command_id,
                           struct vg_answered *ret, bool *ret_known, struct vg_err *err)
{
    sqlite3_stmt *stmt = NULL;
    vg_status st = VG_OK;
    int rc = sqlite3_prepare_v2(r->db, "SELECT code, message FROM answer WHERE command_id = ?1", -1,
                                &stmt, NULL);

    *ret_known = false;
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, command_id, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW) {
        *ret_known = true;
        copy_text(stmt, 0, ret->code, sizeof(ret->code));
        copy_text(stmt, 1, ret->message, sizeof(ret->message));
    } else if (rc != SQLITE_DONE) {
        st = vg_db_fail(r->db, "look up an answer", err);
    }
    sqlite3_finalize(stmt);
    return st;
}

vg_status vg_outbox_position(struct vg_outbox_reader *r, uint32_t shard, struct vg_position *ret,
                             bool *ret_known, struct vg_err *err)
{
    struct found_position f = { ret_known, ret };

    *ret = (struct vg_position){ .shard = shard };
    *ret_known = false;
    sqlite3_bind_int64(r->stmt[POSITION], 1, shard);
    return each(r, POSITION, "read how far a shard is", take_position, &f, err);
}

static vg_status take_number(void *ctx, sqlite3_stmt *row)
{
    *(uint64_t *)ctx = column_unsigned(row, 0);
    return VG_OK;
}

vg_status vg_outbox_cursor(struct vg_outbox_reader *r, const char *sink, uint64_t *ret,
                           struct vg_err *err)
{
    *ret = 0;
    sqlite3_bind_text(r->stmt[CURSOR], 1, sink, -1, SQLITE_STATIC);
    return each(r, CURSOR, "read how far a sink is", take_number, ret, err);
}

vg_status vg_outbox_dead_letters(struct vg_outbox_reader *r, uint64_t *ret, struct vg_err *err)
{
    *ret = 0;
    return each(r, DEAD_LETTERS, "count dead letters", take_number, ret, err);
}
