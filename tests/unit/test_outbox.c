/* test_outbox.c - the durable store: what is put comes back once, in order, or not at all. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "runtime/letters.h"
#include "runtime/outbox.h"
#include "runtime/outbox_prune.h"

static char dir[64];
static struct vg_outbox *o;
static struct vg_outbox_reader *r;
static struct vg_err err;
static struct vg_buf seen; /* what callbacks were given */

#define OK(call) cr_assert_eq(call, VG_OK, "%s", err.msg)

/* A disk that can be full: SQLite's own file system, where writes to the journal fail on demand. */
static bool disk_full;
static sqlite3_io_methods full_methods;
static const sqlite3_io_methods *real_methods;
static sqlite3_vfs full_vfs, *real_vfs;

static int full_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    return disk_full ? SQLITE_FULL : real_methods->xWrite(f, bytes, n, at);
}

static int full_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret)
{
    int rc = real_vfs->xOpen(vfs, name, f, flags, ret);

    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL)) {
        real_methods = f->pMethods;
        full_methods = *f->pMethods;
        full_methods.xWrite = full_write;
        f->pMethods = &full_methods;
    }
    return rc;
}

static void setup(void)
{
    strcpy(dir, "/tmp/vigil-outbox-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    OK(vg_outbox_open(dir, "icu", true, &o, &err));
    OK(vg_outbox_reader_open(vg_outbox_path(o), &r, &err));
}

static void teardown(void)
{
    char command[128];

    vg_outbox_reader_close(r);
    vg_outbox_close(o);
    vg_buf_done(&seen);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(outbox, .init = setup, .fini = teardown, .timeout = 60);

/* Closes and opens everything, as a restart does. */
static void reopen(void)
{
    vg_outbox_reader_close(r);
    vg_outbox_close(o);
    r = NULL;
    OK(vg_outbox_open(dir, "icu", false, &o, &err));
    OK(vg_outbox_reader_open(vg_outbox_path(o), &r, &err));
}

/* Puts event n of a shard; its text is `body`. */
static enum vg_put put(uint32_t shard, uint64_t n, uint8_t episode, uint32_t number, int phase,
                       const char *ward, const char *body)
{
    struct vg_item_event item = {
        .episode_id = { episode },
        .number = number,
        .phase = (uint8_t)phase,
        .kind = VG_ALERT_TECHNICAL,
        .priority = VG_PRIORITY_LOW,
        .time_ns = 1000 + (int64_t)n,
        .json_len = (uint32_t)strlen(body),
        .patient = "p-1",
    };
    enum vg_put what;
    uint64_t seq;

    snprintf(item.ward, sizeof(item.ward), "%s", ward);
    OK(vg_outbox_put_event(o, shard, n, &item, body, 7, &what, &seq, &err));
    cr_assert_eq(seq == 0, what == VG_PUT_DIFFERENT);
    return what;
}

static void begin(void)
{
    OK(vg_outbox_begin(o, &err));
}

static void commit(void)
{
    OK(vg_outbox_commit(o, &err));
}

static vg_status note_event(void *arg, const struct vg_delivery *e)
{
    (void)arg;
    cr_assert_eq(e->json[e->len], '\0');
    cr_assert_eq(strlen(e->json), e->len);
    vg_buf_printf(&seen, "%llu<%llu %s %s\n", (unsigned long long)e->seq,
                  (unsigned long long)e->prev_seq, e->ward, e->json);
    return VG_OK;
}

static const char *read_all(const char *ward, uint64_t after, size_t max)
{
    vg_buf_clear(&seen);
    vg_buf_str(&seen, "");
    OK(vg_outbox_read(r, ward, after, max, note_event, NULL, &err));
    return seen.data;
}

static void expect_error(vg_status st, vg_status expected, const char *part)
{
    cr_assert_eq(st, expected, "got %d: %s", st, err.msg);
    cr_assert(strstr(err.msg, part), "\"%s\" does not say \"%s\"", err.msg, part);
}

/* ---- opening ---- */

Test(outbox, a_new_one_is_empty_has_a_uuid_and_keeps_it)
{
    uint8_t uuid[16], zero[16] = { 0 };

    memcpy(uuid, vg_outbox_uuid(o), 16);
    cr_assert_neq(memcmp(uuid, zero, 16), 0);
    cr_assert_eq(vg_outbox_last_seq(o), 0);
    cr_assert_str_eq(read_all(NULL, 0, 100), "");
    reopen();
    cr_assert_eq(memcmp(uuid, vg_outbox_uuid(o), 16), 0);
}

Test(outbox, files_and_folders_are_for_the_owner_only)
{
    struct vg_outbox *other;
    struct stat st;
    char path[96];

    snprintf(path, sizeof(path), "%s/a/b", dir);
    OK(vg_outbox_open(path, "icu", true, &other, &err));
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    cr_assert_eq(stat(vg_outbox_path(other), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    vg_outbox_close(other);
}

Test(outbox, one_that_is_missing_is_not_made_unless_asked)
{
    struct vg_outbox *other;
    char path[96];

    snprintf(path, sizeof(path), "%s/missing", dir);
    expect_error(vg_outbox_open(path, "icu", false, &other, &err), VG_E_IO, path);
    cr_assert_null(other);
    cr_assert_eq(access(path, F_OK), -1);
}

Test(outbox, a_second_process_is_turned_away_and_told_who_has_it)
{
    struct vg_outbox *other;
    char pid[32];

    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    expect_error(vg_outbox_open(dir, "icu", true, &other, &err), VG_E_UNAVAILABLE, pid);
    cr_assert(strstr(err.msg, "data_dir of its own"), "%s", err.msg);
    cr_assert_null(other);
}

Test(outbox, one_of_another_pipeline_is_refused)
{
    vg_outbox_close(o);
    expect_error(vg_outbox_open(dir, "ward-b", true, &o, &err), VG_E_CONFIG,
                 "belongs to pipeline \"icu\"");
    cr_assert_null(o);
}

static void execute(const char *statement)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(vg_outbox_path(o), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(outbox, one_of_a_newer_version_is_refused_by_writer_and_reader)
{
    struct vg_outbox_reader *other;
    char path[96];

    execute("UPDATE meta SET value = '6' WHERE key = 'schema'");
    snprintf(path, sizeof(path), "%s", vg_outbox_path(o));
    vg_outbox_close(o);
    expect_error(vg_outbox_open(dir, "icu", true, &o, &err), VG_E_IO,
                 "another version of Vigil (schema 6, this one reads up to 5)");
    expect_error(vg_outbox_reader_open(path, &other, &err), VG_E_IO, "schema 6");
    cr_assert_null(other);
}

Test(outbox, what_is_no_outbox_is_refused_and_left_alone)
{
    struct vg_outbox *other;
    char folder[80], path[112], text[16] = { 0 };
    int fd;

    snprintf(folder, sizeof(folder), "%s/other", dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(write(fd, "no database ", 12), 12);
    expect_error(vg_outbox_open(folder, "icu", true, &other, &err), VG_E_IO,
                 "is not an outbox of Vigil");
    cr_assert_eq(pread(fd, text, 11, 0), 11);
    cr_assert_str_eq(text, "no database");
    close(fd);
}

Test(outbox, another_program_s_database_is_refused)
{
    struct vg_outbox *other;
    char folder[80], path[112];
    sqlite3 *db;

    snprintf(folder, sizeof(folder), "%s/other", dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "CREATE TABLE meta(a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_error(vg_outbox_open(folder, "icu", true, &other, &err), VG_E_IO,
                 "is not an outbox of Vigil");
}

Test(outbox, an_empty_file_left_by_a_crash_is_filled)
{
    struct vg_outbox *other;
    char folder[80], path[112];

    snprintf(folder, sizeof(folder), "%s/other", dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    OK(vg_outbox_open(folder, "icu", true, &other, &err));
    vg_outbox_close(other);
}

/* ---- the log it belongs to ---- */

Test(outbox, it_belongs_to_the_log_it_saw_first)
{
    OK(vg_outbox_bind_log(o, "c1", 4, &err));
    OK(vg_outbox_bind_log(o, "c1", 4, &err));
    reopen();
    OK(vg_outbox_bind_log(o, "c1", 4, &err));
    expect_error(vg_outbox_bind_log(o, "c2", 4, &err), VG_E_CONFIG, "on_new_cluster: fresh");
    cr_assert(strstr(err.msg, "\"c1\" with 4 partitions"), "%s", err.msg);
    expect_error(vg_outbox_bind_log(o, "c1", 8, &err), VG_E_CONFIG, "\"c1\" with 8");
}

Test(outbox, fresh_moves_the_old_state_aside_and_loses_none_of_it)
{
    struct vg_outbox_reader *old;
    char uuid[VG_EPISODE_TEXT_SIZE], path[160];

    OK(vg_outbox_bind_log(o, "c1", 4, &err));
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "old");
    commit();
    vg_episode_text(vg_outbox_uuid(o), uuid);
    snprintf(path, sizeof(path), "%s/snapshots", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    vg_outbox_reader_close(r);
    r = NULL;

    OK(vg_outbox_fresh(o, &err));
    cr_assert_eq(access(path, F_OK), -1);
    snprintf(path, sizeof(path), "%s/snapshots-%s", dir, uuid);
    cr_assert_eq(access(path, F_OK), 0);
    OK(vg_outbox_bind_log(o, "c2", 8, &err));
    OK(vg_outbox_reader_open(vg_outbox_path(o), &r, &err));
    cr_assert_str_eq(read_all(NULL, 0, 10), "");
    begin();
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "new"), VG_PUT_NEW);
    commit();

    snprintf(path, sizeof(path), "%s/outbox-%s.db", dir, uuid);
    OK(vg_outbox_reader_open(path, &old, &err));
    OK(vg_outbox_read(old, NULL, 0, 10, note_event, NULL, &err));
    cr_assert_str_eq(seen.data, "1<0 icu-a old\n");
    vg_outbox_reader_close(old);
}

/* ---- events ---- */

Test(outbox, events_have_a_seq_in_order_of_commit_and_the_seq_before_in_their_ward)
{
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "a1");
    put(1, 1, 2, 0, VG_PHASE_START, "icu-b", "b1");
    commit();
    begin();
    put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "a2");
    put(1, 2, 3, 0, VG_PHASE_START, "icu-a", "a3");
    commit();
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a a1\n2<0 icu-b b1\n3<1 icu-a a2\n"
                                             "4<3 icu-a a3\n");
    cr_assert_str_eq(read_all("icu-a", 0, 100), "1<0 icu-a a1\n3<1 icu-a a2\n4<3 icu-a a3\n");
    cr_assert_str_eq(read_all("icu-a", 1, 1), "3<1 icu-a a2\n");
    cr_assert_str_eq(read_all("", 3, 100), "4<3 icu-a a3\n");
    cr_assert_str_eq(read_all("none", 0, 100), "");
    reopen();
    begin();
    put(1, 3, 3, 1, VG_PHASE_END, "icu-b", "b2");
    commit();
    cr_assert_str_eq(read_all(NULL, 4, 100), "5<2 icu-b b2\n");
}

static vg_status take(void *arg, const struct vg_delivery *e)
{
    *(struct vg_delivery *)arg = *e;
    cr_assert_str_eq(e->ward, "icu-a");
    cr_assert_str_eq(e->json, "{}");
    return VG_OK;
}

Test(outbox, a_delivery_says_all_that_was_put)
{
    struct vg_item_event item = {
        .episode_id = { 0xab, [15] = 0xcd },
        .number = 41,
        .phase = VG_PHASE_ESCALATE,
        .kind = VG_ALERT_ADVISORY,
        .priority = VG_PRIORITY_MEDIUM,
        .time_ns = INT64_C(1772366410123456789),
        .json_len = 2,
        .ward = "icu-a",
    };
    struct vg_delivery d = { 0 };
    enum vg_put what;
    uint64_t seq;

    begin();
    OK(vg_outbox_put_event(o, 9, 1, &item, "{}", 5, &what, &seq, &err));
    commit();
    OK(vg_outbox_read(r, NULL, 0, 1, take, &d, &err));
    cr_assert_eq(d.seq, 1);
    cr_assert_eq(d.shard, 9);
    cr_assert_eq(d.number, 41);
    cr_assert_eq(memcmp(d.episode_id, item.episode_id, 16), 0);
    cr_assert_eq(d.phase, VG_PHASE_ESCALATE);
    cr_assert_eq(d.kind, VG_ALERT_ADVISORY);
    cr_assert_eq(d.priority, VG_PRIORITY_MEDIUM);
    cr_assert_eq(d.time_ns, item.time_ns);
    cr_assert_eq(d.len, 2);
    cr_assert_not(d.repeat);
}

Test(outbox, a_replayed_event_is_skipped_and_one_that_differs_is_seen)
{
    begin();
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_NEW);
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_SAME);
    commit();
    reopen();
    begin();
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_SAME);
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "other"), VG_PUT_DIFFERENT);
    cr_assert_eq(put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first and more"), VG_PUT_DIFFERENT);
    cr_assert_eq(put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "second"), VG_PUT_NEW);
    commit();
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a first\n2<1 icu-a second\n");
}

Test(outbox, the_same_event_as_another_number_of_its_shard_is_not_stored_twice)
{
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first");
    cr_assert_eq(put(0, 2, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_DIFFERENT);
    cr_assert_eq(put(0, 3, 1, 1, VG_PHASE_END, "icu-a", "end"), VG_PUT_NEW);
    commit();
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a first\n2<1 icu-a end\n");
}

Test(outbox, what_is_not_committed_does_not_exist)
{
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    commit();
    begin();
    put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "lost");
    cr_assert_str_eq(read_all(NULL, 1, 100), "", "a reader sees the last commit");
    vg_outbox_rollback(o);
    cr_assert_eq(vg_outbox_last_seq(o), 1);
    begin();
    put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "again");
    commit();
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a kept\n2<1 icu-a again\n");
}

Test(outbox, what_is_committed_survives_kill_9)
{
    int status;
    pid_t child;

    vg_outbox_reader_close(r);
    vg_outbox_close(o);
    r = NULL;
    child = fork();
    if (child == 0) {
        OK(vg_outbox_open(dir, "icu", false, &o, &err));
        begin();
        put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
        commit();
        begin();
        put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "lost");
        kill(getpid(), SIGKILL);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    OK(vg_outbox_open(dir, "icu", false, &o, &err));
    OK(vg_outbox_reader_open(vg_outbox_path(o), &r, &err));
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a kept\n");
}

static vg_status stop(void *arg, const struct vg_delivery *e)
{
    (void)e;
    ++*(int *)arg;
    return VG_E_AGAIN;
}

Test(outbox, a_callback_ends_the_reading)
{
    int calls = 0;

    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "a");
    put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "b");
    commit();
    cr_assert_eq(vg_outbox_read(r, NULL, 0, 100, stop, &calls, &err), VG_E_AGAIN);
    cr_assert_eq(calls, 1);
    cr_assert_str_eq(read_all(NULL, 1, 100), "2<1 icu-a b\n");
}

static void note_ward(void *arg, const char *ward)
{
    vg_buf_printf(arg, "%s,", ward);
}

Test(outbox, it_knows_its_extent_and_its_wards)
{
    uint64_t last = 99, oldest = 99;

    OK(vg_outbox_extent(r, NULL, &last, &oldest, &err));
    cr_assert(last == 0 && oldest == 0);
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-b", "1");
    put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "2");
    put(0, 3, 1, 1, VG_PHASE_END, "icu-b", "3");
    commit();
    OK(vg_outbox_extent(r, "", &last, &oldest, &err));
    cr_assert(last == 3 && oldest == 1);
    OK(vg_outbox_extent(r, "icu-a", &last, &oldest, &err));
    cr_assert(last == 2 && oldest == 2);
    OK(vg_outbox_extent(r, "none", &last, &oldest, &err));
    cr_assert(last == 0 && oldest == 0);
    OK(vg_outbox_wards(r, note_ward, &seen, &err));
    cr_assert_str_eq(seen.data, "icu-a,icu-b,");
}

/* ---- episodes ---- */

Test(outbox, a_snapshot_for_subscribers_is_the_newest_event_of_each_open_episode)
{
    uint64_t as_of = 0;

    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "one");
    put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "two");
    put(0, 3, 3, 0, VG_PHASE_START, "icu-b", "three");
    put(0, 4, 1, 1, VG_PHASE_UPDATE, "icu-a", "one again");
    put(0, 5, 2, 1, VG_PHASE_END, "icu-a", "two ends");
    commit();
    OK(vg_outbox_open_episodes(r, "icu-a", note_event, NULL, &as_of, &err));
    cr_assert_str_eq(seen.data, "4<2 icu-a one again\n");
    cr_assert_eq(as_of, 5);
    vg_buf_clear(&seen);
    OK(vg_outbox_open_episodes(r, NULL, note_event, NULL, &as_of, &err));
    cr_assert_str_eq(seen.data, "3<0 icu-b three\n4<2 icu-a one again\n");
    begin();
    put(0, 6, 4, 0, VG_PHASE_START, "icu-a", "four");
    commit();
    vg_buf_clear(&seen);
    OK(vg_outbox_open_episodes(r, "icu-a", note_event, NULL, &as_of, &err));
    cr_assert_str_eq(seen.data, "4<2 icu-a one again\n6<5 icu-a four\n",
                     "a snapshot must not stay at an old state");
}

Test(outbox, an_episode_can_be_looked_up_and_knows_who_acknowledged_it)
{
    struct vg_outbox_episode e;
    const uint8_t id[16] = { 7 }, other[16] = { 8 };

    begin();
    put(3, 1, 7, 0, VG_PHASE_START, "icu-a", "start");
    commit();
    OK(vg_outbox_episode(r, id, &e, &err));
    cr_assert(e.open && !e.acknowledged);
    cr_assert_eq(e.shard, 3);
    cr_assert_str_eq(e.patient, "p-1");
    cr_assert_str_eq(e.ward, "icu-a");
    begin();
    put(3, 2, 7, 1, VG_PHASE_ACKNOWLEDGE, "icu-a", "seen");
    put(3, 3, 7, 2, VG_PHASE_UPDATE, "icu-a", "worse");
    commit();
    OK(vg_outbox_episode(r, id, &e, &err));
    cr_assert(e.open && e.acknowledged);
    cr_assert_eq(e.number, 2);
    cr_assert_eq(e.newest_seq, 3);
    begin();
    put(3, 4, 7, 3, VG_PHASE_ESCALATE, "icu-a", "much worse");
    commit();
    OK(vg_outbox_episode(r, id, &e, &err));
    cr_assert(e.open && !e.acknowledged, "an escalation cancels an acknowledgement");
    begin();
    put(3, 5, 7, 4, VG_PHASE_END, "icu-a", "end");
    commit();
    OK(vg_outbox_episode(r, id, &e, &err));
    cr_assert_not(e.open);
    expect_error(vg_outbox_episode(r, other, &e, &err), VG_E_RANGE, "no such episode");
}

static vg_status note_episode(void *arg, const struct vg_outbox_episode *e)
{
    vg_buf_printf(arg, "%u,", e->episode_id[0]);
    return VG_OK;
}

Test(outbox, open_episodes_are_listed_by_shard)
{
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "1");
    put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "2");
    put(1, 1, 3, 0, VG_PHASE_START, "icu-a", "3");
    put(0, 3, 4, 0, VG_PHASE_START, "icu-a", "4");
    put(0, 4, 2, 1, VG_PHASE_END, "icu-a", "5");
    put(0, 5, 1, 1, VG_PHASE_UPDATE, "icu-a", "6");
    commit();
    OK(vg_outbox_shard_episodes(r, 0, note_episode, &seen, &err));
    cr_assert_str_eq(seen.data, "4,1,");
}

/* ---- commands, positions, dead letters, cursors ---- */

static void put_command(uint32_t shard, int64_t next_offset, uint32_t ordinal, const char *payload)
{
    struct vg_item_command c = {
        .kind = VG_COMMAND_ACKNOWLEDGE,
        .ordinal = ordinal,
        .next_offset = next_offset,
        .log_ns = VG_TIME_NONE,
        .patient = "p-1",
    };

    OK(vg_outbox_put_command(o, shard, &c, payload, strlen(payload), &err));
}

static vg_status note_command(void *arg, const struct vg_item_command *c, const void *payload,
                              size_t len)
{
    (void)arg;
    cr_assert_eq(c->kind, VG_COMMAND_ACKNOWLEDGE);
    cr_assert_eq(c->log_ns, VG_TIME_NONE);
    cr_assert_str_eq(c->patient, "p-1");
    vg_buf_printf(&seen, "%lld.%u=%.*s,", (long long)c->next_offset, c->ordinal, (int)len,
                  len ? (const char *)payload : "");
    return VG_OK;
}

Test(outbox, commands_come_back_in_order_behind_a_position)
{
    begin();
    put_command(0, 100, 2, "b");
    put_command(0, 100, 1, "a");
    put_command(0, 9, 1, "");
    put_command(1, 50, 1, "other shard");
    put_command(0, 200, 1, "c");
    put_command(0, 100, 1, "replayed");
    commit();
    OK(vg_outbox_commands(r, 0, 0, 0, note_command, NULL, &err));
    cr_assert_str_eq(seen.data, "9.1=,100.1=a,100.2=b,200.1=c,");
    vg_buf_clear(&seen);
    OK(vg_outbox_commands(r, 0, 100, 1, note_command, NULL, &err));
    cr_assert_str_eq(seen.data, "100.2=b,200.1=c,");
}

static vg_status note_order(void *arg, const struct vg_item_command *c, const void *payload,
                            size_t len)
{
    (void)arg;
    (void)payload;
    (void)len;
    cr_assert_eq(c->kind, VG_COMMAND_ORDER);
    vg_buf_printf(&seen, "%lld.%u,", (long long)c->next_offset, c->ordinal);
    return VG_OK;
}

Test(outbox, orders_come_back_without_what_lies_between_them)
{
    struct vg_item_command order = { .kind = VG_COMMAND_ORDER, .log_ns = 7, .patient = "p-1" };

    begin();
    for (int64_t at = 1; at <= 40; at++) {
        put_command(0, at, 1, "");
        order.next_offset = at;
        order.ordinal = 2;
        if (at % 20 == 0)
            OK(vg_outbox_put_command(o, 0, &order, "x", 1, &err));
    }
    commit();
    OK(vg_outbox_orders(r, 0, -1, 0, note_order, NULL, &err));
    cr_assert_str_eq(seen.data, "20.2,40.2,");
    vg_buf_clear(&seen);
    OK(vg_outbox_orders(r, 0, 20, 2, note_order, NULL, &err));
    cr_assert_str_eq(seen.data, "40.2,");
}

Test(outbox, a_position_never_moves_back)
{
    struct vg_position p = { .shard = 2,
                             .next_offset = 100,
                             .ordinal = 3,
                             .n = 7,
                             .log_ns = 11,
                             .wall_ns = 12,
                             .config = "sha256:aa" };
    struct vg_position got;
    bool known;

    OK(vg_outbox_position(r, 2, &got, &known, &err));
    cr_assert_not(known);
    begin();
    OK(vg_outbox_put_position(o, &p, &err));
    p.next_offset = 99;
    p.ordinal = 9;
    p.n = 1;
    OK(vg_outbox_put_position(o, &p, &err));
    p.next_offset = 100;
    p.ordinal = 2;
    OK(vg_outbox_put_position(o, &p, &err));
    commit();
    OK(vg_outbox_position(r, 2, &got, &known, &err));
    cr_assert(known);
    cr_assert_eq(got.shard, 2);
    cr_assert_eq(got.next_offset, 100);
    cr_assert_eq(got.ordinal, 3);
    cr_assert_eq(got.n, 7);
    cr_assert_eq(got.log_ns, 11);
    cr_assert_eq(got.wall_ns, 12);
    cr_assert_str_eq(got.config, "sha256:aa");
    begin();
    p.ordinal = 4;
    p.n = 8;
    OK(vg_outbox_put_position(o, &p, &err));
    commit();
    OK(vg_outbox_position(r, 2, &got, &known, &err));
    cr_assert_eq(got.n, 8);
}

static vg_status note_switch(void *arg, const struct vg_config_switch *s)
{
    vg_buf_printf(arg, "%u:%lld.%u n=%llu %s,", s->shard, (long long)s->next_offset, s->ordinal,
                  (unsigned long long)s->n, s->config);
    return VG_OK;
}

Test(outbox, changes_of_configuration_come_back_in_order)
{
    struct vg_config_switch s = {
        .shard = 1, .next_offset = 20, .ordinal = 1, .n = 5, .config = "sha256:bb"
    };

    begin();
    OK(vg_outbox_put_config_switch(o, &s, &err));
    s.next_offset = 10;
    s.n = 4;
    OK(vg_outbox_put_config_switch(o, &s, &err));
    commit();
    OK(vg_outbox_config_switches(r, 1, 0, 0, note_switch, &seen, &err));
    cr_assert_str_eq(seen.data, "1:10.1 n=4 sha256:bb,1:20.1 n=5 sha256:bb,");
}

Test(outbox, a_dead_letter_is_stored_once_with_its_bytes)
{
    struct vg_item_dead_letter d = { .offset = 17,
                                     .index = UINT32_MAX,
                                     .byte_offset = 3,
                                     .record_ns = VG_TIME_NONE,
                                     .reason = "malformed",
                                     .detail = "expected a value" };
    uint64_t n = 99;
    bool new;

    OK(vg_outbox_dead_letters(r, &n, &err));
    cr_assert_eq(n, 0);
    begin();
    OK(vg_outbox_put_dead_letter(o, 1, &d, "{\0}", 3, 5, &new, &err));
    cr_assert(new);
    OK(vg_outbox_put_dead_letter(o, 1, &d, "{\0}", 3, 5, &new, &err));
    cr_assert_not(new);
    d.index = 0;
    OK(vg_outbox_put_dead_letter(o, 1, &d, NULL, 0, 5, &new, &err));
    cr_assert(new);
    OK(vg_outbox_put_dead_letter(o, 2, &d, NULL, 0, 5, &new, &err));
    cr_assert(new);
    commit();
    OK(vg_outbox_dead_letters(r, &n, &err));
    cr_assert_eq(n, 3);
    execute("CREATE TABLE proof AS SELECT 1 / (count(*) = 1) FROM dead_letter"
            " WHERE idx = 4294967295 AND bytes = x'7b007d' AND byte_offset = 3"
            " AND reason = 'malformed' AND \"offset\" = 17 AND partition = 1");
}

Test(outbox, a_dead_letter_keeps_its_key_and_headers_and_the_rows_of_its_message_share_them)
{
    struct vg_item_dead_letter d = {
        .offset = 17, .index = UINT32_MAX, .key_len = 2, .headers_len = 3, .reason = "malformed"
    };
    bool new;

    begin();
    OK(vg_outbox_put_dead_letter(o, 1, &d, "bodykyhhh", 9, 5, &new, &err));
    d = (struct vg_item_dead_letter){ .offset = 17, .index = 2, .reason = "schema" };
    OK(vg_outbox_put_dead_letter(o, 1, &d, "row", 3, 5, &new, &err));
    commit();
    execute("CREATE TABLE proof AS SELECT 1 / (count(*) = 2) FROM dead_letter"
            " WHERE bytes = CASE idx WHEN 2 THEN x'726f77' ELSE x'626f6479' END"
            " AND key = x'6b79' AND headers = x'686868' AND number = 1 + (idx = 2)");
}

static vg_status note_number(void *arg, uint64_t number, const struct vg_dead_letter *letter)
{
    vg_buf_printf(arg, "%llu:%lld ", (unsigned long long)number, (long long)letter->offset);
    return VG_OK;
}

/* Rowids would be given again, and who is behind the old one would miss the new letter. */
Test(outbox, the_number_of_a_dead_letter_that_is_purged_is_not_given_again)
{
    struct vg_item_dead_letter d = { .offset = 1, .index = UINT32_MAX, .reason = "malformed" };
    struct vg_letters *letters;
    struct vg_buf numbers = VG_BUF_INIT;
    bool new;

    begin();
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    d.offset = 2;
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    commit();
    execute("DELETE FROM dead_letter");
    begin();
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    d.offset = 3;
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    commit();
    OK(vg_letters_open(vg_outbox_path(o), &letters, &err));
    OK(vg_letters_out(letters, 2, 10, note_number, &numbers, &err));
    vg_letters_close(letters);
    cr_assert_str_eq(numbers.data, "3:2 4:3 ");
    vg_buf_done(&numbers);
}

Test(outbox, a_cursor_never_moves_back)
{
    uint64_t seq = 99;

    OK(vg_outbox_cursor(r, "file", &seq, &err));
    cr_assert_eq(seq, 0);
    begin();
    OK(vg_outbox_put_cursor(o, "file", 5, &err));
    OK(vg_outbox_put_cursor(o, "file", 3, &err));
    OK(vg_outbox_put_cursor(o, "console", 1, &err));
    commit();
    OK(vg_outbox_cursor(r, "file", &seq, &err));
    cr_assert_eq(seq, 5);
    OK(vg_outbox_cursor(r, "console", &seq, &err));
    cr_assert_eq(seq, 1);
}

/* ---- trouble ---- */

/* Opens `o` anew on the disk that can be full. */
static void use_full_disk(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    full_vfs = *real_vfs;
    full_vfs.zName = "full";
    full_vfs.xOpen = full_open;
    cr_assert_eq(sqlite3_vfs_register(&full_vfs, 1), SQLITE_OK);
    reopen();
}

Test(outbox, a_full_disk_is_temporary_and_loses_nothing)
{
    use_full_disk();
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    commit();
    begin();
    put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "later");
    disk_full = true;
    expect_error(vg_outbox_commit(o, &err), VG_E_TEMPORARY, "the disk is full; free some space");
    cr_assert_str_eq(read_all(NULL, 1, 100), "");
    cr_assert_eq(vg_outbox_last_seq(o), 1);
    disk_full = false;
    begin();
    cr_assert_eq(put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "later"), VG_PUT_NEW);
    commit();
    cr_assert_str_eq(read_all(NULL, 0, 100), "1<0 icu-a kept\n2<1 icu-a later\n");
}

Test(outbox, a_writer_locked_out_by_another_program_may_try_again)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(vg_outbox_path(o), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    expect_error(vg_outbox_begin(o, &err), VG_E_TEMPORARY, "another program has locked the file");
    sqlite3_close(db);
    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    commit();
}

Test(outbox, a_damaged_file_is_said_to_be_damaged)
{
    char path[96], garbage[4096];
    int fd;

    for (uint64_t n = 1; n < 500; n++) {
        begin();
        put(0, n, 1, (uint32_t)n, VG_PHASE_UPDATE, "icu-a", "some text to fill a few pages");
        commit();
    }
    snprintf(path, sizeof(path), "%s", vg_outbox_path(o));
    vg_outbox_reader_close(r);
    vg_outbox_close(o);
    r = NULL;
    memset(garbage, 0xa5, sizeof(garbage));
    fd = open(path, O_RDWR);
    for (off_t page = 1; page < 12; page++)
        cr_assert_eq(pwrite(fd, garbage, sizeof(garbage), page * 4096), 4096);
    close(fd);
    expect_error(vg_outbox_open(dir, "icu", false, &o, &err), VG_E_IO, "damaged");
    cr_assert_null(o);
}

/* ---- an outbox of before ---- */

Test(outbox, one_of_the_schema_before_is_brought_up_to_date_and_keeps_what_it_has)
{
    struct vg_item_dead_letter d = { .offset = 7, .index = UINT32_MAX, .reason = "malformed" };
    bool new;

    begin();
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "{}");
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    commit();
    execute("DROP TABLE passed_over; DROP TABLE quarantine; DROP TABLE dlq_action; DROP TABLE "
            "pruned; DROP TABLE answer;"
            "DROP INDEX dead_letter_retry; DROP INDEX command_notice; DROP INDEX command_order;"
            "DROP TRIGGER number_letter; DROP TABLE letter_number; DROP INDEX dead_letter_number;"
            "ALTER TABLE dead_letter DROP COLUMN key;"
            "ALTER TABLE dead_letter DROP COLUMN headers;"
            "ALTER TABLE dead_letter DROP COLUMN number;"
            "ALTER TABLE dead_letter DROP COLUMN wall_ns;"
            "ALTER TABLE dead_letter DROP COLUMN state;"
            "ALTER TABLE dead_letter DROP COLUMN attempts;"
            "UPDATE meta SET value = '1' WHERE key = 'schema'");
    reopen();
    cr_assert_str_eq(read_all(NULL, 0, 10), "1<0 icu-a {}\n");
    begin();
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    cr_assert_not(new);
    OK(vg_outbox_put_letter_retried(o, 0, 7, UINT32_MAX, 2, &err));
    OK(vg_outbox_put_dead_letter(o, 0, &d, "{", 1, 5, &new, &err));
    cr_assert(new, "it failed again");
    commit();
    reopen(); /* and once only */
}

/* ---- what is old ---- */

static uint64_t prune(uint64_t delivered_seq, int64_t events_before_ns)
{
    const struct vg_prune_shard shard = { .shard = 0, .next_offset = 10, .ordinal = 0 };
    const struct vg_prune what = { .delivered_seq = delivered_seq,
                                   .events_before_ns = events_before_ns,
                                   .letters_before_ns = events_before_ns,
                                   .shard = &shard,
                                   .shards = 1 };
    uint64_t gone;

    OK(vg_outbox_prune(o, &what, &gone, &err));
    return gone;
}

Test(outbox, old_events_go_but_not_those_that_somebody_still_needs)
{
    const struct vg_set_aside refused = { .seq = 3, .wall_ns = 100, .reason = "no" };

    begin();                                        /* all of them are stored at 7 ns */
    put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "{}"); /* seq 1: its episode is open */
    put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "{}");
    put(0, 3, 2, 1, VG_PHASE_END, "icu-a", "{}"); /* refused by a sink */
    put(0, 4, 3, 0, VG_PHASE_END, "icu-a", "{}");
    put(0, 5, 4, 0, VG_PHASE_END, "icu-b", "{}"); /* the newest of its ward */
    put(0, 6, 5, 0, VG_PHASE_END, "icu-a", "{}"); /* not delivered */
    put(0, 7, 6, 0, VG_PHASE_END, "icu-a", "{}");
    OK(vg_outbox_put_set_aside(o, "pager", &refused, &err));
    commit();
    cr_assert_eq(prune(5, 7), 0, "none is old");
    cr_assert_eq(prune(5, 8), 2);
    cr_assert_str_eq(read_all(NULL, 0, 10), "1<0 icu-a {}\n3<2 icu-a {}\n5<0 icu-b {}\n"
                                            "6<4 icu-a {}\n7<6 icu-a {}\n");
    cr_assert_eq(prune(5, 8), 0);
    cr_assert_eq(prune(7, 200), 2, "the refusal and the sixth");
    cr_assert_eq(prune(7, 200), 1, "the third");
    cr_assert_str_eq(read_all(NULL, 0, 10), "1<0 icu-a {}\n5<0 icu-b {}\n7<6 icu-a {}\n");
}

Test(outbox, an_event_that_has_gone_does_not_come_back_when_its_log_is_read_again)
{
    const struct vg_item_event item = { .episode_id = { 1 }, .json_len = 2, .ward = "icu-a" };
    enum vg_put what;
    uint64_t seq;

    begin();
    put(0, 1, 1, 0, VG_PHASE_END, "icu-a", "{}");
    put(0, 2, 2, 0, VG_PHASE_END, "icu-a", "{}");
    commit();
    cr_assert_eq(prune(2, 8), 1);
    begin();
    OK(vg_outbox_put_event(o, 0, 1, &item, "{}", 7, &what, &seq, &err));
    cr_assert(what == VG_PUT_SAME && seq == 0);
    cr_assert_eq(put(0, 3, 3, 0, VG_PHASE_END, "icu-a", "{}"), VG_PUT_NEW);
    commit();
    reopen();
    cr_assert_str_eq(read_all(NULL, 0, 10), "2<1 icu-a {}\n3<2 icu-a {}\n");
}

static vg_status count_command(void *arg, const struct vg_item_command *c, const void *payload,
                               size_t len)
{
    (void)payload;
    (void)len;
    vg_buf_printf(arg, "%lld.%u ", (long long)c->next_offset, c->ordinal);
    return VG_OK;
}

Test(outbox, commands_go_when_they_are_old_and_before_every_snapshot_but_orders_stay)
{
    struct vg_item_command c = { .kind = VG_COMMAND_CLOCK, .log_ns = 5 };

    begin();
    for (c.next_offset = 8; c.next_offset <= 10; c.next_offset++) {
        c.ordinal = 1;
        OK(vg_outbox_put_command(o, 0, &c, NULL, 0, &err));
    }
    c = (struct vg_item_command){ .kind = VG_COMMAND_ORDER, .next_offset = 8, .ordinal = 2 };
    OK(vg_outbox_put_command(o, 0, &c, NULL, 0, &err));
    c = (struct vg_item_command){ .next_offset = 9, .ordinal = 2, .log_ns = 500 };
    OK(vg_outbox_put_command(o, 0, &c, NULL, 0, &err));
    commit();
    cr_assert_eq(prune(0, 8), 2);
    vg_buf_clear(&seen);
    OK(vg_outbox_commands(r, 0, -1, 0, count_command, &seen, &err));
    cr_assert_str_eq(seen.data, "8.2 9.2 10.1 ");
}
