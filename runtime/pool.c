/* pool.c - a stack of free frames under a mutex: two short locks per frame of many rows. */
#include "runtime/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Room for the items of an ordinary frame; a frame that needed more keeps what it grew to, unless
 * it carried a barrier: those may be megabytes. */
enum { ITEM_SPARE = 4096, KEEP_MAX = 1 << 20 };

struct vg_pool {
    const struct vg_layout *layout;
    pthread_mutex_t lock;
    struct vg_frame **free; /* guarded by lock, as are n and cap */
    uint32_t n, cap;
    atomic_uint out;
};

struct vg_pool *vg_pool_new(const struct vg_layout *layout)
{
    struct vg_pool *pool = calloc(1, sizeof(*pool));

    VG_CHECK(pool != NULL);
    pool->layout = layout;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void vg_pool_free(struct vg_pool *pool)
{
    if (!pool)
        return;
    for (uint32_t i = 0; i < pool->n; i++)
        vg_frame_free(pool->free[i]);
    free(pool->free);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct vg_frame *vg_pool_get(struct vg_pool *pool, enum vg_frame_kind kind, uint32_t shard)
{
    struct vg_frame *frame = NULL;

    atomic_fetch_add(&pool->out, 1);
    pthread_mutex_lock(&pool->lock);
    if (pool->n > 0)
        frame = pool->free[--pool->n];
    pthread_mutex_unlock(&pool->lock);
    if (!frame)
        frame = vg_frame_new(pool->layout, ITEM_SPARE);
    vg_frame_reset(frame, kind, shard);
    return frame;
}

void vg_pool_put(struct vg_pool *pool, struct vg_frame *frame)
{
    if (frame->capacity > pool->layout->tail + (size_t)KEEP_MAX) {
        vg_frame_free(frame);
    } else {
        pthread_mutex_lock(&pool->lock);
        if (pool->n == pool->cap) {
            pool->cap = pool->cap ? pool->cap * 2 : 64;
            pool->free = realloc(pool->free, pool->cap * sizeof(struct vg_frame *));
            VG_CHECK(pool->free != NULL);
        }
        pool->free[pool->n++] = frame;
        pthread_mutex_unlock(&pool->lock);
    }
    atomic_fetch_sub(&pool->out, 1);
}

uint32_t vg_pool_out(struct vg_pool *pool)
{
    return atomic_load(&pool->out);
}
