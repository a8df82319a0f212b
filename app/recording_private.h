/* recording_private.h - a line of a recorded CSV as JSON, for recording.c. */
#ifndef VG_APP_RECORDING_PRIVATE_H
#define VG_APP_RECORDING_PRIVATE_H

#include "app/csv.h"
#include "app/replay_map.h"
#include "core/buf.h"

enum { VG_NO_COLUMN = UINT32_MAX };

/** Where things stand in a CSV, which is open at a line. */
struct vg_recording_reader {
    struct vg_csv csv;
    const struct vg_replay_map *map;
    uint32_t patient, record_time, device_time;
    uint32_t variable, value;                                    /* with a line for each value */
    uint32_t channel[VG_CHANNELS], limit[VG_CHANNELS][VG_SIDES]; /* without */
    int64_t origin_ns; /* time of the calendar that is second 0; VG_TIME_NONE: it stays as it is */
    int64_t start_ns;  /* second 0 */
};

/** Says which cell is not what is expected. */
vg_status vg_recording_fail_cell(const struct vg_recording_reader *r, uint32_t column,
                                 const char *expected, struct vg_err *err);
/** The date in a cell, wherever the calendar of the recording stands. */
VG_NODISCARD vg_status vg_recording_date(const struct vg_recording_reader *r, uint32_t column,
                                         int64_t *ret, struct vg_err *err);
/** The time in a cell, as the row shall have it. */
VG_NODISCARD vg_status vg_recording_time(const struct vg_recording_reader *r, uint32_t column,
                                         int64_t *ret, struct vg_err *err);
/** Appends the beginning of an object: of whom, where and when. */
VG_NODISCARD vg_status vg_recording_head(const struct vg_recording_reader *r, int64_t record_ns,
                                         struct vg_buf *out, struct vg_err *err);
/** Appends the member of a channel, with the comma before it; nothing where there is nothing to say. */
VG_NODISCARD vg_status vg_recording_channel(const struct vg_recording_reader *r, int channel,
                                            uint32_t column, struct vg_buf *out,
                                            struct vg_err *err);

#endif
