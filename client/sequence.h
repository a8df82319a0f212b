/* sequence.h - which events are the next, a repeat, or behind a gap. */
#ifndef VIGIL_CLIENT_SEQUENCE_H
#define VIGIL_CLIENT_SEQUENCE_H

#include "client/state.h"

/** Adds a ward of that scope, from which nothing has come yet. */
struct ward *vigil_ward_add(struct endpoint *e, const char *name, size_t scope);
/** The ward's state; NULL when it is none of ours. */
struct ward *vigil_ward_find(const struct vigil_client *c, struct endpoint *e, const char *name);
/** Everything up to `seq` was given out. */
void vigil_ward_advance(struct ward *w, uint64_t seq);
/** A ward of the scope that has to be replayed, or NULL. */
const struct ward *vigil_ward_gap(const struct endpoint *e, size_t scope, int64_t now);
/** A heartbeat of the ward says that its newest event is `seq`. */
void vigil_ward_heartbeat(struct vigil_client *c, struct endpoint *e, const char *name,
                          uint64_t seq, bool closing, int64_t now);

/** Takes c->event, published live with that header: true when it is the next, and given out. A gap is
 *  asked for at once. */
bool vigil_event_take_live(struct vigil_client *c, struct endpoint *e,
                           const struct vigil_wire_header *h, const char *json, size_t n,
                           struct vigil_item *item);
/** Gives c->event out, unless it was before. */
bool vigil_event_give(struct vigil_client *c, const struct endpoint *e, const char *json, size_t n,
                      struct vigil_item *item);

#endif
