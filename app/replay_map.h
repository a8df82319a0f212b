/* replay_map.h - the map file of `vigil replay`: which column of a CSV is what.
 *
 *     version: 1
 *     patient: subject                # column names of the CSV
 *     record_time: t_s                # seconds since the start of the recording; rows go by it
 *     time_unit: 1h                   # what 1 means in columns of time, if not a second
 *     device_time: clock_s            # the same by the device's clock; may be left out
 *     bed: "ward-3/{room}"            # {COLUMN} is replaced; may be left out
 *     channels: {spo2: SpO2, hr: HR}  # channels of `vigil list channels`, in their units
 */
#ifndef VG_APP_REPLAY_MAP_H
#define VG_APP_REPLAY_MAP_H

#include "core/channel.h"
#include "runtime/document.h"

/** Column names; the strings are the document's. */
struct vg_replay_map {
    const char *patient, *record_time;
    const char *device_time, *bed;   /**< NULL: not given */
    int64_t time_unit_ns;            /**< of both times; a second where not given */
    const char *column[VG_CHANNELS]; /**< NULL: not in the CSV */
    struct vg_document document;
};

/** Reads and checks the file; problems go to `diagnostics` as text for people. VG_E_CONFIG or
 *  VG_E_IO. The caller calls vg_replay_map_done() in every case. */
VG_NODISCARD vg_status vg_replay_map_read(struct vg_replay_map *map, const char *path,
                                          struct vg_buf *diagnostics, struct vg_err *err);
void vg_replay_map_done(struct vg_replay_map *map);

#endif
