/* alert_watch.h - the files of the alert stage among themselves.
 *
 * A watch is one rule on one channel of the patients: what the stage looks at. Each kind of rule answers
 * two questions, what does this row say (look) and what is to be told (describe); everything about time
 * is in alert_watch.c, once for all kinds. What is remembered of each watch for each patient is an
 * episode: alert_memory.h, with a drawing.
 */
#ifndef VG_STAGES_ALERT_WATCH_H
#define VG_STAGES_ALERT_WATCH_H

#include "core/notice.h"
#include "core/order.h"
#include "core/stage.h"
#include "stages/alert_memory.h"

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
    struct vg_limit_before *before; /**< [watches], scratch of alert_stay.c */
    struct vg_buf text;             /**< of the event being built */
    struct vg_buf words;            /**< through vg_look_words() */
    struct vg_episode
        none; /**< all zero: a patient's of the shard's watches, and the other way round */
    struct vg_times none_times;
    /** Where the struct vg_noted of a channel is in the patient's memory; 0: no rule asks. */
    size_t noted_at[VG_CHANNELS - VG_MEASURED];
    struct vg_score_total total; /**< what was found last (alert_score.c), ... */
    uint32_t total_of;           /**< ... for the rules with this score_owner, or VG_NO_TOTAL */
};

/** Why a limit that somebody ordered is none (alert_refused.c). */
struct vg_refused {
    enum vg_answer why;
    const char *expected;
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
    const struct vg_order *noting; /**< (row) the order that the row stands for, as a value that was
                                         noted or a limit that was refused, or NULL */
    const struct vg_refused *refused; /**< of that limit, or NULL */
    char origin[VG_NAME_SIZE + 16];   /**< where the limit of the event being built came from */
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

extern const struct vg_watch_kind vg_watch_limit, vg_watch_forecast, vg_watch_anomaly,
    vg_watch_combination, vg_watch_trend, vg_watch_rate, vg_watch_baseline, vg_watch_change,
    vg_watch_stale, vg_watch_lead_off, vg_watch_device_clock, vg_watch_model_error,
    vg_watch_dead_letter, vg_watch_max_patients, vg_watch_artefact, vg_watch_check_sensor,
    vg_watch_readmitted, vg_watch_disconnected, vg_watch_bed_shared, vg_watch_key_mismatch,
    vg_watch_dead_letter_rate, vg_watch_source, vg_watch_score, vg_watch_notice,
    vg_watch_limit_refused;

/** What the kind keeps of the patient: w->memory_size bytes, zeroed at first sight. */
static inline void *vg_watch_memory(const struct vg_look *l, const struct vg_watch *w)
{
    return (char *)l->memory + w->memory_at;
}

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

/* ---- rows and time (alert_watch.c) ---- */

/** The row of `l`, of a kind that w->kind->rows names, may move the episode of `w`, and tell. */
void vg_watch_row(struct vg_look *l, const struct vg_watch *w);
/** Log time has reached `l->out->log_ns` without a row. */
void vg_watch_time(struct vg_look *l, const struct vg_watch *w);
/** When vg_watch_time() has to be called: the earliest time after log time `after_ns`, or
 *  VG_TIME_NONE. */
int64_t vg_watch_due(struct vg_look *l, const struct vg_watch *w, int64_t after_ns);

/** After a change of configuration: true when `open` is the episode of `w`, which then goes on with
 *  the number after the newest that subscribers have. */
VG_NODISCARD bool vg_watch_confirm(struct vg_look *l, const struct vg_watch *w,
                                   const struct vg_open_episode *open);
/** Then, when all were confirmed: an open episode that subscribers do not know, because it began
 *  while memory was rebuilt in silence, is told as a start; one whose kind needs a row to be told
 *  begins anew with the next. */
void vg_watch_announce(struct vg_look *l, const struct vg_watch *w);

/* ---- single kinds ---- */

/** Tells, goes on telling or ends what a recorded command says of the way out. */
void vg_notice_obey(struct vg_look *l, const struct vg_noticed *noticed);
/** The channels whose lead the watch of `lead_off` is about, a bit each: those of a line, unless its rule
 *  names one of them. */
uint32_t vg_lead_channels(const struct vg_watch *w);
/** Notes that the bed comes back, when the row ends a silence that a rule has told of: staleness of
 *  single channels counts from here. Before the row is remembered. */
void vg_stale_back(struct vg_look *l);

#endif
