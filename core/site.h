/* site.h - the clinical part of a configuration: wards, beds, profiles and alert rules.
 *
 * Filled by the loader (runtime/config_site.c), constant afterwards, read by any thread. Strings are
 * owned by the struct.
 */
#ifndef VG_CORE_SITE_H
#define VG_CORE_SITE_H

#include "core/channel.h"
#include "core/event.h"
#include "core/score.h"

/** Limits of channels, in their units. */
struct vg_limits {
    uint32_t low_set, high_set; /**< bit c: a limit is given for channel c */
    float low[VG_CHANNELS];
    float high[VG_CHANNELS];
};

/** Whether there is a low or (`high`) high limit of `channel`; then it is in *ret. */
static inline bool vg_limits_get(const struct vg_limits *l, int channel, bool high, float *ret)
{
    if (!((high ? l->high_set : l->low_set) >> channel & 1))
        return false;
    *ret = high ? l->high[channel] : l->low[channel];
    return true;
}

/** A kind of patient; `extends` is resolved by the loader. */
struct vg_profile {
    char name[VG_NAME_SIZE];
    struct vg_limits limits;
    bool pulseless;  /**< flow without a pulse (VAD, ECMO): a narrow pulse pressure means nothing */
    bool ventilated; /**< breathes by a machine: exhaled CO2 that is gone is a disconnection */
    float age_years; /**< 0: not known */
    bool pregnant;
    uint8_t spo2_scale; /**< of NEWS2: 2 if somebody prescribed it, else 0 or 1 */
    char spo2_scale_author[65];
    char spo2_scale_reason[129];
};

/** What a score asks of a patient of this profile; NULL: nothing is known. */
static inline struct vg_score_patient vg_profile_score_patient(const struct vg_profile *p)
{
    return (struct vg_score_patient){
        .age_years = p && p->age_years > 0 ? p->age_years : -1,
        .spo2_scale = p && p->spo2_scale == 2 ? 2 : 1,
    };
}

/** Limits of one bed, in the place of those of its profile, and who set them. */
struct vg_bed_limits {
    struct vg_limits limits;
    char author[65];
    char reason[129];
};

struct vg_bed_config {
    char bed[VG_BED_SIZE];        /**< "icu-a/07", as rows name it */
    uint32_t profile;             /**< index into profiles */
    struct vg_bed_limits *limits; /**< NULL: it has none of its own; owned by the site */
};

enum vg_rule_kind {
    VG_RULE_LIMIT,       /**< when: {channel, below | above} */
    VG_RULE_FORECAST,    /**< when: {forecast: CHANNEL, quantile, below | above, within} */
    VG_RULE_ANOMALY,     /**< when: {anomaly: MODEL, above: threshold | NUMBER} */
    VG_RULE_STALE,       /**< when: {stale: any | source | CHANNEL, longer_than} */
    VG_RULE_CONDITION,   /**< when: {condition: NAME}: what clean, ingest and models report */
    VG_RULE_TREND,       /**< when: {trend: CHANNEL, falls_by | rises_by, over, confidence} */
    VG_RULE_RATE,        /**< when: {rate: CHANNEL, falls_by | rises_by, within} */
    VG_RULE_BASELINE,    /**< when: {baseline: CHANNEL, below_by | above_by, over} */
    VG_RULE_CHANGE,      /**< when: {change: CHANNEL, by} */
    VG_RULE_COMBINATION, /**< when: {all | any | sequence: [...]} or {not: {...}} */
    VG_RULE_SCORE,       /**< when: {score: NAME, at_least | single | level} */
    VG_RULE_REFERENCE, /**< (in combinations) {rule: NAME}: whether an earlier rule's alert is open */
};

/** How the parts of a combination hang together. */
enum vg_join { VG_JOIN_NONE, VG_JOIN_ALL, VG_JOIN_ANY, VG_JOIN_NOT, VG_JOIN_SEQUENCE };

/** Parts of one combination, and how deep combinations nest. */
enum { VG_PARTS_MAX = 8, VG_NESTING_MAX = 3 };

/** How sure a trend must be that it is one: probability, one-sided. */
enum vg_confidence { VG_CONFIDENCE_90, VG_CONFIDENCE_95, VG_CONFIDENCE_99, VG_CONFIDENCE_COUNT };

/** Technical conditions. id, name, channel by channel?, default title */
#define VG_CONDITIONS(X)                                                              \
    X(LEAD_OFF, "lead_off", true, "Probe or lead off")                                \
    X(DEVICE_CLOCK, "device_clock", false, "Device clock wrong")                      \
    X(MODEL_ERROR, "model_error", false, "Model error")                               \
    X(DEAD_LETTER, "dead_letter", false, "Messages could not be read")                \
    X(MAX_PATIENTS, "max_patients", false, "Too many patients")                       \
    X(ARTEFACT, "artefact", true, "Limit without a measurement")                      \
    X(CHECK_SENSOR, "check_sensor", true, "Check the sensor")                         \
    X(READMITTED, "readmitted", false, "Data after a discharge")                      \
    X(DISCONNECTED, "disconnected", true, "Ventilated patient disconnected")          \
    X(BED_SHARED, "bed_shared", false, "Two patients in one bed")                     \
    X(KEY_MISMATCH, "key_mismatch", false, "Key and patient disagree")                \
    X(DEAD_LETTER_RATE, "dead_letter_rate", false, "Many messages could not be read") \
    X(DELIVERY_FAILING, "delivery_failing", false, "Alerts do not reach everybody")   \
    X(DELIVERY_LOST, "delivery_lost", false, "Urgent alerts do not reach people")     \
    X(PASSED_OVER, "passed_over", false, "Old alerts were not delivered")             \
    X(LIMIT_REFUSED, "limit_refused", false, "Limit refused")

enum vg_condition {
#define VG_CONDITION_ENUM(id, name, by_channel, title) VG_CONDITION_##id,
    VG_CONDITIONS(VG_CONDITION_ENUM)
#undef VG_CONDITION_ENUM
        VG_CONDITION_COUNT,
};

enum vg_bound_origin {
    VG_BOUND_NONE,
    VG_BOUND_FIXED,        /**< `value` */
    VG_BOUND_PROFILE_LOW,  /**< the profile's, bed's or patient's low limit plus `value` */
    VG_BOUND_PROFILE_HIGH, /**< the same of the high limit */
    VG_BOUND_MODEL,        /**< the threshold in the model file */
};

/** One side of a comparison: "90 %", "profile.low", "profile.low + 2 %", "threshold". */
struct vg_bound {
    enum vg_bound_origin origin;
    bool above; /**< true: holds when the value is greater; false: when it is less. Strictly. */
    float value;
};

enum { VG_INHIBITORS_MAX = 8, VG_BUDGET_MAX = 20 };

/** What becomes of an alert of a rule besides starting and ending; zeroed: nothing does. */
struct vg_lifecycle {
    bool latching;             /**< the alert stays when its condition is over, until a reset */
    uint8_t escalate_to;       /**< enum vg_priority */
    int64_t escalate_after_ns; /**< without an acknowledgement; 0: never */
    int64_t realarm_ns;        /**< while high and not acknowledged; 0: never */
    struct vg_bound worse; /**< a value beyond it makes the alert `worse_to`; origin NONE: none */
    uint8_t worse_to;
    int64_t worse_for_ns;  /**< so long without such a value and it is less urgent again */
    int64_t refractory_ns; /**< after an end, an alert that would start is held back so long */
    uint32_t budget_max;   /**< starts at most within any budget_per_ns; 0: no budget */
    int64_t budget_per_ns;
    uint32_t inhibitors;
    uint32_t inhibited_by[VG_INHIBITORS_MAX]; /**< indices into the site's rules */
};

struct vg_rule {
    char name[VG_NAME_SIZE];
    char title[128];
    enum vg_rule_kind rule;
    uint8_t priority; /**< enum vg_priority */
    uint8_t kind;     /**< enum vg_alert_kind: limit physiological, forecast and anomaly advisory,
                           the rest technical */
    int channel;      /**< what it is about; VG_CHANNEL_NONE: any, or all the condition has */
    enum vg_condition condition;
    char model[VG_NAME_SIZE]; /**< ANOMALY */
    struct vg_bound bound; /**< TREND, RATE, BASELINE: FIXED, of the change or difference, negative
                                where it falls or lies below; CHANGE: its size */
    struct vg_bound clear; /**< origin NONE: the opposite of `bound` */
    int64_t for_ns;
    int64_t clear_for_ns;
    int64_t keep_firing_for_ns;
    int64_t update_every_ns;
    struct vg_lifecycle life;
    int64_t longer_than_ns; /**< STALE */
    bool source;            /**< STALE: of all records of the shard */
    int64_t within_ns; /**< FORECAST: horizons up to this; TREND, RATE: the window; BASELINE: the
                                 time constant of what is usual */
    float quantile;    /**< FORECAST */
    float probability; /**< FORECAST: that the limit is passed; 0: by quantile */
    bool good_only;    /**< LIMIT: values that are suspect are taken for none */
    uint32_t least,
        of; /**< LIMIT: holds for so many of the newest `of` values; 0: for the newest */
    enum vg_confidence confidence; /**< TREND */
    enum vg_join join;             /**< COMBINATION */
    struct vg_rule
        *part; /**< [parts], nameless but for what they belong to; in `within_ns` in order */
    uint32_t parts;
    char reference[VG_NAME_SIZE]; /**< REFERENCE */
    bool relative;  /**< BASELINE: the bound is a share of what is usual, else in channel units */
    uint32_t score; /**< SCORE: place among the scores; `bound` lies 1/2 below the points */
    bool single;    /**< SCORE: points in one parameter, else the total */
};

/** A score, and whose it is. */
struct vg_site_score {
    struct vg_score_chart score;
    bool *profile; /**< [profiles_n] whether patients of this profile have it; owned */
};

struct vg_site {
    struct vg_profile *profiles; /**< the first one is for beds that no ward declares */
    uint32_t profiles_n;
    struct vg_bed_config *beds; /**< each bed once, in the order of vg_site_sort_beds() */
    uint32_t beds_n;
    char (*wards)[VG_WARD_SIZE]; /**< wards that the configuration declares */
    uint32_t wards_n;
    struct vg_rule *rules; /**< in the order of the file */
    uint32_t rules_n;
    struct vg_site_score *scores;
    uint32_t scores_n;
};

const struct vg_rule *vg_site_rule(const struct vg_site *site, const char *name);
/** Whether an alert can be of `name`: a rule, or a technical condition that needs none. */
bool vg_site_may_tell(const struct vg_site *site, const char *name);
/** Puts beds in the order in which they are looked up: after any change of them. */
void vg_site_sort_beds(struct vg_site *site);
/** What is declared of a bed, by its label; NULL when nothing is. */
const struct vg_bed_config *vg_site_bed(const struct vg_site *site, const char *bed);
/** The profile for a bed label; the first one when the bed is not declared, NULL without any. */
const struct vg_profile *vg_site_profile(const struct vg_site *site, const char *bed);
/** Whether a profile or bed gives `channel` a low or (`high`) high limit. */
/** Wards as those who count have them: those that the configuration declares, then "none" and, for all
 *  that only rows name, "other". */
uint32_t vg_site_ward_places(const struct vg_site *site);
uint32_t vg_site_ward_place(const struct vg_site *site, const char *ward); /**< "" is "none" */
const char *vg_site_ward_name(const struct vg_site *site, uint32_t place);
bool vg_site_limits(const struct vg_site *site, int channel, bool high);
void vg_site_done(struct vg_site *site);

/** Name, default title, and whether a condition is raised for each channel on its own. */
const char *vg_condition_name(enum vg_condition condition);
const char *vg_condition_title(enum vg_condition condition);
bool vg_condition_by_channel(enum vg_condition condition);

#endif
