/* log.h - what Vigil says about itself: docs/logs.md.
 *
 * Lines of text (`12:00:10.123 info  ingest: ...`) or of JSON on standard error, or entries of the
 * journal. Never a value with a patient's identifier, and no event. Any thread; a line is written
 * whole. Nothing waits for the journal: what it does not take at once goes to standard error.
 *
 * A place of the code that speaks too often is silenced for the rest of its minute, and how many lines
 * were lost is said (runtime/log_limit.h); what is told at level debug is not counted.
 */
#ifndef VG_RUNTIME_LOG_H
#define VG_RUNTIME_LOG_H

#include "core/base.h"

enum vg_log_level { VG_LOG_ERROR, VG_LOG_WARN, VG_LOG_INFO, VG_LOG_DEBUG };
enum vg_log_format { VG_LOG_TEXT, VG_LOG_JSON, VG_LOG_JOURNALD };

/** service.log of a configuration. */
struct vg_log_options {
    int level;    /**< enum vg_log_level; VIGIL_LOG (error, warn, info, debug) overrides it */
    int format;   /**< enum vg_log_format */
    char *socket; /**< of the journal; NULL: the usual one */
};

/** A call of vg_log(). */
struct vg_log_site {
    const char *file;
    int line;
    const char *function;
};

/** Reads VIGIL_LOG. Before threads start; `o` must live as long as something is logged. */
void vg_log_open(const struct vg_log_options *o);

/** `component` is a stable word: "ingest", "commit", the name of a sink. */
#define vg_log(level, component, ...)                                                            \
    vg_log_at(&(const struct vg_log_site){ __FILE__, __LINE__, __func__ }, (level), (component), \
              __VA_ARGS__)
void vg_log_at(const struct vg_log_site *site, enum vg_log_level level, const char *component,
               const char *fmt, ...) VG_PRINTF(4, 5);

/** Says how many lines were left out in minutes that are over at `now_ns` (monotonic);
 *  VG_TIME_MAX: in all. */
void vg_log_tell_hidden(int64_t now_ns);

#endif
