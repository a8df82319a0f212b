/* receive.h - messages off the sockets. */
#ifndef VIGIL_CLIENT_RECEIVE_H
#define VIGIL_CLIENT_RECEIVE_H

#include "client/state.h"

/** Works off what has arrived; true when there is an item. Ends early for a notice. */
bool vigil_receive(struct vigil_client *c, struct vigil_item *item);

#endif
