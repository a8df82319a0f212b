/* vigil_client.c - a subscriber of ALERT/1 that can prove it missed nothing.
 *
 * One rule keeps every ward in order and complete, whether an event comes live or by replay: with
 * `last` the newest seq given out, an event with seq <= last is a repeat, one with prev_seq > last
 * shows a gap, any other is the next. Events behind a gap are not kept: the outbox of the pipeline
 * has them, and the replay that fills the gap brings them too. So nothing here grows with the time
 * a subscriber was away.
 *
 * A `scope` is what is asked for by one request: one subscribed ward, or all of them.
 */
#include "client/vigil_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "client/curve.h"
#include "client/seen.h"
#include "client/wire.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* docs/alert1.md names those of link, age and lag. */
static const int64_t link_down_ns = 3 * NS_PER_S;
static const int64_t reconnect_ns = 5 * NS_PER_S;
static const int64_t stalled_ms = 5000;
static const int64_t behind_ns = 500 * NS_PER_MS;
/* A shard that moves is shown by neither instance until both have sent a heartbeat. */
static const int64_t not_covered_ns = 1500 * NS_PER_MS;
static const int64_t request_timeout_ns = 2 * NS_PER_S;
static const int64_t retry_ns = 500 * NS_PER_MS;
static const int64_t closing_round_ns = NS_PER_S; /* heartbeats of all wards are sent together */
static const int64_t acknowledge_timeout_ns = 10 * NS_PER_S;
static const int64_t confirm_every_ns = NS_PER_S;

enum {
    CREDIT = 500,
    WARDS_MAX = 4096,
    RECEIVE_HWM = 20000,
    MESSAGE_MAX = 1 << 20,
    TICK_MS = 50,
    CERTAIN_MS = 100,
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 1000,
    CONNECT_MS = 3000,
    PROBE_S = 1,
    PROBES = 3,
    UNANSWERED_MS = 4000,
    /* Messages without an item that are worked off before timers get a turn. */
    MESSAGES_PER_TURN = 1000,
};

enum phase { PHASE_SNAPSHOT, PHASE_REPLAY, PHASE_LIVE };
enum link { LINK_UNKNOWN, LINK_IS_UP, LINK_IS_DOWN };

struct scope {
    char ward[WIRE_WARD_SIZE]; /* "": all */
    enum phase phase;
    uint64_t base;       /* wards that appear later start here */
    uint64_t request;    /* id of the one that is not answered yet, or 0 */
    uint64_t cursor;     /* of that replay */
    bool progress;       /* it gave out an event */
    bool torn;           /* one of its answers was lost: what is behind has to be asked for again */
    uint64_t unreadable; /* newest seq that a replay brought and nobody could read */
    int64_t heard_ns;    /* last sign of that request */
    int64_t not_before_ns;
    bool refused; /* and said so */
    bool has_gap;
};

struct ward {
    char name[WIRE_WARD_SIZE];
    size_t scope;
    uint64_t last;           /* newest seq given out, or known to be in the snapshot */
    uint64_t missed;         /* newest seq of a live event that had to wait for a replay */
    uint64_t announced;      /* newest seq of a heartbeat */
    int64_t behind_since_ns; /* when announced became greater than last; 0: it is not */
    int64_t heartbeat_ns;    /* when the last one came; 0: none yet */
    bool closing;            /* it said that the pipeline closes */
    /* Complete up to here, and what will be shown to be by the next heartbeat. */
    uint64_t proved, candidate;
};

struct endpoint {
    char *publish, *control;
    void *sub, *dealer;
    void *watch;          /* tells of a refused key; NULL without keys */
    bool key_refused;     /* and said so */
    int64_t connected_ns; /* when it was last begun anew */
    struct scope *scopes; /* [scopes_n of the client] */
    struct ward *wards;
    size_t wards_n;
    bool has_outbox;
    uint8_t outbox[WIRE_UUID_SIZE];
    uint64_t highest; /* seq seen on `sub` */
    int64_t started_ns, heartbeat_ns;
    int64_t closing_ns; /* when the first heartbeat said that it closes; 0: none, or not any more */
    int64_t drained_ns; /* when `sub` was last seen empty */
    enum link link;
    bool has_heartbeat;
    struct vigil_wire_heartbeat heartbeat; /* the newest */
    bool stalled, not_covered;
    int64_t uncovered_since_ns; /* 0: covered */
    int64_t confirm_ns;
};

struct notice {
    size_t endpoint;
    enum vigil_notice kind;
    int64_t shard;
    char text[WIRE_TEXT_SIZE + 128];
};

struct acknowledgement {
    uint64_t ticket; /* also the id of the request */
    size_t endpoint;
    char *request; /* NULL once it is sent */
    int64_t deadline_ns;
};

struct vigil_client {
    void *context;
    struct endpoint *endpoints;
    size_t endpoints_n, scopes_n;
    bool all_wards;
    char *subscriber;
    uint64_t next_id;
    size_t turn; /* endpoint that is served first */
    int64_t tick_ns;
    struct notice *notices;
    size_t notices_n, notices_given, notices_cap;
    struct acknowledgement *acknowledgements;
    size_t acknowledgements_n;
    struct vigil_seen *seen;
    struct vigil_stats stats;
    zmq_pollitem_t *poll;
    /* what the last item points to */
    char *text;
    size_t text_cap;
    struct vigil_wire_event event;
    struct notice notice;
    struct vigil_wire_reply reply;
};

const char *vigil_client_version(void)
{
    return VG_VERSION;
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* An embedded library has nobody to report this to in the middle of a message, and an alert must
 * not be dropped. */
static void *grow(void *old, size_t n, size_t size)
{
    void *p = realloc(old, n * size);

    if (!p)
        abort();
    return p;
}

__attribute__((format(printf, 5, 6))) static void notify(struct vigil_client *c,
                                                         const struct endpoint *e,
                                                         enum vigil_notice kind, int64_t shard,
                                                         const char *fmt, ...)
{
    struct notice *n;
    va_list ap;

    if (c->notices_n == c->notices_cap) {
        c->notices_cap = c->notices_cap ? 2 * c->notices_cap : 16;
        c->notices = grow(c->notices, c->notices_cap, sizeof(c->notices[0]));
    }
    n = &c->notices[c->notices_n++];
    n->endpoint = (size_t)(e - c->endpoints);
    n->kind = kind;
    n->shard = shard;
    va_start(ap, fmt);
    vsnprintf(n->text, sizeof(n->text), fmt, ap);
    va_end(ap);
}

static struct ward *add_ward(struct endpoint *e, const char *name, size_t scope)
{
    struct ward *w;

    e->wards = grow(e->wards, e->wards_n + 1, sizeof(e->wards[0]));
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

/* The ward's state; NULL when it is none of ours. */
static struct ward *find_ward(const struct vigil_client *c, struct endpoint *e, const char *name)
{
    for (size_t i = 0; i < e->wards_n; i++) {
        if (strcmp(e->wards[i].name, name) == 0)
            return &e->wards[i];
    }
    return c->all_wards && e->wards_n < WARDS_MAX ? add_ward(e, name, 0) : NULL;
}

static bool send_text(void *dealer, const char *text, int n)
{
    return zmq_send(dealer, text, (size_t)n, ZMQ_DONTWAIT) >= 0;
}

/* Whether the ward lacks events that exist. */
static bool is_behind(const struct ward *w, int64_t now)
{
    return w->missed > w->last ||
           (w->announced > w->last && w->behind_since_ns && now - w->behind_since_ns >= behind_ns);
}

/* A ward of the scope that has to be replayed, or NULL. */
static const struct ward *find_gap(const struct endpoint *e, size_t scope, int64_t now)
{
    for (size_t i = 0; i < e->wards_n; i++) {
        if (e->wards[i].scope == scope && is_behind(&e->wards[i], now))
            return &e->wards[i];
    }
    return NULL;
}

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
    if (!send_text(e->dealer, text, n)) {
        s->not_before_ns = now + TICK_MS * NS_PER_MS;
        return;
    }
    s->request = id;
    s->progress = s->torn = false;
    s->heard_ns = now;
}

/* Asks for what the scope needs, if it needs something and nothing is on its way. */
static void drive(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now)
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
    gap = find_gap(e, scope, now);
    c->stats.gaps += gap && !s->has_gap;
    s->has_gap = gap != NULL;
    if (gap) {
        s->cursor = gap->last;
        ask(c, e, s, gap->name, now);
    }
}

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
    notify(c, e, VIGIL_NEW_OUTBOX, -1,
           "the pipeline at %s has another outbox: asking for a snapshot", e->publish);
}

static void check_outbox(struct vigil_client *c, struct endpoint *e,
                         const uint8_t outbox[WIRE_UUID_SIZE])
{
    if (!e->has_outbox) {
        memcpy(e->outbox, outbox, WIRE_UUID_SIZE);
        e->has_outbox = true;
    } else if (memcmp(e->outbox, outbox, WIRE_UUID_SIZE) != 0) {
        start_anew(c, e, outbox);
    }
}

/* Keeps the text for the item; what came in a frame is gone after the call. */
static void keep_text(struct vigil_client *c, const char *text, size_t n)
{
    if (c->text_cap < n + 1) {
        c->text_cap = n + 1 > 2 * c->text_cap ? n + 1 : 2 * c->text_cap;
        c->text = grow(c->text, c->text_cap, 1);
    }
    memcpy(c->text, text, n);
    c->text[n] = '\0';
}

/* Gives the event out, unless it was before. */
static bool give_event(struct vigil_client *c, const struct endpoint *e, const char *json, size_t n,
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

static void advance(struct ward *w, uint64_t seq)
{
    w->last = seq;
    if (w->announced <= seq)
        w->behind_since_ns = 0;
}

/* The rule at the top of this file. */
static bool take_live(struct vigil_client *c, struct endpoint *e, const struct vigil_wire_header *h,
                      const char *json, size_t n, struct vigil_item *item)
{
    struct ward *w = find_ward(c, e, c->event.ward);
    int64_t now = now_ns();

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
        drive(c, e, w->scope, now);
        return false;
    }
    advance(w, h->seq);
    if (!give_event(c, e, json, n, item))
        return false;
    item->event.origin = VIGIL_LIVE;
    item->event.seq = h->seq;
    item->event.prev_seq = h->prev_seq;
    item->event.repeat = h->repeat;
    item->event.published_ns = h->published_ns;
    return true;
}

static void note_heartbeat(struct vigil_client *c, struct endpoint *e, const char *name,
                           uint64_t seq, bool closing, int64_t now)
{
    struct ward *w = find_ward(c, e, name);

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

static void note_state(struct vigil_client *c, struct endpoint *e,
                       const struct vigil_wire_heartbeat *fresh)
{
    const char *before = e->has_heartbeat ? e->heartbeat.state : "running";

    if (strcmp(before, fresh->state) != 0 ||
        (e->has_heartbeat && strcmp(e->heartbeat.reasons, fresh->reasons) != 0))
        notify(c, e, VIGIL_STATE, -1, "the pipeline at %s is %s%s%s", e->publish, fresh->state,
               fresh->reasons[0] ? ": " : "", fresh->reasons);
}

static void note_age(struct vigil_client *c, struct endpoint *e)
{
    bool stalled = e->heartbeat.oldest_ms > stalled_ms;

    if (stalled == e->stalled)
        return;
    e->stalled = stalled;
    if (stalled)
        notify(c, e, VIGIL_STALLED, e->heartbeat.oldest_shard,
               "STALLED: shard %lld of %s has not moved for %.1f s, alerts may not be raised",
               (long long)e->heartbeat.oldest_shard, e->publish,
               (double)e->heartbeat.oldest_ms / 1000);
    else
        notify(c, e, VIGIL_MOVING, -1, "all shards of %s move again", e->publish);
}

static void take_heartbeat(struct vigil_client *c, struct endpoint *e, const char *ward,
                           const struct vigil_wire_header *h, const char *json, size_t n)
{
    struct vigil_wire_heartbeat fresh;
    int64_t now = now_ns();
    bool closing;

    if (!vigil_wire_heartbeat(json, n, &fresh)) {
        c->stats.malformed++;
        return;
    }
    closing = strcmp(fresh.state, "closing") == 0;
    e->heartbeat_ns = now;
    e->closing_ns = !closing ? 0 : e->closing_ns ? e->closing_ns : now;
    note_heartbeat(c, e, ward, h->seq, closing, now);
    note_state(c, e, &fresh);
    e->heartbeat = fresh;
    e->has_heartbeat = true;
    note_age(c, e);
}

/* One message of the SUB socket: topic, header, payload. */
static bool take_publication(struct vigil_client *c, struct endpoint *e, zmq_msg_t frames[3],
                             struct vigil_item *item)
{
    const char *payload = zmq_msg_data(&frames[2]);
    size_t n = zmq_msg_size(&frames[2]);
    char ward[WIRE_WARD_SIZE];
    struct vigil_wire_header h;

    if (!vigil_wire_topic(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), ward) ||
        !vigil_wire_header(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]), &h)) {
        c->stats.malformed++;
        return false;
    }
    check_outbox(c, e, h.outbox);
    if (h.seq > e->highest)
        e->highest = h.seq;
    if (h.kind == WIRE_HEARTBEAT) {
        take_heartbeat(c, e, ward, &h, payload, n);
        return false;
    }
    if (h.kind != WIRE_EVENT)
        return false; /* of a later minor version */
    if (!vigil_wire_event(payload, n, &c->event) || strcmp(c->event.ward, ward) != 0) {
        c->stats.malformed++;
        return false;
    }
    return take_live(c, e, &h, payload, n, item);
}

static void set_live(struct vigil_client *c, struct endpoint *e, struct scope *s)
{
    s->phase = PHASE_LIVE;
    notify(c, e, VIGIL_SYNCED, -1, "in step with %s, %s%s", e->publish,
           s->ward[0] ? "ward " : "all wards", s->ward);
}

static void finish_snapshot(struct vigil_client *c, struct endpoint *e, size_t scope)
{
    struct scope *s;

    if (!e->has_outbox || memcmp(e->outbox, c->reply.outbox, WIRE_UUID_SIZE) != 0) {
        if (e->has_outbox)
            start_anew(c, e, c->reply.outbox);
        check_outbox(c, e, c->reply.outbox);
    }
    s = &e->scopes[scope];
    s->base = c->reply.as_of;
    for (size_t i = 0; i < e->wards_n; i++) {
        struct ward *w = &e->wards[i];

        if (w->scope != scope)
            continue;
        advance(w, s->base);
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
    drive(c, e, scope, now);
}

/* Retention was faster than this subscriber. */
static void skip_history(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now)
{
    struct scope *s = &e->scopes[scope];
    uint64_t before = c->reply.oldest > 0 ? c->reply.oldest - 1 : 0;

    notify(c, e, VIGIL_HISTORY_LOST, -1,
           "the pipeline at %s no longer holds the events after %llu; the oldest is %llu",
           e->publish, (unsigned long long)s->cursor, (unsigned long long)c->reply.oldest);
    s->request = 0;
    if (s->phase == PHASE_LIVE) {
        s->phase = PHASE_SNAPSHOT;
    } else {
        s->cursor = s->base = before;
        for (size_t i = 0; i < e->wards_n; i++) {
            if (e->wards[i].scope == scope && e->wards[i].last < before)
                advance(&e->wards[i], before);
        }
    }
    drive(c, e, scope, now);
}

static bool take_replayed(struct vigil_client *c, struct endpoint *e, struct scope *s,
                          struct vigil_item *item)
{
    const struct vigil_wire_reply *r = &c->reply;
    struct ward *w = find_ward(c, e, c->event.ward);

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
    advance(w, r->seq);
    s->progress = true;
    if (!give_event(c, e, r->event, r->event_len, item))
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
        notify(c, e, VIGIL_UNREADABLE, -1, "event %llu of %s cannot be understood",
               (unsigned long long)r->seq, e->publish);
        return false;
    }
    if (s->phase != PHASE_SNAPSHOT)
        return take_replayed(c, e, s, item);
    if (!give_event(c, e, r->event, r->event_len, item))
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
    notify(c, e, VIGIL_REFUSED, -1, "the pipeline at %s refuses %s%s: %s: %s", e->publish,
           s->ward[0] ? "ward " : "all wards", s->ward, c->reply.code, c->reply.message);
}

static bool take_answer(struct vigil_client *c, struct endpoint *e, size_t scope,
                        struct vigil_item *item)
{
    struct scope *s = &e->scopes[scope];
    int64_t now = now_ns();

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

static void remove_acknowledgement(struct vigil_client *c, size_t i)
{
    free(c->acknowledgements[i].request);
    c->acknowledgements[i] = c->acknowledgements[--c->acknowledgements_n];
}

static bool take_acknowledged(struct vigil_client *c, size_t endpoint, struct vigil_item *item)
{
    for (size_t i = 0; i < c->acknowledgements_n; i++) {
        const struct acknowledgement *a = &c->acknowledgements[i];

        if (a->ticket != c->reply.id || a->endpoint != endpoint)
            continue;
        item->type = VIGIL_REPLY;
        item->endpoint = endpoint;
        item->reply.ticket = a->ticket;
        item->reply.ok = c->reply.kind == WIRE_REPLY_OK;
        item->reply.code = c->reply.code;
        item->reply.message = c->reply.message;
        remove_acknowledgement(c, i);
        return true;
    }
    return false; /* of a request that was given up, or a confirmation */
}

/* One message of the DEALER socket. */
static bool take_reply(struct vigil_client *c, struct endpoint *e, zmq_msg_t *frame,
                       struct vigil_item *item)
{
    if (!vigil_wire_reply(zmq_msg_data(frame), zmq_msg_size(frame), &c->reply)) {
        c->stats.malformed++;
        return false;
    }
    for (size_t i = 0; i < c->scopes_n; i++) {
        if (e->scopes[i].request == c->reply.id)
            return take_answer(c, e, i, item);
    }
    return take_acknowledged(c, (size_t)(e - c->endpoints), item);
}

/* Receives one message of up to `max` frames; returns how many it had, 0 without a message. Frames
 * beyond `max` are dropped: later versions may add some. */
static int receive(void *socket, zmq_msg_t *frames, int max)
{
    zmq_msg_t extra;
    int n = 0;
    bool more = true;

    while (more) {
        zmq_msg_t *frame = n < max ? &frames[n] : &extra;

        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame);
        if (n < max)
            n++;
        else
            zmq_msg_close(frame);
    }
    return n;
}

static void close_frames(zmq_msg_t *frames, int n)
{
    while (n > 0)
        zmq_msg_close(&frames[--n]);
}

enum received { NOTHING, NO_ITEM, ITEM };

static enum received receive_published(struct vigil_client *c, struct endpoint *e,
                                       struct vigil_item *item)
{
    zmq_msg_t frames[3];
    int n = receive(e->sub, frames, 3);
    bool given = false;

    if (n == 0) {
        e->drained_ns = now_ns();
        return NOTHING;
    }
    if (n == 3)
        given = take_publication(c, e, frames, item);
    else
        c->stats.malformed++;
    close_frames(frames, n);
    return given ? ITEM : NO_ITEM;
}

static enum received receive_reply(struct vigil_client *c, struct endpoint *e,
                                   struct vigil_item *item)
{
    zmq_msg_t frame;
    int n = receive(e->dealer, &frame, 1);
    bool given = n == 1 && take_reply(c, e, &frame, item);

    close_frames(&frame, n);
    return n == 0 ? NOTHING : given ? ITEM : NO_ITEM;
}

/* One message of each socket of each endpoint at most, until there is an item or a notice. */
static enum received receive_any(struct vigil_client *c, struct vigil_item *item)
{
    enum received best = NOTHING;

    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[c->turn];
        enum received got = receive_published(c, e, item);

        if (got != ITEM) {
            best = got > best ? got : best;
            got = receive_reply(c, e, item);
        }
        c->turn = (c->turn + 1) % c->endpoints_n;
        best = got > best ? got : best;
        if (best == ITEM || c->notices_n > 0)
            return best;
    }
    return best;
}

/* When the link was last known to be good: every subscribed ward has heartbeats of its own. */
static int64_t link_good_ns(const struct vigil_client *c, const struct endpoint *e, bool *ret_all)
{
    int64_t good = c->all_wards ? e->heartbeat_ns : INT64_MAX;

    *ret_all = e->heartbeat_ns != 0;
    for (size_t i = 0; !c->all_wards && i < e->wards_n; i++) {
        int64_t heard = e->wards[i].heartbeat_ns;

        *ret_all = *ret_all && heard;
        good = heard < good ? heard : good;
    }
    return good > e->started_ns ? good : e->started_ns;
}

static void watch_key(struct vigil_client *c, struct endpoint *e)
{
    if (!vigil_curve_refused(e->watch) || e->key_refused)
        return;
    e->key_refused = true;
    notify(
        c, e, VIGIL_REFUSED, -1,
        "the pipeline at %s turns this client's key away: is its .pub in the folder of keys, with "
        "the role read and these wards?",
        e->publish);
}

/* Something in between may be stuck that the kernel takes for alive: begin anew, now and then. */
static void connect_anew(struct endpoint *e, int64_t now)
{
    if (now - e->connected_ns < reconnect_ns)
        return;
    e->connected_ns = now;
    (void)zmq_disconnect(e->sub, e->publish);
    (void)zmq_connect(e->sub, e->publish);
    (void)zmq_disconnect(e->dealer, e->control);
    (void)zmq_connect(e->dealer, e->control);
}

/* Whether something comes after all: ZeroMQ's thread may have been stopped with this one, and not be
 * back yet. */
static bool arrives(void *sub)
{
    zmq_pollitem_t poll = { .socket = sub, .events = ZMQ_POLLIN };

    return zmq_poll(&poll, 1, CERTAIN_MS) > 0;
}

static void watch_link(struct vigil_client *c, struct endpoint *e)
{
    bool all;
    int64_t good = link_good_ns(c, e, &all);

    watch_key(c, e);
    if (e->link == LINK_IS_DOWN)
        connect_anew(e, now_ns());

    /* Heartbeats that wait in the socket count: a program that was stopped itself must not call
     * the pipeline dead. */
    if (e->link != LINK_IS_DOWN && e->drained_ns > good + link_down_ns) {
        if (arrives(e->sub))
            return;
        e->link = LINK_IS_DOWN;
        notify(c, e, VIGIL_LINK_DOWN, -1,
               "LINK DOWN: no heartbeat from %s for %.1f s, alerts may not arrive", e->publish,
               (double)(e->drained_ns - good) / (double)NS_PER_S);
    } else if (e->link != LINK_IS_UP && all && e->drained_ns <= good + link_down_ns) {
        e->link = LINK_IS_UP;
        e->key_refused = false;
        notify(c, e, VIGIL_LINK_UP, -1, "link to %s is up (pipeline %s)", e->publish,
               e->heartbeat.pipeline);
    }
}

static bool same_pipeline(const struct endpoint *a, const struct endpoint *b)
{
    return b->has_heartbeat && strcmp(a->heartbeat.pipeline, b->heartbeat.pipeline) == 0;
}

static bool is_covered(const struct vigil_client *c, const struct endpoint *e, uint32_t shard)
{
    for (size_t i = 0; i < c->endpoints_n; i++) {
        const struct endpoint *other = &c->endpoints[i];

        if (other->link == LINK_IS_UP && same_pipeline(e, other) &&
            vigil_wire_covers(&other->heartbeat, shard))
            return true;
    }
    return false;
}

/* The first partition that no reachable instance of the pipeline has, or -1. When none is
 * reachable, "link down" has said it all. */
static int64_t uncovered_shard(const struct vigil_client *c, const struct endpoint *e)
{
    uint32_t partitions = 0;

    for (size_t i = 0; i < c->endpoints_n; i++) {
        const struct endpoint *other = &c->endpoints[i];

        if (other->link == LINK_IS_UP && same_pipeline(e, other) &&
            other->heartbeat.partitions > partitions)
            partitions = other->heartbeat.partitions;
    }
    for (uint32_t shard = 0; shard < partitions; shard++) {
        if (!is_covered(c, e, shard))
            return shard;
    }
    return -1;
}

/* Whether `e` is the first endpoint of its pipeline, the one that speaks for all. */
static bool is_first(const struct vigil_client *c, const struct endpoint *e)
{
    for (const struct endpoint *other = c->endpoints; other < e; other++) {
        if (same_pipeline(e, other))
            return false;
    }
    return e->has_heartbeat;
}

static void watch_coverage(struct vigil_client *c, struct endpoint *e, int64_t now)
{
    int64_t shard = is_first(c, e) ? uncovered_shard(c, e) : -1;

    if (shard < 0) {
        e->uncovered_since_ns = 0;
        if (e->not_covered)
            notify(c, e, VIGIL_COVERED, -1, "every partition of pipeline %s is processed again",
                   e->heartbeat.pipeline);
        e->not_covered = false;
        return;
    }
    if (!e->uncovered_since_ns)
        e->uncovered_since_ns = now;
    if (e->not_covered || now - e->uncovered_since_ns < not_covered_ns)
        return;
    e->not_covered = true;
    notify(c, e, VIGIL_NOT_COVERED, shard,
           "NOT COVERED: no instance of pipeline %s processes partition %lld",
           e->heartbeat.pipeline, (long long)shard);
}

static void confirm(struct vigil_client *c, struct endpoint *e, int64_t now)
{
    if (!c->subscriber || now - e->confirm_ns < confirm_every_ns)
        return;
    e->confirm_ns = now;
    for (size_t i = 0; i < e->wards_n; i++) {
        const struct ward *w = &e->wards[i];
        char text[256];
        int n = snprintf(text, sizeof(text),
                         "{\"id\":\"%llu\",\"do\":\"confirm\",\"subscriber\":\"%s\","
                         "\"ward\":\"%s\",\"seq\":%llu}",
                         (unsigned long long)c->next_id, c->subscriber, w->name,
                         (unsigned long long)w->last);

        if (e->scopes[w->scope].phase == PHASE_LIVE && send_text(e->dealer, text, n))
            c->next_id++;
    }
}

static void send_acknowledgements(struct vigil_client *c)
{
    for (size_t i = 0; i < c->acknowledgements_n; i++) {
        struct acknowledgement *a = &c->acknowledgements[i];

        if (a->request &&
            send_text(c->endpoints[a->endpoint].dealer, a->request, (int)strlen(a->request))) {
            free(a->request);
            a->request = NULL;
        }
    }
}

/* Everything that time alone makes happen. */
static void tick(struct vigil_client *c, int64_t now)
{
    if (now - c->tick_ns < TICK_MS * NS_PER_MS)
        return;
    c->tick_ns = now;
    send_acknowledgements(c);
    for (size_t i = 0; i < c->endpoints_n; i++)
        watch_link(c, &c->endpoints[i]);
    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[i];

        watch_coverage(c, e, now);
        for (size_t s = 0; s < c->scopes_n; s++)
            drive(c, e, s, now);
        confirm(c, e, now);
    }
}

static const char *notice_name(enum vigil_notice kind)
{
    static const char *const names[] = {
        [VIGIL_LINK_UP] = "link_up",
        [VIGIL_LINK_DOWN] = "link_down",
        [VIGIL_STALLED] = "stalled",
        [VIGIL_MOVING] = "moving",
        [VIGIL_NOT_COVERED] = "not_covered",
        [VIGIL_COVERED] = "covered",
        [VIGIL_STATE] = "state",
        [VIGIL_SYNCED] = "synced",
        [VIGIL_NEW_OUTBOX] = "new_outbox",
        [VIGIL_HISTORY_LOST] = "history_lost",
        [VIGIL_UNREADABLE] = "unreadable",
        [VIGIL_REFUSED] = "refused",
    };

    return names[kind];
}

static bool take_notice(struct vigil_client *c, struct vigil_item *item)
{
    if (c->notices_given == c->notices_n) {
        c->notices_given = c->notices_n = 0;
        return false;
    }
    c->notice = c->notices[c->notices_given++];
    item->type = VIGIL_NOTICE;
    item->endpoint = c->notice.endpoint;
    item->notice.kind = c->notice.kind;
    item->notice.name = notice_name(c->notice.kind);
    item->notice.text = c->notice.text;
    item->notice.shard = c->notice.shard;
    return true;
}

static bool take_timeout(struct vigil_client *c, int64_t now, struct vigil_item *item)
{
    for (size_t i = 0; i < c->acknowledgements_n; i++) {
        const struct acknowledgement *a = &c->acknowledgements[i];

        if (now < a->deadline_ns)
            continue;
        item->type = VIGIL_REPLY;
        item->endpoint = a->endpoint;
        item->reply.ticket = a->ticket;
        item->reply.ok = false;
        item->reply.code = "timeout";
        item->reply.message = "the pipeline did not answer within 10 s";
        remove_acknowledgement(c, i);
        return true;
    }
    return false;
}

/* Works off what has arrived. */
static bool take_messages(struct vigil_client *c, struct vigil_item *item)
{
    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        enum received got = receive_any(c, item);

        if (got == ITEM)
            return true;
        if (got == NOTHING || c->notices_n > 0)
            return false;
    }
    return false;
}

int vigil_client_next(struct vigil_client *client, int timeout_ms, struct vigil_item *item)
{
    int64_t now = now_ns();
    int64_t end = timeout_ms < 0 ? INT64_MAX : now + timeout_ms * NS_PER_MS;

    memset(item, 0, sizeof(*item));
    item->notice.shard = -1;
    for (;;) {
        int64_t wait;

        /* Notices first: those of a message come before the events behind it. */
        if (take_notice(client, item) || take_messages(client, item))
            return 1;
        now = now_ns();
        tick(client, now);
        if (take_notice(client, item) || take_timeout(client, now, item))
            return 1;
        if (now >= end)
            return 0;
        wait = (end - now + NS_PER_MS - 1) / NS_PER_MS;
        if (zmq_poll(client->poll, (int)(2 * client->endpoints_n),
                     wait < TICK_MS ? (long)wait : TICK_MS) < 0)
            return 0;
    }
}

static void set(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof(value));
}

static void *connect_socket(void *context, int type, const char *endpoint,
                            const struct vigil_endpoint *keys)
{
    int64_t max = MESSAGE_MAX;
    void *socket = zmq_socket(context, type);

    if (!socket)
        return NULL;
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_IPV6, 1);
    set(socket, ZMQ_RCVHWM, RECEIVE_HWM);
    set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    /* A network that swallows packets is noticed by the kernel's probes. Not by ZMQ_HEARTBEAT: a
     * socket that is full reads no pings, is taken for dead, and libzmq may end the program
     * when it connects again (its issue 3937). */
    set(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS);
    set(socket, ZMQ_TCP_KEEPALIVE, 1);
    set(socket, ZMQ_TCP_KEEPALIVE_IDLE, PROBE_S);
    set(socket, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_S);
    set(socket, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
    set(socket, ZMQ_TCP_MAXRT, UNANSWERED_MS);
    /* Requests must not wait in a queue for a pipeline that is away: they are asked anew. */
    set(socket, ZMQ_IMMEDIATE, type == ZMQ_DEALER);
    (void)zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
    if (vigil_curve_set(socket, keys) && zmq_connect(socket, endpoint) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

static void subscribe(void *sub, const char *ward)
{
    char topic[sizeof("alert/1//") + WIRE_WARD_SIZE];
    int n = snprintf(topic, sizeof(topic), "alert/1/%s%s", ward, *ward ? "/" : "");

    (void)zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, (size_t)n);
}

static void init_scope(struct endpoint *e, size_t i, const char *ward,
                       const struct vigil_endpoint *options)
{
    struct scope *s = &e->scopes[i];

    snprintf(s->ward, sizeof(s->ward), "%s", ward);
    s->phase = options->resume ? PHASE_REPLAY : PHASE_SNAPSHOT;
    s->base = s->cursor = options->resume ? options->after : 0;
    if (*ward)
        add_ward(e, ward, i);
    subscribe(e->sub, ward);
}

static int init_endpoint(struct vigil_client *c, struct endpoint *e,
                         const struct vigil_options *options, const struct vigil_endpoint *from,
                         char *message, size_t size)
{
    e->publish = strdup(from->publish);
    e->control = strdup(from->control);
    e->scopes = calloc(c->scopes_n, sizeof(e->scopes[0]));
    if (!e->publish || !e->control || !e->scopes) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    e->sub = connect_socket(c->context, ZMQ_SUB, from->publish, from);
    if (e->sub)
        e->dealer = connect_socket(c->context, ZMQ_DEALER, from->control, from);
    if (!e->dealer) {
        snprintf(message, size, "cannot connect to %s: %s", e->sub ? from->control : from->publish,
                 zmq_strerror(zmq_errno()));
        return -1;
    }
    e->watch = vigil_curve_watch(c->context, e->sub, from);
    if (from->outbox) {
        memcpy(e->outbox, from->outbox, WIRE_UUID_SIZE);
        e->has_outbox = true;
    }
    e->started_ns = e->connected_ns = now_ns();
    if (c->all_wards)
        init_scope(e, 0, "", from);
    for (size_t i = 0; i < options->wards_n; i++)
        init_scope(e, i, options->wards[i], from);
    return 0;
}

static int check_options(const struct vigil_options *options, char *message, size_t size)
{
    const char *subscriber = options->subscriber;

    if (options->endpoints_n == 0) {
        snprintf(message, size, "no endpoint to connect to");
        return -1;
    }
    for (size_t i = 0; i < options->endpoints_n; i++) {
        if (!options->endpoints[i].publish || !options->endpoints[i].control) {
            snprintf(message, size, "an endpoint needs both addresses, publish and control");
            return -1;
        }
        if (!vigil_curve_check(&options->endpoints[i], message, size))
            return -1;
    }
    for (size_t i = 0; i < options->wards_n; i++) {
        if (!vigil_wire_ward_valid(options->wards[i])) {
            snprintf(message, size, "\"%s\" is not a ward: expected 1 to 32 of a-z, 0-9 and -",
                     options->wards[i]);
            return -1;
        }
    }
    if (subscriber && !vigil_wire_ward_valid(subscriber)) {
        snprintf(message, size, "the subscriber's name needs 1 to 32 of a-z, 0-9 and -");
        return -1;
    }
    return 0;
}

static int init_client(struct vigil_client *c, const struct vigil_options *options, char *message,
                       size_t size)
{
    c->next_id = 1;
    c->all_wards = options->wards_n == 0;
    c->scopes_n = c->all_wards ? 1 : options->wards_n;
    c->context = zmq_ctx_new();
    c->seen = vigil_seen_new();
    c->endpoints = calloc(options->endpoints_n, sizeof(c->endpoints[0]));
    c->poll = calloc(2 * options->endpoints_n, sizeof(c->poll[0]));
    c->subscriber = options->subscriber ? strdup(options->subscriber) : NULL;
    if (!c->context || !c->seen || !c->endpoints || !c->poll) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    c->endpoints_n = options->endpoints_n;
    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[i];

        if (init_endpoint(c, e, options, &options->endpoints[i], message, size) < 0)
            return -1;
        c->poll[2 * i] = (zmq_pollitem_t){ .socket = e->sub, .events = ZMQ_POLLIN };
        c->poll[2 * i + 1] = (zmq_pollitem_t){ .socket = e->dealer, .events = ZMQ_POLLIN };
    }
    return 0;
}

int vigil_client_new(const struct vigil_options *options, struct vigil_client **ret, char *message,
                     size_t message_size)
{
    struct vigil_client *c;

    *ret = NULL;
    if (check_options(options, message, message_size) < 0)
        return -1;
    c = calloc(1, sizeof(*c));
    if (!c) {
        snprintf(message, message_size, "out of memory");
        return -1;
    }
    if (init_client(c, options, message, message_size) < 0) {
        vigil_client_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

static void free_endpoint(struct endpoint *e)
{
    if (e->watch)
        zmq_close(e->watch);
    if (e->sub)
        zmq_close(e->sub);
    if (e->dealer)
        zmq_close(e->dealer);
    free(e->publish);
    free(e->control);
    free(e->scopes);
    free(e->wards);
}

void vigil_client_free(struct vigil_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->endpoints_n; i++)
        free_endpoint(&client->endpoints[i]);
    while (client->context && zmq_ctx_term(client->context) != 0 && zmq_errno() == EINTR)
        continue;
    for (size_t i = 0; i < client->acknowledgements_n; i++)
        free(client->acknowledgements[i].request);
    free(client->acknowledgements);
    free(client->endpoints);
    free(client->poll);
    free(client->notices);
    free(client->subscriber);
    free(client->text);
    vigil_seen_free(client->seen);
    free(client);
}

/* The string as JSON; bytes that are no UTF-8 are refused by the pipeline, not here. */
static char *add_json_string(char *out, const char *s)
{
    *out++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            *out++ = '\\';
            *out++ = *s;
        } else if ((unsigned char)*s < 0x20) {
            out += sprintf(out, "\\u%04x", (unsigned)*s);
        } else {
            *out++ = *s;
        }
    }
    *out++ = '"';
    *out = '\0';
    return out;
}

static char *acknowledge_request(uint64_t ticket, const char *episode, const char *by,
                                 const char *note)
{
    enum { FIXED = 128, PER_BYTE = 6 };
    size_t size = FIXED + PER_BYTE * (strlen(episode) + strlen(by) + strlen(note));
    char *text = grow(NULL, size, 1);
    char *at = text + sprintf(text, "{\"id\":\"%llu\",\"do\":\"acknowledge\",\"episode\":",
                              (unsigned long long)ticket);

    at = add_json_string(at, episode);
    at = add_json_string(at + sprintf(at, ",\"by\":"), by);
    at = add_json_string(at + sprintf(at, ",\"note\":"), note);
    sprintf(at, "}");
    return text;
}

/* Queues a request that is answered with ok or an error; the caller's text is taken over. */
static uint64_t order(struct vigil_client *client, size_t endpoint, char *request)
{
    struct acknowledgement *a;

    client->acknowledgements = grow(client->acknowledgements, client->acknowledgements_n + 1,
                                    sizeof(client->acknowledgements[0]));
    a = &client->acknowledgements[client->acknowledgements_n++];
    a->ticket = client->next_id++;
    a->endpoint = endpoint;
    a->request = request;
    a->deadline_ns = now_ns() + acknowledge_timeout_ns;
    client->tick_ns = 0; /* to be sent by the next call */
    return a->ticket;
}

uint64_t vigil_client_acknowledge(struct vigil_client *client, size_t endpoint, const char *episode,
                                  const char *by, const char *note)
{
    if (endpoint >= client->endpoints_n || !episode || !by)
        return 0;
    return order(client, endpoint,
                 acknowledge_request(client->next_id, episode, by, note ? note : ""));
}

static char *command_request(uint64_t ticket, const char *command_id, const char *key,
                             const char *command)
{
    enum { FIXED = 128, PER_BYTE = 6 };
    size_t size = FIXED + PER_BYTE * (strlen(command_id) + strlen(key)) + strlen(command);
    char *text = grow(NULL, size, 1);
    char *at = text + sprintf(text, "{\"id\":\"%llu\",\"do\":\"command\",\"command_id\":",
                              (unsigned long long)ticket);

    at = add_json_string(at, command_id);
    at = add_json_string(at + sprintf(at, ",\"key\":"), key);
    sprintf(at, ",\"command\":%s}", command);
    return text;
}

uint64_t vigil_client_command(struct vigil_client *client, size_t endpoint, const char *command_id,
                              const char *key, const char *command)
{
    if (endpoint >= client->endpoints_n || !command_id || !key || !command)
        return 0;
    return order(client, endpoint, command_request(client->next_id, command_id, key, command));
}

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

/* Heartbeats come by ward: until each has said it, a ward may still announce what is missing. One
 * that is silent, because the pipeline has forgotten it, is not waited for. */
static bool is_closing(const struct endpoint *e)
{
    if (e->closing_ns == 0)
        return false;
    for (size_t i = 0; i < e->wards_n; i++) {
        if (!e->wards[i].closing)
            return now_ns() - e->closing_ns >= closing_round_ns;
    }
    return true;
}

bool vigil_client_closing(const struct vigil_client *client)
{
    for (size_t i = 0; i < client->endpoints_n; i++) {
        if (!is_closing(&client->endpoints[i]))
            return false;
    }
    return true;
}

void vigil_client_stats(const struct vigil_client *client, struct vigil_stats *ret)
{
    *ret = client->stats;
}
