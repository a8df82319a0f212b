/* recording_line.c - a line of a recorded CSV as JSON. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/recording_private.h"
#include "core/text.h"
#include "runtime/intake.h"

/* ---- cells ---- */

vg_status vg_recording_fail_cell(const struct vg_recording_reader *r, uint32_t column,
                                 const char *expected, struct vg_err *err)
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

/* A time of the calendar, as RFC 3339 or a database writes it; UTC where it says no zone. */
static bool read_calendar(const char *text, int64_t *ret)
{
    char time[40];
    size_t n = strlen(text);

    if (n < sizeof("2026-03-01") || n + 1 >= sizeof(time))
        return false;
    memcpy(time, text, n + 1);
    if (time[10] == ' ')
        time[10] = 'T';
    if (vg_parse_time(time, n, ret))
        return true;
    time[n] = 'Z';
    return vg_parse_time(time, n + 1, ret);
}

vg_status vg_recording_date(const struct vg_recording_reader *r, uint32_t column, int64_t *ret,
                            struct vg_err *err)
{
    if (read_calendar(r->csv.cell[column], ret))
        return VG_OK;
    return vg_recording_fail_cell(r, column,
                                  "a date such as 2026-03-01T12:00:00Z, as \"shifted\" says", err);
}

vg_status vg_recording_time(const struct vg_recording_reader *r, uint32_t column, int64_t *ret,
                            struct vg_err *err)
{
    /* Recorded device clocks are a century off at times; a row may still say so. */
    static const double longest_s = 200 * 365.25 * 86400;
    const double unit_s = (double)r->map->time_unit_ns / (double)VG_NS_PER_S;
    double seconds;

    if (read_calendar(r->csv.cell[column], ret)) {
        *ret -= *ret % VG_NS_PER_MS; /* what Kafka can carry */
        if (r->origin_ns != VG_TIME_NONE)
            *ret = r->start_ns + (*ret - r->origin_ns);
    } else {
        if (!vg_parse_double(r->csv.cell[column], &seconds) || fabs(seconds *= unit_s) > longest_s)
            return vg_recording_fail_cell(r, column, "a time, such as 12.5 or 2026-03-01T12:00:00Z",
                                          err);
        *ret = r->start_ns + llround(seconds * 1e3) * VG_NS_PER_MS;
    }
    if (*ret >= 0 && *ret <= VG_RECORD_TIME_MAX_NS)
        return VG_OK;
    return vg_recording_fail_cell(
        r, column,
        "a time after 1970 and before 2200 (\"shifted: true\" in the map is for moved dates)", err);
}

/* Replaces every {COLUMN} of the map's pattern. */
static vg_status expand_bed(const struct vg_recording_reader *r, struct vg_buf *ret,
                            struct vg_err *err)
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

static vg_status add_bed(const struct vg_recording_reader *r, struct vg_buf *out,
                         struct vg_err *err)
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

static vg_status add_time(const struct vg_recording_reader *r, int64_t record_ns,
                          struct vg_buf *out, struct vg_err *err)
{
    int64_t ns = record_ns;

    vg_buf_str(out, ",\"time\":");
    if (r->device_time != VG_NO_COLUMN && r->csv.cell[r->device_time][0] == '\0') {
        vg_buf_str(out, "null");
        return VG_OK;
    }
    if (r->device_time != VG_NO_COLUMN && vg_recording_time(r, r->device_time, &ns, err) != VG_OK)
        return err->status;
    vg_buf_json_time(out, ns);
    return VG_OK;
}

vg_status vg_recording_channel(const struct vg_recording_reader *r, int channel, uint32_t column,
                               struct vg_buf *out, struct vg_err *err)
{
    const char *cell = r->csv.cell[column];

    /* An empty cell is a monitor without a value, but nobody's note. */
    if (*cell == '\0' && channel >= VG_MEASURED)
        return VG_OK;
    if (vg_channel_word(channel, cell, strlen(cell)) >= 0) {
        vg_buf_printf(out, ",\"%s\":\"%s\"", vg_channels[channel].name, cell);
        return VG_OK;
    }
    if (*cell && vg_channel_words(channel) > 0)
        return vg_recording_fail_cell(r, column,
                                      "a word of that channel; `vigil describe` has them", err);
    if (*cell && !is_json_number(cell))
        return vg_recording_fail_cell(r, column, "a number; leave the cell empty for none", err);
    vg_buf_printf(out, ",\"%s\":%s", vg_channels[channel].name, *cell ? cell : "null");
    return VG_OK;
}

vg_status vg_recording_head(const struct vg_recording_reader *r, int64_t record_ns,
                            struct vg_buf *out, struct vg_err *err)
{
    vg_status st;

    vg_buf_str(out, "{\"patient\":");
    vg_buf_json_str(out, r->csv.cell[r->patient]);
    st = add_bed(r, out, err);
    return st == VG_OK ? add_time(r, record_ns, out, err) : st;
}
