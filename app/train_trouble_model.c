/* train_trouble_model.c - learns to foresee the simulator's scenarios. */
#include <stdlib.h>
#include <string.h>

#include "app/train_model.h"
#include "app/train_trouble.h"
#include "models/save.h"
#include "models/train_linear.h"

/* Rows as sequences of one step. */
struct rows {
    struct vg_train_sequence *sequence;
    struct vg_train_memory memory;
    struct vg_train_set set;
};

static void begin_rows(struct rows *r, const struct vg_trouble *t, enum vg_part part)
{
    const struct vg_trouble_rows *from = &t->part[part];
    struct vg_train_sequence *sequence = calloc(from->n + 1, sizeof(*sequence));

    VG_CHECK(sequence != NULL);
    for (size_t i = 0; i < from->n; i++)
        sequence[i] = (struct vg_train_sequence){ .steps = 1,
                                                  .x = from->x + i * t->variables,
                                                  .target = from->y + i };
    r->sequence = sequence;
    r->memory = (struct vg_train_memory){ from->n, sequence, t->variables, 1 };
    r->set = vg_train_memory(&r->memory);
}

static void end_rows(struct rows *r)
{
    free(r->sequence);
}

static vg_status parse_network(const struct vg_trouble *t, struct vg_network *network,
                               struct vg_err *err)
{
    struct vg_err why;

    if (vg_network_parse(network, t->recipe->network, t->variables, &why) != VG_OK)
        return vg_fail(err, VG_E_CONFIG, "network: %.400s", why.msg);
    if (vg_network_outputs(network) != 1)
        return vg_fail(err, VG_E_CONFIG,
                       "network: expected one output, such as "
                       "\"dense:128:relu,dense:64:relu,dense:1:sigmoid\"");
    return VG_OK;
}

static vg_status fit(const struct vg_trouble *t, const struct vg_network *network,
                     const struct vg_train_how *how, struct vg_trainee **ret_trainee,
                     struct vg_train_outcome *ret, struct vg_err *err)
{
    const struct vg_objective objective = { .loss = VG_LOSS_BCE };
    struct vg_fit options = vg_recipe_fit(&t->recipe->fit);
    struct rows train, validation;
    vg_status st = vg_trainee_new(network, &objective, how->seed, ret_trainee, err);

    if (st != VG_OK)
        return st;
    vg_train_how_apply(how, &options);
    begin_rows(&train, t, VG_PART_TRAIN);
    begin_rows(&validation, t, VG_PART_VALIDATION);
    ret->parameters = vg_trainee_parameter_count(*ret_trainee);
    ret->sequences = train.memory.sequences;
    ret->validation_sequences = validation.memory.sequences;
    st = vg_trainee_fit(*ret_trainee, &options, &train.set,
                        validation.memory.sequences ? &validation.set : NULL, &ret->fit, err);
    end_rows(&train);
    end_rows(&validation);
    return st;
}

static vg_status save(const struct vg_trouble *t, const char *kind,
                      const struct vg_network *network, const float *parameters, const char *out,
                      struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_model about;
    const struct vg_save parts = {
        .kind = kind, .about = &about, .network = network, .parameters = parameters
    };
    vg_status st;

    vg_trouble_about(t, &about);
    st = vg_model_save(out, &parts, err);
    return st == VG_OK ? vg_trouble_table(t, out, &ret->table, err) : st;
}

vg_status vg_train_risk_model(const struct vg_recipe *r, const struct vg_dataset *data,
                              const struct vg_train_how *how, const char *out,
                              struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_trouble *t = calloc(1, sizeof(*t));
    struct vg_trainee *trainee = NULL;
    struct vg_network network;
    vg_status st;

    VG_CHECK(t != NULL);
    st = vg_trouble_init(t, r, data, err);
    if (st == VG_OK)
        st = parse_network(t, &network, err);
    if (st == VG_OK && !how->check)
        st = vg_trouble_load(t, err);
    if (st == VG_OK && !how->check)
        st = fit(t, &network, how, &trainee, ret, err);
    if (st == VG_OK && !how->check)
        st = save(t, "mlp", &network, vg_trainee_parameters(trainee), out, ret, err);
    vg_trainee_free(trainee);
    vg_trouble_done(t);
    free(t);
    return st;
}

static vg_status fit_logistic(const struct vg_trouble *t, const char *out,
                              struct vg_train_outcome *ret, struct vg_err *err)
{
    const struct vg_trouble_rows *rows = &t->part[VG_PART_TRAIN];
    const double penalty = t->recipe->penalty > 0.0f ? (double)t->recipe->penalty : 1;
    float *parameters = calloc((size_t)t->variables + 1, sizeof(*parameters));
    struct vg_network network;
    vg_status st = vg_network_parse(&network, "dense:1:sigmoid", t->variables, err);

    VG_CHECK(parameters != NULL);
    ret->parameters = (size_t)t->variables + 1;
    ret->sequences = rows->n;
    if (st == VG_OK)
        st = vg_logistic_fit(rows->n, t->variables, rows->x, rows->y, NULL, penalty, parameters,
                             parameters + t->variables, err);
    if (st == VG_OK)
        st = save(t, "logistic", &network, parameters, out, ret, err);
    free(parameters);
    return st;
}

vg_status vg_train_logistic_model(const struct vg_recipe *r, const struct vg_dataset *data,
                                  const struct vg_train_how *how, const char *out,
                                  struct vg_train_outcome *ret, struct vg_err *err)
{
    struct vg_trouble *t = calloc(1, sizeof(*t));
    vg_status st;

    VG_CHECK(t != NULL);
    st = vg_trouble_init(t, r, data, err);
    if (st == VG_OK && !how->check)
        st = vg_trouble_load(t, err);
    if (st == VG_OK && !how->check)
        st = fit_logistic(t, out, ret, err);
    vg_trouble_done(t);
    free(t);
    return st;
}
