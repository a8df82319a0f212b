/* features.h - what a forecaster sees of a tick: the same code for live stages, training, evaluation.
 *
 * A model's input is a list of features, each [C] in the order of its channels, laid end to end. As
 * text, in a file's metadata and in a training configuration:
 *
 *     z,mask,age,baseline,ewma:2m,ewma:1h
 *
 *   z          the newest usable value in standard deviations, held while none comes; 0 before
 *   mask       1 where this tick has a usable value, else 0; one that resample filled in counts
 *   age        log1p(seconds since the newest value) / 6; a channel never seen is as old as possible
 *   baseline   the personal baseline before this tick
 *   ewma:SPAN  exponentially weighted mean of the usable values with time constant SPAN, this tick
 *              included; ticks without a value let the past count less; 0 before the first value
 *
 * Everything is single precision in a fixed order of operations: equal ticks give equal bits on
 * every machine. Calling threads need vg_kernel_thread_init(). Letters: C channels.
 */
#ifndef VG_MODELS_FEATURES_H
#define VG_MODELS_FEATURES_H

#include <string.h>

#include "core/buf.h"
#include "core/channel.h"
#include "core/err.h"

enum { VG_FEATURES_MAX = 12 };

/** z is clipped to +-VG_Z_CLIP standard deviations. */
#define VG_Z_CLIP 6.0f

/** A value on the population's scale, clipped. */
float vg_feature_z(float value, float mean, float scale);

/* ---- the personal baseline ---- */

/**
 * Where this patient usually is: an exponentially weighted mean of z that starts as if half an hour
 * of the population's median had come before. It learns from GOOD values only, with a tenth of the
 * weight from those more than 4 standard deviations away: a long crisis must not become the new
 * normal.
 */
struct vg_baseline {
    float alpha;  /**< weight of one tick */
    float pseudo; /**< weight of what came before the first value */
};

/** Of one channel of one patient; starts zeroed. */
struct vg_baseline_memory {
    float total;  /**< weighted sum of z */
    float weight; /**< of the values in it; 0: none came yet */
};

void vg_baseline_init(struct vg_baseline *b, int64_t tick_ns, int64_t constant_ns);
float vg_baseline_value(const struct vg_baseline_memory *m);
void vg_baseline_learn(const struct vg_baseline *b, struct vg_baseline_memory *m, float z);

/* ---- features ---- */

enum vg_feature_kind {
    VG_FEATURE_Z,
    VG_FEATURE_MASK,
    VG_FEATURE_AGE,
    VG_FEATURE_BASELINE,
    VG_FEATURE_EWMA,
};

struct vg_feature {
    enum vg_feature_kind kind;
    int64_t span_ns; /**< of an EWMA */
    float keep;      /**< of an EWMA: what is left of the past's weight after a tick */
};

/** Constant after vg_features_parse(). */
struct vg_features {
    uint32_t channels; /**< C */
    uint32_t n;
    struct vg_feature feature[VG_FEATURES_MAX];
    uint32_t ewmas;
    float age_max_s; /**< an hour, or 32 ticks if that is longer */
};

/** One tick of one patient, each [C] by the model's channels. Where `usable` is false, z is not
 *  read. */
struct vg_feature_tick {
    const float *z;        /**< clipped */
    const bool *usable;    /**< vg_usable_by_models() */
    const float *age_s;    /**< from the newest value to the tick's end; negative: never seen */
    const float *baseline; /**< before this tick */
};

/** Reads the text form. Fails with VG_E_CONFIG naming the word that is wrong and what was expected;
 *  a feature may stand there once. */
VG_NODISCARD vg_status vg_features_parse(struct vg_features *f, const char *text, uint32_t channels,
                                         int64_t tick_ns, struct vg_err *err);

/** Appends the text form. */
void vg_features_format(const struct vg_features *f, struct vg_buf *out);

uint32_t vg_features_inputs(const struct vg_features *f); /**< floats of x: n C */

/** Bytes that are kept of each patient: flat, zeroed at first sight, a multiple of 4. */
size_t vg_features_memory(const struct vg_features *f);

/** Takes a tick into `memory` and writes its x [n, C]. Every tick once, in order. */
void vg_features_step(const struct vg_features *f, void *memory, const struct vg_feature_tick *tick,
                      float *x);

/** z of the newest usable values [C], 0 where none came; as of the last step. */
const float *vg_features_held(const struct vg_features *f, const void *memory);
/** Whether a channel was ever usable. */
static inline bool vg_features_seen(const struct vg_features *f, const void *memory,
                                    uint32_t channel)
{
    uint32_t seen;

    memcpy(&seen, (const char *)memory + (f->channels + channel) * sizeof(float), sizeof(seen));
    return seen != 0;
}

#endif
