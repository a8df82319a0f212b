/* alert_tell.c - the events of an episode: who it is, what it says, whether anybody is told. */
#include "stages/alert_tell.h"

#include <string.h>

#include "stages/alert_life.h"
#include "stages/alert_limit.h"
#include "stages/alert_why.h"

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

void vg_watch_tell_worst(struct vg_look *l, const struct vg_watch *w, enum vg_phase phase,
                         const char *reason)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (w->times_at > 0)
        vg_watch_times(l, w)->told_ns = l->out->log_ns;
    vg_watch_tell(l, w, &(struct vg_saying){ .phase = phase, .reason = reason });
    e->untold = false;
}

bool vg_watch_can_describe(const struct vg_look *l, const struct vg_watch *w)
{
    return w->kind->by_timer || w->kind->silent || vg_watch_episode(l, w)->lost ||
           (l->row && w->kind->rows & l->row->kind);
}

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
