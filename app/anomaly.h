/* anomaly.h - alerts from scores, and how good they are.
 *
 * An alert starts when the score passes the threshold and none has gone on for VG_ALERT_MERGE_NS:
 * what a rule with `keep_firing_for: 30m` does. It is false on a patient who has no trouble; it has
 * seen a scenario when it starts within that scenario's label. Letters: P patients, T ticks.
 */
#ifndef VG_APP_ANOMALY_H
#define VG_APP_ANOMALY_H

#include "core/err.h"

#define VG_ALERT_MERGE_NS (1800 * VG_NS_PER_S)

/** Scores of one patient on the grid. */
struct vg_scores {
    uint32_t ticks;
    int64_t first_ns;          /**< event time of tick 0 */
    float *score;              /**< [T] */
    int64_t from_ns, until_ns; /**< of the scenario's label; equal: no trouble */
};

/** Alerts that start in ticks [from, until). */
uint32_t vg_alerts_count(const struct vg_scores *s, int64_t tick_ns, float threshold, uint32_t from,
                         uint32_t until);

/** Tick of the first alert that starts within the label; false when none does. */
bool vg_alerts_first(const struct vg_scores *s, int64_t tick_ns, float threshold, uint32_t *ret);

/** Alerts per patient-day over all ticks of `p` patients. */
double vg_alerts_per_day(const struct vg_scores *s, uint32_t p, int64_t tick_ns, float threshold);

/** The least threshold with at most `per_day` alerts per patient-day. */
float vg_alerts_threshold(const struct vg_scores *s, uint32_t p, int64_t tick_ns, double per_day);

/** The greatest scores of runs above `threshold` that are at least VG_ALERT_MERGE_NS apart, of all
 *  patients; *ret is freed with free(). */
void vg_alert_peaks(const struct vg_scores *s, uint32_t p, int64_t tick_ns, float threshold,
                    double **ret, size_t *ret_n);

#endif
