/* effects.c - what simulated patients suffer (scenarios) and monitors get wrong (artefacts).
 *
 * Sizes and speeds are those of published physiology where there is one (blood loss by class of
 * shock, measured desaturation in apnoea, degrees and beats of fever) and a clinician's expectation
 * elsewhere. They are for testing a pipeline, not for teaching medicine.
 */
#include "app/effects.h"

#include <math.h>

/* ---- random numbers ---- */

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct vg_random vg_random_stream(uint64_t seed, uint64_t stream)
{
    return (struct vg_random){ .state = mix(seed * golden + mix(stream + golden)) };
}

double vg_random_uniform(struct vg_random *r, double low, double high)
{
    r->state += golden;
    return low + (high - low) * (double)(mix(r->state) >> 11) * 0x1p-53;
}

double vg_random_normal(struct vg_random *r)
{
    double u, v, s;

    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    do { /* Marsaglia's polar method: no sine, which libraries round differently */
        u = vg_random_uniform(r, -1, 1);
        v = vg_random_uniform(r, -1, 1);
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    s = sqrt(-2 * log(s) / s);
    r->spare = v * s;
    r->has_spare = true;
    return u * s;
}

/* ---- shapes; times in minutes ---- */

static double rise(double t, double tau)
{
    return t > 0 ? 1 - exp(-t / tau) : 0;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
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

static double between(double u, double low, double high)
{
    return low + u * (high - low);
}

/* ---- scenarios ---- */

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
    double lost = fmin(t_min * between(e->u[0], 0.35, 0.9), 45); /* % of the blood */
    bool blocked = e->u[1] < 0.2;                                /* by a beta blocker */

    d->hr += interpolate(hr_x, hr_y, 5, lost) * (blocked ? 0.35 : 1);
    d->map -= interpolate(map_x, map_y, 5, lost);
    d->pp -= interpolate(pp_x, pp_y, 5, lost);
    d->rr += interpolate(rr_x, rr_y, 4, lost);
    d->etco2 -= interpolate(co2_x, co2_y, 4, lost);
    d->temp -= 0.4 * lost / 45;
}

static void opioid(const struct vg_effect *e, double t_min, double spo2, struct vg_change *d)
{
    double k = e->severity, x = rise(t_min, 6);

    d->rr_factor *= 1 - 0.62 * x;
    d->etco2 += 17 * k * rise(t_min - 2, 9);
    d->spo2 -= spo2 * k * rise(t_min - 4, 8);
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

    d->spo2 -= 14 * k * rise(t_min, 4);
    d->hr += 32 * k * rise(t_min, 3);
    d->map -= 28 * k * rise(t_min - 1.5, 4);
    d->pp -= 18 * k * rise(t_min - 1, 4);
    d->etco2 -= 10 * k * rise(t_min, 4);
}

static void pneumothorax(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double k = e->severity, x = rise(t_min, 25);

    d->rr += 15 * k * x;
    d->hr += 28 * k * x;
    d->spo2 -= 8 * k * x;
    d->map -= 22 * k * rise(t_min - 50, 15);
}

static void atrial_fibrillation(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double k = e->severity;

    d->hr_target = between(e->u[0], 125, 160);
    d->hr_pull = 1;
    d->hr_noise = 9;
    d->sinus_arrhythmia = 0;
    d->map -= 11 * k * rise(t_min, 1);
    d->pp -= 11 * k * rise(t_min, 1);
    d->rr += 3;
    d->pulse_deficit += between(e->u[1], 10, 30);
}

static void vagal(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double hold_min = e->length_s > 0 ? e->length_s / 60 : between(e->u[0], 2, 5);
    double end_min = 40.0 / 60 + hold_min;
    double x = t_min < end_min ? fmin(t_min * 60 / 40, 1) : exp(-(t_min - end_min) / 1.5);

    d->hr_target = between(e->u[1], 34, 44);
    d->hr_pull = fmax(d->hr_pull, x);
    d->map -= 26 * e->severity * x;
}

/* How far SpO2 has fallen `t_s` into an apnoea on air: the lung's store lasts 25 s. */
static double apnoea_air_fall(double t_s)
{
    if (t_s < 25)
        return 0;
    return t_s < 75 ? 4 * (t_s - 25) / 50 : 4 + 0.3 * (t_s - 75);
}

static double apnoea_oxygen_fall(double t_s)
{
    return 0.3 * t_s / 60;
}

static void apnoea(const struct vg_effect *e, double t_min, double (*fall)(double t_s),
                   struct vg_change *d)
{
    double end_s = e->length_s > 0 ? e->length_s : between(e->u[0], 90, 240);
    double t_s = t_min * 60, after_s = t_s - end_s;
    double heart = after_s < 0 ? rise(t_min, 1) : exp(-after_s / 60);

    d->apnoea |= after_s < 0;
    d->hr += 10 * heart;
    if (after_s >= 0)
        d->etco2 += 12 * exp(-after_s / 120);
    /* The finger sees the first breath 25 s late. */
    if (after_s < 25)
        d->spo2 -= fall(t_s);
    else
        d->spo2 -= fall(end_s + 25) * exp(-(after_s - 25) / 30);
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
    double x = rise(t_min, 8), k = e->severity;

    d->map += 42 * k * x;
    d->pp += 22 * k * x;
    d->hr -= 6 * x;
}

static void fever(const struct vg_effect *e, double t_min, struct vg_change *d)
{
    double degrees = 1.8 * e->severity * sigmoid((t_min / 60 - 1) / 0.6);

    d->temp += degrees;
    d->hr += 7.2 * degrees;
    d->rr += between(e->u[0], 1.4, 2.3) * degrees;
    d->map -= 1.5 * degrees;
}

/* ---- artefacts ---- */

static void miss(struct vg_shown *s, int channel)
{
    if (s->quality[channel] == VG_Q_GOOD)
        s->quality[channel] = VG_Q_MISSING;
}

static void show_pressures(struct vg_shown *s, double sys, double dia, double mean)
{
    s->value[VG_CHANNEL_abp_sys] = sys;
    s->value[VG_CHANNEL_abp_dia] = dia;
    s->value[VG_CHANNEL_abp_mean] = mean;
}

#define SHOW(name) \
    static void name(const struct vg_effect *e, double t_s, struct vg_random *r, struct vg_shown *s)

SHOW(lead_off)
{
    (void)e, (void)t_s, (void)r;
    miss(s, VG_CHANNEL_hr);
    miss(s, VG_CHANNEL_rr);
}

SHOW(spo2_motion)
{
    (void)t_s;
    s->value[VG_CHANNEL_spo2] = fmin(between(e->u[0], 72, 92) + 4 * vg_random_normal(r), 99);
}

SHOW(probe_off)
{
    (void)e, (void)t_s, (void)r;
    s->value[VG_CHANNEL_spo2] = 0;
    s->value[VG_CHANNEL_pulse] = 0;
}

SHOW(flush)
{
    (void)e, (void)t_s;
    show_pressures(s, 290 + vg_random_normal(r), 275 + vg_random_normal(r),
                   283 + vg_random_normal(r));
}

SHOW(zeroing)
{
    (void)e, (void)t_s, (void)r;
    show_pressures(s, 0, 0, 0);
}

SHOW(transducer_height)
{
    double off = between(e->u[0], 12, 24) * (e->u[1] < 0.5 ? -1 : 1);

    (void)t_s, (void)r;
    show_pressures(s, s->value[VG_CHANNEL_abp_sys] + off, s->value[VG_CHANNEL_abp_dia] + off,
                   s->value[VG_CHANNEL_abp_mean] + off);
}

SHOW(damping)
{
    double mean = s->value[VG_CHANNEL_abp_mean];

    (void)e, (void)t_s, (void)r;
    show_pressures(s, mean + 0.3 * (s->value[VG_CHANNEL_abp_sys] - mean),
                   mean + 0.3 * (s->value[VG_CHANNEL_abp_dia] - mean), mean);
}

SHOW(temp_probe)
{
    (void)e, (void)r;
    s->value[VG_CHANNEL_temp] -= 6 * rise(t_s / 60, 5);
}

SHOW(etco2_off)
{
    (void)e, (void)t_s, (void)r;
    s->value[VG_CHANNEL_etco2] = 0;
    miss(s, VG_CHANNEL_rr);
}

SHOW(double_count)
{
    (void)e, (void)t_s, (void)r;
    s->value[VG_CHANNEL_hr] = fmin(2 * s->value[VG_CHANNEL_hr], 300);
}

SHOW(clock_ahead)
{
    (void)e, (void)t_s, (void)r;
    s->clock_s += 90;
}

SHOW(clock_behind)
{
    (void)e, (void)t_s, (void)r;
    s->clock_s -= 90;
}

SHOW(silent)
{
    (void)e, (void)t_s, (void)r;
    s->silent = true;
}

/* clang-format off */
#define SCENARIO(n, f, own_end, text) \
    { .base = { .kind = VG_SIM_SCENARIO, .name = n, .summary = text }, .change = (f), .ends = (own_end) }
#define ARTEFACT(n, f, rate, low_s, high_s, text) \
    { .base = { .kind = VG_SIM_ARTEFACT, .name = n, .summary = text }, .show = (f), .per_day = (rate), \
      .shortest_s = (low_s), .longest_s = (high_s) }

static const struct vg_effect_entry catalogue[] = {
    SCENARIO("opioid", opioid_air, false, "respiratory depression on room air: RR, SpO2 fall, EtCO2 rises"),
    SCENARIO("opioid-oxygen", opioid_oxygen, false, "the same on oxygen, which hides it from SpO2"),
    SCENARIO("apnoea", apnoea_air, true, "no breath for 1.5 to 4 min on room air"),
    SCENARIO("apnoea-oxygen", apnoea_oxygen, true, "the same on oxygen"),
    SCENARIO("haemorrhage", haemorrhage, false, "bleeding: HR rises, pulse pressure and then pressure fall"),
    SCENARIO("af", atrial_fibrillation, false, "atrial fibrillation with a rapid ventricular response"),
    SCENARIO("vagal", vagal, true, "vagal bradycardia for 2 to 5 min"),
    SCENARIO("sepsis", sepsis, false, "over hours: HR, RR, temperature rise, pressure falls"),
    SCENARIO("pneumothorax", pneumothorax, false, "tension pneumothorax, breathing alone: slow"),
    SCENARIO("pneumothorax-ventilated", pneumothorax_ventilated, false, "the same on a ventilator: minutes"),
    SCENARIO("hypertension", hypertension, false, "hypertensive crisis"),
    SCENARIO("fever", fever, false, "1.8 degrees within two hours"),
    ARTEFACT("lead-off", lead_off, 8, 30, 150, "ECG lead off: HR and RR missing"),
    ARTEFACT("spo2-motion", spo2_motion, 14, 30, 150, "the finger moves: SpO2 72 to 92"),
    ARTEFACT("probe-off", probe_off, 8, 30, 150, "SpO2 probe off: SpO2 and pulse 0"),
    ARTEFACT("flush", flush, 6, 30, 60, "arterial line flushed: 290/275"),
    ARTEFACT("zeroing", zeroing, 3, 20, 60, "transducer zeroed: all pressures 0"),
    ARTEFACT("transducer-height", transducer_height, 1.2, 300, 2400, "pressures off by 12 to 24 mmHg"),
    ARTEFACT("damping", damping, 1, 600, 2400, "damped line: 30 % of the pulse pressure"),
    ARTEFACT("temp-probe", temp_probe, 1, 600, 1800, "temperature probe slips: 6 degrees down"),
    ARTEFACT("etco2-off", etco2_off, 4, 60, 300, "capnometer disconnected: EtCO2 0, RR missing"),
    ARTEFACT("double-count", double_count, 1, 5, 60, "T waves counted as beats: HR doubled"),
    ARTEFACT("clock-ahead", clock_ahead, 0, 300, 600, "the device's clock is 90 s ahead"),
    ARTEFACT("clock-behind", clock_behind, 0, 300, 600, "the device's clock is 90 s behind"),
    ARTEFACT("silent", silent, 0, 120, 300, "the bed sends nothing"),
};
/* clang-format on */

const struct vg_effect_entry *vg_effect_entry(size_t i)
{
    return i < VG_ARRAY_LEN(catalogue) ? &catalogue[i] : NULL;
}

const struct vg_sim_entry *vg_sim_catalogue(size_t i)
{
    const struct vg_effect_entry *entry = vg_effect_entry(i);

    return entry ? &entry->base : NULL;
}

struct vg_effect vg_effect_make(const struct vg_effect_entry *entry, double start_s,
                                double length_s, struct vg_random *r)
{
    struct vg_effect e = { .entry = entry, .start_s = start_s, .length_s = length_s };

    e.severity = vg_random_uniform(r, 0.75, 1.25);
    for (size_t i = 0; i < VG_ARRAY_LEN(e.u); i++)
        e.u[i] = vg_random_uniform(r, 0, 1);
    if (entry->show && length_s <= 0)
        e.length_s = vg_random_uniform(r, entry->shortest_s, entry->longest_s);
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
    blend(d, &mine, treated ? exp(-over_s / treated_tau_s) : 1);
}

bool vg_effect_show(const struct vg_effect *e, double now_s, struct vg_random *r,
                    struct vg_shown *s)
{
    double t_s = now_s - e->start_s;

    if (t_s >= e->length_s)
        return false;
    if (t_s >= 0 && e->entry->show)
        e->entry->show(e, t_s, r, s);
    return true;
}
