/* train_detector.c - vigil train detector: calibrates one with its models. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/detector_fit.h"
#include "app/progress.h"
#include "app/simulator.h"
#include "app/train.h"
#include "app/train_verb.h"

struct options {
    char *fast, *slow, *window, *out;
    struct vg_strings stages;
    int64_t patients, duration_ns, seed, workers;
    float artefact_rate, budget;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, out, "out", "FILE", NULL, VG_OPT_REQUIRED, "model file to write"),
    VG_CLI_STRING(O, fast, "fast", "FILE", NULL, 0,
                  "the forecaster of the chain: what differs from its shortest horizon"),
    VG_CLI_STRING(O, slow, "slow", "FILE", NULL, 0,
                  "a forecaster that slow changes cannot take along, such as a ridge"),
    VG_CLI_STRING(O, window, "window", "FILE", NULL, 0, "an autoencoder or a pca"),
    VG_CLI_LIST(O, stages, "stage", "TYPE [KEY=VALUE]", 0,
                "stages before normalize, in their order (default: clean, artefact, and resample "
                "at the models' tick)"),
    VG_OPT_INT(O, patients, "patients", "100", 1, VG_SIM_BEDS_MAX, "", 0,
               "simulated patients without trouble"),
    VG_OPT_DURATION(O, duration_ns, "duration", "24h", 3600, 366 * 86400.0, 0,
                    "how long each is watched"),
    VG_OPT_INT(O, seed, "seed", "20", 0, 1e15, "", 0,
               "of the patients; not one that the models were trained on"),
    VG_OPT_FLOAT(O, artefact_rate, "artefact_rate", "1", 0, 1000, "", 0,
                 "artefacts as a multiple of what is usual"),
    VG_OPT_FLOAT(O, budget, "budget", "0.8", 0.001, 1000, "", 0,
                 "alerts per patient-day that may be false"),
    VG_OPT_INT(O, workers, "workers", "0", 0, 64, "threads", 0,
               "0: as many as processors; changes no byte"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far it is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "train detector",
    .summary =
        "Calibrates a detector with the models it is to watch, on simulated patients without "
        "trouble",
    .arguments = "",
    .options = options,
    .notes =
        "A detector is part of a chain with those same model files. Its threshold is right for\n"
        "patients and monitors like those it was calibrated with: measure it where it is used.\n"
        "\n"
        "example:\n"
        "  vigil train detector --fast forecast.safetensors --slow ridge.safetensors \\\n"
        "    --out detector.safetensors\n",
};

enum { STEPS = 1000 };

static bool tell(void *ctx, double done)
{
    vg_progress_update(ctx, (uint64_t)(done * STEPS));
    return true;
}

static void print_tails(const struct vg_detector_outcome *r)
{
    printf("score    threshold   shape   scale   share  alone per day\n");
    for (uint32_t i = 0; i < VG_SCORES; i++) {
        const struct vg_tail *t = &r->calibration.tail[i];

        if (r->calibration.member[i][0] != '\0')
            printf("%-8s %9.3f %7.3f %7.3f %7.3f %14.2f\n", vg_score_names[i], (double)t->threshold,
                   (double)t->shape, (double)t->scale, (double)t->share, r->per_day[i]);
    }
}

static void print_outcome(const struct options *o, const struct vg_detector_outcome *r)
{
    printf("%s: threshold %.3f, %.2f alerts per patient-day in %.0f patient-days without trouble\n",
           o->out, (double)r->calibration.threshold, r->all_per_day, r->patient_days);
    print_tails(r);
}

/* The stages before normalize that nobody named: those of the demo. */
static vg_status default_stages(struct options *o, struct vg_err *err)
{
    static const char *const stages[] = { "clean", "artefact", "resample tick=30s" };
    vg_status st = VG_OK;

    for (size_t i = 0;
         o->stages.n < VG_ARRAY_LEN(stages) && i < VG_ARRAY_LEN(stages) && st == VG_OK; i++)
        st = vg_option_add(vg_option_find(options, "stage"), o, NULL, stages[i], err);
    return st;
}

static vg_status train(struct options *o, struct vg_err *err)
{
    struct vg_progress progress;
    struct vg_detector_outcome outcome;
    struct vg_detector_recipe r = {
        .path = { o->fast, o->slow, o->window },
        .patients = o->patients,
        .duration_ns = o->duration_ns,
        .seed = o->seed,
        .artefact_rate = o->artefact_rate,
        .budget = (double)o->budget,
        .workers = vg_train_workers(o->workers),
        .ctx = &progress,
        .progress = tell,
    };
    vg_status st = o->stages.n == 0 ? default_stages(o, err) : VG_OK;

    if (st != VG_OK)
        return st;
    r.stages = o->stages;
    vg_progress_begin(&progress, o->progress, "calibrate", "patients", STEPS);
    st = vg_detector_fit(&r, o->out, &outcome, err);
    vg_progress_end(&progress, STEPS);
    if (st == VG_OK)
        print_outcome(o, &outcome);
    return st;
}

int vg_train_detector(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = train(&o, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vg_options_done(options, &o);
    return exit;
}
