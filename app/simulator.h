/* simulator.h - a ward of simulated patients, one row a second and bed. Pure: no clock, no I/O.
 *
 * The vital signs of a patient move together: slow and hourly factors with the correlations and
 * autocorrelations measured in the eICU demo, the day, care and pain, respiratory sinus arrhythmia
 * and the baroreflex; on top of these scenarios (what the patient suffers) and artefacts (what the
 * monitor gets wrong). Each bed draws from random numbers of its own, so the same seed gives the
 * same rows whatever else is asked of the ward, and one bed's scenario changes no other bed.
 */
#ifndef VG_APP_SIMULATOR_H
#define VG_APP_SIMULATOR_H

#include "core/channel.h"
#include "core/err.h"

struct vg_sim;

enum { VG_SIM_BEDS_MAX = 10000 };

struct vg_sim_config {
    uint32_t beds; /**< 1..VG_SIM_BEDS_MAX */
    const char *ward;
    uint64_t seed;
    int64_t start_ns;     /**< time of the first row */
    double artefact_rate; /**< random artefacts as a multiple of the usual rates; 0: none */
};

/** One patient at one second. A channel is GOOD, MISSING (the device says: none) or ABSENT. */
struct vg_sim_row {
    uint32_t bed;                /**< from 0 */
    const char *patient, *label; /**< owned by the ward */
    bool silent;                 /**< the bed sends nothing now; the rest of the row says nothing */
    int64_t record_ns;           /**< when the row reaches Kafka */
    int64_t device_ns;           /**< what the device's clock says */
    float value[VG_CHANNELS];    /**< whole numbers, temp tenths */
    uint8_t quality[VG_CHANNELS];
};

enum vg_sim_kind { VG_SIM_SCENARIO, VG_SIM_ARTEFACT };

/** A line of the catalogue of scenarios and artefacts. */
struct vg_sim_entry {
    enum vg_sim_kind kind;
    const char *name, *summary;
};

/** Entry `i` of the catalogue, or NULL behind the last. */
const struct vg_sim_entry *vg_sim_catalogue(size_t i);

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

void vg_sim_free(struct vg_sim *sim); /**< NULL is fine */

#endif
