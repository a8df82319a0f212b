/* change.c - what those who change a configuration tell each other. */
#include "runtime/change.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void vg_change_init(struct vg_change *c)
{
    pthread_condattr_t attr;

    memset(c, 0, sizeof(*c));
    c->shard = calloc(VG_SHARDS_MAX, sizeof(*c->shard));
    VG_CHECK(c->shard != NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void forget_shards(struct vg_change *c)
{
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++) {
        vg_buf_done(&c->shard[i].items);
        c->shard[i].there = false;
    }
}

void vg_change_done(struct vg_change *c)
{
    forget_shards(c);
    free(c->shard);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
}

/* With the lock. */
static void go_to(struct vg_change *c, enum vg_change_state state)
{
    c->state = state;
    pthread_cond_broadcast(&c->changed);
}

/* ---- who makes it ready ---- */

void vg_change_offer(struct vg_change *c, const struct vg_config *config)
{
    pthread_mutex_lock(&c->lock);
    VG_CHECK(c->state == VG_CHANGE_NONE);
    c->number++;
    c->config = config;
    c->failed = false;
    go_to(c, VG_CHANGE_OFFERED);
    pthread_mutex_unlock(&c->lock);
}

static bool is_over(enum vg_change_state state)
{
    return state == VG_CHANGE_REFUSED || state == VG_CHANGE_PASSED;
}

enum vg_change_state vg_change_wait(struct vg_change *c, int64_t ns)
{
    struct timespec until;
    enum vg_change_state state;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += ns / VG_NS_PER_S;
    until.tv_nsec = ns % VG_NS_PER_S;
    pthread_mutex_lock(&c->lock);
    while (rc == 0 && !is_over(c->state))
        rc = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    state = c->state;
    pthread_mutex_unlock(&c->lock);
    return state;
}

bool vg_change_withdraw(struct vg_change *c)
{
    bool withdrawn;

    pthread_mutex_lock(&c->lock);
    withdrawn = c->state == VG_CHANGE_OFFERED;
    if (withdrawn)
        go_to(c, VG_CHANGE_NONE);
    pthread_mutex_unlock(&c->lock);
    return withdrawn;
}

struct vg_err vg_change_close(struct vg_change *c)
{
    struct vg_err why;

    pthread_mutex_lock(&c->lock);
    VG_CHECK(is_over(c->state));
    why = c->why;
    forget_shards(c);
    go_to(c, VG_CHANGE_NONE);
    pthread_mutex_unlock(&c->lock);
    return why;
}

/* ---- ingest ---- */

bool vg_change_offered(struct vg_change *c, uint32_t *ret_number)
{
    bool offered;

    pthread_mutex_lock(&c->lock);
    offered = c->state == VG_CHANGE_OFFERED;
    *ret_number = c->number;
    pthread_mutex_unlock(&c->lock);
    return offered;
}

bool vg_change_take(struct vg_change *c)
{
    bool taken;

    pthread_mutex_lock(&c->lock);
    taken = c->state == VG_CHANGE_OFFERED;
    if (taken)
        go_to(c, VG_CHANGE_TAKEN);
    pthread_mutex_unlock(&c->lock);
    return taken;
}

vg_status vg_change_given(struct vg_change *c, uint32_t shard, struct vg_buf *ret,
                          struct vg_err *err)
{
    struct vg_change_shard *s = &c->shard[shard];
    vg_status st = VG_E_AGAIN;

    pthread_mutex_lock(&c->lock);
    if (s->there) {
        *ret = s->items;
        s->items = (struct vg_buf)VG_BUF_INIT;
        s->there = false;
        st = VG_OK;
    } else if (c->failed) {
        *err = c->why;
        st = err->status;
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

void vg_change_refuse(struct vg_change *c, const struct vg_err *why)
{
    pthread_mutex_lock(&c->lock);
    VG_CHECK(c->state == VG_CHANGE_TAKEN);
    c->why = *why;
    go_to(c, VG_CHANGE_REFUSED);
    pthread_mutex_unlock(&c->lock);
}

const struct vg_config *vg_change_make(struct vg_change *c)
{
    const struct vg_config *config;

    pthread_mutex_lock(&c->lock);
    VG_CHECK(c->state == VG_CHANGE_TAKEN);
    config = c->config;
    go_to(c, VG_CHANGE_MADE);
    pthread_mutex_unlock(&c->lock);
    return config;
}

/* ---- the snapshot writer ---- */

void vg_change_give(struct vg_change *c, uint32_t number, uint32_t shard, const void *items,
                    size_t len)
{
    struct vg_change_shard *s = &c->shard[shard];

    pthread_mutex_lock(&c->lock);
    if (number == c->number && c->state == VG_CHANGE_TAKEN) {
        vg_buf_clear(&s->items);
        vg_buf_add(&s->items, items, len);
        s->there = true;
    }
    pthread_mutex_unlock(&c->lock);
}

void vg_change_fail(struct vg_change *c, uint32_t number, const struct vg_err *why)
{
    pthread_mutex_lock(&c->lock);
    if (number == c->number && c->state == VG_CHANGE_TAKEN) {
        c->why = *why;
        c->failed = true;
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- the committer ---- */

const struct vg_config *vg_change_config(struct vg_change *c)
{
    const struct vg_config *config;

    pthread_mutex_lock(&c->lock);
    config = c->config;
    pthread_mutex_unlock(&c->lock);
    return config;
}

void vg_change_pass(struct vg_change *c)
{
    pthread_mutex_lock(&c->lock);
    VG_CHECK(c->state == VG_CHANGE_MADE);
    go_to(c, VG_CHANGE_PASSED);
    pthread_mutex_unlock(&c->lock);
}
