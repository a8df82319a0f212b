/* effects.h - what simulated patients suffer (scenarios) and monitors get wrong (artefacts).
 *
 * A scenario changes the vital signs before they are measured, an artefact what the monitor shows
 * of them. Both are lines of one catalogue; adding one is a function and a line in
 * effects_scenario.c or effects_artefact.c.
 */
#ifndef VG_APP_EFFECTS_H
#define VG_APP_EFFECTS_H

#include "app/random.h"
#include "app/simulator.h"

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
    uint64_t noise;  /**< of what flickers while it lasts */
};

struct vg_effect_entry {
    struct vg_sim_entry base;

    /* scenarios */
    /** `t_min` since the start; adds to *d. */
    void (*change)(const struct vg_effect *e, double t_min, struct vg_change *d);
    bool ends;                /**< has its own end: length_s is handled by `change` */
    double onset_s, window_s; /**< after the start: t0 of its equations; until when alerts count */
    double share;             /**< among the forms of its group; they add up to 1 */

    /* artefacts */
    /** `t_s` since the start. */
    void (*show)(const struct vg_effect *e, double t_s, struct vg_shown *s);
    double per_day;               /**< usual rate */
    double shortest_s, longest_s; /**< usual length */
    bool spoils_one_reading;      /**< of the cuff: begins with one, lasts for that second */
    uint32_t (*covers)(const struct vg_effect *e); /**< which of base.channels; NULL: all */
};

/** Entry `i`: scenarios first, then artefacts; NULL behind the last. */
const struct vg_effect_entry *vg_effect_entry(size_t i);

/* The parts of the catalogue: entry `i`, NULL behind the last. */
const struct vg_effect_entry *vg_scenario_entry(size_t i);
const struct vg_effect_entry *vg_artefact_entry(size_t i);

/** An effect that begins at start_s, with its random part drawn. length_s 0: as usual. */
struct vg_effect vg_effect_make(const struct vg_effect_entry *entry, double start_s,
                                double length_s, struct vg_random *r);

/** Adds what the scenario does at `now_s`. */
void vg_effect_change(const struct vg_effect *e, double now_s, struct vg_change *d);

/** Changes what is shown at `now_s`, when that is within it. */
void vg_effect_show(const struct vg_effect *e, double now_s, struct vg_shown *s);

/** What is to be known of it, with times in seconds since the first row of the bed. */
struct vg_effect_span {
    double start_s, end_s, onset_s;
    uint32_t channels;
};
struct vg_effect_span vg_effect_span(const struct vg_effect *e);

/** A value as a monitor shows it: whole numbers, temp tenths; |value| < 2^47. */
float vg_effect_reading(int channel, double value);

/* Shapes for both; times in any unit, the same for both arguments. */
double vg_effect_rise(double t, double tau); /**< 1 - exp(-t / tau), 0 before t = 0 */
double vg_effect_between(double u, double low, double high);

#endif
