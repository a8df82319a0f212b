/* alert_study.c - patients, their alerts, and the same without artefacts. */
#include "app/alert_study.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"

/* The populations of anomaly_study.c: a scenario begins when baselines know the patient. */
static const int64_t scenario_ns = 36 * 3600 * VG_NS_PER_S, day_ns = 24 * 3600 * VG_NS_PER_S;

/* ---- rules ---- */

const struct vg_rule *vg_alert_rule(const struct vg_config *config, uint32_t rule)
{
    return rule < config->site.rules_n ? &config->site.rules[rule] : NULL;
}

const char *vg_alert_rule_name(const struct vg_config *config, uint32_t rule)
{
    const struct vg_rule *own = vg_alert_rule(config, rule);
    uint32_t condition = rule - config->site.rules_n;

    if (own)
        return own->name;
    return condition < VG_CONDITION_COUNT ? vg_condition_name((enum vg_condition)condition) : NULL;
}

static uint32_t find_rule(const struct vg_config *config, const char *name)
{
    uint32_t i = 0;

    while (vg_alert_rule_name(config, i) && strcmp(vg_alert_rule_name(config, i), name) != 0)
        i++;
    VG_CHECK(vg_alert_rule_name(config, i));
    return i;
}

/* ---- one population, once ---- */

/* What is open of a bed, by episode. */
struct open {
    uint8_t id[16];
    size_t place; /* in the list */
};

struct bed {
    struct vg_alert_list list;
    struct open *open;
    size_t open_n;
    struct vg_sim_label *label;
    size_t labels;
    int64_t until_ns;
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

static struct vg_alert_seen *opened(struct bed *b, const struct vg_item_event *event)
{
    for (size_t i = 0; i < b->open_n; i++) {
        if (memcmp(b->open[i].id, event->episode_id, sizeof(event->episode_id)) == 0)
            return &b->list.seen[b->open[i].place];
    }
    return NULL;
}

static void closed(struct bed *b, const struct vg_item_event *event)
{
    for (size_t i = 0; i < b->open_n; i++) {
        if (memcmp(b->open[i].id, event->episode_id, sizeof(event->episode_id)) == 0)
            b->open[i--] = b->open[--b->open_n];
    }
}

static void begin_episode(const struct pass *p, struct bed *b, const struct vg_item_event *event,
                          const char *json, size_t len)
{
    json_t *root = json_loadb(json, len, 0, NULL);
    const char *channel = json_string_value(json_object_get(root, "channel"));

    VG_CHECK(root);
    b->list.seen = reallocarray(b->list.seen, b->list.n + 1, sizeof(*b->list.seen));
    b->open = reallocarray(b->open, b->open_n + 1, sizeof(*b->open));
    VG_CHECK(b->list.seen && b->open);
    b->open[b->open_n].place = b->list.n;
    memcpy(b->open[b->open_n++].id, event->episode_id, sizeof(event->episode_id));
    b->list.seen[b->list.n++] = (struct vg_alert_seen){
        .rule = find_rule(p->study->config, json_string_value(json_object_get(root, "rule"))),
        .kind = event->kind,
        .priority = event->priority,
        .channel = channel ? vg_channel_find(channel) : VG_CHANNEL_NONE,
        .start_ns = event->time_ns,
        .end_ns = VG_TIME_NONE,
    };
    json_decref(root);
}

static void on_event(void *ctx, uint32_t bed, const struct vg_item_event *event, const char *json,
                     size_t len)
{
    struct pass *p = ctx;
    struct bed *b = &p->bed[bed];
    struct vg_alert_seen *seen = opened(b, event);

    if (event->phase == VG_PHASE_START) {
        begin_episode(p, b, event, json, len);
    } else if (seen && event->phase == VG_PHASE_END) {
        seen->end_ns = event->time_ns;
        closed(b, event);
    } else if (seen && event->priority < seen->priority) { /* HIGH is the first */
        seen->priority = event->priority;
    }
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
                 .onset_from_ns = 6 * 3600 * VG_NS_PER_S,
                 .onset_until_ns = 12 * 3600 * VG_NS_PER_S },
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
        free(p->bed[i].list.seen);
        free(p->bed[i].open);
        free(p->bed[i].label);
    }
    free(p->bed);
    p->bed = NULL;
}

/* ---- one population, as shown and without artefacts ---- */

static void end_open(struct vg_alert_list *list, int64_t until_ns)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->seen[i].end_ns == VG_TIME_NONE)
            list->seen[i].end_ns = until_ns;
    }
}

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
    patient->shown = shown->list;
    patient->clean = clean->list;
    shown->list = clean->list = (struct vg_alert_list){ 0 };
    end_open(&patient->shown, patient->until_ns);
    end_open(&patient->clean, patient->until_ns);
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
