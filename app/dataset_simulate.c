/* dataset_simulate.c - simulated patients as training data.
 *
 * A bed has a chain of its own, so its ticks depend on nothing but its rows: threads take beds in
 * any order, and each bed's entry goes where the bed's number says.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dataset_private.h"
#include "app/simulator.h"

enum { WORKERS_MAX = 64, LABELS_MAX = 4096 };

/* 2026-03-01T00:00:00Z: a simulated day begins at midnight. */
static const int64_t start_ns = INT64_C(1772323200) * VG_NS_PER_S;

struct job {
    const struct vg_dataset_spec *spec;
    struct vg_sim_config sim;
    struct vg_dataset *of;   /* whose channels and grid */
    struct vg_dataset **bed; /* [beds]: each with one patient, or none */
    atomic_uint next, done;
    atomic_bool stop;
    pthread_mutex_t lock;
    struct vg_err err; /* guarded by lock */
};

static void decode(const struct vg_sim_row *row, struct vg_decoded *ret)
{
    snprintf(ret->patient, sizeof(ret->patient), "%s", row->patient);
    snprintf(ret->bed, sizeof(ret->bed), "%s", row->label);
    ret->usable = true;
    ret->time = VG_DECODED_TIME_OK;
    ret->time_ns = row->device_ns;
    for (int c = 0; c < VG_CHANNELS; c++) {
        bool usable = vg_usable(row->quality[c]);

        ret->value[c] = usable ? row->value[c] : 0.0f;
        ret->quality[c] = row->quality[c];
    }
}

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

static vg_status watch_bed(const struct job *job, uint32_t number, struct vg_dataset *d,
                           struct vg_err *err)
{
    const int64_t duration_ns = job->spec->simulator.duration_ns;
    const struct vg_offline_place next = { 0 };
    struct vg_sim_bed *bed = vg_sim_bed_new(&job->sim, number);
    struct vg_collect c;
    vg_status st = vg_collect_begin(&c, job->spec, d, err);

    for (int64_t s = 0; s < duration_ns / VG_NS_PER_S && st == VG_OK; s++) {
        struct vg_decoded decoded = { 0 };
        struct vg_sim_row row;

        vg_sim_bed_next(bed, &row);
        if (row.silent)
            continue;
        decode(&row, &decoded);
        st = vg_offline_row(c.offline, &next, row.record_ns, &decoded, err);
    }
    if (st == VG_OK)
        vg_collect_end(&c, start_ns + duration_ns);
    vg_collect_done(&c);
    if (d->patients > 0)
        add_labels(&d->patient[0], bed, duration_ns);
    vg_sim_bed_free(bed);
    return st;
}

/* Takes one bed that nobody has taken yet; false when there is none or the work shall stop. */
static bool take_bed(struct job *job)
{
    uint32_t number = atomic_fetch_add(&job->next, 1);
    struct vg_err err;

    if (number >= job->sim.beds || atomic_load(&job->stop))
        return false;
    job->bed[number] = vg_dataset_new(job->of->channel, job->of->channels, job->of->tick_ns);
    if (watch_bed(job, number, job->bed[number], &err) != VG_OK) {
        pthread_mutex_lock(&job->lock);
        job->err = err;
        pthread_mutex_unlock(&job->lock);
        atomic_store(&job->stop, true);
    }
    atomic_fetch_add(&job->done, 1);
    return true;
}

static void *work(void *arg)
{
    while (take_bed(arg)) {
    }
    return NULL;
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
        .start_ns = start_ns,
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
    pthread_t thread[WORKERS_MAX];
    uint32_t threads = 0;
    bool wanted = true;
    vg_status st = check_group(spec->simulator.scenario_group, err);

    if (st != VG_OK)
        return st;
    job.bed = calloc(job.sim.beds, sizeof(struct vg_dataset *));
    VG_CHECK(job.bed != NULL);
    pthread_mutex_init(&job.lock, NULL);
    while (threads + 1 < workers && threads < WORKERS_MAX &&
           pthread_create(&thread[threads], NULL, work, &job) == 0)
        threads++;
    while (take_bed(&job)) {
        wanted = !progress || progress(ctx, (double)atomic_load(&job.done) / job.sim.beds);
        if (!wanted)
            atomic_store(&job.stop, true);
    }
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    for (uint32_t i = 0; i < job.sim.beds; i++) {
        if (job.bed[i])
            move_entries(d, job.bed[i]);
        vg_dataset_free(job.bed[i]);
    }
    free(job.bed);
    pthread_mutex_destroy(&job.lock);
    if (job.err.status != VG_OK) {
        *err = job.err;
        return err->status;
    }
    return wanted ? VG_OK : vg_fail(err, VG_E_TEMPORARY, "interrupted");
}
