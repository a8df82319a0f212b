/* hash.h - the two hashes that Vigil uses: SHA-256 for files and configurations, BLAKE2b for ids.
 *
 * Any thread. None of them can fail on bytes in memory.
 */
#ifndef VG_RUNTIME_HASH_H
#define VG_RUNTIME_HASH_H

#include "core/err.h"
#include "core/event.h"

enum { VG_SHA256_SIZE = 32, VG_SHA256_HEX_SIZE = 65 };

void vg_sha256(const void *bytes, size_t n, uint8_t out[VG_SHA256_SIZE]);
/** 64 lower-case hexadecimal digits. */
void vg_sha256_hex(const void *bytes, size_t n, char out[VG_SHA256_HEX_SIZE]);
/** Of a regular file's content. VG_E_IO when it cannot be read. */
VG_NODISCARD vg_status vg_sha256_file(const char *path, char out[VG_SHA256_HEX_SIZE],
                                      struct vg_err *err);

/**
 * The id of an episode: BLAKE2b-128 over its fields, each with its length before it, so that no two
 * lists of fields are the same bytes. An origin with has_due counts by patient and due time, every
 * other by offset and index. The channel goes in by name: its number may change between versions.
 */
void vg_episode_id(const char *pipeline, const char *cluster, const char *topic, uint32_t partition,
                   const struct vg_origin *origin, const char *rule, int channel,
                   const char *patient, uint8_t out[16]);

#endif
