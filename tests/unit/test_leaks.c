/* test_leaks.c - the future, other people and the judged side say nothing to a forecast.
 *
 * What would make figures too good: a tick that has seen what came after it, a person on both sides
 * of a split, scales taken from everybody. Models of risk have theirs in test_risk_model.c and
 * test_risk_data.c (outcomes by chance, time alone, masks alone, scales, later rows); recordings of
 * sepsis theirs in scenarios/test_leaks.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dataset.h"
#include "app/forecast_run.h"
#include "app/persons.h"
#include "models/kernel.h"
#include "models/load.h"

static struct vg_err err;

/* ---- the future, and other patients ---- */

enum { PATIENTS = 3, ROWS = 360, ROW_S = 10, CUT_ROW = 240 };

/** From which row on patients differ from the first recording; ROWS: not at all. */
struct change {
    int from[PATIENTS];
};

static double value_of(int patient, int row, bool changed)
{
    int wave = (row * (7 + patient)) % 23;

    return changed ? 140 - wave : 80 + wave / 2.0 + patient;
}

/** Rows of three patients side by side. A changed one also has other gaps. */
static void write_recording(const char *path, const struct change *change)
{
    FILE *f = fopen(path, "w");

    cr_assert(f);
    fputs("who,t,hr,sat,sys,dia,map\n", f);
    for (int row = 0; row < ROWS; row++) {
        for (int p = 0; p < PATIENTS; p++) {
            bool changed = row >= change->from[p];
            double v = value_of(p, row, changed);

            if (row % 17 == (changed ? 3 : 5))
                continue;
            fprintf(f, "p%d,%d,%.1f,%d,%.1f,%.1f,%.1f\n", p, row * ROW_S, v, 99 - row % 4, v + 40,
                    v - 20, v);
        }
    }
    fclose(f);
}

static struct vg_dataset *read_recording(const struct vg_model *model, const struct change *change)
{
    char folder[] = "/tmp/vigil-leaks-XXXXXX", csv[64], map[64], text[160];
    struct vg_dataset_spec spec;
    struct vg_dataset *data = NULL;
    FILE *f;

    cr_assert(mkdtemp(folder));
    snprintf(csv, sizeof csv, "%s/rows.csv", folder);
    snprintf(map, sizeof map, "%s/map.yaml", folder);
    snprintf(text, sizeof text, "csv:files=%s,map=%s", csv, map);
    write_recording(csv, change);
    f = fopen(map, "w");
    cr_assert(f);
    fputs("version: 1\npatient: who\nrecord_time: t\n"
          "channels: {hr: hr, spo2: sat, abp_sys: sys, abp_dia: dia, abp_mean: map}\n",
          f);
    fclose(f);

    vg_dataset_spec_init(&spec);
    spec.tick_ns = model->tick_ns;
    for (uint32_t c = 0; c < model->channels; c++)
        cr_assert_eq(vg_option_add(vg_option_find(vg_grid_options, "channels"), &spec, NULL,
                                   vg_channels[model->channel[c]].name, &err),
                     VG_OK);
    cr_assert_eq(vg_dataset_parse(&spec, text, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_dataset_build(&spec, 1, NULL, NULL, &data, &err), VG_OK, "%s", err.msg);
    vg_dataset_spec_done(&spec);
    unlink(csv);
    unlink(map);
    rmdir(folder);
    return data;
}

static const struct vg_dataset_patient *patient_of(const struct vg_dataset *d, const char *id)
{
    for (uint32_t i = 0; i < d->patients; i++)
        if (strcmp(d->patient[i].id, id) == 0)
            return &d->patient[i];
    cr_assert_fail("no patient %s", id);
    return NULL;
}

/** Forecasts of one patient, online adjustment of intervals included; [T, outputs]. */
static float *forecasts(const struct vg_model *model, const struct vg_dataset *d, const char *id)
{
    const struct vg_forecast_adjust adjust = { true, 0.9f, 0.2f };
    const struct vg_dataset_patient *who = patient_of(d, id);
    float *y = calloc((size_t)who->ticks * model->outputs + 1, sizeof *y);
    struct vg_forecast_run *run;

    cr_assert_eq(vg_forecast_run_new(model, d, &adjust, &run, &err), VG_OK, "%s", err.msg);
    vg_forecast_run_patient(run, who, y);
    vg_forecast_run_free(run);
    return y;
}

/** Ticks of `a` that end before `from_s` seconds. */
static uint32_t ticks_before(const struct vg_dataset *d, const struct vg_dataset_patient *a,
                             int64_t from_s)
{
    uint32_t n = 0;

    /* Second 0 of a recording is some midnight; only the distance from it counts. */
    while (n < a->ticks &&
           (a->first_ns + n * d->tick_ns) % (86400 * VG_NS_PER_S) < from_s * VG_NS_PER_S)
        n++;
    return n;
}

static void assert_same_until(const struct vg_model *model, const struct change *change,
                              int patient, int64_t until_s)
{
    const struct change none = { { ROWS, ROWS, ROWS } };
    const char id[] = { 'p', (char)('0' + patient), '\0' };
    struct vg_dataset *before = read_recording(model, &none);
    struct vg_dataset *after = read_recording(model, change);
    const struct vg_dataset_patient *a = patient_of(before, id), *b = patient_of(after, id);
    float *ya = forecasts(model, before, id), *yb = forecasts(model, after, id);
    uint32_t n = ticks_before(before, a, until_s);

    cr_assert(n > 20 && n <= b->ticks, "%u of %u ticks", n, a->ticks);
    cr_assert_eq(a->first_ns, b->first_ns);
    cr_assert_eq(memcmp(a->value, b->value, n * before->channels * sizeof *a->value), 0);
    cr_assert_eq(memcmp(a->quality, b->quality, n * before->channels), 0);
    cr_assert_eq(memcmp(a->age_s, b->age_s, n * before->channels * sizeof *a->age_s), 0);
    cr_assert_eq(memcmp(ya, yb, (size_t)n * model->outputs * sizeof *ya), 0);
    if (change->from[patient] < ROWS) /* or nothing was compared */
        cr_assert(memcmp(ya, yb, (size_t)a->ticks * model->outputs * sizeof *ya) != 0);
    free(ya);
    free(yb);
    vg_dataset_free(before);
    vg_dataset_free(after);
}

static struct vg_model *open_model(void)
{
    struct vg_model *model = NULL;

    cr_assert_eq(vg_model_open(VG_SOURCE_ROOT "/configs/models/forecast.safetensors", &model, &err),
                 VG_OK, "%s", err.msg);
    return model;
}

Test(leaks, what_comes_later_changes_no_bit_of_what_was_said)
{
    const struct change change = { { CUT_ROW, CUT_ROW, CUT_ROW } };
    struct vg_model *model = open_model();

    assert_same_until(model, &change, 0, (int64_t)CUT_ROW * ROW_S);
    assert_same_until(model, &change, 2, (int64_t)CUT_ROW * ROW_S);
    model->ops->free(model);
}

Test(leaks, one_patient_says_nothing_of_another)
{
    const struct change change = { { 0, ROWS, 30 } };
    struct vg_model *model = open_model();

    assert_same_until(model, &change, 1, (int64_t)ROWS * ROW_S);
    model->ops->free(model);
}

/* ---- parts ---- */

enum { PERSONS = 200, STAYS = 3 * PERSONS, FOLDS = 5 };

/** Some persons have one stay, some three; values grow with the person. */
static struct vg_dataset *stays(void)
{
    const int channel[] = { vg_channel_find("hr"), vg_channel_find("spo2") };
    struct vg_dataset *d = vg_dataset_new(channel, 2, 60 * VG_NS_PER_S);

    for (int i = 0; i < STAYS; i++) {
        int person = i % 3 == 0 ? i / 3 : (i / 3) / 2; /* 0..PERSONS - 1, the first half thrice */
        struct vg_dataset_patient *p;
        char id[16];

        snprintf(id, sizeof id, "n%d", person);
        p = vg_dataset_add(d, id, 0, 4);
        for (size_t at = 0; at < 8; at++) {
            p->quality[at] = VG_Q_GOOD;
            p->value[at] = (float)(50 + person % 37) + (float)at;
        }
    }
    return d;
}

static void assert_no_person_on_two_sides(const struct vg_dataset *d)
{
    for (uint32_t i = 0; i < d->patients; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(d->patient[i].id, d->patient[k].id) == 0)
                cr_assert_eq(d->patient[i].part, d->patient[k].part, "stays %u and %u", k, i);
}

Test(leaks, no_person_is_on_two_sides_of_a_fold)
{
    uint32_t judged[STAYS] = { 0 };
    struct vg_dataset *d = stays();

    for (uint32_t fold = 0; fold < FOLDS; fold++) {
        vg_dataset_fold(d, FOLDS, fold, 0.16, "vigil");
        assert_no_person_on_two_sides(d);
        cr_assert(vg_dataset_count(d, VG_PART_TRAIN) > STAYS / 2);
        cr_assert(vg_dataset_count(d, VG_PART_VALIDATION) > 0);
        for (uint32_t i = 0; i < d->patients; i++)
            judged[i] += d->patient[i].part == VG_PART_TEST;
    }
    for (uint32_t i = 0; i < d->patients; i++)
        cr_assert_eq(judged[i], 1, "stay %u", i);
    vg_dataset_free(d);
}

Test(leaks, no_person_is_on_two_sides_of_a_split)
{
    struct vg_dataset *d = stays();

    vg_dataset_split(d, 0.6, 0.2, "vigil");
    assert_no_person_on_two_sides(d);
    vg_dataset_free(d);
}

Test(leaks, scales_are_those_of_the_training_part_alone)
{
    struct vg_dataset *d = stays(), *alone;
    struct vg_dataset_scale whole, fitted, refitted;

    vg_dataset_fold(d, FOLDS, 0, 0.16, "vigil");
    alone = vg_dataset_new(d->channel, d->channels, d->tick_ns);
    for (uint32_t i = 0; i < d->patients; i++) {
        struct vg_dataset_patient *p = &d->patient[i];

        if (p->part != VG_PART_TRAIN)
            continue;
        struct vg_dataset_patient *copy = vg_dataset_add(alone, p->id, p->first_ns, p->ticks);
        memcpy(copy->value, p->value, 8 * sizeof *p->value);
        memcpy(copy->quality, p->quality, 8);
    }
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &whole, &err), VG_OK);
    for (uint32_t i = 0; i < d->patients; i++)
        for (size_t at = 0; d->patient[i].part != VG_PART_TRAIN && at < 8; at++)
            d->patient[i].value[at] = 1000;
    cr_assert_eq(vg_dataset_scale(d, VG_PART_TRAIN, &fitted, &err), VG_OK);
    cr_assert_eq(vg_dataset_scale(alone, VG_PART_TRAIN, &refitted, &err), VG_OK);
    cr_assert_eq(memcmp(&whole, &fitted, sizeof whole), 0);
    cr_assert_eq(memcmp(&whole, &refitted, sizeof whole), 0);
    cr_assert(whole.scale[0] > 1);
    vg_dataset_free(alone);
    vg_dataset_free(d);
}
