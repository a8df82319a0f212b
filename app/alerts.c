/* alerts.c - `vigil alerts`: follows the alerts of a running pipeline, missing none.
 *
 * A thin user of client/: the library keeps the sequence complete and watches the pipeline, this
 * file prints. Events go to standard output, one a line; what is said about the pipeline goes to
 * standard error, or with --json into the same stream, in its place among the events.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/alerts_endpoints.h"
#include "app/alerts_order.h"
#include "app/command.h"
#include "app/conformance.h"
#include "app/family.h"
#include "app/verbs.h"
#include "core/alert_line.h"
#include "core/clock.h"
#include "core/text.h"

enum { TURN_MS = 200 };

struct options {
    struct vg_endpoint_options at;
    struct vg_strings ward;
    char *after, *ack, *by, *note;
    int64_t count, timeout_ns;
    bool json, until_closed;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_ENDPOINT_OPTIONS(O),
    VG_CLI_LIST(O, ward, "ward", "WARD", 0, "only this ward"),
    VG_CLI_STRING(O, after, "after", "SEQ", NULL, 0,
                  "begin with a replay of everything after this seq (0: all) instead of a "
                  "snapshot of the open episodes"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "one JSON object a line, notices included"),
    VG_OPT_INT(O, count, "count", "0", 0, 1e15, "", 0, "end after so many events; 0: never"),
    VG_OPT_BOOL(O, until_closed, "until_closed", "false", 0,
                "end when the pipeline closes and everything was received"),
    VG_OPT_DURATION(O, timeout_ns, "timeout", "10s", 0.1, 86400, 0,
                    "give up (exit code 69) when there is no connection within this time"),
    VG_CLI_STRING(O, ack, "ack", "EPISODE", NULL, 0, "acknowledge an episode and end"),
    VG_CLI_STRING(O, by, "by", "NAME", NULL, 0, "who acknowledges; required with --ack"),
    VG_CLI_STRING(O, note, "note", "TEXT", NULL, 0, "a remark for --ack"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "alerts",
    .summary = "Follows the alerts of a running pipeline over ZeroMQ, missing none",
    .arguments = "",
    .options = options,
    .notes = "`vigil alerts list` shows what is open now; `vigil alerts ack` and others give "
             "commands: see `vigil alerts help`.\n"
             "Exit codes: 0 ended as asked or by a signal, 1 refused or incomplete, 69 no "
             "connection.\n",
};

/* clang-format off */
#define O struct options
static const struct vg_option list_options[] = {
    VG_ENDPOINT_OPTIONS(O),
    VG_CLI_LIST(O, ward, "ward", "WARD", 0, "only this ward"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "one JSON object a line"),
    VG_OPT_DURATION(O, timeout_ns, "timeout", "10s", 0.1, 86400, 0,
                    "give up (exit code 69) when there is no connection within this time"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command list_command = {
    .name = "alerts list",
    .summary = "Shows the newest event of each alert that is open now, and ends",
    .arguments = "",
    .options = list_options,
};

struct follower {
    const struct options *options;
    struct vg_endpoints endpoints;
    bool lists;    /* only what is open now */
    size_t synced; /* snapshots that are complete */
    struct vigil_client *client;
    struct vg_buf line;
    bool connected, colour;
    bool refused; /* the pipeline said that it will not serve a ward */
    bool gone;    /* a link went down after the pipeline said that it closes */
    int64_t events;
    int64_t give_up_ns; /* unless connected by then */
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

/* Fills in f->endpoints; returns VG_COMMAND_GO or an exit code. */
static int read_endpoints(struct follower *f)
{
    const struct options *o = f->options;
    int64_t after = 0;
    int code = vg_endpoints_read(&command, &o->at, &f->endpoints);

    if (code == VG_COMMAND_GO && o->after && (!vg_parse_int(o->after, &after) || after < 0))
        return vg_command_usage(&command, "--after %s: expected 0 or a seq", o->after);
    for (size_t i = 0; code == VG_COMMAND_GO && i < f->endpoints.n; i++) {
        f->endpoints.at[i].resume = o->after != NULL;
        f->endpoints.at[i].after = (uint64_t)after;
    }
    return code;
}

static const char *origin_name(enum vigil_origin origin)
{
    static const char *const names[] = { "live", "replay", "snapshot" };

    return names[origin];
}

static void add_event_json(struct vg_buf *out, const struct vigil_item *item)
{
    vg_buf_str(out, "{\"type\":\"event\",\"seq\":");
    if (item->event.origin == VIGIL_SNAPSHOT)
        vg_buf_str(out, "null,\"prev_seq\":null");
    else
        vg_buf_printf(out, "%" PRIu64 ",\"prev_seq\":%" PRIu64, item->event.seq,
                      item->event.prev_seq);
    vg_buf_printf(out, ",\"ward\":\"%s\",\"origin\":\"%s\",\"endpoint\":%zu,\"event\":",
                  item->event.ward, origin_name(item->event.origin), item->endpoint);
    vg_buf_add(out, item->event.json, item->event.json_len);
    vg_buf_str(out, "}\n");
}

static void add_notice_json(struct vg_buf *out, const struct vigil_item *item)
{
    vg_buf_printf(out, "{\"type\":\"notice\",\"notice\":\"%s\",\"endpoint\":%zu,\"text\":",
                  item->notice.name, item->endpoint);
    vg_buf_json_str(out, item->notice.text);
    if (item->notice.shard >= 0)
        vg_buf_printf(out, ",\"shard\":%" PRId64, item->notice.shard);
    vg_buf_str(out, "}\n");
}

static void print(struct follower *f, FILE *out)
{
    fwrite(f->line.data, 1, f->line.len, out);
    fflush(out);
}

static void print_event(struct follower *f, const struct vigil_item *item)
{
    vg_buf_clear(&f->line);
    if (f->options->json)
        add_event_json(&f->line, item);
    else
        vg_alert_line(item->event.json, item->event.json_len, f->colour, &f->line);
    print(f, stdout);
    f->events++;
}

static void print_notice(struct follower *f, const struct vigil_item *item)
{
    vg_buf_clear(&f->line);
    if (f->options->json)
        add_notice_json(&f->line, item);
    else
        vg_buf_printf(&f->line, "vigil alerts: %s\n", item->notice.text);
    print(f, f->options->json ? stdout : stderr);
}

static int print_reply(struct follower *f, const struct vigil_item *item)
{
    if (f->options->json) {
        vg_buf_clear(&f->line);
        vg_buf_printf(&f->line, "{\"type\":\"reply\",\"ok\":%s,\"code\":\"%s\",\"message\":",
                      item->reply.ok ? "true" : "false", item->reply.code);
        vg_buf_json_str(&f->line, item->reply.message);
        vg_buf_str(&f->line, "}\n");
        print(f, stdout);
    } else if (item->reply.ok) {
        fprintf(stderr, "vigil alerts: acknowledged\n");
    } else {
        fprintf(stderr, "vigil alerts: not acknowledged: %s: %s\n", item->reply.code,
                item->reply.message);
    }
    return item->reply.ok ? 0 : vg_status_exit(VG_E_FAILED);
}

static void watch_link(struct follower *f, const struct vigil_item *item)
{
    /* A replay may be there before the first heartbeat is. */
    if (item->notice.kind == VIGIL_LINK_UP || item->notice.kind == VIGIL_SYNCED)
        f->connected = true;
    if (item->notice.kind == VIGIL_LINK_DOWN && vigil_client_closing(f->client))
        f->gone = true;
    f->refused |= item->notice.kind == VIGIL_REFUSED;
    f->synced += item->notice.kind == VIGIL_SYNCED;
}

static bool wants_end(const struct follower *f)
{
    const struct options *o = f->options;

    if (stopped || (o->count && f->events >= o->count))
        return true;
    if (f->lists)
        return f->refused || f->synced >= f->endpoints.n * (o->ward.n ? o->ward.n : 1);
    return o->until_closed && vigil_client_closing(f->client) &&
           (f->gone || vigil_client_complete(f->client));
}

static int unreachable(const struct follower *f)
{
    if (f->refused) /* the pipeline is there, and its notice says what it does not like */
        return vg_status_exit(VG_E_FAILED);
    return vg_endpoints_unreachable(&f->endpoints);
}

static int end(const struct follower *f)
{
    if (!f->gone || vigil_client_complete(f->client))
        return 0;
    fprintf(stderr, "vigil alerts: the pipeline is gone and its last events are missing; "
                    "they are in its outbox: start it and use --after\n");
    return vg_status_exit(VG_E_FAILED);
}

static int follow(struct follower *f)
{
    while (!wants_end(f)) {
        struct vigil_item item;

        if (!f->connected && vg_mono_ns() > f->give_up_ns)
            return unreachable(f);
        if (!vigil_client_next(f->client, TURN_MS, &item))
            continue;
        if (item.type == VIGIL_EVENT) {
            print_event(f, &item);
        } else if (item.type == VIGIL_NOTICE) {
            watch_link(f, &item);
            if (!f->lists || item.notice.kind == VIGIL_REFUSED)
                print_notice(f, &item);
        }
    }
    if (f->lists && f->refused)
        return vg_status_exit(VG_E_FAILED);
    return end(f);
}

/* Asks every instance: the one that has the episode says ok. */
static int acknowledge(struct follower *f)
{
    const struct options *o = f->options;
    size_t waiting = f->endpoints.n;
    int code = vg_status_exit(VG_E_FAILED);

    for (size_t i = 0; i < f->endpoints.n; i++)
        (void)vigil_client_acknowledge(f->client, i, o->ack, o->by, o->note);
    while (waiting > 0 && !stopped) {
        struct vigil_item item;

        if (!f->connected && vg_mono_ns() > f->give_up_ns)
            return unreachable(f);
        if (!vigil_client_next(f->client, TURN_MS, &item))
            continue;
        if (item.type == VIGIL_NOTICE)
            watch_link(f, &item);
        if (item.type != VIGIL_REPLY)
            continue;
        waiting--;
        if (item.reply.ok || waiting == 0)
            code = print_reply(f, &item);
        if (item.reply.ok)
            break;
    }
    return code;
}

static int connect_and_run(struct follower *f)
{
    const struct options *o = f->options;
    const struct vigil_options client_options = {
        .endpoints = f->endpoints.at,
        .endpoints_n = f->endpoints.n,
        .wards = (const char *const *)o->ward.value,
        .wards_n = o->ward.n,
    };
    const char *no_color = getenv("NO_COLOR");
    char message[256];
    int code;

    if (vigil_client_new(&client_options, &f->client, message, sizeof(message)) < 0)
        return vg_command_usage(&command, "%s", message);
    f->colour = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    f->give_up_ns = vg_mono_ns() + o->timeout_ns;
    code = o->ack ? acknowledge(f) : follow(f);
    vigil_client_free(f->client);
    vg_endpoints_done(&f->endpoints);
    return code;
}

static void obey_signals(void)
{
    const struct sigaction action = { .sa_handler = on_signal };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int list(int argc, char **argv)
{
    struct options o = { 0 };
    struct follower f = { .options = &o, .lists = true };
    char **arguments;
    int code = vg_command_parse(&list_command, argc, argv, &o, &arguments);

    if (code == VG_COMMAND_GO)
        code = read_endpoints(&f);
    if (code == VG_COMMAND_GO) {
        obey_signals();
        code = connect_and_run(&f);
    }
    vg_buf_done(&f.line);
    vg_options_done(list_options, &o);
    return code;
}

/* With a word after it, the verb is a family. */
static int run_member(int argc, char **argv)
{
    static const struct vg_family_member members[] = {
        { "list", list, "show what is open now" },
        { "ack", vg_alerts_acknowledge, "somebody has seen an alert and takes care" },
        { "snooze", vg_alerts_snooze, "pause the audio of an alert" },
        { "reset", vg_alerts_reset, "end an alert that is latched" },
        { "mute", vg_alerts_mute, "pause the alarms of a rule for a patient" },
        { "limit", vg_alerts_limit, "give a patient limits of its own" },
        { "admit", vg_alerts_admit, "a patient is here (again)" },
        { "discharge", vg_alerts_discharge, "a patient has left" },
        { "standby", vg_alerts_standby, "a patient is away for a while" },
        { "probe-off", vg_alerts_probe_off, "a probe was taken off on purpose" },
        { "note", vg_alerts_note, "somebody has looked: consciousness, oxygen, ..." },
        { "conformance", vg_alerts_conformance, "try a client that you write yourself" },
    };
    static const struct vg_family family = {
        .name = "alerts",
        .summary = "Without WHAT, follows the alerts: `vigil alerts --help`. Else\n",
        .member = members,
        .members = VG_ARRAY_LEN(members),
    };
    static char help[] = "--help";

    if (strcmp(argv[1], "help") == 0)
        argv[1] = help;
    return vg_family_run(&family, argc, argv);
}

int vg_verb_alerts(int argc, char **argv)
{
    struct options o = { 0 };
    struct follower f = { .options = &o };
    char **arguments;
    int code;

    if (argc > 1 && argv[1][0] != '-')
        return run_member(argc, argv);
    code = vg_command_parse(&command, argc, argv, &o, &arguments);

    if (code == VG_COMMAND_GO && o.ack && !(o.by && *o.by))
        code = vg_command_usage(&command, "--ack needs --by NAME: who acknowledges");
    if (code == VG_COMMAND_GO)
        code = read_endpoints(&f);
    if (code == VG_COMMAND_GO) {
        obey_signals();
        code = connect_and_run(&f);
    }
    vg_buf_done(&f.line);
    vg_options_done(options, &o);
    return code;
}
