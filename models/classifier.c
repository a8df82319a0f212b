/* classifier.c - a network that ends in a sigmoid. */
#include "models/classifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/load.h"
#include "models/metadata.h"
#include "models/stack.h"

struct classifier {
    struct vg_model model; /* first member */
    struct vg_stack layers;
    struct vg_variable *variable; /* [V], owned */
};

void vg_classifier_step(const struct vg_model *model, uint32_t n, const float *x,
                        void *const *memory, float *y, void *scratch)
{
    const struct classifier *c = (const struct classifier *)model;

    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    vg_stack_step(&c->layers, n, x, memory, y, scratch);
}

/* ---- loading ---- */

/* Why a network cannot be this kind of classifier, or NULL. */
static const char *unfit(const char *kind, const struct vg_network *n)
{
    const struct vg_layer *last = &n->layer[n->layers - 1];

    if (last->kind != VG_LAYER_DENSE || last->activation != VG_SIGMOID)
        return "the last layer to be dense with a sigmoid";
    if (strcmp(kind, "logistic") == 0 && (n->layers != 1 || last->outputs != 1))
        return "\"dense:1:sigmoid\"";
    if (strcmp(kind, "mlp") == 0) {
        for (uint32_t i = 0; i < n->layers; i++) {
            if (n->layer[i].kind != VG_LAYER_DENSE)
                return "dense layers only";
        }
    }
    if (strcmp(kind, "risk") == 0 && vg_network_state(n) == 0)
        return "a recurrent layer";
    return NULL;
}

static vg_status take_network(struct classifier *c, struct vg_safetensors *f, struct vg_err *err)
{
    struct vg_network network;
    const char *expected;
    float *parameters;
    vg_status st = vg_model_take_network(f, c->model.inputs, &network, &parameters, &c->model, err);

    if (st != VG_OK)
        return st;
    expected = unfit(c->model.ops->name, &network);
    if (expected)
        st = vg_metadata_wrong(f, "network", expected, err);
    else
        vg_stack_init(&c->layers, NULL, &network, parameters);
    free(parameters);
    c->model.outputs = vg_network_outputs(&network);
    c->model.memory_size = vg_network_state(&network) * sizeof(float);
    return st;
}

static vg_status read_clip(const struct vg_safetensors *f, struct vg_model *m, struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st;

    if (!vg_safetensors_metadata(f, "clip"))
        return VG_OK;
    st = vg_metadata_numbers(f, "clip", 1, &m->clip, &n, err);
    if (st == VG_OK && m->clip <= 0.0f)
        st = vg_metadata_wrong(f, "clip", "a number above 0", err);
    return st;
}

static vg_status read_metadata(struct classifier *c, const struct vg_safetensors *f,
                               struct vg_err *err)
{
    const bool sequence = strcmp(c->model.ops->name, "risk") == 0;
    const char *inputs = sequence ? "value,mask,age" : "value";
    uint32_t n = 0;
    vg_status st = vg_metadata_kind(f, c->model.ops->name, &c->model, err);

    if (st == VG_OK)
        st = vg_metadata_variables(f, &c->variable, &c->model.variables, err);
    if (st == VG_OK)
        st = read_clip(f, &c->model, err);
    if (st == VG_OK)
        st = vg_metadata_expect(f, "inputs", inputs, err);
    if (st == VG_OK && sequence)
        st = vg_metadata_durations(f, "tick", 1, &c->model.tick_ns, &n, err);
    c->model.variable = c->variable;
    c->model.inputs = (sequence ? 3 : 1) * c->model.variables;
    snprintf(c->model.features, sizeof(c->model.features), "%s", inputs);
    return st;
}

static vg_status build(struct classifier *c, struct vg_safetensors *f, struct vg_err *err)
{
    vg_status st = read_metadata(c, f, err);

    if (st == VG_OK)
        st = take_network(c, f, err);
    if (st == VG_OK)
        c->model.scratch_size = vg_stack_scratch(&c->layers);
    return st;
}

void vg_classifier_free(struct vg_model *model)
{
    struct classifier *c = (struct classifier *)model;

    vg_stack_done(&c->layers);
    free(c->variable);
    free(c);
}

vg_status vg_classifier_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                              struct vg_model **ret, struct vg_err *err)
{
    struct classifier *c = calloc(1, sizeof(*c));
    vg_status st;

    VG_CHECK(c);
    c->model.ops = ops;
    st = build(c, f, err);
    if (st == VG_OK)
        *ret = &c->model;
    else
        vg_classifier_free(&c->model);
    return st;
}
