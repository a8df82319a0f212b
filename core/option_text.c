/* option_text.c - options as text: what one accepts, in words, and the value that it has. */
#include <math.h>
#include <stdio.h>

#include "core/option.h"
#include "core/text.h"

/* ---- what an option accepts, in words ---- */

/* In the largest unit that keeps it exact. */
static void add_size(uint64_t bytes, struct vg_buf *out)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB" };
    size_t u = 0;

    while (bytes && bytes % 1024 == 0 && u + 1 < VG_ARRAY_LEN(units)) {
        bytes /= 1024;
        u++;
    }
    vg_buf_printf(out, "%llu%s", (unsigned long long)bytes, units[u]);
}

static void add_bound(const struct vg_option *opt, double bound, struct vg_buf *out)
{
    char text[VG_DURATION_TEXT_SIZE];

    if (opt->type == VG_OPT_DURATION_) {
        vg_format_duration(llround(bound * 1e9), text);
        vg_buf_str(out, text);
    } else if (opt->type == VG_OPT_SIZE_) {
        add_size((uint64_t)bound, out);
    } else {
        vg_buf_printf(out, "%.15g", bound);
    }
}

/* A side that is not finite is no bound; nor are two zeros, a row that leaves them out. */
static void add_range(const struct vg_option *opt, struct vg_buf *out)
{
    if (isfinite(opt->min) && isfinite(opt->max) && opt->min < opt->max) {
        vg_buf_str(out, " from ");
        add_bound(opt, opt->min, out);
        vg_buf_str(out, " to ");
        add_bound(opt, opt->max, out);
    } else if (isfinite(opt->min) && !isfinite(opt->max)) {
        vg_buf_str(out, " of at least ");
        add_bound(opt, opt->min, out);
    } else if (isfinite(opt->max) && !isfinite(opt->min)) {
        vg_buf_str(out, " of at most ");
        add_bound(opt, opt->max, out);
    }
}

static void add_number(const struct vg_option *opt, const char *what, struct vg_buf *out)
{
    vg_buf_str(out, what);
    add_range(opt, out);
    if (opt->unit && opt->unit[0])
        vg_buf_printf(out, " %s", opt->unit);
}

static void add_choices(const struct vg_option *opt, struct vg_buf *out)
{
    vg_buf_str(out, "one of: ");
    for (const char *const *c = opt->choices; *c; c++)
        vg_buf_printf(out, "%s%s", c == opt->choices ? "" : ", ", *c);
}

void vg_option_expected(const struct vg_option *opt, struct vg_buf *out)
{
    switch (opt->type) {
    case VG_OPT_INT_:
        add_number(opt, "whole number", out);
        for (const char *const *word = opt->choices; word && *word; word++)
            vg_buf_printf(out, " or %s", *word);
        break;
    case VG_OPT_FLOAT_:
        add_number(opt, "number", out);
        break;
    case VG_OPT_BOOL_:
        vg_buf_str(out, "true or false");
        break;
    case VG_OPT_ENUM_:
        add_choices(opt, out);
        break;
    case VG_OPT_STRING_:
        vg_buf_str(out, opt->flags & VG_OPT_PATH ? "file name" : "text");
        break;
    case VG_OPT_DURATION_:
        vg_buf_str(out, "number with a unit");
        add_range(opt, out);
        vg_buf_str(out, ", such as \"10s\"");
        break;
    case VG_OPT_SIZE_:
        vg_buf_str(out, "size");
        add_range(opt, out);
        vg_buf_str(out, ", such as \"4MiB\"");
        break;
    case VG_OPT_CHANNELS_:
        vg_buf_str(out, "mapping of channels to quantities, such as \"spo2: 90 %\"");
        break;
    case VG_OPT_LIST_:
        vg_buf_str(out, "list of text");
        break;
    case VG_OPT_MAP_:
        vg_buf_str(out, "mapping of names to text");
        break;
    case VG_OPT_NODE_:
        vg_buf_str(out, opt->unit);
        break;
    case VG_OPT_END_:
        break;
    }
}

/* ---- printing ---- */

static void print_string(const char *s, struct vg_buf *out)
{
    if (s)
        vg_buf_json_str(out, s);
    else
        vg_buf_str(out, "null");
}

static void print_duration(int64_t ns, struct vg_buf *out)
{
    char text[VG_DURATION_TEXT_SIZE];

    vg_format_duration(ns, text);
    vg_buf_str(out, text);
}

static void print_channels(const struct vg_channel_values *values, struct vg_buf *out)
{
    const char *comma = "";

    vg_buf_char(out, '{');
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!(values->set & UINT32_C(1) << c))
            continue;
        vg_buf_printf(out, "%s%s: ", comma, vg_channels[c].name);
        vg_buf_float(out, values->value[c]);
        vg_buf_printf(out, " %s", vg_channels[c].ucum);
        comma = ", ";
    }
    vg_buf_char(out, '}');
}

static void print_strings(const struct vg_option *opt, const struct vg_strings *strings,
                          struct vg_buf *out)
{
    bool map = opt->type == VG_OPT_MAP_;

    vg_buf_char(out, map ? '{' : '[');
    for (size_t i = 0; i < strings->n; i++) {
        if (i)
            vg_buf_str(out, ", ");
        if (map) {
            vg_buf_json_str(out, strings->key[i]);
            vg_buf_str(out, ": ");
        }
        vg_buf_json_str(out, strings->value[i]);
    }
    vg_buf_char(out, map ? '}' : ']');
}

void vg_option_print(const struct vg_option *opt, const void *self, struct vg_buf *out)
{
    const void *value = (const char *)self + opt->offset;

    if (opt->flags & VG_OPT_SECRET) {
        vg_buf_str(out, "***");
        return;
    }
    switch (opt->type) {
    case VG_OPT_INT_:
        vg_buf_printf(out, "%lld", (long long)*(const int64_t *)value);
        break;
    case VG_OPT_FLOAT_:
        vg_buf_float(out, *(const float *)value);
        break;
    case VG_OPT_BOOL_:
        vg_buf_str(out, *(const bool *)value ? "true" : "false");
        break;
    case VG_OPT_ENUM_:
        vg_buf_str(out, opt->choices[*(const int *)value]);
        break;
    case VG_OPT_STRING_:
        print_string(*(char *const *)value, out);
        break;
    case VG_OPT_DURATION_:
        print_duration(*(const int64_t *)value, out);
        break;
    case VG_OPT_SIZE_:
        add_size(*(const uint64_t *)value, out);
        break;
    case VG_OPT_CHANNELS_:
        print_channels(value, out);
        break;
    case VG_OPT_LIST_:
    case VG_OPT_MAP_:
        print_strings(opt, value, out);
        break;
    case VG_OPT_NODE_:
    case VG_OPT_END_:
        break;
    }
}
