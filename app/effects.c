/* effects.c - the catalogue of scenarios and artefacts, and one effect in time. */
#include "app/effects.h"

#include <math.h>

#include "models/elementary.h"

double vg_effect_rise(double t, double tau)
{
    return t > 0 ? 1 - vg_exp(-t / tau) : 0;
}

double vg_effect_between(double u, double low, double high)
{
    return low + u * (high - low);
}

/* To the nearest whole number. */
static double nearest(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

float vg_effect_reading(int channel, double value)
{
    return channel == VG_CHANNEL_temp ? (float)(nearest(value * 10) / 10) : (float)nearest(value);
}

/* ---- catalogue ---- */

const struct vg_effect_entry *vg_effect_entry(size_t i)
{
    size_t scenarios = 0;

    while (vg_scenario_entry(scenarios))
        scenarios++;
    return i < scenarios ? vg_scenario_entry(i) : vg_artefact_entry(i - scenarios);
}

const struct vg_sim_entry *vg_sim_catalogue(size_t i)
{
    const struct vg_effect_entry *entry = vg_effect_entry(i);

    return entry ? &entry->base : NULL;
}

/* ---- one effect ---- */

struct vg_effect vg_effect_make(const struct vg_effect_entry *entry, double start_s,
                                double length_s, struct vg_random *r)
{
    struct vg_effect e = { .entry = entry, .start_s = start_s, .length_s = length_s };

    e.severity = entry->change ? vg_random_uniform(r, 0.75, 1.25) : 1;
    for (size_t i = 0; i < VG_ARRAY_LEN(e.u); i++)
        e.u[i] = vg_random_uniform(r, 0, 1);
    e.noise = vg_random_bits(r);
    if (entry->show && length_s <= 0)
        e.length_s = floor(vg_random_uniform(r, entry->shortest_s, entry->longest_s) + 0.5);
    return e;
}

/* Adds `weight` of the change `a`. */
static void blend(struct vg_change *d, const struct vg_change *a, double weight)
{
    d->hr += weight * a->hr;
    d->rr += weight * a->rr;
    d->spo2 += weight * a->spo2;
    d->map += weight * a->map;
    d->pp += weight * a->pp;
    d->temp += weight * a->temp;
    d->etco2 += weight * a->etco2;
    d->pulse_deficit += weight * a->pulse_deficit;
    d->rr_factor *= 1 + weight * (a->rr_factor - 1);
    d->sinus_arrhythmia *= 1 + weight * (a->sinus_arrhythmia - 1);
    d->hr_noise = fmax(d->hr_noise, weight * a->hr_noise);
    if (weight * a->hr_pull > d->hr_pull) {
        d->hr_pull = weight * a->hr_pull;
        d->hr_target = a->hr_target;
    }
    d->apnoea |= a->apnoea;
}

void vg_effect_change(const struct vg_effect *e, double now_s, struct vg_change *d)
{
    static const double treated_tau_s = 120;
    struct vg_change mine = VG_CHANGE_NONE;
    double t_s = now_s - e->start_s, over_s = t_s - e->length_s;
    bool treated = e->length_s > 0 && !e->entry->ends && over_s > 0;

    if (t_s < 0 || !e->entry->change)
        return;
    e->entry->change(e, (treated ? e->length_s : t_s) / 60, &mine);
    blend(d, &mine, treated ? vg_exp(-over_s / treated_tau_s) : 1);
}

void vg_effect_show(const struct vg_effect *e, double now_s, struct vg_shown *s)
{
    double t_s = now_s - e->start_s;

    if (e->entry->show && t_s >= 0 && t_s < e->length_s)
        e->entry->show(e, t_s, s);
}

struct vg_effect_span vg_effect_span(const struct vg_effect *e)
{
    const struct vg_effect_entry *entry = e->entry;
    double length_s = e->length_s;

    if (entry->change && (entry->ends || length_s <= 0 || length_s > entry->window_s))
        length_s = entry->window_s;
    return (struct vg_effect_span){
        .start_s = e->start_s,
        .end_s = e->start_s + length_s,
        .onset_s = e->start_s + entry->onset_s,
        .channels = entry->covers ? entry->covers(e) : entry->base.channels,
    };
}
