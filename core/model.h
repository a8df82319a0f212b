/* model.h - what a model is to the rest of Vigil.
 *
 * A model is loaded from one safetensors file, checked by its own self-test, constant afterwards
 * and shared by threads. Its file says everything: channels, scales, tick, horizons. Results for a
 * row have the same bits whatever the batch, the position in it, or the processor.
 *
 * Letters: B rows in a batch, C the model's channels, H horizons, Q quantiles, W window ticks.
 */
#ifndef VG_CORE_MODEL_H
#define VG_CORE_MODEL_H

#include "core/channel.h"
#include "core/err.h"

enum { VG_HORIZONS_MAX = 8, VG_MODEL_QUANTILES_MAX = 9, VG_BATCH_MAX = 64 };

struct vg_model;

struct vg_model_ops {
    const char *name; /**< `type:` in the configuration */
    const char *summary;
    /** Reads the file, refuses what models/safetensors.h lists, runs the self-test. */
    vg_status (*load)(const char *path, struct vg_model **ret, struct vg_err *err);
    /**
     * Advances `n` rows (1..VG_BATCH_MAX) by one step.
     *
     *   x        [B, inputs]
     *   memory   B pointers to memory_size bytes each; zeroed at first sight, read and updated
     *   y        [B, outputs]
     *   scratch  model->scratch_size bytes, 64-byte aligned, contents free
     *
     * Allocates nothing, locks nothing, cannot fail. Any thread, each with its own scratch.
     */
    void (*step)(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                 float *y, void *scratch);
    void (*free)(struct vg_model *model);
};

/** Common to all models; an implementation has it as its first member. */
struct vg_model {
    const struct vg_model_ops *ops;
    char name[VG_NAME_SIZE];  /**< in the configuration; set by the loader */
    char sha256[65];          /**< of the file, hexadecimal */
    uint32_t channels;        /**< C */
    int channel[VG_CHANNELS]; /**< [C] which vital sign */
    float mean[VG_CHANNELS];  /**< [C] in channel units; z = (value - mean) / scale */
    float scale[VG_CHANNELS]; /**< [C] */
    int64_t tick_ns;
    uint32_t inputs;  /**< floats per row of x */
    uint32_t outputs; /**< floats per row of y */
    size_t memory_size;
    size_t scratch_size; /**< for VG_BATCH_MAX rows */

    /* forecaster: x = [z, mask, log1p(age s) / 6, baseline] [4, C];
     * y = [C, H, Q] in standard deviations, ascending over Q */
    uint32_t horizons;
    int64_t horizon_ns[VG_HORIZONS_MAX];
    uint32_t quantiles;
    float quantile[VG_MODEL_QUANTILES_MAX];

    /* autoencoder: x = window [W, C] of z then mask [W, C], oldest tick first;
     * y = reconstruction [W, C] */
    uint32_t window;
    float threshold; /**< of the score: mean squared error over usable entries */
};

#endif
