/* writer.h - the thread that writes snapshots, so that an alert never waits for one. */
#ifndef VG_RUNTIME_WRITER_H
#define VG_RUNTIME_WRITER_H

#include "runtime/change.h"
#include "runtime/pool.h"
#include "runtime/shared.h"
#include "runtime/snapshot.h"
#include "runtime/thread.h"

struct vg_writer_job {
    struct vg_snapshot_head head;
    struct vg_frame *frame; /**< the barrier */
    struct vg_pool *pool;   /**< where it goes afterwards */
};

struct vg_writer {
    struct vg_thread thread;
    struct vg_shared *shared;
    struct vg_change *change; /**< gets back what barriers of it collected */
    const struct vg_layout *layout;
    pthread_mutex_t lock; /**< for all below */
    pthread_cond_t changed;
    struct vg_writer_job *job; /**< oldest first */
    uint32_t n, cap;
    bool ending;
};

void vg_writer_init(struct vg_writer *w, struct vg_shared *shared, struct vg_change *change,
                    const struct vg_layout *layout);
void vg_writer_done(struct vg_writer *w);
/** Takes over the barrier. One of the same shard that still waits is left out for it. */
void vg_writer_put(struct vg_writer *w, const struct vg_writer_job *job);
/** Lets the thread end once everything is written. */
void vg_writer_end(struct vg_writer *w);
vg_status vg_writer_run(void *writer, struct vg_thread *thread, struct vg_err *err);

#endif
