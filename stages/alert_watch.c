/* alert_watch.c - when an episode starts, is updated and ends: all that alerts know of time.
 *
 * The drawing is in alert_watch.h. Rows come first and timers fill the gaps, so that the same log
 * gives the same events however it is cut: a timer due at T runs after all rows at T and before
 * any row later than T.
 */
#include "stages/alert_watch.h"

#include <string.h>

#include "stages/alert_life.h"

_Static_assert(sizeof(struct vg_episode) <= 48, "a patient has some fifty of these in memory");

/* ---- telling ---- */

static struct vg_origin origin_of(const struct vg_episode *e)
{
    struct vg_origin origin = { .has_due = e->has_due, .ordered = e->ordered };

    if (e->has_due) {
        origin.due_ns = e->origin;
    } else {
        origin.offset = e->origin;
        origin.index = e->index;
    }
    return origin;
}

static uint8_t state_of(const struct vg_episode *e, enum vg_phase phase)
{
    if (phase == VG_PHASE_END || phase == VG_PHASE_RESET)
        return VG_ALERT_STATE_INACTIVE;
    if (e->state == VG_EPISODE_LATCHED)
        return VG_ALERT_STATE_LATCHED;
    return e->lost ? VG_ALERT_STATE_DATA_LOST : VG_ALERT_STATE_ACTIVE;
}

/* What the kind has to say of it: values, limit, and words where the saying has none. The first event
 * says what began, also of an alert that is held back. */
static void describe(struct vg_look *l, const struct vg_watch *w, const struct vg_saying *saying,
                     struct vg_event *event, struct vg_buf *text)
{
    if (event->number == 0)
        event->phase = VG_PHASE_START;
    if (vg_watch_can_describe(l, w))
        w->kind->describe(l, w, vg_watch_episode(l, w), event, text);
    else if (vg_look_movable(w))
        vg_look_limit(l, w, event);
    event->phase = (uint8_t)saying->phase;
    if (saying->limit && event->limit.present)
        (void)!vg_look_bound(l, w, saying->limit, &event->limit.value);
    if (saying->words) {
        vg_buf_clear(text);
        vg_buf_str(text, saying->words);
    }
}

/* Of what is held back the beginning and the end are told, and that it leaves one ward for another. */
static bool hushed(const struct vg_episode *e, const struct vg_saying *saying)
{
    return e->held && e->number > 0 && saying->phase != VG_PHASE_END && !saying->ward;
}

void vg_watch_tell(struct vg_look *l, const struct vg_watch *w, const struct vg_saying *saying)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_rule *rule = w->rule;
    const struct vg_order *order = saying->order ? saying->order : l->noting;
    bool acknowledges = saying->phase == VG_PHASE_ACKNOWLEDGE;
    struct vg_event event = {
        .origin = origin_of(e),
        .number = e->number,
        .phase = (uint8_t)saying->phase,
        .kind = rule->kind,
        .priority = vg_signal_priority(w, e),
        .state = state_of(e, saying->phase),
        .rule = rule->name,
        .title = rule->title[0] ? rule->title : rule->name,
        .time_ns = l->out->log_ns,
        .onset_ns = e->onset_ns,
        .channel = w->channel,
        .reason = saying->reason,
        .suppressed_by = e->held ? vg_hold_name(l, w) : NULL,
        .acknowledged_by = order && acknowledges ? order->by : NULL,
        .by = order && !acknowledges ? order->by : NULL,
        .note = order ? order->note : NULL,
        .in_ward = saying->ward,
        .model = w->model ? w->model->name : NULL,
    };
    struct vg_buf *text = &l->alert->text;

    if (w->quiet || hushed(e, saying))
        return;
    e->number++;
    if (event.state != VG_ALERT_STATE_INACTIVE)
        event.signal = (uint8_t)vg_signal_of(l, w, &event.signal_until_ns);
    vg_buf_clear(text);
    if (acknowledges)
        vg_buf_printf(text, "Acknowledged: %s", event.title);
    else
        describe(l, w, saying, &event, text);
    vg_why_fill(l, w, &event);
    if (event.phase == VG_PHASE_END && !saying->words)
        vg_why_say_end(w, &event, text);
    VG_CHECK(text->len < VG_EVENT_TEXT);
    event.text = text->data;
    l->out->event(l->out, &event);
}

void vg_watch_tell_update(struct vg_look *l, const struct vg_watch *w, const char *reason,
                          const char *words)
{
    vg_watch_tell(
        l, w, &(struct vg_saying){ .phase = VG_PHASE_UPDATE, .reason = reason, .words = words });
}

static void tell(struct vg_look *l, const struct vg_watch *w, enum vg_phase phase,
                 const char *reason)
{
    vg_watch_tell(l, w, &(struct vg_saying){ .phase = phase, .reason = reason });
}

void vg_watch_tell_worst(struct vg_look *l, const struct vg_watch *w, enum vg_phase phase,
                         const char *reason)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (w->times_at > 0)
        vg_watch_times(l, w)->told_ns = l->out->log_ns;
    tell(l, w, phase, reason);
    e->untold = false;
}

bool vg_watch_can_describe(const struct vg_look *l, const struct vg_watch *w)
{
    return w->kind->by_timer || w->kind->silent || vg_watch_episode(l, w)->lost ||
           (l->row && w->kind->rows & l->row->kind);
}

/* ---- moving between states ---- */

static void wake(const struct vg_look *l, const struct vg_watch *w)
{
    vg_look_awake(l)[w->place / 64] |= UINT64_C(1) << w->place % 64;
}

/* What is known of the patient outlasts an episode. */
static void clear_episode(const struct vg_look *l, const struct vg_watch *w)
{
    memset(vg_watch_episode(l, w), 0, sizeof(struct vg_episode));
    if (w->times_at > 0)
        vg_watch_times(l, w)->told_ns = 0;
}

void vg_watch_forget(const struct vg_look *l, const struct vg_watch *w)
{
    clear_episode(l, w);
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = 0;
}

static void start(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = w->kind->echoes ? VG_EPISODE_CLEARING : VG_EPISODE_ACTIVE;
    e->since_ns = l->out->log_ns;
    e->stood = 0;
    vg_signal_start(l, w);
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
    clear_episode(l, w);
}

static void end(struct vg_look *l, const struct vg_watch *w, const char *reason)
{
    vg_watch_end(l, w, reason, NULL, NULL);
}

/* The condition is over, and nobody may have seen it. */
static void latch(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = VG_EPISODE_LATCHED;
    e->untold = false;
    vg_watch_tell_update(l, w, "latched", "Over, and kept until a reset");
}

/* What was latched is the case again: another occurrence, which nobody has acknowledged. */
static void unlatch(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    e->state = VG_EPISODE_ACTIVE;
    if (e->silence == VG_SILENCE_ACKNOWLEDGED) {
        e->silence = VG_SILENCE_NONE;
        e->until_ns = 0;
    }
    vg_signal_rang(l, w);
}

static void begin(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    const struct vg_episode before = *e;
    const struct vg_row *row = l->row;

    clear_episode(l, w);
    e->stood = before.stood;
    e->since_ns = before.since_ns;
    wake(l, w);
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

static void note_known(const struct vg_look *l, const struct vg_watch *w)
{
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = l->out->log_ns;
}

/* Log time up to which the newest finding speaks for the patient; only of a watch with validity_ns. */
static int64_t valid_until(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_watch_times(l, w)->known_ns + w->validity_ns;
}

/* Whether the newest finding still speaks for the patient. */
static bool speaks(const struct vg_look *l, const struct vg_watch *w, int64_t now_ns)
{
    return !vg_watch_episode(l, w)->retracted &&
           (w->validity_ns == 0 || now_ns <= valid_until(l, w));
}

/* What is lost, or about to be, must not end an alert. */
bool vg_watch_surely_speaks(const struct vg_look *l, const struct vg_watch *w, int64_t now_ns)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    return !e->retracted && !e->lost && (w->validity_ns == 0 || now_ns < valid_until(l, w));
}

/* Moves on what has been clear for long enough; true when the condition is over. */
static bool settle(struct vg_look *l, const struct vg_watch *w)
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
        end(l, w, NULL);
    return true;
}

/* ---- rows ---- */

static void row_before_start(struct vg_look *l, const struct vg_watch *w, struct vg_finding f)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    note_known(l, w);
    e->retracted = false;
    e->lost = false;
    e->withheld = false;
    if (f.says != VG_SAYS_TRUE) {
        e->state = VG_EPISODE_IDLE;
        return;
    }
    if (e->state == VG_EPISODE_IDLE)
        begin(l, w);
    note_known(l, w);
    /* What nothing can be worse than is what the newest row says. */
    if (!e->measured || !w->kind->updates || is_worse(w, f.measure, e->worst))
        remember_worst(l, w, e, f.measure);
    if (w->told_at > 0)
        *vg_watch_told(l, w) = f.measure;
    if (l->out->log_ns >= e->onset_ns + w->rule->for_ns)
        start(l, w);
}

/* What was clear is not, or may not be. */
static void reactivate(const struct vg_look *l, struct vg_episode *e)
{
    if (e->state == VG_EPISODE_ACTIVE)
        return;
    e->state = VG_EPISODE_ACTIVE;
    e->since_ns = l->out->log_ns;
}

static void move(const struct vg_look *l, const struct vg_watch *w, struct vg_episode *e,
                 enum vg_says says)
{
    bool clears = says == VG_SAYS_CLEAR || w->kind->echoes;

    e->between = says == VG_SAYS_BETWEEN;
    if (says == VG_SAYS_TRUE || (says == VG_SAYS_BETWEEN && e->state == VG_EPISODE_CLEARING))
        reactivate(l, e);
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

    note_known(l, w);
    e->retracted = false;
    e->lost = false;
    if (e->state == VG_EPISODE_LATCHED && !again)
        return;
    if (again)
        unlatch(l, w);
    move(l, w, e, f.says);
    if (settle(l, w))
        return;
    worst = note_worst(l, w, f);
    if (again)
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, "active_again");
    else if (back && worst)
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, "data_back");
    else if (back)
        tell(l, w, VG_PHASE_UPDATE, "data_back");
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
        begin(l, w);
    note_known(l, w);
    e->retracted = false;
    e->lost = false;
    if (e->state == VG_EPISODE_CLEARING || e->state == VG_EPISODE_KEEPING)
        reactivate(l, e);
    if (back)
        tell(l, w, VG_PHASE_UPDATE, "data_back");
    if (e->state != VG_EPISODE_PENDING)
        return;
    e->withheld = true;
}

/* A device that says "no measurement" takes back what was only about to happen. */
static void retract(const struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    wake(l, w);
    if (e->state == VG_EPISODE_PENDING) {
        e->state = VG_EPISODE_IDLE;
        e->withheld = true;
    }
    if (e->state == VG_EPISODE_CLEARING)
        reactivate(l, e);
    e->retracted = true;
}

static void lose(struct vg_look *l, const struct vg_watch *w)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (e->state == VG_EPISODE_CLEARING)
        reactivate(l, e);
    e->lost = true;
    tell(l, w, VG_PHASE_UPDATE, "data_lost");
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
            end(l, w, f.reason);
        e->state = VG_EPISODE_IDLE;
        e->lost = w->quiet; /* whether it would hold is not known */
        e->withheld = false;
        return;
    case VG_SAYS_LOST:
        if (!vg_episode_open(e)) {
            e->state = VG_EPISODE_IDLE;
            e->lost = w->quiet;
        } else if (!e->lost && e->state != VG_EPISODE_LATCHED) {
            lose(l, w);
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
    if (w->kind->by_timer && vg_watch_surely_speaks(l, w, now_ns) && settle(l, w))
        return;
    if (e->untold && now_ns >= next_update(l, w))
        vg_watch_tell_worst(l, w, VG_PHASE_UPDATE, NULL);
    if (w->validity_ns > 0 && !e->lost && now_ns >= valid_until(l, w))
        lose(l, w);
}

static void start_by_silence(struct vg_look *l, const struct vg_watch *w, int64_t due_ns)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    clear_episode(l, w);
    wake(l, w);
    e->has_due = true;
    e->origin = l->out->log_ns; /* a row may have dropped what was due before it */
    /* Silence began with the newest value. */
    e->onset_ns =
        w->kind->since ? w->kind->since(l, w) : due_ns - w->rule->longer_than_ns - w->rule->for_ns;
    if (w->times_at > 0)
        vg_watch_times(l, w)->known_ns = l->out->log_ns;
    start(l, w);
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
        speaks(l, w, now_ns) && now_ns >= e->onset_ns + w->rule->for_ns)
        start(l, w);
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
    if (!vg_episode_open(e) && may_age(w, e) && l->out->log_ns >= valid_until(l, w))
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
        consider(&due_ns, valid_until(l, w), after_ns);
    if (vg_episode_open(e) && e->untold)
        consider(&due_ns, next_update(l, w), after_ns);
    return due_ns;
}

/* ---- commands ---- */

bool vg_watch_is(struct vg_look *l, const struct vg_watch *w, const uint8_t id[16])
{
    const struct vg_episode *e = vg_watch_episode(l, w);
    struct vg_origin origin = origin_of(e);
    uint8_t own[16];

    if (w->quiet || !vg_episode_open(e))
        return false;
    l->out->episode_id(l->out, &origin, w->rule->name, w->channel, own);
    return memcmp(own, id, sizeof(own)) == 0;
}

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
