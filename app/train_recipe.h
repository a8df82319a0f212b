/* train_recipe.h - how a model is made: a file under configs/train, read by option tables.
 *
 *     version: 1
 *     channels: [hr, rr, spo2]     # the grid: app/dataset.h
 *     tick: 30s
 *     data: {simulator: {patients: 96, duration: 8h, seed: 1}}
 *     split: {train: 0.7, validation: 0.15, salt: a}
 *     features: "z,mask,age,baseline,ewma:5m"
 *     network: "lstm:64,lstm:64,dense:120"
 *     ...                          # what the kind of model needs: `vigil train KIND --help`
 *     fit: {optimizer: adam, rate: 3e-3, schedule: cosine, epochs: 12}
 *
 * Every kind of model is one table over one struct; a key that its table lacks is an error.
 */
#ifndef VG_APP_TRAIN_RECIPE_H
#define VG_APP_TRAIN_RECIPE_H

#include "app/dataset.h"
#include "models/train.h"

enum vg_skip { VG_SKIP_PERSISTENCE, VG_SKIP_RIDGE, VG_SKIP_MEDIAN, VG_SKIP_NONE };
enum vg_target_at { VG_TARGET_ALL, VG_TARGET_LAST };
enum vg_baseline_kind { VG_BASELINE_RIDGE, VG_BASELINE_PCA, VG_BASELINE_LOGISTIC };

/** `split:`. */
struct vg_split_recipe {
    float train, validation;
    char *salt;
};

/** `fit:`, as struct vg_fit. */
struct vg_fit_recipe {
    int optimizer, schedule; /**< enum vg_optimizer, enum vg_schedule */
    float rate, beta1, beta2, epsilon, momentum, weight_decay, clip, factor;
    int64_t every, epochs, patience, batch, window, shards;
    float dropout, drop, noise;
};

/** `sequence:` - stretches of patients that a recurrent network learns from. */
struct vg_sequence_recipe {
    int64_t ticks; /**< of a stretch, which begins with empty memory; 0: the whole patient */
    int64_t every; /**< ticks from one stretch to the next; 0: `ticks` */
    int64_t most;  /**< stretches at most, evenly chosen; 0: all */
    int target;    /**< enum vg_target_at: loss at every tick, or at the last of a stretch */
};

struct vg_recipe {
    struct vg_dataset_spec data;
    struct vg_split_recipe split;
    struct vg_fit_recipe fit;
    char *network;
    char *features;
    int64_t baseline_ns;

    /* forecasters */
    struct vg_strings horizons, quantiles;
    int skip; /**< enum vg_skip */
    int loss; /**< forecasters: enum vg_loss, MSE or PINBALL; windows: 0 MSE, 1 BCE */
    float penalty;
    struct vg_sequence_recipe sequence;

    /* models of windows */
    int64_t window, every, components;
    float low, high; /**< both 0: the network sees z itself */
    float shift;     /**< standard deviation of a shift of each channel, different in each window */

    /* classifiers of simulated patients */
    int64_t ahead_ns; /**< within which trouble counts as foreseen */

    int kind; /**< (baseline) enum vg_baseline_kind */
};

extern const struct vg_option vg_forecast_recipe[];
extern const struct vg_option vg_autoencoder_recipe[];
extern const struct vg_option vg_risk_simulated_recipe[];
extern const struct vg_option vg_baseline_recipe[];

/** Defaults of `table`, the grid, the split and the fit. */
void vg_recipe_init(struct vg_recipe *r, const struct vg_option *table);
void vg_recipe_done(struct vg_recipe *r, const struct vg_option *table);

/**
 * Reads and checks the file; problems go to `diagnostics` as text for people, with line and caret.
 * VG_E_CONFIG or VG_E_IO. The caller calls vg_recipe_done() in every case.
 */
VG_NODISCARD vg_status vg_recipe_read(struct vg_recipe *r, const struct vg_option *table,
                                      const char *path, struct vg_buf *diagnostics,
                                      struct vg_err *err);
/** "fit.epochs=3": as if the file had said so. VG_E_USAGE. */
VG_NODISCARD vg_status vg_recipe_set(struct vg_recipe *r, const struct vg_option *table,
                                     const char *assignment, struct vg_err *err);

/** Puts FILE:LINE:COLUMN in front of an error that begins with a key that stands in the recipe. */
void vg_recipe_locate(const char *path, struct vg_err *err);

/** Appends what may stand in a recipe, a line for each key: what --help prints. */
void vg_recipe_help(const struct vg_option *table, struct vg_buf *out);

/** The options of a fit; seed, workers, checkpoint and progress are the caller's. */
struct vg_fit vg_recipe_fit(const struct vg_fit_recipe *r);

#endif
