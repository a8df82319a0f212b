/* alert_life.h - what becomes of alerts besides starting and ending: their signals, what holds them
 * back, the patient's stay, and what people say about all of it.
 *
 * The drawing is in alert_memory.h; what a user sees of it in ../docs/alert-rules.md.
 */
#ifndef VG_STAGES_ALERT_LIFE_H
#define VG_STAGES_ALERT_LIFE_H

#include "stages/alert_watch.h"

/* ---- signals (alert_signal.c, alert_hold.c) ---- */

/** Priority of an episode as it is now. */
uint8_t vg_signal_priority(const struct vg_watch *w, const struct vg_episode *e);
/** What people are told with; *ret_until_ns as in struct vg_event. */
enum vg_signal vg_signal_of(const struct vg_look *l, const struct vg_watch *w,
                            int64_t *ret_until_ns);
/** The episode has become open: gives the signal, or holds it back, and tells. */
void vg_signal_start(struct vg_look *l, const struct vg_watch *w);
/** The signal is given once more, now. */
void vg_signal_rang(const struct vg_look *l, const struct vg_watch *w);
/** A row or timer has passed: what is held back for no reason any more starts. */
void vg_signal_release(struct vg_look *l, const struct vg_watch *w);
/** A usable value has come while the episode is open: it may be worse, or no longer. */
void vg_signal_value(struct vg_look *l, const struct vg_watch *w);
/** Log time has reached now: silences end, priorities change, signals are given again. */
void vg_signal_time(struct vg_look *l, const struct vg_watch *w);
int64_t vg_signal_due(struct vg_look *l, const struct vg_watch *w, int64_t after_ns);
/** The mute of the rule is over: by `order`, or (NULL) by itself. */
void vg_signal_unmute(struct vg_look *l, const struct vg_watch *w, const struct vg_order *order);

/** Why an episode that is about to start has to wait: enum vg_held. */
uint8_t vg_hold_of(struct vg_look *l, const struct vg_watch *w);
/** What events call it. */
const char *vg_hold_name(const struct vg_look *l, const struct vg_watch *w);
/** When that may have changed without anything happening, or VG_TIME_NONE. */
int64_t vg_hold_until_ns(const struct vg_look *l, const struct vg_watch *w);
/** A signal was given for the first time, or an episode with one has ended. */
void vg_hold_note_start(const struct vg_look *l, const struct vg_watch *w);
void vg_hold_note_end(const struct vg_look *l, const struct vg_watch *w);

static inline struct vg_life *vg_watch_life(const struct vg_look *l, const struct vg_watch *w)
{
    return w->life_at ? (struct vg_life *)((char *)l->memory + w->life_at) : NULL;
}

/* ---- the patient (alert_stay.c), what people say (alert_order.c) ---- */

/** What a watch's limit was, before something that may change it. */
struct vg_limit_before {
    bool present;
    float value;
};

/** Time has reached now: what has expired is over. Before anything else of a row or timer. */
void vg_stay_expire(struct vg_look *l);
/** What the row of `l` says about the patient's stay. False: it is not to be looked at. */
VG_NODISCARD bool vg_stay_row(struct vg_look *l);
/** Whether the watch has nothing to say now: technical alerts of a patient on standby, or about a
 *  probe that was taken off. */
VG_NODISCARD bool vg_stay_quiet(const struct vg_look *l, const struct vg_watch *w);
/** Whether that can be so of any watch. */
static inline bool vg_stay_explains(const struct vg_look *l)
{
    const struct vg_stay *stay = &l->memory->stay;

    return stay->standing != VG_STANDING_ADMITTED || stay->probes_off != 0;
}
int64_t vg_stay_due(const struct vg_look *l, int64_t after_ns);
/** Finds anew when something expires next, after a change of what expires. */
void vg_stay_find_next(struct vg_look *l);
/** The patient's own limit, or NULL. */
const struct vg_stay_limit *vg_stay_limit(const struct vg_stay *stay, int channel);
/** Log time until which the rule of the watch is muted; 0: it is not. */
int64_t vg_stay_muted_ns(const struct vg_look *l, const struct vg_watch *w);

/** Log time from which silence may be told of, after a standby or a probe that was off. */
int64_t vg_stay_told_from_ns(const struct vg_look *l, const struct vg_watch *w);

/* Orders about the patient; each checks that it can be obeyed, changes the stay, and tells. */
enum vg_answer vg_stay_set_mute(struct vg_look *l, const struct vg_order *order);
enum vg_answer vg_stay_set_limit(struct vg_look *l, const struct vg_order *order);
enum vg_answer vg_stay_admit(struct vg_look *l);
enum vg_answer vg_stay_discharge(struct vg_look *l, const struct vg_order *order);
enum vg_answer vg_stay_standby(struct vg_look *l, const struct vg_order *order);
enum vg_answer vg_stay_probe_off(struct vg_look *l, const struct vg_order *order);

/* ---- what people note by a command (alert_note.c) ---- */

/** Takes the value, or takes it back, and shows that to the rules that look at it; l->command is the
 *  order's. */
enum vg_answer vg_note_obey(struct vg_look *l, const struct vg_order *order);
/** Forgets what has expired by now, and shows that. */
void vg_note_expire(struct vg_look *l);

/* ---- limits that were refused (alert_refused.c) ---- */

/** Whether the patient can have the limits of an order in this bed: VG_ANSWER_OK, or why not. That is
 *  then told to everybody, and what was told of an earlier one is over. l->command is the order's. */
enum vg_answer vg_refused_judge(struct vg_look *l, const struct vg_order *order);
/** The channel has got another limit, or none of its own: what was refused of it is over. */
void vg_refused_over(struct vg_look *l, const struct vg_order *order);

/** Obeys, tells what that changes, and returns the answer. Orders about an alert find it by its id
 *  among those of the patient. */
enum vg_answer vg_order_obey(struct vg_look *l, const struct vg_order *order);

#endif
