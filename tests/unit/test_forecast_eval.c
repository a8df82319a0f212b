/* test_forecast_eval.c - errors of forecasts by person, and which patients are one person. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/forecast_eval.h"
#include "app/persons.h"

enum { TICKS = 30, HOUR_TICKS = 24 };
static const int64_t hour_ns = 3600 * VG_NS_PER_S;
static const float quantile[] = { 0.05f, 0.5f, 0.95f };
static struct vg_dataset *data;
static struct vg_err err;

/* One channel, hourly; the value is the tick, measured where tick % 4 != 3. */
static struct vg_dataset_patient *add(const char *id, uint32_t ticks)
{
    struct vg_dataset_patient *p = vg_dataset_add(data, id, 0, ticks);

    for (uint32_t t = 0; t < ticks; t++) {
        p->quality[t] = t % 4 == 3 ? VG_Q_MISSING : VG_Q_GOOD;
        p->value[t] = t % 4 == 3 ? 0 : (float)t;
    }
    return p;
}

static void setup(void)
{
    const int channel[] = { vg_channel_find("hr") };

    data = vg_dataset_new(channel, 1, hour_ns);
}

static void teardown(void)
{
    vg_dataset_free(data);
}

TestSuite(forecast_eval, .init = setup, .fini = teardown);

static void judge(struct vg_forecast_eval *e, const int64_t *horizon_ns, uint32_t horizons)
{
    uint32_t person[8], persons = vg_persons_number(data, person);
    float *last = calloc((size_t)TICKS * horizons, sizeof *last);
    float *wide = calloc((size_t)TICKS * horizons * 3, sizeof *wide);
    const struct vg_forecasts said[] = { { 1, quantile + 1, last }, { 3, quantile, wide } };

    cr_assert_eq(vg_forecast_eval_init(e, data, persons, horizon_ns, horizons, 2, 1, &err), VG_OK);
    for (uint32_t i = 0; i < data->patients; i++) {
        vg_forecast_last(&data->patient[i], 1, horizons, last);
        for (size_t k = 0; k < (size_t)data->patient[i].ticks * horizons; k++)
            for (int q = 0; q < 3; q++)
                wide[k * 3 + (size_t)q] = last[k] + (float)(2 * q - 1); /* -1, +1, +3 */
        vg_forecast_eval_add(e, &data->patient[i], person[i], said);
    }
    free(last);
    free(wide);
}

Test(forecast_eval, only_measured_targets_count)
{
    struct vg_forecast_eval e;
    struct vg_forecast_sums s;

    add("a", 8); /* 0 1 2 - 4 5 6 - */
    judge(&e, &hour_ns, 1);
    s = vg_forecast_eval_cell(&e, 0, 0, 0, NULL);
    /* Targets 1 2 4 5 6; tick 3 holds 2, so its target is off by 2, the others by 1. */
    cr_assert_eq(s.n, 5);
    cr_assert_float_eq(vg_forecast_mae(&s), 6.0 / 5, 1e-12);
    s = vg_forecast_eval_cell(&e, 1, 0, 0, NULL);
    cr_assert_float_eq(vg_forecast_mae(&s), 1.0 / 5, 1e-12);
    cr_assert_eq(s.covered, 5);
    cr_assert_float_eq(vg_forecast_width(&s), 4, 1e-12);
    vg_forecast_eval_done(&e);
}

Test(forecast_eval, nothing_is_asked_before_the_first_value)
{
    struct vg_forecast_eval e;
    struct vg_dataset_patient *p = add("a", 8);

    for (int t = 0; t < 5; t++)
        p->quality[t] = VG_Q_ABSENT;
    judge(&e, &hour_ns, 1);
    cr_assert_eq(vg_forecast_eval_cell(&e, 0, 0, 0, NULL).n, 1); /* 6 after 5 */
    vg_forecast_eval_done(&e);
}

Test(forecast_eval, an_imputed_value_may_be_held_but_is_no_target)
{
    struct vg_forecast_eval e;
    struct vg_dataset_patient *p = add("a", 4);

    p->quality[1] = VG_Q_IMPUTED;
    judge(&e, &hour_ns, 1);
    struct vg_forecast_sums s = vg_forecast_eval_cell(&e, 0, 0, 0, NULL);
    cr_assert_eq(s.n, 1); /* 2 after the imputed 1 */
    cr_assert_float_eq(vg_forecast_mae(&s), 1, 1e-12);
    vg_forecast_eval_done(&e);
}

Test(forecast_eval, stays_of_one_person_are_drawn_together)
{
    const uint32_t times[] = { 0, 3 };
    struct vg_forecast_eval e;

    add("b", 8);
    add("a", 4);
    add("b", 8);
    judge(&e, &hour_ns, 1);
    cr_assert_eq(e.persons, 2);
    cr_assert_eq(vg_forecast_eval_cell(&e, 0, 0, 0, NULL).n, 5 + 2 + 5);
    cr_assert_eq(vg_forecast_eval_cell(&e, 0, 0, 0, times).n, 3 * 10);
    vg_forecast_eval_done(&e);
}

Test(forecast_eval, rolling_coverage_looks_at_24_hours_at_a_time)
{
    struct vg_forecast_eval e;
    struct vg_dataset_patient *p = add("a", TICKS);
    double low, high;

    for (int t = 0; t < TICKS; t++) {
        p->quality[t] = VG_Q_GOOD;
        p->value[t] = t < 26 ? 0 : 100.0f * (float)t; /* off from the target of tick 25 on */
    }
    judge(&e, &hour_ns, 1);
    vg_forecast_eval_rolling(&e, 0, 0, HOUR_TICKS, &low, &high);
    cr_assert_float_eq(high, 1, 1e-12);
    cr_assert_float_eq(low, 20.0 / 24, 1e-12); /* of 29 targets the last four are missed */
    vg_forecast_eval_rolling(&e, 0, 0, HOUR_TICKS + 1, &low, &high);
    cr_assert(isnan(low) && isnan(high));
    vg_forecast_eval_done(&e);
}

Test(forecast_eval, a_horizon_between_ticks_is_refused)
{
    const int64_t odd_ns = hour_ns + 1;
    struct vg_forecast_eval e;

    add("a", 4);
    cr_assert_eq(vg_forecast_eval_init(&e, data, 1, &odd_ns, 1, 1, 0, &err), VG_E_MODEL);
    vg_forecast_eval_done(&e);
}

/* ---- persons ---- */

static vg_status name(const char *csv, const char *columns)
{
    char path[] = "/tmp/vigil-persons-XXXXXX", text[128];
    int fd = mkstemp(path);
    vg_status st;

    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(fd);
    snprintf(text, sizeof text, "%s:%s", path, columns);
    st = vg_persons_name(data, text, &err);
    unlink(path);
    return st;
}

Test(forecast_eval, persons_take_the_place_of_stays)
{
    uint32_t person[3];

    add("17", 4);
    add("4", 4);
    add("18", 4);
    cr_assert_eq(name("stay,who,age\n4,ann,7\n17,bob,8\n18,bob,9\n99,eve,1\n", "stay,who"), VG_OK,
                 "%s", err.msg);
    cr_assert_str_eq(data->patient[0].id, "bob");
    cr_assert_str_eq(data->patient[1].id, "ann");
    cr_assert_eq(vg_persons_number(data, person), 2);
    cr_assert(person[0] == person[2] && person[0] != person[1]);
}

Test(forecast_eval, a_stay_without_a_person_is_an_error_that_names_no_patient)
{
    add("17", 4);
    add("4", 4);
    cr_assert_eq(name("stay,who\n4,ann\n", "stay,who"), VG_E_DECODE);
    cr_assert(strstr(err.msg, "names no person for 1 of 2 patients"), "%s", err.msg);
    cr_assert_null(strstr(err.msg, "17"));
    cr_assert_str_eq(data->patient[1].id, "4", "half renamed");
}

Test(forecast_eval, persons_must_name_a_file_and_two_columns)
{
    add("17", 4);
    cr_assert_eq(vg_persons_name(data, "file.csv", &err), VG_E_USAGE);
    cr_assert_eq(vg_persons_name(data, "file.csv:stay", &err), VG_E_USAGE);
    cr_assert_eq(vg_persons_name(data, "file.csv:stay,", &err), VG_E_USAGE);
    cr_assert_eq(vg_persons_name(data, ":a,b", &err), VG_E_USAGE);
    cr_assert_eq(vg_persons_name(data, "/nowhere/file.csv:a,b", &err), VG_E_IO);
}
