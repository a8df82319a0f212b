/* file_zstd.c - compressed files of the file sink: one zstd frame with a checksum, readable by
 * `zstd -d` and zstdcat. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "sinks/file_private.h"

/* Lines of JSON become a tenth at level 3; higher ones take several times as long for little. */
enum { LEVEL = 3, CHUNK = 1 << 17, HEADER_MAX = 18 };

static ssize_t read_some(int fd, char *bytes, size_t n)
{
    ssize_t got;

    do {
        got = read(fd, bytes, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* ---- packing ---- */

struct packer {
    ZSTD_CCtx *zstd;
    int in, out;
    char from[CHUNK], to[CHUNK];
};

/* Compresses `n` bytes of p->from and writes what comes of it. */
static bool pack_chunk(struct packer *p, size_t n, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = { .src = p->from, .size = n };
    size_t left;

    do {
        ZSTD_outBuffer out = { .dst = p->to, .size = sizeof(p->to) };

        left = ZSTD_compressStream2(p->zstd, &out, &in, how);
        VG_CHECK(!ZSTD_isError(left));
        if (!vg_file_write_all(p->out, p->to, out.pos))
            return false;
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return true;
}

static bool pack_all(struct packer *p, uint64_t size)
{
    uint64_t seen = 0;

    (void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
    (void)ZSTD_CCtx_setPledgedSrcSize(p->zstd, size);
    while (seen < size) {
        size_t want = size - seen < CHUNK ? (size_t)(size - seen) : CHUNK;
        ssize_t n = read_some(p->in, p->from, want);

        if (n == 0)
            errno = EIO; /* shorter than a moment ago: somebody else cut it */
        if (n <= 0 || !pack_chunk(p, (size_t)n, ZSTD_e_continue))
            return false;
        seen += (uint64_t)n;
    }
    return pack_chunk(p, 0, ZSTD_e_end) && fsync(p->out) == 0;
}

vg_status vg_file_pack(const char *from, const char *to, struct vg_err *err)
{
    struct packer *p = calloc(1, sizeof(*p));
    struct stat info;
    vg_status st = VG_OK;

    VG_CHECK(p);
    p->zstd = ZSTD_createCCtx();
    VG_CHECK(p->zstd);
    p->in = open(from, O_RDONLY | O_CLOEXEC);
    p->out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (p->in < 0 || p->out < 0 || fstat(p->in, &info) != 0 ||
        !pack_all(p, (uint64_t)info.st_size)) {
        st = vg_file_failed(err, "compress", from);
        unlink(to);
    }
    if (p->in >= 0)
        close(p->in);
    if (p->out >= 0)
        close(p->out);
    ZSTD_freeCCtx(p->zstd);
    free(p);
    return st;
}

/* ---- unpacking ---- */

/* Learns the whole lines in `text` and keeps the start of the last one. */
static void learn(struct vg_buf *text, struct vg_file_keys *keys)
{
    const char *newline = text->len > 0 ? memrchr(text->data, '\n', text->len) : NULL;
    size_t whole = newline ? (size_t)(newline + 1 - text->data) : 0;

    if (whole == 0)
        return;
    vg_file_keys_learn(keys, text->data, whole);
    memmove(text->data, text->data + whole, text->len - whole);
    text->len -= whole;
}

static void unpack_fd(int fd, ZSTD_DCtx *zstd, struct vg_file_keys *keys)
{
    char *from = malloc(CHUNK);
    struct vg_buf text = VG_BUF_INIT;
    size_t left = 1;
    ssize_t n;

    VG_CHECK(from);
    while (!ZSTD_isError(left) && (n = read_some(fd, from, CHUNK)) > 0) {
        ZSTD_inBuffer in = { .src = from, .size = (size_t)n };

        while (!ZSTD_isError(left) && in.pos < in.size) {
            ZSTD_outBuffer out;

            vg_buf_reserve(&text, CHUNK);
            out = (ZSTD_outBuffer){ .dst = text.data + text.len, .size = CHUNK };
            left = ZSTD_decompressStream(zstd, &out, &in);
            text.len += out.pos;
            learn(&text, keys);
        }
    }
    vg_buf_done(&text);
    free(from);
}

void vg_file_unpack(const char *path, struct vg_file_keys *keys)
{
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    VG_CHECK(zstd);
    if (fd >= 0) {
        unpack_fd(fd, zstd, keys);
        close(fd);
    }
    ZSTD_freeDCtx(zstd);
}

uint64_t vg_file_packed_size(const char *path)
{
    char header[HEADER_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read_some(fd, header, sizeof(header));
    unsigned long long size =
        n <= 0 ? ZSTD_CONTENTSIZE_ERROR : ZSTD_getFrameContentSize(header, (size_t)n);

    if (fd >= 0)
        close(fd);
    return size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ? 0 : size;
}
