/* anomaly_study.c - populations, what a threshold sees of them, and the area under all thresholds. */
#include "app/anomaly_study.h"

#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"
#include "models/elementary.h"

const double vg_anomaly_delays_min[VG_ANOMALY_DELAYS - 1] = { 1, 2, 5, 10, 20, 30, 60, 120 };

static const int64_t hour_ns = 3600 * VG_NS_PER_S;

/* ---- running ---- */

struct collect {
    const struct vg_anomaly_study *study;
    struct vg_scores *scores; /* [beds] of the population that is being run */
    uint32_t done, all;       /* populations */
};

static void on_begin(void *ctx, uint32_t bed, const struct vg_offline *chain,
                     const struct vg_sim_label *label, size_t labels)
{
    const struct collect *c = ctx;

    (void)chain;
    for (size_t i = 0; i < labels; i++) {
        if (label[i].entry->kind != VG_SIM_SCENARIO)
            continue;
        c->scores[bed].from_ns = label[i].start_ns;
        c->scores[bed].until_ns = label[i].end_ns;
    }
}

static void on_tick(void *ctx, uint32_t bed, const struct vg_offline *chain,
                    const struct vg_row *row)
{
    const struct collect *c = ctx;
    struct vg_scores *s = &c->scores[bed];
    int score = vg_offline_column(chain, "anomaly_score");
    int valid = vg_offline_column(chain, "anomaly_valid");

    if (s->ticks % 1024 == 0) {
        s->score = realloc(s->score, (s->ticks + 1024) * sizeof(float));
        VG_CHECK(s->score != NULL);
    }
    if (s->ticks == 0)
        s->first_ns = row->event_ns;
    s->score[s->ticks++] =
        vg_row_column(row, valid)[0] != 0.0f ? vg_row_column(row, score)[0] : 0.0f;
}

static bool on_progress(void *ctx, double done)
{
    const struct collect *c = ctx;

    return !c->study->progress ||
           c->study->progress(c->study->ctx, (c->done + done) / (double)c->all);
}

/* A population of vg_sim_study_population() into `scores` [beds]. */
static vg_status run(struct collect *c, uint32_t number, uint32_t beds, struct vg_scores **ret,
                     struct vg_err *err)
{
    const struct vg_anomaly_study *s = c->study;
    struct vg_sim_study study = {
        .config = s->config,
        .sim = { .ward = "icu-a", .artefact_rate = s->artefact_rate },
        .workers = s->workers,
        .ctx = c,
        .begin = on_begin,
        .tick = on_tick,
        .progress = on_progress,
    };
    vg_status st;

    *ret = calloc(beds + 1, sizeof(**ret));
    VG_CHECK(*ret != NULL);
    c->scores = *ret;
    vg_sim_study_population(&study, number, beds, s->seed);
    st = beds > 0 ? vg_sim_study_run(&study, err) : VG_OK;
    c->done++;
    return st;
}

vg_status vg_anomaly_run(const struct vg_anomaly_study *study, struct vg_anomaly_scores *ret,
                         struct vg_err *err)
{
    struct collect c = { .study = study, .all = 1 + VG_SIM_GROUPS };
    vg_status st;

    *ret = (struct vg_anomaly_scores){ .tick_ns = study->tick_ns,
                                       .normals = study->normals,
                                       .per_group = study->per_group };
    st = run(&c, 0, study->normals, &ret->normal, err);
    for (uint32_t g = 0; g < VG_SIM_GROUPS && st == VG_OK; g++)
        st = run(&c, 1 + g, study->per_group, &ret->group[g], err);
    return st;
}

void vg_anomaly_scores_done(struct vg_anomaly_scores *s)
{
    for (uint32_t i = 0; s->normal && i < s->normals; i++)
        free(s->normal[i].score);
    free(s->normal);
    for (uint32_t g = 0; g < VG_SIM_GROUPS; g++) {
        for (uint32_t i = 0; s->group[g] && i < s->per_group; i++)
            free(s->group[g][i].score);
        free(s->group[g]);
    }
}

/* ---- one threshold ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static size_t delay_bin(double delay_s)
{
    size_t bin = 0;

    while (bin < VG_ANOMALY_DELAYS - 1 && delay_s >= 60 * vg_anomaly_delays_min[bin])
        bin++;
    return bin;
}

static void judge_group(const struct vg_anomaly_scores *s, uint32_t g, struct vg_anomaly_point *p)
{
    double *delay_s = calloc(s->per_group + 1, sizeof(*delay_s)), hours = 0;
    uint32_t n = 0, tick;

    VG_CHECK(delay_s != NULL);
    for (uint32_t i = 0; i < s->per_group; i++) {
        const struct vg_scores *one = &s->group[g][i];

        hours += (double)(one->until_ns - one->from_ns) / (double)hour_ns;
        if (!vg_alerts_first(one, s->tick_ns, p->threshold, &tick))
            continue;
        delay_s[n] = (double)(one->first_ns + tick * s->tick_ns - one->from_ns) / 1e9;
        p->delays[g][delay_bin(delay_s[n++])]++;
    }
    qsort(delay_s, n, sizeof(*delay_s), ascending);
    p->seen[g] = vg_interval_share(n, s->per_group);
    p->delay_s[g] = n > 0 ? delay_s[n / 2] : 0;
    p->chance[g] = s->per_group > 0 ? -vg_expm1(-p->per_day * hours / s->per_group / 24) : 0;
    free(delay_s);
}

void vg_anomaly_judge(const struct vg_anomaly_scores *s, float threshold,
                      struct vg_anomaly_point *ret)
{
    *ret = (struct vg_anomaly_point){ .threshold = threshold, .worst = 1 };
    ret->per_day = vg_alerts_per_day(s->normal, s->normals, s->tick_ns, threshold);
    for (uint32_t g = 0; g < VG_SIM_GROUPS; g++) {
        judge_group(s, g, ret);
        ret->macro += ret->seen[g].value / VG_SIM_GROUPS;
        ret->worst = ret->seen[g].value < ret->worst ? ret->seen[g].value : ret->worst;
    }
}

/* ---- all thresholds ---- */

struct surface {
    struct vg_vus *vus;
    uint8_t **label; /* [patients] */
    uint32_t patients;
};

static uint8_t *label_ticks(const struct vg_scores *one, int64_t tick_ns)
{
    uint8_t *label = calloc(one->ticks + 1, 1);

    VG_CHECK(label != NULL);
    for (uint32_t t = 0; t < one->ticks; t++) {
        int64_t at_ns = one->first_ns + t * tick_ns;

        label[t] = at_ns >= one->from_ns && at_ns < one->until_ns;
    }
    return label;
}

static void scan(struct surface *f, const struct vg_anomaly_scores *s)
{
    struct vg_vus_series *series;
    uint32_t n = 0;

    f->patients = VG_SIM_GROUPS * s->per_group;
    series = calloc(f->patients + 1, sizeof(*series));
    f->label = calloc(f->patients + 1, sizeof(*f->label));
    VG_CHECK(series != NULL && f->label != NULL);
    for (uint32_t g = 0; g < VG_SIM_GROUPS; g++) {
        for (uint32_t i = 0; i < s->per_group; i++, n++) {
            const struct vg_scores *one = &s->group[g][i];

            f->label[n] = label_ticks(one, s->tick_ns);
            series[n] = (struct vg_vus_series){
                .patient = n, .ticks = one->ticks, .score = one->score, .label = f->label[n]
            };
        }
    }
    f->vus = vg_vus_new(series, n, f->patients, VG_ANOMALY_BUFFER);
    free(series);
}

static void free_surface(struct surface *f)
{
    vg_vus_free(f->vus);
    for (uint32_t i = 0; i < f->patients; i++)
        free(f->label[i]);
    free(f->label);
}

static void figure_one(void *ctx, const uint32_t *times, double *figures)
{
    const struct surface *f = ctx;

    figures[0] = vg_vus_pr(f->vus, times);
}

static void draw(const struct surface *f, struct vg_anomaly_area *ret)
{
    ret->points = vg_vus_curve(f->vus, 0, ret->curve);
    ret->points_buffered = vg_vus_curve(f->vus, VG_ANOMALY_BUFFER, ret->buffered);
}

vg_status vg_anomaly_vus(const struct vg_anomaly_scores *s, struct vg_anomaly_area *ret,
                         struct vg_err *err)
{
    struct surface f;
    vg_status st;

    scan(&f, s);
    draw(&f, ret);
    st = vg_bootstrap(f.patients, VG_BOOTSTRAP_REPLICATES, 1, figure_one, &f, 1, &ret->vus, err);
    free_surface(&f);
    return st;
}

static void figure_two(void *ctx, const uint32_t *times, double *figures)
{
    const struct surface *f = ctx;

    figures[0] = vg_vus_pr(f[0].vus, times);
    figures[1] = vg_vus_pr(f[1].vus, times);
    figures[2] = figures[0] - figures[1];
}

vg_status vg_anomaly_compare(const struct vg_anomaly_scores *a, const struct vg_anomaly_scores *b,
                             struct vg_anomaly_pair *ret, struct vg_err *err)
{
    struct surface f[2];
    struct vg_interval figures[3];
    vg_status st;

    VG_CHECK(a->per_group == b->per_group);
    scan(&f[0], a);
    scan(&f[1], b);
    st = vg_bootstrap(f[0].patients, VG_BOOTSTRAP_REPLICATES, 1, figure_two, f, 3, figures, err);
    draw(&f[0], &ret->a);
    draw(&f[1], &ret->b);
    ret->a.vus = figures[0];
    ret->b.vus = figures[1];
    ret->difference = figures[2];
    free_surface(&f[0]);
    free_surface(&f[1]);
    return st;
}
