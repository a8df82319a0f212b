/* overlay.h - artefacts laid over what patients went through: is an alert missed, or told later?
 *
 * An event is a limit of high priority that the patient's own values have passed for long enough. Each is
 * played again with every artefact of the simulator, begun before the crossing, with it, and
 * before the alert would have come; each time through the chain as configured and through the same
 * chain whose stage `artefact` marks nothing. What that one tells is the measure: what an artefact
 * hides from a limit without a gate the gate has not withheld.
 */
#ifndef VG_APP_OVERLAY_H
#define VG_APP_OVERLAY_H

#include "app/alert_collect.h"
#include "app/effects.h"

/** When the artefact begins. */
enum vg_overlay_place {
    VG_OVERLAY_BEFORE, /**< before the crossing, to end within it or behind it */
    VG_OVERLAY_AT,     /**< within 5 s of the crossing */
    VG_OVERLAY_WITHIN, /**< between the crossing and the alert */
    VG_OVERLAY_PLACES,
};

/** How a limit was told of, beside what the chain without a gate tells. */
enum vg_overlay_found {
    VG_OVERLAY_BY_LIMIT, /**< at most VG_OVERLAY_LATEST_NS later */
    VG_OVERLAY_BY_TECHNICAL, /**< in that time by the condition `artefact` or `disconnected`, as loud, in
                                  its place */
    VG_OVERLAY_LATE,
    VG_OVERLAY_MISSED,
    VG_OVERLAY_HIDDEN, /**< not told without a gate either */
    VG_OVERLAY_FOUND_COUNT,
};

#define VG_OVERLAY_LATEST_NS (20 * VG_NS_PER_S)

struct vg_overlay_event {
    uint32_t rule; /**< index, as vg_alert_seen has it */
    int channel;
    int64_t onset_ns, start_ns; /**< the undisturbed values pass the limit; and are told */
    int64_t until_ns;           /**< what is told later is no longer about it */
};

/** One event under one artefact. Times are log times, VG_TIME_NONE: never, and not before start_ns:
 *  what was told before the patient's values passed the limit, and still is, tells of it at once. */
struct vg_overlay_outcome {
    uint32_t population, patient; /**< whose; the caller's */
    struct vg_overlay_event event;
    uint32_t artefact; /**< of vg_artefact_entry() */
    uint8_t place;     /**< enum vg_overlay_place */
    uint8_t found;     /**< enum vg_overlay_found */
    bool same_channel; /**< the artefact changes the limit's own channel */
    int64_t ungated_ns, limit_ns, technical_ns;
};

struct vg_overlay_outcomes {
    struct vg_overlay_outcome *one; /**< freed by the caller */
    size_t n;
};

/** A patient's rows, second by second. */
struct vg_overlay_rows {
    const struct vg_sim_row *row;
    size_t n;
};

/** The two chains. */
struct vg_overlay {
    const struct vg_config *gated;
    struct vg_config ungated; /**< shares all but its stage `artefact` */
    struct vg_stage_ops open; /**< of that stage */
};

/** Fails with VG_E_CONFIG where no stage could withhold anything. vg_overlay_done() follows in every
 *  case; *o must stay where it is, and `gated` live longer. */
VG_NODISCARD vg_status vg_overlay_init(struct vg_overlay *o, const struct vg_config *gated,
                                       struct vg_err *err);
void vg_overlay_done(struct vg_overlay *o);

/** The chain's alerts on these rows, with this artefact or (NULL) without; the list is freed by the
 *  caller. Fails as vg_offline_new(). */
VG_NODISCARD vg_status vg_overlay_watch(const struct vg_config *config,
                                        const struct vg_overlay_rows *rows,
                                        const struct vg_effect *artefact, struct vg_alert_list *ret,
                                        struct vg_err *err);

/** Whether an alert that the undisturbed values raise is an event, and which. */
VG_NODISCARD bool vg_overlay_is_event(const struct vg_config *config,
                                      const struct vg_alert_seen *alert,
                                      struct vg_overlay_event *ret);

/** Judges what both chains told: fills in `found` and the times of *o, whose event is known. */
void vg_overlay_judge(const struct vg_config *config, const struct vg_alert_list *ungated,
                      const struct vg_alert_list *gated, struct vg_overlay_outcome *o);

/** Lays every artefact over the event, at every place, and appends the outcomes to *ret, with this
 *  population and patient. The rows begin VG_OVERLAY_BEFORE_NS before the event or with the patient,
 *  and end VG_OVERLAY_AFTER_NS behind it. Draws from `random`. Fails as vg_offline_new(). */
VG_NODISCARD vg_status vg_overlay_lay(const struct vg_overlay *overlay,
                                      const struct vg_overlay_rows *rows,
                                      const struct vg_overlay_outcome *what,
                                      struct vg_random *random, struct vg_overlay_outcomes *ret,
                                      struct vg_err *err);

/* What the gate and rules remember of a patient is complete after so long, and what was begun while
 * an event lasted comes out. */
#define VG_OVERLAY_BEFORE_NS (INT64_C(3600) * VG_NS_PER_S)
#define VG_OVERLAY_AFTER_NS  (30 * VG_NS_PER_S)

#endif
