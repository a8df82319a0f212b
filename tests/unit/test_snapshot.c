/* test_snapshot.c - snapshot files: whole or refused, newest first, older ones as a fallback. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "runtime/snapshot.h"

enum { SHARD = 3, ITEMS = 5000, HEAD_SIZE = 304, HASH_SIZE = 32 };

static char dir[64];
static struct vg_err err;
static struct vg_snapshot got;
static char refused[2048]; /* every reason, one a line */
static int refusals;
static uint8_t items[ITEMS];

static const struct vg_snapshot_want want = {
    .pipeline = "icu",
    .cluster = "c1",
    .partitions = 4,
    .shard = SHARD,
    .upto_offset = INT64_MAX,
};

static void setup(void)
{
    strcpy(dir, "/tmp/vigil-snapshot-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = (uint8_t)(i * 31 + 7);
}

static void teardown(void)
{
    char command[128];

    vg_snapshot_done(&got);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(snapshot, .init = setup, .fini = teardown, .timeout = 60);

static void note(void *arg, const char *why)
{
    size_t n = strlen(refused);

    (void)arg;
    snprintf(refused + n, sizeof(refused) - n, "%s\n", why);
    refusals++;
}

static struct vg_snapshot_head head_at(int64_t next_offset, uint32_t ordinal)
{
    struct vg_snapshot_head h = {
        .pipeline = "icu",
        .cluster = "c1",
        .partitions = 4,
        .position = { .shard = SHARD,
                      .ordinal = ordinal,
                      .next_offset = next_offset,
                      .n = (uint64_t)next_offset * 2,
                      .log_ns = 1000 + next_offset,
                      .wall_ns = 2000 + next_offset,
                      .config = "sha256:c0ffee" },
        .kernel = "avx2",
    };

    return h;
}

/* The first byte of the items says which snapshot it is. */
static void write_at(int64_t next_offset, uint32_t ordinal, uint32_t keep)
{
    struct vg_snapshot_head h = head_at(next_offset, ordinal);

    items[0] = (uint8_t)(next_offset + ordinal);
    cr_assert_eq(vg_snapshot_write(dir, &h, items, ITEMS, keep, &err), VG_OK, "%s", err.msg);
}

static const char *path_at(int64_t next_offset, uint32_t ordinal)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/snapshots/%d/%lld-%u.snap", dir, SHARD, (long long)next_offset,
             ordinal);
    return path;
}

static void load(const struct vg_snapshot_want *w)
{
    vg_snapshot_done(&got);
    refused[0] = '\0';
    refusals = 0;
    cr_assert_eq(vg_snapshot_load(dir, w, note, NULL, &got, &err), VG_OK, "%s", err.msg);
}

static void flip(const char *path, off_t at, uint8_t bit)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;

    cr_assert_geq(fd, 0);
    cr_assert_eq(pread(fd, &byte, 1, at), 1);
    byte ^= bit;
    cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

Test(snapshot, nothing_written_is_nothing_found)
{
    load(&want);
    cr_assert_null(got.items);
    cr_assert_eq(refusals, 0);
}

Test(snapshot, everything_comes_back)
{
    struct vg_snapshot_head h = head_at(1841, 2);

    write_at(1841, 2, 3);
    load(&want);
    cr_assert_not_null(got.items);
    cr_assert_eq(got.len, ITEMS);
    cr_assert_eq(memcmp(got.items, items, ITEMS), 0);
    cr_assert_str_eq(got.head.pipeline, "icu");
    cr_assert_str_eq(got.head.cluster, "c1");
    cr_assert_str_eq(got.head.kernel, "avx2");
    cr_assert_eq(got.head.partitions, 4);
    cr_assert_eq(got.head.position.shard, SHARD);
    cr_assert_eq(got.head.position.next_offset, 1841);
    cr_assert_eq(got.head.position.ordinal, 2);
    cr_assert_eq(got.head.position.n, h.position.n);
    cr_assert_eq(got.head.position.log_ns, h.position.log_ns);
    cr_assert_eq(got.head.position.wall_ns, h.position.wall_ns);
    cr_assert_str_eq(got.head.position.config, "sha256:c0ffee");
    cr_assert_eq((uintptr_t)got.items % 8, 0);
}

Test(snapshot, a_shard_without_memory_has_a_snapshot_too)
{
    struct vg_snapshot_head h = head_at(0, 0);

    cr_assert_eq(vg_snapshot_write(dir, &h, NULL, 0, 1, &err), VG_OK, "%s", err.msg);
    load(&want);
    cr_assert_not_null(got.items);
    cr_assert_eq(got.len, 0);
}

Test(snapshot, ten_megabytes_come_back)
{
    size_t len = 10u << 20;
    uint8_t *big = malloc(len);
    struct vg_snapshot_head h = head_at(5, 0);

    for (size_t i = 0; i < len; i++)
        big[i] = (uint8_t)(i >> 3 ^ i);
    cr_assert_eq(vg_snapshot_write(dir, &h, big, len, 3, &err), VG_OK, "%s", err.msg);
    load(&want);
    cr_assert_eq(got.len, len);
    cr_assert_eq(memcmp(got.items, big, len), 0);
    free(big);
}

Test(snapshot, the_newest_wins_by_number_not_by_text)
{
    write_at(9, 0, 9);
    write_at(100, 2, 9);
    write_at(100, 11, 9);
    write_at(20, 0, 9);
    load(&want);
    cr_assert_eq(got.head.position.next_offset, 100);
    cr_assert_eq(got.head.position.ordinal, 11);
    cr_assert_eq(refusals, 0);
}

Test(snapshot, only_the_newest_are_kept)
{
    for (int64_t i = 1; i <= 6; i++)
        write_at(i * 10, 0, 3);
    cr_assert_eq(access(path_at(30, 0), F_OK), -1);
    cr_assert_eq(access(path_at(40, 0), F_OK), 0);
    cr_assert_eq(access(path_at(50, 0), F_OK), 0);
    cr_assert_eq(access(path_at(60, 0), F_OK), 0);
}

Test(snapshot, the_same_position_again_replaces_the_file)
{
    write_at(10, 0, 3);
    items[1] ^= 0xff;
    write_at(10, 0, 3);
    load(&want);
    cr_assert_eq(memcmp(got.items, items, ITEMS), 0);
}

Test(snapshot, a_file_cut_anywhere_is_refused_and_the_older_one_used)
{
    static const off_t whole = HEAD_SIZE + ITEMS + HASH_SIZE;
    const off_t cuts[] = {
        0,
        1,
        4,
        HEAD_SIZE - 1,
        HEAD_SIZE,
        HEAD_SIZE + HASH_SIZE - 1,
        HEAD_SIZE + HASH_SIZE,
        HEAD_SIZE + ITEMS / 2,
        HEAD_SIZE + ITEMS,
        whole - 1,
    };
    struct stat st;

    for (size_t i = 0; i < VG_ARRAY_LEN(cuts); i++) {
        write_at(10, 0, 3);
        write_at(20, 0, 3);
        cr_assert_eq(stat(path_at(20, 0), &st), 0);
        cr_assert_eq(st.st_size, whole);
        cr_assert_eq(truncate(path_at(20, 0), cuts[i]), 0);
        load(&want);
        cr_assert_eq(got.head.position.next_offset, 10, "cut at %lld", (long long)cuts[i]);
        cr_assert_eq(((uint8_t *)got.items)[0], 10);
        cr_assert_eq(refusals, 1);
        cr_assert(strstr(refused, "20-0.snap: it"), "%s", refused);
        cr_assert(strstr(refused, "cut off"), "%s", refused);
    }
}

Test(snapshot, a_file_that_grew_is_refused)
{
    int fd;

    write_at(10, 0, 3);
    fd = open(path_at(10, 0), O_WRONLY | O_APPEND);
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    load(&want);
    cr_assert_null(got.items);
    cr_assert_eq(refusals, 1);
}

Test(snapshot, a_flipped_bit_anywhere_is_refused)
{
    const off_t whole = HEAD_SIZE + ITEMS + HASH_SIZE;

    write_at(10, 0, 3);
    write_at(20, 0, 3);
    /* Every byte of the head, then a sample of the items and every byte of the hash. */
    for (off_t at = 0; at < whole; at += at < HEAD_SIZE || at >= whole - HASH_SIZE ? 1 : 97) {
        uint8_t bit = (uint8_t)(1u << (at % 8));

        flip(path_at(20, 0), at, bit);
        load(&want);
        cr_assert_eq(got.head.position.next_offset, 10, "bit flipped at %lld", (long long)at);
        cr_assert_eq(refusals, 1);
        flip(path_at(20, 0), at, bit);
    }
    load(&want);
    cr_assert_eq(got.head.position.next_offset, 20);
}

Test(snapshot, when_all_are_damaged_none_is_found_and_each_is_reported)
{
    for (int64_t i = 1; i <= 3; i++) {
        write_at(i, 0, 3);
        flip(path_at(i, 0), HEAD_SIZE + 17, 4);
    }
    load(&want);
    cr_assert_null(got.items);
    cr_assert_eq(refusals, 3);
    cr_assert(strstr(refused, "its hash differs; it was damaged"), "%s", refused);
}

Test(snapshot, what_a_killed_writer_leaves_harms_nothing)
{
    char path[160];
    int fd;

    write_at(10, 0, 3);
    snprintf(path, sizeof(path), "%s/snapshots/%d/unfinished.tmp", dir, SHARD);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, items, 100), 100);
    close(fd);
    load(&want);
    cr_assert_eq(got.head.position.next_offset, 10);
    cr_assert_eq(refusals, 0);
    write_at(20, 0, 3);
    load(&want);
    cr_assert_eq(got.head.position.next_offset, 20);
    cr_assert_eq(access(path, F_OK), -1, "the next snapshot takes its place");
}

Test(snapshot, other_files_in_the_folder_are_left_alone)
{
    static const char *const names[] = {
        "notes.txt", "10.snap", "x-0.snap", "010-0.snap", "10-0.snap.bak", "10--1.snap", "-.snap",
    };

    write_at(5, 0, 1);
    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        char path[160];

        snprintf(path, sizeof(path), "%s/snapshots/%d/%s", dir, SHARD, names[i]);
        close(open(path, O_WRONLY | O_CREAT, 0600));
    }
    write_at(6, 0, 1);
    load(&want);
    cr_assert_eq(got.head.position.next_offset, 6);
    cr_assert_eq(refusals, 0);
    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++) {
        char path[160];

        snprintf(path, sizeof(path), "%s/snapshots/%d/%s", dir, SHARD, names[i]);
        cr_assert_eq(access(path, F_OK), 0, "%s", names[i]);
    }
}

static void expect_refusal(const struct vg_snapshot_want *w, const char *why)
{
    load(w);
    cr_assert_null(got.items);
    cr_assert_eq(refusals, 1);
    cr_assert(strstr(refused, why), "%s", refused);
}

Test(snapshot, one_of_another_pipeline_or_log_is_refused)
{
    struct vg_snapshot_want w = want;

    write_at(10, 0, 3);
    w.pipeline = "other";
    expect_refusal(&w, "another pipeline");
    w = want;
    w.cluster = "c2";
    expect_refusal(&w, "another log");
    w = want;
    w.partitions = 8;
    expect_refusal(&w, "another log");
}

Test(snapshot, one_of_another_shard_or_under_another_name_is_refused)
{
    char folder[96], path[128];

    write_at(10, 0, 3);
    snprintf(folder, sizeof(folder), "%s/snapshots/%d", dir, SHARD + 1);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/10-0.snap", folder);
    cr_assert_eq(link(path_at(10, 0), path), 0);
    struct vg_snapshot_want w = want;
    w.shard = SHARD + 1;
    expect_refusal(&w, "another shard");

    char old[160];
    snprintf(old, sizeof(old), "%s", path_at(10, 0));
    cr_assert_eq(rename(old, path_at(11, 0)), 0);
    expect_refusal(&want, "renamed");
}

Test(snapshot, one_that_the_outbox_does_not_reach_is_refused_and_an_older_one_used)
{
    struct vg_snapshot_want w = want;

    write_at(10, 5, 3);
    write_at(20, 1, 3);
    write_at(20, 2, 3);
    w.upto_offset = 20;
    w.upto_ordinal = 1;
    load(&w);
    cr_assert_eq(got.head.position.ordinal, 1);
    cr_assert_eq(refusals, 1);
    w.upto_offset = 19;
    load(&w);
    cr_assert_eq(got.head.position.next_offset, 10);
    w.upto_offset = -1;
    load(&w);
    cr_assert_null(got.items);
    cr_assert_eq(refusals, 3);
}

Test(snapshot, a_folder_that_cannot_be_made_is_an_error_and_says_which)
{
    struct vg_snapshot_head h = head_at(1, 0);
    char path[96];

    snprintf(path, sizeof(path), "%s/snapshots", dir);
    close(open(path, O_WRONLY | O_CREAT, 0600)); /* a file is in the way */
    cr_assert_eq(vg_snapshot_write(dir, &h, items, ITEMS, 3, &err), VG_E_IO);
    cr_assert(strstr(err.msg, path), "%s", err.msg);
    cr_assert_eq(vg_snapshot_load(dir, &want, note, NULL, &got, &err), VG_E_IO);
    cr_assert(strstr(err.msg, path), "%s", err.msg);
}
