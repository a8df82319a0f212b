/* conformal.h - intervals that keep their word: their width follows how often they were missed.
 *
 * A model's quantiles are right on average over the patients it was trained on; this patient, tonight,
 * may be steadier or wilder. So some forecasts wait until their time has come, and each side of an
 * interval that was missed grows, each that was not shrinks a little (online conformal prediction,
 * P-control: Angelopoulos, Candes and Tibshirani 2023, arXiv 2307.16895). With width a factor on the
 * distance from the median to that side, for each channel, horizon and side,
 *
 *     width <- width + eta (missed - (1 - coverage) / 2),  0.05 <= width <= 20
 *     eta = rate / 1.645 (ticks between two waiting forecasts)^(1/4)
 *
 * since the distance is 1.645 SD of a normal forecast. Whatever the data, the share of misses then
 * goes to what it should be, as 1 / (eta n) of n outcomes: the sum of all moves is bounded.
 *
 * Of an hour's forecast one in fifteen ticks waits: alone, it would learn that a patient has become
 * wild when he no longer is, or its width would be noise. What makes ten minutes wild makes an hour
 * wild, so an interval is told with its own width times the mean of both sides that the next shorter
 * horizon was told with. In simulated patients whose spread doubles, that covers .92 of an hour's
 * targets after two hours at 1.15 times the width before, where its own width alone needed 1.7 times
 * for .86. A horizon whose forecasts wait at every tick learns by itself: six hours at hourly ticks.
 * What is told with is held between the same bounds as what is learned.
 *
 * One forecast waits per max(tick, horizon / 8), at times on a fixed grid, and is judged as it was
 * told, with the width of then (stages/waiting.h). A channel without a measurement at the time is not
 * judged. All of it takes 1.5 KB per patient for 8 channels and 5 horizons.
 *
 * The forecast of the shortest horizon also says how far off it was: the residual.
 *
 * Letters: C channels, H horizons, Q quantiles.
 */
#ifndef VG_STAGES_CONFORMAL_H
#define VG_STAGES_CONFORMAL_H

#include "core/model.h"
#include "stages/waiting.h"

/** Most that is kept of a patient; forecast refuses models that need more. */
enum { VG_CONFORMAL_MEMORY_MAX = 2560 };

/** Constant after vg_conformal_init(). */
struct vg_conformal {
    uint32_t channels, horizons, quantiles;
    uint32_t median; /**< place of 0.5 among the quantiles */
    bool adapts;     /**< widths follow; else they stay 1 */
    float miss;      /**< per side */
    int64_t tick_ns;
    struct vg_waiting waiting[VG_HORIZONS_MAX];
    uint32_t first[VG_HORIZONS_MAX + 1]; /**< places of all horizons before this one */
    float eta[VG_HORIZONS_MAX];
    uint32_t shortest; /**< place of the shortest horizon */
};

/** What a tick says of the forecasts of before, each [C]. */
struct vg_outcome {
    const float *z;       /**< where `measured` */
    const bool *measured; /**< a value of this tick, not filled in */
};

/**
 * Of a forecaster (horizons > 0). Widths adapt when `adapt` and the model has quantiles on both sides
 * of a median; `coverage` is that of the outermost two.
 */
void vg_conformal_init(struct vg_conformal *c, const struct vg_model *m, int64_t tick_ns,
                       bool adapt, float coverage, float rate);

/** Bytes that are kept of each patient: flat, zeroed at first sight, a multiple of 4. */
size_t vg_conformal_memory(const struct vg_conformal *c);

/**
 * The tick that ends at `at_ns` has come: judges forecasts for it.
 *
 *   residual  [C] z less the median that the shortest horizon's forecast gave for now; 0 where there
 *             was no forecast, or nothing was measured
 *   sd        [C] that forecast's own standard deviation, (q95 - q05) / 3.29 of the model, in
 *             standard deviations of z; 0 exactly where there is no residual
 */
void vg_conformal_judge(const struct vg_conformal *c, void *memory, int64_t at_ns,
                        const struct vg_outcome *outcome, float *residual, float *sd);

/**
 * Takes the model's answer of the same tick: y [C, H, Q] gets the widths of now, and waits if it is
 * its turn. A channel that is not `valid` [C] does not wait.
 */
void vg_conformal_tell(const struct vg_conformal *c, void *memory, int64_t at_ns, const bool *valid,
                       float *y);

#endif
