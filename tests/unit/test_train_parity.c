/* Gradients and loss curves against PyTorch's, which golden/make_training.py wrote. Built twice: in
 * float and in double (test_train_parity64.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "models/train.h"

#ifdef VG_TRAIN_DOUBLE
static const double tolerance = 1e-10;
static const char curve_name[] = "curve64";
#else
static const double tolerance = 1e-5;
static const char curve_name[] = "curve32";
#endif

#if defined(VG_TRAIN_DOUBLE) || defined(__SANITIZE_ADDRESS__)
enum { SLOW = true };
#else
enum { SLOW = false };
#endif

enum { EPOCHS_MAX = 256 };

/* One case of the file. */
struct golden {
    char name[64], network[128];
    uint32_t inputs, steps, sequences, targets;
    double bound;
    bool last, copy;
    struct vg_objective objective;
    struct vg_fit fit;
    size_t first; /* sequences that the gradient is of */
    size_t keep;  /* of the gradient each keep-th number is there */
    double loss, *gradient, *curve;
};

static struct vg_err err;

/* ---- the file ---- */

static double number(const char *line, const char *key)
{
    char word[64];
    const char *at;

    snprintf(word, sizeof(word), " %s=", key);
    at = strstr(line, word);
    cr_assert(at, "%s is missing", key);
    return strtod(at + strlen(word), NULL);
}

static bool says(const char *line, const char *word)
{
    return strstr(line, word) != NULL;
}

static void parse_objective(const char *line, struct vg_objective *o)
{
    static const float three[] = { 0.05f, 0.5f, 0.95f };

    *o = (struct vg_objective){ .quantiles = (uint32_t)number(line, "quantiles") };
    if (says(line, " loss=pinball"))
        o->loss = VG_LOSS_PINBALL;
    else if (says(line, " loss=bce"))
        o->loss = VG_LOSS_BCE;
    else if (says(line, " loss=cross_entropy"))
        o->loss = VG_LOSS_CROSS_ENTROPY;
    else
        cr_assert(says(line, " loss=mse"));
    if (o->quantiles == 3)
        memcpy(o->quantile, three, sizeof(three));
}

static void parse_case(const char *line, struct golden *g)
{
    struct vg_fit f = vg_fit_default();

    cr_assert_eq(sscanf(line, "case %63s", g->name), 1);
    cr_assert_eq(sscanf(strstr(line, " network=") + 9, "%127s", g->network), 1);
    g->inputs = (uint32_t)number(line, "inputs");
    g->steps = (uint32_t)number(line, "steps");
    g->sequences = (uint32_t)number(line, "sequences");
    g->bound = exp2(number(line, "bound"));
    g->last = number(line, "last") > 0.0;
    g->first = says(line, " first=") ? (size_t)number(line, "first") : 0;
    g->keep = says(line, " keep=") ? (size_t)number(line, "keep") : 1;
    g->copy = number(line, "copy") > 0.0;
    parse_objective(line, &g->objective);
    f.optimizer = says(line, " optimizer=sgd") ? VG_SGD : VG_ADAM;
    f.schedule = says(line, " schedule=step")     ? VG_STEP
                 : says(line, " schedule=cosine") ? VG_COSINE
                                                  : VG_CONSTANT;
    f.rate = number(line, "rate");
    f.momentum = number(line, "momentum");
    f.weight_decay = number(line, "decay");
    f.clip = number(line, "clip");
    f.factor = number(line, "factor");
    f.every = (uint32_t)number(line, "every");
    f.window = (uint32_t)number(line, "window");
    f.epochs = (uint32_t)number(line, "epochs");
    f.batch = (uint32_t)number(line, "batch");
    f.in_order = true;
    f.shards = 2;
    cr_assert_leq(f.epochs, (uint32_t)EPOCHS_MAX);
    g->fit = f;
}

/* The numbers of a line "key v v v ..."; to be freed. */
static double *numbers(const char *line, size_t *n)
{
    const char *at = strchr(line, ' ');
    double *ret = calloc(strlen(line) / 2 + 1, sizeof(double));
    char *end;

    cr_assert(ret);
    for (*n = 0; at && *at && *at != '\n'; at = end)
        ret[(*n)++] = strtod(at, &end);
    return ret;
}

static bool read_golden(FILE *f, struct golden *g)
{
    char *line = NULL;
    size_t size = 0, n = 0;
    bool found = false;

    memset(g, 0, sizeof(*g));
    while (!g->curve && getline(&line, &size, f) > 0) {
        if (strncmp(line, "case ", 5) == 0)
            parse_case(line, g);
        else if (strncmp(line, "loss ", 5) == 0)
            g->loss = strtod(line + 5, NULL);
        else if (strncmp(line, "gradient ", 9) == 0)
            g->gradient = numbers(line, &n);
        else if (strncmp(line, curve_name, strlen(curve_name)) == 0)
            g->curve = numbers(line, &n);
        found = true;
    }
    free(line);
    return found && g->curve;
}

/* ---- what both sides count out ---- */

struct counter {
    uint64_t state;
};

static double draw(struct counter *c)
{
    c->state = c->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(c->state >> 40) / 0x1p23 - 1.0;
}

static float *draws(struct counter *c, size_t n)
{
    float *x = calloc(n, sizeof(*x));

    cr_assert(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)draw(c);
    return x;
}

struct data {
    float *x, *target, *mask, *base, *weight;
    struct vg_train_sequence *sequence;
    struct vg_train_memory memory;
};

static float target_of(const struct golden *g, uint32_t outputs, float drawn)
{
    float positive = (drawn + 1.0f) / 2.0f;

    if (g->objective.loss == VG_LOSS_BCE)
        return positive;
    if (g->objective.loss == VG_LOSS_CROSS_ENTROPY)
        return floorf(positive * (float)outputs);
    return drawn;
}

static void shape_inputs(const struct golden *g, float *x)
{
    const size_t third = g->inputs / 3;

    for (size_t row = 0; row < (size_t)g->sequences * g->steps; row++) {
        float *at = x + row * g->inputs;

        for (size_t j = third; j < 2 * third; j++)
            at[j] = at[j] < 0.0f ? 1.0f : 0.0f;
        for (size_t j = 2 * third; j < g->inputs; j++)
            at[j] += 1.0f;
    }
}

static void make_data(const struct golden *g, uint32_t outputs, struct counter *c, struct data *d)
{
    const size_t rows = (size_t)g->sequences * g->steps, targets = g->targets;

    d->x = draws(c, rows * g->inputs);
    if (strncmp(g->network, "decay", 5) == 0)
        shape_inputs(g, d->x);
    d->target = draws(c, rows * targets);
    d->mask = draws(c, rows * targets);
    d->base = draws(c, rows * targets);
    d->weight = draws(c, rows);
    for (size_t i = 0; i < rows * targets; i++) {
        bool last = i / targets % g->steps == g->steps - 1;

        d->target[i] = g->copy ? d->x[i] : target_of(g, outputs, d->target[i]);
        d->mask[i] = (g->last ? last : d->mask[i] < 0.34f) ? 1.0f : 0.0f;
    }
    for (size_t i = 0; i < rows; i++)
        d->weight[i] = (d->weight[i] + 3.0f) / 2.0f;
    d->sequence = calloc(g->sequences, sizeof(*d->sequence));
    cr_assert(d->sequence);
    for (size_t i = 0; i < g->sequences; i++) {
        const size_t first = i * g->steps;

        d->sequence[i] = (struct vg_train_sequence){
            .steps = g->steps,
            .x = d->x + first * g->inputs,
            .target = d->target + first * targets,
            .mask = d->mask + first * targets,
            .base = d->base + first * targets,
            .weight = d->weight + first,
        };
    }
    d->memory = (struct vg_train_memory){ g->sequences, d->sequence, g->inputs, g->targets };
}

static void free_data(struct data *d)
{
    free(d->x);
    free(d->target);
    free(d->mask);
    free(d->base);
    free(d->weight);
    free(d->sequence);
}

/* ---- comparison ---- */

static double worst_tensor(const struct vg_network *n, const struct golden *g, const vg_real *ours)
{
    struct vg_layer_tensor t;
    double worst = 0.0;

    for (uint32_t i = 0; i < n->layers; i++) {
        for (uint32_t j = 0; vg_network_tensor(n, i, j, &t); j++) {
            double apart = 0.0, all = 0.0;

            for (size_t k = t.offset; k < t.offset + t.size; k++) {
                const double theirs = g->gradient[k / g->keep], off = (double)ours[k] - theirs;

                if (k % g->keep > 0)
                    continue;
                apart += off * off;
                all += theirs * theirs;
            }
            worst = all > 0.0 ? fmax(worst, sqrt(apart / all)) : worst;
        }
    }
    return worst;
}

struct curve {
    const struct golden *golden;
    double worst;
};

static bool compare_epoch(void *ctx, const struct vg_fit_progress *p)
{
    struct curve *c = ctx;
    double theirs = c->golden->curve[p->epoch - 1];

    if (p->epoch_done)
        c->worst = fmax(c->worst, fabs(p->loss - theirs) / theirs);
    return true;
}

static void check_case(struct golden *g)
{
    struct counter counter = { 1 };
    struct vg_fit_result result;
    struct vg_network n;
    struct vg_trainee *t;
    struct data d;
    struct vg_train_set set;
    struct curve curve = { .golden = g };
    vg_real *gradient;
    double loss, apart;

    cr_assert_eq(vg_network_parse(&n, g->network, g->inputs, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_trainee_new(&n, &g->objective, 1, &t, &err), VG_OK, "%s", err.msg);
    for (size_t i = 0; i < vg_trainee_parameter_count(t); i++)
        vg_trainee_parameters(t)[i] = (vg_real)(draw(&counter) * g->bound);
    g->targets = vg_objective_targets(&g->objective, vg_network_outputs(&n));
    make_data(g, vg_network_outputs(&n), &counter, &d);
    gradient = calloc(vg_trainee_parameter_count(t), sizeof(*gradient));
    cr_assert(gradient);

    d.memory.sequences = g->first > 0 ? g->first : g->sequences;
    set = vg_train_memory(&d.memory);
    loss = vg_trainee_gradient(t, &set, 2, gradient);
    d.memory.sequences = g->sequences;
    set = vg_train_memory(&d.memory);
    cr_assert_lt(fabs(loss - g->loss) / g->loss, tolerance, "%s: %.12g, PyTorch %.12g", g->name,
                 loss, g->loss);
    apart = worst_tensor(&n, g, gradient);
    cr_assert_lt(apart, tolerance, "%s: gradient %g apart", g->name, apart);

    g->fit.progress = compare_epoch;
    g->fit.ctx = &curve;
    cr_assert_eq(vg_trainee_fit(t, &g->fit, &set, NULL, &result, &err), VG_OK, "%s", err.msg);
    cr_assert_lt(curve.worst, tolerance, "%s: loss curve %g apart", g->name, curve.worst);
    cr_log_info("%s: gradient %.1e, %u epochs of loss %.1e", g->name, apart, result.epochs,
                curve.worst);
    vg_trainee_free(t);
    free_data(&d);
    free(gradient);
}

static void check_file(const char *path)
{
    struct golden g;
    int cases = 0;
    FILE *f = fopen(path, "r");

    cr_assert(f, "%s", path);
    for (; read_golden(f, &g); cases++) {
        check_case(&g);
        free(g.gradient);
        free(g.curve);
    }
    fclose(f);
    cr_assert_gt(cases, 0);
}

Test(train_parity, gradients_and_training_are_those_of_pytorch)
{
    const char *path = getenv("VIGIL_TRAIN_GOLDEN");

    check_file(path ? path : VG_SOURCE_ROOT "/tests/unit/golden/training.txt");
}

Test(train_parity, three_hundred_steps_of_the_seed_lstm_are_those_of_pytorch)
{
    if (SLOW && !getenv("VIGIL_LONG"))
        cr_skip_test("half a minute with sanitizers or in double: VIGIL_LONG=1 runs it");
    check_file(VG_SOURCE_ROOT "/tests/unit/golden/training_seed.txt");
}
