/* open.c - a client begins: options are checked, sockets connected; and it ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/curve.h"
#include "client/sequence.h"
#include "client/vigil_client.h"

enum {
    RECEIVE_HWM = 20000,
    MESSAGE_MAX = 1 << 20,
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 1000,
    CONNECT_MS = 3000,
    PROBE_S = 1,
    PROBES = 3,
    UNANSWERED_MS = 4000,
};

static void set(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof(value));
}

static void *connect_socket(void *context, int type, const char *endpoint,
                            const struct vigil_endpoint *keys)
{
    int64_t max = MESSAGE_MAX;
    void *socket = zmq_socket(context, type);

    if (!socket)
        return NULL;
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_IPV6, 1);
    set(socket, ZMQ_RCVHWM, RECEIVE_HWM);
    set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    /* A network that swallows packets is noticed by the kernel's probes. Not by ZMQ_HEARTBEAT: a
     * socket that is full reads no pings, is taken for dead, and libzmq may end the program
     * when it connects again (its issue 3937). */
    set(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS);
    set(socket, ZMQ_TCP_KEEPALIVE, 1);
    set(socket, ZMQ_TCP_KEEPALIVE_IDLE, PROBE_S);
    set(socket, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_S);
    set(socket, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
    set(socket, ZMQ_TCP_MAXRT, UNANSWERED_MS);
    /* Requests must not wait in a queue for a pipeline that is away: they are asked anew. */
    set(socket, ZMQ_IMMEDIATE, type == ZMQ_DEALER);
    (void)zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
    if (vigil_curve_set(socket, keys) && zmq_connect(socket, endpoint) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

static void subscribe(void *sub, const char *ward)
{
    char topic[sizeof("alert/1//") + WIRE_WARD_SIZE];
    int n = snprintf(topic, sizeof(topic), "alert/1/%s%s", ward, *ward ? "/" : "");

    (void)zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, (size_t)n);
}

/* ---- begin ---- */

static void init_scope(struct endpoint *e, size_t i, const char *ward,
                       const struct vigil_endpoint *options)
{
    struct scope *s = &e->scopes[i];

    snprintf(s->ward, sizeof(s->ward), "%s", ward);
    s->phase = options->resume ? PHASE_REPLAY : PHASE_SNAPSHOT;
    s->base = s->cursor = options->resume ? options->after : 0;
    if (*ward)
        vigil_ward_add(e, ward, i);
    subscribe(e->sub, ward);
}

static int init_endpoint(struct vigil_client *c, struct endpoint *e,
                         const struct vigil_options *options, const struct vigil_endpoint *from,
                         char *message, size_t size)
{
    e->publish = strdup(from->publish);
    e->control = strdup(from->control);
    e->scopes = calloc(c->scopes_n, sizeof(e->scopes[0]));
    if (!e->publish || !e->control || !e->scopes) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    e->sub = connect_socket(c->context, ZMQ_SUB, from->publish, from);
    if (e->sub)
        e->dealer = connect_socket(c->context, ZMQ_DEALER, from->control, from);
    if (!e->dealer) {
        snprintf(message, size, "cannot connect to %s: %s", e->sub ? from->control : from->publish,
                 zmq_strerror(zmq_errno()));
        return -1;
    }
    e->watch = vigil_curve_watch(c->context, e->sub, from);
    if (from->outbox) {
        memcpy(e->outbox, from->outbox, WIRE_UUID_SIZE);
        e->has_outbox = true;
    }
    e->started_ns = e->connected_ns = vigil_now_ns();
    if (c->all_wards)
        init_scope(e, 0, "", from);
    for (size_t i = 0; i < options->wards_n; i++)
        init_scope(e, i, options->wards[i], from);
    return 0;
}

static int check_options(const struct vigil_options *options, char *message, size_t size)
{
    const char *subscriber = options->subscriber;

    if (options->endpoints_n == 0) {
        snprintf(message, size, "no endpoint to connect to");
        return -1;
    }
    for (size_t i = 0; i < options->endpoints_n; i++) {
        if (!options->endpoints[i].publish || !options->endpoints[i].control) {
            snprintf(message, size, "an endpoint needs both addresses, publish and control");
            return -1;
        }
        if (!vigil_curve_check(&options->endpoints[i], message, size))
            return -1;
    }
    for (size_t i = 0; i < options->wards_n; i++) {
        if (!vigil_wire_ward_valid(options->wards[i])) {
            snprintf(message, size, "\"%s\" is not a ward: expected 1 to 32 of a-z, 0-9 and -",
                     options->wards[i]);
            return -1;
        }
    }
    if (subscriber && !vigil_wire_ward_valid(subscriber)) {
        snprintf(message, size, "the subscriber's name needs 1 to 32 of a-z, 0-9 and -");
        return -1;
    }
    return 0;
}

static int init_client(struct vigil_client *c, const struct vigil_options *options, char *message,
                       size_t size)
{
    c->next_id = 1;
    c->all_wards = options->wards_n == 0;
    c->scopes_n = c->all_wards ? 1 : options->wards_n;
    c->context = zmq_ctx_new();
    c->seen = vigil_seen_new();
    c->endpoints = calloc(options->endpoints_n, sizeof(c->endpoints[0]));
    c->poll = calloc(2 * options->endpoints_n, sizeof(c->poll[0]));
    c->subscriber = options->subscriber ? strdup(options->subscriber) : NULL;
    if (!c->context || !c->seen || !c->endpoints || !c->poll) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    c->endpoints_n = options->endpoints_n;
    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[i];

        if (init_endpoint(c, e, options, &options->endpoints[i], message, size) < 0)
            return -1;
        c->poll[2 * i] = (zmq_pollitem_t){ .socket = e->sub, .events = ZMQ_POLLIN };
        c->poll[2 * i + 1] = (zmq_pollitem_t){ .socket = e->dealer, .events = ZMQ_POLLIN };
    }
    return 0;
}

int vigil_client_new(const struct vigil_options *options, struct vigil_client **ret, char *message,
                     size_t message_size)
{
    struct vigil_client *c;

    *ret = NULL;
    if (check_options(options, message, message_size) < 0)
        return -1;
    c = calloc(1, sizeof(*c));
    if (!c) {
        snprintf(message, message_size, "out of memory");
        return -1;
    }
    if (init_client(c, options, message, message_size) < 0) {
        vigil_client_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

/* ---- end ---- */

static void free_endpoint(struct endpoint *e)
{
    if (e->watch)
        zmq_close(e->watch);
    if (e->sub)
        zmq_close(e->sub);
    if (e->dealer)
        zmq_close(e->dealer);
    free(e->publish);
    free(e->control);
    free(e->scopes);
    free(e->wards);
}

void vigil_client_free(struct vigil_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->endpoints_n; i++)
        free_endpoint(&client->endpoints[i]);
    while (client->context && zmq_ctx_term(client->context) != 0 && zmq_errno() == EINTR)
        continue;
    for (size_t i = 0; i < client->orders_n; i++)
        free(client->orders[i].request);
    free(client->orders);
    free(client->endpoints);
    free(client->poll);
    free(client->notices);
    free(client->subscriber);
    free(client->text);
    vigil_seen_free(client->seen);
    free(client);
}
