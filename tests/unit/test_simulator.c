/* test_simulator.c - the simulated ward: repeatable, plausible, and its troubles show. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/simulator.h"

TestSuite(simulator, .timeout = 60);

enum { HR = VG_CHANNEL_hr, RR = VG_CHANNEL_rr, SPO2 = VG_CHANNEL_spo2, ROWS_MAX = 8 * 3600 };

static struct vg_err err;

static struct vg_sim *ward(uint32_t beds, uint64_t seed)
{
    struct vg_sim_config config = {
        .beds = beds,
        .ward = "icu-a",
        .seed = seed,
        .start_ns = INT64_C(1772323200) * VG_NS_PER_S,
    };

    return vg_sim_new(&config);
}

static void add(struct vg_sim *sim, enum vg_sim_kind kind, const char *spec)
{
    cr_assert_eq(vg_sim_add(sim, kind, spec, &err), VG_OK, "%s", err.msg);
}

/* `n` rows of bed 0 of a ward; the caller frees. */
static struct vg_sim_row *watch(struct vg_sim *sim, size_t n)
{
    struct vg_sim_row *rows = calloc(n, sizeof(*rows));

    cr_assert(rows);
    for (size_t i = 0; i < n;) {
        vg_sim_next(sim, &rows[i]);
        i += rows[i].bed == 0;
    }
    return rows;
}

static double mean(const struct vg_sim_row *rows, size_t from, size_t to, int channel)
{
    double sum = 0;

    for (size_t i = from; i < to; i++)
        sum += (double)rows[i].value[channel];
    return sum / (double)(to - from);
}

static bool same(const struct vg_sim_row *a, const struct vg_sim_row *b)
{
    return a->bed == b->bed && a->silent == b->silent && a->record_ns == b->record_ns &&
           a->device_ns == b->device_ns && memcmp(a->value, b->value, sizeof(a->value)) == 0 &&
           memcmp(a->quality, b->quality, sizeof(a->quality)) == 0;
}

Test(simulator, the_same_seed_gives_the_same_rows)
{
    struct vg_sim *a = ward(3, 7), *b = ward(3, 7), *c = ward(3, 8);
    struct vg_sim_row x, y, z;
    int differ = 0;

    for (int i = 0; i < 3000; i++) {
        vg_sim_next(a, &x);
        vg_sim_next(b, &y);
        vg_sim_next(c, &z);
        cr_assert(same(&x, &y), "row %d", i);
        differ += !same(&x, &z);
    }
    cr_assert_gt(differ, 2900);
    vg_sim_free(a);
    vg_sim_free(b);
    vg_sim_free(c);
}

Test(simulator, a_bed_does_not_depend_on_the_others_nor_on_what_happens_to_them)
{
    struct vg_sim *alone = ward(1, 7), *many = ward(5, 7);
    struct vg_sim_row *a, *b;

    add(many, VG_SIM_SCENARIO, "haemorrhage@2:1m");
    add(many, VG_SIM_ARTEFACT, "silent@3:1m");
    a = watch(alone, 1200);
    b = watch(many, 1200);
    for (int i = 0; i < 1200; i++)
        cr_assert(memcmp(a[i].value, b[i].value, sizeof(a[i].value)) == 0, "second %d", i);
    free(a);
    free(b);
    vg_sim_free(alone);
    vg_sim_free(many);
}

Test(simulator, beds_take_turns_and_seconds_follow)
{
    struct vg_sim *sim = ward(4, 1);
    struct vg_sim_row row;
    int64_t last = 0;

    for (int i = 0; i < 40; i++) {
        vg_sim_next(sim, &row);
        cr_assert_eq(row.bed, i % 4);
        cr_assert_gt(row.record_ns, last);
        cr_assert_eq(row.record_ns, INT64_C(1772323200) * VG_NS_PER_S + i * VG_NS_PER_S / 4);
        last = row.record_ns;
    }
    cr_assert_str_eq(row.label, "icu-a/04");
    vg_sim_free(sim);
}

Test(simulator, stable_patients_are_plausible)
{
    double sum[VG_CHANNELS] = { 0 };
    enum { BEDS = 60, SECONDS = 600 };
    struct vg_sim *sim = ward(BEDS, 3);
    struct vg_sim_row row;

    for (int i = 0; i < BEDS * SECONDS; i++) {
        vg_sim_next(sim, &row);
        for (int c = 0; c < VG_CHANNELS; c++) {
            if (row.quality[c] != VG_Q_GOOD)
                continue;
            cr_assert(row.value[c] >= vg_channels[c].low && row.value[c] <= vg_channels[c].high);
            sum[c] += (double)row.value[c];
        }
    }
    cr_assert_float_eq(sum[HR] / (BEDS * SECONDS), 84, 6);
    cr_assert_float_eq(sum[RR] / (BEDS * SECONDS), 18, 2.5);
    cr_assert_float_eq(sum[SPO2] / (BEDS * SECONDS), 96.1, 1);
    cr_assert_float_eq(sum[VG_CHANNEL_abp_mean] / (BEDS * SECONDS), 83, 5);
    cr_assert_float_eq(sum[VG_CHANNEL_temp] / (BEDS * SECONDS), 36.9, 0.3);
    vg_sim_free(sim);
}

Test(simulator, spo2_holds_its_value_as_monitors_do)
{
    struct vg_sim *sim = ward(1, 5);
    struct vg_sim_row *rows = watch(sim, 3600);
    int unchanged = 0;

    for (int i = 1; i < 3600; i++)
        unchanged += rows[i].value[SPO2] == rows[i - 1].value[SPO2];
    cr_assert_gt(unchanged, 3600 * 80 / 100);
    cr_assert_lt(unchanged, 3600);
    free(rows);
    vg_sim_free(sim);
}

/* Mean change of a channel from the minutes before a scenario to some minutes after its start. */
struct effect {
    char spec[48];
    int channel, from_min, to_min;
    double low, high; /* the change lies between */
};

ParameterizedTestParameters(simulator, scenarios_change_what_they_should)
{
    static struct effect rows[] = {
        { "opioid@1:10m", VG_CHANNEL_rr, 30, 40, -20, -5 },
        { "opioid@1:10m", VG_CHANNEL_spo2, 40, 50, -14, -3 },
        { "opioid@1:10m", VG_CHANNEL_etco2, 40, 50, 7, 40 },
        { "opioid-oxygen@1:10m", VG_CHANNEL_spo2, 40, 50, -5.5, 0.5 },
        { "opioid@1:10m+20m", VG_CHANNEL_spo2, 50, 60, -3, 3 },
        { "haemorrhage@1:10m", VG_CHANNEL_hr, 130, 140, 8, 80 },
        { "haemorrhage@1:10m", VG_CHANNEL_abp_mean, 130, 140, -60, -10 },
        { "af@1:10m", VG_CHANNEL_hr, 15, 30, 20, 110 },
        { "af@1:10m", VG_CHANNEL_abp_mean, 15, 30, -30, -2 },
        { "vagal@1:10m+3m", VG_CHANNEL_hr, 11, 13, -85, -15 },
        { "sepsis@1:10m", VG_CHANNEL_hr, 380, 400, 10, 60 },
        { "pneumothorax-ventilated@1:10m", VG_CHANNEL_spo2, 30, 40, -24, -6 },
        { "hypertension@1:10m", VG_CHANNEL_abp_sys, 40, 50, 30, 110 },
        { "fever@1:10m", VG_CHANNEL_temp, 180, 200, 1, 3 },
    };
    return cr_make_param_array(struct effect, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct effect *row, simulator, scenarios_change_what_they_should)
{
    struct vg_sim *sim = ward(1, 11);
    struct vg_sim_row *rows;
    double change;

    add(sim, VG_SIM_SCENARIO, row->spec);
    rows = watch(sim, (size_t)row->to_min * 60);
    change = mean(rows, (size_t)row->from_min * 60, (size_t)row->to_min * 60, row->channel) -
             mean(rows, 0, 600, row->channel);
    cr_assert(change > row->low && change < row->high, "%s: %s changed by %g", row->spec,
              vg_channels[row->channel].name, change);
    free(rows);
    vg_sim_free(sim);
}

Test(simulator, an_apnoea_stops_breath_and_then_the_saturation_falls_and_recovers)
{
    struct vg_sim *sim = ward(1, 2);
    struct vg_sim_row *rows;

    add(sim, VG_SIM_SCENARIO, "apnoea@1:5m+150s");
    rows = watch(sim, 15 * 60);
    for (int s = 300 + 5; s < 300 + 150; s++) {
        cr_assert_eq(rows[s].value[RR], 0, "second %d", s);
        cr_assert_eq(rows[s].value[VG_CHANNEL_etco2], 0);
    }
    cr_assert_gt(mean(rows, 300, 320, SPO2), mean(rows, 0, 300, SPO2) - 2);
    cr_assert_lt(mean(rows, 450, 470, SPO2), mean(rows, 0, 300, SPO2) - 15);
    cr_assert_gt(mean(rows, 700, 900, SPO2), mean(rows, 0, 300, SPO2) - 3);
    cr_assert_gt(mean(rows, 470, 500, RR), 5);
    free(rows);
    vg_sim_free(sim);
}

Test(simulator, af_beats_do_not_all_reach_the_finger)
{
    struct vg_sim *sim = ward(1, 2);
    struct vg_sim_row *rows;

    add(sim, VG_SIM_SCENARIO, "af@1:1m");
    rows = watch(sim, 600);
    cr_assert_gt(mean(rows, 120, 600, HR), mean(rows, 120, 600, VG_CHANNEL_pulse) + 8);
    free(rows);
    vg_sim_free(sim);
}

Test(simulator, artefacts_show_and_end)
{
    struct vg_sim *sim = ward(1, 4);
    struct vg_sim_row *rows;

    add(sim, VG_SIM_ARTEFACT, "lead-off@1:10s+10s");
    add(sim, VG_SIM_ARTEFACT, "probe-off@1:30s+10s");
    add(sim, VG_SIM_ARTEFACT, "flush@1:50s+10s");
    add(sim, VG_SIM_ARTEFACT, "zeroing@1:70s+10s");
    add(sim, VG_SIM_ARTEFACT, "spo2-motion@1:90s+10s");
    add(sim, VG_SIM_ARTEFACT, "clock-ahead@1:110s+10s");
    add(sim, VG_SIM_ARTEFACT, "silent@1:130s+10s");
    rows = watch(sim, 160);
    for (int s = 0; s < 160; s++) {
        const struct vg_sim_row *r = &rows[s];
        int tens = s / 10;

        cr_assert_eq(r->quality[HR] == VG_Q_MISSING, tens == 1, "second %d", s);
        cr_assert_eq(r->quality[RR] == VG_Q_MISSING, tens == 1, "second %d", s);
        cr_assert_eq(r->value[SPO2] == 0, tens == 3, "second %d", s);
        cr_assert_eq(r->value[VG_CHANNEL_pulse] == 0, tens == 3, "second %d", s);
        cr_assert_eq(r->value[VG_CHANNEL_abp_sys] > 270, tens == 5, "second %d", s);
        cr_assert_eq(r->value[VG_CHANNEL_abp_mean] == 0, tens == 7, "second %d", s);
        cr_assert_eq(r->device_ns - r->record_ns, tens == 11 ? 90 * VG_NS_PER_S : 0);
        cr_assert_eq(r->silent, tens == 13, "second %d", s);
    }
    free(rows);
    vg_sim_free(sim);
}

Test(simulator, random_artefacts_come_as_often_as_asked)
{
    enum { BEDS = 20, SECONDS = 6 * 3600 };
    struct vg_sim_config config = { .beds = BEDS, .ward = "w", .seed = 9, .artefact_rate = 4 };
    struct vg_sim *sim = vg_sim_new(&config);
    bool off[BEDS] = { 0 };
    struct vg_sim_row row;
    int begins = 0;

    for (int i = 0; i < BEDS * SECONDS; i++) {
        bool missing;

        vg_sim_next(sim, &row);
        missing = row.quality[HR] == VG_Q_MISSING;
        begins += missing && !off[row.bed];
        off[row.bed] = missing;
    }
    /* 8 leads off a day, four times as often, less those that another artefact stands in for. */
    cr_assert_float_eq(begins, 8.0 * 4 * BEDS / 4, 45, "%d", begins);
    vg_sim_free(sim);
}

struct bad_spec {
    int kind;
    char spec[48], message[64];
};

ParameterizedTestParameters(simulator, a_bad_spec_is_refused)
{
    static struct bad_spec rows[] = {
        { VG_SIM_SCENARIO, "opiod@1:5m", "did you mean \"opioid\"?" },
        { VG_SIM_SCENARIO, "flush@1:5m", "no scenario \"flush\"" },
        { VG_SIM_ARTEFACT, "opioid@1:5m", "no artefact \"opioid\"" },
        { VG_SIM_SCENARIO, "opioid", "expected NAME@BED:START" },
        { VG_SIM_SCENARIO, "opioid@1", "expected NAME@BED:START" },
        { VG_SIM_SCENARIO, "opioid@9:5m", "no bed \"9\"; expected 1 to 4" },
        { VG_SIM_SCENARIO, "opioid@0:5m", "no bed \"0\"" },
        { VG_SIM_SCENARIO, "opioid@icu-b/01:5m", "no bed \"icu-b/01\"" },
        { VG_SIM_SCENARIO, "opioid@1:5", "expected durations with a unit" },
        { VG_SIM_SCENARIO, "opioid@1:5m+", "expected durations with a unit" },
        { VG_SIM_SCENARIO, "opioid@1:5m+0", "expected durations with a unit" },
    };
    return cr_make_param_array(struct bad_spec, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct bad_spec *row, simulator, a_bad_spec_is_refused)
{
    struct vg_sim *sim = ward(4, 1);

    cr_assert_eq(vg_sim_add(sim, row->kind, row->spec, &err), VG_E_USAGE);
    cr_assert(strstr(err.msg, row->message), "%s", err.msg);
    vg_sim_free(sim);
}

Test(simulator, beds_go_by_number_or_label)
{
    struct vg_sim *sim = ward(4, 1);

    add(sim, VG_SIM_SCENARIO, "opioid@4:0");
    add(sim, VG_SIM_SCENARIO, "opioid@04:5m");
    add(sim, VG_SIM_SCENARIO, "opioid@icu-a/04:5m+1h");
    vg_sim_free(sim);
}
