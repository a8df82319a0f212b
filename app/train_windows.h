/* train_windows.h - windows of ticks: what autoencoders and PCA learn from, and their threshold.
 *
 * Windows in which a patient is known to be in trouble (a scenario of the simulator) are left out.
 *
 * Letters: C channels, W ticks of a window.
 */
#ifndef VG_APP_TRAIN_WINDOWS_H
#define VG_APP_TRAIN_WINDOWS_H

#include "app/train_recipe.h"
#include "models/save.h"

/** A window ends at tick `tick` of a patient. */
struct vg_window_at {
    const struct vg_view *view;
    uint32_t tick;
};

struct vg_windows {
    const struct vg_recipe *recipe;
    const struct vg_dataset *data;
    char sha256[65];
    struct vg_dataset_scale scale;
    uint32_t entries;        /**< W C */
    struct vg_view *view;    /**< [patients]; of those who are only for tests empty */
    struct vg_window_at *at; /**< those of the TRAIN part, then those of VALIDATION */
    size_t train, validation;
    float *scratch; /**< [2, W, C], of the calling thread */
};

/** The data may still be empty. vg_windows_done() follows. */
void vg_windows_init(struct vg_windows *w, const struct vg_recipe *r,
                     const struct vg_dataset *data);
/** Takes the scale from the data's TRAIN part and cuts the windows. Fails with VG_E_FAILED when there
 *  is none to learn from. */
VG_NODISCARD vg_status vg_windows_load(struct vg_windows *w, struct vg_err *err);
void vg_windows_done(struct vg_windows *w);

/** What a file says of the model; threshold 1. */
void vg_windows_about(const struct vg_windows *w, struct vg_model *about);

/** Writes the model twice: with a threshold of 1, to score with it, then with the one found. */
VG_NODISCARD vg_status vg_windows_save(const struct vg_windows *w, struct vg_save *parts,
                                       struct vg_model *about, const char *out,
                                       struct vg_buf *table, struct vg_err *err);

#endif
