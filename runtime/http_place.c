/* http_place.c - connections, and how long each may hold its place.
 *
 * libmicrohttpd ends a connection that is silent. One that says a byte now and then would hold its place for
 * ever, so what counts here is how long its request has not been whole. That is also why a newcomer
 * who finds all places taken gets one: an honest client says what it wants within a round trip.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "runtime/http_private.h"

static const int64_t wait_ns = VG_HTTP_WAIT_S * VG_NS_PER_S;

struct vg_http_place *vg_http_place_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    VG_CHECK(info && info->socket_context);
    return info->socket_context;
}

void vg_http_place_phase(struct vg_http_place *p, enum vg_http_phase phase)
{
    p->phase = phase;
    p->since_ns = vg_mono_ns();
}

void vg_http_place_cut(struct vg_http_place *p, enum vg_http_cut why)
{
    if (p->cut)
        return;
    p->cut = true;
    p->server->places_n--;
    p->server->cut[why]++;
    shutdown(p->fd, SHUT_RDWR);
}

/* Whether `a` is to give way rather than `b`: who has not said what it wants before who is slow to take
 * it, and the one that was waited for longest. */
static bool gives_way(const struct vg_http_place *a, const struct vg_http_place *b)
{
    return !b || a->phase < b->phase || (a->phase == b->phase && a->since_ns < b->since_ns);
}

static void make_room(struct vg_http *h, const struct vg_http_place *newcomer)
{
    struct vg_http_place *goes = NULL;

    for (struct vg_http_place *p = h->places; p; p = p->next) {
        if (p != newcomer && !p->cut && p->phase != VG_HTTP_HELD && gives_way(p, goes))
            goes = p;
    }
    if (goes)
        vg_http_place_cut(goes, VG_HTTP_CUT_ROOM);
}

static struct vg_http_place *take_place(struct vg_http *h, struct MHD_Connection *c)
{
    struct vg_http_place *p = calloc(1, sizeof(*p));

    VG_CHECK(p);
    p->server = h;
    p->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    vg_http_client(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                   p->from);
    vg_http_place_phase(p, VG_HTTP_AWAITED);
    p->link = &h->places;
    p->next = h->places;
    if (p->next)
        p->next->link = &p->next;
    h->places = p;
    if (++h->places_n > VG_HTTP_CONNECTIONS)
        make_room(h, p);
    return p;
}

static void leave_place(struct vg_http_place *p)
{
    if (!p->cut)
        p->server->places_n--;
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    free(p);
}

void vg_http_place_notify(void *server, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = take_place(server, c);
    } else if (*context) {
        leave_place(*context);
        *context = NULL;
    }
}

void vg_http_places_tidy(struct vg_http *h, int64_t mono_ns)
{
    for (struct vg_http_place *p = h->places; p; p = p->next) {
        if (p->phase != VG_HTTP_HELD && mono_ns - p->since_ns > wait_ns)
            vg_http_place_cut(p, VG_HTTP_CUT_LATE);
    }
}
