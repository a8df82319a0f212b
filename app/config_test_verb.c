/* config_test_verb.c - `vigil test`: runs the tests that configurations carry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/config_test.h"
#include "app/progress.h"
#include "app/verbs.h"

struct options {
    char *filter, *junit;
    bool json;
    int64_t min_coverage;
    int progress;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, filter, "filter", "TEXT", NULL, 0,
                  "run only the tests whose name contains this"),
    VG_CLI_STRING(O, junit, "junit", "FILE", NULL, 0, "write the outcome as JUnit's XML, too"),
    VG_OPT_BOOL(O, json, "json", "false", 0, "print one JSON document, with every event"),
    VG_OPT_INT(O, min_coverage, "min_coverage", "0", 0, 100, "%", 0,
               "fail when tests see fewer of the rules of a configuration start"),
    VG_OPT_ENUM(O, progress, "progress", "auto", vg_progress_modes, 0,
                "how far the work is, on standard error"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "test",
    .summary = "Runs the tests that configurations carry, in virtual time and without a Kafka",
    .arguments = "CONFIG...",
    .arguments_min = 1,
    .arguments_max = 1000,
    .options = options,
    .notes = "A test gives rows and says which events must come of them, and which must not\n"
             "(docs/testing-configs.md). It runs the stages and models of `vigil run`.\n\n"
             "    vigil test configs/*.yaml\n"
             "    vigil test ward.yaml --filter SpO2\n"
             "    vigil test ward.yaml --junit report.xml --min-coverage 100\n\n"
             "Exit code 0: all passed; 1: a test failed, none ran, or too few rules are covered;\n"
             "78: a configuration is wrong. Tests show what a configuration does with the rows in\n"
             "them, not that it suits a patient. Vigil is not a medical device.\n",
};

/* ---- one configuration ---- */

static uint32_t wanted_tests(const struct vg_config *config, const char *filter)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < config->tests_n; i++)
        n += !filter || strstr(config->tests[i].name, filter) != NULL;
    return n;
}

static vg_status run_suite(struct vg_config *config, const char *filter, struct vg_test_suite *s,
                           struct vg_progress *progress, uint64_t *done, struct vg_err *err)
{
    vg_status st = VG_OK;

    s->path = config->path;
    s->config = config;
    s->outcome = calloc(config->tests_n + 1, sizeof(*s->outcome));
    VG_CHECK(s->outcome != NULL);
    for (uint32_t i = 0; i < config->tests_n && st == VG_OK; i++) {
        struct vg_test_outcome *o = &s->outcome[s->outcomes];

        if (filter && !strstr(config->tests[i].name, filter))
            continue;
        s->outcomes++;
        st = vg_config_test_run(config, &config->tests[i], o, err);
        s->failed += o->failures > 0;
        vg_progress_update(progress, ++*done);
    }
    vg_test_suite_cover(s);
    return st;
}

static void free_suite(struct vg_test_suite *s)
{
    for (uint32_t i = 0; i < s->outcomes; i++)
        vg_test_outcome_done(&s->outcome[i]);
    free(s->outcome);
    free(s->started);
}

/* ---- what came of it ---- */

static vg_status write_file(const char *path, const struct vg_buf *text, struct vg_err *err)
{
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(text->data, 1, text->len, f) == text->len;

    if (f && fclose(f) != 0)
        ok = false;
    return ok ? VG_OK : vg_fail(err, VG_E_IO, "%s: %s", path, strerror(errno));
}

static vg_status write_junit(const char *path, const struct vg_test_suite *suites, size_t n,
                             struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    vg_status st;

    vg_test_suites_junit(suites, n, &text);
    st = write_file(path, &text, err);
    vg_buf_done(&text);
    return st;
}

static void print_json(const struct vg_test_suite *suites, size_t n)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_test_suites_json(suites, n, &text);
    fputs(text.data, stdout);
    vg_buf_done(&text);
}

/* Too few rules are covered; said of each configuration. A part of the tests says nothing of it. */
static bool lacks_coverage(const struct options *o, const struct vg_test_suite *suites, size_t n)
{
    bool lacks = false;

    for (size_t i = 0; i < n && !o->filter; i++) {
        uint32_t rules = suites[i].config->site.rules_n;

        if (suites[i].rules_started * INT64_C(100) >= o->min_coverage * rules)
            continue;
        fprintf(stderr,
                "vigil test: %s: tests see %u of %u rules start; --min-coverage asks for "
                "%lld %%\n",
                suites[i].path, suites[i].rules_started, rules, (long long)o->min_coverage);
        lacks = true;
    }
    return lacks;
}

static int conclude(const struct options *o, const struct vg_test_suite *suites, size_t n)
{
    uint32_t tests = 0, failed = 0;
    bool lacks = lacks_coverage(o, suites, n), empty = false;
    struct vg_err err;

    for (size_t i = 0; i < n; i++) {
        tests += suites[i].outcomes;
        failed += suites[i].failed;
        empty |= suites[i].outcomes == 0 && !o->filter;
        if (o->json)
            continue;
        vg_test_suite_print(&suites[i], stdout);
    }
    if (o->json)
        print_json(suites, n);
    else
        printf("%u test%s, %u failed\n", tests, tests == 1 ? "" : "s", failed);
    if (o->junit && write_junit(o->junit, suites, n, &err) != VG_OK)
        return vg_command_failed(&command, &err);
    if (tests == 0 || empty)
        fprintf(stderr, "vigil test: %s\n",
                o->filter ? "no test has such a name"
                          : "a configuration has no tests; add `tests:`");
    return vg_status_exit(failed || lacks || tests == 0 || empty ? VG_E_FAILED : VG_OK);
}

static int test(const struct options *o, struct vg_config **configs, size_t n)
{
    struct vg_test_suite *suites = calloc(n, sizeof(*suites));
    struct vg_progress progress;
    struct vg_err err;
    vg_status st = VG_OK;
    uint64_t total = 0, done = 0;
    int exit;

    VG_CHECK(suites != NULL);
    for (size_t i = 0; i < n; i++)
        total += wanted_tests(configs[i], o->filter);
    vg_progress_begin(&progress, o->progress, "test", "tests", total);
    for (size_t i = 0; i < n && st == VG_OK; i++)
        st = run_suite(configs[i], o->filter, &suites[i], &progress, &done, &err);
    vg_progress_end(&progress, done);
    exit = st == VG_OK ? conclude(o, suites, n) : vg_command_failed(&command, &err);
    for (size_t i = 0; i < n; i++)
        free_suite(&suites[i]);
    free(suites);
    return exit;
}

/* All are loaded before one runs, so that whoever mistyped a name learns it at once. */
int vg_verb_test(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_config **configs = NULL;
    struct vg_err err;
    size_t n = 0;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO) {
        while (args[n])
            n++;
        configs = calloc(n + 1, sizeof(struct vg_config *));
        VG_CHECK(configs != NULL);
        exit = 0;
        for (size_t i = 0; i < n && exit == 0; i++) {
            if (vg_config_load_aloud(args[i], &configs[i], &err) != VG_OK)
                exit = vg_command_failed(&command, &err);
        }
        if (exit == 0)
            exit = test(&o, configs, n);
    }
    for (size_t i = 0; i < n; i++)
        vg_config_free(configs ? configs[i] : NULL);
    free(configs);
    vg_options_done(options, &o);
    return exit;
}
