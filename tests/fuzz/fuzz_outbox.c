/* fuzz_outbox.c - any bytes as an outbox file, and as the rows of one.
 *
 * SQLite finds most damage of the first kind. The rows are those of tables without types and
 * constraints, as damage or somebody with SQL makes them: everything that reads an outbox must say so
 * or go on, and touch no memory that is not its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "runtime/config.h"
#include "runtime/letters.h"
#include "runtime/log.h"
#include "runtime/outbox.h"
#include "runtime/recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const tables[] = { "event",      "episode",       "command", "dead_letter",
                                      "shard",      "config_switch", "cursor",  "answer",
                                      "quarantine", "passed_over" };
static char folder[] = "/tmp/fuzz_outbox.XXXXXX";
static char rows_path[64], file_path[64];
static sqlite3 *db; /* of rows_path */
static volatile unsigned sum;

static void touch(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < n; i++)
        sum += at[i];
}

static void touch_text(const char *text)
{
    touch(text, strlen(text));
}

/* ---- what is read ---- */

static vg_status see_event(void *arg, const struct vg_delivery *event)
{
    (void)arg;
    touch_text(event->ward);
    touch(event->json, event->len + 1);
    touch_text(vg_phase_name(event->phase));
    return VG_OK;
}

static vg_status see_command(void *arg, const struct vg_item_command *command, const void *payload,
                             size_t len)
{
    (void)arg;
    touch_text(command->patient);
    touch(payload, len);
    return VG_OK;
}

static vg_status see_episode(void *arg, const struct vg_outbox_episode *episode)
{
    (void)arg;
    touch_text(episode->ward);
    touch_text(episode->patient);
    return VG_OK;
}

static vg_status see_switch(void *arg, const struct vg_config_switch *s)
{
    (void)arg;
    touch_text(s->config);
    return VG_OK;
}

static void see_ward(void *arg, const char *ward)
{
    (void)arg;
    touch_text(ward);
}

static vg_status see_letter(void *arg, const struct vg_letter *letter)
{
    (void)arg;
    touch(letter->bytes, letter->len);
    touch_text(letter->reason);
    touch_text(letter->delivery ? letter->event_id : letter->detail);
    return VG_OK;
}

static vg_status see_again(void *arg, const struct vg_letter_again *letter)
{
    (void)arg;
    touch(letter->bytes, letter->len);
    return VG_OK;
}

static vg_status see_out(void *arg, uint64_t number, const struct vg_dead_letter *letter)
{
    (void)arg;
    (void)number;
    touch_text(letter->reason);
    touch_text(letter->detail);
    touch(letter->message.value, letter->message.len);
    touch(letter->message.key, letter->message.key_len);
    touch(letter->headers, letter->headers_len);
    return VG_OK;
}

/* A failure has words, and is none of the program itself. */
static void judge(vg_status st, const struct vg_err *err)
{
    VG_CHECK(st == VG_OK || (err->msg[0] && st != VG_E_BUG) || st == VG_E_RANGE);
}

static void read_outbox(const char *path)
{
    const uint8_t id[16] = { 0 };
    struct vg_outbox_reader *r = NULL;
    struct vg_err err = { 0 };
    struct vg_outbox_episode episode;
    struct vg_answered answered;
    struct vg_position position;
    uint64_t last, oldest, count;
    bool known;

    judge(vg_outbox_reader_open(path, &r, &err), &err);
    if (!r)
        return;
    judge(vg_outbox_read(r, NULL, 0, 100, see_event, NULL, &err), &err);
    judge(vg_outbox_open_episodes(r, NULL, see_event, NULL, &last, &err), &err);
    judge(vg_outbox_extent(r, "none", &last, &oldest, &err), &err);
    judge(vg_outbox_wards(r, see_ward, NULL, &err), &err);
    judge(vg_outbox_episode(r, id, &episode, &err), &err);
    judge(vg_outbox_shard_episodes(r, 0, see_episode, NULL, &err), &err);
    judge(vg_outbox_commands(r, 0, -1, 0, see_command, NULL, &err), &err);
    judge(vg_outbox_notices(r, 0, see_command, NULL, &err), &err);
    judge(vg_outbox_answer(r, "", &answered, &known, &err), &err);
    judge(vg_outbox_config_switches(r, 0, -1, 0, see_switch, NULL, &err), &err);
    judge(vg_outbox_position(r, 0, &position, &known, &err), &err);
    judge(vg_outbox_cursor(r, "", &count, &err), &err);
    judge(vg_outbox_dead_letters(r, &count, &err), &err);
    vg_outbox_reader_close(r);
}

static void read_letters(const char *path)
{
    const struct vg_letter_filter all = { .letters = true,
                                          .deliveries = true,
                                          .done = true,
                                          .shard = -1,
                                          .offset = -1,
                                          .index = -1,
                                          .seq = -1 };
    struct vg_letters *l = NULL;
    struct vg_err err = { 0 };
    uint64_t seq[4];
    size_t found;
    struct vg_passed_over over;
    bool urgent;

    judge(vg_letters_open(path, &l, &err), &err);
    if (!l)
        return;
    judge(vg_letters_each(l, &all, see_letter, NULL, &err), &err);
    judge(vg_letters_again(l, 0, 100, see_again, NULL, &err), &err);
    judge(vg_letters_out(l, 0, 100, see_out, NULL, &err), &err);
    judge(vg_letters_asked(l, "", seq, VG_ARRAY_LEN(seq), &found, &err), &err);
    judge(vg_letters_urgent(l, "", &urgent, &err), &err);
    judge(vg_letters_passed_over(l, "", &over, &err), &err);
    vg_letters_close(l);
}

/* With a configuration that the rows do not know, so that all of them are looked at. */
static void recover(const char *path)
{
    static struct vg_config config;
    static struct vg_shared shared;
    struct vg_recovery r;
    struct vg_err err = { 0 };

    config.service.data_dir = folder;
    shared.config = &config;
    shared.identity.pipeline = "icu";
    shared.identity.config = "sha256:of-no-row";
    judge(vg_recover(&shared, path, NULL, 0, &r, &err), &err);
    for (uint32_t i = 0; i < r.commands; i++)
        touch(r.command[i].payload, r.command[i].head.size);
    for (uint32_t i = 0; i < r.notices; i++)
        touch_text(r.notice[i].text);
    vg_recovery_done(&r);
}

static void read_all(const char *path)
{
    read_outbox(path);
    read_letters(path);
    recover(path);
}

/* ---- rows ---- */

static void execute(const char *format, const char *table)
{
    char *text = sqlite3_mprintf(format, table, table, table, table);

    VG_CHECK(text && sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_free(text);
}

static void clean_up(void)
{
    static const char *const names[] = { "outbox.db", "file.db", "file.db-wal", "file.db-shm",
                                         "lock" };
    char path[64];

    sqlite3_close(db);
    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void prepare(void)
{
    struct vg_outbox *o;
    struct vg_err err;

    VG_CHECK(mkdtemp(folder) != NULL);
    vg_log_open(&(const struct vg_log_options){ .level = VG_LOG_ERROR });
    VG_CHECK(vg_outbox_open(folder, "icu", true, &o, &err) == VG_OK);
    vg_outbox_close(o);
    snprintf(rows_path, sizeof(rows_path), "%s/outbox.db", folder);
    snprintf(file_path, sizeof(file_path), "%s/file.db", folder);
    atexit(clean_up);
    VG_CHECK(sqlite3_open(rows_path, &db) == SQLITE_OK);
    execute("PRAGMA journal_mode = MEMORY", "");
    execute("PRAGMA synchronous = OFF", "");
    for (size_t i = 0; i < VG_ARRAY_LEN(tables); i++)
        execute("CREATE TABLE loose AS SELECT * FROM %s LIMIT 0; DROP TABLE %s;"
                "ALTER TABLE loose RENAME TO %s",
                tables[i]);
}

/* A value: its type, then a byte as a number or a length with so many bytes. */
static void bind(sqlite3_stmt *stmt, int i, const uint8_t **at, const uint8_t *end)
{
    uint8_t type = *at < end ? *(*at)++ : 0, n = *at < end ? *(*at)++ : 0;
    size_t len = (size_t)(type >> 3) * 256 + n, left = (size_t)(end - *at);

    if (len > left)
        len = left;
    switch (type & 7) {
    case 1:
        sqlite3_bind_int64(stmt, i, (int8_t)n);
        return;
    case 2:
        sqlite3_bind_text(stmt, i, (const char *)*at, (int)len, SQLITE_STATIC);
        break;
    case 3:
        sqlite3_bind_blob(stmt, i, *at, (int)len, SQLITE_STATIC);
        break;
    case 4:
        sqlite3_bind_int64(stmt, i, INT64_MIN + n);
        return;
    case 5: /* zeros, as long as a payload may be */
        sqlite3_bind_zeroblob(stmt, i, (int)((size_t)(type >> 3) * 256 + n));
        return;
    default:
        return; /* NULL */
    }
    *at += len;
}

static void add_row(const char *table, const uint8_t **at, const uint8_t *end)
{
    char text[256] = "";
    sqlite3_stmt *stmt;
    int columns;

    snprintf(text, sizeof(text), "SELECT * FROM %s", table);
    VG_CHECK(sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK);
    columns = sqlite3_column_count(stmt);
    sqlite3_finalize(stmt);
    snprintf(text, sizeof(text), "INSERT INTO %s VALUES(?", table);
    for (int i = 1; i < columns; i++)
        strcat(text, ",?");
    strcat(text, ")");
    VG_CHECK(sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK);
    for (int i = 1; i <= columns; i++)
        bind(stmt, i, at, end);
    sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void read_rows(const uint8_t *bytes, size_t n)
{
    const uint8_t *at = bytes, *end = bytes + n;

    execute("BEGIN", "");
    for (size_t i = 0; i < VG_ARRAY_LEN(tables); i++)
        execute("DELETE FROM %s", tables[i]);
    while (at < end) {
        const char *table = tables[*at++ % VG_ARRAY_LEN(tables)];

        add_row(table, &at, end);
    }
    execute("COMMIT", "");
    read_all(rows_path);
}

static void read_file(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(file_path, "wb");

    VG_CHECK(f != NULL && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
    read_all(file_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!db)
        prepare();
    if (n >= 16 && memcmp(bytes, "SQLite format 3", 16) == 0)
        read_file(bytes, n);
    else
        read_rows(bytes, n);
    return 0;
}
