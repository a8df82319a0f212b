/* run.c - `vigil run`. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/record_play.h"
#include "app/verbs.h"
#include "runtime/config.h"
#include "runtime/service.h"

struct options {
    bool until_end;
    char *commands, *recording;
};

/* clang-format off */
#define O struct options
static const struct vg_option run_options[] = {
    VG_OPT_BOOL(O, until_end, "until_end", "false", 0,
                "read every partition to the end that it has now, deliver every alert, and stop"),
    VG_CLI_STRING(O, commands, "commands", "OUTBOX", NULL, 0,
                  "take the commands (clock marks, acknowledgements) that another run recorded"),
    VG_CLI_STRING(O, recording, "recording", "FILE", NULL, 0,
                  "read this recording (`vigil record`) in place of the source and print its events, "
                  "one a line; no Kafka, no outbox, no sinks"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command run_command = {
    .name = "run",
    .summary = "Reads vital signs, raises alerts and delivers them, until SIGTERM or Ctrl-C",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = run_options,
    .notes = "VIGIL_LOG=debug says more on standard error. The first signal stops in good order\n"
             "(exit code 0), a second one at once (75). Configurations to start from: configs/\n",
};

static void print_summary(const struct vg_run_summary *s)
{
    fprintf(stderr,
            "run: %llu rows in %.1f s (%.0f rows/s), %llu events, %llu dead letters, "
            "%llu snapshots%s\n",
            (unsigned long long)s->rows, s->seconds,
            s->seconds > 0 ? (double)s->rows / s->seconds : 0, (unsigned long long)s->events,
            (unsigned long long)s->dead_letters, (unsigned long long)s->snapshots,
            s->mismatches ? "; REPLAY MISMATCHES, see the log" : "");
}

/* Threads of a failed service may still use the configuration and each other, so nothing is freed and
 * no exit handler runs. */
static _Noreturn void leave(const struct vg_err *err)
{
    int exit = vg_command_failed(&run_command, err);

    fflush(NULL);
    _exit(exit);
}

/* A connection is an open file. Strangers who connect and say nothing must not use up what the outbox
 * and subscribers need before they are cut off. */
static void allow_many_files(void)
{
    enum { FILES = 65536 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES)
        return;
    limit.rlim_cur = limit.rlim_max < FILES ? limit.rlim_max : FILES;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Runs the configured service, or its stages over a recording. */
static vg_status run(struct vg_config *config, const struct options *o, struct vg_err *err)
{
    struct vg_run_options options = { .until_end = o->until_end, .commands = o->commands };
    struct vg_run_summary summary;

    if (o->recording)
        return vg_record_print_events(config, o->recording, err);
    allow_many_files();
    if (vg_service_run(config, &options, &summary, err) != VG_OK)
        leave(err);
    print_summary(&summary);
    return VG_OK;
}

int vg_verb_run(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_config *config = NULL;
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&run_command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO) {
        exit = 0;
        if (o.recording && (o.until_end || o.commands))
            exit = vg_command_usage(&run_command, "a recording has its own end and commands");
        else if (vg_config_load_aloud(args[0], &config, &err) != VG_OK ||
                 run(config, &o, &err) != VG_OK)
            exit = vg_command_failed(&run_command, &err);
    }
    vg_config_free(config);
    vg_options_done(run_options, &o);
    return exit;
}
