/* save.c - writes what the kinds of models/metadata.h need, then lets the loader judge it.
 *
 * The file is built twice: the first time without a self-test, to have the model that answers it,
 * the second time with question and answer.
 */
#include "models/save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "models/kernel.h"
#include "models/load.h"
#include "models/members.h"
#include "models/safetensors_write.h"
#include "models/selftest.h"

enum { QUESTION_STEPS = 32 };

/* ---- texts ---- */

static void add_list(struct vg_safetensors_out *out, const char *key, struct vg_buf *list)
{
    vg_safetensors_add_text(out, key, list->len > 0 ? list->data : "");
    vg_buf_done(list);
}

static void add_numbers(struct vg_safetensors_out *out, const char *key, uint32_t n,
                        const float *value)
{
    struct vg_buf list = VG_BUF_INIT;

    for (uint32_t i = 0; i < n; i++) {
        vg_buf_str(&list, i > 0 ? "," : "");
        vg_buf_float(&list, value[i]);
    }
    add_list(out, key, &list);
}

static void add_durations(struct vg_safetensors_out *out, const char *key, uint32_t n,
                          const int64_t *value_ns)
{
    struct vg_buf list = VG_BUF_INIT;
    char text[VG_DURATION_TEXT_SIZE];

    for (uint32_t i = 0; i < n; i++) {
        vg_format_duration(value_ns[i], text);
        vg_buf_printf(&list, "%s%s", i > 0 ? "," : "", text);
    }
    add_list(out, key, &list);
}

static void add_channels(struct vg_safetensors_out *out, const struct vg_model *about)
{
    struct vg_buf names = VG_BUF_INIT, units = VG_BUF_INIT;

    for (uint32_t c = 0; c < about->channels; c++) {
        const struct vg_channel *channel = &vg_channels[about->channel[c]];

        vg_buf_printf(&names, "%s%s", c > 0 ? "," : "", channel->name);
        vg_buf_printf(&units, "%s%s", c > 0 ? "," : "", channel->ucum);
    }
    add_list(out, "channels", &names);
    add_list(out, "units", &units);
    add_numbers(out, "mean", about->channels, about->mean);
    add_numbers(out, "scale", about->channels, about->scale);
}

static void add_variables(struct vg_safetensors_out *out, const struct vg_model *about)
{
    struct vg_buf names = VG_BUF_INIT, mean = VG_BUF_INIT, scale = VG_BUF_INIT;

    for (uint32_t i = 0; i < about->variables; i++) {
        vg_buf_printf(&names, "%s%s", i > 0 ? "," : "", about->variable[i].name);
        vg_buf_str(&mean, i > 0 ? "," : "");
        vg_buf_float(&mean, about->variable[i].mean);
        vg_buf_str(&scale, i > 0 ? "," : "");
        vg_buf_float(&scale, about->variable[i].scale);
    }
    add_list(out, "variables", &names);
    add_list(out, "mean", &mean);
    add_list(out, "scale", &scale);
    if (about->clip > 0.0f)
        add_numbers(out, "clip", 1, &about->clip);
}

static void add_network_text(struct vg_safetensors_out *out, const struct vg_network *network)
{
    struct vg_buf text = VG_BUF_INIT;

    if (!network)
        return;
    vg_network_format(network, &text);
    add_list(out, "network", &text);
}

static void add_window(struct vg_safetensors_out *out, const struct vg_save *parts)
{
    const float range[2] = { parts->low, parts->high };
    struct vg_buf window = VG_BUF_INIT;

    vg_buf_printf(&window, "%u", parts->about->window);
    add_list(out, "window", &window);
    add_numbers(out, "threshold", 1, &parts->about->threshold);
    if (parts->high > parts->low)
        add_numbers(out, "range", 2, range);
}

static void add_forecaster(struct vg_safetensors_out *out, const struct vg_model *about)
{
    vg_safetensors_add_text(out, "skip", about->skip);
    add_durations(out, "horizons", about->horizons, about->horizon_ns);
    add_numbers(out, "quantiles", about->quantiles, about->quantile);
}

static void add_texts(struct vg_safetensors_out *out, const struct vg_save *parts)
{
    const struct vg_model *about = parts->about;

    vg_safetensors_add_text(out, "vigil.schema", "2");
    vg_safetensors_add_text(out, "kind", parts->kind);
    vg_safetensors_add_text(out, "training_data_sha256", about->training_data_sha256);
    if (about->variables > 0)
        add_variables(out, about);
    else
        add_channels(out, about);
    if (about->tick_ns > 0)
        add_durations(out, "tick", 1, &about->tick_ns);
    if (parts->calibration)
        vg_detector_add_texts(out, parts->calibration);
    else if (!parts->components)
        vg_safetensors_add_text(out, "inputs", about->features);
    add_network_text(out, parts->network);
    if (about->horizons > 0)
        add_forecaster(out, about);
    if (about->window > 0)
        add_window(out, parts);
    if (parts->note)
        vg_safetensors_add_text(out, "note.training", parts->note);
}

/* ---- tensors ---- */

static void add_network(struct vg_safetensors_out *out, const struct vg_save *parts)
{
    struct vg_layer_tensor t;

    for (uint32_t l = 0; l < parts->network->layers; l++) {
        for (uint32_t which = 0; vg_network_tensor(parts->network, l, which, &t); which++)
            vg_safetensors_add(out, t.name, t.rank, t.shape, parts->parameters + t.offset);
    }
}

static void add_tensors(struct vg_safetensors_out *out, const struct vg_save *parts)
{
    const struct vg_model *about = parts->about;
    const uint32_t cells = about->channels * about->horizons;
    const uint32_t entries = about->channels * about->window;
    const uint32_t offset[3] = { about->channels, about->horizons, about->quantiles };
    const uint32_t components[2] = { parts->components_n, entries };

    if (parts->network)
        add_network(out, parts);
    if (parts->skip_weight) {
        const uint32_t shape[2] = { cells, about->inputs };

        vg_safetensors_add(out, "skip.weight", 2, shape, parts->skip_weight);
        vg_safetensors_add(out, "skip.bias", 1, &cells, parts->skip_bias);
    }
    if (parts->offset)
        vg_safetensors_add(out, "offset", 3, offset, parts->offset);
    if (parts->components) {
        vg_safetensors_add(out, "pca.mean", 1, &entries, parts->center);
        vg_safetensors_add(out, "pca.components", 2, components, parts->components);
    }
    if (parts->calibration)
        vg_detector_add_tensors(out, about->channels, parts->calibration);
}

/* ---- the self-test ---- */

/* The model that the parts make; it knows no self-test yet. */
static vg_status build(const struct vg_safetensors_out *out, const char *path, const char *kind,
                       struct vg_model **ret, struct vg_err *err)
{
    const struct vg_model_ops *ops = vg_model_kind(kind);
    struct vg_buf bytes = VG_BUF_INIT;
    struct vg_safetensors *f;
    vg_status st;

    if (!ops || !ops->build)
        return vg_fail(err, VG_E_MODEL, "%s: there is no model of kind %s", path, kind);
    vg_safetensors_bytes(out, &bytes);
    st = vg_safetensors_parse(path, (const uint8_t *)bytes.data, bytes.len, &f, err);
    vg_buf_done(&bytes);
    if (st != VG_OK)
        return st;
    st = ops->build(f, ret, err);
    vg_safetensors_free(f);
    return st;
}

static void add_selftest(struct vg_safetensors_out *out, const struct vg_model *m,
                         const float *question, uint32_t steps)
{
    const uint32_t n = question ? steps : QUESTION_STEPS;
    const uint32_t in[2] = { n, m->inputs }, y_shape[2] = { n, m->outputs };
    float *x = vg_kernel_alloc((size_t)n * m->inputs * sizeof(float));
    float *y = vg_kernel_alloc((size_t)n * m->outputs * sizeof(float));

    if (question)
        memcpy(x, question, (size_t)n * m->inputs * sizeof(float));
    else
        vg_selftest_fill(m, n, x);
    vg_selftest_run(m, n, x, y);
    vg_safetensors_add(out, "selftest.input", 2, in, x);
    vg_safetensors_add(out, "selftest.output", 2, y_shape, y);
    free(x);
    free(y);
}

/* Answers the question, checks the whole as a reader would, and writes it. */
static vg_status finish(struct vg_safetensors_out *out, const char *path, const char *kind,
                        const float *question, uint32_t steps, struct vg_err *err)
{
    struct vg_buf bytes = VG_BUF_INIT;
    struct vg_model *m = NULL;
    vg_status st = build(out, path, kind, &m, err);

    if (st != VG_OK)
        return st;
    VG_CHECK(m);
    add_selftest(out, m, question, steps);
    m->ops->free(m);
    vg_safetensors_bytes(out, &bytes);
    st = vg_model_parse(path, (const uint8_t *)bytes.data, bytes.len, &m, err);
    vg_buf_done(&bytes);
    if (st != VG_OK)
        return st;
    m->ops->free(m);
    return vg_safetensors_write(out, path, err);
}

vg_status vg_model_save(const char *path, const struct vg_save *parts, struct vg_err *err)
{
    struct vg_safetensors_out out = { 0 };
    vg_status st;

    VG_CHECK(!parts->network || parts->parameters);
    VG_CHECK(!parts->skip_weight || parts->skip_bias);
    VG_CHECK(!parts->components || parts->center);
    add_texts(&out, parts);
    add_tensors(&out, parts);
    st = finish(&out, path, parts->kind, parts->selftest, parts->selftest_steps, err);
    vg_safetensors_out_done(&out);
    return st;
}

/* ---- several in one ---- */

static bool of_the_file(const char *name)
{
    return strncmp(name, "vigil.", 6) == 0 || strncmp(name, "selftest.", 9) == 0 ||
           strncmp(name, "note.", 5) == 0 || strcmp(name, "format") == 0;
}

static void copy_member(struct vg_safetensors_out *out, const char *prefix,
                        const struct vg_safetensors *f)
{
    struct vg_safetensors_text text;
    struct vg_tensor t;
    char name[VG_MEMBER_PREFIX_SIZE + VG_TENSOR_NAME_SIZE];

    for (uint32_t i = 0; vg_safetensors_text(f, i, &text); i++) {
        snprintf(name, sizeof(name), "%s%s", prefix, text.key);
        if (!of_the_file(text.key))
            vg_safetensors_add_text(out, name, text.text);
    }
    for (uint32_t i = 0; vg_safetensors_tensor(f, i, &t); i++) {
        uint32_t shape[VG_TENSOR_RANK_MAX];

        for (uint32_t k = 0; k < t.rank; k++)
            shape[k] = (uint32_t)t.shape[k];
        snprintf(name, sizeof(name), "%s%s", prefix, t.name);
        if (!of_the_file(t.name))
            vg_safetensors_add(out, name, t.rank, shape, t.value);
    }
}

static vg_status copy_members(struct vg_safetensors_out *out, uint32_t n,
                              const char *const *member_path, struct vg_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        char prefix[VG_MEMBER_PREFIX_SIZE];
        struct vg_safetensors *f;
        vg_status st = vg_safetensors_read(member_path[i], &f, err);

        if (st != VG_OK)
            return st;
        vg_member_prefix(i, prefix);
        copy_member(out, prefix, f);
        vg_safetensors_free(f);
    }
    return VG_OK;
}

/* What all members learned from, if that is the same; else the hash says so by zeros. */
static vg_status common_training(uint32_t n, const char *const *member_path, char ret[65],
                                 struct vg_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        struct vg_model *m;
        vg_status st = vg_model_open(member_path[i], &m, err);

        if (st != VG_OK)
            return st;
        if (i == 0)
            memcpy(ret, m->training_data_sha256, 65);
        else if (strcmp(ret, m->training_data_sha256) != 0)
            memset(ret, '0', 64);
        m->ops->free(m);
    }
    return VG_OK;
}

vg_status vg_model_save_members(const char *path, const char *kind, uint32_t n,
                                const char *const *member_path, const float *weight, float bias,
                                const float *bend, struct vg_err *err)
{
    const uint32_t one = 1, two = 2;
    struct vg_safetensors_out out = { 0 };
    char members[16], training[65];
    vg_status st;

    if (n < 1 || n > VG_MEMBERS_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: expected 1 to %d members", path, VG_MEMBERS_MAX);
    st = common_training(n, member_path, training, err);
    if (st != VG_OK)
        return st;
    snprintf(members, sizeof(members), "%u", n);
    vg_safetensors_add_text(&out, "vigil.schema", "2");
    vg_safetensors_add_text(&out, "kind", kind);
    vg_safetensors_add_text(&out, "training_data_sha256", training);
    vg_safetensors_add_text(&out, "members", members);
    if (weight) {
        vg_safetensors_add(&out, "stacked.weight", 1, &n, weight);
        vg_safetensors_add(&out, "stacked.bias", 1, &one, &bias);
    }
    if (bend)
        vg_safetensors_add(&out, "stacked.bend", 1, &two, bend);
    st = copy_members(&out, n, member_path, err);
    if (st == VG_OK)
        st = finish(&out, path, kind, NULL, 0, err);
    vg_safetensors_out_done(&out);
    return st;
}
