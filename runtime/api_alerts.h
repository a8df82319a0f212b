/* api_alerts.h - GET /api/v1/alerts: those that are active, and those that were.
 *
 *   ?state=active               the newest event of each open episode, in order of seq (this is the default)
 *   ?state=all&limit=N&before=S the newest event of each episode with seq < S, the newest first, and in "next" what
 *                               to ask for before; null when that was all
 *
 * Read from the outbox: what is shown is durable, and nothing here reaches the chain.
 */
#ifndef VG_RUNTIME_API_ALERTS_H
#define VG_RUNTIME_API_ALERTS_H

#include "runtime/http.h"
#include "runtime/outbox.h"

/** `reader` is the server's thread's; NULL while there is no outbox to look into. */
void vg_api_alerts(struct vg_outbox_reader *reader, const struct vg_http_request *request,
                   struct vg_http_answer *ret);

#endif
