/* train_model.h - from a recipe and data to a model file.
 *
 * What `vigil train` does behind its command line, for evaluation too: a fold of a cross-validation
 * is trained by the same code. Data are split before they come here: learning uses the parts
 * TRAIN and VALIDATION, scales come from TRAIN alone.
 *
 * Bytes depend on the recipe, the data and the seed; not on workers, and on other processors not
 * either with vg_gemm_pinned().
 */
#ifndef VG_APP_TRAIN_MODEL_H
#define VG_APP_TRAIN_MODEL_H

#include "app/train_recipe.h"

/** How, besides the recipe. */
struct vg_train_how {
    bool
        check; /**< only whether the recipe fits the data's grid: nothing is learned or written, and
                     the data may be empty */
    uint64_t seed;
    uint32_t workers;
    const char *checkpoint; /**< file, or NULL: none */
    bool resume;
    /** As in struct vg_fit; false keeps the best so far and ends. May be NULL. */
    bool (*progress)(void *ctx, const struct vg_fit_progress *p);
    void *ctx;
};

/** Puts it into the options of a fit. */
void vg_train_how_apply(const struct vg_train_how *how, struct vg_fit *fit);

/** What came of it, for people. */
struct vg_train_outcome {
    struct vg_fit_result fit; /**< zeros where nothing was fitted step by step */
    size_t parameters;
    size_t sequences, validation_sequences; /**< stretches, windows or rows learned from */
    struct vg_buf table;                    /**< results on the validation part, some lines */
};
void vg_train_outcome_done(struct vg_train_outcome *o);

/* Each trains on `data` and writes the model file `out`. VG_E_CONFIG when the recipe does not fit
 * itself or the data, VG_E_FAILED when nothing can be learned, VG_E_IO, VG_E_MODEL as
 * models/save.h. *ret is filled in on success; vg_train_outcome_done() follows in every case. */

VG_NODISCARD vg_status vg_train_forecaster(const struct vg_recipe *r, const struct vg_dataset *data,
                                           const struct vg_train_how *how, const char *out,
                                           struct vg_train_outcome *ret, struct vg_err *err);
VG_NODISCARD vg_status vg_train_autoencoder_model(const struct vg_recipe *r,
                                                  const struct vg_dataset *data,
                                                  const struct vg_train_how *how, const char *out,
                                                  struct vg_train_outcome *ret, struct vg_err *err);
/** A classifier that foresees the simulator's scenarios. */
VG_NODISCARD vg_status vg_train_risk_model(const struct vg_recipe *r, const struct vg_dataset *data,
                                           const struct vg_train_how *how, const char *out,
                                           struct vg_train_outcome *ret, struct vg_err *err);
VG_NODISCARD vg_status vg_train_pca_model(const struct vg_recipe *r, const struct vg_dataset *data,
                                          const struct vg_train_how *how, const char *out,
                                          struct vg_train_outcome *ret, struct vg_err *err);
VG_NODISCARD vg_status vg_train_logistic_model(const struct vg_recipe *r,
                                               const struct vg_dataset *data,
                                               const struct vg_train_how *how, const char *out,
                                               struct vg_train_outcome *ret, struct vg_err *err);
/** Ridge forecaster (with skip MEDIAN a line for the median), PCA of windows or logistic regression,
 *  as r->kind says. */
VG_NODISCARD vg_status vg_train_baseline_model(const struct vg_recipe *r,
                                               const struct vg_dataset *data,
                                               const struct vg_train_how *how, const char *out,
                                               struct vg_train_outcome *ret, struct vg_err *err);

#endif
