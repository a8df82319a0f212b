/* config_test.h - a test of a configuration: run in virtual time, compared, told.
 *
 * The stages are those of `vigil run` in the caller's thread (runtime/offline.h), models included:
 * what passes here happens at the bedside too. Nothing waits: log time is that of the rows and goes
 * on to the end of the test without them. The same configuration gives the same outcome, to the
 * byte.
 */
#ifndef VG_APP_CONFIG_TEST_H
#define VG_APP_CONFIG_TEST_H

#include <stdio.h>

#include <jansson.h>

#include "runtime/config.h"

/** Something that happened. */
struct vg_test_event {
    int64_t at_ns; /**< from the beginning of the test */
    uint8_t episode_id[16];
    int phase;
    char rule[VG_NAME_SIZE];
    json_t *json;
    const struct vg_test_expect *met; /**< the expectation that it meets, or NULL */
};

/** A line of the comparison. */
struct vg_test_line {
    char mark; /**< ' ' as expected, or not asked about; '-' missing; '+' too much */
    int64_t at_ns;
    uint32_t line; /**< in the file, of what was expected; 0: nothing was */
    char *text;    /**< rule, phase and what is said of it */
    char *why;     /**< what came nearest, or NULL */
};

struct vg_test_outcome {
    const struct vg_config_test *test;
    struct vg_test_event *event; /**< in the order in which they came */
    uint32_t events;
    struct vg_test_line *line; /**< by time */
    uint32_t lines;
    uint32_t failures; /**< lines that are not ' ' */
};

/** Runs one of config->tests. VG_E_CONFIG when the chain cannot be planned. The caller calls
 *  vg_test_outcome_done() in every case. */
VG_NODISCARD vg_status vg_config_test_run(struct vg_config *config,
                                          const struct vg_config_test *test,
                                          struct vg_test_outcome *ret, struct vg_err *err);
void vg_test_outcome_done(struct vg_test_outcome *outcome);

/** Adds a line of the comparison at its time; `text` and `why` (or NULL) become the outcome's. */
void vg_test_outcome_add(struct vg_test_outcome *outcome, const struct vg_test_line *line);

/** Compares what happened with what the test expects: fills in the lines. */
void vg_config_test_compare(struct vg_test_outcome *outcome);

/** Whether the event `i` is the newest of its episode and did not end it. */
bool vg_test_episode_open(const struct vg_test_outcome *outcome, uint32_t i);

/** A text member of an event; "" when there is none. */
const char *vg_test_event_text(const struct vg_test_event *event, const char *member);

/* ---- many of them (config_test_report.c) ---- */

/** All that was run of one configuration. */
struct vg_test_suite {
    const char *path;
    const struct vg_config *config;
    struct vg_test_outcome *outcome;
    uint32_t outcomes;
    uint32_t failed;
    bool *started; /**< [site.rules_n]: a test expects the rule to start, and it did */
    uint32_t rules_started;
};

/** Which rules start as a test expects. */
void vg_test_suite_cover(struct vg_test_suite *suite);

/** Tables for people, one JSON document, JUnit's XML. */
void vg_test_suite_print(const struct vg_test_suite *suite, FILE *out);
void vg_test_suites_json(const struct vg_test_suite *suites, size_t n, struct vg_buf *out);
void vg_test_suites_junit(const struct vg_test_suite *suites, size_t n, struct vg_buf *out);

#endif
