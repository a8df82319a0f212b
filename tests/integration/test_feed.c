/* test_feed.c - a feed with a sink that refuses, fails and takes: what is delivered, what is set aside,
 * and what people are told. The committer is the test.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/commit.h"
#include "runtime/feed.h"
#include "runtime/letters.h"

enum { EVENTS_MAX = 600, PATIENCE_S = 20 };

/* What the sink does with each event, by seq. */
enum answer { TAKE, REFUSE, FAIL, GIVE_UP };

struct script {
    _Atomic int answer[EVENTS_MAX];
    atomic_uint taken[EVENTS_MAX]; /* how often */
    atomic_uint calls;
};

static char dir[64];
static struct vg_outbox *o;
static struct vg_letters *letters;
static struct vg_config config;
static struct vg_sink_config sink;
static struct vg_shared shared;
static struct vg_commit committer;
static struct vg_feed feed;
static struct vg_err err;
static struct script *script;

#define OK(call) cr_assert_eq(call, VG_OK, "%s", err.msg)

static vg_status fake_open(void *self, const struct vg_sink_env *env, struct vg_err *e)
{
    (void)self;
    (void)e;
    cr_assert_eq(env->timeout_ns, 10 * VG_NS_PER_S);
    return VG_OK;
}

static vg_status fake_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *e)
{
    (void)self;
    atomic_fetch_add(&script->calls, 1);
    for (*done = 0; *done < n; (*done)++) {
        uint64_t seq = events[*done].seq;

        switch ((enum answer)atomic_load(&script->answer[seq])) {
        case REFUSE:
            return vg_fail(e, VG_E_RANGE, "not this one");
        case FAIL:
            return vg_fail(e, VG_E_UNAVAILABLE, "the server is away");
        case GIVE_UP:
            return vg_fail(e, VG_E_CONFIG, "gone");
        case TAKE:
            atomic_fetch_add(&script->taken[seq], 1);
        }
    }
    return VG_OK;
}

static void fake_close(void *self)
{
    (void)self;
}

static const struct vg_sink_ops fake = {
    .name = "fake", .open = fake_open, .deliver = fake_deliver, .close = fake_close
};

/* ---- the outbox ---- */

/* Puts events from..to, all of that priority, `age_s` old. */
static void put(uint64_t from, uint64_t to, uint8_t priority, int64_t age_s)
{
    OK(vg_outbox_begin(o, &err));
    for (uint64_t n = from; n <= to; n++) {
        const char body[] = "{\"rule\":\"r\"}";
        struct vg_item_event item = {
            .episode_id = { (uint8_t)n, (uint8_t)(n >> 8) },
            .priority = priority,
            .time_ns = vg_wall_ns() - age_s * VG_NS_PER_S,
            .json_len = sizeof(body) - 1,
            .ward = "icu-a",
        };
        enum vg_put what;
        uint64_t seq;

        OK(vg_outbox_put_event(o, 0, n, &item, body, vg_wall_ns(), &what, &seq, &err));
        cr_assert_eq(seq, n);
    }
    OK(vg_outbox_commit(o, &err));
    atomic_store(&shared.committed_seq, vg_outbox_last_seq(o));
    vg_shared_wake(&shared);
}

static void setup(void)
{
    strcpy(dir, "/tmp/vigil-feed-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    OK(vg_outbox_open(dir, "icu", true, &o, &err));
    OK(vg_letters_open_writable(vg_outbox_path(o), &letters, &err));
    script = calloc(1, sizeof(*script));
    memset(&sink, 0, sizeof(sink));
    strcpy(sink.name, "pager");
    sink.ops = &fake;
    vg_options_default(vg_delivery_options, &sink.delivery);
    sink.delivery.retry_first_ns = sink.delivery.retry_max_ns = 5 * VG_NS_PER_MS;
    config = (struct vg_config){ .sinks = &sink, .sinks_n = 1 };
    config.service.data_dir = dir;
    vg_shared_init(&shared, &config);
    memset(&committer, 0, sizeof(committer));
    committer.shared = &shared;
    committer.outbox = o;
    committer.feed = &feed;
    committer.feeds = 1;
    vg_commit_init(&committer);
}

static void start(void)
{
    memset(&feed, 0, sizeof(feed));
    feed.shared = &shared;
    feed.config = &sink;
    feed.outbox = vg_outbox_path(o);
    vg_confirmations_init(&feed.confirmations);
    vg_refusals_init(&feed.refusals);
    vg_passed_init(&feed.passed);
    OK(vg_thread_start(&feed.thread, "feed", vg_feed_run, &feed, -1, &err));
}

static bool stored(void)
{
    OK(vg_commit_cursors(&committer, &err));
    return feed.stored == atomic_load(&feed.delivered) && !vg_refusals_wait(&feed.refusals);
}

/* Until something is the case; the committer goes on meanwhile. */
#define UNTIL(condition)                                                                      \
    for (int64_t began_ = vg_mono_ns(); !(stored() && (condition)); vg_thread_sleep(1000000)) \
    cr_assert_lt(vg_mono_ns() - began_, PATIENCE_S * VG_NS_PER_S, "never: %s", #condition)

static void stop(void)
{
    vg_status st;

    atomic_store(&feed.finish, true);
    vg_shared_wake(&shared);
    UNTIL(vg_thread_ended(&feed.thread, &st, &err));
    vg_thread_join(&feed.thread);
    OK(vg_commit_cursors(&committer, &err));
    shared.wakes = 0;
    close(feed.wake_fd);
    vg_confirmations_done(&feed.confirmations);
    vg_refusals_done(&feed.refusals);
    vg_passed_done(&feed.passed);
}

static void teardown(void)
{
    char command[128];

    vg_letters_close(letters);
    vg_commit_done(&committer);
    vg_shared_done(&shared);
    vg_outbox_close(o);
    vg_options_done(vg_delivery_options, &sink.delivery);
    free(script);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(feed, .init = setup, .fini = teardown, .timeout = 60);

/* ---- what people are told ---- */

static const char *told(enum vg_notice_alert alert)
{
    static struct vg_noticed said;

    vg_notices_get(&shared.notices, alert, &said);
    return said.subjects > 0 ? said.text : "";
}

static const struct vg_letter_filter all = { .letters = true,
                                             .deliveries = true,
                                             .done = true,
                                             .shard = -1,
                                             .offset = -1,
                                             .index = -1,
                                             .seq = -1 };

static struct vg_buf list;

static vg_status note_letter(void *arg, const struct vg_letter *l)
{
    (void)arg;
    vg_buf_printf(&list, "%s:%llu %d x%u %s\n", l->sink, (unsigned long long)l->seq, (int)l->state,
                  l->attempts, l->reason);
    return VG_OK;
}

static const char *set_aside(void)
{
    vg_buf_clear(&list);
    vg_buf_str(&list, "");
    OK(vg_letters_each(letters, &all, note_letter, NULL, &err));
    return list.data;
}

/* ---- tests ---- */

Test(feed, an_event_that_is_refused_is_set_aside_once_and_the_rest_goes_on_in_order)
{
    put(1, 300, VG_PRIORITY_LOW, 0);
    atomic_store(&script->answer[1], REFUSE);
    atomic_store(&script->answer[150], REFUSE);
    atomic_store(&script->answer[300], REFUSE);
    start();
    UNTIL(feed.stored == 300);
    stop();
    for (uint64_t i = 1; i <= 300; i++)
        cr_assert_eq(atomic_load(&script->taken[i]), i == 1 || i == 150 || i == 300 ? 0 : 1);
    cr_assert_str_eq(set_aside(), "pager:1 0 x1 not this one\n"
                                  "pager:150 0 x1 not this one\n"
                                  "pager:300 0 x1 not this one\n");
    cr_assert_eq(atomic_load(&feed.figures.delivered), 297);
    cr_assert_eq(atomic_load(&feed.figures.quarantined), 3);
    cr_assert_str_eq(told(VG_NOTICE_ALERT_LOST), "", "none was of priority high");
}

Test(feed, more_refusals_than_fit_wait_for_the_committer_and_none_is_lost)
{
    put(1, 100, VG_PRIORITY_LOW, 0);
    for (int i = 1; i <= 100; i++)
        atomic_store(&script->answer[i], REFUSE);
    start();
    UNTIL(feed.stored == 100);
    stop();
    cr_assert_eq(atomic_load(&feed.figures.quarantined), 100);
    set_aside();
    cr_assert_not_null(strstr(list.data, "pager:1 0"));
    cr_assert_not_null(strstr(list.data, "pager:100 0"));
}

Test(feed, an_urgent_event_that_is_refused_is_an_alert_until_somebody_has_dealt_with_it)
{
    struct vg_letter_filter purge = all;
    struct vg_letter_counts counts;

    put(1, 2, VG_PRIORITY_HIGH, 0);
    atomic_store(&script->answer[1], REFUSE);
    start();
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "pager refuses alerts of priority high"));
    UNTIL(feed.stored == 2);
    stop();
    vg_notices_set(&shared.notices, VG_NOTICE_NOT_DELIVERED, "pager", NULL);
    start(); /* a restart finds it again */
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "pager refuses"));
    OK(vg_letters_purge(letters, &purge, &counts, &err));
    cr_assert_eq(counts.deliveries, 1);
    UNTIL(told(VG_NOTICE_ALERT_LOST)[0] == '\0');
    stop();
}

Test(feed, what_was_refused_is_delivered_when_somebody_asks_for_it_and_the_sink_takes_it_then)
{
    struct vg_letter_counts counts;

    put(1, 3, VG_PRIORITY_HIGH, 0);
    atomic_store(&script->answer[2], REFUSE);
    start();
    UNTIL(feed.stored == 3);
    OK(vg_letters_ask(letters, &all, &counts, &err));
    cr_assert_eq(counts.deliveries, 1);
    UNTIL(strcmp(set_aside(), "pager:2 0 x2 not this one\n") == 0);
    atomic_store(&script->answer[2], TAKE);
    OK(vg_letters_ask(letters, &all, &counts, &err));
    UNTIL(strcmp(set_aside(), "pager:2 2 x3 \n") == 0);
    UNTIL(told(VG_NOTICE_ALERT_LOST)[0] == '\0');
    stop();
    cr_assert_eq(atomic_load(&script->taken[2]), 1);
    cr_assert_eq(atomic_load(&script->taken[1]), 1);
}

Test(feed, a_sink_that_fails_for_long_is_an_alert_that_ends_when_it_delivers_again)
{
    sink.delivery.fails_after_ns = 50 * VG_NS_PER_MS;
    put(1, 10, VG_PRIORITY_LOW, 0);
    atomic_store(&script->answer[4], FAIL);
    start();
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "sink pager has accepted no alerts"));
    cr_assert_eq(atomic_load(&feed.delivered), 3);
    cr_assert_eq(atomic_load(&feed.figures.last_error), VG_E_UNAVAILABLE);
    cr_assert_str_eq(shared.trouble[VG_TROUBLE_SINK], "sink pager fails");
    cr_assert_gt(atomic_load(&feed.figures.oldest_wall_ns), 0);
    atomic_store(&script->answer[4], TAKE);
    UNTIL(told(VG_NOTICE_ALERT_LOST)[0] == '\0');
    stop();
    cr_assert_str_eq(shared.trouble[VG_TROUBLE_SINK], "");
    for (uint64_t i = 1; i <= 10; i++)
        cr_assert_eq(atomic_load(&script->taken[i]), 1);
    cr_assert_eq(atomic_load(&feed.figures.oldest_wall_ns), 0);
}

Test(feed, a_failing_sink_is_asked_again_after_its_wait_and_not_at_every_new_event)
{
    sink.delivery.retry_first_ns = sink.delivery.retry_max_ns = 3600 * VG_NS_PER_S;
    put(1, 1, VG_PRIORITY_LOW, 0);
    atomic_store(&script->answer[1], FAIL);
    start();
    UNTIL(atomic_load(&script->calls) == 1);
    for (uint64_t i = 2; i < 50; i++)
        put(i, i, VG_PRIORITY_LOW, 0);
    UNTIL(atomic_load(&feed.figures.retried) == 1);
    cr_assert_eq(atomic_load(&script->calls), 1);
    atomic_store(&feed.delivered, 49); /* so that it ends */
    stop();
}

Test(feed, what_is_too_old_is_passed_over_with_one_summary_and_the_new_is_delivered)
{
    sink.delivery.max_age_ns = 60 * VG_NS_PER_S;
    put(1, 290, VG_PRIORITY_LOW, 3600);
    put(291, 300, VG_PRIORITY_HIGH, 3600);
    put(301, 305, VG_PRIORITY_LOW, 0);
    start();
    UNTIL(strcmp(told(VG_NOTICE_ALERT_PASSED_OVER),
                 "300 alerts older than 1m were not sent to pager, 10 of priority high: look after "
                 "the patients") == 0);
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "no alerts of priority high older"));
    stop();
    cr_assert_eq(atomic_load(&feed.figures.passed_over), 300);
    cr_assert_eq(atomic_load(&script->taken[300]), 0);
    cr_assert_eq(atomic_load(&script->taken[301]), 1);
    cr_assert_eq(feed.stored, 305);
}

Test(feed, what_becomes_too_old_while_the_sink_fails_is_told_when_it_is_passed_over)
{
    sink.delivery.max_age_ns = 300 * VG_NS_PER_MS;
    put(1, 3, VG_PRIORITY_HIGH, 0);
    atomic_store(&script->answer[1], FAIL);
    start();
    UNTIL(feed.stored == 3);
    UNTIL(strstr(told(VG_NOTICE_ALERT_PASSED_OVER), "3 alerts older than 300ms"));
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "no alerts of priority high older"));
    cr_assert_gt(atomic_load(&script->calls), 0, "it was tried while it was new");
    stop();
    cr_assert_eq(atomic_load(&feed.figures.passed_over), 3);
    cr_assert_eq(atomic_load(&script->taken[3]), 0);
}

/* What a crash would leave: the outbox as it is, and nobody who remembers. */
static void crash(void)
{
    stop();
    vg_notices_done(&shared.notices);
    vg_notices_init(&shared.notices);
}

Test(feed, what_was_passed_over_before_a_crash_is_told_after_it_and_counted_once)
{
    const char *all_of_it =
        "550 alerts older than 1m were not sent to pager, 50 of priority high: look after the "
        "patients";
    struct vg_passed_over over = { 0 };

    sink.delivery.max_age_ns = 60 * VG_NS_PER_S;
    put(1, 500, VG_PRIORITY_LOW, 3600);
    put(501, 550, VG_PRIORITY_HIGH, 3600);
    start();
    /* Whenever the cursor is on the disk, so is what it passed. */
    do {
        OK(vg_commit_cursors(&committer, &err));
        OK(vg_letters_passed_over(letters, "pager", &over, &err));
        cr_assert_geq(over.seq, feed.stored);
        cr_assert_geq(over.events, feed.stored);
    } while (feed.stored < 550);
    crash();
    start();
    UNTIL(strcmp(told(VG_NOTICE_ALERT_PASSED_OVER), all_of_it) == 0);
    UNTIL(strstr(told(VG_NOTICE_ALERT_LOST), "no alerts of priority high older"));
    put(551, 551, VG_PRIORITY_LOW, 3600);
    UNTIL(strstr(told(VG_NOTICE_ALERT_PASSED_OVER), "551 alerts older than 1m"));
    crash();
}

Test(feed, what_the_filter_leaves_out_moves_the_cursor_all_the_same)
{
    sink.delivery.priority = VG_PRIORITY_HIGH;
    put(1, 300, VG_PRIORITY_LOW, 0);
    put(301, 301, VG_PRIORITY_HIGH, 0);
    start();
    UNTIL(feed.stored == 301);
    stop();
    cr_assert_eq(atomic_load(&feed.figures.filtered), 300);
    cr_assert_eq(atomic_load(&script->taken[301]), 1);
    cr_assert_eq(atomic_load(&script->calls), 1);
}

Test(feed, a_sink_that_gives_up_is_off_and_an_alert_says_so)
{
    vg_status st = VG_OK;

    put(1, 3, VG_PRIORITY_LOW, 0);
    atomic_store(&script->answer[2], GIVE_UP);
    start();
    UNTIL(vg_thread_ended(&feed.thread, &st, &err));
    cr_assert_eq(st, VG_E_CONFIG);
    cr_assert_str_eq(told(VG_NOTICE_ALERT_LOST), "sink pager is off until Vigil is started again");
    cr_assert(atomic_load(&feed.figures.off));
    UNTIL(feed.stored == 1);
    stop();
}

Test(feed, two_sinks_that_fail_are_one_reason_with_both_names)
{
    struct vg_sink_config two[2] = { { .name = "a" }, { .name = "b" } };

    config.sinks = two;
    config.sinks_n = 2;
    vg_shared_sink_fails(&shared, 0, true);
    vg_shared_sink_fails(&shared, 1, true);
    cr_assert_str_eq(shared.trouble[VG_TROUBLE_SINK], "sinks a, b fail");
    vg_shared_sink_fails(&shared, 0, false);
    cr_assert_str_eq(shared.trouble[VG_TROUBLE_SINK], "sink b fails");
    vg_shared_sink_fails(&shared, 1, false);
    cr_assert_str_eq(shared.trouble[VG_TROUBLE_SINK], "");
}
