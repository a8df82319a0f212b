/* persons.c - which patients of a data set are one person. */
#include "app/persons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/csv.h"
#include "core/text.h"

/** One patient of the data set, found by its id. */
struct entry {
    const char *id;
    uint32_t patient;
    char person[VG_PATIENT_SIZE]; /* "" until the file has told */
};

static int by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    return order ? order : (x->patient > y->patient) - (x->patient < y->patient);
}

/** All patients by id; the caller frees. */
static struct entry *sorted(const struct vg_dataset *d)
{
    struct entry *e = calloc((size_t)d->patients + 1, sizeof *e);

    VG_CHECK(e != NULL);
    for (uint32_t i = 0; i < d->patients; i++)
        e[i] = (struct entry){ .id = d->patient[i].id, .patient = i };
    qsort(e, d->patients, sizeof *e, by_id);
    return e;
}

/** The first entry of `id`, or NULL; entries of one id stand together. */
static struct entry *first_of(struct entry *e, uint32_t n, const char *id)
{
    uint32_t low = 0, high = n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (strcmp(e[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && strcmp(e[low].id, id) == 0 ? &e[low] : NULL;
}

/** "FILE:STAY,PERSON" in three; the columns' names must have room. */
static vg_status split(const char *text, char **file, char stay[VG_NAME_SIZE],
                       char person[VG_NAME_SIZE], struct vg_err *err)
{
    const char *colon = strrchr(text, ':'), *comma = colon ? strchr(colon, ',') : NULL;

    if (!comma || colon == text || comma == colon + 1 || !comma[1] ||
        comma - colon > VG_NAME_SIZE || strlen(comma + 1) >= VG_NAME_SIZE)
        return vg_fail(
            err, VG_E_USAGE,
            "persons \"%.200s\": expected FILE:STAY,PERSON, a CSV and two of its columns", text);
    snprintf(stay, VG_NAME_SIZE, "%.*s", (int)(comma - colon - 1), colon + 1);
    snprintf(person, VG_NAME_SIZE, "%s", comma + 1);
    *file = strndup(text, (size_t)(colon - text));
    VG_CHECK(*file != NULL);
    return VG_OK;
}

static vg_status read_rows(struct vg_csv *csv, const char *stay, const char *person,
                           struct entry *e, uint32_t n, struct vg_err *err)
{
    uint32_t stay_at, person_at;
    vg_status st = vg_csv_column(csv, stay, &stay_at, err);
    bool row = true;

    if (st == VG_OK)
        st = vg_csv_column(csv, person, &person_at, err);
    while (st == VG_OK && (st = vg_csv_next(csv, &row, err)) == VG_OK && row) {
        const char *who = csv->cell[person_at];

        if (!vg_patient_valid(who, strlen(who)))
            return vg_fail(err, VG_E_DECODE,
                           "%s:%llu: column %s: expected 1 to %d printable characters", csv->path,
                           (unsigned long long)csv->line, person, VG_PATIENT_SIZE - 1);
        for (struct entry *at = first_of(e, n, csv->cell[stay_at]);
             at && at < e + n && strcmp(at->id, csv->cell[stay_at]) == 0; at++)
            snprintf(at->person, sizeof at->person, "%s", who);
    }
    return st;
}

/** The new ids, once all are known: `e` points at the old ones. */
static vg_status rename_all(struct vg_dataset *d, const struct entry *e, const char *file,
                            struct vg_err *err)
{
    uint32_t unknown = 0;

    for (uint32_t i = 0; i < d->patients; i++)
        unknown += e[i].person[0] == '\0';
    if (unknown > 0)
        return vg_fail(err, VG_E_DECODE, "%s: names no person for %u of %u patients", file, unknown,
                       d->patients);
    for (uint32_t i = 0; i < d->patients; i++)
        snprintf(d->patient[e[i].patient].id, VG_PATIENT_SIZE, "%s", e[i].person);
    return VG_OK;
}

vg_status vg_persons_name(struct vg_dataset *d, const char *text, struct vg_err *err)
{
    char stay[VG_NAME_SIZE], person[VG_NAME_SIZE], *file = NULL;
    vg_status st = split(text, &file, stay, person, err);
    struct vg_csv csv = { 0 };

    if (st != VG_OK)
        return st;

    struct entry *e = sorted(d);
    st = vg_csv_open(&csv, file, err);
    if (st == VG_OK)
        st = read_rows(&csv, stay, person, e, d->patients, err);
    if (st == VG_OK)
        st = rename_all(d, e, file, err);
    vg_csv_close(&csv);
    free(e);
    free(file);
    return st;
}

uint32_t vg_persons_number(const struct vg_dataset *d, uint32_t *of)
{
    struct entry *e = sorted(d);
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->patients; i++) {
        n += i == 0 || strcmp(e[i].id, e[i - 1].id) != 0;
        of[e[i].patient] = n - 1;
    }
    free(e);
    return n;
}
