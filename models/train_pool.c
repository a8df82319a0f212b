/* train_pool.c - worker threads of training. */
#include "models/train_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "models/kernel.h"

enum { WORKERS_MAX = 64 };

struct worker {
    struct vg_train_pool *pool;
    uint32_t index;
    pthread_t thread;
};

struct vg_train_pool {
    uint32_t workers;
    struct worker worker[WORKERS_MAX]; /* from 1; 0 is the caller */
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    uint64_t round; /* of work; each worker does every round once */
    uint32_t busy;
    bool closing;
    uint32_t tasks;
    void (*work)(void *ctx, uint32_t task);
    void *ctx;
};

static void do_tasks(struct vg_train_pool *pool, uint32_t index)
{
    for (uint32_t task = index; task < pool->tasks; task += pool->workers)
        pool->work(pool->ctx, task);
}

static void *serve(void *arg)
{
    struct worker *w = arg;
    struct vg_train_pool *pool = w->pool;
    uint64_t done = 0;

    vg_kernel_thread_init();
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (pool->round == done && !pool->closing)
            pthread_cond_wait(&pool->begin, &pool->lock);
        done = pool->round;
        if (pool->closing) {
            pthread_mutex_unlock(&pool->lock);
            return NULL;
        }
        pthread_mutex_unlock(&pool->lock);
        do_tasks(pool, w->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->end);
        pthread_mutex_unlock(&pool->lock);
    }
}

struct vg_train_pool *vg_train_pool_new(uint32_t workers)
{
    struct vg_train_pool *pool = calloc(1, sizeof(*pool));

    VG_CHECK(pool && workers > 0);
    vg_kernel_thread_init();
    pool->workers = workers < WORKERS_MAX ? workers : WORKERS_MAX;
    VG_CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    VG_CHECK(pthread_cond_init(&pool->begin, NULL) == 0);
    VG_CHECK(pthread_cond_init(&pool->end, NULL) == 0);
    for (uint32_t i = 1; i < pool->workers; i++) {
        struct worker *w = &pool->worker[i];

        w->pool = pool;
        w->index = i;
        VG_CHECK(pthread_create(&w->thread, NULL, serve, w) == 0);
    }
    return pool;
}

void vg_train_pool_free(struct vg_train_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
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

    pthread_mutex_lock(&pool->lock);
    pool->tasks = tasks;
    pool->work = work;
    pool->ctx = ctx;
    if (shared) {
        pool->busy = pool->workers - 1;
        pool->round++;
        pthread_cond_broadcast(&pool->begin);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!shared) {
        for (uint32_t task = 0; task < tasks; task++)
            work(ctx, task);
        return;
    }
    do_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->end, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
