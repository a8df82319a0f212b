/* progress.h - how far long work is, on standard error.
 *
 * auto is a bar when standard error is a terminal, else nothing; json is one object a line, for
 * machines. Standard output is never touched: it carries data. One thread.
 */
#ifndef VG_APP_PROGRESS_H
#define VG_APP_PROGRESS_H

#include "core/base.h"

enum vg_progress_mode { VG_PROGRESS_AUTO, VG_PROGRESS_BAR, VG_PROGRESS_JSON, VG_PROGRESS_NONE };

extern const char *const vg_progress_modes[]; /**< NULL-terminated, for option tables */

struct vg_progress {
    int mode;         /**< enum vg_progress_mode; never AUTO after begin */
    const char *what; /**< "replay" */
    const char *unit; /**< "rows" */
    uint64_t total;   /**< 0: not known */
    uint64_t next;    /**< the clock is looked at when this many are done */
    int64_t start_ns, shown_ns;
    char note[80]; /**< shown behind the bar: "loss 0.41"; "" for nothing */
};

void vg_progress_begin(struct vg_progress *p, int mode, const char *what, const char *unit,
                       uint64_t total);
/** Cheap; shows something at most five times a second. */
void vg_progress_update(struct vg_progress *p, uint64_t done);
/** The last state, and a new line. */
void vg_progress_end(struct vg_progress *p, uint64_t done);

/** Seconds since begin. */
double vg_progress_elapsed_s(const struct vg_progress *p);

#endif
