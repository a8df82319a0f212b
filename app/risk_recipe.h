/* risk_recipe.h - how a risk model is made: its members, and what they are measured against.
 *
 *     version: 1
 *     map: ../maps/physionet2012.yaml
 *     folds: 5
 *     salt: "..."                  # of the hash that gives a stay its fold
 *     members:                     # the model: a logistic regression on their logits
 *       curved: {type: logistic, penalty: 100, summaries: [last, min, max], bends: [-1, 0, 1]}
 *       lstm: {type: sequence, network: "lstm:32,dense:1:sigmoid", seeds: 3, epochs: 8}
 *     references:                  # measured beside it
 *       logistic: {type: logistic, penalty: 300, summaries: [last, min, max]}
 *       time only: {type: logistic, sees: time}
 */
#ifndef VG_APP_RISK_RECIPE_H
#define VG_APP_RISK_RECIPE_H

#include "app/risk_inputs.h"
#include "core/option.h"

enum {
    VG_RISK_LEARNERS_MAX = 8, /**< members and references, each */
    VG_RISK_BENDS_MAX = 8,
    VG_RISK_SEEDS_MAX = 32,
};

enum vg_risk_type {
    VG_RISK_LOGISTIC, /**< regression on summaries, with L2 penalty */
    VG_RISK_DENSE,    /**< a network of dense layers on summaries */
    VG_RISK_SEQUENCE, /**< a decay layer and a network over hours */
};

enum vg_risk_sees { VG_RISK_VALUES, VG_RISK_MASKS, VG_RISK_TIME };

/** One learner. */
struct vg_risk_learner {
    char name[VG_NAME_SIZE];
    int type;                      /**< enum vg_risk_type */
    int sees;                      /**< enum vg_risk_sees */
    struct vg_strings summaries;   /**< names of models/summary.h */
    struct vg_strings bends, bent; /**< where a line may bend, in standard deviations; and which
                                        summaries may */
    float clip;                    /**< of standardised values */
    float penalty;                 /**< logistic */
    char *network;                 /**< models/network.h, without the decay layer */
    int64_t seeds;
    float every_hour; /**< share of the loss on the hours before the last */
    float rate, weight_decay, clip_gradient, dropout, drop;
    int64_t epochs, batch;

    struct vg_risk_summary_spec spec; /**< of the above */
    uint32_t bends_n;
    float bend[VG_RISK_BENDS_MAX];
    bool may_bend[VG_SUMMARY_KINDS];
};

struct vg_risk_recipe {
    char *map;
    char *salt;
    int64_t folds;
    int64_t seed;
    uint32_t members;
    struct vg_risk_learner member[VG_RISK_LEARNERS_MAX];
    uint32_t references; /**< rows of the table; they are no part of the model */
    struct vg_risk_learner reference[VG_RISK_LEARNERS_MAX];
};

/** Reads and checks the file; problems go to `diagnostics`. VG_E_CONFIG or VG_E_IO. The caller calls
 *  vg_risk_recipe_done() in every case. */
VG_NODISCARD vg_status vg_risk_recipe_read(struct vg_risk_recipe *r, const char *path,
                                           struct vg_buf *diagnostics, struct vg_err *err);
void vg_risk_recipe_done(struct vg_risk_recipe *r);

#endif
