/* artefact.c - marks what the monitor measured of itself and not of the patient.
 *
 * Flushes, damped and moved transducers, fingers that move, probes that slip, beats counted twice.
 * It marks, it never deletes: a value beyond a limit stays visible to the limit as SUSPECT, and
 * only models are not shown it. Where there is evidence that it is no measurement (vg_disproved()) the
 * limit does not start on it, and the alert stage raises the condition `artefact` in its place, with
 * the limit's priority. Evidence is a shape that no heart makes, a saturation that jumps while the
 * finger's pulse is not the heart's, and exhaled CO2 that is gone with the breath rate. INVALID, which
 * limits do not see at all, is only a pressure that no circulation can have: a flush.
 *
 * Late rows are not looked at: they reach no limit and no tick.
 */
#include "stages/artefact_gate.h"

struct artefact {
    float flush_map; /* option */
    const struct vg_site *site;
    bool some_pulseless; /* a profile of the site is */
};

static const struct vg_option options[] = {
    VG_OPT_FLOAT(struct artefact, flush_map, "flush_map", "200", 140, 300, "mm[Hg]", VG_OPT_EVENTS,
                 "Mean arterial pressure from which one with a pulse pressure below 50 mm[Hg] is a "
                 "flush and no measurement."),
    VG_OPT_END,
};

static vg_status artefact_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct artefact *s = self;

    (void)err;
    s->site = plan->site;
    for (uint32_t i = 0; s->site && i < s->site->profiles_n; i++)
        s->some_pulseless |= s->site->profiles[i].pulseless;
    plan->rows = VG_ROW_SAMPLE;
    plan->artefacts = true;
    plan->memory_size = sizeof(struct vg_gate_memory);
    return VG_OK;
}

void vg_gate_suspect(struct vg_gate *g, int channel, enum vg_reason reason)
{
    if (g->row->quality[channel] != VG_Q_GOOD)
        return;
    g->row->quality[channel] = VG_Q_SUSPECT;
    g->row->reason[channel] = (uint8_t)reason;
}

static bool pulseless(const struct artefact *s, const struct vg_patient *patient)
{
    const struct vg_profile *profile;

    if (!s->some_pulseless)
        return false;
    profile = vg_site_profile(s->site, patient->bed);
    return profile && profile->pulseless;
}

static void artefact_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct artefact *s = self;
    struct vg_gate g = { .m = memory, .row = row, .flush_map = s->flush_map };

    if (row->flags & VG_ROW_LATE)
        return;
    g.pulseless = pulseless(s, out->patient);
    vg_gate_advance(&g.m->recent, row->event_ns);
    vg_gate_beats(&g);
    vg_gate_finger(&g);
    vg_gate_airway(&g);
    vg_gate_temp(&g);
    vg_gate_line(&g);
    vg_gate_cuff(&g);
}

const struct vg_stage_ops vg_stage_artefact = {
    .name = "artefact",
    .summary = "Marks disturbances of the measurement: flushed, damped or moved arterial lines, "
               "movement, slipped probes.",
    .options = options,
    .self_size = sizeof(struct artefact),
    .memory_version = 2,
    .plan = artefact_plan,
    .row = artefact_row,
};
