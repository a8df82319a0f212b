/* test_safetensors.c - the reader refuses every file that is not exactly right, and says why. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/safetensors.h"

static struct vg_safetensors *file;
static struct vg_err err;

enum { BYTES_MAX = 4 << 20 };

/* A file of `header` and `floats` floats 1, 2, 3, ...; returns its size. */
static size_t build(uint8_t *bytes, const char *header, size_t header_len, size_t floats)
{
    uint64_t n = header_len;

    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < floats; i++) {
        float v = (float)(i + 1);

        memcpy(bytes + 8 + n + i * 4, &v, 4);
    }
    return 8 + n + floats * 4;
}

static vg_status parse_floats(const char *header, size_t floats)
{
    uint8_t *bytes = malloc(BYTES_MAX);
    size_t n = build(bytes, header, strlen(header), floats);
    vg_status st = vg_safetensors_parse("m.safetensors", bytes, n, &file, &err);

    free(bytes);
    return st;
}

#define TENSOR(name, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

Test(safetensors, a_good_file_gives_its_tensors_and_metadata)
{
    uint64_t matrix[2] = { 2, 0 }, row[1] = { 3 };
    const float *a, *b;

    /* The header is odd in length, so the data are not aligned in the file. */
    cr_assert_eq(parse_floats("{" TENSOR("b", "[3]", 24, 36) "," TENSOR(
                                  "a", "[2,3]", 0, 24) ","
                                                       "\"__metadata__\":{\"kind\":\"lstm\"}}  ",
                              9),
                 VG_OK, "%s", err.msg);
    cr_assert_str_eq(vg_safetensors_metadata(file, "kind"), "lstm");
    cr_assert_null(vg_safetensors_metadata(file, "nothing"));
    cr_assert(vg_safetensors_has(file, "a") && !vg_safetensors_has(file, "c"));
    cr_assert_eq(vg_safetensors_take(file, "a", 2, matrix, &a, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(matrix[1], 3);
    cr_assert_eq(a[5], 6.0f);
    cr_assert_eq(vg_safetensors_all_taken(file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "tensor b"), "%s", err.msg);
    cr_assert_eq(vg_safetensors_take(file, "b", 1, row, &b, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(b[0], 7.0f);
    cr_assert_eq(vg_safetensors_all_taken(file, &err), VG_OK);
    vg_safetensors_free(file);
}

Test(safetensors, a_tensor_of_another_shape_is_not_handed_out)
{
    uint64_t one[1] = { 0 }, two[2] = { 3, 0 };
    const float *a;

    cr_assert_eq(parse_floats("{" TENSOR("a", "[2,3]", 0, 24) "}", 6), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_safetensors_take(file, "a", 1, one, &a, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "m.safetensors: tensor a: expected 1 dimensions, it has 2"), "%s",
              err.msg);
    cr_assert_eq(vg_safetensors_take(file, "a", 2, two, &a, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected size 3 in dimension 1, it is 2"), "%s", err.msg);
    cr_assert_eq(vg_safetensors_take(file, "b", 1, one, &a, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a tensor b"), "%s", err.msg);
    vg_safetensors_free(file);
}

Test(safetensors, the_hash_is_that_of_the_file)
{
    /* printf '\x02\0\0\0\0\0\0\0{}' | sha256sum */
    cr_assert_eq(parse_floats("{}", 0), VG_OK, "%s", err.msg);
    cr_assert_str_eq(vg_safetensors_sha256(file),
                     "411a485216e432ece6b9af94fa32154cf79a2a56d4f81266baa50063f45092bd");
    vg_safetensors_free(file);
}

struct bad {
    char header[200];
    size_t floats;
    char message[80];
};

ParameterizedTestParameters(safetensors, a_bad_header_is_refused)
{
    static struct bad rows[] = {
        { "", 0, "begin with '{'" },
        { "[]", 0, "begin with '{'" },
        { " {}", 0, "begin with '{'" },
        { "{", 0, "not JSON" },
        { "{}x", 0, "not JSON" },
        { "{\"a\":1", 0, "not JSON" },
        { "{\"\xff\":1}", 0, "UTF-8" },
        { "{\"a\":\"\xc3\"}", 0, "UTF-8" },
        { "{\"a\":1,\"a\":1}", 0, "a key occurs twice" },
        { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "a key occurs twice" },
        { "{\"a\":99999999999999999999}", 0, "too big" },
        { "{\"a\":1}", 0, "tensor a: expected an object" },
        { "{\"a\":null}", 0, "tensor a: expected an object" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 1, "expected an object of" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 1,
          "expected an object of" },
        { "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 1, "\"F32\"" },
        { "{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 1, "\"F32\"" },
        { "{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 1, "\"F32\"" },
        { "{" TENSOR("a", "1", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[[1]]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[1.0]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[1e0]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[-1]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[0]", 0, 0) "}", 0, "\"shape\"" },
        { "{" TENSOR("a", "[true]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[\"1\"]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[9007199254740993]", 0, 4) "}", 1, "\"shape\"" },
        { "{" TENSOR("a", "[1,1,1,1,1]", 0, 4) "}", 1, "at most 4" },
        { "{" TENSOR("a", "[4294967296,4294967296]", 0, 0) "}", 0, "less than 2^64" },
        { "{" TENSOR("a", "[4294967296,1073741824]", 0, 0) "}", 0, "less than 2^64" },
        { "{" TENSOR("a", "[2]", 0, 4) "}", 1, "expected 8 bytes" },
        { "{" TENSOR("a", "[1]", 4, 0) "}", 1, "expected 4 bytes" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "two integers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 1, "two integers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0.0,4]}}", 1, "two integers" },
        { "{" TENSOR("a", "[1]", -4, 0) "}", 1, "two integers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 1, "two integers" },
        { "{" TENSOR("a", "[1]", 4, 8) "}", 2, "begin at 0" },
        { "{" TENSOR("a", "[1]", 0, 4) "," TENSOR("b", "[1]", 8, 12) "}", 3,
          "tensor b: expected its data to begin at 4" },
        { "{" TENSOR("a", "[2]", 0, 8) "," TENSOR("b", "[1]", 4, 8) "}", 2, "neither overlap nor" },
        { "{" TENSOR("a", "[1]", 0, 4) "," TENSOR("b", "[1]", 0, 4) "}", 1, "neither overlap nor" },
        { "{" TENSOR("a", "[1]", 0, 4) "}", 2, "expected 4 bytes of data" },
        { "{" TENSOR("a", "[2]", 0, 8) "}", 1, "expected 8 bytes of data" },
        { "{}", 1, "expected 0 bytes of data" },
        { "{" TENSOR("", "[1]", 0, 4) "}", 1, "name" },
        { "{" TENSOR("a b", "[1]", 0, 4) "}", 1, "name" },
        { "{" TENSOR("a\\u001b", "[1]", 0, 4) "}", 1, "name" },
        { "{" TENSOR("a\\u0000b", "[1]", 0, 4) "}", 1, "not JSON" },
        { "{\"__metadata__\":[]}", 0, "__metadata__" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "to be a string" },
        { "{\"__metadata__\":{\"a\":\"\\u001b[2J\"}}", 0, "without control characters" },
        { "{\"__metadata__\":{\"a\\nb\":\"\"}}", 0, "a key of \"__metadata__\" is not" },
        { "{\"__metadata__\":{\"vigil.blake2b\":\"\"}}", 0, "expected 64 hexadecimal digits" },
        { "{\"__metadata__\":{\"a\":{\"b\":{\"c\":{}}}}}", 0, "to be a string" },
    };
    return cr_make_param_array(struct bad, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad *row, safetensors, a_bad_header_is_refused)
{
    cr_assert_eq(parse_floats(row->header, row->floats), VG_E_MODEL, "%s was taken", row->header);
    cr_assert(strstr(err.msg, row->message), "%s: expected %s, got %s", row->header, row->message,
              err.msg);
    cr_assert(strncmp(err.msg, "m.safetensors: ", 15) == 0, "%s", err.msg);
}

Test(safetensors, every_file_that_is_cut_short_is_refused)
{
    uint8_t bytes[512];
    const char *header = "{" TENSOR("a", "[2,3]", 0, 24) "}";
    size_t n = build(bytes, header, strlen(header), 6);

    for (size_t k = 0; k < n; k++) {
        uint8_t *part = malloc(k + 1); /* so that a sanitizer sees one byte too far */

        memcpy(part, bytes, k);
        cr_assert_eq(vg_safetensors_parse("m", part, k, &file, &err), VG_E_MODEL, "%zu bytes", k);
        free(part);
    }
}

Test(safetensors, a_header_length_beyond_the_file_or_1_mib_is_refused)
{
    static const uint64_t lengths[] = { 3, (1 << 20) + 1, UINT64_C(1) << 32, UINT64_MAX - 7,
                                        UINT64_MAX };
    uint8_t bytes[10] = { 0, 0, 0, 0, 0, 0, 0, 0, '{', '}' };

    for (size_t i = 0; i < VG_ARRAY_LEN(lengths); i++) {
        memcpy(bytes, &lengths[i], 8);
        cr_assert_eq(vg_safetensors_parse("m", bytes, sizeof(bytes), &file, &err), VG_E_MODEL);
        cr_assert(strstr(err.msg, "at most 1 MiB"), "%s", err.msg);
    }
}

Test(safetensors, deep_nesting_is_an_error_and_not_an_overflow)
{
    char *header = malloc(1 << 20);

    memset(header, '[', (1 << 20) - 1);
    header[(1 << 20) - 1] = '\0';
    memcpy(header, "{\"a\":", 5);
    cr_assert_eq(parse_floats(header, 0), VG_E_MODEL);
    cr_assert(strstr(err.msg, "nested"), "%s", err.msg);
    free(header);
}

Test(safetensors, more_than_256_tensors_are_refused)
{
    for (int tensors = VG_TENSORS_MAX; tensors <= VG_TENSORS_MAX + 1; tensors++) {
        char *header = malloc(1 << 16);
        int n = sprintf(header, "{");

        for (int i = 0; i < tensors; i++)
            n += sprintf(header + n,
                         "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                         i ? "," : "", i, 4 * i, 4 * i + 4);
        sprintf(header + n, "}");
        if (tensors == VG_TENSORS_MAX) {
            cr_assert_eq(parse_floats(header, (size_t)tensors), VG_OK, "%s", err.msg);
            vg_safetensors_free(file);
        } else {
            cr_assert_eq(parse_floats(header, (size_t)tensors), VG_E_MODEL);
            cr_assert(strstr(err.msg, "at most 256 tensors"), "%s", err.msg);
        }
        free(header);
    }
}

Test(safetensors, values_that_are_not_finite_are_refused)
{
    static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    const char *header = "{" TENSOR("a", "[3]", 0, 12) "}";
    uint8_t bytes[256];
    size_t n = build(bytes, header, strlen(header), 3);

    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        memcpy(bytes + n - 4, &bad[i], 4);
        cr_assert_eq(vg_safetensors_parse("m", bytes, n, &file, &err), VG_E_MODEL);
        cr_assert(strstr(err.msg, "tensor a: expected finite values, number 2"), "%s", err.msg);
    }
}

Test(safetensors, what_is_no_regular_file_is_refused_without_waiting)
{
    char path[] = "/tmp/vigil-fifo-XXXXXX";

    cr_assert(mkdtemp(path));
    cr_assert_eq(vg_safetensors_read(path, &file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a regular file"), "%s", err.msg);
    rmdir(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(vg_safetensors_read(path, &file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a regular file"), "%s", err.msg);
    remove(path);
    cr_assert_eq(vg_safetensors_read(path, &file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "No such file"), "%s", err.msg);
}

Test(safetensors, a_file_above_64_mib_is_refused_before_it_is_read)
{
    char path[] = "/tmp/vigil-big-XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && ftruncate(fd, (64 << 20) + 1) == 0);
    close(fd);
    cr_assert_eq(vg_safetensors_read(path, &file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "at most 64 MiB"), "%s", err.msg);
    remove(path);
}

/* ---- prefixes, and what nobody took ---- */

Test(safetensors, names_behind_a_prefix_are_seen_when_it_is_entered)
{
    uint64_t shape[1] = { 1 };
    const float *a;
    size_t outside, inside;

    cr_assert_eq(
        parse_floats("{\"__metadata__\":{\"m0.k\":\"v\"}," TENSOR("m0.m1.a", "[1]", 0, 4) "}", 1),
        VG_OK, "%s", err.msg);
    cr_assert(!vg_safetensors_metadata(file, "k"));
    outside = vg_safetensors_enter(file, "m0.");
    cr_assert_str_eq(vg_safetensors_metadata(file, "k"), "v");
    cr_assert(!vg_safetensors_has(file, "a"));
    inside = vg_safetensors_enter(file, "m1.");
    cr_assert_str_eq(vg_safetensors_prefix(file), "m0.m1.");
    cr_assert_eq(vg_safetensors_take(file, "b", 1, shape, &a, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected a tensor m0.m1.b"), "%s", err.msg);
    cr_assert_eq(vg_safetensors_take(file, "a", 1, shape, &a, &err), VG_OK, "%s", err.msg);
    vg_safetensors_leave(file, inside);
    cr_assert(!vg_safetensors_has(file, "a"));
    vg_safetensors_leave(file, outside);
    cr_assert(vg_safetensors_has(file, "m0.m1.a"));
    cr_assert_eq(vg_safetensors_all_taken(file, &err), VG_OK, "%s", err.msg);
    vg_safetensors_free(file);
}

Test(safetensors, texts_that_nobody_took_are_refused_but_notes_are_not)
{
    cr_assert_eq(
        parse_floats("{\"__metadata__\":{\"format\":\"pt\",\"note.x\":\"y\",\"k\":\"v\"}}", 0),
        VG_OK, "%s", err.msg);
    cr_assert(!vg_safetensors_sealed(file));
    cr_assert_eq(vg_safetensors_all_taken(file, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "metadata \"k\": expected no such key"), "%s", err.msg);
    cr_assert_str_eq(vg_safetensors_metadata(file, "k"), "v");
    cr_assert_eq(vg_safetensors_all_taken(file, &err), VG_OK, "%s", err.msg);
    vg_safetensors_free(file);
}

/* Digits as an escape that JSON reads as the same text are not where the digest expects them. */
Test(safetensors, a_seal_that_cannot_be_found_in_the_bytes_is_refused)
{
    char header[256], digits[65];

    memset(digits, 'a', 64);
    digits[64] = '\0';
    snprintf(header, sizeof(header), "{\"__metadata__\":{\"vigil.blake2b\":\"\\u0061%s\"}}",
             digits + 1);
    cr_assert_eq(parse_floats(header, 0), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected its digits once in the header"), "%s", err.msg);
    snprintf(header, sizeof(header),
             "{\"__metadata__\":{\"vigil.blake2b\":\"%s\",\"note.b\":\"%s\"}}", digits, digits);
    cr_assert_eq(parse_floats(header, 0), VG_E_MODEL);
    cr_assert(strstr(err.msg, "expected its digits once in the header"), "%s", err.msg);
    snprintf(header, sizeof(header), "{\"__metadata__\":{\"vigil.blake2b\":\"%s\"}}", digits);
    cr_assert_eq(parse_floats(header, 0), VG_E_MODEL);
    cr_assert(strstr(err.msg, "the file was changed after it was written"), "%s", err.msg);
}
