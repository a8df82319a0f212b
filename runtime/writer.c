/* writer.c - snapshots on their way to the disk. */
#include "runtime/writer.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/log.h"

void vg_writer_init(struct vg_writer *w, struct vg_shared *shared, struct vg_change *change,
                    const struct vg_layout *layout)
{
    memset(w, 0, sizeof(*w));
    w->shared = shared;
    w->change = change;
    w->layout = layout;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
}

void vg_writer_done(struct vg_writer *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        vg_pool_put(w->job[i].pool, w->job[i].frame);
    free(w->job);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
}

void vg_writer_put(struct vg_writer *w, const struct vg_writer_job *job)
{
    uint32_t i = 0;

    pthread_mutex_lock(&w->lock);
    while (i < w->n && w->job[i].frame->shard != job->frame->shard)
        i++;
    if (i < w->n) {
        vg_pool_put(w->job[i].pool, w->job[i].frame);
        w->job[i] = *job;
    } else {
        if (w->n == w->cap) {
            w->cap = w->cap ? w->cap * 2 : 16;
            w->job = realloc(w->job, w->cap * sizeof(*w->job));
            VG_CHECK(w->job != NULL);
        }
        w->job[w->n++] = *job;
    }
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void vg_writer_end(struct vg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static bool take(struct vg_writer *w, struct vg_writer_job *ret)
{
    bool any;

    pthread_mutex_lock(&w->lock);
    while (w->n == 0 && !w->ending)
        pthread_cond_wait(&w->changed, &w->lock);
    any = w->n > 0;
    if (any) {
        *ret = w->job[0];
        w->n--;
        memmove(w->job, w->job + 1, w->n * sizeof(*w->job));
    }
    pthread_mutex_unlock(&w->lock);
    return any;
}

static void note_snapshot(struct vg_meters *m, uint64_t bytes, int64_t began_ns)
{
    int64_t now_ns = vg_mono_ns();

    atomic_store(&m->snapshot_bytes, bytes);
    atomic_store(&m->snapshot_ns, (uint64_t)(now_ns - began_ns));
    atomic_store(&m->snapshot_mono_ns, now_ns);
}

/* A snapshot that cannot be written costs time at the next start: say so, go on. Only a change of
 * configuration has to wait for one. */
static void write_one(struct vg_writer *w, const struct vg_writer_job *job)
{
    const struct vg_service_config *service = &w->shared->config->service;
    const void *items = vg_frame_items(job->frame, w->layout);
    uint32_t shard = job->frame->shard, change = job->frame->change;
    int64_t began_ns = vg_mono_ns();
    struct vg_err err;
    vg_status st = vg_snapshot_write(service->data_dir, &job->head, items, job->frame->tail_len,
                                     (uint32_t)service->snapshot_keep, &err);

    if (change != 0 && st == VG_OK)
        vg_change_give(w->change, change, shard, items, job->frame->tail_len);
    else if (change != 0)
        vg_change_fail(w->change, change, &err);
    if (st == VG_OK) {
        atomic_store(&w->shared->shard[shard].snapshot_offset, job->head.position.next_offset);
        atomic_fetch_add(&w->shared->snapshots, 1);
        note_snapshot(&w->shared->meters, job->frame->tail_len, began_ns);
        vg_shared_trouble(w->shared, VG_TROUBLE_SNAPSHOT, "");
        vg_log(VG_LOG_DEBUG, "snapshot", "shard %u: %llu bytes at offset %lld in %.1f ms", shard,
               (unsigned long long)job->frame->tail_len, (long long)job->head.position.next_offset,
               (double)(vg_mono_ns() - began_ns) / 1e6);
    } else if (vg_shared_trouble(w->shared, VG_TROUBLE_SNAPSHOT, err.msg)) {
        vg_log(VG_LOG_ERROR, "snapshot", "%s", err.msg);
    }
}

vg_status vg_writer_run(void *writer, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_writer *w = writer;
    struct vg_writer_job job;

    (void)err;
    vg_thread_ready(thread);
    while (take(w, &job)) {
        write_one(w, &job);
        vg_pool_put(job.pool, job.frame);
    }
    return VG_OK;
}
