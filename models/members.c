/* members.c - steps every member and puts their answers together. */
#include "models/members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/load.h"
#include "models/metadata.h"

enum { ALIGN_FLOATS = 16 }; /* 64 bytes */

static const float probability_min = 1e-6f;

struct members {
    struct vg_model model; /* first member */
    uint32_t n;
    struct vg_model *member[VG_MEMBERS_MAX];
    bool stacked;
    float weight[VG_MEMBERS_MAX];
    float bias;
    float bend_at, bend; /* y above bend_at grows by bend times the excess */
    size_t work;         /* floats of scratch of a member */
    size_t width;        /* floats of the widest x of a member */
};

/* log(p / (1 - p)) by log1p of what is not negative, the one logarithm of the kernel. */
static float logit(float p)
{
    p = p < probability_min ? probability_min : p;
    p = p > 1.0f - probability_min ? 1.0f - probability_min : p;
    return p >= 0.5f ? vg_log1pf((2.0f * p - 1.0f) / (1.0f - p))
                     : -vg_log1pf((1.0f - 2.0f * p) / p);
}

/* Takes the answer of member `i` for one row into its sum. */
static void add(const struct members *m, uint32_t i, const float *answer, float *y)
{
    if (m->stacked) {
        *y = fmaf(m->weight[i], logit(*answer), i == 0 ? m->bias : *y);
        return;
    }
    for (uint32_t k = 0; k < m->model.outputs; k++)
        y[k] = i == 0 ? answer[k] : y[k] + answer[k];
}

/* The x of a member, [B, its inputs]: a part of each row when stacked. */
static const float *part(const struct members *m, uint32_t i, uint32_t n, const float *x,
                         size_t from, float *copy)
{
    const size_t inputs = m->member[i]->inputs;

    if (!m->stacked)
        return x;
    for (size_t b = 0; b < n; b++)
        memcpy(copy + b * inputs, x + b * m->model.inputs + from, inputs * sizeof(float));
    return copy;
}

static float bent(const struct members *m, float y)
{
    return y > m->bend_at ? fmaf(m->bend, y - m->bend_at, y) : y;
}

static void finish(const struct members *m, size_t n, float *y)
{
    for (size_t i = 0; i < n * m->model.outputs; i++)
        y[i] = m->stacked ? vg_sigmoidf(bent(m, y[i])) : y[i] / (float)m->n;
}

void vg_members_step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                     float *y, void *scratch)
{
    const struct members *m = (const struct members *)model;
    float *copy = (float *)scratch + m->work;       /* [B, width] */
    float *answer = copy + VG_BATCH_MAX * m->width; /* [B, outputs] */
    void *own[VG_BATCH_MAX] = { 0 };
    size_t memory_at = 0, input_at = 0;

    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    for (uint32_t i = 0; i < m->n; i++) {
        const struct vg_model *member = m->member[i];

        for (uint32_t b = 0; b < n && model->memory_size > 0; b++)
            own[b] = (char *)memory[b] + memory_at;
        member->ops->step(member, n, part(m, i, n, x, input_at, copy), own, answer, scratch);
        for (size_t b = 0; b < n; b++)
            add(m, i, answer + b * model->outputs, y + b * model->outputs);
        memory_at += member->memory_size;
        input_at += member->inputs;
    }
    finish(m, n, y);
}

/* ---- loading ---- */

void vg_member_prefix(uint32_t member, char ret[VG_MEMBER_PREFIX_SIZE])
{
    snprintf(ret, VG_MEMBER_PREFIX_SIZE, "m%u.", member % VG_MEMBERS_MAX);
}

/* Kinds do not nest deeper than stacked over mean. */
static bool may_hold(const struct members *m, const struct vg_model_ops *ops)
{
    return ops && ops->build && strcmp(ops->name, "stacked") != 0 &&
           (m->stacked || strcmp(ops->name, "mean") != 0);
}

static vg_status build_member(struct members *m, struct vg_safetensors *f, struct vg_err *err)
{
    char prefix[VG_MEMBER_PREFIX_SIZE];
    const char *kind;
    size_t entered;
    vg_status st;

    vg_member_prefix(m->n, prefix);
    entered = vg_safetensors_enter(f, prefix);
    st = vg_metadata_text(f, "kind", &kind, err);
    if (st == VG_OK && !may_hold(m, vg_model_kind(kind)))
        st = vg_metadata_wrong(f, "kind", "one that can be a member", err);
    if (st == VG_OK)
        st = vg_model_kind(kind)->build(f, &m->member[m->n], err);
    if (st == VG_OK)
        m->n++;
    vg_safetensors_leave(f, entered);
    return st;
}

static bool same_channels(const struct vg_model *a, const struct vg_model *b)
{
    for (uint32_t c = 0; c < a->channels; c++) {
        if (a->channel[c] != b->channel[c] || a->mean[c] != b->mean[c] ||
            a->scale[c] != b->scale[c])
            return false;
    }
    return true;
}

static bool same_variables(const struct vg_model *a, const struct vg_model *b)
{
    for (uint32_t v = 0; v < a->variables; v++) {
        const struct vg_variable *x = &a->variable[v], *y = &b->variable[v];

        if (strcmp(x->name, y->name) != 0 || x->mean != y->mean || x->scale != y->scale)
            return false;
    }
    return true;
}

static bool same_forecasts(const struct vg_model *a, const struct vg_model *b)
{
    if (a->horizons != b->horizons || a->quantiles != b->quantiles)
        return false;
    for (uint32_t h = 0; h < a->horizons; h++) {
        if (a->horizon_ns[h] != b->horizon_ns[h])
            return false;
    }
    for (uint32_t q = 0; q < a->quantiles; q++) {
        if (a->quantile[q] != b->quantile[q])
            return false;
    }
    return true;
}

static bool same_shape(const struct vg_model *a, const struct vg_model *b)
{
    return a->channels == b->channels && a->variables == b->variables && a->inputs == b->inputs &&
           a->outputs == b->outputs && a->tick_ns == b->tick_ns && a->clip == b->clip &&
           strcmp(a->features, b->features) == 0 && same_forecasts(a, b) && same_channels(a, b) &&
           same_variables(a, b);
}

/* Why member `i` cannot stand beside the others, or NULL. */
static const char *misfit(const struct members *m, uint32_t i)
{
    const struct vg_model *a = m->member[0], *b = m->member[i];

    if (m->stacked)
        return b->variables == 0 || b->outputs != 1 ? "a classifier with one output" : NULL;
    if (b->horizons == 0 && b->variables == 0)
        return "a forecaster or a classifier: others have a threshold each";
    if (!same_shape(a, b))
        return "the shape of member 0: channels or variables, scales, tick, inputs, outputs";
    return NULL;
}

static vg_status check_members(const struct members *m, const struct vg_safetensors *f,
                               struct vg_err *err)
{
    for (uint32_t i = 0; i < m->n; i++) {
        const char *expected = misfit(m, i);

        if (expected)
            return vg_fail(err, VG_E_MODEL, "%s: member %sm%u: expected %s", vg_safetensors_path(f),
                           vg_safetensors_prefix(f), i, expected);
    }
    return VG_OK;
}

/* A mean is, to others, what its members are. */
static void take_after(struct vg_model *m, const struct vg_model *member)
{
    m->channels = member->channels;
    memcpy(m->channel, member->channel, sizeof(m->channel));
    memcpy(m->mean, member->mean, sizeof(m->mean));
    memcpy(m->scale, member->scale, sizeof(m->scale));
    memcpy(m->features, member->features, sizeof(m->features));
    m->horizons = member->horizons;
    memcpy(m->horizon_ns, member->horizon_ns, sizeof(m->horizon_ns));
    m->quantiles = member->quantiles;
    memcpy(m->quantile, member->quantile, sizeof(m->quantile));
    m->variables = member->variables;
    m->variable = member->variable;
    m->clip = member->clip;
    m->inputs = member->inputs;
    m->outputs = member->outputs;
}

static void measure(struct members *m)
{
    struct vg_model *model = &m->model;
    size_t work = 0;

    if (m->stacked)
        model->outputs = 1;
    else
        take_after(model, m->member[0]);
    for (uint32_t i = 0; i < m->n; i++) {
        const struct vg_model *member = m->member[i];

        work = member->scratch_size > work ? member->scratch_size : work;
        m->width = m->stacked && member->inputs > m->width ? member->inputs : m->width;
        model->inputs += m->stacked ? member->inputs : 0;
        model->memory_size += member->memory_size;
        model->parameters += member->parameters;
        model->tick_ns = member->tick_ns > model->tick_ns ? member->tick_ns : model->tick_ns;
    }
    model->parameters += m->stacked ? m->n + 1 : 0;
    m->work = (work / sizeof(float) + ALIGN_FLOATS) / ALIGN_FLOATS * ALIGN_FLOATS;
    model->scratch_size = (m->work + VG_BATCH_MAX * (m->width + model->outputs)) * sizeof(float);
    model->members = m->n;
    model->member = m->member;
}

static vg_status take_weights(struct members *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t shape[1] = { m->n }, one[1] = { 1 };
    const float *weight, *bias;
    vg_status st = vg_safetensors_take(f, "stacked.weight", 1, shape, &weight, err);

    if (st == VG_OK)
        st = vg_safetensors_take(f, "stacked.bias", 1, one, &bias, err);
    if (st != VG_OK)
        return st;
    memcpy(m->weight, weight, m->n * sizeof(float));
    m->bias = *bias;
    return VG_OK;
}

static vg_status take_bend(struct members *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint64_t shape[1] = { 2 };
    const float *bend;
    vg_status st;

    if (!vg_safetensors_has(f, "stacked.bend"))
        return VG_OK;
    st = vg_safetensors_take(f, "stacked.bend", 1, shape, &bend, err);
    if (st != VG_OK)
        return st;
    m->bend_at = bend[0];
    m->bend = bend[1];
    m->model.parameters++;
    return VG_OK;
}

static vg_status build(struct members *m, struct vg_safetensors *f, struct vg_err *err)
{
    uint32_t members = 0;
    vg_status st = vg_metadata_kind(f, m->model.ops->name, &m->model, err);

    if (st == VG_OK)
        st = vg_metadata_integer(f, "members", 1, VG_MEMBERS_MAX, &members, err);
    while (st == VG_OK && m->n < members)
        st = build_member(m, f, err);
    if (st == VG_OK)
        st = check_members(m, f, err);
    if (st == VG_OK && m->stacked)
        st = take_weights(m, f, err);
    if (st == VG_OK && m->stacked)
        st = take_bend(m, f, err);
    if (st == VG_OK)
        measure(m);
    return st;
}

void vg_members_free(struct vg_model *model)
{
    struct members *m = (struct members *)model;

    for (uint32_t i = 0; i < m->n; i++)
        m->member[i]->ops->free(m->member[i]);
    free(m);
}

vg_status vg_members_build(const struct vg_model_ops *ops, struct vg_safetensors *f,
                           struct vg_model **ret, struct vg_err *err)
{
    struct members *m = calloc(1, sizeof(*m));
    vg_status st;

    VG_CHECK(m);
    m->model.ops = ops;
    m->stacked = strcmp(ops->name, "stacked") == 0;
    st = build(m, f, err);
    if (st == VG_OK)
        *ret = &m->model;
    else
        vg_members_free(&m->model);
    return st;
}
