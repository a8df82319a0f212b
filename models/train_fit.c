/* train_fit.c - the loop of training: epochs, batches, windows, shards.
 *
 * Row r of a batch belongs to shard r mod S. Rows are sorted by length, so shards have equal work
 * and lose their rows from the end as sequences end. The shards of a window are the first tasks of
 * the pool. What follows is cut along the parameters: each entry of the gradient is one sum over all
 * shards in their order, whoever computes it, and the optimizer goes entry by entry.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/train_checkpoint.h"
#include "models/train_identity.h"
#include "models/train_order.h"
#include "models/train_trainee.h"

enum { SHARDS_MAX = VG_LAYER_PARTS_MAX };

/* Multiply-adds of a window above which a second thread is worth waking. */
static const double shared_work = 1e6;

struct shard {
    struct vg_pass *pass;
    size_t *sequence; /* [rows] */
    uint32_t rows;    /* of this batch */
    uint32_t active;  /* rows that have steps in this window */
    struct vg_loss_sum sum;
};

struct run {
    struct vg_trainee *t;
    struct vg_fit fit;
    const struct vg_train_set *train, *validation;
    struct vg_train_pool *pool;
    uint32_t shards;
    struct shard shard[SHARDS_MAX];
    struct vg_pass *active[SHARDS_MAX]; /* of the window at hand */
    uint32_t actives;
    vg_real *gradient; /* [P] */
    double *squares;   /* [parts of P] of the gradient */
    struct vg_adam step;
    size_t *order;        /* [sequences] */
    uint32_t window;      /* steps at most */
    uint32_t from, steps; /* of the window at hand */
    uint64_t drawn;       /* windows so far in all epochs: the step of noise */
    struct vg_fit_state state;
    struct vg_loss_sum epoch_sum;
    struct vg_fit_progress progress;
    struct vg_fit_identity identity;
    bool stopped;
};

struct vg_fit vg_fit_default(void)
{
    return (struct vg_fit){
        .optimizer = VG_ADAM,
        .rate = 1e-3,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .schedule = VG_CONSTANT,
        .factor = 1.0,
        .every = 1,
        .epochs = 10,
        .batch = 32,
        .workers = 1,
    };
}

/* ---- options ---- */

struct limit {
    const char *name;
    double value, least, most;
};

static vg_status check_fit(const struct vg_fit *f, struct vg_err *err)
{
    const struct limit limits[] = {
        { "rate", f->rate, 0.0, 1e3 },
        { "beta1", f->beta1, 0.0, 0.999999 },
        { "beta2", f->beta2, 0.0, 0.999999999 },
        { "epsilon", f->epsilon, 0.0, 1.0 },
        { "momentum", f->momentum, 0.0, 0.999999 },
        { "weight_decay", f->weight_decay, 0.0, 1e3 },
        { "clip", f->clip, 0.0, 1e9 },
        { "factor", f->factor, 0.0, 1.0 },
        { "every", f->every, 1.0, 1e6 },
        { "epochs", f->epochs, 1.0, 1e6 },
        { "batch", f->batch, 1.0, 65536.0 },
        { "shards", f->shards, 0.0, SHARDS_MAX },
        { "workers", f->workers, 1.0, 1e4 },
        { "dropout", f->dropout, 0.0, 0.99 },
        { "drop", f->drop, 0.0, 1.0 },
        { "noise", f->noise, 0.0, 1e6 },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(limits); i++) {
        const struct limit *l = &limits[i];

        if (!(l->value >= l->least && l->value <= l->most))
            return vg_fail_option(err, VG_E_CONFIG, l->name, "%s: expected %g to %g, not %g",
                                  l->name, l->least, l->most, l->value);
    }
    return VG_OK;
}

static vg_status check_noise(const struct vg_network *n, const struct vg_fit *f, struct vg_err *err)
{
    const uint32_t inputs = n->layer[0].inputs;
    const struct vg_layer *below = n->layers > 1 ? &n->layer[n->layers - 2] : NULL;
    uint32_t values = f->noise_values > 0 ? f->noise_values : inputs;

    if ((f->noise_masks ? 2 : 1) * values > inputs)
        return vg_fail_option(err, VG_E_CONFIG, "noise_values",
                              "noise: %u values%s do not fit into %u inputs", values,
                              f->noise_masks ? " and their masks" : "", inputs);
    /* Its derivative is taken from its outputs, which dropout changes. */
    if (f->dropout > 0.0 && below && below->kind == VG_LAYER_DENSE &&
        (below->activation == VG_SIGMOID || below->activation == VG_TANH))
        return vg_fail_option(err, VG_E_CONFIG, "dropout",
                              "dropout: the layer before the last must be recurrent, linear or "
                              "relu");
    return VG_OK;
}

/* ---- memory ---- */

static uint32_t choose_shards(const struct run *r)
{
    double work = (double)r->t->parameters * (double)r->fit.batch * (double)r->window * 3.0;

    if (r->fit.shards > 0)
        return r->fit.shards;
    return work > shared_work && r->fit.batch > 1 ? 2 : 1;
}

static void open_run(struct run *r)
{
    const size_t p = r->t->parameters;
    const uint32_t longest = vg_train_longest(r->train);
    uint32_t rows;

    r->window = r->fit.window > 0 && r->fit.window < longest ? r->fit.window : longest;
    r->shards = choose_shards(r);
    rows = (r->fit.batch + r->shards - 1) / r->shards;
    r->pool = vg_train_pool_new(r->fit.workers);
    r->order = calloc(r->train->sequences, sizeof(*r->order));
    VG_CHECK(r->order);
    for (uint32_t s = 0; s < r->shards; s++) {
        struct shard *shard = &r->shard[s];

        shard->pass = vg_pass_new(&r->t->net, rows, r->window, true);
        shard->sequence = calloc(rows, sizeof(*shard->sequence));
        VG_CHECK(shard->sequence);
    }
    r->gradient = vg_real_alloc(p);
    r->squares = calloc(vg_optimizer_parts(p), sizeof(*r->squares));
    VG_CHECK(r->squares);
    vg_optimizer_init(&r->state.optimizer, p);
    r->state.best = vg_real_alloc(p);
    r->state.best_loss = (double)INFINITY;
    /* Data is read once more for it. */
    if (r->fit.checkpoint)
        vg_fit_identify(r->t, &r->fit, r->shards, r->train, r->validation, &r->identity);
}

static void close_run(struct run *r)
{
    for (uint32_t s = 0; s < r->shards; s++) {
        vg_pass_free(r->shard[s].pass);
        free(r->shard[s].sequence);
    }
    vg_optimizer_done(&r->state.optimizer);
    vg_train_pool_free(r->pool);
    free(r->state.best);
    free(r->gradient);
    free(r->squares);
    free(r->order);
}

/* ---- one window ---- */

static uint32_t count_active(const struct run *r, const struct shard *s)
{
    uint32_t n = s->rows;

    while (n > 0 && r->train->steps(r->train->self, s->sequence[n - 1]) <= r->from)
        n--;
    return n;
}

static void learn_shard(void *ctx, uint32_t index)
{
    struct run *r = ctx;
    struct shard *s = &r->shard[index];
    const struct vg_pass_noise noise = {
        .dropout = r->fit.dropout,
        .drop = r->fit.drop,
        .noise = r->fit.noise,
        .values = r->fit.noise_values,
        .masks = r->fit.noise_masks,
        .seed = r->t->seed,
        .step = r->drawn,
        .first = index,
        .apart = r->shards,
    };

    s->active = count_active(r, s);
    s->sum = (struct vg_loss_sum){ 0 };
    if (s->active == 0)
        return;
    if (r->from == 0)
        vg_pass_start(s->pass, s->active, s->sequence);
    vg_pass_forward(s->pass, r->train, s->active, r->from, r->steps, &noise);
    s->sum = vg_pass_backward(s->pass);
}

/* The loss of all shards, and which of them had a part in it. */
static struct vg_loss_sum add_up(struct run *r)
{
    struct vg_loss_sum all = { 0 };

    r->actives = 0;
    for (uint32_t s = 0; s < r->shards; s++) {
        if (r->shard[s].active == 0)
            continue;
        all.loss += r->shard[s].sum.loss;
        all.weight += r->shard[s].sum.weight;
        r->active[r->actives++] = r->shard[s].pass;
    }
    return all;
}

static void gather_piece(void *ctx, uint32_t piece)
{
    struct run *r = ctx;

    vg_pass_gather(r->active, r->actives, piece, r->gradient);
}

static void square_part(void *ctx, uint32_t part)
{
    struct run *r = ctx;

    r->squares[part] = vg_optimizer_square_sum(r->t->parameters, r->gradient, part);
}

static void step_part(void *ctx, uint32_t part)
{
    struct run *r = ctx;

    vg_optimizer_step(&r->state.optimizer, &r->fit, &r->step, r->gradient, part, r->t->parameter);
}

static void pack_layer(void *ctx, uint32_t layer)
{
    struct run *r = ctx;

    vg_pass_network_pack_layer(&r->t->net, layer);
}

/* One step of the optimizer along the mean gradient of a window that weighs `weight`. Returns the
 * norm of that gradient; when it is not finite, nothing has changed. */
static double take_step(struct run *r, double rate, double weight)
{
    const uint32_t parts = vg_optimizer_parts(r->t->parameters);
    double norm = 0.0;

    vg_train_pool_run(r->pool, r->t->net.pieces, gather_piece, r);
    vg_train_pool_run(r->pool, parts, square_part, r);
    for (uint32_t i = 0; i < parts; i++)
        norm += r->squares[i];
    norm = sqrt(norm) / weight;
    if (!isfinite(norm))
        return norm;
    r->step = vg_optimizer_prepare(&r->state.optimizer, &r->fit, rate, norm, weight);
    vg_train_pool_run(r->pool, parts, step_part, r);
    vg_train_pool_run(r->pool, r->t->network.layers, pack_layer, r);
    return norm;
}

static vg_status learn_window(struct run *r, uint32_t epoch, struct vg_err *err)
{
    struct vg_fit_progress *p = &r->progress;
    struct vg_loss_sum sum;

    vg_train_pool_run(r->pool, r->shards, learn_shard, r);
    sum = add_up(r);
    r->drawn++;
    p->rate = vg_optimizer_rate(&r->fit, epoch, p->batch, p->batches);
    if (sum.weight > 0.0) {
        p->gradient_norm = take_step(r, p->rate, sum.weight);
        if (!isfinite(p->gradient_norm) || !isfinite(sum.loss))
            return vg_fail(err, VG_E_FAILED,
                           "epoch %u, step %zu: the loss is not finite any more; use a lower rate "
                           "or clip the gradient",
                           epoch + 1, p->batch + 1);
    }
    r->epoch_sum.loss += sum.loss;
    r->epoch_sum.weight += sum.weight;
    p->batch++;
    p->loss = r->epoch_sum.weight > 0.0 ? r->epoch_sum.loss / r->epoch_sum.weight : (double)NAN;
    return VG_OK;
}

static void report(struct run *r)
{
    if (r->fit.progress && !r->fit.progress(r->fit.ctx, &r->progress))
        r->stopped = true;
}

/* ---- one batch, one epoch ---- */

static void deal(struct run *r, size_t first)
{
    VG_CHECK(r->shards > 0);
    for (uint32_t s = 0; s < r->shards; s++)
        r->shard[s].rows = 0;
    for (size_t i = 0; i < r->fit.batch && first + i < r->train->sequences; i++) {
        struct shard *s = &r->shard[i % r->shards];

        s->sequence[s->rows++] = r->order[first + i];
    }
}

static vg_status learn_batch(struct run *r, uint32_t epoch, size_t first, struct vg_err *err)
{
    const uint32_t longest = r->train->steps(r->train->self, r->order[first]);
    vg_status st = VG_OK;

    deal(r, first);
    for (r->from = 0; st == VG_OK && !r->stopped && r->from < longest; r->from += r->steps) {
        r->steps = longest - r->from < r->window ? longest - r->from : r->window;
        st = learn_window(r, epoch, err);
        if (st == VG_OK)
            report(r);
    }
    return st;
}

/* Judges the epoch that has ended and keeps its parameters when they are the best. */
static void judge(struct run *r)
{
    struct vg_fit_state *s = &r->state;
    double loss = r->validation ? vg_trainee_loss_in(r->t, r->validation, r->pool) : (double)NAN;

    r->progress.validation = loss;
    s->waited++;
    if (!r->validation || loss < s->best_loss) {
        s->best_loss = loss;
        s->best_epoch = s->epochs;
        s->waited = 0;
        memcpy(s->best, r->t->parameter, r->t->parameters * sizeof(*s->best));
    }
}

static vg_status learn_epoch(struct run *r, struct vg_err *err)
{
    const uint32_t epoch = r->state.epochs;
    vg_status st = VG_OK;

    vg_train_order(r->train, r->fit.batch, r->fit.in_order, r->t->seed, epoch, r->order);
    r->epoch_sum = (struct vg_loss_sum){ 0 };
    r->progress.epoch = epoch + 1;
    r->progress.epoch_done = false;
    r->progress.validation = (double)NAN;
    r->progress.batch = 0;
    r->progress.batches = vg_train_windows(r->train, r->fit.batch, r->fit.window, r->order);
    r->drawn = (uint64_t)epoch << 32;
    for (size_t first = 0; st == VG_OK && !r->stopped && first < r->train->sequences;
         first += r->fit.batch)
        st = learn_batch(r, epoch, first, err);
    if (st != VG_OK || r->stopped)
        return st;
    r->state.epochs++;
    r->state.loss = r->progress.loss;
    judge(r);
    if (r->fit.checkpoint)
        st = vg_checkpoint_write(r->fit.checkpoint, &r->identity, &r->state, r->t->parameter, err);
    r->progress.epoch_done = true;
    r->progress.best = r->state.best_loss;
    r->progress.best_epoch = r->state.best_epoch;
    if (st == VG_OK)
        report(r);
    return st;
}

/* ---- all ---- */

static bool finished(const struct run *r)
{
    const struct vg_fit_state *s = &r->state;

    return r->stopped || s->epochs >= r->fit.epochs ||
           (r->fit.patience > 0 && s->waited >= r->fit.patience);
}

static vg_status begin(struct run *r, struct vg_err *err)
{
    vg_status st = VG_OK;

    r->progress.epochs = r->fit.epochs;
    r->progress.best = r->state.best_loss;
    if (r->fit.resume && r->fit.checkpoint && access(r->fit.checkpoint, F_OK) == 0)
        st = vg_checkpoint_read(r->fit.checkpoint, &r->identity, &r->state, r->t->parameter, err);
    vg_pass_network_pack(&r->t->net);
    return st;
}

/* The best parameters so far. Before the end of the first epoch there are only the present ones. */
static void settle(struct run *r, struct vg_fit_result *ret)
{
    const struct vg_fit_state *s = &r->state;

    if (s->best_epoch > 0)
        memcpy(r->t->parameter, s->best, r->t->parameters * sizeof(*s->best));
    vg_pass_network_pack(&r->t->net);
    *ret = (struct vg_fit_result){
        .epochs = s->epochs,
        .best_epoch = s->best_epoch,
        .loss = s->loss,
        .best = s->best_loss,
        .stopped = r->stopped,
    };
}

vg_status vg_trainee_fit(struct vg_trainee *t, const struct vg_fit *fit,
                         const struct vg_train_set *train, const struct vg_train_set *validation,
                         struct vg_fit_result *ret, struct vg_err *err)
{
    struct run *r;
    vg_status st = check_fit(fit, err);

    if (st == VG_OK)
        st = check_noise(&t->network, fit, err);
    if (st == VG_OK && train->sequences == 0)
        st = vg_fail(err, VG_E_CONFIG, "there is nothing to learn from: no sequence");
    if (st != VG_OK)
        return st;
    r = calloc(1, sizeof(*r));
    VG_CHECK(r);
    r->t = t;
    r->fit = *fit;
    r->train = train;
    r->validation = validation && validation->sequences > 0 ? validation : NULL;
    open_run(r);
    st = begin(r, err);
    while (st == VG_OK && !finished(r))
        st = learn_epoch(r, err);
    settle(r, ret);
    close_run(r);
    free(r);
    return st;
}
