/* alert_why.c - why an alert is there, for programs: the worst so far, what the rule looked at, how
 * long it took, and the last hour.
 *
 * All of it in log time and from what the stage keeps, so that the same log says the same.
 */
#include "stages/alert_why.h"

#include <math.h>

#include "stages/alert_life.h"
#include "stages/alert_text.h"

/* The first event of an episode, and its start when that comes later. */
static bool begins(const struct vg_event *event)
{
    return event->number == 0 || event->phase == VG_PHASE_START;
}

static void add_worst(const struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    if (w->kind->measure == VG_MEASURE_NONE || !e->measured)
        return;
    event->worst.measure = w->kind->measure;
    event->worst.value = e->worst;
    event->worst.time_ns = vg_watch_times(l, w)->worst_ns;
}

/* A condition that was held back counts as found when it last came to hold. */
static void add_delays(const struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    event->delays.present = true;
    event->delays.given = event->phase == VG_PHASE_START;
    event->delays.condition_ns = e->since_ns - e->onset_ns;
    event->delays.generation_ns = event->time_ns - e->since_ns;
}

void vg_why_change(const struct vg_watch *w, const char *up, const char *down,
                   struct vg_window *window)
{
    window->change = w->rule->bound.above ? up : down;
    window->by = fabsf(w->rule->bound.value);
}

static void add_window(struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    event->window = (struct vg_window){
        .present = true,
        .from_ns = event->onset_ns,
        .to_ns = event->time_ns,
        .for_ns = w->rule->for_ns,
    };
    if (w->kind->window)
        w->kind->window(l, w, &event->window);
}

void vg_why_fill(struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    add_worst(l, w, event);
    if (begins(event)) {
        add_delays(l, w, event);
        add_window(l, w, event);
    }
    if (w->channel == VG_CHANNEL_NONE || !(begins(event) || event->phase == VG_PHASE_ESCALATE) ||
        !vg_hour_look(l, w->channel, &l->alert->last_hour))
        return;
    event->hour = &l->alert->last_hour;
}

void vg_why_say_end(const struct vg_watch *w, const struct vg_event *event, struct vg_buf *text)
{
    if (event->worst.measure != VG_MEASURE_VALUE)
        return;
    vg_buf_printf(text, "; %s ", w->rule->bound.above ? "highest" : "lowest");
    vg_text_value(text, w->channel, event->worst.value);
    vg_buf_str(text, " in ");
    vg_text_duration(text, event->time_ns - event->onset_ns);
}
