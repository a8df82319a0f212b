/* train_show.h - what a person or a program sees of a training, and how it is stopped.
 *
 * A bar on a terminal, with loss, rate and time left; else one JSON object a line for each epoch.
 * Both on standard error. One training in a process.
 */
#ifndef VG_APP_TRAIN_SHOW_H
#define VG_APP_TRAIN_SHOW_H

#include "app/progress.h"
#include "models/train.h"

struct vg_train_show {
    int mode; /**< enum vg_progress_mode, never AUTO after begin */
    struct vg_progress bar;
    bool fitting; /**< the bar is that of the fit */
    int64_t start_ns;
};

/** Takes SIGINT and SIGTERM: the first asks for the end, a second ends the program at once. */
void vg_train_show_begin(struct vg_train_show *s, int mode);
/** Of data being made: done 0..1. False: stop. */
bool vg_train_show_data(void *show, double done);
/** Of a fit. False: stop. */
bool vg_train_show_fit(void *show, const struct vg_fit_progress *p);
/** Ends the line of the bar. */
void vg_train_show_end(struct vg_train_show *s);
/** Seconds since begin. */
double vg_train_show_elapsed_s(const struct vg_train_show *s);

#endif
