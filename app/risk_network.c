/* risk_network.c - networks that learn risk: dense ones on summaries, recurrent ones on hours.
 *
 * Several seeds of one network, whose mean counts: what a single one learns of 4,000 stays hangs
 * on its beginning (Lakshminarayanan 2017).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/risk_private.h"
#include "core/alloc.h"
#include "models/save.h"

/* ---- several seeds ---- */

/* Trains learner->seeds networks and writes the mean of their probabilities (and of the files). */
struct networks {
    const struct vg_risk_job *job;
    const struct vg_network *network;
    const struct vg_train_set *learn, *tell; /* the latter may be NULL */
    /* Index of the case at step t of a sequence of `tell`, or SIZE_MAX. */
    size_t (*case_at)(const void *ctx, size_t sequence, uint32_t t);
    const void *ctx;
    uint32_t values;              /* inputs that may be hidden in learning */
    const struct vg_model *about; /* for the file */
    const char *kind;             /* of the file */
};

struct told {
    const struct networks *n;
    float *sum; /* [N] of probabilities over the seeds */
};

/* Called by several threads, each with sequences of its own. */
static void note(void *ctx, size_t sequence, uint32_t from, uint32_t n, const vg_real *y,
                 size_t stride)
{
    const struct told *told = ctx;

    for (uint32_t t = 0; t < n; t++) {
        size_t row = told->n->case_at(told->n->ctx, sequence, from + t);

        if (row != SIZE_MAX)
            told->sum[row] += (float)y[t * stride];
    }
}

struct watch {
    const struct vg_risk_job *job;
    uint32_t seed;
    bool ended;
};

static bool watch(void *ctx, const struct vg_fit_progress *p)
{
    struct watch *w = ctx;
    double epochs = (double)(p->epoch - 1) + (double)p->batch / (double)(p->batches + 1);
    double done = ((double)w->seed + epochs / (double)p->epochs) / (double)w->job->learner->seeds;

    w->ended = w->job->progress && !w->job->progress(w->job->ctx, done);
    return !w->ended;
}

static struct vg_fit fit_options(const struct networks *n, struct watch *w)
{
    const struct vg_risk_learner *l = n->job->learner;
    struct vg_fit fit = vg_fit_default();

    fit.rate = (double)l->rate;
    fit.weight_decay = (double)l->weight_decay;
    fit.clip = (double)l->clip_gradient;
    fit.schedule = VG_COSINE;
    fit.factor = 0.0;
    fit.epochs = (uint32_t)l->epochs;
    fit.batch = (uint32_t)l->batch;
    fit.dropout = (double)l->dropout;
    fit.drop = (double)l->drop;
    fit.noise_values = n->values;
    fit.noise_masks = l->type == VG_RISK_SEQUENCE;
    fit.workers = n->job->workers;
    fit.progress = watch;
    fit.ctx = w;
    return fit;
}

static vg_status save(const struct networks *n, const float *parameters, const char *path,
                      struct vg_err *err)
{
    return vg_model_save(
        path,
        &(struct vg_save){
            .kind = n->kind, .about = n->about, .network = n->network, .parameters = parameters },
        err);
}

static vg_status fit_seed(const struct networks *n, uint32_t seed, struct told *told,
                          const char *path, struct vg_err *err)
{
    const struct vg_objective objective = { .loss = VG_LOSS_BCE };
    struct watch w = { n->job, seed, false };
    struct vg_fit fit = fit_options(n, &w);
    struct vg_fit_result result;
    struct vg_trainee *trainee;
    vg_status st =
        vg_trainee_new(n->network, &objective, n->job->seed + 1000003ULL * seed, &trainee, err);

    if (st != VG_OK)
        return st;
    st = vg_trainee_fit(trainee, &fit, n->learn, NULL, &result, err);
    if (st == VG_OK && w.ended)
        st = vg_fail(err, VG_E_TEMPORARY, "stopped");
    if (st == VG_OK && n->tell)
        vg_trainee_predict(trainee, n->tell, n->job->workers, note, told);
    if (st == VG_OK && path)
        st = save(n, vg_trainee_parameters(trainee), path, err);
    vg_trainee_free(trainee);
    return st;
}

/* One file per seed, then one of all. */
static vg_status join(const struct networks *n, char *const *path, struct vg_err *err)
{
    const char *members[VG_RISK_SEEDS_MAX];
    uint32_t seeds = (uint32_t)n->job->learner->seeds;

    for (uint32_t i = 0; i < seeds; i++)
        members[i] = path[i];
    return vg_model_save_members(n->job->save, "mean", seeds, members, NULL, 0.0f, NULL, err);
}

static char *part_path(const char *path, uint32_t seed)
{
    char *ret;

    VG_CHECK(asprintf(&ret, "%s.%u", path, seed) >= 0);
    return ret;
}

static void hand_over(const struct networks *n, const float *sum)
{
    const struct vg_risk_cases *c = &n->job->study->cases;

    for (size_t i = 0; i < c->n; i++)
        if (n->job->tell[c->list[i].stay])
            n->job->probability[i] = sum[i] / (float)n->job->learner->seeds;
}

static vg_status fit_networks(const struct networks *n, struct vg_err *err)
{
    uint32_t seeds = (uint32_t)n->job->learner->seeds;
    bool several = seeds > 1;
    struct told told = { n, vg_zeros(n->job->study->cases.n, sizeof(float)) };
    char *path[VG_RISK_SEEDS_MAX] = { NULL };
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < seeds && st == VG_OK; i++) {
        if (n->job->save && several)
            path[i] = part_path(n->job->save, i);
        st = fit_seed(n, i, &told, several ? path[i] : n->job->save, err);
    }
    if (st == VG_OK && n->tell)
        hand_over(n, told.sum);
    if (st == VG_OK && n->job->save && several)
        st = join(n, path, err);
    for (uint32_t i = 0; i < seeds; i++) {
        if (path[i])
            unlink(path[i]);
        free(path[i]);
    }
    free(told.sum);
    return st;
}

/* ---- dense networks on summaries ---- */

struct rows {
    struct vg_risk_rows rows;
    struct vg_train_sequence *sequence; /* [rows.n], of one step */
    struct vg_train_memory memory;
    struct vg_train_set set;
};

static void rows_init(struct rows *r, const struct vg_risk_design *d, const bool *part)
{
    struct vg_risk_rows *rows = &r->rows;

    vg_risk_rows_init(rows, d, part);
    r->sequence = vg_zeros(rows->n, sizeof *r->sequence);
    for (size_t i = 0; i < rows->n; i++)
        r->sequence[i] = (struct vg_train_sequence){ .steps = 1,
                                                     .x = rows->x + i * d->columns,
                                                     .target = rows->target + i,
                                                     .weight = rows->weight + i };
    r->memory = (struct vg_train_memory){ rows->n, r->sequence, d->columns, 1 };
    r->set = vg_train_memory(&r->memory);
}

static void rows_done(struct rows *r)
{
    vg_risk_rows_done(&r->rows);
    free(r->sequence);
}

static size_t row_case(const void *ctx, size_t sequence, uint32_t t)
{
    const struct rows *r = ctx;

    (void)t;
    return r->rows.list[sequence];
}

static void describe(struct vg_model *about, const struct vg_risk_job *job)
{
    memcpy(about->training_data_sha256, job->study->data->sha256,
           sizeof about->training_data_sha256);
    about->clip = job->learner->clip;
}

static vg_status fit_design(const struct vg_risk_design *d, const struct vg_network *network,
                            struct vg_err *err)
{
    struct vg_model about = { .variables = d->columns, .inputs = d->columns };
    struct vg_variable *variable;
    struct rows learn, tell = { 0 };
    vg_status st;

    vg_risk_design_variables(d, &variable);
    about.variable = variable;
    snprintf(about.features, sizeof about.features, "value");
    describe(&about, d->job);
    rows_init(&learn, d, d->job->learn);
    if (d->job->tell)
        rows_init(&tell, d, d->job->tell);
    st = fit_networks(&(struct networks){ .job = d->job,
                                          .network = network,
                                          .learn = &learn.set,
                                          .tell = d->job->tell ? &tell.set : NULL,
                                          .case_at = row_case,
                                          .ctx = &tell,
                                          .about = &about,
                                          .kind = "mlp" },
                      err);
    rows_done(&learn);
    rows_done(&tell);
    free(variable);
    return st;
}

vg_status vg_risk_fit_dense(const struct vg_risk_job *job, struct vg_err *err)
{
    struct vg_network network;
    struct vg_risk_design d;
    vg_status st;

    vg_risk_design_init(&d, job);
    st = vg_network_parse(&network, job->learner->network, d.columns, err);
    if (st == VG_OK)
        st = fit_design(&d, &network, err);
    vg_risk_design_done(&d);
    return st;
}

/* ---- networks over hours ---- */

static size_t hour_case(const void *ctx, size_t sequence, uint32_t t)
{
    const struct vg_risk_sequences *s = ctx;
    uint32_t stay = s->stay[sequence];

    if (s->data->hourly)
        return s->cases->first[stay] + t;
    return t + 1 == s->data->stay[stay].hours ? s->cases->first[stay] : SIZE_MAX;
}

static uint32_t stays_of(const struct vg_risk_data *d, const bool *part, uint32_t **ret)
{
    uint32_t n = 0;

    *ret = vg_zeros(d->stays, sizeof **ret);
    for (uint32_t s = 0; part && s < d->stays; s++)
        if (part[s])
            (*ret)[n++] = s;
    return n;
}

static vg_status parse_sequence(const struct vg_risk_job *job, struct vg_network *ret,
                                struct vg_err *err)
{
    uint32_t variables = job->study->hours.variables;
    struct vg_buf text = VG_BUF_INIT;
    vg_status st;

    vg_buf_printf(&text, "decay:%u,%s", variables, job->learner->network);
    st = vg_network_parse(ret, text.data, 3 * variables, err);
    vg_buf_done(&text);
    return st;
}

static vg_status fit_hours(const struct vg_risk_job *job, const struct vg_network *network,
                           const struct vg_risk_sequences *learn,
                           const struct vg_risk_sequences *tell, struct vg_err *err)
{
    const struct vg_risk_standard *standard = learn->standard;
    uint32_t variables = learn->hours->variables;
    struct vg_variable variable[VG_RISK_VARIABLES_MAX];
    char name[VG_RISK_VARIABLES_MAX][VG_NAME_SIZE];
    struct vg_model about = { .variable = variable,
                              .variables = variables,
                              .inputs = 3 * variables,
                              .tick_ns = 3600 * VG_NS_PER_S };
    struct vg_train_set learn_set = vg_risk_sequence_set(learn);
    struct vg_train_set tell_set = vg_risk_sequence_set(tell);

    for (uint32_t v = 0; v < variables; v++)
        variable[v] =
            (struct vg_variable){ vg_risk_hour_name(&job->study->data->variable[v], name[v]),
                                  standard->mean[v], standard->scale[v] };
    snprintf(about.features, sizeof about.features, "value,mask,age");
    describe(&about, job);
    return fit_networks(&(struct networks){ .job = job,
                                            .network = network,
                                            .learn = &learn_set,
                                            .tell = job->tell ? &tell_set : NULL,
                                            .case_at = hour_case,
                                            .ctx = tell,
                                            .values = variables,
                                            .about = &about,
                                            .kind = "risk" },
                        err);
}

vg_status vg_risk_fit_sequence(const struct vg_risk_job *job, struct vg_err *err)
{
    struct vg_risk_standard standard;
    struct vg_risk_sequences learn = { .data = job->study->data,
                                       .hours = &job->study->hours,
                                       .cases = &job->study->cases,
                                       .standard = &standard,
                                       .every_hour = job->learner->every_hour };
    struct vg_risk_sequences tell = learn;
    uint32_t *learned, *told;
    struct vg_network network;
    vg_status st = parse_sequence(job, &network, err);

    if (st != VG_OK)
        return st;
    vg_risk_hours_standard(&job->study->hours, job->study->data, job->learn, job->learner->clip,
                           &standard);
    learn.stays = stays_of(job->study->data, job->learn, &learned);
    tell.stays = stays_of(job->study->data, job->tell, &told);
    learn.stay = learned;
    tell.stay = told;
    st = fit_hours(job, &network, &learn, &tell, err);
    free(learned);
    free(told);
    vg_risk_standard_done(&standard);
    return st;
}
