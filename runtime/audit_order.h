/* audit_order.h - what people ordered, as the audit log keeps it. */
#ifndef VG_RUNTIME_AUDIT_ORDER_H
#define VG_RUNTIME_AUDIT_ORDER_H

#include "core/frame.h"
#include "runtime/audit.h"

/** Notes the orders of a frame that somebody waits for, now that they are durable, with what they were
 *  answered. Neither patient nor free text: the place in the log leads to both. Whether there
 *  were any. */
bool vg_audit_orders(struct vg_audit *a, struct vg_frame *f, const struct vg_layout *layout);

#endif
