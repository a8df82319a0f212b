/* train_forecast_model.c - learns to forecast: a network beside a skip.
 *
 * The head of the network starts at zero, so that learning starts at the skip: what it can do from
 * there is the network's gain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/train_forecast.h"
#include "app/train_model.h"
#include "models/forecaster.h"
#include "models/kernel.h"
#include "models/save.h"

/* ---- sequences ---- */

/* A stretch of one patient. */
struct stretch {
    const struct vg_view *view;
    uint32_t first, ticks;
};

struct stretches {
    const struct vg_forecast_task *task;
    struct stretch *at;
    size_t n;
};

static uint32_t steps(const void *self, size_t sequence)
{
    const struct stretches *s = self;

    return s->at[sequence].ticks;
}

/* What the loss is measured against at tick t of a stretch, counted from its first. */
static void write_targets(const struct vg_forecast_task *f, const struct stretch *at, uint32_t t,
                          const struct vg_train_rows *rows, uint32_t row)
{
    float *target = rows->target + row * rows->target_stride;
    float *mask = rows->mask + row * rows->mask_stride;
    float skip[VG_FORECAST_TARGETS_MAX];
    bool last_only = f->recipe->sequence.target == VG_TARGET_LAST;

    if (last_only && t + 1 < at->ticks)
        return;
    vg_forecast_targets(f, at->view, at->first + t, target, mask);
    if (!rows->base && f->recipe->skip == VG_SKIP_NONE)
        return;
    vg_forecast_skip(f, at->view, at->first + t, skip);
    if (rows->base) {
        memcpy(rows->base + row * rows->base_stride, skip, f->targets * sizeof(float));
        return;
    }
    /* Squared errors have no base: the network learns what the skip leaves. */
    for (uint32_t i = 0; i < f->targets; i++)
        target[i] -= skip[i];
}

static void read_steps(const void *self, size_t sequence, uint32_t from, uint32_t n,
                       const struct vg_train_rows *rows)
{
    const struct stretches *s = self;
    const struct stretch *at = &s->at[sequence];
    const uint32_t inputs = at->view->inputs;

    for (uint32_t i = 0; i < n; i++) {
        memcpy(rows->x + i * rows->x_stride, at->view->x + (size_t)(at->first + from + i) * inputs,
               inputs * sizeof(float));
        write_targets(s->task, at, from + i, rows, i);
    }
}

static struct vg_train_set set_of(const struct stretches *s)
{
    return (struct vg_train_set){ s, s->n, steps, read_steps };
}

static void add_stretch(struct stretches *s, size_t *room, const struct vg_view *view,
                        uint32_t first, uint32_t ticks)
{
    if (s->n == *room) {
        *room = *room ? 2 * *room : 256;
        s->at = reallocarray(s->at, *room, sizeof(*s->at));
        VG_CHECK(s->at != NULL);
    }
    s->at[s->n++] = (struct stretch){ view, first, ticks };
}

/* Keeps `most` of them, evenly chosen. */
static void thin_out(struct stretches *s, size_t most)
{
    for (size_t i = 0; most > 0 && most < s->n && i < most; i++)
        s->at[i] = s->at[(size_t)((double)i * (double)s->n / (double)most)];
    if (most > 0 && most < s->n)
        s->n = most;
}

static void cut(struct stretches *s, const struct vg_forecast_task *f, enum vg_part part)
{
    const struct vg_sequence_recipe *r = &f->recipe->sequence;
    const uint32_t ticks = (uint32_t)r->ticks;
    const uint32_t every = r->every > 0 ? (uint32_t)r->every : ticks;
    size_t room = 0;

    *s = (struct stretches){ .task = f };
    for (uint32_t i = 0; i < f->data->patients; i++) {
        const struct vg_view *v = &f->view[i];

        if (f->data->patient[i].part != part)
            continue;
        if (ticks == 0)
            add_stretch(s, &room, v, 0, v->ticks);
        for (uint32_t t = 0; ticks > 0 && t + ticks <= v->ticks; t += every)
            add_stretch(s, &room, v, t, ticks);
    }
    thin_out(s, part == VG_PART_TRAIN ? (size_t)r->most : (size_t)r->most / 4);
}

/* ---- the network ---- */

static vg_status parse_network(struct vg_forecast_task *f, struct vg_err *err)
{
    const uint32_t outputs = f->targets * f->quantiles;
    struct vg_err why;

    if (vg_network_parse(&f->network, f->recipe->network, vg_features_inputs(&f->features), &why) !=
        VG_OK)
        return vg_fail(err, VG_E_CONFIG, "network: %.400s", why.msg);
    if (vg_network_outputs(&f->network) != outputs)
        return vg_fail(err, VG_E_CONFIG,
                       "network: its last layer has %u outputs, expected %u: %u channels, %u "
                       "horizons, %u quantiles",
                       vg_network_outputs(&f->network), outputs, f->data->channels, f->horizons,
                       f->quantiles);
    if (!vg_forecaster_kind(&f->network))
        return vg_fail(err, VG_E_CONFIG,
                       "network: a forecaster has recurrent layers, all of one kind; such as "
                       "\"lstm:64,lstm:64,dense:%u\"",
                       outputs);
    if (f->recipe->loss == VG_LOSS_MSE && f->quantiles != 1)
        return vg_fail(err, VG_E_CONFIG,
                       "loss: mse forecasts one number; expected quantiles: "
                       "[0.5], or loss: pinball");
    return VG_OK;
}

static struct vg_objective objective_of(const struct vg_forecast_task *f)
{
    struct vg_objective o = { .loss = (enum vg_loss)f->recipe->loss };

    if (o.loss == VG_LOSS_PINBALL) {
        o.quantiles = f->quantiles;
        memcpy(o.quantile, f->quantile, sizeof(o.quantile));
    }
    return o;
}

static void zero_head(const struct vg_forecast_task *f, vg_real *parameters)
{
    struct vg_layer_tensor tensor;

    for (uint32_t which = 0; vg_network_tensor(&f->network, f->network.layers - 1, which, &tensor);
         which++)
        memset(parameters + tensor.offset, 0, tensor.size * sizeof(vg_real));
}

static vg_status save(const struct vg_forecast_task *f, struct vg_trainee *t, const char *out,
                      struct vg_err *err)
{
    struct vg_model about;
    struct vg_save parts = { .kind = vg_forecaster_kind(&f->network),
                             .about = &about,
                             .network = &f->network,
                             .parameters = vg_trainee_parameters(t) };

    vg_forecast_about(f, &about);
    if (f->skip_weight) {
        parts.skip_weight = f->skip_weight;
        parts.skip_bias = f->skip_bias;
    }
    return vg_model_save(out, &parts, err);
}

static vg_status fit(const struct vg_forecast_task *f, const struct vg_train_how *how,
                     const char *out, struct vg_train_outcome *ret, struct vg_err *err)
{
    const struct vg_objective objective = objective_of(f);
    struct vg_fit options = vg_recipe_fit(&f->recipe->fit);
    struct vg_trainee *trainee = NULL;
    struct stretches train, validation;
    struct vg_train_set learn, judge;
    vg_status st;

    vg_train_how_apply(how, &options);
    cut(&train, f, VG_PART_TRAIN);
    cut(&validation, f, VG_PART_VALIDATION);
    learn = set_of(&train);
    judge = set_of(&validation);
    ret->sequences = train.n;
    ret->validation_sequences = validation.n;
    st = train.n > 0
             ? VG_OK
             : vg_fail(err, VG_E_FAILED, "no patient to learn from is as long as sequence.ticks");
    if (st == VG_OK)
        st = vg_trainee_new(&f->network, &objective, how->seed, &trainee, err);
    if (st == VG_OK) {
        ret->parameters = vg_trainee_parameter_count(trainee);
        if (f->recipe->skip != VG_SKIP_NONE)
            zero_head(f, vg_trainee_parameters(trainee));
        st =
            vg_trainee_fit(trainee, &options, &learn, validation.n ? &judge : NULL, &ret->fit, err);
    }
    if (st == VG_OK)
        st = save(f, trainee, out, err);
    vg_trainee_free(trainee);
    free(train.at);
    free(validation.at);
    return st;
}

vg_status vg_train_forecaster(const struct vg_recipe *r, const struct vg_dataset *data,
                              const struct vg_train_how *how, const char *out,
                              struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_forecast_task f;
    vg_status st = vg_forecast_task_init(&f, r, data, err);

    if (st == VG_OK)
        st = parse_network(&f, err);
    if (st == VG_OK && !how->check)
        st = vg_forecast_task_load(&f, err);
    if (st == VG_OK && !how->check)
        st = vg_forecast_fit_skip(&f, err);
    if (st == VG_OK && !how->check)
        st = fit(&f, how, out, ret, err);
    vg_forecast_task_done(&f);
    return st;
}
