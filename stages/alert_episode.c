/* alert_episode.c - an episode moves on, and that is told. The drawing is in alert_memory.h. */
#include "stages/alert_episode.h"

#include <string.h>

#include "stages/alert_life.h"
#include "stages/alert_tell.h"

_Static_assert(sizeof(struct vg_episode) <= 48, "a patient has some fifty of these in memory");

void vg_episode_begin(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_episode before = *e;
    const struct vg_row *row = l->row;

    vg_episode_clear(l, w);
    e->stood = before.stood;
    e->since_ns = before.since_ns;
    vg_episode_wake(l, w);
    e->state = VG_EPISODE_PENDING;
    e->onset_ns = l->out->log_ns;
    /* Parts of a combination move by timers, too, and a score by what has expired. */
    if (!row || (row->kind == VG_ROW_COMMAND && !l->noting)) {
        e->has_due = true;
        e->origin = l->out->log_ns;
        return;
    }
    e->has_due = row->kind == VG_ROW_TICK;
    e->ordered = row->kind == VG_ROW_COMMAND;
    e->origin = e->has_due ? row->event_ns : row->offset;
    e->index = e->has_due ? 0 : row->index;
}

void vg_episode_start(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = w->kind->echoes ? VG_EPISODE_CLEARING : VG_EPISODE_ACTIVE;
    e->since_ns = l->out->log_ns;
    e->stood = 0;
    vg_signal_start(l, w);
}

void vg_episode_reactivate(const struct vg_look *l, struct vg_episode *e)
{
    if (e->state == VG_EPISODE_ACTIVE)
        return;
    e->state = VG_EPISODE_ACTIVE;
    e->since_ns = l->out->log_ns;
}

/* The condition is over, and nobody may have seen it. */
static void latch(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = VG_EPISODE_LATCHED;
    e->untold = false;
    vg_watch_tell_update(l, w, "latched", "Over, and kept until a reset");
}

void vg_episode_unlatch(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = VG_EPISODE_ACTIVE;
    if (e->silence == VG_SILENCE_ACKNOWLEDGED) {
        e->silence = VG_SILENCE_NONE;
        e->until_ns = 0;
    }
    vg_signal_rang(l, w);
}

void vg_watch_end(struct vg_look *l, const struct vg_watch *w, const char *reason,
                  const char *words, const struct vg_order *order)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->lost = false;
    vg_watch_tell(l, w,
                  &(struct vg_saying){
                      .phase = VG_PHASE_END, .reason = reason, .words = words, .order = order });
    if (!e->held)
        vg_hold_note_end(l, w);
    vg_episode_clear(l, w);
}

bool vg_episode_settle(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    int64_t now_ns = l->out->log_ns;

    if (e->state == VG_EPISODE_CLEARING && now_ns >= e->since_ns + w->clear_for_ns) {
        e->state = VG_EPISODE_KEEPING;
        e->since_ns = now_ns;
    }
    if (e->state != VG_EPISODE_KEEPING || now_ns < e->since_ns + w->rule->keep_firing_for_ns)
        return false;
    if (w->rule->life.latching && !e->held)
        latch(l, w);
    else
        vg_watch_end(l, w, NULL, NULL, NULL);
    return true;
}

void vg_episode_lose(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (e->state == VG_EPISODE_CLEARING)
        vg_episode_reactivate(l, e);
    e->lost = true;
    vg_watch_tell_update(l, w, "data_lost", NULL);
}

void vg_episode_clear(const struct vg_look *l, const struct vg_watch *w)
{
    memset(vg_watch_episode(l, w), 0, sizeof(struct vg_episode));
    if (w->times_at > 0)
        vg_watch_times(l, w)->told_ns = 0;
}

void vg_watch_forget(const struct vg_look *l, const struct vg_watch *w)
{
    vg_episode_clear(l, w);
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = 0;
}

/* What is lost, or about to be, must not end an alert. */
bool vg_watch_surely_speaks(const struct vg_look *l, const struct vg_watch *w, int64_t now_ns)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    return !e->retracted && !e->lost &&
           (w->validity_ns == 0 || now_ns < vg_episode_valid_until(l, w));
}
