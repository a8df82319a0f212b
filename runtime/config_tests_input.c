/* config_tests_input.c - the rows of a test: channels, values in every form they may be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

struct input_options {
    int64_t at_ns, every_ns, count;
    char *age, *patient, *bed;
};

static const struct vg_shape series_shape = {
    .kind = VG_SHAPE_VALUE,
    .name = "series",
    .json = "{\"anyOf\":[{\"type\":[\"number\",\"string\"]},"
            "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":[\"number\",\"string\"]}},"
            "{\"type\":\"object\",\"required\":[\"from\",\"to\"],\"additionalProperties\":false,"
            "\"properties\":{\"from\":{\"type\":[\"number\",\"string\"]},"
            "\"to\":{\"type\":[\"number\",\"string\"]}}}]}"
};
static const struct vg_shape values_shape = { .kind = VG_SHAPE_KEYS,
                                              .name = "test_values",
                                              .channel = &series_shape };

const struct vg_option vg_test_input_options[] = {
    VG_OPT_DURATION(struct input_options, at_ns, "at", NULL, 0, VG_TEST_SECONDS_MAX,
                    VG_OPT_REQUIRED, "When the first row comes, from the beginning of the test."),
    VG_OPT_DURATION(struct input_options, every_ns, "every", "1s", 0, VG_TEST_SECONDS_MAX, 0,
                    "Time from one row to the next."),
    VG_OPT_INT(struct input_options, count, "count", NULL, 1, VG_TEST_ROWS_MAX, "rows", 0,
               "How many rows; without it, as many as the longest list of values has."),
    VG_OPT_STRING(struct input_options, age, "age", "0", 0,
                  "How far the device's clock is behind that of the log: a duration, negative for "
                  "one that is ahead; none: the rows have no time of their own."),
    VG_OPT_STRING(struct input_options, patient, "patient", NULL, 0,
                  "Another patient's pseudonym."),
    VG_OPT_STRING(struct input_options, bed, "bed", NULL, 0, "Another bed."),
    VG_OPT_NODE("values", "mapping of channels to values", &values_shape, VG_OPT_REQUIRED,
                "the channels of these rows, such as {spo2: 86}"),
    VG_OPT_END,
};

const struct vg_shape vg_shape_test_input = { .kind = VG_SHAPE_KEYS,
                                              .name = "test_input",
                                              .table = { vg_test_input_options } };

void vg_load_test_label(struct vg_load *l, const struct vg_node *map, const char *key,
                        const char *text, size_t size, char *ret)
{
    const struct vg_node *at = vg_node_find(map, key);
    bool patient = strcmp(key, "patient") == 0;

    snprintf(ret, size, "%s", text);
    if (at && patient && !vg_patient_valid(text, strlen(text)))
        vg_document_error(l->doc, at->at,
                          "patient: expected 1 to %d printable characters without a space",
                          VG_PATIENT_SIZE - 1);
    else if (at && strlen(text) >= size)
        vg_document_error(l->doc, at->at, "%s: expected at most %zu bytes", key, size - 1);
}

/* ---- values ---- */

/* The quality that a word stands for; `*rest` is what follows "suspect". */
static bool quality_of(const char *text, struct vg_test_value *ret, const char **rest)
{
    static const struct {
        const char *word;
        struct vg_test_value value;
    } words[] = {
        { "missing", { .quality = VG_Q_MISSING, .reason = VG_REASON_DEVICE } },
        { "invalid", { .quality = VG_Q_INVALID, .reason = VG_REASON_DEVICE } },
        { "none", { .quality = VG_Q_ABSENT } },
    };

    *rest = text;
    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return true;
        }
    }
    *ret = (struct vg_test_value){ .quality = VG_Q_GOOD };
    if (strncmp(text, "suspect ", 8) == 0) {
        *ret = (struct vg_test_value){ .quality = VG_Q_SUSPECT, .reason = VG_REASON_DEVICE };
        *rest = text + 8 + strspn(text + 8, " ");
    }
    return false;
}

struct vg_test_value vg_load_test_value(struct vg_load *l, const struct vg_node *node, int channel)
{
    struct vg_test_value v = { .quality = VG_Q_ABSENT };
    const char *rest;
    double number;

    if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected a value, not %s", vg_node_what(node));
        return v;
    }
    if (quality_of(node->text, &v, &rest))
        return v;
    if (vg_parse_double(rest, &number) && number > -1e9 && number < 1e9)
        v.value = (float)number;
    else if (!vg_parse_quantity(rest, channel, &v.value))
        vg_document_error(l->doc, node->at,
                          "\"%.60s\" is no value; expected a number in %s, a quantity such as "
                          "\"%g %s\", \"suspect\" before one, or missing, invalid or none",
                          node->text, vg_channels[channel].ucum, (double)vg_channels[channel].high,
                          vg_channels[channel].ucum);
    return v;
}

static void read_ramp(struct vg_load *l, const struct vg_node *node, struct vg_test_series *s)
{
    static const char *const ends[] = { "from", "to", NULL };

    vg_document_options(l->doc, node, NULL, 0, ends);
    s->ramp = true;
    s->n = 2;
    s->value = calloc(2, sizeof(*s->value));
    VG_CHECK(s->value);
    for (size_t i = 0; i < 2; i++) {
        const struct vg_node *end = vg_node_find(node, ends[i]);

        if (!end) {
            vg_document_error(l->doc, node->key_at, "\"%s\" is missing: a value at either end",
                              ends[i]);
            continue;
        }
        s->value[i] = vg_load_test_value(l, end, s->channel);
        if (!vg_usable(s->value[i].quality))
            vg_document_error(l->doc, end->at, "%s: expected a number", ends[i]);
    }
}

static void read_series(struct vg_load *l, const struct vg_node *node, struct vg_test_series *s)
{
    if (node->kind == VG_NODE_MAPPING) {
        read_ramp(l, node, s);
        return;
    }
    if (node->kind == VG_NODE_SEQUENCE && node->children == 0)
        vg_document_error(l->doc, node->at, "a list of values needs at least one");
    s->value = calloc(node->children + 1, sizeof(*s->value));
    VG_CHECK(s->value);
    if (node->kind == VG_NODE_SCALAR) {
        s->n = 1;
        s->value[0] = vg_load_test_value(l, node, s->channel);
        return;
    }
    for (const struct vg_node *c = node->child; c; c = c->next)
        s->value[s->n++] = vg_load_test_value(l, c, s->channel);
}

static void read_values(struct vg_load *l, const struct vg_node *node, struct vg_test_input *in)
{
    const struct vg_node *values = vg_document_mapping(l->doc, node, "values");
    const char *names[VG_CHANNELS];

    if (!values)
        return;
    for (int c = 0; c < VG_CHANNELS; c++)
        names[c] = vg_channels[c].name;
    in->series = calloc(values->children + 1, sizeof(*in->series));
    VG_CHECK(in->series);
    for (const struct vg_node *c = values->child; c; c = c->next) {
        struct vg_test_series *s = &in->series[in->series_n];

        s->channel = vg_channel_find(c->key);
        if (s->channel == VG_CHANNEL_NONE) {
            vg_document_unknown(l->doc, c->key_at, "channel", c->key, names, VG_CHANNELS);
            continue;
        }
        in->series_n++;
        read_series(l, c, s);
    }
}

struct vg_test_value vg_test_series_at(const struct vg_test_series *s, uint32_t i, uint32_t count)
{
    struct vg_test_value v = s->value[i % s->n];
    double from, to;

    if (!s->ramp)
        return v;
    v = s->value[0];
    from = (double)s->value[0].value;
    to = (double)s->value[1].value;
    if (count > 1)
        v.value = (float)(from + (to - from) * i / (count - 1));
    return v;
}

/* ---- inputs ---- */

static void read_age(struct vg_load *l, const struct vg_node *node, const char *text,
                     struct vg_test_input *in)
{
    static const int64_t max_ns = INT64_C(50) * 365 * 86400 * VG_NS_PER_S; /* fits into times */

    in->no_time = strcmp(text, "none") == 0;
    if (in->no_time)
        return;
    if (!vg_parse_duration(text, &in->age_ns) || in->age_ns > max_ns || in->age_ns < -max_ns) {
        in->age_ns = 0;
        vg_document_error(l->doc, vg_node_find(node, "age")->at,
                          "age: \"%.40s\" is no duration; expected one of at most 50 years, such "
                          "as 10m or -10m, or none",
                          text);
    }
}

static uint32_t longest(const struct vg_test_input *in)
{
    uint32_t n = 1;

    for (uint32_t i = 0; i < in->series_n; i++)
        n = in->series[i].n > n ? in->series[i].n : n;
    return n;
}

/* Before anything is computed with times that no test can reach. */
static void check_length(struct vg_load *l, const struct vg_node *node, struct vg_test_input *in)
{
    const int64_t max_ns = (int64_t)VG_TEST_SECONDS_MAX * VG_NS_PER_S;

    if (in->every_ns == 0 || in->count - 1 <= (max_ns - in->at_ns) / in->every_ns)
        return;
    vg_document_error(l->doc, node->at, "the last of these rows comes after more than %d days",
                      VG_TEST_DAYS_MAX);
    in->count = 1;
}

void vg_load_test_input(struct vg_load *l, const struct vg_node *node, const char *patient,
                        const char *bed, struct vg_test_input *in)
{
    struct input_options o = { 0 };
    const struct vg_target target = { vg_test_input_options, &o };

    if (!vg_document_is_mapping(l->doc, node))
        return;
    in->line = node->at.line;
    vg_options_default(vg_test_input_options, &o);
    vg_document_options(l->doc, node, &target, 1, NULL);
    read_values(l, node, in);
    in->at_ns = o.at_ns;
    in->every_ns = o.every_ns;
    in->count = o.count ? (uint32_t)o.count : longest(in);
    check_length(l, node, in);
    read_age(l, node, o.age, in);
    vg_load_test_label(l, node, "patient", o.patient ? o.patient : patient, sizeof(in->patient),
                       in->patient);
    vg_load_test_label(l, node, "bed", o.bed ? o.bed : bed, sizeof(in->bed), in->bed);
    vg_options_done(vg_test_input_options, &o);
}
