/* recording_play.c - a recorded CSV as the log that it would have been. */
#include "app/recording_play.h"

#include <stdio.h>
#include <string.h>

/* `next`: the record before which they stand. */
static vg_status play_orders(const struct vg_recording *rec,
                             const struct vg_recording_player *player, size_t next, size_t *number,
                             struct vg_err *err)
{
    int64_t until_ns = next < rec->rows_n ? rec->rows[next].record_ns : INT64_MAX;
    uint32_t ordinal = 0;
    vg_status st = VG_OK;

    for (; *number < rec->charted.orders && st == VG_OK; ++*number) {
        const struct vg_charted_order *o = &rec->charted.order[*number];
        struct vg_item_command command = { .kind = VG_COMMAND_ORDER,
                                           .ordinal = ++ordinal,
                                           .next_offset = (int64_t)next,
                                           .log_ns = o->at_ns,
                                           .ticket = *number + 1,
                                           .size = sizeof(o->order) };

        if (o->at_ns > until_ns)
            break;
        snprintf(command.patient, sizeof(command.patient), "%s", rec->patients[o->patient]);
        st = player->order(player->ctx, &command, &o->order, err);
    }
    return st;
}

static vg_status play_row(const struct vg_recording *rec, const struct vg_recording_player *player,
                          size_t i, struct vg_err *err)
{
    const struct vg_recorded *row = &rec->rows[i];
    const char *patient = rec->patients[row->patient];
    const struct vg_record record = {
        .offset = (int64_t)i,
        .time_ns = row->record_ns,
        .message = { .value = (const uint8_t *)vg_recorded_json(rec, row),
                     .len = row->len,
                     .key = (const uint8_t *)patient,
                     .key_len = strlen(patient) },
    };

    return player->record(player->ctx, row, &record, err);
}

vg_status vg_recording_play(const struct vg_recording *rec,
                            const struct vg_recording_player *player, struct vg_err *err)
{
    size_t number = 0;
    vg_status st = VG_OK;

    for (size_t i = 0; i < rec->rows_n && st == VG_OK; i++) {
        st = play_orders(rec, player, i, &number, err);
        if (st == VG_OK)
            st = play_row(rec, player, i, err);
    }
    return st == VG_OK ? play_orders(rec, player, rec->rows_n, &number, err) : st;
}
