/* space.h - what the committer does about a disk that is full, or that cannot be written any more.
 *
 * As much as a thousand technical events need is kept free for them in a file, `<data_dir>/reserve`.
 * When the disk is full that file goes, ingest reads nothing more, and what is on its way becomes
 * durable in its place: the alert that the disk is full, too. When the file can be made again there is
 * space, and all goes on. Where it could never be made, any transaction that succeeds says so. A file
 * system that became read-only is the same without a reserve: the alert is durable, and told, when it is
 * writable again.
 *
 * The committer's own; it tells the others by shared->disk_full, a notice, and the heartbeat.
 */
#ifndef VG_RUNTIME_SPACE_H
#define VG_RUNTIME_SPACE_H

#include "runtime/shared.h"

struct vg_space {
    struct vg_shared *shared;
    char *path;      /**< of the reserve */
    bool held, had;  /**< it is there; it was, before the disk was full */
    bool full;       /**< or read-only */
    int64_t next_ns; /**< monotonic time of the next look */
};

/** Makes the reserve; that it cannot be made is logged. */
void vg_space_init(struct vg_space *s, struct vg_shared *shared);
void vg_space_done(struct vg_space *s);

/** A transaction failed because the disk is full. True: there may be space now. */
VG_NODISCARD bool vg_space_make(struct vg_space *s);
/** A transaction failed because the file system is read-only. */
void vg_space_wait(struct vg_space *s);
/** A transaction succeeded, or nothing was to be written: looks whether there is space again, at most
 *  once a second. */
void vg_space_look(struct vg_space *s);

#endif
