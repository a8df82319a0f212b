/* evaluate_risk.c - vigil evaluate risk: a recipe in cross-validation on recorded stays, or a trained
 * file on stays that it has not seen.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/evaluate.h"
#include "app/progress.h"
#include "app/risk_found.h"
#include "models/gemm.h"
#include "models/load.h"

struct options {
    char *config, *model, *map, *data, *report;
    float threshold;
    int64_t folds, resamples, workers;
    bool json;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, config, "config", "FILE", NULL, 0,
                  "cross-validation of this recipe, such as configs/train/risk_physionet2012.yaml"),
    VG_CLI_STRING(O, model, "model", "FILE", NULL, 0,
                  "instead of --config: a trained file (stacked, mean, logistic, mlp or risk), on "
                  "stays that it has not seen"),
    VG_CLI_STRING(O, map, "map", "FILE", NULL, 0,
                  "with --model: what the files of --data mean, such as "
                  "configs/maps/physionet2012.yaml"),
    VG_CLI_STRING(O, data, "data", "SPEC", NULL, VG_OPT_REQUIRED,
                  "stays=FILE,outcomes=FILE; stays=FOLDER where the map says one file per stay"),
    VG_OPT_FLOAT(O, threshold, "threshold", NULL, 0, 1, "", 0,
                 "with --model: probability at which an alarm begins (default: the one that does "
                 "best in the other folds)"),
    VG_OPT_INT(O, folds, "folds", "0", 0, 20, "", 0, "0: as the recipe says; 5 with --model"),
    VG_OPT_INT(O, resamples, "resamples", "1000", 1, 100000, "", 0,
               "draws of stays behind each 95 % interval"),
    VG_OPT_INT(O, workers, "workers", "1", 1, 64, "", 0, "threads; their number changes no byte"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "print one object of JSON instead of a table"),
    VG_CLI_STRING(O, report, "report", "FILE.html", NULL, 0, "write a page with tables and curves"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far it is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "evaluate risk",
    .summary = "Measures models of risk on recorded stays: a recipe by cross-validation beside "
               "logistic regression, a bedside score, and what time and masks alone tell; or a "
               "trained file",
    .arguments = "",
    .options = options,
    .notes = "examples:\n"
             "  vigil evaluate risk --config configs/train/risk_physionet2012.yaml \\\n"
             "    --data stays=set-a.csv.gz,outcomes=Outcomes-a.csv --report risk.html\n"
             "  vigil evaluate risk --model risk.safetensors --map configs/maps/physionet2012.yaml "
             "\\\n"
             "    --data stays=set-b.csv.gz,outcomes=Outcomes-b.csv\n",
};

enum { STEPS = 1000, FOLDS_OF_A_FILE = 5 };

static const float not_said = -1;

struct session {
    struct options o;
    struct vg_model *model; /* of --model */
    struct vg_risk_recipe recipe;
    struct vg_risk_data *data;
    struct vg_progress progress;
};

static bool tell(void *ctx, const char *what, double done)
{
    struct session *s = ctx;

    s->progress.what = what;
    vg_progress_update(&s->progress, (uint64_t)(done * STEPS));
    return true;
}

static vg_status check(const struct options *o, struct vg_err *err)
{
    if ((o->config != NULL) == (o->model != NULL))
        return vg_fail(err, VG_E_USAGE, "either --config or --model is needed, and only one");
    if (o->model && !o->map)
        return vg_fail(err, VG_E_USAGE,
                       "--model needs --map FILE, which says what the files of --data mean");
    if (o->config && (o->map || o->threshold != not_said))
        return vg_fail(err, VG_E_USAGE,
                       "--map and --threshold are for --model; the recipe of "
                       "--config has a map, and folds find thresholds");
    if (o->folds == 1)
        return vg_fail(err, VG_E_USAGE, "--folds 1 leaves nothing to learn from: give 2 or more");
    return o->report ? vg_command_check_output(o->report, err) : VG_OK;
}

static vg_status read_all(struct session *s, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_risk_source source;
    const char *map = s->o.map;
    vg_status st = vg_risk_source_parse(&source, s->o.data, err);

    if (st == VG_OK && s->o.config) {
        st = vg_risk_recipe_read(&s->recipe, s->o.config, &diagnostics, err);
        map = s->recipe.map;
        if (s->o.folds)
            s->recipe.folds = s->o.folds;
    }
    if (st == VG_OK)
        st = vg_risk_data_read(map, &source, &diagnostics, &s->data, err);
    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    vg_buf_done(&diagnostics);
    return st;
}

static vg_status answer(struct session *s, const struct vg_risk_cross *cross, struct vg_err *err)
{
    struct vg_risk_found found;
    struct vg_buf out = VG_BUF_INIT;
    vg_status st = vg_risk_find(&found, cross, (uint32_t)s->o.resamples, err);

    if (st == VG_OK && s->o.json)
        vg_risk_json(&found, &out);
    else if (st == VG_OK)
        vg_risk_print(&found, &out);
    if (st == VG_OK)
        fwrite(out.data, 1, out.len, stdout);
    if (st == VG_OK && s->o.report)
        st = vg_risk_html(&found, s->o.report, err);
    vg_buf_done(&out);
    vg_risk_found_done(&found);
    return st;
}

static vg_status judge_recipe(struct session *s, const struct vg_risk_study *study,
                              struct vg_risk_cross *ret, struct vg_err *err)
{
    const struct vg_risk_cross_how how = {
        .workers = (uint32_t)s->o.workers, .share = 1.0, .progress = tell, .ctx = s
    };
    vg_status st;

    vg_progress_begin(&s->progress, s->o.progress, "reading", "per mille", STEPS);
    st = vg_risk_cross_run(ret, &s->recipe, study, &how, err);
    s->progress.what = "risk";
    vg_progress_end(&s->progress, st == VG_OK ? STEPS : 0);
    return st;
}

static vg_status judge_file(struct session *s, const struct vg_risk_study *study,
                            struct vg_risk_cross *ret, struct vg_err *err)
{
    const char *slash = strrchr(s->o.model, '/');
    const struct vg_risk_cross_file file = {
        .model = s->model,
        .name = slash ? slash + 1 : s->o.model,
        .folds = s->o.folds ? (uint32_t)s->o.folds : FOLDS_OF_A_FILE,
        .threshold = s->o.threshold == not_said ? NAN : s->o.threshold,
    };

    return vg_risk_cross_file(ret, &file, study, err);
}

static vg_status evaluate(struct session *s, struct vg_err *err)
{
    struct vg_risk_study study;
    struct vg_risk_cross cross = { 0 };
    vg_status st = check(&s->o, err);

    if (st == VG_OK && s->o.model)
        st = vg_model_open(s->o.model, &s->model, err);
    if (st == VG_OK)
        st = vg_gemm_open(err);
    if (st == VG_OK)
        st = read_all(s, err);
    if (st != VG_OK)
        return st;
    vg_risk_study_init(&study, s->data);
    st = s->model ? judge_file(s, &study, &cross, err) : judge_recipe(s, &study, &cross, err);
    if (st == VG_OK)
        st = answer(s, &cross, err);
    vg_risk_cross_done(&cross);
    vg_risk_study_done(&study);
    if (st == VG_OK)
        vg_command_disclaim("these figures describe recordings, not the care of a patient");
    return st;
}

int vg_evaluate_risk(int argc, char **argv)
{
    struct session s = { .o.threshold = not_said };
    struct vg_err err = { 0 };
    char **arguments;
    int code;

    code = vg_command_parse(&command, argc, argv, &s.o, &arguments);
    if (code == VG_COMMAND_GO)
        code = evaluate(&s, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    if (s.model)
        s.model->ops->free(s.model);
    vg_risk_data_free(s.data);
    vg_risk_recipe_done(&s.recipe);
    vg_options_done(options, &s.o);
    return code;
}
