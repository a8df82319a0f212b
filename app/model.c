/* model.c - `vigil model describe`: what a model file says, and whether it is true.
 *
 * A file that can be described was loaded as `vigil run` would load it: every check of
 * models/safetensors.h passed, and the self-test.
 */
#include "app/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/family.h"
#include "app/verbs.h"
#include "core/text.h"
#include "models/kernel.h"
#include "models/load.h"

struct describe {
    bool json;
};

static const struct vg_option describe_options[] = {
    VG_OPT_BOOL(struct describe, json, "json", "false", 0, "Prints one JSON object."),
    VG_OPT_END,
};

static const struct vg_command describe_command = {
    .name = "model describe",
    .summary = "Loads a model file, runs its self-test and prints what it is",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = describe_options,
    .notes =
        "A file that is refused is named with the reason, and the exit code is 78. How a file is\n"
        "made: `vigil train`, or client/python/vigil_export.py from PyTorch, Keras and ONNX.\n",
};

/* ---- what both forms need ---- */

static bool parse_network(const struct vg_model *m, struct vg_network *n)
{
    struct vg_err err;

    return m->network[0] && vg_network_parse(n, m->network, m->network_inputs, &err) == VG_OK;
}

/* What is between the kernel's layers and y: "8 x 5 x 3". */
static void format_shape(const struct vg_model *m, struct vg_buf *out)
{
    if (m->horizons > 0)
        vg_buf_printf(out, "%u channels x %u horizons x %u quantiles", m->channels, m->horizons,
                      m->quantiles);
    else if (m->window > 0)
        vg_buf_printf(out, "%u ticks x %u channels", m->window, m->channels);
    else
        vg_buf_printf(out, "%u probabilit%s", m->outputs, m->outputs == 1 ? "y" : "ies");
}

static size_t layer_parameters(const struct vg_network *n, uint32_t layer)
{
    struct vg_layer_tensor t;
    size_t sum = 0;

    for (uint32_t which = 0; vg_network_tensor(n, layer, which, &t); which++)
        sum += t.size;
    return sum;
}

/* ---- text ---- */

static void line(const char *name, const struct vg_buf *text)
{
    printf("  %-16s%s\n", name, text->len > 0 ? text->data : "");
}

/* Prints and forgets what was gathered. */
static void put(const char *name, struct vg_buf *text)
{
    line(name, text);
    vg_buf_clear(text);
}

static void print_scales(const struct vg_model *m, struct vg_buf *text)
{
    for (uint32_t c = 0; c < m->channels; c++) {
        const struct vg_channel *channel = &vg_channels[m->channel[c]];

        vg_buf_printf(text, "%-10s mean ", channel->name);
        vg_buf_float(text, m->mean[c]);
        vg_buf_str(text, ", scale ");
        vg_buf_float(text, m->scale[c]);
        vg_buf_printf(text, " %s", channel->ucum);
        put(c == 0 ? "channels" : "", text);
    }
    for (uint32_t v = 0; v < m->variables; v++) {
        vg_buf_printf(text, "%-24s mean ", m->variable[v].name);
        vg_buf_float(text, m->variable[v].mean);
        vg_buf_str(text, ", scale ");
        vg_buf_float(text, m->variable[v].scale);
        put(v == 0 ? "variables" : "", text);
    }
}

static void print_layers(const struct vg_model *m, struct vg_buf *text)
{
    struct vg_network n;

    if (!parse_network(m, &n))
        return;
    for (uint32_t i = 0; i < n.layers; i++) {
        const struct vg_layer *l = &n.layer[i];

        vg_buf_printf(text, "%-6s %4u -> %-4u %-8s %8zu parameters", vg_layer_kind_name(l->kind),
                      l->inputs, l->outputs,
                      l->kind == VG_LAYER_DENSE ? vg_activation_name(l->activation) : "",
                      layer_parameters(&n, i));
        put(i == 0 ? "layers" : "", text);
    }
}

static void print_forecasts(const struct vg_model *m, struct vg_buf *text)
{
    char duration[VG_DURATION_TEXT_SIZE];

    if (m->horizons == 0)
        return;
    vg_buf_str(text, m->skip);
    put("skip", text);
    for (uint32_t h = 0; h < m->horizons; h++) {
        vg_format_duration(m->horizon_ns[h], duration);
        vg_buf_printf(text, "%s%s", h > 0 ? ", " : "", duration);
    }
    put("horizons", text);
    for (uint32_t q = 0; q < m->quantiles; q++) {
        vg_buf_str(text, q > 0 ? ", " : "");
        vg_buf_float(text, m->quantile[q]);
    }
    put("quantiles", text);
}

static void print_members(const struct vg_model *m, struct vg_buf *text)
{
    for (uint32_t i = 0; i < m->members; i++) {
        vg_buf_printf(text, "%-10s %s, %zu parameters", m->member[i]->ops->name,
                      m->member[i]->network, m->member[i]->parameters);
        put(i == 0 ? "members" : "", text);
    }
}

static void print_input(const struct vg_model *m, struct vg_buf *text)
{
    char duration[VG_DURATION_TEXT_SIZE];

    if (m->tick_ns > 0) {
        vg_format_duration(m->tick_ns, duration);
        vg_buf_str(text, duration);
        put("tick", text);
    }
    vg_buf_printf(text, "%u: %s", m->inputs, m->features[0] ? m->features : "those of the members");
    put("inputs", text);
    vg_buf_printf(text, "%u: ", m->outputs);
    format_shape(m, text);
    put("outputs", text);
}

static void print(const char *path, const struct vg_model *m)
{
    struct vg_buf text = VG_BUF_INIT;

    printf("%s\n", path);
    vg_buf_printf(&text, "%s: %s", m->ops->name, m->ops->summary);
    put("kind", &text);
    print_scales(m, &text);
    print_input(m, &text);
    print_layers(m, &text);
    print_members(m, &text);
    print_forecasts(m, &text);
    if (m->window > 0) {
        vg_buf_float(&text, m->threshold);
        put("threshold", &text);
    }
    vg_buf_printf(&text, "%zu", m->parameters);
    put("parameters", &text);
    vg_buf_printf(&text, "%zu bytes", m->memory_size);
    put("per patient", &text);
    vg_buf_printf(&text, "SHA-256 %s", m->training_data_sha256);
    put("training data", &text);
    vg_buf_printf(&text, "%u steps passed, largest difference ", m->selftest_steps);
    vg_buf_float(&text, m->selftest_difference);
    put("self-test", &text);
    vg_buf_str(&text,
               m->sealed ? "its BLAKE2b holds" : "no BLAKE2b: pin `sha256:` in the configuration");
    put("file", &text);
    vg_buf_printf(&text, "SHA-256 %s", m->sha256);
    put("", &text);
    vg_buf_done(&text);
}

/* ---- JSON ---- */

static void json_text(struct vg_buf *b, const char *key, const char *text)
{
    vg_buf_printf(b, ",\"%s\":", key);
    vg_buf_json_str(b, text);
}

static void json_duration(struct vg_buf *b, int64_t ns)
{
    char text[VG_DURATION_TEXT_SIZE];

    vg_format_duration(ns, text);
    vg_buf_json_str(b, text);
}

static void json_scaled(struct vg_buf *b, const char *name, float mean, float scale)
{
    vg_buf_str(b, "{\"name\":");
    vg_buf_json_str(b, name);
    vg_buf_str(b, ",\"mean\":");
    vg_buf_float(b, mean);
    vg_buf_str(b, ",\"scale\":");
    vg_buf_float(b, scale);
}

static void json_scales(struct vg_buf *b, const struct vg_model *m)
{
    vg_buf_str(b, ",\"channels\":[");
    for (uint32_t c = 0; c < m->channels; c++) {
        vg_buf_str(b, c > 0 ? "," : "");
        json_scaled(b, vg_channels[m->channel[c]].name, m->mean[c], m->scale[c]);
        json_text(b, "unit", vg_channels[m->channel[c]].ucum);
        vg_buf_char(b, '}');
    }
    vg_buf_str(b, "],\"variables\":[");
    for (uint32_t v = 0; v < m->variables; v++) {
        vg_buf_str(b, v > 0 ? "," : "");
        json_scaled(b, m->variable[v].name, m->variable[v].mean, m->variable[v].scale);
        vg_buf_char(b, '}');
    }
    vg_buf_char(b, ']');
}

static void json_layers(struct vg_buf *b, const struct vg_model *m)
{
    struct vg_network n = { 0 };
    struct vg_layer_tensor t;

    vg_buf_str(b, ",\"layers\":[");
    for (uint32_t i = 0; parse_network(m, &n) && i < n.layers; i++) {
        const struct vg_layer *l = &n.layer[i];

        vg_buf_printf(b, "%s{\"kind\":\"%s\",\"inputs\":%u,\"outputs\":%u,\"activation\":\"%s\"",
                      i > 0 ? "," : "", vg_layer_kind_name(l->kind), l->inputs, l->outputs,
                      vg_activation_name(l->activation));
        vg_buf_printf(b, ",\"parameters\":%zu,\"tensors\":{", layer_parameters(&n, i));
        for (uint32_t which = 0; vg_network_tensor(&n, i, which, &t); which++) {
            vg_buf_printf(b, "%s\"%s\":[%u", which > 0 ? "," : "", t.name, t.shape[0]);
            vg_buf_printf(b, t.rank == 2 ? ",%u]" : "]", t.shape[1]);
        }
        vg_buf_str(b, "}}");
    }
    vg_buf_char(b, ']');
}

static void json_shape(struct vg_buf *b, const struct vg_model *m)
{
    if (m->tick_ns > 0) {
        vg_buf_str(b, ",\"tick\":");
        json_duration(b, m->tick_ns);
    }
    vg_buf_printf(b, ",\"inputs\":%u,\"outputs\":%u,\"features\":\"%s\"", m->inputs, m->outputs,
                  m->features);
    if (m->window > 0) {
        vg_buf_printf(b, ",\"window\":%u,\"threshold\":", m->window);
        vg_buf_float(b, m->threshold);
    }
    if (m->horizons == 0)
        return;
    vg_buf_printf(b, ",\"skip\":\"%s\",\"horizons\":[", m->skip);
    for (uint32_t h = 0; h < m->horizons; h++) {
        vg_buf_str(b, h > 0 ? "," : "");
        json_duration(b, m->horizon_ns[h]);
    }
    vg_buf_str(b, "],\"quantiles\":[");
    for (uint32_t q = 0; q < m->quantiles; q++) {
        vg_buf_str(b, q > 0 ? "," : "");
        vg_buf_float(b, m->quantile[q]);
    }
    vg_buf_char(b, ']');
}

static void json_model(struct vg_buf *b, const struct vg_model *m)
{
    vg_buf_printf(b, "\"kind\":\"%s\"", m->ops->name);
    json_scales(b, m);
    json_shape(b, m);
    json_text(b, "network", m->network);
    json_layers(b, m);
    vg_buf_printf(b, ",\"parameters\":%zu,\"memory_bytes\":%zu", m->parameters, m->memory_size);
    json_text(b, "training_data_sha256", m->training_data_sha256);
}

/* Members in short: each describes itself in the file that it came from. */
static void json_members(struct vg_buf *b, const struct vg_model *m)
{
    vg_buf_str(b, ",\"members\":[");
    for (uint32_t i = 0; i < m->members; i++) {
        const struct vg_model *member = m->member[i];

        vg_buf_printf(b, "%s{\"kind\":\"%s\",\"inputs\":%u,\"outputs\":%u", i > 0 ? "," : "",
                      member->ops->name, member->inputs, member->outputs);
        json_text(b, "network", member->network);
        vg_buf_printf(b, ",\"parameters\":%zu,\"members\":%u}", member->parameters,
                      member->members);
    }
    vg_buf_char(b, ']');
}

static void print_json(const char *path, const struct vg_model *m)
{
    struct vg_buf b = VG_BUF_INIT;

    vg_buf_str(&b, "{\"file\":");
    vg_buf_json_str(&b, path);
    vg_buf_char(&b, ',');
    json_model(&b, m);
    json_members(&b, m);
    vg_buf_printf(&b, ",\"selftest\":{\"steps\":%u,\"largest_difference\":", m->selftest_steps);
    vg_buf_float(&b, m->selftest_difference);
    vg_buf_printf(&b, "},\"sealed\":%s", m->sealed ? "true" : "false");
    json_text(&b, "sha256", m->sha256);
    json_text(&b, "kernel", vg_kernel_id());
    vg_buf_str(&b, "}");
    puts(b.data);
    vg_buf_done(&b);
}

/* ---- the verb ---- */

int vg_model_verb_describe(int argc, char **argv)
{
    struct describe o = { 0 };
    struct vg_model *m;
    struct vg_err err;
    char **args;
    int code = vg_command_parse(&describe_command, argc, argv, &o, &args);

    if (code != VG_COMMAND_GO) {
        vg_options_done(describe_options, &o);
        return code;
    }
    vg_kernel_thread_init();
    if (vg_model_open(args[0], &m, &err) != VG_OK) {
        code = vg_command_failed(&describe_command, &err);
    } else {
        if (o.json)
            print_json(args[0], m);
        else
            print(args[0], m);
        m->ops->free(m);
        code = 0;
    }
    vg_options_done(describe_options, &o);
    return code;
}

static const struct vg_family_member members[] = {
    { "describe", vg_model_verb_describe, "print what a model file is, and run its self-test" },
    { "step", vg_model_verb_step, "advance a model over rows of numbers" },
};

static const struct vg_family family = {
    .name = "model",
    .summary = "Looks at model files, or runs one on numbers.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_model(int argc, char **argv)
{
    return vg_family_run(&family, argc, argv);
}
