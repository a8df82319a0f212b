/* alert_study.c - patients, their alerts, and the same without artefacts. */
#include "app/alert_study.h"

#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"

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
    int64_t length_ns;  /* that each is watched at most */
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

/* A population of vg_sim_study_population(), with these artefacts. */
static vg_status run_pass(struct pass *p, uint32_t number, uint32_t beds, double artefact_rate,
                          struct vg_err *err)
{
    struct vg_sim_study sim = {
        .config = p->study->config,
        .sim = { .ward = p->study->ward, .artefact_rate = artefact_rate },
        .workers = p->study->workers,
        .ctx = p,
        .begin = on_begin,
        .event = on_event,
        .progress = on_progress,
    };

    p->bed = calloc(beds + 1, sizeof(*p->bed));
    VG_CHECK(p->bed);
    vg_sim_study_population(&sim, number, beds, p->study->seed);
    p->length_ns = sim.duration_ns;
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

static vg_status watch(const struct vg_alert_study *study, uint32_t number, uint32_t beds,
                       double done, double share, struct vg_alert_patient **ret, struct vg_err *err)
{
    struct pass shown = { .study = study, .done = done, .share = share / 2 };
    struct pass clean = { .study = study, .done = done + share / 2, .share = share / 2 };
    vg_status st = run_pass(&shown, number, beds, study->artefact_rate, err);

    *ret = calloc(beds + 1, sizeof(**ret));
    VG_CHECK(*ret);
    if (st == VG_OK)
        st = run_pass(&clean, number, beds, 0, err);
    for (uint32_t i = 0; st == VG_OK && i < beds; i++)
        take_patient(&(*ret)[i], &shown.bed[i], &clean.bed[i], shown.length_ns);
    drop_pass(&shown, beds);
    drop_pass(&clean, beds);
    return st;
}

vg_status vg_alert_study_run(const struct vg_alert_study *study, struct vg_alert_population *ret,
                             struct vg_err *err)
{
    /* A group's patients are watched for about half a day. */
    const double whole = study->normals + VG_SIM_GROUPS * study->per_group / 2.0;
    const double share = study->per_group / 2.0 / whole;
    vg_status st;

    *ret = (struct vg_alert_population){ .config = study->config,
                                         .simulated = true,
                                         .normals = study->normals,
                                         .per_group = study->per_group };
    st = watch(study, 0, study->normals, 0, study->normals / whole, &ret->normal, err);
    for (uint32_t g = 0; g < VG_SIM_GROUPS && st == VG_OK; g++)
        st = watch(study, 1 + g, study->per_group, study->normals / whole + g * share, share,
                   &ret->group[g], err);
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
    vg_charted_done(&p->charted);
    *p = (struct vg_alert_population){ 0 };
}
