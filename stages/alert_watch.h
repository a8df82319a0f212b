/* alert_watch.h - the files of the alert stage among themselves.
 *
 * A watch is one rule on one channel of the patients: what the stage looks at. An episode is what
 * it remembers of one watch for one patient: whether the condition holds, since when, and what was
 * said about it. Each kind of rule answers two questions, what does this row say (look) and what is
 * to be told (describe); everything about time is in alert_watch.c, once for all kinds:
 *
 *                    true                for_ns over
 *      IDLE ------------------> PENDING -------------> ACTIVE <----------------------+
 *        ^                         |                     |  ^                        |
 *        |  not true, or unknown   |               clear |  | not clear, unknown,    | true again
 *        +-------------------------+                     v  | or data lost           |
 *        |                                           CLEARING                        |
 *        |                 keep_firing_for_ns over       |  clear_for_ns over        |
 *        +------------------------------------------- KEEPING -----------------------+
 *
 * "Over" is noticed by the first row that still says so, or by a timer when no row came at that
 * moment. A timer acts on the newest finding only while that is young enough to speak for the
 * patient; at the very edge of its validity it may still start an episode but no longer end one.
 * An episode never ends because data stopped: it says "data_lost" and waits.
 *
 * An episode of a latching rule does not end but waits in LATCHED, from where only a reset, a rule
 * that does not apply any more or a discharge ends it, and the next true makes it ACTIVE again.
 *
 * Beside the condition an episode has a signal, what tells people (alert_signal.c):
 *
 *      HELD ----> ENABLED <----> ACKNOWLEDGED   by acknowledge; over at its expiry, by an escalation,
 *      by a mute,    ^  ^                       and when a latched condition comes again
 *      inhibition,   |  +------> AUDIO PAUSED   by snooze; over at its expiry and by an escalation
 *      refractory    +---------> ALARM PAUSED   by mute, of its rule; over with that
 *      or budget
 *
 * Most urgent of all that apply is its priority: of the rule, of an escalation in time, and of a
 * value that is worse. What is high is never held or muted. Of each episode 8 bytes are kept for the
 * signal; rules that count time or starts keep up to 24 and 8 for each start of their budget
 * (struct vg_life). What is kept of the patient, whatever the rules, is struct vg_stay.
 */
#ifndef VG_STAGES_ALERT_WATCH_H
#define VG_STAGES_ALERT_WATCH_H

#include "core/notice.h"
#include "core/stage.h"
#include "stages/alert_stay.h"

/** What a row says about a watch. */
enum vg_says {
    VG_SAYS_NOTHING, /**< the row is not about it */
    VG_SAYS_UNKNOWN, /**< there is explicitly no measurement */
    VG_SAYS_TRUE,    /**< the condition holds */
    VG_SAYS_HELD,    /**< (limits) it would hold by a value that is disproved: may not start */
    VG_SAYS_BETWEEN, /**< it does not hold, but is not clear either: hysteresis */
    VG_SAYS_CLEAR,   /**< it is clear */
    VG_SAYS_LOST,    /**< (combinations) what parts need to know is lost */
    VG_SAYS_OVER,    /**< the rule does not apply (any more): ends at once, with `reason` */
};

struct vg_finding {
    enum vg_says says;
    float measure;      /**< (TRUE, HELD) how bad: a value, a score, a count */
    const char *reason; /**< (OVER) */
};

enum vg_episode_state {
    VG_EPISODE_IDLE,
    VG_EPISODE_PENDING,
    VG_EPISODE_ACTIVE,
    VG_EPISODE_CLEARING,
    VG_EPISODE_KEEPING,
    VG_EPISODE_LATCHED,
};

/** What somebody did to the signal. */
enum vg_silence { VG_SILENCE_NONE, VG_SILENCE_ACKNOWLEDGED, VG_SILENCE_PAUSED };

/** Why an episode has no signal. */
enum vg_held {
    VG_HELD_NOT,
    VG_HELD_MUTE,
    VG_HELD_REFRACTORY,
    VG_HELD_BUDGET,
    VG_HELD_INHIBITED, /**< by the first of its inhibitors; + i: by the one of place i */
};

/** Part of the patient's memory: flat, all zero is IDLE. */
struct vg_episode {
    int64_t origin;    /**< offset of the onset row or command, or (has_due) its tick or due time */
    int64_t onset_ns;  /**< log time of the first true row */
    int64_t since_ns;  /**< ACTIVE, CLEARING, KEEPING, also of `stood`: log time of the beginning */
    int64_t until_ns;  /**< log time at which the silence ends; 0: not by itself */
    float worst;       /**< worst measure since the onset */
    uint32_t index;    /**< of the onset row, or the command's ordinal */
    uint32_t number;   /**< of the next event */
    uint8_t state : 4; /**< enum vg_episode_state */
    uint8_t stood : 3; /**< (guarded, not open) the state that it would have, had it told what was
                               withheld: ACTIVE, CLEARING, KEEPING, of `since_ns`; 0: none */
    uint8_t ordered : 1;  /**< `origin` and `index` are the position of a command */
    uint8_t quality : 7;  /**< of `worst` */
    uint8_t measured : 1; /**< there is a `worst` */
    uint8_t has_due : 1;
    uint8_t retracted : 1; /**< the newest row said UNKNOWN: timers wait for the next finding */
    uint8_t lost : 1;      /**< "data_lost" was told */
    uint8_t untold : 1;    /**< `worst` has not been told */
    uint8_t muted : 1;     /**< "alarm-paused" was told */
    uint8_t confirmed : 1; /**< subscribers believe it to be open; see vg_watch_announce() */
    uint8_t silence : 2;   /**< enum vg_silence */
    uint8_t escalated : 1; /**< for want of an acknowledgement */
    uint8_t worse : 1;     /**< values were beyond the rule's `worse` of late */
    uint8_t held : 4;      /**< enum vg_held; only while open */
    uint8_t between : 1;   /**< the newest finding was BETWEEN: goes on, but would not start */
    uint8_t
        withheld : 1; /**< pending, but its newest value is disproved; or no longer pending, because
                                no measurement came after it. See alert_artefact.c */
};

/** Part of the patient's memory for watches whose findings age or get worse; most are of conditions,
 *  which do neither. 0: never. */
struct vg_times {
    int64_t known_ns; /**< log time of the newest row that said anything */
    int64_t told_ns;  /**< log time at which the worst was last told */
    int64_t worst_ns; /**< event time of the worst */
};

/** Part of the patient's memory for rules that need it, up to the last member that one needs; who
 *  reads or writes a member asks the rule first. 0: never. */
struct vg_life {
    int64_t rang_ns;  /**< (all) log time at which the signal was given or became enabled */
    int64_t worse_ns; /**< (worse) log time of the newest value beyond it */
    int64_t ended_ns; /**< (refractory) log time of the newest end of an episode not held back */
    int64_t
        start_ns[]; /**< (budget) [budget_max], of the newest starts, the oldest of them first */
};

/** The newest usable value of a channel, from rows that are not late. */
struct vg_newest {
    int64_t log_ns;
    int64_t event_ns;
    float value;
    uint8_t quality;
    uint8_t seen;
    uint8_t over; /**< (noted) it has expired or was taken back */
    uint8_t unused;
};

/** The same of a channel that people note. */
struct vg_noted {
    struct vg_newest newest;
    int64_t until_ns; /**< log time at which it expires; 0: when the rules that look say so */
};

/** What the stage keeps per patient. */
struct vg_watched {
    struct vg_stay stay;
    int64_t bed_back_ns; /**< log time at which the bed last came back from silence */
    int64_t device_ns;   /**< newest device time, ... */
    int64_t recorded_ns; /**< ... and the timestamp of the first record with it; 0: none yet */
    struct vg_newest newest[VG_MEASURED];
};

struct vg_watch_kind;

struct vg_watch {
    const struct vg_rule *rule;
    const struct vg_watch_kind *kind;
    int channel;    /**< or VG_CHANNEL_NONE */
    uint32_t place; /**< in the list of watches */
    bool of_shard;  /**< told in the shard's own slot, and about no patient */
    bool quiet;     /**< a part of a combination: tells nobody */
    bool asked;     /**< a combination asks for it: it never sleeps */
    bool guarded;   /**< (limits) an ARTEFACT stands in for it */
    uint32_t parts; /**< (combinations) places of their parts, which come before */
    uint32_t part[VG_PARTS_MAX];
    uint32_t limits;                /**< (ARTEFACT) limits that it stands in for */
    uint32_t *limit;                /**< their places */
    const struct vg_watch *circuit; /**< (ARTEFACT) that of DISCONNECTED for its channel, or NULL */
    int64_t validity_ns;            /**< how long a finding speaks for the patient; 0: for ever */
    int64_t clear_for_ns;
    float minute_weight, known_weight; /**< BASELINE: of a minute, and of what it takes to know */
    size_t memory_size; /**< bytes that the kind keeps of each patient beside the episode */
    size_t memory_at;   /**< where they are in the patient's memory, a multiple of 8 */
    size_t episode_at;  /**< where its episode is in the patient's memory, or in the shard's */
    size_t told_at;     /**< where the worst that was told is; 0: it is `worst`, told or untold */
    size_t times_at;    /**< where its struct vg_times is in the patient's memory; 0: it has none */
    size_t life_at;     /**< where its struct vg_life is in the patient's memory; 0: it has none */
    const struct vg_site_score *score; /**< SCORE */
    uint32_t score_owner; /**< place of the first rule about it, which keeps its values */
    /* forecast and anomaly */
    const struct vg_model *model;
    int column, valid_column, share_column;
    uint32_t model_channel;  /**< place of `channel` in the model */
    uint32_t model_quantile; /**< place of the rule's quantile in the model, or of the median */
    float deviates;          /**< (with a probability) of the line from the median, in SD */
    float side[2];           /**< ... and of the outermost quantiles */
};

/** Of no rules: a total is made for each row anew. */
#define VG_NO_TOTAL UINT32_MAX

/** Which watches a row or a timer is about (alert_awake.c). A set has bit `place` % 64 of word
 *  `place` / 64 for each of them. */
struct vg_awake {
    uint32_t words;      /**< of each set */
    size_t at;           /**< where the set of those that are awake is in a patient's memory */
    uint64_t *about;     /**< [.., words], those of each channel, of any sample, ticks, the shard */
    uint64_t *silent;    /**< [words], those that time alone can wake */
    uint64_t *follows;   /**< [words], those that look at others */
    uint64_t *asked;     /**< [words], those that never sleep: a combination asks for them */
    uint64_t *now;       /**< [words], scratch: those that the row is about */
    uint32_t *bed_stale; /**< [bed_stales], places of those that tell of a silent bed */
    uint32_t bed_stales;
};

/** Channels whose last hour is kept (alert_hour.c). */
struct vg_hours {
    size_t at; /**< where in a patient's memory */
    uint32_t channels;
    uint8_t channel[VG_MEASURED]; /**< [channels] */
    float steps[VG_MEASURED];     /**< [channels] of one unit */
};

/** The stage's own struct. */
struct vg_alert {
    struct vg_strings rules;                           /**< option */
    int64_t invalid_ns, invalid_high_ns, dead_letters; /**< options */
    const struct vg_site *site;
    struct vg_rule builtin[VG_CONDITION_COUNT];
    struct vg_rule stand_in[VG_MEASURED]; /**< the built-in ones for ARTEFACT */
    struct vg_watch *watch; /**< [watches], in the order of rules, but each behind its inhibitors */
    uint32_t watches;
    struct vg_awake awake;
    struct vg_hours hour;
    struct vg_hour last_hour; /**< of the event being built */
    size_t memory_size;
    struct vg_limit_before *before; /**< [watches], scratch of vg_stay_note_limits() */
    struct vg_buf text;             /**< of the event being built */
    struct vg_buf words;            /**< through vg_look_words() */
    struct vg_episode
        none; /**< all zero: a patient's of the shard's watches, and the other way round */
    struct vg_times none_times;
    /** Where the struct vg_noted of a channel is in the patient's memory; 0: no rule asks. */
    size_t noted_at[VG_CHANNELS - VG_MEASURED];
    struct vg_score_total total; /**< what vg_look_score() found, ... */
    uint32_t total_of;           /**< ... for the rules with this score_owner, or VG_NO_TOTAL */
};

/** One call of the stage: a row, or (row NULL) a timer. */
struct vg_look {
    struct vg_alert *alert;
    struct vg_watched *memory;
    const struct vg_row *row;
    struct vg_out *out;
    bool of_shard;                    /**< memory is of the shard's own slot, not of a patient */
    const struct vg_profile *profile; /**< of the patient's bed; through vg_look_profile() */
    const struct vg_bed_limits *bed;  /**< the bed's own, or NULL; known with the profile */
    bool profile_known;
    bool readmitted;                  /**< the row is the first of a patient that was discharged */
    const struct vg_noticed *noticed; /**< the command that is obeyed; else NULL */
    const struct vg_item_command *command; /**< the order that is being obeyed, or NULL */
    const struct vg_order *noting;  /**< (row) the order that noted the value in the row, or NULL */
    char origin[VG_NAME_SIZE + 16]; /**< where the limit of the event being built came from */
};

struct vg_watch_kind {
    uint32_t rows; /**< kinds of row that look() wants */
    bool
        by_timer; /**< time alone can complete for_ns, clear_for_ns and keep_firing_for_ns, and tell
                        the worst; else only rows can */
    bool echoes;  /**< nothing says CLEAR: each TRUE counts clear_for_ns anew */
    bool follows; /**< looks at other watches: at every row, and after timers */
    bool updates; /**< a worse measure is worth an update event */
    uint8_t measure;  /**< enum vg_measure of its findings; NONE: nothing that could be worse */
    bool one_channel; /**< look() says NOTHING to a sample without the watch's vg_lead_channels() */
    /** Checks the rule against the chain and fills in the watch. */
    vg_status (*plan)(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err);
    struct vg_finding (*look)(struct vg_look *l, const struct vg_watch *w);
    /** When silence starts an episode, or VG_TIME_NONE. May be NULL. */
    int64_t (*silent)(struct vg_look *l, const struct vg_watch *w);
    /** (with silent) Log time at which what it has started began. NULL: longer_than and `for` ago. */
    int64_t (*since)(struct vg_look *l, const struct vg_watch *w);
    /** Log time from which an open episode is as urgent as its rule's `worse_to`, or VG_TIME_NONE. May
     *  be NULL. */
    int64_t (*worse)(struct vg_look *l, const struct vg_watch *w);
    /** Corrects and adds to the window of an episode that begins: it has the onset, now, and `for`. May
     *  be NULL. */
    void (*window)(struct vg_look *l, const struct vg_watch *w, struct vg_window *window);
    /** Fills in what was observed and the limit, and adds the text for people. */
    void (*describe)(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                     struct vg_event *event, struct vg_buf *text);
};

/** The kinds; a rule's kind, or for a condition the kind of that condition. */
const struct vg_watch_kind *vg_watch_kind_of(const struct vg_rule *rule);
extern const struct vg_watch_kind vg_watch_limit, vg_watch_forecast, vg_watch_anomaly,
    vg_watch_combination, vg_watch_trend, vg_watch_rate, vg_watch_baseline, vg_watch_change,
    vg_watch_stale, vg_watch_lead_off, vg_watch_device_clock, vg_watch_model_error,
    vg_watch_dead_letter, vg_watch_max_patients, vg_watch_artefact, vg_watch_check_sensor,
    vg_watch_readmitted, vg_watch_disconnected, vg_watch_bed_shared, vg_watch_key_mismatch,
    vg_watch_dead_letter_rate, vg_watch_source, vg_watch_score, vg_watch_notice;

/** What the kind keeps of the patient: w->memory_size bytes, zeroed at first sight. */
static inline void *vg_watch_memory(const struct vg_look *l, const struct vg_watch *w)
{
    return (char *)l->memory + w->memory_at;
}

/* ---- memory (alert_memory.c) ---- */

/** Places what is kept of a patient, once all watches are planned; returns its bytes. */
size_t vg_memory_place(struct vg_alert *a);
/** Which of what people note a watch looks at, or its parts: bit c - VG_MEASURED. */
uint32_t vg_watch_noted(const struct vg_alert *a, const struct vg_watch *w);

/* ---- why (alert_why.c, alert_hour.c) ---- */

/** Adds to an event what a program wants to know of the episode. */
void vg_why_fill(struct vg_look *l, const struct vg_watch *w, struct vg_event *event);
/** Adds to the text of an end how bad it was and for how long. */
void vg_why_say_end(const struct vg_watch *w, const struct vg_event *event, struct vg_buf *text);
/** The rule's bound as a change; `up` and `down` are what it is called. */
void vg_why_change(const struct vg_watch *w, const char *up, const char *down,
                   struct vg_window *window);

/** Places the hours of the channels that rules are about at `at` of a patient's memory; returns what
 *  comes behind. */
size_t vg_hour_place(struct vg_alert *a, size_t at);
/** Takes the values of a sample that is not late. */
void vg_hour_take(struct vg_look *l);
/** The hour up to now; false: it is not kept of this channel. */
VG_NODISCARD bool vg_hour_look(const struct vg_look *l, int channel, struct vg_hour *ret);

/* ---- which watches (alert_awake.c) ---- */

/** Once all watches are planned; vg_awake_done() frees what it makes. */
void vg_awake_plan(struct vg_alert *a);
void vg_awake_done(struct vg_alert *a);
/** Bytes of the set in a patient's memory. */
static inline size_t vg_awake_size(const struct vg_alert *a)
{
    return (a->watches + 63) / 64 * sizeof(uint64_t);
}
/** The row of `l` moves what it is about, in the order of watches. */
void vg_awake_row(struct vg_look *l);
/** Log time has reached now. */
void vg_awake_time(struct vg_look *l);
/** When vg_awake_time() has to be called: the earliest time after log time `after_ns`, or
 *  VG_TIME_NONE. Lays to rest what has ended. */
int64_t vg_awake_due(struct vg_look *l, int64_t after_ns);

/* ---- time (alert_watch.c) ---- */

/** The row of `l`, of a kind that w->kind->rows names, may move the episode of `w`, and tell. */
void vg_watch_row(struct vg_look *l, const struct vg_watch *w);
/** Log time has reached `l->out->log_ns` without a row. */
void vg_watch_time(struct vg_look *l, const struct vg_watch *w);
/** When vg_watch_time() has to be called: the earliest time after log time `after_ns`, or
 *  VG_TIME_NONE. */
int64_t vg_watch_due(struct vg_look *l, const struct vg_watch *w, int64_t after_ns);

/** One event of an episode. */
struct vg_saying {
    enum vg_phase phase;
    const char *reason;           /**< or NULL */
    const char *words;            /**< the text, below VG_EVENT_TEXT bytes; NULL: the kind's own */
    const struct vg_bound *limit; /**< to be told instead of the rule's own; or NULL */
    const struct vg_order *order; /**< that made it, or NULL */
    const char *ward;             /**< to be told there, also of what is held back; or NULL */
};
/** Tells it. Of what is held back only the first event and the end are told, and that it leaves a
 *  ward. */
void vg_watch_tell(struct vg_look *l, const struct vg_watch *w, const struct vg_saying *saying);
/** The same as an UPDATE with that reason and text. */
void vg_watch_tell_update(struct vg_look *l, const struct vg_watch *w, const char *reason,
                          const char *words);
/** Tells the worst and remembers when; the text is the kind's own. */
void vg_watch_tell_worst(struct vg_look *l, const struct vg_watch *w, enum vg_phase phase,
                         const char *reason);
/** Ends an episode that is open, with a text of its own or (NULL) the kind's; `order` made it end, or
 *  is NULL. */
void vg_watch_end(struct vg_look *l, const struct vg_watch *w, const char *reason,
                  const char *words, const struct vg_order *order);
/** Whether the episode is open and has that id. */
VG_NODISCARD bool vg_watch_is(struct vg_look *l, const struct vg_watch *w, const uint8_t id[16]);
/** Whether describe() can be called now: some kinds need a row of theirs unless data are lost. */
VG_NODISCARD bool vg_watch_can_describe(const struct vg_look *l, const struct vg_watch *w);
/** Whether the newest finding speaks for the patient beyond doubt: no longer at the very edge. */
VG_NODISCARD bool vg_watch_surely_speaks(const struct vg_look *l, const struct vg_watch *w,
                                         int64_t now_ns);
/** Begins anew with a watch of a patient, as if nothing had been found. */
void vg_watch_forget(const struct vg_look *l, const struct vg_watch *w);

/** Whether the watch cannot be about whom the memory is of. */
static inline bool vg_watch_elsewhere(const struct vg_look *l, const struct vg_watch *w)
{
    return w->of_shard != l->of_shard;
}

static inline struct vg_episode *vg_watch_episode(const struct vg_look *l, const struct vg_watch *w)
{
    if (vg_watch_elsewhere(l, w))
        return &l->alert->none;
    return (struct vg_episode *)((char *)l->memory + w->episode_at);
}

/** NULL for a watch without validity_ns whose kind has no updates. */
static inline struct vg_times *vg_watch_times(const struct vg_look *l, const struct vg_watch *w)
{
    if (vg_watch_elsewhere(l, w))
        return &l->alert->none_times;
    return w->times_at > 0 ? (struct vg_times *)((char *)l->memory + w->times_at) : NULL;
}

/** What was noted of a channel from VG_MEASURED on; NULL when no rule is about it. */
static inline struct vg_noted *vg_look_noted(const struct vg_look *l, int channel)
{
    size_t at = l->alert->noted_at[channel - VG_MEASURED];

    return at > 0 ? (struct vg_noted *)((char *)l->memory + at) : NULL;
}

/** Whether there is a value that nobody has taken back; how old it may be is for rules. */
static inline bool vg_newest_holds(const struct vg_newest *n)
{
    return n->seen && !n->over;
}

/** The newest usable value of a channel that some rule is about, or that monitors measure. */
static inline struct vg_newest *vg_look_newest(const struct vg_look *l, int channel)
{
    return channel < VG_MEASURED ? &l->memory->newest[channel] : &vg_look_noted(l, channel)->newest;
}

/** The worst that was told, of kinds whose rows can be told of only as they come. */
static inline float *vg_watch_told(const struct vg_look *l, const struct vg_watch *w)
{
    return w->told_at ? (float *)((char *)l->memory + w->told_at) : &vg_watch_episode(l, w)->worst;
}

static inline bool vg_episode_open(const struct vg_episode *e)
{
    return e->state >= VG_EPISODE_ACTIVE;
}

/** Whether an event has no value to tell because data are lost. A worse one of before, which has waited
 *  for its time, is told all the same. */
static inline bool vg_watch_tells_loss(const struct vg_episode *e, const struct vg_event *event)
{
    return e->lost && (event->phase != VG_PHASE_UPDATE || event->reason);
}

/** The patient's set of watches that are awake. */
static inline uint64_t *vg_look_awake(const struct vg_look *l)
{
    return (uint64_t *)((char *)l->memory + l->alert->awake.at);
}

/** False: its episode is IDLE, neither retracted, withheld, stood for nor lost. Most watches of most patients sleep,
 *  and nothing of their memory is touched. */
static inline bool vg_watch_awake(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_look_awake(l)[w->place / 64] >> w->place % 64 & 1;
}

static inline bool vg_passes(const struct vg_bound *bound, float value, float limit)
{
    return bound->above ? value > limit : value < limit;
}

/** After a change of configuration: true when `open` is the episode of `w`, which then goes on with
 *  the number after the newest that subscribers have. */
VG_NODISCARD bool vg_watch_confirm(struct vg_look *l, const struct vg_watch *w,
                                   const struct vg_open_episode *open);
/** Then, when all were confirmed: an open episode that subscribers do not know, because it began
 *  while memory was rebuilt in silence, is told as a start; one whose kind needs a row to be told
 *  begins anew with the next. */
void vg_watch_announce(struct vg_look *l, const struct vg_watch *w);

/* ---- limits (alert_limit.c) ---- */

/** The profile of the patient's bed, or NULL. */
const struct vg_profile *vg_look_profile(struct vg_look *l);
/** The limit of the patient's bed or else of its profile; false when neither has one. */
VG_NODISCARD bool vg_look_bed_limit(struct vg_look *l, int channel, bool high, float *ret);
/** The number a bound stands for, here and now; false when neither patient, bed nor profile has one. */
VG_NODISCARD bool vg_look_bound(struct vg_look *l, const struct vg_watch *w,
                                const struct vg_bound *bound, float *ret);
/** Whether the rule's limit is that of the profile, which may be another one for a bed or patient. */
static inline bool vg_look_movable(const struct vg_watch *w)
{
    enum vg_bound_origin origin = w->rule->bound.origin;

    return origin == VG_BOUND_PROFILE_LOW || origin == VG_BOUND_PROFILE_HIGH;
}
/** Fills in event->limit; false when there is none. */
bool vg_look_limit(struct vg_look *l, const struct vg_watch *w, struct vg_event *event);
/** Whether the clear bound says CLEAR or BETWEEN for a measure that does not pass the bound. */
struct vg_finding vg_look_clear(struct vg_look *l, const struct vg_watch *w, float measure);
/** Checks a rule's bounds: VG_E_CONFIG when no profile could ever give them a number. */
VG_NODISCARD vg_status vg_watch_check_bounds(const struct vg_watch *w, const struct vg_plan *plan,
                                             struct vg_err *err);

/** Fills in event->observed: the newest value of the channel, or none while data are lost. */
void vg_watch_observe_newest(const struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event);

/* ---- scores (alert_score.c) ---- */

/** The patient's score here and now, by what the rules about it have seen; of l->alert, until the next
 *  call. */
const struct vg_score_total *vg_look_score(struct vg_look *l, const struct vg_watch *w);

/* ---- artefacts (alert_artefact.c) ---- */

/** Whether a rule may name a channel for a condition. */
bool vg_condition_can_watch(const struct vg_alert *a, enum vg_condition condition, int channel);
/** Whether a condition is watched on a channel when its rule names none. */
bool vg_condition_watches(const struct vg_alert *a, enum vg_condition condition, int channel);
/** Of how many limits `channel` tells when they are not guarded by a measurement. */
uint32_t vg_artefact_limits(const struct vg_alert *a, int channel);
/** Makes the built-in rule for `channel`: it takes the place of the limits that are watched. */
const struct vg_rule *vg_artefact_stand_in(struct vg_alert *a, int channel);
/** Once all rules are watched: which limits each stands in for. VG_E_CONFIG when a configured rule for
 *  artefacts is less urgent than such a limit, or waits longer than 20 s and that limit. */
VG_NODISCARD vg_status vg_artefact_link(struct vg_alert *a, struct vg_err *err);
/** A row has said that of a guarded limit that is not open: keeps `stood`, before the episode moves. */
void vg_artefact_note(const struct vg_look *l, const struct vg_watch *limit, enum vg_says says);

/* ---- what is watched without being asked for (alert_builtin.c) ---- */

/** Whether a rule other than `but` watches a condition: on this channel, or (NONE) on all that have
 *  it. */
bool vg_condition_covered(const struct vg_alert *a, enum vg_condition condition, int channel,
                          const struct vg_rule *but);
/** Whether anything in the chain can find it: memory is kept for nothing else. */
bool vg_condition_can_occur(const struct vg_plan *plan, enum vg_condition condition);
/** The built-in rule of a condition, made anew. */
const struct vg_rule *vg_condition_rule(struct vg_alert *a, enum vg_condition condition);

/* ---- what the instance tells by itself (alert_notice.c) ---- */

/** Tells, goes on telling or ends what a recorded command says of the way out. */
void vg_notice_obey(struct vg_look *l, const struct vg_noticed *noticed);

/* ---- probes (alert_sensor.c) ---- */

/** The channels whose lead the watch of `lead_off` is about, a bit each: those of a line, unless its rule
 *  names one of them. */
uint32_t vg_lead_channels(const struct vg_watch *w);

/* ---- silence (alert_technical.c) ---- */

/** Notes that the bed comes back, when the row ends a silence that a rule has told of: staleness of
 *  single channels counts from here. Before the row is remembered. */
void vg_stale_back(struct vg_look *l);

/* ---- words (alert_text.c) ---- */

/** An empty buffer for the words of one saying; the next call empties it again. */
static inline struct vg_buf *vg_look_words(const struct vg_look *l)
{
    vg_buf_clear(&l->alert->words);
    return &l->alert->words;
}

/** "86 %", "36.8 °C": a value to the tenth, with the unit as people write it. */
void vg_text_value(struct vg_buf *text, int channel, float value);
/** The same of a computed value, rounded to what a monitor shows: 1, or 0.1 where the channel's whole
 *  plausible range is short. */
void vg_text_rounded(struct vg_buf *text, int channel, float value);
/** "without a value for 10 s; the alert stays active", of `what` there was nothing for so long. */
void vg_text_lost(struct vg_buf *text, const char *what, int64_t ns);
/** "10 s", "90 s", "10 min", "4 h": rounded to what people say. */
void vg_text_duration(struct vg_buf *text, int64_t ns);
/** "Check patient, then probe: " before what is wrong with a measurement. */
void vg_text_check(struct vg_buf *text, int channel);
/** "3 messages", "1 message". */
void vg_text_count(struct vg_buf *text, float count, const char *one, const char *many);

#endif
