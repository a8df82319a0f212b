/* replay_map.h - the map file of recorded CSV: which column is what.
 *
 *     version: 1
 *     patient: subject                # column names of the CSV
 *     record_time: t_s                # rows go by it: seconds since the start of the recording, or
 *                                     # 2026-03-01T12:00:00Z, or 2026-03-01 12:00:00 for UTC
 *     time_unit: 1h                   # what 1 means in columns of time, if not a second
 *     shifted: true                   # dates were moved, each patient's by another time: all begin
 *                                     # together, at second 0
 *     device_time: clock_s            # the same by the device's clock; may be left out
 *     bed: "ward-3/{room}"            # {COLUMN} is replaced; may be left out
 *     channels: {spo2: SpO2, hr: HR}  # channels of `vigil list channels`, in their units
 *
 * A table that has a line for each value instead of a column for each channel names two columns more,
 * and `channels` then says what stands in the first of them:
 *
 *     variable: vital                 # what the value of the line is
 *     value: valuenum
 *     channels: {spo2: spo2, hr: heart_rate}
 *
 * Limits that were set at the bedside are charted beside the values. They become orders, as `vigil
 * alerts limit` gives them:
 *
 *     orders:
 *       by: "nurse"                   # who gave them, as events say
 *       reason: "as charted"
 *       for: 7d                       # they hold until charted anew, at most for so long
 *       limits:
 *         hr: {low: alarm_hr_lo, high: alarm_hr_hi}   # columns, or what stands in `variable`
 */
#ifndef VG_APP_REPLAY_MAP_H
#define VG_APP_REPLAY_MAP_H

#include "core/channel.h"
#include "runtime/document.h"

/** Sides of a limit, as indices. */
enum vg_side { VG_SIDE_LOW, VG_SIDE_HIGH, VG_SIDES };

/** The orders that a recording holds. */
struct vg_order_map {
    bool any; /**< else nothing here is set */
    char *by, *reason;
    int64_t for_ns;
    const char *limit[VG_CHANNELS][VG_SIDES]; /**< NULL: not in the CSV */
};

/** Column names; the strings are the document's. */
struct vg_replay_map {
    const char *patient, *record_time;
    const char *device_time, *bed;   /**< NULL: not given */
    const char *variable, *value;    /**< both or neither; NULL: a column for each channel */
    bool shifted;                    /**< dates say nothing across patients */
    int64_t time_unit_ns;            /**< of both times; a second where not given */
    const char *column[VG_CHANNELS]; /**< NULL: not in the CSV; with `variable`, what it says */
    struct vg_order_map orders;
    struct vg_document document;
};

/** Reads and checks the file; problems go to `diagnostics` as text for people. VG_E_CONFIG or
 *  VG_E_IO. The caller calls vg_replay_map_done() in every case. */
VG_NODISCARD vg_status vg_replay_map_read(struct vg_replay_map *map, const char *path,
                                          struct vg_buf *diagnostics, struct vg_err *err);
void vg_replay_map_done(struct vg_replay_map *map);

#endif
