/* risk_train.c - what `vigil train risk` does with recorded stays. */
#include "app/risk_train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/risk_cross.h"
#include "app/risk_found.h"
#include "models/save.h"

/* Of the work: the cross-validation fits every learner several times, then each once more. */
static double cross_share(const struct vg_risk_recipe *r)
{
    double crossed = (double)(r->members * (uint32_t)r->folds);

    return crossed / (crossed + (double)r->members);
}

struct training {
    const struct vg_risk_training *how;
    struct vg_risk_recipe recipe;
    struct vg_risk_data *data;
    struct vg_risk_study study;
    struct vg_risk_cross cross;
    bool *all; /* [S] every stay */
    double from, share;
    char what[2 * VG_NAME_SIZE];
};

bool vg_risk_recipe_for_stays(const char *path)
{
    struct vg_document doc;
    struct vg_err err;
    bool has = vg_document_read(&doc, path, &err) == VG_OK && vg_node_find(doc.root, "members");

    vg_document_done(&doc);
    return has;
}

/* ---- all stays ---- */

static bool pass_on(void *ctx, double done)
{
    const struct training *t = ctx;

    return !t->how->progress || t->how->progress(t->how->ctx, t->what, t->from + t->share * done);
}

static vg_status fit_member(struct training *t, uint32_t m, const char *path, struct vg_err *err)
{
    const struct vg_risk_learner *l = &t->recipe.member[m];
    struct vg_risk_summaries summaries = { 0 };
    vg_status st;

    t->share = (1.0 - cross_share(&t->recipe)) / (double)t->recipe.members;
    t->from = cross_share(&t->recipe) + t->share * (double)m;
    snprintf(t->what, sizeof t->what, "%s, all stays", l->name);
    if (l->type != VG_RISK_SEQUENCE)
        vg_risk_summaries_init(&summaries, t->data, &t->study.cases, &l->spec);
    st = vg_risk_fit(&(struct vg_risk_job){ .study = &t->study,
                                            .learner = l,
                                            .summaries = &summaries,
                                            .learn = t->all,
                                            .save = path,
                                            .seed = (uint64_t)t->recipe.seed,
                                            .workers = t->how->workers,
                                            .progress = pass_on,
                                            .ctx = t },
                     err);
    vg_risk_summaries_done(&summaries);
    return st;
}

static vg_status fit_all(struct training *t, struct vg_err *err)
{
    struct vg_risk_combination k;
    char *path[VG_RISK_LEARNERS_MAX] = { NULL };
    const char *member[VG_RISK_LEARNERS_MAX] = { NULL };
    vg_status st = vg_risk_cross_combine(&t->cross, 0, t->all, &k, err);

    for (uint32_t m = 0; m < t->recipe.members && st == VG_OK; m++) {
        VG_CHECK(asprintf(&path[m], "%s.member%u", t->how->out, m) >= 0);
        member[m] = path[m];
        st = fit_member(t, m, path[m], err);
    }
    if (st == VG_OK)
        st = vg_model_save_members(t->how->out, "stacked", t->recipe.members, member, k.weight,
                                   k.bias, k.bend, err);
    for (uint32_t m = 0; m < t->recipe.members; m++) {
        if (path[m])
            unlink(path[m]);
        free(path[m]);
    }
    return st;
}

/* ---- the whole ---- */

static vg_status read_all(struct training *t, struct vg_buf *diagnostics, struct vg_err *err)
{
    struct vg_risk_source source;
    vg_status st = vg_risk_recipe_read(&t->recipe, t->how->recipe, diagnostics, err);

    if (st == VG_OK)
        st = vg_risk_source_parse(&source, t->how->data, err);
    if (st == VG_OK)
        st = vg_risk_data_read(t->recipe.map, &source, diagnostics, &t->data, err);
    return st;
}

/* References are measured by `vigil evaluate risk`; they are no part of the model. */
static vg_status learn(struct training *t, struct vg_buf *table, struct vg_err *err)
{
    const struct vg_risk_cross_how how = { .workers = t->how->workers,
                                           .share = cross_share(&t->recipe),
                                           .progress = t->how->progress,
                                           .ctx = t->how->ctx };
    uint32_t references = t->recipe.references;
    struct vg_risk_found found;
    vg_status st;

    t->recipe.references = 0;
    st = vg_risk_cross_run(&t->cross, &t->recipe, &t->study, &how, err);
    t->recipe.references = references;
    if (st != VG_OK)
        return st;
    st = vg_risk_find(&found, &t->cross, VG_BOOTSTRAP_REPLICATES, err);
    if (st == VG_OK)
        vg_risk_print(&found, table);
    vg_risk_found_done(&found);
    return st == VG_OK ? fit_all(t, err) : st;
}

vg_status vg_risk_train(const struct vg_risk_training *how, struct vg_buf *table,
                        struct vg_buf *diagnostics, struct vg_err *err)
{
    struct training t = { .how = how };
    vg_status st = read_all(&t, diagnostics, err);

    if (st == VG_OK) {
        t.all = malloc(t.data->stays);
        VG_CHECK(t.all);
        memset(t.all, true, t.data->stays);
        vg_risk_study_init(&t.study, t.data);
        st = learn(&t, table, err);
        vg_risk_cross_done(&t.cross);
        vg_risk_study_done(&t.study);
        free(t.all);
    }
    vg_risk_data_free(t.data);
    vg_risk_recipe_done(&t.recipe);
    return st;
}
