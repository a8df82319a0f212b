/* evaluate_alerts.c - vigil evaluate alerts: the burden of a configuration, and what it sees. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/alert_report.h"
#include "app/command.h"
#include "app/config_load.h"
#include "app/evaluate.h"
#include "app/overlay_report.h"
#include "app/overlay_study.h"
#include "app/progress.h"
#include "app/sim_study.h"
#include "app/train_verb.h"

struct options {
    char *config, *ward, *report, *recording, *map;
    int64_t normals, per_group, seed, workers;
    float artefact_rate;
    bool json, overlay;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, config, "config", "FILE", NULL, VG_OPT_REQUIRED,
                  "whose rules are measured; source and sinks are not touched"),
    VG_CLI_STRING(O, recording, "recording", "FILE.csv", NULL, 0,
                  "recorded patients instead of simulated ones, as `vigil replay` reads them"),
    VG_CLI_STRING(O, map, "map", "FILE", NULL, 0, "what the columns of the recording are"),
    VG_CLI_STRING(O, ward, "ward", "NAME", NULL, 0,
                  "of the simulated beds, which have the profiles of that ward's (default: the "
                  "first one)"),
    VG_OPT_BOOL(O, overlay, "overlay", "false", 0,
                "whether an artefact laid over an event of high priority hides it, instead"),
    VG_STUDY_OPTIONS(O, 0),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "evaluate alerts",
    .summary = "Measures the alerts of a configuration on simulated patients: how many, which of "
               "them are false, and what they see of each trouble",
    .arguments = "",
    .options = options,
    .notes =
        "Everybody is watched twice, as the monitor shows him and without artefacts: an alert\n"
        "about a limit is false when only the first raises it. Others are false on a patient\n"
        "without trouble. Simulated patients are kinder than real ones. Of a recording, what\n"
        "alerts cost is told, and not which of them are right; limits that were charted in it\n"
        "(orders of the map file) hold from their time on.\n"
        "\n"
        "With --overlay every first alert of high priority of a patient in trouble, or every one "
        "of\n"
        "a recording, is played again with each artefact begun before, at and within the "
        "crossing:\n"
        "is it told as soon as by the same limits without an artefact gate?\n"
        "\n"
        "example:\n"
        "  vigil evaluate alerts --config icu-adult.yaml --report alerts.html\n",
};

enum { STEPS = 1000 };

struct session {
    struct options o;
    struct vg_progress progress;
    struct vg_alert_report report;
};

static bool tell(void *ctx, double done)
{
    struct session *s = ctx;

    vg_progress_update(&s->progress, (uint64_t)(done * STEPS));
    return true;
}

static const char *ward_of(const struct options *o, const struct vg_config *config)
{
    if (o->ward)
        return o->ward;
    return config->site.wards_n > 0 ? config->site.wards[0] : "icu-a";
}

static vg_status read_map(const struct options *o, struct vg_replay_map *map, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    vg_status st = vg_replay_map_read(map, o->map, &diagnostics, err);

    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    vg_buf_done(&diagnostics);
    return st;
}

static vg_status play(struct session *s, const struct vg_config *config,
                      struct vg_alert_population *ret, struct vg_err *err)
{
    const struct vg_strings everybody = { 0 };
    struct vg_recording recording = { 0 };
    vg_status st = vg_recording_read_aloud(&recording, s->o.recording, s->o.map, &everybody,
                                           VG_SIM_STUDY_START_NS, err);

    *ret = (struct vg_alert_population){ 0 };
    if (st == VG_OK)
        st = vg_alert_recorded_run(config, &recording, ret, err);
    vg_recording_done(&recording);
    return st;
}

static vg_status simulate(struct session *s, const struct vg_config *config,
                          struct vg_alert_population *ret, struct vg_err *err)
{
    const struct vg_alert_study study = {
        .config = config,
        .normals = (uint32_t)s->o.normals,
        .per_group = (uint32_t)s->o.per_group,
        .seed = (uint64_t)s->o.seed,
        .artefact_rate = (double)s->o.artefact_rate,
        .ward = ward_of(&s->o, config),
        .workers = vg_train_workers(s->o.workers),
        .ctx = s,
        .progress = tell,
    };
    vg_status st;

    vg_progress_begin(&s->progress, s->o.progress, "watch", "per mille", STEPS);
    st = vg_alert_study_run(&study, ret, err);
    vg_progress_end(&s->progress, STEPS);
    return st;
}

static vg_status measure(struct session *s, const struct vg_config *config, struct vg_err *err)
{
    struct vg_alert_population population;
    vg_status st =
        s->o.recording ? play(s, config, &population, err) : simulate(s, config, &population, err);

    s->report = (struct vg_alert_report){ .config_path = s->o.config,
                                          .config = config,
                                          .recording = s->o.recording,
                                          .normals = population.normals,
                                          .per_group = population.per_group,
                                          .seed = (uint64_t)s->o.seed };
    if (st == VG_OK)
        vg_alert_figures(&population, &s->report.figures);
    s->report.charted = population.charted;
    population.charted = (struct vg_charted){ 0 };
    vg_alert_population_done(&population);
    return st;
}

/* ---- events under artefacts ---- */

static vg_status lay(struct session *s, const struct vg_config *config,
                     struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    struct vg_replay_map map = { 0 };
    const struct vg_overlay_study study = {
        .config = config,
        .seed = (uint64_t)s->o.seed,
        .per_group = (uint32_t)s->o.per_group,
        .ward = ward_of(&s->o, config),
        .workers = vg_train_workers(s->o.workers),
        .csv = s->o.recording,
        .map = &map,
        .ctx = s,
        .progress = tell,
    };
    vg_status st = s->o.map ? read_map(&s->o, &map, err) : VG_OK;

    if (st == VG_OK && map.orders.any)
        st = vg_fail(err, VG_E_CONFIG,
                     "%s: --overlay knows no orders of a recording; leave them out of the map",
                     s->o.map);
    *ret = (struct vg_overlay_outcomes){ 0 };
    vg_progress_begin(&s->progress, s->o.progress, "lay", "per mille", STEPS);
    if (st == VG_OK)
        st = vg_overlay_study_run(&study, ret, err);
    vg_progress_end(&s->progress, STEPS);
    vg_replay_map_done(&map);
    return st;
}

static vg_status overlay(struct session *s, const struct vg_config *config, struct vg_err *err)
{
    struct vg_overlay_outcomes outcomes;
    const struct vg_overlay_report report = { .config_path = s->o.config,
                                              .recording = s->o.recording,
                                              .config = config,
                                              .seed = (uint64_t)s->o.seed,
                                              .outcomes = &outcomes };
    struct vg_buf out = VG_BUF_INIT;
    vg_status st = lay(s, config, &outcomes, err);

    if (st == VG_OK && s->o.json)
        vg_overlay_report_json(&report, &out);
    else if (st == VG_OK)
        vg_overlay_report_print(&report, &out);
    if (out.len)
        fwrite(out.data, 1, out.len, stdout);
    if (st == VG_OK && s->o.report)
        st = vg_overlay_report_html(&report, s->o.report, err);
    free(outcomes.one);
    vg_buf_done(&out);
    return st;
}

/* ---- all alerts ---- */

static vg_status answer(struct session *s, struct vg_err *err)
{
    struct vg_buf out = VG_BUF_INIT;
    vg_status st = VG_OK;

    if (s->o.json)
        vg_alert_report_json(&s->report, &out);
    else
        vg_alert_report_print(&s->report, &out);
    fwrite(out.data, 1, out.len, stdout);
    if (s->o.report)
        st = vg_alert_report_html(&s->report, s->o.report, err);
    vg_buf_done(&out);
    return st;
}

/* Of those who were recorded there are as many as there are. */
static vg_status check(const struct options *o, int argc, char *const *argv, struct vg_err *err)
{
    static const char *const simulated[] = { "seed", "normals", "patients", "artefact-rate",
                                             "ward", "workers", NULL };
    const char *given = NULL;

    if (o->recording) /* where artefacts are laid is by the seed */
        given = vg_command_given(argc, argv, simulated + (o->overlay ? 1 : 0));
    if (!o->recording != !o->map)
        return vg_fail(err, VG_E_USAGE, "--recording and --map belong together");
    if (given)
        return vg_fail(err, VG_E_USAGE,
                       "--%s is about simulated patients, and --recording has patients of its own; "
                       "leave out one of the two",
                       given);
    return o->report ? vg_command_check_output(o->report, err) : VG_OK;
}

static vg_status check_alerts(const struct vg_config *config, struct vg_err *err)
{
    if (config->site.rules_n + VG_CONDITION_COUNT > VG_ALERT_RULES_MAX)
        return vg_fail(err, VG_E_CONFIG, "alerts of at most %d rules can be measured at a time",
                       VG_ALERT_RULES_MAX - VG_CONDITION_COUNT);
    for (uint32_t i = 0; i < config->stages_n; i++) {
        if (strcmp(config->stages[i].ops->name, "alert") == 0)
            return VG_OK;
    }
    return vg_fail(err, VG_E_CONFIG,
                   "the configuration has no stage of type alert, so there are "
                   "no alerts to measure");
}

static int run(struct session *s, int argc, char *const *argv)
{
    struct vg_config *config = NULL;
    struct vg_err err;
    vg_status st = check(&s->o, argc, argv, &err);

    if (st == VG_OK)
        st = vg_config_load_aloud(s->o.config, &config, &err);
    if (st == VG_OK)
        st = check_alerts(config, &err);
    if (st == VG_OK && s->o.overlay)
        st = overlay(s, config, &err);
    else if (st == VG_OK)
        st = measure(s, config, &err);
    if (st == VG_OK && !s->o.overlay)
        st = answer(s, &err);
    vg_config_free(config);
    vg_charted_done(&s->report.charted);
    if (st != VG_OK)
        return vg_command_failed(&command, &err);
    vg_command_disclaim("these figures describe simulated or recorded patients; which limits a "
                        "patient needs is a clinical decision");
    return 0;
}

int vg_evaluate_alerts(int argc, char **argv)
{
    struct session *s = calloc(1, sizeof(*s)); /* figures of all rules are too much for a stack */
    char **args;
    int exit;

    VG_CHECK(s);
    exit = vg_command_parse(&command, argc, argv, &s->o, &args);
    if (exit == VG_COMMAND_GO)
        exit = run(s, argc, argv);
    vg_options_done(options, &s->o);
    free(s);
    return exit;
}
