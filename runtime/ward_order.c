/* ward_order.c - what people say of a patient, on the tile. */
#include "runtime/ward_private.h"

static void set_limit(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_order *order)
{
    struct vg_ward_own_limit *to = NULL;

    for (int i = 0; i < VG_WARD_OWN_LIMITS; i++) {
        struct vg_ward_own_limit *own = &b->own[i];

        if (own->until_ns != 0 && own->channel == order->channel) {
            to = own;
            break;
        }
        if (own->until_ns == 0 && !to)
            to = own;
    }
    if (!to)
        return;
    *to = (struct vg_ward_own_limit){ 0 };
    if (!order->clear)
        *to = (struct vg_ward_own_limit){ .until_ns = order->given_ns + order->for_ns,
                                          .channel = order->channel,
                                          .low_set = order->low_set,
                                          .high_set = order->high_set,
                                          .low = order->low,
                                          .high = order->high };
    vg_ward_bed_configure(w, b);
}

static void set_note(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_order *order,
                     int64_t log_ns)
{
    struct vg_ward_value *v = &b->value[order->channel];

    b->newest[order->channel] = (struct vg_ward_newest){
        .known = !order->clear,
        .value = order->value,
        .log_ns = log_ns,
        .until_ns = order->for_ns > 0 ? order->given_ns + order->for_ns : 0,
    };
    *v = (struct vg_ward_value){ .value = order->value,
                                 .quality = order->clear ? VG_Q_MISSING : VG_Q_GOOD,
                                 .reason = order->clear ? VG_REASON_NO_DATA : VG_REASON_NONE,
                                 .seen = true,
                                 .event_ns = log_ns };
    if (!order->clear)
        b->remark[b->remarks++ % VG_WARD_NOTES] =
            (struct vg_ward_remark){ log_ns, order->channel, order->value };
    vg_ward_bed_score(w, b, log_ns > b->log_ns ? log_ns : b->log_ns);
    vg_ward_touch(w, b, VG_WARD_ROW);
}

void vg_ward_obey(struct vg_ward *w, const char *patient, const struct vg_order *order,
                  int64_t log_ns)
{
    struct vg_ward_bed *b = vg_ward_find_patient(w, patient);

    if (!b)
        return;
    switch ((enum vg_order_kind)order->kind) {
    case VG_ORDER_KIND_LIMIT:
        set_limit(w, b, order);
        break;
    case VG_ORDER_KIND_NOTE:
        set_note(w, b, order, log_ns);
        break;
    case VG_ORDER_KIND_STANDBY:
        b->standby = true;
        b->standby_until_ns = order->given_ns + order->for_ns;
        vg_ward_touch(w, b, VG_WARD_STANDING);
        break;
    case VG_ORDER_KIND_ADMIT:
        b->standby = false;
        vg_ward_touch(w, b, VG_WARD_STANDING);
        break;
    case VG_ORDER_KIND_DISCHARGE:
        /* Rows that came since have made the tile that there is. */
        if (b->log_ns <= log_ns)
            vg_ward_leave(w, b);
        break;
    default:
        break;
    }
}
