/* conformance_answer.c - what a conformance publisher answers, and whether the question was right. */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "app/conformance_private.h"
#include "core/text.h"

static void begin_answer(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a)
{
    vg_buf_clear(&p->text);
    vg_buf_printf(&p->text, "{\"id\":%s,", a->request->id);
}

static void send_answer(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a)
{
    zmq_send(p->router, a->peer, a->peer_len, ZMQ_SNDMORE);
    zmq_send(p->router, p->text.data, p->text.len, 0);
}

static void refuse(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a,
                   const char *code, const char *message)
{
    begin_answer(p, a);
    vg_buf_printf(&p->text, "\"error\":\"%s\",\"message\":", code);
    vg_buf_json_str(&p->text, message);
    vg_buf_char(&p->text, '}');
    send_answer(p, a);
}

static void agree(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a)
{
    begin_answer(p, a);
    vg_buf_str(&p->text, "\"ok\":true}");
    send_answer(p, a);
}

/* Its number; VG_CONFORMANCE_WARDS for all, -1 for one that is not there. "none" has no events. */
static int find_ward(const char *name)
{
    if (!*name)
        return VG_CONFORMANCE_WARDS;
    if (strcmp(name, "none") == 0)
        return VG_CONFORMANCE_WARDS + 1;
    for (int w = 0; w < VG_CONFORMANCE_WARDS; w++) {
        if (strcmp(vg_conformance_wards[w], name) == 0)
            return w;
    }
    return -1;
}

static bool is_of(const struct vg_conformance_event *e, uint32_t ward)
{
    return ward == VG_CONFORMANCE_WARDS || e->ward == ward;
}

static void tell_all(struct vg_conformance_outbox *o, uint32_t ward)
{
    for (size_t i = 0; i < o->n; i++)
        o->event[i].told |= is_of(&o->event[i], ward);
}

static void answer_snapshot(struct vg_conformance_publisher *p,
                            const struct vg_conformance_asker *a, uint32_t ward)
{
    struct vg_conformance_outbox *o = p->outbox;
    char uuid[VG_UUID_TEXT_SIZE];
    const struct vg_conformance_event *last = NULL;

    for (;;) { /* in order of seq */
        const struct vg_conformance_event *next = NULL;

        for (uint32_t w = 0; w < VG_CONFORMANCE_WARDS; w++) {
            const struct vg_conformance_event *e = vg_conformance_open(o, w);

            if (e && is_of(e, ward) && (!last || e->seq > last->seq) &&
                (!next || e->seq < next->seq))
                next = e;
        }
        if (!next)
            break;
        last = next;
        begin_answer(p, a);
        vg_buf_printf(&p->text, "\"event\":%s}", next->json);
        send_answer(p, a);
    }
    vg_format_uuid(o->uuid, uuid);
    begin_answer(p, a);
    vg_buf_printf(&p->text, "\"done\":true,\"as_of\":%zu,\"outbox\":\"%s\"}", o->n, uuid);
    send_answer(p, a);
    tell_all(o, ward);
    p->seen.synced++;
}

/* Who asks after an event that it cannot have would miss it. */
static void check_after(struct vg_conformance_publisher *p, uint32_t ward, uint64_t after)
{
    const struct vg_conformance_event *missed = vg_conformance_untold(p->outbox, ward, after);
    char text[160];

    if (missed)
        snprintf(text, sizeof(text), "asked after %llu, but was never sent %llu of ward %s",
                 (unsigned long long)after, (unsigned long long)missed->seq,
                 vg_conformance_wards[missed->ward]);
    else
        snprintf(text, sizeof(text), "asked after %llu", (unsigned long long)after);
    p->check(p->arg, "replay", !missed, text);
}

static void answer_truncated(struct vg_conformance_publisher *p,
                             const struct vg_conformance_asker *a)
{
    begin_answer(p, a);
    vg_buf_printf(&p->text, "\"truncated\":true,\"oldest\":%llu}",
                  (unsigned long long)p->outbox->forgotten + 1);
    send_answer(p, a);
    p->seen.truncated++;
}

static void answer_replay(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a,
                          uint32_t ward)
{
    struct vg_conformance_outbox *o = p->outbox;
    uint64_t next = a->request->seq;
    uint64_t last = ward == VG_CONFORMANCE_WARDS  ? o->n
                    : ward < VG_CONFORMANCE_WARDS ? o->last[ward]
                                                  : 0;
    uint32_t sent = 0;

    check_after(p, ward, a->request->seq);
    if (a->request->seq < o->forgotten) {
        answer_truncated(p, a);
        return;
    }
    for (uint64_t i = a->request->seq; i < o->n && sent < a->request->credit; i++) {
        struct vg_conformance_event *e = &o->event[i];

        if (!is_of(e, ward))
            continue;
        next = e->seq;
        if (++sent == 2 && p->state.tear) {
            p->state.tear = false;
            continue;
        }
        begin_answer(p, a);
        vg_buf_printf(&p->text, "\"seq\":%llu,\"prev_seq\":%llu,\"event\":%s}",
                      (unsigned long long)e->seq, (unsigned long long)e->prev_seq, e->json);
        send_answer(p, a);
        e->told = true;
    }
    if (sent < a->request->credit && last > next)
        next = last;
    begin_answer(p, a);
    vg_buf_printf(&p->text, "\"done\":true,\"next\":%llu,\"last\":%llu}", (unsigned long long)next,
                  (unsigned long long)last);
    send_answer(p, a);
    p->seen.synced += next >= last;
}

static void answer_acknowledge(struct vg_conformance_publisher *p,
                               const struct vg_conformance_asker *a)
{
    const struct vg_order *order = &a->request->order;
    struct vg_conformance_event *e =
        vg_conformance_acknowledge(p->outbox, order->episode_id, order->by);
    bool by = strcmp(order->by, "conformance") == 0;

    p->check(p->arg, "acknowledge", by, by ? "by conformance" : "\"by\" is not what it was told");
    if (!e) {
        p->seen.unknown++;
        refuse(p, a, "unknown_episode", "there is no such episode");
        return;
    }
    e->told = true;
    p->seen.acknowledged++;
    agree(p, a);
    vg_conformance_publish(p, e, false);
}

void vg_conformance_answer(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a)
{
    int ward = find_ward(a->request->ward);

    if (ward < 0) {
        refuse(p, a, "unknown_ward", "no such ward is configured or was seen");
        return;
    }
    switch (a->request->kind) {
    case VG_REQUEST_SNAPSHOT:
        answer_snapshot(p, a, (uint32_t)ward);
        break;
    case VG_REQUEST_REPLAY:
        answer_replay(p, a, (uint32_t)ward);
        break;
    case VG_REQUEST_ACKNOWLEDGE:
        answer_acknowledge(p, a);
        break;
    case VG_REQUEST_CONFIRM:
        agree(p, a);
        break;
    case VG_REQUEST_COMMAND:
        refuse(p, a, "not_allowed", "nobody gives commands to a conformance publisher");
        break;
    }
}

void vg_conformance_refuse(struct vg_conformance_publisher *p, const struct vg_conformance_asker *a)
{
    refuse(p, a, a->request->code, a->request->message);
}
