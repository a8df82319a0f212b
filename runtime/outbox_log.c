/* outbox_log.c - how far shards and sinks are in the outbox, and the commands that led there. */
#include "runtime/outbox_db.h"
#include "runtime/outbox_reader.h"

vg_status vg_outbox_cluster(struct vg_outbox_reader *r, char ret[VG_CLUSTER_SIZE],
                            struct vg_err *err)
{
    return vg_db_meta(r->db, "cluster", ret, VG_CLUSTER_SIZE, err);
}

vg_status vg_outbox_check_log(struct vg_outbox_reader *r, const char *data_dir, const char *cluster,
                              uint32_t partitions, struct vg_err *err)
{
    bool bound;

    return vg_db_check_log(r->db, data_dir, cluster, partitions, &bound, err);
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
        .ordinal = (uint32_t)vg_reader_unsigned(row, 1),
        .kind = (uint32_t)vg_reader_unsigned(row, 2),
        .log_ns = sqlite3_column_int64(row, 3),
    };

    vg_reader_text(row, 4, command.patient, sizeof(command.patient));
    return call->fn(call->arg, &command, sqlite3_column_blob(row, 5),
                    (size_t)sqlite3_column_bytes(row, 5));
}

vg_status vg_outbox_commands(struct vg_outbox_reader *r, uint32_t shard, int64_t next_offset,
                             uint32_t ordinal, vg_command_fn fn, void *arg, struct vg_err *err)
{
    struct command_call call = { fn, arg };

    vg_db_bind_place(r->stmt[VG_READ_COMMANDS], shard, next_offset, ordinal);
    return vg_reader_each(r, VG_READ_COMMANDS, "read commands", give_command, &call, err);
}

vg_status vg_outbox_orders(struct vg_outbox_reader *r, uint32_t shard, int64_t next_offset,
                           uint32_t ordinal, vg_command_fn fn, void *arg, struct vg_err *err)
{
    struct command_call call = { fn, arg };

    _Static_assert(VG_COMMAND_ORDER == 3, "the query names it");
    vg_db_bind_place(r->stmt[VG_READ_ORDERS], shard, next_offset, ordinal);
    return vg_reader_each(r, VG_READ_ORDERS, "read orders", give_command, &call, err);
}

vg_status vg_outbox_notices(struct vg_outbox_reader *r, uint32_t shard, vg_command_fn fn, void *arg,
                            struct vg_err *err)
{
    struct command_call call = { fn, arg };

    _Static_assert(VG_COMMAND_NOTICE == 4, "the query names it");
    sqlite3_bind_int64(r->stmt[VG_READ_NOTICES], 1, shard);
    return vg_reader_each(r, VG_READ_NOTICES, "read notices", give_command, &call, err);
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
        .ordinal = (uint32_t)vg_reader_unsigned(row, 1),
        .n = vg_reader_unsigned(row, 2),
    };

    vg_reader_text(row, 3, s.config, sizeof(s.config));
    return call->fn(call->arg, &s);
}

vg_status vg_outbox_config_switches(struct vg_outbox_reader *r, uint32_t shard, int64_t next_offset,
                                    uint32_t ordinal, vg_switch_fn fn, void *arg,
                                    struct vg_err *err)
{
    struct switch_call call = { fn, arg, shard };

    vg_db_bind_place(r->stmt[VG_READ_SWITCHES], shard, next_offset, ordinal);
    return vg_reader_each(r, VG_READ_SWITCHES, "read changes of configuration", give_switch, &call,
                          err);
}

struct found_position {
    bool *found;
    struct vg_position *ret;
};

static vg_status take_position(void *ctx, sqlite3_stmt *row)
{
    struct found_position *f = ctx;

    f->ret->next_offset = sqlite3_column_int64(row, 0);
    f->ret->ordinal = (uint32_t)vg_reader_unsigned(row, 1);
    f->ret->n = vg_reader_unsigned(row, 2);
    f->ret->log_ns = sqlite3_column_int64(row, 3);
    f->ret->wall_ns = sqlite3_column_int64(row, 4);
    vg_reader_text(row, 5, f->ret->config, sizeof(f->ret->config));
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
        vg_reader_text(stmt, 0, ret->code, sizeof(ret->code));
        vg_reader_text(stmt, 1, ret->message, sizeof(ret->message));
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
    sqlite3_bind_int64(r->stmt[VG_READ_POSITION], 1, shard);
    return vg_reader_each(r, VG_READ_POSITION, "read how far a shard is", take_position, &f, err);
}

static vg_status take_number(void *ctx, sqlite3_stmt *row)
{
    *(uint64_t *)ctx = vg_reader_unsigned(row, 0);
    return VG_OK;
}

vg_status vg_outbox_cursor(struct vg_outbox_reader *r, const char *sink, uint64_t *ret,
                           struct vg_err *err)
{
    *ret = 0;
    sqlite3_bind_text(r->stmt[VG_READ_CURSOR], 1, sink, -1, SQLITE_STATIC);
    return vg_reader_each(r, VG_READ_CURSOR, "read how far a sink is", take_number, ret, err);
}

vg_status vg_outbox_dead_letters(struct vg_outbox_reader *r, uint64_t *ret, struct vg_err *err)
{
    *ret = 0;
    return vg_reader_each(r, VG_READ_DEAD_LETTERS, "count dead letters", take_number, ret, err);
}
