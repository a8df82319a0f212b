/* test_record_file.c - recordings: what was written is read, and nothing else is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "runtime/record_file.h"
#include "runtime/record_format.h"

static char folder[] = "/tmp/vigil-record-XXXXXX";
static char path[64];
static struct vg_err err;

static void begin(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/a.vrec", folder);
}

static void tidy(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

TestSuite(record_file, .init = begin, .fini = tidy);

static struct vg_record_writer *writer(uint32_t partitions)
{
    struct vg_record_head head = { .pipeline = "p",
                                   .topic = "vitals \"raw\"",
                                   .cluster = "c",
                                   .config = "sha256:0",
                                   .partitions = partitions,
                                   .from_ns = -5,
                                   .until_ns = VG_TIME_NONE };
    struct vg_record_writer *w;

    cr_assert_eq(vg_record_writer_new(path, &head, &w, &err), VG_OK, "%s", err.msg);
    return w;
}

static void put(struct vg_record_writer *w, uint32_t shard, int64_t offset, const void *value,
                size_t len, const char *key)
{
    const struct vg_record r = { .shard = shard,
                                 .offset = offset,
                                 .time_ns = offset ? offset * 1000 : VG_TIME_NONE,
                                 .message = { .value = value,
                                              .len = len,
                                              .key = (const uint8_t *)key,
                                              .key_len = key ? strlen(key) : 0 } };

    cr_assert_eq(vg_record_writer_record(w, &r, &err), VG_OK, "%s", err.msg);
}

static struct vg_record_counts end(struct vg_record_writer *w)
{
    struct vg_record_counts counts;

    cr_assert_eq(vg_record_writer_end(w, &counts, &err), VG_OK, "%s", err.msg);
    vg_record_writer_free(w);
    return counts;
}

static struct vg_record_reader *reader(void)
{
    struct vg_record_reader *r;

    cr_assert_eq(vg_record_reader_open(path, &r, &err), VG_OK, "%s", err.msg);
    return r;
}

static struct vg_record_entry next(struct vg_record_reader *r)
{
    struct vg_record_entry e;
    bool over;

    cr_assert_eq(vg_record_reader_next(r, &e, &over, &err), VG_OK, "%s", err.msg);
    cr_assert_not(over);
    return e;
}

static void expect_end(struct vg_record_reader *r)
{
    struct vg_record_entry e;
    bool over;

    cr_assert_eq(vg_record_reader_next(r, &e, &over, &err), VG_OK, "%s", err.msg);
    cr_assert(over);
    vg_record_reader_close(r);
}

Test(record_file, keys_and_values_come_back_also_when_empty_or_absent)
{
    struct vg_record_writer *w = writer(3);
    struct vg_record_reader *r;
    struct vg_record_entry e;

    put(w, 0, 0, "\0\xff{", 3, "k");
    put(w, 2, 7, "", 0, "");
    put(w, 2, 9, NULL, 0, NULL);
    cr_assert_eq(end(w).records, 3);
    r = reader();
    cr_assert_str_eq(vg_record_reader_head(r)->topic, "vitals \"raw\"");
    cr_assert_eq(vg_record_reader_head(r)->from_ns, -5);
    cr_assert_eq(vg_record_reader_head(r)->until_ns, VG_TIME_NONE);
    e = next(r);
    cr_assert(!e.is_command && e.record.shard == 0 && e.record.time_ns == VG_TIME_NONE);
    cr_assert(e.record.message.len == 3 && memcmp(e.record.message.value, "\0\xff{", 3) == 0);
    cr_assert(e.record.message.key_len == 1 && e.record.message.key[0] == 'k');
    e = next(r);
    cr_assert(e.record.offset == 7 && e.record.time_ns == 7000);
    cr_assert(e.record.message.key && e.record.message.value && e.record.message.len == 0);
    e = next(r);
    cr_assert(!e.record.message.key && !e.record.message.value);
    expect_end(r);
}

Test(record_file, commands_come_back_with_their_payload)
{
    struct vg_record_writer *w = writer(2);
    struct vg_item_command c = { .kind = VG_COMMAND_ORDER,
                                 .ordinal = 4,
                                 .next_offset = 12,
                                 .log_ns = 99,
                                 .ticket = 5,
                                 .patient = "p-1" };
    struct vg_record_reader *r;
    struct vg_record_entry e;

    cr_assert_eq(vg_record_writer_command(w, 1, &c, "abc", 3, &err), VG_OK);
    c = (struct vg_item_command){ .kind = VG_COMMAND_CLOCK, .next_offset = 12, .log_ns = 100 };
    cr_assert_eq(vg_record_writer_command(w, 1, &c, NULL, 0, &err), VG_OK);
    cr_assert_eq(end(w).commands, 2);
    r = reader();
    e = next(r);
    cr_assert(e.is_command && e.shard == 1 && e.command.kind == VG_COMMAND_ORDER);
    cr_assert(e.command.ordinal == 4 && e.command.next_offset == 12 && e.command.log_ns == 99);
    cr_assert(e.command.ticket == 0 && e.command.size == 3 && memcmp(e.payload, "abc", 3) == 0);
    cr_assert_str_eq(e.command.patient, "p-1");
    e = next(r);
    cr_assert(e.command.kind == VG_COMMAND_CLOCK && e.command.size == 0 && !e.command.patient[0]);
    expect_end(r);
}

Test(record_file, messages_longer_than_a_block_and_many_blocks_come_back)
{
    enum { LONG = 3 * VG_RECORD_BLOCK_BYTES, SMALL = 20000 };
    char *bytes = malloc(LONG);
    struct vg_record_writer *w = writer(1);
    struct vg_record_counts counts;
    struct vg_record_reader *r;

    cr_assert(bytes);
    for (int i = 0; i < LONG; i++)
        bytes[i] = (char)(i * 2654435761U >> 24);
    for (int i = 0; i < SMALL; i++)
        put(w, 0, i, bytes + i, 200, "k");
    put(w, 0, SMALL, bytes, LONG, NULL);
    counts = end(w);
    cr_assert(counts.blocks > 4 && counts.records == SMALL + 1);
    r = reader();
    for (int i = 0; i < SMALL; i++)
        cr_assert_eq(memcmp(next(r).record.message.value, bytes + i, 200), 0);
    cr_assert_eq(memcmp(next(r).record.message.value, bytes, LONG), 0);
    cr_assert_eq(vg_record_reader_at(r), vg_record_reader_size(r) - VG_RECORD_END_SIZE - 8);
    expect_end(r);
    free(bytes);
}

Test(record_file, a_file_without_an_entry_is_one)
{
    cr_assert_eq(end(writer(1)).blocks, 0);
    expect_end(reader());
}

Test(record_file, a_file_appears_when_it_is_complete_and_for_its_owner)
{
    struct vg_record_writer *w = writer(1);
    struct stat info;

    put(w, 0, 1, "x", 1, NULL);
    cr_assert_neq(access(path, F_OK), 0);
    vg_record_writer_free(w);
    cr_assert_neq(access(path, F_OK), 0, "it was not ended");
    end(writer(1));
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
}

/* Changes each byte of a small recording in turn: none is accepted as it was. */
Test(record_file, no_changed_byte_goes_unnoticed)
{
    struct vg_record_writer *w = writer(1);
    char bytes[4096];
    size_t n;
    FILE *f;

    put(w, 0, 1, "{\"patient\":\"p\"}", 15, "p");
    end(w);
    f = fopen(path, "re");
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    cr_assert(n > 100 && n < sizeof(bytes));
    for (size_t i = 0; i < n; i++) {
        struct vg_record_reader *r = NULL;
        struct vg_record_entry e;
        bool over = false;
        vg_status st;

        bytes[i] ^= 0x10;
        f = fopen(path, "we");
        cr_assert_eq(fwrite(bytes, 1, n, f), n);
        fclose(f);
        bytes[i] ^= 0x10;
        st = vg_record_reader_open(path, &r, &err);
        while (st == VG_OK && !over)
            st = vg_record_reader_next(r, &e, &over, &err);
        cr_assert_eq(st, VG_E_IO, "byte %zu of %zu", i, n);
        cr_assert(strstr(err.msg, path), "%s", err.msg);
        vg_record_reader_close(r);
    }
}
