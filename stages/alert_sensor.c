/* alert_sensor.c - trouble where the patient is measured: probes that are off, measurements that are
 * doubted, lines that are not connected.
 *
 * Limits still see what is doubted. `check_sensor` is told of when that has lasted for long enough to
 * be worth a walk to the bed, once for what one sensor measures; its reason says what was found.
 */
#include "stages/alert_watch.h"

#include "stages/alert_artefact.h"
#include "stages/alert_limit.h"
#include "stages/alert_text.h"

static const struct vg_finding nothing = { .says = VG_SAYS_NOTHING };
static const struct vg_finding holds = { .says = VG_SAYS_TRUE };
static const struct vg_finding clear = { .says = VG_SAYS_CLEAR };

static vg_status plan_nothing(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)w;
    (void)plan;
    (void)err;
    return VG_OK;
}

/* The newest value, or where there is none, when that was found. */
static void observe(const struct vg_look *l, const struct vg_watch *w, struct vg_event *event,
                    bool valued)
{
    const struct vg_newest *newest = vg_look_newest(l, w->channel);
    int64_t found_ns = l->row ? l->row->event_ns : l->out->log_ns;

    event->observed.present = true;
    event->observed.has_value = valued && newest->seen;
    event->observed.value = newest->value;
    event->observed.quality = event->observed.has_value ? newest->quality : VG_Q_INVALID;
    event->observed.time_ns = event->observed.has_value ? newest->event_ns : found_ns;
}

#define BIT(name) (UINT32_C(1) << VG_CHANNEL_##name)

/* The channels of one sensor, by the one that is told. */
static uint32_t measured_by(int channel)
{
    switch (channel) {
    case VG_CHANNEL_hr:
        return BIT(hr) | BIT(rr);
    case VG_CHANNEL_spo2:
        return BIT(spo2) | BIT(pulse);
    case VG_CHANNEL_abp_sys:
        return BIT(abp_sys) | BIT(abp_dia) | BIT(abp_mean);
    case VG_CHANNEL_nibp_sys:
        return BIT(nibp_sys) | BIT(nibp_dia) | BIT(nibp_mean);
    default:
        return UINT32_C(1) << channel;
    }
}

/* ---- lead_off ---- */

/* A line is off as a whole, and told of once; what else is measured there may go on. */
uint32_t vg_lead_channels(const struct vg_watch *w)
{
    bool line = w->channel == VG_CHANNEL_abp_sys && w->rule->channel == VG_CHANNEL_NONE;

    return line ? measured_by(w->channel) : UINT32_C(1) << w->channel;
}

static struct vg_finding look_at_lead(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    const uint32_t channels = vg_lead_channels(w);
    struct vg_finding ret = nothing;

    if (row->flags & VG_ROW_LATE)
        return nothing;
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!(channels >> c & 1))
            continue;
        if (vg_usable(row->quality[c]))
            return clear;
        if (row->quality[c] == VG_Q_INVALID && row->reason[c] == VG_REASON_PROBE_OFF)
            ret = holds;
    }
    return ret;
}

static void describe_lead(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                          struct vg_event *event, struct vg_buf *text)
{
    bool over = event->phase == VG_PHASE_END;

    (void)e;
    /* Another channel of the line may be what is measured again. */
    if (!over || vg_look_newest(l, w->channel)->seen)
        observe(l, w, event, over);
    if (!over)
        vg_text_check(text, w->channel);
    vg_buf_printf(text, "%s%s", vg_channels[w->channel].title, over ? ": measuring again" : " off");
}

const struct vg_watch_kind vg_watch_lead_off = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .one_channel = true,
    .plan = plan_nothing,
    .look = look_at_lead,
    .describe = describe_lead,
};

/* ---- check_sensor ---- */

/* Doubts that last. A reading of a cuff that is unlike the others, or beats counted twice, are over
 * before anybody comes; of a probe that is off `lead_off` tells. */
static bool worth_a_walk(uint8_t quality, uint8_t reason)
{
    switch (reason) {
    case VG_REASON_NONE:
    case VG_REASON_PROBE_OFF:
    case VG_REASON_DOUBLE_COUNT:
    case VG_REASON_OUTLIER:
        return false;
    default:
        return quality == VG_Q_SUSPECT || quality == VG_Q_INVALID;
    }
}

/* The reason is the measure, so that it is known also when time alone tells. */
static struct vg_finding look_at_sensor(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    bool fine = false;

    if (row->flags & VG_ROW_LATE)
        return nothing;
    for (uint32_t channels = measured_by(w->channel); channels != 0; channels &= channels - 1) {
        int c = __builtin_ctz(channels);

        if (worth_a_walk(row->quality[c], row->reason[c]))
            return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = row->reason[c] };
        fine |= vg_usable(row->quality[c]);
    }
    return fine ? clear : nothing;
}

static void describe_sensor(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                            struct vg_event *event, struct vg_buf *text)
{
    uint8_t reason = (uint8_t)e->worst;

    observe(l, w, event, true);
    if (event->phase == VG_PHASE_END) {
        vg_buf_printf(text, "%s: as before", vg_channels[w->channel].title);
        return;
    }
    if (!event->reason)
        event->reason = vg_reason_name(reason);
    vg_text_check(text, w->channel);
    vg_buf_printf(text, "%s, %s", vg_channels[w->channel].title, vg_reason_text(reason));
}

const struct vg_watch_kind vg_watch_check_sensor = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .plan = plan_nothing,
    .look = look_at_sensor,
    .describe = describe_sensor,
};

/* ---- disconnected ---- */

/* What is exhaled without a patient, mm[Hg]: a capnogram that is flat but for noise. */
static const float flat_co2 = 3;
/* A rate that comes in other rows speaks for this one for so long. */
static const int64_t rate_ns = 5 * VG_NS_PER_S;

/* Whether the device counts breaths, be they none. */
static bool counts_breaths(const struct vg_look *l)
{
    uint8_t rate = l->row->quality[VG_CHANNEL_rr];
    const struct vg_newest *newest = vg_look_newest(l, VG_CHANNEL_rr);

    if (rate != VG_Q_ABSENT)
        return vg_usable(rate);
    return newest->seen && l->out->log_ns - newest->log_ns <= rate_ns;
}

/* A machine breathes for the patient, nothing is exhaled and no breath is counted. A rate of 0 is an
 * apnoea, and its limit tells it. */
static struct vg_finding look_at_circuit(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;
    const struct vg_profile *profile = vg_look_profile(l);

    if (row->flags & VG_ROW_LATE || !vg_usable(row->quality[w->channel]))
        return nothing;
    if (profile && profile->ventilated && row->value[w->channel] <= flat_co2 && !counts_breaths(l))
        return holds;
    if (vg_watch_awake(l, w) && vg_episode_open(vg_watch_episode(l, w)) && vg_artefact_keeps(l, w))
        return (struct vg_finding){ .says = VG_SAYS_BETWEEN };
    return clear;
}

static void describe_circuit(struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event,
                             struct vg_buf *text)
{
    (void)e;
    observe(l, w, event, true);
    if (event->phase == VG_PHASE_END) {
        vg_buf_str(text, "CO2 or a breath rate is measured again");
        return;
    }
    vg_text_check(text, w->channel);
    vg_buf_str(text, "EtCO2 ");
    vg_text_value(text, w->channel, vg_look_newest(l, w->channel)->value);
    vg_buf_str(text, " and no breath rate, ventilated");
}

const struct vg_watch_kind vg_watch_disconnected = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .one_channel = true,
    .plan = plan_nothing,
    .look = look_at_circuit,
    .describe = describe_circuit,
};
