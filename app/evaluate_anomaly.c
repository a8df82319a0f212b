/* evaluate_anomaly.c - vigil evaluate anomaly: what a detector sees, and what it costs. */
#include <stdio.h>
#include <stdlib.h>

#include "app/anomaly_report.h"
#include "app/command.h"
#include "app/detector_fit.h"
#include "app/evaluate.h"
#include "app/progress.h"
#include "app/sim_study.h"
#include "app/train_verb.h"
#include "models/load.h"

struct options {
    char *fast, *slow, *window, *detector, *against, *report;
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
    VG_OPT_BOOL(O, gate, "gate", "false", 0, "also what the artefact stage finds, and what it hides"),
    VG_STUDY_OPTIONS(O, 1),
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
        "    --fast forecast.safetensors --slow ridge.safetensors --report detector.html\n",
};

enum { STEPS = 1000 };

static const double rates[VG_ANOMALY_CURVE] = { VG_ANOMALY_RATES };

struct session {
    struct options o;
    struct vg_progress progress;
    struct vg_anomaly_found found;
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

    vg_progress_begin(&s->progress, s->o.progress, "watch", "per mille", STEPS);
    st = vg_anomaly_run(&study, ret, err);
    vg_progress_end(&s->progress, STEPS);
    return st;
}

static double days(const struct vg_anomaly_scores *s)
{
    double ticks = 0;

    for (uint32_t i = 0; i < s->normals; i++)
        ticks += s->normal[i].ticks;
    return ticks * (double)s->tick_ns / 1e9 / 86400;
}

static vg_status measure_detector(struct session *s, struct vg_err *err)
{
    const char *const path[VG_SCORES] = { s->o.fast, s->o.slow, s->o.window };
    struct vg_anomaly_scores scores = { 0 };
    struct vg_config *config = NULL;
    struct vg_anomaly_found *f = &s->found;
    vg_status st = vg_detector_chain(&s->o.stages, path, s->o.detector, false, &config, err);

    if (st == VG_OK)
        st = study(s, config, (uint32_t)s->o.normals, &scores, err);
    if (st == VG_OK) {
        f->has_detector = true;
        f->patient_days = days(&scores);
        vg_anomaly_judge(&scores, config->models[config->models_n - 1]->threshold, &f->at);
        for (size_t i = 0; i < VG_ANOMALY_CURVE; i++)
            vg_anomaly_judge(
                &scores,
                vg_alerts_threshold(scores.normal, scores.normals, scores.tick_ns, rates[i]),
                &f->curve[i]);
        st = vg_anomaly_vus(&scores, &f->area, err);
    }
    vg_anomaly_scores_done(&scores);
    vg_config_free(config);
    return st;
}

static vg_status open_window(const char *path, const char *name, struct vg_model **ret,
                             struct vg_err *err)
{
    struct vg_model *model;
    vg_status st = vg_model_open(path, &model, err);

    if (st == VG_OK && model->window == 0) {
        st = vg_fail(err, VG_E_MODEL, "--%s %s: is of type %s; expected an autoencoder or a pca",
                     name, path, model->ops->name);
        model->ops->free(model);
    }
    if (st != VG_OK)
        return st;
    snprintf(model->name, sizeof(model->name), "%s", name);
    *ret = model;
    return VG_OK;
}

/* Scores of a window model alone, of the patients with scenarios. */
static vg_status run_window(struct session *s, const char *path, struct vg_anomaly_scores *ret,
                            struct vg_err *err)
{
    const size_t before = s->o.stages.n;
    const char **stages = calloc(before + 3, sizeof(*stages));
    struct vg_config *config = NULL;
    struct vg_model *model;
    vg_status st = open_window(path, "window", &model, err);

    VG_CHECK(stages != NULL);
    for (size_t i = 0; i < before; i++)
        stages[i] = s->o.stages.value[i];
    stages[before] = "normalize";
    stages[before + 1] = "detect model=window";
    if (st == VG_OK)
        st = vg_offline_chain(stages, &model, 1, &config, err);
    if (st == VG_OK)
        st = study(s, config, 0, ret, err);
    vg_config_free(config);
    free(stages);
    return st;
}

/* Both see the same ticks on the same scales, or the areas say nothing about each other. */
static vg_status check_pair(const char *window, const char *against, struct vg_err *err)
{
    struct vg_model *pair[2] = { 0 };
    vg_status st = open_window(window, "window", &pair[0], err);

    if (st == VG_OK)
        st = open_window(against, "against", &pair[1], err);
    if (st == VG_OK)
        st = vg_models_agree((const struct vg_model *const *)pair, 2, err);
    for (int i = 0; i < 2 && pair[i]; i++)
        pair[i]->ops->free(pair[i]);
    return st;
}

static vg_status measure_window(struct session *s, struct vg_err *err)
{
    struct vg_anomaly_scores scores = { 0 }, against = { 0 };
    struct vg_anomaly_found *f = &s->found;
    vg_status st = s->o.against ? check_pair(s->o.window, s->o.against, err) : VG_OK;

    if (st == VG_OK)
        st = run_window(s, s->o.window, &scores, err);
    f->has_window = st == VG_OK && !s->o.against;
    f->has_pair = st == VG_OK && s->o.against;
    if (f->has_window)
        st = vg_anomaly_vus(&scores, &f->alone, err);
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

static vg_status check(const struct options *o, struct vg_err *err)
{
    if (o->against && !o->window)
        return vg_fail(err, VG_E_USAGE, "--against compares with --window, which is missing");
    if (!o->detector && (o->fast || o->slow))
        return vg_fail(err, VG_E_USAGE,
                       "--fast and --slow are models of a --detector, which is missing");
    if (!o->detector && !o->window && !o->gate)
        return vg_fail(err, VG_E_USAGE, "nothing to measure: give --detector, --window or --gate");
    return o->report ? vg_command_check_output(o->report, err) : VG_OK;
}

static void name_all(struct session *s)
{
    s->found.normals = (uint32_t)s->o.normals;
    s->found.per_group = (uint32_t)s->o.per_group;
    s->found.seed = (uint64_t)s->o.seed;
    s->found.detector = s->o.detector;
    s->found.window = s->o.window;
    s->found.against = s->o.against;
}

static vg_status measure(struct session *s, struct vg_err *err)
{
    vg_status st = s->o.stages.n == 0 ? default_stages(&s->o, err) : VG_OK;

    name_all(s);
    if (st == VG_OK && s->o.detector)
        st = measure_detector(s, err);
    if (st == VG_OK && s->o.window && (s->o.against || !s->o.detector))
        st = measure_window(s, err);
    if (st == VG_OK && s->o.gate)
        st = measure_gate(s, err);
    return st;
}

/* ---- the verb ---- */

static vg_status answer(struct session *s, struct vg_err *err)
{
    struct vg_buf out = VG_BUF_INIT;
    vg_status st = VG_OK;

    if (s->o.json)
        vg_anomaly_json(&s->found, &out);
    else
        vg_anomaly_print(&s->found, &out);
    fwrite(out.data, 1, out.len, stdout);
    if (s->o.report)
        st = vg_anomaly_html(&s->found, s->o.report, err);
    vg_buf_done(&out);
    return st;
}

static int run(struct session *s)
{
    struct vg_err err;
    vg_status st = check(&s->o, &err);

    if (st == VG_OK)
        st = measure(s, &err);
    if (st == VG_OK)
        st = answer(s, &err);
    if (st != VG_OK)
        return vg_command_failed(&command, &err);
    vg_command_disclaim("these figures describe simulated patients, not the care of real ones");
    return 0;
}

int vg_evaluate_anomaly(int argc, char **argv)
{
    struct session *s = calloc(1, sizeof(*s)); /* curves are too much for a stack */
    char **args;
    int exit;

    VG_CHECK(s);
    exit = vg_command_parse(&command, argc, argv, &s->o, &args);
    if (exit == VG_COMMAND_GO)
        exit = run(s);
    vg_options_done(options, &s->o);
    free(s);
    return exit;
}
