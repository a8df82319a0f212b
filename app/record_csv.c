/* record_csv.c - a recorded CSV, and the orders that were charted in it, as a recording of Vigil. */
#include "app/record_csv.h"

#include <stdio.h>

#include "app/recording_play.h"

static vg_status write_record(void *ctx, const struct vg_recorded *row,
                              const struct vg_record *record, struct vg_err *err)
{
    (void)row;
    return vg_record_writer_record(ctx, record, err);
}

static vg_status write_order(void *ctx, const struct vg_item_command *command,
                             const struct vg_order *order, struct vg_err *err)
{
    return vg_record_writer_command(ctx, 0, command, order, sizeof(*order), err);
}

vg_status vg_record_csv(const struct vg_config *config, const struct vg_recording *rec,
                        const char *topic, const char *path, struct vg_record_counts *ret,
                        struct vg_err *err)
{
    struct vg_record_head head = { .cluster = "csv",
                                   .partitions = 1,
                                   .from_ns = VG_TIME_NONE,
                                   .until_ns = VG_TIME_NONE,
                                   .commands = rec->charted.orders > 0 };
    struct vg_recording_player player = { .record = write_record, .order = write_order };
    struct vg_record_writer *writer = NULL;
    vg_status st;

    snprintf(head.pipeline, sizeof(head.pipeline), "%s", config->service.name);
    snprintf(head.topic, sizeof(head.topic), "%s", topic);
    snprintf(head.config, sizeof(head.config), "%s", config->hash);
    st = vg_record_writer_new(path, &head, &writer, err);
    player.ctx = writer;
    if (st == VG_OK)
        st = vg_recording_play(rec, &player, err);
    if (st == VG_OK)
        st = vg_record_writer_end(writer, ret, err);
    vg_record_writer_free(writer);
    return st;
}
