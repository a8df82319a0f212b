/* config_tests.c - reads section `tests`: inputs, commands, and what is expected of them.
 *
 * An entry of each of the three lists has a file of its own: config_tests_input.c,
 * config_tests_command.c, config_tests_expect.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

/* ---- what may stand where ---- */

struct test_options {
    char *name, *profile, *patient, *bed;
    int64_t until_ns;
};

static const struct vg_shape inputs_shape = { .kind = VG_SHAPE_LIST,
                                              .name = "test_inputs",
                                              .entry = &vg_shape_test_input };
static const struct vg_shape commands_shape = { .kind = VG_SHAPE_LIST,
                                                .name = "test_commands",
                                                .entry = &vg_shape_test_command };
static const struct vg_shape rule_names_shape = { .kind = VG_SHAPE_LIST,
                                                  .name = "rule_names",
                                                  .entry = &vg_shape_text };
static const struct vg_shape silent_shape = {
    .kind = VG_SHAPE_VALUE,
    .name = "silent",
    .json = "{\"anyOf\":[{\"const\":\"others\"},{\"$ref\":\"#/definitions/rule_names\"}]}"
};
static const struct vg_shape expects_shape = { .kind = VG_SHAPE_LIST,
                                               .name = "test_expects",
                                               .entry = &vg_shape_test_expect };

static const struct vg_option test_options[] = {
    VG_OPT_STRING(struct test_options, name, "name", NULL, VG_OPT_REQUIRED,
                  "What is tested, in a sentence."),
    VG_OPT_STRING(struct test_options, profile, "profile", NULL, 0,
                  "Profile of the patients whose bed is not said; without it, the first one."),
    VG_OPT_STRING(struct test_options, patient, "patient", "p-1", 0,
                  "Pseudonym of the patient of inputs that name none."),
    VG_OPT_STRING(struct test_options, bed, "bed", NULL, 0,
                  "Bed of inputs that name none, such as icu-a/01. It has the profile that `wards` "
                  "gives it."),
    VG_OPT_DURATION(struct test_options, until_ns, "until", NULL, 0, VG_TEST_SECONDS_MAX, 0,
                    "Up to when time goes on; without it, to the last of inputs, commands and "
                    "expectations."),
    VG_OPT_NODE("input", "list of rows", &inputs_shape, VG_OPT_REQUIRED,
                "the rows of the test, such as "
                "[{at: 0s, every: 1s, count: 12, values: {spo2: 86}}]"),
    VG_OPT_NODE("commands", "list of commands", &commands_shape, 0,
                "What somebody does meanwhile."),
    VG_OPT_NODE("expect", "list of events", &expects_shape, 0, "Events that must come."),
    VG_OPT_NODE("expect_none", "list of rules, or others", &silent_shape, 0,
                "Rules that must not say anything; others: all that expect does not name."),
    VG_OPT_NODE("at_end", "list of rules", &rule_names_shape, 0,
                "The rules whose episodes are open at the end, and no others."),
    VG_OPT_END,
};

static const struct vg_shape test_shape = { .kind = VG_SHAPE_KEYS,
                                            .name = "test",
                                            .table = { test_options } };
const struct vg_shape vg_shape_tests = { .kind = VG_SHAPE_LIST,
                                         .name = "tests",
                                         .entry = &test_shape };

const struct vg_site_mapping vg_test_mappings[] = {
    { "tests", "tests[]",
      "A test of the configuration, run by `vigil test` (testing-configs.md). `input` is a list of "
      "rows, `expect` a list of events that must come, `expect_none` a list of rules that must not "
      "say anything (or `others`: all that `expect` does not name), `at_end` a list of the rules "
      "whose episodes are open at the end, `commands` a list of what somebody does meanwhile.",
      test_options },
    { "tests", "tests[].input[]",
      "Rows of one patient at even distances. `values` (required) maps channels to a number, a "
      "quantity with its unit, a word (missing, invalid, none; or suspect before a number), a list "
      "of these, one for each row and then from its beginning again, or {from: NUMBER, to: "
      "NUMBER}.",
      vg_test_input_options },
    { "tests", "tests[].commands[]",
      "What somebody does, by one of these keys: acknowledge, snooze, reset and mute name a rule, "
      "limit, probe_off and note a channel, admit, discharge and standby a patient.",
      vg_test_command_options },
    { "tests", "tests[].expect[]",
      "An event. Any further member of events (alert1.md) may be named with the value that it "
      "must have: `priority: high`, `limit: {low: 90}`, `text: \"SpO2 86 %*\"`, where * stands for "
      "anything; `~` for a member that must be absent.",
      vg_test_expect_options },
    { .section = NULL },
};

/* ---- lists ---- */

/* The list at `key`; NULL when there is none, and when something else stands there, which is a
 * problem. */
static const struct vg_node *list_at(struct vg_load *l, const struct vg_node *map, const char *key)
{
    const struct vg_node *node = vg_node_find(map, key);

    if (!node || node->kind == VG_NODE_SEQUENCE)
        return node;
    vg_document_error(l->doc, node->at, "\"%s\" must be a list, not %s", key, vg_node_what(node));
    return NULL;
}

/* Room for one more than the list has, so that an empty one needs no care. */
static void *array_of(const struct vg_node *list, size_t size)
{
    void *array = calloc(list->children + 1, size);

    VG_CHECK(array);
    return array;
}

void vg_load_test_rule(struct vg_load *l, const struct vg_node *node, char rule[VG_NAME_SIZE])
{
    const struct vg_site *site = &l->config->site;
    const char **names;
    uint32_t n = site->rules_n;

    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected the name of a rule, not %s",
                          vg_node_what(node));
        return;
    }
    snprintf(rule, VG_NAME_SIZE, "%s", node->text);
    if (vg_site_may_tell(site, node->text))
        return;
    names = calloc(n + VG_CONDITION_COUNT, sizeof(*names));
    VG_CHECK(names);
    for (uint32_t i = 0; i < n; i++)
        names[i] = site->rules[i].name;
    for (int i = 0; i < VG_CONDITION_COUNT; i++)
        names[n++] = vg_condition_name((enum vg_condition)i);
    vg_document_unknown(l->doc, node->at, "rule", node->text, names, n);
    free(names);
}

static void read_rules(struct vg_load *l, const struct vg_node *list, struct vg_test_rules *ret)
{
    ret->name = array_of(list, sizeof(*ret->name));
    for (const struct vg_node *c = list->child; c; c = c->next)
        vg_load_test_rule(l, c, ret->name[ret->n++]);
}

/* ---- inputs and commands ---- */

static void read_inputs(struct vg_load *l, const struct vg_node *node, const struct test_options *o,
                        struct vg_config_test *test)
{
    const struct vg_node *list = list_at(l, node, "input");

    if (!list)
        return;
    test->input = array_of(list, sizeof(*test->input));
    for (const struct vg_node *c = list->child; c; c = c->next)
        vg_load_test_input(l, c, o->patient, o->bed ? o->bed : VG_TEST_BED,
                           &test->input[test->inputs++]);
}

static int by_time(int64_t a_ns, uint32_t a_line, int64_t b_ns, uint32_t b_line)
{
    if (a_ns != b_ns)
        return a_ns < b_ns ? -1 : 1;
    return a_line < b_line ? -1 : a_line > b_line;
}

static int commands_by_time(const void *a, const void *b)
{
    const struct vg_test_command *x = a, *y = b;

    return by_time(x->at_ns, x->line, y->at_ns, y->line);
}

static void read_commands(struct vg_load *l, const struct vg_node *node,
                          const struct test_options *o, struct vg_config_test *test)
{
    const struct vg_node *list = list_at(l, node, "commands");

    if (!list)
        return;
    test->command = array_of(list, sizeof(*test->command));
    for (const struct vg_node *c = list->child; c; c = c->next)
        vg_load_test_command(l, c, o->patient, &test->command[test->commands++]);
    qsort(test->command, test->commands, sizeof(*test->command), commands_by_time);
}

/* ---- expectations ---- */

static int expects_by_time(const void *a, const void *b)
{
    const struct vg_test_expect *x = a, *y = b;

    return by_time(x->at_ns, x->line, y->at_ns, y->line);
}

static void read_expects(struct vg_load *l, const struct vg_node *node, struct vg_config_test *test)
{
    const struct vg_node *list = list_at(l, node, "expect");

    if (!list)
        return;
    test->expect = array_of(list, sizeof(*test->expect));
    for (const struct vg_node *c = list->child; c; c = c->next)
        vg_load_test_expect(l, c, &test->expect[test->expects++]);
    qsort(test->expect, test->expects, sizeof(*test->expect), expects_by_time);
}

static void refuse_both(struct vg_load *l, const struct vg_node *list,
                        const struct vg_config_test *test)
{
    for (const struct vg_node *c = list->child; c; c = c->next) {
        for (uint32_t i = 0; i < test->expects && c->kind == VG_NODE_SCALAR; i++) {
            if (strcmp(test->expect[i].rule, c->text) == 0) {
                vg_document_error(l->doc, c->at, "rule \"%.64s\" is expected in line %u", c->text,
                                  test->expect[i].line);
                break;
            }
        }
    }
}

static void read_silent(struct vg_load *l, const struct vg_node *node, struct vg_config_test *test)
{
    const struct vg_node *silent = vg_node_find(node, "expect_none");

    if (!silent)
        return;
    if (silent->kind == VG_NODE_SCALAR && strcmp(silent->text, "others") == 0) {
        test->silent_others = true;
    } else if (silent->kind == VG_NODE_SEQUENCE) {
        read_rules(l, silent, &test->silent);
        refuse_both(l, silent, test);
    } else {
        vg_document_error(l->doc, silent->at,
                          "\"expect_none\" must be a list of rules, or others: all that \"expect\" "
                          "does not name");
    }
}

/* ---- the whole ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When the last of everything is over. */
static int64_t end_of(const struct vg_config_test *test)
{
    int64_t end_ns = 0;

    for (uint32_t i = 0; i < test->inputs; i++) {
        const struct vg_test_input *in = &test->input[i];

        end_ns = later(end_ns, in->at_ns + in->every_ns * (in->count - 1));
    }
    for (uint32_t i = 0; i < test->commands; i++)
        end_ns = later(end_ns, test->command[i].at_ns);
    for (uint32_t i = 0; i < test->expects; i++)
        end_ns = later(end_ns, test->expect[i].at_ns + test->expect[i].tolerance_ns);
    return end_ns;
}

static void set_end(struct vg_load *l, const struct vg_node *node, int64_t until_ns,
                    struct vg_config_test *test)
{
    const struct vg_node *until = vg_node_find(node, "until");
    int64_t end_ns = end_of(test);
    char text[VG_DURATION_TEXT_SIZE];

    test->until_ns = until ? until_ns : end_ns;
    vg_format_duration(end_ns, text);
    if (test->until_ns < end_ns)
        vg_document_error(
            l->doc, until->at,
            "until: the last input, command or expectation is at %s; expected no earlier end",
            text);
    if (test->until_ns > (int64_t)VG_TEST_SECONDS_MAX * VG_NS_PER_S)
        vg_document_error(l->doc, node->at, "the test is longer than %d days", VG_TEST_DAYS_MAX);
}

static void check_says_something(struct vg_load *l, const struct vg_node *node,
                                 const struct vg_config_test *test)
{
    if (test->inputs == 0 && vg_node_find(node, "input"))
        vg_document_error(l->doc, node->at,
                          "\"input\" has no rows; expected some, such as "
                          "[{at: 0s, every: 1s, count: 12, values: {spo2: 86}}]");
    if (test->expects == 0 && test->silent.n == 0 && !test->silent_others && !test->has_at_end)
        vg_document_error(l->doc, node->at,
                          "the test expects nothing; add \"expect\", \"expect_none\" or "
                          "\"at_end\"");
}

static void read_profile(struct vg_load *l, const struct vg_node *node,
                         const struct test_options *o, struct vg_config_test *test)
{
    const struct vg_node *at = vg_node_find(node, "profile");

    test->profile = at ? vg_load_profile(l, at) : -1;
    if (at && o->bed)
        vg_document_error(l->doc, at->at,
                          "\"profile\" and \"bed\" exclude each other: a bed has "
                          "the profile that \"wards\" gives it");
}

static void read_test(struct vg_load *l, const struct vg_node *node, struct vg_config_test *test)
{
    struct test_options o = { 0 };
    const struct vg_target target = { test_options, &o };
    const struct vg_node *at_end;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    vg_options_default(test_options, &o);
    vg_document_options(l->doc, node, &target, 1, NULL);
    test->name = strdup(o.name ? o.name : "");
    VG_CHECK(test->name);
    test->line = node->at.line;
    read_profile(l, node, &o, test);
    read_inputs(l, node, &o, test);
    read_commands(l, node, &o, test);
    read_expects(l, node, test);
    read_silent(l, node, test);
    at_end = list_at(l, node, "at_end");
    test->has_at_end = at_end != NULL;
    if (at_end)
        read_rules(l, at_end, &test->at_end);
    check_says_something(l, node, test);
    set_end(l, node, o.until_ns, test);
    vg_options_done(test_options, &o);
}

/* A name is how a report and --filter speak of a test. */
static void check_names(struct vg_load *l, const struct vg_node *list)
{
    const struct vg_config *c = l->config;
    const struct vg_node *node = list->child;

    for (uint32_t i = 0; node && i < c->tests_n; i++, node = node->next) {
        for (uint32_t k = 0; k < i; k++) {
            if (c->tests[i].name && c->tests[k].name && c->tests[i].name[0] &&
                strcmp(c->tests[i].name, c->tests[k].name) == 0) {
                vg_document_error(l->doc, node->at, "the test in line %u has the same name",
                                  c->tests[k].line);
                break;
            }
        }
    }
}

void vg_load_tests(struct vg_load *l)
{
    const struct vg_node *node = vg_node_find(l->doc->root, "tests");
    const struct vg_node *list = node ? list_at(l, l->doc->root, "tests") : NULL;

    if (!list)
        return;
    l->config->tests = array_of(list, sizeof(*l->config->tests));
    for (const struct vg_node *c = list->child; c; c = c->next)
        read_test(l, c, &l->config->tests[l->config->tests_n++]);
    check_names(l, list);
}

static void free_expect(struct vg_test_expect *e)
{
    for (uint32_t i = 0; i < e->members; i++) {
        free(e->member[i].path);
        free(e->member[i].want);
    }
    free(e->member);
}

static void free_input(struct vg_test_input *in)
{
    for (uint32_t i = 0; i < in->series_n; i++)
        free(in->series[i].value);
    free(in->series);
}

void vg_config_tests_free(struct vg_config_test *tests, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct vg_config_test *t = &tests[i];

        for (uint32_t k = 0; k < t->inputs; k++)
            free_input(&t->input[k]);
        for (uint32_t k = 0; k < t->expects; k++)
            free_expect(&t->expect[k]);
        free(t->input);
        free(t->command);
        free(t->expect);
        free(t->silent.name);
        free(t->at_end.name);
        free(t->name);
    }
    free(tests);
}
