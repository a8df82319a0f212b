/* alerts_order.c - `vigil alerts ack|snooze|...`: what people tell a running pipeline.
 *
 * One table of options and one function for all; what each word takes follows from core/order.h. The
 * order is checked here as the pipeline would, so that a mistake shows with the name of its option.
 */
#include "app/alerts_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app/alerts_endpoints.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/order.h"
#include "core/text.h"

enum { TURN_MS = 200, KEY_MAX = 80, PATH_BYTES = 4096 };

struct options {
    struct vg_endpoint_options at;
    char *data_dir, *by, *note, *low, *high, *value, *command_id;
    int64_t for_ns, timeout_ns;
    bool clear, json;
};

/* clang-format off */
#define O struct options
#define COMMON \
    VG_ENDPOINT_OPTIONS(O), \
    VG_CLI_STRING(O, data_dir, "data_dir", "DIR", "vigil-data", 0, \
                  "the pipeline's service.data_dir; its command.key shows that you may"), \
    VG_CLI_STRING(O, by, "by", "NAME", NULL, VG_OPT_REQUIRED, "who gives the command"), \
    VG_CLI_STRING(O, command_id, "command_id", "ID", NULL, 0, \
                  "a name for this command: given again under it, it is not obeyed twice " \
                  "(default: a new one)"), \
    VG_OPT_DURATION(O, timeout_ns, "timeout", "10s", 0.1, 86400, 0, \
                    "give up (exit code 69) when there is no connection within this time"), \
    VG_OPT_BOOL(O, json, "json", "false", 0, "the answer as one JSON object")
#define FOR(fl, help) VG_OPT_DURATION(O, for_ns, "for", NULL, 1, 7 * 86400, fl, help)
#define NOTE VG_CLI_STRING(O, note, "note", "TEXT", NULL, 0, "a remark; recorded and told")
#define REASON(fl) VG_CLI_STRING(O, note, "reason", "TEXT", NULL, fl, "why; recorded and told")
#define CLEAR VG_OPT_BOOL(O, clear, "clear", "false", 0, "take it back instead")

static const struct vg_option ack_options[] = {
    COMMON, NOTE, FOR(0, "the signal is enabled again after this time, a day at most"),
    VG_OPT_END,
};
static const struct vg_option snooze_options[] = {
    COMMON, NOTE,
    FOR(VG_OPT_REQUIRED, "how long: an hour at most, 2 minutes for an alert that is high"),
    VG_OPT_END,
};
static const struct vg_option plain_options[] = { COMMON, NOTE, VG_OPT_END };
static const struct vg_option mute_options[] = {
    COMMON, REASON(0), FOR(0, "how long, a day at most; required"), CLEAR, VG_OPT_END,
};
static const struct vg_option limit_options[] = {
    COMMON, REASON(0), FOR(0, "how long, a week at most; required"), CLEAR,
    VG_CLI_STRING(O, low, "low", "VALUE", NULL, 0, "the low limit with its unit, \"88 %\""),
    VG_CLI_STRING(O, high, "high", "VALUE", NULL, 0, "the high limit with its unit"),
    VG_OPT_END,
};
static const struct vg_option away_options[] = {
    COMMON, REASON(0), FOR(VG_OPT_REQUIRED, "how long, 4 hours at most"), VG_OPT_END,
};
static const struct vg_option note_options[] = {
    COMMON, NOTE, CLEAR,
    FOR(0, "for how long it counts, a day at most; no longer than the rules that look at it say"),
    VG_CLI_STRING(O, value, "value", "VALUE", NULL, 0,
                  "what was seen: a word of the channel (V), or a number with its unit (\"2 L/min\")"),
    VG_OPT_END,
};
#undef O

#define MACHINE \
    "For users of this machine who can read the pipeline's data_dir, or with --key and the role "  \
    "for it.\n"

static const struct vg_command commands[] = {
    [VG_ORDER_KIND_ACKNOWLEDGE] = {
        .name = "alerts ack", .arguments = "EPISODE", .options = ack_options,
        .summary = "Says that somebody has seen an alert and takes care", .notes = MACHINE },
    [VG_ORDER_KIND_SNOOZE] = {
        .name = "alerts snooze", .arguments = "EPISODE", .options = snooze_options,
        .summary = "Pauses the audio of an alert", .notes = MACHINE },
    [VG_ORDER_KIND_RESET] = {
        .name = "alerts reset", .arguments = "EPISODE", .options = plain_options,
        .summary = "Ends an alert that is latched", .notes = MACHINE },
    [VG_ORDER_KIND_MUTE] = {
        .name = "alerts mute", .arguments = "PATIENT RULE", .options = mute_options,
        .summary = "Pauses the alarms of a rule for a patient; never of one that is high",
        .notes = MACHINE },
    [VG_ORDER_KIND_LIMIT] = {
        .name = "alerts limit", .arguments = "PATIENT CHANNEL", .options = limit_options,
        .summary = "Gives a patient limits of its own, in the place of those of the profile",
        .notes = MACHINE },
    [VG_ORDER_KIND_ADMIT] = {
        .name = "alerts admit", .arguments = "PATIENT", .options = plain_options,
        .summary = "Says that a patient who was discharged, or on standby, is here",
        .notes = MACHINE },
    [VG_ORDER_KIND_DISCHARGE] = {
        .name = "alerts discharge", .arguments = "PATIENT", .options = plain_options,
        .summary = "Ends all alerts of a patient who has left; data admit again, with an alert",
        .notes = MACHINE },
    [VG_ORDER_KIND_STANDBY] = {
        .name = "alerts standby", .arguments = "PATIENT", .options = away_options,
        .summary = "Says that a patient is away for a while: silence is no alert until it is over",
        .notes = MACHINE },
    [VG_ORDER_KIND_PROBE_OFF] = {
        .name = "alerts probe-off", .arguments = "PATIENT CHANNEL", .options = away_options,
        .summary = "Says that a probe was taken off on purpose: it is not missed until it measures",
        .notes = MACHINE },
    [VG_ORDER_KIND_NOTE] = {
        .name = "alerts note", .arguments = "PATIENT CHANNEL", .options = note_options,
        .summary = "Notes what no monitor measures: consciousness, oxygen, capillary refill, ...",
        .notes = MACHINE },
};
/* clang-format on */

_Static_assert(VG_ARRAY_LEN(commands) == VG_ORDER_KIND_COUNT, "an order without a command");

/* ---- what is said ---- */

static int copy(const struct vg_command *command, const char *what, const char *text, char *to,
                size_t size)
{
    if (text && strlen(text) >= size)
        return vg_command_usage(command, "%s is longer than %zu bytes", what, size - 1);
    snprintf(to, size, "%s", text ? text : "");
    return VG_COMMAND_GO;
}

static int read_side(const struct vg_command *command, const struct vg_order *order,
                     const char *side, const char *text, float *ret, uint8_t *ret_set)
{
    if (!text)
        return VG_COMMAND_GO;
    *ret_set = 1;
    if (vg_parse_quantity(text, order->channel, ret))
        return VG_COMMAND_GO;
    return vg_command_usage(command, "--%s %s: expected a value with its unit, such as \"90 %s\"",
                            side, text, vg_channels[order->channel].ucum);
}

static int read_value(const struct vg_command *command, struct vg_order *order, const char *text)
{
    if (!text)
        return VG_COMMAND_GO;
    order->value_set = 1;
    if (vg_parse_quantity(text, order->channel, &order->value))
        return VG_COMMAND_GO;
    if (vg_channel_words(order->channel) > 0)
        return vg_command_usage(
            command, "--value %s: expected a word such as %s; `vigil describe %s`", text,
            vg_channel_word_text(order->channel, 0), vg_channels[order->channel].name);
    return vg_command_usage(
        command, "--value %s: expected a value with its unit, such as \"%g %s\"", text,
        (double)vg_channels[order->channel].high, vg_channels[order->channel].ucum);
}

static int read_second(const struct vg_command *command, const char *word, struct vg_order *order)
{
    uint32_t says = vg_order_says((enum vg_order_kind)order->kind);

    if (says & VG_ORDER_RULE)
        return copy(command, "RULE", word, order->rule, sizeof(order->rule));
    if (!(says & VG_ORDER_CHANNEL))
        return VG_COMMAND_GO;
    order->channel = vg_channel_find(word);
    if (order->channel == VG_CHANNEL_NONE)
        return vg_command_usage(command, "\"%s\" is no channel; `vigil list` shows them", word);
    return VG_COMMAND_GO;
}

static int read_first(const struct vg_command *command, const char *word, struct vg_order *order)
{
    if (!(vg_order_says((enum vg_order_kind)order->kind) & VG_ORDER_EPISODE))
        return VG_COMMAND_GO;
    if (vg_episode_parse(word, order->episode_id))
        return VG_COMMAND_GO;
    return vg_command_usage(command,
                            "\"%s\" is no episode; expected the 32 digits of an episode_id", word);
}

static bool says_note(const struct vg_command *command)
{
    return command->options == ack_options || command->options == snooze_options ||
           command->options == note_options;
}

/* The option that a member of the command comes from. */
static const char *option_of(const struct vg_command *command, const char *member)
{
    if (strcmp(member, "for_s") == 0)
        return "for";
    if (strcmp(member, "note") == 0)
        return says_note(command) ? "note" : "reason";
    return member;
}

static int read_order(const struct vg_command *command, const struct options *o, char **args,
                      struct vg_order *order)
{
    struct vg_err err;
    int code = read_first(command, args[0], order);

    if (code == VG_COMMAND_GO)
        code = read_second(command, args[1], order);
    if (code == VG_COMMAND_GO)
        code = copy(command, "--by", o->by, order->by, sizeof(order->by));
    if (code == VG_COMMAND_GO)
        code = copy(command, "the remark", o->note, order->note, sizeof(order->note));
    if (code == VG_COMMAND_GO)
        code = read_side(command, order, "low", o->low, &order->low, &order->low_set);
    if (code == VG_COMMAND_GO)
        code = read_side(command, order, "high", o->high, &order->high, &order->high_set);
    if (code == VG_COMMAND_GO)
        code = read_value(command, order, o->value);
    if (code != VG_COMMAND_GO)
        return code;
    order->for_ns = o->for_ns / VG_NS_PER_S * VG_NS_PER_S;
    order->clear = o->clear;
    if (vg_order_check(order, &err) != VG_OK)
        return vg_command_usage(command, "--%s: %s", option_of(command, err.option), err.msg);
    return VG_COMMAND_GO;
}

static void add_member(struct vg_buf *b, const char *name, const char *text)
{
    if (!text[0])
        return;
    vg_buf_printf(b, ",\"%s\":", name);
    vg_buf_json_str(b, text);
}

static void add_side(struct vg_buf *b, const char *name, bool set, float value)
{
    if (!set)
        return;
    vg_buf_printf(b, ",\"%s\":", name);
    vg_buf_float(b, value);
}

static void add_value(struct vg_buf *b, const struct vg_order *order)
{
    if (!order->value_set)
        return;
    if (vg_channel_words(order->channel) > 0)
        add_member(b, "value", vg_channel_word_text(order->channel, order->value));
    else
        add_side(b, "value", true, order->value);
}

static void write_order(const struct vg_order *order, const char *first, struct vg_buf *b)
{
    uint32_t says = vg_order_says((enum vg_order_kind)order->kind);

    vg_buf_printf(b, "{\"do\":\"%s\"", vg_order_name((enum vg_order_kind)order->kind));
    add_member(b, says & VG_ORDER_EPISODE ? "episode" : "patient", first);
    add_member(b, "rule", order->rule);
    if (says & VG_ORDER_CHANNEL)
        add_member(b, "channel", vg_channels[order->channel].name);
    add_side(b, "low", order->low_set, order->low);
    add_side(b, "high", order->high_set, order->high);
    add_value(b, order);
    if (order->for_ns > 0)
        vg_buf_printf(b, ",\"for_s\":%lld", (long long)(order->for_ns / VG_NS_PER_S));
    if (order->clear)
        vg_buf_str(b, ",\"clear\":true");
    add_member(b, "by", order->by);
    add_member(b, "note", order->note);
    vg_buf_char(b, '}');
}

/* ---- who may say it ---- */

static int read_key(const struct vg_command *command, const char *data_dir, char key[KEY_MAX])
{
    char path[PATH_BYTES];
    FILE *f;

    snprintf(path, sizeof(path), "%s/command.key", data_dir);
    f = fopen(path, "re");
    if (!f || !fgets(key, KEY_MAX, f)) {
        fprintf(stderr,
                "vigil %s: cannot read %s; expected --data-dir to be the service.data_dir of a "
                "pipeline of yours that runs with a zeromq sink\n",
                command->name, path);
        if (f)
            fclose(f);
        return vg_status_exit(VG_E_FAILED);
    }
    fclose(f);
    key[strcspn(key, "\n")] = '\0';
    return VG_COMMAND_GO;
}

static void new_id(char out[VG_COMMAND_ID_SIZE])
{
    uint8_t bytes[16];

    VG_CHECK(getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
    vg_episode_text(bytes, out);
}

/* ---- asking ---- */

struct asking {
    const struct vg_command *command;
    const struct options *options;
    struct vg_endpoints endpoints;
    struct vigil_client *client;
    const char *command_id;
};

static int tell(const struct asking *a, const struct vigil_item *item)
{
    struct vg_buf line = VG_BUF_INIT;

    if (a->options->json) {
        vg_buf_printf(&line, "{\"type\":\"reply\",\"ok\":%s,\"code\":\"%s\",\"message\":",
                      item->reply.ok ? "true" : "false", item->reply.code);
        vg_buf_json_str(&line, item->reply.message);
        vg_buf_str(&line, ",\"command_id\":");
        vg_buf_json_str(&line, a->command_id);
        vg_buf_str(&line, "}");
        puts(line.data);
        vg_buf_done(&line);
    } else if (item->reply.ok) {
        fprintf(stderr, "vigil %s: done\n", a->command->name);
    } else {
        fprintf(stderr, "vigil %s: %s: %s\n", a->command->name, item->reply.code,
                item->reply.message);
    }
    if (!item->reply.ok && strcmp(item->reply.code, "timeout") == 0)
        fprintf(stderr, "It may still be obeyed; ask again with --command-id %s\n", a->command_id);
    return item->reply.ok ? 0 : vg_status_exit(VG_E_FAILED);
}

/* Of several instances one has the patient; the others say that they do not know it. */
static bool says_nothing(const struct vigil_item *item)
{
    return !item->reply.ok && strncmp(item->reply.code, "unknown_", 8) == 0;
}

static int wait_for_answers(struct asking *a)
{
    int64_t give_up_ns = vg_mono_ns() + a->options->timeout_ns;
    size_t waiting = a->endpoints.n;
    bool connected = false;

    while (waiting > 0) {
        struct vigil_item item;

        if (!connected && vg_mono_ns() > give_up_ns)
            return vg_endpoints_unreachable(&a->endpoints);
        if (!vigil_client_next(a->client, TURN_MS, &item))
            continue;
        connected |= item.type == VIGIL_NOTICE && item.notice.kind == VIGIL_LINK_UP;
        if (item.type != VIGIL_REPLY)
            continue;
        waiting--;
        if (waiting == 0 || !says_nothing(&item))
            return tell(a, &item);
    }
    return vg_status_exit(VG_E_BUG);
}

static int ask(struct asking *a, const char *key, const char *text)
{
    const struct vigil_options options = { .endpoints = a->endpoints.at,
                                           .endpoints_n = a->endpoints.n };
    char message[256];
    int code;

    if (vigil_client_new(&options, &a->client, message, sizeof(message)) < 0)
        return vg_command_usage(a->command, "%s", message);
    for (size_t i = 0; i < a->endpoints.n; i++)
        (void)vigil_client_command(a->client, i, a->command_id, key, text);
    code = wait_for_answers(a);
    vigil_client_free(a->client);
    return code;
}

static int run(enum vg_order_kind kind, int argc, char **argv)
{
    struct vg_command command = commands[kind];
    struct options o = { 0 };
    struct vg_order order = { .kind = (uint8_t)kind, .channel = VG_CHANNEL_NONE };
    struct asking a = { .command = &command, .options = &o };
    struct vg_buf text = VG_BUF_INIT;
    char id[VG_COMMAND_ID_SIZE], key[KEY_MAX] = "";
    char **args;
    int code;

    command.arguments_min = command.arguments_max = strchr(command.arguments, ' ') ? 2 : 1;
    code = vg_command_parse(&command, argc, argv, &o, &args);
    if (code == VG_COMMAND_GO)
        code = read_order(&command, &o, args, &order);
    if (code == VG_COMMAND_GO)
        code = vg_endpoints_read(&command, &o.at, &a.endpoints);
    /* With CURVE the pipeline knows by the key who asks. */
    if (code == VG_COMMAND_GO && !o.at.key)
        code = read_key(&command, o.data_dir, key);
    if (code == VG_COMMAND_GO) {
        new_id(id);
        a.command_id = o.command_id ? o.command_id : id;
        write_order(&order, args[0], &text);
        code = ask(&a, key, text.data);
    }
    vg_endpoints_done(&a.endpoints);
    vg_buf_done(&text);
    vg_options_done(command.options, &o);
    return code;
}

#define VERB(name, kind)                              \
    int vg_alerts_##name(int argc, char **argv)       \
    {                                                 \
        return run(VG_ORDER_KIND_##kind, argc, argv); \
    }
VERB(acknowledge, ACKNOWLEDGE)
VERB(snooze, SNOOZE)
VERB(reset, RESET)
VERB(mute, MUTE)
VERB(limit, LIMIT)
VERB(admit, ADMIT)
VERB(discharge, DISCHARGE)
VERB(standby, STANDBY)
VERB(probe_off, PROBE_OFF)
VERB(note, NOTE)
