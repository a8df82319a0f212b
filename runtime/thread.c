/* thread.c - starting, watching and joining threads. */
#include "runtime/thread.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *body(void *arg)
{
    struct vg_thread *t = arg;
    struct vg_err err = { 0 };
    uint64_t one = 1;
    vg_status st = t->fn(t->arg, t, &err);

    pthread_mutex_lock(&t->lock);
    t->status = st;
    t->err = err;
    t->ended = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (t->wake_fd >= 0 && write(t->wake_fd, &one, sizeof(one)) < 0) {
        /* The counter is full: the supervisor is awake anyway. */
    }
    return NULL;
}

vg_status vg_thread_start(struct vg_thread *t, const char *name, vg_thread_fn fn, void *arg,
                          int wake_fd, struct vg_err *err)
{
    sigset_t all, old;
    vg_status st = VG_OK;
    int rc;

    memset(t, 0, sizeof(*t));
    snprintf(t->name, sizeof(t->name), "%.15s", name);
    t->fn = fn;
    t->arg = arg;
    t->wake_fd = wake_fd;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&t->id, NULL, body, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return vg_fail(err, VG_E_MEMORY, "thread %s cannot be started: %s", name, strerror(rc));
    t->started = true;
    pthread_setname_np(t->id, t->name);
    pthread_mutex_lock(&t->lock);
    while (!t->ready && !t->ended)
        pthread_cond_wait(&t->changed, &t->lock);
    if (!t->ready) {
        st = t->status;
        *err = t->err;
    }
    pthread_mutex_unlock(&t->lock);
    return st;
}

void vg_thread_ready(struct vg_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->ready = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

bool vg_thread_ended(struct vg_thread *t, vg_status *ret_status, struct vg_err *err)
{
    bool ended;

    if (!t->started)
        return true;
    pthread_mutex_lock(&t->lock);
    ended = t->ended;
    if (ended && ret_status)
        *ret_status = t->status;
    if (ended && err)
        *err = t->err;
    pthread_mutex_unlock(&t->lock);
    return ended;
}

void vg_thread_join(struct vg_thread *t)
{
    if (!t->started)
        return;
    pthread_join(t->id, NULL);
    t->started = false;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
}

void vg_thread_sleep(int64_t ns)
{
    struct timespec left = { .tv_sec = ns / VG_NS_PER_S, .tv_nsec = ns % VG_NS_PER_S };

    while (nanosleep(&left, &left) != 0) {
        /* Interrupted: the rest. */
    }
}
