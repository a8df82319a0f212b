/* forecast_report.h - what was found about forecasts, for a terminal, a program and a reader.
 *
 * Letters: P persons, C channels, H horizons, M methods.
 */
#ifndef VG_APP_FORECAST_REPORT_H
#define VG_APP_FORECAST_REPORT_H

#include <stdio.h>

#include "app/forecast_eval.h"
#include "models/bootstrap.h"

struct vg_forecast_method {
    const char *name; /**< "last value" */
    bool point;       /**< says one value, no interval */
};

/** Figures of a method in a cell, each with its interval. */
enum vg_forecast_figure {
    VG_FIGURE_MAE,
    VG_FIGURE_RMSE,
    VG_FIGURE_PINBALL,
    VG_FIGURE_COVERAGE,
    VG_FIGURE_WIDTH,
    VG_FIGURE_RATIO, /**< error of method 0 over that of this one, on the same resample */
    VG_FIGURES,
};

struct vg_forecast_found {
    const struct vg_dataset *data;
    const struct vg_forecast_eval *eval;
    struct vg_forecast_method method[VG_FORECAST_METHODS_MAX]; /**< [M]; 0 is what is judged */
    const int64_t *horizon_ns;                                 /**< [H] */
    uint32_t
        trained; /**< method 0 with its intervals before they were adjusted; 0: it is not there */
    double interval;            /**< share the interval shall hold */
    const char *title;          /**< "five folds of ..." */
    struct vg_interval *figure; /**< [C, H, M, VG_FIGURES]; of vg_forecast_find() */
};

/** Computes the figures with `replicates` resamples of persons; the caller frees found->figure. */
VG_NODISCARD vg_status vg_forecast_find(struct vg_forecast_found *found, uint32_t replicates,
                                        uint64_t seed, struct vg_err *err);

const struct vg_interval *vg_forecast_figure(const struct vg_forecast_found *found,
                                             uint32_t channel, uint32_t horizon, uint32_t method,
                                             enum vg_forecast_figure which);

void vg_forecast_print(const struct vg_forecast_found *found, FILE *out);
void vg_forecast_json(const struct vg_forecast_found *found, struct vg_buf *out);
VG_NODISCARD vg_status vg_forecast_html(const struct vg_forecast_found *found, const char *path,
                                        struct vg_err *err);

#endif
