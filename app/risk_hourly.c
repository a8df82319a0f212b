/* risk_hourly.c - stays as one file each, one row per hour, cells parted by '|'. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/risk_files.h"
#include "core/text.h"

enum { COLUMNS_MAX = 256, NO_COLUMN = COLUMNS_MAX };

struct file {
    struct vg_risk_reader *reader;
    const char *path;
    FILE *stream;
    char *line; /* of getline() */
    size_t cap;
    uint64_t line_number;
    char *cell[COLUMNS_MAX];
    uint32_t cells, columns;
    uint32_t label;                         /* column */
    uint32_t column[VG_RISK_VARIABLES_MAX]; /* of each variable, or NO_COLUMN */
};

/* Cuts the next line into cells; false at the end. */
static bool next_row(struct file *f)
{
    ssize_t n = getline(&f->line, &f->cap, f->stream);
    char *rest = f->line;

    f->cells = 0;
    if (n < 0)
        return false;
    f->line_number++;
    f->line[strcspn(f->line, "\r\n")] = '\0';
    while (rest && f->cells < COLUMNS_MAX)
        f->cell[f->cells++] = strsep(&rest, "|");
    return true;
}

static uint32_t find_column(const struct file *f, const char *name)
{
    for (uint32_t c = 0; c < f->cells; c++)
        if (strcmp(f->cell[c], name) == 0)
            return c;
    return NO_COLUMN;
}

static vg_status read_header(struct file *f, struct vg_err *err)
{
    const struct vg_risk_map *map = f->reader->map;

    if (!next_row(f))
        return vg_fail(err, VG_E_DECODE, "%s: empty; expected a header line", f->path);
    f->columns = f->cells;
    f->label = find_column(f, map->label);
    if (f->label == NO_COLUMN)
        return vg_fail(err, VG_E_DECODE, "%s:1: there is no column \"%s\"", f->path, map->label);
    for (uint32_t v = 0; v < map->variables; v++) {
        f->column[v] = find_column(f, map->variable[v].column);
        if (f->column[v] == NO_COLUMN)
            return vg_fail(err, VG_E_DECODE, "%s:1: there is no column \"%s\"", f->path,
                           map->variable[v].column);
    }
    return VG_OK;
}

static vg_status read_cell(struct file *f, uint32_t v, double hours, struct vg_err *err)
{
    const struct vg_risk_variable *variable = &f->reader->map->variable[v];
    const char *text = f->cell[f->column[v]];
    double value;

    if (!*text || strcmp(text, "NaN") == 0)
        return VG_OK;
    if (!vg_parse_double(text, &value))
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": %s \"%.40s\": expected a number or NaN",
                       f->path, f->line_number, variable->column, text);
    if (variable->is_category)
        value = value == variable->category;
    vg_risk_add_sample(f->reader, v, hours, value);
    return VG_OK;
}

static vg_status read_hour(struct file *f, uint32_t hour, struct vg_err *err)
{
    const struct vg_risk_map *map = f->reader->map;
    vg_status st = VG_OK;

    if (f->cells != f->columns)
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": %u cells; the header has %u", f->path,
                       f->line_number, f->cells, f->columns);
    if (hour >= map->window_hours)
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": longer than the map's window of %u h",
                       f->path, f->line_number, map->window_hours);
    if (strcmp(f->cell[f->label], "0") != 0 && strcmp(f->cell[f->label], "1") != 0)
        return vg_fail(err, VG_E_DECODE, "%s:%" PRIu64 ": label \"%.40s\": expected 0 or 1",
                       f->path, f->line_number, f->cell[f->label]);
    for (uint32_t v = 0; v < map->variables && st == VG_OK; v++)
        st = read_cell(f, v, (double)hour, err);
    vg_risk_add_label(f->reader, f->cell[f->label][0] == '1');
    return st;
}

static vg_status read_hours(struct file *f, const char *id, struct vg_err *err)
{
    struct vg_risk_stay *stay;
    uint32_t hour = 0;
    vg_status st = read_header(f, err);

    if (st != VG_OK)
        return st;
    stay = vg_risk_add_stay(f->reader, id);
    while (st == VG_OK && next_row(f))
        if (f->cells > 1 || f->cell[0][0])
            st = read_hour(f, hour++, err);
    stay->hours = hour;
    if (st == VG_OK && !hour)
        st = vg_fail(err, VG_E_DECODE, "%s: there is no hour in it", f->path);
    return st;
}

static vg_status read_file(struct vg_risk_reader *r, const char *folder, const char *name,
                           struct vg_err *err)
{
    struct file f = { .reader = r };
    char id[VG_PATIENT_SIZE];
    size_t length = strlen(name) - strlen(".psv");
    char *path = NULL;
    vg_status st;

    if (length == 0 || length >= sizeof id)
        return vg_fail(err, VG_E_DECODE, "%s/%s: a stay's name has 1 to %zu characters", folder,
                       name, sizeof id - 1);
    memcpy(id, name, length);
    id[length] = '\0';
    VG_CHECK(asprintf(&path, "%s/%s", folder, name) >= 0);
    f.path = path;
    f.stream = fopen(path, "re");
    st =
        f.stream ? read_hours(&f, id, err) : vg_fail(err, VG_E_IO, "%s: %s", path, strerror(errno));
    if (st == VG_OK && ferror(f.stream))
        st = vg_fail(err, VG_E_IO, "%s: cannot be read", path);
    if (f.stream)
        fclose(f.stream);
    free(f.line);
    free(path);
    return st;
}

static int is_psv(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > 4 && strcmp(entry->d_name + n - 4, ".psv") == 0;
}

/* alphasort() goes by the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

vg_status vg_risk_read_hourly(struct vg_risk_reader *r, const char *folder, struct vg_err *err)
{
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, is_psv, by_name);
    vg_status st = VG_OK;

    if (n < 0)
        return vg_fail(err, VG_E_IO,
                       "%s: %s; expected a folder with a .psv file for each stay, as the map says "
                       "(layout: hourly)",
                       folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (st == VG_OK)
            st = read_file(r, folder, entry[i]->d_name, err);
        free(entry[i]);
    }
    free(entry);
    return st;
}
