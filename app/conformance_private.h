/* conformance_private.h - what the files of the conformance publisher share. */
#ifndef VG_APP_CONFORMANCE_PRIVATE_H
#define VG_APP_CONFORMANCE_PRIVATE_H

#include "app/conformance.h"
#include "sinks/zeromq_request.h"
#include "sinks/zeromq_zap.h"

struct vg_conformance_publisher {
    void *context, *pub, *router;
    struct vg_zap zap;
    struct vg_key_file server, client;
    struct vg_conformance_addresses at;
    struct vg_conformance_outbox *outbox;
    struct vg_conformance_state state;
    struct vg_conformance_seen seen;
    uint32_t topics; /* that somebody is subscribed to */
    vg_conformance_check_fn check;
    void *arg;
    int64_t beat_ns; /* when the last one was sent */
    struct vg_buf text;
};

/* Who asks, and the id of the question as JSON. */
struct vg_conformance_asker {
    const void *peer;
    size_t peer_len;
    const struct vg_request *request;
};

/** Answers a request that could be read, and judges it. */
void vg_conformance_answer(struct vg_conformance_publisher *p,
                           const struct vg_conformance_asker *a);
/** Answers one that could not be read, with what its parser says. */
void vg_conformance_refuse(struct vg_conformance_publisher *p,
                           const struct vg_conformance_asker *a);

#endif
