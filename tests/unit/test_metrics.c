/* test_metrics.c - errors of forecasts and metrics of binary outcomes, against values by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/metrics.h"

static const float quantile[] = { 0.05f, 0.5f, 0.95f };

static void assert_near(double got, double want)
{
    cr_assert(fabs(got - want) < 1e-7, "%.9g is not %.9g", got, want);
}

Test(metrics, forecast_errors_of_two_targets_by_hand)
{
    const float forecast[] = { 8, 10, 13 };
    struct vg_forecast_sums s = { 0 };

    vg_forecast_sums_add(&s, forecast, quantile, 3, 11, true); /* pinball .15 + .5 + .1 */
    vg_forecast_sums_add(&s, forecast, quantile, 3, 7, true);  /* .95 + 1.5 + .3, outside */
    assert_near(vg_forecast_mae(&s), 2);
    assert_near(vg_forecast_rmse(&s), sqrt(5));
    assert_near(vg_forecast_pinball(&s), (0.75 / 3 + 2.75 / 3) / 2);
    assert_near(vg_forecast_coverage(&s), 0.5);
    assert_near(vg_forecast_width(&s), 5);
}

Test(metrics, both_ends_of_an_interval_are_within_it)
{
    const float forecast[] = { 8, 10, 13 };
    struct vg_forecast_sums s = { 0 };

    vg_forecast_sums_add(&s, forecast, quantile, 3, 8, true);
    vg_forecast_sums_add(&s, forecast, quantile, 3, 13, true);
    vg_forecast_sums_add(&s, forecast, quantile, 3, nextafterf(13, 14), true);
    assert_near(s.covered, 2);
}

Test(metrics, a_masked_target_changes_nothing)
{
    const float forecast[] = { 8, 10, 13 };
    struct vg_forecast_sums s = { 0 };

    vg_forecast_sums_add(&s, forecast, quantile, 3, NAN, false);
    cr_assert_eq(s.n, 0);
    cr_assert(isnan(vg_forecast_mae(&s)));
    cr_assert(isnan(vg_forecast_rmse(&s)));
    cr_assert(isnan(vg_forecast_coverage(&s)));
    vg_forecast_sums_add(&s, forecast, quantile, 3, 12, true);
    vg_forecast_sums_add(&s, forecast, quantile, 3, 1e30f, false);
    assert_near(vg_forecast_mae(&s), 2);
}

Test(metrics, sums_of_patients_add_in_any_multiplicity)
{
    const float forecast[] = { 8, 10, 13 };
    struct vg_forecast_sums a = { 0 }, b = { 0 }, both = { 0 };

    vg_forecast_sums_add(&a, forecast, quantile, 3, 11, true);
    vg_forecast_sums_add(&b, forecast, quantile, 3, 7, true);
    vg_forecast_sums_merge(&both, &a, 3);
    vg_forecast_sums_merge(&both, &b, 1);
    assert_near(vg_forecast_mae(&both), 6.0 / 4);
    assert_near(vg_forecast_coverage(&both), 0.75);
}

/* ---- binary outcomes ---- */

Test(metrics, areas_by_hand)
{
    struct vg_case c[] = {
        { 0.6f, false, 0 }, { 0.9f, true, 1 }, { 0.7f, true, 2 }, { 0.8f, false, 3 }
    };

    vg_cases_sort(c, 4);
    assert_near(vg_auroc(c, 4, NULL), 3.0 / 4);
    assert_near(vg_auprc(c, 4, NULL), 0.5 * 1 + 0.5 * 2 / 3);
}

Test(metrics, ties_count_half_and_are_one_step)
{
    struct vg_case c[] = {
        { 0.5f, true, 0 }, { 0.5f, false, 1 }, { 0.5f, false, 2 }, { 0.1f, false, 3 }
    };

    vg_cases_sort(c, 4);
    assert_near(vg_auroc(c, 4, NULL), (0.5 + 0.5 + 1) / 3);
    assert_near(vg_auprc(c, 4, NULL), 1.0 / 3);
}

Test(metrics, what_one_class_leaves_undefined_is_nan)
{
    struct vg_case c[] = { { 0.9f, true, 0 }, { 0.2f, true, 1 } };

    cr_assert(isnan(vg_auroc(c, 2, NULL)));
    assert_near(vg_auprc(c, 2, NULL), 1);
    cr_assert(isnan(vg_calibration_line(c, 2, NULL).slope));
    cr_assert_eq(vg_curve(c, 2, (struct vg_curve_point[4]){ 0 }, 4), 0);
    c[0].label = c[1].label = false;
    cr_assert(isnan(vg_auprc(c, 2, NULL)));
    cr_assert(isnan(vg_auroc(c, 0, NULL)));
    cr_assert(isnan(vg_brier(c, 0, NULL)));
    cr_assert(isnan(vg_ece(c, 0, NULL)));
}

Test(metrics, counts_at_a_threshold_and_what_follows_from_them)
{
    struct vg_case c[] = { { 0.9f, true, 0 },
                           { 0.8f, false, 0 },
                           { 0.7f, true, 0 },
                           { 0.6f, false, 0 },
                           { 0.3f, true, 0 } };
    struct vg_confusion at = vg_confusion_at(c, 5, NULL, 0.7f);

    cr_assert(at.tp == 2 && at.fp == 1 && at.tn == 1 && at.fn == 1);
    assert_near(vg_accuracy(&at), 3.0 / 5);
    assert_near(vg_precision(&at), 2.0 / 3);
    assert_near(vg_recall(&at), 2.0 / 3);
    assert_near(vg_f1(&at), 2.0 / 3);
    at = vg_confusion_at(c, 5, NULL, 1);
    cr_assert(isnan(vg_precision(&at)));
    assert_near(vg_recall(&at), 0);
}

Test(metrics, brier_score_by_hand)
{
    const struct vg_case c[] = { { 0.9f, true, 0 }, { 0.6f, false, 0 }, { 0.2f, false, 0 } };

    assert_near(vg_brier(c, 3, NULL), (0.01 + 0.36 + 0.04) / 3);
}

/* Ten cases of risk .05, .15 ... .95, and those above one half happen. */
static void ten_cases(struct vg_case c[10])
{
    for (uint32_t i = 0; i < 10; i++)
        c[i] = (struct vg_case){ ((float)i + 0.5f) / 10, i >= 5, i };
    vg_cases_sort(c, 10);
}

Test(metrics, calibration_bins_hold_equal_mass)
{
    struct vg_case c[10];
    struct vg_calibration_bin bin[VG_CALIBRATION_BINS];

    ten_cases(c);
    vg_calibration_curve(c, 10, NULL, bin);
    for (int b = 0; b < VG_CALIBRATION_BINS; b++) {
        assert_near(bin[b].n, 1);
        assert_near(bin[b].predicted, (b + 0.5) / 10);
        assert_near(bin[b].observed, b >= 5);
    }
    assert_near(vg_ece(c, 10, NULL), (0.05 + 0.15 + 0.25 + 0.35 + 0.45) / 5);
}

/* Of four cases at each of two risks one and three happen. */
static void two_risks(struct vg_case c[8], float low, float high)
{
    for (uint32_t i = 0; i < 8; i++)
        c[i] = (struct vg_case){ i < 4 ? high : low, i < 4 ? i < 3 : i < 5, i };
    vg_cases_sort(c, 8);
}

Test(metrics, calibration_line_of_true_and_of_overconfident_risks)
{
    struct vg_case c[8];

    two_risks(c, 0.25f, 0.75f);
    assert_near(vg_calibration_line(c, 8, NULL).slope, 1);
    assert_near(vg_calibration_line(c, 8, NULL).intercept, 0);
    two_risks(c, 0.1f, 0.9f); /* logit(.25) is half of logit(.1) */
    cr_assert_float_eq(vg_calibration_line(c, 8, NULL).slope, 0.5, 1e-6);
    two_risks(c, 0.5f, 0.9f); /* logits -1.0986, 1.0986 over 0, 2.1972 */
    cr_assert_float_eq(vg_calibration_line(c, 8, NULL).slope, 1, 1e-6);
    cr_assert_float_eq(vg_calibration_line(c, 8, NULL).intercept, -log(3), 1e-6);
}

Test(metrics, scores_that_part_the_labels_have_no_calibration_line)
{
    struct vg_case c[10];

    ten_cases(c);
    cr_assert(isnan(vg_calibration_line(c, 10, NULL).slope));
}

Test(metrics, curve_goes_from_nobody_to_everybody)
{
    struct vg_case c[10];
    struct vg_curve_point p[32];

    ten_cases(c);
    cr_assert_eq(vg_curve(c, 10, p, 32), 11);
    assert_near(p[0].tpr, 0);
    assert_near(p[0].precision, 1);
    assert_near(p[5].tpr, 1);
    assert_near(p[5].fpr, 0);
    assert_near(p[10].fpr, 1);
    assert_near(p[10].precision, 0.5);
}

Test(metrics, thinned_curve_keeps_both_ends)
{
    struct vg_case c[10];
    struct vg_curve_point p[4];

    ten_cases(c);
    cr_assert_eq(vg_curve(c, 10, p, 4), 4);
    assert_near(p[0].tpr + p[0].fpr, 0);
    assert_near(p[3].tpr + p[3].fpr, 2);
}

enum { MANY = 200, PATIENTS = 20, COPIES = 3 };

Test(metrics, a_patient_counted_twice_is_as_good_as_written_twice)
{
    static struct vg_case once[MANY], written[MANY * COPIES];
    uint32_t times[PATIENTS];
    size_t n = 0;

    for (uint32_t p = 0; p < PATIENTS; p++)
        times[p] = p * 7 % (COPIES + 1);
    for (uint32_t i = 0; i < MANY; i++) {
        float score = (float)(i * 7919 % 97 + 1) / 99;

        once[i] = (struct vg_case){ score, i * 31 % 101 < 20 + 60 * score, i % PATIENTS };
        for (uint32_t k = 0; k < times[i % PATIENTS]; k++)
            written[n++] = once[i];
    }
    vg_cases_sort(once, MANY);
    vg_cases_sort(written, n);
    assert_near(vg_auroc(once, MANY, times), vg_auroc(written, n, NULL));
    assert_near(vg_auprc(once, MANY, times), vg_auprc(written, n, NULL));
    assert_near(vg_brier(once, MANY, times), vg_brier(written, n, NULL));
    assert_near(vg_calibration_line(once, MANY, times).slope,
                vg_calibration_line(written, n, NULL).slope);
    struct vg_confusion a = vg_confusion_at(once, MANY, times, 0.4f);
    struct vg_confusion b = vg_confusion_at(written, n, NULL, 0.4f);
    cr_assert(a.tp == b.tp && a.fp == b.fp && a.tn == b.tn && a.fn == b.fn);
}
