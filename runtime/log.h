/* log.h - what Vigil says about itself, on standard error.
 *
 * Text (`12:00:10.123 info  ingest: ...`) or one JSON object a line. Never a value with a patient's
 * identifier. Any thread; a line is written whole. The level comes from the configuration, VIGIL_LOG
 * (error, warn, info, debug) overrides it.
 */
#ifndef VG_RUNTIME_LOG_H
#define VG_RUNTIME_LOG_H

#include "core/base.h"

enum vg_log_level { VG_LOG_ERROR, VG_LOG_WARN, VG_LOG_INFO, VG_LOG_DEBUG };

/** Sets level and format (enum vg_log_format); reads VIGIL_LOG. Before threads start. */
void vg_log_init(int level, bool json);

/** `component` is a stable word: "ingest", "commit", "sink ward_file". */
void vg_log(enum vg_log_level level, const char *component, const char *fmt, ...) VG_PRINTF(3, 4);

/** Whether a line of this level would be written. */
bool vg_log_enabled(enum vg_log_level level);

#endif
