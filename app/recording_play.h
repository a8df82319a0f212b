/* recording_play.h - a recorded CSV as the log that it would have been: its rows as records of one
 * partition, its orders as commands between them.
 *
 * An order holds for the rows of its time: it stands before them.
 */
#ifndef VG_APP_RECORDING_PLAY_H
#define VG_APP_RECORDING_PLAY_H

#include "app/recording.h"
#include "core/frame.h"
#include "core/source.h"

/** Takes the entries of the log, which are valid during the call. The first failure ends it. */
struct vg_recording_player {
    void *ctx;
    vg_status (*record)(void *ctx, const struct vg_recorded *row, const struct vg_record *record,
                        struct vg_err *err);
    /** `order` is the payload; command->ticket is its number in the recording, from 1. */
    vg_status (*order)(void *ctx, const struct vg_item_command *command,
                       const struct vg_order *order, struct vg_err *err);
};

/** Fails as the player does. */
VG_NODISCARD vg_status vg_recording_play(const struct vg_recording *rec,
                                         const struct vg_recording_player *player,
                                         struct vg_err *err);

#endif
