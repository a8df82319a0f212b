/* safetensors_write.c - the writer: the header is built as text while tensors come in, the digest
 * goes into its place last. */
#include "models/safetensors_write.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/seal.h"

enum { ALIGNMENT = 8, DIGITS = VG_SEAL_SIZE - 1 };

void vg_safetensors_out_done(struct vg_safetensors_out *out)
{
    vg_buf_done(&out->metadata);
    vg_buf_done(&out->tensors);
    vg_buf_done(&out->data);
}

/* Adds `,"name":` and holds that the name is new. Names have nothing to escape, so what stands in
 * the buffer is what was passed; a text cannot look like one, its quotes are escaped. */
static void add_name(struct vg_buf *entries, const char *name)
{
    struct vg_buf key = VG_BUF_INIT;

    vg_buf_printf(&key, ",\"%s\":", name);
    VG_CHECK(!entries->len || !memmem(entries->data, entries->len, key.data, key.len));
    vg_buf_add(entries, key.data, key.len);
    vg_buf_done(&key);
}

void vg_safetensors_add_text(struct vg_safetensors_out *out, const char *key, const char *text)
{
    add_name(&out->metadata, key);
    vg_buf_json_str(&out->metadata, text);
}

void vg_safetensors_add(struct vg_safetensors_out *out, const char *name, uint32_t rank,
                        const uint32_t *shape, const float *value)
{
    size_t floats = 1, begin = out->data.len;

    add_name(&out->tensors, name);
    vg_buf_str(&out->tensors, "{\"dtype\":\"F32\",\"shape\":[");
    for (uint32_t i = 0; i < rank; i++) {
        vg_buf_printf(&out->tensors, "%s%u", i > 0 ? "," : "", shape[i]);
        floats *= shape[i];
    }
    vg_buf_add(&out->data, value, floats * sizeof(float));
    vg_buf_printf(&out->tensors, "],\"data_offsets\":[%zu,%zu]}", begin, out->data.len);
}

/* The header with room for the digest; *at is where that is. */
static void build_header(const struct vg_safetensors_out *out, struct vg_buf *header, size_t *at)
{
    vg_buf_str(header, "{\"__metadata__\":{\"vigil.blake2b\":\"");
    *at = header->len;
    vg_buf_printf(header, "%0*d\"", DIGITS, 0);
    vg_buf_add(header, out->metadata.data, out->metadata.len);
    vg_buf_char(header, '}');
    vg_buf_add(header, out->tensors.data, out->tensors.len);
    vg_buf_char(header, '}');
    while (header->len % ALIGNMENT != 0)
        vg_buf_char(header, ' ');
}

void vg_safetensors_bytes(const struct vg_safetensors_out *out, struct vg_buf *ret)
{
    struct vg_buf header = VG_BUF_INIT;
    char digits[VG_SEAL_SIZE];
    size_t begin = ret->len, at;
    uint64_t header_len;

    build_header(out, &header, &at);
    header_len = header.len;
    at += begin + sizeof(header_len);
    vg_buf_add(ret, &header_len, sizeof(header_len));
    vg_buf_add(ret, header.data, header.len);
    vg_buf_add(ret, out->data.data, out->data.len);
    vg_seal((const uint8_t *)ret->data + begin, ret->len - begin, at - begin, digits);
    memcpy(ret->data + at, digits, DIGITS);
    vg_buf_done(&header);
}

/* ---- to disk ---- */

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* A rename lasts once the folder is on disk. */
static bool sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd;
    bool ok;

    VG_CHECK(copy);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

vg_status vg_safetensors_write(const struct vg_safetensors_out *out, const char *path,
                               struct vg_err *err)
{
    struct vg_buf bytes = VG_BUF_INIT, beside = VG_BUF_INIT;
    vg_status st = VG_OK;
    bool ok;
    int fd;

    vg_safetensors_bytes(out, &bytes);
    vg_buf_printf(&beside, "%s.part-%d", path, (int)getpid());
    fd = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ok = fd >= 0 && write_all(fd, bytes.data, bytes.len) && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok || rename(beside.data, path) != 0 || !sync_folder(path)) {
        st = vg_fail(err, VG_E_IO, "%s: cannot be written: %s", path, strerror(errno));
        unlink(beside.data);
    }
    vg_buf_done(&bytes);
    vg_buf_done(&beside);
    return st;
}
