/* curve.c - keys of a connection, and whether the pipeline turned it away. */
#include "client/curve.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { KEY_TEXT = 40, NAME_SIZE = 64 };

static bool is_key(const char *text)
{
    uint8_t key[32];

    return strlen(text) == KEY_TEXT && zmq_z85_decode(key, text) != NULL;
}

bool vigil_curve_check(const struct vigil_endpoint *endpoint, char *message, size_t size)
{
    const char *keys[] = { endpoint->server_key, endpoint->public_key, endpoint->secret_key };
    size_t given = 0;

    for (size_t i = 0; i < 3; i++) {
        if (keys[i] && !is_key(keys[i])) {
            snprintf(message, size, "a key has 40 characters of Z85");
            return false;
        }
        given += keys[i] != NULL;
    }
    if (given == 0 || given == 3)
        return true;
    snprintf(message, size, "CURVE needs all of server_key, public_key and secret_key");
    return false;
}

bool vigil_curve_set(void *socket, const struct vigil_endpoint *endpoint)
{
    if (!endpoint->server_key)
        return true;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, endpoint->server_key, KEY_TEXT + 1) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, endpoint->public_key, KEY_TEXT + 1) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, endpoint->secret_key, KEY_TEXT + 1) == 0;
}

void *vigil_curve_watch(void *context, void *socket, const struct vigil_endpoint *endpoint)
{
    char name[NAME_SIZE];
    int linger = 0;
    void *monitor;

    if (!endpoint->server_key)
        return NULL;
    snprintf(name, sizeof(name), "inproc://watch/%p", socket);
    if (zmq_socket_monitor(socket, name, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) != 0)
        return NULL;
    monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor && zmq_setsockopt(monitor, ZMQ_LINGER, &linger, sizeof(linger)) == 0 &&
        zmq_connect(monitor, name) == 0)
        return monitor;
    if (monitor)
        zmq_close(monitor);
    return NULL;
}

bool vigil_curve_refused(void *monitor)
{
    bool any = false;
    zmq_msg_t frame;

    while (monitor) {
        int n;

        zmq_msg_init(&frame);
        n = zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT);
        zmq_msg_close(&frame);
        if (n < 0)
            break;
        any = true;
    }
    return any;
}
