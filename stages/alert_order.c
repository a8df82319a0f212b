/* alert_order.c - obeys what people say: about one alert here, about the patient in alert_stay.c.
 *
 * An order is answered where it takes effect, at its place in the log, so that a replay answers the
 * same. Asking twice for what is the case already is fine, and makes no event.
 */
#include "stages/alert_life.h"

#include "stages/alert_episode.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"

/* The audio of a high alert is paused for so long at most: IEC 60601-1-8 leaves it to the
 * manufacturer, bedside monitors have 2 minutes. */
static const int64_t high_pause_ns = 120 * VG_NS_PER_S;

static void say(struct vg_look *l, const struct vg_watch *w, enum vg_phase phase,
                const char *reason, const char *words, const struct vg_order *order)
{
    vg_watch_tell(
        l, w,
        &(struct vg_saying){ .phase = phase, .reason = reason, .words = words, .order = order });
}

static enum vg_answer acknowledge(struct vg_look *l, const struct vg_watch *w,
                                  const struct vg_order *order)
{
    struct vg_episode *e = vg_watch_episode(l, w);

    if (e->held)
        return VG_ANSWER_HELD;
    if (e->silence == VG_SILENCE_ACKNOWLEDGED)
        return VG_ANSWER_OK;
    e->silence = VG_SILENCE_ACKNOWLEDGED;
    e->until_ns = order->for_ns > 0 ? order->given_ns + order->for_ns : 0;
    say(l, w, VG_PHASE_ACKNOWLEDGE, NULL, NULL, order);
    return VG_ANSWER_OK;
}

static enum vg_answer snooze(struct vg_look *l, const struct vg_watch *w,
                             const struct vg_order *order)
{
    struct vg_episode *e = vg_watch_episode(l, w);
    struct vg_buf *words = vg_look_words(l);

    if (e->held)
        return VG_ANSWER_HELD;
    if (vg_signal_priority(w, e) == VG_PRIORITY_HIGH && order->for_ns > high_pause_ns)
        return VG_ANSWER_HIGH_SNOOZE;
    if (e->silence == VG_SILENCE_ACKNOWLEDGED)
        return VG_ANSWER_OK;
    e->silence = VG_SILENCE_PAUSED;
    e->until_ns = order->given_ns + order->for_ns;
    vg_buf_str(words, "Audio paused for ");
    vg_text_duration(words, order->for_ns);
    say(l, w, VG_PHASE_UPDATE, "snoozed", words->data, order);
    return VG_ANSWER_OK;
}

/* Those who know no reset see an end like any other. */
static enum vg_answer reset(struct vg_look *l, const struct vg_watch *w,
                            const struct vg_order *order)
{
    if (vg_watch_episode(l, w)->state != VG_EPISODE_LATCHED)
        return VG_ANSWER_NOT_LATCHED;
    say(l, w, VG_PHASE_RESET, NULL, "Reset", order);
    vg_watch_end(l, w, "reset", "Reset", order);
    return VG_ANSWER_OK;
}

static const struct vg_watch *find_episode(struct vg_look *l, const uint8_t id[16])
{
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        if (vg_watch_is(l, &l->alert->watch[i], id))
            return &l->alert->watch[i];
    }
    return NULL;
}

static enum vg_answer obey_about_episode(struct vg_look *l, const struct vg_order *order)
{
    const struct vg_watch *w = find_episode(l, order->episode_id);

    if (!w)
        return VG_ANSWER_ALREADY_ENDED;
    switch ((enum vg_order_kind)order->kind) {
    case VG_ORDER_KIND_ACKNOWLEDGE:
        return acknowledge(l, w, order);
    case VG_ORDER_KIND_SNOOZE:
        return snooze(l, w, order);
    default:
        return reset(l, w, order);
    }
}

enum vg_answer vg_order_obey(struct vg_look *l, const struct vg_order *order)
{
    switch ((enum vg_order_kind)order->kind) {
    case VG_ORDER_KIND_MUTE:
        return vg_stay_set_mute(l, order);
    case VG_ORDER_KIND_LIMIT:
        return vg_stay_set_limit(l, order);
    case VG_ORDER_KIND_ADMIT:
        return vg_stay_admit(l);
    case VG_ORDER_KIND_DISCHARGE:
        return vg_stay_discharge(l, order);
    case VG_ORDER_KIND_STANDBY:
        return vg_stay_standby(l, order);
    case VG_ORDER_KIND_PROBE_OFF:
        return vg_stay_probe_off(l, order);
    case VG_ORDER_KIND_NOTE:
        return vg_note_obey(l, order);
    default:
        return obey_about_episode(l, order);
    }
}
