/* risk_found.h - what was found about risk models: figures with intervals, and how they are shown.
 *
 * Letters: R rows of the table, N cases, S stays.
 */
#ifndef VG_APP_RISK_FOUND_H
#define VG_APP_RISK_FOUND_H

#include <stdio.h>

#include "app/risk_cross.h"
#include "models/bootstrap.h"
#include "models/metrics_challenge.h"

/* name in JSON, title, decimals, what it is */
#define VG_RISK_FIGURES(X)                                                                    \
    X(auroc, "AUROC", 3, "area under the ROC curve; .5 is chance")                            \
    X(auprc, "AUPRC", 3, "area under precision over recall; the share of deaths is chance")   \
    X(score1, "Score1", 3, "the smaller of recall and precision at the threshold")            \
    X(h, "H", 1, "range-normalised Hosmer-Lemeshow over ten groups of risk; lower is better") \
    X(utility, "utility", 3, "PhysioNet 2019: 1 is perfect, 0 is never an alarm")             \
    X(accuracy, "accuracy", 3, "share of cases judged rightly")                               \
    X(precision, "precision", 3, "of alarms, the share that was right")                       \
    X(recall, "recall", 3, "of those with the outcome, the share with an alarm")              \
    X(f1, "F1", 3, "harmonic mean of precision and recall")                                   \
    X(brier, "Brier", 4, "mean squared error of the probability; lower is better")            \
    X(ece, "ECE", 3, "mean distance of predicted and observed risk over ten groups")          \
    X(slope, "slope", 2, "of the calibration line; 1 is right, below is overconfident")       \
    X(intercept, "intercept", 2, "of the calibration line; 0 is right")

enum vg_risk_figure {
#define VG_RISK_FIGURE_ENUM(name, title, decimals, what) VG_RISK_FIGURE_##name,
    VG_RISK_FIGURES(VG_RISK_FIGURE_ENUM)
#undef VG_RISK_FIGURE_ENUM
        VG_RISK_FIGURE_COUNT,
};

struct vg_risk_figure_about {
    const char *name, *title;
    int decimals;
    const char *what;
};
extern const struct vg_risk_figure_about vg_risk_figures[VG_RISK_FIGURE_COUNT];

struct vg_risk_found_row {
    struct vg_interval figure[VG_RISK_FIGURE_COUNT];
    struct vg_interval over; /**< AUROC of the model less that of this row, on the same resamples */
    struct vg_confusion confusion;
    struct vg_case *cases; /**< [N] probability and label, sorted */
};

struct vg_risk_found {
    const struct vg_risk_cross *cross;
    uint32_t replicates;
    size_t positive; /**< cases with the outcome */
    struct vg_risk_found_row row[VG_RISK_ROWS_MAX];
};

/** Computes everything, with `replicates` resamples of stays. The caller calls vg_risk_found_done()
 *  in every case. */
VG_NODISCARD vg_status vg_risk_find(struct vg_risk_found *f, const struct vg_risk_cross *cross,
                                    uint32_t replicates, struct vg_err *err);
void vg_risk_found_done(struct vg_risk_found *f);

/** Whether a figure has a place in the table of this layout: utility is of hours, Score1 and H are
 *  of stays. */
bool vg_risk_figure_shown(const struct vg_risk_found *f, enum vg_risk_figure figure);

/** Where probabilities and the threshold of an alarm come from, in a sentence or two. */
void vg_risk_origin(const struct vg_risk_found *f, struct vg_buf *out);

void vg_risk_print(const struct vg_risk_found *f, struct vg_buf *out);
void vg_risk_json(const struct vg_risk_found *f, struct vg_buf *out);
VG_NODISCARD vg_status vg_risk_html(const struct vg_risk_found *f, const char *path,
                                    struct vg_err *err);

#endif
