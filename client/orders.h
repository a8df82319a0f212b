/* orders.h - what a client says. */
#ifndef VIGIL_CLIENT_ORDERS_H
#define VIGIL_CLIENT_ORDERS_H

#include "client/state.h"

/** Sends what waits to be sent. */
void vigil_orders_send(struct vigil_client *c);
/** Takes c->reply: true when it answers an order, and is given out. */
bool vigil_orders_take_answer(struct vigil_client *c, size_t endpoint, struct vigil_item *item);
/** Gives up an order that was not answered in time; false when there is none. */
bool vigil_orders_take_timeout(struct vigil_client *c, int64_t now, struct vigil_item *item);
/** A client with a name tells now and then how far each ward was given out. */
void vigil_orders_confirm(struct vigil_client *c, struct endpoint *e, int64_t now);

#endif
