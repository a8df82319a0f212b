/* watch.c - whether the pipelines are there: links, keys, age, coverage.
 *
 * An alert that does not come looks like a quiet ward. docs/alert1.md names the times.
 */
#include "client/watch.h"

#include <string.h>

#include "client/curve.h"
#include "client/notices.h"
#include "client/sequence.h"

enum { CERTAIN_MS = 100 };

static const int64_t link_down_ns = 3 * NS_PER_S;
static const int64_t reconnect_ns = 5 * NS_PER_S;
static const int64_t stalled_ms = 5000;
/* A shard that moves is shown by neither instance until both have sent a heartbeat. */
static const int64_t not_covered_ns = 1500 * NS_PER_MS;
static const int64_t closing_round_ns = NS_PER_S; /* heartbeats of all wards are sent together */

/* ---- what a heartbeat says ---- */

static void note_state(struct vigil_client *c, struct endpoint *e,
                       const struct vigil_wire_heartbeat *fresh)
{
    const char *before = e->has_heartbeat ? e->heartbeat.state : "running";

    if (strcmp(before, fresh->state) != 0 ||
        (e->has_heartbeat && strcmp(e->heartbeat.reasons, fresh->reasons) != 0))
        vigil_notices_add(c, e, VIGIL_STATE, -1, "the pipeline at %s is %s%s%s", e->publish,
                          fresh->state, fresh->reasons[0] ? ": " : "", fresh->reasons);
}

static void note_age(struct vigil_client *c, struct endpoint *e)
{
    bool stalled = e->heartbeat.oldest_ms > stalled_ms;

    if (stalled == e->stalled)
        return;
    e->stalled = stalled;
    if (stalled)
        vigil_notices_add(
            c, e, VIGIL_STALLED, e->heartbeat.oldest_shard,
            "STALLED: shard %lld of %s has not moved for %.1f s, alerts may not be raised",
            (long long)e->heartbeat.oldest_shard, e->publish,
            (double)e->heartbeat.oldest_ms / 1000);
    else
        vigil_notices_add(c, e, VIGIL_MOVING, -1, "all shards of %s move again", e->publish);
}

void vigil_watch_heartbeat(struct vigil_client *c, struct endpoint *e, const char *ward,
                           const struct vigil_wire_header *h, const char *json, size_t n)
{
    struct vigil_wire_heartbeat fresh;
    int64_t now = vigil_now_ns();
    bool closing;

    if (!vigil_wire_heartbeat(json, n, &fresh)) {
        c->stats.malformed++;
        return;
    }
    closing = strcmp(fresh.state, "closing") == 0;
    e->heartbeat_ns = now;
    e->closing_ns = !closing ? 0 : e->closing_ns ? e->closing_ns : now;
    vigil_ward_heartbeat(c, e, ward, h->seq, closing, now);
    note_state(c, e, &fresh);
    e->heartbeat = fresh;
    e->has_heartbeat = true;
    note_age(c, e);
}

/* Heartbeats come by ward: until each has said it, a ward may still announce what is missing. One
 * that is silent, because the pipeline has forgotten it, is not waited for. */
static bool is_closing(const struct endpoint *e)
{
    if (e->closing_ns == 0)
        return false;
    for (size_t i = 0; i < e->wards_n; i++) {
        if (!e->wards[i].closing)
            return vigil_now_ns() - e->closing_ns >= closing_round_ns;
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

/* ---- the link ---- */

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
    vigil_notices_add(
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

void vigil_watch_link(struct vigil_client *c, struct endpoint *e)
{
    bool all;
    int64_t good = link_good_ns(c, e, &all);

    watch_key(c, e);
    if (e->link == LINK_IS_DOWN)
        connect_anew(e, vigil_now_ns());

    /* Heartbeats that wait in the socket count: a program that was stopped itself must not call
     * the pipeline dead. */
    if (e->link != LINK_IS_DOWN && e->drained_ns > good + link_down_ns) {
        if (arrives(e->sub))
            return;
        e->link = LINK_IS_DOWN;
        vigil_notices_add(c, e, VIGIL_LINK_DOWN, -1,
                          "LINK DOWN: no heartbeat from %s for %.1f s, alerts may not arrive",
                          e->publish, (double)(e->drained_ns - good) / (double)NS_PER_S);
    } else if (e->link != LINK_IS_UP && all && e->drained_ns <= good + link_down_ns) {
        e->link = LINK_IS_UP;
        e->key_refused = false;
        vigil_notices_add(c, e, VIGIL_LINK_UP, -1, "link to %s is up (pipeline %s)", e->publish,
                          e->heartbeat.pipeline);
    }
}

/* ---- which partitions are processed ---- */

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

void vigil_watch_coverage(struct vigil_client *c, struct endpoint *e, int64_t now)
{
    int64_t shard = is_first(c, e) ? uncovered_shard(c, e) : -1;

    if (shard < 0) {
        e->uncovered_since_ns = 0;
        if (e->not_covered)
            vigil_notices_add(c, e, VIGIL_COVERED, -1,
                              "every partition of pipeline %s is processed again",
                              e->heartbeat.pipeline);
        e->not_covered = false;
        return;
    }
    if (!e->uncovered_since_ns)
        e->uncovered_since_ns = now;
    if (e->not_covered || now - e->uncovered_since_ns < not_covered_ns)
        return;
    e->not_covered = true;
    vigil_notices_add(c, e, VIGIL_NOT_COVERED, shard,
                      "NOT COVERED: no instance of pipeline %s processes partition %lld",
                      e->heartbeat.pipeline, (long long)shard);
}
