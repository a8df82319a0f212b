/* config_schema.c - writes shapes and option tables as a JSON Schema.
 *
 * Draft 7: the newest that the language servers of all editors know. A value may stand as a number or
 * as text, and be written with ${} in any place, because the loader reads text.
 */
#include "runtime/config_schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_shape.h"

#define REFERENCE "[$][{]" /* begins what the environment or a file fills in */

enum { DEFINITIONS_MAX = 64, KEYS_MAX = 128 };

struct schema {
    struct vg_buf *out;
    const struct vg_shape *wanted[DEFINITIONS_MAX]; /* in the order of their definitions */
    size_t n;
};

static void put(struct schema *s, const char *text)
{
    vg_buf_str(s->out, text);
}

static void put_text(struct schema *s, const char *text)
{
    vg_buf_json_str(s->out, text);
}

/* A reference to the definition of `shape`, which is written later. */
static void put_reference(struct schema *s, const struct vg_shape *shape)
{
    size_t i = 0;

    while (i < s->n && s->wanted[i] != shape)
        i++;
    if (i == s->n) {
        VG_CHECK(s->n < DEFINITIONS_MAX);
        s->wanted[s->n++] = shape;
    }
    vg_buf_printf(s->out, "{\"$ref\":\"#/definitions/%s\"}", shape->name);
}

/* ---- values ---- */

static void put_bounds(struct schema *s, const struct vg_option *o)
{
    bool bounded = !(o->min == 0 && o->max == 0);

    if (bounded && isfinite(o->min))
        vg_buf_printf(s->out, ",\"minimum\":%.15g", o->min);
    if (bounded && isfinite(o->max))
        vg_buf_printf(s->out, ",\"maximum\":%.15g", o->max);
}

static void put_whole_number(struct schema *s, const struct vg_option *o)
{
    put(s, "\"type\":[\"integer\",\"string\"],\"pattern\":\"^[+-]?[0-9]+$|" REFERENCE);
    for (const char *const *word = o->choices; word && *word; word++)
        vg_buf_printf(s->out, "|^%s$", *word);
    put(s, "\"");
    put_bounds(s, o);
}

static void put_choices(struct schema *s, const struct vg_option *o)
{
    put(s, "\"anyOf\":[{\"enum\":[");
    for (const char *const *c = o->choices; *c; c++) {
        put(s, c == o->choices ? "" : ",");
        put_text(s, *c);
    }
    put(s, "]},{\"type\":\"string\",\"pattern\":\"" REFERENCE "\"}]");
}

/* Keywords for what stands at an option, without braces. */
static void put_type(struct schema *s, const struct vg_option *o)
{
    switch (o->type) {
    case VG_OPT_INT_:
        put_whole_number(s, o);
        break;
    case VG_OPT_FLOAT_:
        put(s, "\"type\":[\"number\",\"string\"],"
               "\"pattern\":\"^[+-]?([0-9]|[.][0-9])[0-9.eE+-]*$|" REFERENCE "\"");
        put_bounds(s, o);
        break;
    case VG_OPT_BOOL_:
        put(s, "\"type\":[\"boolean\",\"string\"],\"pattern\":\"^(true|false)$|" REFERENCE "\"");
        break;
    case VG_OPT_ENUM_:
        put_choices(s, o);
        break;
    case VG_OPT_STRING_:
        put(s, "\"type\":[\"string\",\"number\",\"boolean\"]");
        break;
    case VG_OPT_DURATION_: /* 0 needs no unit */
        put(s, "\"type\":[\"string\",\"integer\"],\"minimum\":0,\"maximum\":0,"
               "\"pattern\":\"^(0|[+-]?[0-9.]+ *(d|h|m|s|ms|us|ns))$|" REFERENCE "\"");
        break;
    case VG_OPT_SIZE_:
        put(s, "\"type\":[\"string\",\"integer\"],"
               "\"pattern\":\"^[0-9.]+ *(GiB|MiB|KiB)?$|" REFERENCE "\"");
        put_bounds(s, o);
        break;
    case VG_OPT_CHANNELS_:
        put(s, "\"allOf\":[{\"$ref\":\"#/definitions/quantities\"}]");
        break;
    case VG_OPT_LIST_:
        put(s, "\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/text\"}");
        break;
    case VG_OPT_MAP_:
        put(s, "\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/definitions/text\"}");
        break;
    case VG_OPT_NODE_:
        put(s, "\"allOf\":[");
        put_reference(s, o->shape);
        put(s, "]");
        break;
    case VG_OPT_END_:
        break;
    }
}

static void put_option(struct schema *s, const struct vg_option *o)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_printf(&text, "%s Expected: ", o->help);
    vg_option_expected(o, &text);
    put(s, "{\"description\":");
    put_text(s, text.data);
    if (o->def) {
        put(s, ",\"default\":");
        put_text(s, o->def);
    }
    put(s, ",");
    put_type(s, o);
    put(s, "}");
    vg_buf_done(&text);
}

/* ---- keys ---- */

/* The options of one mapping: those of several tables. */
struct options {
    const struct vg_option *option[KEYS_MAX];
    size_t n;
};

static void gather(const struct vg_option *const table[VG_SHAPE_TABLES], struct options *ret)
{
    ret->n = 0;
    for (size_t t = 0; t < VG_SHAPE_TABLES && table[t]; t++) {
        for (const struct vg_option *o = table[t]; o->type != VG_OPT_END_; o++) {
            VG_CHECK(ret->n < KEYS_MAX);
            ret->option[ret->n++] = o;
        }
    }
}

static bool begins(const char *name, const char *word, size_t len)
{
    return strncmp(name, word, len) == 0 && name[len] == '.';
}

/* Whether an option before the i-th is below the same key, "log" of "log.level". */
static bool seen(const struct options *all, size_t i, size_t len)
{
    for (size_t k = 0; k < i; k++) {
        if (begins(all->option[k]->name, all->option[i]->name, len))
            return true;
    }
    return false;
}

/* The mapping `log` of options log.level and log.format. */
static void put_group(struct schema *s, const struct options *all, const char *name, size_t len)
{
    const char *comma = "";

    vg_buf_printf(s->out,
                  "\"%.*s\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":false,"
                  "\"properties\":{",
                  (int)len, name);
    for (size_t i = 0; i < all->n; i++) {
        if (!begins(all->option[i]->name, name, len))
            continue;
        vg_buf_printf(s->out, "%s\"%s\":", comma, all->option[i]->name + len + 1);
        put_option(s, all->option[i]);
        comma = ",";
    }
    put(s, "}}");
}

static void put_channel(struct schema *s, int c, const struct vg_shape *shape)
{
    vg_buf_printf(s->out, "\"%s\":{\"description\":\"%s, in %s\",\"allOf\":[", vg_channels[c].name,
                  vg_channels[c].title, vg_channels[c].ucum);
    put_reference(s, shape);
    put(s, "]}");
}

/* Channels by other names than their own. */
static void put_codes(struct schema *s, const struct vg_shape *shape)
{
    const char *bar = "";

    put(s, ",\"patternProperties\":{\"^(");
    for (int c = 0; c < VG_CHANNELS; c++) {
        const char *const codes[] = { vg_channels[c].mdc, vg_channels[c].loinc };

        for (size_t i = 0; i < VG_ARRAY_LEN(codes); i++) {
            if (codes[i][0])
                vg_buf_printf(s->out, "%s%s", bar, codes[i]);
            bar = codes[i][0] ? "|" : bar;
        }
        if (vg_channels[c].mdc_code)
            vg_buf_printf(s->out, "|%u", vg_channels[c].mdc_code);
    }
#define VG_CHANNEL(...)
#define VG_CHANNEL_WORD(name, word, meaning)
#define VG_CHANNEL_ALIAS(name, code) put(s, "|" code);
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_WORD
#undef VG_CHANNEL_ALIAS
    put(s, ")$\":");
    put_reference(s, shape);
    put(s, "}");
}

static bool has(const struct options *all, const char *key)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->option[i]->name, key) == 0)
            return true;
    }
    return false;
}

static void put_required(struct schema *s, const struct vg_alternative *a,
                         const struct options *all)
{
    const char *comma = "";

    put(s, ",\"required\":[");
    if (a->key && !has(all, a->key)) {
        put_text(s, a->key);
        comma = ",";
    }
    for (size_t i = 0; i < all->n; i++) {
        if (!(all->option[i]->flags & VG_OPT_REQUIRED))
            continue;
        put(s, comma);
        put_text(s, all->option[i]->name);
        comma = ",";
    }
    put(s, "]");
}

static void put_properties(struct schema *s, const struct vg_alternative *a,
                           const struct options *all, const struct vg_shape *shape)
{
    const char *comma = "";

    put(s, ",\"properties\":{");
    if (a->key && !has(all, a->key)) {
        vg_buf_printf(s->out, "\"%s\":{\"const\":\"%s\"}", a->key, a->word);
        comma = ",";
    }
    for (size_t i = 0; i < all->n; i++) {
        const char *name = all->option[i]->name;
        size_t len = strcspn(name, ".");

        if (name[len] && seen(all, i, len))
            continue;
        put(s, comma);
        comma = ",";
        if (name[len]) {
            put_group(s, all, name, len);
        } else {
            vg_buf_printf(s->out, "\"%s\":", name);
            put_option(s, all->option[i]);
        }
    }
    for (int c = 0; shape->channel && c < VG_CHANNELS; c++, comma = ",") {
        put(s, comma);
        put_channel(s, c, shape->channel);
    }
    for (const char *const *key = shape->anything; key && *key; key++) {
        if (!has(all, *key)) {
            vg_buf_printf(s->out, "%s\"%s\":{}", comma, *key);
            comma = ",";
        }
    }
    put(s, "}");
}

/* A mapping with the keys of one alternative. */
static void put_keys(struct schema *s, const struct vg_shape *shape, const struct vg_alternative *a)
{
    struct options all;

    gather(a->table, &all);
    vg_buf_printf(s->out, "{\"type\":%s,\"additionalProperties\":false",
                  shape->empty_too ? "[\"object\",\"null\"]" : "\"object\"");
    if (a->summary) {
        put(s, ",\"description\":");
        put_text(s, a->summary);
    }
    put_properties(s, a, &all, shape);
    if (shape->channel)
        put_codes(s, shape->channel);
    put_required(s, a, &all);
    put(s, "}");
}

/* ---- shapes ---- */

static void put_words(struct schema *s, const struct vg_shape *shape)
{
    struct vg_alternative a;

    put(s, "{\"anyOf\":[{\"enum\":[");
    for (size_t i = 0; shape->alternative(i, &a); i++) {
        put(s, i ? "," : "");
        put_text(s, a.word);
    }
    put(s, "]},{\"type\":\"string\",\"pattern\":\"" REFERENCE "\"}]}");
}

/* Told apart by the word at a key: what is wrong is then said of the alternative that is meant. */
static void put_by_word(struct schema *s, const struct vg_shape *shape)
{
    struct vg_alternative a;

    VG_CHECK(shape->alternative(0, &a));
    vg_buf_printf(
        s->out, "{\"type\":\"object\",\"required\":[\"%s\"],\"properties\":{\"%s\":", a.key, a.key);
    put_words(s, shape);
    put(s, "},\"allOf\":[");
    for (size_t i = 0; shape->alternative(i, &a); i++) {
        vg_buf_printf(
            s->out,
            "%s{\"if\":{\"required\":[\"%s\"],\"properties\":{\"%s\":{\"const\":\"%s\"}}},"
            "\"then\":",
            i ? "," : "", a.key, a.key, a.word);
        put_keys(s, shape, &a);
        put(s, "}");
    }
    put(s, "]}");
}

static void put_one(struct schema *s, const struct vg_shape *shape)
{
    struct vg_alternative a;

    VG_CHECK(shape->alternative(0, &a));
    if (a.word && shape->word_too) {
        put(s, "{\"if\":{\"type\":\"object\"},\"then\":");
        put_by_word(s, shape);
        put(s, ",\"else\":");
        put_words(s, shape);
        put(s, "}");
    } else if (a.word) {
        put_by_word(s, shape);
    } else {
        put(s, "{\"anyOf\":[");
        for (size_t i = 0; shape->alternative(i, &a); i++) {
            put(s, i ? "," : "");
            put_keys(s, shape, &a);
        }
        put(s, "]}");
    }
}

static void put_named(struct schema *s, const struct vg_shape *shape)
{
    vg_buf_printf(s->out, "{\"type\":%s",
                  shape->empty_too ? "[\"object\",\"null\"]" : "\"object\"");
    if (shape->pattern)
        vg_buf_printf(s->out, ",\"propertyNames\":{\"pattern\":\"%s\"}", shape->pattern);
    if (shape->least)
        vg_buf_printf(s->out, ",\"minProperties\":%u", shape->least);
    if (shape->most)
        vg_buf_printf(s->out, ",\"maxProperties\":%u", shape->most);
    put(s, ",\"additionalProperties\":");
    put_reference(s, shape->entry);
    put(s, "}");
}

static void put_list(struct schema *s, const struct vg_shape *shape)
{
    put(s, "{\"type\":\"array\"");
    if (shape->least)
        vg_buf_printf(s->out, ",\"minItems\":%u", shape->least);
    if (shape->most)
        vg_buf_printf(s->out, ",\"maxItems\":%u", shape->most);
    put(s, ",\"items\":");
    put_reference(s, shape->entry);
    put(s, "}");
}

static void put_shape(struct schema *s, const struct vg_shape *shape)
{
    struct vg_alternative a;

    switch (shape->kind) {
    case VG_SHAPE_KEYS:
        vg_shape_choose(shape, NULL, &a);
        put_keys(s, shape, &a);
        break;
    case VG_SHAPE_ONE:
        put_one(s, shape);
        break;
    case VG_SHAPE_NAMED:
        put_named(s, shape);
        break;
    case VG_SHAPE_LIST:
        put_list(s, shape);
        break;
    case VG_SHAPE_VALUE:
        put(s, shape->json);
        break;
    }
}

/* Options of type CHANNELS, and lists: what tables name without a shape. */
static const struct vg_shape quantity = { .kind = VG_SHAPE_VALUE,
                                          .name = "quantity",
                                          .json = "{\"type\":[\"string\",\"number\"]}" };
static const struct vg_shape quantities = { .kind = VG_SHAPE_KEYS,
                                            .name = "quantities",
                                            .channel = &quantity };

void vg_config_schema(struct vg_buf *out)
{
    struct schema s = { .out = out,
                        .wanted = { &vg_shape_text, &quantities, &vg_config_shape },
                        .n = 3 };

    put(&s, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
            "\"title\":\"Configuration of Vigil\","
            "\"description\":\"Vigil is not a medical device.\","
            "\"allOf\":[{\"$ref\":\"#/definitions/config\"}],\"definitions\":{");
    for (size_t i = 0; i < s.n; i++) {
        vg_buf_printf(out, "%s\n\"%s\":", i ? "," : "", s.wanted[i]->name);
        put_shape(&s, s.wanted[i]);
    }
    put(&s, "}}\n");
}
