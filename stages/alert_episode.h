/* alert_episode.h - the moves of an episode from one state to the next, and what each tells.
 *
 * What makes it move, rows and time, is in alert_watch.c.
 */
#ifndef VG_STAGES_ALERT_EPISODE_H
#define VG_STAGES_ALERT_EPISODE_H

#include "stages/alert_watch.h"

/** The condition begins to hold, at the row or the moment of `l`: PENDING. */
void vg_episode_begin(struct vg_look *l, const struct vg_watch *w);
/** It has held for long enough: ACTIVE, and people are told unless it is held back. */
void vg_episode_start(struct vg_look *l, const struct vg_watch *w);
/** What was clear is not, or may not be. */
void vg_episode_reactivate(const struct vg_look *l, struct vg_episode *e);
/** What was latched is the case again: another occurrence, which nobody has acknowledged. */
void vg_episode_unlatch(struct vg_look *l, const struct vg_watch *w);
/** Moves on what has been clear for long enough; true when the condition is over. */
VG_NODISCARD bool vg_episode_settle(struct vg_look *l, const struct vg_watch *w);
/** Its data are lost: it waits. */
void vg_episode_lose(struct vg_look *l, const struct vg_watch *w);
/** Ends an episode that is open, with a text of its own or (NULL) the kind's; `order` made it end, or
 *  is NULL. */
void vg_watch_end(struct vg_look *l, const struct vg_watch *w, const char *reason,
                  const char *words, const struct vg_order *order);
/** Forgets the episode. What is known of the patient outlasts it. */
void vg_episode_clear(const struct vg_look *l, const struct vg_watch *w);
/** Begins anew with a watch of a patient, as if nothing had been found. */
void vg_watch_forget(const struct vg_look *l, const struct vg_watch *w);
/** The watch has something to remember: rows and timers look at it. */
static inline void vg_episode_wake(const struct vg_look *l, const struct vg_watch *w)
{
    vg_look_awake(l)[w->place / 64] |= UINT64_C(1) << w->place % 64;
}

/* ---- for how long a finding speaks ---- */

/** A row has said something now. */
static inline void vg_episode_note_known(const struct vg_look *l, const struct vg_watch *w)
{
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = l->out->log_ns;
}

/** Log time up to which the newest finding speaks for the patient; only of a watch with validity_ns. */
static inline int64_t vg_episode_valid_until(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_watch_times(l, w)->known_ns + w->validity_ns;
}

/** Whether the newest finding still speaks for the patient. */
static inline bool vg_episode_speaks(const struct vg_look *l, const struct vg_watch *w,
                                     int64_t now_ns)
{
    return !vg_watch_episode(l, w)->retracted &&
           (w->validity_ns == 0 || now_ns <= vg_episode_valid_until(l, w));
}

/** Whether the newest finding speaks for the patient beyond doubt: no longer at the very edge. */
VG_NODISCARD bool vg_watch_surely_speaks(const struct vg_look *l, const struct vg_watch *w,
                                         int64_t now_ns);

#endif
