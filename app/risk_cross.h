/* risk_cross.h - what risk models say of stays that they have not learned from.
 *
 * Folds go by a hash of the stay. Each learner is fitted as often as there are folds and asked about
 * the one left out. What it then says is put on the scale of probabilities (struct
 * vg_risk_combination), the members of the recipe are combined, and the threshold of an alarm is
 * chosen: all three for each fold from the others. Everything is pooled over folds.
 *
 * Letters: S stays, N cases.
 */
#ifndef VG_APP_RISK_CROSS_H
#define VG_APP_RISK_CROSS_H

#include "app/risk_fit.h"
#include "core/model.h"

enum {
    VG_RISK_SAYERS_MAX = 2 * VG_RISK_LEARNERS_MAX + 1, /**< learners, and the bedside score */
    VG_RISK_ROWS_MAX = VG_RISK_SAYERS_MAX + 1,         /**< more than a file has members, too */
};

/** One line of the table. */
struct vg_risk_row {
    char name[VG_NAME_SIZE];
    uint32_t first, sayers; /**< whose logits it combines */
    bool member;            /**< a part of the model, shown below it */
    float *probability;     /**< [N] */
    uint8_t *alarm;         /**< [N] whether the probability is at or above the threshold */
};

struct vg_risk_cross {
    const struct vg_risk_study *study;
    const char
        *file; /**< a model file that is judged as it is; NULL: a recipe in cross-validation */
    float threshold; /**< of an alarm; NAN: chosen for each fold from the others */
    uint32_t folds;
    uint8_t *fold; /**< [S] */
    uint32_t sayers;
    float *logit[VG_RISK_SAYERS_MAX]; /**< [N] by the fold that has not seen the case */
    uint32_t rows;
    struct vg_risk_row row[VG_RISK_ROWS_MAX]; /**< the model, its members, the references */
};

/** Told what is being learned and how far all of it is, 0..1; false ends it. */
typedef bool vg_risk_cross_progress_fn(void *ctx, const char *what, double done);

struct vg_risk_cross_how {
    uint32_t workers;
    double share; /**< of the caller's work that this is; progress goes from 0 to it */
    vg_risk_cross_progress_fn *progress; /**< or NULL */
    void *ctx;
};

/** A trained model on stays that it has not learned from: nothing is learned here but the threshold
 *  of an alarm, unless it is given, and what a bedside score is worth. */
struct vg_risk_cross_file {
    const struct vg_model *model;
    const char *name; /**< of the file; outlives the result */
    uint32_t folds;
    float threshold; /**< as in struct vg_risk_cross */
};

/** Rows: the model, its members if it is stacked, the bedside score. Fails as vg_risk_tell(), and
 *  with VG_E_FAILED when these are the data that it was trained on. The caller calls
 *  vg_risk_cross_done() in every case. */
VG_NODISCARD vg_status vg_risk_cross_file(struct vg_risk_cross *c,
                                          const struct vg_risk_cross_file *file,
                                          const struct vg_risk_study *study, struct vg_err *err);

/** Fails as vg_risk_fit(). The caller calls vg_risk_cross_done() in every case. */
VG_NODISCARD vg_status vg_risk_cross_run(struct vg_risk_cross *c,
                                         const struct vg_risk_recipe *recipe,
                                         const struct vg_risk_study *study,
                                         const struct vg_risk_cross_how *how, struct vg_err *err);
void vg_risk_cross_done(struct vg_risk_cross *c);

/**
 * From logits to a probability, as models/members.h has it: u = bias + sum of weight[i] logit[i],
 * then sigmoid(u + bend[1] max(0, u - bend[0])).
 *
 * Learned in two steps: the weights by logistic regression, then one on u and on what is above the
 * share of outcomes. Without the bend the highest risks were told too high and those in the middle
 * too low, in every split (docs/evaluation.md).
 */
struct vg_risk_combination {
    float weight[VG_RISK_SAYERS_MAX]; /**< [sayers] */
    float bias;
    float bend[2];
};

/** The combination of row `row` learned from the stays of `part` [S]. */
VG_NODISCARD vg_status vg_risk_cross_combine(const struct vg_risk_cross *c, uint32_t row,
                                             const bool *part, struct vg_risk_combination *ret,
                                             struct vg_err *err);

/** The threshold of an alarm that does best for the cases of the stays in `part` [S]: highest
 *  Score1, or (hourly) utility. probability [N]. */
float vg_risk_threshold(const struct vg_risk_study *s, const bool *part, const float *probability);

#endif
