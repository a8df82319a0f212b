/* orders.h - what people order, on its way to ingest and back as an answer.
 *
 * There are several ways in (core/sink.h, runtime/api_orders.h) and one meaning: an order is queued for ingest,
 * recorded at one place of the log, obeyed there, and answered once that is durable. Any thread, each
 * with a reader of its own.
 */
#ifndef VG_RUNTIME_ORDERS_H
#define VG_RUNTIME_ORDERS_H

#include "runtime/outbox.h"
#include "runtime/shared.h"

/** As vg_sink_env.order. */
VG_NODISCARD vg_status vg_orders_ask(struct vg_shared *shared, struct vg_outbox_reader *reader,
                                     const struct vg_order *order, const char *patient,
                                     const struct vg_strings *wards, uint64_t *ret_ticket,
                                     struct vg_answered *ret, struct vg_err *err);
/** As vg_sink_env.answered. */
VG_NODISCARD bool vg_orders_answered(struct vg_shared *shared, uint64_t ticket,
                                     struct vg_answered *ret);

#endif
