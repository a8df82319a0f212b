/* notices.h - what a client tells beside events. */
#ifndef VIGIL_CLIENT_NOTICES_H
#define VIGIL_CLIENT_NOTICES_H

#include "client/state.h"

/** Remembers what is to be told. */
__attribute__((format(printf, 5, 6))) void vigil_notices_add(struct vigil_client *c,
                                                             const struct endpoint *e,
                                                             enum vigil_notice kind, int64_t shard,
                                                             const char *fmt, ...);
/** Gives out the oldest one; false when there is none. */
bool vigil_notices_take(struct vigil_client *c, struct vigil_item *item);

#endif
