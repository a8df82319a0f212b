/* forecast_eval.h - how far forecasts were off: sums per person, channel and horizon.
 *
 * Several methods are judged on exactly the same targets: what was measured (not imputed) `horizon`
 * after a tick, in channels of which a value had come by that tick. Errors are in channel units,
 * against the recorded value itself and not against its clipped z.
 *
 * Letters: P persons, T ticks, C channels, H horizons, Q quantiles, M methods.
 */
#ifndef VG_APP_FORECAST_EVAL_H
#define VG_APP_FORECAST_EVAL_H

#include "app/dataset.h"
#include "models/metrics.h"

enum { VG_FORECAST_METHODS_MAX = 8 };

/** What one method said of one patient; `y` belongs to the caller. */
struct vg_forecasts {
    uint32_t quantiles;    /**< Q; 1: a point */
    const float *quantile; /**< [Q] */
    float *y;              /**< [T, C, H, Q] in channel units */
};

struct vg_forecast_eval {
    uint32_t persons, channels, horizons, methods;
    uint32_t ahead[VG_HORIZONS_MAX]; /**< [H] ticks */
    struct vg_forecast_sums *sums;   /**< [M, P, C, H] */
    /* Coverage by time since the patient's first tick, of one method, all persons pooled. */
    uint32_t rolling_method;
    uint32_t span;                    /**< ticks of 24 h */
    uint32_t ticks;                   /**< of the longest patient */
    struct vg_forecast_sums *by_tick; /**< [C, H, ticks] */
};

/** Zeroed sums. Horizons that are no whole number of ticks are an error of the model: VG_E_MODEL.
 *  The caller calls vg_forecast_eval_done() in every case. */
VG_NODISCARD vg_status vg_forecast_eval_init(struct vg_forecast_eval *e, const struct vg_dataset *d,
                                             uint32_t persons, const int64_t *horizon_ns,
                                             uint32_t horizons, uint32_t methods,
                                             uint32_t rolling_method, struct vg_err *err);
void vg_forecast_eval_done(struct vg_forecast_eval *e);

/** Adds what each method said of one patient: forecasts [M]. */
void vg_forecast_eval_add(struct vg_forecast_eval *e, const struct vg_dataset_patient *who,
                          uint32_t person, const struct vg_forecasts *forecasts);

/** The sums of one cell over persons in multiplicity `times` [P] (NULL: once). */
struct vg_forecast_sums vg_forecast_eval_cell(const struct vg_forecast_eval *e, uint32_t method,
                                              uint32_t channel, uint32_t horizon,
                                              const uint32_t *times);

/** The least and greatest coverage of a cell within 24 h windows that slide over the time since
 *  the first tick; windows of fewer than `least` targets are left out. NAN: none is left. */
void vg_forecast_eval_rolling(const struct vg_forecast_eval *e, uint32_t channel, uint32_t horizon,
                              double least, double *low, double *high);

/** The last value: Q 1, y [T, C, H]; 0 before the first. */
void vg_forecast_last(const struct vg_dataset_patient *who, uint32_t channels, uint32_t horizons,
                      float *y);

#endif
