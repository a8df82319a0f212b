/* postgres.c - stores every event as a row in PostgreSQL, once.
 *
 * A batch is one statement, and so one transaction: the events go over as one JSON array, from which
 * the server takes the columns, and the sink's place in the outbox moves with them. json (not jsonb)
 * keeps the canonical bytes as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/sink.h"
#include "core/text.h"
#include "sinks/postgres_connection.h"
#include "sinks/sql_schema.h"

struct postgres {
    char *connection; /* option */
    char *password;   /* option */
    bool insecure;    /* option */

    const char *sink, *pipeline;
    char outbox[VG_UUID_TEXT_SIZE];
    struct vg_postgres db;
    struct vg_buf bodies, numbers, seqs; /* of a batch */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct postgres, connection, "connection", NULL, VG_OPT_REQUIRED,
                  "Where the database is, as psql takes it: postgresql://USER@HOST/DATABASE or "
                  "\"host=... dbname=... user=...\"; without a password."),
    VG_OPT_STRING(struct postgres, password, "password", NULL, VG_OPT_SECRET,
                  "Password of the user, where the server asks for one."),
    VG_OPT_BOOL(struct postgres, insecure, "insecure", "false", 0,
                "Allow another machine without sslmode=verify-full."),
    VG_OPT_END,
};

#define TYPED_COLUMN(name, type) #name " " #type ", "
static const char *const migrations[] = {
    VG_SQL_TABLES(VG_SQL_COLUMNS(TYPED_COLUMN), "bigint", "timestamptz", "clock_timestamp()",
                  "json"),
};

/* json_to_record() reads an event once, where body->>'name' would read it for each column. The member
 * behind the columns is there because a list ends without a comma. */
#define MEMBER(name, type) "r." #name ", "
/* clang-format off */
static const char store_sql[] =
    "with e as (select " VG_SQL_COLUMNS(MEMBER) "i, body"
    " from json_array_elements($1::json) with ordinality as a(body, i),"
    " json_to_record(body) as r(" VG_SQL_COLUMNS(TYPED_COLUMN) "position json)),"
    " s as (insert into alert_event (" VG_SQL_COLUMNS(VG_SQL_NAME) "number, seq, body)"
    " select " VG_SQL_COLUMNS(VG_SQL_NAME) "($2::bigint[])[i], ($3::bigint[])[i], body"
    " from e order by i on conflict (event_id) do nothing)"
    " insert into alert_cursor (pipeline, sink, outbox, seq) values ($4, $5, $6, $7::bigint)"
    " on conflict (pipeline, sink, outbox) do update"
    " set seq = greatest(alert_cursor.seq, excluded.seq)";
/* clang-format on */

static struct vg_postgres connection_of(const struct postgres *p)
{
    return (struct vg_postgres){ .connection = p->connection,
                                 .password = p->password,
                                 .name = "vigil",
                                 .insecure = p->insecure };
}

static vg_status postgres_check(void *self, struct vg_err *err)
{
    const struct vg_postgres db = connection_of(self);

    return vg_postgres_check(&db, err);
}

/* ---- the schema ---- */

static vg_status run(struct postgres *p, const char *sql, struct vg_err *err)
{
    return vg_postgres_run(&p->db, sql, 0, NULL, NULL, err);
}

/* libpq takes one statement at a time where there are parameters, and ours always may have. */
static vg_status run_each(struct postgres *p, const char *script, struct vg_err *err)
{
    vg_status st = VG_OK;

    while (*script && st == VG_OK) {
        size_t n = strcspn(script, ";");
        char *sql = strndup(script, n);

        VG_CHECK(sql);
        st = run(p, sql, err);
        free(sql);
        script += n + (script[n] == ';');
    }
    return st;
}

static vg_status migrate_from(struct postgres *p, int64_t version, struct vg_err *err)
{
    char stamp[128];
    vg_status st = VG_OK;

    if (version == (int64_t)VG_ARRAY_LEN(migrations))
        return VG_OK;
    if (version > (int64_t)VG_ARRAY_LEN(migrations))
        return vg_fail(
            err, VG_E_CONFIG,
            "the database has version %lld of the alert tables, and this program knows "
            "%zu; run the newer Vigil, or give the sink a schema of its own (search_path)",
            (long long)version, VG_ARRAY_LEN(migrations));
    for (size_t i = (size_t)version; i < VG_ARRAY_LEN(migrations) && st == VG_OK; i++)
        st = run_each(p, migrations[i], err);
    if (st != VG_OK)
        return st;
    snprintf(
        stamp, sizeof(stamp),
        "insert into alert_schema (id, version) values (1, %zu) on conflict (id) do update set "
        "version = excluded.version",
        VG_ARRAY_LEN(migrations));
    return run(p, stamp, err);
}

static vg_status migrate_locked(struct postgres *p, struct vg_err *err)
{
    char *text = NULL;
    int64_t version = 0;
    /* Several pipelines may meet in one database. */
    vg_status st = run(p, "select pg_advisory_xact_lock(hashtext('vigil alert_schema'))", err);

    if (st == VG_OK)
        st = run(p,
                 "create table if not exists alert_schema (id integer primary key check (id = 1), "
                 "version integer not null)",
                 err);
    if (st == VG_OK)
        st = vg_postgres_run(&p->db, "select max(version) from alert_schema", 0, NULL, &text, err);
    if (st == VG_OK && text && !vg_parse_int(text, &version))
        st =
            vg_fail(err, VG_E_CONFIG, "alert_schema holds version \"%s\"; expected a number", text);
    free(text);
    return st == VG_OK ? migrate_from(p, version, err) : st;
}

static vg_status migrate(struct postgres *p, struct vg_err *err)
{
    vg_status st = run(p, "begin", err);

    if (st == VG_OK)
        st = migrate_locked(p, err);
    return st == VG_OK ? run(p, "commit", err) : st;
}

static vg_status connect_database(struct postgres *p, struct vg_err *err)
{
    vg_status st = vg_postgres_connect(&p->db, err);

    /* An event that counts as delivered survives a crash of the server; a stronger setting stays. */
    if (st == VG_OK)
        st = run(p,
                 "select set_config('synchronous_commit', 'on', false) where "
                 "current_setting('synchronous_commit') in ('off', 'local')",
                 err);
    if (st == VG_OK)
        st = migrate(p, err);
    if (st != VG_OK)
        vg_postgres_close(&p->db);
    return st;
}

/* ---- delivering ---- */

static void fill_batch(struct postgres *p, const struct vg_delivery *events, size_t n)
{
    vg_buf_clear(&p->bodies);
    vg_buf_clear(&p->numbers);
    vg_buf_clear(&p->seqs);
    for (size_t i = 0; i < n; i++) {
        const char *comma = i > 0 ? "," : "";

        vg_buf_char(&p->bodies, i > 0 ? ',' : '[');
        vg_buf_add(&p->bodies, events[i].json, events[i].len);
        vg_buf_printf(&p->numbers, "%s%u", i > 0 ? comma : "{", events[i].number);
        vg_buf_printf(&p->seqs, "%s%llu", i > 0 ? comma : "{", (unsigned long long)events[i].seq);
    }
    vg_buf_char(&p->bodies, ']');
    vg_buf_char(&p->numbers, '}');
    vg_buf_char(&p->seqs, '}');
}

static vg_status store(struct postgres *p, const struct vg_delivery *events, size_t n,
                       struct vg_err *err)
{
    char last[24];
    const char *values[7];

    fill_batch(p, events, n);
    snprintf(last, sizeof(last), "%llu", (unsigned long long)events[n - 1].seq);
    values[0] = p->bodies.data;
    values[1] = p->numbers.data;
    values[2] = p->seqs.data;
    values[3] = p->pipeline;
    values[4] = p->sink;
    values[5] = p->outbox;
    values[6] = last;
    return vg_postgres_run(&p->db, store_sql, VG_ARRAY_LEN(values), values, NULL, err);
}

static vg_status postgres_deliver(void *self, const struct vg_delivery *events, size_t n,
                                  size_t *done, struct vg_err *err)
{
    struct postgres *p = self;
    vg_status st = VG_OK;

    *done = 0;
    if (!p->db.conn)
        st = connect_database(p, err);
    if (st != VG_OK)
        return st;
    st = store(p, events, n, err);
    if (vg_status_class(st) == VG_CLASS_DATA && n > 1) {
        /* One of them is refused: singly, the others go through and that one is found. */
        st = VG_OK;
        while (*done < n && st == VG_OK) {
            st = store(p, &events[*done], 1, err);
            *done += st == VG_OK;
        }
        return st;
    }
    *done = st == VG_OK ? n : 0;
    return st;
}

/* Does not connect: a server that is down must not keep the other sinks from starting. */
static vg_status postgres_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct postgres *p = self;

    (void)err;
    p->sink = env->name;
    p->pipeline = env->pipeline;
    vg_format_uuid(env->outbox, p->outbox);
    p->db = connection_of(p);
    p->db.timeout_ns = env->timeout_ns;
    return VG_OK;
}

static void postgres_close(void *self)
{
    struct postgres *p = self;

    vg_postgres_close(&p->db);
    vg_buf_done(&p->bodies);
    vg_buf_done(&p->numbers);
    vg_buf_done(&p->seqs);
}

const struct vg_sink_ops vg_sink_postgres = {
    .name = "postgres",
    .summary = "Stores every event as a row in PostgreSQL, durably and once.",
    .options = options,
    .self_size = sizeof(struct postgres),
    .check = postgres_check,
    .open = postgres_open,
    .deliver = postgres_deliver,
    .close = postgres_close,
};
