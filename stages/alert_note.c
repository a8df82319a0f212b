/* alert_note.c - values that people note by a command, as if a row had brought them.
 *
 * A row with the value is made up and shown to the rules that look at such, and to no others: it says
 * nothing of the monitor, its clock or the bed. What expires or is taken back is a row that has none.
 */
#include "stages/alert_life.h"

#include "stages/alert_awake.h"

struct made_up {
    struct vg_row row;
    float value[VG_CHANNELS];
    uint8_t quality[VG_CHANNELS], reason[VG_CHANNELS];
};

static void make_row(const struct vg_look *l, struct made_up *m)
{
    *m = (struct made_up){
        .row = {
            .kind = VG_ROW_COMMAND,
            .log_ns = l->out->log_ns,
            .record_ns = l->out->log_ns,
            .event_ns = l->out->log_ns,
            .device_ns = VG_TIME_NONE,
            .value = m->value,
            .quality = m->quality,
            .reason = m->reason,
        },
    };
}

static void show(struct vg_look *l, const struct made_up *m, const struct vg_order *order)
{
    const struct vg_row *row = l->row;

    l->row = &m->row;
    l->noting = order;
    l->alert->total_of = VG_NO_TOTAL;
    vg_awake_row(l);
    l->alert->total_of = VG_NO_TOTAL;
    l->noting = NULL;
    l->row = row;
}

static void forget(struct vg_noted *noted, struct made_up *m, int channel)
{
    noted->newest.over = 1;
    noted->until_ns = 0;
    vg_row_unusable(&m->row, channel, VG_Q_MISSING, VG_REASON_NO_DATA);
}

static void take(const struct vg_look *l, struct vg_noted *noted, struct made_up *m,
                 const struct vg_order *order)
{
    m->value[order->channel] = order->value;
    m->quality[order->channel] = VG_Q_GOOD;
    *noted = (struct vg_noted){
        .newest = { .log_ns = l->out->log_ns,
                    .event_ns = l->out->log_ns,
                    .value = order->value,
                    .quality = VG_Q_GOOD,
                    .seen = 1 },
        .until_ns = order->for_ns > 0 ? order->given_ns + order->for_ns : 0,
    };
}

enum vg_answer vg_note_obey(struct vg_look *l, const struct vg_order *order)
{
    struct vg_noted *noted = vg_look_noted(l, order->channel);
    struct made_up m;

    if (l->memory->stay.standing == VG_STANDING_DISCHARGED)
        return VG_ANSWER_DISCHARGED;
    if (!noted)
        return VG_ANSWER_NOT_WATCHED;
    if (order->clear && !vg_newest_holds(&noted->newest))
        return VG_ANSWER_OK;
    make_row(l, &m);
    m.row.offset = l->command->next_offset;
    m.row.index = l->command->ordinal;
    if (order->clear)
        forget(noted, &m, order->channel);
    else
        take(l, noted, &m, order);
    vg_stay_find_next(l);
    show(l, &m, order);
    return VG_ANSWER_OK;
}

void vg_note_expire(struct vg_look *l)
{
    struct made_up m;
    bool any = false;

    make_row(l, &m);
    for (int c = VG_MEASURED; c < VG_CHANNELS; c++) {
        struct vg_noted *noted = vg_look_noted(l, c);

        if (!noted || noted->until_ns == 0 || l->out->log_ns < noted->until_ns)
            continue;
        forget(noted, &m, c);
        any = true;
    }
    if (any)
        show(l, &m, NULL);
}
