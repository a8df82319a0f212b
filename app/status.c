/* status.c - `vigil status`: how a running pipeline does, on one screen. */
#include <stdio.h>

#include "app/command.h"
#include "app/running.h"
#include "app/verbs.h"

struct options {
    bool json;
    char *at;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, json, "json", "false", 0, "The state as JSON (docs/http.md)."),
    VG_RUNNING_AT(struct options),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "status",
    .summary = "Shows how a running pipeline does: source, stages, sinks, alerts",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "CONFIG is that of the pipeline: it says where its HTTP server is and holds the token.\n"
        "Exit code 0: the pipeline is ready; 1: it is not, and the reasons are shown; 69: it\n"
        "does not answer.\n",
};

/* ---- the screen ---- */

static void print_list(const char *what, const json_t *list)
{
    size_t i;
    json_t *line;

    json_array_foreach(list, i, line) printf("  %s: %s\n", what, json_string_value(line));
}

static void print_source(const json_t *source)
{
    const json_t *partitions = json_object_get(source, "partitions");
    long long lag = 0;
    const json_t *behind = NULL;
    char text[VG_STATE_SECONDS];
    size_t i, unknown = 0;
    json_t *p;

    json_array_foreach(partitions, i, p)
    {
        lag += vg_state_number(p, "lag_records");
        unknown += json_is_null(json_object_get(p, "lag_records"));
        if (json_is_number(json_object_get(p, "log_time_lag_s")) &&
            vg_state_real(p, "log_time_lag_s") >= json_number_value(behind))
            behind = json_object_get(p, "log_time_lag_s");
    }
    printf("source  %s %s: %zu of %lld partitions, %lld records read, %lld to go",
           vg_state_text(source, "type"), vg_state_text(source, "topic"),
           json_array_size(partitions), vg_state_number(source, "partitions_of_topic"),
           vg_state_number(source, "records"), lag);
    if (unknown > 0)
        printf(" (of %zu not known)", unknown);
    if (behind)
        printf(", log time %s behind\n", vg_state_seconds(behind, text));
    else
        puts(", no log time yet");
}

static void print_stages(const json_t *state, double seconds)
{
    const json_t *commit = json_object_get(state, "commit");
    double scale = seconds > 0 ? 100 / (seconds * (double)vg_state_number(state, "workers")) : 0;
    size_t i;
    json_t *s;

    printf("\n%-18s %12s %12s %8s %8s %8s\n", "stage", "rows in", "rows out", "busy %", "waiting",
           "errors");
    json_array_foreach(json_object_get(state, "stages"), i, s)
        printf("%-18s %12lld %12lld %8.1f %8lld %8lld\n", vg_state_text(s, "name"),
               vg_state_number(s, "rows_in"), vg_state_number(s, "rows_out"),
               vg_state_real(s, "busy_s") * scale, vg_state_number(s, "waiting_frames"),
               vg_state_number(s, "model_errors"));
    printf("%-18s %12s %12s %8.1f %8lld\n", "commit", "", "",
           seconds > 0 ? 100 * vg_state_real(commit, "busy_s") / seconds : 0,
           vg_state_number(commit, "waiting_frames"));
}

static void print_sinks(const json_t *state)
{
    size_t i;
    json_t *s;

    printf("\n%-18s %-8s %-7s %9s %8s %8s %7s %7s\n", "sink", "type", "state", "delivered",
           "waiting", "oldest", "refused", "too old");
    json_array_foreach(json_object_get(state, "sinks"), i, s)
    {
        char oldest[VG_STATE_SECONDS];

        printf("%-18s %-8s %-7s %9lld %8lld %8s %7lld %7lld\n", vg_state_text(s, "name"),
               vg_state_text(s, "type"), vg_state_text(s, "state"), vg_state_number(s, "delivered"),
               vg_state_number(s, "waiting"),
               vg_state_seconds(json_object_get(s, "oldest_waiting_s"), oldest),
               vg_state_number(s, "refused"), vg_state_number(s, "passed_over"));
    }
}

/* Who listens, of the sinks that others subscribe to. */
static void print_subscribers(const json_t *state)
{
    size_t i;
    json_t *s;

    json_array_foreach(json_object_get(state, "sinks"), i, s)
    {
        const json_t *who = json_object_get(s, "subscribers");

        if (!json_is_object(who))
            continue;
        printf("  %s: %lld connections of subscribers", vg_state_text(s, "name"),
               vg_state_number(who, "connected"));
        if (vg_state_number(who, "registered") > 0)
            printf("; of %lld that must confirm %lld are late", vg_state_number(who, "registered"),
                   vg_state_number(who, "late"));
        putchar('\n');
    }
}

static void print_rest(const json_t *state)
{
    const json_t *alerts = json_object_get(state, "active_alerts");
    const json_t *storage = json_object_get(state, "storage");
    const json_t *age = json_object_get(storage, "snapshot_age_s");

    if (json_object_size(alerts) > 0)
        printf("\nactive alerts: %lld high, %lld medium, %lld low\n",
               vg_state_number(alerts, "high"), vg_state_number(alerts, "medium"),
               vg_state_number(alerts, "low"));
    else
        puts("\nactive alerts: not known now");
    printf("rows %lld, dead letters %lld, replay mismatches %lld\n", vg_state_number(state, "rows"),
           vg_state_number(state, "dead_letters"), vg_state_number(state, "replay_mismatches"));
    printf("outbox %.1f MiB, free %.1f GiB, %lld snapshots",
           vg_state_real(storage, "outbox_bytes") / 1048576,
           vg_state_real(storage, "free_bytes") / 1073741824,
           vg_state_number(storage, "snapshots"));
    if (json_is_number(age))
        printf(", the newest %.1f s old", json_number_value(age));
    putchar('\n');
}

static void print_screen(const json_t *state)
{
    double seconds = vg_state_uptime_s(state);
    bool ready = json_is_true(json_object_get(state, "ready"));

    printf("%s  %s, %s  up %.0f s  vigil %s\n", vg_state_text(state, "pipeline"),
           vg_state_text(state, "state"), ready ? "ready" : "NOT READY", seconds,
           vg_state_text(state, "version"));
    print_list("not ready", json_object_get(state, "reasons"));
    print_list("trouble", json_object_get(state, "troubles"));
    print_source(json_object_get(state, "source"));
    print_stages(state, seconds);
    print_sinks(state);
    print_subscribers(state);
    print_rest(state);
}

/* ---- the verb ---- */

static int show(const json_t *state, const struct vg_buf *text, const struct options *o)
{
    if (o->json)
        fputs(text->data, stdout);
    else
        print_screen(state);
    return json_is_true(json_object_get(state, "ready")) ? 0 : vg_status_exit(VG_E_FAILED);
}

int vg_verb_status(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_running running = { 0 };
    struct vg_buf text = VG_BUF_INIT;
    json_t *state = NULL;
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = vg_running_find(args[0], o.at, &running, &err) == VG_OK &&
                       vg_running_state(&running, &text, &state, &err) == VG_OK
                   ? show(state, &text, &o)
                   : vg_command_failed(&command, &err);
    json_decref(state);
    vg_buf_done(&text);
    vg_running_done(&running);
    vg_options_done(options, &o);
    return exit;
}
