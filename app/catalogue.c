/* catalogue.c - `vigil list`, `vigil describe` and `vigil version`: what is in this build.
 *
 * Everything printed comes from the tables that the program itself runs by, so it cannot differ
 * from what a configuration may say.
 */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/examples.h"
#include "app/reference.h"
#include "app/verbs.h"
#include "core/text.h"
#include "runtime/config.h"
#include "runtime/registry.h"

/* A component, or a section of the configuration, of any kind. */
struct entry {
    const char *kind, *name, *summary;
    const struct vg_option *options; /* NULL: has none */
};

enum { ENTRIES_MAX = 128 };

struct catalogue {
    struct entry entries[ENTRIES_MAX];
    size_t n;
};

static void add(struct catalogue *c, const char *kind, const char *name, const char *summary,
                const struct vg_option *options)
{
    VG_CHECK(c->n < ENTRIES_MAX);
    c->entries[c->n++] = (struct entry){ kind, name, summary, options };
}

static void fill(struct catalogue *c)
{
    c->n = 0;
    for (size_t i = 0; vg_sources[i]; i++)
        add(c, "source", vg_sources[i]->name, vg_sources[i]->summary, vg_sources[i]->options);
    for (size_t i = 0; vg_decoders[i]; i++)
        add(c, "decoder", vg_decoders[i]->name, vg_decoders[i]->summary, vg_decoders[i]->options);
    for (size_t i = 0; vg_stages[i]; i++)
        add(c, "stage", vg_stages[i]->name, vg_stages[i]->summary, vg_stages[i]->options);
    for (size_t i = 0; vg_models[i]; i++)
        add(c, "model", vg_models[i]->name, vg_models[i]->summary, NULL);
    for (size_t i = 0; vg_sinks[i]; i++)
        add(c, "sink", vg_sinks[i]->name, vg_sinks[i]->summary, vg_sinks[i]->options);
}

/* ---- list ---- */

static const char *const kinds[] = {
    "sources", "decoders", "stages", "models", "sinks", "channels"
};

static const struct vg_option no_options[] = { VG_OPT_END };

static const struct vg_command list_command = {
    .name = "list",
    .summary = "Lists the components in this build, and the vital signs (channels)",
    .arguments = "[sources|decoders|stages|models|sinks|channels]",
    .arguments_max = 1,
    .options = no_options,
};

static void print_channels(void)
{
    printf("channels\n  %-10s %-14s %-8s %-14s %-12s %s\n", "name", "title", "unit", "plausible",
           "valid for", "LOINC, MDC");
    for (int i = 0; i < VG_CHANNELS; i++) {
        const struct vg_channel *c = &vg_channels[i];
        char range[48], validity[VG_DURATION_TEXT_SIZE];

        snprintf(range, sizeof(range), "%g..%g", (double)c->low, (double)c->high);
        vg_format_duration(c->validity_ns, validity);
        printf("  %-10s %-14s %-8s %-14s %-12s %s%s%s\n", c->name, c->title, c->ucum, range,
               validity, c->loinc, c->loinc[0] ? ", " : "", c->mdc);
    }
}

static void print_kind(const struct catalogue *c, const char *plural)
{
    printf("%s\n", plural);
    for (size_t i = 0; i < c->n; i++) {
        const struct entry *e = &c->entries[i];

        if (strncmp(e->kind, plural, strlen(e->kind)) == 0)
            printf("  %-14s %s\n", e->name, e->summary);
    }
}

static int list_one(const char *what)
{
    struct catalogue c;
    const char *near;

    fill(&c);
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i], what) != 0)
            continue;
        if (strcmp(what, "channels") == 0)
            print_channels();
        else
            print_kind(&c, what);
        return 0;
    }
    near = vg_did_you_mean(what, kinds, VG_ARRAY_LEN(kinds));
    return vg_command_usage(&list_command, "nothing is called \"%s\"; %s%s%s", what,
                            near ? "did you mean \"" : "expected one of: ",
                            near ? near : "sources, decoders, stages, models, sinks, channels",
                            near ? "\"?" : "");
}

int vg_verb_list(int argc, char **argv)
{
    char none = 0, **args;
    int exit = vg_command_parse(&list_command, argc, argv, &none, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    if (args[0])
        return list_one(args[0]);
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if (i)
            putchar('\n');
        list_one(kinds[i]);
    }
    return 0;
}

/* ---- describe ---- */

struct describe_options {
    bool all, markdown, metrics, commands, events;
};

static const struct vg_option describe_options[] = {
    VG_OPT_BOOL(struct describe_options, all, "all", "false", 0, "Everything, one after another."),
    VG_OPT_BOOL(struct describe_options, markdown, "markdown", "false", 0,
                "With --all: the page docs/configuration.md."),
    VG_OPT_BOOL(struct describe_options, metrics, "metrics", "false", 0,
                "Every metric of a running pipeline: the page docs/metrics.md."),
    VG_OPT_BOOL(struct describe_options, commands, "commands", "false", 0,
                "Every command and its options: the page docs/commands.md."),
    VG_OPT_BOOL(struct describe_options, events, "events", "false", 0,
                "Every word that an alert event can have: the page docs/events.md."),
    VG_OPT_END,
};

static const struct vg_command describe_command = {
    .name = "describe",
    .summary = "Describes a component or a section of the configuration and its options",
    .arguments = "NAME|--all",
    .arguments_max = 1,
    .options = describe_options,
    .notes = "NAME is a component or channel that `vigil list` shows, or one of the sections\n"
             "service, source, models, profiles, wards, scores, alert_rules, sinks and tests.\n",
};

static const char *const sections[] = { "service", "source",      "models", "profiles", "wards",
                                        "scores",  "alert_rules", "sinks",  "tests" };

static void print_option(const struct vg_option *o)
{
    struct vg_buf expected = VG_BUF_INIT;

    vg_option_expected(o, &expected);
    printf("\n  %s%s\n      %s\n      %s", o->name, o->flags & VG_OPT_REQUIRED ? " (required)" : "",
           o->help, expected.data);
    if (o->def)
        printf("; default %s", o->def[0] ? o->def : "\"\"");
    if (o->flags & VG_OPT_PATH)
        printf("; a relative file name begins at the configuration file");
    if (o->flags & VG_OPT_SECRET)
        printf("; never printed");
    printf("\n");
    vg_buf_done(&expected);
}

static void print_options(const char *title, const struct vg_option *options)
{
    if (!options || options->type == VG_OPT_END_)
        return;
    printf("\n%s:\n", title);
    for (const struct vg_option *o = options; o->type != VG_OPT_END_; o++)
        print_option(o);
}

static void print_example(const char *kind, const char *name, const struct vg_option *options)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_example_write(kind, name, options, &text);
    if (text.len > 0)
        printf("\nexample:\n\n");
    for (size_t at = 0; at < text.len;) {
        size_t n = strcspn(text.data + at, "\n") + 1;

        printf("    %.*s", (int)n, text.data + at);
        at += n;
    }
    vg_buf_done(&text);
}

static void print_component(const struct entry *e)
{
    printf("%s %s: %s\n", e->kind, e->name, e->summary);
    print_options("options", e->options);
    print_example(e->kind, e->name, e->options);
}

static void print_channel(const struct vg_channel *c)
{
    char period[VG_DURATION_TEXT_SIZE], validity[VG_DURATION_TEXT_SIZE];

    vg_format_duration(c->period_ns, period);
    vg_format_duration(c->validity_ns, validity);
    printf("channel %s: %s%s%s (UCUM %s)\n", c->name, c->title, c->unit[0] ? " in " : "", c->unit,
           c->ucum);
    for (int v = 0; v < vg_channel_words((int)(c - vg_channels)); v++)
        printf("  %s: %s\n", vg_channel_word_text((int)(c - vg_channels), (float)v),
               vg_channel_word_meaning((int)(c - vg_channels), (float)v));
    printf("  plausible %g to %g; outside is no measurement\n", (double)c->low, (double)c->high);
    printf("  %s every %s; a value speaks for the patient for %s\n",
           c->episodic ? "taken now and then, about" : "continuous, a value", period, validity);
    printf("  0 is %s\n", c->zero_is_value ? "a value" : "no measurement (probe off)");
    printf("  MDC %s (%u), LOINC %s\n", c->mdc[0] ? c->mdc : "none", c->mdc_code,
           c->loinc[0] ? c->loinc : "none");
}

/* The conditions that `when: {condition: NAME}` knows. */
static void print_conditions(void)
{
    printf("\nconditions:\n");
    for (int i = 0; i < VG_CONDITION_COUNT; i++)
        printf("  %-14s %s\n", vg_condition_name((enum vg_condition)i),
               vg_condition_title((enum vg_condition)i));
}

static bool describe_mappings(const char *name, const struct vg_site_mapping *m)
{
    bool found = false;

    for (; m->section; m++) {
        if (strcmp(m->section, name) != 0)
            continue;
        printf("%s%s: %s\n", found ? "\n" : "", m->path, m->summary);
        print_options("options", m->options);
        found = true;
    }
    return found;
}

static bool print_section(const char *name)
{
    if (strcmp(name, "service") == 0) {
        printf("section service: the process, its data and its speed\n");
        print_options("options", vg_service_options);
        return true;
    }
    if (strcmp(name, "source") == 0) {
        printf("section source: where vital signs come from\n");
        print_options("options of every source", vg_ingest_options);
        for (size_t i = 0; vg_sources[i]; i++) {
            printf("\ntype %s: %s\n", vg_sources[i]->name, vg_sources[i]->summary);
            print_options("options", vg_sources[i]->options);
        }
        return true;
    }
    if (strcmp(name, "models") == 0) {
        printf("section models: a name for each model file; type is one of `vigil list models`\n");
        print_options("options", vg_model_options);
        return true;
    }
    if (strcmp(name, "sinks") == 0) {
        printf("section sinks: a name for each sink; type is one of `vigil list sinks`\n");
        print_options("options of every sink", vg_delivery_options);
        return true;
    }
    if (describe_mappings(name, vg_test_mappings))
        return true;
    if (!describe_mappings(name, vg_site_mappings))
        return false;
    if (strcmp(name, "alert_rules") == 0)
        print_conditions();
    return true;
}

static bool describe_section(const char *name)
{
    bool found = print_section(name);

    if (found)
        print_example("section", name, NULL);
    return found;
}

static bool describe_component(const struct catalogue *c, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < c->n; i++) {
        const struct entry *e = &c->entries[i];

        if (strcmp(e->name, name) != 0)
            continue;
        if (found)
            putchar('\n');
        print_component(e);
        found = true;
    }
    return found;
}

static int describe_nothing(const struct catalogue *c, const char *name)
{
    const char *names[ENTRIES_MAX + VG_CHANNELS + VG_ARRAY_LEN(sections)];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < VG_ARRAY_LEN(sections); i++)
        names[n++] = sections[i];
    for (size_t i = 0; i < c->n; i++)
        names[n++] = c->entries[i].name;
    for (int i = 0; i < VG_CHANNELS; i++)
        names[n++] = vg_channels[i].name;
    near = vg_did_you_mean(name, names, n);
    return vg_command_usage(&describe_command, "nothing is called \"%s\"; %s%s%s", name,
                            near ? "did you mean \"" : "`vigil list` shows what there is",
                            near ? near : "", near ? "\"?" : "");
}

static int describe_one(const struct catalogue *c, const char *name)
{
    int channel;

    if (describe_section(name) || describe_component(c, name))
        return 0;
    channel = vg_channel_find(name);
    if (channel == VG_CHANNEL_NONE)
        return describe_nothing(c, name);
    print_channel(&vg_channels[channel]);
    return 0;
}

static int describe_all(const struct catalogue *c)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(sections); i++) {
        printf("%s", i ? "\n" : "");
        describe_section(sections[i]);
    }
    for (size_t i = 0; i < c->n; i++) {
        putchar('\n');
        print_component(&c->entries[i]);
    }
    for (int i = 0; i < VG_CHANNELS; i++) {
        putchar('\n');
        print_channel(&vg_channels[i]);
    }
    return 0;
}

/* Whole pages of the reference, each asked for by an option of its own. */
static bool print_page(const struct describe_options *o)
{
    if (o->metrics)
        vg_reference_print_metrics();
    else if (o->commands)
        vg_reference_print_commands();
    else if (o->events)
        vg_reference_print_events();
    return o->metrics || o->commands || o->events;
}

int vg_verb_describe(int argc, char **argv)
{
    struct describe_options o = { 0 };
    struct catalogue c;
    char **args;
    int exit = vg_command_parse(&describe_command, argc, argv, &o, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    if (o.metrics + o.commands + o.events > (o.all || args[0] ? 0 : 1))
        return vg_command_usage(&describe_command,
                                "--metrics, --commands and --events stand alone");
    if (print_page(&o))
        return 0;
    if (o.all && args[0])
        return vg_command_usage(&describe_command, "--all and \"%s\" exclude each other", args[0]);
    if (o.markdown && !o.all)
        return vg_command_usage(&describe_command, "--markdown goes with --all");
    if (!o.all && !args[0])
        return vg_command_usage(&describe_command, "a name is missing; `vigil list` shows them");
    if (o.markdown) {
        vg_reference_print();
        return 0;
    }
    fill(&c);
    return o.all ? describe_all(&c) : describe_one(&c, args[0]);
}

/* ---- version ---- */

static const struct vg_command version_command = {
    .name = "version",
    .summary = "Prints the versions of Vigil and of the libraries it was built with",
    .arguments = "",
    .options = no_options,
};

int vg_verb_version(int argc, char **argv)
{
    char none = 0, **args;
    int exit = vg_command_parse(&version_command, argc, argv, &none, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    printf("vigil %s\nbuilt with %s\nVigil is not a medical device.\n", VG_VERSION, VG_BUILT_WITH);
    return 0;
}
