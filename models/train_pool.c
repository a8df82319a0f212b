/* train_pool.c - worker threads of training.
 *
 * A step of the optimizer is a handful of rounds of 10 us to 10 ms, so threads look for the next
 * round for a while before they sleep.
 */
#include "models/train_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "models/kernel.h"

/* Looks at what another thread is about to change before one sleeps: about 50 us, the time that
 * sleeping and waking take. */
enum { WORKERS_MAX = 64, PATIENCE = 1000 };

struct worker {
    struct vg_train_pool *pool;
    uint32_t index;
    pthread_t thread;
};

struct vg_train_pool {
    uint32_t workers;
    uint32_t patience;
    struct worker worker[WORKERS_MAX]; /* from 1; 0 is the caller */
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    _Atomic uint64_t round; /* of work; each worker does every round once */
    _Atomic uint32_t busy;
    atomic_bool closing;
    uint32_t tasks;
    void (*work)(void *ctx, uint32_t task);
    void *ctx;
};

static void do_tasks(struct vg_train_pool *pool, uint32_t index)
{
    for (uint32_t task = index; task < pool->tasks; task += pool->workers)
        pool->work(pool->ctx, task);
}

static void look_away(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Waits for a round after `done`; false at the end. */
static bool await_round(struct vg_train_pool *pool, uint64_t done)
{
    for (uint32_t i = 0; i < pool->patience; i++) {
        if (atomic_load(&pool->round) != done || atomic_load(&pool->closing))
            return !atomic_load(&pool->closing);
        look_away();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->round) == done && !atomic_load(&pool->closing))
        pthread_cond_wait(&pool->begin, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return !atomic_load(&pool->closing);
}

static void *serve(void *arg)
{
    struct worker *w = arg;
    struct vg_train_pool *pool = w->pool;

    vg_kernel_thread_init();
    for (uint64_t done = 0; await_round(pool, done); done++) {
        do_tasks(pool, w->index);
        if (atomic_fetch_sub(&pool->busy, 1) > 1)
            continue;
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->end);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

/* Waits until all workers have done their part of the round. */
static void await_end(struct vg_train_pool *pool)
{
    for (uint32_t i = 0; i < pool->patience; i++) {
        if (atomic_load(&pool->busy) == 0)
            return;
        look_away();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->busy) > 0)
        pthread_cond_wait(&pool->end, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void start(struct vg_train_pool *pool)
{
    VG_CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    VG_CHECK(pthread_cond_init(&pool->begin, NULL) == 0);
    VG_CHECK(pthread_cond_init(&pool->end, NULL) == 0);
    for (uint32_t i = 1; i < pool->workers; i++) {
        struct worker *w = &pool->worker[i];

        w->pool = pool;
        w->index = i;
        VG_CHECK(pthread_create(&w->thread, NULL, serve, w) == 0);
    }
}

struct vg_train_pool *vg_train_pool_new(uint32_t workers)
{
    struct vg_train_pool *pool = calloc(1, sizeof(*pool));

    VG_CHECK(pool && workers > 0);
    vg_kernel_thread_init();
    pool->workers = workers < WORKERS_MAX ? workers : WORKERS_MAX;
    /* Who waits on a processor that another worker needs must not keep it. */
    pool->patience = (long)pool->workers <= sysconf(_SC_NPROCESSORS_ONLN) ? PATIENCE : 0;
    start(pool);
    return pool;
}

void vg_train_pool_free(struct vg_train_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->closing, true);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i < pool->workers; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_cond_destroy(&pool->begin);
    pthread_cond_destroy(&pool->end);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void vg_train_pool_run(struct vg_train_pool *pool, uint32_t tasks,
                       void (*work)(void *ctx, uint32_t task), void *ctx)
{
    bool shared = pool->workers > 1 && tasks > 1;

    pool->tasks = tasks;
    pool->work = work;
    pool->ctx = ctx;
    if (!shared) {
        for (uint32_t task = 0; task < tasks; task++)
            work(ctx, task);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->busy, pool->workers - 1);
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->lock);
    do_tasks(pool, 0);
    await_end(pool);
}
