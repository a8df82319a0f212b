/* train_calibrate.c - quantiles that hold their share on patients the network did not learn from.
 *
 * From the median outwards, y_q = y_inner - softplus(r_q) (below) or + (above). With the distance
 * d = softplus(r), a bias that grows by b makes it softplus(r + b) = log(1 + e^b (e^d - 1)): no
 * forward pass is needed to know what a bias does.
 */
#include "models/train_calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "models/elementary.h"

enum { HALVINGS = 30 };

/** Predictions and targets of the set, all steps of all sequences end to end. */
struct gathered {
    size_t steps;
    size_t *first;         /* [sequences] */
    size_t outputs, cells; /* cells = outputs / Q */
    vg_real *y;            /* [steps, outputs] */
    vg_real *target;       /* [steps, cells] */
    vg_real *mask;         /* [steps, cells] */
};

static void keep(void *ctx, size_t sequence, uint32_t from, uint32_t n, const vg_real *y,
                 size_t stride)
{
    struct gathered *g = ctx;

    for (uint32_t i = 0; i < n; i++)
        for (size_t k = 0; k < g->outputs; k++)
            g->y[(g->first[sequence] + from + i) * g->outputs + k] = y[i * stride + k];
}

/** Reads the targets; what a set writes besides goes to a row that nobody reads. */
static bool read_targets(struct gathered *g, const struct vg_train_set *set, uint32_t inputs)
{
    vg_real *x = calloc((size_t)inputs + 1, sizeof *x);
    vg_real *base = calloc(g->cells + 1, sizeof *base), weight;

    for (size_t s = 0; x && base && s < set->sequences; s++) {
        const struct vg_train_rows rows = {
            .x = x,
            .target = g->target + g->first[s] * g->cells,
            .mask = g->mask + g->first[s] * g->cells,
            .base = base,
            .weight = &weight,
            .target_stride = g->cells,
            .mask_stride = g->cells,
        };

        set->read(set->self, s, 0, set->steps(set->self, s), &rows);
    }

    bool ok = x && base;
    free(x);
    free(base);
    return ok;
}

static void gathered_done(struct gathered *g)
{
    free(g->first);
    free(g->y);
    free(g->target);
    free(g->mask);
}

static bool gather(struct gathered *g, struct vg_trainee *t, const struct vg_objective *o,
                   const struct vg_train_set *set, uint32_t workers)
{
    const struct vg_network *network = vg_trainee_network(t);

    *g = (struct gathered){ .outputs = vg_network_outputs(network) };
    g->cells = g->outputs / o->quantiles;
    g->first = calloc(set->sequences + 1, sizeof *g->first);
    for (size_t s = 0; g->first && s < set->sequences; s++) {
        g->first[s] = g->steps;
        g->steps += set->steps(set->self, s);
    }
    g->y = calloc(g->steps * g->outputs + 1, sizeof *g->y);
    g->target = calloc(g->steps * g->cells + 1, sizeof *g->target);
    g->mask = calloc(g->steps * g->cells + 1, sizeof *g->mask);
    if (!g->first || !g->y || !g->target || !g->mask ||
        !read_targets(g, set, network->layer[0].inputs))
        return false;
    vg_trainee_predict(t, set, workers, keep, g);
    return true;
}

/** One outer quantile of one cell. */
struct outer {
    const struct gathered *data;
    size_t at, inner; /* outputs: the quantile, and its neighbour towards the median */
    size_t cell;
    double side;  /* -1 below the median, 1 above */
    double share; /* of targets beyond it, wanted */
};

static double distance(const struct outer *q, size_t step, double growth)
{
    const vg_real *y = q->data->y + step * q->data->outputs;

    return vg_log1p(growth * vg_expm1(fabs((double)y[q->at] - (double)y[q->inner])));
}

/** Share of targets beyond the quantile when its bias grows by `bias`; NAN with too few targets. */
static double share_beyond(const struct outer *q, double bias)
{
    const struct gathered *g = q->data;
    const double growth = vg_exp(bias);
    size_t n = 0, beyond = 0;

    for (size_t s = 0; s < g->steps; s++) {
        if (g->mask[s * g->cells + q->cell] <= 0)
            continue;

        double inner = (double)g->y[s * g->outputs + q->inner];
        double off = q->side * ((double)g->target[s * g->cells + q->cell] - inner);

        n++;
        beyond += off > distance(q, s, growth);
    }
    return n < VG_CALIBRATE_TARGETS_MIN ? (double)NAN : (double)beyond / (double)n;
}

static double find_bias(const struct outer *q)
{
    double low = -1, high = 1;

    if (isnan(share_beyond(q, 0)))
        return 0;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;

        if (share_beyond(q, middle) > q->share)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/** Moves the gathered quantile as the bias will move it: the next one outwards builds on it. */
static void move(const struct outer *q, double bias)
{
    const struct gathered *g = q->data;
    const double growth = vg_exp(bias);

    for (size_t s = 0; s < g->steps; s++) {
        vg_real *y = g->y + s * g->outputs;

        y[q->at] = (vg_real)((double)y[q->inner] + q->side * distance(q, s, growth));
    }
}

static uint32_t median_of(const struct vg_objective *o)
{
    uint32_t m = 0;

    for (uint32_t q = 1; q < o->quantiles; q++)
        if (fabsf(o->quantile[q] - 0.5f) < fabsf(o->quantile[m] - 0.5f))
            m = q;
    return m;
}

static void calibrate_cell(const struct gathered *g, const struct vg_objective *o, size_t cell,
                           vg_real *bias)
{
    const uint32_t median = median_of(o);
    const size_t first = cell * o->quantiles;

    for (uint32_t q = median; q-- > 0;) {
        struct outer outer = { g, first + q, first + q + 1, cell, -1, (double)o->quantile[q] };
        double b = find_bias(&outer);

        move(&outer, b);
        bias[first + q] += (vg_real)b;
    }
    for (uint32_t q = median + 1; q < o->quantiles; q++) {
        struct outer outer = { g, first + q, first + q - 1, cell, 1, 1 - (double)o->quantile[q] };
        double b = find_bias(&outer);

        move(&outer, b);
        bias[first + q] += (vg_real)b;
    }
}

vg_status vg_train_calibrate(struct vg_trainee *t, const struct vg_objective *o,
                             const struct vg_train_set *set, uint32_t workers, struct vg_err *err)
{
    const struct vg_network *network = vg_trainee_network(t);
    struct vg_layer_tensor bias;
    struct gathered g;
    vg_status st = VG_OK;

    VG_CHECK(o->loss == VG_LOSS_PINBALL && o->quantiles > 0);
    VG_CHECK(vg_network_tensor(network, network->layers - 1, 1, &bias) && bias.rank == 1);
    if (gather(&g, t, o, set, workers)) {
        for (size_t cell = 0; cell < g.cells; cell++)
            calibrate_cell(&g, o, cell, vg_trainee_parameters(t) + bias.offset);
    } else {
        st = vg_fail(err, VG_E_MEMORY, "no memory to calibrate quantiles on %zu steps", g.steps);
    }
    gathered_done(&g);
    return st;
}
