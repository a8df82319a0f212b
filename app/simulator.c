/* simulator.c - a ward of simulated patients, one row a second and bed. */
#include "app/simulator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/effects.h"
#include "core/text.h"

/* Factors that wander slowly: what the correlations between vital signs are measured on. */
enum { F_HR, F_RR, F_SPO2, F_MAP, F_PP, F_TEMP, FACTORS };
/* And within minutes. */
enum { M_HR, M_MAP, M_RR, MINUTES };
/* Slow factors step every 30 s: their change in that time is below the monitor's noise. */
enum { SLOW_STEP_S = 30, EFFECTS_PER_BED = 16, DAY_S = 86400, BAROREFLEX_DELAY_S = 2 };

/* How much wander a stable patient shows of what a population of patients does. */
static const double stable = 0.6;

static const struct {
    double sd;           /* within a patient */
    double hours8, hour; /* weights of the two slow factors; give the measured autocorrelations */
    double day;          /* amplitude of the day, greatest at 17 h */
    double arousal;      /* care or pain of gain 1 */
} wander[FACTORS] = {
    [F_HR] = { 10.5, 0.92, 0.39, 3, 12 },    [F_RR] = { 3.8, 0.75, 0.60, 0.8, 5 },
    [F_SPO2] = { 2.4, 0.63, 0.67, 0, -0.8 }, [F_MAP] = { 11.6, 0.71, 0.45, 3, 10 },
    [F_PP] = { 10.0, 0.80, 0.50, 0, 6 },     [F_TEMP] = { 0.53, 1, 0, 0.2, 0 },
};

/* Correlation of the slow factors (lower triangle), eICU demo, 124,094 stay-hours. */
static const double correlation[FACTORS][FACTORS] = {
    [F_HR] = { 1 },
    [F_RR] = { 0.26, 1 },
    [F_SPO2] = { -0.11, -0.11, 1 },
    [F_MAP] = { 0.13, 0, 0, 1 },
    [F_PP] = { 0, 0, 0, 0, 1 },
    [F_TEMP] = { 0.30, 0.14, 0, 0, 0, 1 },
};

static const double minute_sd[MINUTES] = { [M_HR] = 3, [M_MAP] = 4, [M_RR] = 1.2 };

/* Seconds for which a monitor shows one number before it looks again. */
static const struct {
    int channel;
    double shortest_s, longest_s;
} holds[] = {
    { VG_CHANNEL_hr, 1, 3 },    { VG_CHANNEL_pulse, 4, 8 },   { VG_CHANNEL_spo2, 2, 8 },
    { VG_CHANNEL_rr, 2, 4 },    { VG_CHANNEL_abp_sys, 1, 3 }, { VG_CHANNEL_temp, 10, 30 },
    { VG_CHANNEL_etco2, 2, 5 },
};

struct patient {
    struct vg_random random;
    double hr0, rr0, spo20, map0, pp0, temp0, etco20; /* this patient's own level */
    double hours8[FACTORS], hour[FACTORS];            /* SD 1 */
    double minute[MINUTES], minute_tau_s[MINUTES];
    double breath; /* phase of breathing, in breaths */
    double arousal_at_s, arousal_width_s, arousal_gain;
    double mayer[BAROREFLEX_DELAY_S + 1]; /* mm[Hg], newest first */
    double held[VG_CHANNELS], held_until_s[VG_CHANNELS];
    struct vg_effect effect[EFFECTS_PER_BED];
    uint32_t effects;
    struct vg_effect chance; /* the random artefact that goes on, if any */
    char id[VG_PATIENT_SIZE], label[VG_BED_SIZE];
};

struct vg_sim {
    struct vg_sim_config config;
    double cholesky[FACTORS][FACTORS];
    double hours8_keep, hours8_new, hour_keep, hour_new; /* coefficients of one slow step */
    double chance_per_s; /* of a random artefact, all kinds together, before the rate */
    struct patient *patients;
    int64_t second;
    uint32_t bed; /* of the next row */
};

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static void decompose(double out[FACTORS][FACTORS])
{
    for (int i = 0; i < FACTORS; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = correlation[i][j];

            for (int k = 0; k < j; k++)
                sum -= out[i][k] * out[j][k];
            out[i][j] = i == j ? sqrt(sum) : sum / out[j][j];
        }
    }
}

/* Correlated normal deviates, SD 1 each. */
static void draw_factors(const struct vg_sim *sim, struct vg_random *r, double out[FACTORS])
{
    double z[FACTORS];

    for (int i = 0; i < FACTORS; i++) {
        z[i] = vg_random_normal(r);
        out[i] = 0;
        for (int k = 0; k <= i; k++)
            out[i] += sim->cholesky[i][k] * z[k];
    }
}

static double around(struct vg_random *r, double mean, double sd, double low, double high)
{
    return clamp(mean + sd * vg_random_normal(r), low, high);
}

static void next_arousal(struct patient *p, double after_s)
{
    struct vg_random *r = &p->random;
    double wait_s = -log(1 - vg_random_uniform(r, 0, 1)) * DAY_S / 6;

    p->arousal_width_s = vg_random_uniform(r, 180, 720) / 4; /* 3 to 12 min from rise to fall */
    p->arousal_gain = vg_random_uniform(r, 0.4, 1.3);
    p->arousal_at_s = after_s + wait_s + 2 * p->arousal_width_s;
}

static void admit(const struct vg_sim *sim, uint32_t bed, struct patient *p)
{
    struct vg_random *r = &p->random;

    *r = vg_random_stream(sim->config.seed, bed);
    p->hr0 = around(r, 84, 15, 55, 120);
    p->rr0 = around(r, 18, 4, 11, 28);
    p->spo20 = 97.2 - fmin(fabs(1.4 * vg_random_normal(r)), 3);
    p->map0 = around(r, 83, 11, 66, 110);
    p->pp0 = around(r, 57, 12, 35, 95);
    p->temp0 = around(r, 36.9, 0.4, 35.8, 38.2);
    p->etco20 = around(r, 37, 3.5, 28, 46);
    draw_factors(sim, r, p->hours8);
    draw_factors(sim, r, p->hour);
    for (int i = 0; i < MINUTES; i++)
        p->minute_tau_s[i] = vg_random_uniform(r, 60, 180);
    next_arousal(p, 0);
    snprintf(p->id, sizeof(p->id), "sim-%04u", bed + 1);
    snprintf(p->label, sizeof(p->label), "%s/%02u", sim->config.ward, bed + 1);
}

struct vg_sim *vg_sim_new(const struct vg_sim_config *config)
{
    struct vg_sim *sim = calloc(1, sizeof(*sim));

    VG_CHECK(sim && config->beds >= 1 && config->beds <= VG_SIM_BEDS_MAX);
    sim->config = *config;
    sim->hours8_keep = exp(-SLOW_STEP_S / (8 * 3600.0));
    sim->hour_keep = exp(-SLOW_STEP_S / 3600.0);
    sim->hours8_new = sqrt(1 - sim->hours8_keep * sim->hours8_keep);
    sim->hour_new = sqrt(1 - sim->hour_keep * sim->hour_keep);
    decompose(sim->cholesky);
    for (size_t i = 0; vg_effect_entry(i); i++)
        sim->chance_per_s += vg_effect_entry(i)->per_day / DAY_S;
    sim->patients = calloc(config->beds, sizeof(*sim->patients));
    VG_CHECK(sim->patients);
    for (uint32_t b = 0; b < config->beds; b++)
        admit(sim, b, &sim->patients[b]);
    return sim;
}

void vg_sim_free(struct vg_sim *sim)
{
    if (!sim)
        return;
    free(sim->patients);
    free(sim);
}

/* ---- effects by hand ---- */

static const struct vg_effect_entry *find_entry(enum vg_sim_kind kind, const char *name,
                                                const char **near)
{
    const char *names[64];
    size_t n = 0;

    for (size_t i = 0; vg_effect_entry(i); i++) {
        const struct vg_effect_entry *entry = vg_effect_entry(i);

        if (entry->base.kind != kind)
            continue;
        if (strcmp(entry->base.name, name) == 0)
            return entry;
        VG_CHECK(n < VG_ARRAY_LEN(names));
        names[n++] = entry->base.name;
    }
    *near = vg_did_you_mean(name, names, n);
    return NULL;
}

static bool find_bed(const struct vg_sim *sim, const char *text, uint32_t *ret)
{
    int64_t number;

    for (uint32_t b = 0; b < sim->config.beds; b++) {
        if (strcmp(sim->patients[b].label, text) == 0) {
            *ret = b;
            return true;
        }
    }
    text += text[0] == '0'; /* beds are shown as 01, 02, ... */
    if (!vg_parse_int(text, &number) || number < 1 || number > sim->config.beds)
        return false;
    *ret = (uint32_t)number - 1;
    return true;
}

vg_status vg_sim_add(struct vg_sim *sim, enum vg_sim_kind kind, const char *spec,
                     struct vg_err *err)
{
    const char *what = kind == VG_SIM_SCENARIO ? "scenario" : "artefact";
    char text[256], *at, *colon, *plus;
    const char *near = NULL;
    const struct vg_effect_entry *entry;
    int64_t start_ns, length_ns = 0;
    struct vg_random draws;
    struct patient *p;
    uint32_t bed;

    snprintf(text, sizeof(text), "%s", spec);
    at = strchr(text, '@');
    colon = at ? strrchr(at, ':') : NULL;
    if (!colon)
        return vg_fail(err, VG_E_USAGE,
                       "%s \"%s\": expected NAME@BED:START or NAME@BED:START+LENGTH, such as "
                       "opioid@3:5m",
                       what, spec);
    *at = *colon = '\0';
    plus = strchr(colon + 1, '+');
    if (plus)
        *plus = '\0';
    entry = find_entry(kind, text, &near);
    if (!entry)
        return vg_fail(err, VG_E_USAGE, "no %s \"%s\"%s%s%s", what, text,
                       near ? "; did you mean \"" : "; `vigil simulate --help` lists them",
                       near ? near : "", near ? "\"?" : "");
    if (!find_bed(sim, at + 1, &bed))
        return vg_fail(err, VG_E_USAGE, "%s \"%s\": no bed \"%s\"; expected 1 to %u", what, spec,
                       at + 1, sim->config.beds);
    if (!vg_parse_duration(colon + 1, &start_ns) || start_ns < 0 ||
        (plus && (!vg_parse_duration(plus + 1, &length_ns) || length_ns <= 0)))
        return vg_fail(err, VG_E_USAGE,
                       "%s \"%s\": expected durations with a unit after the colon, such as 5m or "
                       "5m+90s",
                       what, spec);
    if (sim->patients[bed].effects == EFFECTS_PER_BED)
        return vg_fail(err, VG_E_USAGE, "%s \"%s\": bed %u has %d effects already", what, spec,
                       bed + 1, EFFECTS_PER_BED);
    p = &sim->patients[bed];
    /* Draws of its own, so that an effect changes neither the others nor the rest of the bed. */
    draws = vg_random_stream(sim->config.seed, (uint64_t)(bed + 1) << 32 | p->effects);
    p->effect[p->effects++] =
        vg_effect_make(entry, (double)start_ns / 1e9, (double)length_ns / 1e9, &draws);
    return VG_OK;
}

/* ---- one second of one patient ---- */

static void step_slow(const struct vg_sim *sim, struct patient *p)
{
    double z[FACTORS];

    draw_factors(sim, &p->random, z);
    for (int i = 0; i < FACTORS; i++)
        p->hours8[i] = sim->hours8_keep * p->hours8[i] + sim->hours8_new * z[i];
    draw_factors(sim, &p->random, z);
    for (int i = 0; i < FACTORS; i++)
        p->hour[i] = sim->hour_keep * p->hour[i] + sim->hour_new * z[i];
}

/* Student's t with 3 degrees of freedom: the jumps that real signals make now and then. */
static double heavy_tailed(struct vg_random *r)
{
    double z = vg_random_normal(r), chi2 = 0;

    for (int i = 0; i < 3; i++) {
        double x = vg_random_normal(r);

        chi2 += x * x;
    }
    return z / sqrt(chi2 / 3);
}

static void step_minutes(struct patient *p)
{
    for (int i = 0; i < MINUTES; i++) {
        double keep = 1 - 1 / p->minute_tau_s[i];
        double z = vg_random_uniform(&p->random, 0, 1) < 0.05 ? heavy_tailed(&p->random)
                                                              : vg_random_normal(&p->random);

        p->minute[i] = keep * p->minute[i] + sqrt(1 - keep * keep) * z;
    }
}

/* Where this channel would be without scenarios, noise and anything faster than a minute. */
static double level(const struct patient *p, int factor, double own, double day, double arousal)
{
    return own +
           stable * wander[factor].sd *
               (wander[factor].hours8 * p->hours8[factor] + wander[factor].hour * p->hour[factor]) +
           wander[factor].day * day + wander[factor].arousal * arousal;
}

static double arousal(struct patient *p, double now_s)
{
    double x = (now_s - p->arousal_at_s) / p->arousal_width_s;

    if (x > 4)
        next_arousal(p, now_s);
    return fabs(x) <= 4 ? p->arousal_gain * exp(-0.5 * x * x) : 0;
}

/* Blood pressure waves of 0.1 Hz, and the heart's answer to them two seconds later. */
static double baroreflex(struct patient *p, double now_s, double hr)
{
    static const double sensitivity_ms = 4; /* per mm[Hg], of the ill */

    memmove(p->mayer + 1, p->mayer, sizeof(p->mayer) - sizeof(p->mayer[0]));
    p->mayer[0] = 1.5 * sin(2 * M_PI * 0.1 * now_s);
    return -sensitivity_ms * hr * hr / 60000 * p->mayer[BAROREFLEX_DELAY_S];
}

static void measure(struct patient *p, double now_s, double day, const struct vg_change *d,
                    double value[VG_CHANNELS])
{
    struct vg_random *r = &p->random;
    double care = arousal(p, now_s);
    double rr = (level(p, F_RR, p->rr0, day, care) + minute_sd[M_RR] * p->minute[M_RR] + d->rr) *
                d->rr_factor;
    double hr = level(p, F_HR, p->hr0, day, care) + minute_sd[M_HR] * p->minute[M_HR] + d->hr;
    double map = level(p, F_MAP, p->map0, day, care) + minute_sd[M_MAP] * p->minute[M_MAP] + d->map;
    double pp = fmax(level(p, F_PP, p->pp0, day, care) + d->pp, 8);
    double spo2 = fmin(level(p, F_SPO2, p->spo20, day, care), 99.5) + d->spo2;
    double etco2 = p->etco20 - 0.5 * (rr / d->rr_factor - p->rr0) - 1.5 * care + d->etco2;

    hr += d->hr_pull * (d->hr_target - hr);
    p->breath += rr / 60;
    p->breath -= floor(p->breath);
    hr += baroreflex(p, now_s, hr) + 2 * d->sinus_arrhythmia * sin(2 * M_PI * p->breath);
    map += p->mayer[0] + 1.8 * vg_random_normal(r);
    pp += 1.8 * vg_random_normal(r);
    hr += fmax(1.5, d->hr_noise) * vg_random_normal(r);
    map = clamp(map, 15, 220);
    value[VG_CHANNEL_hr] = clamp(hr, 20, 300);
    value[VG_CHANNEL_pulse] = clamp(hr - d->pulse_deficit, 20, 300);
    value[VG_CHANNEL_rr] = d->apnoea ? 0 : clamp(rr + vg_random_normal(r), 3, 80);
    value[VG_CHANNEL_spo2] = clamp(spo2 + 0.35 * vg_random_normal(r), 30, 100);
    value[VG_CHANNEL_abp_mean] = map;
    value[VG_CHANNEL_abp_sys] = map + 0.70 * pp;
    value[VG_CHANNEL_abp_dia] = map - 0.30 * pp;
    value[VG_CHANNEL_temp] =
        level(p, F_TEMP, p->temp0, day, care) + d->temp + 0.03 * vg_random_normal(r);
    value[VG_CHANNEL_etco2] = d->apnoea ? 0 : clamp(etco2 + 0.7 * vg_random_normal(r), 5, 120);
}

/* Monitors show a number for some seconds before they look again. */
static void hold(struct patient *p, double now_s, double value[VG_CHANNELS])
{
    for (size_t i = 0; i < VG_ARRAY_LEN(holds); i++) {
        int c = holds[i].channel;
        /* The three pressures are taken together. */
        int n = c == VG_CHANNEL_abp_sys ? 3 : 1;

        if (now_s >= p->held_until_s[c]) {
            memcpy(p->held + c, value + c, (size_t)n * sizeof(*value));
            p->held_until_s[c] =
                now_s + vg_random_uniform(&p->random, holds[i].shortest_s, holds[i].longest_s);
        }
        memcpy(value + c, p->held + c, (size_t)n * sizeof(*value));
    }
}
_Static_assert(VG_CHANNEL_abp_dia == VG_CHANNEL_abp_sys + 1 &&
                   VG_CHANNEL_abp_mean == VG_CHANNEL_abp_sys + 2,
               "hold() copies the three pressures as neighbours");

/* Begins an artefact of chance, each kind as often as it usually is. */
static void take_chances(const struct vg_sim *sim, struct patient *p, double now_s)
{
    double u;

    if (sim->config.artefact_rate <= 0 ||
        (p->chance.entry && now_s < p->chance.start_s + p->chance.length_s))
        return;
    u = vg_random_uniform(&p->random, 0, 1) / sim->config.artefact_rate;
    p->chance.entry = NULL;
    for (size_t i = 0; vg_effect_entry(i) && u < sim->chance_per_s; i++) {
        const struct vg_effect_entry *entry = vg_effect_entry(i);

        u -= entry->per_day / DAY_S;
        if (u < 0) {
            p->chance = vg_effect_make(entry, now_s, 0, &p->random);
            return;
        }
    }
}

static void show(const struct vg_sim *sim, struct patient *p, double now_s, struct vg_shown *s)
{
    take_chances(sim, p, now_s);
    if (p->chance.entry)
        vg_effect_show(&p->chance, now_s, &p->random, s);
    for (uint32_t i = 0; i < p->effects; i++) {
        if (p->effect[i].entry->show)
            vg_effect_show(&p->effect[i], now_s, &p->random, s);
    }
}

static void simulate(struct vg_sim *sim, struct patient *p, double now_s, double day,
                     struct vg_shown *s)
{
    struct vg_change d = VG_CHANGE_NONE;

    if (sim->second % SLOW_STEP_S == 0)
        step_slow(sim, p);
    step_minutes(p);
    for (uint32_t i = 0; i < p->effects; i++)
        vg_effect_change(&p->effect[i], now_s, &d);
    measure(p, now_s, day, &d, s->value);
    hold(p, now_s, s->value);
    for (size_t i = 0; i < VG_ARRAY_LEN(holds); i++)
        s->quality[holds[i].channel] = VG_Q_GOOD;
    s->quality[VG_CHANNEL_abp_dia] = s->quality[VG_CHANNEL_abp_mean] = VG_Q_GOOD;
    show(sim, p, now_s, s);
}

static float rounded(int channel, double value)
{
    return channel == VG_CHANNEL_temp ? (float)(round(value * 10) / 10) : (float)round(value);
}

void vg_sim_next(struct vg_sim *sim, struct vg_sim_row *row)
{
    struct patient *p = &sim->patients[sim->bed];
    struct vg_shown s = { 0 };
    /* Beds send one after the other within the second, as beds do. */
    int64_t phase_ns = (int64_t)sim->bed * 1000 / sim->config.beds * VG_NS_PER_MS;
    int64_t now_ns = sim->config.start_ns + sim->second * VG_NS_PER_S;
    double hour = (double)(now_ns / VG_NS_PER_S % DAY_S) / 3600;

    simulate(sim, p, (double)sim->second, cos(2 * M_PI * (hour - 17) / 24), &s);
    *row = (struct vg_sim_row){
        .bed = sim->bed,
        .patient = p->id,
        .label = p->label,
        .silent = s.silent,
        .record_ns = now_ns + phase_ns,
        .device_ns = now_ns + phase_ns + (int64_t)(s.clock_s * 1e9),
    };
    for (int c = 0; c < VG_CHANNELS; c++) {
        row->quality[c] = s.quality[c];
        row->value[c] = s.quality[c] == VG_Q_GOOD ? rounded(c, s.value[c]) : 0;
    }
    if (++sim->bed == sim->config.beds) {
        sim->bed = 0;
        sim->second++;
    }
}
