/* ward.h - a simulated ward as messages, and wards put together beforehand. */
#ifndef VG_APP_WARD_H
#define VG_APP_WARD_H

#include "app/simulator.h"
#include "core/buf.h"

/** Appends the row as the JSON that monitors send. */
void vg_ward_row(const struct vg_sim_row *row, struct vg_buf *out);

/**
 * Writes the labels of every bed in its first duration_ns to a file, a line each, bed by bed and in
 * order of start. VG_E_IO names the file.
 */
VG_NODISCARD vg_status vg_ward_write_labels(struct vg_sim *sim, uint32_t beds, int64_t duration_ns,
                                            const char *file, struct vg_err *err);

enum vg_ward_script { VG_WARD_SCRIPT_NONE, VG_WARD_SCRIPT_DEMO };
extern const char *const vg_ward_scripts[]; /**< names; NULL-terminated, for option tables */

/** What `make demo` shows happens within so many minutes, to twelve beds. */
enum { VG_WARD_DEMO_MIN = 36, VG_WARD_DEMO_BEDS = 12 };

/** Adds what a script wants to happen; VG_E_USAGE when the ward has too few beds. */
VG_NODISCARD vg_status vg_ward_play(struct vg_sim *sim, enum vg_ward_script script,
                                    struct vg_err *err);

#endif
