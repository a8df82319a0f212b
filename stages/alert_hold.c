/* alert_hold.c - why an alert is held back: muted, inhibited, too soon after the last, too many.
 *
 * What is held back is stored and told as such, but gives no signal. Nothing that is high is held
 * back; the loader refuses such rules, and an alert that becomes high starts at once.
 */
#include <string.h>

#include "stages/alert_life.h"

/* Whether an alert of the inhibiting rule is there for people to see. */
static bool inhibits(const struct vg_look *l, uint32_t rule)
{
    const struct vg_alert *a = l->alert;

    for (uint32_t i = 0; i < a->watches; i++) {
        const struct vg_watch *w = &a->watch[i];
        const struct vg_episode *e = vg_watch_episode(l, w);

        if (w->rule == &a->site->rules[rule] && vg_episode_open(e) && !e->held &&
            e->state != VG_EPISODE_LATCHED)
            return true;
    }
    return false;
}

static bool too_soon(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_life *life = vg_watch_life(l, w);

    return w->rule->life.refractory_ns > 0 && life->ended_ns != 0 &&
           l->out->log_ns < life->ended_ns + w->rule->life.refractory_ns;
}

/* The oldest start that counts; the next may come when it is budget_per old. */
static bool too_many(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_life *life = vg_watch_life(l, w);

    return w->rule->life.budget_max > 0 && life->start_ns[0] != 0 &&
           l->out->log_ns < life->start_ns[0] + w->rule->life.budget_per_ns;
}

uint8_t vg_hold_of(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_lifecycle *life = &w->rule->life;

    if (vg_signal_priority(w, vg_watch_episode(l, w)) == VG_PRIORITY_HIGH)
        return VG_HELD_NOT;
    if (vg_stay_muted_ns(l, w) != 0)
        return VG_HELD_MUTE;
    for (uint32_t i = 0; i < life->inhibitors; i++) {
        if (inhibits(l, life->inhibited_by[i]))
            return (uint8_t)(VG_HELD_INHIBITED + i);
    }
    if (too_soon(l, w))
        return VG_HELD_REFRACTORY;
    return too_many(l, w) ? VG_HELD_BUDGET : VG_HELD_NOT;
}

const char *vg_hold_name(const struct vg_look *l, const struct vg_watch *w)
{
    uint8_t held = vg_watch_episode(l, w)->held;

    switch (held) {
    case VG_HELD_MUTE:
        return "mute";
    case VG_HELD_REFRACTORY:
        return "refractory";
    case VG_HELD_BUDGET:
        return "budget";
    default:
        return l->alert->site->rules[w->rule->life.inhibited_by[held - VG_HELD_INHIBITED]].name;
    }
}

int64_t vg_hold_until_ns(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_life *life = vg_watch_life(l, w);

    switch (vg_watch_episode(l, w)->held) {
    case VG_HELD_REFRACTORY:
        return life->ended_ns + w->rule->life.refractory_ns;
    case VG_HELD_BUDGET:
        return life->start_ns[0] + w->rule->life.budget_per_ns;
    default: /* somebody or another alert decides; the end of a mute has its own timer */
        return VG_TIME_NONE;
    }
}

void vg_hold_note_start(const struct vg_look *l, const struct vg_watch *w)
{
    struct vg_life *life = vg_watch_life(l, w);
    uint32_t max = w->rule->life.budget_max;

    if (!life || max == 0)
        return;
    memmove(life->start_ns, life->start_ns + 1, (max - 1) * sizeof(*life->start_ns));
    life->start_ns[max - 1] = l->out->log_ns;
}

void vg_hold_note_end(const struct vg_look *l, const struct vg_watch *w)
{
    if (w->rule->life.refractory_ns > 0)
        vg_watch_life(l, w)->ended_ns = l->out->log_ns;
}
