/* state.h - what a client knows of its endpoints, and its files share.
 *
 * A `scope` is what is asked for by one request: one subscribed ward, or all of them. One thread at a
 * time (vigil_client.h). Times are of the monotonic clock.
 */
#ifndef VIGIL_CLIENT_STATE_H
#define VIGIL_CLIENT_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

#include "client/seen.h"
#include "client/vigil_client.h"
#include "client/wire.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/** Between two looks at what time alone makes happen. */
enum { TICK_MS = 50 };

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

struct order {
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
    struct order *orders;
    size_t orders_n;
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

static inline int64_t vigil_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/** Makes room for n things of that size. An embedded library has nobody to tell in the middle of a
 *  message that there is none, and an alert must not be dropped. */
static inline void *vigil_grow(void *old, size_t n, size_t size)
{
    void *p = realloc(old, n * size);

    if (!p)
        abort();
    return p;
}

/** Sends a request of n bytes; false when that cannot be now. */
static inline bool vigil_send_text(void *dealer, const char *text, int n)
{
    return zmq_send(dealer, text, (size_t)n, ZMQ_DONTWAIT) >= 0;
}

#endif
