/* model.h - what a model is to the rest of Vigil.
 *
 * A model is loaded from one safetensors file, checked by its own self-test, constant afterwards
 * and shared by threads. Its file says everything: channels, scales, tick, horizons. Results for a
 * row have the same bits whatever the batch, the position in it, or the processor.
 *
 * There are three shapes of models; which one it is, the fields say:
 *
 *   forecaster    horizons > 0   x features [F, C] of one tick      y quantiles [C, H, Q]
 *   window model  window > 0     x z then mask [2, W, C]            y reconstruction [W, C]
 *   classifier    variables > 0  x parts [F, V] of one row          y probabilities [outputs]
 *
 * A model of several (`mean`, `stacked`) has members. A mean has the shape of its members and the x
 * of each; a stacked model has members > 0, variables = 0, and as x those of its members one after
 * the other; its y is one probability.
 *
 * Letters: B rows in a batch, C the model's channels, F features, H horizons, Q quantiles, V
 * variables, W window ticks.
 */
#ifndef VG_CORE_MODEL_H
#define VG_CORE_MODEL_H

#include "core/channel.h"
#include "core/err.h"

enum {
    VG_HORIZONS_MAX = 8,
    VG_MODEL_QUANTILES_MAX = 9,
    VG_BATCH_MAX = 64,
    VG_FEATURES_TEXT_SIZE = 128,
    VG_NETWORK_TEXT_SIZE = 384,
};

struct vg_model;
struct vg_safetensors; /* models/safetensors.h */

struct vg_model_ops {
    const char *name; /**< `type:` in the configuration, `kind` in the file */
    const char *summary;
    /** Reads the file, refuses what models/safetensors.h lists, runs the self-test. */
    vg_status (*load)(const char *path, struct vg_model **ret, struct vg_err *err);
    /** Builds the model from an open file, or from the member of it that was entered; without the
     *  self-test. */
    vg_status (*build)(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
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

/** An input of a classifier: any name, not one of core/channels.def. */
struct vg_variable {
    const char *name;
    float mean; /**< in the variable's own unit; z = (value - mean) / scale */
    float scale;
};

/** Common to all models; an implementation has it as its first member. */
struct vg_model {
    const struct vg_model_ops *ops;
    char name[VG_NAME_SIZE];  /**< in the configuration; set by the loader */
    char sha256[65];          /**< of the file, hexadecimal */
    bool sealed;              /**< the file carried a BLAKE2b of itself, and it held */
    uint32_t channels;        /**< C; 0 of classifiers */
    int channel[VG_CHANNELS]; /**< [C] which vital sign */
    float mean[VG_CHANNELS];  /**< [C] in channel units; z = (value - mean) / scale */
    float scale[VG_CHANNELS]; /**< [C] */
    int64_t tick_ns;
    uint32_t inputs;  /**< floats per row of x */
    uint32_t outputs; /**< floats per row of y */
    size_t memory_size;
    size_t scratch_size; /**< for VG_BATCH_MAX rows */

    /** What the F rows of x are, "z,mask,age,baseline": of a forecaster those of models/features.h,
     *  of a window model "z,mask", of a classifier "value" or "value,mask,age". */
    char features[VG_FEATURES_TEXT_SIZE];

    /* forecaster: y = [C, H, Q] in standard deviations, ascending over Q */
    uint32_t horizons;
    int64_t horizon_ns[VG_HORIZONS_MAX];
    uint32_t quantiles;
    float quantile[VG_MODEL_QUANTILES_MAX];

    /* window model: x = window [W, C] of z (0 where the mask is 0) then mask [W, C], oldest tick
     * first; y = reconstruction of z [W, C] */
    uint32_t window;
    float threshold; /**< of the score: mean squared error over usable entries */

    /* classifier */
    uint32_t variables;                 /**< V */
    const struct vg_variable *variable; /**< [V] */
    float clip; /**< z was kept within -clip..clip in training, and is to be; 0: as it is */

    uint32_t members; /**< of a mean or a stacked model */
    struct vg_model *const *member;

    /* For people: what `vigil model describe` prints. */
    char network[VG_NETWORK_TEXT_SIZE]; /**< as models/network.h reads it; "" for none */
    uint32_t network_inputs;
    char skip[16];                 /**< of a forecaster: "persistence", "ridge", "none" */
    size_t parameters;             /**< numbers that were trained */
    char training_data_sha256[65]; /**< hexadecimal, as the file says */
    uint32_t selftest_steps;
    float selftest_difference; /**< the largest */
};

#endif
