/* replay.c - what is asked of a pipeline: a snapshot, then what was missed; and what it answers. */
#include "client/replay.h"

#include <stdio.h>
#include <string.h>

#include "client/notices.h"
#include "client/sequence.h"

enum { CREDIT = 500 };

static const int64_t request_timeout_ns = 2 * NS_PER_S;
static const int64_t retry_ns = 500 * NS_PER_MS;

/* ---- asking ---- */

/* Sends the request that the scope's phase calls for; `ward` may be narrower than the scope. */
static void ask(struct vigil_client *c, struct endpoint *e, struct scope *s, const char *ward,
                int64_t now)
{
    unsigned long long id = c->next_id++;
    char text[256];
    int n;

    if (s->phase == PHASE_SNAPSHOT)
        n = snprintf(text, sizeof(text), "{\"id\":\"%llu\",\"do\":\"snapshot\",\"ward\":\"%s\"}",
                     id, ward);
    else
        n = snprintf(text, sizeof(text),
                     "{\"id\":\"%llu\",\"do\":\"replay\",\"ward\":\"%s\",\"after\":%llu,"
                     "\"credit\":%d}",
                     id, ward, (unsigned long long)s->cursor, CREDIT);
    s->request = 0;
    if (!vigil_send_text(e->dealer, text, n)) {
        s->not_before_ns = now + TICK_MS * NS_PER_MS;
        return;
    }
    s->request = id;
    s->progress = s->torn = false;
    s->heard_ns = now;
}

void vigil_replay_drive(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now)
{
    struct scope *s = &e->scopes[scope];
    const struct ward *gap;

    if ((s->request && now - s->heard_ns < request_timeout_ns) || now < s->not_before_ns)
        return;
    if (s->phase != PHASE_LIVE) {
        ask(c, e, s, s->ward, now);
        return;
    }
    s->request = 0;
    gap = vigil_ward_gap(e, scope, now);
    c->stats.gaps += gap && !s->has_gap;
    s->has_gap = gap != NULL;
    if (gap) {
        s->cursor = gap->last;
        ask(c, e, s, gap->name, now);
    }
}

/* ---- another outbox ---- */

/* Another outbox counts anew: nothing that is known of the old one holds. */
static void start_anew(struct vigil_client *c, struct endpoint *e, const uint8_t *outbox)
{
    if (outbox) {
        memcpy(e->outbox, outbox, WIRE_UUID_SIZE);
        e->has_outbox = true;
    }
    e->highest = 0;
    for (size_t i = 0; i < c->scopes_n; i++) {
        struct scope *s = &e->scopes[i];

        s->phase = PHASE_SNAPSHOT;
        s->base = s->cursor = s->request = s->unreadable = 0;
        s->not_before_ns = 0;
    }
    for (size_t i = 0; i < e->wards_n; i++) {
        struct ward *w = &e->wards[i];

        w->last = w->missed = w->announced = w->proved = w->candidate = 0;
        w->behind_since_ns = 0;
    }
    vigil_notices_add(c, e, VIGIL_NEW_OUTBOX, -1,
                      "the pipeline at %s has another outbox: asking for a snapshot", e->publish);
}

void vigil_replay_check_outbox(struct vigil_client *c, struct endpoint *e,
                               const uint8_t outbox[WIRE_UUID_SIZE])
{
    if (!e->has_outbox) {
        memcpy(e->outbox, outbox, WIRE_UUID_SIZE);
        e->has_outbox = true;
    } else if (memcmp(e->outbox, outbox, WIRE_UUID_SIZE) != 0) {
        start_anew(c, e, outbox);
    }
}

/* ---- answers ---- */

static void set_live(struct vigil_client *c, struct endpoint *e, struct scope *s)
{
    s->phase = PHASE_LIVE;
    vigil_notices_add(c, e, VIGIL_SYNCED, -1, "in step with %s, %s%s", e->publish,
                      s->ward[0] ? "ward " : "all wards", s->ward);
}

static void finish_snapshot(struct vigil_client *c, struct endpoint *e, size_t scope)
{
    struct scope *s;

    if (!e->has_outbox || memcmp(e->outbox, c->reply.outbox, WIRE_UUID_SIZE) != 0) {
        if (e->has_outbox)
            start_anew(c, e, c->reply.outbox);
        vigil_replay_check_outbox(c, e, c->reply.outbox);
    }
    s = &e->scopes[scope];
    s->base = c->reply.as_of;
    for (size_t i = 0; i < e->wards_n; i++) {
        struct ward *w = &e->wards[i];

        if (w->scope != scope)
            continue;
        vigil_ward_advance(w, s->base);
        w->proved = w->candidate = s->base;
    }
    set_live(c, e, s);
}

static void finish_replay(struct vigil_client *c, struct endpoint *e, struct scope *s, int64_t now)
{
    if (c->reply.last < s->cursor && s->phase == PHASE_REPLAY && !s->ward[0]) {
        /* The position that the caller gave counts in an outbox that is gone. (The last event of
         * a single ward may well be before it.) */
        start_anew(c, e, NULL);
        return;
    }
    if (s->phase == PHASE_REPLAY && !s->torn) {
        s->cursor = c->reply.next > s->cursor ? c->reply.next : s->cursor;
        if (c->reply.next >= c->reply.last)
            set_live(c, e, s);
    }
    if (!s->progress && (s->torn || c->reply.next < c->reply.last))
        s->not_before_ns = now + retry_ns;
}

static void finish(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now)
{
    struct scope *s = &e->scopes[scope];
    bool live = s->phase == PHASE_LIVE;

    s->request = 0;
    if (s->phase == PHASE_SNAPSHOT)
        finish_snapshot(c, e, scope);
    else
        finish_replay(c, e, s, now);
    /* A gap that this replay did not fill: not at once again. */
    if (live && !s->progress)
        s->not_before_ns = now + retry_ns;
    vigil_replay_drive(c, e, scope, now);
}

/* Retention was faster than this subscriber. */
static void skip_history(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now)
{
    struct scope *s = &e->scopes[scope];
    uint64_t before = c->reply.oldest > 0 ? c->reply.oldest - 1 : 0;

    vigil_notices_add(
        c, e, VIGIL_HISTORY_LOST, -1,
        "the pipeline at %s no longer holds the events after %llu; the oldest is %llu", e->publish,
        (unsigned long long)s->cursor, (unsigned long long)c->reply.oldest);
    s->request = 0;
    if (s->phase == PHASE_LIVE) {
        s->phase = PHASE_SNAPSHOT;
    } else {
        s->cursor = s->base = before;
        for (size_t i = 0; i < e->wards_n; i++) {
            if (e->wards[i].scope == scope && e->wards[i].last < before)
                vigil_ward_advance(&e->wards[i], before);
        }
    }
    vigil_replay_drive(c, e, scope, now);
}

static bool take_replayed(struct vigil_client *c, struct endpoint *e, struct scope *s,
                          struct vigil_item *item)
{
    const struct vigil_wire_reply *r = &c->reply;
    struct ward *w = vigil_ward_find(c, e, c->event.ward);

    if (s->torn)
        return false;
    /* A pipeline drops answers that are not taken in time. */
    if (w && r->prev_seq > w->last && r->prev_seq > s->unreadable) {
        s->torn = true;
        c->stats.gaps++;
        return false;
    }
    s->cursor = r->seq > s->cursor ? r->seq : s->cursor;
    if (!w || r->seq <= w->last)
        return false;
    vigil_ward_advance(w, r->seq);
    s->progress = true;
    if (!vigil_event_give(c, e, r->event, r->event_len, item))
        return false;
    item->event.origin = VIGIL_REPLAYED;
    item->event.seq = r->seq;
    item->event.prev_seq = r->prev_seq;
    c->stats.replayed++;
    return true;
}

/* An event in a reply; one that cannot be read must not stop those behind it. */
static bool take_stored(struct vigil_client *c, struct endpoint *e, struct scope *s,
                        struct vigil_item *item)
{
    const struct vigil_wire_reply *r = &c->reply;

    if (!vigil_wire_event(r->event, r->event_len, &c->event)) {
        c->stats.malformed++;
        if (s->torn)
            return false;
        s->cursor = r->seq > s->cursor ? r->seq : s->cursor;
        s->unreadable = r->seq > s->unreadable ? r->seq : s->unreadable;
        vigil_notices_add(c, e, VIGIL_UNREADABLE, -1, "event %llu of %s cannot be understood",
                          (unsigned long long)r->seq, e->publish);
        return false;
    }
    if (s->phase != PHASE_SNAPSHOT)
        return take_replayed(c, e, s, item);
    if (!vigil_event_give(c, e, r->event, r->event_len, item))
        return false;
    item->event.origin = VIGIL_SNAPSHOT;
    return true;
}

static void take_refusal(struct vigil_client *c, const struct endpoint *e, struct scope *s,
                         int64_t now)
{
    bool busy = strcmp(c->reply.code, "busy") == 0;

    s->request = 0;
    s->not_before_ns = now + (busy ? retry_ns : request_timeout_ns);
    if (busy || s->refused)
        return;
    s->refused = true;
    vigil_notices_add(c, e, VIGIL_REFUSED, -1, "the pipeline at %s refuses %s%s: %s: %s",
                      e->publish, s->ward[0] ? "ward " : "all wards", s->ward, c->reply.code,
                      c->reply.message);
}

bool vigil_replay_take_answer(struct vigil_client *c, struct endpoint *e, size_t scope,
                              struct vigil_item *item)
{
    struct scope *s = &e->scopes[scope];
    int64_t now = vigil_now_ns();

    s->heard_ns = now;
    switch (c->reply.kind) {
    case WIRE_REPLY_EVENT:
        return take_stored(c, e, s, item);
    case WIRE_REPLY_DONE:
        finish(c, e, scope, now);
        break;
    case WIRE_REPLY_TRUNCATED:
        skip_history(c, e, scope, now);
        break;
    case WIRE_REPLY_ERROR:
        take_refusal(c, e, s, now);
        break;
    case WIRE_REPLY_OK:
        break;
    }
    return false;
}
