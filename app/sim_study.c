/* sim_study.c - beds and chains. */
#include "app/sim_study.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/shared_work.h"

enum { LABELS_MAX = 4096 };

/* One bed on its way. */
struct watch {
    const struct vg_sim_study *study;
    struct vg_offline *chain;
    uint32_t bed;
};

static void on_row(void *ctx, uint32_t patient, const struct vg_row *row)
{
    const struct watch *w = ctx;

    (void)patient;
    if (row->kind == VG_ROW_TICK && w->study->tick)
        w->study->tick(w->study->ctx, w->bed, w->chain, row);
}

static void on_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                     const char *json, size_t len)
{
    const struct watch *w = ctx;

    (void)patient;
    if (w->study->event)
        w->study->event(w->study->ctx, w->bed, event, json, len);
}

void vg_sim_study_decode(const struct vg_sim_row *row, struct vg_decoded *ret)
{
    *ret = (struct vg_decoded){ 0 };
    snprintf(ret->patient, sizeof(ret->patient), "%s", row->patient);
    snprintf(ret->bed, sizeof(ret->bed), "%s", row->label);
    ret->usable = true;
    ret->time = VG_DECODED_TIME_OK;
    ret->time_ns = row->device_ns;
    for (int c = 0; c < VG_CHANNELS; c++) {
        ret->value[c] = vg_usable(row->quality[c]) ? row->value[c] : 0.0f;
        ret->quality[c] = row->quality[c];
    }
}

/* Until when the bed is watched, and its labels, *ret [*ret_n] freed by the caller. */
static int64_t look_ahead(const struct vg_sim_study *study, const struct vg_sim_bed *bed,
                          struct vg_sim_label **ret, size_t *ret_n)
{
    struct vg_sim_label *label = calloc(LABELS_MAX, sizeof(*label));
    int64_t until_ns = study->sim.start_ns + study->duration_ns;
    size_t n;

    VG_CHECK(label != NULL);
    n = vg_sim_bed_labels(bed, study->duration_ns, label, LABELS_MAX);
    VG_CHECK(n <= LABELS_MAX);
    for (size_t i = 0; study->to_the_end && i < n; i++) {
        if (label[i].entry->kind == VG_SIM_SCENARIO && label[i].end_ns < until_ns)
            until_ns = label[i].end_ns;
    }
    *ret = label;
    *ret_n = n;
    return until_ns;
}

static vg_status feed(struct watch *w, struct vg_sim_bed *bed, int64_t until_ns, struct vg_err *err)
{
    const int64_t seconds = (until_ns - w->study->sim.start_ns) / VG_NS_PER_S;
    const struct vg_offline_place next = { 0 };
    vg_status st = VG_OK;

    for (int64_t s = 0; s < seconds && st == VG_OK; s++) {
        struct vg_decoded decoded;
        struct vg_sim_row row;

        vg_sim_bed_next(bed, &row);
        if (row.silent)
            continue;
        vg_sim_study_decode(&row, &decoded);
        st = vg_offline_row(w->chain, &next, row.record_ns, &decoded, err);
    }
    if (st == VG_OK)
        vg_offline_finish(w->chain, VG_TIME_NONE);
    return st;
}

static vg_status watch_bed(const void *ctx, uint32_t number, struct vg_err *err)
{
    const struct vg_sim_study *study = ctx;
    struct watch w = { .study = study, .bed = number };
    const struct vg_offline_sink sink = { .ctx = &w, .row = on_row, .event = on_event };
    struct vg_sim_bed *bed = vg_sim_bed_new(&study->sim, number);
    struct vg_sim_label *label;
    size_t labels;
    int64_t until_ns = look_ahead(study, bed, &label, &labels);
    vg_status st = vg_offline_new(study->config, &sink, &w.chain, err);

    if (st == VG_OK && study->begin)
        study->begin(study->ctx, number, w.chain, label, labels);
    if (st == VG_OK)
        st = feed(&w, bed, until_ns, err);
    if (st == VG_OK && study->end)
        st = study->end(study->ctx, number, err);
    vg_offline_free(w.chain);
    free(label);
    vg_sim_bed_free(bed);
    return st;
}

void vg_sim_study_population(struct vg_sim_study *study, uint32_t number, uint32_t beds,
                             uint64_t seed)
{
    static const int64_t hour_ns = 3600 * VG_NS_PER_S;
    struct vg_sim_config *sim = &study->sim;

    VG_CHECK(number <= VG_SIM_GROUPS);
    sim->beds = beds;
    sim->seed = seed * 16 + number;
    sim->start_ns = VG_SIM_STUDY_START_NS;
    sim->scenario_share = number > 0 ? 1 : 0;
    sim->scenario_group = number > 0 ? vg_sim_group(number - 1) : NULL;
    sim->onset_from_ns = 6 * hour_ns;
    sim->onset_until_ns = 12 * hour_ns;
    study->duration_ns = number > 0 ? 36 * hour_ns : 24 * hour_ns;
    study->to_the_end = number > 0;
}

vg_status vg_sim_study_run(const struct vg_sim_study *study, struct vg_err *err)
{
    const struct vg_shared_work beds = { .pieces = study->sim.beds,
                                         .workers = study->workers,
                                         .ctx = study,
                                         .piece = watch_bed,
                                         .progress = study->progress,
                                         .progress_ctx = study->ctx };

    return vg_shared_work_do(&beds, err);
}
