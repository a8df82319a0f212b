/* thread.h - a thread that says when it is ready and how it ended. */
#ifndef VG_RUNTIME_THREAD_H
#define VG_RUNTIME_THREAD_H

#include <pthread.h>

#include "core/err.h"

struct vg_thread;

/** Calls vg_thread_ready() once it can be relied on, then runs to its end. */
typedef vg_status (*vg_thread_fn)(void *arg, struct vg_thread *thread, struct vg_err *err);

struct vg_thread {
    char name[16]; /**< as the system shows it; at most 15 bytes */
    vg_thread_fn fn;
    void *arg;
    pthread_t id;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready, ended; /**< guarded by lock, as are status and err */
    vg_status status;
    struct vg_err err;
    int wake_fd; /**< eventfd that gets a 1 when the thread ends; -1: none */
};

/** Starts fn(arg) with every signal blocked. */
VG_NODISCARD vg_status vg_thread_begin(struct vg_thread *t, const char *name, vg_thread_fn fn,
                                       void *arg, int wake_fd, struct vg_err *err);
/** Waits up to `ns` until it is ready or has ended: VG_OK, or the status of one that ended before it was
 *  ready. VG_E_AGAIN: neither yet. */
VG_NODISCARD vg_status vg_thread_wait(struct vg_thread *t, int64_t ns, struct vg_err *err);
/** Both, for as long as it takes. */
VG_NODISCARD vg_status vg_thread_start(struct vg_thread *t, const char *name, vg_thread_fn fn,
                                       void *arg, int wake_fd, struct vg_err *err);
void vg_thread_ready(struct vg_thread *t);
/** Whether it has ended; then *ret_status and *err (may be NULL) say how. */
bool vg_thread_ended(struct vg_thread *t, vg_status *ret_status, struct vg_err *err);
/** Waits for the end. Does nothing for one that was never started. */
void vg_thread_join(struct vg_thread *t);

void vg_thread_sleep(int64_t ns);

#endif
