/* effects.h - what simulated patients suffer (scenarios) and monitors get wrong (artefacts).
 *
 * A scenario changes the vital signs before they are measured, an artefact what the monitor shows
 * of them. Both are lines of one catalogue; adding one is a function and a line in effects.c.
 */
#ifndef VG_APP_EFFECTS_H
#define VG_APP_EFFECTS_H

#include "app/simulator.h"

/** Random numbers by counting (SplitMix64): a state is 8 bytes and streams are independent. */
struct vg_random {
    uint64_t state;
    double spare; /* of a pair of normal deviates */
    bool has_spare;
};

struct vg_random vg_random_stream(uint64_t seed, uint64_t stream);
double vg_random_uniform(struct vg_random *r, double low, double high);
double vg_random_normal(struct vg_random *r); /**< mean 0, SD 1 */

/** The change that all scenarios of a patient make together; starts as VG_CHANGE_NONE. */
struct vg_change {
    double hr, rr, spo2, map, pp, temp, etco2; /**< added */
    double rr_factor;
    double hr_target, hr_pull; /**< 0..1: how much the heart follows hr_target */
    double hr_noise;           /**< SD, /min, instead of the usual one when greater */
    double sinus_arrhythmia;   /**< factor */
    double pulse_deficit;      /**< beats that do not reach the finger */
    bool apnoea;               /**< no breath: RR and EtCO2 are 0 */
};

#define VG_CHANGE_NONE                         \
    (struct vg_change)                         \
    {                                          \
        .rr_factor = 1, .sinus_arrhythmia = 1, \
    }

/** What the monitor shows. */
struct vg_shown {
    double value[VG_CHANNELS];
    uint8_t quality[VG_CHANNELS];
    double clock_s; /**< of the device, ahead */
    bool silent;
};

/** One effect on one bed. */
struct vg_effect {
    const struct vg_effect_entry *entry;
    double start_s;
    double length_s; /**< 0: goes on, or as long as it usually is */
    double severity; /**< 0.75..1.25 */
    double u[3];     /**< drawn once: what differs between two patients with the same trouble */
};

struct vg_effect_entry {
    struct vg_sim_entry base;
    /** (scenarios) `t_min` since the start; adds to *d. */
    void (*change)(const struct vg_effect *e, double t_min, struct vg_change *d);
    bool ends; /**< (scenarios) has its own end: length_s is handled by `change` */
    /** (artefacts) `t_s` since the start. */
    void (*show)(const struct vg_effect *e, double t_s, struct vg_random *r, struct vg_shown *s);
    double per_day;               /**< (artefacts) usual rate */
    double shortest_s, longest_s; /**< (artefacts) usual length */
};

/** Entry `i`, or NULL behind the last. */
const struct vg_effect_entry *vg_effect_entry(size_t i);

/** An effect that begins at start_s, with its random part drawn. length_s 0: as usual. */
struct vg_effect vg_effect_make(const struct vg_effect_entry *entry, double start_s,
                                double length_s, struct vg_random *r);

/** Adds what the scenario does at `now_s`. */
void vg_effect_change(const struct vg_effect *e, double now_s, struct vg_change *d);

/** Changes what is shown at `now_s`; false when the artefact is over. */
bool vg_effect_show(const struct vg_effect *e, double now_s, struct vg_random *r,
                    struct vg_shown *s);

#endif
