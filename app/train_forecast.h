/* train_forecast.h - what all forecasters are trained on: views, targets and the skip.
 *
 * Letters: C channels, H horizons, Q quantiles, I inputs.
 */
#ifndef VG_APP_TRAIN_FORECAST_H
#define VG_APP_TRAIN_FORECAST_H

#include "app/train_recipe.h"
#include "core/model.h"

enum { VG_FORECAST_TARGETS_MAX = VG_CHANNELS * VG_HORIZONS_MAX };

struct vg_forecast_task {
    const struct vg_recipe *recipe;
    const struct vg_dataset *data;
    char sha256[65]; /**< of the data */
    struct vg_dataset_scale scale;
    struct vg_features features;
    uint32_t horizons, quantiles, targets; /**< targets = C H */
    int64_t horizon_ns[VG_HORIZONS_MAX];
    uint32_t ahead[VG_HORIZONS_MAX]; /**< ticks */
    float quantile[VG_MODEL_QUANTILES_MAX];
    struct vg_network network; /**< filled in by those that have one */
    struct vg_view *view;      /**< [patients]; of those who are only for tests empty */
    float *skip_weight;        /**< [C H, I]; NULL unless the skip is a regression */
    float *skip_bias;          /**< [C H] */
};

/** Reads horizons, quantiles and features of the recipe; the data may still be empty.
 *  vg_forecast_task_done() follows in every case. */
VG_NODISCARD vg_status vg_forecast_task_init(struct vg_forecast_task *f, const struct vg_recipe *r,
                                             const struct vg_dataset *data, struct vg_err *err);
/** Takes the scale from the data's TRAIN part and makes the views. */
VG_NODISCARD vg_status vg_forecast_task_load(struct vg_forecast_task *f, struct vg_err *err);
void vg_forecast_task_done(struct vg_forecast_task *f);

/** Fits the skip on the TRAIN part, if it is a regression. */
VG_NODISCARD vg_status vg_forecast_fit_skip(struct vg_forecast_task *f, struct vg_err *err);

/** z of each channel at each horizon after tick t, and 1 where it was measured and something was
 *  known of the channel at t. target, mask [C, H]. */
void vg_forecast_targets(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                         float *target, float *mask);
/** What the skip says at tick t: [C, H]. */
void vg_forecast_skip(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                      float *skip);
float vg_forecast_skip_one(const struct vg_forecast_task *f, const struct vg_view *v, uint32_t t,
                           uint32_t target);

/** What a file says of the model, but for its network. */
void vg_forecast_about(const struct vg_forecast_task *f, struct vg_model *about);

#endif
