/* test_risk_model.c - learners of risk on stays made here: what they find, what they must not find,
 * and that workers change no byte.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/risk_found.h"
#include "app/risk_recipe.h"
#include "app/risk_tell.h"
#include "app/risk_train.h"
#include "models/gemm.h"
#include "models/load.h"

enum { STAYS = 400, HOURS = 6 };

static char folder[] = "/tmp/vigil-risk-XXXXXX";
static struct vg_err err;
static struct vg_buf diagnostics;
static struct vg_risk_data *data;
static struct vg_risk_study study;
static struct vg_risk_recipe recipe;
static struct vg_risk_cross cross;
static struct vg_risk_found found;

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/vigil-risk-XXXXXX");
    cr_assert(mkdtemp(folder));
    cr_assert_eq(vg_gemm_open(&err), VG_OK, "%s", err.msg);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_all(void)
{
    vg_risk_found_done(&found);
    vg_risk_cross_done(&cross);
    if (data)
        vg_risk_study_done(&study);
    vg_risk_data_free(data);
    vg_risk_recipe_done(&recipe);
    vg_buf_done(&diagnostics);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(risk_model, .timeout = 120, .init = make_folder, .fini = remove_all);

/* ---- stays ---- */

static FILE *create(const char *name)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    cr_assert(f);
    return f;
}

static uint64_t state;

static double chance(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(state >> 11) * 0x1p-53;
}

static const char map[] = "version: 1\nlayout: long\nwindow: 6h\n"
                          "stay: id\ntime: at\nvariable: what\nvalue: value\n"
                          "outcome: {stay: id, label: died, score: score}\n"
                          "variables:\n"
                          "  hr: {low: 10, high: 300}\n"
                          "  temp: {low: 20, high: 50}\n"
                          "  noise: {low: -10, high: 10}\n";

/* Who is far from 37 degrees on either side dies more often: no line tells that, a curve does. Half
 * of the noise is missing. With `shuffled` the outcome has nothing to do with any of it. */
static void write_stays(bool shuffled)
{
    FILE *rows = create("rows.csv"), *outcomes = create("outcomes.csv"), *f = create("map.yaml");

    fputs(map, f);
    fclose(f);
    fputs("id,at,what,value\n", rows);
    fputs("id,died,score\n", outcomes);
    state = 7;
    for (int s = 0; s < STAYS; s++) {
        double temp = 37.0 + 4.0 * (chance() - 0.5), fast = chance();
        double risk = shuffled ? 0.2 : 0.02 + 0.15 * (temp - 37.0) * (temp - 37.0) + 0.1 * fast;

        for (int t = 0; t < HOURS; t++) {
            fprintf(rows, "s%d,%02d:10,hr,%.1f\n", s, t, 70 + 50 * fast + 5 * chance());
            fprintf(rows, "s%d,%02d:20,temp,%.2f\n", s, t, temp + 0.1 * chance());
            if (chance() < 0.5)
                fprintf(rows, "s%d,%02d:30,noise,%.3f\n", s, t, chance());
        }
        fprintf(outcomes, "s%d,%d,%d\n", s, chance() < risk, (int)(10 * fast));
    }
    fclose(rows);
    fclose(outcomes);
}

#define LINEAR "type: logistic, penalty: 1, summaries: [last, mean, count]"
#define CURVED LINEAR ", bends: [-1, 0, 1], bent: [last]"
#define HOURLY \
    "type: sequence, network: \"gru:4,dense:1:sigmoid\", epochs: 2, seeds: 2, dropout: 0.2"
#define DENSE                                                                                   \
    "type: dense, network: \"dense:6:relu,dense:1:sigmoid\", epochs: 3, drop: 0.2, summaries: " \
    "[last]"

static void read_recipe(const char *learners)
{
    FILE *f = create("recipe.yaml");
    char path[128];

    fprintf(f, "version: 1\nmap: map.yaml\nfolds: 4\n%s", learners);
    fclose(f);
    snprintf(path, sizeof path, "%s/recipe.yaml", folder);
    cr_assert_eq(vg_risk_recipe_read(&recipe, path, &diagnostics, &err), VG_OK, "%s%s",
                 diagnostics.data ? diagnostics.data : "", err.msg);
}

static void read_stays(void)
{
    struct vg_risk_source source;

    snprintf(source.stays, sizeof source.stays, "%s/rows.csv", folder);
    snprintf(source.outcomes, sizeof source.outcomes, "%s/outcomes.csv", folder);
    cr_assert_eq(vg_risk_data_read(recipe.map, &source, &diagnostics, &data, &err), VG_OK, "%s",
                 err.msg);
    vg_risk_study_init(&study, data);
}

static void evaluate(uint32_t workers)
{
    const struct vg_risk_cross_how how = { .workers = workers, .share = 1.0 };

    cr_assert_eq(vg_risk_cross_run(&cross, &recipe, &study, &how, &err), VG_OK, "%s", err.msg);
}

static double auroc(const char *name)
{
    for (uint32_t r = 0; r < cross.rows; r++)
        if (strcmp(cross.row[r].name, name) == 0)
            return found.row[r].figure[VG_RISK_FIGURE_auroc].value;
    cr_assert_fail("no row %s", name);
    return 0.0;
}

static void find(uint32_t replicates)
{
    cr_assert_eq(vg_risk_find(&found, &cross, replicates, &err), VG_OK, "%s", err.msg);
}

/* ---- tests ---- */

Test(risk_model, a_curve_sees_what_a_line_cannot)
{
    write_stays(false);
    read_recipe("members:\n  curved: {" CURVED "}\nreferences:\n  line: {" LINEAR "}\n");
    read_stays();
    evaluate(1);
    find(20);
    cr_assert_gt(auroc("curved"), 0.70);
    cr_assert_lt(auroc("line"), 0.65);
    cr_assert_gt(found.row[1].over.low, 0.0);
}

Test(risk_model, an_outcome_by_chance_is_not_foreseen)
{
    write_stays(true);
    read_recipe("members:\n  curved: {" CURVED "}\n  mlp: {" DENSE "}\n");
    read_stays();
    evaluate(1);
    find(20);
    cr_assert_lt(fabs(auroc("curved") - 0.5), 0.1);
    cr_assert_lt(fabs(auroc("mlp") - 0.5), 0.1);
}

Test(risk_model, time_alone_tells_nothing_of_a_fixed_window)
{
    write_stays(false);
    read_recipe("members:\n  line: {" LINEAR "}\nreferences:\n"
                "  time: {type: logistic, sees: time}\n"
                "  masks: {type: logistic, sees: masks, summaries: [count, seen]}\n");
    read_stays();
    evaluate(1);
    find(2);
    cr_assert_lt(fabs(auroc("time") - 0.5), 0.1);
    cr_assert_lt(fabs(auroc("masks") - 0.5), 0.1);
}

Test(risk_model, every_stay_is_told_by_a_fold_that_has_not_seen_it)
{
    uint32_t in_fold[4] = { 0 };

    write_stays(false);
    read_recipe("members:\n  line: {" LINEAR "}\n");
    read_stays();
    evaluate(1);
    for (uint32_t s = 0; s < data->stays; s++) {
        cr_assert_lt(cross.fold[s], 4);
        in_fold[cross.fold[s]]++;
    }
    for (int k = 0; k < 4; k++)
        cr_assert_gt(in_fold[k], STAYS / 8);
}

Test(risk_model, scales_come_from_the_stays_learned_from_alone)
{
    struct vg_risk_standard a, b;
    bool *part;

    write_stays(false);
    read_recipe("members:\n  line: {" LINEAR "}\n");
    read_stays();
    part = calloc(data->stays, sizeof *part);
    cr_assert(part);
    for (uint32_t s = 0; s < data->stays; s++)
        part[s] = s % 2 == 0;
    vg_risk_hours_standard(&study.hours, data, part, 4, &a);
    for (uint32_t s = 1; s < data->stays; s += 2) /* what the others have is of no account */
        for (uint32_t t = 0; t < HOURS; t++)
            study.hours.value[(study.hours.first[s] + t) * study.hours.variables] = 1e6f;
    vg_risk_hours_standard(&study.hours, data, part, 4, &b);
    cr_assert_eq(memcmp(a.mean, b.mean, 3 * sizeof(float)), 0);
    cr_assert_eq(memcmp(a.scale, b.scale, 3 * sizeof(float)), 0);
    vg_risk_standard_done(&a);
    vg_risk_standard_done(&b);
    free(part);
}

Test(risk_model, workers_change_no_byte)
{
    static const uint32_t workers[] = { 2, 8 };
    float *first;

    write_stays(false);
    read_recipe("members:\n  curved: {" CURVED "}\n  hours: {" HOURLY "}\n  mlp: {" DENSE "}\n");
    read_stays();
    evaluate(1);
    first = malloc(study.cases.n * sizeof *first);
    cr_assert(first);
    memcpy(first, cross.row[0].probability, study.cases.n * sizeof *first);
    for (size_t w = 0; w < VG_ARRAY_LEN(workers); w++) {
        vg_risk_cross_done(&cross);
        evaluate(workers[w]);
        cr_assert_eq(memcmp(first, cross.row[0].probability, study.cases.n * sizeof *first), 0,
                     "%u workers", workers[w]);
    }
    free(first);
}

Test(risk_model, a_table_and_its_json_hold_every_row)
{
    struct vg_buf text = VG_BUF_INIT, json = VG_BUF_INIT;

    write_stays(false);
    read_recipe("members:\n  a: {" CURVED "}\n  b: {" LINEAR "}\nreferences:\n  c: {" LINEAR "}\n");
    read_stays();
    evaluate(1);
    find(5);
    cr_assert_eq(cross.rows, 5); /* all members, a, b, c, the bedside score */
    vg_risk_print(&found, &text);
    vg_risk_json(&found, &json);
    cr_assert(strstr(text.data, "all members") && strstr(text.data, "bedside score"));
    cr_assert(strstr(json.data, "\"name\":\"bedside score\""));
    for (uint32_t r = 0; r < cross.rows; r++) {
        const struct vg_confusion *c = &found.row[r].confusion;

        cr_assert_eq(c->tp + c->fp + c->fn + c->tn, STAYS);
    }
    vg_buf_done(&text);
    vg_buf_done(&json);
}

static struct vg_model *train(const char *learners)
{
    struct vg_buf table = VG_BUF_INIT;
    struct vg_model *model = NULL;
    char config[128], spec[256], out[128];

    read_recipe(learners);
    snprintf(config, sizeof config, "%s/recipe.yaml", folder);
    snprintf(out, sizeof out, "%s/risk.safetensors", folder);
    snprintf(spec, sizeof spec, "stays=%s/rows.csv,outcomes=%s/outcomes.csv", folder, folder);
    cr_assert(vg_risk_recipe_for_stays(config));
    cr_assert_eq(
        vg_risk_train(
            &(struct vg_risk_training){ .recipe = config, .data = spec, .out = out, .workers = 1 },
            &table, &diagnostics, &err),
        VG_OK, "%s", err.msg);
    cr_assert(strstr(table.data, "all members"), "%s", table.data);
    vg_buf_done(&table);
    cr_assert_eq(vg_model_open(out, &model, &err), VG_OK, "%s", err.msg);
    return model;
}

/* Clipped where half of the values lie beyond, so that a file that forgets it is found out. */
#define ALL_KINDS                                 \
    "members:\n  curved: {" CURVED ", clip: 1}\n" \
    "  hours: {" HOURLY ", clip: 1}\n  mlp: {" DENSE ", clip: 1}\n"

Test(risk_model, a_trained_file_holds_the_members_of_its_recipe)
{
    struct vg_model *model;

    write_stays(false);
    model = train(ALL_KINDS);
    cr_assert_str_eq(model->ops->name, "stacked");
    cr_assert_eq(model->members, 3);
    cr_assert_str_eq(model->member[0]->variable[0].name, "hr.last");
    cr_assert_eq(model->member[1]->inputs, 9); /* value, mask and age of three variables */
    model->ops->free(model);
}

/* What training says of the stays when it has learned from all of them. */
static void learn_all(uint32_t member, float *probability)
{
    const struct vg_risk_learner *l = &recipe.member[member];
    struct vg_risk_summaries summaries = { 0 };
    bool *all = malloc(data->stays);

    cr_assert(all);
    memset(all, true, data->stays);
    if (l->type != VG_RISK_SEQUENCE)
        vg_risk_summaries_init(&summaries, data, &study.cases, &l->spec);
    cr_assert_eq(vg_risk_fit(&(struct vg_risk_job){ .study = &study,
                                                    .learner = l,
                                                    .summaries = &summaries,
                                                    .learn = all,
                                                    .tell = all,
                                                    .probability = probability,
                                                    .seed = (uint64_t)recipe.seed,
                                                    .workers = 1 },
                             &err),
                 VG_OK, "%s", err.msg);
    vg_risk_summaries_done(&summaries);
    free(all);
}

Test(risk_model, a_file_says_of_stays_what_training_said_of_them)
{
    float *want, *got;
    struct vg_model *model;

    write_stays(false);
    model = train(ALL_KINDS);
    read_stays();
    want = calloc(study.cases.n, sizeof *want);
    got = calloc(study.cases.n, sizeof *got);
    cr_assert(want && got);
    for (uint32_t m = 0; m < model->members; m++) {
        learn_all(m, want);
        cr_assert_eq(vg_risk_tell(model->member[m], &study, got, &err), VG_OK, "%s", err.msg);
        for (size_t i = 0; i < study.cases.n; i++)
            cr_assert_float_eq(got[i], want[i], 2e-6, "member %u, case %zu: %.9g, %.9g", m, i,
                               (double)got[i], (double)want[i]);
    }
    model->ops->free(model);
    free(want);
    free(got);
}

/* The same stays under a map that has the variables in another order, and one that lacks one. */
Test(risk_model, variables_are_found_by_their_names)
{
    static const char other[] = "variables:\n  noise: {low: -10, high: 10}\n"
                                "  temp: {low: 20, high: 50}\n  hr: {low: 10, high: 300}\n";
    float first[STAYS], second[STAYS];
    struct vg_model *model;
    FILE *f;

    write_stays(false);
    model = train(ALL_KINDS);
    read_stays();
    cr_assert_eq(study.cases.n, STAYS);
    cr_assert_eq(vg_risk_tell(model, &study, first, &err), VG_OK, "%s", err.msg);
    vg_risk_study_done(&study);
    vg_risk_data_free(data);
    f = create("map.yaml");
    fprintf(f, "%.*s%s", (int)(strstr(map, "variables:") - map), map, other);
    fclose(f);
    read_stays();
    cr_assert_eq(vg_risk_tell(model, &study, second, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(memcmp(first, second, sizeof first), 0);
    snprintf(data->variable[1].name, sizeof data->variable[1].name, "temperature");
    cr_assert_eq(vg_risk_tell(model, &study, second, &err), VG_E_MODEL);
    cr_assert(strstr(err.msg, "takes \"temp.last\""), "%s", err.msg);
    model->ops->free(model);
}

Test(risk_model, a_file_is_judged_on_stays_that_it_has_not_seen)
{
    struct vg_risk_cross_file file = { .name = "risk.safetensors", .folds = 4, .threshold = NAN };
    struct vg_buf json = VG_BUF_INIT;
    struct vg_model *model;

    write_stays(false);
    file.model = model = train(ALL_KINDS);
    read_stays();
    cr_assert_eq(vg_risk_cross_file(&cross, &file, &study, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "trained on these very stays"), "%s", err.msg);
    vg_risk_cross_done(&cross);
    data->sha256[0] = data->sha256[0] == '0' ? '1' : '0';
    cr_assert_eq(vg_risk_cross_file(&cross, &file, &study, &err), VG_OK, "%s", err.msg);
    find(5);
    cr_assert_eq(cross.rows, 5); /* the file, its members, the bedside score */
    cr_assert_gt(auroc("risk.safetensors"), 0.70);
    vg_risk_json(&found, &json);
    cr_assert(strstr(json.data, "\"model\":\"risk.safetensors\",\"threshold\":null"));
    vg_buf_done(&json);
    model->ops->free(model);
}

Test(risk_model, one_kind_of_outcome_teaches_nothing)
{
    const struct vg_risk_cross_how how = { .workers = 1, .share = 1.0 };

    write_stays(false);
    read_recipe("members:\n  line: {" LINEAR "}\n");
    read_stays();
    for (size_t i = 0; i < study.cases.n; i++)
        study.cases.list[i].target = 0.0f;
    cr_assert_eq(vg_risk_cross_run(&cross, &recipe, &study, &how, &err), VG_E_FAILED);
    cr_assert(strstr(err.msg, "0 cases have the outcome"), "%s", err.msg);
}

/* ---- hours ---- */

enum { HOURLY_STAYS = 80, HOURLY_HOURS = 40 };

/* A third becomes septic; the pulse rises from ten hours before on. Labels are 1 from six hours
 * before, as in PhysioNet 2019. */
static void write_hourly(void)
{
    FILE *f = create("map.yaml");
    char name[32];

    fputs("version: 1\nlayout: hourly\nwindow: 48h\nlabel: septic\n"
          "variables:\n  hr: {low: 10, high: 300}\n  lactate: {low: 0, high: 20}\n",
          f);
    fclose(f);
    snprintf(name, sizeof name, "%s/stays", folder);
    cr_assert_eq(mkdir(name, 0700), 0);
    state = 3;
    for (int s = 0; s < HOURLY_STAYS; s++) {
        int onset = chance() < 0.33 ? 12 + (int)(20 * chance()) : 1000;

        snprintf(name, sizeof name, "stays/p%02d.psv", s);
        f = create(name);
        fputs("hr|lactate|septic\n", f);
        for (int t = 0; t < HOURLY_HOURS; t++) {
            double worse = t > onset - 10 ? (t - onset + 10) * 4.0 : 0.0;

            fprintf(f, "%.1f|%s|%d\n", 70 + worse + 10 * chance(), chance() < 0.2 ? "2.5" : "NaN",
                    t >= onset - 6);
        }
        fclose(f);
    }
}

Test(risk_model, alarms_before_sepsis_are_worth_something)
{
    struct vg_risk_source source = { .outcomes = "" };

    write_hourly();
    read_recipe("members:\n  lines: {" LINEAR "}\n  hours: {type: sequence, network: "
                "\"gru:4,dense:1:sigmoid\", epochs: 4, rate: 0.02}\n"
                "references:\n  time: {type: logistic, sees: time}\n");
    snprintf(source.stays, sizeof source.stays, "%s/stays", folder);
    cr_assert_eq(vg_risk_data_read(recipe.map, &source, &diagnostics, &data, &err), VG_OK, "%s",
                 err.msg);
    vg_risk_study_init(&study, data);
    cr_assert_eq(study.cases.n, HOURLY_STAYS * HOURLY_HOURS);
    evaluate(1);
    find(5);
    cr_assert_gt(found.row[0].figure[VG_RISK_FIGURE_utility].value, 0.5);
    cr_assert_gt(found.row[0].figure[VG_RISK_FIGURE_utility].value,
                 found.row[3].figure[VG_RISK_FIGURE_utility].value + 0.1, "time alone is as good");
    cr_assert(!vg_risk_figure_shown(&found, VG_RISK_FIGURE_score1));
    cr_assert(vg_risk_figure_shown(&found, VG_RISK_FIGURE_utility));
}

/* ---- PhysioNet 2012, where it is at hand ---- */

#define SHARED VG_SOURCE_ROOT "/../shared/data/physionet2012/"

/* One fold of the reference: the long form is `vigil evaluate risk` with the whole recipe. */
Test(risk_model, set_a_of_physionet_2012_is_told_as_it_was_before)
{
    struct vg_risk_source source = { SHARED "set-a.csv.gz", SHARED "Outcomes-a.csv" };
    struct vg_risk_summaries summaries;
    bool *learn, *tell;
    float *probability;
    struct vg_case *cases;
    size_t n = 0;

    if (access(source.stays, R_OK) != 0)
        cr_skip("no %s", source.stays);
    read_recipe("members:\n  l: {type: logistic, penalty: 100, summaries: [last, min, max, mean, "
                "seen, total], bends: [-1, 0, 1], bent: [last]}\n");
    cr_assert_eq(vg_risk_data_read(VG_SOURCE_ROOT "/configs/maps/physionet2012.yaml", &source,
                                   &diagnostics, &data, &err),
                 VG_OK, "%s", err.msg);
    cr_assert_eq(data->stays, 4000);
    vg_risk_study_init(&study, data);
    vg_risk_summaries_init(&summaries, data, &study.cases, &recipe.member[0].spec);
    learn = calloc(data->stays, 1);
    tell = calloc(data->stays, 1);
    probability = calloc(study.cases.n, sizeof *probability);
    cases = calloc(study.cases.n, sizeof *cases);
    cr_assert(learn && tell && probability && cases);
    for (uint32_t s = 0; s < data->stays; s++) {
        tell[s] = s % 5 == 0;
        learn[s] = !tell[s];
    }
    cr_assert_eq(vg_risk_fit(&(struct vg_risk_job){ .study = &study,
                                                    .learner = &recipe.member[0],
                                                    .summaries = &summaries,
                                                    .learn = learn,
                                                    .tell = tell,
                                                    .probability = probability },
                             &err),
                 VG_OK, "%s", err.msg);
    for (size_t i = 0; i < study.cases.n; i++)
        if (tell[study.cases.list[i].stay])
            cases[n++] = (struct vg_case){ probability[i], study.cases.list[i].label, 0 };
    vg_cases_sort(cases, n);
    cr_assert_gt(vg_auroc(cases, n, NULL), 0.83);
    vg_risk_summaries_done(&summaries);
    free(learn);
    free(tell);
    free(probability);
    free(cases);
}
