/* test_metrics_challenge.c - the challenges' scores against the challenges' own examples. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/metrics_challenge.h"

static void assert_near(double got, double want)
{
    cr_assert(fabs(got - want) < 1e-12, "%.17g is not %.17g", got, want);
}

/* ---- 2012 ---- */

Test(challenge_2012, score1_is_the_smaller_of_sensitivity_and_precision)
{
    const struct vg_case c[] = { { 0.9f, true, 0 },
                                 { 0.8f, false, 0 },
                                 { 0.7f, true, 0 },
                                 { 0.6f, true, 0 },
                                 { 0.3f, true, 0 } };

    assert_near(vg_score1(c, 5, NULL, 0.7f), 0.5);  /* Se 2/4, +P 2/3 */
    assert_near(vg_score1(c, 5, NULL, 0.6f), 0.75); /* Se 3/4, +P 3/4 */
    assert_near(vg_score1(c, 5, NULL, 0.1f), 0.8);  /* Se 1, +P 4/5 */
    assert_near(vg_score1(c, 5, NULL, 0.95f), 0);   /* nobody */
    cr_assert_eq(vg_score1_threshold(c, 5), 0.3f);
    cr_assert_eq(vg_score1_threshold(c, 2), 0.9f);
}

Test(challenge_2012, score1_without_a_death_is_undefined)
{
    const struct vg_case c[] = { { 0.9f, false, 0 }, { 0.8f, false, 0 } };

    cr_assert(isnan(vg_score1(c, 2, NULL, 0.5f)));
    cr_assert(isnan(vg_score1_threshold(c, 2)));
}

Test(challenge_2012, equal_scores_share_a_threshold)
{
    const struct vg_case c[] = {
        { 0.9f, true, 0 }, { 0.9f, false, 0 }, { 0.9f, false, 0 }, { 0.5f, true, 0 }
    };

    cr_assert_eq(vg_score1_threshold(c, 4), 0.5f); /* at .9: +P 1/3; at .5: 1/2 */
}

/* The values were computed apart, in another language, from the definition. */
Test(challenge_2012, hosmer_lemeshow_of_one_case_a_group)
{
    struct vg_case c[10];

    for (uint32_t i = 0; i < 10; i++)
        c[i] = (struct vg_case){ ((float)i + 0.5f) / 10, i >= 5, i };
    vg_cases_sort(c, 10);
    cr_assert_float_eq(vg_hosmer_lemeshow(c, 10, NULL), 4.242673385763162, 1e-5);
    cr_assert(isnan(vg_hosmer_lemeshow(c, 9, NULL)));
}

Test(challenge_2012, hosmer_lemeshow_leaves_out_what_ten_groups_do_not_hold)
{
    struct vg_case c[23];

    for (uint32_t i = 1; i <= 23; i++)
        c[i - 1] = (struct vg_case){ (float)(i * 37 % 101) / 101, i * 37 % 101 > i * 53 % 89, i };
    vg_cases_sort(c, 23);
    cr_assert_float_eq(vg_hosmer_lemeshow(c, 23, NULL), 10.172111604468437, 1e-5);
}

Test(challenge_2012, hosmer_lemeshow_counts_a_patient_as_often_as_told)
{
    struct vg_case once[20], twice[40];
    uint32_t times[20];

    for (uint32_t i = 0; i < 20; i++) {
        times[i] = 2;
        once[i] = (struct vg_case){ (float)(i * 7 % 20 + 1) / 21, i % 3 == 0, i };
        twice[2 * i] = twice[2 * i + 1] = once[i];
    }
    vg_cases_sort(once, 20);
    vg_cases_sort(twice, 40);
    assert_near(vg_hosmer_lemeshow(once, 20, times), vg_hosmer_lemeshow(twice, 40, NULL));
}

/* ---- 2019 ---- */

Test(challenge_2019, utility_of_the_example_in_the_official_script)
{
    const uint8_t label[] = { 0, 0, 0, 0, 1, 1 }, predicted[] = { 0, 0, 1, 1, 1, 1 };

    assert_near(vg_sepsis_utility(label, predicted, 6), 3.388888888888889);
}

Test(challenge_2019, false_alarms_cost_a_twentieth_and_silence_nothing)
{
    const uint8_t label[] = { 0, 0, 0, 0 }, predicted[] = { 0, 1, 1, 0 }, none[] = { 0, 0, 0, 0 };

    assert_near(vg_sepsis_utility(label, predicted, 4), -0.1);
    assert_near(vg_sepsis_utility(label, none, 4), 0);
}

enum { HOURS = 40, ONSET_LABEL = 20 };

Test(challenge_2019, gain_by_hour_follows_the_formula)
{
    int64_t t_s = ONSET_LABEL + 6;

    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s - 13), -0.05);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s - 12), 0);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s - 9), 0.5);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s - 6), 1);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s), 1.0 / 3 + 4.0 / 3);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s + 3), 2);
    assert_near(vg_sepsis_gain(ONSET_LABEL, t_s + 4), 0);
    assert_near(vg_sepsis_gain(-1, 5), -0.05);
}

Test(challenge_2019, normalised_utility_is_one_at_best_and_zero_for_silence)
{
    uint8_t label[HOURS] = { 0 }, best[HOURS] = { 0 }, none[HOURS] = { 0 };
    struct vg_sepsis_sums s;

    for (int t = 0; t < HOURS; t++) {
        label[t] = t >= ONSET_LABEL;
        best[t] = t >= ONSET_LABEL - 6 && t <= ONSET_LABEL + 9;
    }
    s = vg_sepsis_sums(label, best, HOURS);
    assert_near(vg_sepsis_normalised(&s), 1);
    s = vg_sepsis_sums(label, none, HOURS);
    assert_near(vg_sepsis_normalised(&s), 0);
}

Test(challenge_2019, utility_of_no_hours_is_undefined_only_when_normalised)
{
    struct vg_sepsis_sums s = vg_sepsis_sums(NULL, NULL, 0);

    assert_near(vg_sepsis_utility(NULL, NULL, 0), 0);
    cr_assert(isnan(vg_sepsis_normalised(&s)));
}
