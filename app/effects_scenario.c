/* effects_scenario.c - what simulated patients suffer.
 *
 * Sizes and speeds are those of published physiology where there is one (blood loss by class of
 * shock, measured desaturation in apnoea, degrees and beats of fever) and a clinician's expectation
 * elsewhere. They are for testing a pipeline, not for teaching medicine.
 */
#include <math.h>
#include <string.h>

#include "app/effects.h"
#include "models/elementary.h"

static double sigmoid(double x)
{
    return 1 / (1 + vg_exp(-x));
}

/* Straight lines between the points (x[i], y[i]); constant outside. */
static double interpolate(const double *x, const double *y, int n, double at)
{
    if (at <= x[0])
        return y[0];
    for (int i = 1; i < n; i++) {
        if (at < x[i])
            return y[i - 1] + (y[i] - y[i - 1]) * (at - x[i - 1]) / (x[i] - x[i - 1]);
    }
    return y[n - 1];
}

static void sepsis(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double h = t_min / 60 - 3; /* begins to show three hours before its midpoint */
    double s = sigmoid(h / 1.2), l = sigmoid((h - 1.5) / 1.2), k = e->severity;

    d->hr += 25 * k * s;
    d->rr += 8 * k * s;
    d->temp += e->u[0] < 0.15 ? -0.9 * k * s : 1.6 * k * s;
    d->map -= 18 * k * l;
    d->pp += 3 * s - 8 * l;
    d->spo2 -= 3 * k * s;
    d->etco2 -= 5 * k * s;
    d->sinus_arrhythmia *= 1 - 0.6 * s;
}

static void haemorrhage(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    static const double hr_x[] = { 0, 8, 20, 35, 45 }, hr_y[] = { 0, 2, 18, 40, 58 };
    static const double map_x[] = { 0, 15, 25, 35, 45 }, map_y[] = { 0, 1, 5, 18, 38 };
    static const double pp_x[] = { 0, 10, 20, 30, 45 }, pp_y[] = { 0, 4, 11, 19, 28 };
    static const double rr_x[] = { 0, 15, 30, 45 }, rr_y[] = { 0, 1, 7, 15 };
    static const double co2_x[] = { 0, 15, 30, 45 }, co2_y[] = { 0, 3, 8, 13 };
    double lost = fmin(t_min * vg_effect_between(e->u[0], 0.35, 0.9), 45); /* % of the blood */
    bool blocked = e->u[1] < 0.2;                                          /* by a beta blocker */

    d->hr += interpolate(hr_x, hr_y, 5, lost) * (blocked ? 0.35 : 1);
    d->map -= interpolate(map_x, map_y, 5, lost);
    d->pp -= interpolate(pp_x, pp_y, 5, lost);
    d->rr += interpolate(rr_x, rr_y, 4, lost);
    d->etco2 -= interpolate(co2_x, co2_y, 4, lost);
    d->temp -= 0.4 * lost / 45;
}

static void opioid(const struct vg_effect *e, double t_min, double spo2, struct vg_change *d)
{
    double k = e->severity, x = vg_effect_rise(t_min, 6);

    d->rr_factor *= 1 - 0.62 * x;
    d->etco2 += 17 * k * vg_effect_rise(t_min - 2, 9);
    d->spo2 -= spo2 * k * vg_effect_rise(t_min - 4, 8);
    d->hr -= 8 * k * x;
    d->map -= 7 * k * x;
}

static void opioid_air(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    opioid(e, t_min, 8, d);
}

static void opioid_oxygen(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    opioid(e, t_min, 2.5, d);
}

static void pneumothorax_ventilated(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double k = e->severity;

    d->spo2 -= 14 * k * vg_effect_rise(t_min, 4);
    d->hr += 32 * k * vg_effect_rise(t_min, 3);
    d->map -= 28 * k * vg_effect_rise(t_min - 1.5, 4);
    d->pp -= 18 * k * vg_effect_rise(t_min - 1, 4);
    d->etco2 -= 10 * k * vg_effect_rise(t_min, 4);
}

static void pneumothorax(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double k = e->severity, x = vg_effect_rise(t_min, 25);

    d->rr += 15 * k * x;
    d->hr += 28 * k * x;
    d->spo2 -= 8 * k * x;
    d->map -= 22 * k * vg_effect_rise(t_min - 50, 15);
}

static void atrial_fibrillation(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double k = e->severity;

    d->hr_target = vg_effect_between(e->u[0], 125, 160);
    d->hr_pull = 1;
    d->hr_noise = 9;
    d->sinus_arrhythmia = 0;
    d->map -= 11 * k * vg_effect_rise(t_min, 1);
    d->pp -= 11 * k * vg_effect_rise(t_min, 1);
    d->rr += 3;
    d->pulse_deficit += vg_effect_between(e->u[1], 10, 30);
}

static void vagal(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double hold_min = e->length_s > 0 ? e->length_s / 60 : vg_effect_between(e->u[0], 2, 5);
    double end_min = 40.0 / 60 + hold_min;
    double x = t_min < end_min ? fmin(t_min * 60 / 40, 1) : vg_exp(-(t_min - end_min) / 1.5);

    d->hr_target = vg_effect_between(e->u[1], 34, 44);
    d->hr_pull = fmax(d->hr_pull, x);
    d->map -= 26 * e->severity * x;
}

/* How far SpO2 has fallen `t_s` into an apnoea on air: the lung's store lasts 25 s. */
static double apnoea_air_fall(const struct vg_effect *e, double t_s)
{
    if (t_s < 25)
        return 0;
    return t_s < 75 ? 4 * (t_s - 25) / 50 : 4 + 0.3 * e->severity * (t_s - 75);
}

static double apnoea_oxygen_fall(const struct vg_effect *e, double t_s)
{
    return 0.3 * e->severity * t_s / 60;
}

static void apnoea(const struct vg_effect *e, double t_min,
                   double (*fall)(const struct vg_effect *, double), struct vg_change *d)
{
    double end_s = e->length_s > 0 ? e->length_s : vg_effect_between(e->u[0], 90, 240);
    double t_s = t_min * 60, after_s = t_s - end_s;
    double fright = vg_effect_rise(t_min, 1), fatigue = vg_effect_rise(t_min - 2.5, 1);
    double heart = 10 * fright - 25 * fatigue; /* faster at first, slower without oxygen */

    d->apnoea |= after_s < 0;
    d->hr += after_s < 0 ? heart : 10 * vg_exp(-after_s / 60);
    if (after_s >= 0)
        d->etco2 += 12 * vg_exp(-after_s / 120);
    /* The finger sees the first breath 25 s late. */
    if (after_s < 25)
        d->spo2 -= fall(e, t_s);
    else
        d->spo2 -= fall(e, end_s + 25) * vg_exp(-(after_s - 25) / 30);
}

static void apnoea_air(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    apnoea(e, t_min, apnoea_air_fall, d);
}

static void apnoea_oxygen(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    apnoea(e, t_min, apnoea_oxygen_fall, d);
}

static void hypertension(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double x = vg_effect_rise(t_min, 8), k = e->severity;

    d->map += 42 * k * x;
    d->pp += 22 * k * x;
    d->hr -= 6 * x;
}

static void fever(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double degrees = 1.8 * e->severity * sigmoid((t_min / 60 - 1) / 0.6);

    d->temp += degrees;
    d->hr += 7.2 * degrees;
    d->rr += vg_effect_between(e->u[0], 1.4, 2.3) * degrees;
    d->map -= 1.5 * degrees;
}

/* ---- catalogue ---- */

enum { MINUTE = 60, HOUR = 3600 };

#define BIT(name) (UINT32_C(1) << VG_CHANNEL_##name)
#define HEART     (BIT(hr) | BIT(pulse))
#define PRESSURES (BIT(abp_sys) | BIT(abp_dia) | BIT(abp_mean))
#define BREATH    (BIT(rr) | BIT(etco2))

/* clang-format off */
#define SCENARIO(n, g, f, part, own_end, onset, window, what, text) \
    { .base = { VG_SIM_SCENARIO, n, text, g, what }, .change = (f), .share = (part), \
      .ends = (own_end), .onset_s = (onset), .window_s = (window) }

static const struct vg_effect_entry catalogue[] = {
    SCENARIO("sepsis", "sepsis", sepsis, 1, false, 3 * HOUR, 11 * HOUR,
             HEART | PRESSURES | BREATH | BIT(spo2) | BIT(temp),
             "over hours: HR, RR, temperature rise, pressure falls"),
    SCENARIO("haemorrhage", "haemorrhage", haemorrhage, 1, false, 0, 90 * MINUTE,
             HEART | PRESSURES | BREATH | BIT(temp),
             "bleeding: HR rises, pulse pressure and then pressure fall"),
    SCENARIO("opioid", "opioid", opioid_air, 0.5, false, 0, 60 * MINUTE,
             HEART | PRESSURES | BREATH | BIT(spo2),
             "respiratory depression on room air: RR, SpO2 fall, EtCO2 rises"),
    SCENARIO("opioid-oxygen", "opioid", opioid_oxygen, 0.5, false, 0, 60 * MINUTE,
             HEART | PRESSURES | BREATH | BIT(spo2),
             "the same on oxygen, which hides it from SpO2"),
    SCENARIO("pneumothorax-ventilated", "pneumothorax", pneumothorax_ventilated, 0.6, false, 0,
             90 * MINUTE, HEART | PRESSURES | BIT(etco2) | BIT(spo2),
             "tension pneumothorax on a ventilator: minutes"),
    SCENARIO("pneumothorax", "pneumothorax", pneumothorax, 0.4, false, 0, 90 * MINUTE,
             HEART | PRESSURES | BREATH | BIT(spo2),
             "the same breathing alone: slow"),
    SCENARIO("af", "af", atrial_fibrillation, 1, false, 0, 60 * MINUTE,
             HEART | PRESSURES | BIT(rr),
             "atrial fibrillation with a rapid ventricular response"),
    SCENARIO("vagal", "vagal", vagal, 1, true, 0, 6 * MINUTE, HEART | PRESSURES,
             "vagal bradycardia for 2 to 5 min"),
    SCENARIO("apnoea", "apnoea", apnoea_air, 0.5, true, 0, 6 * MINUTE, HEART | BREATH | BIT(spo2),
             "no breath for 1.5 to 4 min on room air"),
    SCENARIO("apnoea-oxygen", "apnoea", apnoea_oxygen, 0.5, true, 0, 6 * MINUTE,
             HEART | BREATH | BIT(spo2), "the same on oxygen"),
    SCENARIO("hypertension", "hypertension", hypertension, 1, false, 0, 60 * MINUTE,
             HEART | PRESSURES, "hypertensive crisis"),
    SCENARIO("fever", "fever", fever, 1, false, 0, 5 * HOUR,
             HEART | PRESSURES | BREATH | BIT(temp), "1.8 degrees within two hours"),
};
/* clang-format on */

const struct vg_effect_entry *vg_scenario_entry(size_t i)
{
    return i < VG_ARRAY_LEN(catalogue) ? &catalogue[i] : NULL;
}

/* The groups in the order of their first forms. */
const char *vg_sim_group(size_t i)
{
    for (size_t k = 0; k < VG_ARRAY_LEN(catalogue); k++) {
        bool first = k == 0 || strcmp(catalogue[k].base.group, catalogue[k - 1].base.group) != 0;

        if (first && i-- == 0)
            return catalogue[k].base.group;
    }
    return NULL;
}
