/* artefact_line.c - rules for the arterial line.
 *
 * Three things happen to a line in daily care: it is flushed or opened to air, its transducer is
 * moved against the bed, and its tubing is damped by a bubble, a clot or a kink. Each changes the
 * pressures at once and the patient not at all. So a change of the pressures alone is suspect at
 * once, and goes on to be while heart, breath and capnogram do not answer; what they answer to was
 * the patient.
 */
#include <math.h>

#include "stages/artefact_gate.h"

/* What a line reads: mm[Hg]. */
struct reading {
    float sys, dia, map, pp;
};

static const int64_t longest_ns = 3600 * VG_NS_PER_S;

static bool read_line(const struct vg_row *row, struct reading *ret)
{
    if (!vg_usable(row->quality[VG_CHANNEL_abp_sys]) ||
        !vg_usable(row->quality[VG_CHANNEL_abp_dia]))
        return false;
    ret->sys = row->value[VG_CHANNEL_abp_sys];
    ret->dia = row->value[VG_CHANNEL_abp_dia];
    ret->map = vg_usable(row->quality[VG_CHANNEL_abp_mean]) ? row->value[VG_CHANNEL_abp_mean]
                                                            : (ret->sys + 2 * ret->dia) / 3;
    ret->pp = ret->sys - ret->dia;
    return true;
}

static void suspect_all(struct vg_gate *g, enum vg_reason reason)
{
    for (int c = VG_CHANNEL_abp_sys; c <= VG_CHANNEL_abp_mean; c++)
        vg_gate_suspect(g, c, reason);
}

static void reject_all(struct vg_gate *g, enum vg_reason reason)
{
    for (int c = VG_CHANNEL_abp_sys; c <= VG_CHANNEL_abp_mean; c++) {
        if (vg_usable(g->row->quality[c]))
            vg_row_unusable(g->row, c, VG_Q_INVALID, reason);
    }
}

static float moved(const struct vg_gate *g, enum vg_gate_signal signal)
{
    return vg_gate_change(&g->m->recent, &g->m->line.before, signal);
}

static bool within(const struct vg_gate *g, const struct vg_gate_moment *before,
                   enum vg_gate_signal signal, float tolerance)
{
    return fabsf(vg_gate_change(&g->m->recent, before, signal)) < tolerance;
}

static void begin(struct vg_gate *g, enum vg_gate_line_state state,
                  const struct vg_gate_moment *before)
{
    g->m->line.state = (uint8_t)state;
    g->m->line.before = *before;
    g->m->line.since_ns = g->row->event_ns;
    g->m->line.back_ns = 0;
}

/* The line measures again: what it showed until now is nothing to compare with. */
static void end(struct vg_gate *g)
{
    g->m->line.state = VG_LINE_FREE;
    vg_gate_forget(&g->m->recent, VG_GATE_MAP);
    vg_gate_forget(&g->m->recent, VG_GATE_PP);
}

/* ---- flush ---- */

/* No heart keeps 200 mm[Hg] and moves it by less than 50; a pressure bag does. */
static bool flushed(const struct vg_gate *g, const struct reading *p)
{
    return p->map >= g->flush_map && p->pp < 50;
}

/* ---- shape ---- */

/* The highest of a beat is never below its lowest, nor its mean outside: no monitor that looks at a
 * pulse says so, however weak that is. */
static bool misshapen(const struct reading *p)
{
    static const float tolerance = 5;

    return p->pp < -tolerance || p->map > p->sys + tolerance || p->map < p->dia - tolerance;
}

/* ---- flat ---- */

/* Pulse pressures that are too narrow for their systolic one. */
static bool narrow(const struct reading *p)
{
    if (p->sys > 200)
        return p->pp < 50;
    if (p->sys > 150)
        return p->pp < 30;
    return p->pp < (p->sys >= 100 ? 15.0F : 10.0F);
}

static bool lost(const struct vg_gate *g, enum vg_gate_signal signal)
{
    float now;

    return (g->m->line.before.known >> signal & 1) && !vg_gate_now(&g->m->recent, signal, &now);
}

/* The patient changes with the pressure: an arrest, a tamponade, a pulseless activity. */
static bool patient_falls(const struct vg_gate *g)
{
    const struct vg_gate_moment *before = &g->m->line.before;
    bool co2 = before->known >> VG_GATE_CO2 & 1;

    return g->m->line.fell || fabsf(moved(g, VG_GATE_HR)) >= 15 || lost(g, VG_GATE_PULSE) ||
           lost(g, VG_GATE_SPO2) || moved(g, VG_GATE_SPO2) <= -5 ||
           (co2 && moved(g, VG_GATE_CO2) <= -0.25F * before->mean[VG_GATE_CO2]);
}

static void enter_flat(struct vg_gate *g, const struct reading *p)
{
    struct vg_gate_moment before;
    float shortly = 0;
    bool known = vg_gate_mean(&g->m->recent, VG_GATE_MAP, 1, 4, &shortly);

    vg_gate_look(&g->m->recent, 4, VG_GATE_BINS, &before);
    begin(g, VG_LINE_FLAT, &before);
    /* Lower in the last seconds than before, and not yet as low as now: it went down by itself. */
    g->m->line.fell = known && (before.known >> VG_GATE_MAP & 1) &&
                      before.mean[VG_GATE_MAP] - shortly > 8 && shortly - p->map > 4;
}

/* Never more than suspect: a line that was shut and a heart that stopped look alike for too long. */
static void judge_flat(struct vg_gate *g)
{
    if (!patient_falls(g))
        suspect_all(g, VG_REASON_FLAT);
}

/* ---- height ---- */

/* The mean of the last ten seconds, over which the waves of breath and vessel tone cancel, less
 * that of the twenty before. */
static float step_of(const struct vg_gate *g, enum vg_gate_signal signal)
{
    float now, before;

    if (!vg_gate_mean(&g->m->recent, signal, 0, 2, &now) ||
        !vg_gate_mean(&g->m->recent, signal, 2, 6, &before))
        return 0;
    return now - before;
}

/* The pressures move as one and nothing else does. */
static bool stepped(const struct vg_gate *g, float least)
{
    return fabsf(step_of(g, VG_GATE_MAP)) > least && fabsf(step_of(g, VG_GATE_PP)) < 6 &&
           fabsf(step_of(g, VG_GATE_HR)) < 6 && fabsf(step_of(g, VG_GATE_RR)) < 3 &&
           fabsf(step_of(g, VG_GATE_CO2)) < 3;
}

/* The last twenty seconds less what was before. */
static float settled(const struct vg_gate *g, enum vg_gate_signal signal)
{
    const struct vg_gate_moment *before = &g->m->line.before;
    float now;

    if (!(before->known >> signal & 1) || !vg_gate_mean(&g->m->recent, signal, 0, 4, &now))
        return 0;
    return now - before->mean[signal];
}

static bool answered(const struct vg_gate *g, float hr, float rr, float co2)
{
    return fabsf(settled(g, VG_GATE_HR)) > hr || fabsf(settled(g, VG_GATE_RR)) > rr ||
           fabsf(settled(g, VG_GATE_CO2)) > co2 || settled(g, VG_GATE_SPO2) <= -5;
}

static bool gone(const struct vg_gate *g, float part)
{
    return fabsf(settled(g, VG_GATE_MAP)) < part * fabsf(g->m->line.offset);
}

/* What only wandered comes back by itself: after two minutes, with the last of them as its mean, less
 * than this is left. */
static bool stays(const struct vg_gate *g)
{
    static const float least = 8;
    float minute;

    return vg_gate_mean(&g->m->recent, VG_GATE_MAP, 0, 12, &minute) &&
           fabsf(minute - g->m->line.before.mean[VG_GATE_MAP]) >= least;
}

/* Stepped back, or near to where it was for two minutes. */
static bool returned(struct vg_gate *g)
{
    static const int64_t near_ns = 120 * VG_NS_PER_S;
    struct vg_gate_line *line = &g->m->line;
    float least = fmaxf(0.65F * fabsf(line->offset), 8);

    if (step_of(g, VG_GATE_MAP) * line->offset < 0 && stepped(g, least))
        return true;
    if (!gone(g, 0.35F))
        line->back_ns = 0;
    else if (line->back_ns == 0)
        line->back_ns = g->row->event_ns;
    return line->back_ns != 0 && g->row->event_ns - line->back_ns >= near_ns;
}

static void judge_step(struct vg_gate *g)
{
    static const int64_t settled_ns = 30 * VG_NS_PER_S, answer_ns = 120 * VG_NS_PER_S;
    struct vg_gate_line *line = &g->m->line;
    int64_t since_ns = g->row->event_ns - line->since_ns;

    /* It was noticed while the means were still on their way. */
    if (since_ns < settled_ns && fabsf(settled(g, VG_GATE_MAP)) > fabsf(line->offset))
        line->offset = settled(g, VG_GATE_MAP);
    if (answered(g, 12, 7, 6) || fabsf(settled(g, VG_GATE_PP)) > 12 ||
        (since_ns >= settled_ns && gone(g, 0.4F)))
        line->state = VG_LINE_FREE;
    else if (since_ns >= answer_ns)
        line->state = stays(g) ? VG_LINE_HEIGHT : VG_LINE_FREE;
    if (line->state != VG_LINE_FREE)
        suspect_all(g, VG_REASON_HEIGHT);
}

static void judge_height(struct vg_gate *g)
{
    struct vg_gate_line *line = &g->m->line;
    float pp = 0.35F * line->before.mean[VG_GATE_PP];

    if (returned(g)) {
        line->offset = 0;
        end(g);
    } else if (answered(g, 20, 10, 9) || fabsf(settled(g, VG_GATE_PP)) > pp ||
               g->row->event_ns - line->since_ns > longest_ns) {
        end(g);
    } else {
        suspect_all(g, VG_REASON_HEIGHT);
    }
}

/* ---- damping ---- */

/* The swing is lost, and nothing else has changed. */
static bool swing_lost(const struct vg_gate *g, const struct vg_gate_moment *before)
{
    return within(g, before, VG_GATE_MAP, 9) && within(g, before, VG_GATE_HR, 12) &&
           within(g, before, VG_GATE_RR, 6);
}

static const float damped_part = 0.68F;

static bool damped_at_once(const struct vg_gate *g, struct vg_gate_moment *before)
{
    enum { FROM = 2, TO = 6 };
    const struct vg_gate_recent *r = &g->m->recent;
    float pp, usual;

    if (!vg_gate_mean(r, VG_GATE_PP, FROM, TO, &usual) || !vg_gate_now(r, VG_GATE_PP, &pp) ||
        pp >= damped_part * usual)
        return false;
    vg_gate_look(r, FROM, TO, before);
    return swing_lost(g, before);
}

/* Against the last hour, for a clot that grows. */
static bool damped_slowly(const struct vg_gate *g, struct vg_gate_moment *before)
{
    static const float least_s = 1200;
    const struct vg_gate_line *line = &g->m->line;
    const struct vg_gate_recent *r = &g->m->recent;
    float pp;

    if (line->usual_s < least_s || !vg_gate_mean(r, VG_GATE_PP, 0, 6, &pp) ||
        pp >= damped_part * line->usual_pp)
        return false;
    vg_gate_look(r, 0, 6, before);
    before->mean[VG_GATE_PP] = line->usual_pp;
    before->mean[VG_GATE_MAP] = line->usual_map;
    before->mean[VG_GATE_HR] = line->usual_hr;
    before->mean[VG_GATE_RR] = line->usual_rr;
    return swing_lost(g, before);
}

static void judge_damped(struct vg_gate *g)
{
    struct vg_gate_line *line = &g->m->line;
    float pp;

    if (!vg_gate_now(&g->m->recent, VG_GATE_PP, &pp) || pp > 0.8F * line->before.mean[VG_GATE_PP] ||
        answered(g, 20, 10, 9) || !within(g, &line->before, VG_GATE_MAP, 15) ||
        g->row->event_ns - line->since_ns > longest_ns) {
        end(g);
        return;
    }
    /* The mean is that of the tubing too: only the swing is lost. */
    vg_gate_suspect(g, VG_CHANNEL_abp_sys, VG_REASON_DAMPED);
    vg_gate_suspect(g, VG_CHANNEL_abp_dia, VG_REASON_DAMPED);
}

/* ---- the line ---- */

static void approach(float *mean, float value, float part)
{
    *mean += part * (value - *mean);
}

/* Running means over about an hour, from what nobody doubts. */
static void learn_usual(struct vg_gate *g, const struct reading *p)
{
    static const float window_s = 3600, longest_gap_s = 60;
    struct vg_gate_line *line = &g->m->line;
    float elapsed_s = (float)(g->row->event_ns - line->learned_ns) / (float)VG_NS_PER_S, part;
    float hr, rr;

    if (!vg_gate_now(&g->m->recent, VG_GATE_HR, &hr) ||
        !vg_gate_now(&g->m->recent, VG_GATE_RR, &rr))
        return;
    line->learned_ns = g->row->event_ns;
    if (!(elapsed_s > 0))
        return;
    elapsed_s = fminf(elapsed_s, longest_gap_s);
    line->usual_s = fminf(line->usual_s + elapsed_s, window_s);
    part = elapsed_s / line->usual_s;
    approach(&line->usual_map, p->map, part);
    approach(&line->usual_pp, p->pp, part);
    approach(&line->usual_hr, hr, part);
    approach(&line->usual_rr, rr, part);
}

/* A step back from one that was let go, as the transducer is put where it was, begins nothing. */
static void find_step(struct vg_gate *g, const struct reading *p)
{
    static const float most = 37; /* half a metre */
    struct vg_gate_line *line = &g->m->line;
    struct vg_gate_moment before;
    float step = step_of(g, VG_GATE_MAP);
    bool young = g->row->event_ns - line->since_ns < longest_ns;

    if (young && line->offset * step < 0 &&
        fabsf(line->offset + step) < 0.5F * fabsf(line->offset)) {
        line->offset = 0;
        end(g);
        return;
    }
    vg_gate_look(&g->m->recent, 2, 6, &before);
    if (fabsf(p->map - before.mean[VG_GATE_MAP]) > most) {
        end(g); /* nor may the way there be taken for a smaller one */
        return;
    }
    begin(g, VG_LINE_STEP, &before);
    line->offset = step;
}

static void find_state(struct vg_gate *g, const struct reading *p)
{
    static const float least_step = 10;
    struct vg_gate_line *line = &g->m->line;
    struct vg_gate_moment before;

    if (line->state == VG_LINE_FLAT && !narrow(p))
        line->state = VG_LINE_FREE;
    if (!g->pulseless && line->state != VG_LINE_FLAT && line->state != VG_LINE_DAMPED &&
        narrow(p) && !damped_at_once(g, &before))
        enter_flat(g, p);
    if (line->state != VG_LINE_FREE)
        return;
    if (!g->pulseless && (damped_at_once(g, &before) || damped_slowly(g, &before))) {
        begin(g, VG_LINE_DAMPED, &before);
    } else if (stepped(g, least_step)) {
        find_step(g, p);
    }
}

void vg_gate_line(struct vg_gate *g)
{
    struct reading p;

    if (!read_line(g->row, &p))
        return;
    if (flushed(g, &p)) {
        reject_all(g, VG_REASON_FLUSH);
        return;
    }
    if (misshapen(&p)) {
        suspect_all(g, VG_REASON_SHAPE);
        return;
    }
    vg_gate_learn(&g->m->recent, VG_GATE_MAP, p.map);
    vg_gate_learn(&g->m->recent, VG_GATE_PP, p.pp);
    find_state(g, &p);
    switch (g->m->line.state) {
    case VG_LINE_FLAT:
        judge_flat(g);
        break;
    case VG_LINE_STEP:
        judge_step(g);
        break;
    case VG_LINE_HEIGHT:
        judge_height(g);
        break;
    case VG_LINE_DAMPED:
        judge_damped(g);
        break;
    default:
        learn_usual(g, &p);
        break;
    }
}
