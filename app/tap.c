/* tap.c - `vigil tap`: rows as they pass a stage of a running pipeline.
 *
 * A client of /api/v1/tap (runtime/tap.h), which loses rows rather than hold up the chain and counts them. Rows
 * go to standard output, what was lost and what does not come to standard error.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/http_events.h"
#include "app/running.h"
#include "app/tap_print.h"
#include "app/verbs.h"
#include "core/clock.h"

enum { TURN_MS = 500 };
enum format { TABLE, JSON };

static const int64_t SILENCE_NS = 10 * VG_NS_PER_S;

struct options {
    char *patient, *bed, *at;
    struct vg_strings channel, kind, columns;
    int64_t sample, limit;
    int format;
};

static const char *const formats[] = { [TABLE] = "table", [JSON] = "json", NULL };

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, patient, "patient", "ID", NULL, 0, "rows of this patient only"),
    VG_CLI_STRING(O, bed, "bed", "BED", NULL, 0, "rows of this bed only, such as icu-a/01"),
    VG_CLI_LIST(O, channel, "channel", "NAMES", 0,
                "rows with one of these vital signs, and of each row those only: hr,spo2"),
    VG_CLI_LIST(O, kind, "kind", "KINDS", 0,
                "kinds of rows: sample, tick, shard, command, clock; default sample,tick"),
    VG_OPT_INT(O, sample, "sample", "1", 1, 1e6, "", 0, "each n-th of these rows"),
    VG_CLI_LIST(O, columns, "columns", "NAMES", 0,
                "what is shown of a row; default event,bed,kind,values"),
    VG_OPT_ENUM(O, format, "format", "table", formats, 0, "a line for people, or a JSON object a row"),
    VG_OPT_INT(O, limit, "limit", "0", 0, 1e15, "", 0, "end after so many rows; 0: never"),
    VG_RUNNING_AT(O),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "tap",
    .summary = "Shows rows of a running pipeline as they pass a stage",
    .arguments = "CONFIG STAGE",
    .arguments_min = 2,
    .arguments_max = 2,
    .options = options,
    .notes =
        "STAGE is a name that `vigil status` shows: \"clean\", or \"resample-2\" for the second of "
        "a\n"
        "type. Rows are shown as they leave it. Columns: event, log, record, device (times),\n"
        "partition, offset, index, kind, flags, patient, bed, ward, values (every vital sign of "
        "the\n"
        "row), a vital sign by its name (hr), and what stages up to this one add: age, z, "
        "baseline,\n"
        "forecast, residual, anomaly_score, contribution, ..., or of one vital sign: z.hr,\n"
        "forecast.spo2. The pipeline never waits: rows that are not taken in time are lost, and "
        "how\n"
        "many is said on standard error. Rows name patients: show them to nobody who may not "
        "know.\n"
        "Exit code 0: ended by --limit or a signal; 2: no such stage or column; 69: the pipeline\n"
        "does not answer, or went away.\n",
};

struct tap {
    const struct options *o;
    struct vg_http_events events;
    struct vg_strings columns;
    struct vg_tap_table table;
    int64_t rows;
    long long lost, told_lost, passed; /* as the pipeline counts them */
    int64_t sight_ns;                  /* when a row came last, or silence was told */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* ---- the question ---- */

/* Each value may be several, with commas between. */
static json_t *words(const struct vg_strings *list)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < list->n; i++) {
        char *copy = strdup(list->value[i]), *rest = NULL;

        VG_CHECK(copy != NULL);
        for (char *word = strtok_r(copy, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest))
            json_array_append_new(ret, json_string(word));
        free(copy);
    }
    return ret;
}

static void ask_list(json_t *question, const char *name, const struct vg_strings *list)
{
    if (list->n > 0)
        json_object_set_new(question, name, words(list));
}

static void ask_text(json_t *question, const char *name, const char *text)
{
    if (text)
        json_object_set_new(question, name, json_string(text));
}

static char *make_question(const struct options *o, const char *stage)
{
    json_t *q = json_object();
    char *text;

    ask_text(q, "stage", stage);
    ask_text(q, "patient", o->patient);
    ask_text(q, "bed", o->bed);
    ask_list(q, "channels", &o->channel);
    ask_list(q, "kinds", &o->kind);
    ask_list(q, "columns", &o->columns);
    json_object_set_new(q, "every", json_integer(o->sample));
    text = json_dumps(q, JSON_COMPACT);
    VG_CHECK(text != NULL);
    json_decref(q);
    return text;
}

/* What the table has, in order: as asked, or as the pipeline shows where nothing was asked. */
static void name_columns(struct tap *t)
{
    static const char *const usual[] = { "event", "bed", "kind", "values" };
    json_t *asked = words(&t->o->columns), *value;
    size_t i;

    for (i = 0; i < VG_ARRAY_LEN(usual) && t->o->columns.n == 0; i++)
        json_array_append_new(asked, json_string(usual[i]));
    t->columns.value = calloc(json_array_size(asked) + 1, sizeof(char *));
    VG_CHECK(t->columns.value != NULL);
    json_array_foreach(asked, i, value)
    {
        t->columns.value[i] = strdup(json_string_value(value));
        VG_CHECK(t->columns.value[i] != NULL);
    }
    t->columns.n = json_array_size(asked);
    json_decref(asked);
}

/* ---- what comes ---- */

static void take_row(struct tap *t)
{
    json_t *row;

    t->rows++;
    t->sight_ns = vg_mono_ns();
    if (t->o->format == JSON) {
        puts(t->events.data.data);
        return;
    }
    row = json_loadb(t->events.data.data, t->events.data.len, 0, NULL);
    vg_tap_table_print(&t->table, row);
    json_decref(row);
}

static void tell_lost(struct tap *t)
{
    if (t->lost == t->told_lost)
        return;
    t->told_lost = t->lost;
    fprintf(stderr, "vigil tap: %lld of %lld rows were lost: more came than were taken\n", t->lost,
            t->passed);
}

static void tell_silence(struct tap *t)
{
    const int64_t now_ns = vg_mono_ns();

    if (now_ns - t->sight_ns < SILENCE_NS)
        return;
    t->sight_ns = now_ns;
    fprintf(stderr,
            "vigil tap: none of these rows in %lld s; %lld passed this stage since the tap began\n",
            (long long)(SILENCE_NS / VG_NS_PER_S), t->passed);
}

static void take_count(struct tap *t)
{
    json_t *count = json_loadb(t->events.data.data, t->events.data.len, 0, NULL);

    t->passed = vg_state_number(count, "passed");
    t->lost = vg_state_number(count, "lost");
    json_decref(count);
    tell_lost(t);
    tell_silence(t);
}

static bool wants_more(const struct tap *t)
{
    return !stopped && (t->o->limit == 0 || t->rows < t->o->limit);
}

static vg_status follow(struct tap *t, struct vg_err *err)
{
    t->sight_ns = vg_mono_ns();
    while (wants_more(t)) {
        switch (vg_http_events_next(&t->events, TURN_MS)) {
        case VG_HTTP_NEXT_EVENT:
            if (strcmp(t->events.name, "row") == 0)
                take_row(t);
            else if (strcmp(t->events.name, "count") == 0)
                take_count(t);
            break;
        case VG_HTTP_NEXT_NOTHING:
            break;
        case VG_HTTP_NEXT_END:
            return vg_fail(err, VG_E_UNAVAILABLE, "the pipeline at %s went away",
                           t->events.address);
        }
        if (t->events.at == t->events.in.len && fflush(stdout) != 0)
            return vg_fail(err, VG_E_IO, "standard output cannot be written");
    }
    return VG_OK;
}

/* ---- the verb ---- */

static vg_status run(struct tap *t, const struct vg_running *running, const char *stage,
                     struct vg_err *err)
{
    const struct sigaction on_stop = { .sa_handler = stop };
    char *question = make_question(t->o, stage);
    vg_status st;

    sigaction(SIGINT, &on_stop, NULL);
    sigaction(SIGTERM, &on_stop, NULL);
    st = vg_http_events_open(&t->events, running->address, running->token, "/api/v1/tap", question,
                             err);
    free(question);
    if (st == VG_OK)
        st = follow(t, err);
    fflush(stdout);
    vg_http_events_close(&t->events);
    return st;
}

int vg_verb_tap(int argc, char **argv)
{
    struct options o = { 0 };
    struct tap t = { .o = &o };
    struct vg_running running = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO) {
        name_columns(&t);
        vg_tap_table_init(&t.table, &t.columns);
        exit = vg_running_find(args[0], o.at, &running, &err) == VG_OK &&
                       run(&t, &running, args[1], &err) == VG_OK
                   ? 0
                   : vg_command_failed(&command, &err);
        vg_tap_table_done(&t.table);
    }
    for (size_t i = 0; i < t.columns.n; i++)
        free(t.columns.value[i]);
    free(t.columns.value);
    vg_running_done(&running);
    vg_options_done(options, &o);
    return exit;
}
