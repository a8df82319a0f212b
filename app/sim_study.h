/* sim_study.h - simulated patients through the real stages, and what these say of every tick.
 *
 * Each bed has a chain of its own in whichever thread takes it, so what is said of it depends on
 * nothing but its rows, and results are the same for any number of workers.
 */
#ifndef VG_APP_SIM_STUDY_H
#define VG_APP_SIM_STUDY_H

#include "app/simulator.h"
#include "runtime/offline.h"

struct vg_sim_study {
    const struct vg_config *config; /**< of vg_offline_chain(); its stages emit ticks */
    struct vg_sim_config sim;
    int64_t duration_ns; /**< that each bed is watched */
    bool to_the_end;     /**< only until its scenario's label ends, if that is earlier */
    uint32_t workers;    /**< threads */

    /* Called from the bed's thread: beds of different threads at the same time. `ctx` is one for
     * all; what they keep they keep by bed. */
    void *ctx;
    /** Before the first row. Labels are those of the whole duration, by start. May be NULL. */
    void (*begin)(void *ctx, uint32_t bed, const struct vg_offline *chain,
                  const struct vg_sim_label *label, size_t labels);
    /** A tick row behind the last stage. May be NULL. */
    void (*tick)(void *ctx, uint32_t bed, const struct vg_offline *chain, const struct vg_row *row);
    /** An event of an alert stage. May be NULL. */
    void (*event)(void *ctx, uint32_t bed, const struct vg_item_event *event, const char *json,
                  size_t len);
    /** Behind the last row and its events. What it returns stops the study, unless VG_OK. May be NULL. */
    vg_status (*end)(void *ctx, uint32_t bed, struct vg_err *err);
    /** In the caller's thread, from 0 to 1; false stops. May be NULL. */
    bool (*progress)(void *ctx, double done);
};

/**
 * The populations that evaluations tell of. `number` 0: nobody is in trouble, each is watched for a day.
 * 1 + g: each suffers group g once, beginning in hours 6 to 12, when baselines know the patient, and is
 * watched until that is over, 36 h at most. The same seed and number are the same patients. Fills in
 * duration_ns, to_the_end, and of `sim` all but ward and artefact_rate.
 */
void vg_sim_study_population(struct vg_sim_study *study, uint32_t number, uint32_t beds,
                             uint64_t seed);

/** A row of the simulator as a decoder would give it. */
void vg_sim_study_decode(const struct vg_sim_row *row, struct vg_decoded *ret);

/** Runs all beds. Fails as vg_offline_new() and vg_offline_row() do, with VG_E_TEMPORARY when
 *  stopped. */
VG_NODISCARD vg_status vg_sim_study_run(const struct vg_sim_study *study, struct vg_err *err);

/** When simulated time begins in studies: 2026-03-01T00:00:00Z. */
#define VG_SIM_STUDY_START_NS (INT64_C(1772323200) * VG_NS_PER_S)

#endif
