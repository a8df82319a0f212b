/* recording.c - a recorded CSV as the messages that its monitors would have sent. */
#include "app/recording.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/csv.h"
#include "core/text.h"

enum { NO_COLUMN = UINT32_MAX };

/* Where things stand in this CSV. */
struct reader {
    struct vg_csv csv;
    const struct vg_replay_map *map;
    uint32_t patient, record_time, device_time;
    uint32_t channel[VG_CHANNELS];
    int64_t start_ns;
    size_t rows_cap;
};

/* ---- columns ---- */

static vg_status find(const struct reader *r, const char *name, uint32_t *ret, struct vg_err *err)
{
    *ret = NO_COLUMN;
    return name ? vg_csv_column(&r->csv, name, ret, err) : VG_OK;
}

static vg_status find_columns(struct reader *r, struct vg_err *err)
{
    vg_status st = find(r, r->map->patient, &r->patient, err);

    if (st == VG_OK)
        st = find(r, r->map->record_time, &r->record_time, err);
    if (st == VG_OK)
        st = find(r, r->map->device_time, &r->device_time, err);
    for (int c = 0; c < VG_CHANNELS && st == VG_OK; c++)
        st = find(r, r->map->column[c], &r->channel[c], err);
    return st;
}

/* ---- cells ---- */

static vg_status fail_cell(const struct reader *r, uint32_t column, const char *expected,
                           struct vg_err *err)
{
    return vg_fail(err, VG_E_DECODE, "%s:%llu: column %s: \"%.40s\" is not %s", r->csv.path,
                   (unsigned long long)r->csv.line, r->csv.header[column], r->csv.cell[column],
                   expected);
}

static const char *skip_digits(const char *p)
{
    while (isdigit((unsigned char)*p))
        p++;
    return p;
}

/* Whether `p` is a number as JSON writes it, so that it can be sent as it is. */
static bool is_json_number(const char *p)
{
    const char *digits;

    p += *p == '-';
    digits = p;
    p = skip_digits(p);
    if (p == digits || (*digits == '0' && p > digits + 1))
        return false;
    if (*p == '.') {
        digits = ++p;
        p = skip_digits(p);
        if (p == digits)
            return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        digits = p;
        p = skip_digits(p);
        if (p == digits)
            return false;
    }
    return *p == '\0';
}

static vg_status read_time(const struct reader *r, uint32_t column, int64_t *ret,
                           struct vg_err *err)
{
    /* Recorded device clocks are a century off at times; a row may still say so. */
    static const double longest_s = 200 * 365.25 * 86400;
    const double unit_s = (double)r->map->time_unit_ns / (double)VG_NS_PER_S;
    double seconds;

    if (!vg_parse_double(r->csv.cell[column], &seconds) || fabs(seconds *= unit_s) > longest_s)
        return fail_cell(r, column, "a time", err);
    *ret = r->start_ns + llround(seconds * 1e3) * VG_NS_PER_MS; /* what Kafka can carry */
    return *ret >= 0 ? VG_OK : fail_cell(r, column, "a time after 1970", err);
}

/* Replaces every {COLUMN} of the map's pattern. */
static vg_status expand_bed(const struct reader *r, struct vg_buf *ret, struct vg_err *err)
{
    const char *p = r->map->bed;

    while (*p) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        char name[VG_NAME_SIZE];
        uint32_t column;

        if (!end || (size_t)(end - p) > sizeof(name)) {
            vg_buf_char(ret, *p++);
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(end - p - 1), p + 1);
        if (vg_csv_column(&r->csv, name, &column, err) != VG_OK)
            return err->status;
        vg_buf_str(ret, r->csv.cell[column]);
        p = end + 1;
    }
    if (ret->len < VG_BED_SIZE)
        return VG_OK;
    return vg_fail(err, VG_E_DECODE, "%s:%llu: bed label longer than %d bytes", r->csv.path,
                   (unsigned long long)r->csv.line, VG_BED_SIZE - 1);
}

/* ---- a row as JSON ---- */

static vg_status add_bed(const struct reader *r, struct vg_buf *out, struct vg_err *err)
{
    struct vg_buf bed = VG_BUF_INIT;
    vg_status st;

    if (!r->map->bed)
        return VG_OK;
    st = expand_bed(r, &bed, err);
    if (st == VG_OK) {
        vg_buf_str(out, ",\"bed\":");
        vg_buf_json_strn(out, bed.data ? bed.data : "", bed.len);
    }
    vg_buf_done(&bed);
    return st;
}

static vg_status add_time(const struct reader *r, int64_t record_ns, struct vg_buf *out,
                          struct vg_err *err)
{
    int64_t ns = record_ns;

    vg_buf_str(out, ",\"time\":");
    if (r->device_time != NO_COLUMN && r->csv.cell[r->device_time][0] == '\0') {
        vg_buf_str(out, "null");
        return VG_OK;
    }
    if (r->device_time != NO_COLUMN && read_time(r, r->device_time, &ns, err) != VG_OK)
        return err->status;
    vg_buf_json_time(out, ns);
    return VG_OK;
}

static vg_status add_channels(const struct reader *r, struct vg_buf *out, struct vg_err *err)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        const char *cell;

        if (r->channel[c] == NO_COLUMN)
            continue;
        cell = r->csv.cell[r->channel[c]];
        /* An empty cell is a monitor without a value, but nobody's note. */
        if (*cell == '\0' && c >= VG_MEASURED)
            continue;
        if (vg_channel_word(c, cell, strlen(cell)) >= 0) {
            vg_buf_printf(out, ",\"%s\":\"%s\"", vg_channels[c].name, cell);
            continue;
        }
        if (*cell && vg_channel_words(c) > 0)
            return fail_cell(r, r->channel[c], "a word of that channel; `vigil describe` has them",
                             err);
        if (*cell && !is_json_number(cell))
            return fail_cell(r, r->channel[c], "a number; leave the cell empty for none", err);
        vg_buf_printf(out, ",\"%s\":%s", vg_channels[c].name, *cell ? cell : "null");
    }
    return VG_OK;
}

static vg_status add_json(const struct reader *r, int64_t record_ns, struct vg_buf *out,
                          struct vg_err *err)
{
    vg_status st;

    vg_buf_str(out, "{\"patient\":");
    vg_buf_json_str(out, r->csv.cell[r->patient]);
    st = add_bed(r, out, err);
    if (st == VG_OK)
        st = add_time(r, record_ns, out, err);
    if (st == VG_OK)
        st = add_channels(r, out, err);
    vg_buf_char(out, '}');
    return st;
}

/* ---- all rows ---- */

static bool wanted(const struct vg_strings *patients, const char *id)
{
    for (size_t i = 0; i < patients->n; i++) {
        if (strcmp(patients->value[i], id) == 0)
            return true;
    }
    return patients->n == 0;
}

/* The newest first: rows of a patient mostly stand together. */
static uint32_t intern(struct vg_recording *rec, const char *id)
{
    for (uint32_t i = rec->patients_n; i-- > 0;) {
        if (strcmp(rec->patients[i], id) == 0)
            return i;
    }
    rec->patients = reallocarray(rec->patients, rec->patients_n + 1, sizeof(*rec->patients));
    VG_CHECK(rec->patients);
    snprintf(rec->patients[rec->patients_n], VG_PATIENT_SIZE, "%s", id);
    return rec->patients_n++;
}

static vg_status add_row(struct vg_recording *rec, struct reader *r, struct vg_err *err)
{
    const char *id = r->csv.cell[r->patient];
    struct vg_recorded row = { .json = rec->text.len };
    vg_status st;

    if (!vg_patient_valid(id, strlen(id)))
        return fail_cell(r, r->patient, "a patient: 1 to 64 printable characters, no space", err);
    st = read_time(r, r->record_time, &row.record_ns, err);
    if (st == VG_OK)
        st = add_json(r, row.record_ns, &rec->text, err);
    if (st != VG_OK)
        return st;
    row.len = (uint32_t)(rec->text.len - row.json);
    row.patient = intern(rec, id);
    if (rec->rows_n == r->rows_cap) {
        r->rows_cap = r->rows_cap ? 2 * r->rows_cap : 4096;
        rec->rows = reallocarray(rec->rows, r->rows_cap, sizeof(*rec->rows));
        VG_CHECK(rec->rows);
    }
    rec->rows[rec->rows_n++] = row;
    return VG_OK;
}

static int by_record_time(const void *a, const void *b)
{
    const struct vg_recorded *x = a, *y = b;

    if (x->record_ns != y->record_ns)
        return x->record_ns < y->record_ns ? -1 : 1;
    return x->json < y->json ? -1 : x->json > y->json; /* the text grows in file order */
}

static vg_status check_found(const struct vg_recording *rec, const struct vg_strings *patients,
                             const char *csv, struct vg_err *err)
{
    for (size_t i = 0; i < patients->n; i++) {
        bool found = false;

        for (uint32_t k = 0; k < rec->patients_n && !found; k++)
            found = strcmp(rec->patients[k], patients->value[i]) == 0;
        if (!found)
            return vg_fail(err, VG_E_USAGE, "%s: no row of patient \"%s\"", csv,
                           patients->value[i]);
    }
    return VG_OK;
}

vg_status vg_recording_read(struct vg_recording *rec, const char *csv,
                            const struct vg_replay_map *map, const struct vg_strings *patients,
                            int64_t start_ns, struct vg_err *err)
{
    struct reader r = { .map = map, .start_ns = start_ns };
    vg_status st;
    bool row = true;

    *rec = (struct vg_recording){ 0 };
    st = vg_csv_open(&r.csv, csv, err);
    if (st == VG_OK)
        st = find_columns(&r, err);
    while (st == VG_OK && row) {
        st = vg_csv_next(&r.csv, &row, err);
        if (st == VG_OK && row && wanted(patients, r.csv.cell[r.patient]))
            st = add_row(rec, &r, err);
    }
    vg_csv_close(&r.csv);
    if (st == VG_OK)
        st = check_found(rec, patients, csv, err);
    if (st == VG_OK && rec->rows_n)
        qsort(rec->rows, rec->rows_n, sizeof(*rec->rows), by_record_time);
    return st;
}

const char *vg_recorded_json(const struct vg_recording *rec, const struct vg_recorded *row)
{
    return rec->text.data + row->json;
}

void vg_recording_done(struct vg_recording *rec)
{
    vg_buf_done(&rec->text);
    free(rec->rows);
    free(rec->patients);
    *rec = (struct vg_recording){ 0 };
}
