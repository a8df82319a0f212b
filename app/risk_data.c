/* risk_data.c - stays in intensive care with an outcome: what risk models learn from. */
#include "app/risk_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/risk_files.h"
#include "models/elementary.h"
#include "runtime/hash.h"

/* ---- growing ---- */

static void *grown(void *array, size_t used, size_t *cap, size_t size)
{
    if (used < *cap)
        return array;
    *cap = *cap ? *cap * 2 : 1024;
    array = realloc(array, *cap * size);
    VG_CHECK(array);
    return array;
}

struct vg_risk_stay *vg_risk_add_stay(struct vg_risk_reader *r, const char *id)
{
    struct vg_risk_data *d = r->data;
    struct vg_risk_stay *stay;

    d->stay = grown(d->stay, d->stays, &r->stays_cap, sizeof *d->stay);
    stay = &d->stay[d->stays++];
    *stay = (struct vg_risk_stay){ .first = d->samples,
                                   .hours = d->window_hours,
                                   .first_label = d->labels };
    snprintf(stay->id, sizeof stay->id, "%s", id);
    return stay;
}

static bool descriptor_known(const struct vg_risk_data *d, uint32_t variable)
{
    const struct vg_risk_stay *stay = &d->stay[d->stays - 1];

    for (size_t i = 0; d->variable[variable].descriptor && i < stay->samples; i++)
        if (d->sample[stay->first + i].variable == variable)
            return true;
    return false;
}

/* Samples arrive nearly in the order of time: a few steps back find the place. */
static void insert_sample(struct vg_risk_data *d, const struct vg_risk_sample *sample)
{
    struct vg_risk_stay *stay = &d->stay[d->stays - 1];
    size_t at = d->samples++;

    while (at > stay->first && d->sample[at - 1].hours > sample->hours) {
        d->sample[at] = d->sample[at - 1];
        at--;
    }
    d->sample[at] = *sample;
    stay->samples++;
}

void vg_risk_add_sample(struct vg_risk_reader *r, uint32_t variable, double hours, double value)
{
    struct vg_risk_data *d = r->data;
    const struct vg_risk_variable *v = &d->variable[variable];

    if (hours >= (double)d->window_hours || descriptor_known(d, variable))
        return;
    /* As floats, as the map was read: 0.1 is within 0.1 and more. */
    if (!((float)value >= (float)v->low && (float)value <= (float)v->high)) {
        d->implausible++;
        return;
    }
    d->sample = grown(d->sample, d->samples, &r->samples_cap, sizeof *d->sample);
    insert_sample(d, &(struct vg_risk_sample){ (float)hours, variable, value });
}

void vg_risk_add_label(struct vg_risk_reader *r, bool label)
{
    struct vg_risk_data *d = r->data;

    d->label = grown(d->label, d->labels, &r->labels_cap, sizeof *d->label);
    d->label[d->labels++] = label;
}

/* ---- reading ---- */

vg_status vg_risk_source_parse(struct vg_risk_source *ret, const char *text, struct vg_err *err)
{
    *ret = (struct vg_risk_source){ 0 };
    while (*text) {
        size_t n = strcspn(text, ",");
        const char *equals = memchr(text, '=', n);
        char *to = NULL;

        if (equals && equals - text == 5 && memcmp(text, "stays", 5) == 0)
            to = ret->stays;
        else if (equals && equals - text == 8 && memcmp(text, "outcomes", 8) == 0)
            to = ret->outcomes;
        if (!to || *to || (size_t)(text + n - equals) > sizeof ret->stays)
            return vg_fail(err, VG_E_USAGE,
                           "\"%.*s\": expected stays=FILE,outcomes=FILE or stays=FOLDER",
                           (int)(n < 200 ? n : 200), text);
        memcpy(to, equals + 1, (size_t)(text + n - equals) - 1);
        text += n + (text[n] == ',');
    }
    if (!ret->stays[0])
        return vg_fail(err, VG_E_USAGE, "expected stays=FILE,outcomes=FILE or stays=FOLDER");
    return VG_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct vg_risk_stay *x = a, *y = b;

    return strcmp(x->id, y->id);
}

/* What is learned from, in the order of ids: the same for the same data in another order of files. */
static void hash(struct vg_risk_data *d)
{
    struct vg_buf b = VG_BUF_INIT;

    for (uint32_t v = 0; v < d->variables; v++)
        vg_buf_printf(&b, "%s %d %d\n", d->variable[v].name, (int)d->variable[v].scale,
                      (int)d->variable[v].amount);
    for (uint32_t s = 0; s < d->stays; s++) {
        const struct vg_risk_stay *stay = &d->stay[s];
        uint32_t labels = d->hourly ? stay->hours : 1;

        vg_buf_printf(&b, "%s %zu %u\n", stay->id, stay->samples, labels);
        for (size_t i = stay->first; i < stay->first + stay->samples; i++) {
            vg_buf_add(&b, &d->sample[i].hours, sizeof d->sample[i].hours);
            vg_buf_add(&b, &d->sample[i].variable, sizeof d->sample[i].variable);
            vg_buf_add(&b, &d->sample[i].value, sizeof d->sample[i].value);
        }
        vg_buf_add(&b, d->label + stay->first_label, labels);
    }
    vg_sha256_hex(b.data, b.len, d->sha256);
    vg_buf_done(&b);
}

static vg_status read_files(struct vg_risk_reader *r, const struct vg_risk_source *source,
                            struct vg_err *err)
{
    struct vg_risk_data *d = r->data;
    vg_status st;

    d->hourly = r->map->hourly;
    d->window_hours = r->map->window_hours;
    d->variables = r->map->variables;
    memcpy(d->variable, r->map->variable, d->variables * sizeof *d->variable);
    st = d->hourly ? vg_risk_read_hourly(r, source->stays, err) : vg_risk_read_long(r, source, err);
    if (st != VG_OK)
        return st;
    if (!d->stays)
        return vg_fail(err, VG_E_DECODE, "%s: there is no stay in it", source->stays);
    qsort(d->stay, d->stays, sizeof *d->stay, by_id);
    hash(d);
    return VG_OK;
}

vg_status vg_risk_data_read(const char *map_path, const struct vg_risk_source *source,
                            struct vg_buf *diagnostics, struct vg_risk_data **ret,
                            struct vg_err *err)
{
    struct vg_risk_data *data = calloc(1, sizeof *data);
    struct vg_risk_map map;
    vg_status st;

    VG_CHECK(data);
    st = vg_risk_map_read(&map, map_path, diagnostics, err);
    if (st == VG_OK)
        st = read_files(&(struct vg_risk_reader){ .map = &map, .data = data }, source, err);
    vg_risk_map_done(&map);
    if (st != VG_OK) {
        vg_risk_data_free(data);
        return st;
    }
    *ret = data;
    return VG_OK;
}

void vg_risk_data_free(struct vg_risk_data *d)
{
    if (!d)
        return;
    free(d->stay);
    free(d->sample);
    free(d->label);
    free(d);
}

double vg_risk_scaled(const struct vg_risk_variable *variable, double value)
{
    switch (variable->scale) {
    case VG_RISK_LOG:
        return vg_ln(value);
    case VG_RISK_LOG1P:
        return vg_log1p(value);
    case VG_RISK_LINEAR:
        break;
    }
    return value;
}
