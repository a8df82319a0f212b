/* test_reload_parts.c - what a reload is decided by: the difference of two files, and who may still give
 * up when.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/change.h"
#include "runtime/config_diff.h"

/* ---- the difference of two files ---- */

static const char base[] =
    "version: 1\n"
    "service: {name: t, data_dir: /tmp, http: {listen: \"127.0.0.1:0\", token: "
    "\"sixteen-letters-1\"}}\n"
    "source: {type: kafka, brokers: \"localhost:1\", topic: t, start: earliest}\n"
    "stages: [{type: clean}, {type: resample, tick: 5s}, {type: alert}]\n"
    "alert_rules:\n"
    "  low: {priority: high, when: {channel: spo2, below: \"90 %\"}, for: 10s}\n"
    "  fast: {priority: medium, when: {channel: hr, above: \"130 /min\"}}\n"
    "sinks: {out: {type: console}}\n";

static struct vg_config *now, *next;
static struct vg_config_diff diff;

static struct vg_config *load(const char *text)
{
    char path[] = "/tmp/vigil-test-XXXXXX";
    struct vg_buf said = VG_BUF_INIT;
    struct vg_config *config;
    struct vg_err err;
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    cr_assert_eq(vg_config_load(path, &config, &said, &err), VG_OK, "%s", said.data);
    unlink(path);
    vg_buf_done(&said);
    return config;
}

/* Compares the base with itself where `from` is replaced by `to`. */
static void compare(const char *from, const char *to)
{
    const char *at = strstr(base, from);
    struct vg_buf text = VG_BUF_INIT;

    cr_assert_not_null(at);
    vg_buf_printf(&text, "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
    now = load(base);
    next = load(text.data);
    vg_config_compare(now, next, &diff);
    vg_buf_done(&text);
}

static void tidy(void)
{
    vg_config_diff_done(&diff);
    vg_config_free(now);
    vg_config_free(next);
}

TestSuite(config_diff, .fini = tidy);

static void expect(const struct vg_strings *texts, const char *wanted)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_config_diff_print(texts, 10, &text);
    cr_assert_str_eq(text.len ? text.data : "", wanted);
    vg_buf_done(&text);
}

Test(config_diff, a_limit_is_told_with_both_values_and_can_be_taken_over)
{
    compare("90 %", "92 %");
    expect(&diff.changes, "alert_rules.low.when.below: 90 % -> 92 %");
    expect(&diff.restarts, "");
}

Test(config_diff, rules_that_come_and_go_are_named)
{
    compare("fast: {", "quick: {");
    expect(&diff.changes, "alert_rules.fast: removed; alert_rules.quick: added");
}

Test(config_diff, the_order_of_rules_is_a_difference)
{
    compare("  low: {priority: high, when: {channel: spo2, below: \"90 %\"}, for: 10s}\n"
            "  fast: {priority: medium, when: {channel: hr, above: \"130 /min\"}}\n",
            "  fast: {priority: medium, when: {channel: hr, above: \"130 /min\"}}\n"
            "  low: {priority: high, when: {channel: spo2, below: \"90 %\"}, for: 10s}\n");
    expect(&diff.changes, "alert_rules: in another order");
}

Test(config_diff, comments_and_quotes_are_none)
{
    compare("priority: high", "priority: \"high\"  # as agreed\n   ");
    expect(&diff.changes, "");
    expect(&diff.restarts, "");
}

Test(config_diff, a_secret_is_compared_and_not_shown)
{
    compare("sixteen-letters-1", "sixteen-letters-2");
    expect(&diff.restarts, "service.http.token: changed");
}

Test(config_diff, what_belongs_to_threads_that_run_on_needs_a_restart)
{
    compare("topic: t", "topic: u");
    expect(&diff.restarts, "source.topic: t -> u");
}

Test(config_diff, the_tick_needs_a_restart)
{
    compare("tick: 5s", "tick: 10s");
    expect(&diff.restarts, "stages[1].tick: 5s -> 10s");
}

Test(config_diff, a_stage_that_comes_needs_a_restart)
{
    compare("{type: clean}, ", "{type: clean}, {type: artefact}, ");
    expect(&diff.restarts, "stages[1]: resample -> artefact, another chain of stages");
}

Test(config_diff, a_stage_that_goes_needs_a_restart)
{
    compare(", {type: alert}]", "]");
    expect(&diff.restarts, "stages[2]: alert -> nothing, another chain of stages");
}

/* ---- who may give up when ---- */

static struct vg_change change;
static const struct vg_config offered;

static void begin(void)
{
    vg_change_init(&change);
}

static void end(void)
{
    vg_change_done(&change);
}

TestSuite(change, .init = begin, .fini = end);

static uint32_t offer_and_take(void)
{
    uint32_t number;

    vg_change_offer(&change, &offered);
    cr_assert(vg_change_offered(&change, &number));
    cr_assert(vg_change_take(&change));
    return number;
}

Test(change, an_offer_can_be_withdrawn_until_it_is_taken)
{
    uint32_t number;

    vg_change_offer(&change, &offered);
    cr_assert(vg_change_withdraw(&change));
    cr_assert_not(vg_change_offered(&change, &number));
    cr_assert_not(vg_change_take(&change));
    offer_and_take();
    cr_assert_not(vg_change_withdraw(&change));
}

Test(change, what_a_barrier_brought_is_given_once)
{
    uint32_t number = offer_and_take();
    struct vg_buf items = VG_BUF_INIT;
    struct vg_err err;

    cr_assert_eq(vg_change_given(&change, 3, &items, &err), VG_E_AGAIN);
    vg_change_give(&change, number, 3, "memory", 6);
    cr_assert_eq(vg_change_given(&change, 3, &items, &err), VG_OK);
    cr_assert(items.len == 6 && memcmp(items.data, "memory", 6) == 0);
    cr_assert_eq(vg_change_given(&change, 3, &items, &err), VG_E_AGAIN);
    vg_buf_done(&items);
}

Test(change, a_snapshot_that_cannot_be_written_ends_the_wait)
{
    uint32_t number = offer_and_take();
    struct vg_buf items = VG_BUF_INIT;
    struct vg_err err, why;

    vg_fail(&why, VG_E_TEMPORARY, "the disk is full");
    vg_change_fail(&change, number, &why);
    cr_assert_eq(vg_change_given(&change, 0, &items, &err), VG_E_TEMPORARY);
    cr_assert_str_eq(err.msg, "the disk is full");
    vg_change_refuse(&change, &err);
    cr_assert_eq(vg_change_wait(&change, 0), VG_CHANGE_REFUSED);
    cr_assert_str_eq(vg_change_close(&change).msg, "the disk is full");
}

Test(change, a_barrier_of_an_offer_that_is_over_is_passed_over)
{
    uint32_t number = offer_and_take();
    struct vg_buf items = VG_BUF_INIT;
    struct vg_err err, why;

    vg_fail(&why, VG_E_TEMPORARY, "too late");
    vg_change_refuse(&change, &why);
    vg_change_give(&change, number, 0, "old", 3);
    vg_change_close(&change);
    cr_assert_neq(offer_and_take(), number);
    vg_change_give(&change, number, 0, "old", 3);
    cr_assert_eq(vg_change_given(&change, 0, &items, &err), VG_E_AGAIN);
}

Test(change, it_has_passed_when_it_was_made_and_has_come_out_of_every_chain)
{
    offer_and_take();
    cr_assert_eq(vg_change_make(&change), &offered);
    cr_assert_eq(vg_change_wait(&change, 0), VG_CHANGE_MADE);
    cr_assert_not(vg_change_withdraw(&change));
    vg_change_pass(&change);
    cr_assert_eq(vg_change_wait(&change, 0), VG_CHANGE_PASSED);
    vg_change_close(&change);
    vg_change_offer(&change, &offered);
}
