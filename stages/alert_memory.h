/* alert_memory.h - what the alert stage remembers of a patient.
 *
 * Of each watch (alert_watch.h) an episode: whether the condition holds, since when, and what was said
 * about it.
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
 */
#ifndef VG_STAGES_ALERT_MEMORY_H
#define VG_STAGES_ALERT_MEMORY_H

#include "core/stage.h"
#include "stages/alert_stay.h"

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

/** Whether there is a value that nobody has taken back; how old it may be is for rules. */
static inline bool vg_newest_holds(const struct vg_newest *n)
{
    return n->seen && !n->over;
}

static inline bool vg_episode_open(const struct vg_episode *e)
{
    return e->state >= VG_EPISODE_ACTIVE;
}

struct vg_alert;
struct vg_watch;

/** Places what is kept of a patient, once all watches are planned; returns its bytes. */
size_t vg_memory_place(struct vg_alert *a);
/** Which of what people note a watch looks at, or its parts: bit c - VG_MEASURED. */
uint32_t vg_watch_noted(const struct vg_alert *a, const struct vg_watch *w);

#endif
