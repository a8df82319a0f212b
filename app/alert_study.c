/* alert_study.c - patients, their alerts, and the same without artefacts. */
#include "app/alert_study.h"

#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"

/* The populations of anomaly_study.c: a scenario begins when baselines know the patient. */
static const int64_t hour_ns = 3600 * VG_NS_PER_S;
static const int64_t scenario_ns = INT64_C(36) * 3600 * VG_NS_PER_S,
                     day_ns = INT64_C(24) * 3600 * VG_NS_PER_S;

/* ---- one population, once ---- */

struct bed {
    struct vg_alert_collector alerts;
    struct vg_sim_label *label;
    size_t labels;
};

struct pass {
    const struct vg_alert_study *study;
    struct bed *bed;    /* [beds] */
    double done, share; /* of all passes */
};

static void on_begin(void *ctx, uint32_t bed, const struct vg_offline *chain,
                     const struct vg_sim_label *label, size_t labels)
{
    struct pass *p = ctx;
    struct bed *b = &p->bed[bed];

    (void)chain;
    b->label = calloc(labels + 1, sizeof(*label));
    VG_CHECK(b->label);
    memcpy(b->label, label, labels * sizeof(*label));
    b->labels = labels;
}

static void on_event(void *ctx, uint32_t bed, const struct vg_item_event *event, const char *json,
                     size_t len)
{
    struct pass *p = ctx;

    vg_alert_collect(&p->bed[bed].alerts, p->study->config, event, json, len);
}

static bool on_progress(void *ctx, double done)
{
    const struct pass *p = ctx;

    return !p->study->progress || p->study->progress(p->study->ctx, p->done + done * p->share);
}

/* Everything that happens to `beds` patients of a group (NULL: none), with these artefacts. */
static vg_status run_pass(struct pass *p, const char *group, uint32_t beds, uint64_t seed,
                          double artefact_rate, struct vg_err *err)
{
    const struct vg_sim_study sim = {
        .config = p->study->config,
        .sim = { .beds = beds,
                 .ward = p->study->ward,
                 .seed = seed,
                 .start_ns = VG_SIM_STUDY_START_NS,
                 .artefact_rate = artefact_rate,
                 .scenario_share = group ? 1 : 0,
                 .scenario_group = group,
                 .onset_from_ns = 6 * hour_ns,
                 .onset_until_ns = 12 * hour_ns },
        .duration_ns = group ? scenario_ns : day_ns,
        .to_the_end = group != NULL,
        .workers = p->study->workers,
        .ctx = p,
        .begin = on_begin,
        .event = on_event,
        .progress = on_progress,
    };

    p->bed = calloc(beds + 1, sizeof(*p->bed));
    VG_CHECK(p->bed);
    return beds > 0 ? vg_sim_study_run(&sim, err) : VG_OK;
}

static void drop_pass(struct pass *p, uint32_t beds)
{
    for (uint32_t i = 0; p->bed && i < beds; i++) {
        free(p->bed[i].alerts.list.seen);
        vg_alert_collect_done(&p->bed[i].alerts);
        free(p->bed[i].label);
    }
    free(p->bed);
    p->bed = NULL;
}

/* ---- one population, as shown and without artefacts ---- */

static void take_labels(struct vg_alert_patient *patient, struct bed *b)
{
    for (size_t i = 0; i < b->labels; i++) {
        if (b->label[i].entry->kind == VG_SIM_SCENARIO) {
            patient->label_from_ns = b->label[i].start_ns;
            patient->label_until_ns = b->label[i].end_ns;
        } else if (b->label[i].channels != 0) {
            b->label[patient->artefacts++] = b->label[i];
        }
    }
    patient->artefact = b->label;
    b->label = NULL;
}

static void take_patient(struct vg_alert_patient *patient, struct bed *shown, struct bed *clean,
                         int64_t length_ns)
{
    patient->from_ns = VG_SIM_STUDY_START_NS;
    patient->until_ns = VG_SIM_STUDY_START_NS + length_ns;
    take_labels(patient, shown);
    if (patient->label_until_ns > patient->label_from_ns &&
        patient->label_until_ns < patient->until_ns)
        patient->until_ns = patient->label_until_ns;
    patient->shown = shown->alerts.list;
    patient->clean = clean->alerts.list;
    shown->alerts.list = clean->alerts.list = (struct vg_alert_list){ 0 };
    vg_alert_list_end(&patient->shown, patient->until_ns);
    vg_alert_list_end(&patient->clean, patient->until_ns);
}

static vg_status watch(const struct vg_alert_study *study, const char *group, uint32_t beds,
                       uint64_t seed, double done, double share, struct vg_alert_patient **ret,
                       struct vg_err *err)
{
    struct pass shown = { .study = study, .done = done, .share = share / 2 };
    struct pass clean = { .study = study, .done = done + share / 2, .share = share / 2 };
    vg_status st = run_pass(&shown, group, beds, seed, study->artefact_rate, err);

    *ret = calloc(beds + 1, sizeof(**ret));
    VG_CHECK(*ret);
    if (st == VG_OK)
        st = run_pass(&clean, group, beds, seed, 0, err);
    for (uint32_t i = 0; st == VG_OK && i < beds; i++)
        take_patient(&(*ret)[i], &shown.bed[i], &clean.bed[i], group ? scenario_ns : day_ns);
    drop_pass(&shown, beds);
    drop_pass(&clean, beds);
    return st;
}

vg_status vg_alert_study_run(const struct vg_alert_study *study, struct vg_alert_population *ret,
                             struct vg_err *err)
{
    /* A group's patients are watched for about half a day. */
    const double whole = study->normals + VG_SIM_GROUPS * study->per_group / 2.0;
    double done = study->normals / whole;
    vg_status st;

    *ret = (struct vg_alert_population){ .config = study->config,
                                         .simulated = true,
                                         .normals = study->normals,
                                         .per_group = study->per_group };
    st = watch(study, NULL, study->normals, study->seed * 16, 0, done, &ret->normal, err);
    for (uint32_t g = 0; g < VG_SIM_GROUPS && st == VG_OK; g++) {
        double share = study->per_group / 2.0 / whole;

        st = watch(study, vg_sim_group(g), study->per_group, study->seed * 16 + 1 + g, done, share,
                   &ret->group[g], err);
        done += share;
    }
    return st;
}

static void patients_done(struct vg_alert_patient *patient, uint32_t n)
{
    for (uint32_t i = 0; patient && i < n; i++) {
        free(patient[i].shown.seen);
        free(patient[i].clean.seen);
        free(patient[i].artefact);
    }
    free(patient);
}

void vg_alert_population_done(struct vg_alert_population *p)
{
    patients_done(p->normal, p->normals);
    for (uint32_t g = 0; g < VG_SIM_GROUPS; g++)
        patients_done(p->group[g], p->per_group);
    *p = (struct vg_alert_population){ 0 };
}
