/* safetensors.h - a strict reader of safetensors files, the only form of models that Vigil takes.
 *
 * A file is: u64 little-endian N, N bytes of JSON, then the data to the end. An entry of the JSON
 * is {"dtype", "shape", "data_offsets": [begin, end)} with offsets from the start of the data;
 * "__metadata__" maps strings to strings. Nothing in it can run, which is why there is no other way
 * to bring a model in.
 *
 * Refused, with the file, the tensor and what was expected: a file that is no regular file, above
 * 64 MiB or cut short; a header above 1 MiB, that is not UTF-8 JSON beginning with '{', has a key
 * twice, or any key, type or depth but those above; more than 256 tensors or texts; a dtype other
 * than F32; more than four dimensions, a dimension of 0, numbers that are negative, not integer or
 * above 2^53; a size that does not match shape and dtype; data that overlap, leave a gap, or do not
 * end with the file; values that are not finite; a "vigil.blake2b" (models/safetensors_write.h)
 * that does not hold; and, once the model is built, a tensor or a text that it had no use for. The
 * file is read into memory: a mapped file that someone shortens would end the program.
 *
 * A file may hold several models: names of the tensors and texts of a member begin with a prefix,
 * "m0.", that vg_safetensors_enter() makes invisible.
 */
#ifndef VG_MODELS_SAFETENSORS_H
#define VG_MODELS_SAFETENSORS_H

#include "core/err.h"

enum { VG_TENSOR_RANK_MAX = 4, VG_TENSORS_MAX = 256, VG_TENSOR_NAME_SIZE = 128 };
enum { VG_SAFETENSORS_MAX = 64 << 20 }; /**< bytes of a file */

/** What is there, for those who copy it. Pointers live as long as the file. */
struct vg_tensor {
    const char *name; /**< with its prefix */
    uint32_t rank;
    uint64_t shape[VG_TENSOR_RANK_MAX];
    const float *value; /**< row-major */
};

struct vg_safetensors_text {
    const char *key;
    const char *text;
};

/** A file in memory. One thread at a time. */
struct vg_safetensors;

/** Reads and checks `path`. Fails with VG_E_MODEL. The caller frees *ret. */
VG_NODISCARD vg_status vg_safetensors_read(const char *path, struct vg_safetensors **ret,
                                           struct vg_err *err);

/** As vg_safetensors_read(), from memory; `path` is only named in errors. */
VG_NODISCARD vg_status vg_safetensors_parse(const char *path, const uint8_t *bytes, size_t n,
                                            struct vg_safetensors **ret, struct vg_err *err);

void vg_safetensors_free(struct vg_safetensors *f);

const char *vg_safetensors_path(const struct vg_safetensors *f);
const char *vg_safetensors_sha256(const struct vg_safetensors *f); /**< of the file, hexadecimal */

/** The file carries a BLAKE2b of everything else in it (which held, or it would not be open). */
bool vg_safetensors_sealed(const struct vg_safetensors *f);

/** From now on names mean those that begin with `prefix` after the prefixes entered before. Returns
 *  what vg_safetensors_leave() needs to undo it. */
size_t vg_safetensors_enter(struct vg_safetensors *f, const char *prefix);
void vg_safetensors_leave(struct vg_safetensors *f, size_t entered);
const char *vg_safetensors_prefix(const struct vg_safetensors *f);

/** Takes an entry of "__metadata__", or NULL. Lives as long as `f`. */
const char *vg_safetensors_metadata(const struct vg_safetensors *f, const char *key);

bool vg_safetensors_has(const struct vg_safetensors *f, const char *name);

/**
 * Takes a tensor of exactly `rank` dimensions. A 0 in `shape` stands for any size and is filled in;
 * other sizes must match. *ret is row-major and lives as long as `f`. Fails with VG_E_MODEL when
 * the tensor is missing or has another shape.
 */
VG_NODISCARD vg_status vg_safetensors_take(struct vg_safetensors *f, const char *name,
                                           uint32_t rank, uint64_t *shape, const float **ret,
                                           struct vg_err *err);

/** Entry `i` in the order of the file's data, or of its texts; false behind the last. Takes
 *  nothing, knows no prefix. */
bool vg_safetensors_tensor(const struct vg_safetensors *f, uint32_t i, struct vg_tensor *ret);
bool vg_safetensors_text(const struct vg_safetensors *f, uint32_t i,
                         struct vg_safetensors_text *ret);

/** Fails with VG_E_MODEL when there is a tensor or a text that nobody took: the file is not what it
 *  says. "format", which other writers add, and notes for people, "note.*", are left alone. */
VG_NODISCARD vg_status vg_safetensors_all_taken(const struct vg_safetensors *f, struct vg_err *err);

#endif
