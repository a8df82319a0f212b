/* curve.h - keys of a connection, and whether the pipeline turned it away. */
#ifndef VIGIL_CLIENT_CURVE_H
#define VIGIL_CLIENT_CURVE_H

#include <stdbool.h>
#include <stddef.h>

#include "client/vigil_client.h"

/** Whether the endpoint has all keys, or none; else a sentence in `message`. */
bool vigil_curve_check(const struct vigil_endpoint *endpoint, char *message, size_t size);

/** Gives the keys to a socket that is not connected yet; false when one is not valid. */
bool vigil_curve_set(void *socket, const struct vigil_endpoint *endpoint);

/** A monitor for vigil_curve_refused(), to be closed with zmq_close(); NULL without keys. */
void *vigil_curve_watch(void *context, void *socket, const struct vigil_endpoint *endpoint);

/** Whether the pipeline turned the connection away since the last call. NULL is fine. */
bool vigil_curve_refused(void *monitor);

#endif
