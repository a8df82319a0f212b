/* train_pool.h - threads that share a fixed list of tasks and wait for each other.
 *
 * Which thread does a task must not change its result: every task has memory of its own.
 */
#ifndef VG_MODELS_TRAIN_POOL_H
#define VG_MODELS_TRAIN_POOL_H

#include "core/base.h"

struct vg_train_pool;

/** `workers` threads with the caller's, which works too; at least 1. Puts the floating-point
 *  environment of all of them in order (vg_kernel_thread_init()). Threads that cannot be had end
 *  the program. */
struct vg_train_pool *vg_train_pool_new(uint32_t workers);
void vg_train_pool_free(struct vg_train_pool *pool);

/** Calls work(ctx, task) for each task from 0 to tasks - 1, and returns when all are done. */
void vg_train_pool_run(struct vg_train_pool *pool, uint32_t tasks,
                       void (*work)(void *ctx, uint32_t task), void *ctx);

#endif
