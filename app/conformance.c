/* conformance.c - `vigil alerts conformance`: a publisher for people who write a client of their own.
 *
 * It says what a right client will report, plays the scenario, and judges what the client asks of it.
 * What the client reports is compared by its author: the expectation is NDJSON for that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/conformance.h"
#include "core/clock.h"
#include "core/text.h"

enum { WAIT_MS = 20000, LEAVE_MS = 5000, SETTLE_MS = 500, BURST_LOSS = 16 };

struct options {
    char *scenario, *endpoint, *control;
    int64_t seed, count, timeout_ns;
    bool list;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, scenario, "scenario", "NAME", NULL, 0, "the scenario to play, or all, one by one"),
    VG_OPT_BOOL(O, list, "list", "false", 0, "print the scenarios and end"),
    VG_CLI_STRING(O, endpoint, "endpoint", "ADDRESS", "tcp://127.0.0.1:*", 0,
                  "where to publish; by default on a free port"),
    VG_CLI_STRING(O, control, "control", "ADDRESS", "tcp://127.0.0.1:*", 0, "where to answer"),
    VG_OPT_INT(O, seed, "seed", "1", 0, 1e15, "", 0, "another seed gives other events and losses"),
    VG_OPT_INT(O, count, "count", "2000", 1, 1000000, "", 0, "events of the scenario burst"),
    VG_OPT_DURATION(O, timeout_ns, "timeout", "30s", 0.1, 86400, 0,
                    "give up (exit code 69) when no client comes within this time"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "alerts conformance",
    .summary = "Publishes invented events, and loses some, to try a client that you write",
    .arguments = "",
    .options = options,
    .notes = "Standard output is NDJSON: where to connect, what a right client reports, \"ready\"; "
             "then each\njudgement of what it asks, and a verdict. docs/clients.md says what each "
             "line means.\nExit codes: 0 right, 1 the client did something wrong, 69 none came.\n",
};

struct play {
    const struct options *options;
    const struct vg_conformance_scenario *scenario;
    struct vg_conformance_outbox outbox;
    struct vg_conformance_publisher *publisher; /* NULL: says what to expect */
    uint32_t synced, failed;
    bool gone; /* nobody came */
    struct vg_buf line;
};

static int64_t now_ms(void)
{
    return vg_mono_ns() / VG_NS_PER_MS;
}

static void print_line(struct vg_buf *line)
{
    vg_buf_str(line, "}\n");
    fwrite(line->data, 1, line->len, stdout);
    fflush(stdout);
    vg_buf_clear(line);
}

static void print_check(void *arg, const char *check, bool ok, const char *text)
{
    struct play *p = arg;

    p->failed += !ok;
    vg_buf_printf(&p->line, "{\"type\":\"check\",\"check\":\"%s\",\"ok\":%s,\"text\":", check,
                  ok ? "true" : "false");
    vg_buf_json_str(&p->line, text);
    print_line(&p->line);
}

/* ---- what a right client reports ---- */

static void expect_events(struct play *p)
{
    for (size_t i = 0; i < p->outbox.n; i++) {
        const struct vg_conformance_event *e = &p->outbox.event[i];
        char id[VG_EVENT_ID_TEXT_SIZE];

        if (e->again)
            continue;
        vg_event_id_text(e->episode, e->number, id);
        vg_buf_printf(&p->line, "{\"type\":\"%s\",\"ward\":\"%s\",\"event_id\":\"%s\"",
                      e->optional ? "optional" : "expect\",\"expect\":\"event",
                      vg_conformance_wards[e->ward], id);
        print_line(&p->line);
    }
}

static void expect_notice(struct play *p, const struct vg_conformance_step *step)
{
    vg_buf_printf(&p->line, "{\"type\":\"expect\",\"expect\":\"notice\",\"notice\":\"%s\"",
                  step->text);
    if (step->n > 0)
        vg_buf_printf(&p->line, ",\"shard\":%u", step->n);
    print_line(&p->line);
}

static void expect_reply(struct play *p, const uint8_t episode[16], const char *code)
{
    char text[VG_EPISODE_TEXT_SIZE];

    vg_episode_text(episode, text);
    vg_buf_printf(
        &p->line,
        "{\"type\":\"do\",\"do\":\"acknowledge\",\"episode\":\"%s\",\"by\":\"conformance\"", text);
    print_line(&p->line);
    vg_buf_printf(&p->line,
                  "{\"type\":\"expect\",\"expect\":\"reply\",\"episode\":\"%s\",\"ok\":%s,"
                  "\"code\":\"%s\"",
                  text, *code ? "false" : "true", code);
    print_line(&p->line);
}

static void foresee(struct play *p, const struct vg_conformance_step *step)
{
    static const uint8_t nobody[16] = { 0xee };

    switch (step->act) {
    case VG_CONFORMANCE_EXPECT:
        expect_notice(p, step);
        break;
    case VG_CONFORMANCE_RENEW:
        expect_events(p);
        break;
    case VG_CONFORMANCE_WAIT_ACKNOWLEDGED:
        expect_reply(p, p->outbox.event[0].episode, "");
        (void)vg_conformance_acknowledge(&p->outbox, p->outbox.event[0].episode, "conformance");
        break;
    case VG_CONFORMANCE_WAIT_UNKNOWN:
        expect_reply(p, nobody, "unknown_episode");
        break;
    default:
        break;
    }
}

/* ---- what happens to the outbox, foreseen and played ---- */

static void tell(struct play *p, struct vg_conformance_event *e)
{
    e->told = true;
    if (p->publisher)
        vg_conformance_publish(p->publisher, e, false);
}

static void burst(struct play *p)
{
    struct vg_random losses = vg_random_stream((uint64_t)p->options->seed, 1);

    for (int64_t i = 0; i < p->options->count; i++) {
        struct vg_conformance_event *e = vg_conformance_add(&p->outbox);

        if (vg_random_bits(&losses) % BURST_LOSS != 0)
            tell(p, e);
    }
}

static void forget(struct vg_conformance_outbox *o)
{
    for (size_t i = 0; i < o->n; i++) {
        o->event[i].optional = !o->event[i].told;
        o->event[i].told = true;
    }
    o->forgotten = o->n;
}

static void change(struct play *p, const struct vg_conformance_step *step)
{
    struct vg_conformance_outbox *o = &p->outbox;

    for (uint32_t i = 0; i < step->n; i++) {
        if (step->act == VG_CONFORMANCE_ADD)
            tell(p, vg_conformance_add(o));
        else if (step->act == VG_CONFORMANCE_LOSE)
            (void)vg_conformance_add(o);
        else if (step->act == VG_CONFORMANCE_AGAIN)
            tell(p, vg_conformance_again(o, i));
    }
    if (step->act == VG_CONFORMANCE_BURST)
        burst(p);
    else if (step->act == VG_CONFORMANCE_FORGET)
        forget(o);
    else if (step->act == VG_CONFORMANCE_RENEW)
        vg_conformance_renew(o);
}

/* ---- what only the play has ---- */

static void serve_for(struct play *p, int64_t ms)
{
    int64_t end = now_ms() + ms;

    for (int64_t now = now_ms(); now < end; now = now_ms())
        vg_conformance_serve(p->publisher, end - now);
}

static bool is_over(const struct play *p, enum vg_conformance_act act)
{
    const struct vg_conformance_seen *seen = vg_conformance_seen(p->publisher);

    switch (act) {
    case VG_CONFORMANCE_WAIT_SYNCED:
        return seen->synced > p->synced && seen->subscribed;
    case VG_CONFORMANCE_WAIT_TOLD:
        return !vg_conformance_untold(&p->outbox, VG_CONFORMANCE_WARDS, UINT64_MAX);
    case VG_CONFORMANCE_WAIT_TRUNCATED:
        return seen->truncated > 0;
    case VG_CONFORMANCE_WAIT_REFUSED:
        return seen->refused > 2;
    case VG_CONFORMANCE_WAIT_ACKNOWLEDGED:
        return seen->acknowledged > 0;
    case VG_CONFORMANCE_WAIT_UNKNOWN:
        return seen->unknown > 0;
    default:
        return true;
    }
}

static const char *wanted(enum vg_conformance_act act)
{
    switch (act) {
    case VG_CONFORMANCE_WAIT_SYNCED:
        return "a subscription, and a snapshot or replay to its end";
    case VG_CONFORMANCE_WAIT_TOLD:
        return "replays of all events that were lost";
    case VG_CONFORMANCE_WAIT_TRUNCATED:
        return "a replay of the events that are no longer held";
    case VG_CONFORMANCE_WAIT_REFUSED:
        return "a client with the key that was given, which goes on trying";
    case VG_CONFORMANCE_WAIT_ACKNOWLEDGED:
        return "the acknowledgement of the episode";
    default:
        return "the acknowledgement of the episode that is not there";
    }
}

/* False when the client did not do it: nothing that follows would tell more. */
static bool wait_for(struct play *p, enum vg_conformance_act act)
{
    const struct vg_conformance_seen *seen = vg_conformance_seen(p->publisher);
    int64_t wait = p->options->timeout_ns / VG_NS_PER_MS;
    int64_t end;

    if (seen->came && wait > WAIT_MS)
        wait = WAIT_MS;
    end = now_ms() + wait;
    while (!is_over(p, act)) {
        int64_t now = now_ms();

        if (now >= end) {
            p->gone = !seen->came;
            print_check(p, "wait", false, wanted(act));
            return false;
        }
        vg_conformance_serve(p->publisher, end - now);
    }
    if (act == VG_CONFORMANCE_WAIT_SYNCED) {
        p->synced = seen->synced;
        /* The answer and what is published take two ways. */
        serve_for(p, SETTLE_MS);
    }
    return true;
}

static void repeat(struct play *p, uint32_t n)
{
    size_t first = p->outbox.n > n ? p->outbox.n - n : 0;

    for (size_t i = first; i < p->outbox.n; i++)
        vg_conformance_publish(p->publisher, &p->outbox.event[i], true);
}

static void act(struct play *p, const struct vg_conformance_step *step)
{
    struct vg_conformance_state *state = vg_conformance_state(p->publisher);

    switch (step->act) {
    case VG_CONFORMANCE_REPEAT:
        repeat(p, step->n);
        break;
    case VG_CONFORMANCE_RUBBISH:
        vg_conformance_rubbish(p->publisher);
        break;
    case VG_CONFORMANCE_RENEW:
        p->synced = vg_conformance_seen(p->publisher)->synced;
        break;
    case VG_CONFORMANCE_TEAR:
        state->tear = true;
        break;
    case VG_CONFORMANCE_SILENT:
        state->silent = true;
        serve_for(p, step->n);
        state->silent = false;
        break;
    case VG_CONFORMANCE_BEAT:
        serve_for(p, step->n);
        break;
    case VG_CONFORMANCE_AGE:
        state->age_ms = step->n;
        break;
    case VG_CONFORMANCE_UNCOVER:
        state->uncovered = step->n;
        break;
    case VG_CONFORMANCE_COVER:
        state->uncovered = 0;
        break;
    case VG_CONFORMANCE_ADMIT:
        state->admit = true;
        break;
    default:
        break;
    }
}

/* The client ends when the pipeline closes and it has everything. */
static void close_down(struct play *p)
{
    int64_t end = now_ms() + LEAVE_MS;

    serve_for(p, SETTLE_MS);
    vg_conformance_state(p->publisher)->closing = true;
    while (vg_conformance_seen(p->publisher)->subscribed && now_ms() < end)
        vg_conformance_serve(p->publisher, end - now_ms());
    if (vg_conformance_untold(&p->outbox, VG_CONFORMANCE_WARDS, UINT64_MAX))
        print_check(p, "complete", false, "it never asked for some of the events that were lost");
}

static void foresee_all(struct play *p)
{
    for (uint32_t i = 0; i < p->scenario->steps; i++) {
        foresee(p, &p->scenario->step[i]);
        change(p, &p->scenario->step[i]);
        if (p->scenario->step[i].act == VG_CONFORMANCE_WAIT_TOLD) {
            for (size_t e = 0; e < p->outbox.n; e++)
                p->outbox.event[e].told = true;
        }
    }
    expect_events(p);
    vg_buf_str(&p->line, "{\"type\":\"ready\"");
    print_line(&p->line);
}

static void play_all(struct play *p)
{
    for (uint32_t i = 0; i < p->scenario->steps; i++) {
        const struct vg_conformance_step *step = &p->scenario->step[i];

        if (!wait_for(p, step->act))
            return;
        act(p, step);
        change(p, step);
    }
    close_down(p);
}

static void print_listen(struct play *p)
{
    const struct vg_conformance_addresses *at = vg_conformance_addresses(p->publisher);

    vg_buf_printf(&p->line,
                  "{\"type\":\"listen\",\"scenario\":\"%s\",\"about\":", p->scenario->name);
    vg_buf_json_str(&p->line, p->scenario->about);
    vg_buf_printf(&p->line, ",\"publish\":\"%s\",\"control\":\"%s\",\"wards\":[\"%s\",\"%s\"]",
                  at->publish, at->control, vg_conformance_wards[0], vg_conformance_wards[1]);
    if (at->server_key[0]) {
        vg_buf_str(&p->line, ",\"keys\":{\"server_key\":");
        vg_buf_json_str(&p->line, at->server_key);
        vg_buf_str(&p->line, ",\"public_key\":");
        vg_buf_json_str(&p->line, at->public_key);
        vg_buf_str(&p->line, ",\"secret_key\":");
        vg_buf_json_str(&p->line, at->secret_key);
        vg_buf_char(&p->line, '}');
    }
    print_line(&p->line);
}

static int verdict(struct play *p)
{
    bool ok = p->failed == 0;

    vg_buf_printf(&p->line, "{\"type\":\"verdict\",\"scenario\":\"%s\",\"ok\":%s",
                  p->scenario->name, ok ? "true" : "false");
    print_line(&p->line);
    if (p->gone)
        fprintf(stderr, "vigil alerts conformance: no client came to %s within the time given\n",
                vg_conformance_addresses(p->publisher)->publish);
    return ok ? 0 : vg_status_exit(p->gone ? VG_E_UNAVAILABLE : VG_E_FAILED);
}

static int play_one(const struct options *o, const struct vg_conformance_scenario *scenario)
{
    struct play p = { .options = o, .scenario = scenario };
    struct vg_conformance_publisher *publisher;
    struct vg_err err;
    int code;

    vg_conformance_outbox_init(&p.outbox, (uint64_t)o->seed);
    if (vg_conformance_open_sockets(&publisher, &p.outbox, o->endpoint, o->control, scenario->curve,
                                    print_check, &p, &err) != VG_OK) {
        vg_conformance_outbox_done(&p.outbox);
        return vg_command_failed(&command, &err);
    }
    p.publisher = publisher;
    print_listen(&p);
    p.publisher = NULL;
    foresee_all(&p);
    vg_conformance_outbox_done(&p.outbox);
    vg_conformance_outbox_init(&p.outbox, (uint64_t)o->seed);
    p.publisher = publisher;
    play_all(&p);
    code = verdict(&p);
    vg_conformance_close(publisher);
    vg_conformance_outbox_done(&p.outbox);
    vg_buf_done(&p.line);
    return code;
}

static int list(void)
{
    for (size_t i = 0; i < vg_conformance_scenarios_n; i++)
        printf("%-12s %s\n", vg_conformance_scenarios[i].name, vg_conformance_scenarios[i].about);
    return 0;
}

static int unknown(const char *name)
{
    const char *names[16];
    const char *near;

    for (size_t i = 0; i < vg_conformance_scenarios_n && i < VG_ARRAY_LEN(names); i++)
        names[i] = vg_conformance_scenarios[i].name;
    near = vg_did_you_mean(name, names, vg_conformance_scenarios_n);
    return vg_command_usage(&command, "no scenario \"%s\"%s%s%s; --list shows them", name,
                            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int run(const struct options *o)
{
    const struct vg_conformance_scenario *one;
    int worst = 0;

    if (o->list)
        return list();
    if (!o->scenario)
        return vg_command_usage(&command, "--scenario NAME is missing; --list shows them");
    one = vg_conformance_find(o->scenario);
    if (one)
        return play_one(o, one);
    if (strcmp(o->scenario, "all") != 0)
        return unknown(o->scenario);
    for (size_t i = 0; i < vg_conformance_scenarios_n; i++) {
        int code = play_one(o, &vg_conformance_scenarios[i]);

        worst = code > worst ? code : worst;
    }
    return worst;
}

int vg_alerts_conformance(int argc, char **argv)
{
    struct options o = { 0 };
    char **arguments;
    int code = vg_command_parse(&command, argc, argv, &o, &arguments);

    if (code == VG_COMMAND_GO)
        code = run(&o);
    vg_options_done(options, &o);
    return code;
}
