/* recording.c - a recorded CSV as the messages that its monitors would have sent. */
#include "app/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/recording_private.h"
#include "core/text.h"

/* A value of a table that has a line for each; both parts are text of the recording. */
struct cell {
    int64_t record_ns;
    uint64_t line;
    uint32_t patient;
    int channel;
    size_t head, body;
    uint32_t head_len, body_len;
};

struct state {
    struct vg_recording_reader in;
    struct vg_recording *rec;
    struct cell *cell;
    size_t rows_cap, cells, cells_cap;
    int64_t *found_ns;       /* [patients]: first times; NULL: dates are not shifted */
    const int64_t *first_ns; /* the same, once they are all known */
};

/* ---- columns ---- */

static vg_status find(const struct vg_recording_reader *r, const char *name, uint32_t *ret,
                      struct vg_err *err)
{
    *ret = VG_NO_COLUMN;
    return name ? vg_csv_column(&r->csv, name, ret, err) : VG_OK;
}

static vg_status find_columns(struct vg_recording_reader *r, struct vg_err *err)
{
    vg_status st = find(r, r->map->patient, &r->patient, err);

    if (st == VG_OK)
        st = find(r, r->map->record_time, &r->record_time, err);
    if (st == VG_OK)
        st = find(r, r->map->device_time, &r->device_time, err);
    if (st == VG_OK)
        st = find(r, r->map->variable, &r->variable, err);
    if (st == VG_OK)
        st = find(r, r->map->value, &r->value, err);
    for (int c = 0; c < VG_CHANNELS && st == VG_OK && !r->map->variable; c++) {
        st = find(r, r->map->column[c], &r->channel[c], err);
        for (int side = 0; side < VG_SIDES && st == VG_OK; side++)
            st = find(r, r->map->orders.limit[c][side], &r->limit[c][side], err);
    }
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

static vg_status read_patient(struct state *s, uint32_t *ret, struct vg_err *err)
{
    const struct vg_recording_reader *r = &s->in;
    const char *id = r->csv.cell[r->patient];

    if (!vg_patient_valid(id, strlen(id)))
        return vg_recording_fail_cell(r, r->patient,
                                      "a patient: 1 to 64 printable characters, no space", err);
    *ret = intern(s->rec, id);
    s->in.origin_ns = s->first_ns ? s->first_ns[*ret] : VG_TIME_NONE;
    return VG_OK;
}

static void keep_row(struct state *s, struct vg_recorded *row)
{
    struct vg_recording *rec = s->rec;

    row->len = (uint32_t)(rec->text.len - row->json);
    if (rec->rows_n == s->rows_cap) {
        s->rows_cap = s->rows_cap ? 2 * s->rows_cap : 4096;
        rec->rows = reallocarray(rec->rows, s->rows_cap, sizeof(*rec->rows));
        VG_CHECK(rec->rows);
    }
    rec->rows[rec->rows_n++] = *row;
}

/* ---- a column for each channel ---- */

static void add_limits(struct state *s, int64_t record_ns, uint32_t patient)
{
    const struct vg_recording_reader *r = &s->in;
    struct vg_charted_entry entry = { .at_ns = record_ns, .line = r->csv.line, .patient = patient };

    for (int c = 0; c < VG_CHANNELS; c++) {
        for (int side = 0; side < VG_SIDES; side++) {
            if (r->limit[c][side] == VG_NO_COLUMN)
                continue;
            entry.channel = c;
            entry.side = (enum vg_side)side;
            vg_charted_add(&s->rec->charted, &entry, r->csv.cell[r->limit[c][side]]);
        }
    }
}

static vg_status add_row(struct state *s, struct vg_err *err)
{
    const struct vg_recording_reader *r = &s->in;
    struct vg_recording *rec = s->rec;
    struct vg_recorded row = { .json = rec->text.len };
    vg_status st = read_patient(s, &row.patient, err);

    if (st == VG_OK)
        st = vg_recording_time(r, r->record_time, &row.record_ns, err);
    if (st == VG_OK)
        st = vg_recording_head(r, row.record_ns, &rec->text, err);
    for (int c = 0; c < VG_CHANNELS && st == VG_OK; c++) {
        if (r->channel[c] != VG_NO_COLUMN)
            st = vg_recording_channel(r, c, r->channel[c], &rec->text, err);
    }
    if (st != VG_OK)
        return st;
    vg_buf_char(&rec->text, '}');
    keep_row(s, &row);
    add_limits(s, row.record_ns, row.patient);
    return VG_OK;
}

/* ---- a line for each value ---- */

static bool is_called(const char *name, const char *word)
{
    return name && strcmp(name, word) == 0;
}

static void keep_cell(struct state *s, const struct cell *cell)
{
    if (s->cells == s->cells_cap) {
        s->cells_cap = s->cells_cap ? 2 * s->cells_cap : 4096;
        s->cell = reallocarray(s->cell, s->cells_cap, sizeof(*s->cell));
        VG_CHECK(s->cell);
    }
    s->cell[s->cells++] = *cell;
}

static vg_status add_cell(struct state *s, int c, int64_t record_ns, uint32_t patient,
                          struct vg_err *err)
{
    const struct vg_recording_reader *r = &s->in;
    struct vg_buf *text = &s->rec->text;
    struct cell cell = { .record_ns = record_ns,
                         .line = r->csv.line,
                         .patient = patient,
                         .channel = c,
                         .head = text->len };
    vg_status st = vg_recording_head(r, record_ns, text, err);

    cell.body = text->len;
    cell.head_len = (uint32_t)(cell.body - cell.head);
    if (st == VG_OK)
        st = vg_recording_channel(r, c, r->value, text, err);
    cell.body_len = (uint32_t)(text->len - cell.body);
    if (st == VG_OK && cell.body_len > 0)
        keep_cell(s, &cell);
    return st;
}

static void add_limit(struct state *s, int c, int64_t record_ns, uint32_t patient)
{
    const struct vg_recording_reader *r = &s->in;
    struct vg_charted_entry entry = {
        .at_ns = record_ns, .line = r->csv.line, .patient = patient, .channel = c
    };

    for (int side = 0; side < VG_SIDES; side++) {
        entry.side = (enum vg_side)side;
        if (is_called(r->map->orders.limit[c][side], r->csv.cell[r->variable]))
            vg_charted_add(&s->rec->charted, &entry, r->csv.cell[r->value]);
    }
}

static bool is_mapped(const struct vg_recording_reader *r, const char *variable)
{
    const struct vg_order_map *orders = &r->map->orders;

    for (int c = 0; c < VG_CHANNELS; c++) {
        if (is_called(r->map->column[c], variable) ||
            is_called(orders->limit[c][VG_SIDE_LOW], variable) ||
            is_called(orders->limit[c][VG_SIDE_HIGH], variable))
            return true;
    }
    return false;
}

static vg_status add_line(struct state *s, struct vg_err *err)
{
    const struct vg_recording_reader *r = &s->in;
    const char *variable = r->csv.cell[r->variable];
    int64_t record_ns = 0;
    uint32_t patient = 0;
    vg_status st;

    if (!is_mapped(r, variable))
        return VG_OK;
    st = read_patient(s, &patient, err);
    if (st == VG_OK)
        st = vg_recording_time(r, r->record_time, &record_ns, err);
    for (int c = 0; c < VG_CHANNELS && st == VG_OK; c++) {
        add_limit(s, c, record_ns, patient);
        if (is_called(r->map->column[c], variable))
            st = add_cell(s, c, record_ns, patient, err);
    }
    return st;
}

static int by_row(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;

    if (x->record_ns != y->record_ns)
        return x->record_ns < y->record_ns ? -1 : 1;
    if (x->patient != y->patient)
        return x->patient < y->patient ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Cells of one patient and time make a row. A second value of a channel begins another one. */
static size_t join_row(struct state *s, const struct vg_buf *parts, size_t at)
{
    struct vg_recording *rec = s->rec;
    const struct cell *first = &s->cell[at];
    struct vg_recorded row = { .record_ns = first->record_ns,
                               .json = rec->text.len,
                               .patient = first->patient };
    uint32_t seen = 0;

    vg_buf_add(&rec->text, parts->data + first->head, first->head_len);
    for (; at < s->cells; at++) {
        const struct cell *c = &s->cell[at];

        if (c->record_ns != first->record_ns || c->patient != first->patient ||
            seen >> c->channel & 1)
            break;
        seen |= UINT32_C(1) << c->channel;
        vg_buf_add(&rec->text, parts->data + c->body, c->body_len);
    }
    vg_buf_char(&rec->text, '}');
    keep_row(s, &row);
    return at;
}

static void join_cells(struct state *s)
{
    struct vg_buf parts = s->rec->text;

    if (s->cells == 0)
        return;
    s->rec->text = VG_BUF_INIT;
    qsort(s->cell, s->cells, sizeof(*s->cell), by_row);
    for (size_t at = 0; at < s->cells;)
        at = join_row(s, &parts, at);
    vg_buf_done(&parts);
}

/* ---- dates that were shifted ---- */

static vg_status find_first(struct state *s, struct vg_err *err)
{
    uint32_t known = s->rec->patients_n, patient = 0;
    int64_t at_ns = 0;
    vg_status st;

    if (s->in.map->variable && !is_mapped(&s->in, s->in.csv.cell[s->in.variable]))
        return VG_OK;
    st = read_patient(s, &patient, err);
    if (st == VG_OK)
        st = vg_recording_date(&s->in, s->in.record_time, &at_ns, err);
    if (st != VG_OK)
        return st;
    if (patient == known) {
        s->found_ns = reallocarray(s->found_ns, known + 1, sizeof(*s->found_ns));
        VG_CHECK(s->found_ns);
        s->found_ns[patient] = at_ns;
    }
    if (at_ns < s->found_ns[patient])
        s->found_ns[patient] = at_ns;
    return VG_OK;
}

/* ---- the whole ---- */

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

/* Passes over all lines of the file that are wanted. */
static vg_status read_lines(struct state *s, const char *csv, const struct vg_strings *patients,
                            vg_status (*take)(struct state *s, struct vg_err *err),
                            struct vg_err *err)
{
    struct vg_csv *in = &s->in.csv;
    vg_status st = vg_csv_open(in, csv, err);
    bool row = true;

    if (st == VG_OK)
        st = find_columns(&s->in, err);
    while (st == VG_OK && row) {
        st = vg_csv_next(in, &row, err);
        if (st == VG_OK && row && wanted(patients, in->cell[s->in.patient]))
            st = take(s, err);
    }
    vg_csv_close(in);
    return st;
}

vg_status vg_recording_read(struct vg_recording *rec, const char *csv,
                            const struct vg_replay_map *map, const struct vg_strings *patients,
                            int64_t start_ns, struct vg_err *err)
{
    struct state s = { .in = { .map = map, .start_ns = start_ns, .origin_ns = VG_TIME_NONE },
                       .rec = rec };
    vg_status st = VG_OK;

    *rec = (struct vg_recording){ 0 };
    if (map->shifted)
        st = read_lines(&s, csv, patients, find_first, err);
    s.first_ns = s.found_ns;
    if (st == VG_OK)
        st = read_lines(&s, csv, patients, map->variable ? add_line : add_row, err);
    join_cells(&s);
    free(s.cell);
    free(s.found_ns);
    if (st == VG_OK)
        st = check_found(rec, patients, csv, err);
    if (st == VG_OK && rec->rows_n)
        qsort(rec->rows, rec->rows_n, sizeof(*rec->rows), by_record_time);
    if (st == VG_OK)
        vg_charted_conclude(&rec->charted, &map->orders, rec->patients_n);
    return st;
}

vg_status vg_recording_read_aloud(struct vg_recording *rec, const char *csv, const char *map_path,
                                  const struct vg_strings *patients, int64_t start_ns,
                                  struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_replay_map map;
    vg_status st = vg_replay_map_read(&map, map_path, &diagnostics, err);

    *rec = (struct vg_recording){ 0 };
    if (diagnostics.len > 0)
        fputs(diagnostics.data, stderr);
    if (st == VG_OK)
        st = vg_recording_read(rec, csv, &map, patients, start_ns, err);
    vg_buf_done(&diagnostics);
    vg_replay_map_done(&map);
    return st;
}

const char *vg_recorded_json(const struct vg_recording *rec, const struct vg_recorded *row)
{
    return rec->text.data + row->json;
}

void vg_recording_done(struct vg_recording *rec)
{
    vg_buf_done(&rec->text);
    vg_charted_done(&rec->charted);
    free(rec->rows);
    free(rec->patients);
    *rec = (struct vg_recording){ 0 };
}
