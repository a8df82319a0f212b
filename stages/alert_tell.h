/* alert_tell.h - what is said of an episode, and which one was meant. */
#ifndef VG_STAGES_ALERT_TELL_H
#define VG_STAGES_ALERT_TELL_H

#include "stages/alert_watch.h"

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

/** Whether the episode is open and has that id. */
VG_NODISCARD bool vg_watch_is(struct vg_look *l, const struct vg_watch *w, const uint8_t id[16]);
/** Whether describe() can be called now: some kinds need a row of theirs unless data are lost. */
VG_NODISCARD bool vg_watch_can_describe(const struct vg_look *l, const struct vg_watch *w);

/** Whether an event has no value to tell because data are lost. A worse one of before, which has waited
 *  for its time, is told all the same. */
static inline bool vg_watch_tells_loss(const struct vg_episode *e, const struct vg_event *event)
{
    return e->lost && (event->phase != VG_PHASE_UPDATE || event->reason);
}

/** An empty buffer for the words of one saying; the next call empties it again. */
static inline struct vg_buf *vg_look_words(const struct vg_look *l)
{
    vg_buf_clear(&l->alert->words);
    return &l->alert->words;
}

#endif
