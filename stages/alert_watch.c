/* alert_watch.c - when an episode starts, is updated and ends: all that alerts know of time.
 *
 * The drawing is in alert_memory.h. Rows come first and timers fill the gaps, so that the same log
 * gives the same events however it is cut: a timer due at T runs after all rows at T and before
 * any row later than T.
 */
#include "stages/alert_watch.h"

#include "stages/alert_artefact.h"
#include "stages/alert_episode.h"
#include "stages/alert_life.h"
#include "stages/alert_tell.h"

/* ---- rows ---- */

static bool is_worse(const struct vg_watch *w, float measure, float than)
{
    const struct vg_bound *bound = &w->rule->bound;

    return bound->origin == VG_BOUND_NONE || bound->above ? measure > than : measure < than;
}

static void remember_worst(const struct vg_look *l, const struct vg_watch *w, struct vg_episode *e,
                           float measure)
{
    e->worst = measure;
    e->measured = true;
    if (!l->row)
        return;
    if (w->times_at > 0)
        vg_watch_times(l, w)->worst_ns = l->row->event_ns;
    e->quality = 127U & (w->channel == VG_CHANNEL_NONE ? 0 : l->row->quality[w->channel]);
}

static void row_before_start(struct vg_look *l, const struct vg_watch *w, struct vg_finding f)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    vg_episode_note_known(l, w);
    e->retracted = false;
    e->lost = false;
    e->withheld = false;
    if (f.says != VG_SAYS_TRUE) {
        e->state = VG_EPISODE_IDLE;
        return;
    }
    if (e->state == VG_EPISODE_IDLE)
        vg_episode_begin(l, w);
    vg_episode_note_known(l, w);
    /* What nothing can be worse than is what the newest row says. */
    if (!e->measured || !w->kind->updates || is_worse(w, f.measure, e->worst))
        remember_worst(l, w, e, f.measure);
    if (w->told_at > 0)
        *vg_watch_told(l, w) = f.measure;
    if (l->out->log_ns >= e->onset_ns + w->rule->for_ns)
        vg_episode_start(l, w);
}

static void move(const struct vg_look *l, const struct vg_watch *w, struct vg_episode *e,
                 enum vg_says says)
{
    bool clears = says == VG_SAYS_CLEAR || w->kind->echoes;

    e->between = says == VG_SAYS_BETWEEN;
    if (says == VG_SAYS_TRUE || (says == VG_SAYS_BETWEEN && e->state == VG_EPISODE_CLEARING))
        vg_episode_reactivate(l, e);
    if (clears && e->state == VG_EPISODE_ACTIVE) {
        e->state = VG_EPISODE_CLEARING;
        e->since_ns = l->out->log_ns;
    }
}

/* Of a kind that has updates: log time from which a worse value may be told. */
static int64_t next_update(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_watch_times(l, w)->told_ns + w->rule->update_every_ns;
}

/* Rows of a kind without timers carry details that are gone with the row, so a worse one that may
 * not be told now is let go, and the next one has its chance. */
static bool note_worst(struct vg_look *l, const struct vg_watch *w, struct vg_finding f)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    bool told_worse;

    if (f.says != VG_SAYS_TRUE || !w->kind->updates)
        return false;
    told_worse = !is_worse(w, f.measure, *vg_watch_told(l, w));
    if (is_worse(w, f.measure, e->worst))
        remember_worst(l, w, e, f.measure);
    if (told_worse || (!w->kind->by_timer && l->out->log_ns < next_update(l, w)))
        return false;
    *vg_watch_told(l, w) = f.measure;
    e->untold = true;
    return true;
}

static void row_while_open(struct vg_look *l, const struct vg_watch *w, struct vg_finding f)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    bool back = e->lost;
    bool again = e->state == VG_EPISODE_LATCHED && f.says == VG_SAYS_TRUE;
    bool worst;

    vg_episode_note_known(l, w);
    e->retracted = false;
    e->lost = false;
    if (e->state == VG_EPISODE_LATCHED && !again)
        return;
    if (again)
        vg_episode_unlatch(l, w);
    move(l, w, e, f.says);
    if (vg_episode_settle(l, w))
        return;
    worst = note_worst(l, w, f);
    if (again)
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, "active_again");
    else if (back && worst)
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, "data_back");
    else if (back)
        vg_watch_tell_update(l, w, "data_back", NULL);
    vg_signal_value(l, w);
    if (e->untold && l->out->log_ns >= next_update(l, w))
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, NULL);
}

/* Goes on counting, and keeps what is told from ending. */
static void withhold(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    bool back = e->lost;

    if (e->state == VG_EPISODE_IDLE)
        vg_episode_begin(l, w);
    vg_episode_note_known(l, w);
    e->retracted = false;
    e->lost = false;
    if (e->state == VG_EPISODE_CLEARING || e->state == VG_EPISODE_KEEPING)
        vg_episode_reactivate(l, e);
    if (back)
        vg_watch_tell_update(l, w, "data_back", NULL);
    if (e->state != VG_EPISODE_PENDING)
        return;
    e->withheld = true;
}

/* A device that says "no measurement" takes back what was only about to happen. */
static void retract(const struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    vg_episode_wake(l, w);
    if (e->state == VG_EPISODE_PENDING) {
        e->state = VG_EPISODE_IDLE;
        e->withheld = true;
    }
    if (e->state == VG_EPISODE_CLEARING)
        vg_episode_reactivate(l, e);
    e->retracted = true;
}

/* Whether the finding changes an episode that sleeps. */
static bool stirs(enum vg_says says)
{
    return says == VG_SAYS_TRUE || says == VG_SAYS_HELD || says == VG_SAYS_UNKNOWN;
}

void vg_watch_row(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    struct vg_finding f = w->kind->look(l, w);

    if (!vg_watch_awake(l, w) && !stirs(f.says))
        return;
    if (w->guarded && !vg_episode_open(e))
        vg_artefact_note(l, w, f.says);
    switch (f.says) {
    case VG_SAYS_NOTHING:
        return;
    case VG_SAYS_HELD:
        withhold(l, w);
        return;
    case VG_SAYS_UNKNOWN:
        retract(l, w);
        return;
    case VG_SAYS_OVER:
        if (vg_episode_open(e))
            vg_watch_end(l, w, f.reason, NULL, NULL);
        e->state = VG_EPISODE_IDLE;
        e->lost = w->quiet; /* whether it would hold is not known */
        e->withheld = false;
        return;
    case VG_SAYS_LOST:
        if (!vg_episode_open(e)) {
            e->state = VG_EPISODE_IDLE;
            e->lost = w->quiet;
        } else if (!e->lost && e->state != VG_EPISODE_LATCHED) {
            vg_episode_lose(l, w);
        }
        return;
    default:
        break;
    }
    if (vg_episode_open(e))
        row_while_open(l, w, f);
    else
        row_before_start(l, w, f);
}

/* ---- timers ---- */

static void time_while_open(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    int64_t now_ns = l->out->log_ns;

    if (e->state == VG_EPISODE_LATCHED)
        return;
    if (w->kind->by_timer && vg_watch_surely_speaks(l, w, now_ns) && vg_episode_settle(l, w))
        return;
    if (e->untold && now_ns >= next_update(l, w))
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, NULL);
    if (w->validity_ns > 0 && !e->lost && now_ns >= vg_episode_valid_until(l, w))
        vg_episode_lose(l, w);
}

static void start_by_silence(struct vg_look *l, const struct vg_watch *w, int64_t due_ns)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    vg_episode_clear(l, w);
    vg_episode_wake(l, w);
    e->has_due = true;
    e->origin = l->out->log_ns; /* a row may have dropped what was due before it */
    /* Silence began with the newest value. */
    e->onset_ns =
        w->kind->since ? w->kind->since(l, w) : due_ns - w->rule->longer_than_ns - w->rule->for_ns;
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = l->out->log_ns;
    vg_episode_start(l, w);
}

/* When silence starts an episode. Of what somebody has explained silence is told when that expires. */
static int64_t silent(struct vg_look *l, const struct vg_watch *w)
{
    int64_t due_ns, from_ns;

    if (vg_stay_explains(l) && vg_stay_quiet(l, w))
        return VG_TIME_NONE;
    due_ns = w->kind->silent(l, w);
    from_ns = vg_stay_told_from_ns(l, w);
    return due_ns != VG_TIME_NONE && due_ns < from_ns ? from_ns : due_ns;
}

static void time_before_start(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    int64_t now_ns = l->out->log_ns;

    if (w->kind->silent) {
        int64_t due_ns = silent(l, w);

        if (due_ns != VG_TIME_NONE && due_ns <= now_ns)
            start_by_silence(l, w, due_ns);
        return;
    }
    if (e->state == VG_EPISODE_PENDING && w->kind->by_timer && !e->withheld &&
        vg_episode_speaks(l, w, now_ns) && now_ns >= e->onset_ns + w->rule->for_ns)
        vg_episode_start(l, w);
}

/* Whether time makes it unknown if the condition holds. */
static bool may_age(const struct vg_watch *w, const struct vg_episode *e)
{
    return w->validity_ns > 0 && !e->lost && (w->quiet || vg_episode_open(e));
}

void vg_watch_time(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (!vg_episode_open(e))
        time_before_start(l, w);
    /* A part that does not hold is lost to its combination, too. */
    if (!vg_episode_open(e) && may_age(w, e) && l->out->log_ns >= vg_episode_valid_until(l, w))
        e->lost = true;
    /* Also of an episode that has just started: its value may be lost in the same moment. */
    if (vg_episode_open(e))
        time_while_open(l, w);
    if (w->kind->follows)
        vg_watch_row(l, w);
    if (vg_episode_open(e))
        vg_signal_time(l, w);
}

/* ---- when to look again ---- */

static void consider(int64_t *due_ns, int64_t at_ns, int64_t after_ns)
{
    if (at_ns > after_ns && (*due_ns == VG_TIME_NONE || at_ns < *due_ns))
        *due_ns = at_ns;
}

/* What a row drops after its time was over is told of at once. */
static int64_t overdue(int64_t due_ns, int64_t after_ns)
{
    return due_ns != VG_TIME_NONE && due_ns <= after_ns ? after_ns + 1 : due_ns;
}

int64_t vg_watch_due(struct vg_look *l, const struct vg_watch *w, int64_t after_ns)
{
    const struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_rule *rule = w->rule;
    int64_t due_ns = VG_TIME_NONE;
    bool awake = vg_watch_awake(l, w);

    if (w->kind->silent && !(awake && vg_episode_open(e)))
        consider(&due_ns, overdue(silent(l, w), after_ns), after_ns);
    if (!awake)
        return due_ns;
    if (vg_episode_open(e))
        consider(&due_ns, vg_signal_due(l, w, after_ns), after_ns);
    if (w->kind->by_timer) {
        if (e->state == VG_EPISODE_PENDING)
            consider(&due_ns, e->onset_ns + rule->for_ns, after_ns);
        if (e->state == VG_EPISODE_CLEARING)
            consider(&due_ns, e->since_ns + w->clear_for_ns, after_ns);
        if (e->state == VG_EPISODE_KEEPING)
            consider(&due_ns, e->since_ns + rule->keep_firing_for_ns, after_ns);
    }
    if (e->state == VG_EPISODE_LATCHED)
        return due_ns;
    if (may_age(w, e))
        consider(&due_ns, vg_episode_valid_until(l, w), after_ns);
    if (vg_episode_open(e) && e->untold)
        consider(&due_ns, next_update(l, w), after_ns);
    return due_ns;
}

/* ---- another configuration ---- */

bool vg_watch_confirm(struct vg_look *l, const struct vg_watch *w,
                      const struct vg_open_episode *open)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (!vg_watch_is(l, w, open->episode_id))
        return false;
    e->number = open->number + 1;
    e->confirmed = true;
    return true;
}

void vg_watch_announce(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    bool known = e->confirmed;

    e->confirmed = false;
    if (known || w->quiet || !vg_episode_open(e))
        return;
    if (!w->kind->by_timer && !w->kind->silent) {
        vg_watch_forget(l, w);
        return;
    }
    /* Under the configuration before, an episode may have begun at the same row and ended: this is
     * another one, and its ids must not be those. */
    e->has_due = true;
    e->ordered = false;
    e->origin = l->out->log_ns;
    e->index = 0;
    e->number = 0;
    vg_signal_start(l, w);
}
