/* safetensors_write.h - writes safetensors files that models/safetensors.h reads.
 *
 * The same calls give the same bytes: metadata and tensors stand in the order in which they were
 * added, numbers are copied bit by bit, the header is padded with spaces to a multiple of 8.
 *
 * The first entry of "__metadata__" is "vigil.blake2b": the BLAKE2b-256 (RFC 7693, without key) of
 * the whole file in which these 64 hexadecimal digits, which occur once in the header, are written
 * as '0'. It tells a changed file from an unchanged one; it does not say who wrote it.
 */
#ifndef VG_MODELS_SAFETENSORS_WRITE_H
#define VG_MODELS_SAFETENSORS_WRITE_H

#include "core/buf.h"
#include "core/err.h"

/** A file in the making. Zero-initialise; vg_safetensors_out_done() frees. */
struct vg_safetensors_out {
    struct vg_buf metadata; /**< JSON entries */
    struct vg_buf tensors;  /**< JSON entries */
    struct vg_buf data;
};

void vg_safetensors_out_done(struct vg_safetensors_out *out);

/** Adds a text. A key that was added before is our own bug. */
void vg_safetensors_add_text(struct vg_safetensors_out *out, const char *key, const char *text);

/** Copies a tensor: `value` is row-major, shape [rank]. A name that was added before is our own
 *  bug; values that are not finite are written, and refused by the reader. */
void vg_safetensors_add(struct vg_safetensors_out *out, const char *name, uint32_t rank,
                        const uint32_t *shape, const float *value);

/** Appends the bytes of the whole file to `ret`; more may be added to `out` afterwards. */
void vg_safetensors_bytes(const struct vg_safetensors_out *out, struct vg_buf *ret);

/** Writes the file beside `path` and renames it, so that `path` is always whole. Fails with
 *  VG_E_IO. */
VG_NODISCARD vg_status vg_safetensors_write(const struct vg_safetensors_out *out, const char *path,
                                            struct vg_err *err);

#endif
