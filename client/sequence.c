/* sequence.c - the rule that keeps every ward in order and complete.
 *
 * Whether an event comes live or by replay: with `last` the newest seq given out, an event with
 * seq <= last is a repeat, one with prev_seq > last shows a gap, any other is the next. Events behind a
 * gap are not kept: the outbox of the pipeline has them, and the replay that fills the gap brings them
 * too. So nothing here grows with the time a subscriber was away.
 */
#include "client/sequence.h"

#include <stdio.h>
#include <string.h>

#include "client/replay.h"

enum { WARDS_MAX = 4096 };

static const int64_t behind_ns = 500 * NS_PER_MS;

struct ward *vigil_ward_add(struct endpoint *e, const char *name, size_t scope)
{
    struct ward *w;

    e->wards = vigil_grow(e->wards, e->wards_n + 1, sizeof(e->wards[0]));
    w = &e->wards[e->wards_n++];
    *w = (struct ward){
        .scope = scope,
        .last = e->scopes[scope].base,
        .proved = e->scopes[scope].base,
        .candidate = e->scopes[scope].base,
    };
    snprintf(w->name, sizeof(w->name), "%s", name);
    return w;
}

struct ward *vigil_ward_find(const struct vigil_client *c, struct endpoint *e, const char *name)
{
    for (size_t i = 0; i < e->wards_n; i++) {
        if (strcmp(e->wards[i].name, name) == 0)
            return &e->wards[i];
    }
    return c->all_wards && e->wards_n < WARDS_MAX ? vigil_ward_add(e, name, 0) : NULL;
}

/* Whether the ward lacks events that exist. */
static bool is_behind(const struct ward *w, int64_t now)
{
    return w->missed > w->last ||
           (w->announced > w->last && w->behind_since_ns && now - w->behind_since_ns >= behind_ns);
}

const struct ward *vigil_ward_gap(const struct endpoint *e, size_t scope, int64_t now)
{
    for (size_t i = 0; i < e->wards_n; i++) {
        if (e->wards[i].scope == scope && is_behind(&e->wards[i], now))
            return &e->wards[i];
    }
    return NULL;
}

void vigil_ward_advance(struct ward *w, uint64_t seq)
{
    w->last = seq;
    if (w->announced <= seq)
        w->behind_since_ns = 0;
}

/* ---- events ---- */

/* Keeps the text for the item; what came in a frame is gone after the call. */
static void keep_text(struct vigil_client *c, const char *text, size_t n)
{
    if (c->text_cap < n + 1) {
        c->text_cap = n + 1 > 2 * c->text_cap ? n + 1 : 2 * c->text_cap;
        c->text = vigil_grow(c->text, c->text_cap, 1);
    }
    memcpy(c->text, text, n);
    c->text[n] = '\0';
}

bool vigil_event_give(struct vigil_client *c, const struct endpoint *e, const char *json, size_t n,
                      struct vigil_item *item)
{
    if (!vigil_seen_add(c->seen, c->event.key)) {
        c->stats.duplicates++;
        return false;
    }
    keep_text(c, json, n);
    item->type = VIGIL_EVENT;
    item->endpoint = (size_t)(e - c->endpoints);
    item->event.ward = c->event.ward;
    item->event.event_id = c->event.event_id;
    item->event.json = c->text;
    item->event.json_len = n;
    c->stats.events++;
    return true;
}

bool vigil_event_take_live(struct vigil_client *c, struct endpoint *e,
                           const struct vigil_wire_header *h, const char *json, size_t n,
                           struct vigil_item *item)
{
    struct ward *w = vigil_ward_find(c, e, c->event.ward);
    int64_t now = vigil_now_ns();

    if (!w) {
        c->stats.malformed++; /* a ward that was not subscribed, or one too many */
        return false;
    }
    if (e->scopes[w->scope].phase != PHASE_LIVE) {
        w->missed = h->seq > w->missed ? h->seq : w->missed;
        return false;
    }
    if (h->seq <= w->last) {
        c->stats.duplicates++;
        return false;
    }
    if (h->prev_seq > w->last) {
        w->missed = h->seq;
        vigil_replay_drive(c, e, w->scope, now);
        return false;
    }
    vigil_ward_advance(w, h->seq);
    if (!vigil_event_give(c, e, json, n, item))
        return false;
    item->event.origin = VIGIL_LIVE;
    item->event.seq = h->seq;
    item->event.prev_seq = h->prev_seq;
    item->event.repeat = h->repeat;
    item->event.published_ns = h->published_ns;
    return true;
}

void vigil_ward_heartbeat(struct vigil_client *c, struct endpoint *e, const char *name,
                          uint64_t seq, bool closing, int64_t now)
{
    struct ward *w = vigil_ward_find(c, e, name);

    if (!w)
        return;
    w->heartbeat_ns = now;
    w->closing = closing;
    w->announced = seq;
    if (seq > w->last) {
        if (!w->behind_since_ns)
            w->behind_since_ns = now;
        return;
    }
    w->behind_since_ns = 0;
    /* One heartbeat later, so that a ward that is still unknown had its own in between. */
    w->proved = w->candidate > w->proved ? w->candidate : w->proved;
    w->candidate = e->highest;
}

/* ---- how far ---- */

bool vigil_client_position(const struct vigil_client *client, size_t endpoint, uint64_t *ret_after,
                           uint8_t ret_outbox[16])
{
    const struct endpoint *e;
    uint64_t after = UINT64_MAX;

    if (endpoint >= client->endpoints_n)
        return false;
    e = &client->endpoints[endpoint];
    if (!e->has_outbox)
        return false;
    for (size_t i = 0; i < client->scopes_n; i++) {
        if (e->scopes[i].phase != PHASE_LIVE)
            return false;
    }
    for (size_t i = 0; i < e->wards_n; i++) {
        const struct ward *w = &e->wards[i];
        /* Of a ward that nobody has heard of yet, `last` of another one proves nothing. */
        uint64_t complete = client->all_wards || w->proved > w->last ? w->proved : w->last;

        after = complete < after ? complete : after;
    }
    *ret_after = e->wards_n ? after : e->scopes[0].base;
    memcpy(ret_outbox, e->outbox, WIRE_UUID_SIZE);
    return true;
}

static bool is_complete(const struct vigil_client *c, const struct endpoint *e)
{
    for (size_t i = 0; i < c->scopes_n; i++) {
        if (e->scopes[i].phase != PHASE_LIVE)
            return false;
    }
    for (size_t i = 0; i < e->wards_n; i++) {
        const struct ward *w = &e->wards[i];

        if (w->missed > w->last || w->announced > w->last)
            return false;
    }
    return true;
}

bool vigil_client_complete(const struct vigil_client *client)
{
    for (size_t i = 0; i < client->endpoints_n; i++) {
        if (!is_complete(client, &client->endpoints[i]))
            return false;
    }
    return true;
}
