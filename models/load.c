/* load.c - the kinds of models in the build, and what loading has in common. */
#include "models/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/metadata.h"
#include "models/selftest.h"

#define VG_SOURCE(file)
#define VG_DECODER(file)
#define VG_STAGE(file)
#define VG_SINK(file)
#define VG_MODEL(file) extern const struct vg_model_ops vg_model_##file;
#include "components.def"
#undef VG_MODEL

static const struct vg_model_ops *const kinds[] = {
#define VG_MODEL(file) &vg_model_##file,
#include "components.def"
#undef VG_MODEL
};

const struct vg_model_ops *vg_model_kind(const char *name)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

/* ---- a whole file ---- */

static vg_status build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                       struct vg_model **ret, struct vg_err *err)
{
    struct vg_model *m;
    vg_status st = vg_metadata_expect(f, "vigil.schema", "2", err);

    if (st == VG_OK)
        st = ops->build(f, &m, err);
    if (st != VG_OK)
        return st;
    st = vg_selftest_check(f, m, err);
    if (st == VG_OK)
        *ret = m;
    else
        ops->free(m);
    return st;
}

vg_status vg_model_load(const struct vg_model_ops *ops, const char *path, struct vg_model **ret,
                        struct vg_err *err)
{
    struct vg_safetensors *f;
    vg_status st = vg_safetensors_read(path, &f, err);

    if (st != VG_OK)
        return st;
    st = build(ops, f, ret, err);
    vg_safetensors_free(f);
    return st;
}

static vg_status build_any(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    const struct vg_model_ops *ops;
    const char *kind;
    vg_status st = vg_metadata_text(f, "kind", &kind, err);

    if (st != VG_OK)
        return st;
    ops = vg_model_kind(kind);
    if (!ops || !ops->build)
        return vg_metadata_wrong(f, "kind", "a type of model that \"vigil list\" names", err);
    return build(ops, f, ret, err);
}

vg_status vg_model_parse(const char *path, const uint8_t *bytes, size_t n, struct vg_model **ret,
                         struct vg_err *err)
{
    struct vg_safetensors *f;
    vg_status st = vg_safetensors_parse(path, bytes, n, &f, err);

    if (st != VG_OK)
        return st;
    st = build_any(f, ret, err);
    vg_safetensors_free(f);
    return st;
}

vg_status vg_model_open(const char *path, struct vg_model **ret, struct vg_err *err)
{
    struct vg_safetensors *f;
    vg_status st = vg_safetensors_read(path, &f, err);

    if (st != VG_OK)
        return st;
    st = build_any(f, ret, err);
    vg_safetensors_free(f);
    return st;
}

/* ---- a network ---- */

static vg_status read_network(struct vg_safetensors *f, uint32_t inputs, struct vg_network *n,
                              struct vg_model *m, struct vg_err *err)
{
    const char *text;
    struct vg_err why = { 0 };
    vg_status st = vg_metadata_text(f, "network", &text, err);

    if (st != VG_OK)
        return st;
    if (strlen(text) >= sizeof(m->network))
        return vg_metadata_wrong(f, "network", "a shorter list of layers", err);
    if (vg_network_parse(n, text, inputs, &why) != VG_OK)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"%snetwork\": %s", vg_safetensors_path(f),
                       vg_safetensors_prefix(f), why.msg);
    if (n->layers == 0)
        return vg_metadata_wrong(f, "network", "at least one layer", err);
    memcpy(m->network, text, strlen(text) + 1);
    m->network_inputs = inputs;
    return VG_OK;
}

/* The tensors of one layer into their places. */
static vg_status take_layer(struct vg_safetensors *f, const struct vg_network *n, uint32_t layer,
                            float *parameters, struct vg_err *err)
{
    struct vg_layer_tensor t;

    for (uint32_t which = 0; vg_network_tensor(n, layer, which, &t); which++) {
        uint64_t shape[2] = { t.shape[0], t.shape[1] };
        const float *value;
        vg_status st = vg_safetensors_take(f, t.name, t.rank, shape, &value, err);

        if (st != VG_OK)
            return st;
        memcpy(parameters + t.offset, value, t.size * sizeof(float));
    }
    return VG_OK;
}

vg_status vg_model_take_network(struct vg_safetensors *f, uint32_t inputs, struct vg_network *ret,
                                float **parameters, struct vg_model *m, struct vg_err *err)
{
    float *p;
    vg_status st = read_network(f, inputs, ret, m, err);

    if (st != VG_OK)
        return st;
    /* Before there is memory for them: a text of few letters may ask for more than there is. */
    if (vg_network_parameters(ret) > VG_SAFETENSORS_MAX / sizeof(float))
        return vg_metadata_wrong(f, "network", "no more parameters than a file of 64 MiB holds",
                                 err);
    p = malloc(vg_network_parameters(ret) * sizeof(float));
    VG_CHECK(p);
    for (uint32_t l = 0; st == VG_OK && l < ret->layers; l++)
        st = take_layer(f, ret, l, p, err);
    if (st != VG_OK) {
        free(p);
        return st;
    }
    m->parameters += vg_network_parameters(ret);
    *parameters = p;
    return VG_OK;
}

/* ---- models of one chain ---- */

const char *vg_model_disagreement(const struct vg_model *a, const struct vg_model *b)
{
    VG_CHECK(a && b);
    if (a->tick_ns != b->tick_ns)
        return "ticks";
    if (a->channels != b->channels)
        return "channels";
    for (uint32_t c = 0; c < a->channels; c++) {
        if (a->channel[c] != b->channel[c])
            return "channels";
        if (a->mean[c] != b->mean[c] || a->scale[c] != b->scale[c])
            return "scales";
    }
    return NULL;
}

vg_status vg_models_agree(const struct vg_model *const *models, uint32_t n, struct vg_err *err)
{
    for (uint32_t i = 1; i < n; i++) {
        const char *what = vg_model_disagreement(models[0], models[i]);

        if (what)
            return vg_fail(err, VG_E_MODEL,
                           "model \"%s\" has other %s than model \"%s\"; models that are used "
                           "together must agree on channels, scales and tick",
                           models[i]->name, what, models[0]->name);
    }
    return VG_OK;
}
