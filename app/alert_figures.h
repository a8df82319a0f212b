/* alert_figures.h - what alerts cost and what they are worth, counted.
 *
 * An alert about a limit is false when the patient's own values, without artefacts, did not raise it
 * within a minute of its start; otherwise it is a true crossing, wanted or not. One that is concluded
 * (forecasts, anomalies, trends, scores, combinations) is false on a patient without trouble. An
 * alert has seen a trouble when it starts while that shows.
 */
#ifndef VG_APP_ALERT_FIGURES_H
#define VG_APP_ALERT_FIGURES_H

#include "app/alert_study.h"
#include "models/bootstrap.h"

enum { VG_ALERT_RULES_MAX = 256 };

/** Of one rule, on patients without trouble. */
struct vg_alert_rule_figures {
    uint32_t starts;
    uint32_t crossings; /**< (limits) the patient's own values raised it, too */
    double active_s;    /**< all episodes together */
    double median_s;    /**< of an episode */
};

/** Of one group of scenarios. */
struct vg_alert_group_figures {
    struct vg_interval seen;      /**< share of patients, by any but technical alerts */
    struct vg_interval by_limit;  /**< ... by limits alone */
    struct vg_interval concluded; /**< ... by the others alone */
    double delay_s; /**< median from the label's start to the first, of those seen; or NAN */
    double chance;  /**< share of windows of that length on days without trouble with an alert */
};

struct vg_alert_figures {
    bool simulated; /**< else nothing is known to be false or seen, and those figures are 0 */
    double days;    /**< patient-days without trouble, or recorded */
    uint32_t starts[VG_ALERT_KIND_COUNT][VG_PRIORITY_COUNT];
    double technical;    /**< share of all starts */
    double floods;       /**< times of ten alerts in ten minutes, per patient-day */
    double false_limits; /**< per patient-day */
    double false_concluded;
    double unmet_concluded;   /**< of these, not raised by the patient's own values either */
    double false_merged;      /**< both, those of half an hour counted as one */
    uint64_t artefacts;       /**< that change a channel */
    uint64_t artefact_alerts; /**< of these, that made a physiological alert */
    uint32_t rules;
    struct vg_alert_rule_figures rule[VG_ALERT_RULES_MAX];
    struct vg_alert_group_figures group[VG_SIM_GROUPS];
    double macro, worst; /**< mean and least of seen */
    double precision;    /**< of the alerts on patients in trouble: started while it showed */
};

void vg_alert_figures(const struct vg_alert_population *p, struct vg_alert_figures *ret);

#endif
