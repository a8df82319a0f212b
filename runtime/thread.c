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

static void init_condition(pthread_cond_t *c)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

vg_status vg_thread_begin(struct vg_thread *t, const char *name, vg_thread_fn fn, void *arg,
                          int wake_fd, struct vg_err *err)
{
    sigset_t all, old;
    int rc;

    memset(t, 0, sizeof(*t));
    snprintf(t->name, sizeof(t->name), "%.15s", name);
    t->fn = fn;
    t->arg = arg;
    t->wake_fd = wake_fd;
    pthread_mutex_init(&t->lock, NULL);
    init_condition(&t->changed);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&t->id, NULL, body, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return vg_fail(err, VG_E_MEMORY, "thread %s cannot be started: %s", name, strerror(rc));
    t->started = true;
    pthread_setname_np(t->id, t->name);
    return VG_OK;
}

vg_status vg_thread_wait(struct vg_thread *t, int64_t ns, struct vg_err *err)
{
    struct timespec until;
    vg_status st = VG_OK;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += ns / VG_NS_PER_S;
    until.tv_nsec = ns % VG_NS_PER_S;
    pthread_mutex_lock(&t->lock);
    while (!t->ready && !t->ended && rc == 0)
        rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
    if (!t->ready && !t->ended) {
        st = VG_E_AGAIN;
    } else if (!t->ready) {
        st = t->status;
        *err = t->err;
    }
    pthread_mutex_unlock(&t->lock);
    return st;
}

vg_status vg_thread_start(struct vg_thread *t, const char *name, vg_thread_fn fn, void *arg,
                          int wake_fd, struct vg_err *err)
{
    vg_status st = vg_thread_begin(t, name, fn, arg, wake_fd, err);

    if (st != VG_OK)
        return st;
    while ((st = vg_thread_wait(t, VG_NS_PER_S, err)) == VG_E_AGAIN) {
    }
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
