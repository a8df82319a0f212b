/* zeromq_order.c - acknowledgements and commands, answered once they are durable. */
#include <string.h>

#include "core/clock.h"
#include "sinks/zeromq_private.h"

/* What takes longer is answered "busy"; it may still come true. */
static const int64_t timeout_ns = 30 * VG_NS_PER_S;

struct vg_pending *vg_zeromq_pending_new(struct vg_zeromq *z, const struct vg_peer *peer,
                                         const char *id)
{
    for (size_t i = 0; i < VG_PENDING_MAX; i++) {
        struct vg_pending *p = &z->pending[i];

        if (p->used)
            continue;
        *p = (struct vg_pending){
            .used = true,
            .peer = *peer,
            .give_up_ns = vg_mono_ns() + timeout_ns,
        };
        memcpy(p->id, id, strlen(id) + 1);
        z->pending_n++;
        return p;
    }
    vg_zeromq_reply_error(z, peer, id, "busy", "too many requests at once; ask again");
    return NULL;
}

static void drop(struct vg_zeromq *z, struct vg_pending *p)
{
    p->used = false;
    z->pending_n--;
}

static void reply_answered(struct vg_zeromq *z, const struct vg_pending *p,
                           const struct vg_answered *answered)
{
    if (answered->code[0])
        vg_zeromq_reply_error(z, &p->peer, p->id, answered->code, answered->message);
    else
        vg_zeromq_reply_ok(z, &p->peer, p->id);
}

void vg_zeromq_order(struct vg_zeromq *z, const struct vg_peer *peer, const struct vg_request *r)
{
    struct vg_pending *p = vg_zeromq_pending_new(z, peer, r->id);
    struct vg_answered answered = { .code = "" };
    struct vg_err err;
    vg_status st;

    if (!p)
        return;
    st = z->env.order(z->env.ctx, &r->order, r->patient, z->wards.n ? &z->wards : NULL, &p->ticket,
                      &answered, &err);
    if (st == VG_OK && p->ticket != 0)
        return;
    if (st != VG_OK)
        vg_zeromq_reply_error(z, peer, r->id, err.option[0] ? err.option : "busy", err.msg);
    else
        reply_answered(z, p, &answered);
    drop(z, p);
}

static bool is_durable(const struct vg_zeromq *z, const struct vg_pending *p,
                       struct vg_answered *ret)
{
    if (!p->is_confirmation)
        return z->env.answered(z->env.ctx, p->ticket, ret);
    vg_answered_set(ret, VG_ANSWER_OK);
    return z->env.confirmed(z->env.ctx, p->subscriber, p->ward) >= p->seq;
}

void vg_zeromq_pending_serve(struct vg_zeromq *z)
{
    for (size_t i = 0; z->pending_n > 0 && i < VG_PENDING_MAX; i++) {
        struct vg_pending *p = &z->pending[i];
        struct vg_answered answered;

        if (!p->used)
            continue;
        if (is_durable(z, p, &answered))
            reply_answered(z, p, &answered);
        else if (vg_mono_ns() > p->give_up_ns)
            vg_zeromq_reply_error(z, &p->peer, p->id, "busy",
                                  "not durable within 30 s; it may still be");
        else
            continue;
        drop(z, p);
    }
}
