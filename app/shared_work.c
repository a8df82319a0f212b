/* shared_work.c - numbered pieces of work, among threads. */
#include "app/shared_work.h"

#include <pthread.h>
#include <stdatomic.h>

struct job {
    const struct vg_shared_work *work;
    atomic_uint next, done;
    atomic_bool stop;
    pthread_mutex_t lock;
    struct vg_err err; /* guarded by lock */
};

/* Does one piece that nobody has taken yet; false when there is none or the work shall stop. */
static bool take(struct job *job)
{
    const struct vg_shared_work *w = job->work;
    uint32_t number = atomic_fetch_add(&job->next, 1);
    struct vg_err err;

    if (number >= w->pieces || atomic_load(&job->stop))
        return false;
    if (w->piece(w->ctx, number, &err) != VG_OK) {
        pthread_mutex_lock(&job->lock);
        job->err = err;
        pthread_mutex_unlock(&job->lock);
        atomic_store(&job->stop, true);
    }
    atomic_fetch_add(&job->done, 1);
    return true;
}

static void *serve(void *arg)
{
    while (take(arg)) {
    }
    return NULL;
}

vg_status vg_shared_work_do(const struct vg_shared_work *work, struct vg_err *err)
{
    struct job job = { .work = work };
    pthread_t thread[VG_SHARED_WORKERS_MAX];
    uint32_t threads = 0;
    bool wanted = true;

    pthread_mutex_init(&job.lock, NULL);
    while (threads + 1 < work->workers && threads < VG_SHARED_WORKERS_MAX &&
           pthread_create(&thread[threads], NULL, serve, &job) == 0)
        threads++;
    while (take(&job)) {
        wanted = !work->progress ||
                 work->progress(work->progress_ctx, (double)atomic_load(&job.done) / work->pieces);
        if (!wanted)
            atomic_store(&job.stop, true);
    }
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&job.lock);
    if (job.err.status != VG_OK) {
        *err = job.err;
        return err->status;
    }
    return wanted ? VG_OK : vg_fail(err, VG_E_TEMPORARY, "interrupted");
}
