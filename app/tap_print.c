/* tap_print.c - what JSON says of a row, in the space of a line. */
#include "app/tap_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/channel.h"

enum { CHANNEL_WIDTH = 9 };

/* ---- cells ---- */

static void put_number(const json_t *value, struct vg_buf *out)
{
    if (json_is_integer(value))
        vg_buf_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        vg_buf_printf(out, "%.4g", json_real_value(value));
    else
        vg_buf_char(out, '-');
}

/* A vital sign: what is wrong with it stands behind it. */
static void put_sign(const json_t *sign, struct vg_buf *out)
{
    const char *unit = json_string_value(json_object_get(sign, "unit"));
    const char *word = json_string_value(json_object_get(sign, "word"));
    const char *quality = json_string_value(json_object_get(sign, "quality"));
    const char *reason = json_string_value(json_object_get(sign, "reason"));
    const json_t *value = json_object_get(sign, "value");

    if (word)
        vg_buf_str(out, word);
    else
        put_number(value, out);
    if (unit && json_is_number(value))
        vg_buf_printf(out, " %s", unit);
    if (quality && strcmp(quality, "good") != 0)
        vg_buf_printf(out, " (%s%s%s)", quality, reason ? ": " : "", reason ? reason : "");
}

/* Quantiles of each horizon, smallest first: "1m 94/96/98 5m 93/96/98 %". */
static void put_forecast(json_t *forecast, struct vg_buf *out)
{
    const char *horizon, *quantile;
    json_t *values, *value;
    bool first = true;

    json_object_foreach(forecast, horizon, values)
    {
        size_t n = 0;

        if (!json_is_object(values))
            continue;
        vg_buf_printf(out, "%s%s ", first ? "" : " ", horizon);
        first = false;
        json_object_foreach(values, quantile, value)
        {
            vg_buf_str(out, n++ ? "/" : "");
            put_number(value, out);
        }
    }
    vg_buf_printf(out, " %s", json_string_value(json_object_get(forecast, "unit")));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a server's answer may be */
static void put_members(json_t *object, struct vg_buf *out)
{
    const char *key;
    json_t *value;
    bool first = true;

    json_object_foreach(object, key, value)
    {
        vg_buf_printf(out, "%s%s ", first ? "" : ", ", key);
        vg_tap_cell(value, out);
        first = false;
    }
}

static void put_list(const json_t *list, struct vg_buf *out)
{
    const json_t *value;
    size_t i;

    json_array_foreach(list, i, value)
    {
        vg_buf_str(out, i ? " " : "");
        put_number(value, out);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a server's answer may be */
void vg_tap_cell(json_t *value, struct vg_buf *out)
{
    if (json_is_string(value))
        vg_buf_str(out, json_string_value(value));
    else if (json_is_array(value))
        put_list(value, out);
    else if (!json_is_object(value))
        put_number(value, out);
    else if (json_object_get(value, "quality"))
        put_sign(value, out);
    else if (json_object_get(value, "unit"))
        put_forecast(value, out);
    else
        put_members(value, out);
}

/* ---- lines ---- */

/* Columns as a terminal counts them: bytes that only go on with a character take none. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t usual_width(const char *name)
{
    static const struct {
        const char *name;
        size_t width;
    } usual[] = { { "event", 24 }, { "log", 24 }, { "record", 24 }, { "device", 24 },
                  { "kind", 6 },   { "bed", 10 }, { "patient", 16 } };

    for (size_t i = 0; i < VG_ARRAY_LEN(usual); i++) {
        if (strcmp(usual[i].name, name) == 0)
            return usual[i].width;
    }
    return vg_channel_find(name) != VG_CHANNEL_NONE ? CHANNEL_WIDTH : width_of(name);
}

void vg_tap_table_init(struct vg_tap_table *t, const struct vg_strings *columns)
{
    *t = (struct vg_tap_table){ .columns = columns };
    t->width = calloc(columns->n + 1, sizeof(*t->width));
    VG_CHECK(t->width != NULL);
    for (size_t i = 0; i < columns->n; i++)
        t->width[i] = usual_width(columns->value[i]);
}

void vg_tap_table_done(struct vg_tap_table *t)
{
    free(t->width);
}

static void print_cell(struct vg_tap_table *t, size_t i, const char *text)
{
    const size_t width = width_of(text);

    if (width > t->width[i])
        t->width[i] = width;
    fputs(text, stdout);
    if (i + 1 < t->columns->n)
        printf("%*s", (int)(t->width[i] - width) + 2, "");
}

void vg_tap_table_print(struct vg_tap_table *t, const json_t *row)
{
    struct vg_buf cell = VG_BUF_INIT;

    for (size_t i = 0; i < t->columns->n && !t->begun; i++)
        print_cell(t, i, t->columns->value[i]);
    if (!t->begun)
        putchar('\n');
    t->begun = true;
    for (size_t i = 0; i < t->columns->n; i++) {
        json_t *value = json_object_get(row, t->columns->value[i]);

        vg_buf_clear(&cell);
        vg_buf_str(&cell, "");
        if (value)
            vg_tap_cell(value, &cell);
        print_cell(t, i, cell.data);
    }
    putchar('\n');
    vg_buf_done(&cell);
}
