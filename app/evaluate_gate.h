/* evaluate_gate.h - how good the artefact stage is on the simulator, which knows the truth.
 *
 * Two populations, both through the real stages clean and artefact: patients with the usual
 * artefacts and no trouble, for what is found of each kind and what is marked without a reason; and
 * patients in trouble without artefacts, for what the gate takes from an emergency. That second
 * figure matters more: a value that is INVALID reaches no limit.
 *
 * A cell is one channel of one row. Marked: not GOOD after the stages.
 */
#ifndef VG_APP_EVALUATE_GATE_H
#define VG_APP_EVALUATE_GATE_H

#include "app/simulator.h"
#include "core/buf.h"

enum { VG_GATE_KINDS_MAX = 24 };

struct vg_gate_study {
    uint32_t patients;  /**< with artefacts, for a day each */
    uint32_t per_group; /**< in trouble, of each group of scenarios */
    uint64_t seed;
};

/** A kind of artefact; cells are those that its labels say it disturbs. */
struct vg_gate_found {
    const char *name;
    uint64_t episodes, found; /**< found: half of its cells or more were marked */
    uint64_t cells, marked, invalid;
};

/** A group of scenarios; cells are all of the rows while alerts count for it. */
struct vg_gate_harm {
    const char *group;
    uint64_t cells, suspect, invalid;
};

struct vg_gate_result {
    struct vg_gate_found kind[VG_GATE_KINDS_MAX];
    size_t kinds;
    struct vg_gate_harm group[VG_SIM_GROUPS];
    uint64_t quiet[VG_CHANNELS];   /**< cells that nothing disturbs, of patients without trouble, */
    uint64_t doubted[VG_CHANNELS]; /**< ... of these marked */
};

VG_NODISCARD vg_status vg_evaluate_gate_run(const struct vg_gate_study *study,
                                            struct vg_gate_result *ret, struct vg_err *err);

/** Part of all cells in events that were made INVALID: a gate that is safe keeps it below 0.005. */
double vg_gate_invalid_part(const struct vg_gate_result *result);

/** Appends the same as an object of JSON. */
void vg_gate_json(const struct vg_gate_result *result, struct vg_buf *out);
/** Appends tables for people. */
void vg_gate_print(const struct vg_gate_result *result, struct vg_buf *out);

#endif
