/* train_detector.c - vigil train detector: calibrates one with its models. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/detector_fit.h"
#include "app/progress.h"
#include "app/simulator.h"
#include "app/train.h"
#include "app/train_verb.h"
#include "runtime/hash.h"

struct options {
    char *fast, *slow, *window, *out;
    struct vg_strings stages;
    int64_t patients, duration_ns, seed, workers;
    float artefact_rate, budget;
    bool json;
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
    VG_OPT_BOOL(O, json, "json", "false", 0, "the result as a JSON object on standard output"),
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

static void print_outcome(const struct options *o, const struct vg_detector_outcome *r,
                          const char *sha256)
{
    printf("%s: threshold %.3f, %.2f alerts per patient-day in %.0f patient-days without trouble\n",
           o->out, (double)r->calibration.threshold, r->all_per_day, r->patient_days);
    print_tails(r);
    printf("sha256 %s\n", sha256);
}

static void json_score(const struct vg_detector_outcome *r, uint32_t i, struct vg_buf *out)
{
    const struct vg_tail *t = &r->calibration.tail[i];

    vg_buf_printf(out, "\"%s\":{\"member\":\"%s\",\"threshold\":%.9g,\"shape\":%.9g",
                  vg_score_names[i], r->calibration.member[i], (double)t->threshold,
                  (double)t->shape);
    vg_buf_printf(out, ",\"scale\":%.9g,\"share\":%.9g,\"alone_per_day\":%.6g}", (double)t->scale,
                  (double)t->share, r->per_day[i]);
}

static void json_outcome(const struct options *o, const struct vg_detector_outcome *r,
                         const char *sha256, double seconds)
{
    struct vg_buf out = VG_BUF_INIT;
    const char *comma = "";

    vg_buf_str(&out, "{\"model\":");
    vg_buf_json_str(&out, o->out);
    vg_buf_printf(&out, ",\"sha256\":\"%s\",\"threshold\":%.9g,\"budget\":%.6g", sha256,
                  (double)r->calibration.threshold, (double)o->budget);
    vg_buf_printf(&out, ",\"alerts_per_day\":%.6g,\"patient_days\":%.6g,\"scores\":{",
                  r->all_per_day, r->patient_days);
    for (uint32_t i = 0; i < VG_SCORES; i++) {
        if (r->calibration.member[i][0] == '\0')
            continue;
        vg_buf_str(&out, comma);
        json_score(r, i, &out);
        comma = ",";
    }
    vg_buf_printf(&out, "},\"seconds\":%.1f}", seconds);
    puts(out.data);
    vg_buf_done(&out);
}

static vg_status tell_outcome(const struct options *o, const struct vg_detector_outcome *r,
                              double seconds, struct vg_err *err)
{
    char sha256[VG_SHA256_HEX_SIZE];
    vg_status st = vg_sha256_file(o->out, sha256, err);

    if (st == VG_OK && o->json)
        json_outcome(o, r, sha256, seconds);
    else if (st == VG_OK)
        print_outcome(o, r, sha256);
    return st;
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
    vg_status st = vg_command_check_output(o->out, err);

    if (st == VG_OK && o->stages.n == 0)
        st = default_stages(o, err);
    if (st != VG_OK)
        return st;
    r.stages = o->stages;
    vg_progress_begin(&progress, o->progress, "calibrate", "per mille", STEPS);
    st = vg_detector_fit(&r, o->out, &outcome, err);
    vg_progress_end(&progress, STEPS);
    return st == VG_OK ? tell_outcome(o, &outcome, vg_progress_elapsed_s(&progress), err) : st;
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
