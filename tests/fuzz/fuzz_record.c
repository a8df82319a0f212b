/* fuzz_record.c - any bytes as a recording, and as the entries of a block whose checksums are right.
 *
 * Checksums would stop all but the bytes of the first kind, and a recording may also come from somebody
 * who computes them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "core/buf.h"
#include "core/err.h"
#include "runtime/record_file.h"
#include "runtime/record_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Touches all that an entry says it has. */
static unsigned touch(const struct vg_record_entry *e)
{
    const uint8_t *payload = e->payload;
    const struct vg_message *m = &e->record.message;
    unsigned sum = (unsigned)strlen(e->command.patient);

    for (uint32_t i = 0; e->is_command && i < e->command.size; i++)
        sum += payload[i];
    for (size_t i = 0; m->key && i < m->key_len; i++)
        sum += m->key[i];
    for (size_t i = 0; m->value && i < m->len; i++)
        sum += m->value[i];
    return sum;
}

static void read_file(const void *bytes, size_t n)
{
    struct vg_record_reader *r = NULL;
    struct vg_record_entry e;
    struct vg_err err = { 0 };
    char path[32];
    bool end = false;
    int fd = memfd_create("record", MFD_CLOEXEC);
    volatile unsigned sum = 0;
    vg_status st;

    VG_CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    st = vg_record_reader_open(path, &r, &err);
    while (st == VG_OK && !end) {
        st = vg_record_reader_next(r, &e, &end, &err);
        if (st == VG_OK && !end)
            sum += touch(&e);
    }
    VG_CHECK(st == VG_OK || (st == VG_E_IO && err.msg[0]));
    vg_record_reader_close(r);
    close(fd);
}

static void add_aside(struct vg_buf *file, const void *bytes, size_t n)
{
    uint8_t head[8];

    vg_record_put32(head, VG_RECORD_SKIPPABLE);
    vg_record_put32(head + 4, (uint32_t)n);
    vg_buf_add(file, head, sizeof(head));
    vg_buf_add(file, bytes, n);
}

static void add_head(struct vg_buf *file)
{
    static const char json[] = "{\"partitions\":2,\"topic\":\"t\"}";
    uint8_t head[12 + sizeof(json) - 1 + VG_RECORD_DIGEST];

    memcpy(head, VG_RECORD_MARK_HEAD, VG_RECORD_MARK);
    vg_record_put32(head + 4, VG_RECORD_VERSION);
    vg_record_put32(head + 8, sizeof(json) - 1);
    memcpy(head + 12, json, sizeof(json) - 1);
    vg_record_digest(head, sizeof(head) - VG_RECORD_DIGEST, NULL, 0,
                     head + sizeof(head) - VG_RECORD_DIGEST);
    add_aside(file, head, sizeof(head));
}

static void add_block(struct vg_buf *file, uint32_t entries, const uint8_t *bytes, size_t n)
{
    uint8_t head[VG_RECORD_BLOCK_HEAD];
    size_t cap = ZSTD_compressBound(n), packed;
    void *frame = malloc(cap);

    VG_CHECK(frame != NULL);
    packed = ZSTD_compress(frame, cap, bytes, n, 1);
    VG_CHECK(!ZSTD_isError(packed));
    memcpy(head, VG_RECORD_MARK_BLOCK, VG_RECORD_MARK);
    vg_record_put32(head + 4, entries);
    vg_record_put32(head + 8, (uint32_t)n);
    vg_record_put32(head + 12, (uint32_t)packed);
    vg_record_put64(head + 16, 0);
    vg_record_digest(head, 24, frame, packed, head + 24);
    add_aside(file, head, sizeof(head));
    vg_buf_add(file, frame, packed);
    free(frame);
}

/* The first byte is the number of entries, the others are the block. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct vg_buf file = VG_BUF_INIT;

    read_file(bytes, n);
    if (n == 0)
        return 0;
    add_head(&file);
    add_block(&file, bytes[0], bytes + 1, n - 1);
    read_file(file.data, file.len);
    vg_buf_done(&file);
    return 0;
}
