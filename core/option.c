/* option.c - parsing, checks and defaults from one table row per option. */
#include "core/option.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* As much of a wrong value as an error shows. */
enum { SHOWN = 60 };

static void *field(const struct vg_option *opt, void *self)
{
    return (char *)self + opt->offset;
}

static char *copy(const char *s)
{
    char *c = strdup(s);

    VG_CHECK(c);
    return c;
}

const struct vg_option *vg_option_find(const struct vg_option *table, const char *name)
{
    for (const struct vg_option *o = table; o->type != VG_OPT_END_; o++) {
        if (strcmp(o->name, name) == 0)
            return o;
    }
    return NULL;
}

void vg_options_default(const struct vg_option *table, void *self)
{
    struct vg_err err;

    for (const struct vg_option *o = table; o->type != VG_OPT_END_; o++)
        VG_CHECK(!o->def || o->type == VG_OPT_NODE_ ||
                 vg_option_set(o, self, o->def, &err) == VG_OK);
}

/* ---- setting ---- */

/* Refuses `text`: "KEY: "TEXT" PROBLEM; expected WHAT". A secret is not repeated. */
static vg_status refuse(const struct vg_option *opt, const char *text, const char *problem,
                        struct vg_err *err)
{
    struct vg_buf expected = VG_BUF_INIT;
    bool secret = opt->flags & VG_OPT_SECRET;
    bool bare = opt->type == VG_OPT_BOOL_ || opt->type == VG_OPT_ENUM_;
    const char *quote = secret ? "" : "\"";
    bool cut = !secret && strlen(text) > SHOWN;

    vg_option_expected(opt, &expected);
    vg_fail_option(err, VG_E_CONFIG, opt->name, "%s: %s%.*s%s%s %s; expected %s%s", opt->name,
                   quote, SHOWN, secret ? "the secret" : text, cut ? "..." : "", quote, problem,
                   bare ? "" : "a ", expected.data);
    vg_buf_done(&expected);
    return VG_E_CONFIG;
}

static bool in_range(const struct vg_option *opt, double value)
{
    if (opt->min == 0 && opt->max == 0)
        return true;
    return value >= opt->min && value <= opt->max;
}

static vg_status set_int(const struct vg_option *opt, int64_t *ret, const char *text,
                         struct vg_err *err)
{
    int64_t value;

    for (const char *const *word = opt->choices; word && *word; word++) {
        if (strcmp(*word, text) == 0) {
            *ret = 0;
            return VG_OK;
        }
    }
    if (!vg_parse_int(text, &value))
        return refuse(opt, text, "is not a whole number", err);
    if (!in_range(opt, (double)value))
        return refuse(opt, text, "is out of range", err);
    *ret = value;
    return VG_OK;
}

static vg_status set_float(const struct vg_option *opt, float *ret, const char *text,
                           struct vg_err *err)
{
    double value;

    if (!vg_parse_double(text, &value))
        return refuse(opt, text, "is not a number", err);
    if (!in_range(opt, value) || !isfinite((float)value))
        return refuse(opt, text, "is out of range", err);
    *ret = (float)value;
    return VG_OK;
}

static vg_status set_bool(const struct vg_option *opt, bool *ret, const char *text,
                          struct vg_err *err)
{
    if (!vg_parse_bool(text, ret))
        return refuse(opt, text, "is neither", err);
    return VG_OK;
}

static vg_status set_enum(const struct vg_option *opt, int *ret, const char *text,
                          struct vg_err *err)
{
    char problem[128];
    const char *near;
    int n = 0;

    for (; opt->choices[n]; n++) {
        if (strcmp(opt->choices[n], text) == 0) {
            *ret = n;
            return VG_OK;
        }
    }
    near = vg_did_you_mean(text, opt->choices, (size_t)n);
    if (!near)
        return refuse(opt, text, "is not known", err);
    snprintf(problem, sizeof(problem), "is not known (did you mean \"%s\"?)", near);
    return refuse(opt, text, problem, err);
}

static vg_status set_duration(const struct vg_option *opt, int64_t *ret, const char *text,
                              struct vg_err *err)
{
    int64_t ns;

    if (!vg_parse_duration(text, &ns))
        return refuse(opt, text, "is not a duration", err);
    if (!in_range(opt, (double)ns / 1e9) || (ns < 0 && !(opt->min < 0)))
        return refuse(opt, text, "is out of range", err);
    *ret = ns;
    return VG_OK;
}

static vg_status set_size(const struct vg_option *opt, uint64_t *ret, const char *text,
                          struct vg_err *err)
{
    uint64_t bytes;

    if (!vg_parse_size(text, &bytes))
        return refuse(opt, text, "is not a size", err);
    if (!in_range(opt, (double)bytes))
        return refuse(opt, text, "is out of range", err);
    *ret = bytes;
    return VG_OK;
}

static vg_status set_string(char **ret, const char *text)
{
    char *old = *ret;

    *ret = copy(text);
    free(old);
    return VG_OK;
}

vg_status vg_option_set(const struct vg_option *opt, void *self, const char *text,
                        struct vg_err *err)
{
    switch (opt->type) {
    case VG_OPT_INT_:
        return set_int(opt, field(opt, self), text, err);
    case VG_OPT_FLOAT_:
        return set_float(opt, field(opt, self), text, err);
    case VG_OPT_BOOL_:
        return set_bool(opt, field(opt, self), text, err);
    case VG_OPT_ENUM_:
        return set_enum(opt, field(opt, self), text, err);
    case VG_OPT_STRING_:
        return set_string(field(opt, self), text);
    case VG_OPT_DURATION_:
        return set_duration(opt, field(opt, self), text, err);
    case VG_OPT_SIZE_:
        return set_size(opt, field(opt, self), text, err);
    case VG_OPT_CHANNELS_:
    case VG_OPT_LIST_:
    case VG_OPT_MAP_:
    case VG_OPT_NODE_:
    case VG_OPT_END_:
        break;
    }
    return refuse(opt, text, "is a single value", err);
}

static vg_status unknown_channel(const struct vg_option *opt, const char *key, struct vg_err *err)
{
    const char *names[VG_CHANNELS];
    const char *near;

    for (int c = 0; c < VG_CHANNELS; c++)
        names[c] = vg_channels[c].name;
    near = vg_did_you_mean(key, names, VG_CHANNELS);
    if (near)
        return vg_fail_option(err, VG_E_CONFIG, opt->name,
                              "%s: unknown channel \"%.*s\", did you mean \"%s\"?", opt->name,
                              SHOWN, key, near);
    return vg_fail_option(err, VG_E_CONFIG, opt->name,
                          "%s: unknown channel \"%.*s\"; `vigil list` shows the channels",
                          opt->name, SHOWN, key);
}

static vg_status given_twice(const struct vg_option *opt, const char *key, struct vg_err *err)
{
    return vg_fail_option(err, VG_E_CONFIG, opt->name, "%s: \"%.*s\" is given twice; keep one",
                          opt->name, SHOWN, key);
}

static vg_status add_channel(const struct vg_option *opt, struct vg_channel_values *values,
                             const char *key, const char *text, struct vg_err *err)
{
    int c = vg_channel_find(key);

    if (c == VG_CHANNEL_NONE)
        return unknown_channel(opt, key, err);
    if (values->set & UINT32_C(1) << c)
        return given_twice(opt, key, err);
    if (!vg_parse_quantity(text, c, &values->value[c]))
        return vg_fail_option(
            err, VG_E_CONFIG, opt->name,
            "%s: %s: \"%.*s\" is not a quantity; expected a number with a unit that "
            "converts to %s, such as \"90 %s\"",
            opt->name, key, SHOWN, text, vg_channels[c].ucum, vg_channels[c].ucum);
    values->set |= UINT32_C(1) << c;
    return VG_OK;
}

static void append(char ***list, size_t n, const char *text)
{
    char **longer = realloc(*list, (n + 1) * sizeof(**list));

    VG_CHECK(longer);
    longer[n] = copy(text);
    *list = longer;
}

static vg_status add_string(const struct vg_option *opt, struct vg_strings *strings,
                            const char *key, const char *text, struct vg_err *err)
{
    VG_CHECK(!key == (opt->type == VG_OPT_LIST_));
    for (size_t i = 0; key && i < strings->n; i++) {
        if (strcmp(strings->key[i], key) == 0)
            return given_twice(opt, key, err);
    }
    if (key)
        append(&strings->key, strings->n, key);
    append(&strings->value, strings->n, text);
    strings->n++;
    return VG_OK;
}

vg_status vg_option_add(const struct vg_option *opt, void *self, const char *key, const char *text,
                        struct vg_err *err)
{
    if (opt->type == VG_OPT_CHANNELS_)
        return add_channel(opt, field(opt, self), key, text, err);
    if (opt->type == VG_OPT_LIST_ || opt->type == VG_OPT_MAP_)
        return add_string(opt, field(opt, self), key, text, err);
    return refuse(opt, text, "is an entry of a list or mapping", err);
}

/* Where it lay, later owners of the memory find nothing. */
static void text_free(char *text, bool secret)
{
    if (text && secret)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void strings_done(struct vg_strings *strings, bool secret)
{
    for (size_t i = 0; i < strings->n; i++) {
        text_free(strings->value[i], secret);
        if (strings->key)
            free(strings->key[i]);
    }
    free(strings->value);
    free(strings->key);
    *strings = (struct vg_strings){ 0 };
}

void vg_options_done(const struct vg_option *table, void *self)
{
    for (const struct vg_option *o = table; o->type != VG_OPT_END_; o++) {
        bool secret = o->flags & VG_OPT_SECRET;

        if (o->type == VG_OPT_STRING_) {
            char **s = field(o, self);

            text_free(*s, secret);
            *s = NULL;
        } else if (o->type == VG_OPT_LIST_ || o->type == VG_OPT_MAP_) {
            strings_done(field(o, self), secret);
        }
    }
}
