/* test_sink_file_rotate.c - finished files of the file sink: every event in one file of the set, in
 * order, whatever a crash left behind. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_file;

enum { EVENTS = 200, BATCH = 10, TEXT_MAX = 1 << 20 };

static struct fake_outbox *outbox;
static void *self;
static struct vg_err err;
static char dir[] = "/tmp/vigil-rotate-XXXXXX";
static const int64_t day_ns = 86400 * VG_NS_PER_S;

static void start(const char *path, const char *compress, const char *keep)
{
    self = fake_sink_self(&vg_sink_file);
    fake_sink_set(&vg_sink_file, self, "path", path);
    fake_sink_set(&vg_sink_file, self, "rotate", "2000");
    fake_sink_set(&vg_sink_file, self, "compress", compress);
    fake_sink_set(&vg_sink_file, self, "keep", keep);
    cr_assert_eq(vg_sink_file.check(self, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_sink_file.open(self, fake_outbox_env(outbox), &err), VG_OK, "%s", err.msg);
}

static void stop(void)
{
    fake_sink_close(&vg_sink_file, self);
    self = NULL;
}

static void idle(void)
{
    vg_sink_file.serve(self, -1, 0);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    outbox = fake_outbox_new(1, dir);
    for (uint32_t i = 1; i <= EVENTS; i++)
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

static void deliver_at(uint64_t first, uint64_t last, int days)
{
    struct vg_delivery events[BATCH];
    size_t done = 0;

    for (uint64_t seq = first; seq <= last; seq += BATCH) {
        size_t n = last - seq + 1 < BATCH ? (size_t)(last - seq + 1) : BATCH;

        for (size_t i = 0; i < n; i++) {
            events[i] = fake_outbox_delivery(outbox, seq + i);
            events[i].time_ns += days * day_ns;
        }
        cr_assert_eq(vg_sink_file.deliver(self, events, n, &done, &err), VG_OK, "%s", err.msg);
        cr_assert_eq(done, n);
    }
}

static void deliver(uint64_t first, uint64_t last)
{
    deliver_at(first, last, 0);
}

static size_t read_one(const char *path, char *text, size_t size)
{
    static char packed[TEXT_MAX];
    bool is_packed = strcmp(path + strlen(path) - 4, ".zst") == 0;
    FILE *f = fopen(path, "r");
    size_t n;

    cr_assert_not_null(f, "%s", path);
    n = is_packed ? fread(packed, 1, sizeof(packed), f) : fread(text, 1, size, f);
    fclose(f);
    if (is_packed) {
        n = ZSTD_decompress(text, size, packed, n);
        cr_assert(!ZSTD_isError(n), "%s", path);
    }
    return n;
}

static size_t count(const char *pattern)
{
    char path[256];
    glob_t found;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, pattern);
    n = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return n;
}

/* The finished files in the order of their names, then the one being written. */
static char *read_set(const char *name)
{
    static char text[TEXT_MAX];
    char path[256];
    size_t n = 0;
    glob_t found;

    snprintf(path, sizeof(path), "%s/%s.0*", dir, name);
    if (glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            size_t one = read_one(found.gl_pathv[i], text + n, sizeof(text) - n - 1);

            cr_assert_leq(one, 2000, "%s has %zu bytes", found.gl_pathv[i], one);
            n += one;
        }
    }
    globfree(&found);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (access(path, F_OK) == 0)
        n += read_one(path, text + n, sizeof(text) - n - 1);
    text[n] = '\0';
    return text;
}

static void assert_set(const char *name, uint64_t first, uint64_t last)
{
    const char *at = read_set(name);

    for (uint64_t seq = first; seq <= last; seq++) {
        struct vg_delivery e = fake_outbox_delivery(outbox, seq);

        cr_assert_eq(strncmp(at, e.json, e.len), 0, "event %d", (int)seq);
        cr_assert_eq(at[e.len], '\n');
        at += e.len + 1;
    }
    cr_assert_str_eq(at, "");
}

static void in_dir(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", dir, name);
}

static void copy(const char *from, const char *to)
{
    static char text[TEXT_MAX];
    char path[256];
    FILE *f;
    size_t n;

    in_dir(from, path);
    n = read_one(path, text, sizeof(text));
    in_dir(to, path);
    f = fopen(path, "w");
    cr_assert_eq(fwrite(text, 1, n, f), n);
    fclose(f);
}

TestSuite(sink_file_rotate, .init = setup, .fini = teardown, .timeout = 30);

Test(sink_file_rotate, a_full_file_is_finished_and_no_event_is_cut_or_lost)
{
    start("alerts.ndjson", "none", "0");
    deliver(1, EVENTS);
    cr_assert_gt(count("alerts.ndjson.0*"), 10);
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, finished_files_are_compressed_when_nothing_else_is_to_be_done)
{
    start("alerts.ndjson", "zstd", "0");
    deliver(1, EVENTS);
    idle();
    cr_assert_gt(count("alerts.ndjson.0*.zst"), 10);
    cr_assert_eq(count("alerts.ndjson.0*"), count("alerts.ndjson.0*.zst"));
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, without_an_idle_moment_finished_files_do_not_pile_up)
{
    start("alerts.ndjson", "zstd", "0");
    deliver(1, EVENTS);
    cr_assert_gt(count("alerts.ndjson.0*.zst"), 0);
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, events_that_come_again_are_found_in_finished_files_too)
{
    static const char *const compress[] = { "none", "zstd" };

    for (size_t i = 0; i < VG_ARRAY_LEN(compress); i++) {
        const char *name = i ? "b.ndjson" : "a.ndjson";

        for (uint64_t last = 20; last <= EVENTS; last += 20) {
            start(name, compress[i], "0");
            deliver(1, last);
            idle();
            stop();
        }
        assert_set(name, 1, EVENTS);
    }
}

Test(sink_file_rotate, a_crash_before_the_new_file_is_made_loses_and_repeats_nothing)
{
    char from[256], to[256];

    start("alerts.ndjson", "none", "0");
    deliver(1, 8);
    stop();
    in_dir("alerts.ndjson", from);
    in_dir("alerts.ndjson.000099", to);
    cr_assert_eq(rename(from, to), 0);
    start("alerts.ndjson", "none", "0");
    deliver(1, EVENTS);
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, a_crash_while_a_file_is_compressed_leaves_the_plain_one)
{
    char path[256];
    FILE *f;

    start("alerts.ndjson", "none", "0");
    deliver(1, EVENTS);
    stop();
    in_dir("alerts.ndjson.000003.zst.new", path);
    f = fopen(path, "w");
    cr_assert_eq(fputs("half", f) >= 0, true);
    fclose(f);
    start("alerts.ndjson", "zstd", "0");
    deliver(1, EVENTS);
    idle();
    cr_assert_eq(count("*.new"), 0);
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, a_crash_before_the_plain_file_is_removed_leaves_two_and_one_goes)
{
    start("alerts.ndjson", "zstd", "0");
    deliver(1, EVENTS);
    idle();
    stop();
    copy("alerts.ndjson.000003.zst", "alerts.ndjson.000003");
    start("alerts.ndjson", "none", "0");
    deliver(1, EVENTS);
    idle();
    cr_assert_eq(count("alerts.ndjson.000003"), 0);
    assert_set("alerts.ndjson", 1, EVENTS);
}

Test(sink_file_rotate, only_as_many_files_are_kept_as_asked_for)
{
    char path[256];
    size_t before;

    start("alerts.ndjson", "none", "2");
    deliver(1, EVENTS);
    idle();
    before = count("alerts.ndjson.0*");
    cr_assert_gt(before, 10, "events that may come again were removed");
    stop();
    /* Large files in the place of the newest: what may come again is in them. */
    for (size_t i = 0; i < 2; i++) {
        char name[64];

        snprintf(name, sizeof(name), "alerts.ndjson.%06zu", before + 1 + i);
        in_dir(name, path);
        cr_assert_eq(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
        cr_assert_eq(truncate(path, 17 << 20), 0);
    }
    start("alerts.ndjson", "none", "2");
    idle();
    cr_assert_eq(count("alerts.ndjson.0*"), 2);
    cr_assert_eq(count("alerts.ndjson"), 1);
}

Test(sink_file_rotate, a_day_that_is_over_is_finished_and_compressed)
{
    start("%Y-%m-%d.ndjson", "zstd", "0");
    deliver_at(1, 3, 0);
    deliver_at(4, 6, 1);
    idle();
    cr_assert_eq(count("2026-03-01.ndjson"), 1, "shards may be a day apart");
    deliver_at(7, 9, 2);
    idle();
    cr_assert_eq(count("2026-03-01.ndjson"), 0);
    cr_assert_eq(count("2026-03-01.ndjson.000001.zst"), 1);
    deliver_at(10, 12, 0);
    idle();
    cr_assert_eq(count("2026-03-01.ndjson"), 1, "what comes late is written");
    deliver_at(13, 13, 3);
    idle();
    cr_assert_eq(count("2026-03-01.ndjson.000002.zst"), 1);
    assert_set("2026-03-02.ndjson", 4, 6);
}

Test(sink_file_rotate, other_files_beside_it_are_left_alone)
{
    static const char *const names[] = { "alerts.ndjson.1", "alerts.ndjson.000001.gz",
                                         "alerts.ndjson.bak", "alerts.ndjson.000001x" };
    char path[256];

    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        in_dir(names[i], path);
        cr_assert_eq(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    }
    start("alerts.ndjson", "zstd", "1");
    deliver(1, 40);
    idle();
    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++)
        cr_assert_eq(count(names[i]), 1, "%s", names[i]);
}

Test(sink_file_rotate, what_cannot_be_compressed_is_told_and_holds_up_no_event)
{
    char path[256], text[256];

    start("alerts.ndjson", "zstd", "0");
    in_dir("alerts.ndjson.000001.zst.new", path);
    cr_assert_eq(mkdir(path, 0700), 0);
    deliver(1, 40);
    idle();
    cr_assert_eq(fake_outbox_notices(outbox, text, sizeof(text)) > 0, true);
    cr_assert(strstr(text, "cannot compress"), "%s", text);
    deliver(41, EVENTS);
    cr_assert_eq(rmdir(path), 0);
    idle();
    fake_outbox_notices(outbox, text, sizeof(text));
    cr_assert_str_eq(text, "");
    assert_set("alerts.ndjson", 1, EVENTS);
}
