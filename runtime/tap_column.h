/* tap_column.h - what a tap shows of a row: columns by the names that people give them.
 *
 *   event log record device partition offset index kind flags patient bed ward    what a row is about
 *   values              every vital sign that is in the row, with its unit and quality
 *   hr                  one of them (core/channels.def)
 *   z forecast ...      what a stage added, entry by entry; z.hr, forecast.spo2: of one vital sign
 *
 * As JSON a vital sign is {"value":97,"unit":"%","quality":"good"}, with "reason" where there is one, and
 * null as the value where nothing is known of it. What is not in a row is left out; what a stage marks as
 * not valid is null, and never 0.
 */
#ifndef VG_RUNTIME_TAP_COLUMN_H
#define VG_RUNTIME_TAP_COLUMN_H

#include "runtime/observed.h"

struct vg_tap_column {
    char name[VG_COLUMN_NAME + VG_NAME_SIZE]; /**< as it was asked for */
    int what;                                 /**< of the file's own */
    int channel;                              /**< VG_CHANNEL_NONE: all */
    int column,
        valid; /**< of the layout, and of the one that says where it counts; or VG_ROW_NONE */
};

/** Finds `name` (n bytes) among what rows have behind the stage at `place`. VG_E_CONFIG says what there is. */
VG_NODISCARD vg_status vg_tap_column_find(const struct vg_observed *o, uint32_t place,
                                          const char *name, size_t n, struct vg_tap_column *ret,
                                          struct vg_err *err);

/** The columns of the layout that it reads, as bits. */
uint32_t vg_tap_column_bits(const struct vg_tap_column *c);

/** What of a row is looked at. */
struct vg_tap_row {
    const struct vg_observed *o;
    const struct vg_watcher *reader;
    const struct vg_watched *row;
    uint32_t channels; /**< bit c: channel c is to be shown */
};

/** Appends `"name":value,` if the row has it. */
void vg_tap_column_write(const struct vg_tap_column *c, const struct vg_tap_row *r,
                         struct vg_buf *out);

/** "sample", "tick", ... of enum vg_row_kind; 0 for a name of none (n bytes). */
const char *vg_row_kind_name(uint8_t kind);
uint8_t vg_row_kind_find(const char *name, size_t n);

#endif
