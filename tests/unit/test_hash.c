/* test_hash.c - digests against published vectors, and what the id of an episode hangs on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/hash.h"

Test(hash, sha256_of_bytes_and_of_a_file_is_that_of_fips_180)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char path[] = "/tmp/vigil-test-hash-XXXXXX";
    char digits[VG_SHA256_HEX_SIZE];
    struct vg_err err;
    int fd = mkstemp(path);

    vg_sha256_hex("abc", 3, digits);
    cr_assert_str_eq(digits, abc);
    cr_assert_eq(write(fd, "abc", 3), 3);
    close(fd);
    cr_assert_eq(vg_sha256_file(path, digits, &err), VG_OK);
    cr_assert_str_eq(digits, abc);
    unlink(path);
    cr_assert_eq(vg_sha256_file(path, digits, &err), VG_E_IO);
    cr_assert(strstr(err.msg, path));
    cr_assert_eq(vg_sha256_file("/dev/zero", digits, &err), VG_E_IO);
}

static const struct vg_origin row = { .offset = 1841, .index = 2, .due_ns = 5 };
static const struct vg_origin due = { .has_due = true, .offset = 1841, .index = 2, .due_ns = 5 };

static void id_of(const struct vg_origin *origin, const char *patient, char text[33])
{
    uint8_t id[16];

    vg_episode_id("icu-a", "cluster-1", "vitals.raw", 3, origin, "spo2_low", VG_CHANNEL_spo2,
                  patient, id);
    vg_episode_text(id, text);
}

/* Made by Python: hashlib.blake2b(digest_size=16) over the fields, each behind four bytes of length.
 * If this fails, every site's alerts get other ids: do not change the expected values. */
Test(hash, ids_of_episodes_are_the_same_in_every_version)
{
    char text[33];

    id_of(&row, "p-1", text);
    cr_assert_str_eq(text, "189dcb8e2c4ed3491441fb2985b61b77");
    id_of(&due, "p-1", text);
    cr_assert_str_eq(text, "4bed8664b93906be15f354f8157ac29b");
}

Test(hash,
     an_episode_that_began_with_a_row_is_named_by_its_place_and_one_of_a_timer_by_patient_and_time)
{
    struct vg_origin other = row, command = row;
    char a[33], b[33];

    id_of(&row, "p-1", a);
    id_of(&row, "p-2", b);
    cr_assert_str_eq(a, b);
    other.index = 3;
    id_of(&other, "p-1", b);
    cr_assert_str_neq(a, b);
    command.ordered = true;
    id_of(&command, "p-1", b);
    cr_assert_str_neq(a, b);

    id_of(&due, "p-1", a);
    other = due;
    other.offset = 7;
    id_of(&other, "p-1", b);
    cr_assert_str_eq(a, b);
    id_of(&due, "p-2", b);
    cr_assert_str_neq(a, b);
    other = due;
    other.due_ns = 6;
    id_of(&other, "p-1", b);
    cr_assert_str_neq(a, b);
}

Test(hash, fields_that_join_to_the_same_text_are_not_the_same_id)
{
    uint8_t a[16], b[16];

    vg_episode_id("ab", "c", "t", 0, &row, "r", VG_CHANNEL_NONE, "", a);
    vg_episode_id("a", "bc", "t", 0, &row, "r", VG_CHANNEL_NONE, "", b);
    cr_assert_neq(memcmp(a, b, 16), 0);
    vg_episode_id("ab", "c", "t", 0, &row, "r", VG_CHANNEL_hr, "", b);
    cr_assert_neq(memcmp(a, b, 16), 0);
    vg_episode_id("ab", "c", "t", 1, &row, "r", VG_CHANNEL_NONE, "", b);
    cr_assert_neq(memcmp(a, b, 16), 0);
}
