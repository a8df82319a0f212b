/* feed_trouble.c - what a feed says of its trouble: in the heartbeat at once, as an alert when it lasts
 * or when an urgent event will not arrive.
 *
 * No text holds a count that grows with the very alert that it makes, for that alert comes to the same
 * sink: one that refuses everything would be told of without end.
 */
#include <stdio.h>

#include "core/clock.h"
#include "core/text.h"
#include "runtime/feed.h"
#include "runtime/log.h"

/* The summary of what was passed over is told this long; while more is, the words change so often. */
static const int64_t passed_for_ns = 600 * VG_NS_PER_S;
static const int64_t words_every_ns = 60 * VG_NS_PER_S;

static void notify(struct vg_feed *f, enum vg_notice notice, const char *text)
{
    if (vg_notices_set(&f->shared->notices, notice, f->config->name, text) && text)
        vg_log(VG_LOG_WARN, f->config->name, "%s", text);
}

/* ---- attempts that fail ---- */

static bool is_needed(const struct vg_feed *f)
{
    return f->config->delivery.required || f->shared->config->sinks_n == 1;
}

static enum vg_notice fails_notice(const struct vg_feed *f)
{
    return is_needed(f) ? VG_NOTICE_SINK_LOST : VG_NOTICE_SINK_FAILING;
}

static void say_failing(struct vg_feed *f)
{
    char text[VG_NOTICE_TEXT_SIZE], time[VG_DURATION_TEXT_SIZE];

    vg_format_duration(f->config->delivery.fails_after_ns, time);
    snprintf(text, sizeof(text), "sink %.40s has accepted no alerts for %s; they wait",
             f->config->name, time);
    notify(f, fails_notice(f), text);
}

static void look_failing(struct vg_feed *f, int64_t now_ns)
{
    if (f->failing_ns != 0 && now_ns - f->failing_ns >= f->config->delivery.fails_after_ns)
        say_failing(f);
}

static uint32_t number_of(const struct vg_feed *f)
{
    return (uint32_t)(f->config - f->shared->config->sinks);
}

void vg_feed_failed(struct vg_feed *f, const struct vg_err *err)
{
    int64_t now_ns = vg_mono_ns();

    if (f->failing_ns == 0) {
        f->failing_ns = now_ns;
        atomic_store(&f->figures.failing, true);
        vg_shared_sink_fails(f->shared, number_of(f), true);
        vg_log(VG_LOG_ERROR, f->config->name, "%s; trying again", err->msg);
    }
    look_failing(f, now_ns);
}

void vg_feed_works(struct vg_feed *f)
{
    if (f->failing_ns == 0)
        return;
    f->failing_ns = 0;
    atomic_store(&f->figures.failing, false);
    vg_shared_sink_fails(f->shared, number_of(f), false);
    vg_log(VG_LOG_INFO, f->config->name, "accepts alerts again");
    notify(f, fails_notice(f), NULL);
}

void vg_feed_off(struct vg_feed *f, const struct vg_err *err)
{
    char text[VG_NOTICE_TEXT_SIZE];

    atomic_store(&f->figures.off, true);
    vg_shared_sink_fails(f->shared, number_of(f), true);
    snprintf(text, sizeof(text), "sink %.40s is off until Vigil is started again", f->config->name);
    notify(f, VG_NOTICE_SINK_FAILING, NULL);
    notify(f, VG_NOTICE_SINK_LOST, text);
    vg_log(VG_LOG_ERROR, f->config->name, "off until the next start: %s", err->msg);
}

/* ---- what will not arrive ---- */

void vg_feed_not_delivered(struct vg_feed *f)
{
    char text[VG_NOTICE_TEXT_SIZE];

    snprintf(text, sizeof(text), "sink %.40s refuses alerts of priority high; see `vigil dlq list`",
             f->config->name);
    notify(f, VG_NOTICE_NOT_DELIVERED, text);
}

/* Until somebody has dealt with it, also after a restart. */
static void look_refused(struct vg_feed *f)
{
    struct vg_err err;
    bool urgent;

    if (vg_refusals_wait(&f->refusals))
        return;
    if (vg_letters_urgent(f->letters, f->config->name, &urgent, &err) != VG_OK)
        vg_log(VG_LOG_ERROR, f->config->name, "%s", err.msg);
    else if (urgent)
        vg_feed_not_delivered(f);
    else
        notify(f, VG_NOTICE_NOT_DELIVERED, NULL);
}

vg_status vg_feed_load_passed(struct vg_feed *f, struct vg_err *err)
{
    vg_status st = vg_letters_passed_over(f->letters, f->config->name, &f->over, err);

    vg_passed_load(&f->passed, &f->over);
    f->passed_ns = vg_mono_ns();
    return st;
}

void vg_feed_passed_over(struct vg_feed *f, const struct vg_left_out *event)
{
    /* Counted before a crash that forgot where the cursor was. */
    if (event->seq <= f->over.seq)
        return;
    f->passed_ns = vg_mono_ns();
    f->over.seq = event->seq;
    f->over.events++;
    f->over.urgent += event->urgent;
    vg_passed_say(&f->passed, &f->over);
}

static void say_passed(struct vg_feed *f, int64_t now_ns)
{
    char text[VG_NOTICE_TEXT_SIZE], age[VG_DURATION_TEXT_SIZE];

    vg_format_duration(f->config->delivery.max_age_ns, age);
    snprintf(
        text, sizeof(text),
        "%llu alerts older than %s were not sent to %.40s, %llu of priority high: look after the "
        "patients",
        (unsigned long long)f->over.events, age, f->config->name,
        (unsigned long long)f->over.urgent);
    notify(f, VG_NOTICE_PASSED_OVER, text);
    if (f->over.urgent > 0) {
        snprintf(text, sizeof(text),
                 "sink %.40s was given no alerts of priority high older than %s", f->config->name,
                 age);
        notify(f, VG_NOTICE_PASSED_URGENT, text);
    }
    f->passed_said = f->over.events;
    f->passed_said_ns = now_ns;
}

/* One alert for a run of old events: at the first of them, and with the final count when nothing more
 * was passed over for a second. Until it is over the outbox has the count, too. */
void vg_feed_look_passed(struct vg_feed *f, int64_t now_ns)
{
    bool due = f->passed_said == 0 || now_ns - f->passed_ns >= VG_NS_PER_S ||
               now_ns - f->passed_said_ns >= words_every_ns;

    if (f->over.events != f->passed_said && due)
        say_passed(f, now_ns);
    if (f->over.events == 0 || now_ns - f->passed_ns < passed_for_ns)
        return;
    f->over.events = f->over.urgent = f->passed_said = 0;
    vg_passed_say(&f->passed, &f->over);
    notify(f, VG_NOTICE_PASSED_OVER, NULL);
    notify(f, VG_NOTICE_PASSED_URGENT, NULL);
}

void vg_feed_look(struct vg_feed *f, int64_t now_ns)
{
    look_failing(f, now_ns);
    look_refused(f);
    vg_feed_look_passed(f, now_ns);
}
