/* evaluate_forecast.c - vigil evaluate forecast: how far forecasts were off, and how often intervals
 * held what they promise.
 *
 * With model files: they are judged on all of the data. With a recipe: a model is trained for each
 * fold on the persons of the others, by the code of `vigil train`, and judged on those of the fold;
 * all folds together judge every person once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/evaluate.h"
#include "app/forecast_judge.h"
#include "app/persons.h"
#include "app/progress.h"
#include "app/train_model.h"
#include "core/text.h"
#include "models/gemm.h"
#include "models/load.h"
#include "models/save.h"

enum {
    REFERENCES = 2,   /* trained beside the model of each fold */
    SEEDS_MAX = 16,   /* of models whose mean is judged */
    SEED_STEP = 1000, /* so that no two of a fold, nor of its neighbours, are the same */
};

struct options {
    struct vg_strings models, sets;
    char *config, *data, *persons, *report;
    int64_t folds, seeds, seed, resamples, workers;
    float coverage, rate;
    bool json;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_LIST(O, models, "model", "FILE", 0,
                "a forecaster; the first is judged, further ones stand beside it"),
    VG_CLI_STRING(O, config, "config", "FILE", NULL, 0,
                  "train by this recipe (configs/train/) for each fold, instead of --model"),
    VG_OPT_INT(O, folds, "folds", "5", 2, 100, "", 0, "folds of the cross-validation, by persons"),
    VG_OPT_INT(O, seeds, "seeds", "1", 1, SEEDS_MAX, "", 0,
               "models of each fold that differ in their seed; their mean is judged"),
    VG_CLI_LIST(O, sets, "set", "KEY=VALUE", 0, "changes the recipe: \"fit.epochs=3\""),
    VG_CLI_STRING(O, data, "data", "SPEC", NULL, 0,
                  "\"csv:files=F.csv.gz,map=M.yaml\", \"simulator:patients=60,seed=7\", "
                  "\"kafka:brokers=B,topic=T\" (default: what the recipe says)"),
    VG_CLI_STRING(O, persons, "persons", "FILE:STAY,PERSON", NULL, 0,
                  "CSV that says which stays are one person: no person stands on two sides"),
    VG_OPT_FLOAT(O, coverage, "coverage", "0.9", 0.5, 0.99, "", 0,
                 "what intervals are adjusted to hold online, as in stage forecast"),
    VG_OPT_FLOAT(O, rate, "adapt_rate", "0.2", 0.001, 2, "SD", 0,
                 "how fast, as in stage forecast"),
    VG_OPT_INT(O, resamples, "resamples", "1000", 1, 100000, "", 0,
               "resamples of persons behind each 95 % interval"),
    VG_OPT_INT(O, seed, "seed", "1", 0, 1e15, "", 0, "of training and of the resamples"),
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
    .name = "evaluate forecast",
    .summary = "Measures errors, intervals and their coverage per channel and horizon, beside the "
               "last value and linear forecasts",
    .arguments = "",
    .options = options,
    .notes = "examples:\n"
             "  vigil evaluate forecast --model configs/models/forecast.safetensors \\\n"
             "    --data simulator:patients=60,duration=8h,seed=7 --report forecast.html\n"
             "  vigil evaluate forecast --config configs/train/eicu_forecast.yaml \\\n"
             "    --data csv:files=eicu_demo_full_stays_hourly.csv.gz,map=configs/maps/"
             "eicu_hourly.yaml \\\n"
             "    --persons patient.csv.gz:patientunitstayid,uniquepid\n",
};

/** Everything of one run of the verb. */
struct session {
    struct options o;
    struct vg_recipe recipe;
    bool has_recipe;
    struct vg_dataset *data;
    struct vg_forecast_judge judge;
    const char *name[VG_FORECAST_METHODS_MAX]; /* of the models */
    char title[512];
    struct vg_progress progress;
    uint64_t done;
};

/* ---- data ---- */

static vg_status read_recipe(struct session *s, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    vg_status st;

    vg_recipe_init(&s->recipe, vg_forecast_recipe);
    s->has_recipe = true;
    if (!s->o.config)
        return VG_OK;
    st = vg_recipe_read(&s->recipe, vg_forecast_recipe, s->o.config, &diagnostics, err);
    if (diagnostics.len > 0)
        fputs(diagnostics.data, stderr);
    vg_buf_done(&diagnostics);
    for (size_t i = 0; i < s->o.sets.n && st == VG_OK; i++)
        st = vg_recipe_set(&s->recipe, vg_forecast_recipe, s->o.sets.value[i], err);
    return st;
}

/** The grid of a model file: its channels and its tick. */
static vg_status grid_of(struct vg_dataset_spec *spec, const struct vg_model *m, struct vg_err *err)
{
    const struct vg_option channels[] = { *vg_option_find(vg_grid_options, "channels"),
                                          VG_OPT_END };
    vg_status st = VG_OK;

    vg_options_done(channels, spec);
    for (uint32_t c = 0; c < m->channels && st == VG_OK; c++)
        st = vg_option_add(channels, spec, NULL, vg_channels[m->channel[c]].name, err);
    spec->tick_ns = m->tick_ns;
    return st;
}

static bool tell_share(void *ctx, double done)
{
    struct session *s = ctx;

    vg_progress_update(&s->progress, (uint64_t)(done * (double)s->progress.total));
    return true;
}

static vg_status build_data(struct session *s, const struct vg_model *model, struct vg_err *err)
{
    struct vg_dataset_spec *spec = &s->recipe.data;
    vg_status st = model ? grid_of(spec, model, err) : VG_OK;

    if (st == VG_OK && s->o.data)
        st = vg_dataset_parse(spec, s->o.data, err);
    if (st != VG_OK)
        return st;
    if (spec->source == VG_DATA_NONE)
        return vg_fail(err, VG_E_USAGE, "no data: --data says which, or \"data:\" of the recipe");
    vg_progress_begin(&s->progress, s->o.progress, "reading", "per mille", 1000);
    st = vg_dataset_build(spec, (uint32_t)s->o.workers, tell_share, s, &s->data, err);
    vg_progress_end(&s->progress, st == VG_OK ? 1000 : 0);
    if (st == VG_OK && s->data->patients == 0)
        st = vg_fail(err, VG_E_FAILED, "the data have no patient with a usable value");
    if (st == VG_OK && s->o.persons)
        st = vg_persons_name(s->data, s->o.persons, err);
    return st;
}

/* ---- judging ---- */

static void begin_judge(struct session *s)
{
    const struct vg_forecast_adjust adjust = { true, s->o.coverage, s->o.rate };

    vg_forecast_judge_init(&s->judge, s->data, &adjust);
}

static bool tell_patient(void *ctx)
{
    struct session *s = ctx;

    vg_progress_update(&s->progress, ++s->done);
    return true;
}

static vg_status judge(struct session *s, struct vg_model *const *model, uint32_t n, int part,
                       struct vg_err *err)
{
    uint64_t patients = s->data->patients;
    vg_status st;

    if (part != VG_JUDGE_ALL)
        patients = vg_dataset_count(s->data, (enum vg_part)part);
    s->done = 0;
    vg_progress_begin(&s->progress, s->o.progress, "forecasting", "patients", patients);
    st = vg_forecast_judge_models(&s->judge, (const struct vg_model *const *)model, n, part,
                                  tell_patient, s, err);
    vg_progress_end(&s->progress, s->done);
    return st;
}

static void free_models(struct vg_model **model, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (model[i])
            model[i]->ops->free(model[i]);
}

static vg_status open_forecaster(const char *path, const char *name, struct vg_model **ret,
                                 struct vg_err *err)
{
    vg_status st = vg_model_open(path, ret, err);

    if (st != VG_OK)
        return st;
    snprintf((*ret)->name, sizeof(*ret)->name, "%.*s", VG_NAME_SIZE - 1, name);
    if ((*ret)->horizons == 0)
        return vg_fail(err, VG_E_MODEL,
                       "model %s is of type %s; expected a forecaster, such as type lstm or ridge",
                       name, (*ret)->ops->name);
    return VG_OK;
}

static vg_status judge_files(struct session *s, struct vg_err *err)
{
    struct vg_model *model[VG_FORECAST_METHODS_MAX] = { 0 };
    uint32_t n = (uint32_t)s->o.models.n;
    vg_status st = VG_OK;

    if (n > VG_FORECAST_METHODS_MAX - 2)
        return vg_fail(err, VG_E_USAGE, "at most %d models at once", VG_FORECAST_METHODS_MAX - 2);
    for (uint32_t i = 0; i < n && st == VG_OK; i++) {
        const char *slash = strrchr(s->o.models.value[i], '/');

        s->name[i] = slash ? slash + 1 : s->o.models.value[i];
        st = open_forecaster(s->o.models.value[i], s->name[i], &model[i], err);
    }
    if (st == VG_OK)
        st = vg_models_agree((const struct vg_model *const *)model, n, err);
    if (st == VG_OK)
        st = build_data(s, model[0], err);
    if (st == VG_OK) {
        begin_judge(s);
        st = judge(s, model, n, VG_JUDGE_ALL, err);
    }
    free_models(model, n);
    return st;
}

/* ---- folds ---- */

typedef vg_status train_fn(const struct vg_recipe *r, const struct vg_dataset *data,
                           const struct vg_train_how *how, const char *out,
                           struct vg_train_outcome *ret, struct vg_err *err);

static bool tell_fit(void *ctx, const struct vg_fit_progress *p)
{
    struct session *s = ctx;

    vg_progress_update(&s->progress, (uint64_t)(p->epoch - 1) * p->batches + p->batch);
    return true;
}

/** A file of its own for a model that is gone again once it is loaded. */
struct scratch {
    char path[32];
};

static vg_status scratch_make(struct scratch *file, struct vg_err *err)
{
    int fd;

    snprintf(file->path, sizeof file->path, "/tmp/vigil-fold-XXXXXX");
    fd = mkstemp(file->path);
    if (fd < 0) {
        file->path[0] = '\0';
        return vg_fail(err, VG_E_IO, "no temporary file in /tmp for a fold's model: %s",
                       strerror(errno));
    }
    close(fd);
    return VG_OK;
}

static void scratch_remove(const struct scratch *file)
{
    if (file->path[0])
        unlink(file->path);
}

static vg_status train_file(struct session *s, train_fn *train, const char *name, uint64_t seed,
                            struct scratch *file, struct vg_err *err)
{
    const struct vg_train_how how = {
        .seed = seed, .workers = (uint32_t)s->o.workers, .progress = tell_fit, .ctx = s
    };
    struct vg_train_outcome outcome = { 0 };
    vg_status st = scratch_make(file, err);

    if (st != VG_OK)
        return st;
    vg_progress_begin(&s->progress, s->o.progress, name, "batches", 0);
    st = train(&s->recipe, s->data, &how, file->path, &outcome, err);
    vg_progress_end(&s->progress, 0);
    vg_train_outcome_done(&outcome);
    return st;
}

static vg_status open_file(const struct scratch *file, const char *name, struct vg_model **ret,
                           struct vg_err *err)
{
    vg_status st = vg_model_open(file->path, ret, err);

    if (st == VG_OK)
        snprintf((*ret)->name, sizeof(*ret)->name, "%s", name);
    return st;
}

static vg_status train_one(struct session *s, train_fn *train, const char *name, uint32_t fold,
                           struct vg_model **ret, struct vg_err *err)
{
    struct scratch file = { "" };
    vg_status st = train_file(s, train, name, (uint64_t)s->o.seed + fold, &file, err);

    if (st == VG_OK)
        st = open_file(&file, name, ret, err);
    scratch_remove(&file);
    return st;
}

/** The mean of models that differ in their seed alone. */
static vg_status train_mean(struct session *s, train_fn *train, const char *name, uint32_t fold,
                            struct vg_model **ret, struct vg_err *err)
{
    const uint32_t seeds = (uint32_t)s->o.seeds;
    const char *path[SEEDS_MAX];
    struct scratch member[SEEDS_MAX] = { 0 }, mean = { "" };
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < seeds && st == VG_OK; i++) {
        uint64_t seed = (uint64_t)s->o.seed + fold + (uint64_t)i * SEED_STEP;

        path[i] = member[i].path;
        st = train_file(s, train, name, seed, &member[i], err);
    }
    if (st == VG_OK)
        st = scratch_make(&mean, err);
    if (st == VG_OK)
        st = vg_model_save_members(mean.path, "mean", seeds, path, NULL, 0, NULL, err);
    if (st == VG_OK)
        st = open_file(&mean, name, ret, err);
    for (uint32_t i = 0; i < seeds; i++)
        scratch_remove(&member[i]);
    scratch_remove(&mean);
    return st;
}

static vg_status judge_fold(struct session *s, uint32_t fold, struct vg_err *err)
{
    const int skip = s->recipe.skip;
    struct vg_model *model[1 + REFERENCES] = { 0 };
    vg_status st;

    vg_dataset_fold(s->data, (uint32_t)s->o.folds, fold, (double)s->recipe.split.validation,
                    s->recipe.split.salt);
    st = s->o.seeds > 1 ? train_mean(s, vg_train_forecaster, s->name[0], fold, &model[0], err)
                        : train_one(s, vg_train_forecaster, s->name[0], fold, &model[0], err);
    s->recipe.skip = VG_SKIP_RIDGE;
    if (st == VG_OK)
        st = train_one(s, vg_train_baseline_model, s->name[1], fold, &model[1], err);
    s->recipe.skip = VG_SKIP_MEDIAN;
    if (st == VG_OK)
        st = train_one(s, vg_train_baseline_model, s->name[2], fold, &model[2], err);
    s->recipe.skip = skip;
    if (st == VG_OK)
        st = judge(s, model, 1 + REFERENCES, VG_PART_TEST, err);
    free_models(model, 1 + REFERENCES);
    return st;
}

static vg_status judge_folds(struct session *s, struct vg_err *err)
{
    vg_status st = vg_gemm_open(err);

    if (st == VG_OK)
        st = build_data(s, NULL, err);
    if (st != VG_OK)
        return st;
    if (!vg_gemm_pinned())
        fprintf(stderr,
                "vigil evaluate: OpenBLAS runs its %s kernel; other machines will find "
                "slightly other figures\n",
                vg_gemm_core());
    s->name[0] = "model";
    s->name[1] = "ridge";
    s->name[2] = "median line";
    s->recipe.kind = VG_BASELINE_RIDGE;
    begin_judge(s);
    for (uint32_t fold = 0; fold < (uint32_t)s->o.folds && st == VG_OK; fold++)
        st = judge_fold(s, fold, err);
    return st;
}

/* ---- answer ---- */

static void make_title(struct session *s)
{
    char tick[VG_DURATION_TEXT_SIZE];
    int n;

    vg_format_duration(s->data->tick_ns, tick);
    n = snprintf(s->title, sizeof s->title, "%u patients, %u persons, ticks of %s; ",
                 s->data->patients, s->judge.eval.persons, tick);
    if (s->o.config)
        snprintf(s->title + n, sizeof s->title - (size_t)n,
                 "%lld folds by persons of recipe %.200s", (long long)s->o.folds, s->o.config);
    else
        snprintf(s->title + n, sizeof s->title - (size_t)n, "model %.200s", s->name[0]);
}

static bool has_target(const struct vg_forecast_eval *e)
{
    for (uint32_t c = 0; c < e->channels; c++)
        for (uint32_t h = 0; h < e->horizons; h++)
            if (vg_forecast_eval_cell(e, 0, c, h, NULL).n > 0)
                return true;
    return false;
}

static vg_status check_targets(const struct session *s, struct vg_err *err)
{
    char shortest[VG_DURATION_TEXT_SIZE];

    if (has_target(&s->judge.eval))
        return VG_OK;
    vg_format_duration(s->judge.horizon_ns[0], shortest);
    return vg_fail(err, VG_E_FAILED,
                   "nothing to judge by: the data have no value that was measured %s after another "
                   "of its channel; give longer recordings, or ones with the model's channels",
                   shortest);
}

static vg_status answer(struct session *s, struct vg_err *err)
{
    struct vg_forecast_found found;
    struct vg_buf json = VG_BUF_INIT;
    vg_status st = check_targets(s, err);

    if (st != VG_OK)
        return st;
    make_title(s);
    vg_forecast_judge_found(&s->judge, s->name, &found);
    found.title = s->title;
    st = vg_forecast_find(&found, (uint32_t)s->o.resamples, (uint64_t)s->o.seed, err);
    if (st == VG_OK && s->o.json) {
        vg_forecast_json(&found, &json);
        fwrite(json.data, 1, json.len, stdout);
    } else if (st == VG_OK) {
        vg_forecast_print(&found, stdout);
    }
    if (st == VG_OK && s->o.report)
        st = vg_forecast_html(&found, s->o.report, err);
    vg_buf_done(&json);
    free(found.figure);
    return st;
}

static int run(struct session *s)
{
    struct vg_err err = { 0 };
    vg_status st;

    if ((s->o.config != NULL) == (s->o.models.n > 0))
        return vg_command_usage(&command, "either --model or --config is needed, and only one");
    if (s->o.sets.n > 0 && !s->o.config)
        return vg_command_usage(&command, "--set changes the recipe of --config, which is missing");
    st = s->o.report ? vg_command_check_output(s->o.report, &err) : VG_OK;
    if (st == VG_OK)
        st = read_recipe(s, &err);
    if (st == VG_OK)
        st = s->o.config ? judge_folds(s, &err) : judge_files(s, &err);
    if (st == VG_OK)
        st = answer(s, &err);
    if (st == VG_OK)
        vg_command_disclaim("these figures describe recordings, not the care of a patient");
    return st == VG_OK ? 0 : vg_command_failed(&command, &err);
}

int vg_evaluate_forecast(int argc, char **argv)
{
    struct session s = { 0 };
    char **arguments;
    int code = vg_command_parse(&command, argc, argv, &s.o, &arguments);
    if (code == VG_COMMAND_GO)
        code = run(&s);
    vg_forecast_judge_done(&s.judge);
    vg_dataset_free(s.data);
    if (s.has_recipe)
        vg_recipe_done(&s.recipe, vg_forecast_recipe);
    vg_options_done(options, &s.o);
    return code;
}
