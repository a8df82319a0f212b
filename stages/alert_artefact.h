/* alert_artefact.h - what is watched without being asked for: artefacts in place of the limits that
 * they silence, and the conditions that no rule names.
 */
#ifndef VG_STAGES_ALERT_ARTEFACT_H
#define VG_STAGES_ALERT_ARTEFACT_H

#include "stages/alert_watch.h"

/** Of how many limits `channel` tells when they are not guarded by a measurement. */
uint32_t vg_artefact_limits(const struct vg_alert *a, int channel);
/** Makes the built-in rule for `channel`: it takes the place of the limits that are watched. */
const struct vg_rule *vg_artefact_stand_in(struct vg_alert *a, int channel);
/** Once all rules are watched: which limits each stands in for. VG_E_CONFIG when a configured rule for
 *  artefacts is less urgent than such a limit, or waits longer than 20 s and that limit. */
VG_NODISCARD vg_status vg_artefact_link(struct vg_alert *a, struct vg_err *err);
/** A row has said that of a guarded limit that is not open: keeps `stood`, before the episode moves. */
void vg_artefact_note(const struct vg_look *l, const struct vg_watch *limit, enum vg_says says);
/** Whether a limit that `circuit`, of the condition DISCONNECTED, was told instead of would still be. */
VG_NODISCARD bool vg_artefact_keeps(const struct vg_look *l, const struct vg_watch *circuit);

/* ---- conditions (alert_builtin.c) ---- */

/** Whether a rule may name a channel for a condition. */
bool vg_condition_can_watch(const struct vg_alert *a, enum vg_condition condition, int channel);
/** Whether a condition is watched on a channel when its rule names none. */
bool vg_condition_watches(const struct vg_alert *a, enum vg_condition condition, int channel);
/** Whether a rule other than `but` watches a condition: on this channel, or (NONE) on all that have
 *  it. */
bool vg_condition_covered(const struct vg_alert *a, enum vg_condition condition, int channel,
                          const struct vg_rule *but);
/** Whether anything in the chain can find it: memory is kept for nothing else. */
bool vg_condition_can_occur(const struct vg_plan *plan, enum vg_condition condition);
/** The built-in rule of a condition, made anew. */
const struct vg_rule *vg_condition_rule(struct vg_alert *a, enum vg_condition condition);

#endif
