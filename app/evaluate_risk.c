/* evaluate_risk.c - vigil evaluate risk: cross-validation of a recipe for recorded stays. */
#include <stdio.h>

#include "app/command.h"
#include "app/evaluate.h"
#include "app/progress.h"
#include "app/risk_found.h"
#include "models/gemm.h"

struct options {
    char *config, *data, *report;
    int64_t folds, resamples, workers;
    bool json;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, config, "config", "FILE", NULL, VG_OPT_REQUIRED,
                  "the recipe, such as configs/train/risk_physionet2012.yaml"),
    VG_CLI_STRING(O, data, "data", "SPEC", NULL, VG_OPT_REQUIRED,
                  "stays=FILE,outcomes=FILE; stays=FOLDER where the map says one file per stay"),
    VG_OPT_INT(O, folds, "folds", "0", 0, 20, "", 0, "0: as the recipe says"),
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
    .summary = "Measures models of risk on recorded stays by cross-validation, beside logistic "
               "regression, a bedside score, and what time and masks alone tell",
    .arguments = "",
    .options = options,
    .notes = "example:\n"
             "  vigil evaluate risk --config configs/train/risk_physionet2012.yaml \\\n"
             "    --data stays=set-a.csv.gz,outcomes=Outcomes-a.csv --report risk.html\n",
};

enum { STEPS = 1000 };

struct session {
    struct options o;
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

static vg_status read_all(struct session *s, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_risk_source source;
    vg_status st = vg_risk_recipe_read(&s->recipe, s->o.config, &diagnostics, err);

    if (st == VG_OK && s->o.folds)
        s->recipe.folds = s->o.folds < 2 ? 2 : s->o.folds;
    if (st == VG_OK)
        st = vg_risk_source_parse(&source, s->o.data, err);
    if (st == VG_OK)
        st = vg_risk_data_read(s->recipe.map, &source, &diagnostics, &s->data, err);
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

static vg_status evaluate(struct session *s, struct vg_err *err)
{
    const struct vg_risk_cross_how how = {
        .workers = (uint32_t)s->o.workers, .share = 1.0, .progress = tell, .ctx = s
    };
    struct vg_risk_study study;
    struct vg_risk_cross cross;
    vg_status st = vg_gemm_open(err);

    if (st == VG_OK)
        st = read_all(s, err);
    if (st != VG_OK)
        return st;
    vg_risk_study_init(&study, s->data);
    vg_progress_begin(&s->progress, s->o.progress, "reading", "per mille", STEPS);
    st = vg_risk_cross_run(&cross, &s->recipe, &study, &how, err);
    s->progress.what = "risk";
    vg_progress_end(&s->progress, st == VG_OK ? STEPS : 0);
    if (st == VG_OK)
        st = answer(s, &cross, err);
    vg_risk_cross_done(&cross);
    vg_risk_study_done(&study);
    return st;
}

int vg_evaluate_risk(int argc, char **argv)
{
    struct session s = { 0 };
    struct vg_err err = { 0 };
    char **arguments;
    int code;

    code = vg_command_parse(&command, argc, argv, &s.o, &arguments);
    if (code == VG_COMMAND_GO)
        code = evaluate(&s, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vg_risk_data_free(s.data);
    vg_risk_recipe_done(&s.recipe);
    vg_options_done(options, &s.o);
    return code;
}
