/* snapshot.h - the memory of one shard at one position, as a file.
 *
 * `<data_dir>/snapshots/<shard>/<next_offset>-<ordinal>.snap`: a head, the items of a barrier frame
 * as they are, and the BLAKE2b-256 of all before. A file is complete or it is not there: it is
 * written under another name, synced, renamed, and its folder synced. One that was damaged later is
 * found by its hash, reported, and the next older one is used.
 *
 * Blocks on the disk. Any thread, but one per shard at a time.
 */
#ifndef VG_RUNTIME_SNAPSHOT_H
#define VG_RUNTIME_SNAPSHOT_H

#include "core/err.h"
#include "runtime/outbox.h"

enum { VG_SNAPSHOT_VERSION = 2, VG_KERNEL_SIZE = 32 };

/** What a snapshot says about itself. */
struct vg_snapshot_head {
    char pipeline[VG_NAME_SIZE];
    char cluster[VG_CLUSTER_SIZE];
    uint32_t partitions;
    struct vg_position position; /**< with the configuration in force there */
    char kernel[VG_KERNEL_SIZE]; /**< which inference kernel the memory comes from */
};

/**
 * Writes a snapshot of `len` bytes and deletes all but the `keep` (at least 1) newest of its shard.
 * When it returns VG_OK, a power cut loses none of it. Fails with VG_E_TEMPORARY (full disk) or
 * VG_E_IO; then the older ones are still there.
 */
VG_NODISCARD vg_status vg_snapshot_write(const char *data_dir, const struct vg_snapshot_head *head,
                                         const void *items, size_t len, uint32_t keep,
                                         struct vg_err *err);

/** Where the oldest snapshot that is kept of a shard stands, by its name; false: there is none. */
VG_NODISCARD bool vg_snapshot_oldest(const char *data_dir, uint32_t shard, int64_t *ret_offset,
                                     uint32_t *ret_ordinal);

/** Which snapshot is wanted. */
struct vg_snapshot_want {
    const char *pipeline;
    const char *cluster;
    uint32_t partitions;
    uint32_t shard;
    /** The outbox's position of the shard. A snapshot behind it would leave out events, so it is
     *  refused. -1: the outbox does not know the shard; nothing fits. */
    int64_t upto_offset;
    uint32_t upto_ordinal;
};

/** A loaded snapshot. */
struct vg_snapshot {
    struct vg_snapshot_head head;
    void *items; /**< owned; 8-byte aligned. NULL: none was found */
    size_t len;
};

/** Told about every file that cannot be used, and why: "PATH: its hash differs, ...". */
typedef void (*vg_snapshot_refused_fn)(void *arg, const char *why);

/**
 * Loads the newest snapshot of a shard that is whole and wanted. Finding none is VG_OK with
 * ret->items NULL. Fails with VG_E_IO only when the folder itself cannot be read.
 */
VG_NODISCARD vg_status vg_snapshot_load(const char *data_dir, const struct vg_snapshot_want *want,
                                        vg_snapshot_refused_fn refused, void *arg,
                                        struct vg_snapshot *ret, struct vg_err *err);

void vg_snapshot_done(struct vg_snapshot *s);

#endif
