/* test_sink_sqlite.c - the sqlite sink: a row per event, once, and never half a batch. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_sqlite;

static struct fake_outbox *outbox;
static void *self;
static struct vg_err err;
static char dir[] = "/tmp/vigil-sqlite-XXXXXX";
static char file[64];

static vg_status open_sink(const char *path)
{
    self = fake_sink_self(&vg_sink_sqlite);
    fake_sink_set(&vg_sink_sqlite, self, "path", path);
    cr_assert_eq(vg_sink_sqlite.check(self, &err), VG_OK, "%s", err.msg);
    return vg_sink_sqlite.open(self, fake_outbox_env(outbox), &err);
}

static void start(void)
{
    cr_assert_eq(open_sink("alerts.db"), VG_OK, "%s", err.msg);
}

static void stop(void)
{
    fake_sink_close(&vg_sink_sqlite, self);
    self = NULL;
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/alerts.db", dir);
    outbox = fake_outbox_new(1, dir);
    for (uint32_t i = 1; i <= 10; i++)
        fake_outbox_add(outbox, "icu-a", i / 2, i % 2, VG_PHASE_START);
}

static void teardown(void)
{
    char command[128];

    if (self)
        stop();
    fake_outbox_free(outbox);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
}

static vg_status deliver(uint64_t first, uint64_t last, size_t *done)
{
    struct vg_delivery events[16];
    size_t n = 0;

    for (uint64_t seq = first; seq <= last; seq++)
        events[n++] = fake_outbox_delivery(outbox, seq);
    return vg_sink_sqlite.deliver(self, events, n, done, &err);
}

static void must_deliver(uint64_t first, uint64_t last)
{
    size_t done = 0;

    cr_assert_eq(deliver(first, last, &done), VG_OK, "%s", err.msg);
    cr_assert_eq(done, last - first + 1);
}

/* The first column of the only row. */
static const char *ask(const char *sql)
{
    static char text[1024];
    sqlite3_stmt *stmt;
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

static void tell(sqlite3 *db, const char *sql)
{
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
}

TestSuite(sink_sqlite, .init = setup, .fini = teardown, .timeout = 30);

Test(sink_sqlite, a_row_holds_the_canonical_bytes_and_what_they_say)
{
    struct vg_delivery e;

    start();
    must_deliver(1, 10);
    e = fake_outbox_delivery(outbox, 4);
    cr_assert_str_eq(ask("select count(*) from alert_event"), "10");
    cr_assert_str_eq(ask("select body from alert_event where seq = 4"), e.json);
    cr_assert_str_eq(ask("select count(*) from alert_event where event_id = body->>'event_id' and "
                         "number = substr(event_id, 34) and phase = body->>'phase' and time = "
                         "body->>'time' and priority = body->>'priority' and ward = 'icu-a'"),
                     "10");
    cr_assert_str_eq(ask("select count(*) from alert_episode"), "6");
    cr_assert_str_eq(ask("select seq from alert_cursor where pipeline <> ''"), "10");
}

Test(sink_sqlite, an_event_that_comes_twice_is_stored_once)
{
    start();
    must_deliver(1, 6);
    stop();
    start();
    must_deliver(3, 10);
    must_deliver(1, 2);
    cr_assert_str_eq(ask("select count(*) || ' ' || count(distinct event_id) from alert_event"),
                     "10 10");
    cr_assert_str_eq(ask("select seq from alert_cursor"), "10");
}

Test(sink_sqlite, the_file_is_for_its_owner_alone)
{
    struct stat info;

    start();
    must_deliver(1, 1);
    cr_assert_eq(stat(file, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
}

Test(sink_sqlite, a_database_that_others_hold_is_tried_again)
{
    size_t done = 7;
    sqlite3 *db;

    start();
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    tell(db, "begin immediate");
    cr_assert_eq(vg_status_class(deliver(1, 3, &done)), VG_CLASS_RETRY);
    cr_assert_eq(done, 0);
    tell(db, "commit");
    sqlite3_close(db);
    must_deliver(1, 3);
    cr_assert_str_eq(ask("select count(*) from alert_event"), "3");
}

Test(sink_sqlite, an_event_that_is_refused_is_named_and_those_before_it_are_stored)
{
    size_t done = 7;
    sqlite3 *db;

    start();
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    tell(db, "create trigger t before insert on alert_event when new.seq = 4 "
             "begin select raise(abort, 'not this one'); end");
    sqlite3_close(db);
    cr_assert_eq(vg_status_class(deliver(1, 8, &done)), VG_CLASS_DATA);
    cr_assert_eq(done, 3);
    cr_assert(strstr(err.msg, "not this one"), "%s", err.msg);
    must_deliver(5, 8);
    cr_assert_str_eq(ask("select group_concat(seq) from (select seq from alert_event order by 1)"),
                     "1,2,3,5,6,7,8");
}

Test(sink_sqlite, a_file_that_is_moved_away_is_made_anew)
{
    char moved[80];

    start();
    must_deliver(1, 4);
    snprintf(moved, sizeof(moved), "%s.old", file);
    cr_assert_eq(rename(file, moved), 0);
    must_deliver(5, 10);
    cr_assert_str_eq(ask("select count(*) || ' ' || min(seq) from alert_event"), "6 5");
    stop();
    cr_assert_eq(rename(moved, file), 0);
    cr_assert_str_eq(ask("select count(*) || ' ' || max(seq) from alert_event"), "4 4");
}

Test(sink_sqlite, tables_of_a_newer_version_are_refused_and_stay_as_they_are)
{
    sqlite3 *db;

    start();
    stop();
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    tell(db, "update alert_schema set version = 99");
    sqlite3_close(db);
    cr_assert_eq(open_sink("alerts.db"), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "version 99"), "%s", err.msg);
    cr_assert_str_eq(ask("select version from alert_schema"), "99");
}

Test(sink_sqlite, what_is_no_database_stops_the_start)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);

    cr_assert_eq(write(fd, "patient,hr,spo2,time,and,so,on,and,so,on\n", 41), 41);
    close(fd);
    cr_assert_eq(vg_status_class(open_sink("alerts.db")), VG_CLASS_FATAL);
    stop();
    cr_assert_eq(open_sink("no-such-folder/alerts.db"), VG_E_CONFIG);
    cr_assert_str_eq(err.option, "path");
    cr_assert(strstr(err.msg, "No such file"), "%s", err.msg);
}
