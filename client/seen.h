/* seen.h - which events were given out: the newest 65,536 keys. Private to the client library. */
#ifndef VIGIL_CLIENT_SEEN_H
#define VIGIL_CLIENT_SEEN_H

#include "client/wire.h"

struct vigil_seen;

struct vigil_seen *vigil_seen_new(void); /* NULL: no memory */
void vigil_seen_free(struct vigil_seen *s);

/* Adds a key; false when it was there. The oldest one makes room. */
bool vigil_seen_add(struct vigil_seen *s, const uint8_t key[WIRE_EVENT_KEY_SIZE]);

#endif
