/* record_csv.h - a recorded CSV, and the orders that were charted in it, as a recording of Vigil. */
#ifndef VG_APP_RECORD_CSV_H
#define VG_APP_RECORD_CSV_H

#include "app/recording.h"
#include "runtime/config.h"
#include "runtime/record_file.h"

/** Writes all of `rec` to `path`, as the log of a topic of one partition that is called `topic`. Fails
 *  as the writer of recordings does. */
VG_NODISCARD vg_status vg_record_csv(const struct vg_config *config, const struct vg_recording *rec,
                                     const char *topic, const char *path,
                                     struct vg_record_counts *ret, struct vg_err *err);

#endif
