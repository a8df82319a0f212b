/* detect_slow.h - how far a patient is from what a forecaster said ten minutes ago.
 *
 * What goes wrong over hours moves every tick by less than its noise. A forecaster that is tied to
 * the averages of hours (a ridge) cannot be taken along by it, so its residuals all point the same
 * way, and sums of them tell (models/calibration.h). Such a forecast hardly changes from tick to tick: of
 * ticks of 30 s every third waits (stages/waiting.h), for its own time and for the two after it.
 * Letters: B rows, C channels.
 */
#ifndef VG_STAGES_DETECT_SLOW_H
#define VG_STAGES_DETECT_SLOW_H

#include "models/features.h"
#include "stages/model_tick.h"
#include "stages/waiting.h"

/** Constant after vg_detect_slow_plan(), but for what a wave is computed in. */
struct vg_detect_slow {
    const struct vg_model *model;
    struct vg_features features;
    struct vg_model_columns columns;
    int64_t tick_ns;
    uint32_t horizon; /**< the one nearest to ten minutes */
    uint32_t median;  /**< place of 0.5 among the quantiles */
    struct vg_waiting waiting;
    float *x, *y; /**< [B, inputs], [B, outputs] */
    void *scratch;
    void *state[VG_BATCH_MAX];
    bool sound[VG_BATCH_MAX]; /**< after a step: the model gave numbers for this row */
};

VG_NODISCARD vg_status vg_detect_slow_plan(struct vg_detect_slow *s, const struct vg_model *model,
                                           struct vg_plan *plan, struct vg_err *err);
void vg_detect_slow_open(struct vg_detect_slow *s);
void vg_detect_slow_close(struct vg_detect_slow *s);

/** Bytes that are kept of each patient, a multiple of 8. */
size_t vg_detect_slow_memory(const struct vg_detect_slow *s);

/**
 * Takes the tick of row `i` of the wave, and tells what was forecast of it.
 *
 *   residual  [C] z less the forecast median, sd [C] the forecast's standard deviation, both in
 *             those of z; sd is 0 exactly where there was no forecast or nothing was measured
 */
void vg_detect_slow_take(struct vg_detect_slow *s, uint32_t i, void *memory,
                         const struct vg_row *row, float *residual, float *sd);
/** Runs the model on the n rows that were taken, and lets its answers wait where they are `sound`. A
 *  row where they are not is one whose score must not be a number either: then the runtime says so and
 *  begins anew (VG_ROW_MODEL_ERROR). */
void vg_detect_slow_step(struct vg_detect_slow *s, const struct vg_wave *wave, size_t memory_at);

#endif
