/* record_write.c - writes a recording. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>
#include <zstd.h>

#include "core/buf.h"
#include "runtime/record_file.h"
#include "runtime/record_format.h"

/* Fast enough for any log; higher levels gain little on rows of JSON. */
enum { LEVEL = 6 };

struct vg_record_writer {
    char *path, *part;
    FILE *file;
    struct vg_buf block; /* entries that are not written yet */
    uint32_t entries;    /* in it */
    void *packed;
    size_t packed_cap;
    ZSTD_CCtx *zstd;
    struct vg_record_counts counts;
    bool ended;
};

void vg_record_digest(const void *a, size_t n, const void *b, size_t m,
                      uint8_t ret[VG_RECORD_DIGEST])
{
    crypto_generichash_state state;

    VG_CHECK(crypto_generichash_init(&state, NULL, 0, VG_RECORD_DIGEST) == 0);
    VG_CHECK(crypto_generichash_update(&state, a, n) == 0);
    if (b)
        VG_CHECK(crypto_generichash_update(&state, b, m) == 0);
    VG_CHECK(crypto_generichash_final(&state, ret, VG_RECORD_DIGEST) == 0);
}

static vg_status failed(const struct vg_record_writer *w, struct vg_err *err)
{
    return vg_fail(err, VG_E_IO, "cannot write %s: %s", w->part, strerror(errno));
}

static bool put(struct vg_record_writer *w, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, w->file) == n;
}

/* A skippable frame with `n` bytes. */
static bool put_aside(struct vg_record_writer *w, const void *bytes, size_t n)
{
    uint8_t head[8];

    vg_record_put32(head, VG_RECORD_SKIPPABLE);
    vg_record_put32(head + 4, (uint32_t)n);
    return put(w, head, sizeof(head)) && put(w, bytes, n);
}

/* ---- the head ---- */

static void add_member(struct vg_buf *json, const char *key, const char *text)
{
    vg_buf_printf(json, ",\"%s\":", key);
    vg_buf_json_str(json, text);
}

static void describe(const struct vg_record_head *head, struct vg_buf *json)
{
    vg_buf_printf(json, "{\"partitions\":%u,\"commands\":%s", head->partitions,
                  head->commands ? "true" : "false");
    add_member(json, "vigil", VG_VERSION);
    add_member(json, "pipeline", head->pipeline);
    add_member(json, "topic", head->topic);
    add_member(json, "cluster", head->cluster);
    add_member(json, "config", head->config);
    if (head->from_ns != VG_TIME_NONE)
        vg_buf_printf(json, ",\"from_ns\":%lld", (long long)head->from_ns);
    if (head->until_ns != VG_TIME_NONE)
        vg_buf_printf(json, ",\"until_ns\":%lld", (long long)head->until_ns);
    vg_buf_char(json, '}');
}

static vg_status write_head(struct vg_record_writer *w, const struct vg_record_head *head,
                            struct vg_err *err)
{
    struct vg_buf bytes = VG_BUF_INIT, json = VG_BUF_INIT;
    uint8_t numbers[8], digest[VG_RECORD_DIGEST];
    bool ok;

    describe(head, &json);
    vg_record_put32(numbers, VG_RECORD_VERSION);
    vg_record_put32(numbers + 4, (uint32_t)json.len);
    vg_buf_add(&bytes, VG_RECORD_MARK_HEAD, VG_RECORD_MARK);
    vg_buf_add(&bytes, numbers, sizeof(numbers));
    vg_buf_add(&bytes, json.data, json.len);
    vg_record_digest(bytes.data, bytes.len, NULL, 0, digest);
    vg_buf_add(&bytes, digest, sizeof(digest));
    VG_CHECK(bytes.len <= VG_RECORD_HEAD_MAX);
    ok = put_aside(w, bytes.data, bytes.len);
    vg_buf_done(&json);
    vg_buf_done(&bytes);
    return ok ? VG_OK : failed(w, err);
}

vg_status vg_record_writer_new(const char *path, const struct vg_record_head *head,
                               struct vg_record_writer **ret, struct vg_err *err)
{
    struct vg_record_writer *w = calloc(1, sizeof(*w));
    vg_status st = VG_OK;
    int fd;

    VG_CHECK(w != NULL);
    w->path = strdup(path);
    VG_CHECK(w->path && asprintf(&w->part, "%s.part", path) >= 0);
    w->zstd = ZSTD_createCCtx();
    VG_CHECK(w->zstd != NULL);
    (void)ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    fd = open(w->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    w->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    st = w->file ? write_head(w, head, err) : failed(w, err);
    *ret = st == VG_OK ? w : NULL;
    if (st != VG_OK)
        vg_record_writer_free(w);
    return st;
}

/* ---- blocks ---- */

static vg_status write_block(struct vg_record_writer *w, struct vg_err *err)
{
    size_t bound = ZSTD_compressBound(w->block.len), n;
    uint8_t head[VG_RECORD_BLOCK_HEAD];

    if (w->entries == 0)
        return VG_OK;
    if (bound > w->packed_cap) {
        w->packed = realloc(w->packed, bound);
        VG_CHECK(w->packed != NULL);
        w->packed_cap = bound;
    }
    n = ZSTD_compress2(w->zstd, w->packed, w->packed_cap, w->block.data, w->block.len);
    VG_CHECK(!ZSTD_isError(n));
    memcpy(head, VG_RECORD_MARK_BLOCK, VG_RECORD_MARK);
    vg_record_put32(head + 4, w->entries);
    vg_record_put32(head + 8, (uint32_t)w->block.len);
    vg_record_put32(head + 12, (uint32_t)n);
    vg_record_put64(head + 16, w->counts.blocks);
    vg_record_digest(head, 24, w->packed, n, head + 24);
    if (!put_aside(w, head, sizeof(head)) || !put(w, w->packed, n))
        return failed(w, err);
    w->counts.blocks++;
    w->entries = 0;
    vg_buf_clear(&w->block);
    return VG_OK;
}

static void add32(struct vg_record_writer *w, uint32_t x)
{
    uint8_t bytes[4];

    vg_record_put32(bytes, x);
    vg_buf_add(&w->block, bytes, sizeof(bytes));
}

static void add64(struct vg_record_writer *w, int64_t x)
{
    uint8_t bytes[8];

    vg_record_put64(bytes, (uint64_t)x);
    vg_buf_add(&w->block, bytes, sizeof(bytes));
}

static void add_entry(struct vg_record_writer *w, enum vg_record_kind kind, uint32_t shard,
                      int64_t offset, int64_t time_ns, uint32_t first_len, uint32_t second_len)
{
    vg_buf_char(&w->block, (char)kind);
    add32(w, shard);
    add64(w, offset);
    add64(w, time_ns);
    add32(w, first_len);
    add32(w, second_len);
    w->entries++;
}

static vg_status end_entry(struct vg_record_writer *w, struct vg_err *err)
{
    return w->block.len >= VG_RECORD_BLOCK_BYTES ? write_block(w, err) : VG_OK;
}

vg_status vg_record_writer_record(struct vg_record_writer *w, const struct vg_record *r,
                                  struct vg_err *err)
{
    const struct vg_message *m = &r->message;

    if (m->len > VG_RECORD_MESSAGE_MAX || m->key_len > VG_RECORD_MESSAGE_MAX)
        return vg_fail(err, VG_E_RANGE,
                       "the message at partition %u, offset %lld is longer than %d bytes", r->shard,
                       (long long)r->offset, VG_RECORD_MESSAGE_MAX);
    add_entry(w, VG_RECORD_IS_RECORD, r->shard, r->offset, r->time_ns,
              m->key ? (uint32_t)m->key_len : (uint32_t)VG_RECORD_NULL,
              m->value ? (uint32_t)m->len : (uint32_t)VG_RECORD_NULL);
    if (m->key)
        vg_buf_add(&w->block, m->key, m->key_len);
    if (m->value)
        vg_buf_add(&w->block, m->value, m->len);
    w->counts.records++;
    return end_entry(w, err);
}

vg_status vg_record_writer_command(struct vg_record_writer *w, uint32_t shard,
                                   const struct vg_item_command *c, const void *payload, size_t len,
                                   struct vg_err *err)
{
    size_t patient_len = strnlen(c->patient, sizeof(c->patient));

    VG_CHECK(len <= VG_RECORD_MESSAGE_MAX);
    add_entry(w, VG_RECORD_IS_COMMAND, shard, c->next_offset, c->log_ns, (uint32_t)patient_len,
              (uint32_t)len);
    vg_buf_add(&w->block, c->patient, patient_len);
    if (len > 0)
        vg_buf_add(&w->block, payload, len);
    add32(w, c->kind);
    add32(w, c->ordinal);
    w->counts.commands++;
    return end_entry(w, err);
}

/* ---- the end ---- */

static bool make_durable(struct vg_record_writer *w)
{
    FILE *f = w->file;
    bool ok = fflush(f) == 0 && fsync(fileno(f)) == 0;

    w->file = NULL;
    ok = fclose(f) == 0 && ok;
    return ok && rename(w->part, w->path) == 0;
}

vg_status vg_record_writer_end(struct vg_record_writer *w, struct vg_record_counts *ret,
                               struct vg_err *err)
{
    uint8_t end[VG_RECORD_END_SIZE];
    vg_status st = write_block(w, err);

    if (st != VG_OK)
        return st;
    memcpy(end, VG_RECORD_MARK_END, VG_RECORD_MARK);
    vg_record_put64(end + 4, w->counts.blocks);
    vg_record_put64(end + 12, w->counts.records);
    vg_record_put64(end + 20, w->counts.commands);
    vg_record_digest(end, 28, NULL, 0, end + 28);
    if (!put_aside(w, end, sizeof(end)) || !make_durable(w))
        return failed(w, err);
    w->ended = true;
    *ret = w->counts;
    return VG_OK;
}

void vg_record_writer_free(struct vg_record_writer *w)
{
    if (!w)
        return;
    if (w->file)
        (void)fclose(w->file);
    if (!w->ended)
        (void)unlink(w->part);
    ZSTD_freeCCtx(w->zstd);
    vg_buf_done(&w->block);
    free(w->packed);
    free(w->part);
    free(w->path);
    free(w);
}
