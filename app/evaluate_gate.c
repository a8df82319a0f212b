/* evaluate_gate.c - how good the artefact stage is on the simulator, which knows the truth. */
#include "app/evaluate_gate.h"

#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"
#include "runtime/offline.h"

enum { LABELS_MAX = 1024, DAY_S = 86400, BEFORE_S = 3600 };

/* One patient who is watched. */
struct watched {
    struct vg_gate_result *result;
    struct vg_gate_harm *harm; /* NULL: the patient has no trouble, but artefacts */
    struct vg_sim_label label[LABELS_MAX];
    uint64_t cells[LABELS_MAX], marked[LABELS_MAX], invalid[LABELS_MAX];
    size_t labels, first; /* first: those before are over */
};

static bool during(const struct vg_sim_label *label, int64_t ns)
{
    return label->start_ns <= ns && ns < label->end_ns;
}

static void count_artefacts(struct watched *w, const struct vg_row *row)
{
    uint32_t disturbed = 0;

    while (w->first < w->labels && w->label[w->first].end_ns <= row->record_ns)
        w->first++;
    for (size_t i = w->first; i < w->labels && w->label[i].start_ns <= row->record_ns; i++) {
        if (!during(&w->label[i], row->record_ns))
            continue;
        disturbed |= w->label[i].channels;
        for (int c = 0; c < VG_CHANNELS; c++) {
            if (!(w->label[i].channels >> c & 1) || row->quality[c] == VG_Q_ABSENT)
                continue;
            w->cells[i]++;
            w->marked[i] += row->quality[c] != VG_Q_GOOD;
            w->invalid[i] += row->quality[c] == VG_Q_INVALID;
        }
    }
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (disturbed >> c & 1 || row->quality[c] == VG_Q_ABSENT)
            continue;
        w->result->quiet[c]++;
        w->result->doubted[c] += row->quality[c] != VG_Q_GOOD;
    }
}

static void count_harm(struct watched *w, const struct vg_row *row)
{
    if (w->labels == 0 || !during(&w->label[0], row->record_ns))
        return;
    for (int c = 0; c < VG_CHANNELS; c++) {
        w->harm->cells += row->quality[c] != VG_Q_ABSENT;
        w->harm->suspect += row->quality[c] == VG_Q_SUSPECT;
        w->harm->invalid += row->quality[c] == VG_Q_INVALID;
    }
}

static void on_row(void *ctx, uint32_t patient, const struct vg_row *row)
{
    struct watched *w = ctx;

    (void)patient;
    if (w->harm)
        count_harm(w, row);
    else
        count_artefacts(w, row);
}

static struct vg_gate_found *kind_of(struct vg_gate_result *result, const char *name)
{
    for (size_t i = 0; i < result->kinds; i++) {
        if (strcmp(result->kind[i].name, name) == 0)
            return &result->kind[i];
    }
    VG_CHECK(result->kinds < VG_GATE_KINDS_MAX);
    result->kind[result->kinds].name = name;
    return &result->kind[result->kinds++];
}

static void sum_up(struct watched *w)
{
    for (size_t i = 0; i < w->labels; i++) {
        struct vg_gate_found *found;

        if (w->label[i].channels == 0 || w->cells[i] == 0)
            continue;
        found = kind_of(w->result, w->label[i].entry->name);
        found->episodes++;
        found->found += 2 * w->marked[i] >= w->cells[i];
        found->cells += w->cells[i];
        found->marked += w->marked[i];
        found->invalid += w->invalid[i];
    }
}

/* Runs one bed through the stages; what comes out is counted. */
static vg_status watch_bed(const struct vg_config *config, const struct vg_sim_config *sim,
                           uint32_t number, int64_t seconds, struct watched *w, struct vg_err *err)
{
    const struct vg_offline_sink sink = { .ctx = w, .row = on_row };
    const struct vg_offline_place next = { 0 };
    struct vg_sim_bed *bed = vg_sim_bed_new(sim, number);
    struct vg_offline *offline = NULL;
    vg_status st = vg_offline_new(config, &sink, &offline, err);

    w->labels = vg_sim_bed_labels(bed, seconds * VG_NS_PER_S, w->label, LABELS_MAX);
    VG_CHECK(w->labels <= LABELS_MAX);
    for (int64_t s = 0; s < seconds && st == VG_OK; s++) {
        struct vg_decoded decoded;
        struct vg_sim_row row;

        vg_sim_bed_next(bed, &row);
        vg_sim_study_decode(&row, &decoded);
        st = vg_offline_row(offline, &next, row.record_ns, &decoded, err);
    }
    if (st == VG_OK)
        vg_offline_finish(offline, VG_TIME_NONE);
    vg_offline_free(offline);
    vg_sim_bed_free(bed);
    return st;
}

static vg_status with_artefacts(const struct vg_config *config, const struct vg_gate_study *study,
                                struct vg_gate_result *ret, struct vg_err *err)
{
    const struct vg_sim_config sim = { .beds = study->patients,
                                       .ward = "gate",
                                       .seed = study->seed,
                                       .start_ns = VG_SIM_STUDY_START_NS,
                                       .artefact_rate = 1 };
    struct watched *w = malloc(sizeof(*w));
    vg_status st = VG_OK;

    VG_CHECK(w);
    for (uint32_t i = 0; i < study->patients && st == VG_OK; i++) {
        memset(w, 0, sizeof(*w));
        w->result = ret;
        st = watch_bed(config, &sim, i, DAY_S, w, err);
        sum_up(w);
    }
    free(w);
    return st;
}

static vg_status in_trouble(const struct vg_config *config, const struct vg_gate_study *study,
                            size_t group, struct vg_gate_result *ret, struct vg_err *err)
{
    const struct vg_sim_config sim = { .beds = study->per_group,
                                       .ward = "gate",
                                       .seed = study->seed + 1 + group,
                                       .start_ns = VG_SIM_STUDY_START_NS,
                                       .scenario_share = 1,
                                       .scenario_group = vg_sim_group(group),
                                       .onset_from_ns = BEFORE_S * VG_NS_PER_S,
                                       .onset_until_ns = BEFORE_S * VG_NS_PER_S };
    struct watched *w = malloc(sizeof(*w));
    vg_status st = VG_OK;

    VG_CHECK(w);
    ret->group[group].group = vg_sim_group(group);
    for (uint32_t i = 0; i < study->per_group && st == VG_OK; i++) {
        struct vg_sim_bed *bed = vg_sim_bed_new(&sim, i);
        int64_t seconds;

        memset(w, 0, sizeof(*w));
        w->harm = &ret->group[group];
        vg_sim_bed_labels(bed, INT64_C(2) * BEFORE_S * VG_NS_PER_S, w->label, 1);
        vg_sim_bed_free(bed);
        seconds = (w->label[0].end_ns - VG_SIM_STUDY_START_NS) / VG_NS_PER_S;
        st = watch_bed(config, &sim, i, seconds, w, err);
    }
    free(w);
    return st;
}

vg_status vg_evaluate_gate_run(const struct vg_gate_study *study, struct vg_gate_result *ret,
                               struct vg_err *err)
{
    static const char *const stages[] = { "clean", "artefact", NULL };
    struct vg_config *config = NULL;
    vg_status st = vg_offline_chain(stages, NULL, 0, &config, err);

    memset(ret, 0, sizeof(*ret));
    if (st == VG_OK)
        st = with_artefacts(config, study, ret, err);
    for (size_t g = 0; g < VG_SIM_GROUPS && st == VG_OK; g++)
        st = in_trouble(config, study, g, ret, err);
    vg_config_free(config);
    return st;
}

/* ---- for people ---- */

static double part(uint64_t of, uint64_t all)
{
    return all ? (double)of / (double)all : 0;
}

double vg_gate_invalid_part(const struct vg_gate_result *result)
{
    uint64_t cells = 0, invalid = 0;

    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        cells += result->group[g].cells;
        invalid += result->group[g].invalid;
    }
    return part(invalid, cells);
}

void vg_gate_print(const struct vg_gate_result *result, struct vg_buf *out)
{
    vg_buf_printf(out, "%-20s %9s %9s %9s %9s\n", "artefact", "episodes", "found", "marked",
                  "invalid");
    for (size_t i = 0; i < result->kinds; i++) {
        const struct vg_gate_found *k = &result->kind[i];

        vg_buf_printf(out, "%-20s %9llu %9.3f %9.3f %9.3f\n", k->name,
                      (unsigned long long)k->episodes, part(k->found, k->episodes),
                      part(k->marked, k->cells), part(k->invalid, k->cells));
    }
    vg_buf_printf(out, "\n%-20s %19s %9s %9s\n", "scenario", "cells", "suspect", "invalid");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        const struct vg_gate_harm *h = &result->group[g];

        vg_buf_printf(out, "%-20s %19llu %9.4f %9.4f\n", h->group, (unsigned long long)h->cells,
                      part(h->suspect, h->cells), part(h->invalid, h->cells));
    }
    vg_buf_printf(out, "\n%-20s %19s %9s\n", "undisturbed", "cells", "marked");
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (result->quiet[c])
            vg_buf_printf(out, "%-20s %19llu %9.4f\n", vg_channels[c].name,
                          (unsigned long long)result->quiet[c],
                          part(result->doubted[c], result->quiet[c]));
    }
}

/* ---- for programs ---- */

static void json_found(const struct vg_gate_found *k, struct vg_buf *out)
{
    vg_buf_printf(out, "{\"artefact\":\"%s\",\"episodes\":%llu,\"found\":%llu", k->name,
                  (unsigned long long)k->episodes, (unsigned long long)k->found);
    vg_buf_printf(out, ",\"cells\":%llu,\"marked\":%llu,\"invalid\":%llu}",
                  (unsigned long long)k->cells, (unsigned long long)k->marked,
                  (unsigned long long)k->invalid);
}

static void json_harm(const struct vg_gate_harm *h, struct vg_buf *out)
{
    vg_buf_printf(out, "{\"scenario\":\"%s\",\"cells\":%llu,\"suspect\":%llu,\"invalid\":%llu}",
                  h->group, (unsigned long long)h->cells, (unsigned long long)h->suspect,
                  (unsigned long long)h->invalid);
}

void vg_gate_json(const struct vg_gate_result *result, struct vg_buf *out)
{
    const char *comma = "";

    vg_buf_str(out, "{\"artefacts\":[");
    for (size_t i = 0; i < result->kinds; i++) {
        vg_buf_str(out, i ? "," : "");
        json_found(&result->kind[i], out);
    }
    vg_buf_str(out, "],\"scenarios\":[");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        vg_buf_str(out, g ? "," : "");
        json_harm(&result->group[g], out);
    }
    vg_buf_printf(out, "],\"invalid_part\":%.6g,\"undisturbed\":[", vg_gate_invalid_part(result));
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!result->quiet[c])
            continue;
        vg_buf_printf(out, "%s{\"channel\":\"%s\",\"cells\":%llu,\"marked\":%llu}", comma,
                      vg_channels[c].name, (unsigned long long)result->quiet[c],
                      (unsigned long long)result->doubted[c]);
        comma = ",";
    }
    vg_buf_str(out, "]}");
}
