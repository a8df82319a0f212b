/* text.c - strict parsing of numbers, durations, sizes and times, and near misses.
 *
 * Every parser scans the grammar itself and leaves only the conversion to libc, because strtod()
 * and friends accept more than Vigil does (spaces, "0x1p3", "nan") and read the locale.
 */
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 128, WORD_MAX = 64 };

/* Intermediate results of scaling durations and sizes. */
__extension__ typedef __int128 wide;

struct unit {
    const char *name;
    int64_t factor;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the run of digits at `s`. */
static size_t digits(const char *s)
{
    size_t n = 0;

    while (is_digit(s[n]))
        n++;
    return n;
}

/* A decimal number as JSON writes one, in parts. */
struct decimal {
    bool negative;
    const char *whole, *fraction, *end;
    size_t whole_n, fraction_n;
    int exponent;
};

/* `s` stands behind the 'e'; returns where the exponent ends, or NULL. */
static const char *scan_exponent(const char *s, int *ret)
{
    bool negative = *s == '-';
    size_t n;

    if (*s == '-' || *s == '+')
        s++;
    n = digits(s);
    if (n < 1 || n > 6)
        return NULL;
    *ret = (int)strtol(s, NULL, 10);
    if (negative)
        *ret = -*ret;
    return s + n;
}

/* Reads the longest number at `s`; what follows it is the caller's. */
static bool scan_decimal(const char *s, struct decimal *ret)
{
    struct decimal d = { .negative = *s == '-' };

    d.whole = s + d.negative;
    d.whole_n = digits(d.whole);
    if (d.whole_n == 0 || (d.whole_n > 1 && d.whole[0] == '0'))
        return false;
    d.end = d.whole + d.whole_n;
    if (*d.end == '.') {
        d.fraction = d.end + 1;
        d.fraction_n = digits(d.fraction);
        if (d.fraction_n == 0)
            return false;
        d.end = d.fraction + d.fraction_n;
    }
    *ret = d;
    return d.whole_n + d.fraction_n < NUMBER_TEXT_MAX;
}

bool vg_parse_int(const char *s, int64_t *ret)
{
    struct decimal d;
    long long value;

    if (!scan_decimal(s, &d) || d.fraction || *d.end)
        return false;
    errno = 0;
    value = strtoll(s, NULL, 10);
    if (errno)
        return false;
    *ret = value;
    return true;
}

bool vg_parse_double(const char *s, double *ret)
{
    char text[NUMBER_TEXT_MAX + 16];
    struct decimal d;
    double value;

    if (!scan_decimal(s, &d))
        return false;
    if (*d.end == 'e' || *d.end == 'E') {
        d.end = scan_exponent(d.end + 1, &d.exponent);
        if (!d.end)
            return false;
    }
    if (*d.end)
        return false;
    /* Without a decimal point there is nothing for the locale to disagree about. */
    snprintf(text, sizeof(text), "%s%.*s%.*se%d", d.negative ? "-" : "", (int)d.whole_n, d.whole,
             (int)d.fraction_n, d.fraction ? d.fraction : "", d.exponent - (int)d.fraction_n);
    value = strtod(text, NULL);
    if (!isfinite(value))
        return false;
    *ret = value;
    return true;
}

bool vg_parse_bool(const char *s, bool *ret)
{
    if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
        return false;
    *ret = s[0] == 't';
    return true;
}

static const struct unit duration_units[] = {
    { "d", 86400 * VG_NS_PER_S },
    { "h", 3600 * VG_NS_PER_S },
    { "m", 60 * VG_NS_PER_S },
    { "s", VG_NS_PER_S },
    { "ms", VG_NS_PER_MS },
    { "us", 1000 },
    { "ns", 1 },
};

static const struct unit size_units[] = {
    { "GiB", INT64_C(1) << 30 },
    { "MiB", INT64_C(1) << 20 },
    { "KiB", INT64_C(1) << 10 },
};

static int64_t unit_factor(const struct unit *units, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(units[i].name, name) == 0)
            return units[i].factor;
    }
    return 0;
}

/* d * factor, or false when that is no whole number or does not fit. */
static bool scale(const struct decimal *d, int64_t factor, int64_t *ret)
{
    wide value = 0, divisor = 1;

    /* 18 digits times a day in nanoseconds stay below 2^127. */
    if (d->whole_n + d->fraction_n > 18)
        return false;
    for (size_t i = 0; i < d->whole_n; i++)
        value = value * 10 + (d->whole[i] - '0');
    for (size_t i = 0; i < d->fraction_n; i++) {
        value = value * 10 + (d->fraction[i] - '0');
        divisor *= 10;
    }
    value *= factor;
    if (value % divisor != 0 || value / divisor > INT64_MAX)
        return false;
    *ret = (int64_t)(value / divisor);
    if (d->negative)
        *ret = -*ret;
    return true;
}

bool vg_parse_duration(const char *s, int64_t *ret_ns)
{
    struct decimal d;
    int64_t factor, ns;

    if (strcmp(s, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    if (!scan_decimal(s, &d))
        return false;
    factor = unit_factor(duration_units, VG_ARRAY_LEN(duration_units), d.end);
    if (!factor || !scale(&d, factor, &ns))
        return false;
    *ret_ns = ns;
    return true;
}

bool vg_parse_size(const char *s, uint64_t *ret)
{
    struct decimal d;
    int64_t factor, bytes;

    if (!scan_decimal(s, &d) || d.negative)
        return false;
    factor = *d.end ? unit_factor(size_units, VG_ARRAY_LEN(size_units), d.end) : 1;
    if (!factor || !scale(&d, factor, &bytes))
        return false;
    *ret = (uint64_t)bytes;
    return true;
}

/* Days from 1970-01-01 to the first of March of year 0 of the Gregorian calendar, negated. Counting
 * from March puts the leap day at the end of a year, where it disturbs nothing. */
enum { DAYS_TO_EPOCH = 719468, DAYS_PER_ERA = 146097 };

static int64_t days_of_date(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t of_era = y % 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + DAYS_TO_EPOCH;
    int era = (int)(z / DAYS_PER_ERA);
    int of_era = (int)(z % DAYS_PER_ERA);
    int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * y + y / 4 - y / 100);
    int m = (5 * of_year + 2) / 153; /* 0 is March */

    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (*month <= 2);
}

static int month_length(int year, int month)
{
    static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return length[month - 1] + (month == 2 && leap);
}

/* What is left of a text that is not NUL-terminated. */
struct rest {
    const char *s, *end;
};

static bool take_char(struct rest *r, char c)
{
    if (r->s == r->end || *r->s != c)
        return false;
    r->s++;
    return true;
}

/* Exactly `n` digits with a value from `low` to `high`. */
static bool take_number(struct rest *r, int n, int low, int high, int *ret)
{
    int value = 0;

    if (r->end - r->s < n)
        return false;
    for (int i = 0; i < n; i++) {
        if (!is_digit(r->s[i]))
            return false;
        value = value * 10 + (r->s[i] - '0');
    }
    r->s += n;
    *ret = value;
    return value >= low && value <= high;
}

static bool take_date(struct rest *r, int64_t *ret_days)
{
    int year, month, day;

    if (!take_number(r, 4, 1970, 2261, &year) || !take_char(r, '-') ||
        !take_number(r, 2, 1, 12, &month) || !take_char(r, '-') ||
        !take_number(r, 2, 1, month_length(year, month), &day))
        return false;
    *ret_days = days_of_date(year, month, day);
    return true;
}

static bool take_clock(struct rest *r, int64_t *ret_s)
{
    int hour, minute, second;

    if (!take_number(r, 2, 0, 23, &hour) || !take_char(r, ':') ||
        !take_number(r, 2, 0, 59, &minute) || !take_char(r, ':') ||
        !take_number(r, 2, 0, 59, &second))
        return false;
    *ret_s = hour * 3600 + minute * 60 + second;
    return true;
}

/* ".5", at most nine digits; nothing is a fraction of 0. */
static bool take_fraction(struct rest *r, int64_t *ret_ns)
{
    int64_t unit = VG_NS_PER_S;
    const char *start;

    *ret_ns = 0;
    if (!take_char(r, '.'))
        return true;
    start = r->s;
    for (; r->s < r->end && is_digit(*r->s); r->s++) {
        unit /= 10;
        *ret_ns += (*r->s - '0') * unit;
    }
    return r->s > start && r->s - start <= 9;
}

static bool take_offset(struct rest *r, int64_t *ret_s)
{
    int sign = r->s < r->end && *r->s == '-' ? -1 : 1;
    int hour, minute;

    *ret_s = 0;
    if (take_char(r, 'Z') || take_char(r, 'z'))
        return true;
    if (!(take_char(r, '+') || take_char(r, '-')) || !take_number(r, 2, 0, 23, &hour) ||
        !take_char(r, ':') || !take_number(r, 2, 0, 59, &minute))
        return false;
    *ret_s = (int64_t)sign * (hour * 3600 + minute * 60);
    return true;
}

bool vg_parse_time(const char *s, size_t n, int64_t *ret_ns)
{
    struct rest r = { .s = s, .end = s + n };
    int64_t days, clock_s, fraction_ns, offset_s, seconds;

    if (!take_date(&r, &days) || !(take_char(&r, 'T') || take_char(&r, 't')) ||
        !take_clock(&r, &clock_s) || !take_fraction(&r, &fraction_ns) ||
        !take_offset(&r, &offset_s) || r.s != r.end)
        return false;
    seconds = days * 86400 + clock_s - offset_s;
    if (seconds < 0)
        return false;
    *ret_ns = seconds * VG_NS_PER_S + fraction_ns;
    return true;
}

/* Division that rounds down, also below zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void vg_format_time(int64_t ns, char out[VG_TIME_TEXT_SIZE])
{
    int64_t ms = floor_div(ns, VG_NS_PER_MS);
    int64_t days = floor_div(ms, 86400000);
    unsigned of_day = (unsigned)(ms - days * 86400000);
    int year, month, day;

    date_of_days(days, &year, &month, &day);
    /* The remainders tell the compiler that the text fits; they change nothing. */
    snprintf(out, VG_TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000,
             (unsigned)month % 100, (unsigned)day % 100, of_day / 3600000 % 24, of_day / 60000 % 60,
             of_day / 1000 % 60, of_day % 1000);
}

void vg_format_uuid(const uint8_t uuid[16], char out[VG_UUID_TEXT_SIZE])
{
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        out += snprintf(out, 3, "%02x", uuid[i]);
    }
}

void vg_format_duration(int64_t ns, char out[VG_DURATION_TEXT_SIZE])
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    const struct unit *u = duration_units;

    if (size == 0) {
        snprintf(out, VG_DURATION_TEXT_SIZE, "0s");
        return;
    }
    while (size % (uint64_t)u->factor != 0)
        u++;
    snprintf(out, VG_DURATION_TEXT_SIZE, "%s%llu%s", ns < 0 ? "-" : "",
             (unsigned long long)(size / (uint64_t)u->factor), u->name);
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* How many typing mistakes (a letter too many, too few, wrong, or swapped with its neighbour) lie
 * between two words. */
static size_t mistakes(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][WORD_MAX + 1]; /* the last three rows of the usual table, newest at i % 3 */

    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3];
        const size_t *above = row[(i + 2) % 3];

        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = min3(above[j] + 1, now[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min3(now[j], row[(i + 1) % 3][j - 2] + 1, now[j]);
        }
    }
    return row[n % 3][m];
}

const char *vg_did_you_mean(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    size_t fewest = len <= 3 ? 1 : 1 + len / 4;
    const char *best = NULL;

    if (len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        size_t distance = other <= WORD_MAX ? mistakes(word, len, candidates[i], other) : SIZE_MAX;

        if (distance >= len || distance > fewest || (best && distance == fewest))
            continue;
        best = candidates[i];
        fewest = distance;
    }
    return best;
}

void vg_ward_of_bed(const char *bed, char ward[VG_WARD_SIZE])
{
    size_t n = strspn(bed, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (n == 0 || n >= VG_WARD_SIZE || bed[n] != '/') {
        snprintf(ward, VG_WARD_SIZE, "none");
        return;
    }
    memcpy(ward, bed, n);
    ward[n] = '\0';
}

bool vg_patient_valid(const char *s, size_t n)
{
    if (n == 0 || n >= VG_PATIENT_SIZE)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] <= ' ' || s[i] > '~')
            return false;
    }
    return true;
}
