/* status.c - `vigil status`: how a running pipeline does, on one screen. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/http_get.h"
#include "app/verbs.h"
#include "core/text.h"

struct options {
    bool json;
    char *at;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, json, "json", "false", 0, "The state as JSON (docs/http.md)."),
    VG_CLI_STRING(struct options, at, "at", "ADDRESS:PORT", NULL, 0,
                  "where the pipeline is reached, instead of its service.http.listen"),
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

static const char *text(const json_t *of, const char *key)
{
    const char *value = json_string_value(json_object_get(of, key));

    return value ? value : "";
}

static long long number(const json_t *of, const char *key)
{
    return (long long)json_integer_value(json_object_get(of, key));
}

static double real(const json_t *of, const char *key)
{
    return json_number_value(json_object_get(of, key));
}

static double uptime_s(const json_t *state)
{
    const char *began = text(state, "started"), *now = text(state, "now");
    int64_t began_ns, now_ns;

    if (!vg_parse_time(began, strlen(began), &began_ns) ||
        !vg_parse_time(now, strlen(now), &now_ns) || now_ns <= began_ns)
        return 0;
    return (double)(now_ns - began_ns) / 1e9;
}

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
    double behind_s = 0;
    size_t i, unknown = 0;
    json_t *p;

    json_array_foreach(partitions, i, p)
    {
        lag += number(p, "lag_records");
        unknown += json_is_null(json_object_get(p, "lag_records"));
        if (real(p, "log_time_lag_s") > behind_s)
            behind_s = real(p, "log_time_lag_s");
    }
    printf("source  %s %s: %zu of %lld partitions, %lld records read, %lld to go",
           text(source, "type"), text(source, "topic"), json_array_size(partitions),
           number(source, "partitions_of_topic"), number(source, "records"), lag);
    if (unknown > 0)
        printf(" (of %zu not known)", unknown);
    printf(", log time %.1f s behind\n", behind_s);
}

static void print_stages(const json_t *state, double seconds)
{
    const json_t *commit = json_object_get(state, "commit");
    double scale = seconds > 0 ? 100 / (seconds * (double)number(state, "workers")) : 0;
    size_t i;
    json_t *s;

    printf("\n%-24s %12s %12s %8s %8s %8s\n", "stage", "rows in", "rows out", "busy %", "waiting",
           "errors");
    json_array_foreach(json_object_get(state, "stages"), i, s)
        printf("%-24s %12lld %12lld %8.1f %8lld %8lld\n", text(s, "name"), number(s, "rows_in"),
               number(s, "rows_out"), real(s, "busy_s") * scale, number(s, "waiting_frames"),
               number(s, "model_errors"));
    printf("%-24s %12s %12s %8.1f %8lld\n", "commit", "", "",
           seconds > 0 ? 100 * real(commit, "busy_s") / seconds : 0,
           number(commit, "waiting_frames"));
}

static void print_sinks(const json_t *state)
{
    size_t i;
    json_t *s;

    printf("\n%-24s %-10s %-8s %10s %8s %8s %8s %8s\n", "sink", "type", "state", "delivered",
           "waiting", "oldest s", "refused", "too old");
    json_array_foreach(json_object_get(state, "sinks"), i, s)
        printf("%-24s %-10s %-8s %10lld %8lld %8.1f %8lld %8lld\n", text(s, "name"),
               text(s, "type"), text(s, "state"), number(s, "delivered"), number(s, "waiting"),
               real(s, "oldest_waiting_s"), number(s, "refused"), number(s, "passed_over"));
}

static void print_rest(const json_t *state)
{
    const json_t *alerts = json_object_get(state, "active_alerts");
    const json_t *storage = json_object_get(state, "storage");
    const json_t *age = json_object_get(storage, "snapshot_age_s");

    printf("\nactive alerts: %lld high, %lld medium, %lld low\n", number(alerts, "high"),
           number(alerts, "medium"), number(alerts, "low"));
    printf("rows %lld, dead letters %lld, replay mismatches %lld\n", number(state, "rows"),
           number(state, "dead_letters"), number(state, "replay_mismatches"));
    printf("outbox %.1f MiB, free %.1f GiB, %lld snapshots",
           real(storage, "outbox_bytes") / 1048576, real(storage, "free_bytes") / 1073741824,
           number(storage, "snapshots"));
    if (json_is_number(age))
        printf(", the newest %.1f s old", json_number_value(age));
    putchar('\n');
}

static void print_screen(const json_t *state)
{
    double seconds = uptime_s(state);
    bool ready = json_is_true(json_object_get(state, "ready"));

    printf("%s  %s, %s  up %.0f s  vigil %s\n", text(state, "pipeline"), text(state, "state"),
           ready ? "ready" : "NOT READY", seconds, text(state, "version"));
    print_list("not ready", json_object_get(state, "reasons"));
    print_list("trouble", json_object_get(state, "troubles"));
    print_source(json_object_get(state, "source"));
    print_stages(state, seconds);
    print_sinks(state);
    print_rest(state);
}

/* ---- the verb ---- */

static vg_status fetch(const char *path, const struct options *o, struct vg_buf *ret,
                       struct vg_err *err)
{
    struct vg_config *config = NULL;
    const struct vg_http_options *http;
    vg_status st = vg_config_load_aloud(path, &config, err);

    if (st != VG_OK)
        return st;
    http = &config->service.http;
    if (!http->listen)
        st = vg_fail(err, VG_E_CONFIG,
                     "%s has no HTTP server to ask: set service.http.listen and service.http.token",
                     path);
    else if (!http->token)
        st = vg_fail(err, VG_E_CONFIG,
                     "%s has no service.http.token, without which nobody may read the state", path);
    else
        st = vg_http_get(o->at ? o->at : http->listen, http->token, "/api/v1/status", ret, err);
    vg_config_free(config);
    return st;
}

static int show(const struct vg_buf *answer, const struct options *o)
{
    json_t *state = json_loadb(answer->data, answer->len, JSON_REJECT_DUPLICATES, NULL);
    bool ready = json_is_true(json_object_get(state, "ready"));
    struct vg_err err;

    if (!json_is_object(state)) {
        json_decref(state);
        vg_fail(&err, VG_E_FAILED, "what answers is no pipeline of this version");
        return vg_command_failed(&command, &err);
    }
    if (o->json)
        fputs(answer->data, stdout);
    else
        print_screen(state);
    json_decref(state);
    return ready ? 0 : vg_status_exit(VG_E_FAILED);
}

int vg_verb_status(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_buf answer = VG_BUF_INIT;
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = fetch(args[0], &o, &answer, &err) == VG_OK ? show(&answer, &o)
                                                          : vg_command_failed(&command, &err);
    vg_buf_done(&answer);
    vg_options_done(options, &o);
    return exit;
}
