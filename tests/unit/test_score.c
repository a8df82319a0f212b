/* test_score.c - early warning scores: every row of every shipped table, its boundary values and what
 * lies beside them, what is missing, and what a file may not say.
 *
 * The tables here are typed from the publications, not read from configs/scores: this is the second
 * copy that finds a misprint in the first.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/score.h"
#include "runtime/score_file.h"

static struct vg_score_chart score;
static struct vg_score_patient patient;
static vg_score_inputs input;
static struct vg_score_total total;

static void load(const char *name)
{
    struct vg_buf said = VG_BUF_INIT;
    struct vg_err err = { 0 };
    char path[512];

    snprintf(path, sizeof(path), "%s/configs/scores/%s.yaml", VG_SOURCE_ROOT, name);
    cr_assert_eq(vg_score_read(path, name, &score, &said, &err), VG_OK, "%s\n%s", err.msg,
                 said.data);
    cr_assert_eq(said.len, 0, "%s", said.data);
    vg_buf_done(&said);
}

static void setup(void)
{
    patient = (struct vg_score_patient){ .age_years = -1, .spo2_scale = 1 };
    memset(input, 0, sizeof(input));
}

static void teardown(void)
{
    vg_score_done(&score);
}

TestSuite(score, .init = setup, .fini = teardown, .timeout = 30);

/* The parameter and its channel that `channel` is for. */
static struct vg_score_input *find(const char *channel, uint32_t *ret_p)
{
    int id = vg_channel_find(channel);

    for (uint32_t p = 0; p < score.parameters; p++) {
        int c = vg_score_channel_of(&score.parameter[p], id);

        if (c >= 0) {
            *ret_p = p;
            return &input[p][c];
        }
    }
    cr_assert(false, "%s has no channel %s", score.name, channel);
    abort();
}

static void give(const char *channel, float value)
{
    uint32_t p;
    struct vg_score_input *in = find(channel, &p);
    int c = (int)(in - &input[p][0]);

    in->known = true;
    in->steps = vg_score_round(value, score.parameter[p].channel[c].per_unit);
    in->newest_ns = 1;
}

static void take(const char *channel)
{
    uint32_t p;

    find(channel, &p)->known = false;
}

static const struct vg_score_part *part_of(const char *channel)
{
    uint32_t p;

    find(channel, &p);
    return &total.part[p];
}

static void evaluate(void)
{
    vg_score_evaluate(&score, &patient, input, &total);
}

/* ---- every row of every shipped table ---- */

#define OPEN 9999.0f

/* One cell of a published chart: values from low to high, as the chart prints them. */
struct cell {
    char score[8], channel[12];
    float step, low, high; /* OPEN: without an end */
    int points, next;      /* next: of the cell above; -1: there is none */
    int scale;             /* SpO2 */
    int air;               /* 1 air, 2 oxygen; 0: not given */
};

static struct cell cells[] = {
    { "news2", "rr", 1, OPEN, 8, 3, 1, 1, 0 },
    { "news2", "rr", 1, 9, 11, 1, 0, 1, 0 },
    { "news2", "rr", 1, 12, 20, 0, 2, 1, 0 },
    { "news2", "rr", 1, 21, 24, 2, 3, 1, 0 },
    { "news2", "rr", 1, 25, OPEN, 3, -1, 1, 0 },
    { "news2", "spo2", 1, OPEN, 91, 3, 2, 1, 0 },
    { "news2", "spo2", 1, 92, 93, 2, 1, 1, 0 },
    { "news2", "spo2", 1, 94, 95, 1, 0, 1, 0 },
    { "news2", "spo2", 1, 96, OPEN, 0, -1, 1, 0 },
    { "news2", "spo2", 1, OPEN, 91, 3, 2, 1, 2 },
    { "news2", "spo2", 1, 96, OPEN, 0, -1, 1, 2 },
    { "news2", "spo2", 1, OPEN, 83, 3, 2, 2, 1 },
    { "news2", "spo2", 1, 84, 85, 2, 1, 2, 1 },
    { "news2", "spo2", 1, 86, 87, 1, 0, 2, 1 },
    { "news2", "spo2", 1, 88, 92, 0, 0, 2, 1 },
    { "news2", "spo2", 1, 93, OPEN, 0, -1, 2, 1 },
    { "news2", "spo2", 1, OPEN, 83, 3, 2, 2, 2 },
    { "news2", "spo2", 1, 84, 85, 2, 1, 2, 2 },
    { "news2", "spo2", 1, 86, 87, 1, 0, 2, 2 },
    { "news2", "spo2", 1, 88, 92, 0, 1, 2, 2 },
    { "news2", "spo2", 1, 93, 94, 1, 2, 2, 2 },
    { "news2", "spo2", 1, 95, 96, 2, 3, 2, 2 },
    { "news2", "spo2", 1, 97, OPEN, 3, -1, 2, 2 },
    { "news2", "oxygen", 0.01f, OPEN, 0, 0, 2, 1, 0 },
    { "news2", "oxygen", 0.01f, 0.01f, OPEN, 2, -1, 1, 0 },
    { "news2", "fio2", 1, OPEN, 21, 0, 2, 1, 0 },
    { "news2", "fio2", 1, 22, OPEN, 2, -1, 1, 0 },
    { "news2", "abp_sys", 1, OPEN, 90, 3, 2, 1, 0 },
    { "news2", "abp_sys", 1, 91, 100, 2, 1, 1, 0 },
    { "news2", "abp_sys", 1, 101, 110, 1, 0, 1, 0 },
    { "news2", "abp_sys", 1, 111, 219, 0, 3, 1, 0 },
    { "news2", "abp_sys", 1, 220, OPEN, 3, -1, 1, 0 },
    { "news2", "nibp_sys", 1, OPEN, 90, 3, 2, 1, 0 },
    { "news2", "nibp_sys", 1, 220, OPEN, 3, -1, 1, 0 },
    { "news2", "hr", 1, OPEN, 40, 3, 1, 1, 0 },
    { "news2", "hr", 1, 41, 50, 1, 0, 1, 0 },
    { "news2", "hr", 1, 51, 90, 0, 1, 1, 0 },
    { "news2", "hr", 1, 91, 110, 1, 2, 1, 0 },
    { "news2", "hr", 1, 111, 130, 2, 3, 1, 0 },
    { "news2", "hr", 1, 131, OPEN, 3, -1, 1, 0 },
    { "news2", "pulse", 1, 111, 130, 2, 3, 1, 0 },
    { "news2", "temp", 0.1f, OPEN, 35.0f, 3, 1, 1, 0 },
    { "news2", "temp", 0.1f, 35.1f, 36.0f, 1, 0, 1, 0 },
    { "news2", "temp", 0.1f, 36.1f, 38.0f, 0, 1, 1, 0 },
    { "news2", "temp", 0.1f, 38.1f, 39.0f, 1, 2, 1, 0 },
    { "news2", "temp", 0.1f, 39.1f, OPEN, 2, -1, 1, 0 },
    { "mews", "abp_sys", 1, OPEN, 70, 3, 2, 1, 0 },
    { "mews", "abp_sys", 1, 71, 80, 2, 1, 1, 0 },
    { "mews", "abp_sys", 1, 81, 100, 1, 0, 1, 0 },
    { "mews", "abp_sys", 1, 101, 199, 0, 2, 1, 0 },
    { "mews", "abp_sys", 1, 200, OPEN, 2, -1, 1, 0 },
    { "mews", "hr", 1, OPEN, 40, 2, 1, 1, 0 },
    { "mews", "hr", 1, 41, 50, 1, 0, 1, 0 },
    { "mews", "hr", 1, 51, 100, 0, 1, 1, 0 },
    { "mews", "hr", 1, 101, 110, 1, 2, 1, 0 },
    { "mews", "hr", 1, 111, 129, 2, 3, 1, 0 },
    { "mews", "hr", 1, 130, OPEN, 3, -1, 1, 0 },
    { "mews", "rr", 1, OPEN, 8, 2, 0, 1, 0 },
    { "mews", "rr", 1, 9, 14, 0, 1, 1, 0 },
    { "mews", "rr", 1, 15, 20, 1, 2, 1, 0 },
    { "mews", "rr", 1, 21, 29, 2, 3, 1, 0 },
    { "mews", "rr", 1, 30, OPEN, 3, -1, 1, 0 },
    { "mews", "temp", 0.1f, OPEN, 34.9f, 2, 0, 1, 0 },
    { "mews", "temp", 0.1f, 35.0f, 38.4f, 0, 2, 1, 0 },
    { "mews", "temp", 0.1f, 38.5f, OPEN, 2, -1, 1, 0 },
    { "qsofa", "rr", 1, OPEN, 21, 0, 1, 1, 0 },
    { "qsofa", "rr", 1, 22, OPEN, 1, -1, 1, 0 },
    { "qsofa", "abp_sys", 1, OPEN, 100, 1, 0, 1, 0 },
    { "qsofa", "abp_sys", 1, 101, OPEN, 0, -1, 1, 0 },
    { "qsofa", "gcs", 1, OPEN, 14, 1, 0, 1, 0 },
    { "qsofa", "gcs", 1, 15, OPEN, 0, -1, 1, 0 },
};

ParameterizedTestParameters(score, a_value_has_the_points_of_the_chart_from_edge_to_edge)
{
    return cr_make_param_array(struct cell, cells, VG_ARRAY_LEN(cells));
}

static int points_at(const struct cell *cell, float value)
{
    const struct vg_score_part *part;

    give(cell->channel, value);
    evaluate();
    part = part_of(cell->channel);
    cr_assert(vg_score_part_known(part), "%s %g", cell->channel, (double)value);
    return part->least;
}

ParameterizedTest(struct cell *cell, score, a_value_has_the_points_of_the_chart_from_edge_to_edge)
{
    float half = cell->step / 2, less = cell->step * 0.49f;

    load(cell->score);
    patient.spo2_scale = (uint8_t)cell->scale;
    if (cell->air != 0)
        give("oxygen", cell->air == 2 ? 4 : 0);
    if (cell->low != OPEN) {
        cr_expect_eq(points_at(cell, cell->low), cell->points, "%g", (double)cell->low);
        /* Halves are rounded up, and so belong to this cell. */
        cr_expect_eq(points_at(cell, cell->low - half), cell->points, "half below");
    }
    if (cell->high != OPEN) {
        cr_expect_eq(points_at(cell, cell->high), cell->points, "%g", (double)cell->high);
        cr_expect_eq(points_at(cell, cell->high + less), cell->points, "less than half above");
        cr_expect_eq(points_at(cell, cell->high + half), cell->next, "half above");
        cr_expect_eq(points_at(cell, cell->high + cell->step), cell->next, "a step above");
    }
    if (cell->low == OPEN)
        cr_expect_eq(points_at(cell, cell->high - 30 * cell->step), cell->points, "far below");
    if (cell->high == OPEN)
        cr_expect_eq(points_at(cell, cell->low + 100 * cell->step), cell->points, "far above");
}

struct word_row {
    char score[8], word[4];
    int points; /* -1: not known */
};

ParameterizedTestParameters(score, each_word_for_consciousness_has_the_points_of_the_chart)
{
    static struct word_row rows[] = {
        { "news2", "A", 0 }, { "news2", "C", 3 }, { "news2", "V", 3 }, { "news2", "P", 3 },
        { "news2", "U", 3 }, { "mews", "A", 0 },  { "mews", "C", -1 }, { "mews", "V", 1 },
        { "mews", "P", 2 },  { "mews", "U", 3 },  { "qsofa", "A", 0 }, { "qsofa", "C", 1 },
        { "qsofa", "V", 1 }, { "qsofa", "P", 1 }, { "qsofa", "U", 1 },
    };
    return cr_make_param_array(struct word_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct word_row *row, score,
                  each_word_for_consciousness_has_the_points_of_the_chart)
{
    const struct vg_score_part *part;

    load(row->score);
    give("acvpu", (float)vg_channel_word(VG_CHANNEL_acvpu, row->word, strlen(row->word)));
    evaluate();
    part = part_of("acvpu");
    cr_assert(part->has_value);
    cr_assert_eq(vg_score_part_known(part), row->points >= 0);
    if (row->points >= 0)
        cr_assert_eq(part->least, row->points);
}

Test(score, a_temperature_between_two_rows_of_the_chart_is_rounded_before_it_is_looked_up)
{
    load("news2");
    give("temp", 35.05f);
    evaluate();
    cr_assert_eq(part_of("temp")->least, 1);
    give("temp", 35.04f);
    evaluate();
    cr_assert_eq(part_of("temp")->least, 3);
    cr_assert_eq(vg_score_value(part_of("temp")->steps, 10), 35.0f);
}

Test(score, the_shipped_levels_are_those_of_the_publications)
{
    load("news2");
    cr_assert_eq(score.levels, 3);
    cr_assert(score.level[0].single && score.level[0].points == 3);
    cr_assert(!score.level[1].single && score.level[1].points == 5);
    cr_assert(!score.level[2].single && score.level[2].points == 7);
    cr_assert(score.not_pregnant && score.from_years == 16 && !score.advisory);
    vg_score_done(&score);
    load("mews");
    cr_assert(score.levels == 1 && score.level[0].points == 5);
    vg_score_done(&score);
    load("qsofa");
    cr_assert(score.levels == 1 && score.level[0].points == 2 && score.advisory);
}

struct most_row {
    char score[8];
    int parameters, most;
};

ParameterizedTestParameters(score, with_nothing_known_all_totals_are_possible)
{
    static struct most_row rows[] = { { "news2", 7, 20 }, { "mews", 5, 14 }, { "qsofa", 3, 3 } };

    return cr_make_param_array(struct most_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct most_row *row, score, with_nothing_known_all_totals_are_possible)
{
    load(row->score);
    evaluate();
    cr_assert_eq(score.parameters, (uint32_t)row->parameters);
    cr_assert_eq(total.known, 0);
    cr_assert_eq(total.lowest, 0);
    cr_assert_eq(total.highest, row->most);
    cr_assert_eq(total.single, 0);
}

/* ---- what is missing ---- */

static void give_all(void)
{
    give("rr", 22);       /* 2 */
    give("spo2", 93);     /* 2 */
    give("oxygen", 2);    /* 2 */
    give("abp_sys", 105); /* 1 */
    give("hr", 115);      /* 2 */
    give("acvpu", 0);     /* 0 */
    give("temp", 38.4f);  /* 1 */
}

Test(score, points_are_added_up)
{
    load("news2");
    give_all();
    evaluate();
    cr_assert_eq(total.known, 7);
    cr_assert_eq(total.lowest, 10);
    cr_assert_eq(total.highest, 10);
    cr_assert_eq(total.single, 2);
}

Test(score, missing_consciousness_and_oxygen_are_not_taken_for_normal)
{
    load("news2");
    give_all();
    take("acvpu");
    take("oxygen");
    evaluate();
    cr_assert_eq(total.known, 5);
    cr_assert_eq(total.lowest, 8);
    cr_assert_eq(total.highest, 13);
    cr_assert_not(part_of("acvpu")->has_value);
}

Test(score, on_scale_2_saturation_counts_as_known_only_where_oxygen_makes_no_difference)
{
    load("news2");
    patient.spo2_scale = 2;
    give("spo2", 86);
    evaluate();
    cr_assert(vg_score_part_known(part_of("spo2")));
    cr_assert_eq(part_of("spo2")->least, 1);
    give("spo2", 97);
    evaluate();
    cr_assert_not(vg_score_part_known(part_of("spo2")));
    cr_assert_eq(part_of("spo2")->least, 0);
    cr_assert_eq(part_of("spo2")->most, 3);
    cr_assert_eq(total.known, 0);
    give("fio2", 40);
    evaluate();
    cr_assert_eq(part_of("spo2")->least, 3);
    cr_assert_eq(total.known, 2);
}

Test(score, oxygen_by_either_channel_is_oxygen)
{
    load("news2");
    give("oxygen", 0);
    give("fio2", 35);
    evaluate();
    cr_assert_eq(part_of("oxygen")->least, 2);
    give("fio2", 21);
    evaluate();
    cr_assert_eq(part_of("oxygen")->least, 0);
    give("oxygen", 0.5f);
    evaluate();
    cr_assert_eq(part_of("oxygen")->least, 2);
}

Test(score, of_two_channels_the_first_that_has_a_value_counts)
{
    load("news2");
    give("pulse", 120);
    evaluate();
    cr_assert_eq(part_of("pulse")->least, 2);
    give("hr", 80);
    evaluate();
    cr_assert_eq(part_of("pulse")->least, 0);
    cr_assert_eq(score.parameter[4].channel[total.part[4].channel].channel, VG_CHANNEL_hr);
}

Test(score, confusion_is_no_word_of_avpu_and_leaves_mews_open)
{
    load("mews");
    give("acvpu", 1);
    evaluate();
    cr_assert_eq(total.known, 0);
    cr_assert_eq(part_of("acvpu")->least, 0);
    cr_assert_eq(part_of("acvpu")->most, 3);
}

Test(score, tables_by_age_need_the_age)
{
    load("pews_example");
    cr_assert(score.example);
    give("hr", 150);
    patient.age_years = 0.5f;
    evaluate();
    cr_assert_eq(part_of("hr")->least, 0);
    patient.age_years = 1;
    evaluate();
    cr_assert_eq(part_of("hr")->least, 2);
    patient.age_years = -1;
    evaluate();
    cr_assert_eq(part_of("hr")->least, 0);
    cr_assert_eq(part_of("hr")->most, 2);
    cr_assert_eq(total.known, 0);
    give("hr", 170);
    evaluate();
    cr_assert(vg_score_part_known(part_of("hr")));
}

/* ---- what a file may not say ---- */

struct file_row {
    char from[80], to[120]; /* of news2.yaml */
    char says[160];
};

ParameterizedTestParameters(score, a_table_that_does_not_say_one_thing_is_refused_with_its_line)
{
    static struct file_row rows[] = {
        { "\"9 to 11\": 1", "\"10 to 11\": 1", "\"10 to 11\": the band before ends at 8, so this" },
        { "\"9 to 11\": 1", "\"8 to 11\": 1", "so this one must begin at 9" },
        { "\"<= 8\": 3, \"9 to 11\"", "\"5 to 8\": 3, \"9 to 11\"", "must have no lower end" },
        { ", \">= 25\": 3", "", "the last band must have no upper end" },
        { "\"<= 8\": 3", "\"<= 8\": 3, \">= 9\": 1", "nothing can follow the band before" },
        { "\"35.1 to 36.0\"", "\"35.05 to 36.0\"", "values are rounded to 0.1 here" },
        { "\"12 to 20\"", "\"20 to 12\"", "ends before it begins" },
        { "\"12 to 20\"", "\"twelve\"", "is no band" },
        { "\"12 to 20\": 0", "\"12 to 20\": none", "expected points" },
        { "\"12 to 20\": 0", "\"12 to 20\": 21", "expected points" },
        { "U: 3", "U: 3, X: 0", "is no band" },
        { "P: 3, U: 3", "P: 3", "no line for U" },
        { "from: [rr]", "from: [rrr]", "did you mean \"rr\"" },
        { "from: [rr]", "from: [rr, spo2]", "rr and spo2 have other units or rounding" },
        { "from: [hr, pulse]", "from: [hr, hr]", "listed twice" },
        { "air_or_oxygen: oxygen}", "air_or_oxygen: air}", "this table never holds" },
        { "air_or_oxygen: oxygen}", "air_or_oxygen: air2}", "unknown state" },
        { "{spo2_scale: 1}", "{spo2_scale: 3}", "spo2_scale" },
        { "{spo2_scale: 1}", "{scale: 1}", "unknown key" },
        { "{spo2_scale: 1}", "{pulse: fast}", "only another parameter with states" },
        { "{channel: fio2}", "{channel: spo2}", "is not listed in \"from\"" },
        { "\"> 21\": oxygen", "\"> 21\": oxygem", "did you mean \"oxygen\"" },
        { "round: 0.1", "round: 0.3", "values are rounded to 1" },
        { "round: 0.1", "rounding: 0.1", "unknown key \"rounding\"" },
        { "expires: {temp: 4h}", "expires: {etco2: 4h}", "no parameter takes its value from" },
        { "expires: {temp: 4h}", "expires: {temp: 4}", "expected a duration" },
        { "  single:\n", "  single:\n    at_least: 3\n", "either \"at_least\" a total or" },
        { "window: 5m", "window: 5s", "window" },
        { "version: 1", "version: 2", "reads \"version: 1\"" },
    };
    return cr_make_param_array(struct file_row, rows, VG_ARRAY_LEN(rows));
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 65536);

    cr_assert(f && text);
    cr_assert_gt(fread(text, 1, 65535, f), 0);
    (void)fclose(f);
    return text;
}

/* Reads news2.yaml with `to` in the place of `from`; the line of that place, and what was said. */
static int read_changed(const char *from, const char *to, struct vg_buf *said)
{
    char *text = read_file(VG_SOURCE_ROOT "/configs/scores/news2.yaml"), *at = strstr(text, from),
         path[] = "/tmp/vg_score_XXXXXX";
    struct vg_err err = { 0 };
    FILE *f = fdopen(mkstemp(path), "w");
    int line = 1;

    cr_assert(at && f, "%s is not in the file", from);
    for (const char *s = text; s < at; s++)
        line += *s == '\n';
    fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    (void)fclose(f);
    cr_assert_eq(vg_score_read(path, "news2", &score, said, &err), VG_E_CONFIG);
    unlink(path);
    free(text);
    return line;
}

ParameterizedTest(struct file_row *row, score,
                  a_table_that_does_not_say_one_thing_is_refused_with_its_line)
{
    struct vg_buf said = VG_BUF_INIT;
    char place[16];

    snprintf(place, sizeof(place), ":%d:", read_changed(row->from, row->to, &said));
    cr_assert(strstr(said.data, row->says), "%s", said.data);
    cr_assert(strstr(said.data, place), "not in line %s %s", place, said.data);
    vg_buf_done(&said);
}

Test(score, a_parameter_without_a_table_for_some_patients_is_refused)
{
    struct vg_buf said = VG_BUF_INIT;

    (void)read_changed("spo2_scale: 1", "spo2_scale: 2", &said);
    cr_assert(strstr(said.data, "for some patients no table of saturation holds"), "%s", said.data);
    vg_buf_done(&said);
}

Test(score, what_can_change_a_total_changes_the_canonical_text)
{
    struct vg_buf before = VG_BUF_INIT, after = VG_BUF_INIT;

    load("news2");
    vg_score_print(&score, &before);
    score.band[3].points++;
    vg_score_print(&score, &after);
    cr_assert_str_neq(before.data, after.data);
    score.band[3].points--;
    cr_assert(vg_score_expire(&score, VG_CHANNEL_temp, VG_NS_PER_S));
    vg_buf_clear(&after);
    vg_score_print(&score, &after);
    cr_assert_str_neq(before.data, after.data);
    cr_assert_not(vg_score_expire(&score, VG_CHANNEL_etco2, VG_NS_PER_S));
    vg_buf_done(&before);
    vg_buf_done(&after);
}

/* ---- the page ---- */

static void add_number(struct vg_buf *out, int32_t steps, uint16_t per_unit)
{
    vg_buf_float(out, vg_score_value(steps, per_unit));
}

static void add_range(struct vg_buf *out, const struct vg_score_band *b,
                      const struct vg_score_channel *c)
{
    if (b->low == INT32_MIN) {
        vg_buf_str(out, "<= ");
        add_number(out, b->high, c->per_unit);
    } else if (b->high == INT32_MAX) {
        vg_buf_str(out, ">= ");
        add_number(out, b->low, c->per_unit);
    } else {
        add_number(out, b->low, c->per_unit);
        vg_buf_str(out, " to ");
        add_number(out, b->high, c->per_unit);
    }
}

static void add_band(struct vg_buf *out, const struct vg_score_band *b,
                     const struct vg_score_channel *c, uint32_t place)
{
    if (vg_channel_words(c->channel) > 0)
        vg_buf_str(out, vg_channel_word_text(c->channel, (float)place));
    else
        add_range(out, b, c);
    if (b->points == VG_SCORE_UNKNOWN)
        vg_buf_str(out, ": unknown");
    else
        vg_buf_printf(out, ": %d", b->points);
}

static void add_condition(struct vg_buf *out, const struct vg_score_table *t)
{
    if (t->spo2_scale != 0)
        vg_buf_printf(out, "scale %u", t->spo2_scale);
    if (t->parameter >= 0)
        vg_buf_printf(out, ", on %s", score.parameter[t->parameter].state[t->state - 1]);
}

static void add_table(struct vg_buf *out, const struct vg_score_parameter *p,
                      const struct vg_score_table *t)
{
    int of = t->channel == VG_CHANNEL_NONE ? 0 : vg_score_channel_of(p, t->channel);

    vg_buf_printf(out, "| %s | ", p->title);
    for (uint8_t c = 0; c < p->channels; c++) {
        if (t->channel == VG_CHANNEL_NONE || c == of)
            vg_buf_printf(out, "%s`%s`", c && t->channel == VG_CHANNEL_NONE ? ", " : "",
                          vg_channels[p->channel[c].channel].name);
    }
    vg_buf_str(out, " | ");
    add_condition(out, t);
    vg_buf_str(out, " | ");
    for (uint32_t b = 0; b < t->n; b++) {
        vg_buf_str(out, b ? ", " : "");
        add_band(out, &score.band[t->first + b], &p->channel[of], b);
    }
    vg_buf_str(out, " |\n");
}

struct page_row {
    char score[8];
};

ParameterizedTestParameters(score, the_page_shows_the_tables_that_are_shipped)
{
    static struct page_row rows[] = { { "news2" }, { "mews" }, { "qsofa" } };

    return cr_make_param_array(struct page_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct page_row *row, score, the_page_shows_the_tables_that_are_shipped)
{
    struct vg_buf expected = VG_BUF_INIT;
    char *page = read_file(VG_SOURCE_ROOT "/docs/scores.md");

    load(row->score);
    for (uint32_t p = 0; p < score.parameters; p++) {
        const struct vg_score_parameter *parameter = &score.parameter[p];

        for (uint32_t t = 0; t < parameter->n; t++)
            add_table(&expected, parameter, &score.table[parameter->first + t]);
    }
    cr_assert(strstr(page, expected.data), "docs/scores.md lacks\n%s", expected.data);
    free(page);
    vg_buf_done(&expected);
}
