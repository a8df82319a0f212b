/* evaluate_anomaly.c - vigil evaluate anomaly: what a detector sees, and what it costs. */
#include <stdio.h>
#include <stdlib.h>

#include "app/anomaly_study.h"
#include "app/command.h"
#include "app/detector_fit.h"
#include "app/evaluate.h"
#include "app/evaluate_gate.h"
#include "app/progress.h"
#include "app/sim_study.h"
#include "app/train_verb.h"
#include "models/load.h"

struct options {
    char *fast, *slow, *window, *detector, *against;
    struct vg_strings stages;
    int64_t normals, per_group, seed, workers;
    float artefact_rate;
    bool gate, json;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, detector, "detector", "FILE", NULL, 0, "made by `vigil train detector`"),
    VG_CLI_STRING(O, fast, "fast", "FILE", NULL, 0, "the models that it was made with"),
    VG_CLI_STRING(O, slow, "slow", "FILE", NULL, 0, ""),
    VG_CLI_STRING(O, window, "window", "FILE", NULL, 0,
                  "of the detector; without one: an autoencoder to be measured alone"),
    VG_CLI_STRING(O, against, "against", "FILE", NULL, 0,
                  "a pca that the window model is compared with, on the same windows"),
    VG_CLI_LIST(O, stages, "stage", "TYPE [KEY=VALUE]", 0,
                "stages before normalize, in their order (default: clean, artefact, and resample "
                "at 30 s)"),
    VG_OPT_INT(O, normals, "normals", "200", 1, VG_SIM_BEDS_MAX, "patients", 0,
               "without trouble, watched for a day each"),
    VG_OPT_INT(O, per_group, "patients", "200", 1, VG_SIM_BEDS_MAX, "", 0,
               "of each group of scenarios"),
    VG_OPT_INT(O, seed, "seed", "900", 0, 1e9, "", 0,
               "of the patients; not one that anything was trained or calibrated on"),
    VG_OPT_FLOAT(O, artefact_rate, "artefact_rate", "1", 0, 1000, "", 0,
                 "artefacts as a multiple of what is usual"),
    VG_OPT_BOOL(O, gate, "gate", "false", 0, "also what the artefact stage finds, and what it hides"),
    VG_OPT_INT(O, workers, "workers", "0", 0, 64, "threads", 0,
               "0: as many as processors; changes no figure"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "print one object of JSON instead of tables"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far it is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "evaluate anomaly",
    .summary = "Measures a detector on simulated patients: what it sees of each trouble, how soon, "
               "and how many alerts are false",
    .arguments = "",
    .options = options,
    .notes =
        "An alert is false on a patient without trouble; it has seen a trouble when it starts\n"
        "while that shows. Alerts merge within 30 min. Simulated patients are kinder than real\n"
        "ones: the figures compare detectors, they promise nothing at a bedside.\n"
        "\n"
        "example:\n"
        "  vigil evaluate anomaly --detector detector.safetensors \\\n"
        "    --fast forecast.safetensors --slow ridge.safetensors\n",
};

enum { STEPS = 1000 };

static const double rates[] = { 0.25, 0.5, 1, 2 };

/* All that is measured. */
struct found {
    bool has_detector, has_window, has_pair, has_gate;
    struct vg_anomaly_point at;                         /* the detector's own threshold */
    struct vg_anomaly_point curve[VG_ARRAY_LEN(rates)]; /* thresholds from these patients */
    struct vg_interval vus;                             /* of the detector */
    struct vg_interval window;                          /* of the window model alone */
    struct vg_anomaly_pair pair;
    struct vg_gate_result gate;
};

struct session {
    struct options o;
    struct vg_progress progress;
    struct found found;
};

static bool tell(void *ctx, double done)
{
    struct session *s = ctx;

    vg_progress_update(&s->progress, (uint64_t)(done * STEPS));
    return true;
}

/* ---- running ---- */

static vg_status study(struct session *s, const struct vg_config *config, uint32_t normals,
                       struct vg_anomaly_scores *ret, struct vg_err *err)
{
    const struct vg_anomaly_study study = {
        .config = config,
        .tick_ns = config->models[0]->tick_ns,
        .normals = normals,
        .per_group = (uint32_t)s->o.per_group,
        .seed = (uint64_t)s->o.seed,
        .artefact_rate = (double)s->o.artefact_rate,
        .workers = vg_train_workers(s->o.workers),
        .ctx = s,
        .progress = tell,
    };
    vg_status st;

    vg_progress_begin(&s->progress, s->o.progress, "watch", "patients", STEPS);
    st = vg_anomaly_run(&study, ret, err);
    vg_progress_end(&s->progress, STEPS);
    return st;
}

static vg_status measure_detector(struct session *s, struct vg_err *err)
{
    const char *const path[VG_SCORES] = { s->o.fast, s->o.slow, s->o.window };
    struct vg_anomaly_scores scores = { 0 };
    struct vg_config *config = NULL;
    struct found *f = &s->found;
    vg_status st = vg_detector_chain(&s->o.stages, path, s->o.detector, false, &config, err);

    if (st == VG_OK)
        st = study(s, config, (uint32_t)s->o.normals, &scores, err);
    if (st == VG_OK) {
        f->has_detector = true;
        vg_anomaly_judge(&scores, config->models[config->models_n - 1]->threshold, &f->at);
        for (size_t i = 0; i < VG_ARRAY_LEN(rates); i++)
            vg_anomaly_judge(
                &scores,
                vg_alerts_threshold(scores.normal, scores.normals, scores.tick_ns, rates[i]),
                &f->curve[i]);
        st = vg_anomaly_vus(&scores, &f->vus, err);
    }
    vg_anomaly_scores_done(&scores);
    vg_config_free(config);
    return st;
}

/* Scores of a window model alone, of the patients with scenarios. */
static vg_status run_window(struct session *s, const char *path, struct vg_anomaly_scores *ret,
                            struct vg_err *err)
{
    const size_t before = s->o.stages.n;
    const char **stages = calloc(before + 3, sizeof(*stages));
    struct vg_config *config = NULL;
    struct vg_model *model;
    vg_status st = vg_model_open(path, &model, err);

    VG_CHECK(stages != NULL);
    for (size_t i = 0; i < before; i++)
        stages[i] = s->o.stages.value[i];
    stages[before] = "normalize";
    stages[before + 1] = "detect model=window";
    if (st == VG_OK) {
        snprintf(model->name, sizeof(model->name), "window");
        st = vg_offline_chain(stages, &model, 1, &config, err);
    }
    if (st == VG_OK)
        st = study(s, config, 0, ret, err);
    vg_config_free(config);
    free(stages);
    return st;
}

static vg_status measure_window(struct session *s, struct vg_err *err)
{
    struct vg_anomaly_scores scores = { 0 }, against = { 0 };
    struct found *f = &s->found;
    vg_status st = run_window(s, s->o.window, &scores, err);

    f->has_window = st == VG_OK && !s->o.against;
    f->has_pair = st == VG_OK && s->o.against;
    if (f->has_window)
        st = vg_anomaly_vus(&scores, &f->window, err);
    if (f->has_pair)
        st = run_window(s, s->o.against, &against, err);
    if (f->has_pair && st == VG_OK)
        st = vg_anomaly_compare(&scores, &against, &f->pair, err);
    vg_anomaly_scores_done(&scores);
    vg_anomaly_scores_done(&against);
    return st;
}

static vg_status measure_gate(struct session *s, struct vg_err *err)
{
    const struct vg_gate_study study = { .patients = (uint32_t)s->o.normals,
                                         .per_group = (uint32_t)s->o.per_group,
                                         .seed = (uint64_t)s->o.seed };

    s->found.has_gate = true;
    return vg_evaluate_gate_run(&study, &s->found.gate, err);
}

static vg_status default_stages(struct options *o, struct vg_err *err)
{
    static const char *const stages[] = { "clean", "artefact", "resample tick=30s" };
    vg_status st = VG_OK;

    for (size_t i = 0; i < VG_ARRAY_LEN(stages) && st == VG_OK; i++)
        st = vg_option_add(vg_option_find(options, "stage"), o, NULL, stages[i], err);
    return st;
}

static vg_status measure(struct session *s, struct vg_err *err)
{
    vg_status st = s->o.stages.n == 0 ? default_stages(&s->o, err) : VG_OK;

    if (st == VG_OK && s->o.against && !s->o.window)
        return vg_fail(err, VG_E_USAGE, "--against compares with --window, which is missing");
    if (st == VG_OK && !s->o.detector && !s->o.window && !s->o.gate)
        return vg_fail(err, VG_E_USAGE, "nothing to measure: give --detector, --window or --gate");
    if (st == VG_OK && s->o.detector)
        st = measure_detector(s, err);
    if (st == VG_OK && s->o.window && (s->o.against || !s->o.detector))
        st = measure_window(s, err);
    if (st == VG_OK && s->o.gate)
        st = measure_gate(s, err);
    return st;
}

/* ---- telling ---- */

static void print_detector(const struct found *f, struct vg_buf *out)
{
    vg_buf_printf(out,
                  "threshold %.3f: %.2f false alerts per patient-day, sensitivity %.3f in the mean"
                  " of scenarios, %.3f in the worst\n\n",
                  (double)f->at.threshold, f->at.per_day, f->at.macro, f->at.worst);
    vg_buf_printf(out, "%-16s %8s %9s %9s\n", "scenario", "seen", "by chance", "after min");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++)
        vg_buf_printf(out, "%-16s %8.3f %9.3f %9.1f\n", vg_sim_group(g), f->at.seen[g],
                      f->at.chance[g], f->at.delay_s[g] / 60);
    vg_buf_printf(out, "\n%-16s %8s %9s %9s\n", "false per day", "mean", "worst", "threshold");
    for (size_t i = 0; i < VG_ARRAY_LEN(rates); i++)
        vg_buf_printf(out, "%-16.2f %8.3f %9.3f %9.3f\n", f->curve[i].per_day, f->curve[i].macro,
                      f->curve[i].worst, (double)f->curve[i].threshold);
    vg_buf_printf(out, "\nVUS-PR of the detector %.3f [%.3f, %.3f]\n", f->vus.value, f->vus.low,
                  f->vus.high);
}

static void print_interval(struct vg_buf *out, const char *what, const struct vg_interval *i)
{
    vg_buf_printf(out, "%-28s %7.4f [%.4f, %.4f]\n", what, i->value, i->low, i->high);
}

static void print(const struct found *f, struct vg_buf *out)
{
    if (f->has_detector)
        print_detector(f, out);
    if (f->has_window)
        print_interval(out, "VUS-PR of the window model", &f->window);
    if (f->has_pair) {
        print_interval(out, "VUS-PR of the window model", &f->pair.a);
        print_interval(out, "VUS-PR of the other", &f->pair.b);
        print_interval(out, "difference", &f->pair.difference);
    }
    if (f->has_gate) {
        vg_buf_char(out, '\n');
        vg_gate_print(&f->gate, out);
    }
}

static void json_interval(struct vg_buf *out, const char *key, const struct vg_interval *i)
{
    vg_buf_printf(out, ",\"%s\":{\"value\":%.6g,\"low\":%.6g,\"high\":%.6g}", key, i->value, i->low,
                  i->high);
}

static void json_point(struct vg_buf *out, const struct vg_anomaly_point *p)
{
    vg_buf_printf(out, "{\"threshold\":%.6g,\"false_per_day\":%.6g,\"mean\":%.6g,\"worst\":%.6g",
                  (double)p->threshold, p->per_day, p->macro, p->worst);
    vg_buf_str(out, ",\"scenarios\":{");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++)
        vg_buf_printf(out, "%s\"%s\":{\"seen\":%.6g,\"chance\":%.6g,\"delay_s\":%.6g}",
                      g ? "," : "", vg_sim_group(g), p->seen[g], p->chance[g], p->delay_s[g]);
    vg_buf_str(out, "}}");
}

static void print_json(const struct session *s, struct vg_buf *out)
{
    const struct found *f = &s->found;

    vg_buf_printf(out, "{\"patients\":%lld,\"normals\":%lld,\"seed\":%lld",
                  (long long)s->o.per_group, (long long)s->o.normals, (long long)s->o.seed);
    if (f->has_detector) {
        vg_buf_str(out, ",\"detector\":");
        json_point(out, &f->at);
        vg_buf_str(out, ",\"curve\":[");
        for (size_t i = 0; i < VG_ARRAY_LEN(rates); i++) {
            vg_buf_str(out, i ? "," : "");
            json_point(out, &f->curve[i]);
        }
        vg_buf_char(out, ']');
        json_interval(out, "vus_pr", &f->vus);
    }
    if (f->has_window)
        json_interval(out, "window_vus_pr", &f->window);
    if (f->has_pair) {
        json_interval(out, "window_vus_pr", &f->pair.a);
        json_interval(out, "against_vus_pr", &f->pair.b);
        json_interval(out, "difference", &f->pair.difference);
    }
    vg_buf_str(out, "}\n");
}

int vg_evaluate_anomaly(int argc, char **argv)
{
    struct session s = { 0 };
    struct vg_buf out = VG_BUF_INIT;
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &s.o, &args);

    if (exit == VG_COMMAND_GO) {
        exit = measure(&s, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
        if (exit == 0 && s.o.json)
            print_json(&s, &out);
        else if (exit == 0)
            print(&s.found, &out);
        if (out.len)
            fwrite(out.data, 1, out.len, stdout);
    }
    vg_buf_done(&out);
    vg_options_done(options, &s.o);
    return exit;
}
