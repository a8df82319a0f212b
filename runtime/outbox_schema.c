/* outbox_schema.c - the tables of an outbox, and how those of an older one become them.
 *
 * A new outbox takes the same steps as an old one that is brought up to date, so there is one way to
 * each table. A step is one transaction with the number that says that it was taken: a crash leaves
 * the outbox before it or behind it.
 */
#include "runtime/outbox_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/outbox.h"

/* Schema 1. */
static const char first[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, shard INTEGER NOT NULL, n INTEGER NOT NULL,"
    " event_id TEXT NOT NULL UNIQUE, episode_id BLOB NOT NULL, number INTEGER NOT NULL,"
    " ward TEXT NOT NULL, prev_seq INTEGER NOT NULL, phase INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, patient TEXT NOT NULL, time_ns INTEGER NOT NULL,"
    " wall_ns INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE(shard, n));"
    "CREATE INDEX event_ward ON event(ward);"
    "CREATE TABLE episode(episode_id BLOB PRIMARY KEY, shard INTEGER NOT NULL, ward TEXT NOT NULL,"
    " patient TEXT NOT NULL, newest_seq INTEGER NOT NULL, number INTEGER NOT NULL,"
    " open INTEGER NOT NULL, acknowledged INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX episode_open ON episode(newest_seq) WHERE open;"
    "CREATE TABLE command(shard INTEGER NOT NULL, next_offset INTEGER NOT NULL,"
    " ordinal INTEGER NOT NULL, kind INTEGER NOT NULL, log_ns INTEGER NOT NULL,"
    " patient TEXT NOT NULL, payload BLOB, PRIMARY KEY(shard, next_offset, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE dead_letter(partition INTEGER NOT NULL, \"offset\" INTEGER NOT NULL,"
    " idx INTEGER NOT NULL, reason TEXT NOT NULL, byte_offset INTEGER NOT NULL,"
    " detail TEXT NOT NULL, record_ns INTEGER NOT NULL, bytes BLOB,"
    " PRIMARY KEY(partition, \"offset\", idx));"
    "CREATE TABLE shard(shard INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL,"
    " ordinal INTEGER NOT NULL, n INTEGER NOT NULL, log_ns INTEGER NOT NULL,"
    " wall_ns INTEGER NOT NULL, config TEXT NOT NULL);"
    "CREATE TABLE config_switch(shard INTEGER NOT NULL, next_offset INTEGER NOT NULL,"
    " ordinal INTEGER NOT NULL, n INTEGER NOT NULL, config TEXT NOT NULL,"
    " PRIMARY KEY(shard, next_offset, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE cursor(sink TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;";

/* Schema 2: dead letters can be tried again, and sinks have what they will never accept. A state is
 * enum vg_letter_state. */
static const char second[] =
    "CREATE TABLE IF NOT EXISTS answer(command_id TEXT PRIMARY KEY, code TEXT NOT NULL,"
    " message TEXT NOT NULL) WITHOUT ROWID;"
    "ALTER TABLE dead_letter ADD COLUMN wall_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;"
    "CREATE INDEX dead_letter_retry ON dead_letter(partition, \"offset\", idx) WHERE state = 1;"
    "CREATE TABLE quarantine(sink TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL,"
    " wall_ns INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " PRIMARY KEY(sink, seq)) WITHOUT ROWID;"
    "CREATE INDEX quarantine_retry ON quarantine(sink, seq) WHERE state = 1;"
    "CREATE TABLE dlq_action(id INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, uid INTEGER NOT "
    "NULL,"
    " action TEXT NOT NULL, letters INTEGER NOT NULL, deliveries INTEGER NOT NULL);"
    "CREATE TABLE pruned(shard INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
    "CREATE INDEX command_notice ON command(shard, next_offset, ordinal) WHERE kind = 4;";

/* Schema 3: dead letters can be written out, with all that came with them. Their numbers go on when
 * the newest are deleted, as rowids do not: who was given a number must not miss its next bearer. */
static const char third[] =
    "ALTER TABLE dead_letter ADD COLUMN key BLOB;"
    "ALTER TABLE dead_letter ADD COLUMN headers BLOB;"
    "ALTER TABLE dead_letter ADD COLUMN number INTEGER NOT NULL DEFAULT 0;"
    "UPDATE dead_letter SET number = rowid;"
    "CREATE INDEX dead_letter_number ON dead_letter(number);"
    "CREATE TABLE letter_number(last INTEGER NOT NULL);"
    "INSERT INTO letter_number SELECT coalesce(max(number), 0) FROM dead_letter;"
    "CREATE TRIGGER number_letter AFTER INSERT ON dead_letter BEGIN"
    " UPDATE letter_number SET last = last + 1;"
    " UPDATE dead_letter SET number = (SELECT last FROM letter_number) WHERE rowid = new.rowid;"
    "END;";

/* Schema 4: what a sink passed over is told though a crash comes first. */
static const char fourth[] =
    "CREATE TABLE passed_over(sink TEXT PRIMARY KEY, seq INTEGER NOT NULL, events INTEGER NOT NULL,"
    " urgent INTEGER NOT NULL) WITHOUT ROWID;";

/* Schema 5: orders are found among the marks of three months. */
static const char fifth[] =
    "CREATE INDEX command_order ON command(shard, next_offset, ordinal) WHERE kind = 3;";

static const char *const steps[VG_OUTBOX_SCHEMA] = { first, second, third, fourth, fifth };

vg_status vg_schema_set_meta(sqlite3 *db, const char *key, const char *value, struct vg_err *err)
{
    char *text = sqlite3_mprintf("INSERT INTO meta VALUES(%Q, %Q)"
                                 " ON CONFLICT DO UPDATE SET value = excluded.value",
                                 key, value);
    vg_status st;

    VG_CHECK(text);
    st = vg_db_exec(db, text, "store what it belongs to", err);
    sqlite3_free(text);
    return st;
}

static vg_status name_it(sqlite3 *db, const char *pipeline, struct vg_err *err)
{
    char text[VG_EPISODE_TEXT_SIZE];
    uint8_t uuid[16];
    vg_status st;

    if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
        return vg_fail(err, VG_E_IO, "the system has no random numbers: %s", strerror(errno));
    vg_episode_text(uuid, text);
    st = vg_schema_set_meta(db, "uuid", text, err);
    return st == VG_OK ? vg_schema_set_meta(db, "pipeline", pipeline, err) : st;
}

static vg_status take_steps(sqlite3 *db, int from, const char *pipeline, struct vg_err *err)
{
    char number[16];
    vg_status st = VG_OK;

    for (int i = from; i < VG_OUTBOX_SCHEMA && st == VG_OK; i++)
        st = vg_db_exec(db, steps[i], "make its tables", err);
    snprintf(number, sizeof(number), "%d", VG_OUTBOX_SCHEMA);
    if (st == VG_OK)
        st = vg_schema_set_meta(db, "schema", number, err);
    return st == VG_OK && from == 0 ? name_it(db, pipeline, err) : st;
}

static vg_status upgrade(sqlite3 *db, int from, const char *pipeline, struct vg_err *err)
{
    vg_status st = vg_db_exec(db, "BEGIN IMMEDIATE", "begin", err);

    if (st == VG_OK)
        st = take_steps(db, from, pipeline, err);
    if (st == VG_OK)
        st = vg_db_exec(db, "COMMIT", "make its tables", err);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

vg_status vg_schema_make(sqlite3 *db, const char *pipeline, struct vg_err *err)
{
    return upgrade(db, 0, pipeline, err);
}

vg_status vg_schema_upgrade(sqlite3 *db, struct vg_err *err)
{
    int schema = 0;
    vg_status st = vg_db_check_schema(db, &schema, err);

    return st == VG_OK && schema < VG_OUTBOX_SCHEMA ? upgrade(db, schema, NULL, err) : st;
}
