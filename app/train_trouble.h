/* train_trouble.h - rows of simulated patients, and whether trouble is near: what classifiers learn.
 *
 * A row is the features of a tick (models/features.h), each of each channel a variable of its own
 * ("hr.z", "spo2.ewma-5m"); the label is 1 while a scenario goes on or begins within recipe->ahead_ns.
 *
 * Letters: N rows, V variables.
 */
#ifndef VG_APP_TRAIN_TROUBLE_H
#define VG_APP_TRAIN_TROUBLE_H

#include "app/train_recipe.h"
#include "core/model.h"

enum { VG_TROUBLE_VARIABLES_MAX = VG_CHANNELS * VG_FEATURES_MAX };

struct vg_trouble_rows {
    size_t n;
    float *x; /**< [N, V] */
    float *y; /**< [N] */
};

struct vg_trouble {
    const struct vg_recipe *recipe;
    const struct vg_dataset *data;
    char sha256[65];
    struct vg_dataset_scale scale;
    struct vg_features features;
    uint32_t variables; /**< V */
    char name[VG_TROUBLE_VARIABLES_MAX][64];
    struct vg_variable variable[VG_TROUBLE_VARIABLES_MAX];
    struct vg_trouble_rows part[VG_PARTS];
};

/** Reads the features of the recipe; the data may still be empty. vg_trouble_done() follows in every
 *  case. */
VG_NODISCARD vg_status vg_trouble_init(struct vg_trouble *t, const struct vg_recipe *r,
                                       const struct vg_dataset *data, struct vg_err *err);
/** Makes the rows. Fails with VG_E_FAILED when nobody, or everybody always, is in trouble. */
VG_NODISCARD vg_status vg_trouble_load(struct vg_trouble *t, struct vg_err *err);
void vg_trouble_done(struct vg_trouble *t);

/** What a file says of the model. */
void vg_trouble_about(const struct vg_trouble *t, struct vg_model *about);

/** Appends accuracy and what it would be without a model, on rows of VALIDATION, or TRAIN if there
 *  are none. `path` is the model's file. */
VG_NODISCARD vg_status vg_trouble_table(const struct vg_trouble *t, const char *path,
                                        struct vg_buf *table, struct vg_err *err);

#endif
