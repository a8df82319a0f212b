/* test_summary.c - a history in a few numbers, against values by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "models/summary.h"

static double get(const struct vg_summary *s, enum vg_summary_kind kind)
{
    double value = -1.0;

    cr_assert(vg_summary_get(s, kind, &value), "there is no %s", vg_summary_name(kind));
    return value;
}

Test(summary, of_four_values_by_hand)
{
    static const double hours[] = { 0, 1, 2, 5 }, value[] = { 3, 7, 4, 6 };
    struct vg_summary s = { 0 };

    for (int i = 0; i < 4; i++)
        vg_summary_add(&s, hours[i], value[i], 10.0);
    cr_assert_eq(get(&s, VG_SUMMARY_FIRST), 3.0);
    cr_assert_eq(get(&s, VG_SUMMARY_LAST), 6.0);
    cr_assert_eq(get(&s, VG_SUMMARY_MIN), 3.0);
    cr_assert_eq(get(&s, VG_SUMMARY_MAX), 7.0);
    cr_assert_eq(get(&s, VG_SUMMARY_MEAN), 5.0);
    /* sum (t - 2)(v - 5) = 4 - 2 + 0 + 3, sum (t - 2)^2 = 14 */
    cr_assert_float_eq(get(&s, VG_SUMMARY_SLOPE), 5.0 / 14.0, 1e-12);
    cr_assert_float_eq(get(&s, VG_SUMMARY_COUNT), log(5.0), 1e-12);
    cr_assert_eq(get(&s, VG_SUMMARY_SEEN), 1.0);
    cr_assert_float_eq(get(&s, VG_SUMMARY_TOTAL), log(41.0), 1e-12);
}

Test(summary, what_was_never_measured_has_a_count_and_nothing_else)
{
    const struct vg_summary s = { 0 };

    for (int kind = 0; kind < VG_SUMMARY_KINDS; kind++) {
        double value = -1.0;
        bool there = vg_summary_get(&s, (enum vg_summary_kind)kind, &value);

        if (kind == VG_SUMMARY_COUNT || kind == VG_SUMMARY_SEEN)
            cr_assert(there && value == 0.0, "%s", vg_summary_name((enum vg_summary_kind)kind));
        else
            cr_assert(!there, "%s", vg_summary_name((enum vg_summary_kind)kind));
    }
}

Test(summary, values_of_one_hour_are_no_trend)
{
    struct vg_summary s = { 0 };

    for (int i = 0; i < 10; i++)
        vg_summary_add(&s, i / 20.0, i, 0.0);
    cr_assert_eq(get(&s, VG_SUMMARY_SLOPE), 0.0);
    vg_summary_add(&s, 1.0, 20.0, 0.0);
    cr_assert_gt(get(&s, VG_SUMMARY_SLOPE), 0.0);
}

Test(summary, names_are_found_again)
{
    for (int kind = 0; kind < VG_SUMMARY_KINDS; kind++)
        cr_assert_eq((int)vg_summary_find(vg_summary_name((enum vg_summary_kind)kind)), kind);
    cr_assert_eq(vg_summary_find("average"), VG_SUMMARY_KINDS);
}
