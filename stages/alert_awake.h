/* alert_awake.h - only the watches that a row or a moment can move are looked at. */
#ifndef VG_STAGES_ALERT_AWAKE_H
#define VG_STAGES_ALERT_AWAKE_H

#include "stages/alert_watch.h"

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

#endif
