/* replay.h - what is missing is asked for. */
#ifndef VIGIL_CLIENT_REPLAY_H
#define VIGIL_CLIENT_REPLAY_H

#include "client/state.h"

/** Asks for what the scope needs, if it needs something and nothing is on its way. */
void vigil_replay_drive(struct vigil_client *c, struct endpoint *e, size_t scope, int64_t now);
/** Takes c->reply, the answer to the scope's request; true when it gave an event out. */
bool vigil_replay_take_answer(struct vigil_client *c, struct endpoint *e, size_t scope,
                              struct vigil_item *item);
/** A message says whose outbox it counts in: another one than before, and all begins anew. */
void vigil_replay_check_outbox(struct vigil_client *c, struct endpoint *e,
                               const uint8_t outbox[WIRE_UUID_SIZE]);

#endif
