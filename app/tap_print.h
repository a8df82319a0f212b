/* tap_print.h - rows of a tap as a table for people: a line for each row, columns as wide as they were. */
#ifndef VG_APP_TAP_PRINT_H
#define VG_APP_TAP_PRINT_H

#include <jansson.h>

#include "core/option.h"

struct vg_tap_table {
    const struct vg_strings *columns; /**< in order */
    size_t *width;                    /**< [columns] */
    bool begun;
};

void vg_tap_table_init(struct vg_tap_table *t, const struct vg_strings *columns);
void vg_tap_table_done(struct vg_tap_table *t);
/** Prints a row, and the names of the columns before the first one. */
void vg_tap_table_print(struct vg_tap_table *t, const json_t *row);

/** Appends what a table shows of a value: "97 %", "- (invalid: range)", "1m 94/96/98 %". */
void vg_tap_cell(json_t *value, struct vg_buf *out);

#endif
