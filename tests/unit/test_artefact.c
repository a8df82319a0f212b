/* test_artefact.c - the gate takes no emergency from anybody, and knows disturbances by sight.
 *
 * Emergencies go through the real stages twice, with and without the gate: what a limit tells must
 * be the same to the second. Disturbances go through the gate alone.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/evaluate_gate.h"
#include "core/text.h"
#include "runtime/offline.h"

TestSuite(artefact, .timeout = 120);

enum { STEADY_S = 600, TROUBLE_S = 900 };

static const int64_t start_ns = INT64_C(1772366400) * VG_NS_PER_S;

/* What the monitor shows at one second; NAN: the device says that there is none. */
struct signs {
    double hr, pulse, spo2, rr, map, pp, temp, etco2;
};

/* ---- running ---- */

struct run {
    struct vg_config *config;
    struct vg_offline *offline;
    struct vg_buf limits;    /* "612 start map_low\n": events of limits, time from the first row */
    struct vg_buf technical; /* the others, likewise */
    uint64_t invalid, suspect[VG_CHANNELS];
};

static const char *text_of(const char *json, size_t len, const char *key, char value[64])
{
    char quoted[32];
    const char *at;
    int n = snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);

    value[0] = '\0';
    at = memmem(json, len, quoted, (size_t)n);
    for (size_t i = 0; at && at[n + (int)i] != '"' && i < 63; i++) {
        value[i] = at[n + (int)i];
        value[i + 1] = '\0';
    }
    return value;
}

static void on_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                     const char *json, size_t len)
{
    struct run *run = ctx;
    char kind[64], phase[64], rule[64], time[64], priority[64];
    int64_t at_ns = 0;

    (void)patient;
    (void)event;
    text_of(json, len, "kind", kind);
    text_of(json, len, "time", time);
    cr_assert(vg_parse_time(time, strlen(time), &at_ns), "%.*s", (int)len, json);
    vg_buf_printf(strcmp(kind, "physiological") == 0 ? &run->limits : &run->technical,
                  "%lld %s %s %s\n", (long long)((at_ns - start_ns) / VG_NS_PER_S),
                  text_of(json, len, "phase", phase), text_of(json, len, "rule", rule),
                  text_of(json, len, "priority", priority));
}

static void on_row(void *ctx, uint32_t patient, const struct vg_row *row)
{
    struct run *run = ctx;

    (void)patient;
    for (int c = 0; c < VG_CHANNELS && row->kind == VG_ROW_SAMPLE; c++) {
        run->invalid += row->quality[c] == VG_Q_INVALID;
        run->suspect[c] += row->quality[c] == VG_Q_SUSPECT;
    }
}

static const char configuration[] =
    "version: 1\n"
    "service: {name: unit}\n"
    "source: {type: kafka, brokers: localhost, topic: t, start: latest}\n"
    "stages: [{type: clean}, %s {type: alert}]\n"
    "sinks: {out: {type: console}}\n"
    "profiles:\n"
    "  adult: {spo2: {low: 90 %%}}\n"
    "  vad: {extends: adult, pulseless: true}\n"
    "wards:\n"
    "  icu-a: {beds: {\"01\": {profile: adult}, \"02\": {profile: vad}}}\n"
    "alert_rules:\n"
    "  spo2_low: {title: a, priority: high, when: {channel: spo2, below: profile.low}, for: 10s}\n"
    "  hr_low: {title: b, priority: high, when: {channel: hr, below: 45 /min}, for: 10s}\n"
    "  hr_high: {title: c, priority: high, when: {channel: hr, above: 130 /min}, for: 10s}\n"
    "  map_low: {title: d, priority: high, when: {channel: abp_mean, below: \"60 mm[Hg]\"}, for: "
    "15s}\n"
    "  map_high: {title: e, priority: high, when: {channel: abp_mean, above: \"130 mm[Hg]\"}, for: "
    "15s}\n"
    "  co2_low: {title: f, priority: high, when: {channel: etco2, below: \"15 mm[Hg]\"}, for: "
    "15s}\n"
    "  rr_low: {title: g, priority: high, when: {channel: rr, below: 5 /min}, for: 20s}\n";

static void begin(struct run *run, bool gate)
{
    const struct vg_offline_sink sink = { .ctx = run, .row = on_row, .event = on_event };
    char path[] = "/tmp/vigil-gate-XXXXXX";
    int fd = mkstemp(path);
    struct vg_buf said = VG_BUF_INIT;
    struct vg_err err;

    memset(run, 0, sizeof(*run));
    cr_assert_geq(fd, 0);
    cr_assert_gt(dprintf(fd, configuration, gate ? "{type: artefact}," : ""), 0);
    close(fd);
    cr_assert_eq(vg_config_load(path, &run->config, &said, &err), VG_OK, "%s", said.data);
    unlink(path);
    cr_assert_eq(vg_offline_new(run->config, &sink, &run->offline, &err), VG_OK, "%s", err.msg);
    vg_buf_done(&said);
}

static void end(struct run *run)
{
    vg_offline_free(run->offline);
    vg_config_free(run->config);
    vg_buf_done(&run->limits);
    vg_buf_done(&run->technical);
}

static void put(struct vg_decoded *row, int channel, double value)
{
    row->quality[channel] = isnan(value) ? VG_Q_MISSING : VG_Q_GOOD;
    row->value[channel] = isnan(value) ? 0.0f : roundf((float)value);
}

static void feed(struct run *run, const char *bed, int second, const struct signs *s)
{
    const struct vg_offline_place next = { 0 };
    struct vg_decoded row = { .usable = true };
    struct vg_err err;

    row.time_ns = start_ns + second * VG_NS_PER_S;
    snprintf(row.patient, sizeof(row.patient), "p-1");
    snprintf(row.bed, sizeof(row.bed), "%s", bed);
    put(&row, VG_CHANNEL_hr, s->hr);
    put(&row, VG_CHANNEL_pulse, s->pulse);
    put(&row, VG_CHANNEL_spo2, s->spo2);
    put(&row, VG_CHANNEL_rr, s->rr);
    put(&row, VG_CHANNEL_abp_sys, s->map + 0.7 * s->pp);
    put(&row, VG_CHANNEL_abp_dia, s->map - 0.3 * s->pp);
    put(&row, VG_CHANNEL_abp_mean, s->map);
    put(&row, VG_CHANNEL_temp, s->temp);
    put(&row, VG_CHANNEL_etco2, s->etco2);
    cr_assert_eq(vg_offline_row(run->offline, &next, row.time_ns, &row, &err), VG_OK, "%s",
                 err.msg);
}

/* Breath, vessel tone and a little of everything, so that no signal stands still. */
static struct signs healthy(int second)
{
    double wave = sin(second * 0.6), slow = sin(second * 0.05);

    return (struct signs){ .hr = 84 + 2 * slow + wave,
                           .pulse = 84 + 2 * slow,
                           .spo2 = 97 + 0.6 * slow,
                           .rr = 16 + wave,
                           .map = 87 + 3 * slow + 1.5 * wave,
                           .pp = 50 + 2 * wave,
                           .temp = 37,
                           .etco2 = 37 + slow };
}

/* ---- emergencies: `t` seconds after they begin ---- */

static double fall(double t, double tau)
{
    return exp(-t / tau);
}

/* The heart stops. The finger shows its last pulse for a while; the ventilator goes on. */
static void arrest(double t, struct signs *s)
{
    s->hr = t < 4 ? s->hr : 0;
    s->map = 22 + (s->map - 22) * fall(t, 5);
    s->pp = s->pp * fall(t, 2);
    s->pulse = t < 12 ? 84 : NAN;
    s->spo2 = t < 20 ? 97 : NAN;
    s->etco2 = 8 + (s->etco2 - 8) * fall(t, 25);
}

/* An ECG as before, and no flow. */
static void pulseless_activity(double t, struct signs *s)
{
    s->map = 25 + (s->map - 25) * fall(t, 8);
    s->pp = s->pp * fall(t, 4);
    s->pulse = t < 15 ? 84 : NAN;
    s->spo2 = t < 15 ? 97 : NAN;
    s->etco2 = 10 + (s->etco2 - 10) * fall(t, 40);
}

/* The same on a bed that has neither a finger nor a capnograph. */
static void pulseless_activity_unseen(double t, struct signs *s)
{
    s->map = 25 + (s->map - 25) * fall(t, 8);
    s->pp = s->pp * fall(t, 4);
}

/* The pulse pressure is lost within ten minutes, the heart races. */
static void tamponade(double t, struct signs *s)
{
    double part = fmin(t / 600, 1);

    s->hr += 52 * part;
    s->pulse += 52 * part;
    s->pp = s->pp + (7 - s->pp) * part;
    s->map -= 34 * part;
    s->etco2 -= 10 * part;
}

/* Fast, every third beat does not arrive, and the saturation falls for a reason of its own. */
static void fibrillation(double t, struct signs *s)
{
    s->hr = 138 + 9 * sin(t * 2.1);
    s->pulse = s->hr - 30;
    s->map -= 10;
    s->pp -= 10;
    s->spo2 -= fmin(t / 20, 12);
}

static void crisis(double t, struct signs *s)
{
    s->map += 75 * (1 - fall(t, 180));
    s->pp += 22 * (1 - fall(t, 180));
}

/* As high as it can be without being a flush. */
static void extreme_crisis(double t, struct signs *s)
{
    s->map += 111 * (1 - fall(t, 60));
    s->pp += 30 * (1 - fall(t, 60));
}

static void apnoea(double t, struct signs *s)
{
    s->rr = 0;
    s->etco2 = 0;
    s->spo2 -= t < 30 ? 0 : fmin((t - 30) / 6, 25);
}

/* A tube that slipped out of a patient whose leads do not show breath. */
static void extubation(double t, struct signs *s)
{
    apnoea(t, s);
    s->rr = NAN;
}

static void desaturation_at_once(double t, struct signs *s)
{
    (void)t;
    s->spo2 = 74;
}

static void bradycardia(double t, struct signs *s)
{
    s->hr = s->pulse = 84 - 54 * fmin(t / 3, 1);
    s->map -= 40 * fmin(t / 10, 1);
}

/* Both are at the speed of the heart again, but only one of them tells it. */
static void tachycardia_without_flow(double t, struct signs *s)
{
    s->hr = 168;
    s->map -= 30 * fmin(t / 20, 1);
    s->pp -= 20 * fmin(t / 20, 1);
}

static void massive_bleeding(double t, struct signs *s)
{
    s->hr += fmin(t / 4, 55);
    s->pulse = s->hr;
    s->map -= fmin(t / 8, 50);
    s->pp -= fmin(t / 14, 35);
}

static const struct {
    const char *name, *rules[3]; /* that must start */
    void (*change)(double t, struct signs *s);
} emergencies[] = {
    { "arrest", { "hr_low", "map_low", "co2_low" }, arrest },
    { "pulseless activity", { "map_low", "co2_low" }, pulseless_activity },
    { "pulseless activity, little else measured", { "map_low" }, pulseless_activity_unseen },
    { "tamponade", { "hr_high", "map_low" }, tamponade },
    { "atrial fibrillation", { "hr_high", "spo2_low" }, fibrillation },
    { "hypertensive crisis", { "map_high" }, crisis },
    { "extreme hypertension", { "map_high" }, extreme_crisis },
    { "apnoea", { "rr_low", "co2_low", "spo2_low" }, apnoea },
    { "extubation", { "co2_low", "spo2_low" }, extubation },
    { "desaturation", { "spo2_low" }, desaturation_at_once },
    { "bradycardia", { "hr_low", "map_low" }, bradycardia },
    { "tachycardia without flow", { "hr_high", "map_low" }, tachycardia_without_flow },
    { "massive bleeding", { "hr_high", "map_low" }, massive_bleeding },
};

static void suffer(struct run *run, bool gate, const char *bed,
                   void (*change)(double t, struct signs *s))
{
    begin(run, gate);
    for (int second = 0; second < STEADY_S + TROUBLE_S; second++) {
        struct signs s = healthy(second);

        if (second >= STEADY_S)
            change(second - STEADY_S, &s);
        feed(run, bed, second, &s);
    }
    vg_offline_finish(run->offline, VG_TIME_NONE);
}

/* A tube that slipped out and one that was unplugged look alike until the patient suffers: then the
 * limit speaks for itself. Somebody with the same urgency was told at the same second. */
static void expect_stood_in(const struct run *with, const struct run *without, const char *line)
{
    char told[64];

    snprintf(told, sizeof(told), "%.*s artefact high\n", (int)(strchr(line, ' ') - line) + 6, line);
    cr_assert(strstr(without->limits.data, line), "%s", without->limits.data);
    cr_assert(with->technical.len && strstr(with->technical.data, told), "no %s in %s", told,
              with->technical.len ? with->technical.data : "nothing");
}

ParameterizedTestParameters(artefact, an_emergency_is_told_as_if_there_were_no_gate)
{
    static int rows[VG_ARRAY_LEN(emergencies)];

    for (size_t i = 0; i < VG_ARRAY_LEN(emergencies); i++)
        rows[i] = (int)i;
    return cr_make_param_array(int, rows, VG_ARRAY_LEN(emergencies));
}

ParameterizedTest(int *row, artefact, an_emergency_is_told_as_if_there_were_no_gate)
{
    struct run with, without;

    suffer(&with, true, "icu-a/01", emergencies[*row].change);
    suffer(&without, false, "icu-a/01", emergencies[*row].change);
    for (int i = 0; i < 3 && emergencies[*row].rules[i]; i++) {
        char expected[64];

        snprintf(expected, sizeof(expected), " start %s high\n", emergencies[*row].rules[i]);
        cr_assert(with.limits.data && strstr(with.limits.data, expected), "%s: no %s in\n%s",
                  emergencies[*row].name, expected, with.limits.data);
    }
    if (emergencies[*row].change == extubation)
        expect_stood_in(&with, &without, "615 start co2_low high\n");
    else
        cr_assert_str_eq(with.limits.data, without.limits.data, "%s: the gate changed\n%sto\n%s",
                         emergencies[*row].name, without.limits.data, with.limits.data);
    cr_assert_eq(with.invalid, without.invalid, "%s: %llu values rejected", emergencies[*row].name,
                 (unsigned long long)(with.invalid - without.invalid));
    end(&with);
    end(&without);
}

/* ---- flow without a pulse ---- */

static void pump(double t, struct signs *s)
{
    s->pp = 4;
    s->pulse = NAN;
    s->map = t < 600 ? 78 : 38;
}

Test(artefact, a_pump_has_no_pulse_and_is_not_doubted_for_it)
{
    struct run run;

    begin(&run, true);
    for (int second = 0; second < 900; second++) {
        struct signs s = healthy(second);

        pump(second, &s);
        feed(&run, "icu-a/02", second, &s);
    }
    vg_offline_finish(run.offline, VG_TIME_NONE);
    cr_assert_eq(run.suspect[VG_CHANNEL_abp_sys], 0);
    cr_assert_eq(run.suspect[VG_CHANNEL_abp_mean], 0);
    cr_assert_eq(run.technical.len, 0, "%s", run.technical.data);
    cr_assert_str_eq(run.limits.data, "615 start map_low high\n");
    end(&run);
}

Test(artefact, the_same_pressure_is_doubted_where_a_pulse_is_expected_and_still_reaches_its_limit)
{
    struct run run;

    begin(&run, true);
    for (int second = 0; second < 900; second++) {
        struct signs s = healthy(second);

        pump(second, &s);
        feed(&run, "icu-a/01", second, &s);
    }
    vg_offline_finish(run.offline, VG_TIME_NONE);
    cr_assert_gt(run.suspect[VG_CHANNEL_abp_sys], 300);
    cr_assert_str_eq(run.limits.data, "615 start map_low high\n");
    end(&run);
}

/* ---- disturbances ---- */

static void flush(double t, struct signs *s)
{
    if (t < 45) {
        s->map = 283;
        s->pp = 15;
    }
}

Test(artefact, a_flush_is_told_in_the_place_of_its_limit_as_loudly_and_as_soon)
{
    struct run with, without;

    suffer(&with, true, "icu-a/01", flush);
    suffer(&without, false, "icu-a/01", flush);
    cr_assert_str_eq(without.limits.data, "615 start map_high high\n645 end map_high high\n");
    cr_assert_str_eq(with.technical.data, "615 start artefact high\n645 end artefact high\n");
    cr_assert_eq(with.limits.len, 0, "%s", with.limits.data);
    end(&with);
    end(&without);
}

/* Around the pressure of a flush, from one second to the next. */
static void at_the_edge(double t, struct signs *s)
{
    s->map = (int)t % 2 ? 206 : 192;
    s->pp = 44;
}

Test(artefact, a_pressure_around_that_of_a_flush_is_not_kept_from_everybody)
{
    struct run run;

    suffer(&run, true, "icu-a/01", at_the_edge);
    cr_assert(strstr(run.limits.len ? run.limits.data : "", " start map_high high\n") ||
                  strstr(run.technical.len ? run.technical.data : "", " start artefact high\n"),
              "neither the limit nor the artefact is told");
    end(&run);
}

/* A low pressure, and a flush before it has lasted as long as its limit waits. */
static void low_and_flushed(double t, struct signs *s)
{
    s->map = 50;
    if (t >= 10 && t < 14)
        flush(t, s);
}

Test(artefact, a_flush_does_not_delay_a_limit_that_is_about_to_be_told)
{
    struct run run;

    suffer(&run, true, "icu-a/01", low_and_flushed);
    cr_assert(run.limits.len && strstr(run.limits.data, "615 start map_low high\n"), "%s",
              run.limits.data);
    end(&run);
}

/* What is wrong with the configuration when it has this rule for artefacts. */
static void expect_refused(const char *rule, const char *message)
{
    char path[] = "/tmp/vigil-gate-XXXXXX";
    int fd = mkstemp(path);
    struct vg_buf said = VG_BUF_INIT;
    struct vg_config *config;
    struct vg_err err;

    cr_assert_geq(fd, 0);
    cr_assert_gt(dprintf(fd, configuration, "{type: artefact},"), 0);
    cr_assert_gt(dprintf(fd, "  own: {title: h, when: {condition: artefact}, %s}\n", rule), 0);
    close(fd);
    cr_assert_eq(vg_config_load(path, &config, &said, &err), VG_E_CONFIG);
    unlink(path);
    cr_assert(said.data && strstr(said.data, message), "%s", said.data);
    vg_buf_done(&said);
}

Test(artefact, a_rule_of_ones_own_for_artefacts_is_as_loud_and_as_soon_as_the_limits)
{
    expect_refused("priority: low", "must have at least the priority of that");
    expect_refused("priority: high, for: 2m", "must be at most 20 s or that of the limit");
}

static void moved(double t, struct signs *s)
{
    if (t < 600)
        s->map -= 18;
}

static void damped(double t, struct signs *s)
{
    if (t < 600)
        s->pp *= 0.3;
}

static void slipped(double t, struct signs *s)
{
    if (t < 600)
        s->temp -= 6 * (1 - fall(t, 300));
}

static void unplugged(double t, struct signs *s)
{
    if (t < 600) {
        s->etco2 = 0;
        s->rr = NAN;
    }
}

static void restless(double t, struct signs *s)
{
    if (t < 280) {
        s->spo2 = 84 + 4 * sin(t * 1.7);
        s->pulse += 40;
    }
}

static const struct {
    const char *name;
    void (*change)(double t, struct signs *s);
    int length_s, channel, clean_channel; /* clean: one that is not touched */
} disturbances[] = {
    { "moved transducer", moved, 600, VG_CHANNEL_abp_mean, VG_CHANNEL_hr },
    { "damped line", damped, 600, VG_CHANNEL_abp_sys, VG_CHANNEL_abp_mean },
    { "slipped probe", slipped, 600, VG_CHANNEL_temp, VG_CHANNEL_abp_sys },
    { "unplugged capnograph", unplugged, 600, VG_CHANNEL_etco2, VG_CHANNEL_spo2 },
    { "moving finger", restless, 280, VG_CHANNEL_spo2, VG_CHANNEL_hr },
};

ParameterizedTestParameters(artefact, a_disturbance_is_doubted_while_it_lasts_and_advice_is_given)
{
    static int rows[VG_ARRAY_LEN(disturbances)];

    for (size_t i = 0; i < VG_ARRAY_LEN(disturbances); i++)
        rows[i] = (int)i;
    return cr_make_param_array(int, rows, VG_ARRAY_LEN(disturbances));
}

ParameterizedTest(int *row, artefact, a_disturbance_is_doubted_while_it_lasts_and_advice_is_given)
{
    struct run run;

    suffer(&run, true, "icu-a/01", disturbances[*row].change);
    cr_assert_float_eq((double)run.suspect[disturbances[*row].channel],
                       (double)disturbances[*row].length_s, 30, "%s: doubted for %llu s",
                       disturbances[*row].name,
                       (unsigned long long)run.suspect[disturbances[*row].channel]);
    cr_assert_eq(run.suspect[disturbances[*row].clean_channel], 0, "%s", disturbances[*row].name);
    cr_assert(run.technical.data && strstr(run.technical.data, " start check_sensor low\n") &&
                  strstr(run.technical.data, " end check_sensor low\n"),
              "%s: %s", disturbances[*row].name, run.technical.data);
    end(&run);
}

/* A pulse that stays unlike the heart rate is the rhythm's: the finger is believed again. */
Test(artefact, a_deficit_that_stays_is_the_rhythm)
{
    struct run run;

    suffer(&run, true, "icu-a/01", fibrillation);
    cr_assert_float_eq((double)run.suspect[VG_CHANNEL_spo2], 312, 15, "%llu",
                       (unsigned long long)run.suspect[VG_CHANNEL_spo2]);
    cr_assert_eq(run.suspect[VG_CHANNEL_hr], 0, "HR is never doubted for the pulse");
    end(&run);
}

/* ---- evidence ---- */

/* What the limit told without the gate is told by `artefact` with it, at the same second. */
static void expect_instead(void (*change)(double t, struct signs *s), const char *rule)
{
    struct run with, without;
    char started[64], *line;

    suffer(&with, true, "icu-a/01", change);
    suffer(&without, false, "icu-a/01", change);
    snprintf(started, sizeof(started), " start %s high\n", rule);
    line = without.limits.len ? strstr(without.limits.data, started) : NULL;
    cr_assert(line, "%s is not told at all", rule);
    while (line > without.limits.data && line[-1] != '\n')
        line--;
    cr_assert(!with.limits.len || !strstr(with.limits.data, started), "%s", with.limits.data);
    expect_stood_in(&with, &without, line);
    end(&with);
    end(&without);
}

/* A finger that moves, with the pulse lost in it, beside an ECG that is as before. */
static void moving(double t, struct signs *s)
{
    if (t < 150) {
        s->spo2 = 82 + ((int)t / 2 % 2 ? 5 : -3);
        s->pulse += 40;
    }
}

static void unplugged_for_long(double t, struct signs *s)
{
    if (t < 150) {
        s->etco2 = 0;
        s->rr = NAN;
    }
}

/* A pressure whose mean is above its systolic. */
static void misshapen(double t, struct signs *s)
{
    if (t < 60) {
        s->map = 140;
        s->pp = -20;
    }
}

Test(artefact, what_is_proven_to_be_no_measurement_is_told_instead_of_its_limit)
{
    expect_instead(moving, "spo2_low");
    expect_instead(unplugged_for_long, "co2_low");
    expect_instead(misshapen, "map_high");
    expect_instead(flush, "map_high");
}

/* The saturation falls for a reason of its own while the finger moves. */
static void desaturation_while_moving(double t, struct signs *s)
{
    s->spo2 -= fmin(t / 4, 20);
    if (t < 150) {
        s->spo2 += (int)t / 2 % 2 ? 3 : -3;
        s->pulse += 40;
    }
}

Test(artefact, an_event_behind_a_disturbance_is_told_as_loudly_and_by_its_limit_when_that_is_over)
{
    struct run with, without;
    int first = 0, with_first = 0, by_limit = 0;

    suffer(&with, true, "icu-a/01", desaturation_while_moving);
    suffer(&without, false, "icu-a/01", desaturation_while_moving);
    cr_assert_eq(sscanf(without.limits.data, "%d start spo2_low high", &first), 1, "%s",
                 without.limits.data);
    cr_assert(with.technical.len &&
              sscanf(with.technical.data, "%d start artefact high", &with_first) == 1);
    cr_assert_leq(with_first, first + 20);
    cr_assert_eq(sscanf(with.limits.data, "%d start spo2_low high", &by_limit), 1);
    cr_assert_leq(by_limit, STEADY_S + 150 + 20, "%s", with.limits.data);
    end(&with);
    end(&without);
}

/* ---- the simulator ---- */

static const struct vg_gate_found *found(const struct vg_gate_result *result, const char *name)
{
    for (size_t i = 0; i < result->kinds; i++) {
        if (strcmp(result->kind[i].name, name) == 0)
            return &result->kind[i];
    }
    cr_assert_fail("no %s", name);
    return NULL;
}

/* `vigil evaluate anomaly` has the figures of larger populations. */
Test(artefact, most_artefacts_are_found_and_no_event_is_rejected)
{
    static const struct {
        const char *name;
        double least; /* part of the episodes */
    } expected[] = {
        { "flush", 1 },           { "zeroing", 1 },         { "probe-off", 1 },
        { "lead-off", 1 },        { "spo2-motion", 0.97 },  { "etco2-off", 1 },
        { "damping", 0.9 },       { "temp-probe", 0.9 },    { "transducer-height", 0.6 },
        { "double-count", 0.75 }, { "nibp-outlier", 0.85 },
    };
    const char *longer = getenv("VIGIL_LONG");
    struct vg_gate_study study = { .patients = longer ? 200 : 5,
                                   .per_group = longer ? 50 : 1,
                                   .seed = 31 };
    struct vg_gate_result result;
    struct vg_buf text = VG_BUF_INIT;
    struct vg_err err;

    cr_assert_eq(vg_evaluate_gate_run(&study, &result, &err), VG_OK, "%s", err.msg);
    vg_gate_print(&result, &text);
    if (longer)
        printf("%s", text.data);
    for (size_t i = 0; i < VG_ARRAY_LEN(expected); i++) {
        const struct vg_gate_found *kind = found(&result, expected[i].name);

        cr_assert((double)kind->found >= expected[i].least * (double)kind->episodes, "%s:\n%s",
                  expected[i].name, text.data);
    }
    cr_assert_leq(vg_gate_invalid_part(&result), 0.005, "%s", text.data);
    cr_assert_leq((double)result.doubted[VG_CHANNEL_abp_mean],
                  0.03 * (double)result.quiet[VG_CHANNEL_abp_mean], "%s", text.data);
    vg_buf_done(&text);
}
