/* refusals.c - events that a sink refused for ever, on their way to the outbox. */
#include "runtime/refusals.h"

#include <string.h>

void vg_refusals_init(struct vg_refusals *r)
{
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
}

void vg_refusals_done(struct vg_refusals *r)
{
    pthread_mutex_destroy(&r->lock);
}

void vg_refusals_add(struct vg_refusals *r, const struct vg_set_aside *what)
{
    pthread_mutex_lock(&r->lock);
    VG_CHECK(r->n < VG_REFUSALS_MAX);
    r->waiting[r->n++] = *what;
    pthread_mutex_unlock(&r->lock);
}

static uint32_t waiting(struct vg_refusals *r)
{
    uint32_t n;

    pthread_mutex_lock(&r->lock);
    n = r->n;
    pthread_mutex_unlock(&r->lock);
    return n;
}

bool vg_refusals_full(struct vg_refusals *r)
{
    return waiting(r) == VG_REFUSALS_MAX;
}

bool vg_refusals_wait(struct vg_refusals *r)
{
    return waiting(r) > 0;
}

bool vg_refusals_has(struct vg_refusals *r, uint64_t seq)
{
    bool found = false;

    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 0; i < r->n; i++)
        found = found || r->waiting[i].seq == seq;
    pthread_mutex_unlock(&r->lock);
    return found;
}

vg_status vg_refusals_put(struct vg_refusals *r, const char *sink, struct vg_outbox *outbox,
                          struct vg_err *err)
{
    struct vg_set_aside copy[VG_REFUSALS_MAX];
    vg_status st = VG_OK;

    pthread_mutex_lock(&r->lock);
    r->storing = r->n;
    memcpy(copy, r->waiting, r->n * sizeof(copy[0]));
    pthread_mutex_unlock(&r->lock);
    for (uint32_t i = 0; i < r->storing && st == VG_OK; i++)
        st = vg_outbox_put_set_aside(outbox, sink, &copy[i], err);
    return st;
}

void vg_refusals_committed(struct vg_refusals *r)
{
    pthread_mutex_lock(&r->lock);
    r->n -= r->storing;
    memmove(r->waiting, r->waiting + r->storing, r->n * sizeof(r->waiting[0]));
    r->storing = 0;
    pthread_mutex_unlock(&r->lock);
}
