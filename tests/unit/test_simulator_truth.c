/* test_simulator_truth.c - what the simulator says of itself: labels, populations, statistics. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/simulator.h"

TestSuite(simulator_truth, .timeout = 120);

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, PULSE = VG_CHANNEL_pulse, LABELS_MAX = 4096 };

static const int64_t noon_ns = INT64_C(1772366400) * VG_NS_PER_S;

static struct vg_sim_config population(uint32_t beds, uint64_t seed)
{
    return (struct vg_sim_config){ .beds = beds, .ward = "w", .seed = seed, .start_ns = noon_ns };
}

static int64_t hours_ns(double h)
{
    return (int64_t)(h * 3600) * VG_NS_PER_S;
}

static bool is(const struct vg_sim_label *label, const char *name)
{
    return strcmp(label->entry->name, name) == 0;
}

Test(simulator_truth, a_bed_on_its_own_gives_the_rows_it_gives_in_its_ward)
{
    struct vg_sim_config config = population(3, 5);
    struct vg_sim *sim;
    struct vg_sim_bed *alone;
    struct vg_sim_row a, b;

    config.artefact_rate = 40;
    config.scenario_share = 1;
    sim = vg_sim_new(&config);
    alone = vg_sim_bed_new(&config, 1);
    for (int i = 0; i < 3 * 4000; i++) {
        vg_sim_next(sim, &a);
        if (a.bed != 1)
            continue;
        vg_sim_bed_next(alone, &b);
        cr_assert(memcmp(a.value, b.value, sizeof(a.value)) == 0 &&
                      memcmp(a.quality, b.quality, sizeof(a.quality)) == 0 &&
                      a.record_ns == b.record_ns && a.device_ns == b.device_ns,
                  "second %d", i / 3);
    }
    vg_sim_bed_free(alone);
    vg_sim_free(sim);
}

/* Computed once and written down: no processor, compiler or library may change a row. */
Test(simulator_truth, the_bits_are_the_same_everywhere)
{
    struct vg_sim_config config = population(VG_SIM_GROUPS * 4, 11);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct vg_sim_row row;

    config.artefact_rate = 20;
    config.scenario_share = 1;
    config.onset_until_ns = hours_ns(0.25);
    for (uint32_t bed = 0; bed < config.beds; bed++) {
        struct vg_sim_bed *b = vg_sim_bed_new(&config, bed);

        for (int i = 0; i < 1800; i++) {
            vg_sim_bed_next(b, &row);
            for (int c = 0; c < VG_MEASURED; c++) {
                uint32_t bits;

                memcpy(&bits, &row.value[c], sizeof(bits));
                hash = (hash ^ bits ^ (uint64_t)row.quality[c] << 32) * UINT64_C(0x100000001b3);
            }
        }
        vg_sim_bed_free(b);
    }
    cr_assert_eq(hash, UINT64_C(0xefad3c9e9d370164), "0x%016" PRIx64, hash);
}

/* ---- labels ---- */

static struct vg_sim_label labels[LABELS_MAX];

/* Whether a label of this artefact covers the row; its place in *at moves on with the rows. */
static const struct vg_sim_label *covers(const char *name, size_t n, const struct vg_sim_row *row)
{
    for (size_t i = 0; i < n; i++) {
        if (is(&labels[i], name) && labels[i].start_ns <= row->record_ns &&
            row->record_ns < labels[i].end_ns)
            return &labels[i];
    }
    return NULL;
}

Test(simulator_truth, an_artefact_shows_exactly_while_its_label_says_so)
{
    struct vg_sim_config config = population(2, 21);
    int64_t duration_ns = hours_ns(4);
    struct vg_sim_bed *bed, *untouched;
    size_t n;

    config.artefact_rate = 0;
    untouched = vg_sim_bed_new(&config, 1);
    config.artefact_rate = 8;
    bed = vg_sim_bed_new(&config, 1);
    n = vg_sim_bed_labels(bed, duration_ns, labels, LABELS_MAX);
    cr_assert(n > 30 && n < 100, "%zu labels", n);
    for (size_t i = 1; i < n; i++)
        cr_assert_leq(labels[i - 1].start_ns, labels[i].start_ns);
    for (int s = 0; s < 4 * 3600; s++) {
        const struct vg_sim_label *motion;
        struct vg_sim_row row, plain;
        uint32_t disturbed = 0;

        vg_sim_bed_next(bed, &row);
        vg_sim_bed_next(untouched, &plain);
        for (size_t i = 0; i < n; i++) {
            if (labels[i].start_ns <= row.record_ns && row.record_ns < labels[i].end_ns)
                disturbed |= labels[i].channels;
        }
        for (int c = 0; c < VG_CHANNELS; c++)
            cr_assert((disturbed >> c & 1) ||
                          (row.value[c] == plain.value[c] && row.quality[c] == plain.quality[c]),
                      "second %d: %s changed without a label", s, vg_channels[c].name);
        cr_assert_eq(row.quality[HR] == VG_Q_MISSING, covers("lead-off", n, &row) != NULL);
        motion = covers("spo2-motion", n, &row);
        if (motion && !covers("probe-off", n, &row))
            cr_assert_eq(row.value[PULSE] != plain.value[PULSE], motion->channels >> PULSE & 1);
    }
    cr_assert_eq(vg_sim_bed_labels(bed, duration_ns, labels, LABELS_MAX), n,
                 "how far the bed has come changes its labels");
    vg_sim_bed_free(bed);
    vg_sim_bed_free(untouched);
}

Test(simulator_truth, labels_beyond_the_room_for_them_are_counted_and_the_first_ones_kept)
{
    struct vg_sim_config config = population(1, 3);
    struct vg_sim_label some[5];
    struct vg_sim_bed *bed;
    size_t n;

    config.artefact_rate = 5;
    bed = vg_sim_bed_new(&config, 0);
    n = vg_sim_bed_labels(bed, hours_ns(24), labels, LABELS_MAX);
    cr_assert_gt(n, 50);
    cr_assert_eq(vg_sim_bed_labels(bed, hours_ns(24), some, 5), n);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(some[i].start_ns, labels[i].start_ns, "label %d", i);
    vg_sim_bed_free(bed);
}

/* Artefacts of a day, as often as models of such wards have them; nine motions of ten disturb the
 * pulse as well. */
Test(simulator_truth, a_day_has_the_usual_artefacts)
{
    enum { BEDS = 400 };
    struct vg_sim_config config = population(BEDS, 1);
    size_t spoiling = 0, motions = 0, with_pulse = 0, outliers = 0;

    config.artefact_rate = 1;
    for (uint32_t b = 0; b < BEDS; b++) {
        struct vg_sim_bed *bed = vg_sim_bed_new(&config, b);
        size_t n = vg_sim_bed_labels(bed, hours_ns(24), labels, LABELS_MAX);

        cr_assert_leq(n, LABELS_MAX);
        for (size_t i = 0; i < n; i++) {
            bool cuff = is(&labels[i], "nibp-outlier");

            outliers += cuff;
            /* Probes that are off and clocks are told apart from vital signs by anybody. */
            spoiling += labels[i].channels && !cuff && !is(&labels[i], "probe-off");
            motions += is(&labels[i], "spo2-motion");
            with_pulse += is(&labels[i], "spo2-motion") && (labels[i].channels >> PULSE & 1);
        }
        vg_sim_bed_free(bed);
    }
    cr_assert_float_eq((double)spoiling / BEDS, 38, 1.5, "%g a day", (double)spoiling / BEDS);
    cr_assert_float_eq((double)with_pulse / (double)motions, 0.9, 0.02);
    cr_assert_float_eq((double)outliers / BEDS, 96.0 / 40, 0.3, "one reading in forty");
}

/* ---- populations ---- */

Test(simulator_truth, everybody_suffers_one_scenario_and_each_group_is_as_frequent)
{
    enum { BEDS = 1800 };
    struct vg_sim_config config = population(BEDS, 2);
    size_t of_group[VG_SIM_GROUPS] = { 0 };

    config.scenario_share = 1;
    config.onset_from_ns = hours_ns(4);
    config.onset_until_ns = hours_ns(8);
    for (uint32_t b = 0; b < BEDS; b++) {
        struct vg_sim_bed *bed = vg_sim_bed_new(&config, b);

        cr_assert_eq(vg_sim_bed_labels(bed, hours_ns(24), labels, LABELS_MAX), 1);
        cr_assert(labels[0].severity >= 0.75 && labels[0].severity <= 1.25);
        cr_assert(labels[0].start_ns >= noon_ns + hours_ns(4) &&
                  labels[0].start_ns < noon_ns + hours_ns(8) + VG_NS_PER_S);
        for (size_t g = 0; g < VG_SIM_GROUPS; g++)
            of_group[g] += strcmp(labels[0].entry->group, vg_sim_group(g)) == 0;
        vg_sim_bed_free(bed);
    }
    for (size_t g = 0; g < VG_SIM_GROUPS; g++)
        cr_assert_float_eq((double)of_group[g], BEDS / (double)VG_SIM_GROUPS, 50, "%s: %zu",
                           vg_sim_group(g), of_group[g]);
}

Test(simulator_truth, a_share_of_a_population_suffers_one_kind)
{
    enum { BEDS = 600 };
    struct vg_sim_config config = population(BEDS, 8);
    size_t opioid = 0, on_oxygen = 0;

    config.scenario_share = 0.5;
    config.scenario_group = "opioid";
    for (uint32_t b = 0; b < BEDS; b++) {
        struct vg_sim_bed *bed = vg_sim_bed_new(&config, b);
        size_t n = vg_sim_bed_labels(bed, hours_ns(1), labels, LABELS_MAX);

        opioid += n;
        on_oxygen += n && is(&labels[0], "opioid-oxygen");
        cr_assert(n == 0 || strcmp(labels[0].entry->group, "opioid") == 0);
        vg_sim_bed_free(bed);
    }
    cr_assert_float_eq((double)opioid / BEDS, 0.5, 0.07);
    cr_assert_float_eq((double)on_oxygen / (double)opioid, 0.5, 0.1);
}

/* ---- statistics of stable patients ---- */

/* Medians of minutes, which is what charts and models see. Shapes: P patients, V signs, M minutes */
enum { P = 16, M = 2160, V_HR = 0, V_RR, V_SPO2, V_MAP, V_TEMP, V };

static float minutes[P][V][M];
static double unchanged[V]; /* part of the seconds */

static float median_of_60(const float *seconds)
{
    float sorted[60];

    for (int i = 0; i < 60; i++) {
        int j = i;

        for (; j > 0 && sorted[j - 1] > seconds[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = seconds[i];
    }
    return (sorted[29] + sorted[30]) / 2;
}

static void watch(void)
{
    static const int channels[V] = { VG_CHANNEL_hr, VG_CHANNEL_rr, VG_CHANNEL_spo2,
                                     VG_CHANNEL_abp_mean, VG_CHANNEL_temp };
    struct vg_sim_config config = population(P, 4);

    for (uint32_t p = 0; p < P; p++) {
        struct vg_sim_bed *bed = vg_sim_bed_new(&config, p);
        float second[V][61] = { 0 };

        for (int t = 0; t < M * 60; t++) {
            struct vg_sim_row row;

            vg_sim_bed_next(bed, &row);
            for (int v = 0; v < V; v++) {
                second[v][1 + t % 60] = row.value[channels[v]];
                unchanged[v] += second[v][1 + t % 60] == second[v][t % 60] ? 1.0 / (P * M * 60) : 0;
                if (t % 60 == 59) {
                    minutes[p][v][t / 60] = median_of_60(second[v] + 1);
                    second[v][0] = second[v][60];
                }
            }
        }
        vg_sim_bed_free(bed);
    }
}

static double mean_of(int p, int v)
{
    double sum = 0;

    for (int t = 0; t < M; t++)
        sum += (double)minutes[p][v][t];
    return sum / M;
}

/* Covariance within patients of v and, `lag` minutes later, w. */
static double covariance(int v, int w, int lag)
{
    double sum = 0;

    for (int p = 0; p < P; p++) {
        double a = mean_of(p, v), b = mean_of(p, w);

        for (int t = 0; t + lag < M; t++)
            sum +=
                ((double)minutes[p][v][t] - a) * ((double)minutes[p][w][t + lag] - b) / (M - lag);
    }
    return sum / P;
}

static double correlation(int v, int w, int lag)
{
    return covariance(v, w, lag) / sqrt(covariance(v, v, 0) * covariance(w, w, 0));
}

/* Measured in the eICU demo and in hourly and minute trends of MIMIC-III; a stable patient wanders
 * less than the sick ones there, and a day and a half of 16 patients tell an SD to about 10 %. */
Test(simulator_truth, stable_patients_vary_like_real_ones)
{
    watch();
    cr_assert_float_eq(sqrt(covariance(V_HR, V_HR, 0)), 7, 1.5);
    cr_assert_float_eq(sqrt(covariance(V_RR, V_RR, 0)), 2.5, 0.6);
    cr_assert_float_eq(sqrt(covariance(V_SPO2, V_SPO2, 0)), 1.3, 0.3);
    cr_assert_float_eq(sqrt(covariance(V_MAP, V_MAP, 0)), 7.2, 1.5);
    cr_assert_float_eq(sqrt(covariance(V_TEMP, V_TEMP, 0)), 0.32, 0.1);
    cr_assert_float_eq(correlation(V_HR, V_HR, 60), 0.6, 0.2);
    cr_assert_float_eq(correlation(V_MAP, V_MAP, 60), 0.53, 0.15);
    cr_assert_float_eq(correlation(V_SPO2, V_SPO2, 60), 0.57, 0.15);
    cr_assert_float_eq(correlation(V_HR, V_RR, 0), 0.26, 0.12);
    cr_assert_float_eq(correlation(V_HR, V_TEMP, 0), 0.30, 0.15);
    cr_assert_float_eq(correlation(V_HR, V_SPO2, 0), -0.11, 0.12);
    cr_assert_float_eq(correlation(V_HR, V_MAP, 0), 0.13, 0.15);
    cr_assert_float_eq(unchanged[V_SPO2], 0.94, 0.03);
}
