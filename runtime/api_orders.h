/* api_orders.h - POST /api/v1/orders: acknowledge, pause the sound of, or reset an alert.
 *
 * The same orders as over ALERT/1 (docs/alert1.md), with the same codes and words, recorded and audited as those are.
 */
#ifndef VG_RUNTIME_API_ORDERS_H
#define VG_RUNTIME_API_ORDERS_H

#include "runtime/http.h"
#include "runtime/outbox.h"
#include "runtime/shared.h"

/** What is noted of those who may not, so that who tries all the time does not fill the audit log. */
struct vg_api_refused {
    int64_t window_ns; /**< when it began */
    uint32_t said, unsaid;
};

/** Makes the answer, at once or later. `reader` is the server's thread's; NULL while there is no outbox to
 *  look into. */
void vg_api_orders(struct vg_shared *shared, struct vg_outbox_reader *reader,
                   struct vg_api_refused *refused, const struct vg_http_request *request,
                   struct vg_http_answer *ret);

/** Notes in the audit log that somebody at `from` was refused; `why` names no patient. */
void vg_api_refused_note(struct vg_api_refused *r, struct vg_audit *audit, const char *from,
                         const char *why);

#endif
