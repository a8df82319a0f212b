/* recording.h - a recorded CSV as the messages that its monitors would have sent, in record order, and
 * the orders that were charted in it.
 *
 * Patients of one file often stand one after the other, each from 0 s; here they run side by side:
 * all rows are kept in memory and ordered by record time, rows of one time as in the file. Of a table
 * with a line for each value, the lines of one patient and one time are a row. Numbers keep the digits
 * of the CSV.
 */
#ifndef VG_APP_RECORDING_H
#define VG_APP_RECORDING_H

#include "app/charted.h"
#include "app/replay_map.h"
#include "core/option.h"

struct vg_recorded {
    int64_t record_ns;
    size_t json; /* where it begins in the recording's text */
    uint32_t len;
    uint32_t patient; /* index */
};

struct vg_recording {
    struct vg_recorded *rows; /**< by record time */
    size_t rows_n;
    struct vg_buf text;
    char (*patients)[VG_PATIENT_SIZE];
    uint32_t patients_n;
    struct vg_charted charted;
};

/** Reads the CSV. `patients` (empty: all) are those to keep; one that the CSV lacks is an error.
 *  `start_ns` is second 0 of record times that are numbers. The caller calls vg_recording_done() in every case. */
VG_NODISCARD vg_status vg_recording_read(struct vg_recording *rec, const char *csv,
                                         const struct vg_replay_map *map,
                                         const struct vg_strings *patients, int64_t start_ns,
                                         struct vg_err *err);

/** Reads the map first, and prints what is wrong with it to standard error: for verbs. VG_E_CONFIG for
 *  a map with errors; else as vg_recording_read(). */
VG_NODISCARD vg_status vg_recording_read_aloud(struct vg_recording *rec, const char *csv,
                                               const char *map_path,
                                               const struct vg_strings *patients, int64_t start_ns,
                                               struct vg_err *err);

/** The JSON of a row, `row->len` bytes. */
const char *vg_recorded_json(const struct vg_recording *rec, const struct vg_recorded *row);

void vg_recording_done(struct vg_recording *rec);

#endif
