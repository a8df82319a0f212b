/* train_verb.c - the command line that all trainings share. */
#include "app/train_verb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/train.h"
#include "app/train_show.h"
#include "models/gemm.h"
#include "runtime/hash.h"

/* clang-format off */
#define O struct vg_train_options
const struct vg_option vg_train_cli[] = {
    VG_CLI_STRING(O, config, "config", "FILE", NULL, VG_OPT_REQUIRED,
                  "the recipe, such as configs/train/seed_lstm.yaml"),
    VG_CLI_STRING(O, out, "out", "FILE", NULL, VG_OPT_REQUIRED, "model file to write"),
    VG_CLI_STRING(O, data, "data", "SPEC", NULL, 0,
                  "instead of the recipe's data: simulator:patients=96,seed=2, "
                  "csv:files=FILE,map=FILE or kafka:brokers=HOST:PORT,topic=NAME"),
    VG_OPT_INT(O, seed, "seed", "1", 0, 1e15, "", 0, "another seed, another model"),
    VG_OPT_INT(O, workers, "workers", "0", 0, 64, "threads", 0,
               "0: as many as processors; changes no byte"),
    VG_CLI_LIST(O, set, "set", "KEY=VALUE", 0, "as if the recipe said so: fit.epochs=3"),
    VG_OPT_BOOL(O, resume, "resume", "false", 0,
                "go on from FILE.checkpoint of a training that was interrupted"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "the result as a JSON object on standard output"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far it is, on standard error; auto: a bar on a terminal, else JSON lines"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

uint32_t vg_train_workers(int64_t workers)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (workers > 0)
        return (uint32_t)workers;
    return processors > 0 ? (uint32_t)processors : 1;
}

/* ---- the recipe ---- */

static vg_status read_recipe(const struct vg_train_verb *verb, const struct vg_train_options *o,
                             struct vg_recipe *r, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    vg_status st;

    vg_recipe_init(r, verb->recipe);
    st = vg_recipe_read(r, verb->recipe, o->config, &diagnostics, err);
    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    vg_buf_done(&diagnostics);
    for (size_t i = 0; i < o->set.n && st == VG_OK; i++)
        st = vg_recipe_set(r, verb->recipe, o->set.value[i], err);
    if (st == VG_OK && o->data)
        st = vg_dataset_parse(&r->data, o->data, err);
    return st;
}

/* ---- the result ---- */

static void tell(const struct vg_train_options *o, const struct vg_train_outcome *r,
                 const char *sha256, double seconds)
{
    printf("%s: %zu parameters from %zu sequences (%zu to judge by) in %.0f s\n", o->out,
           r->parameters, r->sequences, r->validation_sequences, seconds);
    if (r->fit.epochs > 1 && isfinite(r->fit.best))
        printf("%u epochs, the best of them %u: loss %.5f, validation %.5f\n", r->fit.epochs,
               r->fit.best_epoch, r->fit.loss, r->fit.best);
    else if (r->fit.epochs > 0 && isfinite(r->fit.best))
        printf("1 epoch: loss %.5f, validation %.5f\n", r->fit.loss, r->fit.best);
    else if (r->fit.epochs > 0)
        printf("%u epoch%s: loss %.5f\n", r->fit.epochs, r->fit.epochs == 1 ? "" : "s",
               r->fit.loss);
    printf("sha256 %s\n", sha256);
    if (r->table.len)
        fwrite(r->table.data, 1, r->table.len, stdout);
}

static void tell_json(const struct vg_train_options *o, const struct vg_train_outcome *r,
                      const char *sha256, double seconds)
{
    struct vg_buf out = VG_BUF_INIT;

    vg_buf_str(&out, "{\"model\":");
    vg_buf_json_str(&out, o->out);
    vg_buf_printf(&out,
                  ",\"sha256\":\"%s\",\"parameters\":%zu,\"sequences\":%zu,"
                  "\"validation_sequences\":%zu,\"epochs\":%u,\"best_epoch\":%u",
                  sha256, r->parameters, r->sequences, r->validation_sequences, r->fit.epochs,
                  r->fit.best_epoch);
    if (r->fit.epochs > 0)
        vg_buf_printf(&out, ",\"loss\":%.6g", r->fit.loss);
    if (r->fit.epochs > 0 && isfinite(r->fit.best))
        vg_buf_printf(&out, ",\"validation\":%.6g", r->fit.best);
    vg_buf_printf(&out, ",\"seconds\":%.1f,\"kernel\":\"%s\"", seconds, vg_gemm_core());
    if (r->table.len) {
        vg_buf_str(&out, ",\"table\":");
        vg_buf_json_strn(&out, r->table.data, r->table.len);
    }
    printf("%s}\n", out.data);
    vg_buf_done(&out);
}

static vg_status conclude(const struct vg_train_options *o, const struct vg_train_outcome *r,
                          const char *checkpoint, double seconds, struct vg_err *err)
{
    char sha256[VG_SHA256_HEX_SIZE];
    vg_status st = vg_sha256_file(o->out, sha256, err);

    if (st != VG_OK)
        return st;
    if (o->json)
        tell_json(o, r, sha256, seconds);
    else
        tell(o, r, sha256, seconds);
    if (!r->fit.stopped) {
        unlink(checkpoint);
        return VG_OK;
    }
    if (access(checkpoint, F_OK) != 0)
        return vg_fail(err, VG_E_TEMPORARY,
                       "interrupted before the end of the first epoch: %s has the weights as they "
                       "were, and there is no checkpoint to go on from",
                       o->out);
    return vg_fail(err, VG_E_TEMPORARY,
                   "interrupted: %s has the best weights so far (of epoch %u); --resume goes on",
                   o->out, r->fit.best_epoch);
}

/* What is wrong with the recipe is said before minutes go into data. */
static vg_status check(const struct vg_train_verb *verb, const struct vg_recipe *r,
                       struct vg_err *err)
{
    const struct vg_train_how how = { .check = true };
    struct vg_train_outcome outcome = { 0 };
    struct vg_dataset *grid;
    vg_status st = vg_dataset_grid(&r->data, &grid, err);

    if (st == VG_OK)
        st = verb->train(r, grid, &how, NULL, &outcome, err);
    vg_train_outcome_done(&outcome);
    vg_dataset_free(grid);
    return st;
}

static char *checkpoint_of(const struct vg_train_options *o)
{
    char *ret;

    VG_CHECK(asprintf(&ret, "%s.checkpoint", o->out) >= 0);
    return ret;
}

/* Who asks to go on expects hours to be spared. Beginning anew instead would cost them, and the model
 * that a finished training left at --out. */
static vg_status check_resume(const struct vg_train_options *o, struct vg_err *err)
{
    char *checkpoint = checkpoint_of(o);
    vg_status st = VG_OK;

    if (o->resume && access(checkpoint, F_OK) != 0)
        st = vg_fail(err, VG_E_USAGE,
                     "--resume: there is no %s: no training to that file was interrupted after its "
                     "first epoch; leave --resume out to begin",
                     checkpoint);
    free(checkpoint);
    return st;
}

/* ---- all of it ---- */

static void warn_unless_pinned(void)
{
    if (!vg_gemm_pinned())
        fprintf(
            stderr,
            "note: OpenBLAS runs its kernel for %s, not the one for Haswell: what it solves, "
            "lines\nand components, has other bytes than on other machines; how good it is does "
            "not differ\n",
            vg_gemm_core());
}

static vg_status train(const struct vg_train_verb *verb, const struct vg_train_options *o,
                       const struct vg_recipe *r, struct vg_err *err)
{
    const uint32_t workers = vg_train_workers(o->workers);
    struct vg_train_outcome outcome = { 0 };
    struct vg_dataset *data = NULL;
    struct vg_train_show show;
    struct vg_train_how how = {
        .seed = (uint64_t)o->seed, .workers = workers, .resume = o->resume, .ctx = &show
    };
    char *checkpoint = checkpoint_of(o);
    vg_status st;

    how.checkpoint = checkpoint;
    how.progress = vg_train_show_fit;
    vg_train_show_begin(&show, o->progress);
    st = vg_dataset_build(&r->data, workers, vg_train_show_data, &show, &data, err);
    if (st == VG_OK) {
        vg_dataset_split(data, (double)r->split.train, (double)r->split.validation, r->split.salt);
        st = verb->train(r, data, &how, o->out, &outcome, err);
    }
    vg_train_show_end(&show);
    if (st == VG_OK)
        st = conclude(o, &outcome, checkpoint, vg_train_show_elapsed_s(&show), err);
    vg_train_outcome_done(&outcome);
    vg_dataset_free(data);
    free(checkpoint);
    return st;
}

int vg_train_with(const struct vg_train_verb *verb, const struct vg_train_options *o)
{
    struct vg_recipe recipe;
    struct vg_err err;
    vg_status st;

    st = read_recipe(verb, o, &recipe, &err);
    if (st == VG_OK)
        st = check(verb, &recipe, &err);
    if (st == VG_OK)
        st = vg_gemm_open(&err);
    if (st == VG_OK)
        warn_unless_pinned();
    if (st == VG_OK)
        st = vg_command_check_output(o->out, &err);
    if (st == VG_OK)
        st = check_resume(o, &err);
    if (st == VG_OK)
        st = train(verb, o, &recipe, &err);
    if (st == VG_E_CONFIG)
        vg_recipe_locate(o->config, &err);
    vg_recipe_done(&recipe, verb->recipe);
    return st == VG_OK ? 0 : vg_command_failed(&verb->command, &err);
}

int vg_train_parse(const struct vg_train_verb *verb, int argc, char **argv,
                   struct vg_train_options *o)
{
    struct vg_command with_keys = verb->command;
    struct vg_buf notes = VG_BUF_INIT;
    char **args;
    int exit;

    if (verb->command.notes)
        vg_buf_printf(&notes, "%s\n", verb->command.notes);
    vg_recipe_help(verb->recipe, &notes);
    with_keys.notes = notes.data;
    exit = vg_command_parse(&with_keys, argc, argv, o, &args);
    vg_buf_done(&notes);
    return exit;
}

/* Parses, checks the recipe, builds the data, trains and tells. Returns the exit code. */
static int run(const struct vg_train_verb *verb, int argc, char **argv)
{
    struct vg_train_options o = { 0 };
    int exit = vg_train_parse(verb, argc, argv, &o);

    if (exit == VG_COMMAND_GO)
        exit = vg_train_with(verb, &o);
    vg_options_done(vg_train_cli, &o);
    return exit;
}

/* ---- the trainings ---- */

#define COMMAND(what, about)                                                               \
    {                                                                                      \
        .name = "train " what, .summary = about, .arguments = "", .options = vg_train_cli, \
    }

int vg_train_forecast(int argc, char **argv)
{
    static const struct vg_train_verb verb = {
        COMMAND("forecast", "Trains a forecaster and writes it as a model file"),
        vg_forecast_recipe, vg_train_forecaster
    };

    return run(&verb, argc, argv);
}

int vg_train_autoencoder(int argc, char **argv)
{
    static const struct vg_train_verb verb = {
        COMMAND("autoencoder", "Trains an autoencoder of windows and writes it as a model file"),
        vg_autoencoder_recipe, vg_train_autoencoder_model
    };

    return run(&verb, argc, argv);
}

int vg_train_baseline(int argc, char **argv)
{
    static const struct vg_train_verb verb = {
        COMMAND("baseline", "Fits a reference model and writes it as a model file"),
        vg_baseline_recipe, vg_train_baseline_model
    };

    return run(&verb, argc, argv);
}
