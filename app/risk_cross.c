/* risk_cross.c - what risk models say of stays that they have not learned from. */
#include "app/risk_cross.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dataset.h"
#include "app/risk_tell.h"
#include "core/alloc.h"
#include "models/elementary.h"
#include "models/train_linear.h"

/* As good as none; it keeps two members that say the same from dividing the weight without end. */
static const double combination_penalty = 1e-3;

/* ---- learners ---- */

struct turn {
    const struct vg_risk_cross_how *how;
    char what[2 * VG_NAME_SIZE];
    double from, share; /* of all the work */
};

static bool pass_on(void *ctx, double done)
{
    const struct turn *t = ctx;

    return !t->how->progress ||
           t->how->progress(t->how->ctx, t->what, t->how->share * (t->from + t->share * done));
}

static void part_of(const struct vg_risk_cross *c, uint32_t fold, bool inside, bool *part)
{
    for (uint32_t s = 0; s < c->study->data->stays; s++)
        part[s] = (c->fold[s] == fold) == inside;
}

static vg_status run_learner(struct vg_risk_cross *c, const struct vg_risk_recipe *recipe,
                             const struct vg_risk_learner *l, uint32_t number, uint32_t learners,
                             const struct vg_risk_cross_how *how, struct vg_err *err)
{
    bool *learn = vg_zeros(c->study->data->stays, sizeof *learn);
    bool *tell = vg_zeros(c->study->data->stays, sizeof *tell);
    float *probability = vg_zeros(c->study->cases.n, sizeof *probability);
    struct vg_risk_summaries summaries = { 0 };
    vg_status st = VG_OK;

    if (l->type != VG_RISK_SEQUENCE)
        vg_risk_summaries_init(&summaries, c->study->data, &c->study->cases, &l->spec);
    for (uint32_t k = 0; k < c->folds && st == VG_OK; k++) {
        struct turn turn = { .how = how, .share = 1.0 / (double)(learners * c->folds) };

        turn.from = (double)(number * c->folds + k) * turn.share;
        snprintf(turn.what, sizeof turn.what, "%s, fold %u of %u", l->name, k + 1, c->folds);
        part_of(c, k, false, learn);
        part_of(c, k, true, tell);
        st = vg_risk_fit(&(struct vg_risk_job){ .study = c->study,
                                                .learner = l,
                                                .summaries = &summaries,
                                                .learn = learn,
                                                .tell = tell,
                                                .probability = probability,
                                                .seed = (uint64_t)recipe->seed * 1009 + k,
                                                .workers = how->workers,
                                                .progress = pass_on,
                                                .ctx = &turn },
                         err);
    }
    c->logit[c->sayers] = vg_zeros(c->study->cases.n, sizeof(float));
    for (size_t i = 0; i < c->study->cases.n; i++)
        c->logit[c->sayers][i] = (float)vg_risk_logit((double)probability[i]);
    c->sayers++;
    vg_risk_summaries_done(&summaries);
    free(learn);
    free(tell);
    free(probability);
    return st;
}

/* The bedside score as it is: a regression turns it into a probability. Where it is not known, its
 * mean. False where nobody has one. */
static bool add_score(struct vg_risk_cross *c)
{
    const struct vg_risk_data *d = c->study->data;
    double sum = 0.0, n = 0.0;
    float *score = vg_zeros(c->study->cases.n, sizeof *score);

    for (uint32_t s = 0; s < d->stays; s++) {
        sum += d->stay[s].scored ? d->stay[s].score : 0.0;
        n += d->stay[s].scored;
    }
    for (size_t i = 0; i < c->study->cases.n; i++) {
        const struct vg_risk_stay *stay = &d->stay[c->study->cases.list[i].stay];

        score[i] = (float)(stay->scored ? stay->score : sum / n);
    }
    if (n == 0.0) {
        free(score);
        return false;
    }
    c->logit[c->sayers++] = score;
    return true;
}

/* ---- combination ---- */

static size_t gather(const struct vg_risk_cross *c, const struct vg_risk_row *row, const bool *part,
                     float *x, float *label)
{
    size_t n = 0;

    for (size_t i = 0; i < c->study->cases.n; i++) {
        if (!part[c->study->cases.list[i].stay])
            continue;
        for (uint32_t m = 0; m < row->sayers; m++)
            x[n * row->sayers + m] = c->logit[row->first + m][i];
        label[n++] = c->study->cases.list[i].label ? 1.0f : 0.0f;
    }
    return n;
}

static double weighted(const struct vg_risk_row *row, const float *x,
                       const struct vg_risk_combination *k)
{
    double u = (double)k->bias;

    for (uint32_t m = 0; m < row->sayers; m++)
        u += (double)k->weight[m] * (double)x[m];
    return u;
}

/* The second step. It may turn the line of the first a little: a and b go into weights and bias. A
 * line that would fall instead of rise stays as it was. */
static vg_status learn_bend(const struct vg_risk_row *row, size_t n, const float *x,
                            const float *label, struct vg_risk_combination *k, struct vg_err *err)
{
    float *two = vg_zeros(2 * n, sizeof *two);
    float slope[2], a;
    double share = 0.0, at;
    vg_status st;

    for (size_t i = 0; i < n; i++)
        share += (double)label[i] / (double)n;
    at = vg_risk_logit(share);
    for (size_t i = 0; i < n; i++) {
        double u = weighted(row, x + i * row->sayers, k);

        two[2 * i] = (float)u;
        two[2 * i + 1] = u > at ? (float)(u - at) : 0.0f;
    }
    st = vg_logistic_fit(n, 2, two, label, NULL, combination_penalty, slope, &a, err);
    free(two);
    if (st != VG_OK || slope[0] <= 0.0f || slope[0] + slope[1] <= 0.0f)
        return st;
    for (uint32_t m = 0; m < row->sayers; m++)
        k->weight[m] *= slope[0];
    k->bias = a + slope[0] * k->bias;
    k->bend[0] = a + slope[0] * (float)at;
    k->bend[1] = slope[1] / slope[0];
    return VG_OK;
}

vg_status vg_risk_cross_combine(const struct vg_risk_cross *c, uint32_t row, const bool *part,
                                struct vg_risk_combination *ret, struct vg_err *err)
{
    const struct vg_risk_row *r = &c->row[row];
    float *x = vg_zeros(c->study->cases.n * r->sayers, sizeof *x);
    float *label = vg_zeros(c->study->cases.n, sizeof *label);
    size_t n = gather(c, r, part, x, label);
    vg_status st;

    *ret = (struct vg_risk_combination){ .bias = 0.0f };
    st = vg_logistic_fit(n, r->sayers, x, label, NULL, combination_penalty, ret->weight, &ret->bias,
                         err);
    if (st == VG_OK)
        st = learn_bend(r, n, x, label, ret, err);
    free(x);
    free(label);
    return st;
}

static float combined(const struct vg_risk_cross *c, const struct vg_risk_row *row, size_t i,
                      const struct vg_risk_combination *k)
{
    float x[VG_RISK_SAYERS_MAX] = { 0 };
    double u, over;

    for (uint32_t m = 0; m < row->sayers; m++)
        x[m] = c->logit[row->first + m][i];
    u = weighted(row, x, k);
    over = u - (double)k->bend[0];
    u += over > 0.0 ? (double)k->bend[1] * over : 0.0;
    return (float)(1.0 / (1.0 + vg_exp(-u)));
}

/* `other` says which stays the threshold of this fold comes from. */
static void decide_fold(struct vg_risk_cross *c, struct vg_risk_row *r, const bool *other,
                        const float *all)
{
    float threshold = c->threshold;

    if (isnan(threshold))
        threshold = vg_risk_threshold(c->study, other, all);
    for (size_t i = 0; i < c->study->cases.n; i++) {
        if (other[c->study->cases.list[i].stay])
            continue;
        r->probability[i] = all[i];
        r->alarm[i] = all[i] >= threshold;
    }
}

/* The combination comes from the stays of `other` too. */
static vg_status combine_fold(struct vg_risk_cross *c, uint32_t row, uint32_t fold, bool *other,
                              float *all, struct vg_err *err)
{
    struct vg_risk_row *r = &c->row[row];
    struct vg_risk_combination k;
    vg_status st;

    part_of(c, fold, false, other);
    st = vg_risk_cross_combine(c, row, other, &k, err);
    if (st != VG_OK)
        return st;
    for (size_t i = 0; i < c->study->cases.n; i++)
        all[i] = combined(c, r, i, &k);
    decide_fold(c, r, other, all);
    return VG_OK;
}

static struct vg_risk_row *new_row(struct vg_risk_cross *c, const char *name, bool member)
{
    struct vg_risk_row *r = &c->row[c->rows++];

    VG_CHECK(c->rows <= VG_RISK_ROWS_MAX);
    *r = (struct vg_risk_row){ .member = member };
    snprintf(r->name, sizeof r->name, "%s", name);
    r->probability = vg_zeros(c->study->cases.n, sizeof *r->probability);
    r->alarm = vg_zeros(c->study->cases.n, sizeof *r->alarm);
    return r;
}

static vg_status add_row(struct vg_risk_cross *c, const char *name, uint32_t first, uint32_t sayers,
                         bool member, struct vg_err *err)
{
    struct vg_risk_row *r = new_row(c, name, member);
    bool *other = vg_zeros(c->study->data->stays, sizeof *other);
    float *all = vg_zeros(c->study->cases.n, sizeof *all);
    vg_status st = VG_OK;

    r->first = first;
    r->sayers = sayers;
    for (uint32_t k = 0; k < c->folds && st == VG_OK; k++)
        st = combine_fold(c, c->rows - 1, k, other, all, err);
    free(other);
    free(all);
    return st;
}

/* ---- all of it ---- */

static void deal(struct vg_risk_cross *c, uint32_t folds, const char *salt)
{
    c->folds = folds;
    c->fold = vg_zeros(c->study->data->stays, sizeof *c->fold);
    for (uint32_t s = 0; s < c->study->data->stays; s++)
        c->fold[s] =
            (uint8_t)(vg_dataset_place(c->study->data->stay[s].id, salt) * (double)c->folds);
}

static vg_status add_rows(struct vg_risk_cross *c, const struct vg_risk_recipe *recipe,
                          struct vg_err *err)
{
    bool alone = recipe->members == 1;
    vg_status st =
        add_row(c, alone ? recipe->member[0].name : "all members", 0, recipe->members, false, err);

    for (uint32_t m = 0; m < recipe->members && !alone && st == VG_OK; m++)
        st = add_row(c, recipe->member[m].name, m, 1, true, err);
    for (uint32_t r = 0; r < recipe->references && st == VG_OK; r++)
        st = add_row(c, recipe->reference[r].name, recipe->members + r, 1, false, err);
    if (st == VG_OK && add_score(c))
        st = add_row(c, "bedside score", c->sayers - 1, 1, false, err);
    return st;
}

vg_status vg_risk_cross_run(struct vg_risk_cross *c, const struct vg_risk_recipe *recipe,
                            const struct vg_risk_study *study, const struct vg_risk_cross_how *how,
                            struct vg_err *err)
{
    uint32_t learners = recipe->members + recipe->references;
    vg_status st = VG_OK;

    *c = (struct vg_risk_cross){ .study = study, .threshold = NAN };
    deal(c, (uint32_t)recipe->folds, recipe->salt);
    for (uint32_t i = 0; i < learners && st == VG_OK; i++)
        st = run_learner(c, recipe,
                         i < recipe->members ? &recipe->member[i]
                                             : &recipe->reference[i - recipe->members],
                         i, learners, how, err);
    return st == VG_OK ? add_rows(c, recipe, err) : st;
}

/* ---- a file ---- */

static vg_status add_told(struct vg_risk_cross *c, const struct vg_model *model, const char *name,
                          bool member, struct vg_err *err)
{
    struct vg_risk_row *r = new_row(c, name, member);
    bool *other = vg_zeros(c->study->data->stays, sizeof *other);
    float *all = vg_zeros(c->study->cases.n, sizeof *all);
    vg_status st = vg_risk_tell(model, c->study, all, err);

    for (uint32_t k = 0; k < c->folds && st == VG_OK; k++) {
        part_of(c, k, false, other);
        decide_fold(c, r, other, all);
    }
    free(other);
    free(all);
    return st;
}

static vg_status check_unseen(const struct vg_risk_cross_file *file, const struct vg_risk_data *d,
                              struct vg_err *err)
{
    if (strcmp(file->model->training_data_sha256, d->sha256) != 0)
        return VG_OK;
    return vg_fail(
        err, VG_E_FAILED,
        "%s was trained on these very stays (sha256 %s), and what it says of them proves "
        "nothing: give others, or its recipe by --config for a cross-validation",
        file->name, d->sha256);
}

vg_status vg_risk_cross_file(struct vg_risk_cross *c, const struct vg_risk_cross_file *file,
                             const struct vg_risk_study *study, struct vg_err *err)
{
    const struct vg_model *m = file->model;
    bool stacked = m->members > 0 && m->variables == 0;
    vg_status st;

    *c = (struct vg_risk_cross){ .study = study, .file = file->name, .threshold = file->threshold };
    deal(c, file->folds, "");
    st = check_unseen(file, study->data, err);
    if (st == VG_OK)
        st = add_told(c, m, file->name, false, err);
    for (uint32_t i = 0; stacked && i < m->members && st == VG_OK; i++) {
        char name[VG_NAME_SIZE];

        snprintf(name, sizeof name, "member %u: %.40s", i, m->member[i]->ops->name);
        st = add_told(c, m->member[i], name, true, err);
    }
    /* Its threshold is no probability of the score's. */
    c->threshold = NAN;
    if (st == VG_OK && add_score(c))
        st = add_row(c, "bedside score", c->sayers - 1, 1, false, err);
    c->threshold = file->threshold;
    return st;
}

void vg_risk_cross_done(struct vg_risk_cross *c)
{
    for (uint32_t i = 0; i < c->sayers; i++)
        free(c->logit[i]);
    for (uint32_t i = 0; i < c->rows; i++) {
        free(c->row[i].probability);
        free(c->row[i].alarm);
    }
    free(c->fold);
}
