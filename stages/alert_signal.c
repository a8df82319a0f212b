/* alert_signal.c - the signal of an alert: given, silenced, given again, and how urgent it is.
 *
 * The drawing is in alert_memory.h. Time acts by timers alone: one that is due at T runs after all
 * rows at T and before any later one, so a value at T that changes the episode comes first.
 */
#include "stages/alert_life.h"

#include "stages/alert_episode.h"
#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"

uint8_t vg_signal_priority(const struct vg_watch *w, const struct vg_episode *e)
{
    const struct vg_lifecycle *life = &w->rule->life;
    uint8_t priority = w->rule->priority;

    /* VG_PRIORITY_HIGH is the first */
    if (e->escalated && life->escalate_to < priority)
        priority = life->escalate_to;
    if (e->worse && life->worse_to < priority)
        priority = life->worse_to;
    return priority;
}

enum vg_signal vg_signal_of(const struct vg_look *l, const struct vg_watch *w,
                            int64_t *ret_until_ns)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    *ret_until_ns = 0;
    if (e->held && e->held != VG_HELD_MUTE)
        return VG_SIGNAL_ALARM_OFF;
    if (e->silence == VG_SILENCE_ACKNOWLEDGED) {
        *ret_until_ns = e->until_ns;
        return VG_SIGNAL_ACKNOWLEDGED;
    }
    if (e->held || e->muted) {
        *ret_until_ns = vg_stay_muted_ns(l, w);
        return VG_SIGNAL_ALARM_PAUSED;
    }
    *ret_until_ns = e->until_ns;
    return e->silence == VG_SILENCE_PAUSED ? VG_SIGNAL_AUDIO_PAUSED : VG_SIGNAL_ENABLED;
}

void vg_signal_rang(const struct vg_look *l, const struct vg_watch *w)
{
    struct vg_life *life = vg_watch_life(l, w);

    if (life)
        life->rang_ns = l->out->log_ns;
}

/* ---- starting ---- */

static bool is_worse(struct vg_look *l, const struct vg_watch *w, float value)
{
    const struct vg_bound *worse = &w->rule->life.worse;
    float limit;

    return worse->origin != VG_BOUND_NONE && vg_look_bound(l, w, worse, &limit) &&
           vg_passes(worse, value, limit);
}

/* By the value that is known now; the worst since the onset may be over. */
static bool is_worse_now(struct vg_look *l, const struct vg_watch *w)
{
    return w->rule->life.worse.origin != VG_BOUND_NONE &&
           is_worse(l, w, vg_look_newest(l, w->channel)->value);
}

/* Whether the kind says that it is worse by now. */
static bool lasts(struct vg_look *l, const struct vg_watch *w)
{
    int64_t worse_ns = w->kind->worse ? w->kind->worse(l, w) : VG_TIME_NONE;

    return worse_ns != VG_TIME_NONE && l->out->log_ns >= worse_ns;
}

static void give(struct vg_look *l, const struct vg_watch *w)
{
    vg_signal_rang(l, w);
    vg_hold_note_start(l, w);
    vg_watch_tell_worst(l, w, VG_PHASE_START, NULL);
}

void vg_signal_start(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (is_worse_now(l, w)) {
        e->worse = true;
        vg_watch_life(l, w)->worse_ns = l->out->log_ns;
    }
    if (lasts(l, w))
        e->worse = true;
    e->held = 15U & vg_hold_of(l, w);
    if (e->held)
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, NULL);
    else
        give(l, w);
}

/* An alert starts on what is known now, never on what was: its condition must hold. */
static bool holds_now(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    return !e->lost && !e->retracted && !e->between &&
           (e->state == VG_EPISODE_ACTIVE || (w->kind->echoes && e->state == VG_EPISODE_CLEARING));
}

void vg_signal_release(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (!vg_episode_open(e) || !e->held)
        return;
    if (!vg_watch_can_describe(l, w) || !holds_now(l, w))
        return;
    e->held = 15U & vg_hold_of(l, w);
    if (!e->held)
        give(l, w);
}

/* ---- how urgent ---- */

/* "SpO2 79 % below 80 %" */
static void say_worse(struct vg_look *l, const struct vg_watch *w, struct vg_buf *words)
{
    const struct vg_bound *worse = &w->rule->life.worse;
    float limit = 0;

    (void)!vg_look_bound(l, w, worse, &limit);
    vg_buf_printf(words, "%s ", vg_channels[w->channel].title);
    vg_text_value(words, w->channel, vg_look_newest(l, w->channel)->value);
    vg_buf_str(words, worse->above ? " above " : " below ");
    vg_text_value(words, w->channel, limit);
}

/* Tells that the priority is another one; it was `before`. */
static void tell_priority(struct vg_look *l, const struct vg_watch *w, uint8_t before,
                          struct vg_saying *saying)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    uint8_t now = vg_signal_priority(w, e);

    if (now == before)
        return;
    if (e->held) /* not told yet: released, if it is high now */
        return;
    if (now < before) {
        e->silence = VG_SILENCE_NONE;
        e->until_ns = 0;
        if (now == VG_PRIORITY_HIGH)
            e->muted = false;
    }
    vg_signal_rang(l, w);
    saying->phase = now < before ? VG_PHASE_ESCALATE : VG_PHASE_DEESCALATE;
    vg_watch_tell(l, w, saying);
}

static void tell_worse(struct vg_look *l, const struct vg_watch *w, uint8_t before)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    struct vg_buf *words = vg_look_words(l);
    struct vg_saying saying = { .reason = "worse", .limit = &w->rule->life.worse };

    say_worse(l, w, words);
    saying.words = words->data;
    tell_priority(l, w, before, &saying);
    /* The event has told this value; what is as urgent as before has its updates. */
    if (vg_signal_priority(w, e) != before && vg_look_newest(l, w->channel)->value == e->worst)
        e->untold = false;
}

static void be_better(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    uint8_t before = vg_signal_priority(w, e);

    e->worse = false;
    tell_priority(l, w, before,
                  &(struct vg_saying){ .reason = "better", .words = "No longer as urgent" });
}

static bool better_since(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_watch_episode(l, w)->worse && w->rule->life.worse.origin != VG_BOUND_NONE &&
           l->out->log_ns >= vg_watch_life(l, w)->worse_ns + w->rule->life.worse_for_ns;
}

void vg_signal_value(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    uint8_t before = vg_signal_priority(w, e);

    if (w->rule->life.worse.origin == VG_BOUND_NONE)
        return;
    if (is_worse(l, w, vg_look_newest(l, w->channel)->value)) {
        vg_watch_life(l, w)->worse_ns = l->out->log_ns;
        e->worse = true;
        tell_worse(l, w, before);
    } else if (better_since(l, w)) {
        be_better(l, w);
    }
}

/* ---- time ---- */

static bool waits_for_escalation(const struct vg_watch *w, const struct vg_episode *e)
{
    const struct vg_lifecycle *life = &w->rule->life;

    return life->escalate_after_ns > 0 && !e->escalated && !e->held && !e->muted &&
           e->silence != VG_SILENCE_ACKNOWLEDGED && e->state != VG_EPISODE_LATCHED &&
           vg_signal_priority(w, e) > life->escalate_to;
}

static bool waits_for_realarm(const struct vg_watch *w, const struct vg_episode *e)
{
    return w->rule->life.realarm_ns > 0 && !e->held && !e->muted && e->silence == VG_SILENCE_NONE &&
           vg_signal_priority(w, e) == VG_PRIORITY_HIGH;
}

static void end_silence(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    bool acknowledged = e->silence == VG_SILENCE_ACKNOWLEDGED;

    e->silence = VG_SILENCE_NONE;
    e->until_ns = 0;
    /* A paused alert has gone on waiting for its escalation. */
    if (acknowledged || vg_signal_priority(w, e) == VG_PRIORITY_HIGH)
        vg_signal_rang(l, w);
    vg_watch_tell_update(l, w, acknowledged ? "acknowledge_over" : "pause_over",
                         acknowledged ? "The acknowledgement is over" : "The audio pause is over");
}

static void escalate(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    struct vg_buf *words = vg_look_words(l);
    uint8_t before = vg_signal_priority(w, e);

    e->escalated = true;
    vg_buf_str(words, "Not acknowledged for ");
    vg_text_duration(words, w->rule->life.escalate_after_ns);
    tell_priority(l, w, before,
                  &(struct vg_saying){ .reason = "unacknowledged", .words = words->data });
}

static void be_worse(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    uint8_t before = vg_signal_priority(w, e);

    e->worse = true;
    tell_priority(l, w, before, &(struct vg_saying){ .reason = "worse" });
}

static void ring_again(struct vg_look *l, const struct vg_watch *w)
{
    vg_signal_rang(l, w);
    vg_watch_tell(l, w,
                  &(struct vg_saying){ .phase = VG_PHASE_CONTINUE,
                                       .reason = "unacknowledged",
                                       .words = "Still not acknowledged" });
}

void vg_signal_time(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_lifecycle *life = &w->rule->life;
    int64_t now_ns = l->out->log_ns;

    if (e->until_ns != 0 && now_ns >= e->until_ns)
        end_silence(l, w);
    vg_signal_release(l, w);
    if (better_since(l, w) && e->state != VG_EPISODE_LATCHED &&
        vg_watch_surely_speaks(l, w, now_ns) &&
        !is_worse(l, w, vg_look_newest(l, w->channel)->value))
        be_better(l, w);
    if (!e->worse && lasts(l, w))
        be_worse(l, w);
    if (waits_for_escalation(w, e) &&
        now_ns >= vg_watch_life(l, w)->rang_ns + life->escalate_after_ns)
        escalate(l, w);
    if (waits_for_realarm(w, e) && now_ns >= vg_watch_life(l, w)->rang_ns + life->realarm_ns)
        ring_again(l, w);
}

static void consider(int64_t *due_ns, int64_t at_ns, int64_t after_ns)
{
    if (at_ns > after_ns && (*due_ns == VG_TIME_NONE || at_ns < *due_ns))
        *due_ns = at_ns;
}

int64_t vg_signal_due(struct vg_look *l, const struct vg_watch *w, int64_t after_ns)
{
    const struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_lifecycle *life = &w->rule->life;
    int64_t due_ns = VG_TIME_NONE;

    if (e->until_ns != 0)
        consider(&due_ns, e->until_ns, after_ns);
    if (e->held)
        consider(&due_ns, vg_hold_until_ns(l, w), after_ns);
    if (e->worse && life->worse.origin != VG_BOUND_NONE)
        consider(&due_ns, vg_watch_life(l, w)->worse_ns + life->worse_for_ns, after_ns);
    if (!e->worse && w->kind->worse)
        consider(&due_ns, w->kind->worse(l, w), after_ns);
    if (waits_for_escalation(w, e))
        consider(&due_ns, vg_watch_life(l, w)->rang_ns + life->escalate_after_ns, after_ns);
    if (waits_for_realarm(w, e))
        consider(&due_ns, vg_watch_life(l, w)->rang_ns + life->realarm_ns, after_ns);
    return due_ns;
}

void vg_signal_unmute(struct vg_look *l, const struct vg_watch *w, const struct vg_order *order)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (!vg_episode_open(e) || !e->muted)
        return;
    e->muted = false;
    vg_signal_rang(l, w);
    vg_watch_tell(l, w,
                  &(struct vg_saying){ .phase = VG_PHASE_UPDATE,
                                       .reason = "mute_over",
                                       .words = "The rule is no longer muted",
                                       .order = order });
}
