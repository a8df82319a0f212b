/* score.h - early warning scores as data: points for bands of values, added up.
 *
 * A score has parameters. Each takes its value from the first of its channels that has one (or from
 * the one that gives most points), rounded to the precision of the published table, since its bands
 * are written for such values: between 35.0 and 35.1 there is none. A table has bands that cover
 * every value once. Which table holds may hang on the SpO2 scale and the age of the patient, and on
 * the state of another parameter (air or oxygen).
 *
 * What is missing is never assumed to be normal: then the total is a lower bound, and between which
 * numbers it lies is known from the tables alone.
 *
 * Scores are filled in by the loader (runtime/config_scores.c), constant afterwards, and read by any
 * thread. Nothing here allocates while it evaluates.
 */
#ifndef VG_CORE_SCORE_H
#define VG_CORE_SCORE_H

#include "core/buf.h"
#include "core/channel.h"

enum {
    VG_SCORE_PARAMETERS_MAX = 16,
    VG_SCORE_CHANNELS_MAX = 3, /**< that one parameter may take its value from */
    VG_SCORE_STATES_MAX = 4,   /**< of one parameter */
    VG_SCORE_LEVELS_MAX = 6,
    VG_SCORE_POINTS_MAX = 20, /**< of one band */
    VG_SCORE_UNKNOWN = -1,    /**< points of a value that the table does not have */
    VG_SCORE_WORD_SIZE = 32,
};

/** Values from `low` to `high`, both in steps and both included. */
struct vg_score_band {
    int32_t low, high; /**< INT32_MIN, INT32_MAX: without an end */
    int16_t points;    /**< or VG_SCORE_UNKNOWN */
    uint8_t state;     /**< of the parameter, from 1; 0: none */
};

/** A table, and when it holds: all of its conditions that are set. */
struct vg_score_table {
    int channel;         /**< only for values of this one; VG_CHANNEL_NONE: for all */
    uint8_t spo2_scale;  /**< only on this scale; 0: on both */
    float under_years;   /**< only for patients younger than this; 0: for all */
    int16_t parameter;   /**< only while this other parameter ... ; -1: always */
    uint8_t state;       /**< ... is in this state */
    uint32_t first, n;   /**< its bands, in ascending order */
    int16_t least, most; /**< points of its bands */
};

struct vg_score_channel {
    int channel;
    uint16_t per_unit;  /**< steps in one unit: 1, or 10 for tenths */
    int64_t expires_ns; /**< a value says nothing when it is older */
};

struct vg_score_parameter {
    char name[VG_SCORE_WORD_SIZE];
    char title[32];
    struct vg_score_channel channel[VG_SCORE_CHANNELS_MAX];
    uint8_t channels;
    bool highest; /**< the channel that gives most points counts; else the first with a value */
    bool depends; /**< some table hangs on the state of another parameter, which itself does not */
    uint8_t states;
    char state[VG_SCORE_STATES_MAX][VG_SCORE_WORD_SIZE];
    uint32_t first, n; /**< its tables: the first that holds */
};

/** What the published score asks for at some total. */
struct vg_score_level {
    char name[VG_SCORE_WORD_SIZE];
    bool single; /**< `points` in one parameter; else as the total */
    uint8_t points;
    uint8_t priority; /**< enum vg_priority: what a rule for it should have at least */
    char response[160];
};

struct vg_score_chart {
    char name[VG_NAME_SIZE];
    char title[24];   /**< short: three parameters and it make one sentence of VG_EVENT_TEXT */
    char source[320]; /**< where the table was published */
    bool advisory;    /**< events about it are advisory, and never of high priority */
    bool example;     /**< shows how a table is written; not for use */
    float from_years; /**< not for younger patients; 0: for all */
    bool not_pregnant;
    int64_t window_ns; /**< over which medians of what is measured all the time are taken */
    uint32_t parameters;
    struct vg_score_parameter parameter[VG_SCORE_PARAMETERS_MAX];
    uint32_t levels;
    struct vg_score_level level[VG_SCORE_LEVELS_MAX];
    struct vg_score_table *table; /**< [tables], owned */
    uint32_t tables;
    struct vg_score_band *band; /**< [bands], owned */
    uint32_t bands;
};

void vg_score_done(struct vg_score_chart *score);

/* ---- what is known of a patient ---- */

struct vg_score_patient {
    float age_years;    /**< negative: not known */
    uint8_t spo2_scale; /**< 1 or 2 */
};

/** What a channel says at the moment. */
struct vg_score_input {
    bool known;
    int32_t steps;     /**< the rounded value */
    int64_t newest_ns; /**< log time of the newest value in it */
};

/** [parameters][channels of each] */
typedef struct vg_score_input vg_score_inputs[VG_SCORE_PARAMETERS_MAX][VG_SCORE_CHANNELS_MAX];

/** Of what one parameter adds. */
struct vg_score_part {
    bool has_value;
    uint8_t channel; /**< which of the parameter's channels, also where there is no value */
    uint8_t state;   /**< of the parameter, from 1; 0: none, or not known */
    int16_t least;   /**< points, ... */
    int16_t most;    /**< ... equal when they are known */
    int32_t steps;
    int64_t newest_ns;
};

struct vg_score_total {
    int lowest;  /**< the total that is certain: missing parameters count what they add at least */
    int highest; /**< with the most that they can add */
    uint32_t known; /**< of the parameters, whose points are known */
    int single;     /**< the most certain points in one parameter */
    struct vg_score_part part[VG_SCORE_PARAMETERS_MAX]; /**< [parameters] */
};

/**
 * `value` in steps. Halves are rounded up, as people do: 35.05 is 35.1. A value within 1e-4 steps of
 * a half is one, because float32 holds no exact tenths. At most INT16_MAX either way. `value` must be
 * a number.
 */
int32_t vg_score_round(float value, uint16_t per_unit);

/** The value that `steps` stand for. */
float vg_score_value(int32_t steps, uint16_t per_unit);

/** The score of a patient: `input` as far as it is known. Cannot fail. */
void vg_score_evaluate(const struct vg_score_chart *score, const struct vg_score_patient *patient,
                       const vg_score_inputs input, struct vg_score_total *ret);

/** Whether the points of a part are known. */
static inline bool vg_score_part_known(const struct vg_score_part *part)
{
    return part->has_value && part->least == part->most;
}

/** The place of a parameter, or -1. */
int vg_score_find(const struct vg_score_chart *score, const char *parameter);

/** Sets how long values of a channel count; false when no parameter uses it. */
bool vg_score_expire(struct vg_score_chart *score, int channel, int64_t expires_ns);

/** All of the score that can change a total, as canonical text, one line each. */
void vg_score_print(const struct vg_score_chart *score, struct vg_buf *out);

#endif
