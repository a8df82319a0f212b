/* risk_inputs.h - what risk models see of a stay: its hours one by one, or a summary until an hour.
 *
 * A case is a question put to a model: at the end of hour t of a stay, what is the risk? One per
 * stay (long layout: at the end of the window, which is the same for all, so that nobody's length of
 * stay tells how he fared) or one per hour. Nothing measured after the case is seen.
 *
 * Letters: S stays, N cases, V variables, K columns of a summary.
 */
#ifndef VG_APP_RISK_INPUTS_H
#define VG_APP_RISK_INPUTS_H

#include "app/risk_data.h"
#include "models/summary.h"
#include "models/train.h"

struct vg_risk_case {
    uint32_t stay;
    uint32_t hour; /**< from 0: the case stands at the end of it */
    bool label;
    float target; /**< what networks learn, 0 or 1: the label; hourly: whether an alarm helps */
    float weight; /**< of the case in learning */
};

struct vg_risk_cases {
    size_t n;
    struct vg_risk_case *list; /**< [N], by stay, then hour */
    size_t *first;             /**< [S] index of the first case of a stay */
};

/** Freed by vg_risk_cases_done(). */
void vg_risk_cases_init(struct vg_risk_cases *c, const struct vg_risk_data *d);
void vg_risk_cases_done(struct vg_risk_cases *c);

/* ---- hours ---- */

/** Every stay on a grid of hours. Values of one hour are averaged, amounts added up; a descriptor
 *  is there in every hour. */
struct vg_risk_hours {
    uint32_t variables; /**< V */
    size_t *first;      /**< [S] row of a stay's hour 0 */
    float *value;       /**< [rows, V] on the variables' scales; 0 where not seen */
    uint8_t *seen;      /**< [rows, V] */
    float *age;         /**< [longest stay + 1] log(1 + minutes) / 6 of so many hours */
};

void vg_risk_hours_init(struct vg_risk_hours *h, const struct vg_risk_data *d);
void vg_risk_hours_done(struct vg_risk_hours *h);

/** Standardisation: z = clip((value - mean) / scale). */
struct vg_risk_standard {
    float *mean, *scale; /**< [V] or [K]; scale is 1 where values do not differ */
    float clip;
};

/** Mean and standard deviation of what was seen in the stays of `part` [S] (bool). */
void vg_risk_hours_standard(const struct vg_risk_hours *h, const struct vg_risk_data *d,
                            const bool *part, float clip, struct vg_risk_standard *ret);
void vg_risk_standard_done(struct vg_risk_standard *s);

/** One hour as a network with a decay layer takes it: x = [value, mask, age] [3, n] of the variables
 *  `which` [n] of the data (NULL: all in order). `held` [n] (standardised) and `since_h` [n] are what
 *  the hours before have left, zeros at first; x NULL moves on without writing. */
void vg_risk_hour_inputs(const struct vg_risk_hours *h, const struct vg_risk_standard *standard,
                         uint32_t n, const uint32_t *which, size_t row, float *held,
                         uint32_t *since_h, float *x);

/** "Creatinine.log": what a model file calls a variable of its hours. Returns `name`. */
const char *vg_risk_hour_name(const struct vg_risk_variable *v, char name[VG_NAME_SIZE]);

/** Sequences of [value, mask, age] [3, V] for a network that begins with a decay layer
 *  (models/network.h); a target at each hour. */
struct vg_risk_sequences {
    const struct vg_risk_data *data;
    const struct vg_risk_hours *hours;
    const struct vg_risk_cases *cases;
    const struct vg_risk_standard *standard;
    const uint32_t *stay; /**< [sequences] which stays */
    uint32_t stays;
    float every_hour; /**< share of the loss that lies on the hours before the case (long) */
};

/** A set over `s`, which must outlive it. */
struct vg_train_set vg_risk_sequence_set(const struct vg_risk_sequences *s);

/* ---- summaries ---- */

/** What is summed up of every variable; descriptors have their value and nothing else. */
struct vg_risk_summary_spec {
    uint32_t kinds;
    enum vg_summary_kind kind[VG_SUMMARY_KINDS];
    bool
        masks_only; /**< values are left out: what remains is that and when something was measured */
    bool time_only; /**< nothing but the hour of the case and of the newest measurement */
};

struct vg_risk_summaries {
    size_t cases;
    uint32_t columns;           /**< K */
    char (*name)[VG_NAME_SIZE]; /**< [K] "BUN.log.last" */
    enum vg_summary_kind *kind; /**< [K]; VG_SUMMARY_LAST of descriptors */
    float *value;               /**< [N, K]; 0 where not known */
    uint8_t *known;             /**< [N, K] */
};

void vg_risk_summaries_init(struct vg_risk_summaries *m, const struct vg_risk_data *d,
                            const struct vg_risk_cases *c, const struct vg_risk_summary_spec *spec);
void vg_risk_summaries_done(struct vg_risk_summaries *m);

/** Mean and standard deviation over the known entries of the cases whose stay is in `part` [S]. */
void vg_risk_summaries_standard(const struct vg_risk_summaries *m, const struct vg_risk_cases *c,
                                const bool *part, float clip, struct vg_risk_standard *ret);

#endif
