/* artefact_rest.c - rules for everything but the arterial line. */
#include <math.h>
#include <string.h>

#include "stages/artefact_gate.h"

static const int64_t second_ns = VG_NS_PER_S, minute_ns = 60 * VG_NS_PER_S;

static bool usable(const struct vg_gate *g, int channel)
{
    return vg_usable(g->row->quality[channel]);
}

/* ---- beats ---- */

/* Twice what it was from one moment to the next, while the circulation did not notice. A pulse that
 * has risen too clears it; that one has not is no proof: a tachycardia may not reach the finger. */
static bool doubled(struct vg_gate *g, float hr)
{
    enum { FROM = 2, TO = 10 };
    static const int64_t longest_ns = 60 * VG_NS_PER_S;
    struct vg_gate_recent *r = &g->m->recent;
    struct vg_gate_moment before;
    int64_t *since_ns = &g->m->beats.since_ns;
    float usual;
    bool twice =
        vg_gate_mean(r, VG_GATE_HR, FROM, TO, &usual) && fabsf(hr - 2 * usual) <= 0.2F * usual;

    if (twice)
        vg_gate_look(r, FROM, TO, &before);
    if (!twice || !(before.known >> VG_GATE_MAP & 1) ||
        fabsf(vg_gate_change(r, &before, VG_GATE_MAP)) > 9 ||
        vg_gate_change(r, &before, VG_GATE_PULSE) > 0.4F * usual) {
        *since_ns = 0;
        return false;
    }
    if (*since_ns == 0)
        *since_ns = g->row->event_ns;
    return g->row->event_ns - *since_ns < longest_ns;
}

void vg_gate_beats(struct vg_gate *g)
{
    float hr = g->row->value[VG_CHANNEL_hr];

    if (!usable(g, VG_CHANNEL_hr))
        return;
    g->doubled = hr > 0 && doubled(g, hr);
    if (g->doubled)
        vg_gate_suspect(g, VG_CHANNEL_hr, VG_REASON_DOUBLE_COUNT);
    else
        vg_gate_learn(&g->m->recent, VG_GATE_HR, hr);
}

/* ---- finger ---- */

/* Saturation that jumps: blood does not change by 4 % in a second. */
static bool jumps(struct vg_gate *g, float spo2)
{
    static const float fastest = 4, oldest_s = 10;
    float elapsed_s = (float)(g->row->event_ns - g->m->finger.newest_ns) / (float)second_ns;
    float change = fabsf(spo2 - g->m->finger.newest);
    bool known = g->m->finger.newest_ns != 0;

    if (known && elapsed_s < 0)
        return false;
    g->m->finger.newest_ns = g->row->event_ns;
    g->m->finger.newest = spo2;
    if (!known || elapsed_s > oldest_s || change <= fastest * (elapsed_s > 1 ? elapsed_s : 1))
        return false;
    g->m->finger.jumped_ns = g->row->event_ns;
    return true;
}

/* A pulse unlike the heart rate. One that stays so is the rhythm's and not the finger's: in atrial
 * fibrillation not every beat arrives. A minute without it, and the next is a new one. */
static bool unlike(struct vg_gate *g)
{
    static const float tolerance = 15;
    static const int64_t apart_ns = 60 * VG_NS_PER_S, longest_ns = 300 * VG_NS_PER_S;
    int64_t *since_ns = &g->m->finger.unlike_ns, *last_ns = &g->m->finger.unlike_last_ns;

    if (!usable(g, VG_CHANNEL_hr) || !usable(g, VG_CHANNEL_pulse) || g->doubled)
        return false;
    if (fabsf(g->row->value[VG_CHANNEL_pulse] - g->row->value[VG_CHANNEL_hr]) <= tolerance)
        return false;
    if (*since_ns == 0 || g->row->event_ns - *last_ns > apart_ns)
        *since_ns = g->row->event_ns;
    *last_ns = g->row->event_ns;
    return g->row->event_ns - *since_ns < longest_ns;
}

/* What moved once moves again within seconds. */
static const int64_t hold_ns = 12 * VG_NS_PER_S;

/* Either alone may be the patient: a rhythm of which not every beat arrives, a saturation that falls
 * at once. Both together, beside a heart rate that nobody doubts, are a finger that moves. */
static bool moves(const struct vg_gate *g, bool odd)
{
    static const int64_t lately_ns = 30 * VG_NS_PER_S;
    int64_t jumped_ns = g->m->finger.jumped_ns;

    return odd && g->row->quality[VG_CHANNEL_hr] == VG_Q_GOOD && jumped_ns != 0 &&
           jumped_ns >= g->m->finger.unlike_ns - hold_ns &&
           jumped_ns >= g->row->event_ns - lately_ns;
}

static void doubt_finger(struct vg_gate *g, bool jumped, bool odd)
{
    uint8_t *reason = &g->m->finger.reason;
    bool held = g->row->event_ns < g->m->finger.until_ns;

    if (!jumped && !odd)
        return;
    g->m->finger.until_ns = g->row->event_ns + hold_ns;
    if (moves(g, odd))
        *reason = VG_REASON_MOTION;
    else if (!held || *reason != VG_REASON_MOTION)
        *reason = odd ? VG_REASON_DISAGREES : VG_REASON_JUMP;
}

void vg_gate_finger(struct vg_gate *g)
{
    float spo2 = g->row->value[VG_CHANNEL_spo2];
    bool jumped = usable(g, VG_CHANNEL_spo2) && jumps(g, spo2), odd = unlike(g);

    doubt_finger(g, jumped, odd);
    if (g->row->event_ns < g->m->finger.until_ns) {
        vg_gate_suspect(g, VG_CHANNEL_spo2, (enum vg_reason)g->m->finger.reason);
        vg_gate_suspect(g, VG_CHANNEL_pulse, (enum vg_reason)g->m->finger.reason);
        return;
    }
    if (usable(g, VG_CHANNEL_spo2))
        vg_gate_learn(&g->m->recent, VG_GATE_SPO2, spo2);
    if (usable(g, VG_CHANNEL_pulse))
        vg_gate_learn(&g->m->recent, VG_GATE_PULSE, g->row->value[VG_CHANNEL_pulse]);
}

/* ---- airway ---- */

/* The patient misses what is not measured. */
static bool suffers(const struct vg_gate *g)
{
    enum { FROM = 4, TO = VG_GATE_BINS };
    static const float fall = 4;
    float before, now;

    return vg_gate_mean(&g->m->recent, VG_GATE_SPO2, FROM, TO, &before) &&
           vg_gate_now(&g->m->recent, VG_GATE_SPO2, &now) && before - now >= fall;
}

/* Nothing is exhaled, and the device cannot say of a breath: nobody is connected. Where it says
 * that there is no breath, it is an apnoea. */
void vg_gate_airway(struct vg_gate *g)
{
    const struct vg_row *row = g->row;
    bool rateless =
        row->quality[VG_CHANNEL_rr] == VG_Q_MISSING || row->quality[VG_CHANNEL_rr] == VG_Q_INVALID;

    if (usable(g, VG_CHANNEL_rr))
        vg_gate_learn(&g->m->recent, VG_GATE_RR, row->value[VG_CHANNEL_rr]);
    if (!usable(g, VG_CHANNEL_etco2))
        return;
    if (row->value[VG_CHANNEL_etco2] > 0 || !rateless)
        vg_gate_learn(&g->m->recent, VG_GATE_CO2, row->value[VG_CHANNEL_etco2]);
    else if (!suffers(g))
        vg_gate_suspect(g, VG_CHANNEL_etco2, VG_REASON_DISCONNECTED);
}

/* ---- temperature ---- */

static float warmest(const struct vg_gate *g)
{
    float most = 0;

    for (int i = 0; i < VG_GATE_TEMP_MIN; i++)
        most = fmaxf(most, g->m->temp.value[i]);
    return most;
}

static void remember_temp(struct vg_gate *g, float value)
{
    int64_t minute = g->row->event_ns / minute_ns;

    if (minute - g->m->temp.minute >= VG_GATE_TEMP_MIN) {
        memset(g->m->temp.value, 0, sizeof(g->m->temp.value));
        g->m->temp.minute = minute;
    }
    while (g->m->temp.minute < minute) {
        g->m->temp.minute++;
        g->m->temp.value[g->m->temp.minute % VG_GATE_TEMP_MIN] = 0;
    }
    g->m->temp.value[g->m->temp.minute % VG_GATE_TEMP_MIN] = value;
}

/* A body does not cool by half a degree in ten minutes. It ends when the probe is back, or when it
 * has been so long that this is what the probe measures from now on. */
void vg_gate_temp(struct vg_gate *g)
{
    static const float fastest = 0.5F, back = 0.3F;
    static const int64_t longest_ns = 3600 * VG_NS_PER_S;
    float value = g->row->value[VG_CHANNEL_temp];

    if (!usable(g, VG_CHANNEL_temp))
        return;
    if (!g->m->temp.slipped && warmest(g) - value > fastest) {
        g->m->temp.slipped = 1;
        g->m->temp.before = warmest(g);
        g->m->temp.since_ns = g->row->event_ns;
    }
    if (g->m->temp.slipped && (value >= g->m->temp.before - back ||
                               g->row->event_ns - g->m->temp.since_ns > longest_ns)) {
        g->m->temp.slipped = 0;
        memset(g->m->temp.value, 0, sizeof(g->m->temp.value));
    }
    if (g->m->temp.slipped)
        vg_gate_suspect(g, VG_CHANNEL_temp, VG_REASON_SLIPPED);
    else
        remember_temp(g, value);
}

/* ---- cuff ---- */

static bool agrees(bool known, float with, float mean)
{
    static const float tolerance = 25;

    return known && fabsf(mean - with) <= tolerance;
}

/* A reading that neither the arterial line nor the reading before it knows of. The next one like it
 * is believed: pressures do change in a quarter of an hour. */
void vg_gate_cuff(struct vg_gate *g)
{
    float mean = g->row->value[VG_CHANNEL_nibp_mean], map;
    bool line =
        g->m->line.state == VG_LINE_FREE && vg_gate_mean(&g->m->recent, VG_GATE_MAP, 0, 3, &map);
    bool believed;

    if (!usable(g, VG_CHANNEL_nibp_mean))
        return;
    if (line)
        believed = agrees(true, map, mean);
    else
        believed = !g->m->cuff.has_believed || agrees(true, g->m->cuff.believed, mean) ||
                   agrees(g->m->cuff.has_odd, g->m->cuff.odd, mean);
    g->m->cuff.has_odd = !believed;
    if (believed) {
        g->m->cuff.believed = mean;
        g->m->cuff.has_believed = 1;
        return;
    }
    g->m->cuff.odd = mean;
    for (int c = VG_CHANNEL_nibp_sys; c <= VG_CHANNEL_nibp_mean; c++)
        vg_gate_suspect(g, c, VG_REASON_OUTLIER);
}
