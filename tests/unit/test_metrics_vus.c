/* test_metrics_vus.c - volume under the precision-recall surface. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/metrics_vus.h"

enum { TICKS = 14 };

static const uint8_t label[TICKS] = { 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
static const float score[TICKS] = { 0.1f, 0.2f, 0.7f,  0.6f, 0.9f,  0.5f,  0.05f,
                                    0.3f, 0.8f, 0.15f, 0.4f, 0.35f, 0.25f, 0.12f };

static double vus_of(const struct vg_vus_series *series, size_t n, uint32_t patients,
                     uint32_t longest, const uint32_t *times)
{
    struct vg_vus *v = vg_vus_new(series, n, patients, longest);
    double ret = vg_vus_pr(v, times);

    vg_vus_free(v);
    return ret;
}

/* Computed apart, in another language, from the definition in the header. */
Test(vus, two_events_at_each_buffer)
{
    static const double want[] = { 0.5833333333333333, 0.5833333333333333, 0.7533172250555664,
                                   0.780659345127655,  0.8910943665939088, 0.9153995192855654,
                                   0.9460407195773525 };
    const struct vg_vus_series s = { .ticks = TICKS, .score = score, .label = label };
    struct vg_vus *v = vg_vus_new(&s, 1, 1, 6);

    for (uint32_t l = 0; l <= 6; l++)
        cr_assert_float_eq(vg_vus_pr_at(v, NULL, l), want[l], 1e-6, "l = %u", l);
    cr_assert_float_eq(vg_vus_pr(v, NULL), 0.7790254060438163, 1e-6);
    vg_vus_free(v);
}

Test(vus, a_score_that_is_the_label_is_worth_one_without_a_buffer)
{
    float same[TICKS];
    struct vg_vus_series s = { .ticks = TICKS, .score = same, .label = label };

    for (int t = 0; t < TICKS; t++)
        same[t] = label[t];
    cr_assert_float_eq(vus_of(&s, 1, 1, 0, NULL), 1, 1e-6);
}

Test(vus, ticks_that_are_not_judged_might_say_anything)
{
    static const uint8_t judged[TICKS] = { 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1 };
    float other[TICKS];
    struct vg_vus_series s = { .ticks = TICKS, .score = score, .label = label, .judged = judged };
    double want = vus_of(&s, 1, 1, 4, NULL);

    for (int t = 0; t < TICKS; t++)
        other[t] = judged[t] ? score[t] : NAN;
    s.score = other;
    cr_assert_eq(vus_of(&s, 1, 1, 4, NULL), want);
}

Test(vus, a_patient_counted_twice_is_as_good_as_two_series)
{
    float reversed[TICKS];
    const uint32_t times[] = { 2, 1 };
    struct vg_vus_series s[] = { { .patient = 0, .ticks = TICKS, .score = score, .label = label },
                                 { .patient = 0, .ticks = TICKS, .score = score, .label = label },
                                 { .patient = 1, .ticks = TICKS, .label = label } };

    for (int t = 0; t < TICKS; t++)
        reversed[t] = score[TICKS - 1 - t];
    s[2].score = reversed;
    cr_assert_float_eq(vus_of(s + 1, 2, 2, 6, times), vus_of(s, 3, 2, 6, NULL), 1e-9);
}

Test(vus, nothing_labelled_is_undefined)
{
    static const uint8_t none[TICKS];
    const struct vg_vus_series s = { .ticks = TICKS, .score = score, .label = none };

    cr_assert(isnan(vus_of(&s, 1, 1, 6, NULL)));
    cr_assert(isnan(vus_of(NULL, 0, 0, 6, NULL)));
}

Test(vus, what_lies_under_the_curve_is_the_area)
{
    const struct vg_vus_series s = { .ticks = TICKS, .score = score, .label = label };
    struct vg_vus *v = vg_vus_new(&s, 1, 1, 6);
    struct vg_vus_point curve[VG_VUS_THRESHOLDS];

    for (uint32_t l = 0; l <= 6; l++) {
        size_t n = vg_vus_curve(v, l, curve);
        double area = 0, before = 0;

        cr_assert_eq(n, VG_VUS_THRESHOLDS);
        for (size_t i = 0; i < n; i++) {
            area += (curve[i].recall - before) * curve[i].precision;
            before = curve[i].recall;
        }
        cr_assert_float_eq(area, vg_vus_pr_at(v, NULL, l), 1e-12);
        cr_assert_float_eq(curve[n - 1].recall, 1, 1e-12, "all predicted is all found");
    }
    vg_vus_free(v);
}
