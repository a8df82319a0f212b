/* config_new.c - `vigil config new`: a commented configuration for a source and sinks.
 *
 * Keys, defaults and comments are those of the option tables. What a table cannot know is an example of
 * each required value, which is here; a test makes a configuration with every sink and validates it.
 */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/config_verb.h"
#include "core/text.h"
#include "runtime/config.h"
#include "runtime/registry.h"

enum { LINE_WIDTH = 96 };

struct example {
    const char *component; /* "": any */
    const char *key, *value;
};

static const struct example examples[] = {
    { "fhir", "url", "https://records.example.org/fhir" },
    { "fhir", "patient_system", "urn:example:pseudonym" },
    { "hl7", "address", "127.0.0.1:2575" },
    { "hl7", "patient_authority", "EXAMPLE" },
    { "kafka sink", "topic", "alerts.v1" },
    { "mqtt", "address", "127.0.0.1:1883" },
    { "postgres", "connection", "host=db.example.org dbname=vigil user=vigil sslmode=verify-full" },
    { "sqlite", "path", "alerts.db" },
    { "file", "path", "alerts/%Y-%m-%d.ndjson" },
    { "webhook", "url", "https://pager.example.org/hook" },
    { "webhook", "secret", "${VIGIL_WEBHOOK_SECRET:-whsec_Q0hBTkdFTUVDSEFOR0VNRUNIQU5HRU1F}" },
    { "zeromq", "publish", "tcp://127.0.0.1:5557" },
    { "zeromq", "control", "tcp://127.0.0.1:5558" },
    { "", "brokers", "${KAFKA_BROKERS:-localhost:9092}" },
    { "", "topic", "vitals.raw" },
    { "", "start", "latest" },
};

static const char *example_of(const char *component, const char *key)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];

        if (strcmp(e->key, key) == 0 && (!e->component[0] || strcmp(e->component, component) == 0))
            return e->value;
    }
    return NULL;
}

/* ---- options ---- */

/* A comment of several lines. */
static void print_comment(const char *text)
{
    int column = 0;

    while (*text) {
        int word = (int)strcspn(text, " ");

        if (column == 0 || column + 1 + word > LINE_WIDTH)
            column = printf("%s    #", column ? "\n" : "") - (column ? 1 : 0);
        column += printf(" %.*s", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_help(const struct vg_option *o)
{
    struct vg_buf text = VG_BUF_INIT;
    const char *dot = strchr(o->name, '.');

    if (dot)
        vg_buf_printf(&text, "%s: ", dot + 1);
    vg_buf_printf(&text, "%s (", o->help);
    vg_option_expected(o, &text);
    vg_buf_char(&text, ')');
    print_comment(text.data);
    vg_buf_done(&text);
}

static void print_required(const char *component, const struct vg_option *table)
{
    for (const struct vg_option *o = table; o && o->type != VG_OPT_END_; o++) {
        const char *value = example_of(component, o->name);

        if (!(o->flags & VG_OPT_REQUIRED))
            continue;
        VG_CHECK(value);
        print_help(o);
        printf("    %s: \"%s\"\n", o->name, value);
    }
}

static bool same_group(const struct vg_option *a, const struct vg_option *b)
{
    size_t n = strcspn(a->name, ".");

    return a->name[n] == '.' && strncmp(a->name, b->name, n + 1) == 0;
}

static bool group_seen(const struct vg_option *table, const struct vg_option *o)
{
    for (; table < o; table++) {
        if (same_group(o, table))
            return true;
    }
    return false;
}

/* Options log.level and log.format, as "log: {level: info, format: text}". */
static void print_group(const struct vg_option *first)
{
    const char *comma = "";

    for (const struct vg_option *o = first; o->type != VG_OPT_END_; o++) {
        if (same_group(first, o) && o->def)
            print_help(o);
    }
    printf("    # %.*s: {", (int)strcspn(first->name, "."), first->name);
    for (const struct vg_option *o = first; o->type != VG_OPT_END_; o++) {
        if (same_group(first, o) && o->def) {
            printf("%s%s: %s", comma, strchr(o->name, '.') + 1, o->def);
            comma = ", ";
        }
    }
    printf("}\n");
}

static void print_optional(const struct vg_option *table)
{
    for (const struct vg_option *o = table; o && o->type != VG_OPT_END_; o++) {
        if (o->flags & VG_OPT_REQUIRED || !o->def)
            continue;
        if (!strchr(o->name, '.')) {
            print_help(o);
            printf("    # %s: %s\n", o->name, o->def[0] ? o->def : "\"\"");
        } else if (!group_seen(table, o)) {
            print_group(o);
        }
    }
}

/* ---- the file ---- */

static const char head[] =
    "# A configuration of Vigil, made by `vigil config new`. Lines with a \"#\" before a key show "
    "its\n"
    "# default. `vigil validate FILE` checks it, `vigil test FILE` runs the tests at its end,\n"
    "# `vigil describe NAME` explains sections and components.\n"
    "#\n"
    "# Vigil is not a medical device. The limits below are examples: those that are used must be "
    "set\n"
    "# by people who answer for the patients.\n"
    "version: 1\n"
    "\n"
    "service:\n"
    "    name: my-ward # part of the id of every alert: choose it once\n";

static const char clinical[] =
    "\n"
    "stages: # a chain, in this order\n"
    "    - {type: clean} # marks what is no measurement: probe off, out of range\n"
    "    - {type: artefact} # marks what only looks like one; limits still see it\n"
    "    - {type: alert} # with all rules below\n"
    "\n"
    "profiles: # kinds of patients; the first is that of beds that no ward declares\n"
    "    adult: {hr: {low: \"50 /min\", high: \"130 /min\"}, spo2: {low: \"90 %\"}}\n"
    "\n"
    "alert_rules:\n"
    "    spo2_low:\n"
    "        title: \"SpO2 below limit\"\n"
    "        priority: high\n"
    "        when: {channel: spo2, below: profile.low}\n"
    "        for: 10s # true for so long before it starts\n"
    "        clear: {above: \"profile.low + 2 %\", for: 15s} # clearly over before it ends\n"
    "    hr_low:\n"
    "        title: \"Heart rate below limit\"\n"
    "        priority: high\n"
    "        when: {channel: hr, below: profile.low}\n"
    "        for: 10s\n"
    "    hr_high:\n"
    "        title: \"Heart rate above limit\"\n"
    "        priority: high\n"
    "        when: {channel: hr, above: profile.high}\n"
    "        for: 10s\n"
    "    no_data:\n"
    "        title: \"No data from bed\"\n"
    "        priority: medium\n"
    "        when: {stale: any, longer_than: 30s}\n";

static const char tests[] =
    "\n"
    "tests: # run by `vigil test FILE`\n"
    "    - name: a low SpO2 is told after 10 s and ends when it is clearly over\n"
    "      input:\n"
    "          - {at: 0s, every: 1s, count: 12, values: {hr: 80, spo2: 86}}\n"
    "          - {at: 12s, every: 1s, count: 60, values: {hr: 80, spo2: 96}}\n"
    "      expect:\n"
    "          - {at: 10s, rule: spo2_low, event: start, priority: high, limit: {low: 90}}\n"
    "          - {at: 27s, rule: spo2_low, event: end}\n"
    "      expect_none: others\n"
    "    - name: a slow and a fast heart are told after 10 s\n"
    "      input:\n"
    "          - {at: 0s, every: 1s, count: 20, values: {hr: 40, spo2: 96}}\n"
    "          - {at: 20s, every: 1s, count: 20, values: {hr: 150, spo2: 96}}\n"
    "      expect:\n"
    "          - {at: 10s, rule: hr_low, event: start}\n"
    "          - {at: 20s, rule: hr_low, event: end}\n"
    "          - {at: 30s, rule: hr_high, event: start}\n"
    "    - name: a silent bed is told\n"
    "      input: [{at: 0s, every: 1s, count: 10, values: {hr: 80, spo2: 97}}]\n"
    "      expect: [{at: 39s, tolerance: 1s, rule: no_data, event: start}]\n"
    "      until: 60s\n";

static void print_source(const struct vg_source_ops *source)
{
    printf("\nsource: # %s\n    type: %s\n", source->summary, source->name);
    print_required(source->name, source->options);
    print_optional(source->options);
    print_optional(vg_ingest_options);
}

static void print_sink(const struct vg_sink_ops *sink)
{
    bool both = strcmp(sink->name, "kafka") == 0;

    printf("  my_%s: # %s\n    type: %s\n", sink->name, sink->summary, sink->name);
    print_required(both ? "kafka sink" : sink->name, sink->options);
    print_optional(sink->options);
    if (!sink->complete)
        print_comment("Also timeout, retry, filter, max_age, required: `vigil describe sinks`.");
}

/* ---- the verb ---- */

struct options {
    char *source;
    struct vg_strings sinks;
};

static const struct vg_option options[] = {
    VG_CLI_STRING(struct options, source, "source", "KIND", "kafka", 0,
                  "one of `vigil list sources`"),
    VG_CLI_LIST(struct options, sinks, "sink", "KIND", 0,
                "one of `vigil list sinks`; console when none is given"),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "config new",
    .summary = "Prints a commented configuration to begin with, for a source and sinks",
    .arguments = "",
    .options = options,
    .notes = "For example: vigil config new --sink zeromq --sink file > ward.yaml\n",
};

enum { KINDS_MAX = 64 };

static int no_kind(const char *what, const char *word, const char *const *names, size_t n)
{
    const char *near = vg_did_you_mean(word, names, n);

    return vg_command_usage(&command, "no %s is called \"%s\"%s%s%s", what, word,
                            near ? "; did you mean \"" : "; `vigil list` shows them",
                            near ? near : "", near ? "\"?" : "");
}

static int check_kinds(const struct options *o)
{
    const char *names[KINDS_MAX];
    size_t n = 0;

    for (; vg_sources[n]; n++)
        names[n] = vg_sources[n]->name;
    if (!vg_source_find(o->source))
        return no_kind("source", o->source, names, n);
    for (n = 0; vg_sinks[n]; n++)
        names[n] = vg_sinks[n]->name;
    for (size_t i = 0; i < o->sinks.n; i++) {
        if (!vg_sink_find(o->sinks.value[i]))
            return no_kind("sink", o->sinks.value[i], names, n);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(o->sinks.value[i], o->sinks.value[k]) == 0)
                return vg_command_usage(&command, "--sink %s is given twice", o->sinks.value[i]);
        }
    }
    return VG_COMMAND_GO;
}

static void print_all(const struct options *o)
{
    fputs(head, stdout);
    print_optional(vg_service_options);
    print_source(vg_source_find(o->source));
    fputs(clinical, stdout);
    printf("\nsinks: # where alerts are delivered to\n");
    for (size_t i = 0; i < o->sinks.n; i++)
        print_sink(vg_sink_find(o->sinks.value[i]));
    if (o->sinks.n == 0)
        print_sink(vg_sink_find("console"));
    fputs(tests, stdout);
}

int vg_config_new(int argc, char **argv)
{
    struct options o = { 0 };
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = check_kinds(&o);
    if (exit == VG_COMMAND_GO) {
        print_all(&o);
        exit = 0;
    }
    vg_options_done(options, &o);
    return exit;
}
