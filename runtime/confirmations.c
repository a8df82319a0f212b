/* confirmations.c - what subscribers have confirmed, on its way to the outbox. */
#include "runtime/confirmations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vg_confirmations_init(struct vg_confirmations *c)
{
    pthread_mutex_init(&c->lock, NULL);
}

void vg_confirmations_done(struct vg_confirmations *c)
{
    pthread_mutex_destroy(&c->lock);
    free(c->at);
}

static struct vg_confirmation *find(const struct vg_confirmations *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->at[i].name, name) == 0)
            return &c->at[i];
    }
    return NULL;
}

static struct vg_confirmation *find_or_add(struct vg_confirmations *c, const char *name)
{
    struct vg_confirmation *found = find(c, name);

    if (found)
        return found;
    c->at = realloc(c->at, (c->n + 1) * sizeof(c->at[0]));
    VG_CHECK(c->at);
    found = &c->at[c->n++];
    memset(found, 0, sizeof(*found));
    snprintf(found->name, sizeof(found->name), "%s", name);
    return found;
}

void vg_confirmations_say(struct vg_confirmations *c, const char *name, uint64_t seq)
{
    struct vg_confirmation *one;

    pthread_mutex_lock(&c->lock);
    one = find_or_add(c, name);
    one->said = seq > one->said ? seq : one->said;
    pthread_mutex_unlock(&c->lock);
}

void vg_confirmations_load(struct vg_confirmations *c, const char *name, uint64_t seq)
{
    struct vg_confirmation *one;

    pthread_mutex_lock(&c->lock);
    one = find_or_add(c, name);
    one->said = one->storing = one->stored = seq;
    pthread_mutex_unlock(&c->lock);
}

bool vg_confirmations_stored(struct vg_confirmations *c, const char *name, uint64_t *ret)
{
    const struct vg_confirmation *one;

    pthread_mutex_lock(&c->lock);
    one = find(c, name);
    *ret = one ? one->stored : 0;
    pthread_mutex_unlock(&c->lock);
    return one != NULL;
}

bool vg_confirmations_wait(struct vg_confirmations *c)
{
    bool waits = false;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        waits = waits || c->at[i].said != c->at[i].stored;
    pthread_mutex_unlock(&c->lock);
    return waits;
}

/* The newest that is not stored, copied: the disk is not waited for under the lock. */
static bool take(struct vg_confirmations *c, size_t i, struct vg_confirmation *ret)
{
    bool there;

    pthread_mutex_lock(&c->lock);
    there = i < c->n;
    if (there) {
        c->at[i].storing = c->at[i].said;
        *ret = c->at[i];
    }
    pthread_mutex_unlock(&c->lock);
    return there;
}

vg_status vg_confirmations_put(struct vg_confirmations *c, struct vg_outbox *outbox,
                               struct vg_err *err)
{
    struct vg_confirmation one;
    vg_status st = VG_OK;

    for (size_t i = 0; st == VG_OK && take(c, i, &one); i++) {
        if (one.storing != one.stored)
            st = vg_outbox_put_cursor(outbox, one.name, one.storing, err);
    }
    return st;
}

void vg_confirmations_committed(struct vg_confirmations *c)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        c->at[i].stored = c->at[i].storing;
    pthread_mutex_unlock(&c->lock);
}
