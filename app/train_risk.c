/* train_risk.c - `vigil train risk`: from stays with an outcome, or from simulated patients.
 *
 * The recipe says which: one with members is for stays (app/risk_recipe.h).
 */
#include <stdio.h>
#include <string.h>

#include "app/risk_train.h"
#include "app/train.h"
#include "app/train_show.h"
#include "app/train_verb.h"
#include "models/gemm.h"

static const struct vg_train_verb verb = {
    { .name = "train risk",
      .summary = "Trains a model of risk and writes it as a model file",
      .arguments = "",
      .options = vg_train_cli,
      .notes = "A recipe with members learns from stays with an outcome:\n"
               "  vigil train risk --config configs/train/risk_physionet2012.yaml \\\n"
               "    --data stays=set-a.csv.gz,outcomes=Outcomes-a.csv --out risk.safetensors\n"
               "--seed, --set and --resume are not for those.\n" },
    vg_risk_simulated_recipe,
    vg_train_risk_model,
};

/* ---- stays ---- */

static bool show(void *ctx, const char *what, double done)
{
    struct vg_train_show *s = ctx;

    snprintf(s->bar.note, sizeof(s->bar.note), "%s", what);
    return vg_train_show_data(s, done);
}

static vg_status learn(const struct vg_train_options *o, struct vg_buf *table,
                       struct vg_buf *diagnostics, struct vg_err *err)
{
    struct vg_train_show shown;
    const struct vg_risk_training how = {
        .recipe = o->config,
        .data = o->data,
        .out = o->out,
        .workers = vg_train_workers(o->workers),
        .progress = show,
        .ctx = &shown,
    };
    vg_status st;

    st = vg_command_check_output(o->out, err);
    if (st != VG_OK)
        return st;
    if (o->set.n > 0 || o->resume || o->seed != 1)
        return vg_fail(err, VG_E_USAGE,
                       "a recipe for stays takes no --seed, --set or --resume; change the recipe");
    if (!o->data)
        return vg_fail(err, VG_E_USAGE, "--data stays=FILE,outcomes=FILE is missing");
    st = vg_gemm_open(err);
    if (st != VG_OK)
        return st;
    vg_train_show_begin(&shown, o->progress);
    st = vg_risk_train(&how, table, diagnostics, err);
    vg_train_show_end(&shown);
    return st;
}

static int train_stays(const struct vg_train_options *o)
{
    struct vg_buf table = VG_BUF_INIT, diagnostics = VG_BUF_INIT;
    struct vg_err err;
    vg_status st = learn(o, &table, &diagnostics, &err);

    if (diagnostics.len)
        fputs(diagnostics.data, stderr);
    if (st == VG_OK && table.len)
        fputs(table.data, stdout);
    if (st == VG_OK)
        vg_command_disclaim("a model has to be shown to be good where it is to be used");
    vg_buf_done(&table);
    vg_buf_done(&diagnostics);
    return st == VG_OK ? 0 : vg_command_failed(&verb.command, &err);
}

int vg_train_risk(int argc, char **argv)
{
    struct vg_train_options o = { 0 };
    int exit = vg_train_parse(&verb, argc, argv, &o);

    if (exit == VG_COMMAND_GO)
        exit = vg_risk_recipe_for_stays(o.config) ? train_stays(&o) : vg_train_with(&verb, &o);
    vg_options_done(vg_train_cli, &o);
    return exit;
}
