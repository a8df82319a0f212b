/* seen.h - which events were given out: the newest 65,536 keys. Private to the client library. */
#ifndef VIGIL_CLIENT_SEEN_H
#define VIGIL_CLIENT_SEEN_H

#include "client/wire.h"

struct seen;

struct seen *seen_new(void); /* NULL: no memory */
void seen_free(struct seen *s);

/* Adds a key; false when it was there. The oldest one makes room. */
bool seen_add(struct seen *s, const uint8_t key[WIRE_EVENT_KEY_SIZE]);

#endif
