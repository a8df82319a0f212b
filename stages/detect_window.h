/* detect_window.h - the newest W ticks of a patient, and how well a model reconstructs them.
 *
 * z is kept in steps of 1 / 4096 standard deviations, two bytes an entry: a window of 98 ticks and 8
 * channels is 1.6 KB. Sums run over ticks from old to new, then over channels, so that their bits
 * are always the same. Letters: B rows, C channels, W ticks.
 */
#ifndef VG_STAGES_DETECT_WINDOW_H
#define VG_STAGES_DETECT_WINDOW_H

#include "core/stage.h"

/** Constant after vg_detect_window_open(), but for what a wave is computed in. */
struct vg_detect_window {
    const struct vg_model *model;
    const struct vg_kernel *kernel;
    int64_t tick_ns;
    int z;    /**< column [VG_CHANNELS] */
    float *x; /**< [B, 2, W, C] */
    float *y; /**< [B, W, C] */
    void *scratch;
};

vg_status vg_detect_window_plan(struct vg_detect_window *w, const struct vg_model *model,
                                struct vg_plan *plan, struct vg_err *err);
void vg_detect_window_open(struct vg_detect_window *w);
void vg_detect_window_close(struct vg_detect_window *w);

/** Bytes that are kept of each patient, a multiple of 8. */
size_t vg_detect_window_memory(const struct vg_detect_window *w);

/** Takes the tick of row `i` of the wave into its memory. */
void vg_detect_window_take(struct vg_detect_window *w, uint32_t i, void *memory,
                           const struct vg_row *row);
/** Runs the model on the n rows that were taken. */
void vg_detect_window_step(struct vg_detect_window *w, uint32_t n);

/**
 * Squared errors of row `i` over the entries that are usable, summed for each channel, sum [C], and
 * how many these are: the score is their mean. Ticks that never came leave gaps, not a shorter past.
 * False when too little is known to say anything: half of the window must have been seen, and half of
 * what was seen be usable.
 */
bool vg_detect_window_error(const struct vg_detect_window *w, uint32_t i, const void *memory,
                            float *sum, uint32_t *ret_usable);

#endif
