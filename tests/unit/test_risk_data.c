/* test_risk_data.c - stays in their two layouts, and what models see of them until an hour. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/risk_inputs.h"

static char folder[] = "/tmp/vigil-risk-XXXXXX";
static struct vg_err err;
static struct vg_buf diagnostics;
static struct vg_risk_data *data;

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/vigil-risk-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    vg_risk_data_free(data);
    vg_buf_done(&diagnostics);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(risk_data, .timeout = 60, .init = make_folder, .fini = remove_folder);

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    cr_assert(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
}

/* ---- long ---- */

#define LONG_MAP                                                             \
    "version: 1\n"                                                           \
    "layout: long\n"                                                         \
    "window: 4h\n"                                                           \
    "stay: id\ntime: at\nvariable: what\nvalue: value\nignore: [RecordID]\n" \
    "outcome: {stay: id, label: died, score: saps}\n"                        \
    "variables:\n"                                                           \
    "  hr: {low: 10, high: 300}\n"                                           \
    "  urine: {low: 0, high: 2000, scale: log1p, amount: true}\n"            \
    "  creatinine: {low: 0.1, high: 30, scale: log}\n"                       \
    "  age: {low: 0, high: 130, descriptor: true}\n"                         \
    "  unit: {categories: [1, 2], descriptor: true}\n"

#define LONG_HEADER "id,at,what,value\n"

static vg_status read_long(const char *map, const char *rows, const char *outcomes)
{
    struct vg_risk_source source;
    char text[256];

    write_file("map.yaml", map);
    write_file("rows.csv", rows);
    write_file("outcomes.csv", outcomes);
    snprintf(text, sizeof text, "stays=%s/rows.csv,outcomes=%s/outcomes.csv", folder, folder);
    cr_assert_eq(vg_risk_source_parse(&source, text, &err), VG_OK, "%s", err.msg);
    return vg_risk_data_read(path_of("map.yaml"), &source, &diagnostics, &data, &err);
}

static void assert_refused(vg_status st, vg_status want, const char *part)
{
    cr_assert_eq(st, want, "%d: %s", (int)st, err.msg);
    cr_assert(strstr(err.msg, part), "\"%s\" does not say \"%s\"", err.msg, part);
}

Test(risk_data, a_stay_has_its_plausible_values_by_time)
{
    cr_assert_eq(read_long(LONG_MAP,
                           LONG_HEADER "b,00:00,RecordID,7\nb,00:00,age,61\nb,00:00,unit,2\n"
                                       "b,02:30,hr,80\nb,01:00,hr,70\nb,01:10,hr,999\n"
                                       "b,03:59,creatinine,0.1\nb,04:00,hr,90\n"
                                       "a,0.5,hr,60\na,00:00,age,-1\n",
                           "id,died,saps\na,1,-1\nb,0,17\nnobody,1,3\n"),
                 VG_OK, "%s", err.msg);
    cr_assert_eq(data->stays, 2);
    cr_assert_str_eq(data->stay[0].id, "a");
    cr_assert_eq(data->label[data->stay[0].first_label], 1);
    cr_assert(!data->stay[0].scored);
    cr_assert_eq(data->label[data->stay[1].first_label], 0);
    cr_assert(data->stay[1].scored && data->stay[1].score == 17.0);
    cr_assert_eq(data->implausible, 2); /* 999 and the age of -1 */
    cr_assert_eq(data->stay[0].samples, 1);
    cr_assert_eq(data->stay[1].samples, 6); /* age, two of unit, two of hr, creatinine */
    for (size_t i = 1; i < 6; i++)
        cr_assert_leq(data->sample[data->stay[1].first + i - 1].hours,
                      data->sample[data->stay[1].first + i].hours);
}

Test(risk_data, the_hash_is_of_the_stays_and_not_of_their_order)
{
    char first[65];

    cr_assert_eq(read_long(LONG_MAP, LONG_HEADER "a,00:10,hr,60\nb,00:20,hr,70\n",
                           "id,died,saps\na,1,3\nb,0,4\n"),
                 VG_OK);
    memcpy(first, data->sha256, sizeof first);
    vg_risk_data_free(data);
    data = NULL;
    cr_assert_eq(read_long(LONG_MAP, LONG_HEADER "b,00:20,hr,70\na,00:10,hr,60\n",
                           "id,died,saps\nb,0,4\na,1,3\n"),
                 VG_OK);
    cr_assert_str_eq(data->sha256, first);
    vg_risk_data_free(data);
    data = NULL;
    cr_assert_eq(read_long(LONG_MAP, LONG_HEADER "b,00:20,hr,71\na,00:10,hr,60\n",
                           "id,died,saps\nb,0,4\na,1,3\n"),
                 VG_OK);
    cr_assert_str_neq(data->sha256, first);
}

Test(risk_data, a_row_that_cannot_be_read_is_an_error_with_its_line)
{
    static const char outcomes[] = "id,died,saps\na,1,3\n";

    assert_refused(read_long(LONG_MAP, LONG_HEADER "a,00:10,hr,60\na,25;00,hr,60\n", outcomes),
                   VG_E_DECODE, "rows.csv:3: time \"25;00\"");
    assert_refused(read_long(LONG_MAP, LONG_HEADER "a,00:60,hr,60\n", outcomes), VG_E_DECODE,
                   "rows.csv:2: time");
    assert_refused(read_long(LONG_MAP, LONG_HEADER "a,00:10,hr,high\n", outcomes), VG_E_DECODE,
                   "rows.csv:2: value \"high\"");
    assert_refused(read_long(LONG_MAP, LONG_HEADER "a,00:10,hrr,60\n", outcomes), VG_E_DECODE,
                   "did you mean \"hr\"?");
    assert_refused(read_long(LONG_MAP, LONG_HEADER "a b,00:10,hr,60\n", outcomes), VG_E_DECODE,
                   "rows.csv:2");
    assert_refused(read_long(LONG_MAP, "id,at,what\na,00:10,hr\n", outcomes), VG_E_DECODE, "value");
}

Test(risk_data, outcomes_fit_the_stays_or_are_refused)
{
    static const char rows[] = LONG_HEADER "a,00:10,hr,60\nb,00:10,hr,60\n";

    assert_refused(read_long(LONG_MAP, rows, "id,died,saps\na,1,3\n"), VG_E_DECODE,
                   "1 stays have no outcome");
    assert_refused(read_long(LONG_MAP, rows, "id,died,saps\na,yes,3\n"), VG_E_DECODE,
                   "outcomes.csv:2: label \"yes\"");
    assert_refused(read_long(LONG_MAP, rows, "id,died,saps\na,1,3\na,0,3\n"), VG_E_DECODE,
                   "outcomes.csv:3: a second outcome");
    assert_refused(read_long(LONG_MAP, LONG_HEADER "a,0,hr,60\nb,0,hr,60\na,1,hr,60\n",
                             "id,died,saps\na,1,3\nb,0,3\n"),
                   VG_E_DECODE, "do not stand together");
}

Test(risk_data, errors_name_no_stay)
{
    assert_refused(read_long(LONG_MAP, LONG_HEADER "secret-7,00:10,hr,x\n", "id,died,saps\n"),
                   VG_E_DECODE, "rows.csv:2");
    cr_assert(!strstr(err.msg, "secret-7"), "%s", err.msg);
    assert_refused(read_long(LONG_MAP, LONG_HEADER "secret-7,00:10,hr,60\n", "id,died,saps\n"),
                   VG_E_DECODE, "no outcome");
    cr_assert(!strstr(err.msg, "secret-7"), "%s", err.msg);
}

Test(risk_data, a_map_with_mistakes_says_all_of_them)
{
    assert_refused(read_long("version: 1\nlayout: long\nwindow: 90m\nstay: id\ntime: at\n"
                             "variable: what\noutcome: {stay: id, label: died}\n"
                             "variables:\n  hr: {low: 10, hihg: 300}\n"
                             "  lab: {low: 0, high: 3, scale: log}\n  \"a b\": {low: 0, high: 1}\n",
                             LONG_HEADER, "id,died\n"),
                   VG_E_CONFIG, "errors");
    cr_assert(strstr(diagnostics.data, "whole hours"), "%s", diagnostics.data);
    cr_assert(strstr(diagnostics.data, "\"value\" is missing"), "%s", diagnostics.data);
    cr_assert(strstr(diagnostics.data, "did you mean \"high\"?"), "%s", diagnostics.data);
    cr_assert(strstr(diagnostics.data, "too low for a logarithm"), "%s", diagnostics.data);
    cr_assert(strstr(diagnostics.data, "letters, digits"), "%s", diagnostics.data);
}

/* ---- hourly ---- */

#define HOURLY_MAP                                                                         \
    "version: 1\nlayout: hourly\nwindow: 24h\nlabel: septic\n"                             \
    "variables:\n  hr: {low: 10, high: 300}\n  urine: {low: 0, high: 2000, amount: true, " \
    "scale: log1p}\n  age: {low: 0, high: 130, descriptor: true}\n"

static vg_status read_hourly(const char *a, const char *b)
{
    struct vg_risk_source source;

    write_file("map.yaml", HOURLY_MAP);
    mkdir(path_of("stays"), 0700);
    write_file("stays/a.psv", a);
    if (b)
        write_file("stays/b.psv", b);
    snprintf(source.stays, sizeof source.stays, "%s/stays", folder);
    source.outcomes[0] = '\0';
    return vg_risk_data_read(path_of("map.yaml"), &source, &diagnostics, &data, &err);
}

#define HOURLY_HEADER "hr|age|urine|unused|septic\n"

Test(risk_data, an_hourly_stay_has_a_label_for_each_hour)
{
    cr_assert_eq(read_hourly(HOURLY_HEADER "80|61|NaN|x|0\nNaN|61|30|x|0\n82|61||x|1\n",
                             HOURLY_HEADER "70|50|10|x|0\n"),
                 VG_OK, "%s", err.msg);
    cr_assert(data->hourly);
    cr_assert_eq(data->stays, 2);
    cr_assert_eq(data->stay[0].hours, 3);
    cr_assert_eq(data->label[data->stay[0].first_label + 2], 1);
    cr_assert_eq(data->stay[0].samples, 4); /* two of hr, one of urine, age once */
    cr_assert_eq(data->stay[1].hours, 1);
}

Test(risk_data, an_hour_that_cannot_be_read_is_an_error_with_its_line)
{
    assert_refused(read_hourly(HOURLY_HEADER "80|61|NaN|x|0\n80|61|0\n", NULL), VG_E_DECODE,
                   "a.psv:3: 3 cells");
    assert_refused(read_hourly(HOURLY_HEADER "80|61|NaN|x|2\n", NULL), VG_E_DECODE,
                   "a.psv:2: label \"2\"");
    assert_refused(read_hourly(HOURLY_HEADER "fast|61|NaN|x|0\n", NULL), VG_E_DECODE,
                   "a.psv:2: hr \"fast\"");
    assert_refused(read_hourly("hr|age|septic\n", NULL), VG_E_DECODE, "no column \"urine\"");
    assert_refused(read_hourly(HOURLY_HEADER, NULL), VG_E_DECODE, "no hour");
}

/* ---- what models see ---- */

/** One hour of one stay as a network sees it. */
struct step {
    float x[9], target, mask, weight;
};

static struct step step_at(const struct vg_train_set *set, size_t sequence, uint32_t t)
{
    struct step s = { .weight = 1.0f };
    const struct vg_train_rows rows = { .x = s.x,
                                        .target = &s.target,
                                        .mask = &s.mask,
                                        .weight = &s.weight,
                                        .x_stride = 9,
                                        .target_stride = 1,
                                        .mask_stride = 1,
                                        .weight_stride = 1 };

    set->read(set->self, sequence, t, 1, &rows);
    return s;
}

struct views {
    struct vg_risk_cases cases;
    struct vg_risk_hours hours;
    struct vg_risk_summaries summaries;
    struct vg_risk_standard standard;
    struct vg_risk_sequences sequences;
    struct vg_train_set set;
};

static const struct vg_risk_summary_spec all_kinds = {
    .kinds = 4,
    .kind = { VG_SUMMARY_LAST, VG_SUMMARY_COUNT, VG_SUMMARY_SEEN, VG_SUMMARY_TOTAL },
};

static void views_init(struct views *v)
{
    static const uint32_t first[] = { 0 };
    static float mean[3], scale[3] = { 1, 1, 1 };

    vg_risk_cases_init(&v->cases, data);
    vg_risk_hours_init(&v->hours, data);
    vg_risk_summaries_init(&v->summaries, data, &v->cases, &all_kinds);
    v->standard = (struct vg_risk_standard){ mean, scale, 1000.0f };
    v->sequences =
        (struct vg_risk_sequences){ data, &v->hours, &v->cases, &v->standard, first, 1, 0.0f };
    v->set = vg_risk_sequence_set(&v->sequences);
}

static void views_done(struct views *v)
{
    vg_risk_cases_done(&v->cases);
    vg_risk_hours_done(&v->hours);
    vg_risk_summaries_done(&v->summaries);
}

Test(risk_data, an_hour_has_the_last_value_its_mask_and_its_age)
{
    struct views v;
    struct step s;

    cr_assert_eq(read_hourly(HOURLY_HEADER "80|61|NaN|x|0\nNaN|NaN|30|x|0\nNaN|61||x|0\n", NULL),
                 VG_OK);
    views_init(&v);
    s = step_at(&v.set, 0, 2); /* hr, urine, age; then masks; then ages */
    cr_assert_eq(s.x[0], 80.0f);
    cr_assert_float_eq(s.x[1], 3.4339872f, 1e-5f); /* log(31) */
    cr_assert_eq(s.x[2], 61.0f);
    cr_assert(s.x[3] == 0.0f && s.x[4] == 0.0f && s.x[5] == 1.0f);
    cr_assert_float_eq(s.x[6], 4.7957905f / 6.0f, 1e-5f); /* log(121) / 6 */
    cr_assert_float_eq(s.x[7], 4.1108739f / 6.0f, 1e-5f); /* log(61) / 6 */
    cr_assert_eq(s.x[8], 0.0f);
    views_done(&v);
}

Test(risk_data, what_comes_after_a_case_changes_nothing_before_it)
{
    struct views v;
    struct step before[3];
    float summary[64];
    uint32_t columns;

    cr_assert_eq(read_hourly(HOURLY_HEADER "80|61|10|x|0\nNaN|61|30|x|0\n82|61|5|x|0\n"
                                           "70|61|1|x|0\n",
                             NULL),
                 VG_OK);
    views_init(&v);
    for (uint32_t t = 0; t < 3; t++)
        before[t] = step_at(&v.set, 0, t);
    columns = v.summaries.columns;
    cr_assert_leq(3 * columns, 64);
    memcpy(summary, v.summaries.value, 3 * columns * sizeof *summary);
    views_done(&v);
    vg_risk_data_free(data);
    data = NULL;
    cr_assert_eq(read_hourly(HOURLY_HEADER "80|61|10|x|0\nNaN|61|30|x|0\n82|61|5|x|0\n"
                                           "250|61|1999|x|0\n20|61|0|x|0\n",
                             NULL),
                 VG_OK);
    views_init(&v);
    for (uint32_t t = 0; t < 3; t++) {
        struct step after = step_at(&v.set, 0, t);

        cr_assert_eq(memcmp(before[t].x, after.x, sizeof after.x), 0, "hour %u", t);
    }
    cr_assert_eq(memcmp(summary, v.summaries.value, 3 * columns * sizeof *summary), 0);
    views_done(&v);
}

Test(risk_data, a_long_stay_is_judged_once_at_the_end_of_the_window)
{
    struct views v;

    cr_assert_eq(read_long(LONG_MAP, LONG_HEADER "a,00:10,hr,60\n", "id,died,saps\na,1,3\n"),
                 VG_OK);
    vg_risk_cases_init(&v.cases, data);
    cr_assert_eq(v.cases.n, 1);
    cr_assert_eq(v.cases.list[0].hour, 3);
    cr_assert(v.cases.list[0].label);
    vg_risk_cases_done(&v.cases);
}
