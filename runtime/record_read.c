/* record_read.c - reads a recording, and says at which byte it stops making sense. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <jansson.h>
#include <zstd.h>

#include "core/sink.h"
#include "runtime/record_file.h"
#include "runtime/record_format.h"

struct vg_record_reader {
    char *path;
    FILE *file;
    uint64_t at, size; /* bytes read, bytes in all (0: not known) */
    struct vg_record_head head;
    struct vg_record_counts counts;
    ZSTD_DCtx *zstd;
    uint8_t *packed, *block;
    size_t packed_cap, block_cap;
    size_t block_len, next; /* in `block` */
    uint32_t left;          /* entries of the block */
};

static vg_status damaged(const struct vg_record_reader *r, uint64_t at, const char *what,
                         struct vg_err *err)
{
    return vg_fail(err, VG_E_IO, "%s is damaged at byte %llu: %s", r->path, (unsigned long long)at,
                   what);
}

static vg_status short_file(const struct vg_record_reader *r, struct vg_err *err)
{
    if (ferror(r->file))
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", r->path, strerror(errno));
    return vg_fail(err, VG_E_IO,
                   "%s was cut short: it ends at byte %llu, behind %llu records and before the end "
                   "mark",
                   r->path, (unsigned long long)r->at, (unsigned long long)r->counts.records);
}

static vg_status get(struct vg_record_reader *r, void *bytes, size_t n, struct vg_err *err)
{
    size_t got = fread(bytes, 1, n, r->file);

    r->at += got;
    return got == n ? VG_OK : short_file(r, err);
}

static uint8_t *grow(uint8_t *bytes, size_t *cap, size_t n)
{
    if (n > *cap) {
        bytes = realloc(bytes, n);
        VG_CHECK(bytes != NULL);
        *cap = n;
    }
    return bytes;
}

/* The size of the skippable frame that follows. */
static vg_status get_aside(struct vg_record_reader *r, uint32_t *ret, struct vg_err *err)
{
    uint64_t at = r->at;
    uint8_t head[8];
    vg_status st = get(r, head, sizeof(head), err);

    if (st != VG_OK)
        return st;
    *ret = vg_record_get32(head + 4);
    if (vg_record_get32(head) != VG_RECORD_SKIPPABLE)
        return damaged(r, at, "no block begins here", err);
    return VG_OK;
}

/* ---- the head ---- */

static void copy(const json_t *json, const char *key, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(json, key));

    snprintf(ret, size, "%s", text ? text : "");
}

static int64_t time_of(const json_t *json, const char *key)
{
    const json_t *ns = json_object_get(json, key);

    return json_is_integer(ns) ? json_integer_value(ns) : VG_TIME_NONE;
}

static vg_status parse_head(struct vg_record_reader *r, const char *text, size_t n,
                            struct vg_err *err)
{
    struct vg_record_head *h = &r->head;
    json_t *json = json_loadb(text, n, 0, NULL);
    json_int_t partitions = json_integer_value(json_object_get(json, "partitions"));

    copy(json, "vigil", h->vigil, sizeof(h->vigil));
    copy(json, "pipeline", h->pipeline, sizeof(h->pipeline));
    copy(json, "topic", h->topic, sizeof(h->topic));
    copy(json, "cluster", h->cluster, sizeof(h->cluster));
    copy(json, "config", h->config, sizeof(h->config));
    h->from_ns = time_of(json, "from_ns");
    h->until_ns = time_of(json, "until_ns");
    h->commands = json_is_true(json_object_get(json, "commands"));
    h->partitions = partitions > 0 && partitions <= VG_SHARDS_MAX ? (uint32_t)partitions : 0;
    json_decref(json);
    return h->partitions && h->topic[0]
               ? VG_OK
               : damaged(r, 20, "its head lacks the topic or the number of partitions", err);
}

static vg_status check_head(struct vg_record_reader *r, const uint8_t *bytes, size_t n,
                            struct vg_err *err)
{
    uint8_t digest[VG_RECORD_DIGEST];
    uint32_t version = vg_record_get32(bytes + 4), len = vg_record_get32(bytes + 8);

    if (version != VG_RECORD_VERSION)
        return vg_fail(err, VG_E_IO, "%s is a recording of version %u; this Vigil reads version %d",
                       r->path, version, VG_RECORD_VERSION);
    if (len != n - 12 - VG_RECORD_DIGEST)
        return damaged(r, 16, "the lengths in its head do not agree", err);
    vg_record_digest(bytes, n - VG_RECORD_DIGEST, NULL, 0, digest);
    if (memcmp(digest, bytes + n - VG_RECORD_DIGEST, sizeof(digest)) != 0)
        return damaged(r, 8, "the checksum of its head is wrong", err);
    return parse_head(r, (const char *)bytes + 12, len, err);
}

static vg_status read_head(struct vg_record_reader *r, struct vg_err *err)
{
    uint8_t bytes[VG_RECORD_HEAD_MAX];
    struct vg_err ignored;
    uint32_t n = 0;

    if (get_aside(r, &n, &ignored) != VG_OK || n < 12 + VG_RECORD_DIGEST || n > sizeof(bytes) ||
        get(r, bytes, n, &ignored) != VG_OK ||
        memcmp(bytes, VG_RECORD_MARK_HEAD, VG_RECORD_MARK) != 0)
        return vg_fail(err, VG_E_IO, "%s is no recording; `vigil record` makes one", r->path);
    return check_head(r, bytes, n, err);
}

vg_status vg_record_reader_open(const char *path, struct vg_record_reader **ret, struct vg_err *err)
{
    struct vg_record_reader *r = calloc(1, sizeof(*r));
    struct stat info;
    vg_status st;

    VG_CHECK(r != NULL);
    r->path = strdup(path);
    r->zstd = ZSTD_createDCtx();
    VG_CHECK(r->path && r->zstd);
    r->file = fopen(path, "re");
    if (!r->file)
        st = vg_fail(err, VG_E_IO, "cannot read %s: %s", path, strerror(errno));
    else
        st = read_head(r, err);
    if (st == VG_OK && fstat(fileno(r->file), &info) == 0 && S_ISREG(info.st_mode))
        r->size = (uint64_t)info.st_size;
    *ret = st == VG_OK ? r : NULL;
    if (st != VG_OK)
        vg_record_reader_close(r);
    return st;
}

/* ---- blocks ---- */

static vg_status unpack(struct vg_record_reader *r, uint64_t at, const uint8_t *head, uint32_t len,
                        uint32_t packed, struct vg_err *err)
{
    uint8_t digest[VG_RECORD_DIGEST];
    size_t n;

    vg_record_digest(head, 24, r->packed, packed, digest);
    if (memcmp(digest, head + 24, sizeof(digest)) != 0)
        return damaged(r, at, "the checksum of the block that begins there is wrong", err);
    r->block = grow(r->block, &r->block_cap, len);
    n = ZSTD_decompressDCtx(r->zstd, r->block, len, r->packed, packed);
    if (ZSTD_isError(n) || n != len)
        return damaged(r, at, "the block that begins there does not unpack", err);
    r->block_len = len;
    r->next = 0;
    return VG_OK;
}

static vg_status read_block(struct vg_record_reader *r, uint64_t at, const uint8_t *head,
                            struct vg_err *err)
{
    uint32_t len = vg_record_get32(head + 8), packed = vg_record_get32(head + 12);
    vg_status st;

    if (len > VG_RECORD_BLOCK_MAX || packed > ZSTD_compressBound(VG_RECORD_BLOCK_MAX))
        return damaged(r, at, "the block that begins there is too long", err);
    if (vg_record_get64(head + 16) != r->counts.blocks)
        return damaged(r, at, "a block is missing before this one", err);
    r->packed = grow(r->packed, &r->packed_cap, packed);
    st = get(r, r->packed, packed, err);
    if (st == VG_OK)
        st = unpack(r, at, head, len, packed, err);
    if (st != VG_OK)
        return st;
    r->left = vg_record_get32(head + 4);
    r->counts.blocks++;
    return VG_OK;
}

static vg_status check_end(struct vg_record_reader *r, uint64_t at, const uint8_t *end,
                           struct vg_err *err)
{
    uint8_t digest[VG_RECORD_DIGEST];

    vg_record_digest(end, 28, NULL, 0, digest);
    if (memcmp(digest, end + 28, sizeof(digest)) != 0 ||
        vg_record_get64(end + 4) != r->counts.blocks ||
        vg_record_get64(end + 12) != r->counts.records ||
        vg_record_get64(end + 20) != r->counts.commands)
        return damaged(r, at, "its end mark does not agree with what came before", err);
    if (fgetc(r->file) != EOF)
        return damaged(r, r->at, "something follows its end mark", err);
    return VG_OK;
}

/* The next block, or the end. */
static vg_status advance(struct vg_record_reader *r, bool *ret_end, struct vg_err *err)
{
    uint8_t head[VG_RECORD_END_SIZE];
    uint64_t at = r->at;
    uint32_t n = 0;
    vg_status st = get_aside(r, &n, err);

    if (st != VG_OK)
        return st;
    if (n != VG_RECORD_BLOCK_HEAD && n != VG_RECORD_END_SIZE)
        return damaged(r, at, "no block begins here", err);
    st = get(r, head, n, err);
    if (st != VG_OK)
        return st;
    *ret_end = n == VG_RECORD_END_SIZE && memcmp(head, VG_RECORD_MARK_END, VG_RECORD_MARK) == 0;
    if (*ret_end)
        return check_end(r, at, head, err);
    if (n != VG_RECORD_BLOCK_HEAD || memcmp(head, VG_RECORD_MARK_BLOCK, VG_RECORD_MARK) != 0)
        return damaged(r, at, "no block begins here", err);
    return read_block(r, at, head, err);
}

/* ---- entries ---- */

/* The next `n` bytes of the block, or NULL. */
static const uint8_t *take(struct vg_record_reader *r, size_t n)
{
    const uint8_t *bytes = r->block + r->next;

    if (n > r->block_len - r->next)
        return NULL;
    r->next += n;
    return bytes;
}

static bool take_record(struct vg_record_reader *r, const uint8_t *head,
                        struct vg_record_entry *ret)
{
    uint32_t key_len = vg_record_get32(head + 21), len = vg_record_get32(head + 25);
    struct vg_message *m = &ret->record.message;

    ret->record.shard = ret->shard;
    ret->record.offset = (int64_t)vg_record_get64(head + 5);
    ret->record.time_ns = (int64_t)vg_record_get64(head + 13);
    m->key_len = key_len == (uint32_t)VG_RECORD_NULL ? 0 : key_len;
    m->len = len == (uint32_t)VG_RECORD_NULL ? 0 : len;
    m->key = take(r, m->key_len);
    m->value = take(r, m->len);
    if (!m->key || !m->value)
        return false;
    if (key_len == (uint32_t)VG_RECORD_NULL)
        m->key = NULL;
    if (len == (uint32_t)VG_RECORD_NULL)
        m->value = NULL;
    r->counts.records++;
    return true;
}

static bool take_command(struct vg_record_reader *r, const uint8_t *head,
                         struct vg_record_entry *ret)
{
    uint32_t patient_len = vg_record_get32(head + 21), len = vg_record_get32(head + 25);
    struct vg_item_command *c = &ret->command;
    const uint8_t *patient = take(r, patient_len), *tail;

    ret->is_command = true;
    ret->payload = take(r, len);
    tail = take(r, 8);
    if (!patient || !ret->payload || !tail || patient_len >= sizeof(c->patient))
        return false;
    memcpy(c->patient, patient, patient_len);
    c->next_offset = (int64_t)vg_record_get64(head + 5);
    c->log_ns = (int64_t)vg_record_get64(head + 13);
    c->size = len;
    c->kind = vg_record_get32(tail);
    c->ordinal = vg_record_get32(tail + 4);
    r->counts.commands++;
    return true;
}

static bool take_entry(struct vg_record_reader *r, struct vg_record_entry *ret)
{
    const uint8_t *head = take(r, VG_RECORD_ENTRY_HEAD);

    *ret = (struct vg_record_entry){ 0 };
    if (!head)
        return false;
    ret->shard = vg_record_get32(head + 1);
    if (ret->shard >= r->head.partitions)
        return false;
    if (head[0] == VG_RECORD_IS_RECORD)
        return take_record(r, head, ret);
    return head[0] == VG_RECORD_IS_COMMAND && take_command(r, head, ret);
}

vg_status vg_record_reader_next(struct vg_record_reader *r, struct vg_record_entry *ret,
                                bool *ret_end, struct vg_err *err)
{
    *ret_end = false;
    while (r->left == 0) {
        vg_status st = VG_OK;

        if (r->next != r->block_len)
            return damaged(r, r->at, "the block before has more bytes than entries", err);
        st = advance(r, ret_end, err);
        if (st != VG_OK || *ret_end)
            return st;
    }
    r->left--;
    if (!take_entry(r, ret))
        return damaged(r, r->at, "an entry of the block before makes no sense", err);
    return VG_OK;
}

const struct vg_record_head *vg_record_reader_head(const struct vg_record_reader *r)
{
    return &r->head;
}

struct vg_record_counts vg_record_reader_counts(const struct vg_record_reader *r)
{
    return r->counts;
}

uint64_t vg_record_reader_at(const struct vg_record_reader *r)
{
    return r->at;
}

uint64_t vg_record_reader_size(const struct vg_record_reader *r)
{
    return r->size;
}

void vg_record_reader_close(struct vg_record_reader *r)
{
    if (!r)
        return;
    if (r->file)
        (void)fclose(r->file);
    ZSTD_freeDCtx(r->zstd);
    free(r->packed);
    free(r->block);
    free(r->path);
    free(r);
}
