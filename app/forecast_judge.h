/* forecast_judge.h - forecasters over a data set, side by side.
 *
 * Methods, in this order: the first model with its intervals adjusted online, the last value, the
 * other models, and the first model once more with its intervals as they were trained.
 */
#ifndef VG_APP_FORECAST_JUDGE_H
#define VG_APP_FORECAST_JUDGE_H

#include "app/forecast_report.h"
#include "app/forecast_run.h"
#include "core/model.h"

struct vg_forecast_judge {
    const struct vg_dataset *data;
    uint32_t *person; /**< [patients] */
    struct vg_forecast_eval eval;
    struct vg_forecast_adjust adjust; /**< of the first model */
    int64_t horizon_ns[VG_HORIZONS_MAX];
    uint32_t models;
    bool begun;
};

/** `data` must outlive the judge, and its patients keep their ids. The caller calls
 *  vg_forecast_judge_done() in every case. */
void vg_forecast_judge_init(struct vg_forecast_judge *j, const struct vg_dataset *data,
                            const struct vg_forecast_adjust *adjust);
void vg_forecast_judge_done(struct vg_forecast_judge *j);

enum { VG_JUDGE_ALL = -1 };

/**
 * Lets models [n] forecast for the patients of one part (VG_JUDGE_ALL: of all) and adds their
 * errors. May be called again with other models of the same horizons and number: the folds of a
 * cross-validation. VG_E_MODEL when they do not fit the data or each other. `progress` [patients
 * done so far] may be NULL; false stops with VG_E_TEMPORARY.
 */
VG_NODISCARD vg_status vg_forecast_judge_models(struct vg_forecast_judge *j,
                                                const struct vg_model *const *model, uint32_t n,
                                                int part, bool (*progress)(void *ctx), void *ctx,
                                                struct vg_err *err);

/** What is to be found: `name` [n] of the models; found->title is the caller's. */
void vg_forecast_judge_found(const struct vg_forecast_judge *j, const char *const *name,
                             struct vg_forecast_found *found);

#endif
