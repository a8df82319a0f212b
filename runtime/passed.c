/* passed.c - how much a sink passed over as old news, on its way to the outbox. */
#include "runtime/passed.h"

#include <string.h>

void vg_passed_init(struct vg_passed *p)
{
    memset(p, 0, sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
}

void vg_passed_done(struct vg_passed *p)
{
    pthread_mutex_destroy(&p->lock);
}

static bool same(const struct vg_passed_over *a, const struct vg_passed_over *b)
{
    return a->seq == b->seq && a->events == b->events && a->urgent == b->urgent;
}

void vg_passed_load(struct vg_passed *p, const struct vg_passed_over *stored)
{
    pthread_mutex_lock(&p->lock);
    p->said = p->storing = p->stored = *stored;
    pthread_mutex_unlock(&p->lock);
}

void vg_passed_say(struct vg_passed *p, const struct vg_passed_over *over)
{
    pthread_mutex_lock(&p->lock);
    p->said = *over;
    pthread_mutex_unlock(&p->lock);
}

bool vg_passed_wait(struct vg_passed *p)
{
    bool wait;

    pthread_mutex_lock(&p->lock);
    wait = !same(&p->said, &p->stored);
    pthread_mutex_unlock(&p->lock);
    return wait;
}

vg_status vg_passed_put(struct vg_passed *p, const char *sink, struct vg_outbox *outbox,
                        struct vg_err *err)
{
    bool changed;

    pthread_mutex_lock(&p->lock);
    p->storing = p->said;
    changed = !same(&p->storing, &p->stored);
    pthread_mutex_unlock(&p->lock);
    return changed ? vg_outbox_put_passed_over(outbox, sink, &p->storing, err) : VG_OK;
}

void vg_passed_committed(struct vg_passed *p)
{
    pthread_mutex_lock(&p->lock);
    p->stored = p->storing;
    pthread_mutex_unlock(&p->lock);
}
