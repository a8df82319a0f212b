/* record_format.h - the bytes of a recording, for its writer and its reader: docs/recordings.md.
 *
 * The file is a sequence of zstd frames. What is no data stands in skippable frames, so that
 * `zstd -d` too reads a recording. Integers are little-endian.
 */
#ifndef VG_RUNTIME_RECORD_FORMAT_H
#define VG_RUNTIME_RECORD_FORMAT_H

#include <endian.h>
#include <string.h>

#include "core/base.h"

enum {
    VG_RECORD_SKIPPABLE = 0x184D2A57, /**< magic number of the skippable frames */
    VG_RECORD_DIGEST = 16,            /**< BLAKE2b-128 */
    VG_RECORD_MARK = 4,
    VG_RECORD_BLOCK_HEAD = 40, /**< mark, entries, bytes, packed bytes, number, digest */
    VG_RECORD_END_SIZE = 44,   /**< mark, blocks, records, commands, digest */
    VG_RECORD_HEAD_MAX = 4096,
    VG_RECORD_BLOCK_BYTES = 1024 * 1024,    /**< a block is full when it has so many */
    VG_RECORD_BLOCK_MAX = 64 * 1024 * 1024, /**< of a block with a very long message */
    VG_RECORD_ENTRY_HEAD = 1 + 4 + 8 + 8 + 4 + 4,
    VG_RECORD_NULL = -1, /**< length of a key or value that is not there */
};

#define VG_RECORD_MARK_HEAD  "VRHD"
#define VG_RECORD_MARK_BLOCK "VRBK"
#define VG_RECORD_MARK_END   "VREN"

enum vg_record_kind { VG_RECORD_IS_RECORD = 1, VG_RECORD_IS_COMMAND = 2 };

static inline void vg_record_put32(uint8_t *to, uint32_t x)
{
    x = htole32(x);
    memcpy(to, &x, sizeof(x));
}

static inline void vg_record_put64(uint8_t *to, uint64_t x)
{
    x = htole64(x);
    memcpy(to, &x, sizeof(x));
}

static inline uint32_t vg_record_get32(const uint8_t *from)
{
    uint32_t x;

    memcpy(&x, from, sizeof(x));
    return le32toh(x);
}

static inline uint64_t vg_record_get64(const uint8_t *from)
{
    uint64_t x;

    memcpy(&x, from, sizeof(x));
    return le64toh(x);
}

/** BLAKE2b-128 of `n` bytes and, unless NULL, `m` more. */
void vg_record_digest(const void *a, size_t n, const void *b, size_t m,
                      uint8_t ret[VG_RECORD_DIGEST]);

#endif
