/* event.h - an alert event, and its canonical bytes.
 *
 * The canonical JSON of an event is what every sink carries and what tests compare: members in one
 * order, numbers in their shortest form, times in UTC with milliseconds, no wall time, no host.
 * The members and their order: ../docs/alert1.md.
 */
#ifndef VG_CORE_EVENT_H
#define VG_CORE_EVENT_H

#include "core/buf.h"
#include "core/channel.h"
#include "core/score.h"

/* clang-format off */
#define VG_PHASES(X) \
    X(START, "start") X(UPDATE, "update") X(ESCALATE, "escalate") X(DEESCALATE, "deescalate") \
    X(CONTINUE, "continue") X(ACKNOWLEDGE, "acknowledge") X(END, "end") X(RESET, "reset")
#define VG_ALERT_KINDS(X) \
    X(PHYSIOLOGICAL, "physiological") X(TECHNICAL, "technical") X(ADVISORY, "advisory")
#define VG_PRIORITIES(X) X(HIGH, "high") X(MEDIUM, "medium") X(LOW, "low") X(NONE, "none")

/* What is the case with the condition, and with the signal that tells people of it; the words of
 * IEC 60601-1-8 as IHE ACM carries them. */
#define VG_ALERT_STATES(X) \
    X(ACTIVE, "active") X(LATCHED, "latched") X(INACTIVE, "inactive") X(DATA_LOST, "data-lost")
#define VG_SIGNALS(X) \
    X(ENABLED, "enabled") X(AUDIO_PAUSED, "audio-paused") X(ALARM_PAUSED, "alarm-paused") \
    X(ALARM_OFF, "alarm-off") X(ACKNOWLEDGED, "acknowledged")

/* What the worst of an episode is measured in, as its rule measures. */
#define VG_MEASURES(X) \
    X(NONE, "") X(VALUE, "value") X(CHANGE, "change") X(FORECAST, "forecast") \
    X(SCORE, "score") X(POINTS, "points")

#define VG_PHASE_ENUM(id, name) VG_PHASE_##id,
#define VG_ALERT_ENUM(id, name) VG_ALERT_##id,
#define VG_PRIORITY_ENUM(id, name) VG_PRIORITY_##id,
#define VG_STATE_ENUM(id, name) VG_ALERT_STATE_##id,
#define VG_SIGNAL_ENUM(id, name) VG_SIGNAL_##id,
#define VG_MEASURE_ENUM(id, name) VG_MEASURE_##id,
enum vg_phase { VG_PHASES(VG_PHASE_ENUM) VG_PHASE_COUNT };
enum vg_alert_kind { VG_ALERT_KINDS(VG_ALERT_ENUM) VG_ALERT_KIND_COUNT };
enum vg_priority { VG_PRIORITIES(VG_PRIORITY_ENUM) VG_PRIORITY_COUNT };
enum vg_alert_state { VG_ALERT_STATES(VG_STATE_ENUM) VG_ALERT_STATE_COUNT };
enum vg_signal { VG_SIGNALS(VG_SIGNAL_ENUM) VG_SIGNAL_COUNT };
enum vg_measure { VG_MEASURES(VG_MEASURE_ENUM) VG_MEASURE_COUNT };
#undef VG_STATE_ENUM
#undef VG_SIGNAL_ENUM
#undef VG_MEASURE_ENUM
#undef VG_PHASE_ENUM
#undef VG_ALERT_ENUM
#undef VG_PRIORITY_ENUM
/* clang-format on */

const char *vg_phase_name(int phase);
const char *vg_alert_kind_name(int kind);
const char *vg_priority_name(int priority);
const char *vg_alert_state_name(int state);
const char *vg_signal_name(int signal);
extern const char *const vg_priority_names[]; /**< NULL-terminated, for option tables */

enum { VG_EVENT_TEXT = 256, VG_QUANTILES_MAX = 9, VG_CONTRIBUTIONS_MAX = 16 };

enum { VG_HOUR_MINUTES = 60 };

/** Means of single minutes of one channel, the oldest first. */
struct vg_hour {
    int channel;
    int64_t from_ns;                /**< log time at which the first one begins */
    float value[VG_HOUR_MINUTES];   /**< in the unit of `channel` */
    bool measured[VG_HOUR_MINUTES]; /**< false: no usable value came in that minute */
};

/** What a rule looked at when it was found to hold, and what it asks of that; 0, false or NULL where
 *  a rule asks nothing of the kind. */
struct vg_window {
    bool present;
    int64_t from_ns, to_ns; /**< log time */
    int64_t for_ns;
    uint32_t at_least, of; /**< values */
    int64_t over_ns;       /**< over which a change counts, or a mean is taken */
    const char *change;    /**< what it is called: "falls_by", "above_by", ... */
    float by;              /**< above 0; in the channel's unit, or (share) a share of the usual */
    bool share;
    float confidence; /**< 0..1 */
    bool has_usual;
    float usual;            /**< the patient's, in the channel's unit */
    int64_t within_ns;      /**< of a sequence or forecast */
    int64_t longer_than_ns; /**< of a silence */
};

/** Where an episode began: a row of the log, (ordered) a command, or (has_due) a tick or timer of a patient. */
struct vg_origin {
    bool has_due;
    bool
        ordered; /**< a command: `offset` of the record before which it stands, `index` its ordinal */
    uint32_t index;
    int64_t offset;
    int64_t due_ns;
};

/** Everything an event says. Pointers are the emitter's and need to live only during the call. */
struct vg_event {
    /* identity: the runtime makes episode_id from origin, rule and channel */
    struct vg_origin origin;
    uint32_t number; /**< of this event in its episode: 0, 1, 2, ... without gaps */
    uint8_t phase, kind, priority;
    uint8_t state;  /**< enum vg_alert_state: of the condition, after this event */
    uint8_t signal; /**< enum vg_signal: of the signal, after this event */
    int64_t
        signal_until_ns; /**< log time at which the signal is enabled again by itself; 0: never */
    const char *rule, *title, *text;

    /* filled in by the runtime from the row's slot; NULL or "" where absent */
    const char *patient, *bed, *ward;

    int64_t time_ns;  /**< log time at which the event holds */
    int64_t onset_ns; /**< log time of the first row of the condition */
    struct {
        bool present;
        bool given;            /**< the signal is given by this event */
        int64_t condition_ns;  /**< from the onset until the condition was found to hold */
        int64_t generation_ns; /**< (given) from then until now */
    } delays;
    int channel; /**< or VG_CHANNEL_NONE */

    struct {
        bool present;
        bool has_value; /**< false: quality says why there is none */
        float value;
        uint8_t quality;
        int64_t time_ns; /**< event (device) time of the value */
    } observed;          /* in the unit of `channel` */
    struct {
        bool present;
        bool high; /**< the value is above a high limit; else below a low one */
        float value;
        const char *origin; /**< "profile adult", "rule" */
    } limit;
    struct {
        uint8_t measure; /**< enum vg_measure; NONE: absent */
        float value;
        int64_t time_ns; /**< event time of the row */
    } worst;             /* since the onset */
    struct vg_window window;
    struct {
        bool present;
        int channel;
        int64_t horizon_ns; /**< of the quantiles shown */
        uint32_t quantiles; /**< how many */
        float quantile[VG_QUANTILES_MAX];
        float value[VG_QUANTILES_MAX];
        float limit;
        int64_t crossing_ns; /**< from `time` until the limit is passed, or VG_TIME_NONE */
        bool has_probability;
        float probability; /**< that the limit is passed at the horizon */
    } forecast;
    struct {
        bool present;
        float score, threshold;
        uint32_t contributions;
        struct {
            int channel;
            float share;                      /**< 0..1 */
        } contribution[VG_CONTRIBUTIONS_MAX]; /* largest first */
    } anomaly;
    struct {
        const struct vg_score_chart *score; /**< NULL: none */
        const struct vg_score_total *total;
        uint8_t spo2_scale; /**< that the total was made with */
    } score;
    const struct vg_hour *hour; /**< or NULL */
    const char *reason;         /**< or NULL */
    const char *suppressed_by;
    const char *acknowledged_by;
    const char *by, *note; /**< of the command that made this event, or NULL */
    const char *in_ward;   /**< told there instead of in the patient's ward; NULL: it is not */
    const char *model;     /**< name of the model, or NULL */
};

/** What the runtime adds to an event. */
struct vg_event_context {
    uint8_t episode_id[16];
    const char *topic;
    uint32_t partition;
    const char *config;       /**< "sha256:..." */
    const char *model_sha256; /**< 64 hexadecimal digits; used when event->model is set */
};

/** Names of the members that an event can have, in their order, NULL-terminated. */
extern const char *const vg_event_members[];

/** The rule that canonical JSON names; "" when it names none. */
void vg_event_rule(const char *json, size_t len, char ret[VG_NAME_SIZE]);
/** The patient that it names; "" when it names none. */
void vg_event_patient(const char *json, size_t len, char ret[VG_PATIENT_SIZE]);

/** Appends the canonical JSON (no newline) to `out`. */
void vg_event_write(const struct vg_event *event, const struct vg_event_context *context,
                    struct vg_buf *out);

enum { VG_EPISODE_TEXT_SIZE = 33 };
void vg_episode_text(const uint8_t id[16], char out[VG_EPISODE_TEXT_SIZE]);
enum { VG_EVENT_ID_TEXT_SIZE = VG_EPISODE_TEXT_SIZE + 11 };
/** The event_id: the episode's, a point and the number of the event. */
void vg_event_id_text(const uint8_t episode_id[16], uint32_t number,
                      char out[VG_EVENT_ID_TEXT_SIZE]);
VG_NODISCARD bool vg_episode_parse(const char *text, uint8_t id[16]);

/** Body of VG_ITEM_EVENT; the canonical JSON follows. */
struct vg_item_event {
    uint8_t episode_id[16];
    uint32_t number;
    uint8_t phase, kind, priority, reserved;
    int64_t time_ns;
    uint32_t json_len;
    char ward[VG_WARD_SIZE];
    char patient[VG_PATIENT_SIZE]; /**< "" for the shard */
};

#endif
