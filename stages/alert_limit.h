/* alert_limit.h - which number a limit is: of the patient, the bed, the profile or the rule. */
#ifndef VG_STAGES_ALERT_LIMIT_H
#define VG_STAGES_ALERT_LIMIT_H

#include "stages/alert_watch.h"

static inline bool vg_passes(const struct vg_bound *bound, float value, float limit)
{
    return bound->above ? value > limit : value < limit;
}

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
/** The same, and begins the text with it; false when data are lost, which the text then says whole. */
VG_NODISCARD bool vg_watch_say_newest(const struct vg_look *l, const struct vg_watch *w,
                                      const struct vg_episode *e, struct vg_event *event,
                                      struct vg_buf *text);

#endif
