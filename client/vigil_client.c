/* vigil_client.c - a subscriber of ALERT/1 that can prove it missed nothing: its loop.
 *
 *   open.c       options, sockets
 *   receive.c    messages off the sockets, and whom they are for (wire.c takes them apart)
 *   sequence.c   the rule that keeps every ward in order and complete
 *   replay.c     asks for what is missing
 *   watch.c      whether the pipelines are there
 *   orders.c     what the client says: acknowledgements, commands, confirmations
 *   notices.c    what it tells beside events
 */
#include "client/vigil_client.h"

#include <string.h>

#include "client/notices.h"
#include "client/orders.h"
#include "client/receive.h"
#include "client/replay.h"
#include "client/watch.h"

const char *vigil_client_version(void)
{
    return VG_VERSION;
}

/* Everything that time alone makes happen. */
static void tick(struct vigil_client *c, int64_t now)
{
    if (now - c->tick_ns < TICK_MS * NS_PER_MS)
        return;
    c->tick_ns = now;
    vigil_orders_send(c);
    for (size_t i = 0; i < c->endpoints_n; i++)
        vigil_watch_link(c, &c->endpoints[i]);
    for (size_t i = 0; i < c->endpoints_n; i++) {
        struct endpoint *e = &c->endpoints[i];

        vigil_watch_coverage(c, e, now);
        for (size_t s = 0; s < c->scopes_n; s++)
            vigil_replay_drive(c, e, s, now);
        vigil_orders_confirm(c, e, now);
    }
}

int vigil_client_next(struct vigil_client *client, int timeout_ms, struct vigil_item *item)
{
    int64_t now = vigil_now_ns();
    int64_t end = timeout_ms < 0 ? INT64_MAX : now + timeout_ms * NS_PER_MS;

    memset(item, 0, sizeof(*item));
    item->notice.shard = -1;
    for (;;) {
        int64_t wait;

        /* Notices first: those of a message come before the events behind it. */
        if (vigil_notices_take(client, item) || vigil_receive(client, item))
            return 1;
        now = vigil_now_ns();
        tick(client, now);
        if (vigil_notices_take(client, item) || vigil_orders_take_timeout(client, now, item))
            return 1;
        if (now >= end)
            return 0;
        wait = (end - now + NS_PER_MS - 1) / NS_PER_MS;
        if (zmq_poll(client->poll, (int)(2 * client->endpoints_n),
                     wait < TICK_MS ? (long)wait : TICK_MS) < 0)
            return 0;
    }
}

void vigil_client_stats(const struct vigil_client *client, struct vigil_stats *ret)
{
    *ret = client->stats;
}
