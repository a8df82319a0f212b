/* dataset_simulate.c - simulated patients as training data.
 *
 * A bed has a chain of its own, so its ticks depend on nothing but its rows: threads take beds in
 * any order, and each bed's entry goes where the bed's number says.
 */
#include <stdlib.h>
#include <string.h>

#include "app/dataset_private.h"
#include "app/shared_work.h"
#include "app/sim_study.h"

enum { LABELS_MAX = 4096 };

struct job {
    const struct vg_dataset_spec *spec;
    struct vg_sim_config sim;
    struct vg_dataset *of;   /* whose channels and grid */
    struct vg_dataset **bed; /* [beds]: each with one patient, or none */
};

static void add_labels(struct vg_dataset_patient *p, const struct vg_sim_bed *bed,
                       int64_t duration_ns)
{
    struct vg_sim_label *label = calloc(LABELS_MAX, sizeof(*label));
    size_t n;

    VG_CHECK(label != NULL);
    n = vg_sim_bed_labels(bed, duration_ns, label, LABELS_MAX);
    VG_CHECK(n <= LABELS_MAX);
    p->label = calloc(n + 1, sizeof(*p->label));
    VG_CHECK(p->label != NULL);
    p->labels = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        bool scenario = label[i].entry->kind == VG_SIM_SCENARIO;

        p->label[i] = (struct vg_dataset_label){ .name = label[i].entry->name,
                                                 .group = scenario ? label[i].entry->group : NULL,
                                                 .channels = label[i].channels,
                                                 .start_ns = label[i].start_ns,
                                                 .end_ns = label[i].end_ns,
                                                 .onset_ns = label[i].onset_ns };
    }
    free(label);
}

static vg_status watch_bed(const void *ctx, uint32_t number, struct vg_err *err)
{
    const struct job *job = ctx;
    struct vg_dataset *d = vg_dataset_new(job->of->channel, job->of->channels, job->of->tick_ns);
    const int64_t duration_ns = job->spec->simulator.duration_ns;
    const struct vg_offline_place next = { 0 };
    struct vg_sim_bed *bed = vg_sim_bed_new(&job->sim, number);
    struct vg_collect c;
    vg_status st;

    job->bed[number] = d;
    st = vg_collect_begin(&c, job->spec, d, err);
    for (int64_t s = 0; s < duration_ns / VG_NS_PER_S && st == VG_OK; s++) {
        struct vg_decoded decoded;
        struct vg_sim_row row;

        vg_sim_bed_next(bed, &row);
        if (row.silent)
            continue;
        vg_sim_study_decode(&row, &decoded);
        st = vg_offline_row(c.offline, &next, row.record_ns, &decoded, err);
    }
    if (st == VG_OK)
        vg_collect_end(&c, VG_SIM_STUDY_START_NS + duration_ns);
    vg_collect_done(&c);
    if (d->patients > 0)
        add_labels(&d->patient[0], bed, duration_ns);
    vg_sim_bed_free(bed);
    return st;
}

/* Takes over the entries of a bed's data set. */
static void move_entries(struct vg_dataset *to, struct vg_dataset *from)
{
    for (uint32_t i = 0; i < from->patients; i++) {
        struct vg_dataset_patient *entry = vg_dataset_add(to, from->patient[i].id, 0, 0);

        free(entry->value);
        free(entry->quality);
        free(entry->age_s);
        *entry = from->patient[i];
    }
    from->patients = 0;
}

static struct vg_sim_config sim_config(const struct vg_dataset_spec *spec)
{
    return (struct vg_sim_config){
        .beds = (uint32_t)spec->simulator.patients,
        .ward = "icu-a",
        .seed = (uint64_t)spec->simulator.seed,
        .start_ns = VG_SIM_STUDY_START_NS,
        .artefact_rate = (double)spec->simulator.artefact_rate,
        .scenario_share = (double)spec->simulator.scenario_share,
        .scenario_group = spec->simulator.scenario_group,
        .onset_from_ns = spec->simulator.duration_ns / 4,
        .onset_until_ns = spec->simulator.duration_ns / 4 * 3,
    };
}

static vg_status check_group(const char *name, struct vg_err *err)
{
    struct vg_buf all = VG_BUF_INIT;
    bool found = name == NULL;

    for (size_t i = 0; i < VG_SIM_GROUPS && !found; i++) {
        found = strcmp(vg_sim_group(i), name) == 0;
        vg_buf_printf(&all, "%s%s", i ? ", " : "", vg_sim_group(i));
    }
    if (!found)
        vg_fail(err, VG_E_USAGE, "scenario_group \"%.40s\": expected one of %s", name, all.data);
    vg_buf_done(&all);
    return found ? VG_OK : VG_E_USAGE;
}

vg_status vg_dataset_simulate(const struct vg_dataset_spec *spec, uint32_t workers,
                              vg_dataset_progress_fn *progress, void *ctx, struct vg_dataset *d,
                              struct vg_err *err)
{
    struct job job = { .spec = spec, .sim = sim_config(spec), .of = d };
    const struct vg_shared_work beds = { .pieces = job.sim.beds,
                                         .workers = workers,
                                         .ctx = &job,
                                         .piece = watch_bed,
                                         .progress = progress,
                                         .progress_ctx = ctx };
    vg_status st = check_group(spec->simulator.scenario_group, err);

    if (st != VG_OK)
        return st;
    job.bed = calloc(job.sim.beds, sizeof(struct vg_dataset *));
    VG_CHECK(job.bed != NULL);
    st = vg_shared_work_do(&beds, err);
    for (uint32_t i = 0; i < job.sim.beds; i++) {
        if (job.bed[i])
            move_entries(d, job.bed[i]);
        vg_dataset_free(job.bed[i]);
    }
    free(job.bed);
    return st;
}
