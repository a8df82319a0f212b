/* orders.c - what a client says: acknowledgements, commands, and how far it is. */
#include "client/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t answer_timeout_ns = 10 * NS_PER_S;
static const int64_t confirm_every_ns = NS_PER_S;

/* The string as JSON; bytes that are no UTF-8 are refused by the pipeline, not here. */
static char *add_json_string(char *out, const char *s)
{
    *out++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            *out++ = '\\';
            *out++ = *s;
        } else if ((unsigned char)*s < 0x20) {
            out += sprintf(out, "\\u%04x", (unsigned)*s);
        } else {
            *out++ = *s;
        }
    }
    *out++ = '"';
    *out = '\0';
    return out;
}

static char *acknowledge_request(uint64_t ticket, const char *episode, const char *by,
                                 const char *note)
{
    enum { FIXED = 128, PER_BYTE = 6 };
    size_t size = FIXED + PER_BYTE * (strlen(episode) + strlen(by) + strlen(note));
    char *text = vigil_grow(NULL, size, 1);
    char *at = text + sprintf(text, "{\"id\":\"%llu\",\"do\":\"acknowledge\",\"episode\":",
                              (unsigned long long)ticket);

    at = add_json_string(at, episode);
    at = add_json_string(at + sprintf(at, ",\"by\":"), by);
    at = add_json_string(at + sprintf(at, ",\"note\":"), note);
    sprintf(at, "}");
    return text;
}

/* Queues a request that is answered with ok or an error; the caller's text is taken over. */
static uint64_t queue(struct vigil_client *client, size_t endpoint, char *request)
{
    struct order *a;

    client->orders = vigil_grow(client->orders, client->orders_n + 1, sizeof(client->orders[0]));
    a = &client->orders[client->orders_n++];
    a->ticket = client->next_id++;
    a->endpoint = endpoint;
    a->request = request;
    a->deadline_ns = vigil_now_ns() + answer_timeout_ns;
    client->tick_ns = 0; /* to be sent by the next call */
    return a->ticket;
}

uint64_t vigil_client_acknowledge(struct vigil_client *client, size_t endpoint, const char *episode,
                                  const char *by, const char *note)
{
    if (endpoint >= client->endpoints_n || !episode || !by)
        return 0;
    return queue(client, endpoint,
                 acknowledge_request(client->next_id, episode, by, note ? note : ""));
}

static char *command_request(uint64_t ticket, const char *command_id, const char *key,
                             const char *command)
{
    enum { FIXED = 128, PER_BYTE = 6 };
    size_t size = FIXED + PER_BYTE * (strlen(command_id) + strlen(key)) + strlen(command);
    char *text = vigil_grow(NULL, size, 1);
    char *at = text + sprintf(text, "{\"id\":\"%llu\",\"do\":\"command\",\"command_id\":",
                              (unsigned long long)ticket);

    at = add_json_string(at, command_id);
    at = add_json_string(at + sprintf(at, ",\"key\":"), key);
    sprintf(at, ",\"command\":%s}", command);
    return text;
}

uint64_t vigil_client_command(struct vigil_client *client, size_t endpoint, const char *command_id,
                              const char *key, const char *command)
{
    if (endpoint >= client->endpoints_n || !command_id || !key || !command)
        return 0;
    return queue(client, endpoint, command_request(client->next_id, command_id, key, command));
}

/* ---- on the way ---- */

void vigil_orders_send(struct vigil_client *c)
{
    for (size_t i = 0; i < c->orders_n; i++) {
        struct order *a = &c->orders[i];

        if (a->request && vigil_send_text(c->endpoints[a->endpoint].dealer, a->request,
                                          (int)strlen(a->request))) {
            free(a->request);
            a->request = NULL;
        }
    }
}

static void remove_order(struct vigil_client *c, size_t i)
{
    free(c->orders[i].request);
    c->orders[i] = c->orders[--c->orders_n];
}

bool vigil_orders_take_answer(struct vigil_client *c, size_t endpoint, struct vigil_item *item)
{
    for (size_t i = 0; i < c->orders_n; i++) {
        const struct order *a = &c->orders[i];

        if (a->ticket != c->reply.id || a->endpoint != endpoint)
            continue;
        item->type = VIGIL_REPLY;
        item->endpoint = endpoint;
        item->reply.ticket = a->ticket;
        item->reply.ok = c->reply.kind == WIRE_REPLY_OK;
        item->reply.code = c->reply.code;
        item->reply.message = c->reply.message;
        remove_order(c, i);
        return true;
    }
    return false; /* of a request that was given up, or a confirmation */
}

bool vigil_orders_take_timeout(struct vigil_client *c, int64_t now, struct vigil_item *item)
{
    for (size_t i = 0; i < c->orders_n; i++) {
        const struct order *a = &c->orders[i];

        if (now < a->deadline_ns)
            continue;
        item->type = VIGIL_REPLY;
        item->endpoint = a->endpoint;
        item->reply.ticket = a->ticket;
        item->reply.ok = false;
        item->reply.code = "timeout";
        item->reply.message = "the pipeline did not answer within 10 s";
        remove_order(c, i);
        return true;
    }
    return false;
}

/* ---- how far ---- */

void vigil_orders_confirm(struct vigil_client *c, struct endpoint *e, int64_t now)
{
    if (!c->subscriber || now - e->confirm_ns < confirm_every_ns)
        return;
    e->confirm_ns = now;
    for (size_t i = 0; i < e->wards_n; i++) {
        const struct ward *w = &e->wards[i];
        char text[256];
        int n = snprintf(text, sizeof(text),
                         "{\"id\":\"%llu\",\"do\":\"confirm\",\"subscriber\":\"%s\","
                         "\"ward\":\"%s\",\"seq\":%llu}",
                         (unsigned long long)c->next_id, c->subscriber, w->name,
                         (unsigned long long)w->last);

        if (e->scopes[w->scope].phase == PHASE_LIVE && vigil_send_text(e->dealer, text, n))
            c->next_id++;
    }
}
