/* simulator.h - a ward of simulated patients, one row a second and bed. Pure: no clock, no I/O.
 *
 * The vital signs of a patient move together: slow and hourly factors with the correlations and
 * autocorrelations measured in the eICU demo, the day, care and pain, respiratory sinus arrhythmia
 * and the baroreflex; on top of these scenarios (what the patient suffers) and artefacts (what the
 * monitor gets wrong). Each bed draws from random numbers of its own, and within it the patient,
 * his troubles and his monitor's each from their own: the same seed gives the same rows whatever
 * else is asked of the ward, one bed's scenario changes no other bed, and artefacts change only
 * what is shown. No value depends on the C library or the processor (models/elementary.h).
 *
 * Two ways to the rows: a ward (struct vg_sim) gives them second by second in the order of its
 * beds, as a pipeline would see them; a bed (struct vg_sim_bed) gives its own alone, so that
 * threads can share a population between them. Both give the same rows.
 */
#ifndef VG_APP_SIMULATOR_H
#define VG_APP_SIMULATOR_H

#include "core/channel.h"
#include "core/err.h"

struct vg_sim;
struct vg_sim_bed;

enum { VG_SIM_BEDS_MAX = 10000, VG_SIM_GROUPS = 9 };

struct vg_sim_config {
    uint32_t beds; /**< 1..VG_SIM_BEDS_MAX */
    const char *ward;
    uint64_t seed;
    int64_t start_ns;     /**< time of the first row */
    double artefact_rate; /**< random artefacts as a multiple of the usual rates; 0: none */
    /* Each bed suffers one scenario of random severity with this probability: 0 for a population
     * of stable patients, 1 for one in which everybody gets into trouble once. */
    double scenario_share;
    const char *scenario_group; /**< of vg_sim_group(); NULL: each of them equally often */
    int64_t onset_from_ns;  /**< since start_ns: when the scenario begins, each moment equally */
    int64_t onset_until_ns; /**< likely */
};

/** One patient at one second. A channel is GOOD, MISSING (the device says: none) or ABSENT. */
struct vg_sim_row {
    uint32_t bed;                /**< from 0 */
    const char *patient, *label; /**< owned by the ward or bed */
    bool silent;                 /**< the bed sends nothing now; the rest of the row says nothing */
    int64_t record_ns;           /**< when the row reaches Kafka */
    int64_t device_ns;           /**< what the device's clock says */
    float value[VG_CHANNELS];    /**< whole numbers, temp tenths */
    uint8_t quality[VG_CHANNELS];
};

/* ---- what can happen ---- */

enum vg_sim_kind { VG_SIM_SCENARIO, VG_SIM_ARTEFACT };

/** A line of the catalogue of scenarios and artefacts. */
struct vg_sim_entry {
    enum vg_sim_kind kind;
    const char *name, *summary;
    const char *group; /**< (scenarios) forms of one trouble share it: opioid and opioid-oxygen */
    uint32_t channels; /**< bit c: changes what channel c shows; for clocks and silence none */
};

/** Entry `i` of the catalogue, or NULL behind the last. */
const struct vg_sim_entry *vg_sim_catalogue(size_t i);

/** Name of scenario group `i` of VG_SIM_GROUPS: "sepsis", "haemorrhage", ... */
const char *vg_sim_group(size_t i);

/** Something that happens to a bed: the truth that a detector or a gate is judged by. */
struct vg_sim_label {
    const struct vg_sim_entry *entry;
    uint32_t bed;
    const char *patient, *bed_label; /**< owned by the ward or bed */
    int64_t start_ns;                /**< (scenarios) an alert from here on ... */
    int64_t end_ns;    /**< ... and before here has seen it; (artefacts) shown in [start, end) */
    int64_t onset_ns;  /**< t0 of the scenario's equations; for sepsis the middle of its rise */
    double severity;   /**< 0.75..1.25; 1 for artefacts */
    uint32_t channels; /**< bit c: what of it shows here, e.g. motion with or without the pulse */
};

/* ---- a ward ---- */

struct vg_sim *vg_sim_new(const struct vg_sim_config *config);

/**
 * Adds "NAME@BED:START" or "NAME@BED:START+LENGTH": BED is a number from 1 or its label, START and
 * LENGTH are durations ("5m"). Without LENGTH a scenario goes on (some end by themselves) and an
 * artefact has its usual length. VG_E_USAGE says what is wrong.
 */
VG_NODISCARD vg_status vg_sim_add(struct vg_sim *sim, enum vg_sim_kind kind, const char *spec,
                                  struct vg_err *err);

/** The next row: second by second, in a second bed by bed. Never ends. */
void vg_sim_next(struct vg_sim *sim, struct vg_sim_row *row);

/** Bed `i` of the ward, from 0; owned by it. */
struct vg_sim_bed *vg_sim_bed(struct vg_sim *sim, uint32_t i);

void vg_sim_free(struct vg_sim *sim); /**< NULL is fine */

/* ---- a bed on its own ---- */

/** Bed `bed` of the ward that `config` describes, without the others. Not shared by threads. */
struct vg_sim_bed *vg_sim_bed_new(const struct vg_sim_config *config, uint32_t bed);

/** The bed's next second. Never ends. */
void vg_sim_bed_next(struct vg_sim_bed *bed, struct vg_sim_row *row);

/**
 * Adds an effect of the catalogue that begins `start_s` seconds after the first row; length_s 0 as
 * in vg_sim_add(). False when the bed has all the effects that it can have.
 */
VG_NODISCARD bool vg_sim_bed_add(struct vg_sim_bed *bed, const struct vg_sim_entry *entry,
                                 double start_s, double length_s);

/**
 * What happens to the bed in [0, duration_ns) since its first row, whether those rows have been
 * taken or not, in order of start: at most `max` labels into `labels`. Returns how many there are
 * in all. Depends on what was added, not on how far the bed has come.
 */
size_t vg_sim_bed_labels(const struct vg_sim_bed *bed, int64_t duration_ns,
                         struct vg_sim_label *labels, size_t max);

void vg_sim_bed_free(struct vg_sim_bed *bed); /**< NULL is fine */

#endif
