/* vitals.h - the vital signs of one simulated patient as a monitor measures them, without artefacts.
 *
 * Levels of the patient, two slow factors (hours) and one of minutes around them, the day, care and
 * pain; within seconds respiratory sinus arrhythmia, blood pressure waves and the baroreflex; then
 * noise, and the seconds for which a monitor holds a number.
 */
#ifndef VG_APP_VITALS_H
#define VG_APP_VITALS_H

#include "app/effects.h"

/** Factors that wander over hours: what the correlations between vital signs are measured on. */
enum vg_factor { VG_F_HR, VG_F_RR, VG_F_SPO2, VG_F_MAP, VG_F_PP, VG_F_TEMP, VG_FACTORS };
/** And within minutes. */
enum vg_minute { VG_M_HR, VG_M_MAP, VG_M_RR, VG_MINUTES };

enum { VG_CUFF_EVERY_S = 900 };

/** Fixed size, no pointers; a patient's state between two seconds. */
struct vg_vitals {
    struct vg_random slow, fast, care; /* so that none hangs on how often another is asked */
    double own[VG_FACTORS], etco20;    /* this patient's own level */
    double hours8[VG_FACTORS], hour[VG_FACTORS]; /* SD 1 */
    double level[VG_FACTORS];                    /* own, wander and day together */
    double minute[VG_MINUTES], minute_keep[VG_MINUTES], minute_new[VG_MINUTES];
    double breath; /* phase of breathing, in breaths */
    double arousal_at_s, arousal_width_s, arousal_gain;
    double held[VG_CHANNELS];
    int64_t held_until_s[VG_CHANNELS];
    int64_t start_s;      /* since 1970 */
    uint32_t cuff_second; /* of each VG_CUFF_EVERY_S seconds */
};

/** The patient of this number; start_s: when second 0 is, since 1970. */
void vg_vitals_init(struct vg_vitals *v, uint64_t seed, uint32_t patient, int64_t start_s);

/** Whether the cuff gives a reading at this second. */
static inline bool vg_vitals_cuff(const struct vg_vitals *v, int64_t second)
{
    return second % VG_CUFF_EVERY_S == v->cuff_second;
}

/**
 * The next second, counted from 0. Sets the value and quality of the channels that are measured;
 * those of the cuff only when it gives a reading.
 */
void vg_vitals_step(struct vg_vitals *v, int64_t second, const struct vg_change *d,
                    struct vg_shown *s);

#endif
