/* forecast_run.h - a loaded forecaster over patients of a data set, as the stage forecast runs it:
 * the same features, the same kernel, the same online adjustment of intervals.
 */
#ifndef VG_APP_FORECAST_RUN_H
#define VG_APP_FORECAST_RUN_H

#include "app/dataset.h"
#include "core/model.h"

struct vg_forecast_run;

/** Online adjustment of intervals (stages/conformal.h). */
struct vg_forecast_adjust {
    bool on;
    float coverage, rate; /**< as the options of stage forecast */
};

/**
 * Prepares `model` for patients of `d`. Fails with VG_E_MODEL when it is no forecaster or is made
 * for other channels (in any order) or another tick. The model must outlive the run. One thread,
 * whose floating-point environment is set (vg_kernel_thread_init()).
 */
VG_NODISCARD vg_status vg_forecast_run_new(const struct vg_model *model, const struct vg_dataset *d,
                                           const struct vg_forecast_adjust *adjust,
                                           struct vg_forecast_run **ret, struct vg_err *err);
void vg_forecast_run_free(struct vg_forecast_run *run); /**< NULL is fine */

/** Runs one patient from his first tick. y [T, C, H, Q] in channel units, C as in the data set. */
void vg_forecast_run_patient(struct vg_forecast_run *run, const struct vg_dataset_patient *who,
                             float *y);

#endif
