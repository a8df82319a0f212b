/* top_fetch.c - a thread that asks, waits a second, and asks again. */
#include "app/top_fetch.h"

#include <stdio.h>
#include <time.h>

#include "app/http_get.h"
#include "core/clock.h"

static const int64_t PERIOD_NS = VG_NS_PER_S;

static json_t *ask_beds(const struct vg_running *running, struct vg_err *err)
{
    struct vg_buf answer = VG_BUF_INIT;
    json_t *beds = NULL;

    if (vg_http_get(running->address, running->token, "/api/v1/beds", &answer, err) == VG_OK)
        beds = json_loadb(answer.data, answer.len, 0, NULL);
    vg_buf_done(&answer);
    return beds;
}

static void keep(json_t **place, json_t *news)
{
    if (!news)
        return;
    json_decref(*place);
    *place = news;
}

/* With the lock held, which is given up meanwhile. */
static void ask(struct vg_top_fetch *f)
{
    const bool wants_beds = f->wants_beds;
    json_t *state, *beds;
    struct vg_err err = { .msg = "" }, no_beds = { .msg = "" };

    pthread_mutex_unlock(&f->lock);
    if (vg_running_state(f->running, NULL, &state, &err) != VG_OK)
        state = NULL;
    beds = state && wants_beds ? ask_beds(f->running, &no_beds) : NULL;
    pthread_mutex_lock(&f->lock);
    if (state)
        f->news.mono_ns = vg_mono_ns();
    snprintf(f->news.gone, sizeof(f->news.gone), "%s", state ? "" : err.msg);
    snprintf(f->news.no_beds, sizeof(f->news.no_beds), "%s", no_beds.msg);
    keep(&f->news.state, state);
    keep(&f->news.beds, beds);
    f->news.number++;
}

static void wait(struct vg_top_fetch *f)
{
    struct timespec until;
    const bool wanted = f->wants_beds;
    int done = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PERIOD_NS / VG_NS_PER_S;
    while (!f->stop && f->wants_beds <= wanted && done == 0)
        done = pthread_cond_timedwait(&f->changed, &f->lock, &until);
}

static void *run(void *fetch)
{
    struct vg_top_fetch *f = fetch;

    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        ask(f);
        wait(f);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

void vg_top_fetch_start(struct vg_top_fetch *f, const struct vg_running *running)
{
    pthread_condattr_t monotonic;

    *f = (struct vg_top_fetch){ .running = running, .news.mono_ns = vg_mono_ns() };
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    VG_CHECK(pthread_create(&f->thread, NULL, run, f) == 0);
}

void vg_top_fetch_stop(struct vg_top_fetch *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    json_decref(f->news.state);
    json_decref(f->news.beds);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

void vg_top_fetch_news(struct vg_top_fetch *f, struct vg_top_news *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->news;
    json_incref(ret->state);
    json_incref(ret->beds);
    pthread_mutex_unlock(&f->lock);
}

void vg_top_fetch_beds(struct vg_top_fetch *f, bool wanted)
{
    pthread_mutex_lock(&f->lock);
    f->wants_beds = wanted;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}
