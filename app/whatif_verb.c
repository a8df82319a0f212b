/* whatif_verb.c - `vigil whatif`: what another configuration would have told. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/verbs.h"
#include "app/whatif.h"

struct options {
    char *record, *report;
    struct vg_strings config;
    int64_t utc_offset_ns, episodes;
    bool json;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, record, "record", "LOG", NULL, VG_OPT_REQUIRED,
                  "the recording (`vigil record`)"),
    VG_CLI_LIST(O, config, "config", "FILE", VG_OPT_REQUIRED,
                "a configuration; twice: the first is A, the second B"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "print one JSON document, with every episode"),
    VG_CLI_STRING(O, report, "report", "FILE.html", NULL, 0,
                  "write a page with the timeline drawn, too"),
    VG_OPT_INT(O, episodes, "episodes", "20", 0, 1000000, "", 0,
               "how many episodes of each kind of difference are listed"),
    VG_OPT_DURATION(O, utc_offset_ns, "utc_offset", "0", -50400, 50400, 0,
                    "how far the clocks of the ward are ahead of UTC, for hours of the day"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far the work is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "whatif",
    .summary = "Shows what two configurations make of the same recording: whose alerts, how many, "
               "when",
    .arguments = "",
    .options = options,
    .notes =
        "Alerts of the same rule, channel and patient that overlap are the same alert, perhaps\n"
        "at other times; all others are only in A or only in B (docs/recordings.md).\n\n"
        "    vigil whatif --record night.vrec --config ward.yaml --config other.yaml\n"
        "    vigil whatif --record night.vrec --config ward.yaml --config other.yaml \\\n"
        "        --report difference.html --utc-offset 1h\n\n"
        "What staff would have done otherwise is not in these figures, and fewer alerts are not\n"
        "better ones: look at those that are missing. Vigil is not a medical device.\n",
};

static vg_status put_json(const struct vg_whatif *w, struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    bool ok;

    vg_whatif_json(w, &text);
    ok = fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    vg_buf_done(&text);
    return ok ? VG_OK : vg_fail(err, VG_E_IO, "cannot write to standard output");
}

static vg_status compare(const struct options *o, const struct vg_config *const config[],
                         struct vg_err *err)
{
    struct vg_whatif w = { .utc_offset_ns = o->utc_offset_ns };
    vg_status st = vg_whatif_play(&w, o->record, config, o->progress, err);

    if (st == VG_OK) {
        vg_whatif_compare(&w);
        if (o->json)
            st = put_json(&w, err);
        else
            vg_whatif_print(&w, (uint32_t)o->episodes, stdout);
    }
    if (st == VG_OK && o->report)
        st = vg_whatif_report(&w, o->report, err);
    vg_whatif_done(&w);
    return st;
}

int vg_verb_whatif(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_config *config[VG_WHATIF_SIDES] = { NULL };
    struct vg_err err;
    char **args;
    vg_status st = VG_OK;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO && o.config.n != VG_WHATIF_SIDES) {
        exit = vg_command_usage(&command, "--config is needed twice: A and B");
    } else if (exit == VG_COMMAND_GO) {
        for (int k = 0; k < VG_WHATIF_SIDES && st == VG_OK; k++)
            st = vg_config_load_aloud(o.config.value[k], &config[k], &err);
        if (st == VG_OK)
            st = compare(&o, (const struct vg_config *const *)config, &err);
        exit = st == VG_OK ? 0 : vg_command_failed(&command, &err);
    }
    for (int k = 0; k < VG_WHATIF_SIDES; k++)
        vg_config_free(config[k]);
    vg_options_done(options, &o);
    return exit;
}
