/* risk_train.h - what `vigil train risk` does with recorded stays.
 *
 * A recipe with `members:` (app/risk_recipe.h) is for stays; any other is one of app/train_recipe.h
 * for simulated patients.
 */
#ifndef VG_APP_RISK_TRAIN_H
#define VG_APP_RISK_TRAIN_H

#include "core/buf.h"
#include "core/err.h"

/** Whether the recipe at `path` is for stays; false as well for a file that cannot be read. */
bool vg_risk_recipe_for_stays(const char *path);

struct vg_risk_training {
    const char *recipe; /**< path */
    const char *data;   /**< "stays=FILE,outcomes=FILE": vg_risk_source_parse() */
    const char *out;    /**< model file to write */
    uint32_t workers;
    /** Told what is being learned ("lstm, fold 2 of 5") and how far all of it is, 0..1; false ends.
     *  May be NULL. */
    bool (*progress)(void *ctx, const char *what, double done);
    void *ctx;
};

/**
 * Learns members by cross-validation, their combination from what each member says of stays that it
 * has not seen, then the members again from all stays, and writes a model of kind "stacked". `table`
 * gets the figures of the cross-validation, `diagnostics` what is wrong with the recipe or the map.
 * Fails as vg_risk_fit().
 */
VG_NODISCARD vg_status vg_risk_train(const struct vg_risk_training *how, struct vg_buf *table,
                                     struct vg_buf *diagnostics, struct vg_err *err);

#endif
