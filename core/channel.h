/* channel.h - the vital signs of channels.def, their qualities, and units.
 *
 * Everything here is constant and may be read by any thread.
 */
#ifndef VG_CORE_CHANNEL_H
#define VG_CORE_CHANNEL_H

#include "core/base.h"

/** Indices of the channels, in the order of channels.def: VG_CHANNEL_hr, VG_CHANNEL_spo2, ... */
enum vg_channel_id {
#define VG_CHANNEL(name, ...) VG_CHANNEL_##name,
#define VG_CHANNEL_ALIAS(name, code)
#define VG_CHANNEL_WORD(name, word, meaning)
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_ALIAS
#undef VG_CHANNEL_WORD
    VG_CHANNELS, /**< how many: the C of every shape [.., C] */
    VG_CHANNEL_NONE = -1,
    VG_MEASURED = VG_CHANNEL_acvpu, /**< those before are measured by devices, all others are noted
                                         by people: nothing is resampled or modelled of them */
};

struct vg_channel {
    const char *name;    /**< the key in rows and configurations: "spo2" */
    const char *title;   /**< for people: "SpO2" */
    const char *mdc;     /**< IEEE 11073 reference id; "": none */
    uint32_t mdc_code;   /**< 0: none */
    const char *loinc;   /**< "": none */
    const char *ucum;    /**< unit of every value of this channel */
    const char *unit;    /**< the same unit as people write it; "": none */
    float low, high;     /**< plausible range, inclusive; outside is no measurement */
    bool episodic;       /**< taken now and then (NIBP, GCS), not continuously */
    int64_t period_ns;   /**< nominal time between values */
    int64_t validity_ns; /**< how long a value speaks for the patient */
    bool zero_is_value;  /**< 0 is a measurement (asystole, apnoea), not "probe off" */
};

extern const struct vg_channel vg_channels[VG_CHANNELS];

/** By name only ("spo2"); VG_CHANNEL_NONE when unknown. */
int vg_channel_find(const char *name);

/** By name, MDC reference id, MDC code, LOINC code or alias; `n` bytes, not NUL-terminated.
 *  VG_CHANNEL_NONE when unknown. Takes constant time. */
int vg_channel_lookup(const char *key, size_t n);

/** How many words the values of a channel are; 0 for a channel whose values are numbers. */
int vg_channel_words(int channel);
/** The word that a value of such a channel is ("V"), and its meaning; "" for no value of it. */
const char *vg_channel_word_text(int channel, float value);
const char *vg_channel_word_meaning(int channel, float value);
/** The value that a word or its meaning stands for ("V", "voice"; small or capital letters, `n`
 *  bytes, not NUL-terminated); -1 when it is none. */
int vg_channel_word(int channel, const char *word, size_t n);

/** What a value is worth. Only GOOD and SUSPECT are usable by limits, GOOD and IMPUTED by models. */
enum vg_quality {
    VG_Q_ABSENT,  /**< not in this row; says nothing about the patient */
    VG_Q_GOOD,    /**< */
    VG_Q_SUSPECT, /**< a measurement that may be disturbed */
    VG_Q_IMPUTED, /**< filled in by a stage from older values */
    VG_Q_INVALID, /**< the device sent something that is no measurement */
    VG_Q_MISSING, /**< the device says: none */
};

static inline bool vg_usable(uint8_t quality)
{
    return quality == VG_Q_GOOD || quality == VG_Q_SUSPECT;
}

/** What a model may use: what is measured without doubt, or filled in from what was. It would be
 *  surprised by a disturbance as if it were the patient. Limits look at what is suspect all the
 *  same, because doubt must never cost an alarm. */
static inline bool vg_usable_by_models(uint8_t quality)
{
    return quality == VG_Q_GOOD || quality == VG_Q_IMPUTED;
}

/** What a model may be held to, or calibrated by: measured in this interval, and without doubt. */
static inline bool vg_certain(uint8_t quality)
{
    return quality == VG_Q_GOOD;
}

const char *vg_quality_name(uint8_t quality); /**< "good", "suspect", ... */

/** Why a quality is not GOOD. name, words for people */
#define VG_REASONS(X)                                          \
    X(NONE, "none", "")                                        \
    X(RANGE, "range", "outside the plausible range")           \
    X(PROBE_OFF, "probe_off", "probe or lead off")             \
    X(JUMP, "jump", "implausible jump")                        \
    X(FLATLINE, "flatline", "value has not changed")           \
    X(DEVICE, "device", "device marked it")                    \
    X(BAD_VALUE, "bad_value", "value not readable")            \
    X(UNIT, "unit", "unit unknown for this channel")           \
    X(MODEL_ERROR, "model_error", "model output not a number") \
    X(NO_DATA, "no_data", "no value in this interval")         \
    X(FLUSH, "flush", "arterial line flushed")                 \
    X(FLAT, "flat", "pressure without a pulse")                \
    X(DAMPED, "damped", "arterial line damped")                \
    X(HEIGHT, "height", "transducer moved")                    \
    X(MOTION, "motion", "movement at the probe")               \
    X(SLIPPED, "slipped", "probe slipped")                     \
    X(DISCONNECTED, "disconnected", "line disconnected")       \
    X(DOUBLE_COUNT, "double_count", "beats counted twice")     \
    X(OUTLIER, "outlier", "reading unlike the others")         \
    X(DISAGREES, "disagrees", "pulse unlike the heart rate")   \
    X(SHAPE, "shape", "pressures that no heart makes")

enum vg_reason {
#define VG_REASON_ENUM(id, name, text) VG_REASON_##id,
    VG_REASONS(VG_REASON_ENUM)
#undef VG_REASON_ENUM
        VG_REASON_COUNT,
};

const char *vg_reason_name(uint8_t reason);
const char *vg_reason_text(uint8_t reason);

/** Whether there is positive evidence that a SUSPECT value with this reason is no measurement. A limit
 *  does not start on one, and the condition `artefact` is told in its place. */
static inline bool vg_disproved(uint8_t reason)
{
    return reason == VG_REASON_MOTION || reason == VG_REASON_DISCONNECTED ||
           reason == VG_REASON_SHAPE;
}

/**
 * Converts `value` in the UCUM unit `unit` (n bytes) to the unit of `channel`. False when the unit
 * is not known or measures something else: units are converted by declared code, never guessed.
 * Known pairs: core/units.def.
 */
VG_NODISCARD bool vg_unit_convert(int channel, const char *unit, size_t n, double value,
                                  double *ret);

/** Reads "90 %", "50 /min", "8 kPa" as a value in the unit of `channel`; the unit is required where
 *  people write one. Of a channel with words it reads those. */
VG_NODISCARD bool vg_parse_quantity(const char *s, int channel, float *ret);
/** Reads a difference: "2 [degF]" is 1.1 Cel and not -16.7. Of a channel with words there is none. */
VG_NODISCARD bool vg_parse_difference(const char *s, int channel, float *ret);

#endif
