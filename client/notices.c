/* notices.c - what a client tells beside events: in the order in which it was noticed. */
#include "client/notices.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 5, 6))) void vigil_notices_add(struct vigil_client *c,
                                                             const struct endpoint *e,
                                                             enum vigil_notice kind, int64_t shard,
                                                             const char *fmt, ...)
{
    struct notice *n;
    va_list ap;

    if (c->notices_n == c->notices_cap) {
        c->notices_cap = c->notices_cap ? 2 * c->notices_cap : 16;
        c->notices = vigil_grow(c->notices, c->notices_cap, sizeof(c->notices[0]));
    }
    n = &c->notices[c->notices_n++];
    n->endpoint = (size_t)(e - c->endpoints);
    n->kind = kind;
    n->shard = shard;
    va_start(ap, fmt);
    vsnprintf(n->text, sizeof(n->text), fmt, ap);
    va_end(ap);
}

static const char *notice_name(enum vigil_notice kind)
{
    static const char *const names[] = {
        [VIGIL_LINK_UP] = "link_up",
        [VIGIL_LINK_DOWN] = "link_down",
        [VIGIL_STALLED] = "stalled",
        [VIGIL_MOVING] = "moving",
        [VIGIL_NOT_COVERED] = "not_covered",
        [VIGIL_COVERED] = "covered",
        [VIGIL_STATE] = "state",
        [VIGIL_SYNCED] = "synced",
        [VIGIL_NEW_OUTBOX] = "new_outbox",
        [VIGIL_HISTORY_LOST] = "history_lost",
        [VIGIL_UNREADABLE] = "unreadable",
        [VIGIL_REFUSED] = "refused",
    };

    return names[kind];
}

bool vigil_notices_take(struct vigil_client *c, struct vigil_item *item)
{
    if (c->notices_given == c->notices_n) {
        c->notices_given = c->notices_n = 0;
        return false;
    }
    c->notice = c->notices[c->notices_given++];
    item->type = VIGIL_NOTICE;
    item->endpoint = c->notice.endpoint;
    item->notice.kind = c->notice.kind;
    item->notice.name = notice_name(c->notice.kind);
    item->notice.text = c->notice.text;
    item->notice.shard = c->notice.shard;
    return true;
}
