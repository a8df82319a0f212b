/* test_sink_file.c - the file sink: durable lines, no line twice, no line torn. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_file;

static struct fake_outbox *outbox;
static void *self;
static struct vg_err err;
static char dir[] = "/tmp/vigil-file-XXXXXX";
static const int64_t day_ns = 86400 * VG_NS_PER_S;

static void start(const char *path)
{
    self = fake_sink_self(&vg_sink_file);
    fake_sink_set(&vg_sink_file, self, "path", path);
    cr_assert_eq(vg_sink_file.check(self, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_sink_file.open(self, fake_outbox_env(outbox), &err), VG_OK, "%s", err.msg);
}

static void stop(void)
{
    fake_sink_close(&vg_sink_file, self);
    self = NULL;
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    outbox = fake_outbox_new(1, dir);
    for (uint32_t i = 1; i <= 10; i++)
        fake_outbox_add(outbox, "icu-a", i, 0, VG_PHASE_START);
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

/* Delivers first..last in one call; event times are `days` later. */
static vg_status deliver_at(uint64_t first, uint64_t last, int days, size_t *done)
{
    struct vg_delivery events[64];
    size_t n = 0;

    for (uint64_t seq = first; seq <= last; seq++) {
        events[n] = fake_outbox_delivery(outbox, seq);
        events[n++].time_ns += days * day_ns;
    }
    return vg_sink_file.deliver(self, events, n, done, &err);
}

static void deliver(uint64_t first, uint64_t last)
{
    size_t done = 0;

    cr_assert_eq(deliver_at(first, last, 0, &done), VG_OK, "%s", err.msg);
    cr_assert_eq(done, last - first + 1);
}

static char *read_file(const char *name)
{
    static char text[1 << 16];
    char path[256];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    cr_assert_not_null(f, "%s is missing", path);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

static void append(const char *name, const char *bytes, size_t n)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "a");
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* The file holds exactly the events first..last, in order. */
static void assert_holds(const char *name, uint64_t first, uint64_t last)
{
    const char *at = read_file(name);

    for (uint64_t seq = first; seq <= last; seq++) {
        struct vg_delivery e = fake_outbox_delivery(outbox, seq);

        cr_assert_eq(strncmp(at, e.json, e.len), 0, "event %d", (int)seq);
        cr_assert_eq(at[e.len], '\n');
        at += e.len + 1;
    }
    cr_assert_str_eq(at, "");
}

TestSuite(sink_file, .init = setup, .fini = teardown, .timeout = 30);

Test(sink_file, a_line_is_exactly_the_canonical_bytes_and_a_newline)
{
    start("alerts.ndjson");
    deliver(1, 3);
    deliver(4, 10);
    assert_holds("alerts.ndjson", 1, 10);
}

Test(sink_file, the_date_in_the_path_is_the_events_own_utc_date)
{
    size_t done;

    start("alerts/%Y-%m-%d.ndjson");
    deliver(1, 2);
    cr_assert_eq(deliver_at(3, 4, 1, &done), VG_OK);
    assert_holds("alerts/2026-03-01.ndjson", 1, 2);
    assert_holds("alerts/2026-03-02.ndjson", 3, 4);
}

Test(sink_file, shards_at_different_days_keep_their_order_in_each_file)
{
    struct vg_delivery events[10];
    size_t done;

    start("%Y-%m-%d.ndjson");
    for (uint64_t i = 0; i < 10; i++) {
        events[i] = fake_outbox_delivery(outbox, i % 2 ? 6 + i / 2 : 1 + i / 2);
        events[i].time_ns += i % 2 ? day_ns : 0;
    }
    cr_assert_eq(vg_sink_file.deliver(self, events, 10, &done, &err), VG_OK);
    cr_assert_eq(done, 10);
    assert_holds("2026-03-01.ndjson", 1, 5);
    assert_holds("2026-03-02.ndjson", 6, 10);
}

Test(sink_file, more_days_than_open_files_lose_nothing)
{
    char name[32];
    size_t done;

    start("%Y-%m-%d.ndjson");
    for (int round = 0; round < 2; round++) {
        for (int day = 0; day < 20; day++)
            cr_assert_eq(deliver_at(1 + 5 * (uint64_t)round, 5 + 5 * (uint64_t)round, day, &done),
                         VG_OK);
    }
    for (int day = 0; day < 20; day++) {
        snprintf(name, sizeof(name), "2026-03-%02d.ndjson", 1 + day);
        assert_holds(name, 1, 10);
    }
}

Test(sink_file, folders_are_private_and_so_is_the_file)
{
    char path[256];
    struct stat info;

    start("a/b/alerts.ndjson");
    deliver(1, 1);
    snprintf(path, sizeof(path), "%s/a/b", dir);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0700);
    snprintf(path, sizeof(path), "%s/a/b/alerts.ndjson", dir);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
}

Test(sink_file, after_a_restart_redelivered_events_are_not_written_twice)
{
    start("alerts.ndjson");
    deliver(1, 7);
    stop();
    start("alerts.ndjson");
    deliver(3, 10);
    assert_holds("alerts.ndjson", 1, 10);
}

Test(sink_file, a_restart_long_after_the_cursor_finds_every_event)
{
    start("alerts.ndjson");
    for (uint32_t i = 11; i <= 5000; i++) {
        uint64_t seq = fake_outbox_add(outbox, "icu-a", i, 0, VG_PHASE_START);

        if (i % 50 == 0)
            deliver(seq - 49, seq);
    }
    stop();
    start("alerts.ndjson");
    for (uint64_t seq = 1; seq < 5000; seq += 50)
        deliver(seq, seq + 49);
    stop();
    {
        char path[256];
        struct stat info;
        off_t expect = 0;

        for (uint64_t seq = 1; seq <= 5000; seq++)
            expect += (off_t)fake_outbox_delivery(outbox, seq).len + 1;
        snprintf(path, sizeof(path), "%s/alerts.ndjson", dir);
        cr_assert_eq(stat(path, &info), 0);
        cr_assert_eq(info.st_size, expect);
    }
}

Test(sink_file, a_line_that_a_crash_cut_short_is_removed_first)
{
    struct vg_delivery torn;

    start("alerts.ndjson");
    deliver(1, 4);
    stop();
    torn = fake_outbox_delivery(outbox, 5);
    append("alerts.ndjson", torn.json, torn.len / 2);
    start("alerts.ndjson");
    deliver(4, 10);
    assert_holds("alerts.ndjson", 1, 10);
}

Test(sink_file, a_line_without_its_newline_is_written_again)
{
    struct vg_delivery torn = fake_outbox_delivery(outbox, 1);

    append("alerts.ndjson", torn.json, torn.len);
    start("alerts.ndjson");
    deliver(1, 2);
    assert_holds("alerts.ndjson", 1, 2);
}

Test(sink_file, zeros_that_a_power_failure_left_are_removed)
{
    start("alerts.ndjson");
    deliver(1, 2);
    stop();
    append("alerts.ndjson", "\0\0\0\0\0\0", 6);
    start("alerts.ndjson");
    deliver(3, 3);
    assert_holds("alerts.ndjson", 1, 3);
}

Test(sink_file, a_file_that_is_not_ours_is_refused_and_stays_whole)
{
    size_t done = 7;

    append("notes.txt", "do not delete me", 16);
    start("notes.txt");
    cr_assert_eq(deliver_at(1, 1, 0, &done), VG_E_CONFIG);
    cr_assert_eq(done, 0);
    cr_assert_str_eq(err.option, "path");
    cr_assert_str_eq(read_file("notes.txt"), "do not delete me");
}

Test(sink_file, a_full_disk_is_worth_a_retry_and_leaves_no_torn_line)
{
    struct rlimit limit = { .rlim_cur = 2000, .rlim_max = RLIM_INFINITY };
    size_t done = 7;

    signal(SIGXFSZ, SIG_IGN);
    start("alerts.ndjson");
    deliver(1, 2);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(deliver_at(3, 10, 0, &done), VG_E_TEMPORARY);
    cr_assert_eq(done, 0);
    cr_assert(strstr(err.msg, "alerts.ndjson"), "%s", err.msg);
    assert_holds("alerts.ndjson", 1, 2);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    deliver(3, 10);
    assert_holds("alerts.ndjson", 1, 10);
}

Test(sink_file, an_absolute_path_ignores_the_data_folder)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/elsewhere.ndjson", dir);
    start(path);
    deliver(1, 1);
    assert_holds("elsewhere.ndjson", 1, 1);
}

Test(sink_file, a_folder_that_cannot_be_made_stops_the_start)
{
    append("occupied", "x", 1);
    self = fake_sink_self(&vg_sink_file);
    fake_sink_set(&vg_sink_file, self, "path", "occupied/alerts.ndjson");
    cr_assert_neq(vg_sink_file.open(self, fake_outbox_env(outbox), &err), VG_OK);
    cr_assert(strstr(err.msg, "occupied"), "%s", err.msg);
}

Test(sink_file, other_percent_sequences_are_refused)
{
    static const char *const paths[] = {
        "%Y.ndjson", "a/%H.ndjson", "%Y-%m-%d-%H.ndjson", "%", "100%", "%%", "", "folder/",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(paths); i++) {
        void *other = fake_sink_self(&vg_sink_file);

        fake_sink_set(&vg_sink_file, other, "path", paths[i]);
        cr_assert_eq(vg_sink_file.check(other, &err), VG_E_CONFIG, "%s", paths[i]);
        cr_assert_str_eq(err.option, "path");
        vg_options_done(vg_sink_file.options, other);
        free(other);
    }
}
