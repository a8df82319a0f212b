/* test_outbox_trouble.c - the durable store on bad disks, of older versions, and when it grows old. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/outbox_prune.h"
#include "tests/support/store.h"

TestSuite(outbox_trouble, .init = store_init, .fini = store_done, .timeout = 60);

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

/* Opens `o` anew on the disk that can be full. */
static void use_full_disk(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    full_vfs = *real_vfs;
    full_vfs.zName = "full";
    full_vfs.xOpen = full_open;
    cr_assert_eq(sqlite3_vfs_register(&full_vfs, 1), SQLITE_OK);
    store_reopen();
}

Test(outbox_trouble, a_full_disk_is_temporary_and_loses_nothing)
{
    use_full_disk();
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    store_commit();
    store_begin();
    store_put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "later");
    disk_full = true;
    store_expect_error(vg_outbox_commit(store.outbox, &store.err), VG_E_TEMPORARY,
                       "the disk is full; free some space");
    cr_assert_str_eq(store_read_all(NULL, 1, 100), "");
    cr_assert_eq(vg_outbox_last_seq(store.outbox), 1);
    disk_full = false;
    store_begin();
    cr_assert_eq(store_put(0, 2, 1, 1, VG_PHASE_END, "icu-a", "later"), VG_PUT_NEW);
    store_commit();
    cr_assert_str_eq(store_read_all(NULL, 0, 100), "1<0 icu-a kept\n2<1 icu-a later\n");
}

Test(outbox_trouble, a_writer_locked_out_by_another_program_may_try_again)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(vg_outbox_path(store.outbox), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store_expect_error(vg_outbox_begin(store.outbox, &store.err), VG_E_TEMPORARY,
                       "another program has locked the file");
    sqlite3_close(db);
    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "kept");
    store_commit();
}

Test(outbox_trouble, a_damaged_file_is_said_to_be_damaged)
{
    char path[96], garbage[4096];
    int fd;

    for (uint64_t n = 1; n < 500; n++) {
        store_begin();
        store_put(0, n, 1, (uint32_t)n, VG_PHASE_UPDATE, "icu-a", "some text to fill a few pages");
        store_commit();
    }
    snprintf(path, sizeof(path), "%s", vg_outbox_path(store.outbox));
    vg_outbox_reader_close(store.reader);
    vg_outbox_close(store.outbox);
    store.reader = NULL;
    memset(garbage, 0xa5, sizeof(garbage));
    fd = open(path, O_RDWR);
    for (off_t page = 1; page < 12; page++)
        cr_assert_eq(pwrite(fd, garbage, sizeof(garbage), page * 4096), 4096);
    close(fd);
    store_expect_error(vg_outbox_open(store.dir, "icu", false, &store.outbox, &store.err), VG_E_IO,
                       "damaged");
    cr_assert_null(store.outbox);
}

/* ---- an outbox of before ---- */

Test(outbox_trouble, one_of_the_schema_before_is_brought_up_to_date_and_keeps_what_it_has)
{
    struct vg_item_dead_letter d = { .offset = 7, .index = UINT32_MAX, .reason = "malformed" };
    bool new;

    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "{}");
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    store_commit();
    store_execute(
        "DROP TABLE passed_over; DROP TABLE quarantine; DROP TABLE dlq_action; DROP TABLE "
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
    store_reopen();
    cr_assert_str_eq(store_read_all(NULL, 0, 10), "1<0 icu-a {}\n");
    store_begin();
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    cr_assert_not(new);
    STORE_OK(vg_outbox_put_letter_retried(store.outbox, 0, 7, UINT32_MAX, 2, &store.err));
    STORE_OK(vg_outbox_put_dead_letter(store.outbox, 0, &d, "{", 1, 5, &new, &store.err));
    cr_assert(new, "it failed again");
    store_commit();
    store_reopen(); /* and once only */
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

    STORE_OK(vg_outbox_prune(store.outbox, &what, &gone, &store.err));
    return gone;
}

Test(outbox_trouble, old_events_go_but_not_those_that_somebody_still_needs)
{
    const struct vg_set_aside refused = { .seq = 3, .wall_ns = 100, .reason = "no" };

    store_begin();                                        /* all of them are stored at 7 ns */
    store_put(0, 1, 1, 0, VG_PHASE_START, "icu-a", "{}"); /* seq 1: its episode is open */
    store_put(0, 2, 2, 0, VG_PHASE_START, "icu-a", "{}");
    store_put(0, 3, 2, 1, VG_PHASE_END, "icu-a", "{}"); /* refused by a sink */
    store_put(0, 4, 3, 0, VG_PHASE_END, "icu-a", "{}");
    store_put(0, 5, 4, 0, VG_PHASE_END, "icu-b", "{}"); /* the newest of its ward */
    store_put(0, 6, 5, 0, VG_PHASE_END, "icu-a", "{}"); /* not delivered */
    store_put(0, 7, 6, 0, VG_PHASE_END, "icu-a", "{}");
    STORE_OK(vg_outbox_put_set_aside(store.outbox, "pager", &refused, &store.err));
    store_commit();
    cr_assert_eq(prune(5, 7), 0, "none is old");
    cr_assert_eq(prune(5, 8), 2);
    cr_assert_str_eq(store_read_all(NULL, 0, 10), "1<0 icu-a {}\n3<2 icu-a {}\n5<0 icu-b {}\n"
                                                  "6<4 icu-a {}\n7<6 icu-a {}\n");
    cr_assert_eq(prune(5, 8), 0);
    cr_assert_eq(prune(7, 200), 2, "the refusal and the sixth");
    cr_assert_eq(prune(7, 200), 1, "the third");
    cr_assert_str_eq(store_read_all(NULL, 0, 10), "1<0 icu-a {}\n5<0 icu-b {}\n7<6 icu-a {}\n");
}

Test(outbox_trouble, an_event_that_has_gone_does_not_come_back_when_its_log_is_read_again)
{
    const struct vg_item_event item = { .episode_id = { 1 }, .json_len = 2, .ward = "icu-a" };
    enum vg_put what;
    uint64_t seq;

    store_begin();
    store_put(0, 1, 1, 0, VG_PHASE_END, "icu-a", "{}");
    store_put(0, 2, 2, 0, VG_PHASE_END, "icu-a", "{}");
    store_commit();
    cr_assert_eq(prune(2, 8), 1);
    store_begin();
    STORE_OK(vg_outbox_put_event(store.outbox, 0, 1, &item, "{}", 7, &what, &seq, &store.err));
    cr_assert(what == VG_PUT_SAME && seq == 0);
    cr_assert_eq(store_put(0, 3, 3, 0, VG_PHASE_END, "icu-a", "{}"), VG_PUT_NEW);
    store_commit();
    store_reopen();
    cr_assert_str_eq(store_read_all(NULL, 0, 10), "2<1 icu-a {}\n3<2 icu-a {}\n");
}

static vg_status count_command(void *arg, const struct vg_item_command *c, const void *payload,
                               size_t len)
{
    (void)payload;
    (void)len;
    vg_buf_printf(arg, "%lld.%u ", (long long)c->next_offset, c->ordinal);
    return VG_OK;
}

Test(outbox_trouble, commands_go_when_they_are_old_and_before_every_snapshot_but_orders_stay)
{
    struct vg_item_command c = { .kind = VG_COMMAND_CLOCK, .log_ns = 5 };

    store_begin();
    for (c.next_offset = 8; c.next_offset <= 10; c.next_offset++) {
        c.ordinal = 1;
        STORE_OK(vg_outbox_put_command(store.outbox, 0, &c, NULL, 0, &store.err));
    }
    c = (struct vg_item_command){ .kind = VG_COMMAND_ORDER, .next_offset = 8, .ordinal = 2 };
    STORE_OK(vg_outbox_put_command(store.outbox, 0, &c, NULL, 0, &store.err));
    c = (struct vg_item_command){ .next_offset = 9, .ordinal = 2, .log_ns = 500 };
    STORE_OK(vg_outbox_put_command(store.outbox, 0, &c, NULL, 0, &store.err));
    store_commit();
    cr_assert_eq(prune(0, 8), 2);
    vg_buf_clear(&store.seen);
    STORE_OK(vg_outbox_commands(store.reader, 0, -1, 0, count_command, &store.seen, &store.err));
    cr_assert_str_eq(store.seen.data, "8.2 9.2 10.1 ");
}
