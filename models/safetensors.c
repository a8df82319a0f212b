/* safetensors.c - the strict reader. The checks run in the order of the bytes: size, header, JSON,
 * each entry, then how the entries cover the data, and only then are values looked at. */
#include "models/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "models/seal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are used as they are stored");

enum {
    PREFIX = 8,
    HEADER_MAX = 1 << 20,
    SEAL_DIGITS = VG_SEAL_SIZE - 1,
};

#define INTEGER_MAX (INT64_C(1) << 53) /* beyond it JSON writers disagree */

struct tensor {
    const char *name; /* owned by the header */
    uint32_t rank;
    uint64_t shape[VG_TENSOR_RANK_MAX];
    uint64_t begin, end;
    bool taken;
};

struct text {
    const char *key, *text; /* owned by the header */
    bool taken;
};

struct vg_safetensors {
    char *path;
    char sha256[2 * crypto_hash_sha256_BYTES + 1];
    json_t *header;
    float *data;
    uint64_t data_len; /* bytes */
    bool sealed;
    uint32_t n, texts;
    struct tensor tensor[VG_TENSORS_MAX];
    struct text *text; /* [texts]; taken ones are marked, whoever looks */
    char prefix[VG_TENSOR_NAME_SIZE];
};

/* ---- entries of the header ---- */

static bool name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return n > 0 && n < VG_TENSOR_NAME_SIZE && name[n] == '\0';
}

static bool read_integer(const json_t *v, uint64_t *ret)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INTEGER_MAX)
        return false;
    *ret = (uint64_t)json_integer_value(v);
    return true;
}

static vg_status bad_entry(const struct vg_safetensors *f, const char *name, const char *expected,
                           struct vg_err *err)
{
    return vg_fail(err, VG_E_MODEL, "%s: tensor %s: expected %s", f->path, name, expected);
}

static vg_status read_shape(const struct vg_safetensors *f, const json_t *v, struct tensor *t,
                            struct vg_err *err)
{
    uint64_t bytes = sizeof(float);

    if (!json_is_array(v) || json_array_size(v) > VG_TENSOR_RANK_MAX)
        return bad_entry(f, t->name, "\"shape\" to be an array of at most 4 sizes", err);
    t->rank = (uint32_t)json_array_size(v);
    for (uint32_t i = 0; i < t->rank; i++) {
        if (!read_integer(json_array_get(v, i), &t->shape[i]) || t->shape[i] == 0)
            return bad_entry(f, t->name, "sizes in \"shape\" to be integers from 1 to 2^53", err);
        if (__builtin_mul_overflow(bytes, t->shape[i], &bytes))
            return bad_entry(f, t->name, "\"shape\" to have less than 2^64 bytes", err);
    }
    if (t->end < t->begin || t->end - t->begin != bytes)
        return vg_fail(err, VG_E_MODEL,
                       "%s: tensor %s: expected %llu bytes for its shape, data_offsets say "
                       "[%llu, %llu)",
                       f->path, t->name, (unsigned long long)bytes, (unsigned long long)t->begin,
                       (unsigned long long)t->end);
    return VG_OK;
}

static vg_status read_tensor(const struct vg_safetensors *f, const char *name, const json_t *v,
                             struct tensor *t, struct vg_err *err)
{
    const json_t *dtype = json_object_get(v, "dtype");
    const json_t *offsets = json_object_get(v, "data_offsets");

    if (!name_ok(name))
        return vg_fail(err, VG_E_MODEL,
                       "%s: a tensor's name is not 1 to 127 letters, digits, '.', '_' or '-'",
                       f->path);
    t->name = name;
    if (!json_is_object(v) || json_object_size(v) != 3)
        return bad_entry(f, name, "an object of \"dtype\", \"shape\" and \"data_offsets\"", err);
    if (!json_is_string(dtype) || strcmp(json_string_value(dtype), "F32") != 0)
        return bad_entry(f, name, "\"dtype\" to be \"F32\"; convert the model to float32", err);
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_integer(json_array_get(offsets, 0), &t->begin) ||
        !read_integer(json_array_get(offsets, 1), &t->end))
        return bad_entry(f, name, "\"data_offsets\" to be two integers from 0 to 2^53", err);
    return read_shape(f, json_object_get(v, "shape"), t, err);
}

/* Texts are printed in errors and reports: what a terminal would obey is not taken. */
static bool text_ok(const json_t *v)
{
    const char *text = json_string_value(v);

    for (size_t i = 0; text && text[i]; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return text;
}

static vg_status read_texts(struct vg_safetensors *f, struct vg_err *err)
{
    json_t *metadata = json_object_get(f->header, "__metadata__"), *v;
    const char *key;

    if (!metadata)
        return VG_OK;
    if (!json_is_object(metadata) || json_object_size(metadata) > VG_TENSORS_MAX)
        return vg_fail(err, VG_E_MODEL,
                       "%s: expected \"__metadata__\" to be an object of at most %d texts", f->path,
                       VG_TENSORS_MAX);
    f->text = calloc(json_object_size(metadata) + 1, sizeof(*f->text));
    VG_CHECK(f->text);
    json_object_foreach(metadata, key, v)
    {
        if (!name_ok(key))
            return vg_fail(
                err, VG_E_MODEL,
                "%s: a key of \"__metadata__\" is not 1 to 127 letters, digits, '.', '_' "
                "or '-'",
                f->path);
        if (!text_ok(v))
            return vg_fail(err, VG_E_MODEL,
                           "%s: metadata \"%s\": expected every value of \"__metadata__\" to be a "
                           "string without control characters",
                           f->path, key);
        f->text[f->texts++] = (struct text){ .key = key, .text = json_string_value(v) };
    }
    return VG_OK;
}

static vg_status read_entries(struct vg_safetensors *f, struct vg_err *err)
{
    const char *name;
    json_t *v;

    json_object_foreach(f->header, name, v)
    {
        vg_status st;

        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (f->n == VG_TENSORS_MAX)
            return vg_fail(err, VG_E_MODEL, "%s: expected at most %d tensors", f->path,
                           VG_TENSORS_MAX);
        st = read_tensor(f, name, v, &f->tensor[f->n], err);
        if (st != VG_OK)
            return st;
        f->n++;
    }
    return read_texts(f, err);
}

static int by_begin(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Tensors must cover the data without gap or overlap: bytes that nobody describes, or that two
 * describe, mean that the file was not written by what it claims. */
static vg_status check_coverage(struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t at = 0;

    qsort(f->tensor, f->n, sizeof(f->tensor[0]), by_begin);
    for (uint32_t i = 0; i < f->n; i++) {
        const struct tensor *t = &f->tensor[i];

        if (t->begin != at)
            return vg_fail(err, VG_E_MODEL,
                           "%s: tensor %s: expected its data to begin at %llu, it begins at %llu: "
                           "data must neither overlap nor leave a gap",
                           f->path, t->name, (unsigned long long)at, (unsigned long long)t->begin);
        at = t->end;
    }
    if (at != f->data_len)
        return vg_fail(err, VG_E_MODEL,
                       "%s: expected %llu bytes of data after the header, the file has %llu",
                       f->path, (unsigned long long)at, (unsigned long long)f->data_len);
    return VG_OK;
}

static vg_status check_values(const struct vg_safetensors *f, struct vg_err *err)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const struct tensor *t = &f->tensor[i];
        const float *values = f->data + t->begin / sizeof(float);
        uint64_t n = (t->end - t->begin) / sizeof(float);

        for (uint64_t k = 0; k < n; k++) {
            if (!isfinite(values[k]))
                return vg_fail(err, VG_E_MODEL,
                               "%s: tensor %s: expected finite values, number %llu is not", f->path,
                               t->name, (unsigned long long)k);
        }
    }
    return VG_OK;
}

/* ---- the seal ---- */

static vg_status check_seal(struct vg_safetensors *f, const uint8_t *bytes, size_t n,
                            struct vg_err *err)
{
    const char *seal = vg_safetensors_metadata(f, "vigil.blake2b");
    size_t header_len = n - PREFIX - (size_t)f->data_len;
    char actual[VG_SEAL_SIZE];
    const uint8_t *at;

    if (!seal)
        return VG_OK;
    if (strlen(seal) != SEAL_DIGITS || strspn(seal, "0123456789abcdef") != SEAL_DIGITS)
        return vg_fail(err, VG_E_MODEL,
                       "%s: metadata \"vigil.blake2b\": expected 64 hexadecimal digits", f->path);
    at = memmem(bytes + PREFIX, header_len, seal, SEAL_DIGITS);
    if (!at || memmem(at + 1, (size_t)(bytes + PREFIX + header_len - at) - 1, seal, SEAL_DIGITS))
        return vg_fail(err, VG_E_MODEL,
                       "%s: metadata \"vigil.blake2b\": expected its digits once in the header",
                       f->path);
    vg_seal(bytes, n, (size_t)(at - bytes), actual);
    if (strcmp(actual, seal) != 0)
        return vg_fail(err, VG_E_MODEL,
                       "%s: the file was changed after it was written: its BLAKE2b is %s, it says "
                       "%s",
                       f->path, actual, seal);
    f->sealed = true;
    return VG_OK;
}

/* ---- the file ---- */

static const char *json_fault(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_duplicate_key:
        return "a key occurs twice";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_numeric_overflow:
        return "a number is too big";
    case json_error_stack_overflow:
        return "it is nested too deeply";
    default:
        return "it is not JSON";
    }
}

static vg_status read_header(struct vg_safetensors *f, const char *text, size_t n,
                             struct vg_err *err)
{
    json_error_t e;

    if (n == 0 || text[0] != '{')
        return vg_fail(err, VG_E_MODEL, "%s: expected the header to begin with '{'", f->path);
    f->header = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (!f->header)
        return vg_fail(err, VG_E_MODEL, "%s: the header cannot be read: %s (at byte %d of it)",
                       f->path, json_fault(&e), e.position);
    return VG_OK;
}

static vg_status parse(struct vg_safetensors *f, const uint8_t *bytes, size_t n, struct vg_err *err)
{
    uint64_t header_len;
    vg_status st;

    if (n < PREFIX || n > VG_SAFETENSORS_MAX)
        return vg_fail(err, VG_E_MODEL,
                       "%s: expected a file of 8 bytes to 64 MiB, it has %zu bytes", f->path, n);
    memcpy(&header_len, bytes, PREFIX);
    if (header_len > HEADER_MAX || header_len > n - PREFIX)
        return vg_fail(err, VG_E_MODEL,
                       "%s: expected a header of at most 1 MiB within the file's %zu bytes, its "
                       "length is said to be %llu: cut short, or not a safetensors file",
                       f->path, n, (unsigned long long)header_len);
    st = read_header(f, (const char *)bytes + PREFIX, (size_t)header_len, err);
    if (st == VG_OK)
        st = read_entries(f, err);
    f->data_len = n - PREFIX - header_len;
    if (st == VG_OK)
        st = check_coverage(f, err);
    if (st == VG_OK)
        st = check_seal(f, bytes, n, err);
    if (st != VG_OK)
        return st;

    /* Copied, because the header's length need not leave floats aligned. */
    f->data = malloc(f->data_len + sizeof(float));
    VG_CHECK(f->data);
    memcpy(f->data, bytes + PREFIX + header_len, f->data_len);
    return check_values(f, err);
}

vg_status vg_safetensors_parse(const char *path, const uint8_t *bytes, size_t n,
                               struct vg_safetensors **ret, struct vg_err *err)
{
    struct vg_safetensors *f = calloc(1, sizeof(*f));
    uint8_t digest[crypto_hash_sha256_BYTES];
    vg_status st;

    VG_CHECK(f && sodium_init() >= 0);
    f->path = strdup(path);
    VG_CHECK(f->path);
    st = parse(f, bytes, n, err);
    if (st != VG_OK) {
        vg_safetensors_free(f);
        return st;
    }
    crypto_hash_sha256(digest, bytes, n);
    sodium_bin2hex(f->sha256, sizeof(f->sha256), digest, sizeof(digest));
    *ret = f;
    return VG_OK;
}

void vg_safetensors_free(struct vg_safetensors *f)
{
    if (!f)
        return;
    json_decref(f->header);
    free(f->text);
    free(f->data);
    free(f->path);
    free(f);
}

/* ---- what is in it ---- */

const char *vg_safetensors_path(const struct vg_safetensors *f)
{
    return f->path;
}

const char *vg_safetensors_sha256(const struct vg_safetensors *f)
{
    return f->sha256;
}

bool vg_safetensors_sealed(const struct vg_safetensors *f)
{
    return f->sealed;
}

size_t vg_safetensors_enter(struct vg_safetensors *f, const char *prefix)
{
    size_t before = strlen(f->prefix), n = strlen(prefix);

    VG_CHECK(before + n < sizeof(f->prefix));
    memcpy(f->prefix + before, prefix, n + 1);
    return before;
}

void vg_safetensors_leave(struct vg_safetensors *f, size_t entered)
{
    f->prefix[entered] = '\0';
}

const char *vg_safetensors_prefix(const struct vg_safetensors *f)
{
    return f->prefix;
}

/* Whether `full` is `name` behind the prefix. */
static bool named(const struct vg_safetensors *f, const char *full, const char *name)
{
    size_t n = strlen(f->prefix);

    return strncmp(full, f->prefix, n) == 0 && strcmp(full + n, name) == 0;
}

const char *vg_safetensors_metadata(const struct vg_safetensors *f, const char *key)
{
    for (uint32_t i = 0; i < f->texts; i++) {
        if (named(f, f->text[i].key, key)) {
            f->text[i].taken = true;
            return f->text[i].text;
        }
    }
    return NULL;
}

static uint32_t find(const struct vg_safetensors *f, const char *name)
{
    uint32_t i = 0;

    while (i < f->n && !named(f, f->tensor[i].name, name))
        i++;
    return i;
}

bool vg_safetensors_has(const struct vg_safetensors *f, const char *name)
{
    return find(f, name) < f->n;
}

vg_status vg_safetensors_take(struct vg_safetensors *f, const char *name, uint32_t rank,
                              uint64_t *shape, const float **ret, struct vg_err *err)
{
    uint32_t i = find(f, name);
    struct tensor *t;

    if (i == f->n)
        return vg_fail(err, VG_E_MODEL, "%s: expected a tensor %s%s, there is none", f->path,
                       f->prefix, name);
    t = &f->tensor[i];
    if (t->rank != rank)
        return vg_fail(err, VG_E_MODEL, "%s: tensor %s: expected %u dimensions, it has %u", f->path,
                       t->name, rank, t->rank);
    for (uint32_t k = 0; k < rank; k++) {
        if (shape[k] != 0 && shape[k] != t->shape[k])
            return vg_fail(err, VG_E_MODEL,
                           "%s: tensor %s: expected size %llu in dimension %u, it is %llu", f->path,
                           t->name, (unsigned long long)shape[k], k + 1,
                           (unsigned long long)t->shape[k]);
        shape[k] = t->shape[k];
    }
    t->taken = true;
    *ret = f->data + t->begin / sizeof(float);
    return VG_OK;
}

bool vg_safetensors_tensor(const struct vg_safetensors *f, uint32_t i, struct vg_tensor *ret)
{
    const struct tensor *t;

    if (i >= f->n)
        return false;
    t = &f->tensor[i];
    *ret = (struct vg_tensor){ .name = t->name,
                               .rank = t->rank,
                               .value = f->data + t->begin / sizeof(float) };
    memcpy(ret->shape, t->shape, sizeof(t->shape));
    return true;
}

bool vg_safetensors_text(const struct vg_safetensors *f, uint32_t i,
                         struct vg_safetensors_text *ret)
{
    if (i >= f->texts)
        return false;
    *ret = (struct vg_safetensors_text){ f->text[i].key, f->text[i].text };
    return true;
}

static bool may_stay(const char *key)
{
    return strcmp(key, "format") == 0 || strncmp(key, "note.", strlen("note.")) == 0;
}

vg_status vg_safetensors_all_taken(const struct vg_safetensors *f, struct vg_err *err)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->tensor[i].taken)
            return vg_fail(err, VG_E_MODEL, "%s: tensor %s: expected no such tensor in this model",
                           f->path, f->tensor[i].name);
    }
    for (uint32_t i = 0; i < f->texts; i++) {
        if (!f->text[i].taken && !may_stay(f->text[i].key))
            return vg_fail(err, VG_E_MODEL,
                           "%s: metadata \"%s\": expected no such key in this model", f->path,
                           f->text[i].key);
    }
    return VG_OK;
}
