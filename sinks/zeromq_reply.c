/* zeromq_reply.c - messages of the control socket to its peers. */
#include <zmq.h>

#include "sinks/zeromq_private.h"

void vg_zeromq_begin(struct vg_zeromq *z, const char *id)
{
    vg_buf_clear(&z->text);
    vg_buf_printf(&z->text, "{\"id\":%s", id);
}

bool vg_zeromq_reply(struct vg_zeromq *z, const struct vg_peer *peer)
{
    return zmq_send(z->router, peer->id, peer->n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send(z->router, z->text.data, z->text.len, ZMQ_DONTWAIT) >= 0;
}

void vg_zeromq_reply_ok(struct vg_zeromq *z, const struct vg_peer *peer, const char *id)
{
    vg_zeromq_begin(z, id);
    vg_buf_str(&z->text, ",\"ok\":true}");
    vg_zeromq_reply(z, peer);
}

void vg_zeromq_reply_error(struct vg_zeromq *z, const struct vg_peer *peer, const char *id,
                           const char *code, const char *message)
{
    vg_zeromq_begin(z, id);
    vg_buf_str(&z->text, ",\"error\":");
    vg_buf_json_str(&z->text, code);
    vg_buf_str(&z->text, ",\"message\":");
    vg_buf_json_str(&z->text, message);
    vg_buf_char(&z->text, '}');
    vg_zeromq_reply(z, peer);
}
