/* risk_long.c - stays as one row per measurement, and a file of outcomes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/csv.h"
#include "app/risk_files.h"
#include "core/text.h"

/* ---- measurements ---- */

struct rows {
    struct vg_risk_reader *reader;
    struct vg_csv csv;
    uint32_t stay, time, parameter, value; /* columns */
};

/* One to six digits, with zeros before or not. */
static bool digits(const char *text, size_t n, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret = *ret * 10 + (uint32_t)(text[i] - '0');
    }
    return n >= 1 && n <= 6;
}

/* "HH:MM" or hours. */
static bool parse_hours(const char *text, double *ret)
{
    const char *colon = strchr(text, ':');
    uint32_t hours, minutes;

    if (!colon)
        return vg_parse_double(text, ret) && *ret >= 0.0;
    if (!digits(text, (size_t)(colon - text), &hours) || strlen(colon + 1) != 2 ||
        !digits(colon + 1, 2, &minutes) || minutes > 59)
        return false;
    *ret = (double)hours + (double)minutes / 60.0;
    return true;
}

static bool ignored(const struct vg_risk_map *map, const char *name)
{
    for (size_t i = 0; i < map->ignored.n; i++)
        if (strcmp(map->ignored.value[i], name) == 0)
            return true;
    return false;
}

static vg_status fail_name(const struct rows *rows, const char *name, struct vg_err *err)
{
    const struct vg_risk_data *d = rows->reader->data;
    const char *names[VG_RISK_VARIABLES_MAX], *near;

    for (uint32_t v = 0; v < d->variables; v++)
        names[v] = d->variable[v].column;
    near = vg_did_you_mean(name, names, d->variables);
    return vg_fail(err, VG_E_DECODE,
                   "%s:%" PRIu64
                   ": the map has no variable \"%.40s\"%s%s%s; what shall be left out "
                   "is named under \"ignore\"",
                   rows->csv.path, rows->csv.line, name, near ? "; did you mean \"" : "",
                   near ? near : "", near ? "\"?" : "");
}

/* One value may be of several variables: the categories of its column. */
static bool add_values(struct rows *rows, const char *name, double hours, double value)
{
    const struct vg_risk_data *d = rows->reader->data;
    bool found = false, category = false, known = false;

    for (uint32_t v = 0; v < d->variables; v++) {
        if (strcmp(d->variable[v].column, name) != 0)
            continue;
        found = true;
        category = d->variable[v].is_category;
        known |= category && d->variable[v].category == value;
        if (!category)
            vg_risk_add_sample(rows->reader, v, hours, value);
    }
    for (uint32_t v = 0; known && v < d->variables; v++)
        if (strcmp(d->variable[v].column, name) == 0)
            vg_risk_add_sample(rows->reader, v, hours, d->variable[v].category == value);
    rows->reader->data->implausible += category && !known;
    return found;
}

static vg_status read_row(struct rows *rows, struct vg_err *err)
{
    const struct vg_risk_data *d = rows->reader->data;
    const char *id = rows->csv.cell[rows->stay], *name = rows->csv.cell[rows->parameter];
    double hours, value;

    if (!vg_patient_valid(id, strlen(id)))
        return vg_fail(err, VG_E_DECODE,
                       "%s:%" PRIu64 ": a stay is 1 to 64 printable characters without space",
                       rows->csv.path, rows->csv.line);
    if (!d->stays || strcmp(d->stay[d->stays - 1].id, id) != 0)
        vg_risk_add_stay(rows->reader, id);
    if (ignored(rows->reader->map, name))
        return VG_OK;
    if (!parse_hours(rows->csv.cell[rows->time], &hours))
        return vg_fail(err, VG_E_DECODE,
                       "%s:%" PRIu64 ": time \"%.40s\": expected HH:MM or hours, not below 0",
                       rows->csv.path, rows->csv.line, rows->csv.cell[rows->time]);
    if (!vg_parse_double(rows->csv.cell[rows->value], &value))
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": value \"%.40s\": expected a number",
                       rows->csv.path, rows->csv.line, rows->csv.cell[rows->value]);
    if (!add_values(rows, name, hours, value))
        return fail_name(rows, name, err);
    return VG_OK;
}

static vg_status read_rows(struct rows *rows, const char *path, struct vg_err *err)
{
    const struct vg_risk_map *map = rows->reader->map;
    vg_status st = vg_csv_open(&rows->csv, path, err);
    bool more = true;

    if (st == VG_OK)
        st = vg_csv_column(&rows->csv, map->stay, &rows->stay, err);
    if (st == VG_OK)
        st = vg_csv_column(&rows->csv, map->time, &rows->time, err);
    if (st == VG_OK)
        st = vg_csv_column(&rows->csv, map->parameter, &rows->parameter, err);
    if (st == VG_OK)
        st = vg_csv_column(&rows->csv, map->value, &rows->value, err);
    while (st == VG_OK && more) {
        st = vg_csv_next(&rows->csv, &more, err);
        if (st == VG_OK && more)
            st = read_row(rows, err);
    }
    vg_csv_close(&rows->csv);
    return st;
}

/* ---- outcomes ---- */

struct outcomes {
    struct vg_risk_reader *reader;
    struct vg_csv csv;
    uint32_t stay, label, score; /* columns */
    bool scored;
    const struct vg_risk_stay **by_id;
    bool *seen; /* [S], in that order */
};

static int by_stay_id(const void *a, const void *b)
{
    const struct vg_risk_stay *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

static int id_to_stay(const void *id, const void *stay)
{
    const struct vg_risk_stay *const *s = stay;

    return strcmp(id, (*s)->id);
}

/* Rows of a stay stand together, or a file put together from others would go unnoticed. */
static vg_status index_stays(struct outcomes *o, const char *path, struct vg_err *err)
{
    const struct vg_risk_data *d = o->reader->data;

    o->by_id = calloc(d->stays + 1, sizeof(const void *));
    o->seen = calloc(d->stays + 1, sizeof *o->seen);
    VG_CHECK(o->by_id && o->seen);
    for (uint32_t s = 0; s < d->stays; s++)
        o->by_id[s] = &d->stay[s];
    qsort(o->by_id, d->stays, sizeof(void *), by_stay_id);
    for (uint32_t s = 1; s < d->stays; s++)
        if (strcmp(o->by_id[s - 1]->id, o->by_id[s]->id) == 0)
            return vg_fail(err, VG_E_DECODE,
                           "%s: the rows of a stay do not stand together; sort the file by stay",
                           path);
    return VG_OK;
}

static vg_status read_outcome(struct outcomes *o, struct vg_err *err)
{
    struct vg_risk_data *d = o->reader->data;
    const struct vg_risk_stay **found =
        bsearch(o->csv.cell[o->stay], o->by_id, d->stays, sizeof(void *), id_to_stay);
    const char *label = o->csv.cell[o->label];
    struct vg_risk_stay *stay;
    double score;

    if (!found) /* an outcome of a stay that was not given */
        return VG_OK;
    stay = &d->stay[*found - d->stay];
    if (o->seen[found - o->by_id])
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": a second outcome of one stay",
                       o->csv.path, o->csv.line);
    o->seen[found - o->by_id] = true;
    if (strcmp(label, "0") != 0 && strcmp(label, "1") != 0)
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": label \"%.40s\": expected 0 or 1",
                       o->csv.path, o->csv.line, label);
    stay->first_label = d->labels;
    vg_risk_add_label(o->reader, label[0] == '1');
    if (!o->scored)
        return VG_OK;
    if (!vg_parse_double(o->csv.cell[o->score], &score))
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": score \"%.40s\": expected a number",
                       o->csv.path, o->csv.line, o->csv.cell[o->score]);
    stay->scored = score >= 0.0;
    stay->score = stay->scored ? score : 0.0;
    return VG_OK;
}

static vg_status check_all_seen(const struct outcomes *o, const char *path, struct vg_err *err)
{
    uint32_t missing = 0;

    for (uint32_t s = 0; s < o->reader->data->stays; s++)
        missing += !o->seen[s];
    return missing ? vg_fail(err, VG_E_DECODE, "%s: %u stays have no outcome in it", path, missing)
                   : VG_OK;
}

static vg_status read_outcomes(struct outcomes *o, const char *path, struct vg_err *err)
{
    const struct vg_risk_map *map = o->reader->map;
    vg_status st = vg_csv_open(&o->csv, path, err);
    bool more = true;

    o->scored = map->outcome_score != NULL;
    if (st == VG_OK)
        st = vg_csv_column(&o->csv, map->outcome_stay, &o->stay, err);
    if (st == VG_OK)
        st = vg_csv_column(&o->csv, map->outcome_label, &o->label, err);
    if (st == VG_OK && o->scored)
        st = vg_csv_column(&o->csv, map->outcome_score, &o->score, err);
    while (st == VG_OK && more) {
        st = vg_csv_next(&o->csv, &more, err);
        if (st == VG_OK && more)
            st = read_outcome(o, err);
    }
    vg_csv_close(&o->csv);
    return st == VG_OK ? check_all_seen(o, path, err) : st;
}

vg_status vg_risk_read_long(struct vg_risk_reader *r, const struct vg_risk_source *source,
                            struct vg_err *err)
{
    struct rows rows = { .reader = r };
    struct outcomes outcomes = { .reader = r };
    vg_status st;

    if (!source->outcomes[0])
        return vg_fail(err, VG_E_USAGE, "this data has a file of outcomes: outcomes=FILE");
    st = read_rows(&rows, source->stays, err);
    if (st == VG_OK)
        st = index_stays(&outcomes, source->stays, err);
    if (st == VG_OK)
        st = read_outcomes(&outcomes, source->outcomes, err);
    free(outcomes.by_id);
    free(outcomes.seen);
    return st;
}
