/* train_evaluate.c - a trainee used: loss and outputs over a set, and the gradient for tests.
 *
 * Sequences go through in fixed groups, each a task of its own. A group's rows are sorted by
 * length, so that those that ended leave from the end and no state has to move.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/train_trainee.h"

enum { GROUP = 32, WINDOW = 64 };

static const struct vg_pass_noise quiet = { .apart = 1 };

struct evaluation {
    struct vg_trainee *t;
    const struct vg_train_set *set;
    size_t *order;            /* [sequences]: longest first */
    struct vg_loss_sum *sums; /* [sequences], or NULL */
    vg_predicted write;
    void *ctx;
};

/* ---- order ---- */

struct length {
    uint32_t steps;
    size_t sequence;
};

static int by_length(const void *a, const void *b)
{
    const struct length *x = a, *y = b;

    if (x->steps != y->steps)
        return x->steps < y->steps ? 1 : -1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static size_t *longest_first(const struct vg_train_set *set)
{
    struct length *lengths = calloc(set->sequences + 1, sizeof(*lengths));
    size_t *order = calloc(set->sequences + 1, sizeof(*order));

    VG_CHECK(lengths && order);
    for (size_t i = 0; i < set->sequences; i++)
        lengths[i] = (struct length){ set->steps(set->self, i), i };
    qsort(lengths, set->sequences, sizeof(*lengths), by_length);
    for (size_t i = 0; i < set->sequences; i++)
        order[i] = lengths[i].sequence;
    free(lengths);
    return order;
}

/* ---- groups ---- */

static uint32_t steps_left(const struct evaluation *e, size_t sequence, uint32_t from)
{
    uint32_t steps = e->set->steps(e->set->self, sequence);

    return steps > from ? steps - from : 0;
}

static void use_window(const struct evaluation *e, struct vg_pass *p, const size_t *sequence,
                       uint32_t n, uint32_t from, uint32_t steps)
{
    const size_t outputs = vg_network_outputs(&e->t->network);
    const vg_real *y;

    for (uint32_t b = 0; e->sums && b < n; b++)
        vg_pass_loss_row(p, b, &e->sums[sequence[b]]);
    if (!e->write)
        return;
    y = vg_pass_finish(p);
    for (uint32_t b = 0; b < n; b++) {
        uint32_t left = steps_left(e, sequence[b], from);

        e->write(e->ctx, sequence[b], from, left < steps ? left : steps, y + b * outputs,
                 n * outputs);
    }
}

static void evaluate_group(void *ctx, uint32_t group)
{
    const struct evaluation *e = ctx;
    const size_t *sequence = e->order + (size_t)group * GROUP;
    const size_t after = e->set->sequences - (size_t)group * GROUP;
    uint32_t n = after < GROUP ? (uint32_t)after : GROUP;
    const uint32_t longest = e->set->steps(e->set->self, sequence[0]);
    const uint32_t window = longest < WINDOW ? longest : WINDOW;
    struct vg_pass *p = vg_pass_new(&e->t->net, n, window, false);

    vg_pass_start(p, n, sequence);
    for (uint32_t from = 0; from < longest; from += window) {
        uint32_t steps = longest - from < window ? longest - from : window;

        while (steps_left(e, sequence[n - 1], from) == 0)
            n--;
        vg_pass_forward(p, e->set, n, from, steps, &quiet);
        use_window(e, p, sequence, n, from, steps);
    }
    vg_pass_free(p);
}

static void evaluate(struct evaluation *e, struct vg_train_pool *pool)
{
    const uint32_t groups = (uint32_t)((e->set->sequences + GROUP - 1) / GROUP);

    e->order = longest_first(e->set);
    vg_pass_network_pack(&e->t->net);
    vg_train_pool_run(pool, groups, evaluate_group, e);
    free(e->order);
}

/* ---- what is asked ---- */

double vg_trainee_loss_in(struct vg_trainee *t, const struct vg_train_set *set,
                          struct vg_train_pool *pool)
{
    struct evaluation e = { .t = t, .set = set };
    struct vg_loss_sum all = { 0 };

    e.sums = calloc(set->sequences + 1, sizeof(*e.sums));
    VG_CHECK(e.sums);
    evaluate(&e, pool);
    for (size_t i = 0; i < set->sequences; i++) {
        all.loss += e.sums[i].loss;
        all.weight += e.sums[i].weight;
    }
    free(e.sums);
    return all.weight > 0.0 ? all.loss / all.weight : (double)NAN;
}

double vg_trainee_loss(struct vg_trainee *t, const struct vg_train_set *set, uint32_t workers)
{
    struct vg_train_pool *pool = vg_train_pool_new(workers);
    double loss = vg_trainee_loss_in(t, set, pool);

    vg_train_pool_free(pool);
    return loss;
}

void vg_trainee_predict(struct vg_trainee *t, const struct vg_train_set *set, uint32_t workers,
                        vg_predicted write, void *ctx)
{
    struct evaluation e = { .t = t, .set = set, .write = write, .ctx = ctx };
    struct vg_train_pool *pool = vg_train_pool_new(workers);

    evaluate(&e, pool);
    vg_train_pool_free(pool);
}

/* The shards of a whole set as passes that went forward and backward; those without rows are left
 * out. */
static uint32_t pass_shards(struct vg_trainee *t, const struct vg_train_set *set, uint32_t shards,
                            struct vg_pass **pass, struct vg_loss_sum *all)
{
    const uint32_t longest = vg_train_longest(set);
    size_t *sequence = calloc(set->sequences + 1, sizeof(*sequence));
    uint32_t passes = 0;

    VG_CHECK(sequence);
    for (uint32_t s = 0; s < shards && s < set->sequences; s++) {
        struct vg_loss_sum sum;
        uint32_t n = 0;

        for (size_t i = s; i < set->sequences; i += shards)
            sequence[n++] = i;
        pass[passes] = vg_pass_new(&t->net, n, longest, true);
        vg_pass_start(pass[passes], n, sequence);
        vg_pass_forward(pass[passes], set, n, 0, longest, &quiet);
        sum = vg_pass_backward(pass[passes++]);
        all->loss += sum.loss;
        all->weight += sum.weight;
    }
    free(sequence);
    return passes;
}

double vg_trainee_gradient(struct vg_trainee *t, const struct vg_train_set *set, uint32_t shards,
                           vg_real *gradient)
{
    struct vg_pass **pass = calloc(shards, sizeof(struct vg_pass *));
    struct vg_loss_sum all = { 0 };
    uint32_t passes;

    VG_CHECK(pass && shards > 0 && set->sequences > 0);
    vg_kernel_thread_init();
    vg_pass_network_pack(&t->net);
    passes = pass_shards(t, set, shards, pass, &all);
    for (uint32_t i = 0; i < t->net.pieces; i++)
        vg_pass_gather(pass, passes, i, gradient);
    for (size_t i = 0; i < t->parameters && all.weight > 0.0; i++)
        gradient[i] /= (vg_real)all.weight;
    for (uint32_t i = 0; i < passes; i++)
        vg_pass_free(pass[i]);
    free(pass);
    return all.weight > 0.0 ? all.loss / all.weight : (double)NAN;
}
