/* alert_why.h - what an event says of how its alert came to be: window, causes, the last hour. */
#ifndef VG_STAGES_ALERT_WHY_H
#define VG_STAGES_ALERT_WHY_H

#include "stages/alert_watch.h"

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

#endif
