/* watch.h - whether the pipelines are there. */
#ifndef VIGIL_CLIENT_WATCH_H
#define VIGIL_CLIENT_WATCH_H

#include "client/state.h"

/** A heartbeat of that ward has come, with a header and n bytes of JSON. */
void vigil_watch_heartbeat(struct vigil_client *c, struct endpoint *e, const char *ward,
                           const struct vigil_wire_header *h, const char *json, size_t n);
/** Tells when the link of the endpoint is lost or back, or its key refused. */
void vigil_watch_link(struct vigil_client *c, struct endpoint *e);
/** Tells, once for each pipeline, of a partition that none of its instances processes. */
void vigil_watch_coverage(struct vigil_client *c, struct endpoint *e, int64_t now);

#endif
