/* test_safetensors_write.c - the writer: its bytes, its seal, and that the reader agrees. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/safetensors.h"
#include "models/safetensors_write.h"

TestSuite(safetensors_write, .timeout = 30);

static struct vg_err err;

static void fill(struct vg_safetensors_out *out)
{
    const uint32_t matrix[2] = { 2, 3 }, row[1] = { 2 };
    const float a[] = { 1, 2, 3, 4, 5, -0.0f }, b[] = { 0.5f, 1e-40f };

    vg_safetensors_add_text(out, "kind", "toy");
    vg_safetensors_add_text(out, "note.quote", "\"a\\b\": \303\244");
    vg_safetensors_add(out, "second", 2, matrix, a);
    vg_safetensors_add(out, "first", 1, row, b);
}

/* As Python: json.dumps, and hashlib.blake2b(digest_size=32) of the file with its digits '0'. */
Test(safetensors_write, the_bytes_are_those_that_the_header_promises)
{
    static const char header[] =
        "{\"__metadata__\":{\"vigil.blake2b\":"
        "\"6016fb0528a13b75d1156de617826139a3aa7b0332c3bc08f5b20af88fcfddb8\","
        "\"kind\":\"toy\",\"note.quote\":\"\\\"a\\\\b\\\": \303\244\"},"
        "\"second\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"first\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}";
    const size_t padded = (sizeof(header) - 1 + 7) / 8 * 8;
    struct vg_safetensors_out out = { 0 };
    struct vg_buf bytes = VG_BUF_INIT;
    uint64_t header_len;

    fill(&out);
    vg_safetensors_bytes(&out, &bytes);
    memcpy(&header_len, bytes.data, 8);
    cr_assert_eq(header_len, padded);
    cr_assert_eq(bytes.len, 8 + padded + 32);
    cr_assert(memcmp(bytes.data + 8, header, sizeof(header) - 1) == 0, "%.*s", (int)padded,
              bytes.data + 8);
    for (size_t i = sizeof(header) - 1; i < padded; i++)
        cr_assert_eq(bytes.data[8 + i], ' ');
    vg_buf_done(&bytes);
    vg_safetensors_out_done(&out);
}

Test(safetensors_write, the_same_calls_give_the_same_bytes_and_leave_room_for_more)
{
    struct vg_safetensors_out one = { 0 }, other = { 0 };
    struct vg_buf a = VG_BUF_INIT, b = VG_BUF_INIT;
    const uint32_t shape[1] = { 1 };
    const float value = 7;

    fill(&one);
    fill(&other);
    vg_safetensors_bytes(&one, &a);
    vg_safetensors_add(&one, "third", 1, shape, &value);
    vg_safetensors_bytes(&other, &b);
    cr_assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    vg_safetensors_add(&other, "third", 1, shape, &value);
    vg_buf_clear(&a);
    vg_buf_clear(&b);
    vg_safetensors_bytes(&one, &a);
    vg_safetensors_bytes(&other, &b);
    cr_assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    vg_buf_done(&a);
    vg_buf_done(&b);
    vg_safetensors_out_done(&one);
    vg_safetensors_out_done(&other);
}

Test(safetensors_write, the_reader_gives_back_what_was_written)
{
    struct vg_safetensors_out out = { 0 };
    struct vg_buf bytes = VG_BUF_INIT;
    struct vg_safetensors *f;
    struct vg_tensor t;

    fill(&out);
    vg_safetensors_bytes(&out, &bytes);
    cr_assert_eq(vg_safetensors_parse("m", (const uint8_t *)bytes.data, bytes.len, &f, &err), VG_OK,
                 "%s", err.msg);
    cr_assert(vg_safetensors_sealed(f));
    cr_assert_str_eq(vg_safetensors_metadata(f, "note.quote"), "\"a\\b\": \303\244");
    cr_assert(vg_safetensors_tensor(f, 0, &t));
    cr_assert_str_eq(t.name, "second");
    cr_assert_eq(t.shape[1], 3);
    cr_assert(signbit(t.value[5]), "bit by bit");
    cr_assert(vg_safetensors_tensor(f, 1, &t));
    cr_assert_eq(t.value[1], 1e-40f);
    cr_assert(!vg_safetensors_tensor(f, 2, &t));
    vg_safetensors_free(f);
    vg_buf_done(&bytes);
    vg_safetensors_out_done(&out);
}

static void list(const char *folder, struct vg_buf *names)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    cr_assert(d);
    while ((e = readdir(d))) {
        if (e->d_name[0] != '.')
            vg_buf_printf(names, "%s ", e->d_name);
    }
    closedir(d);
}

Test(safetensors_write, a_file_is_replaced_whole_or_not_at_all)
{
    char folder[] = "/tmp/vigil-write-XXXXXX", path[64], nowhere[64];
    struct vg_safetensors_out out = { 0 };
    struct vg_buf names = VG_BUF_INIT;
    struct vg_safetensors *f;

    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/m.safetensors", folder);
    snprintf(nowhere, sizeof(nowhere), "%s/no/m.safetensors", folder);
    fill(&out);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(vg_safetensors_write(&out, path, &err), VG_OK, "%s", err.msg);
        cr_assert_eq(vg_safetensors_read(path, &f, &err), VG_OK, "%s", err.msg);
        vg_safetensors_free(f);
    }
    list(folder, &names);
    cr_assert_str_eq(names.data, "m.safetensors ", "nothing else is left");

    cr_assert_eq(vg_safetensors_write(&out, nowhere, &err), VG_E_IO);
    cr_assert(strstr(err.msg, "m.safetensors: cannot be written: No such file"), "%s", err.msg);
    cr_assert_eq(mkdir(nowhere, 0700), -1);
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(vg_safetensors_write(&out, path, &err), VG_E_IO, "a folder in its place");
    vg_buf_clear(&names);
    list(folder, &names);
    cr_assert_str_eq(names.data, "m.safetensors ", "nothing else is left");
    rmdir(path);
    rmdir(folder);
    vg_buf_done(&names);
    vg_safetensors_out_done(&out);
}
