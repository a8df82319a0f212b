/* vitals.c - the vital signs of one simulated patient as a monitor measures them.
 *
 * What is slow is computed seldom, and a channel is measured only when its monitor looks: a second
 * of a patient costs a few normal deviates.
 */
#include "app/vitals.h"

#include <math.h>
#include <string.h>

#include "models/elementary.h"

/* Slow factors step every 30 s: their change in that time is below the monitor's noise. */
enum { SLOW_STEP_S = 30, DAY_S = 86400, MAYER_PERIOD_S = 10, BAROREFLEX_DELAY_S = 2 };

static const double two_pi = 6.283185307179586;

/* How much wander a stable patient shows of what a population of patients does. */
static const double stable = 0.6;

static const struct {
    double sd;           /* within a patient */
    double hours8, hour; /* weights of the two slow factors; give the measured autocorrelations */
    double day;          /* amplitude of the day, greatest at 17 h */
    double arousal;      /* care or pain of gain 1 */
} wander[VG_FACTORS] = {
    [VG_F_HR] = { 10.5, 0.92, 0.39, 3, 12 },    [VG_F_RR] = { 3.8, 0.75, 0.60, 0.8, 5 },
    [VG_F_SPO2] = { 2.4, 0.63, 0.67, 0, -0.8 }, [VG_F_MAP] = { 11.6, 0.71, 0.45, 3, 10 },
    [VG_F_PP] = { 10.0, 0.80, 0.50, 0, 6 },     [VG_F_TEMP] = { 0.53, 1, 0, 0.2, 0 },
};

/* Correlation of the slow factors (lower triangle), eICU demo, 124,094 stay-hours. */
static const double correlation[VG_FACTORS][VG_FACTORS] = {
    [VG_F_HR] = { 1 },
    [VG_F_RR] = { 0.26, 1 },
    [VG_F_SPO2] = { -0.11, -0.11, 1 },
    [VG_F_MAP] = { 0.13, 0, 0, 1 },
    [VG_F_PP] = { 0, 0, 0, 0, 1 },
    [VG_F_TEMP] = { 0.30, 0.14, 0, 0, 0, 1 },
};

static const double minute_sd[VG_MINUTES] = { [VG_M_HR] = 3, [VG_M_MAP] = 4, [VG_M_RR] = 1.2 };

/* Seconds for which a monitor shows one number before it looks again. */
static const struct {
    double shortest_s, longest_s;
} holds[VG_CHANNELS] = {
    [VG_CHANNEL_hr] = { 1, 3 },    [VG_CHANNEL_pulse] = { 4, 8 },    [VG_CHANNEL_spo2] = { 2, 8 },
    [VG_CHANNEL_rr] = { 2, 4 },    [VG_CHANNEL_abp_mean] = { 1, 3 }, [VG_CHANNEL_temp] = { 10, 30 },
    [VG_CHANNEL_etco2] = { 2, 5 },
};

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- the patient ---- */

/* Correlated normal deviates, SD 1 each: Cholesky's lower triangle applied to independent ones. */
static void draw_factors(struct vg_random *r, double out[VG_FACTORS])
{
    double lower[VG_FACTORS][VG_FACTORS] = { 0 }, z[VG_FACTORS];

    for (int i = 0; i < VG_FACTORS; i++) {
        z[i] = vg_random_normal(r);
        out[i] = 0;
        for (int j = 0; j <= i; j++) {
            double sum = correlation[i][j];

            for (int k = 0; k < j; k++)
                sum -= lower[i][k] * lower[j][k];
            lower[i][j] = i == j ? sqrt(sum) : sum / lower[j][j];
            out[i] += lower[i][j] * z[j];
        }
    }
}

static double around(struct vg_random *r, double mean, double sd, double low, double high)
{
    return clamp(mean + sd * vg_random_normal(r), low, high);
}

static void next_arousal(struct vg_vitals *v, double after_s)
{
    static const double per_day = 6;
    struct vg_random *r = &v->care;
    double wait_s = vg_random_exponential(r) * DAY_S / per_day;

    v->arousal_width_s = vg_random_uniform(r, 180, 720) / 4; /* 3 to 12 min from rise to fall */
    v->arousal_gain = vg_random_uniform(r, 0.4, 1.3);
    v->arousal_at_s = after_s + wait_s + 2 * v->arousal_width_s;
}

void vg_vitals_init(struct vg_vitals *v, uint64_t seed, uint32_t patient, int64_t start_s)
{
    enum { PATIENT, SLOW, FAST, CARE, STREAMS };
    struct vg_random streams[STREAMS], *r = &streams[PATIENT];

    for (uint64_t i = 0; i < STREAMS; i++)
        streams[i] = vg_random_stream(seed, (uint64_t)patient << 8 | i);
    memset(v, 0, sizeof(*v));
    v->start_s = start_s;
    v->slow = streams[SLOW];
    v->fast = streams[FAST];
    v->care = streams[CARE];
    v->own[VG_F_HR] = around(r, 84, 15, 55, 120);
    v->own[VG_F_RR] = around(r, 18, 4, 11, 28);
    v->own[VG_F_SPO2] = 97.2 - fmin(fabs(1.4 * vg_random_normal(r)), 3);
    v->own[VG_F_MAP] = around(r, 83, 11, 66, 110);
    v->own[VG_F_PP] = around(r, 57, 12, 35, 95);
    v->own[VG_F_TEMP] = around(r, 36.9, 0.4, 35.8, 38.2);
    v->etco20 = around(r, 37, 3.5, 28, 46);
    v->cuff_second = (uint32_t)vg_random_uniform(r, 0, VG_CUFF_EVERY_S);
    for (int i = 0; i < VG_MINUTES; i++) {
        v->minute_keep[i] = vg_exp(-1 / vg_random_uniform(r, 60, 180));
        v->minute_new[i] = sqrt(1 - v->minute_keep[i] * v->minute_keep[i]);
    }
    draw_factors(&v->slow, v->hours8);
    draw_factors(&v->slow, v->hour);
    next_arousal(v, 0);
}

/* ---- the hours, the minutes, the moment ---- */

/* x keeps a part of itself and gains what keeps its SD at 1. */
static void wander_on(double x[VG_FACTORS], double tau_s, struct vg_random *r)
{
    double keep = vg_exp(-SLOW_STEP_S / tau_s), z[VG_FACTORS];

    draw_factors(r, z);
    for (int i = 0; i < VG_FACTORS; i++)
        x[i] = keep * x[i] + sqrt(1 - keep * keep) * z[i];
}

static void step_slow(struct vg_vitals *v, int64_t second)
{
    double hour = (double)((v->start_s + second) % DAY_S) / 3600;
    double day = vg_cos(two_pi * (hour - 17) / 24);

    wander_on(v->hours8, 8 * 3600, &v->slow);
    wander_on(v->hour, 3600, &v->slow);
    for (int i = 0; i < VG_FACTORS; i++) {
        double w = wander[i].hours8 * v->hours8[i] + wander[i].hour * v->hour[i];

        v->level[i] = v->own[i] + stable * wander[i].sd * w + wander[i].day * day;
    }
}

static void step_minutes(struct vg_vitals *v)
{
    static const double jumps = 0.05;

    for (int i = 0; i < VG_MINUTES; i++) {
        double z = vg_random_uniform(&v->fast, 0, 1) < jumps ? vg_random_heavy_tailed(&v->fast)
                                                             : vg_random_normal(&v->fast);

        v->minute[i] = v->minute_keep[i] * v->minute[i] + v->minute_new[i] * z;
    }
}

static double arousal(struct vg_vitals *v, double now_s)
{
    double x = (now_s - v->arousal_at_s) / v->arousal_width_s;

    if (x > 4)
        next_arousal(v, now_s);
    return fabs(x) <= 4 ? v->arousal_gain * vg_exp(-0.5 * x * x) : 0;
}

/* Blood pressure waves of 0.1 Hz, mm[Hg]: 1.5 sin(2 pi t / 10). */
static double mayer_wave(int64_t second)
{
    static const double wave[MAYER_PERIOD_S] = {
        0, 0.88167787843870980,  1.42658477444273030,  1.42658477444273030,  0.88167787843870980,
        0, -0.88167787843870980, -1.42658477444273030, -1.42658477444273030, -0.88167787843870980
    };

    return wave[(second + MAYER_PERIOD_S) % MAYER_PERIOD_S];
}

/* ---- measuring ---- */

/* The patient in this second, before any noise. */
struct moment {
    double hr, rr, spo2, map, pp, temp, etco2;
};

static struct moment moment_of(struct vg_vitals *v, int64_t second, const struct vg_change *d)
{
    double care = arousal(v, (double)second), rr, x[VG_FACTORS];

    for (int i = 0; i < VG_FACTORS; i++)
        x[i] = v->level[i] + wander[i].arousal * care;
    rr = x[VG_F_RR] + minute_sd[VG_M_RR] * v->minute[VG_M_RR] + d->rr;
    return (struct moment){
        .hr = x[VG_F_HR] + minute_sd[VG_M_HR] * v->minute[VG_M_HR] + d->hr,
        .rr = rr * d->rr_factor,
        .spo2 = fmin(x[VG_F_SPO2], 99.5) + d->spo2,
        .map = x[VG_F_MAP] + minute_sd[VG_M_MAP] * v->minute[VG_M_MAP] + d->map,
        .pp = fmax(x[VG_F_PP] + d->pp, 8),
        .temp = x[VG_F_TEMP] + d->temp,
        .etco2 = v->etco20 - 0.5 * (rr - v->own[VG_F_RR]) - 1.5 * care + d->etco2,
    };
}

/* Whether a monitor looks at the channel now; then it shows what it sees for some seconds. */
static bool looks(struct vg_vitals *v, int channel, int64_t second)
{
    if (second < v->held_until_s[channel])
        return false;
    v->held_until_s[channel] =
        second + (int64_t)vg_random_uniform(&v->fast, holds[channel].shortest_s,
                                            holds[channel].longest_s + 1);
    return true;
}

/* The heart follows the breath, and two seconds late, against it, the pressure. */
static double heart(struct vg_vitals *v, int64_t second, const struct moment *m,
                    const struct vg_change *d)
{
    static const double sensitivity_ms = 4; /* per mm[Hg], of the ill */
    double hr = m->hr + d->hr_pull * (d->hr_target - m->hr);
    double reflex = -sensitivity_ms * hr * hr / 60000 * mayer_wave(second - BAROREFLEX_DELAY_S);

    hr += reflex + 2 * d->sinus_arrhythmia * vg_sin(two_pi * v->breath);
    return hr + fmax(1.5, d->hr_noise) * vg_random_normal(&v->fast);
}

static void measure_heart(struct vg_vitals *v, int64_t second, const struct moment *m,
                          const struct vg_change *d)
{
    if (looks(v, VG_CHANNEL_hr, second))
        v->held[VG_CHANNEL_hr] = clamp(heart(v, second, m, d), 20, 300);
    if (looks(v, VG_CHANNEL_pulse, second))
        v->held[VG_CHANNEL_pulse] = clamp(heart(v, second, m, d) - d->pulse_deficit, 20, 300);
}

static void set_pressures(double value[], int sys, double map, double pp)
{
    value[sys] = map + 0.70 * pp;
    value[sys + 1] = map - 0.30 * pp;
    value[sys + 2] = map;
}
_Static_assert(VG_CHANNEL_abp_dia == VG_CHANNEL_abp_sys + 1 &&
                   VG_CHANNEL_abp_mean == VG_CHANNEL_abp_sys + 2 &&
                   VG_CHANNEL_nibp_dia == VG_CHANNEL_nibp_sys + 1 &&
                   VG_CHANNEL_nibp_mean == VG_CHANNEL_nibp_sys + 2,
               "set_pressures() takes the three pressures as neighbours");

static void measure_pressures(struct vg_vitals *v, int64_t second, const struct moment *m,
                              struct vg_shown *s)
{
    static const double noise = 1.8, cuff_noise = 5;

    if (looks(v, VG_CHANNEL_abp_mean, second)) {
        double map = m->map + mayer_wave(second) + noise * vg_random_normal(&v->fast);

        set_pressures(v->held, VG_CHANNEL_abp_sys, clamp(map, 15, 220),
                      m->pp + noise * vg_random_normal(&v->fast));
    }
    if (vg_vitals_cuff(v, second)) {
        double map = m->map + cuff_noise * vg_random_normal(&v->fast);

        set_pressures(s->value, VG_CHANNEL_nibp_sys, clamp(map, 25, 220), m->pp);
        for (int c = VG_CHANNEL_nibp_sys; c <= VG_CHANNEL_nibp_mean; c++)
            s->quality[c] = VG_Q_GOOD;
    }
}

static void measure_rest(struct vg_vitals *v, int64_t second, const struct moment *m,
                         const struct vg_change *d)
{
    struct vg_random *r = &v->fast;

    if (looks(v, VG_CHANNEL_rr, second))
        v->held[VG_CHANNEL_rr] = d->apnoea ? 0 : clamp(m->rr + vg_random_normal(r), 3, 80);
    if (looks(v, VG_CHANNEL_spo2, second))
        v->held[VG_CHANNEL_spo2] = clamp(m->spo2 + 0.35 * vg_random_normal(r), 30, 100);
    if (looks(v, VG_CHANNEL_temp, second))
        v->held[VG_CHANNEL_temp] = m->temp + 0.03 * vg_random_normal(r);
    if (looks(v, VG_CHANNEL_etco2, second))
        v->held[VG_CHANNEL_etco2] =
            d->apnoea ? 0 : clamp(m->etco2 + 0.7 * vg_random_normal(r), 5, 120);
}

void vg_vitals_step(struct vg_vitals *v, int64_t second, const struct vg_change *d,
                    struct vg_shown *s)
{
    static const int measured[] = {
        VG_CHANNEL_hr,       VG_CHANNEL_pulse,   VG_CHANNEL_spo2,
        VG_CHANNEL_rr,       VG_CHANNEL_abp_sys, VG_CHANNEL_abp_dia,
        VG_CHANNEL_abp_mean, VG_CHANNEL_temp,    VG_CHANNEL_etco2,
    };
    struct moment m;

    if (second % SLOW_STEP_S == 0)
        step_slow(v, second);
    step_minutes(v);
    m = moment_of(v, second, d);
    v->breath += m.rr / 60;
    v->breath -= floor(v->breath);
    measure_heart(v, second, &m, d);
    measure_pressures(v, second, &m, s);
    measure_rest(v, second, &m, d);
    for (size_t i = 0; i < VG_ARRAY_LEN(measured); i++) {
        s->value[measured[i]] = v->held[measured[i]];
        s->quality[measured[i]] = VG_Q_GOOD;
    }
}
