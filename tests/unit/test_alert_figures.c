/* test_alert_figures.c - what alerts cost and are worth, on patients made by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "app/alert_figures.h"

enum { SPO2 = VG_CHANNEL_spo2, HIGH = VG_PRIORITY_HIGH, LOW = VG_PRIORITY_LOW };
enum { LIMIT, ANOMALY, LEAD_OFF }; /* rules */

static struct vg_rule rules[] = {
    [LIMIT] = { .name = "spo2_low", .rule = VG_RULE_LIMIT },
    [ANOMALY] = { .name = "anomaly", .rule = VG_RULE_ANOMALY },
};
static struct vg_config config = { .site = { .rules = rules, .rules_n = VG_ARRAY_LEN(rules) } };
static struct vg_alert_patient normal[2], ill[VG_SIM_GROUPS][2];
static struct vg_alert_seen seen[32];
static struct vg_sim_label artefact[2];
static struct vg_alert_population population;
static struct vg_alert_figures f;

static int64_t at(double s)
{
    return (int64_t)(s * 1e9);
}

static struct vg_alert_seen alert(uint32_t rule, double start_s, double end_s)
{
    static const uint8_t kinds[] = { VG_ALERT_PHYSIOLOGICAL, VG_ALERT_ADVISORY,
                                     VG_ALERT_TECHNICAL };

    return (struct vg_alert_seen){ .rule = rule,
                                   .kind = kinds[rule],
                                   .priority = rule == LIMIT ? HIGH : LOW,
                                   .channel = rule == ANOMALY ? VG_CHANNEL_NONE : SPO2,
                                   .start_ns = at(start_s),
                                   .end_ns = at(end_s) };
}

/* Two patients without trouble for a day each, two of each scenario whose label is the second hour
 * of two. */
static void setup(void)
{
    memset(normal, 0, sizeof(normal));
    memset(ill, 0, sizeof(ill));
    population = (struct vg_alert_population){
        .config = &config, .simulated = true, .normals = 2, .per_group = 2, .normal = normal
    };
    for (int i = 0; i < 2; i++)
        normal[i].until_ns = at(86400);
    for (int g = 0; g < VG_SIM_GROUPS; g++) {
        population.group[g] = ill[g];
        for (int i = 0; i < 2; i++)
            ill[g][i] = (struct vg_alert_patient){ .label_from_ns = at(3600),
                                                   .label_until_ns = at(7200),
                                                   .until_ns = at(7200) };
    }
}

TestSuite(alert_figures, .init = setup, .timeout = 10);

Test(alert_figures, what_the_patient_s_own_values_raise_within_a_minute_is_no_false_alert)
{
    seen[0] = alert(LIMIT, 1000, 1100);
    seen[1] = alert(LIMIT, 50000, 50100);
    seen[2] = alert(LIMIT, 900, 941); /* without artefacts: until 59 s before */
    seen[3] = alert(LIMIT, 50161, 50200);
    seen[3].channel = VG_CHANNEL_hr; /* of another channel */
    normal[0].shown = (struct vg_alert_list){ &seen[0], 2 };
    normal[0].clean = (struct vg_alert_list){ &seen[2], 2 };
    vg_alert_figures(&population, &f);
    cr_assert_float_eq(f.days, 2, 1e-12);
    cr_assert_float_eq(f.false_limits, 0.5, 1e-12);
    cr_assert_eq(f.rule[LIMIT].starts, 2);
    cr_assert_eq(f.rule[LIMIT].crossings, 1);
    cr_assert_float_eq(f.rule[LIMIT].active_s, 200, 1e-9);
    cr_assert_eq(f.starts[VG_ALERT_PHYSIOLOGICAL][HIGH], 2);
}

Test(alert_figures, what_is_concluded_about_one_who_is_well_is_false_whatever_raised_it)
{
    seen[0] = seen[1] = alert(ANOMALY, 1000, 1100);
    seen[2] = alert(LEAD_OFF, 2000, 2100);
    seen[1].start_ns = at(2700); /* within half an hour of the one before */
    normal[0].shown = (struct vg_alert_list){ &seen[0], 3 };
    normal[0].clean = (struct vg_alert_list){ &seen[0], 1 };
    vg_alert_figures(&population, &f);
    cr_assert_float_eq(f.false_concluded, 1, 1e-12);
    cr_assert_float_eq(f.unmet_concluded, 0.5, 1e-12); /* the first was there without artefacts */
    cr_assert_float_eq(f.false_merged, 0.5, 1e-12);
    cr_assert_float_eq(f.technical, 1.0 / 3, 1e-12);
}

Test(alert_figures, an_artefact_that_makes_an_alert_is_counted_once)
{
    artefact[0].start_ns = at(1000);
    artefact[0].end_ns = at(1010);
    artefact[1].start_ns = at(9000);
    artefact[1].end_ns = at(9010);
    for (int i = 0; i < 3; i++)
        seen[i] = alert(LIMIT, 1000 + 35 * i, 1020 + 35 * i); /* the last one exactly a minute on */
    seen[3] = alert(LEAD_OFF, 9000, 9010);
    normal[1].shown = (struct vg_alert_list){ seen, 4 };
    normal[1].artefact = artefact;
    normal[1].artefacts = 2;
    vg_alert_figures(&population, &f);
    cr_assert_eq(f.artefacts, 2);
    cr_assert_eq(f.artefact_alerts, 1);
}

Test(alert_figures, ten_in_ten_minutes_are_a_flood_and_no_alert_is_in_two)
{
    for (int i = 0; i < 19; i++)
        seen[i] = alert(LEAD_OFF, 600 + 60 * i, 610 + 60 * i);
    normal[0].shown = (struct vg_alert_list){ seen, 19 };
    vg_alert_figures(&population, &f);
    cr_assert_float_eq(f.floods, 0.5, 1e-12);
    seen[19] = alert(LEAD_OFF, 600 + 60 * 19, 610 + 60 * 19);
    normal[0].shown.n = 20;
    vg_alert_figures(&population, &f);
    cr_assert_float_eq(f.floods, 1, 1e-12);
}

Test(alert_figures, a_trouble_is_seen_by_an_alert_that_starts_while_it_shows)
{
    seen[0] = alert(LIMIT, 3599, 7000);    /* before */
    seen[1] = alert(LEAD_OFF, 3700, 3800); /* not about the patient */
    seen[2] = alert(ANOMALY, 4200, 4300);
    seen[3] = alert(LIMIT, 4500, 4600);
    ill[0][0].shown = (struct vg_alert_list){ seen, 4 };
    ill[0][1].shown = (struct vg_alert_list){ seen, 2 };
    vg_alert_figures(&population, &f);
    cr_assert_float_eq(f.group[0].seen.value, 0.5, 1e-12);
    cr_assert_float_eq(f.group[0].by_limit.value, 0.5, 1e-12);
    cr_assert_float_eq(f.group[0].concluded.value, 0.5, 1e-12);
    cr_assert_float_eq(f.group[0].delay_s, 600, 1e-9);
    cr_assert_float_eq(f.worst, 0, 1e-12);
    cr_assert_float_eq(f.macro, 0.5 / VG_SIM_GROUPS, 1e-12);
    cr_assert(isnan(f.group[1].delay_s));
    cr_assert_float_eq(f.precision, 0.5, 1e-12); /* two of four about patients */
}

Test(alert_figures, chance_is_what_the_same_windows_see_on_days_without_trouble)
{
    seen[0] = alert(ANOMALY, 43200, 43300);
    normal[0].shown = (struct vg_alert_list){ seen, 1 };
    vg_alert_figures(&population, &f);
    /* Windows of an hour every five minutes: 277 a day, 12 of them hold the one alert. */
    cr_assert_float_eq(f.group[0].chance, 12.0 / (2 * 277), 1e-12);
}

Test(alert_figures, of_a_recording_nothing_is_called_false)
{
    population.simulated = false;
    seen[0] = alert(LIMIT, 1000, 1100);
    normal[0].shown = (struct vg_alert_list){ seen, 1 };
    vg_alert_figures(&population, &f);
    cr_assert_eq(f.rule[LIMIT].starts, 1);
    cr_assert_float_eq(f.false_limits, 0, 0);
    cr_assert_not(f.simulated);
}
