/* test_outbox.c - the durable store: what is put comes back once, in order, or not at all. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/store.h"

TestSuite(outbox, .init = store_init, .fini = store_done, .timeout = 60);

/* ---- opening ---- */

Test(outbox, a_new_one_is_empty_has_a_uuid_and_keeps_it)
{
    uint8_t uuid[16], zero[16] = { 0 };

    memcpy(uuid, vg_outbox_uuid(store.outbox), 16);
    cr_assert_neq(memcmp(uuid, zero, 16), 0);
    cr_assert_eq(vg_outbox_last_seq(store.outbox), 0);
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "");
    store_reopen();
    cr_assert_eq(memcmp(uuid, vg_outbox_uuid(store.outbox), 16), 0);
}

Test(outbox, files_and_folders_are_for_the_owner_only)
{
    struct vg_outbox *other;
    struct stat st;
    char path[96];

    snprintf(path, sizeof(path), "%s/a/b", store.dir);
    STORE_OK(vg_outbox_open(path, "icu", true, &other, &store.err));
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

    snprintf(path, sizeof(path), "%s/missing", store.dir);
    store_expect_error(vg_outbox_open(path, "icu", false, &other, &store.err), VG_E_IO, path);
    cr_assert_null(other);
    cr_assert_eq(access(path, F_OK), -1);
}

Test(outbox, a_second_process_is_turned_away_and_told_who_has_it)
{
    struct vg_outbox *other;
    char pid[32];

    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    store_expect_error(vg_outbox_open(store.dir, "icu", true, &other, &store.err), VG_E_UNAVAILABLE,
                       pid);
    cr_assert(strstr(store.err.msg, "data_dir of its own"), "%s", store.err.msg);
    cr_assert_null(other);
}

Test(outbox, one_of_another_pipeline_is_refused)
{
    vg_outbox_close(store.outbox);
    store_expect_error(vg_outbox_open(store.dir, "ward-b", true, &store.outbox, &store.err),
                       VG_E_CONFIG, "belongs to pipeline \"icu\"");
    cr_assert_null(store.outbox);
}

Test(outbox, one_of_a_newer_version_is_refused_by_writer_and_reader)
{
    struct vg_outbox_reader *other;
    char path[96];

    store_execute("UPDATE meta SET value = '6' WHERE key = 'schema'");
    snprintf(path, sizeof(path), "%s", vg_outbox_path(store.outbox));
    vg_outbox_close(store.outbox);
    store_expect_error(vg_outbox_open(store.dir, "icu", true, &store.outbox, &store.err), VG_E_IO,
                       "another version of Vigil (schema 6, this one reads up to 5)");
    store_expect_error(vg_outbox_reader_open(path, &other, &store.err), VG_E_IO, "schema 6");
    cr_assert_null(other);
}

Test(outbox, what_is_no_outbox_is_refused_and_left_alone)
{
    struct vg_outbox *other;
    char folder[80], path[112], text[16] = { 0 };
    int fd;

    snprintf(folder, sizeof(folder), "%s/other", store.dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(write(fd, "no database ", 12), 12);
    store_expect_error(vg_outbox_open(folder, "icu", true, &other, &store.err), VG_E_IO,
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

    snprintf(folder, sizeof(folder), "%s/other", store.dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "CREATE TABLE meta(a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store_expect_error(vg_outbox_open(folder, "icu", true, &other, &store.err), VG_E_IO,
                       "is not an outbox of Vigil");
}

Test(outbox, an_empty_file_left_by_a_crash_is_filled)
{
    struct vg_outbox *other;
    char folder[80], path[112];

    snprintf(folder, sizeof(folder), "%s/other", store.dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/outbox.db", folder);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    STORE_OK(vg_outbox_open(folder, "icu", true, &other, &store.err));
    vg_outbox_close(other);
}

/* ---- the log it belongs to ---- */

Test(outbox, it_belongs_to_the_log_it_saw_first)
{
    STORE_OK(vg_outbox_bind_log(store.outbox, "c1", 4, &store.err));
    STORE_OK(vg_outbox_bind_log(store.outbox, "c1", 4, &store.err));
    store_reopen();
    STORE_OK(vg_outbox_bind_log(store.outbox, "c1", 4, &store.err));
    store_expect_error(vg_outbox_bind_log(store.outbox, "c2", 4, &store.err), VG_E_CONFIG,
                       "on_new_cluster: fresh");
    cr_assert(strstr(store.err.msg, "\"c1\" with 4 partitions"), "%s", store.err.msg);
    store_expect_error(vg_outbox_bind_log(store.outbox, "c1", 8, &store.err), VG_E_CONFIG,
                       "\"c1\" with 8");
}

Test(outbox, fresh_moves_the_old_state_aside_and_loses_none_of_it)
{
    struct vg_outbox_reader *old;
    char uuid[VG_EPISODE_TEXT_SIZE], path[160];

    STORE_OK(vg_outbox_bind_log(store.outbox, "c1", 4, &store.err));
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "old");
    store_commit();
    vg_episode_text(vg_outbox_uuid(store.outbox), uuid);
    snprintf(path, sizeof(path), "%s/snapshots", store.dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    vg_outbox_reader_close(store.reader);
    store.reader = NULL;

    STORE_OK(vg_outbox_fresh(store.outbox, &store.err));
    cr_assert_eq(access(path, F_OK), -1);
    snprintf(path, sizeof(path), "%s/snapshots-%s", store.dir, uuid);
    cr_assert_eq(access(path, F_OK), 0);
    STORE_OK(vg_outbox_bind_log(store.outbox, "c2", 8, &store.err));
    STORE_OK(vg_outbox_reader_open(vg_outbox_path(store.outbox), &store.reader, &store.err));
    cr_assert_str_eq(store_read_all(NULL, 0, 10), "");
    store_begin();
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "new"), VG_PUT_NEW);
    store_commit();

    snprintf(path, sizeof(path), "%s/outbox-%s.db", store.dir, uuid);
    STORE_OK(vg_outbox_reader_open(path, &old, &store.err));
    STORE_OK(vg_outbox_read(old, NULL, 0, 10, store_note_event, NULL, &store.err));
    cr_assert_str_eq(store.seen.data, "1<0 icu-a old\n");
    vg_outbox_reader_close(old);
}

/* ---- events ---- */

Test(outbox, events_have_a_seq_in_order_of_commit_and_the_seq_before_in_their_ward)
{
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "a1");
    store_put(1, 1, 2, 0, VG_PHASE_START, "icu-b", "b1");
    store_commit();
    store_begin();
    store_put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "a2");
    store_put(1, 2, 3, 0, VG_PHASE_START, "icu-a", "a3");
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a a1\n2<0 icu-b b1\n3<1 icu-a a2\n"
                                                   "4<3 icu-a a3\n");
    cr_assert_str_eq(store_read_all("icu-a", 0, 100), "1<0 icu-a a1\n3<1 icu-a a2\n4<3 icu-a a3\n");
    cr_assert_str_eq(store_read_all("icu-a", 1, 1), "3<1 icu-a a2\n");
    cr_assert_str_eq(store_read_all("", 3, 100), "4<3 icu-a a3\n");
    cr_assert_str_eq(store_read_all("none", 0, 100), "");
    store_reopen();
    store_begin();
    store_put(1, 3, 3, 1, VG_PHASE_END, "icu-b", "b2");
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 4, 100), "5<2 icu-b b2\n");
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

    store_begin();
    STORE_OK(vg_outbox_put_event(store.outbox, 9, 1, &item, "{}", 5, &what, &seq, &store.err));
    store_commit();
    STORE_OK(vg_outbox_read(store.reader, NULL, 0, 1, take, &d, &store.err));
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
    store_begin();
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_NEW);
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_SAME);
    store_commit();
    store_reopen();
    store_begin();
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_SAME);
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "other"), VG_PUT_DIFFERENT);
    cr_assert_eq(store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first and more"),
                 VG_PUT_DIFFERENT);
    cr_assert_eq(store_put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "second"), VG_PUT_NEW);
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a first\n2<1 icu-a second\n");
}

Test(outbox, the_same_event_as_another_number_of_its_shard_is_not_stored_twice)
{
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "first");
    cr_assert_eq(store_put(0, 2, 1, 0, VG_PHASE_START, "icu-a", "first"), VG_PUT_DIFFERENT);
    cr_assert_eq(store_put(0, 3, 1, 1, VG_PHASE_END, "icu-a", "end"), VG_PUT_NEW);
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a first\n2<1 icu-a end\n");
}

Test(outbox, what_is_not_committed_does_not_exist)
{
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    store_commit();
    store_begin();
    store_put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "lost");
    cr_assert_str_eq(store_read_all(NULL, 1, 100), "", "a reader sees the last commit");
    vg_outbox_rollback(store.outbox);
    cr_assert_eq(vg_outbox_last_seq(store.outbox), 1);
    store_begin();
    store_put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "again");
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a kept\n2<1 icu-a again\n");
}

Test(outbox, what_is_committed_survives_kill_9)
{
    int status;
    pid_t child;

    vg_outbox_reader_close(store.reader);
    vg_outbox_close(store.outbox);
    store.reader = NULL;
    child = fork();
    if (child == 0) {
        STORE_OK(vg_outbox_open(store.dir, "icu", false, &store.outbox, &store.err));
        store_begin();
        store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
        store_commit();
        store_begin();
        store_put(0, 2, 1, 1, VG_PHASE_UPDATE, "icu-a", "lost");
        kill(getpid(), SIGKILL);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    STORE_OK(vg_outbox_open(store.dir, "icu", false, &store.outbox, &store.err));
    STORE_OK(vg_outbox_reader_open(vg_outbox_path(store.outbox), &store.reader, &store.err));
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a kept\n");
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

    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "a");
    store_put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "b");
    store_commit();
    cr_assert_eq(vg_outbox_read(store.reader, NULL, 0, 100, stop, &calls, &store.err), VG_E_AGAIN);
    cr_assert_eq(calls, 1);
    cr_assert_str_eq(store_read_all(NULL, 1, 100), "2<1 icu-a b\n");
}

static void note_ward(void *arg, const char *ward)
{
    vg_buf_printf(arg, "%s,", ward);
}

Test(outbox, it_knows_its_extent_and_its_wards)
{
    uint64_t last = 99, oldest = 99;

    STORE_OK(vg_outbox_extent(store.reader, NULL, &last, &oldest, &store.err));
    cr_assert(last == 0 && oldest == 0);
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-b", "1");
    store_put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "2");
    store_put(0, 3, 1, 1, VG_PHASE_END, "icu-b", "3");
    store_commit();
    STORE_OK(vg_outbox_extent(store.reader, "", &last, &oldest, &store.err));
    cr_assert(last == 3 && oldest == 1);
    STORE_OK(vg_outbox_extent(store.reader, "icu-a", &last, &oldest, &store.err));
    cr_assert(last == 2 && oldest == 2);
    STORE_OK(vg_outbox_extent(store.reader, "none", &last, &oldest, &store.err));
    cr_assert(last == 0 && oldest == 0);
    STORE_OK(vg_outbox_wards(store.reader, note_ward, &store.seen, &store.err));
    cr_assert_str_eq(store.seen.data, "icu-a,icu-b,");
}

/* ---- episodes ---- */

Test(outbox, a_snapshot_for_subscribers_is_the_newest_event_of_each_open_episode)
{
    uint64_t as_of = 0;

    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "one");
    store_put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "two");
    store_put(0, 3, 3, 0, VG_PHASE_START, "icu-b", "three");
    store_put(0, 4, 1, 1, VG_PHASE_UPDATE, "icu-a", "one again");
    store_put(0, 5, 2, 1, VG_PHASE_END, "icu-a", "two ends");
    store_commit();
    STORE_OK(
        vg_outbox_open_episodes(store.reader, "icu-a", store_note_event, NULL, &as_of, &store.err));
    cr_assert_str_eq(store.seen.data, "4<2 icu-a one again\n");
    cr_assert_eq(as_of, 5);
    vg_buf_clear(&store.seen);
    STORE_OK(
        vg_outbox_open_episodes(store.reader, NULL, store_note_event, NULL, &as_of, &store.err));
    cr_assert_str_eq(store.seen.data, "3<0 icu-b three\n4<2 icu-a one again\n");
    store_begin();
    store_put(0, 6, 4, 0, VG_PHASE_START, "icu-a", "four");
    store_commit();
    vg_buf_clear(&store.seen);
    STORE_OK(
        vg_outbox_open_episodes(store.reader, "icu-a", store_note_event, NULL, &as_of, &store.err));
    cr_assert_str_eq(store.seen.data, "4<2 icu-a one again\n6<5 icu-a four\n",
                     "a snapshot must not stay at an old state");
}

Test(outbox, an_episode_can_be_looked_up_and_knows_who_acknowledged_it)
{
    struct vg_outbox_episode e;
    const uint8_t id[16] = { 7 }, other[16] = { 8 };

    store_begin();
    store_put(3, 1, 7, 0, VG_PHASE_START, "icu-a", "start");
    store_commit();
    STORE_OK(vg_outbox_episode(store.reader, id, &e, &store.err));
    cr_assert(e.open && !e.acknowledged);
    cr_assert_eq(e.shard, 3);
    cr_assert_str_eq(e.patient, "p-1");
    cr_assert_str_eq(e.ward, "icu-a");
    store_begin();
    store_put(3, 2, 7, 1, VG_PHASE_ACKNOWLEDGE, "icu-a", "seen");
    store_put(3, 3, 7, 2, VG_PHASE_UPDATE, "icu-a", "worse");
    store_commit();
    STORE_OK(vg_outbox_episode(store.reader, id, &e, &store.err));
    cr_assert(e.open && e.acknowledged);
    cr_assert_eq(e.number, 2);
    cr_assert_eq(e.newest_seq, 3);
    store_begin();
    store_put(3, 4, 7, 3, VG_PHASE_ESCALATE, "icu-a", "much worse");
    store_commit();
    STORE_OK(vg_outbox_episode(store.reader, id, &e, &store.err));
    cr_assert(e.open && !e.acknowledged, "an escalation cancels an acknowledgement");
    store_begin();
    store_put(3, 5, 7, 4, VG_PHASE_END, "icu-a", "end");
    store_commit();
    STORE_OK(vg_outbox_episode(store.reader, id, &e, &store.err));
    cr_assert_not(e.open);
    store_expect_error(vg_outbox_episode(store.reader, other, &e, &store.err), VG_E_RANGE,
                       "no such episode");
}

static vg_status note_episode(void *arg, const struct vg_outbox_episode *e)
{
    vg_buf_printf(arg, "%u,", e->episode_id[0]);
    return VG_OK;
}

Test(outbox, open_episodes_are_listed_by_shard)
{
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "1");
    store_put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "2");
    store_put(1, 1, 3, 0, VG_PHASE_START, "icu-a", "3");
    store_put(0, 3, 4, 0, VG_PHASE_START, "icu-a", "4");
    store_put(0, 4, 2, 1, VG_PHASE_END, "icu-a", "5");
    store_put(0, 5, 1, 1, VG_PHASE_UPDATE, "icu-a", "6");
    store_commit();
    STORE_OK(vg_outbox_shard_episodes(store.reader, 0, note_episode, &store.seen, &store.err));
    cr_assert_str_eq(store.seen.data, "4,1,");
}
